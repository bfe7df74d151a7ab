"""Tell the stages that measure faces, and those that score them, what to do."""

from fnmatch import fnmatchcase

from faceoff.layout import timing_of
from faceoff.plan.jobs import DatasetJob
from faceoff.plan.signal_jobs import ScoreSignalsJob, SignalsJob
from faceoff.plan.stage_jobs import StageJobs, code
from faceoff.plugins import registry
from faceoff.plugins.jobs import CropJob

Pair = tuple[str, str]  # detector, signal
_PRESENT = 2.0  # protocol §49: a unit is there from this intensity on


class SignalPlan(StageJobs):
    """A run's matrix with the jobs of its signals, too."""

    # -- files -------------------------------------------------------------------------------------

    @property
    def asked_signals(self) -> list[Pair]:
        """Return every detector x signal pair that the configuration asks for, sorted."""
        return [
            (detector, name)
            for detector in sorted(self.config.detectors)
            for name, section in sorted(self.config.signals.items())
            if any(fnmatchcase(detector, pattern) for pattern in section.detectors)
        ]

    def signal_skip(self, detector: str, signal: str) -> str | None:
        """Return why a signal cannot be measured here behind a detector, or None."""
        for kind, name, section in (
            ("detector", detector, self.config.detectors[detector]),
            ("signal", signal, self.config.signals[signal]),
        ):
            plugin = self.plugin(kind, name)
            reason = plugin.skip() if self.check_modules else None
            if reason := reason or self._absent(plugin, section.options):
                return f"{kind} {plugin.name}: {reason}"
        if detector not in self.runnable_detectors:
            return f"detector {detector}: none of its cells can run here"
        return None

    def signal_files(self, dataset: str) -> list[str]:
        """Return the tables of a dataset's signals that can be measured."""
        pairs = [pair for pair in self.asked_signals if not self.signal_skip(*pair)]
        return [self.layout.signals(dataset, *pair) for pair in pairs]

    def signal_score_files(self) -> list[str]:
        """Return the scores of the signals of the scored datasets."""
        return [
            self.layout.signal_score(dataset, *pair)
            for dataset in self.scored
            for pair in self.asked_signals
        ]

    def true_face_files(self, dataset: str) -> list[str]:
        """Return the table of the true faces of a dataset, none where it does not know them."""
        plugin = self.dataset(dataset)[1]
        known = hasattr(registry.load(plugin.source, plugin.class_name), "true_faces")
        return [self.layout.true_faces(dataset)] if known else []

    def signal_products(self) -> list[str]:
        """Return every file about signals that a run leaves for its users."""
        if not self.config.signals:
            return []
        tables = [path for dataset in self.scored for path in self.signal_files(dataset)]
        truths = [path for dataset in self.scored for path in self.true_face_files(dataset)]
        return [*tables, *map(timing_of, tables), *truths, *self.signal_score_files()]

    # -- what jobs are told ------------------------------------------------------------------------

    def signals_job(self, dataset: str, detector: str, signal: str) -> SignalsJob:
        """Tell `signals` what measures, and how faces are cropped from the detector's boxes."""
        section, plugin = self.signal(signal)
        card = self.detector(detector)[1].card
        return SignalsJob(
            dataset=dataset,
            detector=detector,
            signal=signal,
            plugin=self._plugin_job(plugin, section.options),
            crop=CropJob(
                policy="all",
                whole_frame=bool(card.get("whole_frame")),
                # Landmarks and angles need the same view of a face, whatever `faces.box` says.
                calibration=card.get("calibration"),
            ),
            code=code("signals", (plugin.source, plugin.class_name)),
        )

    def true_faces_job(self, dataset: str) -> DatasetJob:
        """Tell `true_faces` whose faces are known."""
        return self.samples_job(dataset, "true_faces")

    def score_signals_job(self, dataset: str, detector: str, signal: str) -> ScoreSignalsJob:
        """Tell `score_signals` why a signal is skipped, if it is, and what its card states."""
        card = self.signal(signal)[1].card
        return ScoreSignalsJob(
            dataset=dataset,
            detector=detector,
            signal=signal,
            policy=self.config.faces.policy,
            seed=self.config.seed,
            au_threshold=float(card.get("au_threshold", _PRESENT)),
            gaze_frame=card.get("gaze_frame"),
            skip=self.signal_skip(detector, signal),
            code=code("score_signals"),
        )
