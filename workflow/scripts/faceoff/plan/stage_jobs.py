"""Tell each stage that works on one dataset, detector, model or fusion what to do."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from faceoff import emotions, layout
from faceoff.assets import fetch
from faceoff.fusion import rule_list
from faceoff.plan.jobs import (
    AnswersJob,
    CellIdentity,
    CodeJob,
    CompareJob,
    DatasetJob,
    DetectJob,
    DetectorLatencyJob,
    ExamplesJob,
    FuseJob,
    FusionIdentity,
    Member,
    ModelLatencyJob,
    OverlapsJob,
    OverTimeJob,
    PredictJob,
    ScoreJob,
    ShardJob,
    SteadyJob,
    TemporalIdentity,
    TracksJob,
)
from faceoff.plan.matrix import Cell, Matrix
from faceoff.plan.sections import TrackingConfig
from faceoff.plan.shards import SAMPLE_COST, cost_of, shards_for
from faceoff.plan.track_scores import TrackScoresJob
from faceoff.plan.train_status import is_circular, is_same_generator, train_status
from faceoff.plugins import code_hash
from faceoff.plugins.jobs import CropJob, PluginJob
from faceoff.plugins.plugin import Plugin
from faceoff.storage import files
from faceoff.temporal import rule_list as temporal_rules


class StageJobs(Matrix):
    """The matrix of a run, with the jobs of its datasets, detectors, models and fusions."""

    def __init__(self, raw: Mapping[str, Any], check_modules: bool = True):
        super().__init__(raw, check_modules)
        self._fingerprints: dict[str, Any] = {}
        self._shards: dict[str, int] = {}
        self._spaces: dict[str, list[str]] = {}

    # -- shards of a dataset -----------------------------------------------------------------------

    def shards(self, dataset: str) -> int:
        """Return the number of independent jobs that share a dataset's frames, faces, predictions.

        It is configured, or follows from the dataset's cost.
        """
        wanted = self.config.datasets[dataset].shards
        if wanted != "auto":
            return wanted
        if dataset not in self._shards:
            self._shards[dataset] = shards_for(self._cost(dataset))
        return self._shards[dataset]

    def _cost(self, dataset: str) -> int:
        """Return the cost of a dataset's samples.

        Listing a large dataset takes long, so the number is kept in the cache.
        """
        about = f"{self.samples_job(dataset).to_json()} {SAMPLE_COST}"
        name = hashlib.sha256(about.encode()).hexdigest()[:32]
        kept = fetch.cache_folder() / "shards" / f"{name}.json"
        if kept.is_file():
            with suppress(ValueError):  # a damaged one is counted anew
                return int(files.read_json(kept))
        from faceoff.plugins.open_dataset import selected

        options = self.config.datasets[dataset]
        try:
            cost = cost_of(selected(self.open(dataset), options, self.config.seed))
        except (OSError, ValueError):
            return 0  # the preflight says what is missing
        files.write_json(kept, cost)
        return cost

    def shard_names(self, dataset: str) -> list[str]:
        """Return the names of a dataset's shards in file names, in order: 'ferplus@0of3' …"""
        count = self.shards(dataset)
        return [f"{dataset}@{number}of{count}" for number in range(count)]

    def patterns(self) -> tuple[str, str]:
        """Return two regular expressions: of the names that jobs work on, and of those gathered.

        Jobs work on datasets of one shard and on the shards of the others; the others are gathered.
        """
        counts = {dataset: self.shards(dataset) for dataset in self.datasets()}
        worked = [
            dataset if count == 1 else rf"{dataset}@\d+of{count}"
            for dataset, count in counts.items()
        ]
        gathered = [dataset for dataset, count in counts.items() if count > 1]
        return "|".join(worked), "|".join(gathered) or "(?!)"

    # -- what jobs are told ------------------------------------------------------------------------

    def samples_job(self, name: str, script: str = "samples") -> DatasetJob:
        """Tell a stage that reads a dataset: its plug-in, its options, what its files look like."""
        section, plugin = self.dataset(name)
        excluded = {"role", "validation", "multiverse", "shards"}
        # What decodes or judges the samples must not run again for groups alone.
        joins = script == "samples"
        excluded |= set() if joins else {"groups_from"}
        return DatasetJob(
            dataset=name,
            type=plugin.name,
            source=plugin.source_name,
            class_name=plugin.class_name,
            options=section.model_dump(mode="json", exclude=excluded),
            headline=not plugin.card.get("drawn", False),
            seed=self.config.seed,
            fingerprint=self._fingerprint(name),
            group_files=tuple(_stat(file.path) for file in section.groups_from if joins),
            code=code(script, (plugin.source, plugin.class_name)),
        )

    def _fingerprint(self, name: str) -> Any:
        """Return what changes when a dataset's files change; looked up once."""
        section = self.config.datasets[name]
        if getattr(section, "download", False):
            # Options and hashes say what is downloaded, so that the first run and the next one
            # are told the same.
            return "downloaded"
        if name not in self._fingerprints:
            try:
                self._fingerprints[name] = self.open(name).fingerprint()
            except (OSError, ValueError) as error:  # the preflight says so before any work
                self._fingerprints[name] = f"missing: {error}"
        return self._fingerprints[name]

    def frames_job(self, name: str) -> DatasetJob:
        """Tell `frames` which media to decode, and how."""
        return self.samples_job(name, "frames")

    def audio_job(self, name: str) -> DatasetJob:
        """Tell `audio` which sound to extract."""
        return self.samples_job(name, "audio")

    def multiverse_job(self, name: str) -> DatasetJob:
        """Tell `multiverse` whose label rules to try."""
        return self.samples_job(name, "multiverse")

    def _plugin_job(self, plugin: Plugin, options: Mapping[str, Any], **card: Any) -> PluginJob:
        """Return the job of a plug-in with the run's options; `card`: values of the run's own."""
        job = plugin.job().with_options(options)
        given = {key: value for key, value in card.items() if value is not None}
        return replace(job, card={**job.card, **given}, device=self.config.device)

    def detect_job(self, dataset: str, detector: str) -> DetectJob:
        """Tell `detect` its detector and how frames are prepared."""
        section, plugin = self.detector(detector)
        job = self._plugin_job(
            plugin, section.options, threshold=section.threshold, min_size=section.min_size
        )
        # A new calibration must not detect again, so the detector is not told what its boxes are
        # used for.
        unread = {"calibration", "whole_frame"}
        card = {key: value for key, value in job.card.items() if key not in unread}
        return DetectJob(
            dataset=dataset,
            detector=detector,
            plugin=replace(job, card=card),
            upscale=section.upscale,
            pad=section.pad,
            code=code("detect", (plugin.source, plugin.class_name)),
        )

    def tracks_job(self, dataset: str, detector: str) -> TracksJob:
        """Tell `tracks` how faces are followed, and whether tracks are joined to identities.

        A detector that gives the whole frame shows no face to recognise.
        """
        section = self.config.tracking or TrackingConfig()
        card = self.detector(detector)[1].card
        networks = self.embedding_assets()
        known = bool(networks) and not card.get("whole_frame")
        return TracksJob(
            dataset=dataset,
            detector=detector,
            gap_s=section.gap_s,
            cut=section.cut,
            embedding={role: asdict(asset) for role, asset in networks.items()} if known else None,
            calibration=card.get("calibration"),
            code=code("tracks"),
        )

    def track_scores_job(self, dataset: str, detector: str) -> TrackScoresJob:
        """Tell the scores of tracks which face is chosen, and how boxes compare to the truth."""
        return TrackScoresJob(
            dataset=dataset,
            detector=detector,
            policy=self.config.faces.policy,
            clips=self.config.report.clips,
            seed=self.config.seed,
            calibration=self.detector(detector)[1].card.get("calibration"),
            code=code("score_tracks"),
        )

    def _crop(self, detector: str, model: str) -> CropJob:
        """Return how a model's input is cut from a detector's boxes."""
        card, section = self.detector(detector)[1].card, self.model(model)[0]
        return CropJob(
            policy=self.config.faces.policy,
            whole_frame=bool(card.get("whole_frame")),
            calibration=card.get("calibration") if self.config.faces.box == "calibrated" else None,
            margin=section.margin,
            align=section.align,
        )

    def predict_job(
        self, dataset: str, detector: str, model: str, script: str = "predict"
    ) -> PredictJob:
        """Tell `predict` its model, and how it is cropped from the detector's boxes."""
        section, plugin = self.model(model)
        # Columns of the user's file may be classes of the dataset's own.
        space = self._space(dataset) if "reads" in plugin.card else None
        job = self._plugin_job(plugin, section.options, space=space)
        # A plug-in that `reads` a file of the user's runs again when that file changes.
        read = [plugin.card["reads"]] if "reads" in plugin.card else []
        stated = {key: _stat(job.card["options"].get(key)) for key in read}
        return PredictJob(
            dataset=dataset,
            detector=detector,
            model=model,
            plugin=replace(job, precision=section.precision, read=stated),
            crop=self._crop(detector, model),
            seed=self.config.seed,
            code=code(script, (plugin.source, plugin.class_name)),
        )

    def _space(self, dataset: str) -> list[str] | None:
        """Return the classes that a dataset is scored among; None while it cannot be opened."""
        if dataset not in self._spaces:
            given = self.config.datasets[dataset].space
            try:
                own = self.open(dataset).space
                space = emotions.scored_among(own) if given is None else emotions.space(given, own)
            except (OSError, ValueError):
                return None  # the preflight says what is missing
            self._spaces[dataset] = list(space)
        return self._spaces[dataset]

    def train_job(self, detector: str, model: str) -> PredictJob:
        """Tell `train`, once per detector, of the dataset that the model learns from."""
        return self.predict_job(self.config.models[model].train or "", detector, model, "train")

    def detector_latency_job(self, dataset: str, detector: str) -> DetectorLatencyJob:
        """Tell the timing of a detector its job, the number of pictures and their seed."""
        plugin = self.detector(detector)[1]
        return DetectorLatencyJob(
            detect=self.detect_job(dataset, detector),
            queries=self.config.speed.queries,
            seed=self.config.seed,
            code=code("detector_latency", (plugin.source, plugin.class_name)),
        )

    def model_latency_job(self, dataset: str, detector: str, model: str) -> ModelLatencyJob:
        """Tell the timing of a model its job, the number of pictures and their seed."""
        plugin = self.model(model)[1]
        return ModelLatencyJob(
            predict=self.predict_job(dataset, detector, model),
            queries=self.config.speed.queries,
            seed=self.config.seed,
            code=code("model_latency", (plugin.source, plugin.class_name)),
        )

    def fuse_job(self, dataset: str, fusion: str) -> FuseJob:
        """Tell `fuse` the rule with its settings, and the members in order with their lineages."""
        section, cells = self.fusions[fusion]
        return FuseJob(
            dataset=dataset,
            fusion=fusion,
            rule=section.rule,
            members=self._members(cells),
            top=section.top,
            allow_clones=section.allow_clones,
            check_order=section.check_order,
            policy=self.config.faces.policy,
            seed=self.config.seed if section.seed is None else section.seed,
            code=code("fuse", rule_list.file_of(section.rule)),
        )

    def _members(self, cells: Iterable[tuple[str, str]]) -> tuple[Member, ...]:
        """Return cells as members of a vote."""
        return tuple(
            Member(
                detector=front,
                model=model,
                lineage=self.lineage(model),
                # A voice looks at no face, as a model of the whole picture.
                whole_frame=bool(card.get("whole_frame", front in self.config.segmenters)),
                calibration=card.get("calibration"),
            )
            for front, model in cells
            for card in [self.front(front)[1].card]
        )

    def score_job(self, dataset: str, detector: str, model: str) -> ScoreJob:
        """Tell `score` of a cell why it is skipped, if it is, and what its model learnt from."""
        return ScoreJob(
            dataset=dataset,
            cell=CellIdentity(detector=detector, model=model, lineage=self.lineage(model)),
            skip=self.skip(detector, model),
            train_status=train_status(self, dataset, model),
            circular=is_circular(self, dataset, model),
            same_generator=is_same_generator(self, dataset, model),
            seed=self.config.seed,
            code=code("score"),
        )

    def fusion_score_job(self, dataset: str, fusion: str) -> ScoreJob:
        """Tell `score` of a fusion its rule and members."""
        section, cells = self.fusions[fusion]
        made = FusionIdentity(
            fusion=fusion,
            rule=section.rule,
            members=_names(cells),
            top=section.top,
            hard=bool(rule_list.stated(section.rule).get("hard")),
        )
        return replace(self._joint_score_job(dataset, cells), fusion=made)

    def temporal_score_job(self, dataset: str, temporal: str) -> ScoreJob:
        """Tell `score` of a pipeline over time its rule and what the rule reads."""
        made = self.temporal[temporal]
        identity = TemporalIdentity(
            temporal=temporal,
            rule=made.section.rule,
            of=made.of,
            members=_names(made.cells),
            hard=bool(temporal_rules.stated(made.section.rule).get("hard")),
        )
        return replace(self._joint_score_job(dataset, made.cells), temporal=identity)

    def _joint_score_job(self, dataset: str, cells: list[Cell]) -> ScoreJob:
        """Return the job of a pipeline of several cells: trained as they were, or mixed."""
        statuses = {train_status(self, dataset, model) for _, model in cells}
        return ScoreJob(
            dataset=dataset,
            train_status=statuses.pop() if len(statuses) == 1 else "mixed",
            circular=any(is_circular(self, dataset, model) for _, model in cells),
            same_generator=any(is_same_generator(self, dataset, model) for _, model in cells),
            seed=self.config.seed,
            code=code("score"),
        )

    def steady_job(self, dataset: str, temporal: str) -> SteadyJob:
        """Tell `steady` its rule, what the rule reads, and where its constants come from."""
        made = self.temporal[temporal]
        return SteadyJob(
            dataset=dataset,
            temporal=temporal,
            rule=made.section.rule,
            of=made.of,
            constants=dict(sorted(made.section.constants.items())),
            validation=self.judged_on(dataset),
            code=code("steady", temporal_rules.file_of(made.section.rule)),
        )

    def temporal_faults(self) -> Iterator[str]:
        """Yield a line for each rule over time that a dataset's classes do not allow."""
        for dataset in self.datasets("test"):
            space, judges = self._space(dataset), self.judged_on(dataset)
            sections = {made.section.rule for made in self.temporal_of(dataset).values()}
            if space is None or not sections:
                continue
            for rule in sorted(sections):
                if temporal_rules.stated(rule).get("needs_neutral") and "neutral" not in space:
                    yield (
                        f"temporal: the rule {rule} needs the class neutral, which {dataset} is "
                        "not scored among; name the datasets that it reads in its `datasets`"
                    )
            if judges and self._space(judges) not in (None, space):
                yield (
                    f"temporal: {dataset} and {judges}, on which constants are chosen, are scored "
                    "among different classes: give both the same `space`"
                )

    def over_time_job(self, dataset: str) -> OverTimeJob:
        """Tell `over_time` the names of the pipelines that it scores."""
        return OverTimeJob(
            dataset=dataset,
            bare=(*_names(self.cells), *(f"fusion/{name}" for name in self.fusions)),
            temporal={name: made.of for name, made in self.temporal_of(dataset).items()},
            seed=self.config.seed,
            code=code("over_time"),
        )

    def shard_job(self, number: str, shards: str) -> ShardJob:
        """Tell the cut of a dataset's samples which of how many shards it makes."""
        return ShardJob(number=int(number), shards=int(shards), code=code("shard"))

    def code_job(self, script: str) -> CodeJob:
        """Return the job of a script that needs no settings."""
        return CodeJob(code=code(script))

    def compare_job(self, dataset: str) -> CompareJob:
        """Tell `compare` what cells are made of, and which variants stand for which originals."""
        return CompareJob(
            dataset=dataset,
            factors={f"{d}/{m}": self._factors(d, m) for d, m in self.face_cells},
            variants={
                f"{detector}/{variant}": f"{detector}/{original}"
                for variant, original in self._variants().items()
                for detector in sorted(self.config.detectors)
            },
            voters=self._members(self.cells),
            headline_fusion=self._headline_fusion(),
            policy=self.config.faces.policy,
            seed=self.config.seed,
            code=code("compare"),
        )

    def _headline_fusion(self) -> str | None:
        """Return the fusion with the most members, the first by name where several have as many."""
        sizes = {name: len(members) for name, (_, members) in self.fusions.items()}
        return min(sizes, key=lambda name: (-sizes[name], name), default=None)

    def _variants(self) -> dict[str, str]:
        """Return the models of reduced precision, each with the same model in float32."""

        def described(name: str, **changes: Any) -> str:
            section, plugin = self.model(name)
            return _text({**section.model_dump(mode="json"), "model": plugin.name, **changes})

        models = sorted(self.config.models.items())
        originals = {described(name): name for name, m in models if m.precision == "float32"}
        reduced = {name: described(name, precision="float32") for name, m in models
                   if m.precision != "float32"}  # fmt: skip
        return {name: originals[key] for name, key in reduced.items() if key in originals}

    def _factors(self, detector: str, model: str) -> dict[str, str]:
        """Return what a cell is made of.

        Two names of one model that crop differently are one model and two crops.
        """
        section, plugin = self.model(model)
        crop = {"margin": section.margin, "align": section.align}
        learnt = {"options": section.options, "train": section.train}
        learnt = {key: value for key, value in learnt.items() if value}
        return {
            "detector": detector,
            "crop": _text({key: value for key, value in crop.items() if value is not None}),
            "model": f"{plugin.name} {_text(learnt)}" if learnt else plugin.name,
        }

    def examples_job(self, dataset: str) -> ExamplesJob:
        """Tell `examples` how many faces are shown; none where the report shows no faces."""
        report = self.config.report
        cells = [(d, m) for d in sorted(self.config.detectors) for m in sorted(self.config.models)]
        return ExamplesJob(
            dataset=dataset,
            examples=self.config.figures.examples if report.faces else 0,
            gallery=report.gallery if report.faces else 0,
            megabytes=report.megabytes / len(self.datasets("test")),
            crops={f"{detector}/{model}": self._crop(detector, model) for detector, model in cells},
            seed=self.config.seed,
            code=code("examples"),
        )

    def overlaps_job(self, dataset: str) -> OverlapsJob:
        """Tell `overlaps` the calibration of every detector that boxes faces."""
        cards = {name: self.detector(name)[1].card for name in sorted(self.config.detectors)}
        return OverlapsJob(
            dataset=dataset,
            policy=self.config.faces.policy,
            calibrations={
                name: card.get("calibration")
                for name, card in cards.items()
                if not card.get("whole_frame")
            },
            code=code("overlaps"),
        )

    def answers_job(self, dataset: str) -> AnswersJob:
        """Tell `answers` how many clips are shown over time, and whether with faces."""
        return AnswersJob(
            dataset=dataset,
            clips=self.config.report.clips,
            faces=self.config.report.faces,
            seed=self.config.seed,
            code=code("answers"),
        )


def _stat(path: str | Path | None) -> list[int] | None:
    """Return the size and modification time of a file, None if there is none."""
    if not path or not Path(path).is_file():
        return None
    found = Path(path).stat()
    return [found.st_size, found.st_mtime_ns]


def _names(cells: list[Cell]) -> tuple[str, ...]:
    """Return the cells as 'detector/model'."""
    return tuple(f"{detector}/{model}" for detector, model in cells)


def _text(value: Mapping[str, Any]) -> str:
    """Return a text that is the same for the same values."""
    return json.dumps(value, sort_keys=True, default=str)


@cache
def code(script: str, *roots: Path | tuple[Path, str]) -> str:
    """Return the code hash of a rule's script with these files and definitions, once computed."""
    kept = fetch.cache_folder() / "code"
    return code_hash.kept_code_of(kept, layout.scripts_folder() / f"{script}.py", *roots)
