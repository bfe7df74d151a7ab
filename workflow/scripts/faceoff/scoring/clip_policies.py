"""Compare decisions for whole clips with the pipeline's own single frames (protocol §48)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from faceoff.scoring.families import correct_family
from faceoff.scoring.frame_truth import ClipFrames
from faceoff.scoring.time_records import AtRate, Policy
from faceoff.statistics.arrays import Floats, Ints, Labels
from faceoff.statistics.intervals import cluster_interval
from faceoff.statistics.paired_tests import sign_flip

RATES = (1.0, 2.0, 5.0, 10.0, 25.0)
EPSILON = 1e-7  # of probabilities in the product, as in the fusion of that name
_EXACT_S = 1e-6


def middle(seen: Floats) -> int:
    """Return the class of the middle frame with a face, the earlier of two."""
    return int(seen[(len(seen) - 1) // 2].argmax())


def most_confident(seen: Floats) -> int:
    """Return the class of the frame that is most sure."""
    return int(seen[seen.max(axis=1).argmax()].argmax())


def mean(seen: Floats) -> int:
    """Return the class with the greatest mean probability."""
    return int(seen.mean(axis=0).argmax())


def product(seen: Floats) -> int:
    """Return the class with the greatest product of probabilities."""
    return int(np.log(np.maximum(seen, EPSILON)).sum(axis=0).argmax())


# posteriors (m, k) of the frames with a face, m ≥ 1 -> class
POLICIES: dict[str, Callable[[Floats], int]] = {
    "middle frame": middle,
    "most confident frame": most_confident,
    "mean": mean,
    "product": product,
}


@dataclass(frozen=True)
class LabelledClips:
    """The clips of a dataset that have a label of the space, readable or not."""

    frames: ClipFrames

    @cached_property
    def places(self) -> list[tuple[int, slice]]:
        """Return (number, frames) of each clip."""
        return [
            (number, part)
            for number, part in enumerate(self.frames.truth.every_clip)
            if self.frames.labels[number] >= 0 and not self.frames.still[number]
        ]

    @cached_property
    def truth(self) -> Ints:
        """Return (clips,) their labels."""
        return self.frames.labels[[number for number, _ in self.places]]

    @cached_property
    def people(self) -> Labels:
        """Return (clips,) whose they are."""
        return self.frames.truth.people[[number for number, _ in self.places]]

    def decisions(self, posteriors: Floats, decide: Callable[[Floats], int]) -> Ints:
        """Return (clips,) the decision of each clip, -1 where no frame has a face."""
        return np.array([
            decide(seen) if len(seen := self._seen(posteriors, part)) else -1
            for _, part in self.places
        ], np.int64)  # fmt: skip

    def frame_shares(self, posteriors: Floats) -> Floats:
        """Return (clips,) the share of right frames; a frame without a face is wrong."""
        return np.array([
            (self._seen(posteriors, part).argmax(axis=1) == label).sum() / (part.stop - part.start)
            for (_, part), label in zip(self.places, self.truth, strict=True)
        ])  # fmt: skip

    @staticmethod
    def _seen(posteriors: Floats, part: slice) -> Floats:
        inside = posteriors[part]
        seen: Floats = inside[~np.isnan(inside).any(axis=1)]
        return seen


def policies(
    clips: LabelledClips,
    bare: dict[str, Floats],
    smoothed: Sequence[tuple[str, str, Floats]],
    seed: int,
) -> list[Policy]:
    """Return what each policy gains over single frames, in a Holm family of all rows.

    Parameters
    ----------
    clips
        The clips.
    bare
        Pipeline -> posteriors (n, k).
    smoothed
        (rule, the pipeline that it reads, its posteriors (n, k)): a policy more of that pipeline.
    seed
        Of the sign flips.
    """
    if not clips.places:
        return []
    rows = [
        _policy(clips, name, policy, bare[name], said, decide, seed)
        for name, policy, said, decide in _asked(bare, smoothed)
    ]
    correct_family(rows)
    return rows


def _asked(
    bare: dict[str, Floats], smoothed: Sequence[tuple[str, str, Floats]]
) -> Iterator[tuple[str, str, Floats, Callable[[Floats], int]]]:
    for name, posteriors in bare.items():
        for policy, decide in POLICIES.items():
            yield name, policy, posteriors, decide
        for rule, of, said in smoothed:
            if of == name:
                yield name, f"mean of {rule}", said, mean


def _policy(
    clips: LabelledClips,
    name: str,
    policy: str,
    posteriors: Floats,
    said: Floats,
    decide: Callable[[Floats], int],
    seed: int,
) -> Policy:
    right = (clips.decisions(said, decide) == clips.truth).astype(float)
    shares = clips.frame_shares(posteriors)
    gained = right - shares
    interval = cluster_interval(gained, clips.people, bounds=(-1.0, 1.0))
    return {
        "name": name,
        "policy": policy,
        "n": len(right),
        "accuracy": float(right.mean()),
        "frames": float(shares.mean()),
        "difference": float(gained.mean()),
        "low": interval.low,
        "high": interval.high,
        "p": sign_flip(gained, clips.people, seed).p,
        "p_adjusted": None,
        "verdict": "inconclusive",
    }


def at_rates(clips: LabelledClips, bare: dict[str, Floats]) -> list[AtRate]:
    """Return the accuracy of the mean over frames at lower rates, up to the clips' own.

    Frame k is the last one with time ≤ t₀ + k / rate (protocol §5).
    """
    if not clips.places:
        return []
    times = clips.frames.truth.times
    own = min((_rate(times[part]) for _, part in clips.places if _long(part)), default=0.0)
    rows: list[AtRate] = []
    for rate in (rate for rate in RATES if rate <= own + _EXACT_S):
        kept = np.zeros(len(times), bool)
        for _, part in clips.places:
            kept[part.start + _sampled(times[part], rate)] = True
        for name, posteriors in bare.items():
            thinned = np.where(kept[:, None], posteriors, np.nan)
            right = clips.decisions(thinned, mean) == clips.truth
            rows.append({"name": name, "fps": rate, "accuracy": float(right.mean())})
    return rows


def _long(part: slice) -> bool:
    """Return whether a clip has a frame rate."""
    return bool(part.stop - part.start > 1)


def _rate(times: Floats) -> float:
    """Return the frames per second of a clip, 0 where its time stands still."""
    step = float(np.median(np.diff(times)))
    return 1 / step if step > 0 else 0.0


def _sampled(times: Floats, rate: float) -> Ints:
    """Return the places of the frames that a lower rate shows."""
    count = int(np.floor((times[-1] - times[0]) * rate + _EXACT_S)) + 1
    moments = times[0] + np.arange(count) / rate
    places: Ints = np.unique(np.searchsorted(times, moments + _EXACT_S, side="right") - 1)
    return places
