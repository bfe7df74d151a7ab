"""Hold the matrix of a run: its datasets, detectors, models and fusions, and their cells.

It gives each name its plug-in and each cell its files.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from faceoff.assets import face_embedding, fetch
from faceoff.assets.asset import Asset
from faceoff.layout import Layout, timing_of
from faceoff.plan import trained_nets
from faceoff.plan.config import parse
from faceoff.plan.sections import (
    DetectorConfig,
    FusionConfig,
    ModelConfig,
    RunConfig,
    SegmenterConfig,
    SignalConfig,
    SpeechModelConfig,
    TemporalConfig,
)
from faceoff.plan.training_sections import TrainingConfig
from faceoff.plugins import given_weights, registry
from faceoff.plugins.options import DatasetConfig
from faceoff.plugins.plugin import KINDS, Plugin

Cell = tuple[str, str]  # detector and model, or segmenter and speech model


@dataclass(frozen=True)
class OverTime:
    """A rule over time and the pipeline that it reads.

    of: 'detector/model' or 'fusion/name'; cells: the pairs in it.
    """

    section: TemporalConfig
    of: str
    cells: list[Cell]


class Matrix:
    """A validated configuration with the cells and files that follow from it."""

    def __init__(self, raw: Mapping[str, Any], check_modules: bool = True):
        """Validate a configuration.

        check_modules: the cells run in this environment, so that a cell is skipped if its package
        is not installed here.

        Raises ConfigError.
        """
        self.config: RunConfig = parse(dict(raw))
        self.plugin_folders = tuple(self.config.plugins)
        self.check_modules = check_modules

    # -- names -------------------------------------------------------------------------------------

    def datasets(self, *roles: str) -> list[str]:
        """Return the names of the datasets with one of these roles (default: all), sorted."""
        sections = self.config.datasets.items()
        return sorted(name for name, dataset in sections if not roles or dataset.role in roles)

    @property
    def scored(self) -> list[str]:
        """Return the datasets whose cells are predicted and scored: tests and validations.

        The best single cell is chosen on a validation.
        """
        return self.datasets("test", "validation")

    @cached_property
    def fusions(self) -> dict[str, tuple[FusionConfig, list[Cell]]]:
        """Return every fusion by its name in the results, with its members.

        Skipped cells do not vote.
        """
        made: dict[str, tuple[FusionConfig, list[Cell]]] = {}
        for name, fusion in sorted(self.config.fusions.items()):
            cells = [cell for cell in self.config.members(*fusion.members) if not self.skip(*cell)]
            if not fusion.per_detector:
                made[name] = (fusion, cells)
                continue
            for detector in sorted({detector for detector, _ in cells}):
                own = [cell for cell in cells if cell[0] == detector]
                made[f"{name}.{detector}"] = (fusion, own)
        return {name: value for name, value in made.items() if value[1]}

    @cached_property
    def temporal(self) -> dict[str, OverTime]:
        """Return every rule over time with the pipeline that it reads, by its name in the results.

        The name is RULE.DETECTOR.MODEL or RULE.fusion.NAME.
        """
        pipelines = {f"{detector}/{model}": [(detector, model)] for detector, model in self.cells}
        pipelines |= {f"fusion/{name}": cells for name, (_, cells) in self.fusions.items()}
        return {
            f"{name}.{of.replace('/', '.')}": OverTime(section, of, cells)
            for name, section in sorted(self.config.temporal.items())
            for of, cells in sorted(pipelines.items())
            if any(fnmatchcase(of, pattern) for pattern in section.of)
        }

    def judged_on(self, dataset: str) -> str | None:
        """Return the dataset on which members are checked and rules learn.

        It is the declared validation dataset, or None: then folds do.
        """
        return self.config.datasets[dataset].validation

    # -- plug-ins ----------------------------------------------------------------------------------

    def detector(self, name: str) -> tuple[DetectorConfig, Plugin]:
        """Return a detector's section and plug-in."""
        section = self.config.detectors[name]
        return section, registry.get("detector", section.detector or name, self.plugin_folders)

    def model(self, name: str) -> tuple[ModelConfig, Plugin]:
        """Return a model's section and plug-in."""
        section = self.config.models[name]
        trained = trained_nets.plugin(self.config, name)
        if trained is not None:
            return section, trained
        return section, registry.get("model", section.model or name, self.plugin_folders)

    def signal(self, name: str) -> tuple[SignalConfig, Plugin]:
        """Return a signal's section and plug-in."""
        section = self.config.signals[name]
        return section, registry.get("signal", section.signal or name, self.plugin_folders)

    def segmenter(self, name: str) -> tuple[SegmenterConfig, Plugin]:
        """Return a segmenter's section and plug-in."""
        section = self.config.segmenters[name]
        return section, registry.get("segmenter", section.segmenter or name, self.plugin_folders)

    def speech_model(self, name: str) -> tuple[SpeechModelConfig, Plugin]:
        """Return a speech model's section and plug-in."""
        section = self.config.speech_models[name]
        return section, registry.get("speech_model", section.model or name, self.plugin_folders)

    def front(self, name: str) -> tuple[DetectorConfig | SegmenterConfig, Plugin]:
        """Return the section and plug-in of the detector or segmenter of a cell."""
        return self.segmenter(name) if name in self.config.segmenters else self.detector(name)

    def model_of(self, name: str) -> tuple[ModelConfig | SpeechModelConfig, Plugin]:
        """Return the section and plug-in of the model of a cell, of faces or of voices."""
        return self.speech_model(name) if name in self.config.speech_models else self.model(name)

    def training(self, model: str) -> TrainingConfig | None:
        """Return how a model of this run is trained as a network, None for all other models."""
        if model in self.config.speech_models:
            return None
        return trained_nets.training_of(self.config, model)

    def over_time(self, model: str) -> bool:
        """Return whether a model is a network of this run that reads clips over time."""
        training = self.training(model)
        return training is not None and training.over_time

    def model_kinds(self) -> tuple[list[str], list[str]]:
        """Return the models that read single frames, and those that read clips over time."""
        over_time = [name for name in self.config.models if self.over_time(name)]
        return [name for name in self.config.models if name not in over_time], over_time

    def reader(self, model: str) -> str | None:
        """Return the model that reads the frames for a network over time, as it is.

        None where its own network for pictures does, and for all other models.
        """
        training = self.training(model)
        return training.features if training else None

    def learns_from(self, model: str) -> str | None:
        """Return the dataset of this run that a model learns from, None for fixed weights."""
        training = self.training(model)
        return training.data if training else self.model_of(model)[0].train

    def dataset(self, name: str) -> tuple[DatasetConfig, Plugin]:
        """Return a dataset's section and plug-in."""
        section = self.config.datasets[name]
        return section, registry.get("dataset", section.type or name, self.plugin_folders)

    def skip(self, detector: str, model: str) -> str | None:
        """Return the reason why a cell cannot run here, or None."""
        if not self.config.asks_for(detector, model):
            wanted, spoken = (
                ", ".join(self.config.behind(model)),
                model in self.config.speech_models,
            )
            key = f"speech_models.{model}.segmenters" if spoken else f"models.{model}.detectors"
            return f"not asked for: {key} is {wanted}"
        reader = self.reader(model)
        parts: list[tuple[Any, Plugin]] = [self.front(detector), self.model_of(model)]
        for section, plugin in [*parts, *([self.model(reader)] if reader else [])]:
            reason = (plugin.skip() if self.check_modules else None) or self._absent(
                plugin, section.options
            )
            if reason:
                return f"{plugin.title}: {reason}"
        return None

    def _absent(self, plugin: Plugin, options: Mapping[str, Any]) -> str | None:
        """Return the reason if a plug-in lacks weights and the run makes do with those present."""
        if self.config.weights == "fetch":
            return None
        if lacking := given_weights.missing(plugin, options):
            return lacking
        # The job looks for what a package carries, in the environment that has the package.
        needed = [
            asset for asset in plugin.assets.values() if self.check_modules or not asset.package
        ]
        absent = next((asset for asset in needed if not fetch.is_there(asset)), None)
        if absent is None:
            return None
        return (
            f"{absent.name} is not here (`faceoff fetch` gets what may be downloaded; "
            "`faceoff assets` says from where)"
        )

    def lineage(self, model: str) -> str:
        """Return the lineage of a model: models of one lineage share weights and are one opinion.

        It is the card's `lineage`, else the plug-in's name.
        """
        plugin = self.model_of(model)[1]
        # Two files of recorded predictions are two opinions.
        return model if "reads" in plugin.card else str(plugin.card.get("lineage", plugin.name))

    def plugin(self, kind: str, name: str) -> Plugin:
        """Return the plug-in of a detector, model or signal of the run."""
        found: tuple[Any, Plugin] = getattr(self, kind)(name)
        return found[1]

    def env(self, kind: str, name: str) -> str:
        """Return the framework environment of a detector, model or signal."""
        return self.plugin(kind, name).framework

    def gpus(self, kind: str, name: str) -> int:
        """Return the GPUs that a job asks for: one if the run names one and the plug-in uses it."""
        return int(self.config.device.startswith("cuda") and self.plugin(kind, name).gpu)

    def open(self, name: str) -> Any:
        """Return the dataset, ready to list its samples.

        Raises OSError or ValueError if its files are missing or wrong.
        """
        section, plugin = self.dataset(name)
        return registry.load(plugin.source, plugin.class_name)(section, seed=self.config.seed)

    def archives(self, name: str) -> list[Asset]:
        """Return the archives of a dataset if its options ask for a download, else none.

        Raises AssetError.
        """
        section, plugin = self.dataset(name)
        if not getattr(section, "download", False):
            return []
        archives: Iterable[Asset] = registry.load(plugin.source, plugin.class_name).archives(
            section
        )
        return list(archives)

    def read_recorded(self, name: str) -> None:
        """Read the file of a model that reads predictions, as its job will.

        Raises OSError or ValueError naming the file and the column, row or option that is wrong.
        """
        section, plugin = self.model(name)
        job = plugin.job().with_options(section.options)
        registry.load(plugin.source, plugin.class_name)(job.card, {})

    def plugin_options(self) -> Iterator[tuple[str, Plugin, Mapping[str, Any]]]:
        """Yield 'kind name', plug-in and options of everything that detects, segments or reads."""
        for kind, name in self.named():
            section, plugin = getattr(self, kind)(name)
            yield f"{kind.replace('_', ' ')} {name}", plugin, section.options

    def named(self) -> list[tuple[str, str]]:
        """Return kind and name of everything that detects, segments or reads in this run."""
        return [(kind, name) for kind in KINDS for name in getattr(self.config, f"{kind}s")]

    def plugins(self) -> list[Plugin]:
        """Return the plug-ins of `named`."""
        return [self.plugin(kind, name) for kind, name in self.named()]

    def assets(self) -> dict[str, Asset]:
        """Return every asset that the runnable cells need, by 'plug-in: role'."""
        needed: dict[str, Asset] = {}
        for plugin in self.plugins():
            if not (self.check_modules and plugin.skip()):
                needed |= {
                    f"{plugin.title}: {role}": asset for role, asset in plugin.assets.items()
                }
        networks = self.embedding_assets().items()
        return needed | {f"tracking: {role}": asset for role, asset in networks}

    def embedding_assets(self) -> Mapping[str, Asset]:
        """Return the files of the networks that join tracks to identities, by role.

        There are none where the run does not ask for them, or makes do with the weights present.
        """
        tracking, files = self.config.tracking, face_embedding.ASSETS
        if tracking is None or not tracking.identities:
            return {}
        fetched = self.config.weights == "fetch"
        return files if fetched or all(map(fetch.is_there, files.values())) else {}

    # -- files -------------------------------------------------------------------------------------

    @cached_property
    def layout(self) -> Layout:
        """Return where the run's files lie, relative to the working directory."""
        return Layout.of_run(self.config.run)

    @cached_property
    def cells(self) -> list[Cell]:
        """Return every pair, of faces and of voices, that can run here, sorted."""
        return [cell for cell in self.pairs if not self.skip(*cell)]

    @property
    def face_cells(self) -> list[Cell]:
        """Return every detector x model pair that can run here, sorted."""
        return [cell for cell in self.cells if cell[0] in self.config.detectors]

    @property
    def voice_cells(self) -> list[Cell]:
        """Return every segmenter x speech model pair that can run here, sorted."""
        return [cell for cell in self.cells if cell[0] in self.config.segmenters]

    @property
    def pairs(self) -> list[Cell]:
        """Return every detector x model and every segmenter x speech model, sorted."""
        return self.config.pairs()

    @property
    def runnable_detectors(self) -> list[str]:
        """Return the detectors of at least one cell that can run here, sorted."""
        return sorted({detector for detector, _ in self.face_cells})

    @property
    def runnable_segmenters(self) -> list[str]:
        """Return the segmenters of at least one cell that can run here, sorted."""
        return sorted({segmenter for segmenter, _ in self.voice_cells})

    def score_files(self, *datasets: str) -> list[str]:
        """Return the score files of these datasets (default: all scored ones).

        They are of cells and fusions and, of test datasets, of rules over time.
        """
        files, tests = [], self.datasets("test")
        for dataset in datasets or self.scored:
            files += [self.layout.score(dataset, *cell) for cell in self.pairs]
            files += [self.layout.fusion_score(dataset, fusion) for fusion in self.fusions]
            if dataset in tests:
                names = self.temporal_of(dataset)
                files += [self.layout.temporal_score(dataset, name) for name in names]
        return files

    def temporal_of(self, dataset: str) -> dict[str, OverTime]:
        """Return the rules over time that a dataset is read by."""
        return {
            name: made
            for name, made in self.temporal.items()
            if any(fnmatchcase(dataset, pattern) for pattern in made.section.datasets)
        }

    def temporal_files(self, dataset: str) -> list[str]:
        """Return the states of every rule over time of a dataset."""
        return [self.layout.temporal(dataset, name) for name in self.temporal_of(dataset)]

    def over_time_files(self) -> list[str]:
        """Return the scores over time of the test datasets that rules over time read."""
        tests = self.datasets("test")
        return [self.layout.over_time(name) for name in tests if self.temporal_of(name)]

    def cell_prediction_files(self, dataset: str) -> list[str]:
        """Return the predictions of every cell that can run."""
        return [self.layout.predictions(dataset, *cell) for cell in self.cells]

    def clip_sources(self, dataset: str) -> list[str]:
        """Return the tables of a dataset that networks over time read, sorted."""
        over_time = [cell for cell in self.face_cells if self.over_time(cell[1])]
        return sorted({self.clip_source(dataset, *cell) for cell in over_time})

    def prediction_files(self, dataset: str) -> list[str]:
        """Return the predictions of every cell that can run, then of every fusion."""
        fused = [self.layout.fusion(dataset, fusion) for fusion in self.fusions]
        return self.cell_prediction_files(dataset) + fused

    def speech_tables(self, dataset: str) -> list[str]:
        """Return the segments of a dataset, and what each speech model reads of them."""
        found = [self.layout.segments(dataset, name) for name in self.runnable_segmenters]
        return found + [self.layout.speech(dataset, *cell) for cell in self.voice_cells]

    def audio_files(self) -> list[str]:
        """Return the sound of the datasets that ask for it."""
        datasets = self.config.datasets
        return [self.layout.audio(name) for name in self.datasets() if datasets[name].audio]

    def clip_source(self, dataset: str, detector: str, model: str) -> str:
        """Return the table that a network over time reads: features, or a model's predictions."""
        training = self.training(model)
        if training is None or training.features is None:
            return self.layout.features(dataset, detector, model)
        return self.read_by(training, dataset, detector)

    def read_by(self, training: TrainingConfig, dataset: str, detector: str) -> str:
        """Return the table of what the model of a section's `features` reads of a dataset."""
        table = self.layout.features if training.take == "embedding" else self.layout.predictions
        return table(dataset, detector, training.features or "")

    def multiverse_files(self) -> list[str]:
        """Return the multiverse of the test datasets that ask for it."""
        wanted = [name for name in self.datasets("test") if self.config.datasets[name].multiverse]
        return [self.layout.multiverse(name) for name in wanted]

    def track_score_files(self, *datasets: str) -> list[str]:
        """Return the scores of tracks on these datasets (default: all of role test).

        There are some where the run follows faces, the dataset knows who is seen, and the detector
        boxes faces.
        """
        if not self.config.tracking:
            return []
        return [
            self.layout.track_score(dataset, detector)
            for dataset in datasets or self.datasets("test")
            if self.dataset(dataset)[1].card.get("people")
            for detector in self.runnable_detectors
            if not self.detector(detector)[1].card.get("whole_frame")
        ]

    def latency_files(self) -> list[str]:
        """Return the latencies of the detectors and models on the test datasets, where asked for.

        Recorded predictions are read from a file, and networks over time read no single picture, so
        these have none.
        """
        if not self.config.speed.queries:
            return []
        timed = [
            cell
            for cell in self.face_cells
            if "reads" not in self.model(cell[1])[1].card and not self.over_time(cell[1])
        ]
        jobs = sorted([*((detector,) for detector in self.runnable_detectors), *timed])
        datasets = self.datasets("test")
        return [self.layout.latency(dataset, *job) for dataset in datasets for job in jobs]

    def timing_files(self) -> list[str]:
        """Return the timings of every detection and prediction job of the test datasets."""
        tables = []
        for dataset in self.datasets("test"):
            tables += [self.layout.faces(dataset, name) for name in self.runnable_detectors]
            tables += [self.layout.segments(dataset, name) for name in self.runnable_segmenters]
            tables += self.cell_prediction_files(dataset)
        return sorted(map(timing_of, tables))
