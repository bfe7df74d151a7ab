"""Simulate whether the statistics keep their promises.

    OMP_NUM_THREADS=1 python benchmarks/simulations.py [--scale 1.0] [--seed 20] [--write]

The studies draw data whose truth is known, many times over; docs/statistics.md shows the results.
Every study draws its data from one seed and resamples from another. `--scale 0.1` draws a tenth as
often; `--write` replaces the tables between the marks in docs/statistics.md. A rate's Monte-Carlo
standard error is √(rate (1 − rate) / draws).
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "benchmarks")]

from simulated import Rate, people_of, share_of, study_of  # noqa: E402
from simulated_components import recoveries, simulate  # noqa: E402
from simulated_families import class_orders, families  # noqa: E402

from faceoff.scoring import metrics  # noqa: E402
from faceoff.statistics import (  # noqa: E402
    agreement,
    bootstrap,
    intervals,
    omnibus,
    paired_tests,
    power,
    ranking,
)

PAGE = ROOT / "docs" / "statistics.md"
BEGIN, END = "<!-- simulations: begin -->", "<!-- simulations: end -->"
GROUPS = (10, 24, 100)
# Most resamples show no error of the rare classes.
RARE, RARE_RECALL = [200, 200, 8, 8], [0.8, 0.8, 0.95, 0.95]


def _pair(
    random: np.random.Generator, n: int, discordance: float, difference: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the correctness of two pipelines on n independent samples.

    On a share of `discordance` of them only one is right; accuracies are `difference` apart.
    """
    only_a, only_b = (discordance + difference) / 2, (discordance - difference) / 2
    kind = random.choice(
        4, size=n, p=[only_a, only_b, 0.8 * (1 - discordance), 0.2 * (1 - discordance)]
    )
    return (kind == 0) | (kind == 2), (kind == 1) | (kind == 2)


def sizes(scale: float, seed: int) -> list[Rate]:
    """Return how often tests at 5 % reject where there is nothing to find."""
    draws, found = max(200, int(4000 * scale)), []
    for n, discordance in ((200, 0.1), (500, 0.2), (3000, 0.1)):
        random = np.random.default_rng([seed, n])
        tests = [paired_tests.mcnemar(*_pair(random, n, discordance)) for _ in range(draws)]
        setting = f"n = {n}, {100 * discordance:.0f} % discordant"
        found.append(
            Rate(
                "exact McNemar",
                setting,
                float(np.mean([test.exact < 0.05 for test in tests])),
                draws,
                (0.0, 0.05),
            )
        )
        found.append(
            Rate(
                "mid-p McNemar",
                setting,
                float(np.mean([test.mid_p < 0.05 for test in tests])),
                draws,
                (0.04, 0.06),
            )
        )
    for groups in GROUPS:

        def flipped(random: np.random.Generator, index: int, groups: int = groups) -> bool:
            (a, b), clusters = people_of(random, groups, 20, pipelines=2)
            apart, seed = a.astype(int) - b, 100_000 + index
            return paired_tests.sign_flip(apart, clusters, seed=seed, replicates=1999).p < 0.05

        found.append(
            study_of(
                "sign flip over clusters",
                f"{groups} subjects × 20",
                flipped,
                draws,
                seed + groups,
                (0.04, 0.06),
            )
        )

    def asked(random: np.random.Generator, index: int) -> bool:
        easy = random.beta(2, 1, 400)
        return omnibus.cochran_q(random.random((5, 400)) < easy, seed=150_000 + index).p < 0.05

    found.append(
        study_of("Cochran's Q", "5 pipelines, n = 400", asked, draws, seed + 1, (0.04, 0.06))
    )
    fewer = max(200, int(1000 * scale))

    def exchanged(random: np.random.Generator, index: int) -> bool:
        variances = {"model": 1.0, "sample": 2.0, "model × sample": 1.0}
        correct, _ = simulate({"detector": 3, "model": 2}, variances, 150, 0.5, random)
        counts = correct.reshape(3, 2, -1).transpose(2, 0, 1)
        return omnibus.exchange_p(counts, seed=500_000 + index, replicates=499) < 0.05

    found.append(
        study_of(
            "exchanging detectors",
            "3 detectors that do not matter × 2 models, n = 150",
            exchanged,
            fewer,
            seed + 2,
            (0.04, 0.06),
        )
    )
    return [*found, *class_orders(max(200, int(2000 * scale)), seed + 3)]


def powers(scale: float, seed: int) -> list[Rate]:
    """Return how often the minimum detectable difference is detected, where it is the truth.

    By its definition this is 80 %.
    """
    draws, found = max(200, int(2000 * scale)), []
    for n, discordance in ((300, 0.2), (3000, 0.1)):
        delta = power.mcnemar_detectable(n, discordance)

        def detected(
            random: np.random.Generator,
            index: int,
            n: int = n,
            discordance: float = discordance,
            delta: float = delta,
        ) -> bool:
            return paired_tests.mcnemar(*_pair(random, n, discordance, delta)).mid_p < 0.05

        data = f"n = {n}, {100 * discordance:.0f} % discordant"
        setting = f"mid-p McNemar, {data}: {100 * delta:.1f} points"
        found.append(
            study_of(
                "minimum detectable difference", setting, detected, draws, seed + n, (0.77, 0.83)
            )
        )
    for groups, family in ((24, 1), (24, 10), (8, 5)):
        delta = power.sign_flip_detectable(groups, 0.1, alpha=0.05 / family)

        def noticed(
            random: np.random.Generator,
            index: int,
            groups: int = groups,
            family: int = family,
            delta: float = delta,
        ) -> bool:
            flips = paired_tests.sign_flip(
                random.normal(delta, 0.1, groups),
                np.arange(groups),
                seed=200_000 + index,
                replicates=1999 * family,
            )
            return flips.p < 0.05 / family

        data = f"{groups} subjects, spread 10 points"
        first = f", first of {family} tests" if family > 1 else ""
        setting = f"sign flip, {data}{first}: {100 * delta:.1f} points"
        found.append(
            study_of(
                "minimum detectable difference", setting, noticed, draws, seed + 3, (0.77, 0.83)
            )
        )
    return found


def coverages(scale: float, seed: int) -> list[Rate]:
    """Return how often 95 % intervals hold the truth."""
    draws, found = max(200, int(4000 * scale)), []

    def holds(interval: intervals.Interval, truth: float) -> bool:
        return interval.low <= truth <= interval.high

    for n, share in ((100, 0.7), (400, 0.9), (3000, 0.85)):
        rate = share_of(
            lambda random, _, n=n, share=share: holds(
                intervals.wilson(int(random.binomial(n, share)), n), share
            ),
            draws,
            seed + n,
        )
        found.append(Rate("Wilson", f"n = {n}, accuracy {share}", rate, draws, (0.94, 0.96)))
    for n, discordance, difference in ((200, 0.2, 0.0), (400, 0.15, 0.05), (3000, 0.1, 0.02)):

        def tango(
            random: np.random.Generator,
            index: int,
            n: int = n,
            discordance: float = discordance,
            difference: float = difference,
        ) -> bool:
            a, b = _pair(random, n, discordance, difference)
            return holds(
                intervals.tango_interval(int((a & ~b).sum()), int((~a & b).sum()), n), difference
            )

        found.append(
            study_of(
                "Tango",
                f"n = {n}, {100 * discordance:.0f} % discordant, difference {difference}",
                tango,
                draws,
                seed + n + 1,
                (0.94, 0.96),
            )
        )
    for groups in GROUPS:

        def level(random: np.random.Generator, index: int, groups: int = groups) -> bool:
            (a,), clusters = people_of(random, groups, 20)
            return holds(intervals.cluster_interval(a, clusters), 0.7)

        def gap(random: np.random.Generator, index: int, groups: int = groups) -> bool:
            (a, b), clusters = people_of(random, groups, 20, pipelines=2)
            return holds(intervals.cluster_interval(a.astype(int) - b, clusters), 0.0)

        found.append(
            study_of(
                "cluster t, accuracy",
                f"{groups} subjects × 20",
                level,
                draws,
                seed + groups + 2,
                (0.935, 0.965),
            )
        )
        found.append(
            study_of(
                "cluster t, difference",
                f"{groups} subjects × 20",
                gap,
                draws,
                seed + groups + 3,
                (0.935, 0.965),
            )
        )

        def uneven(random: np.random.Generator, index: int, groups: int = groups) -> bool:
            counts = np.maximum(1, np.exp(random.normal(2.5, 1, groups)).astype(int))
            clusters = np.repeat(np.arange(groups), counts)
            drawn = random.random(len(clusters))
            correct = drawn < random.beta(4.2, 1.8, groups)[clusters]
            return holds(intervals.cluster_interval(correct, clusters), 0.7)

        setting = f"{groups} subjects of very different sizes (log-normal, σ = 1)"
        found.append(
            study_of(
                "cluster t, accuracy",
                setting,
                uneven,
                draws,
                seed + groups + 4,
                (0.925, 0.965) if groups > 24 else None,
            )
        )
    for size, recall in (([50, 30, 20], [0.8, 0.7, 0.6]), (RARE, RARE_RECALL)):

        def recalls(
            random: np.random.Generator,
            index: int,
            size: list[int] = size,
            recall: list[float] = recall,
        ) -> bool:
            return holds(
                intervals.mean_share(random.binomial(size, recall), size), float(np.mean(recall))
            )

        setting = f"classes of {', '.join(map(str, size))}, recalls {', '.join(map(str, recall))}"
        found.append(
            Rate(
                "UAR",
                setting,
                share_of(recalls, draws, seed + sum(size) + 5),
                draws,
                (0.935, 0.965) if size is not RARE else (0.935, 1.0),
            )
        )
    return found + _bootstraps(scale, seed)


def _bootstraps(scale: float, seed: int) -> list[Rate]:
    """Return how often bootstrap intervals of macro-F1 and kappa hold the truth.

    The truth of macro-F1 is that of a very large sample.
    """
    draws, found = max(100, int(1000 * scale)), []
    shares, k = np.array([0.5, 0.3, 0.2]), 3
    confuses = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.25, 0.15, 0.6]])

    def sample(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        truth = random.choice(k, n, p=shares)
        return truth, (random.random((n, 1)) > confuses[truth].cumsum(axis=1)).sum(axis=1)

    counts = np.hstack([shares[:, None] * confuses, np.zeros((k, 1))])
    macro = float(metrics.macro_f1_of(1e6 * counts))

    def of_confusion(totals: np.ndarray) -> np.ndarray:
        return metrics.macro_f1_of(totals.reshape(-1, k, k + 1))

    for n in (100, 400):

        def both(random: np.random.Generator, index: int, n: int = n) -> tuple[bool, bool]:
            truth, predicted = sample(random, n)
            t = bootstrap.bootstrap_t_confusion(
                metrics.macro_f1_of, truth, predicted, k, seed=300_000 + index, replicates=999
            )
            kinds, multiplicity = np.unique(truth * (k + 1) + predicted, return_counts=True)
            units = np.eye(k * (k + 1))[kinds]
            b = bootstrap.bca(
                of_confusion, units, multiplicity, seed=300_000 + index, replicates=999
            )
            return t.low <= macro <= t.high, b.low <= macro <= b.high

        random = np.random.default_rng([seed, n])
        hit = np.mean([both(random, index) for index in range(draws)], axis=0)
        found.append(
            Rate(
                "bootstrap-t, macro-F1",
                f"n = {n}, independent",
                float(hit[0]),
                draws,
                (0.935, 0.965),
            )
        )
        found.append(
            Rate(
                "BCa, macro-F1",
                f"n = {n}, independent",
                float(hit[1]),
                draws,
                (0.93, 0.965) if n > 100 else None,
            )
        )
    size, recall = np.array(RARE), np.array(RARE_RECALL)
    mixed = (1 - recall)[:, None] / 3 * (1 - np.eye(4)) + np.diag(recall)
    rare = float(metrics.macro_f1_of(1e6 * np.hstack([size[:, None] * mixed, np.zeros((4, 1))])))

    def of_rare(random: np.random.Generator, index: int) -> bool:
        truth = random.choice(4, size.sum(), p=size / size.sum())
        bounds = mixed[truth].cumsum(axis=1)[:, :3]
        predicted = (random.random((len(truth), 1)) > bounds).sum(axis=1)
        interval = bootstrap.bootstrap_t_confusion(
            metrics.macro_f1_of, truth, predicted, 4, seed=310_000 + index, replicates=999
        )
        return interval.low <= rare <= interval.high

    found.append(
        study_of(
            "bootstrap-t, macro-F1",
            f"classes of {', '.join(map(str, RARE))}",
            of_rare,
            draws,
            seed + 6,
            None,
        )
    )
    for groups in GROUPS:

        def of_people(
            random: np.random.Generator, index: int, groups: int = groups
        ) -> tuple[bool, bool]:
            (a,), clusters = people_of(random, groups, 20)
            units = np.stack([np.bincount(clusters, weights=a), np.full(groups, 20.0)], axis=1)
            t = bootstrap.bootstrap_t(_ratio, units, seed=400_000 + index, replicates=999)
            b = bootstrap.bca(_ratio, units, seed=400_000 + index, replicates=999)
            return t.low <= 0.7 <= t.high, b.low <= 0.7 <= b.high

        random = np.random.default_rng([seed, groups, 1])
        hit = np.mean([of_people(random, index) for index in range(draws)], axis=0)
        found.append(
            Rate(
                "bootstrap-t, accuracy",
                f"{groups} subjects × 20",
                float(hit[0]),
                draws,
                (0.935, 0.965),
            )
        )
        found.append(
            Rate(
                "BCa, accuracy",
                f"{groups} subjects × 20",
                float(hit[1]),
                draws,
                (0.935, 0.965) if groups > 24 else None,
            )
        )

    joint = np.array([[0.4, 0.05, 0.05], [0.05, 0.2, 0.05], [0.02, 0.03, 0.15]])
    by_chance = joint.sum(axis=0) @ joint.sum(axis=1)
    kappa = float((np.trace(joint) - by_chance) / (1 - by_chance))

    def agreed(random: np.random.Generator, index: int) -> bool:
        cell = random.choice(9, 300, p=joint.ravel())
        interval = agreement.kappa_interval(
            cell // 3, cell % 3, seed=600_000 + index, replicates=999
        )
        return interval.low <= kappa <= interval.high

    found.append(
        study_of(
            "BCa, Cohen's kappa", "n = 300, independent", agreed, draws, seed + 5, (0.935, 0.965)
        )
    )
    return found


def _ratio(totals: np.ndarray) -> np.ndarray:
    return totals[:, 0] / totals[:, 1]


def ranks(scale: float, seed: int) -> list[Rate]:
    """Return how often rank intervals hold, and how often the truly best pipeline is kept.

    It is kept among those that cannot be told from the best.
    """
    draws, found = max(100, int(500 * scale)), []
    accuracy = np.array([0.80, 0.78, 0.75, 0.72, 0.70, 0.60])
    truly = np.arange(1, 7)
    for groups in (None, 24):
        random = np.random.default_rng([seed, groups or 0])
        kept, held = [], []
        for index in range(draws):
            if groups is None:
                correct, clusters = random.random((6, 400)) < accuracy[:, None], None
            else:
                easy = random.normal(0, 0.08, groups)
                clusters = np.repeat(np.arange(groups), 20)
                own = np.clip(accuracy[:, None] + easy, 0, 1)
                correct = random.random((6, len(clusters))) < own[:, clusters]
            found_here = ranking.rank_uncertainty(
                correct, clusters, seed=700_000 + index, replicates=500
            )
            kept.append(found_here.tied[0])
            held.append(((found_here.rank_low <= truly) & (truly <= found_here.rank_high)).mean())
        samples = "n = 400" if groups is None else f"{groups} subjects × 20"
        setting = f"6 pipelines, {samples}"
        found.append(
            Rate("best kept among the tied", setting, float(np.mean(kept)), draws, (0.94, 1.0))
        )
        found.append(Rate("rank intervals", setting, float(np.mean(held)), draws, (0.94, 1.0)))
    return found


def _table(rates: list[Rate], what: str) -> list[str]:
    lines = [f"| what | setting | {what} | promised | draws |", "| --- | --- | --- | --- | --- |"]
    for rate in rates:
        band = "–" if rate.band is None else f"{100 * rate.band[0]:.1f}–{100 * rate.band[1]:.1f} %"
        share = f"{100 * rate.rate:.1f} ± {100 * rate.error:.1f} %{'' if rate.kept else ' ✗'}"
        lines.append(f"| {rate.study} | {rate.setting} | {share} | {band} | {rate.draws:,} |")
    return lines


def report(scale: float, seed: int) -> str:
    """Return all studies as Markdown."""
    made = f"`benchmarks/simulations.py --scale {scale:g} --seed {seed}`"
    lines = [
        f"Made by {made}; ± is one Monte-Carlo standard error, "
        "✗ marks a rate more than two outside its band.",
        "",
    ]
    tests = "**Tests at 5 % where there is nothing to find: how often they reject**"
    lines += [tests, "", *_table(sizes(scale, seed), "rejects"), ""]
    chosen = "**Families of equal pipelines: how often they show a difference somewhere**"
    lines += [chosen, "", *_table(families(scale, seed), "shows one"), ""]
    held = "**95 % intervals: how often they hold the truth**"
    lines += [held, "", *_table(coverages(scale, seed), "covers"), ""]
    detected = (
        "**The minimum detectable difference, where it is the truth: how often it is detected**"
    )
    lines += [detected, "", *_table(powers(scale, seed), "detected"), ""]
    lines += ["**Ranks**", "", *_table(ranks(scale, seed), "holds"), ""]
    recovered = recoveries(scale, seed)
    size = f"5 detectors × 5 models, 500 samples, {recovered[0].draws} draws"
    lines += [
        f"**Variance components** ({size})",
        "",
        "| component | true variance | mean estimate ± s.e. | spread of estimates "
        "| interval holds the truth |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in recovered:
        error = row.spread / np.sqrt(row.draws)
        lines.append(
            f"| {row.component} | {row.truth:g} | {row.mean:.3f} ± {error:.3f} "
            f"| {row.spread:.3f} | {100 * row.covered:.0f} % |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument(
        "--write", action="store_true", help="replace the tables of docs/statistics.md"
    )
    arguments = parser.parse_args()
    text = report(arguments.scale, arguments.seed)
    if not arguments.write:
        print(text)
        return
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
