"""Tell the stages that train networks what to do."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from faceoff import layout
from faceoff.assets.asset import Asset, hash_of
from faceoff.plan import trained_nets
from faceoff.plan.jobs import (
    CodeJob,
    ExportClipsJob,
    ExportJob,
    FitClipsJob,
    FitJob,
    FramesNet,
    PredictClipsJob,
    PredictJob,
)
from faceoff.plan.stage_jobs import StageJobs, code
from faceoff.plan.training_sections import TrainingConfig
from faceoff.plugins.jobs import CropJob
from faceoff.training import net_list, sequence_list
from faceoff.training.recipe import Augment, Recipe

_PICTURES, _CLIPS = 128, 16  # per step


class TrainingJobs(StageJobs):
    """A run's matrix with the jobs of its networks, too."""

    @property
    def trained_here(self) -> list[str]:
        """Return the networks that the runnable cells need, sorted."""
        used = {self.model(model)[1].name for _, model in self.face_cells if self.training(model)}
        return sorted(used)

    def training_kinds(self) -> tuple[list[str], list[str], list[str]]:
        """Return the networks on pictures, those over the features of a model, and of frames."""
        on_pictures: list[str] = []
        of_features: list[str] = []
        of_frames: list[str] = []
        for name, section in self.config.training.items():
            kind = of_frames if section.frames else of_features
            (kind if section.over_time else on_pictures).append(name)
        return on_pictures, of_features, of_frames

    def training_detector(self, training: str) -> str:
        """Return the detector whose faces a network learns from."""
        section = self.config.training[training]
        return trained_nets.detector(self.config, section) or ""

    def held_apart(self, training: str) -> list[str]:
        """Return the datasets whose pictures a network must not have learnt, sorted.

        They are the tests and validations of the run; none if the twins are kept.
        """
        return [] if self.config.training[training].twins else self.scored

    def fit_job(self, training: str) -> FitJob:
        """Tell `fit` the network, its data and its recipe."""
        section = self.config.training[training]
        return FitJob(
            input=_input(section.net, section.options, section.margin),
            crop=self._training_crop(training),
            processes=section.processes,
            start=self._start(section),
            code=code("fit", net_list.file_of(section.net)),
            **self._training(training),
        )

    def fit_clips_job(self, training: str) -> FitClipsJob:
        """Tell `fit_clips` the network over time, what reads the frames, its data and recipe."""
        section = self.config.training[training]
        return FitClipsJob(
            features=section.features,
            take=section.take,
            frames=self._frames_net(training),
            window=section.window,
            affect=section.affect,
            code=code("fit_clips", *_files_of(section)),
            **self._training(training),
        )

    def _training(self, training: str) -> dict[str, Any]:
        """Return what all kinds of networks are told; see `jobs.TrainingJob`."""
        section = self.config.training[training]
        return {
            "training": training,
            "dataset": section.data,
            "validation": section.validation,
            "detector": self.training_detector(training),
            "net": section.net,
            "options": section.options,
            "classes": None if section.classes is None else tuple(section.classes),
            "recipe": _recipe(section),
            "labels": section.labels,
            "twins": section.twins,
            "seed": section.seeds[0] if section.seeds else self.config.seed,
            "threads": section.threads,
            "device": self.config.device,
        }

    def _frames_net(self, training: str) -> FramesNet | None:
        """Return the network for pictures that learns with a network over time."""
        section = self.config.training[training]
        if section.frames is None:
            return None
        net, options = section.frames.net, section.frames.options
        return FramesNet(
            net=net,
            options=options,
            input=_input(net, options, section.margin),
            crop=self._training_crop(training),
            start=self._start(section),
        )

    def _training_crop(self, training: str) -> CropJob:
        """Return how the pictures that a network learns from are cropped."""
        card = self.detector(self.training_detector(training))[1].card
        policy, box = self.config.faces.policy, self.config.faces.box
        return CropJob(
            policy=policy if policy != "all" else "largest",
            whole_frame=bool(card.get("whole_frame")),
            calibration=card.get("calibration") if box == "calibrated" else None,
        )

    def _start(self, section: TrainingConfig) -> dict[str, Any] | None:
        """Return the file of weights that a training begins from, as an asset."""
        if section.start is None:
            return None
        card = trained_nets.card_of(section.start, self.plugin_folders)
        own = Path(section.start)
        asset = card.assets["weights"] if card else Asset(str(own), hash_of(own, "sha256"))
        return {**vars(asset), "urls": list(asset.urls)}

    def export_job(self, training: str) -> ExportJob:
        """Tell `export` what the card says of a network."""
        section = self.config.training[training]
        return ExportJob(
            fit=self.fit_job(training),
            code=code("export_network", net_list.file_of(section.net)),
            **self._origin(training),
        )

    def export_clips_job(self, training: str) -> ExportClipsJob:
        """Tell `export_clips` what the card says of a network over time."""
        section = self.config.training[training]
        return ExportClipsJob(
            fit=self.fit_clips_job(training),
            reader=None if section.features is None else self._reader(section.features),
            code=code("export_clips", *_files_of(section)),
            **self._origin(training),
        )

    def _origin(self, training: str) -> dict[str, Any]:
        """Return what the cards of all kinds of networks say; see `jobs.CardJob`."""
        section = self.config.training[training]
        alike = [
            other
            for other in self.config.training.values()
            if (other.data, other.validation) == (section.data, section.validation)
        ]
        return {
            "stored": section.stored,
            "lineage": str(trained_nets.plugin_of(self.config, training).card["lineage"]),
            "training_data": self._splits(section.data),
            "selected_on": self._splits(section.validation),
            "tried": section.tried or len(alike),
        }

    def _reader(self, model: str) -> dict[str, Any]:
        """Return what a card says of the model that reads frames for a network over time."""
        plugin = self.model(model)[1]
        trained = self.training(model)
        return {
            "model": plugin.name,
            "sha256": {role: asset.sha256 for role, asset in sorted(plugin.assets.items())},
            "training_data": self._splits(trained.data)
            if trained
            else plugin.card.get("training_data", "unknown"),
        }

    def embed_job(self, dataset: str, detector: str, model: str) -> PredictJob:
        """Tell `embed` the model that reads frames, and how it is cropped.

        For a network over time it is its own network for pictures.
        """
        job = self.predict_job(dataset, detector, model, "embed")
        if not self.over_time(model):
            return job
        plugin = trained_nets.frames_plugin(self.config, self.model(model)[1].name)
        made_by = code("embed", (plugin.source, plugin.class_name))
        return replace(job, plugin=self._plugin_job(plugin, {}), code=made_by)

    def predict_clips_job(self, dataset: str, detector: str, model: str) -> PredictClipsJob:
        """Tell `predict_clips` its network over time."""
        section, plugin = self.model(model)
        return PredictClipsJob(
            dataset=dataset,
            detector=detector,
            model=model,
            plugin=self._plugin_job(plugin, section.options),
            code=code("predict_clips", (plugin.source, plugin.class_name)),
        )

    def curves_job(self, training: str) -> CodeJob:
        """Tell the drawing of a training's curves nothing but the code."""
        del training  # it reads the record
        return CodeJob(code=code("curves", layout.PACKAGE / "figures" / "look.mplstyle"))

    def _splits(self, dataset: str) -> dict[str, list[str]]:
        """Return a dataset as the keys training_data and selected_on of a card name it."""
        section, plugin = self.dataset(dataset)
        split = section.part or getattr(section, "split", "train")
        return {plugin.name: [str(split)]}


def _input(net: str, options: dict[str, Any], margin: float) -> dict[str, Any]:
    """Return what a network for pictures reads, in the keys of a model card's `input`."""
    return {**net_list.input_of(net, options), "margin": margin}


def _recipe(section: TrainingConfig) -> Recipe:
    """Return a section's recipe, with the batch of its kind of network where none is given."""
    given = section.recipe.model_dump()
    batch = given["batch"] or (_CLIPS if section.over_time else _PICTURES)
    return Recipe(**{**given, "batch": batch, "augment": Augment(**given["augment"])})


def _files_of(section: TrainingConfig) -> list[Path]:
    """Return the modules of a network over time and of its network for pictures."""
    frames = [net_list.file_of(section.frames.net)] if section.frames else []
    return [sequence_list.file_of(section.net), *frames]
