"""Read SMIC (Li et al. 2013): spontaneous micro-expressions.

They are labelled negative, positive or surprise from what people said they felt. Layout:
SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01/reg_image….bmp: camera, subject, class, clip.
Cameras: HS (high speed, 100 frames per second), VIS (visible light) and NIR (near infrared), both
25.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from faceoff.datasets._files import fingerprint
from faceoff.datasets._image_sequences import numbered, only_folder, timed
from faceoff.emotions import order
from faceoff.media.kinds import read_bytes
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample
from faceoff.spelling import suggestion

DATASETS = {
    "smic": {
        "class": "Smic",
        "title": "SMIC",
        "terms": "research only, under a licence signed by a group leader; may not be passed on",
        "how_to_get": "licence agreement at https://www.oulu.fi/cmvs/node/41319",
    }
}

CLASSES = ("negative", "positive", "surprise")
FPS = {"HS": 100.0, "VIS": 25.0, "NIR": 25.0}
PUBLISHED = {"HS": 164, "VIS": 71, "NIR": 71}  # clips

_SUBJECT = re.compile(r"s0*(\d+)", re.IGNORECASE)


class SmicOptions(DatasetConfig):
    """Keys of a smic dataset."""

    path: DataPath = Field(
        description="folder with HS, VIS, NIR, such as SMIC_all_cropped, or the folder above it"
    )
    camera: Literal["HS", "VIS", "NIR"] = Field(
        "HS", description="high speed (100 fps), visible light or near infrared (25 fps)"
    )
    unit: Literal["sequence", "middle"] = Field(
        "sequence",
        description="a sample is the whole clip, or its middle picture, as no apex is coded",
    )
    classes: Literal["three", "basic"] = Field(
        "three",
        description="negative, positive, surprise; or happiness (positive) and surprise, without "
        "negative",
    )
    fps: float = Field(
        0.0, ge=0, le=1000, description="frames per second sampled from clips; 0 takes every frame"
    )


class _Clip(NamedTuple):
    """A micro-expression: subject (s01), clip folder, label."""

    subject: str
    folder: Path
    label: str


class Smic:
    """The clips of one camera, by subject and name.

    `left_out` counts by reason what is not in the task.
    """

    Options = SmicOptions

    def __init__(self, options: SmicOptions, seed: int = 0):
        self.options = options
        root = only_folder(options.path, options.camera) if options.path.is_dir() else None
        if root is None:
            raise FileNotFoundError(
                f"{options.path}: no folder {options.camera} in it (dataset keys 'path', 'camera')"
            )
        self._root = root
        self._label = (
            {name: name for name in CLASSES}
            if options.classes == "three"
            else {"positive": "happiness", "surprise": "surprise"}
        )
        self.space = order(list(self._label.values()))
        self.left_out: Counter[str] = Counter()
        self._clips = {clip.folder.name: clip for clip in self._scan()}
        if not self._clips:
            raise FileNotFoundError(
                f"{root}: no clip of the task such as s1/micro/negative/s1_ne_01/ with pictures "
                "below it (dataset key 'path')"
            )
        self.version = f"{options.camera.lower()}-{options.unit}-{options.classes}@1"

    def _scan(self) -> Iterator[_Clip]:
        names: dict[str, Path] = {}
        subjects = [
            (int(found.group(1)), path)
            for path in self._root.iterdir()
            if path.is_dir() and (found := _SUBJECT.fullmatch(path.name))
        ]
        for number, subject in sorted(subjects):
            self.left_out["clip without micro-expression"] += sum(
                path.is_dir() for path in subject.glob("non_micro/*")
            )
            for folder in sorted(path for path in subject.glob("micro/*/*") if path.is_dir()):
                written = folder.parent.name.casefold()
                if written not in CLASSES:
                    raise ValueError(
                        f"{folder.parent}: unknown class{suggestion(written, CLASSES)}"
                    )
                if folder.name in names:
                    raise ValueError(
                        f"{folder}: a second clip of this name, beside "
                        f"{names[folder.name].relative_to(self._root).as_posix()}"
                    )
                names[folder.name] = folder
                if not numbered(folder):
                    self.left_out["clip without pictures"] += 1
                elif written not in self._label:
                    self.left_out[written] += 1
                else:
                    yield _Clip(f"s{number:02d}", folder, self._label[written])
        self.left_out = +self.left_out  # without zeros

    def samples(self) -> Iterator[Sample]:
        """Yield the clips, or their middle pictures.

        What is left out, and an incomplete copy, is reported on stderr.
        """
        published = PUBLISHED[self.options.camera]
        if self.options.classes == "three" and len(self._clips) != published:
            print(
                f"smic: {len(self._clips)} of {published} clips of {self.options.camera} are "
                f"below {self.options.path}",
                file=sys.stderr,
            )
        log_skipped("smic", self.left_out)
        for name, clip in self._clips.items():
            pictures = list(numbered(clip.folder).values())
            middle = self.options.unit == "middle"
            yield Sample(
                sample_id=name,
                path=(pictures[len(pictures) // 2] if middle else clip.folder)
                .relative_to(self.options.path)
                .as_posix(),
                kind="image" if middle else "sequence",
                label=clip.label,
                subject=clip.subject,
                groups={"subject": clip.subject, "camera": self.options.camera},
            )

    def read(self, sample: Sample) -> bytes:
        return read_bytes(self.options.path / sample.path)

    def pictures(self, sample: Sample) -> Iterator[tuple[float, Path]]:
        """Yield the clip's pictures; seconds count from the first."""
        return timed(numbered(self._clips[sample.sample_id].folder), FPS[self.options.camera])

    def fingerprint(self) -> Any:
        return fingerprint(
            self.options.path,
            (path for clip in self._clips.values() for path in numbered(clip.folder).values()),
        )
