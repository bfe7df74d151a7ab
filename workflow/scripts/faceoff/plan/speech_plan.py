"""Tell the stages that listen what to do."""

from faceoff.plan.signal_plan import SignalPlan
from faceoff.plan.speech_jobs import HearJob, SegmentJob, SynchronyJob
from faceoff.plan.stage_jobs import code


class SpeechPlan(SignalPlan):
    """A run's matrix with the jobs of its voices, too."""

    def synchrony_files(self) -> list[str]:
        """Return the lag curves of the test datasets.

        There are some where the run reads voices and a signal measures lips.
        """
        if not self.voice_cells:
            return []
        pairs = [
            pair
            for pair in self.asked_signals
            if self.signal(pair[1])[1].card.get("lips") and not self.signal_skip(*pair)
        ]
        return [
            self.layout.synchrony(dataset, *pair)
            for dataset in self.datasets("test")
            for pair in pairs
        ]

    def synchrony_job(self, dataset: str, detector: str, signal: str) -> SynchronyJob:
        """Tell `score_synchrony` whose lips are compared."""
        return SynchronyJob(
            dataset=dataset,
            detector=detector,
            signal=signal,
            policy=self.config.faces.policy,
            seed=self.config.seed,
            code=code("score_synchrony"),
        )

    def segment_job(self, dataset: str, segmenter: str) -> SegmentJob:
        """Tell `segment` its segmenter."""
        section, plugin = self.segmenter(segmenter)
        return SegmentJob(
            dataset=dataset,
            segmenter=segmenter,
            plugin=self._plugin_job(plugin, section.options),
            code=code("segment", (plugin.source, plugin.class_name)),
        )

    def hear_job(self, dataset: str, segmenter: str, model: str, script: str = "hear") -> HearJob:
        """Tell `hear` its model."""
        section, plugin = self.speech_model(model)
        return HearJob(
            dataset=dataset,
            segmenter=segmenter,
            model=model,
            plugin=self._plugin_job(plugin, section.options),
            code=code(script, (plugin.source, plugin.class_name)),
        )

    def train_speech_job(self, segmenter: str, model: str) -> HearJob:
        """Tell `train_speech`, once per segmenter, of the dataset that the model learns from."""
        learnt = self.config.speech_models[model].train or ""
        return self.hear_job(learnt, segmenter, model, "train_speech")
