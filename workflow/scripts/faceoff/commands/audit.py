"""Look a dataset over before trusting a number on it.

It finds what is unreadable, what stands twice, and what two datasets share.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from faceoff.media.frame_rate import ALL_FRAMES
from faceoff.media.images import AnimationError, DecodeError, decode_image
from faceoff.media.kinds import kind_of_bytes, read_bytes
from faceoff.media.sound import survey_sound
from faceoff.media.videos import Survey, decode_animation, survey
from faceoff.plugins.omissions import counted
from faceoff.plugins.protocols import RGB, ClipDataset, CountedDataset, Sample

_SILENT = 1e-3  # of full scale: −60 dB, below which a sound says nothing
_CLIPPED = 1e-3  # share of the samples at full scale from which a sound is clipped


@dataclass
class Audit:
    """Hold what was found in one dataset.

    unreadable: sample id -> reason; damaged: of a clip read in part; mended: what was wrong
    with its time stamps; unheard: of a clip without sound, or a silent one; clipped: of sound that
    is cut off at full scale; pixels, looks: hash of its exact pixels (or sound) and of its coarse
    look.
    """

    name: str
    labels: Counter = field(default_factory=Counter)
    subjects: set[str] = field(default_factory=set)
    label_of: dict[str, str | None] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    mended: dict[str, str] = field(default_factory=dict)
    unheard: dict[str, str] = field(default_factory=dict)
    clipped: dict[str, str] = field(default_factory=dict)
    pixels: dict[str, bytes] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(
        default_factory=dict
    )  # files or rows that are not in the task, by reason
    missing: Sequence[str] = ()  # what the published dataset has and this copy has not

    @property
    def n(self) -> int:
        """Return the number of samples."""
        return sum(self.labels.values())

    def duplicates(self) -> list[list[str]]:
        """Return groups of samples with the very same pixels, in the dataset's order."""
        return _groups(self.pixels)

    def conflicts(self) -> list[list[str]]:
        """Return duplicates that do not agree on their label."""
        return [
            group
            for group in self.duplicates()
            if len({self.label_of[sample] for sample in group}) > 1
        ]

    def look_alikes(self) -> list[list[str]]:
        """Return groups that look the same at 9 x 8 pixels but are not pixel-identical.

        They are re-encoded, resized, or neighbours in a sequence.
        """
        return [
            group
            for group in _groups(self.looks)
            if len({self.pixels[sample] for sample in group}) > 1
        ]


def look(image: RGB) -> int:
    """Return a 64-bit difference hash (Krawetz 2013, "dHash").

    It says for each of 8 x 8 places whether brightness rises to the right.
    """
    grey = cv2.resize(
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA
    ).astype(int)
    return int.from_bytes(np.packbits(np.diff(grey, axis=1) > 0).tobytes())


def look_through(dataset: Any, sample: Sample) -> Survey:
    """Return a still, or the first picture of a clip, an animation or a sequence, and its faults.

    A clip is decoded to its end: only then it is known whether it is whole. Raises DecodeError or
    OSError with the reason.
    """
    if sample.kind == "video":
        return survey(dataset.file(sample))
    if sample.kind == "sequence":
        path = next((path for _, path in dataset.pictures(sample)), None)
        if path is None:
            raise DecodeError("no picture in the sequence")
        return Survey(decode_image(read_bytes(path)))
    data = dataset.read(sample)
    try:
        return Survey(decode_image(data))
    except DecodeError as error:
        found = kind_of_bytes(data[:512])
        if found is not None and found[0] == "video" and isinstance(dataset, ClipDataset):
            return survey(dataset.file(sample))
        if not isinstance(error, AnimationError):
            raise
    frames = decode_animation(data, ALL_FRAMES)
    first = next(frames).image
    try:
        for _ in frames:
            pass
    except DecodeError as error:
        return Survey(first, lost=str(error))
    return Survey(first)


def audit(name: str, dataset: Any, samples: Iterable[Sample]) -> Audit:
    """Read every sample once, clips to their end, and keep two short hashes of each.

    Memory is some 200 bytes per sample.
    """
    found, options = Audit(name), getattr(dataset, "options", None)
    for sample in samples:
        found.labels[sample.label or "(none)"] += 1
        found.label_of[sample.sample_id] = sample.label
        if sample.subject:
            found.subjects.add(sample.subject)
        heard = sample.kind == "audio"
        if heard or (sample.kind == "video" and getattr(options, "audio", False)):
            _listen(found, dataset, sample)
        if heard:
            continue
        try:
            seen = look_through(dataset, sample)
        except DecodeError as error:
            found.unreadable[sample.sample_id] = str(error)
        except OSError as error:
            found.unreadable[sample.sample_id] = f"cannot read: {error.strerror or error}"
        else:
            image = seen.first
            if seen.lost:
                found.damaged[sample.sample_id] = seen.lost
            if seen.mended:
                found.mended[sample.sample_id] = seen.mended
            found.pixels[sample.sample_id] = hashlib.sha256(
                repr(image.shape).encode() + image.tobytes()
            ).digest()[:16]
            if image.std() > 0:  # every flat picture looks like every other
                found.looks[sample.sample_id] = look(image)
    found.left_out = dict(getattr(dataset, "left_out", {}))
    found.missing = dataset.missing() if isinstance(dataset, CountedDataset) else ()
    return found


def _listen(found: Audit, dataset: Any, sample: Sample) -> None:
    """Note what is wrong with the sound of a clip, or of a file of sound."""
    alone, name = sample.kind == "audio", sample.sample_id
    try:
        heard = survey_sound(dataset.file(sample))
    except (DecodeError, OSError) as error:
        reason = (
            f"cannot read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
        )
        (found.unreadable if alone else found.unheard)[name] = reason
        return
    if heard.lost:
        found.damaged[name] = heard.lost
    if heard.loudest < _SILENT:
        found.unheard[name] = "silent"
    if heard.clipped > _CLIPPED:
        found.clipped[name] = f"{100 * heard.clipped:.1f} % of its samples"
    if alone:
        found.pixels[name] = heard.digest


def shared(a: Audit, b: Audit) -> list[tuple[str, str]]:
    """Return pairs (sample of a, first sample of b) of pixel-identical pictures.

    That is contamination, where one dataset trains and the other tests.
    """
    first = {digest: sample for sample, digest in reversed(b.pixels.items())}
    return [(sample, first[digest]) for sample, digest in a.pixels.items() if digest in first]


def shared_subjects(a: Audit, b: Audit) -> list[str]:
    """Return the subjects that stand in both datasets, sorted."""
    return sorted(a.subjects & b.subjects)


def _groups(keys: Mapping[str, Any]) -> list[list[str]]:
    by_key: dict[Any, list[str]] = defaultdict(list)
    for sample, key in keys.items():
        by_key[key].append(sample)
    return [group for group in by_key.values() if len(group) > 1]


def findings(audits: Sequence[Audit]) -> Iterator[str]:
    """Yield one line per thing worth knowing, with up to three examples each."""

    def some(items: Sequence[Any]) -> str:
        return "; ".join(str(item) for item in items[:3]) + (
            f"; and {len(items) - 3} more" if len(items) > 3 else ""
        )

    for a in audits:
        if not a.n:
            yield f"{a.name}: no sample, so a run has nothing to score"
        if a.missing:
            count = len(a.missing)
            yield f"{a.name}: {count} of the published files are missing: {some(a.missing)}"
        if a.left_out:
            yield f"{a.name}: not in the task: {counted(a.left_out)}"
        if a.unreadable:
            told = [f"{sample} ({reason})" for sample, reason in a.unreadable.items()]
            yield f"{a.name}: {len(told)} unreadable: {some(told)}"
        for clips, what in (
            (a.damaged, "damaged"),
            (a.mended, "with mended time stamps"),
            (a.unheard, "without sound"),
            (a.clipped, "with clipped sound"),
        ):
            if clips:
                told = [f"{sample} ({reason})" for sample, reason in clips.items()]
                yield f"{a.name}: {len(told)} {what}: {some(told)}"
        things = "pictures" if a.looks or not a.pixels else "sounds"
        for what, groups in (
            ("stand more than once", a.duplicates()),
            ("look alike", a.look_alikes()),
            ("stand more than once with different labels", a.conflicts()),
        ):
            if groups:
                told = [" = ".join(group[:4]) for group in groups]
                total = sum(map(len, groups))
                yield f"{a.name}: {total} {things} in {len(groups)} groups {what}: {some(told)}"
    for index, a in enumerate(audits):
        for b in audits[index + 1 :]:
            pairs, people = shared(a, b), shared_subjects(a, b)
            if pairs:
                told = [f"{x} = {y}" for x, y in pairs]
                yield (
                    f"{a.name} and {b.name}: {len(pairs)} pictures of {a.name} are in {b.name}:"
                    f" {some(told)}"
                )
            if people:
                yield f"{a.name} and {b.name}: {len(people)} subjects in both: {some(people)}"


def show(
    title: str, audits: Sequence[Audit], versions: Mapping[str, str], console: Console
) -> None:
    """Print a table of the datasets, then a line per thing worth knowing.

    versions: of each dataset by its name.
    """
    table = Table(title=title)
    for heading in ("dataset", "version", "samples", "subjects", "labels"):
        table.add_column(heading)
    for found in audits:
        labels = ", ".join(f"{label} {count}" for label, count in sorted(found.labels.items()))
        table.add_row(
            found.name, versions[found.name], str(found.n), str(len(found.subjects) or "–"), labels
        )
    console.print(table)
    for line in findings(audits):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
