"""Read CK+ (Lucey et al. 2010): 593 posed sequences of 123 people, of which 327 have an emotion.

They go from a neutral face to the peak of an expression. Layout:
cohn-kanade-images/S005/001/S005_001_00000011.png (subject, sequence, frame) and
Emotion/S005/001/S005_001_00000011_emotion.txt, one number for the last frame. FACS/…_facs.txt
(action unit and intensity per line) and Landmarks/…_landmarks.txt (68 lines x y) are read if they
are present.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from faceoff.datasets._files import fingerprint
from faceoff.datasets._image_sequences import numbered, only_folder, timed
from faceoff.emotions import EMOTIONS
from faceoff.media.kinds import read_bytes
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Annotation, Box, Points, Sample

DATASETS = {
    "ck_plus": {
        "class": "CkPlus",
        "title": "CK+",
        "terms": "non-commercial research, under a signed agreement; pictures may not be passed on",
        "how_to_get": "agreement at http://www.consortium.ri.cmu.edu/ckagree/",
    }
}

# The place of an emotion is its code in an emotion file.
CODES = (
    "neutral",
    "anger",
    "contempt",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
)
# Labelled sequences.
PUBLISHED = {
    "anger": 45,
    "contempt": 18,
    "disgust": 59,
    "fear": 25,
    "happiness": 69,
    "sadness": 28,
    "surprise": 83,
}
SEQUENCES, SUBJECTS = 593, 123
FPS = 30.0  # nominal: the files carry no times

# Where the five points lie in the 68 (0 based): the eyes' contours, the tip of the nose, the
# corners of the mouth; left is the viewer's left.
_EYES, _NOSE, _MOUTH = (slice(36, 42), slice(42, 48)), 30, (48, 54)
_SUBJECT, _SEQUENCE = re.compile(r"S\d{3}"), re.compile(r"\d{3}")
_LABEL = re.compile(r"(S\d{3}_\d{3})_(\d+)_emotion\.txt")


class CkPlusOptions(DatasetConfig):
    """Keys of a ck_plus dataset."""

    path: DataPath = Field(
        description="folder with cohn-kanade-images and Emotion (and FACS, Landmarks)"
    )
    unit: Literal["pictures", "sequences"] = Field(
        "pictures", description="a sample is a picture, or a whole sequence from onset to peak"
    )
    peak: int = Field(
        3, ge=1, description="how many last frames of a labelled sequence show its emotion"
    )
    neutral: Literal["first", "none"] = Field(
        "first",
        description="pictures: take the first frame of a labelled sequence as neutral, or not",
    )
    fps: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="frames per second sampled from sequences (of 30); 0 takes every frame",
    )


class _Clip(NamedTuple):
    """A labelled sequence, its frames up to the labelled one."""

    name: str  # S005_001
    label: str
    frames: Mapping[int, Path]
    groups: Mapping[str, str]


def read_code(path: Path) -> int:
    """Return the emotion of a file such as '   3.0000000e+00'.

    Raises ValueError naming the file if it is not one code.
    """
    words = path.read_text(encoding="utf-8", errors="replace").split()
    try:
        (code,) = map(float, words)
    except ValueError:
        raise ValueError(
            f"{path}: one emotion code 0-7 is expected, found {' '.join(words)[:60]!r}"
        ) from None
    if code not in range(len(CODES)):
        raise ValueError(
            f"{path}: unknown emotion code {words[0]!r}; known: "
            f"{', '.join(f'{number} {name}' for number, name in enumerate(CODES))}"
        )
    return int(code)


def read_facs(path: Path) -> dict[str, str]:
    """Return groups au01, au12 … with the intensity 0-5 (0: present, not graded) of a FACS file.

    Raises ValueError naming the file and the line.
    """
    groups = {}
    for number, line in enumerate(
        path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
    ):
        try:
            unit, intensity = (
                (int(float(word)) for word in line.split()) if line.strip() else (None, None)
            )
        except ValueError:
            raise ValueError(
                f"{path}, line {number}: an action unit and its intensity are expected, found "
                f"{line.strip()[:60]!r}"
            ) from None
        if unit is not None:
            groups[f"au{unit:02d}"] = str(intensity)
    return groups


def read_landmarks(path: Path) -> tuple[Box, Points]:
    """Return (box around the 68 points, five points) in pixels, from 68 lines 'x y'.

    The box goes from brows to chin and from jaw to jaw.
    """
    try:
        points = np.array(
            path.read_text(encoding="utf-8", errors="replace").split(), float
        ).reshape(68, 2)
    except ValueError:
        raise ValueError(f"{path}: 68 lines of two numbers are expected") from None
    low, high = points.min(axis=0), points.max(axis=0)
    five = [
        *(points[eye].mean(axis=0) for eye in _EYES),
        points[_NOSE],
        *(points[corner] for corner in _MOUTH),
    ]
    box = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    return box, tuple((float(x), float(y)) for x, y in five)


class CkPlus:
    """Labelled sequences, by name. `left_out` counts what is not in the task, by reason."""

    Options = CkPlusOptions

    def __init__(self, options: CkPlusOptions, seed: int = 0):
        self.options = options
        images = only_folder(options.path, "cohn-kanade-images") if options.path.is_dir() else None
        emotion = only_folder(options.path, "Emotion") if images else None
        if images is None or emotion is None:
            absent = "cohn-kanade-images" if images is None else "Emotion"
            raise FileNotFoundError(
                f"{options.path}: no folder {absent} in it (dataset key 'path'); unpack its "
                "archive there"
            )
        self._images = images
        self._facs, self._landmarks = (
            only_folder(options.path, name) for name in ("FACS", "Landmarks")
        )
        neutral = options.unit == "pictures" and options.neutral == "first"
        self.space = EMOTIONS if neutral else EMOTIONS[1:]
        self.left_out: Counter[str] = Counter()
        self._labels = self._read_labels(emotion)
        self._clips = {clip.name: clip for clip in self._scan()}
        if not self._clips:
            raise FileNotFoundError(
                f"{images}: no labelled sequence with pictures such as "
                "S005/001/S005_001_00000011.png (dataset key 'path')"
            )
        what = (
            f"peak_{options.peak}{'-neutral' if neutral else ''}"
            if options.unit == "pictures"
            else "sequences"
        )
        self.version = (
            f"{what}{'-facs' if self._facs else ''}{'-landmarks' if self._landmarks else ''}@1"
        )

    def _read_labels(self, folder: Path) -> dict[str, tuple[Path, int, str]]:
        """Return sequence -> (emotion file, number of the labelled frame, emotion)."""
        labels: dict[str, tuple[Path, int, str]] = {}
        for path in sorted(folder.glob("S*/*/*.txt")):
            name = _LABEL.fullmatch(path.name)
            if not name:
                continue
            sequence = name.group(1)
            if sequence in labels:
                raise ValueError(
                    f"{path}: a second emotion of sequence {sequence}, beside "
                    f"{labels[sequence][0].name}"
                )
            labels[sequence] = (path, int(name.group(2)), CODES[read_code(path)])
        if not labels:
            raise FileNotFoundError(
                f"{folder}: no emotion file such as S005/001/S005_001_00000011_emotion.txt below it"
            )
        return labels

    def _scan(self) -> Iterator[_Clip]:
        seen = set()
        for folder in sorted(self._images.glob("*/*")):
            if not (
                folder.is_dir()
                and _SUBJECT.fullmatch(folder.parent.name)
                and _SEQUENCE.fullmatch(folder.name)
            ):
                continue
            name = f"{folder.parent.name}_{folder.name}"
            seen.add(name)
            if name not in self._labels:
                self.left_out["sequence without emotion"] += 1
                continue
            _, last, label = self._labels[name]
            frames = {number: path for number, path in numbered(folder).items() if number <= last}
            if last not in frames:
                self.left_out["labelled picture not there"] += 1
            elif label not in self.space:
                self.left_out[label] += 1
            else:
                yield _Clip(name, label, frames, self._coded(folder, frames[last]))
        missing = self._labels.keys() - seen
        if missing:
            self.left_out["labelled sequence not there"] = len(missing)

    def _beside(self, root: Path | None, picture: Path, ending: str) -> Path | None:
        """Return the picture's file in FACS or Landmarks, None if it is absent."""
        path = (
            root / picture.parent.relative_to(self._images) / f"{picture.stem}{ending}"
            if root
            else None
        )
        return path if path and path.is_file() else None

    def _coded(self, folder: Path, last: Path) -> dict[str, str]:
        facs = self._beside(self._facs, last, "_facs.txt")
        return {
            "sequence": f"{folder.parent.name}_{folder.name}",
            **(read_facs(facs) if facs else {}),
        }

    def _located(self, picture: Path) -> dict[str, Any]:
        """Return box and landmarks of a picture, as fields of a sample or an annotation."""
        path = self._beside(self._landmarks, picture, "_landmarks.txt")
        if path is None:
            return {}
        box, points = read_landmarks(path)
        return {"boxes": (box,), "landmarks": (points,)}

    def _moments(self, clip: _Clip) -> dict[int, str]:
        """Return frame number -> emotion of the frames that are known to show one.

        The first frame is never a peak, unless it is the only one.
        """
        numbers = list(clip.frames)
        first = (
            {numbers[0]: "neutral"} if len(numbers) > 1 and self.options.neutral == "first" else {}
        )
        return first | dict.fromkeys((numbers[1:] or numbers)[-self.options.peak :], clip.label)

    def samples(self) -> Iterator[Sample]:
        """Yield the pictures or sequences in order of their names.

        What is left out, and an incomplete copy, is reported on stderr.
        """
        if len(self._clips) != sum(PUBLISHED.values()):
            print(
                f"ck_plus: {len(self._clips)} of {sum(PUBLISHED.values())} labelled sequences are "
                f"below {self.options.path}",
                file=sys.stderr,
            )
        log_skipped("ck_plus", self.left_out)
        for clip in self._clips.values():
            subject = clip.name[:4]
            if self.options.unit == "sequences":
                folder = next(iter(clip.frames.values())).parent
                path = folder.relative_to(self.options.path).as_posix()
                yield Sample(
                    sample_id=clip.name,
                    path=path,
                    kind="sequence",
                    label=clip.label,
                    subject=subject,
                    groups=clip.groups,
                )
                continue
            for number, label in self._moments(clip).items():
                picture = clip.frames[number]
                yield Sample(
                    sample_id=picture.stem,
                    path=picture.relative_to(self.options.path).as_posix(),
                    label=label,
                    subject=subject,
                    groups={"sequence": clip.name, "phase": "neutral"}
                    if label == "neutral"
                    else {**clip.groups, "phase": "peak"},
                    **self._located(picture),
                )

    def read(self, sample: Sample) -> bytes:
        return read_bytes(self.options.path / sample.path)

    def pictures(self, sample: Sample) -> Iterator[tuple[float, Path]]:
        """Yield the frames up to the labelled one, with nominal times."""
        return timed(dict(self._clips[sample.sample_id].frames), FPS)

    def annotation(self, sample: Sample, timestamp_s: float) -> Annotation:
        """Return neutral at the first frame, the emotion at the last `peak` ones, None in between.

        Box and landmarks are added if they are present.
        """
        clip = self._clips[sample.sample_id]
        number = min(clip.frames) + round(timestamp_s * FPS)
        return Annotation(
            label=self._moments(clip).get(number), **self._located(clip.frames[number])
        )

    def fingerprint(self) -> Any:
        pictures = [path for clip in self._clips.values() for path in clip.frames.values()]
        coded = [self._beside(self._facs, path, "_facs.txt") for path in pictures]
        located = [self._beside(self._landmarks, path, "_landmarks.txt") for path in pictures]
        labels = [path for path, _, _ in self._labels.values()]
        return fingerprint(
            self.options.path, [*pictures, *labels, *(path for path in (*coded, *located) if path)]
        )
