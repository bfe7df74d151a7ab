"""Stage 10: report.html, the whole run on one page that opens without a network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.report import page
from faceoff.results import dataset_results, figure_names, run_folder
from faceoff.storage import files


def write_report(
    scores: Sequence[Path],
    comparisons: Sequence[Path],
    examples: Sequence[Path],
    figures_folder: Path,
    manifest: Path | None,
    output: Path,
    spec: Mapping[str, Any],
    overlaps: Sequence[Path] = (),
    answers: Sequence[Path] = (),
    multiverse: Sequence[Path] = (),
    speed: Path | None = None,
) -> None:
    """Write the page. `examples`, `overlaps`, `answers`, `multiverse`: one file per test dataset, named after it.

    The figures are linked where their files exist.
    """
    found = dataset_results.read(
        scores, comparisons, spec, figure_names.test_datasets(spec["config"])
    )
    extras = page.Extras(
        # Privacy wins over whatever lies on disk from an earlier run.
        examples=_by_dataset(examples) if spec["config"]["report"]["faces"] else {},
        overlaps=_by_dataset(overlaps),
        answers=_by_dataset(answers),
        multiverse=_by_dataset(multiverse),
        manifest=manifest,
        speed=speed,
    )
    files.write_text(output, page.render(found, extras, figures_folder, output, spec))


def _by_dataset(paths: Sequence[Path]) -> dict[str, Path]:
    return {path.stem: path for path in paths}


def write_again(folder: Path, output: Path, faces: bool | None = None) -> None:
    """Render a finished run's page again from the files in `folder` (results/<run>); faces: False leaves every picture out, None as configured.

    Raises FileNotFoundError when the run is not finished, ValueError when an older release wrote its manifest.
    """
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise FileNotFoundError(
            f"{manifest} is not there; run snakemake first, or name another run"
        )
    made = files.read_json(manifest)
    if "datasets" not in made:
        raise ValueError(
            f"{manifest} was written by an older release: run snakemake again, which makes it anew"
        )
    config = made["config"]
    if faces is not None:
        config["report"]["faces"] = faces
    spec = {
        "config": config,
        "code": made["faceoff"]["code"],
        "assets": made["weights"],
        "datasets": made["datasets"],
        "models": made["models"],
    }
    speed = folder / "speed.html"
    per_dataset = {
        name: [
            path
            for dataset in figure_names.test_datasets(config)
            if (path := folder / name / f"{dataset}.{suffix}").is_file()
        ]
        for name, suffix in (
            ("comparisons", "json"),
            ("examples", "parquet"),
            ("overlaps", "json"),
            ("answers", "json"),
            ("multiverse", "json"),
        )
    }
    write_report(
        scores=run_folder.of_run(folder),
        figures_folder=folder / "figures",
        manifest=manifest,
        output=output,
        spec=spec,
        speed=speed if speed.is_file() else None,
        **per_dataset,
    )
