"""Test the gaps between groups of the best single cell and the headline fusion (protocol §42)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faceoff.scoring.families import Answers
from faceoff.scoring.records import Group, GroupSource, Subgroups, SubgroupTest
from faceoff.scoring.subgroups import attributes, by_group, contributions
from faceoff.scoring.task import Task
from faceoff.statistics.arrays import Floats
from faceoff.statistics.level_tests import differing_gaps
from faceoff.statistics.paired_tests import holm

_OF_DATASET = "dataset"


@dataclass(frozen=True)
class DividedSamples:
    """The groups of n samples.

    levels: (n) name -> level; files: name -> the table that names it, for those of a table;
    measured: what is said of those that the run measured.
    """

    levels: Sequence[Mapping[str, str]]
    files: Mapping[str, str]
    measured: Sequence[GroupSource] = ()

    def source(self, name: str) -> str:
        """Return where a group comes from."""
        own = {each["name"]: each["source"] for each in self.measured}
        return own.get(name) or self.files.get(name, _OF_DATASET)


def subgroup_family(
    task: Task,
    groups: DividedSamples,
    best: Answers,
    fusion: Answers | None,
    seed: int,
) -> Subgroups:
    """Return the verdict on each group's gap, by Holm over groups × pipelines.

    Parameters
    ----------
    groups
        Of the n samples.
    best
        The best single cell.
    fusion
        The headline fusion; None where there is none.
    seed
        Of the permutations.
    """
    pipelines = [best] if fusion is None else [best, fusion]
    rows = [
        _row(pipeline.name, group, groups.source(group["name"]))
        for pipeline in pipelines
        for group in by_group(
            groups.levels,
            pipeline.correct(task),
            task.truth,
            task.clusters,
            space=task.space,
            seed=seed,
        )
    ]
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_adjusted"] = float(p)
        if row["p"] is not None and p < 0.05:
            row["verdict"] = "differs"
    if fusion is None:
        return {"tests": rows, "differences": [], "measured": list(groups.measured)}
    apart: Floats = fusion.correct(task).astype(float) - best.correct(task)
    return {
        "tests": rows,
        "differences": [
            {
                "a": fusion.name,
                "b": best.name,
                "group": attribute.name,
                "p": differing_gaps(contributions(attribute, apart, task.truth), seed),
            }
            for attribute in attributes(groups.levels, task.truth, task.clusters)
        ],
        "measured": list(groups.measured),
    }


def _row(pipeline: str, group: Group, source: str) -> SubgroupTest:
    level = {level["level"]: level for level in group["levels"]}
    best, worst = level[group["best"]], level[group["worst"]]
    return {
        "pipeline": pipeline,
        "group": group["name"],
        "source": source,
        "best": group["best"],
        "best_n": best["n"],
        "best_subjects": best["subjects"],
        "best_score": best["standardised"],
        "worst": group["worst"],
        "worst_n": worst["n"],
        "worst_subjects": worst["subjects"],
        "worst_score": worst["standardised"],
        "gap": group["gap"],
        "low": group["low"],
        "high": group["high"],
        "p": group["p"],
        "p_adjusted": None,
        "verdict": "equal within 5 points"
        if group["equal"]
        else "no test"
        if group["p"] is None
        else "not shown",
    }
