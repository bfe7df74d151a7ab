"""Tell the stages that explain cells, and those that score the maps, what to do."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from faceoff.layout import timing_of
from faceoff.plan.matrix import Cell
from faceoff.plan.saliency_jobs import SaliencyJob, ScoreSaliencyJob
from faceoff.plan.stage_jobs import StageJobs, code
from faceoff.plugins.plugin import not_installed
from faceoff.saliency import method_list

_SHOWN = 4  # right and wrong faces of a cell that the page shows


class SaliencyPlan(StageJobs):
    """A run's matrix with the jobs of its maps, too."""

    def saliency_cells(self, dataset: str) -> list[Cell]:
        """Return the cells that are explained on a dataset, sorted.

        Networks over time and recorded predictions look at no single picture.
        """
        section = self.config.saliency
        if section is None or dataset not in self.datasets("test"):
            return []
        if not any(fnmatchcase(dataset, pattern) for pattern in section.datasets):
            return []
        return [
            cell
            for cell in self.face_cells
            if any(fnmatchcase("/".join(cell), pattern) for pattern in section.of)
            and "reads" not in self.model(cell[1])[1].card
            and not self.over_time(cell[1])
        ]

    def saliency_files(self, dataset: str) -> list[str]:
        """Return the tables of a dataset's explained faces."""
        return [self.layout.saliency(dataset, *cell) for cell in self.saliency_cells(dataset)]

    def saliency_score_files(self) -> list[str]:
        """Return the scores of the maps of the test datasets."""
        return [
            self.layout.saliency_score(dataset, *cell)
            for dataset in self.datasets("test")
            for cell in self.saliency_cells(dataset)
        ]

    def saliency_products(self) -> list[str]:
        """Return every file about maps that a run leaves for its users."""
        tables = [
            path for dataset in self.datasets("test") for path in self.saliency_files(dataset)
        ]
        return [*tables, *map(timing_of, tables), *self.saliency_score_files()]

    def saliency_faults(self) -> Iterator[str]:
        """Yield a line where the method's packages are not installed here."""
        section = self.config.saliency
        if section is None or not self.check_modules:
            return
        for module in not_installed(method_list.get(section.method).modules):
            yield (
                f"saliency.method: {section.method} needs the python package {module!r}: "
                "`make full` installs it, or run with --use-conda, or take another method"
            )

    def saliency_job(self, dataset: str, detector: str, model: str) -> SaliencyJob:
        """Tell `saliency` its cell, the method, and how many faces it explains."""
        section = self.config.saliency
        if section is None:
            raise ValueError("the run has no section saliency")
        plugin = self.model(model)[1]
        return SaliencyJob(
            predict=self.predict_job(dataset, detector, model),
            method=section.method,
            samples=section.samples,
            sanity=section.sanity,
            layer=section.layers.get(model),
            shown=_SHOWN,
            faces=self.config.report.faces,
            code=code("saliency", (plugin.source, plugin.class_name)),
        )

    def score_saliency_job(self, dataset: str, detector: str, model: str) -> ScoreSaliencyJob:
        """Tell `score_saliency` whose maps it scores."""
        section = self.config.saliency
        if section is None:
            raise ValueError("the run has no section saliency")
        return ScoreSaliencyJob(
            dataset=dataset,
            detector=detector,
            model=model,
            method=section.method,
            samples=section.samples,
            code=code("score_saliency"),
        )
