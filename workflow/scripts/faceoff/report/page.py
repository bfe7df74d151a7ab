"""Render report.html: one self-contained page, put together from the sections in sections/.

Nothing here depends on the time, the host or the order of files, so the same results give the same
bytes. Every text reaches the page through Jinja's autoescape; only the style sheet and the scripts,
which are ours or checked copies (vendor/), are inserted as they are, and the page's content
security policy lets no other script run.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from faceoff.plan.aggregate_jobs import ReportJob
from faceoff.report.part import NAME, Part, View, relative
from faceoff.report.sections import (
    affect,
    answers,
    calibration,
    card,
    channels,
    cite,
    confusion,
    coverage,
    decomposition,
    ensemble,
    faces,
    fusion,
    heatmap,
    human,
    leaderboard,
    media,
    multiverse,
    over_time,
    per_class,
    provenance,
    published,
    reading,
    rejection,
    robustness,
    saliency,
    signals,
    standing,
    subgroups,
    timelines,
    tracks,
    trained,
    verdict,
)
from faceoff.results import words
from faceoff.results.dataset_results import DatasetResults, name_of, shorten
from faceoff.storage.files import read_json

_HERE = Path(__file__).parent
# In the page's order; a section is left out where it has nothing to say.
SECTIONS = (
    leaderboard,
    heatmap,
    fusion,
    channels,
    ensemble,
    answers,
    per_class,
    confusion,
    faces,
    saliency,
    timelines,
    over_time,
    tracks,
    subgroups,
    robustness,
    calibration,
    rejection,
    human,
    affect,
    signals,
    multiverse,
    decomposition,
    coverage,
    published,
    card,
)
_DRAWN = ("timelines", "rejection")  # sections with charts
_CHARTS = ("vendor/d3.min.js", "vendor/plot.umd.min.js", "charts.js")
_SCRIPTS = ("page.js", "gallery.js")


@dataclass(frozen=True)
class Extras:
    """Hold what a page shows besides scores and comparisons.

    examples (tables), overlaps, answers, multiverse, over_time: files by dataset; tracks: a file
    per detector, signals: one per detector and signal, robustness: one per corruption, saliency:
    one per cell, explained: the table of faces of each, synchrony: one per detector and signal, by
    dataset; strips: tables of a face under
    every corruption, by dataset; trained: cards of the networks of this run; manifest, speed (a
    page): of the run.
    """

    examples: Mapping[str, Path] = field(default_factory=dict)
    overlaps: Mapping[str, Path] = field(default_factory=dict)
    answers: Mapping[str, Path] = field(default_factory=dict)
    multiverse: Mapping[str, Path] = field(default_factory=dict)
    over_time: Mapping[str, Path] = field(default_factory=dict)
    tracks: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    signals: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    robustness: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    strips: Mapping[str, Path] = field(default_factory=dict)
    saliency: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    explained: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    synchrony: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    trained: Sequence[Path] = ()
    manifest: Path | None = None
    speed: Path | None = None


def render(
    found: Sequence[DatasetResults],
    extras: Extras,
    figures_folder: Path,
    output: Path,
    job: ReportJob,
) -> str:
    """Return the page's HTML; `output` is where it will lie, for relative links."""
    datasets = [
        _dataset(index, dataset, extras, figures_folder, output, job)
        for index, dataset in enumerate(found)
    ]
    drawn = any(
        section["name"] in _DRAWN for dataset in datasets for section in dataset["sections"]
    )
    over_all = [
        *((section, section.view(found)) for section in (standing, media)),
        (trained, trained.view(extras.trained, output)),
    ]
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            title=shorten(job.title, 120),
            run=shorten(job.run, NAME),
            datasets=datasets,
            ends=[
                *(
                    {
                        "name": section.ANCHOR,
                        "anchor": section.ANCHOR,
                        "title": section.TITLE,
                        "view": shown,
                    }
                    for section, shown in over_all
                    if shown
                ),
                {
                    "name": "reading",
                    "anchor": reading.ANCHOR,
                    "title": reading.TITLE,
                    "view": reading.view(),
                },
                {
                    "name": "provenance",
                    "anchor": provenance.ANCHOR,
                    "title": provenance.TITLE,
                    "view": provenance.view(found, extras.manifest, output, job),
                },
                {
                    "name": "cite",
                    "anchor": cite.ANCHOR,
                    "title": cite.TITLE,
                    "view": cite.view(job.models),
                },
            ],
            faces=job.faces,
            **looks(charts=drawn),
        )
    )


def environment() -> jinja2.Environment:
    """Return the templates with the filters of `words`.

    What a template does not find is an error, and what it shows is escaped.
    """
    loader = jinja2.FileSystemLoader([_HERE, _HERE / "sections"])
    made = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        name: getattr(words, name)
        for name in ("percent", "points", "number", "span", "p_value", "p_in_table")
    }
    made.filters |= {"short": shorten, "breakable": _breakable}
    return made


def looks(charts: bool) -> View:
    """Return style sheet, scripts, and the policy that lets only these scripts run.

    charts: with the charting library.
    """
    scripts = [
        (_HERE / name).read_text(encoding="utf-8")
        for name in (*(_CHARTS if charts else ()), *_SCRIPTS)
    ]
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    allowed = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return {
        "css": Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        "scripts": [Markup(script) for script in scripts],
        "policy": f"{allowed}; script-src {hashes}",
    }


def _breakable(name: str) -> Markup:
    """Return a name that may wrap after '_' and '.', so that narrow columns do not cut words."""
    return Markup(str(escape(name)).replace("_", "_<wbr>").replace(".", ".<wbr>"))


def _dataset(
    index: int,
    dataset: DatasetResults,
    extras: Extras,
    figures_folder: Path,
    output: Path,
    job: ReportJob,
) -> View:
    """Return one dataset's part of the page."""
    key = f"d{index}"

    def read(by_name: Mapping[str, Path]) -> Any:
        return read_json(by_name[dataset.name]) if dataset.name in by_name else None

    def links(kind: str) -> list[View]:
        return _files(
            kind if kind == "coverage" else f"{kind}-{dataset.name}",
            job.titles[kind],
            figures_folder,
            output,
            job.formats,
        )

    part = Part(
        dataset=dataset,
        key=key,
        ids={name_of(score): f"{key}-c{place}" for place, score in enumerate(dataset.ranked)},
        links=links,
        faces=job.faces,
        models=job.models,
        voices=frozenset(job.config.get("segmenters", {})),
        pictures=extras.examples.get(dataset.name),
        overlaps=read(extras.overlaps),
        answers=read(extras.answers),
        multiverse=read(extras.multiverse),
        over_time=read(extras.over_time),
        tracks=[read_json(path) for path in extras.tracks.get(dataset.name, ())],
        signals=[read_json(path) for path in extras.signals.get(dataset.name, ())],
        robustness=[read_json(path) for path in extras.robustness.get(dataset.name, ())],
        strip=extras.strips.get(dataset.name),
        saliency=[read_json(path) for path in extras.saliency.get(dataset.name, ())],
        explained={
            f"{path.parent.name}/{path.stem}": path
            for path in extras.explained.get(dataset.name, ())
            if job.faces
        },
        synchrony=[read_json(path) for path in extras.synchrony.get(dataset.name, ())],
        speed=relative(extras.speed, output) if extras.speed else None,
    )
    views = [(section, section.view(part)) for section in SECTIONS]
    return {
        "key": key,
        "name": shorten(dataset.name, NAME),
        "title": shorten(dataset.card.get("title") or dataset.name, 120),
        "terms": shorten(dataset.card.get("terms") or "not stated", 300),
        "verdict": verdict.view(part),
        "sections": [
            {
                "name": section.__name__.rpartition(".")[2],
                "anchor": section.ANCHOR,
                "title": view.get("heading", section.TITLE),
                "nav": section.NAV,
                "view": view,
            }
            for section, view in views
            if view is not None
        ],
    }


def _files(stem: str, title: str, folder: Path, output: Path, formats: Sequence[str]) -> list[View]:
    """Return relative links to a figure's files, those that exist."""
    files = [folder / f"{stem}.{suffix}" for suffix in (*formats, "csv")]
    return [
        {
            "format": file.suffix[1:].upper(),
            "href": relative(file, output),
            "label": f"{title} as {file.suffix[1:].upper()}",
        }
        for file in files
        if _is(file)
    ]


def _is(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a name too long for the file system
        return False
