"""Intervals, paired tests and agreement. Pure functions, as protocol §3.13 and §4 fix them.

Conventions
    correct      (n,) bool: end-to-end correctness of one pipeline; not covered is False
    difference   A minus B: positive where A is better; b counts samples that only A gets right, c those that only B gets right
    clusters     (n,) any sortable labels (actor, subject, video), one per sample; G is the number of different ones
    interval     two-sided, `level` 0.95 unless given; NaN bounds where it is undefined (no samples, one cluster)
    p            two-sided; None where the protocol allows no test ("too few clusters")
    seed         every random result is a function of its arguments and its seed alone (numpy PCG64)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import bdtr, gammaln, ndtri, stdtrit

EPSILON = 1e-9
LEVEL = 0.95
REPLICATES = 10_000
ENUMERATE_CLUSTERS = 16  # 2^16 sign patterns
LEAST_CLUSTERS = 6
CHUNK_VALUES = 4_000_000  # floats held at a time by the resampling loops (32 MB)

TOO_FEW = "too few clusters"
Verdict = Literal["better", "worse", "no difference", "inconclusive", "too few clusters"]
Score = Callable[[np.ndarray], np.ndarray]  # confusion matrices (..., k, k+1) -> scores (...)


@dataclass(frozen=True)
class Interval:
    """A point estimate and its two-sided confidence limits, in the unit of the estimate."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """b: only A right, c: only B right; `exact` and `mid_p` are two-sided p values."""

    b: int
    c: int
    exact: float
    mid_p: float


@dataclass(frozen=True)
class SignFlip:
    """`statistic`: sum of differences; `groups`: number of clusters; `p` is None, with a `reason`, below six clusters."""

    statistic: float
    groups: int
    p: float | None
    enumerated: bool
    reason: str = ""


@dataclass(frozen=True)
class PairedVerdict:
    """A against B. difference, low, high: accuracy A − B; p, p_exact: two-sided, None where there is none; test: the test's name."""

    difference: float
    low: float
    high: float
    p: float | None
    p_exact: float | None
    test: str
    verdict: Verdict


# ---------------------------------------------------------------- independent samples


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Score interval of a proportion (Wilson 1927): (p̂ + z²/2n ± z √(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n). n = 0 is NaN."""
    if n < 0 or not 0 <= successes <= n:
        raise ValueError(f"successes, n: {successes} of {n} given, expected 0 ≤ successes ≤ n")
    if n == 0:
        return _undefined(float("nan"))
    z, share = _z(level), successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return Interval(share, low, high)


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray) -> McNemar:
    """McNemar's test on discordant pairs, exact (binomial) and mid-p.

    Mid-p as Fagerland, Lydersen & Laake 2013: exact p minus the point probability of b; 1 − half of it if b = c; 1 without discordant pairs.
    """
    correct_a, correct_b = _correct_pair(correct_a, correct_b)
    b, c = int((correct_a & ~correct_b).sum()), int((~correct_a & correct_b).sum())
    if b + c == 0:
        return McNemar(b, c, 1.0, 1.0)
    point = float(np.exp(gammaln(b + c + 1) - gammaln(b + 1) - gammaln(c + 1) + (b + c) * np.log(0.5)))
    exact = min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5)))
    return McNemar(b, c, exact, 1 - point / 2 if b == c else exact - point)


def tango_interval(b: int, c: int, n: int, level: float = LEVEL) -> Interval:
    """Score interval of a paired difference of proportions (b − c)/n (Tango 1998, equations 24–26).

    Its limits d solve (b − c − n d)² = z² n (2q + d(1 − d)), q the probability of cell c restricted to a difference of d; found by bracketing
    between the estimate and ±1. b = c = 0 gives ± z²/(n + z²); n = 0 is NaN.
    """
    if min(b, c) < 0 or b + c > n:
        raise ValueError(f"b, c, n: {b}, {c}, {n} given, expected b, c ≥ 0 and b + c ≤ n")
    if n == 0:
        return _undefined(float("nan"))
    z = _z(level)
    return Interval((b - c) / n, -_tango_upper(c, b, n, z), _tango_upper(b, c, n, z))


def _tango_upper(b: int, c: int, n: int, z: float) -> float:
    if b == n:
        return 1.0
    # In these two cases the variance vanishes at the estimate, which is then a root without meaning; the other root is closed.
    if b == c == 0:
        return z * z / (n + z * z)
    if c == n:
        return (z * z - n) / (n + z * z)

    from scipy.optimize import brentq  # half the start-up of a scoring job, which has no need of it

    def excess(d: float) -> float:
        linear = (2 * n - b + c) * d - b - c
        restricted = (np.sqrt(max(linear**2 + 8 * n * c * d * (1 - d), 0.0)) - linear) / (4 * n)
        return b - c - n * d + z * np.sqrt(n * max(2 * restricted + d * (1 - d), 0.0))

    return float(brentq(excess, (b - c) / n, 1.0, xtol=1e-14, rtol=1e-14))


# ---------------------------------------------------------------- clusters


def cluster_interval(values: np.ndarray, clusters: np.ndarray, level: float = LEVEL, bounds: tuple[float, float] | None = None) -> Interval:
    """Mean ± t_{G−1} · sd / √G of the G cluster means, each cluster counting once; for levels (correctness) and paired differences alike.

    The estimate is the mean of cluster means, which differs from the mean over samples where cluster sizes differ. `bounds` clips the limits.
    """
    means = _cluster_means(values, clusters)
    estimate = float(means.mean())
    if len(means) < 2:
        return _undefined(estimate)
    half = float(stdtrit(len(means) - 1, (1 + level) / 2) * means.std(ddof=1) / np.sqrt(len(means)))
    return _clip(Interval(estimate, estimate - half, estimate + half), bounds)


def design_effect(values: np.ndarray, clusters: np.ndarray) -> float:
    """Variance of the mean by cluster means over its variance if samples were independent (Kish 1965): intervals widen by its square root.

    NaN where the values are constant or there is one cluster.
    """
    values = np.asarray(values, dtype=np.float64)
    means = _cluster_means(values, clusters)
    if len(means) < 2 or np.ptp(values) == 0:
        return float("nan")
    return float((means.var(ddof=1) / len(means)) / (values.var(ddof=1) / len(values)))


def sign_flip(differences: np.ndarray, clusters: np.ndarray, seed: int, replicates: int = REPLICATES) -> SignFlip:
    """Sign-flip permutation test of Σ differences = 0, whole clusters flipped together (Fisher 1935; protocol §17).

    Enumerates all 2^G patterns up to G = 16, the observed one among them; beyond, p = (1 + b)/(1 + B) over B random patterns (Phipson & Smyth 2010).
    """
    sums = _cluster_sums(differences, clusters)
    groups, statistic = len(sums), float(sums.sum())
    if groups < LEAST_CLUSTERS:
        return SignFlip(statistic, groups, None, False, f"{TOO_FEW}: {groups}, and the test needs {LEAST_CLUSTERS}")
    least = abs(statistic) - EPSILON  # sums of one pattern in another order must count as equal
    if groups <= ENUMERATE_CLUSTERS:
        totals = np.zeros(1)
        for value in sums:
            totals = np.concatenate([totals + value, totals - value])
        return SignFlip(statistic, groups, float((np.abs(totals) >= least).mean()), True)
    random = np.random.default_rng(seed)
    extreme = 0
    for rows in _chunks(replicates, groups):
        signs = random.integers(0, 2, size=(rows, groups), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ sums) >= least).sum())
    return SignFlip(statistic, groups, (1 + extreme) / (1 + replicates), False)


def bootstrap_t(
    statistic: Callable[[np.ndarray], np.ndarray],
    units: np.ndarray,
    multiplicity: np.ndarray | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = LEVEL,
    bounds: tuple[float, float] | None = None,
) -> Interval:
    """Studentised bootstrap interval of a function of summed counts (Efron 1982; Davison & Hinkley 1997, §5.2), jackknife standard errors.

    units:        (U, cells) counts of each kind of resampled unit: a cluster's cells, or one sample's
    multiplicity: (U,) int, how many units of that kind there are (default 1 each): independent samples need one row per *kind* of sample
    statistic:    vectorised, totals (R, cells) -> (R,)
    Replicates whose standard error is 0 or NaN are left out. A zero standard error of the estimate gives an interval of length zero.
    """
    units = np.asarray(units, dtype=np.float64)
    if units.ndim != 2 or len(units) == 0:
        raise ValueError(f"units: shape {units.shape} given, expected (units, cells) with at least one unit")
    multiplicity = np.ones(len(units), dtype=np.int64) if multiplicity is None else np.asarray(multiplicity)
    if multiplicity.shape != units.shape[:1] or multiplicity.min() < 1:
        raise ValueError(f"multiplicity: shape {multiplicity.shape} given, expected ({len(units)},) integers ≥ 1")
    n = int(multiplicity.sum())
    (estimate,), (error,) = _studentised(statistic, units, multiplicity[None])
    if n < 2 or np.isnan(estimate) or np.isnan(error):
        return _undefined(float(estimate))
    random = np.random.default_rng(seed)
    pivots = []
    for rows in _chunks(replicates, units.size):
        score, deviation = _studentised(statistic, units, random.multinomial(n, multiplicity / n, size=rows))
        usable = deviation > 0
        pivots.append((score[usable] - estimate) / deviation[usable])
    pivot = np.concatenate(pivots)
    if error == 0 or len(pivot) == 0:
        return Interval(float(estimate), float(estimate), float(estimate))
    lower, upper = np.quantile(pivot, [(1 - level) / 2, (1 + level) / 2])
    return _clip(Interval(float(estimate), float(estimate - upper * error), float(estimate - lower * error)), bounds)


def bootstrap_t_confusion(
    score: Score,
    truth: np.ndarray,
    predicted: np.ndarray,
    k: int,
    clusters: np.ndarray | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = LEVEL,
) -> Interval:
    """Bootstrap-t interval of a score of the confusion matrix (macro-F1, UAR, …), or of the paired difference of two pipelines' scores.

    score:     vectorised, confusion matrices (..., k, k+1) -> (...), for example metrics.macro_f1_of
    predicted: (n,) int, -1 where not covered, for one pipeline; (2, n) for the difference first − second
    clusters:  resampled whole where given; otherwise samples are independent and drawn from their cell counts, which is as fast for any n
    """
    truth, predicted = np.asarray(truth), np.atleast_2d(predicted)
    if truth.ndim != 1 or predicted.shape[1:] != truth.shape or len(predicted) > 2:
        raise ValueError(f"truth, predicted: shapes {truth.shape} and {predicted.shape} given, expected (n,) and (n,) or (2, n)")
    if len(truth) == 0:
        return _undefined(float("nan"))
    if truth.min() < 0 or truth.max() >= k or predicted.min() < -1 or predicted.max() >= k:
        raise ValueError(f"truth, predicted: expected classes 0 to {k - 1}, and -1 only in predicted")
    pipelines, cells = len(predicted), k * (k + 1)
    cell = truth * (k + 1) + np.where(predicted == -1, k, predicted)  # (pipelines, n)
    if clusters is None:
        kinds, multiplicity = np.unique(cell, axis=1, return_counts=True)
        group = np.arange(kinds.shape[1])
    else:
        kinds, multiplicity, group = cell, None, _group_index(clusters, len(truth))
    units = np.zeros((group.max() + 1, pipelines, cells))
    for pipeline in range(pipelines):
        np.add.at(units[:, pipeline], (group, kinds[pipeline]), 1)

    def statistic(totals: np.ndarray) -> np.ndarray:
        scores = score(totals.reshape(-1, pipelines, k, k + 1))
        return scores[:, 0] - scores[:, 1] if pipelines == 2 else scores[:, 0]

    bounds = (-1.0, 1.0) if pipelines == 2 else (0.0, 1.0)
    return bootstrap_t(statistic, units.reshape(len(units), -1), multiplicity, seed=seed, replicates=replicates, level=level, bounds=bounds)


def _studentised(statistic: Callable[[np.ndarray], np.ndarray], units: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Statistic and jackknife standard error of each row of unit weights (R, U), every row with the same sum."""
    n = int(weights[0].sum())
    totals = weights @ units
    drawn, unit = np.nonzero(weights)
    without = np.zeros(weights.shape)
    without[drawn, unit] = statistic(totals[drawn] - units[unit])
    undefined = np.isnan(without).any(axis=1)
    mean = (weights * without).sum(axis=1) / n
    spread = (weights * (without - mean[:, None]) ** 2).sum(axis=1)
    return statistic(totals), np.where(undefined, np.nan, np.sqrt((n - 1) / n * spread))


# ---------------------------------------------------------------- families and verdicts


def holm(p: Sequence[float | None] | np.ndarray) -> np.ndarray:
    """Step-down adjusted p values (Holm 1979), in the order given. None or NaN (no test) becomes NaN and does not count."""
    p, adjusted = _p_values(p)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return adjusted


def benjamini_hochberg(p: Sequence[float | None] | np.ndarray) -> np.ndarray:
    """Step-up adjusted p values for the false discovery rate (Benjamini & Hochberg 1995). NaN as in `holm`."""
    p, adjusted = _p_values(p)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(-p[known], kind="stable")]
    adjusted[order] = np.minimum(np.minimum.accumulate(p[order] * len(order) / np.arange(len(order), 0, -1)), 1.0)
    return adjusted


def paired_verdict(correct_a: np.ndarray, correct_b: np.ndarray, clusters: np.ndarray | None = None, *, seed: int, level: float = LEVEL) -> PairedVerdict:
    """Is A better than B? (protocol §17): mid-p McNemar with Tango's interval, or with clusters the sign-flip test with the cluster t interval.

    `difference` is the difference of the two accuracies over samples; with clusters of different sizes the interval is about the mean of cluster
    differences. For a family, adjust the p values (`holm`) and ask `judge` again with the adjusted one.
    """
    correct_a, correct_b = _correct_pair(correct_a, correct_b)
    if len(correct_a) == 0:
        raise ValueError("correct_a, correct_b: no samples to compare")
    paired = correct_a.astype(np.int64) - correct_b
    difference = float(paired.mean())
    if clusters is None:
        test = mcnemar(correct_a, correct_b)
        interval = tango_interval(test.b, test.c, len(paired), level)
        name, p, p_exact = "mid-p McNemar", test.mid_p, test.exact
    else:
        flip = sign_flip(paired, clusters, seed)
        interval = cluster_interval(paired, clusters, level, bounds=(-1.0, 1.0))
        name, p, p_exact = "sign-flip over clusters", flip.p, flip.p if flip.enumerated else None
    return PairedVerdict(difference, interval.low, interval.high, p, p_exact, name, judge(p, interval.low, interval.high, level))


def judge(p: float | None, low: float, high: float, level: float = LEVEL) -> Verdict:
    """The verdict of a test and an interval of A − B: they must agree, otherwise "inconclusive"; p None (or NaN) is "too few clusters"."""
    if p is None or np.isnan(p):
        return TOO_FEW
    significant, excludes_zero = p < round(1 - level, 12), low > 0 or high < 0
    if significant != excludes_zero:
        return "inconclusive"
    if not significant:
        return "no difference"
    return "better" if low > 0 else "worse"


# ---------------------------------------------------------------- folds


def stratified_group_folds(labels: np.ndarray, groups: np.ndarray | None = None, k: int = 5, *, seed: int) -> np.ndarray:
    """(n,) fold index 0 … k-1: stratified by label, groups never split over folds, a function of the arguments alone (protocol §19).

    Without groups, each class is shuffled and dealt round, the next class going on where the last stopped, so fold sizes differ by at most one. With
    groups, they are shuffled, then, largest first, each goes to the fold where it leaves the class counts most even, ties to the smaller fold.
    Raises ValueError for fewer samples or groups than folds.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or k < 2:
        raise ValueError(f"labels, k: shape {labels.shape} and {k} given, expected (n,) and k ≥ 2")
    classes, label = np.unique(labels, return_inverse=True)
    random = np.random.default_rng(seed)
    if groups is None:
        if len(labels) < k:
            raise ValueError(f"labels: {len(labels)} samples given, expected at least k = {k}")
        shuffled = random.permutation(len(labels))
        dealt = shuffled[np.argsort(label[shuffled], kind="stable")]
        folds = np.empty(len(labels), dtype=np.int64)
        folds[dealt] = np.arange(len(labels)) % k
        return folds
    group = _group_index(groups, len(labels))
    counts = np.zeros((group.max(initial=-1) + 1, len(classes)))
    np.add.at(counts, (group, label), 1)
    if len(counts) < k:
        raise ValueError(f"groups: {len(counts)} different groups given, expected at least k = {k}")
    return _deal_groups(counts, k, random)[group]


def check_folds(folds: np.ndarray, n: int) -> np.ndarray:
    """The folds as an array. Raises ValueError unless they are (n,) non-negative integers of at least two folds."""
    folds = np.asarray(folds)
    if folds.shape != (n,):
        raise ValueError(f"folds: shape {folds.shape} given, expected ({n},)")
    if len(np.unique(folds)) < 2 or not np.issubdtype(folds.dtype, np.integer) or folds.min() < 0:
        raise ValueError("folds: expected integers ≥ 0 with at least two different folds")
    return folds


def _deal_groups(counts: np.ndarray, k: int, random: np.random.Generator) -> np.ndarray:
    """(G,) fold of each group, from its class counts (G, classes)."""
    shares = counts / counts.sum(axis=0)
    shuffled = random.permutation(len(counts))
    fold_of = np.empty(len(counts), dtype=np.int64)
    filled = np.zeros((k, counts.shape[1]))
    for group in shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]:
        # Σ over folds of squared class shares grows by 2·filled·share + share²: the least growth is the most even outcome
        growth = np.round(filled @ shares[group], 12)
        fold = int(np.lexsort((filled.sum(axis=1).round(12), growth))[0])
        fold_of[group] = fold
        filled[fold] += shares[group]
    return fold_of


# ---------------------------------------------------------------- agreement of two members


def cohens_kappa(predicted_a: np.ndarray, predicted_b: np.ndarray) -> float:
    """Chance-corrected agreement (Cohen 1960), (p_o − p_e)/(1 − p_e), ≤ 1. "Not covered" (-1) counts as one more category. NaN if p_e = 1."""
    predicted_a, predicted_b = _same_length("predicted_a, predicted_b", predicted_a, predicted_b)
    _, codes = np.unique(np.concatenate([predicted_a, predicted_b]), return_inverse=True)
    a, b = codes[: len(predicted_a)], codes[len(predicted_a) :]
    size, n = codes.max() + 1, len(a)
    observed = (a == b).mean()
    expected = (np.bincount(a, minlength=size) * np.bincount(b, minlength=size)).sum() / n**2
    return float("nan") if expected == 1 else float((observed - expected) / (1 - expected))


def q_statistic(correct_a: np.ndarray, correct_b: np.ndarray) -> float:
    """Yule's Q of two members' correctness, −1 … 1, 0 if independent (Yule 1900; Kuncheva & Whitaker 2003); 0/0 is NaN."""
    correct_a, correct_b = _correct_pair(correct_a, correct_b)
    both, neither = int((correct_a & correct_b).sum()), int((~correct_a & ~correct_b).sum())
    only_a, only_b = int((correct_a & ~correct_b).sum()), int((~correct_a & correct_b).sum())
    total = both * neither + only_a * only_b
    return (both * neither - only_a * only_b) / total if total else float("nan")


def disagreement(correct_a: np.ndarray, correct_b: np.ndarray) -> float:
    """Share of samples that exactly one of two members gets right, 0–1 (Skalak 1996)."""
    correct_a, correct_b = _correct_pair(correct_a, correct_b)
    return float((correct_a != correct_b).mean()) if len(correct_a) else float("nan")


def double_fault(correct_a: np.ndarray, correct_b: np.ndarray) -> float:
    """Share of samples that both members get wrong, 0–1 (Giacinto & Roli 2001)."""
    correct_a, correct_b = _correct_pair(correct_a, correct_b)
    return float((~correct_a & ~correct_b).mean()) if len(correct_a) else float("nan")


# ---------------------------------------------------------------- inside


def _z(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level: {level} given, expected a number between 0 and 1, as 0.95")
    return float(ndtri((1 + level) / 2))


def _undefined(estimate: float) -> Interval:
    return Interval(estimate, float("nan"), float("nan"))


def _clip(interval: Interval, bounds: tuple[float, float] | None) -> Interval:
    if bounds is None:
        return interval
    return Interval(interval.estimate, max(interval.low, bounds[0]), min(interval.high, bounds[1]))


def _chunks(replicates: int, width: int) -> list[int]:
    """Row counts that add up to `replicates`; a fixed function of the sizes, so that the random stream is too."""
    rows = max(1, CHUNK_VALUES // max(width, 1))
    return [min(rows, replicates - start) for start in range(0, replicates, rows)]


def _cluster_sums(values: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return np.bincount(_group_index(clusters, len(values)), weights=values)


def _cluster_means(values: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    sums = _cluster_sums(values, clusters)
    if len(sums) == 0:
        raise ValueError("values: no samples")
    return sums / np.bincount(_group_index(clusters, len(np.asarray(values))))


def _group_index(clusters: np.ndarray, n: int) -> np.ndarray:
    clusters = np.asarray(clusters)
    if clusters.shape != (n,):
        raise ValueError(f"clusters: shape {clusters.shape} given, expected ({n},), one label per sample")
    return np.unique(clusters, return_inverse=True)[1]


def _correct_pair(correct_a: np.ndarray, correct_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    correct_a, correct_b = _same_length("correct_a, correct_b", correct_a, correct_b)
    return correct_a.astype(bool), correct_b.astype(bool)


def _same_length(name: str, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"{name}: shapes {a.shape} and {b.shape} given, expected (n,) twice")
    return a, b


def _p_values(p: Sequence[float | None] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p = np.asarray([np.nan if value is None else value for value in p], dtype=np.float64)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("p: values outside 0–1")
    return p, np.full(len(p), np.nan)
