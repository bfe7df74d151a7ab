"""Tell the stages that listen what to do."""

from faceoff.plan.speech_jobs import HearJob, SegmentJob
from faceoff.plan.stage_jobs import StageJobs, code


class SpeechPlan(StageJobs):
    """A run's matrix with the jobs of its voices, too."""

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
