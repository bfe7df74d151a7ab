"""Stage: the captions of a run's figures and tables on one page, to be taken into a paper."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.results import figure_names
from faceoff.storage import files

_TABLE = "table_"  # how the caption file of a table starts


def write_captions(captions: Sequence[Path], output: Path, spec: Mapping[str, Any]) -> None:
    """Write captions.md: every figure of the configuration in the order of the report, then every table.

    captions: the files <kind>.rst of the figures and table_<name>.rst of the tables, which `snakemake --report` shows too; without a figure's file
    a KeyError names it.
    """
    text_of = {
        path.stem: _as_markdown(path.read_text(encoding="utf-8")) for path in sorted(captions)
    }
    config = spec["config"]
    lines = [f"# Captions of the run {config['run']}"]
    limited = sorted(
        name
        for name in figure_names.test_datasets(config)
        if config["datasets"][name]["limit"] is not None
    )
    if limited:
        lines.append(f"*limited: not for reporting ({', '.join(limited)})*")
    for name in figure_names.figure_names(config, spec["datasets"]):
        kind, _, dataset = name.partition("-")
        lines.append(
            f"## {name}\n\n**{figure_names.TITLES[kind]}{f': {dataset}' if dataset else ''}.** {text_of[kind]}"
        )
    lines += [
        f"## tables/{stem.removeprefix(_TABLE)}\n\n{text}"
        for stem, text in text_of.items()
        if stem.startswith(_TABLE)
    ]
    files.write_text(output, "\n\n".join(lines) + "\n")


def _as_markdown(rst: str) -> str:
    """A caption as one paragraph of Markdown; of reStructuredText the captions use double backquotes and stars only."""
    return re.sub(r"\s+", " ", rst.replace("``", "`")).strip()
