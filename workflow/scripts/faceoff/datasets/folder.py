"""Read the user's own pictures and videos from a folder with one sub-folder per class.

The sub-folders are named as the emotions are (or by a label map).
"""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field

from faceoff import emotions
from faceoff.datasets._files import files_below, fingerprint
from faceoff.datasets._own_labels import OwnLabels
from faceoff.media.videos import VIDEO_SUFFIXES
from faceoff.plugins.omissions import say
from faceoff.plugins.options import DataPath
from faceoff.plugins.protocols import Sample

DATASETS = {
    "folder": {
        "class": "Folder",
        "title": "folder of pictures",
        "terms": "your own",
        "how_to_get": "put pictures into <path>/<emotion>/",
    }
}


class FolderOptions(OwnLabels):
    """Keys of a folder dataset."""

    path: DataPath = Field(description="folder with one sub-folder per class")
    labelled: bool = Field(
        True,
        description="false: everything below the folder is only to be predicted, nothing is scored",
    )


def _text(path: Path) -> str:
    """Return a path as valid UTF-8; undecodable bytes of a file name are shown escaped."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class Folder:
    """The pictures of class sub-folders, sorted by name.

    Hidden files are left out, everything else gets a row. `left_out` counts the files beside the
    class folders, which have no label.
    """

    Options = FolderOptions
    version = "1"

    def __init__(self, options: FolderOptions, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(f"{options.path}: the folder is not there (dataset key 'path')")
        self._labels: dict[Path, str | None] = {}
        self.left_out: Counter[str] = Counter()
        for folder in (
            sorted(path for path in options.path.iterdir() if not path.name.startswith("."))
            if options.labelled
            else ()
        ):
            if not folder.is_dir():
                self.left_out["file beside the class folders"] += 1
                continue
            try:
                self._labels[folder] = options.label(folder.name)
            except ValueError as error:
                raise ValueError(f"{folder}: {error}") from None
        if not options.labelled:
            self._labels = {options.path: None}
        if not self._labels:
            raise FileNotFoundError(
                f"{options.path}: no class sub-folders (expected e.g. "
                f"{options.path}/happiness/picture.jpg; without labels, set labelled: false)"
            )
        self.space = (
            emotions.order([label for label in self._labels.values() if label]) or emotions.EMOTIONS
        )

    def _files(self) -> Iterator[tuple[Path, str | None]]:
        for folder, label in self._labels.items():
            yield from ((path, label) for path in files_below(folder, hidden=False))

    def samples(self) -> Iterator[Sample]:
        """Yield every file below every class folder, sorted; report the others on stderr."""
        say("folder", self.left_out)
        for path, label in self._files():
            sample_id = self._id(path)
            yield Sample(
                sample_id=sample_id,
                path=sample_id,
                label=label,
                kind="video" if path.suffix.lower() in VIDEO_SUFFIXES else "image",
            )

    def _id(self, path: Path) -> str:
        return _text(path.relative_to(self.options.path))

    @cached_property
    def _undecodable(self) -> dict[str, Path]:
        """Return files whose name is not valid UTF-8, by the id (no path) that spells it."""
        return {
            self._id(path): path
            for path, _ in self._files()
            if self._id(path) != path.relative_to(self.options.path).as_posix()
        }

    def read(self, sample: Sample) -> bytes:
        return self.file(sample).read_bytes()

    def file(self, sample: Sample) -> Path:
        path = self.options.path / sample.path
        return self._undecodable.get(sample.sample_id, path) if "\\x" in sample.path else path

    def fingerprint(self) -> Any:
        return fingerprint(self.options.path, (path for path, _ in self._files()))
