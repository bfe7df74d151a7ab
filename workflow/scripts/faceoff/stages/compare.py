"""Stage 7: fusion against the best single cell, and models against the top one, on the same samples (protocol §17–19, §24)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.fusion import ensembles, members
from faceoff.plan.jobs import CompareJob
from faceoff.scoring import metrics
from faceoff.scoring.task import (
    Task,
    UnlabelledError,
    cell_name,
    flags,
    folds_for,
    read_task,
    sample_posteriors,
    share_interval,
)
from faceoff.scoring.variants import equivalence
from faceoff.statistics import agreement, omnibus, paired_tests
from faceoff.statistics.intervals import design_effect
from faceoff.statistics.power import detectable_difference
from faceoff.statistics.ranking import rank_uncertainty
from faceoff.statistics.variance_components import decompose
from faceoff.storage import files
from faceoff.storage.columns import ERROR


@dataclass(frozen=True)
class Candidate:
    """A cell or fusion on a task: log loss per sample (n,), NaN where not covered, predictions and whether they are right (n,).

    `votes` (n, k): what it gives to the classes, NaN where not covered and for a class that it lacks; `ranked`: no warning takes its rank.
    """

    name: str
    votes: np.ndarray
    ranked: bool
    predicted: np.ndarray
    log_loss: np.ndarray
    correct: np.ndarray


def _candidates(task: Task, paths: Sequence[Path]) -> list[Candidate]:
    """Every sound cell and fusion; failed ones (error rows only) take no part."""
    found = []
    for path in paths:
        cell = sample_posteriors(path, task.ids)
        if all(state == ERROR for state in cell.states):
            continue
        posterior, _ = cell.in_space(task.space)
        predicted = metrics.argmax(posterior)
        ranked = not flags(task, cell, predicted)
        log_loss = metrics.sample_log_loss(task.truth, posterior)
        found.append(
            Candidate(
                cell_name(path),
                cell.votes_in(task.space),
                ranked,
                predicted,
                log_loss,
                predicted == task.truth,
            )
        )
    return found


def write_comparisons(
    samples: Path,
    predictions: Sequence[Path],
    validation: Sequence[Path],
    output: Path,
    job: CompareJob,
) -> None:
    """Write the comparisons of one dataset. `validation`: prediction files and, last, the samples table of the validation dataset."""
    nothing = dict.fromkeys(
        ("best_single", "hindsight", "oracle", "effective_members", "cochran_q", "decomposition")
    ) | {
        "comparisons": [],
        "ranking": [],
        "ensemble": None,
        "pairs": [],
        "clones": [],
        "variants": [],
    }
    try:
        task = read_task(samples)
    except UnlabelledError:
        files.write_json(output, {"dataset": job.dataset, "task": None} | nothing)
        return
    candidates = _candidates(task, predictions)
    singles = [candidate for candidate in candidates if not candidate.name.startswith("fusion/")]
    fused = [candidate for candidate in candidates if candidate.name.startswith("fusion/")]
    result: dict[str, Any] = {"dataset": job.dataset, "task": task.describe()} | nothing
    if singles:
        clusters = task.clusters
        best, result["best_single"] = _best_single(task, singles, validation, job.seed)
        correct = np.stack([single.correct for single in singles])
        predicted = np.stack([single.predicted for single in singles])
        top = singles[
            members.best_single_on(
                correct,
                np.stack([single.log_loss for single in singles]),
                [single.name for single in singles],
            )
        ]
        result["hindsight"] = {"name": top.name, **_level(top.correct, clusters)}
        result["oracle"] = {
            **_level(members.oracle(task.truth, predicted), clusters),
            "members": [single.name for single in singles],
        }
        result["effective_members"] = members.effective_members(correct)
        result["pairs"] = _pairs(singles, clusters, job.seed)
        if len(singles) > 1:
            q = omnibus.cochran_q(correct, clusters, seed=job.seed)
            result["cochran_q"] = {"statistic": q.statistic, "df": q.df, "p": q.p, "test": q.test}
            result["decomposition"] = _decomposition(singles, correct, clusters, job)
        result["clones"] = [
            [singles[pair.first].name, singles[pair.second].name]
            for pair in members.clone_pairs(predicted)
        ]
        family = [("headline", candidate, best, "best single") for candidate in fused]
        family += [
            ("headline", candidate, top.correct, top.name)
            for candidate in singles
            if candidate is not top
        ]
        result["comparisons"] = _compare(family, clusters, job.seed)
        result["variants"] = _variants(task, singles, job)
        result["ensemble"] = _ensemble(task, singles, job.seed)
        result["ranking"] = _ranking(candidates, clusters, job.seed)
    files.write_json(output, result)


def _variants(task: Task, singles: Sequence[Candidate], job: CompareJob) -> list[dict[str, Any]]:
    """Whether each model of reduced precision may stand for its original (protocol §26), behind every detector that both have."""
    found = {single.name: single for single in singles}
    pairs = [
        (variant, original)
        for variant, original in sorted(job.variants.items())
        if variant in found and original in found
    ]
    return [
        {
            "variant": variant,
            "original": original,
            **asdict(
                equivalence(
                    task.truth,
                    found[original].predicted,
                    found[variant].predicted,
                    task.clusters,
                    seed=job.seed,
                )
            ),
        }
        for variant, original in pairs
    ]


def _level(correct: np.ndarray, clusters: np.ndarray | None) -> dict[str, Any]:
    interval = share_interval(correct, clusters)
    return {
        "accuracy": float(correct.mean()),
        "n_correct": int(correct.sum()),
        "interval": [interval.low, interval.high],
    }


def _best_single(
    task: Task, singles: Sequence[Candidate], validation: Sequence[Path], seed: int
) -> tuple[np.ndarray, dict[str, Any]]:
    """((n,) correctness of the best single cell, how it was chosen): on the validation dataset, else, or where that is of no use, on the other folds."""
    names = [single.name for single in singles]
    correct = np.stack([single.correct for single in singles])
    held_out, chosen, instead = _held_out(validation, names)
    if held_out is not None:
        index = members.best_single_on(
            np.stack([c.correct for c in chosen]),
            np.stack([c.log_loss for c in chosen]),
            [c.name for c in chosen],
        )
        best = correct[names.index(chosen[index].name)]
        how, choices = (
            f"chosen on {held_out.info['name']} (n = {len(held_out.ids)})",
            [{"fold": None, "cell": chosen[index].name}],
        )
    else:
        log_loss = np.stack([single.log_loss for single in singles])
        folds = folds_for(task.truth, task.clusters, seed)
        if folds is None:
            index = members.best_single_on(correct, log_loss, names)
            return correct[index], {
                "how": f"in hindsight, as there is too little to set apart{instead}",
                "choices": [],
                "name": names[index],
                **_level(correct[index], task.clusters),
            }
        chosen_by_fold = members.best_single(correct, log_loss, names, folds)
        best = correct[chosen_by_fold.member, np.arange(len(folds))]
        how = f"chosen on the other folds of {len(np.unique(folds))}{instead}"
        choices = [
            {"fold": fold, "cell": names[member]}
            for fold, member in sorted(chosen_by_fold.choices.items())
        ]
    counted = Counter(choice["cell"] for choice in choices)
    name = min(counted, key=lambda cell: (-counted[cell], cell))
    return best, {"how": how, "choices": choices, "name": name, **_level(best, task.clusters)}


def _held_out(
    validation: Sequence[Path], names: Sequence[str]
) -> tuple[Task | None, list[Candidate], str]:
    """(the validation task, its sound cells of these names, why there is none although there is a validation dataset)."""
    if not validation:
        return None, [], ""
    try:
        task = read_task(validation[-1])
    except UnlabelledError:
        return None, [], f", as {validation[-1].stem} has no labels"
    chosen = [
        candidate for candidate in _candidates(task, validation[:-1]) if candidate.name in names
    ]
    return (
        (task, chosen, "")
        if chosen
        else (None, [], f", as every cell failed on {validation[-1].stem}")
    )


def _compare(
    family: Sequence[tuple[str, Candidate, np.ndarray, str]], clusters: np.ndarray | None, seed: int
) -> list[dict[str, Any]]:
    """Paired verdicts of one Holm family."""
    verdicts = [
        paired_tests.paired_verdict(candidate.correct, against, clusters=clusters, seed=seed)
        for _, candidate, against, _ in family
    ]
    adjusted = paired_tests.holm([verdict.p for verdict in verdicts])
    shown = [
        detectable_difference(candidate.correct, against, clusters, len(family))
        for _, candidate, against, _ in family
    ]
    return [
        {
            "family": name,
            "a": candidate.name,
            "b": against_name,
            "difference": verdict.difference,
            "low": verdict.low,
            "high": verdict.high,
            "p": verdict.p,
            "p_exact": verdict.p_exact,
            "p_adjusted": p_adjusted,
            "test": verdict.test,
            "verdict": paired_tests.judge(
                p_adjusted, verdict.difference, verdict.low, verdict.high
            ),
            "n": len(candidate.correct),
            "minimum_detectable": detectable.difference,
            "detectable_reason": detectable.reason,
            "design_effect": None
            if clusters is None
            else design_effect(candidate.correct.astype(float) - against, clusters),
        }
        for (name, candidate, against, against_name), verdict, p_adjusted, detectable in zip(
            family, verdicts, adjusted, shown, strict=True
        )
    ]


def _ensemble(task: Task, singles: Sequence[Candidate], seed: int) -> dict[str, Any] | None:
    """What each pair is worth to a soft mean of all, and how accurate one of the best 1, 2, 3 … is; None with one pair or too few samples for folds.

    A class is averaged over the pairs that have it, as a fusion does (protocol §21).
    """
    folds = folds_for(task.truth, task.clusters, seed)
    if len(singles) < 2 or folds is None:
        return None
    posteriors = np.stack([single.votes for single in singles])
    shares = ensembles.shapley(posteriors, task.truth)
    steps = ensembles.greedy(posteriors, task.truth, folds)
    without = ensembles.leave_one_out(posteriors, task.truth)
    return {
        "curve": [
            {
                "size": step.size,
                "added": singles[step.added].name,
                **_level(step.correct, task.clusters),
            }
            for step in steps
        ],
        "order": [[singles[member].name for member in grown] for grown in steps[-1].chosen],
        "members": [
            {
                "name": single.name,
                "leave_one_out": float(without[index]),
                "shapley": None if shares is None else float(shares[index]),
            }
            for index, single in enumerate(singles)
        ],
    }


def _ranking(
    candidates: Sequence[Candidate], clusters: np.ndarray | None, seed: int
) -> list[dict[str, Any]]:
    """How sure each cell's and fusion's place is among those without a warning that takes their rank (protocol §14)."""
    ranked = [candidate for candidate in candidates if candidate.ranked]
    if not ranked:
        return []
    found = rank_uncertainty(
        np.stack([candidate.correct for candidate in ranked]), clusters, seed=seed
    )
    if found.reason:
        nothing = dict.fromkeys(("p_best", "rank_low", "rank_high", "tied_with_best"))
        return [{"name": candidate.name, **nothing, "reason": found.reason} for candidate in ranked]
    columns = zip(ranked, found.p_best, found.rank_low, found.rank_high, found.tied, strict=True)
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


def _decomposition(
    singles: Sequence[Candidate],
    correct: np.ndarray,
    clusters: np.ndarray | None,
    job: CompareJob,
) -> dict[str, Any]:
    """How much of being right is due to detector, crop, model and sample, and whether each factor matters at all."""
    factors = {
        name: [job.factors[single.name][name] for single in singles]
        for name in ("detector", "crop", "model")
    }
    found = decompose(correct, factors, clusters, seed=job.seed)
    return {
        "components": [asdict(component) for component in found.components],
        "effects": [asdict(effect) for effect in found.effects],
        "left_out": found.left_out,
    }


def _pairs(
    singles: Sequence[Candidate], clusters: np.ndarray | None, seed: int
) -> list[dict[str, Any]]:
    """Diversity of every pair of cells: disagreement and Q of their correctness, kappa and agreement of their predictions where both have one."""
    found = []
    for first, a in enumerate(singles):
        for b in singles[first + 1 :]:
            both = (a.predicted >= 0) & (b.predicted >= 0)
            kappa = agreement.kappa_interval(
                a.predicted[both],
                b.predicted[both],
                None if clusters is None else clusters[both],
                seed=seed,
            )
            found.append({
                "a": a.name,
                "b": b.name,
                "disagreement": agreement.disagreement(a.correct, b.correct),
                "double_fault": agreement.double_fault(a.correct, b.correct),
                "q": agreement.q_statistic(a.correct, b.correct),
                "kappa": kappa.estimate,
                "kappa_low": kappa.low,
                "kappa_high": kappa.high,
                "agreement": float((a.predicted[both] == b.predicted[both]).mean()) if both.any() else None,
            })  # fmt: skip
    return found
