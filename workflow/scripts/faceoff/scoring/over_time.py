"""Score pipelines over time: frames, rules against the bare pipelines, decisions for clips."""

from collections.abc import Sequence
from dataclasses import dataclass

from faceoff.scoring import clip_policies, metrics, state_scores
from faceoff.scoring.families import correct_family
from faceoff.scoring.frame_truth import ClipFrames, Said
from faceoff.scoring.time_records import Learnt, OverTime, OverTimePipeline, OverTimeTest
from faceoff.statistics.paired_scores import paired_score

NO_CLIPS = "no sample is a clip"
NO_LABELS = "no frame has a label of its own, so states are not scored"


@dataclass(frozen=True)
class Pipeline:
    """A pipeline over time.

    name: as in comparisons; of: the pipeline that a rule reads, None for a bare one; said: None
    where it failed, for a `reason`; learnt: what a rule was told.
    """

    name: str
    of: str | None
    said: Said | None
    reason: str | None = None
    learnt: Learnt | None = None


def over_time(
    dataset: str, frames: ClipFrames, pipelines: Sequence[Pipeline], seed: int
) -> OverTime:
    """Return the document of a dataset.

    Parameters
    ----------
    dataset
        Its name.
    frames
        Its n frames.
    pipelines
        What is said of them.
    seed
        Of intervals and tests.
    """
    truth = frames.truth
    labelled = bool(truth.slices)
    reason = None if labelled else NO_LABELS if frames.moving else NO_CLIPS
    sound = {pipe.name: pipe for pipe in pipelines if pipe.said is not None}
    clips = clip_policies.LabelledClips(frames)
    bare = {name: pipe.said.posteriors for name, pipe in sound.items()
            if pipe.of is None and pipe.said is not None}  # fmt: skip
    smoothed = [
        (pipe.name, pipe.of, pipe.said.posteriors)
        for pipe in sound.values()
        if pipe.of in bare and pipe.said is not None and pipe.of is not None
    ]
    rows = [_pipeline(pipe, frames, labelled, seed) for pipe in pipelines]
    return {
        "dataset": dataset,
        "reason": reason,
        "space": list(frames.space),
        "frames": int(truth.labelled.sum()),
        "clips": len(truth.slices),
        "people": len(set(truth.clusters[truth.labelled].tolist())),
        "seconds": round(60 * truth.minutes, 6),
        "switches_per_minute": truth.changes / truth.minutes if truth.minutes else None,
        "pipelines": rows,
        "tests": _tests(frames, sound, rows) if labelled else [],
        "policies": clip_policies.policies(clips, bare, smoothed, seed),
        "rates": clip_policies.at_rates(clips, bare),
    }


def _pipeline(pipe: Pipeline, frames: ClipFrames, labelled: bool, seed: int) -> OverTimePipeline:
    scores = course = None
    if pipe.said is not None and labelled:
        scores = state_scores.frame_scores(frames.truth, pipe.said.states, seed)
        intensity = pipe.said.intensity(frames.truth.neutral)
        if intensity is not None:
            course = state_scores.timing(frames.truth, intensity)
    return {
        "name": pipe.name,
        "of": pipe.of,
        "state": "error" if pipe.said is None else "ok",
        "reason": pipe.reason,
        "learnt": pipe.learnt,
        "scores": scores,
        "course": course,
    }


def _tests(
    frames: ClipFrames, sound: dict[str, Pipeline], rows: Sequence[OverTimePipeline]
) -> list[OverTimeTest]:
    """Return each rule against its bare pipeline, one Holm family."""
    truth, scores = frames.truth, {row["name"]: row["scores"] for row in rows}
    there = truth.labelled
    found: list[OverTimeTest] = []
    for pipe in sound.values():
        raw = sound.get(pipe.of or "")
        if raw is None or pipe.said is None or raw.said is None:
            continue
        a, b = scores[pipe.name], scores[raw.name]
        if a is None or b is None:
            continue
        test = paired_score(
            metrics.balanced_accuracy_of,
            truth.truth[there],
            pipe.said.states[there],
            raw.said.states[there],
            truth.k,
            truth.clusters[there],
        )
        late, lately = a["lag"]["median_s"], b["lag"]["median_s"]
        found.append({
            "a": pipe.name, "b": raw.name, "difference": test.difference, "low": test.low,
            "high": test.high, "p": test.p, "p_adjusted": None, "test": test.test,
            "verdict": "inconclusive",
            "flicker": a["switches_per_minute"] - b["switches_per_minute"],
            "median_lag_s": None if late is None or lately is None else late - lately,
        })  # fmt: skip
    correct_family(found)
    return found
