"""Compare pipelines on the same samples: fusions with the best single cell, cells with the top one.

See the protocol, §17–19 and §24. Everything is a pure function of `Candidate` records.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import cast

import numpy as np

from faceoff.fusion import ensembles, members
from faceoff.fusion.ensembles import Ballots
from faceoff.scoring import families
from faceoff.scoring.families import Answers
from faceoff.scoring.records import (
    BEST_SINGLE,
    Accuracy,
    BestSingle,
    Choice,
    CochranQ,
    Comparison,
    Decomposition,
    Ensemble,
    Pair,
    Place,
    Variant,
    nothing_to_compare,
)
from faceoff.scoring.subgroup_family import DividedSamples, subgroup_family
from faceoff.scoring.task import Task, folds_for, share_interval
from faceoff.scoring.variants import equivalence
from faceoff.statistics import agreement, omnibus
from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.statistics.ranking import rank_uncertainty
from faceoff.statistics.variance_components import decompose

FACTORS = ("detector", "crop", "model")


@dataclass(frozen=True)
class Candidate:
    """A cell or fusion on a task of n samples and k classes.

    ranked: no warning takes its rank; predicted: (n,); log_loss: (n,), NaN where not covered;
    correct: (n,).
    """

    name: str
    ranked: bool
    predicted: Ints
    log_loss: Floats
    correct: Bools

    @property
    def answers(self) -> Answers:
        """Return what is compared pair by pair."""
        return Answers(self.name, self.predicted)

    @property
    def is_fusion(self) -> bool:
        """Return whether it is a fusion, not a cell."""
        return self.name.startswith("fusion/")


@dataclass(frozen=True)
class Singles:
    """The cells of a task, one below the other."""

    cells: Sequence[Candidate]

    @property
    def names(self) -> list[str]:
        """Return the names of the cells."""
        return [cell.name for cell in self.cells]

    @cached_property
    def correct(self) -> Bools:
        """Return (cells, n) whether each is right."""
        return np.stack([cell.correct for cell in self.cells])

    @cached_property
    def predicted(self) -> Ints:
        """Return (cells, n) the predictions."""
        return np.stack([cell.predicted for cell in self.cells])

    @cached_property
    def log_loss(self) -> Floats:
        """Return (cells, n) log loss, NaN where not covered."""
        return np.stack([cell.log_loss for cell in self.cells])

    @cached_property
    def best(self) -> int:
        """Return the index of the most accurate cell on these samples; ties by log loss, name."""
        return members.best_single_on(self.correct, self.log_loss, self.names)


@dataclass(frozen=True)
class Voters:
    """The cells of a vote of all, one per lineage, with their frame by frame answers."""

    names: Sequence[str]
    ballots: Ballots


@dataclass(frozen=True)
class HeldOut:
    """The same cells on the validation dataset, which choose the best single one.

    task: None where there is no validation dataset, or none of use: `instead` says why.
    """

    task: Task | None
    cells: Sequence[Candidate]
    instead: str = ""


def compare(
    dataset: str,
    task: Task,
    candidates: Sequence[Candidate],
    held_out: HeldOut,
    factors: Mapping[str, Mapping[str, str]],
    variants: Mapping[str, str],
    groups: DividedSamples,
    voters: Voters,
    headline_fusion: str | None,
    seed: int,
) -> Comparison:
    """Return everything that the protocol compares on one dataset.

    Parameters
    ----------
    candidates
        The sound cells and fusions of the task.
    held_out
        The cells on the validation dataset.
    factors
        What each cell is made of: detector, crop, model.
    variants
        Cell of reduced precision -> the cell that it may stand for.
    groups
        Of the n samples, with where they come from.
    voters
        The members of a vote of all.
    headline_fusion
        The fusion whose gaps between groups are tested; None where there is none.
    seed
        Of folds and of everything that is resampled.
    """
    found = nothing_to_compare(dataset, task.describe())
    singles = Singles([candidate for candidate in candidates if not candidate.is_fusion])
    if not singles.cells:
        return found
    clusters = task.clusters
    best, found["best_single"] = best_single(task, singles, held_out, seed)
    top = singles.cells[singles.best]
    found["hindsight"] = {"name": top.name, **level(top.correct, clusters)}
    oracle = members.oracle(task.truth, singles.predicted)
    found["oracle"] = {**level(oracle, clusters), "members": singles.names}
    found["effective_members"] = members.effective_members(singles.correct)
    found["pairs"] = pairs(singles.cells, clusters, seed)
    if len(singles.cells) > 1:
        found["cochran_q"] = _cochran_q(singles, clusters, seed)
    faces = Singles([cell for cell in singles.cells if cell.name in factors])
    if len(faces.cells) > 1:
        found["decomposition"] = _decomposition(faces, clusters, factors, seed)
    found["clones"] = [
        [singles.names[pair.first], singles.names[pair.second]]
        for pair in members.clone_pairs(singles.predicted)
    ]
    fusions = [candidate.answers for candidate in candidates if candidate.is_fusion]
    cells = [cell.answers for cell in singles.cells]
    found["comparisons"] = [
        *families.fusions_against_best(task, fusions, best, seed),
        *families.cells_against_top(task, cells, singles.best, seed),
        *families.all_pairs(task, cells, seed),
    ]
    headline = next((f for f in fusions if f.name == f"fusion/{headline_fusion}"), None)
    found["subgroups"] = subgroup_family(task, groups, best, headline, seed)
    found["variants"] = _variants(task, singles.cells, variants, seed)
    found["ensemble"] = ensemble(task, voters, seed)
    found["ranking"] = ranking(candidates, clusters, seed)
    return found


def level(correct: Bools, clusters: Ints | None) -> Accuracy:
    """Return the accuracy of these answers with its interval."""
    interval = share_interval(correct, clusters)
    return {
        "accuracy": float(correct.mean()),
        "n_correct": int(correct.sum()),
        "interval": [interval.low, interval.high],
    }


def best_single(
    task: Task, singles: Singles, held_out: HeldOut, seed: int
) -> tuple[Answers, BestSingle]:
    """Return the answers of the best single cell, and how it was chosen.

    It is chosen on the validation dataset; where there is none or that is of no use, on the other
    folds (protocol §19).
    """
    names = singles.names
    choices: list[Choice]
    if held_out.task is not None:
        elsewhere = Singles(held_out.cells)
        chosen = elsewhere.names[elsewhere.best]
        predicted = singles.predicted[names.index(chosen)]
        how = f"chosen on {held_out.task.info['name']} (n = {len(held_out.task.ids)})"
        choices = [{"fold": None, "cell": chosen}]
    else:
        folds = folds_for(task.truth, task.clusters, seed)
        if folds is None:
            top = singles.cells[singles.best]
            why = f"in hindsight, as there is too little to set apart{held_out.instead}"
            own = level(top.correct, task.clusters)
            best = Answers(BEST_SINGLE, top.predicted)
            return best, {"how": why, "choices": [], "name": top.name, **own}
        by_fold = members.best_single(singles.correct, singles.log_loss, names, folds)
        predicted = singles.predicted[by_fold.member, np.arange(len(folds))]
        how = f"chosen on the other folds of {len(np.unique(folds))}{held_out.instead}"
        ordered = sorted(by_fold.choices.items())
        choices = [{"fold": fold, "cell": names[member]} for fold, member in ordered]
    counted = Counter(choice["cell"] for choice in choices)
    name = min(counted, key=lambda cell: (-counted[cell], cell))
    best = Answers(BEST_SINGLE, predicted)
    own = level(best.correct(task), task.clusters)
    return best, {"how": how, "choices": choices, "name": name, **own}


def ensemble(task: Task, voters: Voters, seed: int) -> Ensemble | None:
    """Return what each cell is worth to a soft mean of all, and how accurate the best 1, 2 … are.

    The votes are the fusion's own (protocol §38). None with one cell, or with too few samples for
    folds.
    """
    folds = folds_for(task.truth, task.clusters, seed)
    names, ballots = voters.names, voters.ballots
    if len(names) < 2 or folds is None:
        return None
    shares = ensembles.shapley(ballots)
    steps = ensembles.greedy(ballots, folds)
    without = ensembles.leave_one_out(ballots)
    return {
        "curve": [
            {"size": step.size, "added": names[step.added], **level(step.correct, task.clusters)}
            for step in steps
        ],
        "order": [[names[member] for member in grown] for grown in steps[-1].chosen],
        "members": [
            {
                "name": name,
                "leave_one_out": float(without[index]),
                "shapley": None if shares is None else float(shares[index]),
            }
            for index, name in enumerate(names)
        ],
    }


def ranking(candidates: Sequence[Candidate], clusters: Ints | None, seed: int) -> list[Place]:
    """Return how sure each place is, among those without a warning that takes their rank (§14)."""
    ranked = [candidate for candidate in candidates if candidate.ranked]
    if not ranked:
        return []
    correct = np.stack([candidate.correct for candidate in ranked])
    found = rank_uncertainty(correct, clusters, seed=seed)
    places = (found.p_best, found.rank_low, found.rank_high, found.tied)
    if found.reason or any(place is None for place in places):
        return [
            {
                "name": candidate.name,
                "p_best": None,
                "rank_low": None,
                "rank_high": None,
                "tied_with_best": None,
                "reason": found.reason,
            }
            for candidate in ranked
        ]
    columns = zip(ranked, *cast(tuple[Floats, ...], places), strict=True)
    return [
        {
            "name": candidate.name,
            "p_best": float(p),
            "rank_low": int(low),
            "rank_high": int(high),
            "tied_with_best": bool(tied),
            "reason": "",
        }
        for candidate, p, low, high, tied in columns
    ]


def pairs(cells: Sequence[Candidate], clusters: Ints | None, seed: int) -> list[Pair]:
    """Return how alike every two cells are.

    Disagreement and Q are of their correctness; kappa and agreement of their predictions where both
    have one.
    """
    found: list[Pair] = []
    for first, a in enumerate(cells):
        for b in cells[first + 1 :]:
            both = (a.predicted >= 0) & (b.predicted >= 0)
            same = a.predicted[both] == b.predicted[both]
            inside = None if clusters is None else clusters[both]
            kappa = agreement.kappa_interval(
                a.predicted[both], b.predicted[both], inside, seed=seed
            )
            found.append(
                {
                    "a": a.name,
                    "b": b.name,
                    "disagreement": agreement.disagreement(a.correct, b.correct),
                    "double_fault": agreement.double_fault(a.correct, b.correct),
                    "q": agreement.q_statistic(a.correct, b.correct),
                    "kappa": kappa.estimate,
                    "kappa_low": kappa.low,
                    "kappa_high": kappa.high,
                    "agreement": float(same.mean()) if both.any() else None,
                }
            )
    return found


def _cochran_q(singles: Singles, clusters: Ints | None, seed: int) -> CochranQ:
    found = omnibus.cochran_q(singles.correct, clusters, seed=seed)
    return {"statistic": found.statistic, "df": found.df, "p": found.p, "test": found.test}


def _decomposition(
    singles: Singles,
    clusters: Ints | None,
    factors: Mapping[str, Mapping[str, str]],
    seed: int,
) -> Decomposition:
    """Return how much of being right is due to each factor, and whether the factor matters."""
    named = {factor: [factors[name][factor] for name in singles.names] for factor in FACTORS}
    found = decompose(singles.correct, named, clusters, seed=seed)
    return cast(
        Decomposition,
        {
            "components": [asdict(component) for component in found.components],
            "effects": [asdict(effect) for effect in found.effects],
            "left_out": found.left_out,
        },
    )


def _variants(
    task: Task, cells: Sequence[Candidate], variants: Mapping[str, str], seed: int
) -> list[Variant]:
    """Return whether each variant may stand for its original (protocol §26)."""
    predicted = {cell.name: cell.predicted for cell in cells}
    return [
        cast(
            Variant,
            {
                "variant": variant,
                "original": original,
                **asdict(
                    equivalence(
                        task.truth,
                        predicted[original],
                        predicted[variant],
                        task.clusters,
                        seed=seed,
                    )
                ),
            },
        )
        for variant, original in sorted(variants.items())
        if variant in predicted and original in predicted
    ]
