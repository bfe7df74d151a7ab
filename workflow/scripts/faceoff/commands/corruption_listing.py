"""List the corruptions for the terminal, for programs and for the documentation."""

from typing import Any

from rich.table import Table

from faceoff.corruption import corruption_list
from faceoff.corruption.corruption import Corruption, value_text

_ON = {"picture": "pictures", "box": "boxes", "clip": "clips"}


def rows() -> list[dict[str, Any]]:
    """Return every corruption: its name, what it does, its levels and options."""
    return [_row(name, corruption_list.get(name)) for name in corruption_list.names()]


def _row(name: str, made: Corruption) -> dict[str, Any]:
    return {
        "name": name,
        "title": made.title,
        "about": made.about,
        "changes": _ON[made.on],
        "unit": made.unit,
        "levels": list(made.levels),
        "levels_text": [value_text(made, level) for level in made.levels],
        "limits": made.limits,
        "options": dict(made.options),
        "choices": {key: list(values) for key, values in made.choices.items()},
        "needs": made.needs,
        "source": made.source,
    }


def table() -> Table:
    """Return every corruption with its levels and options."""
    shown = Table(title="corruptions", title_justify="left")
    for column in ("name", "title", "changes", "levels", "options"):
        shown.add_column(column, no_wrap=column in {"name", "changes"}, overflow="fold")
    for row in rows():
        shown.add_row(
            row["name"], row["title"], row["changes"], _levels(row), "; ".join(_options(row))
        )
    return shown


def markdown() -> str:
    """Return the table of docs/corruptions.md."""
    lines = [
        "| name | what it does | severities, mild to strong | from |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{row['name']}` | {row['about']} | {_levels(row)} | {row['source']} |"
        for row in sorted(rows(), key=lambda row: [*_ON.values()].index(row["changes"]))
    ]
    return "\n".join(lines)


def _levels(row: dict[str, Any]) -> str:
    """Return the levels; of one number each, the unit stands once."""
    if isinstance(row["levels"][0], float) and row["unit"]:
        numbers = " ".join(f"{level:g}" for level in row["levels"])
        first = row["levels_text"][0]
        before = first.startswith(row["unit"])
        return f"{row['unit']} {numbers}" if before else f"{numbers} {row['unit']}"
    return " · ".join(row["levels_text"])


def _options(row: dict[str, Any]) -> list[str]:
    """Return each option with its default and what else it may be."""
    told = []
    for key, default in row["options"].items():
        value = {False: "no", True: "yes", "": "none"}.get(default, default)
        others = [choice for choice in row["choices"].get(key, ()) if choice != default]
        told.append(f"{key} {value}" + (f" ({', '.join(others)})" if others else ""))
    return told
