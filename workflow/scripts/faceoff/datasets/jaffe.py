"""Read JAFFE (Lyons et al. 1998): ten Japanese women pose seven expressions.

It has 213 grey pictures of 256 × 256 px. Layout: one folder of KA.AN1.39.tiff: subject, expression
and its count, running number.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from faceoff import emotions
from faceoff.datasets._files import files_below, fingerprint
from faceoff.media.kinds import read_bytes
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample

DATASETS = {
    "jaffe": {
        "class": "Jaffe",
        "title": "JAFFE",
        "terms": "non-commercial scientific research, on request; pictures may not be passed on",
        "how_to_get": "request access at https://zenodo.org/records/3451524",
    }
}

SUBJECTS = ("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")
LABELS = {
    "NE": "neutral",
    "HA": "happiness",
    "SA": "sadness",
    "SU": "surprise",
    "FE": "fear",
    "DI": "disgust",
    "AN": "anger",
}
PICTURES = 213

_NAME = re.compile(r"([A-Z]{2})\.([A-Z]{2})(\d+)\.(\d+)")


class JaffeOptions(DatasetConfig):
    """Keys of a jaffe dataset."""

    path: DataPath = Field(description="folder of the .tiff files")


class Jaffe:
    """All pictures, by name."""

    Options = JaffeOptions
    space = emotions.order(list(LABELS.values()))
    version = "posed@1"

    def __init__(self, options: JaffeOptions, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of JAFFE is not there (dataset key 'path')"
            )
        self._pictures: dict[str, Path] = {}
        for path in sorted(files_below(options.path)):
            name = _NAME.fullmatch(path.stem)
            if not name or path.suffix.lower() not in {".tiff", ".tif"}:
                continue
            subject, expression = name.group(1, 2)
            if subject not in SUBJECTS or expression not in LABELS:
                field, code, known = (
                    ("expression", expression, LABELS)
                    if subject in SUBJECTS
                    else ("subject", subject, SUBJECTS)
                )
                raise ValueError(
                    f"{path}: unknown {field} code {code!r}; known: {', '.join(known)}"
                )
            self._pictures.setdefault(path.stem, path)  # the same name again is the same picture
        if not self._pictures:
            raise FileNotFoundError(
                f"{options.path}: no picture such as KA.AN1.39.tiff below it (dataset key 'path')"
            )

    def samples(self) -> Iterator[Sample]:
        """Yield the pictures that are present; report an incomplete copy on stderr."""
        if len(self._pictures) != PICTURES:
            print(
                f"jaffe: {len(self._pictures)} of {PICTURES} pictures are below "
                f"{self.options.path}",
                file=sys.stderr,
            )
        for stem, path in sorted(self._pictures.items()):
            subject, expression = stem.split(".")[:2]
            yield Sample(
                sample_id=stem,
                path=path.relative_to(self.options.path).as_posix(),
                label=LABELS[expression[:2]],
                subject=subject,
                groups={"subject": subject},
            )

    def read(self, sample: Sample) -> bytes:
        return read_bytes(self.options.path / sample.path)

    def fingerprint(self) -> Any:
        return fingerprint(self.options.path, (path for _, path in sorted(self._pictures.items())))
