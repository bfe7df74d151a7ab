"""Stage: gather the captions of a run's figures and tables on one page, for a paper."""

import re
from collections.abc import Sequence
from pathlib import Path

from faceoff.plan.aggregate_jobs import CaptionsJob
from faceoff.storage import files

_TABLE = "table_"  # how the caption file of a table starts


def write_captions(captions: Sequence[Path], output: Path, job: CaptionsJob) -> None:
    """Write captions.md: every figure of the run in the order of the job, then every table.

    captions: the files <kind>.rst of the figures and table_<name>.rst of the tables, which
    `snakemake --report` shows too. Raises ValueError for a figure without a caption.
    """
    text_of = {
        path.stem: _as_markdown(path.read_text(encoding="utf-8")) for path in sorted(captions)
    }
    lines = [f"# Captions of the run {job.run}"]
    if job.limited:
        lines.append(f"*limited: not for reporting ({', '.join(job.limited)})*")
    for name in job.figures:
        kind, _, dataset = name.partition("-")
        if kind not in text_of:
            raise ValueError(f"workflow/report/{kind}.rst is not there: write the figure's caption")
        title = f"{job.titles[kind]}{f': {dataset}' if dataset else ''}"
        lines.append(f"## {name}\n\n**{title}.** {text_of[kind]}")
    lines += [
        f"## tables/{stem.removeprefix(_TABLE)}\n\n{text}"
        for stem, text in text_of.items()
        if stem.startswith(_TABLE)
    ]
    files.write_text(output, "\n\n".join(lines) + "\n")


def _as_markdown(rst: str) -> str:
    """Return a caption as one paragraph of Markdown.

    Captions use double backquotes and stars only.
    """
    return re.sub(r"\s+", " ", rst.replace("``", "`")).strip()
