"""Test the gaps between groups of the best single cell and the headline fusion (protocol §42)."""

from collections.abc import Mapping, Sequence

from faceoff.scoring.families import Answers
from faceoff.scoring.records import Group, Subgroups, SubgroupTest
from faceoff.scoring.subgroups import attributes, by_group, contributions
from faceoff.scoring.task import Task
from faceoff.statistics.arrays import Floats
from faceoff.statistics.level_tests import differing_gaps
from faceoff.statistics.paired_tests import holm


def subgroup_family(
    task: Task,
    groups: Sequence[Mapping[str, str]],
    best: Answers,
    fusion: Answers | None,
    seed: int,
) -> Subgroups:
    """Return the verdict on each group's gap, by Holm over groups × pipelines.

    Parameters
    ----------
    groups
        Of each of the n samples, name -> level.
    best
        The best single cell.
    fusion
        The headline fusion; None where there is none.
    seed
        Of the permutations.
    """
    pipelines = [best] if fusion is None else [best, fusion]
    rows = [
        _row(pipeline.name, group)
        for pipeline in pipelines
        for group in by_group(
            groups,
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
        return {"tests": rows, "differences": []}
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
            for attribute in attributes(groups, task.truth, task.clusters)
        ],
    }


def _row(pipeline: str, group: Group) -> SubgroupTest:
    return {
        "pipeline": pipeline,
        "group": group["name"],
        "best": group["best"],
        "worst": group["worst"],
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
