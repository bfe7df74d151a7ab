"""Order what a run says over time, as figure and page show it."""

from dataclasses import dataclass

from faceoff.scoring.time_records import OverTime, OverTimePipeline


@dataclass(frozen=True)
class Family:
    """A bare pipeline with the rules that read it, in the order of their names."""

    bare: OverTimePipeline
    rules: list[OverTimePipeline]


def families(found: OverTime, most: int | None = None) -> list[Family]:
    """Return the scored pipelines with their rules, the greatest UAR first.

    most: so many of them; default: all.
    """
    scored = [pipe for pipe in found["pipelines"] if pipe["scores"] is not None]
    bare = [pipe for pipe in scored if pipe["of"] is None]
    bare.sort(key=lambda pipe: (-_uar(pipe), pipe["name"]))
    return [
        Family(pipe, [rule for rule in scored if rule["of"] == pipe["name"]])
        for pipe in bare[:most]
    ]


def _uar(pipe: OverTimePipeline) -> float:
    return pipe["scores"]["uar"] if pipe["scores"] else 0.0


def rule_name(pipe: OverTimePipeline) -> str:
    """Return the name that the configuration gives to a rule; '' of a bare pipeline."""
    return pipe["name"].removeprefix("temporal/").partition(".")[0] if pipe["of"] else ""
