"""Describe the JSON documents that scoring writes and reports read: their keys and types.

Files: `scores/<dataset>/<detector>/<model>.json` and `scores/<dataset>/fusion/<name>.json` are a
`Score`, `comparisons/<dataset>.json` a `Comparison`, `multiverse/<dataset>.json` a `Multiverse`.
Shares are 0–1. JSON has no NaN: an undefined number is null, so `Number` is what a reader meets.
Functions that make these parts may leave NaN in a float; writing turns it into null.
"""

from typing import Literal, NotRequired, TypedDict

from faceoff.statistics.verdict import Verdict

BEST_SINGLE = "best single"  # the name of the composite of what each fold chose
Number = float | None
Limits = list[Number]  # [low, high] of a 95 % interval


class TaskInfo(TypedDict):
    """The task that is scored. hash: equal hashes mean the same samples with the same labels."""

    name: str
    type: str
    version: str
    space: list[str]
    limited: bool
    headline: bool
    n: int
    hash: str


class FamilyTest(TypedDict):
    """A test of a difference that shares a correction with others (`families.correct_family`)."""

    difference: float
    low: Number
    high: Number
    p: Number
    p_adjusted: Number
    verdict: Verdict


class Counts(TypedDict):
    """Number of samples by state; no_speech: only of voices."""

    ok: int
    no_face: int
    no_speech: NotRequired[int]
    unreadable: int
    error: int


# ---------------------------------------------------------------- parts of a score


class Summary(TypedDict):
    """The metrics that truth and posterior in the label space give (`metrics.summary`)."""

    accuracy: Number
    covered_accuracy: Number
    coverage: Number
    balanced_accuracy: Number
    macro_f1: Number
    weighted_f1: Number
    log_loss: Number
    brier: Number
    ece: Number
    ece_mass: Number
    top2: Number
    n: int
    n_covered: int
    n_correct: int


class Metrics(Summary):
    """All numbers of `metric_list.METRICS`, and counts.

    ceiling, log_loss_own: about the classes that the pipeline has (protocol §36); set_accuracy:
    only of datasets with several right labels.
    """

    ceiling: Number
    log_loss_own: Number

    strict_accuracy: Number
    mass_outside: Number
    set_accuracy: NotRequired[Number]


class Intervals(TypedDict):
    """95 % intervals of the metrics that have one (protocol §13)."""

    accuracy: Limits
    covered_accuracy: Limits
    balanced_accuracy: Limits
    macro_f1: Limits


class PerClass(TypedDict):
    """Scores of one class. n: how often it is true; predicted: how often it is answered."""

    emotion: str
    n: int
    precision: Number
    recall: Number
    f1: Number
    predicted: int


class Bins(TypedDict):
    """Bins (low, high] of the decision's confidence, as columns of one length."""

    low: list[float]
    high: list[float]
    n: list[int]
    confidence: list[float]
    accuracy: list[float]
    accuracy_low: list[Number]
    accuracy_high: list[Number]


class BinsByMode(TypedDict):
    """Bins of equal width and of equal mass."""

    width: Bins
    mass: Bins


class BrierParts(TypedDict):
    """The terms whose signed sum is the Brier score (`calibration.brier_parts`)."""

    reliability: Number
    resolution: Number
    uncertainty: Number
    within_bin_variance: Number
    within_bin_covariance: Number


class Reliability(TypedDict):
    """The reliability of probabilities, over covered samples.

    ece_noise, ece_noise_95: mean and 95th percentile of the ECE that such confidences have by
    chance where they are true (protocol §34).
    """

    log_loss: Number
    brier: Number
    ece: Number
    ece_mass: Number
    ece_noise: Number
    ece_noise_95: Number
    brier_parts: BrierParts
    bins: BinsByMode


class Calibration(TypedDict):
    """Probabilities before and after temperature scaling.

    fitted_on: the samples that taught the temperature, in words; None where there were too few, and
    then `after` is None too. temperatures: one, or one per fold; temperature: their geometric mean.
    """

    fitted_on: str | None
    temperature: Number
    temperatures: list[float]
    before: Reliability
    after: Reliability | None


class Curve(TypedDict):
    """A risk–coverage curve, as columns."""

    coverage: list[float]
    risk: list[float]


class RejectionStep(TypedDict):
    """The least certain samples are rejected so that at least the share `coverage` is kept.

    All but `coverage` are None where so many samples hold no prediction that it is out of reach.
    """

    coverage: float
    threshold: Number
    n: int | None
    accuracy: Number
    interval: Limits | None
    outliers_rejected: Number


class Outliers(TypedDict):
    """The separation by confidence of samples without a label from the rest.

    kinds: kind -> number of samples.
    """

    n: int
    n_covered: int
    kinds: dict[str, int]
    auroc: Number
    interval: Limits


class Risk(TypedDict):
    """Cost and gain of the reject option. e_aurc: aurc above the best possible one."""

    n: int
    n_covered: int
    aurc: Number
    aurc_optimal: Number
    e_aurc: Number
    curve: Curve


class Rejection(Risk):
    """The reject option with its steps; outliers is None where the dataset marks none."""

    at: list[RejectionStep]
    outliers: Outliers | None


class Stratum(TypedDict):
    """Samples on which the share (low, high] of people agree."""

    low: float
    high: float
    n: int
    accuracy: Number
    interval: Limits
    one_person: Number


class Human(TypedDict):
    """A pipeline beside people, where samples have votes (`human.describe`)."""

    n: int
    votes_per_sample: Number
    n_distribution: int
    cross_entropy: Number
    vote_entropy: Number
    kl: Number
    one_person: Number
    one_person_interval: Limits
    with_own_vote: Number
    pair_agreement: Number
    accuracy_as_tagger: Number
    as_tagger_over_one_person: Number
    strata: list[Stratum]
    confusion: list[list[float]]


class Third(TypedDict):
    """The clips of which a share of frames from low to high was read."""

    low: float
    high: float
    n: int
    accuracy: Number
    interval: Limits


class Clips(TypedDict):
    """Frames of all clips, those that were read, and accuracy by thirds of their share (§43)."""

    frames: int
    seen: int
    thirds: list[Third]


class Level(TypedDict):
    """Scores among the samples of one level of a group. subjects: None where there are none.

    standardised: recalls weighted by the classes of all samples (protocol §42).
    """

    level: str
    n: int
    subjects: int | None
    n_correct: int
    accuracy: float
    low: Number
    high: Number
    standardised: Number
    standardised_low: Number
    standardised_high: Number


class Group(TypedDict):
    """Scores by a group of the samples. gap: of the standardised scores of best and worst level.

    low, high: simultaneous over all pairs of levels; p: of the largest gap, not corrected for
    other groups or pipelines; equal: all levels are shown to lie within ±5 points;
    standardised_over: the classes that are common enough in every level; none: plain accuracy.
    """

    name: str
    standardised_over: list[str]
    levels: list[Level]
    best: str
    worst: str
    gap: Number
    low: Number
    high: Number
    p: Number
    test: str
    equal: bool


class Affect(TypedDict):
    """Agreement of readings of valence or arousal with the annotation (protocol §11, §43).

    Over all moments: an unread one holds the clip's last reading, 0 before the first. covered_ccc:
    over the moments that were read.
    """

    n: int
    coverage: Number
    covered_ccc: Number
    ccc: Number
    ccc_low: Number
    ccc_high: Number
    ccc_within_clips: Number
    clips: int
    pearson: Number
    rmse: Number
    sign_agreement: Number


class Trust(TypedDict):
    """The parts of a score about how far a pipeline can be trusted; None where it has no such."""

    calibration: Calibration | None
    rejection: Rejection
    human: Human | None


class FoldMean(TypedDict):
    """The mean of a cross-fitted fusion's accuracies by fold; the headline is the pooled one."""

    accuracy: float
    folds: int


class Score(TypedDict):
    """A score file. `state` is ok, skipped or error, with a reason; only ok has metrics.

    A cell (`kind`) has detector, model and lineage; a fusion has fusion, rule, members and top; a
    pipeline over time has temporal, rule, of (the pipeline that the rule reads) and members.
    lacks: classes of the task that no answer can be.
    """

    kind: Literal["cell", "fusion", "temporal"]
    dataset: str
    state: Literal["ok", "skipped", "error"]
    reason: str | None
    train_status: str
    circular: bool
    same_generator: bool
    failed_files: list[str]
    task: TaskInfo | None
    detector: NotRequired[str]
    model: NotRequired[str]
    lineage: NotRequired[str]
    fusion: NotRequired[str]
    temporal: NotRequired[str]
    of: NotRequired[str]
    rule: NotRequired[str]
    members: NotRequired[list[str]]
    top: NotRequired[int | None]
    lacks: NotRequired[list[str]]
    clips: NotRequired[Clips | None]
    affect: NotRequired[dict[str, Affect]]
    affect_clipped: NotRequired[Number]
    counts: NotRequired[Counts]
    metrics: NotRequired[Metrics]
    intervals: NotRequired[Intervals]
    design_effect: NotRequired[Number]
    per_class: NotRequired[list[PerClass]]
    confusion: NotRequired[list[list[int]]]
    flags: NotRequired[list[str]]
    ranked: NotRequired[bool]
    groups: NotRequired[list[Group]]
    weights: NotRequired[dict[str, float] | None]
    fold_mean: NotRequired[FoldMean | None]
    calibration: NotRequired[Calibration | None]
    rejection: NotRequired[Rejection]
    human: NotRequired[Human | None]


# ---------------------------------------------------------------- comparisons


class Accuracy(TypedDict):
    """End-to-end accuracy with its interval."""

    accuracy: float
    n_correct: int
    interval: Limits


class Choice(TypedDict):
    """The cell that was chosen for a fold; fold is None where there is one choice for all."""

    fold: int | None
    cell: str


class BestSingle(Accuracy):
    """The best single cell, chosen on other samples. name: the cell that was chosen most often."""

    how: str
    choices: list[Choice]
    name: str


class Named(Accuracy):
    """The accuracy of one cell."""

    name: str


class Oracle(Accuracy):
    """The share of samples on which any member is right (protocol §24)."""

    members: list[str]


class CochranQ(TypedDict):
    """A test of whether any of several cells differs from the others."""

    statistic: Number
    df: int
    p: Number
    test: str


class Component(TypedDict):
    """A variance of being right on the logit scale; share: of the sum of all."""

    name: str
    variance: float
    low: Number
    high: Number
    share: float


class Effect(TypedDict):
    """A test of whether a factor matters at all."""

    factor: str
    levels: int
    p: Number
    reason: str


class Decomposition(TypedDict):
    """The shares of being right that are due to detector, crop, model and sample."""

    components: list[Component]
    effects: list[Effect]
    left_out: dict[str, str]


class Pair(TypedDict):
    """The likeness of two cells (protocol §24)."""

    a: str
    b: str
    disagreement: Number
    double_fault: Number
    q: Number
    kappa: Number
    kappa_low: Number
    kappa_high: Number
    agreement: Number


class CoverageParts(TypedDict):
    """A difference of accuracies, split (protocol §33): recognition + coverage is all of it.

    common: the difference on the n_common samples that both cover.
    """

    n_common: int
    common: Number
    common_low: Number
    common_high: Number
    recognition: Number
    recognition_low: Number
    recognition_high: Number
    coverage: Number
    coverage_low: Number
    coverage_high: Number


FamilyName = Literal["fusions", "top", "all pairs"]


class PairedComparison(CoverageParts):
    """The verdict on a against b, one of a family with one correction (protocol §17, §18, §31).

    uar_…, f1_…: A minus B in balanced accuracy and macro-F1, each tested alone (§37).
    """

    family: FamilyName
    a: str
    b: str
    difference: float
    low: Number
    high: Number
    p: Number
    p_exact: Number
    p_adjusted: Number
    adjusted_by: Literal["Holm", "range test"]
    test: str
    verdict: Verdict
    n: int
    minimum_detectable: Number
    detectable_reason: str
    design_effect: Number
    uar_difference: Number
    uar_low: Number
    uar_high: Number
    uar_p: Number
    uar_test: str
    f1_difference: Number
    f1_low: Number
    f1_high: Number
    f1_p: Number
    f1_test: str


class Variant(TypedDict):
    """The verdict on a model of reduced precision in place of its original (protocol §26)."""

    variant: str
    original: str
    agreement: float
    difference: float
    low: Number
    high: Number
    recall_lost: float
    faults: list[str]


class Step(Accuracy):
    """An ensemble of the best `size` cells. added: the cell that most folds added last."""

    size: int
    added: str


class Member(TypedDict):
    """The worth of a cell to a vote of all."""

    name: str
    leave_one_out: Number
    shapley: Number


class Ensemble(TypedDict):
    """Votes of some of the cells. order: of each fold, the cells as they were added."""

    curve: list[Step]
    order: list[list[str]]
    members: list[Member]


class Place(TypedDict):
    """The certainty of a pipeline's place (protocol §14).

    Where nothing can be said, the numbers are None and `reason` says why.
    """

    name: str
    p_best: Number
    rank_low: int | None
    rank_high: int | None
    tied_with_best: bool | None
    reason: str


class GroupSource(TypedDict):
    """Where a group comes from that a run measured: what predicted it, and how sure that is.

    error: as the predictor's card states it, or "unknown"; known: samples of the dataset's n that
    have a level; note: how numbers were cut; reason: why there is none, "" if there is.
    """

    name: str
    source: str
    error: str
    known: int
    n: int
    note: str
    reason: str


class SubgroupTest(TypedDict):
    """The verdict on a gap, one of a Holm family: groups × {best single, headline fusion} (§42).

    best_*, worst_*: samples, subjects (None where samples are independent) and standardised score
    of the two levels; source: dataset, the file or what predicted the group.
    """

    pipeline: str
    group: str
    source: str
    best: str
    best_n: int
    best_subjects: int | None
    best_score: Number
    worst: str
    worst_n: int
    worst_subjects: int | None
    worst_score: Number
    gap: Number
    low: Number
    high: Number
    p: Number
    p_adjusted: Number
    verdict: Literal["differs", "equal within 5 points", "not shown", "no test"]


class GapDifference(TypedDict):
    """A test of whether two pipelines differ by the same in every level of a group."""

    a: str
    b: str
    group: str
    p: Number


class Subgroups(TypedDict):
    """The tests of gaps, and of whether the vote changes them.

    measured: the groups that the run itself measured.
    """

    tests: list[SubgroupTest]
    differences: list[GapDifference]
    measured: list[GroupSource]


class Comparison(TypedDict):
    """A comparisons file. Parts are None or empty where there is nothing to compare."""

    dataset: str
    task: TaskInfo | None
    best_single: BestSingle | None
    hindsight: Named | None
    oracle: Oracle | None
    effective_members: Number
    cochran_q: CochranQ | None
    decomposition: Decomposition | None
    comparisons: list[PairedComparison]
    ranking: list[Place]
    ensemble: Ensemble | None
    pairs: list[Pair]
    clones: list[list[str]]
    variants: list[Variant]
    subgroups: Subgroups


def nothing_to_compare(dataset: str, task: TaskInfo | None) -> Comparison:
    """Return the comparison of a dataset without labels or without a sound cell."""
    return {
        "dataset": dataset,
        "task": task,
        "best_single": None,
        "hindsight": None,
        "oracle": None,
        "effective_members": None,
        "cochran_q": None,
        "decomposition": None,
        "comparisons": [],
        "ranking": [],
        "ensemble": None,
        "pairs": [],
        "clones": [],
        "variants": [],
        "subgroups": {"tests": [], "differences": [], "measured": []},
    }


# ---------------------------------------------------------------- multiverse


class UniverseScores(TypedDict):
    """One way of making labels. Lists are in the order of the multiverse's pipelines.

    swapped: pairs of pipelines in the other order than at home; best: the most accurate ones.
    """

    name: str
    factors: dict[str, str]
    n: int
    n_correct: list[int]
    accuracy: list[Number]
    low: list[Number]
    high: list[Number]
    best: list[str]
    swapped: NotRequired[int | None]


class Multiverse(TypedDict):
    """Every pipeline under every label rule. home: the place of the run's own rule."""

    dataset: str
    task: TaskInfo | None
    pipelines: list[str]
    home: int | None
    universes: list[UniverseScores]
