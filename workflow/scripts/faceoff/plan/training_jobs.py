"""Tell the stages that train networks what to do."""

from pathlib import Path
from typing import Any

from faceoff import layout
from faceoff.assets.asset import Asset, hash_of
from faceoff.plan import trained_nets
from faceoff.plan.jobs import CodeJob, ExportJob, FitJob
from faceoff.plan.stage_jobs import StageJobs, code
from faceoff.plan.training_sections import TrainingConfig
from faceoff.plugins.jobs import CropJob
from faceoff.training import net_list
from faceoff.training.recipe import Augment, Recipe


class TrainingJobs(StageJobs):
    """A run's matrix with the jobs of its networks, too."""

    @property
    def trained_here(self) -> list[str]:
        """Return the networks that the runnable cells need, sorted."""
        used = {self.model(model)[1].name for _, model in self.cells if self.training(model)}
        return sorted(used)

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
        detector = self.training_detector(training)
        card = self.detector(detector)[1].card
        recipe = section.recipe.model_dump()
        return FitJob(
            training=training,
            dataset=section.data,
            validation=section.validation,
            detector=detector,
            net=section.net,
            options=section.options,
            input={
                **net_list.input_of(section.net, section.options),
                "margin": section.margin,
            },
            classes=None if section.classes is None else tuple(section.classes),
            crop=CropJob(
                policy=self.config.faces.policy if self.config.faces.policy != "all" else "largest",
                whole_frame=bool(card.get("whole_frame")),
                calibration=card.get("calibration")
                if self.config.faces.box == "calibrated"
                else None,
            ),
            recipe=Recipe(**{**recipe, "augment": Augment(**recipe["augment"])}),
            twins=section.twins,
            start=self._start(section),
            seed=section.seeds[0] if section.seeds else self.config.seed,
            threads=section.threads,
            processes=section.processes,
            device=self.config.device,
            code=code("fit", net_list.file_of(section.net)),
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
        alike = [
            other
            for other in self.config.training.values()
            if (other.data, other.validation) == (section.data, section.validation)
        ]
        card = trained_nets.plugin_of(self.config, training).card
        return ExportJob(
            fit=self.fit_job(training),
            stored=section.stored,
            lineage=str(card["lineage"]),
            training_data=self._splits(section.data),
            selected_on=self._splits(section.validation),
            tried=section.tried or len(alike),
            code=code("export_network", net_list.file_of(section.net)),
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
