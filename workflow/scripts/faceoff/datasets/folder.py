"""Read the user's own pictures and videos from a folder with one sub-folder per class.

The sub-folders are named as the emotions are (or by a label map).
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from faceoff import emotions
from faceoff.datasets._files import files_below, fingerprint, of_the_system
from faceoff.datasets._own_labels import OwnLabels
from faceoff.media.kinds import left_out, read_bytes, sample_kind
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, Section
from faceoff.plugins.protocols import Sample

DATASETS = {
    "folder": {
        "class": "Folder",
        "title": "folder of pictures",
        "terms": "your own",
        "how_to_get": "put pictures into <path>/<emotion>/",
    }
}


class SubjectRule(Section):
    """Read the subject from a file's path."""

    pattern: str = Field(
        description="regular expression, looked for in the path below the folder; the subject is "
        "its first group, else all that matches"
    )

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return pattern

    def of(self, path: str) -> str | None:
        """Return the subject of a path; None if the group is optional and absent.

        Raises ValueError for a path that does not match.
        """
        found = re.search(self.pattern, path)
        if found is None:
            raise ValueError(
                f"{path!r} does not match the dataset key 'subject.pattern', {self.pattern!r}; "
                "widen the pattern, or make its group optional, as in '(s[0-9]+)?', for files "
                "without a subject"
            )
        subject: str | None = found[1] if found.re.groups else found[0]
        return subject or None


class FolderOptions(OwnLabels):
    """Keys of a folder dataset."""

    path: DataPath = Field(
        description="folder with one sub-folder per class; or one picture or clip, without a label"
    )
    labelled: bool = Field(
        True,
        description="false: everything below the folder is only to be predicted, nothing is scored",
    )
    subject: SubjectRule | None = Field(
        None,
        description="how a file's path names its subject, such as {pattern: 'actor_([0-9]+)'}",
    )


def _text(path: Path) -> str:
    """Return a path as valid UTF-8; undecodable bytes of a file name are shown escaped."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class Folder:
    """The pictures and clips of class sub-folders, sorted by name.

    `left_out` counts the files beside the class folders, which have no label, hidden files, those
    of the operating system, and files that are neither pictures nor clips. Files of sound are
    samples where the options ask for sound.
    """

    Options = FolderOptions
    version = "1"

    def __init__(self, options: FolderOptions, seed: int = 0):
        self.options = options
        path = options.path
        if not path.exists():
            raise FileNotFoundError(f"{path}: the folder is not there (dataset key 'path')")
        self._single = not path.is_dir()
        if self._single and (reason := left_out(path, options.audio)):
            raise ValueError(
                f"{path}: neither a folder nor a picture nor a clip, but {reason} (dataset key "
                "'path'); a table has the dataset type 'table'"
            )
        self._root = path.parent if self._single else path
        self._labels: dict[Path, str | None] = {}
        self._beside: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        if self._single or not options.labelled:
            self._labels = {path: None}
        else:
            self._read_classes()
        self.space = (
            emotions.order([label for label in self._labels.values() if label]) or emotions.EMOTIONS
        )

    def _read_classes(self) -> None:
        path = self.options.path
        for folder in sorted(path.iterdir()):
            if reason := of_the_system(folder.name):
                self._beside[reason] += 1
                continue
            if not folder.is_dir():
                self._beside["file beside the class folders"] += 1
                continue
            try:
                self._labels[folder] = self.options.label(folder.name)
            except ValueError as error:
                raise ValueError(f"{folder}: {error}") from None
        if not self._labels:
            raise FileNotFoundError(
                f"{path}: no class sub-folders (expected e.g. "
                f"{path}/happiness/picture.jpg; without labels, set labelled: false)"
            )

    def _files(self) -> Iterator[tuple[Path, str | None]]:
        """Yield (file, label) of every sample, counting in `left_out` what is none."""
        self.left_out.clear()
        self.left_out.update(self._beside)
        for folder, label in self._labels.items():
            if self._single:
                yield folder, label
                continue
            for path in files_below(folder, hidden=False, left_out=self.left_out):
                if reason := left_out(path, self.options.audio):
                    self.left_out[reason] += 1
                else:
                    yield path, label

    def samples(self) -> Iterator[Sample]:
        """Yield every picture, clip and, if asked for, sound below every class folder, sorted.

        Reports on stderr what is left out. Raises ValueError for a path without a subject.
        """
        rule = self.options.subject
        for path, label in self._files():
            sample_id = self._id(path)
            yield Sample(
                sample_id=sample_id,
                path=sample_id,
                label=label,
                kind=sample_kind(path),
                subject=rule.of(sample_id) if rule else None,
            )
        log_skipped("folder", self.left_out)

    def check(self) -> None:
        """Raise ValueError for the first path that names no subject."""
        if rule := self.options.subject:
            for path, _ in self._files():
                rule.of(self._id(path))

    def _id(self, path: Path) -> str:
        return _text(path.relative_to(self._root))

    @cached_property
    def _undecodable(self) -> dict[str, Path]:
        """Return files whose name is not valid UTF-8, by the id that spells it (no path)."""
        return {
            self._id(path): path
            for path, _ in self._files()
            if self._id(path) != path.relative_to(self._root).as_posix()
        }

    def read(self, sample: Sample) -> bytes:
        return read_bytes(self.file(sample))

    def file(self, sample: Sample) -> Path:
        path = self._root / sample.path
        return self._undecodable.get(sample.sample_id, path) if "\\x" in sample.path else path

    def fingerprint(self) -> Any:
        return fingerprint(self._root, (path for path, _ in self._files()))
