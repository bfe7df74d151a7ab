"""Describe the JSON documents `over_time/<dataset>.json`: their keys and types.

Conventions are those of `records.py`; times are in seconds.
"""

from typing import Literal, TypedDict

from faceoff.scoring.records import Limits, Number
from faceoff.statistics.verdict import Verdict


class LagScores(TypedDict):
    """How late a pipeline follows the truth's changes (`state_scores.lag`).

    hits_s: the lag of every change that was followed; mean_s: with misses.
    """

    changes: int
    hit_rate: Number
    median_s: Number
    mean_s: Number
    hits_s: list[float]


class Timing(TypedDict):
    """Absolute errors of a moment, over clips. within: limit -> share of clips; unread: outside."""

    clips: int
    read: int
    median_s: Number
    within: dict[str, Number]


class FrameScores(TypedDict):
    """The scores of a pipeline's states over frames (protocol §46).

    uar: mean recall; …_collar: without frames within 0.1 s of a change of the truth; without_state:
    share of scored frames, which are wrong; false_alarms: share of faceless frames with a state;
    flicker: switches per minute minus the truth's; segmental_f1: least overlap -> F1.
    """

    n: int
    accuracy: float
    accuracy_interval: Limits
    uar: float
    uar_interval: Limits
    uar_collar: Number
    accuracy_collar: Number
    without_state: float
    false_alarms: Number
    faceless: int
    switches_per_minute: float
    flicker: float
    lag: LagScores
    segmental_f1: dict[str, Number]
    talking_accuracy: Number
    silent_accuracy: Number


class Tried(TypedDict):
    """One setting of a rule's constants on the validation clips.

    steady: whether it switches at most 1.5 times as often as the truth.
    """

    constants: dict[str, float]
    uar: float
    switches_per_minute: float
    median_lag_s: Number
    steady: bool


class Learnt(TypedDict):
    """What a pipeline over time was told. chosen_on: in words; tried: empty where all was given."""

    rule: str
    causal: bool
    constants: dict[str, float]
    chosen_on: str
    tried: list[Tried]


class OverTimePipeline(TypedDict):
    """A pipeline over time. name: as in comparisons; of: the pipeline that a rule reads, or None.

    Only state ok has scores. course: moment -> errors, None where no neutral is read.
    """

    name: str
    of: str | None
    state: Literal["ok", "error"]
    reason: str | None
    learnt: Learnt | None
    scores: FrameScores | None
    course: dict[str, Timing] | None


class OverTimeTest(TypedDict):
    """A rule against the bare pipeline that it reads: differences of frame UAR, A minus B.

    flicker, median_lag_s: differences too, without a test.
    """

    a: str
    b: str
    difference: float
    low: Number
    high: Number
    p: Number
    p_adjusted: Number
    test: str
    verdict: Verdict
    flicker: float
    median_lag_s: Number


class Policy(TypedDict):
    """One decision for a whole clip against the pipeline's own single frames (protocol §48).

    accuracy: of clips; frames: mean over clips of the share of right frames; difference: its gain.
    """

    name: str
    policy: str
    n: int
    accuracy: float
    frames: float
    difference: float
    low: Number
    high: Number
    p: Number
    p_adjusted: Number
    verdict: Verdict


class AtRate(TypedDict):
    """The accuracy of clips by the mean over frames at a lower frame rate."""

    name: str
    fps: float
    accuracy: float


class OverTime(TypedDict):
    """An over_time file. frames, clips: those with labels; reason: why nothing is scored.

    switches_per_minute: of the truth; seconds: of the scored clips.
    """

    dataset: str
    reason: str | None
    space: list[str]
    frames: int
    clips: int
    people: int
    seconds: float
    switches_per_minute: Number
    pipelines: list[OverTimePipeline]
    tests: list[OverTimeTest]
    policies: list[Policy]
    rates: list[AtRate]
