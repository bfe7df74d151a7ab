"""Tell the stages that make pictures worse, and those that score what is then read, what to do."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property

from faceoff.corruption import corruption_list
from faceoff.layout import timing_of
from faceoff.plan.corruption_jobs import (
    CorruptDetectJob,
    CorruptionStripJob,
    CorruptPredictJob,
    ScoreCorruptionJob,
    Worsening,
    WorseTable,
)
from faceoff.plan.corruption_sections import Variant, variants
from faceoff.plan.matrix import Cell
from faceoff.plan.stage_jobs import StageJobs, code
from faceoff.plugins.jobs import CropJob
from faceoff.scoring.robustness_records import Mode

CLEAN, AGAIN = "clean_crop", "detect_again"


class CorruptionPlan(StageJobs):
    """A run's matrix with the jobs of pictures made worse, too."""

    # -- what is made worse ------------------------------------------------------------------------

    @cached_property
    def corruptions(self) -> dict[str, Variant]:
        """Return every variant of every corruption, by its name in the results."""
        return {
            variant.name: variant
            for name, section in sorted(self.config.corruptions.items())
            for variant in variants(name, section)
        }

    def corrupted_by(self, dataset: str) -> list[str]:
        """Return the sections of `corruptions` that name a test dataset, sorted."""
        return [
            name
            for name, section in sorted(self.config.corruptions.items())
            if dataset in self.datasets("test")
            and any(fnmatchcase(dataset, pattern) for pattern in section.datasets)
        ]

    def corrupted_cells(self, section: str) -> list[tuple[Mode, Cell]]:
        """Return the cells that read a section's pictures, in each mode.

        Predictions from a file, and networks over time, read no single picture. A detector that
        takes the whole picture, or knows the faces, finds the same faces again.
        """
        asked = self.config.corruptions[section]
        moves = variants(section, asked)[0].on == "box"
        found: list[tuple[Mode, Cell]] = []
        for detector, model in self.face_cells:
            named = any(fnmatchcase(f"{detector}/{model}", pattern) for pattern in asked.of)
            if not named or "reads" in self.model(model)[1].card or self.over_time(model):
                continue
            card = self.detector(detector)[1].card
            looks = not (card.get("whole_frame") or card.get("given"))
            if CLEAN in asked.modes and not (moves and card.get("whole_frame")):
                found.append(("clean_crop", (detector, model)))
            if AGAIN in asked.modes and looks and not moves:
                found.append(("detect_again", (detector, model)))
            elif CLEAN not in asked.modes and not looks and not moves:
                found.append(("clean_crop", (detector, model)))
        return found

    def corruption_faults(self) -> Iterator[str]:
        """Yield a line for each section whose pictures no cell would read."""
        for name in self.config.corruptions:
            if self.face_cells and not self.corrupted_cells(name):
                yield (
                    f"corruptions.{name}: no cell reads its pictures: predictions from files and "
                    "networks over time do not, and a box that is the whole picture cannot move"
                )

    # -- files -------------------------------------------------------------------------------------

    def corrupted_tables(self, section: str) -> list[WorseTable]:
        """Return what is scored of a section: variant, cell and mode."""
        return [
            WorseTable(variant=variant.name, cell="/".join(cell), mode=mode)
            for variant in self.corruptions.values()
            if variant.section == section
            for mode, cell in self.corrupted_cells(section)
        ]

    def corrupted_files(self, dataset: str, section: str) -> list[str]:
        """Return the predictions on a section's pictures, in the order of `corrupted_tables`."""
        return [
            self.layout.corrupted(dataset, table.variant, table.mode, *table.cell.split("/"))
            for table in self.corrupted_tables(section)
        ]

    def clean_files(self, dataset: str, section: str) -> list[str]:
        """Return the predictions of the same cells on the pictures as they are."""
        return [self.layout.predictions(dataset, *cell) for cell in self._cells_of(section)]

    def corrupted_faces_files(self, dataset: str, section: str) -> list[str]:
        """Return the faces that are found again on a section's pictures."""
        detectors = {cell[0] for mode, cell in self.corrupted_cells(section) if mode == AGAIN}
        return [
            self.layout.corrupted_faces(dataset, variant.name, detector)
            for variant in self.corruptions.values()
            if variant.section == section
            for detector in sorted(detectors)
        ]

    def robustness_files(self) -> list[str]:
        """Return the scores of every corruption of every test dataset."""
        return [
            self.layout.robustness(dataset, section)
            for dataset in self.datasets("test")
            for section in self.corrupted_by(dataset)
        ]

    def strip_files(self) -> list[str]:
        """Return the tables of one face under every corruption, where the report shows faces."""
        return [
            self.layout.corruption_strip(dataset)
            for dataset in self.datasets("test")
            if self.corrupted_by(dataset) and self.config.report.faces
        ]

    def corruption_products(self) -> list[str]:
        """Return every file about corruptions that a run leaves for its users."""
        tables = self.corruption_tables(self.datasets("test"))
        return [*tables, *map(timing_of, tables), *self.robustness_files()]

    def corruption_tables(self, datasets: list[str]) -> list[str]:
        """Return the tables of faces and predictions on worse pictures of datasets or shards."""
        return [
            path
            for name in datasets
            for section in self.corrupted_by(name.partition("@")[0])
            for path in (
                *self.corrupted_faces_files(name, section),
                *self.corrupted_files(name, section),
            )
        ]

    def _cells_of(self, section: str) -> list[Cell]:
        return sorted({cell for _, cell in self.corrupted_cells(section)})

    # -- what jobs are told ------------------------------------------------------------------------

    def _worsening(self, name: str) -> Worsening:
        variant = self.corruptions[name]
        return Worsening(
            name=name,
            kind=variant.kind,
            levels=variant.levels,
            options=variant.options,
            seed=self.config.seed,
        )

    def _box(self, detector: str) -> CropJob:
        """Return the way from a detector's box to the face whose size corruptions go by."""
        card = self.detector(detector)[1].card
        return CropJob(
            policy=self.config.faces.policy,
            whole_frame=bool(card.get("whole_frame")),
            calibration=card.get("calibration"),
        )

    def corrupt_detect_job(self, dataset: str, corruption: str, detector: str) -> CorruptDetectJob:
        """Tell `corrupt_detect` what makes pictures worse, and which detector looks at them."""
        plugin = self.detector(detector)[1]
        kind = corruption_list.file_of(self.corruptions[corruption].kind)
        return CorruptDetectJob(
            worsening=self._worsening(corruption),
            detect=self.detect_job(dataset, detector),
            box=self._box(detector),
            code=code("corrupt_detect", (plugin.source, plugin.class_name), kind),
        )

    def corrupt_predict_job(
        self, dataset: str, corruption: str, detector: str, model: str
    ) -> CorruptPredictJob:
        """Tell `corrupt_predict` what makes pictures worse, and which model reads them."""
        plugin = self.model(model)[1]
        kind = corruption_list.file_of(self.corruptions[corruption].kind)
        return CorruptPredictJob(
            worsening=self._worsening(corruption),
            predict=self.predict_job(dataset, detector, model),
            box=self._box(detector),
            code=code("corrupt_predict", (plugin.source, plugin.class_name), kind),
        )

    def score_corruption_job(self, dataset: str, corruption: str) -> ScoreCorruptionJob:
        """Tell `score_corruption` what its files are about. corruption: the section."""
        used = [name for name, made in self.corruptions.items() if made.section == corruption]
        return ScoreCorruptionJob(
            dataset=dataset,
            corruption=corruption,
            variants=tuple(map(self._worsening, used)),
            clean=tuple("/".join(cell) for cell in self._cells_of(corruption)),
            worse=tuple(self.corrupted_tables(corruption)),
            voters=self._members(self.face_cells),
            seed=self.config.seed,
            code=code("score_corruption"),
        )

    def corruption_strip_job(self, dataset: str) -> CorruptionStripJob:
        """Tell `corruption_strip` which corruptions one face is shown under."""
        sections = self.corrupted_by(dataset)
        used = [name for name, made in self.corruptions.items() if made.section in sections]
        kinds = [corruption_list.file_of(self.corruptions[name].kind) for name in used]
        return CorruptionStripJob(
            dataset=dataset,
            variants=tuple(map(self._worsening, used)),
            box=self._box(self.strip_detector),
            seed=self.config.seed,
            code=code("corruption_strip", *dict.fromkeys(kinds)),
        )

    @property
    def strip_detector(self) -> str:
        """Return the detector whose face is shown: the first that boxes faces, else the first."""
        boxing = (
            name
            for name in self.runnable_detectors
            if not self.detector(name)[1].card.get("whole_frame")
        )
        return next(boxing, self.runnable_detectors[0])
