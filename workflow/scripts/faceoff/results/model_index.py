"""Write a cell's scores as the `model-index` block of a Hugging Face model card.

So the Hub shows them beside the weights. The fields are those of the Hub's model card specification
(hub-docs, modelcard.md), as huggingface_hub's `model_index_to_eval_results` reads them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from faceoff.results.run_comparison.compare import Run
from faceoff.scoring.metric_list import Metric, shown_in
from faceoff.spelling import suggestion

_TASK = {"type": "image-classification", "name": "Facial expression recognition"}
_NO_REPORT = "limited: not for reporting"


def model_index(
    run: Run, cell: str, name: str, datasets: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the value of `model-index`: one result per scored dataset (of `datasets`, or all).

    A result has the cell's metrics (0–1) and their 95 % intervals. cell: 'detector/model' or
    'fusion/name'; name: the model's name. The task's hash is the dataset's revision: equal hashes
    mean equal samples and labels. A limited task says so in its name. Raises ValueError for an
    unknown dataset or cell, and for one without a score, with its reason.
    """
    known = sorted({other for scores in run.scores.values() for other in scores})
    if cell not in known:
        raise ValueError(f"{run.folder} has no cell {cell!r}{suggestion(cell, known)}")
    for dataset in datasets:
        if dataset not in run.scores:
            raise ValueError(
                f"{run.folder} has no dataset {dataset!r}{suggestion(dataset, run.scores)}"
            )
    chosen = [run.scores[dataset].get(cell) for dataset in datasets or sorted(run.scores)]
    found = [score for score in chosen if score is not None]
    scored = [score for score in found if score["state"] == "ok"]
    if not scored:
        reasons = "; ".join(
            f"{score['dataset']}: {score['state']}, {score['reason']}" for score in found
        )
        raise ValueError(
            f"{run.folder}: {cell} has no score ({reasons or 'not in these datasets'})"
        )
    return [{"name": name, "results": [_result(run, score, cell) for score in scored]}]


def _result(run: Run, score: Mapping[str, Any], cell: str) -> dict[str, Any]:
    task = score["task"]
    config = (((run.manifest or {}).get("config") or {}).get("datasets") or {}).get(
        score["dataset"]
    ) or {}
    dataset = {
        "type": task.get("type") or score["dataset"],
        "name": f"{score['dataset']} ({_NO_REPORT})" if task["limited"] else score["dataset"],
        "config": task["version"],
        "split": config.get("split") or config.get("role") or "test",
        "revision": task["hash"],
        "args": {"n": task["n"], "label_space": list(task["space"])},
    }
    return {
        "task": dict(_TASK),
        "dataset": dataset,
        "metrics": [
            _metric(score, metric, cell)
            for metric in shown_in("card")
            if score["metrics"].get(metric.key) is not None
        ],
    }


def _metric(score: Mapping[str, Any], metric: Metric, cell: str) -> dict[str, Any]:
    """Return a metric under the Hub's identifier; where the Hub has none, under ours."""
    arguments: dict[str, Any] = {"pipeline": cell}
    interval = score["intervals"].get(metric.key)
    if interval and interval[0] is not None:
        arguments["interval_95"] = list(interval)
    if metric.key == "macro_f1":
        arguments["average"] = "macro"
    return {
        "type": metric.hub or metric.key,
        "value": score["metrics"][metric.key],
        "name": metric.name,
        "args": arguments,
        "verified": False,
    }


def as_yaml(index: Sequence[Mapping[str, Any]]) -> str:
    """Return the block to paste between the `---` lines of a model card."""
    return yaml.safe_dump(
        {"model-index": list(index)}, sort_keys=False, allow_unicode=True, width=120
    )
