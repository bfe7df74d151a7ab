"""Say what decides whether a face is read right: detector, crop, model, picture, or their
interplay.

The model is a logistic one with crossed random effects. For pipeline c and sample i

    logit P(right) = μ + Σ_f a_f[c] + e_c + u_i + Σ_f v_f[c],i

with f the factors (detector, crop, model): a_f is a level's effect, e_c what this combination adds
beyond its parts, u_i how easy the sample is, v_f,i how well this level suits this sample. All
effects are normal; the rest is the logistic's own variance, π²/3.

It is fitted in two steps, as no integral over so many crossed effects has a closed form and
Laplace's approximation is biased where each sample was tried by few pipelines:

1. u and v by pairwise likelihood: the number of samples that two pipelines both get right depends
   only on the effects that they share. All pairs' counts are one matrix product, whatever the
   number of samples. Consistent, without approximating the integral: the logistic is a scale
   mixture of normals, so one dimension is left.
2. a and e by restricted maximum likelihood on the pipelines' logits, whose sampling covariance is
   known from step 1.

Conventions
-----------
correct
    (m, n) bool: end-to-end correctness of m pipelines on the same n samples.
factors
    name -> m levels, one per pipeline.
clusters
    (n,) any sortable labels, None where the samples are independent.

References
----------
Renard, Molenberghs & Geys (2004), A pairwise likelihood approach to estimation in multilevel probit
models, Computational Statistics & Data Analysis 44.
Bellio & Varin (2005), A pairwise likelihood approach to generalized linear models with crossed
random effects, Statistical Modelling 5.
Andrews & Mallows (1974), Scale mixtures of normal distributions, JRSS B 36.
Stefanski (1991), A normal scale mixture representation of the logistic distribution.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import chdtri, kolmogi, ndtr, stdtrit

from faceoff.statistics.arrays import Bools, Floats, Ints, Labels
from faceoff.statistics.folds import group_index
from faceoff.statistics.intervals import LEVEL, too_few
from faceoff.statistics.omnibus import by_cluster, exchange_p

RESIDUAL = np.pi**2 / 3  # variance of the standard logistic distribution
PARTS = 20  # parts of the samples, each left out once, behind the intervals of step 1
LEAST_SAMPLES = 20
# of a variance in step 1: beyond, samples are right or wrong for certain, and no variance can be
# told
LARGEST = 1000.0
_BOUND = 1e4  # of a variance in step 2
_NO_LOSS = 1e-7  # of log likelihood: far below what a test could see, above what rounding makes

_SIGMA = np.linspace(-6.5, 6.5, 81)
_DENSITY = np.exp(-(_SIGMA**2) / 2) / np.exp(-(_SIGMA**2) / 2).sum()
_LEGENDRE, _WEIGHT = np.polynomial.legendre.leggauss(20)
_SCALE, _SHARE = (
    2 * kolmogi((1 - _LEGENDRE) / 2),
    _WEIGHT / 2,
)  # a logistic is a normal with twice a Kolmogorov variable for a standard deviation


@dataclass(frozen=True)
class Component:
    """A variance on the logit scale with its 95 % interval, and its share of the sum of all, 0–1.

    Limits are NaN where there is none.
    """

    name: str
    variance: float
    low: float
    high: float
    share: float


@dataclass(frozen=True)
class Effect:
    """A test of whether a factor matters at all: p of exchanging its levels within every sample
    (`exchange_p`).

    p is None, with a `reason`, where that is impossible.
    """

    factor: str
    levels: int
    p: float | None
    reason: str = ""


@dataclass(frozen=True)
class Decomposition:
    """The parts of the variance of being right.

    components: the largest possible set that the design tells apart; effects: by factor; left_out:
    name -> why a component cannot be told from the others; "all" where none can.
    """

    components: tuple[Component, ...]
    effects: tuple[Effect, ...]
    left_out: dict[str, str]


def decompose(
    correct: Bools,
    factors: Mapping[str, Sequence[str]],
    clusters: Labels | None = None,
    *,
    seed: int,
) -> Decomposition:
    """Return the variance components of correctness and a test of each factor.

    Intervals: of the samples' components by a jackknife over 20 parts of the samples (whole
    clusters), on the scale of standard deviations; of the pipelines' by profile likelihood. A
    factor of one level has no component, one whose effects cannot be told from another's is
    `left_out`, as is all below 20 samples or six clusters.

    Parameters
    ----------
    correct
        (m, n) correctness.
    factors
        Name -> the level of each of m pipelines.
    clusters
        (n,) labels; None where samples are independent.
    seed
        Of the parts and permutations.

    Raises
    ------
    ValueError
        If there are fewer than two pipelines, or levels that do not fit.
    """
    correct = np.asarray(correct, bool)
    if correct.ndim != 2 or len(correct) < 2:
        raise ValueError(
            f"correct: shape {correct.shape} given, expected (pipelines, samples) with at least "
            "two pipelines"
        )
    for name, levels in factors.items():
        if len(levels) != len(correct):
            raise ValueError(
                f"factors: {len(levels)} levels of {name} given, expected {len(correct)}, one per "
                "pipeline"
            )
    if reason := _too_little(correct.shape[1], clusters):
        return Decomposition((), (), {"all": reason})
    codes = {
        name: np.unique(list(levels), return_inverse=True)[1] for name, levels in factors.items()
    }
    varied = {name: code for name, code in codes.items() if code.max() > 0}
    left_out = {name: "all pipelines have the same" for name in codes if name not in varied}
    counts = by_cluster(correct, clusters)
    size = (
        np.ones(len(counts))
        if clusters is None
        else np.bincount(group_index(clusters, correct.shape[1])).astype(float)
    )
    of_sample, accuracy = _sample_part(correct, varied, clusters, left_out, seed)
    total = sum(component.variance for component in of_sample)
    logits, slope = _logits(accuracy, total)
    deviation = counts - size[:, None] * accuracy
    covariance = (
        deviation.T
        @ deviation
        / size.sum() ** 2
        * len(counts)
        / max(len(counts) - 1, 1)
        / np.outer(slope, slope)
    )
    of_pipeline = _pipeline_part(logits, covariance, varied, left_out)
    found = [
        *of_pipeline,
        *of_sample,
        Component("residual", RESIDUAL, float("nan"), float("nan"), 0.0),
    ]
    whole = sum(component.variance for component in found)
    shared = tuple(
        Component(part.name, part.variance, part.low, part.high, part.variance / whole)
        for part in found
    )
    effects = tuple(_effect(name, codes, counts, seed) for name in sorted(varied))
    return Decomposition(shared, effects, left_out)


def _too_little(n: int, clusters: Labels | None) -> str:
    """Return why nothing can be told from n samples of these clusters; empty where it can."""
    if n < LEAST_SAMPLES:
        return f"too few samples: {n}, and {LEAST_SAMPLES} are needed"
    return (
        ""
        if clusters is None
        else too_few(int(group_index(clusters, n).max()) + 1, "a decomposition")
    )


# ---------------------------------------------------------------- samples: pairwise likelihood


@dataclass(frozen=True)
class _Pairs:
    """Pairs of pipelines by which effects they share.

    patterns: (t, components) of 0 and 1; members: of each pattern the pairs' first and second
    pipelines.
    """

    names: list[str]
    patterns: Floats
    members: list[tuple[Ints, Ints]]


def _sample_part(
    correct: Bools,
    varied: Mapping[str, Ints],
    clusters: Labels | None,
    left_out: dict[str, str],
    seed: int,
) -> tuple[list[Component], Floats]:
    """Return the samples' variance components, and (m,) accuracies, none quite 0 or 1."""
    pairs = _pairs(varied, len(correct), left_out)
    parts = _parts(correct.shape[1], clusters, seed)
    joint = np.stack(
        [
            correct[:, parts == part].astype(np.float64) @ correct[:, parts == part].T
            for part in range(parts.max() + 1)
        ]
    )
    size = np.bincount(parts).astype(float)
    everything, n = joint.sum(axis=0), size.sum()
    variances = _fit_pairs(everything, n, pairs, np.full(len(pairs.names), 1.0))
    without = np.sqrt(
        [
            _fit_pairs(everything - one, n - some, pairs, np.maximum(variances, 0.05))
            for one, some in zip(joint, size, strict=True)
        ]
    )
    deviation = np.sqrt(variances)
    error = np.sqrt(
        (len(size) - 1) / len(size) * ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    )
    half = stdtrit(len(size) - 1, (1 + LEVEL) / 2) * error
    half = np.where(variances < 0.99 * LARGEST, half, np.nan)
    low, high = np.maximum(deviation - half, 0.0) ** 2, (deviation + half) ** 2
    components = [
        Component(*values, share=0.0)
        for values in zip(pairs.names, variances.tolist(), low.tolist(), high.tolist(), strict=True)
    ]
    return components, _inside(everything.diagonal() / n, n)


def _parts(n: int, clusters: Labels | None, seed: int) -> Ints:
    """Return (n,) the part of each sample: clusters are dealt whole, in random order."""
    group = np.arange(n) if clusters is None else group_index(clusters, n)
    groups = group.max() + 1
    order = np.random.default_rng(seed).permutation(groups)
    part: Ints = order[group] % min(PARTS, groups)
    return part


def _pairs(varied: Mapping[str, Ints], pipelines: int, left_out: dict[str, str]) -> _Pairs:
    """Return all pairs, by pattern. A component is kept if the patterns tell it from those before
    it.
    """
    first, second = np.triu_indices(pipelines, 1)
    names, columns = ["sample"], [np.ones(len(first))]
    for name, code in varied.items():
        column = (code[first] == code[second]).astype(float)
        if np.linalg.matrix_rank(np.stack([*columns, column], axis=1)) > len(columns):
            names.append(f"{name} × sample")
            columns.append(column)
        else:
            left_out[f"{name} × sample"] = (
                "cannot be told from the others: no two pipelines share this alone"
            )
    patterns, kind = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return _Pairs(
        names,
        patterns,
        [(first[kind.ravel() == t], second[kind.ravel() == t]) for t in range(len(patterns))],
    )


def _fit_pairs(joint: Floats, n: float, pairs: _Pairs, start: Floats) -> Floats:
    """Return the variances that maximise the pairwise likelihood of counts (m, m) of n samples.

    The pipelines' logits always fit their accuracies.
    """
    accuracy = _inside(joint.diagonal() / n, n)
    scale = n * sum(len(first) for first, _ in pairs.members)

    def loss(logs: Floats) -> float:
        variances = np.expm1(logs)
        total = float(variances.sum())
        logits, _ = _logits(accuracy, total)
        found = 0.0
        for pattern, (first, second) in zip(pairs.patterns, pairs.members, strict=True):
            shared = float(pattern @ variances)
            both = _both(logits, shared, max(total - shared, 0.0))[first, second]
            a, b, seen = accuracy[first], accuracy[second], joint[first, second]
            both = np.clip(both, np.maximum(a + b - 1, 0) + 1e-9, np.minimum(a, b) - 1e-9)
            observed = np.stack(
                [
                    seen,
                    joint[first, first] - seen,
                    joint[second, second] - seen,
                    n - joint[first, first] - joint[second, second] + seen,
                ]
            )
            expected = np.stack([both, a - both, b - both, 1 - a - b + both])
            found -= float((observed * np.log(np.maximum(expected, 1e-12))).sum())
        return found / scale

    # On the scale of log(1 + variance): pipelines that nearly always agree have variances far above
    # 1, others none at all.
    bounds = [(0.0, np.log1p(LARGEST))] * len(start)
    variances: Floats = np.expm1(
        minimize(
            loss,
            np.log1p(start),
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 1e-11, "gtol": 1e-7, "eps": 1e-5},
        ).x
    )
    return variances


def _inside(accuracy: Floats, n: float) -> Floats:
    """Return accuracies with 0 and 1 moved by half a sample, so that they have a logit."""
    return np.clip(accuracy, 0.5 / n, 1 - 0.5 / n)


def _mean_logistic(x: Floats, variance: float) -> Floats:
    """Return E[1 / (1 + exp(−x − √variance Z))] of a standard normal Z, within 2·10⁻⁵."""
    mean: Floats = ndtr(x[..., None] / np.sqrt(_SCALE**2 + variance)) @ _SHARE
    return mean


def _logits(accuracy: Floats, variance: float) -> tuple[Floats, Floats]:
    """Return (m,) logits at which the mean over samples is `accuracy`, and (m,) its slope there.

    The samples' effects have this variance; by Newton's method.
    """
    spread = np.sqrt(_SCALE**2 + variance)
    logits = np.log(accuracy / (1 - accuracy)) * np.sqrt(1 + variance / RESIDUAL)
    for _ in range(30):
        z = logits[:, None] / spread
        slope = (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / spread) @ _SHARE
        step = (ndtr(z) @ _SHARE - accuracy) / np.maximum(slope, 1e-12)
        logits = logits - np.clip(step, -2 * spread.max(), 2 * spread.max())
        if np.abs(step).max() < 1e-10:
            break
    return logits, slope


def _both(logits: Floats, shared: float, own: float) -> Floats:
    """Return (m, m) the probability that two pipelines are both right.

    Their samples' effects have the variance `shared` in common and `own` apart.
    """
    given = _mean_logistic(logits[:, None] + np.sqrt(shared) * _SIGMA, own)
    both: Floats = (given * _DENSITY) @ given.T
    return both


# ---------------------------------------- pipelines: restricted maximum likelihood


def _pipeline_part(
    logits: Floats,
    covariance: Floats,
    varied: Mapping[str, Ints],
    left_out: dict[str, str],
) -> list[Component]:
    """Return the variance components of the pipelines' logits."""
    m = len(logits)
    centre = np.eye(m) - 1 / m
    names: list[str] = []
    kernels: list[Floats] = []
    seen: list[Floats] = []
    for name, kernel in [
        *((name, np.equal.outer(code, code).astype(float)) for name, code in varied.items()),
        ("interaction", np.eye(m)),
    ]:
        column = (centre @ kernel @ centre).ravel()
        if np.linalg.matrix_rank(np.stack([*seen, column], axis=1), tol=1e-8) > len(seen):
            names.append(name)
            kernels.append(kernel)
            seen.append(column)
        else:
            left_out[name] = (
                "cannot be told from the others: its levels change together with theirs"
            )
    if not names:
        return []
    loss = _restricted(logits, np.array(kernels), covariance)
    spread = max(float(logits.var()), 1e-3)
    best, least = _minimum(loss, np.full(len(names), spread / len(names)), {})
    components = []
    for index, name in enumerate(names):

        def excess(variance: float, index: int = index) -> float:
            return 2 * (_minimum(loss, best, {index: variance})[1] - least) - float(
                chdtri(1, 1 - LEVEL)
            )

        value = float(best[index])
        low = 0.0 if excess(0.0) <= 0 else float(brentq(excess, 0.0, value, rtol=1e-4))
        upper = max(4 * value, spread)
        while excess(upper) < 0 and upper < _BOUND:
            upper *= 4
        high = float("inf") if upper >= _BOUND else float(brentq(excess, value, upper, rtol=1e-4))
        components.append(Component(name, value, low, high, 0.0))
    return components


def _restricted(logits: Floats, kernels: Floats, covariance: Floats) -> Callable[[Floats], float]:
    """Return minus the restricted log likelihood of variances, for a common mean, as a function.

    References
    ----------
    Patterson & Thompson (1971), Recovery of inter-block information when block sizes are unequal,
    Biometrika 58.
    """
    m = len(logits)
    contrasts = np.linalg.svd(np.eye(m) - 1 / m)[0][:, : m - 1]  # free of the mean
    data = contrasts.T @ logits
    inside = contrasts.T @ kernels @ contrasts
    known = contrasts.T @ covariance @ contrasts + 1e-9 * np.eye(m - 1)

    def loss(variances: Floats) -> float:
        root = np.linalg.cholesky(known + np.tensordot(variances, inside, axes=1))
        # A copy: of a strided view, NumPy's logarithm has one of two last digits, by where in
        # memory the result comes to lie.
        return float(
            np.log(root.diagonal().copy()).sum() + (np.linalg.solve(root, data) ** 2).sum() / 2
        )

    return loss


def _minimum(
    loss: Callable[[Floats], float], start: Floats, fixed: Mapping[int, float]
) -> tuple[Floats, float]:
    """Return (variances, loss) at the minimum over the variances that are not fixed.

    It is searched on a log scale.
    """
    free = [index for index in range(len(start)) if index not in fixed]
    values = np.array(start, float)
    for index, value in fixed.items():
        values[index] = value

    def at(logs: Floats) -> Floats:
        full = values.copy()
        full[free] = np.exp(logs) - 1e-8
        return np.maximum(full, 0.0)

    if not free:
        return values, loss(values)
    bounds = [(np.log(1e-8), np.log(_BOUND))] * len(free)
    # From the start and from a flat likelihood's other side: a variance at 0 must be able to leave
    # it.
    starts = [np.log(np.clip(values[free], 1e-3, _BOUND)), np.log(np.full(len(free), 0.1))]
    found = min(
        (
            minimize(lambda logs: loss(at(logs)), logs, method="L-BFGS-B", bounds=bounds)
            for logs in starts
        ),
        key=lambda result: result.fun,
    )
    # The search starts off a boundary and may miss a minimum on it: what it was given counts too.
    stay = loss(values)
    best, least = (values, stay) if stay <= found.fun else (at(found.x), float(found.fun))
    # And a variance that the data do not ask for is 0, not the small number at which the search
    # happened to stop.
    for index in free:
        without = np.where(np.arange(len(best)) == index, 0.0, best)
        if loss(without) <= least + _NO_LOSS:
            best = without
    return best, loss(best)


# ---------------------------------------------------------------- does it matter at all?


def _effect(name: str, codes: Mapping[str, Ints], counts: Floats, seed: int) -> Effect:
    """Exchange the levels of a factor in all contexts in which every level was tried once.

    A context is a combination of the other factors.
    """
    code = codes[name]
    levels = int(code.max()) + 1
    others = np.stack(
        [codes[other] for other in sorted(codes) if other != name] or [np.zeros(len(code), int)],
        axis=1,
    )
    contexts = []
    for context in np.unique(others, axis=0):
        here = np.flatnonzero((others == context).all(axis=1))
        if sorted(code[here]) == list(range(levels)):
            contexts.append(here[np.argsort(code[here])])
    if not contexts:
        return Effect(name, levels, None, "no setting of the others in which every level was tried")
    return Effect(
        name,
        levels,
        exchange_p(np.stack([counts[:, context] for context in contexts], axis=2), seed=seed),
    )
