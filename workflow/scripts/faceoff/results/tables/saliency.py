"""Maps of where models look: are they truer than maps that know nothing of the model?"""

from faceoff.results.tables.table import (
    Column,
    Row,
    Sources,
    Table,
    number_with_interval,
    plain,
    rounded,
)
from faceoff.saliency.faithfulness import SCORES
from faceoff.saliency.maps import CONTROLS

_PARTS = {"": "mean", "_low": "low", "_high": "high"}


def rows(sources: Sources) -> list[Row]:
    """Return a row per explained cell."""
    return [
        {
            "dataset": score["dataset"],
            "detector": score["detector"],
            "model": score["model"],
            "method": score["method"],
            "n": score["n"],
            "groups": score["groups"],
            **_flat("", score["areas"]["map"]),
            **{
                name: value
                for control in CONTROLS
                for name, value in [
                    *_flat(f"{control}_", score["areas"][control]).items(),
                    *_flat(f"gain_{control}_", score["gain"][control]).items(),
                ]
            },
            "sanity_n": score["sanity"]["n"] if score["sanity"] else 0,
            **{
                f"sanity{end}": score["sanity"][part] if score["sanity"] else None
                for end, part in _PARTS.items()
            },
        }
        for score in sources.saliency
        if score["state"] == "ok"
    ]


def _flat(prefix: str, values: dict[str, dict[str, float]]) -> Row:
    return {
        f"{prefix}{kind}{end}": values[kind][part]
        for kind in SCORES
        for end, part in _PARTS.items()
    }


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "detector", "model", "method", "n"),
        Column(
            header="deletion AUC [95 % CI]",
            text=number_with_interval("deletion"),
            best="deletion",
            lowest=True,
        ),
        Column(
            header="insertion AUC [95 % CI]",
            text=number_with_interval("insertion"),
            best="insertion",
        ),
        Column(
            header="deletion: better than random [95 % CI]",
            text=number_with_interval("gain_random_deletion"),
        ),
        Column(
            header="than centre [95 % CI]",
            text=number_with_interval("gain_centre_deletion"),
        ),
        Column(
            header="insertion: better than random [95 % CI]",
            text=number_with_interval("gain_random_insertion"),
            wide=True,
        ),
        Column(
            header="insertion: better than centre [95 % CI]",
            text=number_with_interval("gain_centre_insertion"),
            wide=True,
        ),
        Column(header="correlation with shuffled weights", text=rounded("sanity", 2)),
    ],
    needs=("saliency",),
)
