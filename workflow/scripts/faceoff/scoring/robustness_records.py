"""Describe the JSON documents of pictures made worse: `robustness/<dataset>/<corruption>.json`.

Shares and differences are 0–1. Accuracy is end to end: a face that is no longer found is wrong.
"""

from typing import Any, Literal, TypedDict

from faceoff.scoring.records import FamilyTest, Limits, Number, TaskInfo

Mode = Literal["clean_crop", "detect_again"]


class Level(TypedDict):
    """State a severity, 1 … n from mild to strong.

    value: its parameter in words; number: the parameter where it is a number, else None.
    """

    severity: int
    value: str
    number: Number


class Answered(TypedDict):
    """State what a pipeline answers at one severity; 0 is the pictures as they are.

    n: samples whose pictures could be made worse; coverage: share of them with an answer;
    confidence, covered_accuracy, ece: over those with an answer; flips: share whose answer is not
    that on the clean picture (protocol §53).
    """

    severity: int
    n: int
    accuracy: Number
    interval: Limits
    coverage: Number
    covered_accuracy: Number
    confidence: Number
    ece: Number
    flips: Number


class Paired(FamilyTest):
    """State a paired difference of accuracies on the same samples, with its test (protocol §17)."""

    test: str


class LevelScores(Answered):
    """State what is answered at a severity, and that against the answers on the clean pictures.

    not_applied: samples whose pictures could not be made worse, for a `reason`.
    """

    not_applied: int
    reason: str | None
    against_clean: Paired | None


class Curve(TypedDict):
    """Describe a cell under one corruption.

    half_point: the face side in px at which accuracy is midway between clean and chance, by
    `half_point_reason` where there is none; point_lost: the first severity at which the estimate is
    a point below the clean one; shown: the first at which the loss is shown.
    """

    cell: str
    mode: Mode
    state: Literal["ok", "error"]
    reason: str | None
    clean: Answered | None
    levels: list[LevelScores]
    half_point: Number
    half_point_reason: str
    point_lost: int | None
    shown: int | None


class Share(Paired):
    """State what detection adds to a loss: accuracy with the clean crop minus detected again."""

    cell: str
    severity: int
    n: int


class Margin(Paired):
    """Compare the vote of all cells with the best single one at one severity, 0: clean."""

    severity: int
    n: int
    vote: Number
    best: Number


class Vote(TypedDict):
    """Say whether a vote is worth more as pictures get worse.

    members: its cells; best: how the best single one was chosen; growth: margin at the strongest
    severity minus that on the clean pictures.
    """

    mode: Mode
    members: list[str]
    best: str
    margins: list[Margin]
    growth: Paired | None


class ToldApart(TypedDict):
    """Say whether variants of a corruption, such as interpolations, differ at one severity.

    best, worst: names of the variants; spread: the difference of their accuracies; test: of all
    variants at once (Cochran's Q), by Holm over cells, modes and severities.
    """

    cell: str
    mode: Mode
    severity: int
    value: str
    n: int
    best: str
    worst: str
    spread: float
    p: Number
    p_adjusted: Number
    test: str
    shown: bool


class Variant(TypedDict):
    """Describe a corruption with one choice of its options. name: as in file names."""

    name: str
    options: dict[str, Any]
    curves: list[Curve]
    detection: list[Share]
    votes: list[Vote]


class Robustness(TypedDict):
    """Describe a robustness file.

    made_by: the plug-in's name; pixels: whether its parameter is a face side; state: skipped
    without labels, for a reason; failed_files: those that the next run makes again.
    """

    kind: Literal["corruption"]
    state: Literal["ok", "skipped"]
    reason: str | None
    failed_files: list[str]
    dataset: str
    corruption: str
    made_by: str
    title: str
    unit: str
    pixels: bool
    task: TaskInfo | None
    levels: list[Level]
    variants: list[Variant]
    told_apart: list[ToldApart]
