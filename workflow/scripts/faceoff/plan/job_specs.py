"""The plan of a run: how many jobs share a dataset and what each job is told. The Snakefile asks; nothing here computes."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from faceoff.assets import fetch
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
from faceoff.plan.matrix import Matrix
from faceoff.plan.shards import SAMPLE_COST, cost_of, shards_for
from faceoff.plugins import code_hash, entries
from faceoff.plugins.options import DatasetConfig
from faceoff.plugins.plugin import Plugin
from faceoff.storage import files

ADAPTERS = code_hash.PACKAGE.parent  # the rules' scripts, each of which calls one stage
STYLE = code_hash.PACKAGE / "figures" / "look.mplstyle"
VERSIONS = code_hash.PACKAGE / "inference" / "versions.py"  # only the manifest is made of them


def _page_files() -> list[Path]:
    """Return what shapes a page without being Python."""
    folder = code_hash.PACKAGE / "report"
    patterns = ("*.j2", "sections/*.j2", "*.css", "*.js", "vendor/*.js")
    return sorted(file for pattern in patterns for file in folder.glob(pattern))


class Plan(Matrix):
    """The matrix of a run with the jobs that make it."""

    def __init__(self, raw: Mapping[str, Any], check_modules: bool = True):
        super().__init__(raw, check_modules)
        self._fingerprints: dict[str, Any] = {}
        self._shards: dict[str, int] = {}

    # -- how many jobs share a dataset -----------------------------------------------------------------------------

    def shards(self, dataset: str) -> int:
        """How many independent jobs share a dataset's frames, faces and predictions: as configured, or as many as it is worth."""
        wanted = self.config.datasets[dataset].shards
        if wanted != "auto":
            return wanted
        if dataset not in self._shards:
            self._shards[dataset] = shards_for(self._cost(dataset))
        return self._shards[dataset]

    def _cost(self, dataset: str) -> int:
        """What a dataset's samples weigh. Listing a large dataset takes long, so the number is kept in the cache."""
        job = {**json.loads(self.samples_spec(dataset)), "cost": SAMPLE_COST}
        kept = (
            fetch.cache_folder()
            / "shards"
            / f"{hashlib.sha256(self._spec(job).encode()).hexdigest()[:32]}.json"
        )
        if kept.is_file():
            with suppress(ValueError):  # a damaged one is counted anew
                return int(files.read_json(kept))
        from faceoff.plugins.open_dataset import selected

        try:
            cost = cost_of(
                selected(self.open(dataset), self.config.datasets[dataset], self.config.seed)
            )
        except (OSError, ValueError):
            return 0  # the preflight says what is missing
        files.write_json(kept, cost)
        return cost

    def shard_names(self, dataset: str) -> list[str]:
        """The names that the shards of a dataset have in file names, in order: 'ferplus@0of3' …"""
        count = self.shards(dataset)
        return [f"{dataset}@{number}of{count}" for number in range(count)]

    def patterns(self) -> tuple[str, str]:
        """Regular expressions of what jobs work on (datasets of one shard, shards of the others) and of the datasets that are gathered from shards."""
        counts = {dataset: self.shards(dataset) for dataset in self.datasets()}
        worked = [
            dataset if count == 1 else rf"{dataset}@\d+of{count}"
            for dataset, count in counts.items()
        ]
        gathered = [dataset for dataset, count in counts.items() if count > 1]
        return "|".join(worked), "|".join(gathered) or "(?!)"

    # -- what jobs are told (JSON, one `spec` per rule) ------------------------------------------------------------

    @staticmethod
    def _spec(value: Mapping[str, Any]) -> str:
        """A spec as the rules pass it on: JSON with sorted keys, so that the same job is the same text."""
        return json.dumps(value, sort_keys=True, default=str)

    def samples_spec(self, name: str) -> str:
        """Told to `samples`, and part of every later spec of a dataset: its plug-in, its options and what its files look like."""
        section, plugin = self.dataset(name)
        job = plugin.job()
        return self._spec({
            "dataset": name,
            "type": plugin.name,
            "source": job["source"],
            "class": job["class"],
            "options": section.model_dump(mode="json", exclude={"role", "validation", "multiverse", "shards"}),
            "headline": not plugin.card.get("drawn", False),
            "seed": self.config.seed,
            "fingerprint": self._fingerprint(name),
            "code": code(ADAPTERS / "samples.py", (plugin.source, plugin.class_name)),
        })  # fmt: skip

    def _fingerprint(self, name: str) -> Any:
        """What changes when the dataset's files change; looked up once, as every table of the dataset asks."""
        section = self.config.datasets[name]
        if getattr(section, "download", False):
            # What is downloaded is known by its options and hashes before it is there, so that the first run and the next are told the same.
            return "downloaded"
        if name not in self._fingerprints:
            try:
                self._fingerprints[name] = self.open(name).fingerprint()
            except (OSError, ValueError) as error:
                self._fingerprints[name] = (
                    f"missing: {error}"  # the preflight says so before any work
                )
        return self._fingerprints[name]

    def frames_spec(self, name: str, stage: str = "frames") -> str:
        """Told to `frames`, and with another stage to what else reads a dataset's media: `samples_spec` with that stage's code."""
        spec, plugin = json.loads(self.samples_spec(name)), self.dataset(name)[1]
        return self._spec(
            {**spec, "code": code(ADAPTERS / f"{stage}.py", (plugin.source, plugin.class_name))}
        )

    def audio_spec(self, name: str) -> str:
        """Told to `audio`: as `frames_spec`."""
        return self.frames_spec(name, stage="audio")

    def _detector_job(self, name: str) -> dict[str, Any]:
        section, plugin = self.detector(name)
        job = plugin.job()
        card = {**job["card"], "options": {**job["card"]["options"], **section.options}}
        card |= {
            key: value
            for key, value in (("threshold", section.threshold), ("min_size", section.min_size))
            if value is not None
        }
        # What a detector is told does not include what its boxes are used for: a new calibration must not detect again.
        job |= {"device": self.config.device, "precision": "float32"}
        return {
            **job,
            "card": {
                key: value
                for key, value in card.items()
                if key not in {"calibration", "whole_frame"}
            },
        }

    def detect_spec(self, dataset: str, detector: str) -> str:
        """Told to `detect`, of a dataset's frames: the detector with its options and how frames are prepared, not what its boxes are used for."""
        section, plugin = self.detector(detector)
        return self._spec({
            "dataset": dataset,
            "detector": detector,
            "plugin": self._detector_job(detector),
            "upscale": section.upscale,
            "pad": section.pad,
            "code": code(ADAPTERS / "detect.py", (plugin.source, plugin.class_name)),
        })  # fmt: skip

    def _crop(self, detector: str, model: str) -> dict[str, Any]:
        card = self.detector(detector)[1].card
        return {
            "detector": detector,
            "policy": self.config.faces.policy,
            "whole_frame": bool(card.get("whole_frame")),
            "calibration": card.get("calibration")
            if self.config.faces.box == "calibrated"
            else None,
            "margin": self.model(model)[0].margin,
            "align": self.model(model)[0].align,
        }

    def _model_job(self, name: str) -> dict[str, Any]:
        section, plugin = self.model(name)
        job = plugin.job()
        options = {**job["card"]["options"], **section.options}
        # A plug-in that `reads` a file of the user's is run again when that file changes.
        read = [plugin.card["reads"]] if "reads" in plugin.card else []
        job |= {"device": self.config.device, "precision": self.model(name)[0].precision}
        return {
            **job,
            "card": {**job["card"], "options": options},
            "read": {key: _stat(options.get(key)) for key in read},
        }

    def predict_spec(self, dataset: str, detector: str, model: str, stage: str = "predict") -> str:
        """Told to `predict`: the model with its options, and how it is cropped from the detector's boxes."""
        plugin = self.model(model)[1]
        return self._spec({
            "dataset": dataset,
            "model": model,
            "plugin": self._model_job(model),
            **self._crop(detector, model),
            "seed": self.config.seed,
            "code": code(ADAPTERS / f"{stage}.py", (plugin.source, plugin.class_name)),
        })  # fmt: skip

    def detector_latency_spec(self, dataset: str, detector: str) -> str:
        """Told to the timing of a detector: `detect_spec`, the number of pictures and their seed."""
        return self._latency_spec(self.detect_spec(dataset, detector), self.detector(detector)[1])

    def model_latency_spec(self, dataset: str, detector: str, model: str) -> str:
        """Told to the timing of a model behind a detector: `predict_spec`, the number of pictures and their seed."""
        return self._latency_spec(self.predict_spec(dataset, detector, model), self.model(model)[1])

    def _latency_spec(self, job: str, plugin: Plugin) -> str:
        """What the job that is timed is told, and on how many pictures."""
        made_by = code(ADAPTERS / f"{plugin.kind}_latency.py", (plugin.source, plugin.class_name))
        timed = {"queries": self.config.speed.queries, "seed": self.config.seed, "code": made_by}
        return self._spec({**json.loads(job), **timed})

    def train_spec(self, detector: str, model: str) -> str:
        """Told to `train`, once per detector: `predict_spec` of the dataset that the model learns from."""
        return self.predict_spec(
            self.config.models[model].train or "", detector, model, stage="train"
        )

    def fuse_spec(self, dataset: str, fusion: str) -> str:
        """Told to `fuse`: the rule and its settings, the members in order with their lineages."""
        section, cells = self.fusions[fusion]
        return self._spec({
            "dataset": dataset,
            "fusion": fusion,
            "rule": section.rule,
            "members": [{"detector": d, "model": m, "lineage": self.lineage(m), "whole_frame": self._crop(d, m)["whole_frame"]} for d, m in cells],
            "top": section.top,
            "allow_clones": section.allow_clones,
            "check_order": section.check_order,
            "policy": self.config.faces.policy,
            "seed": self.config.seed if section.seed is None else section.seed,
            "code": code(ADAPTERS / "fuse.py"),
        })  # fmt: skip

    def score_spec(self, dataset: str, detector: str, model: str) -> str:
        """Told to `score` of a cell: why it is skipped, if it is, and how the model's training relates to the dataset."""
        return self._spec({
            "dataset": dataset,
            "kind": "cell",
            "detector": detector,
            "model": model,
            "skip": self.skip(detector, model),
            "lineage": self.lineage(model),
            "train_status": self._train_status(dataset, model),
            "circular": self._circular(dataset, model),
            "seed": self.config.seed,
            "code": code(ADAPTERS / "score.py"),
        })  # fmt: skip

    def _circular(self, dataset: str, model: str) -> bool:
        """Whether the model reads emotions by the recipe that drew the dataset (protocol §16)."""
        return self.model(model)[1].card.get("recipe") == "emfacs" and bool(
            self.dataset(dataset)[1].card.get("drawn")
        )

    def _train_status(self, dataset: str, model: str) -> str:
        """How the model's training data relate to this dataset (protocol §15)."""
        section, plugin = self.dataset(dataset)
        split = str(getattr(section, "split", "test"))
        trained_on = self.config.models[model].train
        if trained_on:
            learnt, other = self.dataset(trained_on)
            return _kinship(learnt, section) if other.name == plugin.name else "cross-corpus"
        card = self.model(model)[1].card
        if "training_data" not in card:
            return "not trained" if card.get("trained") is False else "unknown"
        if split in (card.get("selected_on") or {}).get(plugin.name, []):
            return "selected-on"
        if plugin.name in card["training_data"]:
            return "in-sample" if split in card["training_data"][plugin.name] else "held-out"
        if {plugin.name, *card["training_data"]} >= {"ferplus", "fer2013"}:
            return "relabelled"
        return "cross-corpus"

    def fusion_score_spec(self, dataset: str, fusion: str) -> str:
        """Told to `score` of a fusion: its rule and members; its training status is theirs, or mixed."""
        section, cells = self.fusions[fusion]
        statuses = {self._train_status(dataset, model) for _, model in cells}
        return self._spec({
            "dataset": dataset,
            "kind": "fusion",
            "fusion": fusion,
            "rule": section.rule,
            "members": [f"{detector}/{model}" for detector, model in cells],
            "top": section.top,
            "skip": None,
            "train_status": statuses.pop() if len(statuses) == 1 else "mixed",
            "circular": any(self._circular(dataset, model) for _, model in cells),
            "seed": self.config.seed,
            "code": code(ADAPTERS / "score.py"),
        })  # fmt: skip

    def shard_spec(self, number: str, shards: str) -> str:
        """Told to the cut of a dataset's samples: which of how many shards."""
        return self._spec(
            {"number": int(number), "shards": int(shards), "code": code(ADAPTERS / "shard.py")}
        )

    def code_spec(self, script: str) -> str:
        """Return the spec of a rule that needs no settings: the hash of its code."""
        return self._spec({"code": code(ADAPTERS / f"{script}.py")})

    def compare_spec(self, dataset: str) -> str:
        """Told to `compare`: what every cell is made of, the fusions' members, and which variants stand for which originals."""
        return self._spec({
            "dataset": dataset,
            "validation": self.config.datasets[dataset].validation,
            "fusions": {name: [f"{detector}/{model}" for detector, model in cells] for name, (_, cells) in self.fusions.items()},
            "factors": {f"{detector}/{model}": self._factors(detector, model) for detector, model in self.cells},
            "variants": {f"{d}/{variant}": f"{d}/{original}" for variant, original in self._variants().items() for d in sorted(self.config.detectors)},
            "seed": self.config.seed,
            "code": code(ADAPTERS / "compare.py"),
        })  # fmt: skip

    def _variants(self) -> dict[str, str]:
        """Models of reduced precision -> the model of this run that is the same but computes in float32."""

        def described(name: str, **changes: Any) -> str:
            section, plugin = self.model(name)
            return self._spec({**section.model_dump(mode="json"), "model": plugin.name, **changes})

        originals = {
            described(name): name
            for name, section in sorted(self.config.models.items())
            if section.precision == "float32"
        }
        reduced = [
            name
            for name, section in sorted(self.config.models.items())
            if section.precision != "float32"
        ]
        return {
            name: originals[key]
            for name in reduced
            if (key := described(name, precision="float32")) in originals
        }

    def _factors(self, detector: str, model: str) -> dict[str, str]:
        """What a cell is made of: two names of one model that crop differently are one model and two crops."""
        section, plugin = self.model(model)
        crop = {"margin": section.margin, "align": section.align}
        learnt = {
            key: value
            for key, value in (("options", section.options), ("train", section.train))
            if value
        }
        return {
            "detector": detector,
            "crop": self._spec({key: value for key, value in crop.items() if value is not None}),
            "model": f"{plugin.name} {self._spec(learnt)}" if learnt else plugin.name,
        }

    def multiverse_spec(self, dataset: str) -> str:
        """Told to `multiverse`: as `frames_spec`."""
        return self.frames_spec(dataset, stage="multiverse")

    def examples_spec(self, dataset: str) -> str:
        """Told to `examples`: how many faces are shown and how each cell crops them; none where the report shows no faces."""
        return self._spec({
            "dataset": dataset,
            "examples": self.config.figures.examples if self.config.report.faces else 0,
            "gallery": self.config.report.gallery if self.config.report.faces else 0,
            "megabytes": self.config.report.megabytes / len(self.datasets("test")),
            "crops": {f"{d}/{m}": self._crop(d, m) for d in sorted(self.config.detectors) for m in sorted(self.config.models)},
            "seed": self.config.seed,
            "code": code(ADAPTERS / "examples.py"),
        })  # fmt: skip

    def overlaps_spec(self, dataset: str) -> str:
        """Told to `overlaps`: the calibration of every detector that boxes faces."""
        cards = {name: self.detector(name)[1].card for name in sorted(self.config.detectors)}
        boxed = {
            name: card.get("calibration")
            for name, card in cards.items()
            if not card.get("whole_frame")
        }
        return self._spec(
            {
                "dataset": dataset,
                "policy": self.config.faces.policy,
                "calibrations": boxed,
                "code": code(ADAPTERS / "overlaps.py"),
            }
        )

    def answers_spec(self, dataset: str) -> str:
        """Told to `answers`: how many clips are shown over time, and whether with faces."""
        return self._spec({
            "dataset": dataset,
            "clips": self.config.report.clips,
            "faces": self.config.report.faces,
            "seed": self.config.seed,
            "code": code(ADAPTERS / "answers.py"),
        })  # fmt: skip

    # -- what the stages are told that gather the run; see aggregate_jobs.py ---------------------------------------

    def table_names(self) -> list[str]:
        """Return the names of the tables of this run."""
        asked = {"latency": self.latency_files(), "multiverse": self.multiverse_files()}
        return table_list.table_names({need for need, files in asked.items() if files})

    def tables_spec(self) -> str:
        """Return the job of `tables`."""
        # The stage finds the tables in their folder, so the hash is told of them.
        made_by = code(ADAPTERS / "tables.py", *entries.modules(table_list.FOLDER, "TABLE"))
        return TablesJob(limited=limited_datasets(self._resolved()), code=made_by).to_json()

    def figure_names(self) -> tuple[str, ...]:
        """Return the names of the figures of this run: KIND-DATASET or KIND."""
        contents = figure_list.Contents.of(self._resolved(), self._cards())
        return figure_list.figure_names(contents)

    def figures_spec(self) -> str:
        """Return the job of `figures`."""
        drawn = entries.modules(figure_list.FOLDER, "FIGURE")
        return FiguresJob(
            datasets=tuple(self.datasets("test")),
            figures=self.figure_names(),
            formats=tuple(self.config.figures.formats),
            examples=self.config.figures.examples,
            code=code(ADAPTERS / "figures.py", *drawn, STYLE),
        ).to_json()

    def captions_spec(self) -> str:
        """Return the job of `captions`."""
        reported = self.datasets("test")
        return CaptionsJob(
            run=self.config.run,
            figures=self.figure_names(),
            titles=figure_list.titles(),
            limited=tuple(n for n in limited_datasets(self._resolved()) if n in reported),
            code=code(ADAPTERS / "captions.py"),
        ).to_json()

    def speed_spec(self) -> str:
        """Return the job of `speed`."""
        return SpeedJob(
            run=self.config.run,
            title=self.config.report.title,
            datasets=tuple(self.datasets("test")),
            code=code(ADAPTERS / "speed.py", *_page_files()),
        ).to_json()

    def report_spec(self) -> str:
        """Return the job of `report`."""
        cards = self._cards()
        return ReportJob(
            config=self._resolved(),
            datasets={name: cards[name] for name in self.datasets("test")},
            models=self._stated(),
            assets=self._weights(),
            titles=figure_list.titles(),
            code=code(ADAPTERS / "report.py", *_page_files()),
        ).to_json()

    def manifest_spec(self) -> str:
        """Return the job of `manifest`."""
        return ManifestJob(
            config=self._resolved(),
            datasets=self._cards(),
            models=self._stated(),
            assets=self._weights(),
            environments={
                f"{kind} {name}": self.env(kind, name)
                for kind in ("detector", "model")
                for name in getattr(self.config, f"{kind}s")
            },
            code=code(ADAPTERS / "manifest.py", VERSIONS),
        ).to_json()

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
        """What the models' cards state of themselves that a report shows: source and published results."""
        return {
            name: {key: self.model(name)[1].card.get(key) for key in ("source", "published")}
            for name in self.config.models
        }

    def _cards(self) -> dict[str, Any]:
        return {
            name: {
                **self.dataset(name)[1].card,
                "type": self.dataset(name)[1].name,
                "role": self.config.datasets[name].role,
            }
            for name in self.datasets()
        }


# What leaves the samples of a dataset, and so the cut into parts, as they are.
_NOT_SAMPLES = {
    "type",
    "role",
    "validation",
    "space",
    "fps",
    "every",
    "jpeg",
    "audio",
    "part",
    "limit",
    "multiverse",
    "shards",
    "download",
}


def _kinship(learnt: DatasetConfig, scored: DatasetConfig) -> str:
    """held-out where two sections of one dataset surely have no sample in common, else in-sample."""
    splits = (getattr(learnt, "split", None), getattr(scored, "split", None))
    # Where pictures have no split, their place tells them apart.
    places = (
        splits
        if None not in splits
        else (getattr(learnt, "path", None), getattr(scored, "path", None))
    )
    if places[0] != places[1]:
        return "held-out"
    # Parts are cut from what other options leave, so that only the same options cut at the same places.
    cut = [section.model_dump(exclude=_NOT_SAMPLES) for section in (learnt, scored)]
    apart = learnt.part and scored.part and learnt.part != scored.part and cut[0] == cut[1]
    return "held-out" if apart else "in-sample"


def _stat(path: str | None) -> list[int] | None:
    """Size and time of change of a file, None where there is none."""
    if not path or not Path(path).is_file():
        return None
    found = Path(path).stat()
    return [found.st_size, found.st_mtime_ns]


@cache
def code(*roots: Path | tuple[Path, str]) -> str:
    """Return the code hash of these files and definitions, computed once per process."""
    return code_hash.code_of(*roots)
