"""Plan a run: what each job is told, of one dataset or cell (stage_jobs.py) or of the whole run."""

from pathlib import Path
from typing import Any

from faceoff import layout
from faceoff.fusion import rule_list
from faceoff.layout import timing_of
from faceoff.plan import figure_list, table_list
from faceoff.plan.aggregate_jobs import (
    CaptionsJob,
    FiguresJob,
    ManifestJob,
    ReportJob,
    SpeedJob,
    TablesJob,
    limited_datasets,
)
from faceoff.plan.corruption_plan import CorruptionPlan
from faceoff.plan.group_plan import GroupPlan
from faceoff.plan.saliency_plan import SaliencyPlan
from faceoff.plan.speech_plan import SpeechPlan
from faceoff.plan.stage_jobs import code
from faceoff.plan.training_jobs import TrainingJobs
from faceoff.plugins import entries

STYLE = layout.PACKAGE / "figures" / "look.mplstyle"
# What a training leaves for its users: the network, its card, the log and the curves.
TRAINING_PRODUCTS = ("model.onnx", "card.yaml", "log.csv", "fit.json", "curves.svg", "curves.png")
VERSIONS = layout.PACKAGE / "inference" / "versions.py"  # only the manifest is made of them


def _page_files(*templates: str) -> list[Path]:
    """Return what shapes a page without being Python: these templates, style sheet and scripts."""
    folder = layout.PACKAGE / "report"
    patterns = (*templates, "sections/macros.html.j2", "*.css", "*.js", "vendor/*.js")
    return sorted({file for pattern in patterns for file in folder.glob(pattern)})


class Plan(TrainingJobs, GroupPlan, CorruptionPlan, SaliencyPlan, SpeechPlan):
    """A run: its matrix, its files and its jobs."""

    # -- files -------------------------------------------------------------------------------------

    def figure_files(self) -> list[str]:
        """Return every file of every figure."""
        names, formats = self.figure_names(), self.config.figures.formats
        return [self.layout.figure(file) for file in figure_list.figure_files(names, formats)]

    def table_files(self) -> list[str]:
        """Return every file of every table."""
        names = self.table_names()
        return [self.layout.table(name, kind) for name in names for kind in table_list.SUFFIXES]

    def products(self) -> list[str]:
        """Return every file that a run leaves for its users.

        The run makes those again that are gone, and what builds on them. Others come back only
        where a job needs them: pictures of people (frames, examples), faces to train on, shards.
        """
        layout, tests = self.layout, self.datasets("test")
        tables = [
            layout.faces(dataset, detector)
            for dataset in self.scored
            for detector in self.runnable_detectors
        ]
        for dataset in self.scored:
            tables += self.speech_tables(dataset)
            tables += self.cell_prediction_files(dataset)
        per_test = (layout.comparison, layout.overlaps, layout.answers)
        return [
            *map(layout.samples, self.datasets()),
            *(path for dataset in self.scored for path in self.group_files(dataset)),
            *self.audio_files(),
            *tables,
            *map(timing_of, tables),
            *(layout.trained(*cell) for cell in self.cells if self.model_of(cell[1])[0].train),
            *(
                layout.training(file, name)
                for name in self.trained_here
                for file in TRAINING_PRODUCTS
            ),
            *(
                layout.training("frames.onnx", name)
                for name in self.training_kinds()[2]
                if name in self.trained_here
            ),
            *(layout.fusion(dataset, name) for dataset in self.scored for name in self.fusions),
            *(path for dataset in tests for path in self.temporal_files(dataset)),
            *self.over_time_files(),
            *self.score_files(),
            *(path_of(dataset) for path_of in per_test for dataset in tests),
            *self.signal_products(),
            *self.corruption_products(),
            *self.saliency_products(),
            *self.multiverse_files(),
            *self.track_score_files(),
            *self.synchrony_files(),
            *self.latency_files(),
            *self.table_files(),
            *self.figure_files(),
            layout.captions,
            layout.report,
            layout.speed,
            layout.manifest,
            layout.check,
        ]

    def files(self) -> list[str]:
        """Return every file that the run may make: its products, and what its jobs alone read."""
        layout, found = self.layout, self.products()
        found += [layout.examples(dataset) for dataset in self.datasets("test")]
        found += self.strip_files()
        for dataset in self.datasets():
            names = [dataset, *(self.shard_names(dataset) if self.shards(dataset) > 1 else ())]
            found += [layout.frames(name) for name in names]
            found += [layout.audio(name) for name in names if self.voice_cells]
            for name in names:
                found_by = [layout.faces, *([layout.detections] if self.config.tracking else [])]
                tables = [
                    table(name, detector)
                    for table in found_by
                    for detector in self.runnable_detectors
                ]
                tables += self.speech_tables(name)
                tables += self.cell_prediction_files(name)
                tables += self.clip_sources(name)
                tables += self.signal_files(name)
                tables += self.corruption_tables([name])
                found += [layout.samples(name), *tables, *map(timing_of, tables)]
        return list(dict.fromkeys(found))

    # -- what the stages are told that gather the run ----------------------------------------------

    def table_names(self) -> list[str]:
        """Return the names of the tables of this run."""
        asked = {
            "latency": self.latency_files(),
            "multiverse": self.multiverse_files(),
            "over_time": self.over_time_files(),
            "several_datasets": self.datasets("test")[1:],
            "tracks": self.track_score_files(),
            "robustness": self.robustness_files(),
            "signals": self.signal_score_files(),
            "saliency": self.saliency_score_files(),
            "synchrony": self.synchrony_files(),
        }
        return table_list.table_names({need for need, files in asked.items() if files})

    def tables_job(self) -> TablesJob:
        """Tell `tables` which datasets are limited."""
        # The stage finds the tables in their folder, so the hash is told of them.
        made_by = code("tables", *entries.modules(table_list.FOLDER, "TABLE"))
        return TablesJob(limited=limited_datasets(self._resolved()), code=made_by)

    def figure_names(self) -> tuple[str, ...]:
        """Return the names of the figures of this run: KIND-DATASET or KIND."""
        asked = bool(self.synchrony_files())
        contents = figure_list.Contents.of(self._resolved(), self._cards(), synchrony=asked)
        return figure_list.figure_names(contents)

    def figures_job(self) -> FiguresJob:
        """Tell `figures` what to draw, and in which formats."""
        drawn = entries.modules(figure_list.FOLDER, "FIGURE")
        return FiguresJob(
            datasets=tuple(self.datasets("test")),
            figures=self.figure_names(),
            formats=tuple(self.config.figures.formats),
            examples=self.config.figures.examples,
            code=code("figures", *drawn, STYLE),
        )

    def captions_job(self) -> CaptionsJob:
        """Tell `captions` which figures there are."""
        reported = self.datasets("test")
        return CaptionsJob(
            run=self.config.run,
            figures=self.figure_names(),
            titles=figure_list.titles(),
            limited=tuple(n for n in limited_datasets(self._resolved()) if n in reported),
            code=code("captions"),
        )

    def speed_job(self) -> SpeedJob:
        """Tell `speed` the title and the datasets."""
        return SpeedJob(
            run=self.config.run,
            title=self.config.report.title,
            datasets=tuple(self.datasets("test")),
            code=code("speed", *_page_files("speed.html.j2")),
        )

    def report_job(self) -> ReportJob:
        """Tell `report` everything that the page states of the run."""
        cards = self._cards()
        return ReportJob(
            config=self._resolved(),
            datasets={name: cards[name] for name in self.datasets("test")},
            models=self._stated(),
            assets=self._weights(),
            titles=figure_list.titles(),
            # The page shows the titles of the rules, which it finds by name.
            code=code("report", *_page_files("page.html.j2", "sections/*.j2"), *self._rules()),
        )

    def _rules(self) -> list[Path]:
        """Return the modules of the fusion rules of this run."""
        used = {section.rule for section, _ in self.fusions.values()}
        return [rule_list.file_of(name) for name in sorted(used)]

    def manifest_job(self) -> ManifestJob:
        """Tell `manifest` what the run was told, and of what it is made."""
        return ManifestJob(
            config=self._resolved(),
            datasets=self._cards(),
            models=self._stated(),
            assets=self._weights(),
            environments={f"{kind} {name}": self.env(kind, name) for kind, name in self.named()},
            code=code("manifest", VERSIONS),
        )

    def _resolved(self) -> dict[str, Any]:
        """Return the whole configuration with its defaults."""
        return self.config.model_dump(mode="json")

    def _weights(self) -> dict[str, dict[str, Any]]:
        """Return what the page and the manifest say of each weights file, by its user."""
        return {
            user: {
                "file": asset.name,
                "sha256": asset.sha256,
                "licence": asset.licence,
                "source": asset.source,
            }
            for user, asset in self.assets().items()
        }

    def _stated(self) -> dict[str, Any]:
        """Return what the models' cards state and a report shows: source and published results."""
        return {
            name: {key: self.model_of(name)[1].card.get(key) for key in ("source", "published")}
            for name in (*self.config.models, *self.config.speech_models)
        }

    def _cards(self) -> dict[str, Any]:
        """Return the cards of all datasets, with type and role."""
        return {
            name: {
                **self.dataset(name)[1].card,
                "type": self.dataset(name)[1].name,
                "role": self.config.datasets[name].role,
            }
            for name in self.datasets()
        }
