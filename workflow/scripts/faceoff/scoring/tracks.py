"""Score tracks and identities against the truth (protocol §51)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from faceoff.statistics.arrays import Floats, Ints, Labels

MATCHED = 0.5  # IoU from which a face is on a true one
_ALPHAS = np.linspace(0.05, 0.95, 19)
_ROUNDING = 1e-12  # so that an overlap of exactly the threshold counts
_CONTINUED = 1000.0  # a pair that goes on comes before any overlap


@dataclass(frozen=True)
class TrackedFrame:
    """The faces of one frame.

    truth: (n,) numbers of the true people, predicted: (m,) numbers of the tracks, both 0, 1, 2 …
    over the clip; overlap: (n, m) intersection over union of their boxes.
    """

    truth: Ints
    predicted: Ints
    overlap: Floats


@dataclass(frozen=True)
class TrackScores:
    """Scores of the tracks of a clip, or of several.

    mota: 1 − (misses + false alarms + switches) / true faces; idf1: 2 IDTP / (true + predicted);
    hota: mean over the thresholds 0.05 … 0.95 of the square root of deta x assa; misses, false
    alarms, switches: counts at IoU 0.5; all are NaN without a true face.
    """

    mota: float
    idf1: float
    hota: float
    deta: float
    assa: float
    misses: int
    false_alarms: int
    switches: int


# What scores of tracks are made of: sums over frames, which add up over clips. After these come
# the pairs found at each threshold, and of these the sum of their shares of both sights.
TRUE, PREDICTED, MISSES, FALSE_ALARMS, SWITCHES, IDENTITY_MATCHES = range(6)
COUNTS = 6 + 2 * len(_ALPHAS)


def track_scores(frames: Sequence[TrackedFrame]) -> TrackScores:
    """Return the scores of a clip.

    The definitions are TrackEval's (Luiten et al. 2021, HOTA, IJCV 129; Ristani et al. 2016, IDF1;
    Bernardin and Stiefelhagen 2008, MOTA).

    Parameters
    ----------
    frames
        In order of time. Clips are put behind one another by giving each numbers of its own.
    """
    counts = track_counts(frames)
    return TrackScores(
        mota=float(mota(counts)),
        idf1=float(idf1(counts)),
        hota=float(hota(counts)),
        deta=float(deta(counts)),
        assa=float(assa(counts)),
        misses=int(counts[MISSES]),
        false_alarms=int(counts[FALSE_ALARMS]),
        switches=int(counts[SWITCHES]),
    )


def track_counts(frames: Sequence[TrackedFrame]) -> Floats:
    """Return the counts (COUNTS,) of a clip; frames as of `track_scores`.

    Those of several clips may be added: no track and no person is in two of them.
    """
    true, predicted = _counts(frames)
    events = _clear(frames, len(true))
    found, kept = np.zeros(len(_ALPHAS)), np.zeros(len(_ALPHAS))
    matches = 0
    if true.sum():
        matches = _identity_matches(frames, true, predicted)
        found, kept = _hota(frames, true, predicted)
    return np.array([true.sum(), predicted.sum(), *events, matches, *found, *kept], float)


def mota(counts: Floats) -> Floats:
    """Return the multiple object tracking accuracy (…) of counts (…, 6 or COUNTS)."""
    lost = counts[..., [MISSES, FALSE_ALARMS, SWITCHES]].sum(axis=-1)
    return 1 - _share(lost, counts[..., TRUE])


def idf1(counts: Floats) -> Floats:
    """Return the identity F1 (…) of counts (…, 6 or COUNTS)."""
    value = _share(2 * counts[..., IDENTITY_MATCHES], counts[..., TRUE] + counts[..., PREDICTED])
    return np.where(counts[..., TRUE] > 0, value, np.nan)


def hota(counts: Floats) -> Floats:
    """Return the higher order tracking accuracy (…) of counts (…, COUNTS)."""
    value: Floats = np.sqrt(_detection(counts) * _association(counts)).mean(axis=-1)
    return value


def deta(counts: Floats) -> Floats:
    """Return the detection accuracy (…) of counts (…, COUNTS)."""
    value: Floats = _detection(counts).mean(axis=-1)
    return value


def assa(counts: Floats) -> Floats:
    """Return the association accuracy (…) of counts (…, COUNTS)."""
    value: Floats = _association(counts).mean(axis=-1)
    return value


def _detection(counts: Floats) -> Floats:
    """Return the detection accuracy at each threshold (…, 19), NaN without a true face."""
    found, true = counts[..., 6 : 6 + len(_ALPHAS)], counts[..., [TRUE]]
    value = found / np.maximum(1, true + counts[..., [PREDICTED]] - found)
    return np.where(true > 0, value, np.nan)


def _association(counts: Floats) -> Floats:
    """Return the association accuracy at each threshold (…, 19), NaN without a true face."""
    found, kept = counts[..., 6 : 6 + len(_ALPHAS)], counts[..., 6 + len(_ALPHAS) :]
    return np.where(counts[..., [TRUE]] > 0, kept / np.maximum(1, found), np.nan)


def _share(part: Floats, whole: Floats) -> Floats:
    """Return part of whole, NaN where the whole is 0."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)


def _counts(frames: Sequence[TrackedFrame]) -> tuple[Ints, Ints]:
    """Return how often each person and each track is seen."""
    empty = np.empty(0, np.int64)
    return (
        np.bincount(np.concatenate([empty, *(frame.truth for frame in frames)])),
        np.bincount(np.concatenate([empty, *(frame.predicted for frame in frames)])),
    )


def _clear(frames: Sequence[TrackedFrame], people: int) -> tuple[int, int, int]:
    """Return misses, false alarms and switches. A pair of the frame before goes on if it can."""
    misses = false_alarms = switches = 0
    ever, before = np.full(people, -1), np.full(people, -1)
    for frame in frames:
        if not len(frame.truth) or not len(frame.predicted):
            misses += len(frame.truth)
            false_alarms += len(frame.predicted)
            continue
        goes_on = before[frame.truth][:, None] == frame.predicted[None]
        near = frame.overlap >= MATCHED - _ROUNDING
        score = np.where(near, _CONTINUED * goes_on + frame.overlap, 0.0)
        rows, places = linear_sum_assignment(-score)
        rows, places = rows[score[rows, places] > 0], places[score[rows, places] > 0]
        who, track = frame.truth[rows], frame.predicted[places]
        switches += int(((ever[who] >= 0) & (ever[who] != track)).sum())
        ever[who] = track
        before[:] = -1
        before[who] = track
        misses += len(frame.truth) - len(rows)
        false_alarms += len(frame.predicted) - len(rows)
    return misses, false_alarms, switches


def _identity_matches(frames: Sequence[TrackedFrame], true: Ints, predicted: Ints) -> int:
    """Return the most faces that tracks get right when each stands for one person (IDTP)."""
    pairs = np.zeros((len(true), len(predicted)), np.int64)
    for frame in frames:
        rows, places = np.nonzero(frame.overlap >= MATCHED - _ROUNDING)
        np.add.at(pairs, (frame.truth[rows], frame.predicted[places]), 1)
    return int(pairs[linear_sum_assignment(-pairs)].sum())


def _hota(frames: Sequence[TrackedFrame], true: Ints, predicted: Ints) -> tuple[Floats, Floats]:
    """Return the number of pairs found, and the sum of their association, at each threshold."""
    alignment = np.zeros((len(true), len(predicted)))
    for frame in frames:
        sums = frame.overlap.sum(axis=1)[:, None] + frame.overlap.sum(axis=0)[None]
        union = sums - frame.overlap
        share = np.divide(frame.overlap, union, out=np.zeros_like(union), where=union > 0)
        alignment[np.ix_(frame.truth, frame.predicted)] += share
    seen = true[:, None] + predicted[None]
    alignment /= np.maximum(seen - alignment, np.finfo(float).eps)
    matches = np.zeros((len(_ALPHAS), len(true), len(predicted)))
    for frame in frames:
        score = alignment[np.ix_(frame.truth, frame.predicted)] * frame.overlap
        rows, places = linear_sum_assignment(-score)
        near = frame.overlap[rows, places] >= _ALPHAS[:, None] - _ROUNDING
        matches[:, frame.truth[rows], frame.predicted[places]] += near
    kept = matches * matches / np.maximum(1, seen - matches)
    return matches.sum(axis=(1, 2)), kept.sum(axis=(1, 2))


def on_people(frame: TrackedFrame) -> Ints:
    """Return the person on whom each face of a frame lies (m,), -1 for nobody.

    At IoU 0.5, one to one, by the largest sum of overlaps.
    """
    near = np.where(frame.overlap >= MATCHED - _ROUNDING, frame.overlap, 0.0)
    people = np.full(len(frame.predicted), -1)
    for row, column in zip(*linear_sum_assignment(-near), strict=True):
        if near[row, column] > 0:
            people[column] = frame.truth[row]
    return people


def reentry(frames: Sequence[TrackedFrame], least: int = 1) -> tuple[int, int]:
    """Return (recognised, returns): how often a person who came back has the number of before.

    The number is that of the first face that lies on the person after the return, best of all and
    at IoU 0.5: a face may be found a moment late. A return that no face is on until the person
    leaves again, or before which none was, is not recognised.

    Parameters
    ----------
    frames
        In order of time; `predicted` are identities.
    least
        Frames out of sight from which a person has left.
    """
    last: dict[int, int] = {}  # person -> place of the last sight
    known: dict[int, int] = {}  # person -> identity of the last face on that person
    waiting: set[int] = set()  # people who came back and on whom no face has lain since
    recognised = returns = 0
    for place, frame in enumerate(frames):
        for row, person in enumerate(frame.truth.tolist()):
            if place - last.get(person, place) - 1 >= least:
                returns += 1
                waiting.add(person)
            last[person] = place
            if len(frame.predicted) and frame.overlap[row].max() >= MATCHED - _ROUNDING:
                identity = int(frame.predicted[frame.overlap[row].argmax()])
                recognised += person in waiting and known.get(person) == identity
                waiting.discard(person)
                known[person] = identity
    return recognised, returns


def changes(people: Sequence[int | None]) -> int:
    """Return how often the chosen face is another person's than the one before.

    Frames without a person (None) are no change.
    """
    seen = [person for person in people if person is not None]
    return sum(one != other for one, other in pairwise(seen))


def changes_per_minute(people: Sequence[int | None], times_s: Floats) -> float:
    """Return how often the chosen face is another person's than the one before, per minute.

    Frames without a person (None) count as time. NaN below two frames or without time between them.
    """
    spent = float(times_s[-1] - times_s[0]) if len(times_s) > 1 else 0.0
    return 60 * changes(people) / spent if spent > 0 else float("nan")


@dataclass(frozen=True)
class ClusterScores:
    """Hold the scores of a clustering of faces.

    precision, recall, f1: B³ (Bagga and Baldwin 1998); ari: adjusted Rand index (Hubert and Arabie
    1985); v_measure: Rosenberg and Hirschberg 2007; surplus: found minus true clusters.
    """

    precision: float
    recall: float
    f1: float
    ari: float
    v_measure: float
    surplus: int


def cluster_scores(truth: Labels, found: Labels) -> ClusterScores:
    """Return the scores of a clustering.

    Parameters
    ----------
    truth, found
        (n,) the person and the cluster of each face, any labels.

    Raises
    ------
    ValueError
        If there is no face.
    """
    if not len(truth):
        raise ValueError("no face: there is nothing to score")
    people, person = np.unique(truth, return_inverse=True)
    clusters, cluster = np.unique(found, return_inverse=True)
    table = np.zeros((len(people), len(clusters)))
    np.add.at(table, (person, cluster), 1)
    n, rows, columns = table.sum(), table.sum(axis=1), table.sum(axis=0)
    precision = float((table**2 / columns).sum() / n)
    recall = float((table**2 / rows[:, None]).sum() / n)
    pairs, of_rows, of_columns = (
        float((counts * (counts - 1) / 2).sum()) for counts in (table, rows, columns)
    )
    expected, most = of_rows * of_columns / max(n * (n - 1) / 2, 1), (of_rows + of_columns) / 2
    ari = 1.0 if most == expected else (pairs - expected) / (most - expected)
    return ClusterScores(
        precision,
        recall,
        2 * precision * recall / (precision + recall),
        float(ari),
        _v_measure(table),
        len(clusters) - len(people),
    )


def _v_measure(table: Floats) -> float:
    """Return the harmonic mean of homogeneity and completeness of a table of counts."""
    rows, columns, cells = (
        _entropy(counts) for counts in (table.sum(axis=1), table.sum(axis=0), table.ravel())
    )
    shared = rows + columns - cells
    homogeneity = shared / rows if rows > 0 else 1.0
    completeness = shared / columns if columns > 0 else 1.0
    total = homogeneity + completeness
    return float(2 * homogeneity * completeness / total) if total > 0 else 0.0


def _entropy(counts: Floats) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
