"""Stage 10: write report.html, the whole run on one page that opens without a network."""

from collections.abc import Callable, Sequence
from pathlib import Path

from faceoff.layout import Layout
from faceoff.plan.aggregate_jobs import ReportJob, reported_datasets
from faceoff.plan.figure_list import titles
from faceoff.report import page
from faceoff.results import dataset_results, run_folder
from faceoff.storage import files


def write_report(
    scores: Sequence[Path],
    comparisons: Sequence[Path],
    examples: Sequence[Path],
    figures_folder: Path,
    manifest: Path | None,
    output: Path,
    job: ReportJob,
    overlaps: Sequence[Path] = (),
    answers: Sequence[Path] = (),
    multiverse: Sequence[Path] = (),
    over_time: Sequence[Path] = (),
    tracks: Sequence[Path] = (),
    signals: Sequence[Path] = (),
    robustness: Sequence[Path] = (),
    strips: Sequence[Path] = (),
    saliency: Sequence[Path] = (),
    explained: Sequence[Path] = (),
    synchrony: Sequence[Path] = (),
    trained: Sequence[Path] = (),
    speed: Path | None = None,
) -> None:
    """Write the page.

    examples, overlaps, answers, multiverse, over_time: one file per test dataset, named after it;
    tracks: one per detector, in a folder of that name; signals: one per detector and signal;
    robustness: one per corruption, in a folder of that name; strips: <dataset>.corruptions.parquet;
    saliency, explained: the scores of the maps of a cell, and its table of faces, one per detector
    and model; synchrony: the lag curves, one per detector and signal; trained: the cards of the
    run's networks. The figures, and what lies beside the cards, are linked where their files exist.
    """
    found = dataset_results.read(scores, comparisons, tuple(job.datasets), job.datasets)
    extras = page.Extras(
        # Privacy wins over whatever lies on disk from an earlier run.
        examples=_by_dataset(examples) if job.faces else {},
        overlaps=_by_dataset(overlaps),
        answers=_by_dataset(answers),
        multiverse=_by_dataset(multiverse),
        over_time=_by_dataset(over_time),
        tracks=_grouped(tracks, 0),
        signals=_grouped(signals, 2),
        robustness=_grouped(robustness, 0),
        strips={path.name.partition(".")[0]: path for path in strips} if job.faces else {},
        saliency=_grouped(saliency, 2),
        explained=_grouped(explained, 1),
        synchrony=_grouped(synchrony, 2),
        trained=trained,
        manifest=manifest,
        speed=speed,
    )
    files.write_text(output, page.render(found, extras, figures_folder, output, job))


def _by_dataset(paths: Sequence[Path]) -> dict[str, Path]:
    return {path.stem: path for path in paths}


def _grouped(paths: Sequence[Path], level: int) -> dict[str, list[Path]]:
    """Return files by the name of a folder above them; level 0 is the one that they lie in."""
    found: dict[str, list[Path]] = {}
    for path in sorted(paths):
        found.setdefault(path.parents[level].name, []).append(path)
    return found


def write_again(folder: Path, output: Path, faces: bool | None = None) -> None:
    """Write the page of a finished run again, from the files in `folder` (results/RUN).

    faces: False leaves every picture out; None: as configured. Raises FileNotFoundError where the
    run is not finished, ValueError where another version of Faceoff wrote it.
    """
    layout, manifest = Layout(str(folder)), run_folder.manifest_of(folder)
    if manifest is None:
        raise FileNotFoundError(
            f"{layout.manifest} is not there; run snakemake first, or name another run"
        )
    config = manifest["config"]
    if faces is not None:
        config["report"]["faces"] = faces
    reported = reported_datasets(config)
    job = ReportJob(
        config=config,
        datasets={name: manifest["datasets"][name] for name in reported},
        titles=titles(),
        models=manifest["models"],
        assets=manifest["weights"],
        code=manifest["faceoff"]["code"],
    )

    def per_dataset(path_of: Callable[[str], str]) -> list[Path]:
        paths = [Path(path_of(dataset)) for dataset in reported]
        return [path for path in paths if path.is_file()]

    speed = Path(layout.speed)
    write_report(
        scores=run_folder.of_run(folder),
        comparisons=per_dataset(layout.comparison),
        examples=per_dataset(layout.examples),
        overlaps=per_dataset(layout.overlaps),
        answers=per_dataset(layout.answers),
        multiverse=per_dataset(layout.multiverse),
        over_time=per_dataset(layout.over_time),
        tracks=[
            path
            for path in layout.existing(layout.track_score("*", "*"))
            if path.name.partition(".")[0] in config["detectors"] and config.get("tracking")
        ],
        signals=[
            path
            for path in layout.existing(layout.signal_score("*", "*", "*"))
            if path.stem in config.get("signals", {}) and path.parent.name in config["detectors"]
        ],
        robustness=[
            path
            for path in layout.existing(layout.robustness("*", "*"))
            if path.stem in config.get("corruptions", {}) and path.parent.name in reported
        ],
        strips=per_dataset(layout.corruption_strip) if config.get("corruptions") else (),
        saliency=[
            path
            for path in layout.existing(layout.saliency_score("*", "*", "*"))
            if config.get("saliency") and run_folder.names_pair(config, path.parent.name, path.stem)
        ],
        explained=[
            path
            for path in layout.existing(layout.saliency("*", "*", "*"))
            if config.get("saliency") and run_folder.names_pair(config, path.parent.name, path.stem)
        ],
        synchrony=[
            path
            for path in layout.existing(layout.synchrony("*", "*", "*"))
            if path.stem in config.get("signals", {})
            and path.parent.name in config["detectors"]
            and config.get("segmenters")
        ],
        trained=[
            card
            for card in layout.existing(layout.training("card.yaml", "*"))
            if card.parent.name in config.get("training", {})
        ],
        figures_folder=Path(layout.figure("")),
        manifest=Path(layout.manifest),
        speed=speed if speed.is_file() else None,
        output=output,
        job=job,
    )
