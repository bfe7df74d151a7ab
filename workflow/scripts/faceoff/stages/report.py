"""Stage 10: report.html, the whole run on one page that opens without a network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff import tables
from faceoff.report import names, page, results


def write_report(
    scores: Sequence[Path],
    comparisons: Sequence[Path],
    examples: Sequence[Path],
    figures_folder: Path,
    manifest: Path | None,
    output: Path,
    spec: Mapping[str, Any],
) -> None:
    """Write the page. `examples`: <dataset>.parquet, one per test dataset; the figures are linked where their files exist."""
    found = results.read(scores, comparisons, spec, names.test_datasets(spec["config"]))
    # Privacy wins over whatever lies on disk from an earlier run.
    pictures = {path.stem: path for path in examples} if spec["config"]["report"]["faces"] else {}
    tables.write_text(output, page.render(found, pictures, figures_folder, manifest, output, spec))
