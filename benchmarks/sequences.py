"""Score the frames of a finished run's clips beside the clips themselves.

    python benchmarks/sequences.py results/RUN [--dataset clips] [--markdown]

Print for each pair: clips right by the mean of their frames' posteriors (protocol §5) and by the
majority of their frames' answers (§45), then accuracy and UAR of the frames whose truth shows a
face (§46; no answer is wrong), then the pooled CCC of valence. The intervals of clips and frames
resample subjects.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from printing import show

from faceoff.layout import Layout
from faceoff.scoring import affect, metrics
from faceoff.scoring.task import owners, share_interval
from faceoff.statistics.arrays import Floats, Ints, Labels
from faceoff.statistics.intervals import Interval
from faceoff.storage import parquet
from faceoff.storage.columns import classes_of


@dataclass(frozen=True)
class Truth:
    """Hold what the dataset says. clip: (n,) number of the clip of each frame."""

    classes: tuple[str, ...]
    ids: Sequence[str]
    clip: Ints
    of_clips: Ints  # index into the classes, -1 for none
    of_frames: Ints
    people: Labels  # of the clips


def truth(layout: Layout, dataset: str) -> Truth:
    """Return the labels of clips and of their frames."""
    samples = list(parquet.rows(layout.samples(dataset), ["sample_id", "label", "subject"]))
    classes = tuple(parquet.task_of(Path(layout.samples(dataset)))["space"])
    ids = [row["sample_id"] for row in samples]
    place = {name: number for number, name in enumerate(ids)}
    frames = list(parquet.rows(layout.frames(dataset), ["sample_id", "label"]))
    return Truth(
        classes,
        ids,
        np.array([place[row["sample_id"]] for row in frames]),
        _index(classes, [row["label"] for row in samples]),
        _index(classes, [row["label"] for row in frames]),
        owners(ids, [row["subject"] for row in samples]),
    )


def _index(classes: Sequence[str], labels: Sequence[str | None]) -> Ints:
    known: Mapping[str | None, int] = {name: number for number, name in enumerate(classes)}
    return np.array([known.get(label, -1) for label in labels])


def posteriors(predictions: Path, classes: Sequence[str]) -> Floats:
    """Return (n, k) of each frame, NaN without an answer."""
    own = classes_of(parquet.read_schema(predictions))
    table = parquet.read(predictions, columns=[f"p_{name}" for name in own])
    found = np.column_stack([table[f"p_{name}"].to_numpy() for name in own])
    return metrics.restrict(found, own, classes)[0]


def of_clips(values: Floats, clip: Ints, clips: int) -> Floats:
    """Return the mean (clips, k) over the frames that have a value, NaN without any."""
    there = np.isfinite(values).all(axis=1)
    total = np.zeros((clips, values.shape[1]))
    np.add.at(total, clip[there], values[there])
    count = np.bincount(clip[there], minlength=clips)[:, None]
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def majority(values: Floats, clip: Ints, clips: int) -> Floats:
    """Return (clips, k): the share of frames that answer a class; ties go to the higher mean."""
    answer = metrics.argmax(values)
    votes = np.where((answer >= 0)[:, None], np.eye(values.shape[1])[answer], np.nan)
    # Shares of a clip differ by more than this if at all.
    return of_clips(votes, clip, clips) + 1e-9 * of_clips(values, clip, clips)


def row(name: str, predictions: Path, frames: Path, told: Truth) -> list[str]:
    """Return the scores of a pair as text."""
    p, clips = posteriors(predictions, told.classes), len(told.ids)
    labelled, shown = told.of_clips >= 0, told.of_frames >= 0
    k, people = len(told.classes), told.people
    found = []
    for rule in (of_clips, majority):
        right = metrics.argmax(rule(p, told.clip, clips))[labelled] == told.of_clips[labelled]
        found.append(_share(right, share_interval(right, people[labelled])))
    answer = metrics.argmax(p)[shown]
    right = answer == told.of_frames[shown]
    found.append(_share(right, share_interval(right, people[told.clip][shown]), counts=False))
    found.append(f"{100 * metrics.balanced_accuracy(told.of_frames[shown], answer, k):.1f}")
    places = {sample: number for number, sample in enumerate(told.ids)}
    moments = affect.moments(frames, predictions, places).get("valence")
    found.append(f"{metrics.ccc(moments.truth, moments.held):.2f}" if moments else "–")
    return [name, *found]


def _share(right: np.ndarray, interval: Interval, counts: bool = True) -> str:
    share = f"{right.sum()}/{len(right)} = " if counts else ""
    low, high = (100 * end for end in (interval.low, interval.high))
    return f"{share}{100 * right.mean():.1f} [{low:.0f}, {high:.0f}]"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--dataset", default="clips")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    layout, dataset = Layout(str(arguments.run)), arguments.dataset
    told = truth(layout, dataset)
    rows = [
        row(f"{path.parent.name} × {path.stem}", path, Path(layout.frames(dataset)), told)
        for path in layout.existing(layout.predictions(dataset, "*", "*"))
    ]
    header = ("pair", "clips, mean %", "clips, majority %", "frames %", "frames, UAR %", "valence")
    title = f"{dataset}: {(told.of_clips >= 0).sum()} clips, {(told.of_frames >= 0).sum()} frames"
    show(header, rows, title, arguments.markdown)


if __name__ == "__main__":
    main()
