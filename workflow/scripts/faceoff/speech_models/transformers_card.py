"""Run an audio classifier of Hugging Face's transformers, such as wav2vec 2.0 or HuBERT.

A card (YAML) pins its config, feature extractor and safetensors weights.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from faceoff.inference import hub_models
from faceoff.inference.runtimes import softmax
from faceoff.inference.torch_devices import torch_device
from faceoff.media.sound import RATE
from faceoff.plugins.protocols import Prediction
from faceoff.plugins.speech_protocols import Wave

LEAST_S = 0.1  # of a segment: the convolutions of wav2vec 2.0 need 25 ms for a single frame


class TransformersSpeechModel:
    """A model whose classes and input are its own; segments are read one by one, unpadded.

    `emotions` in the card replaces class names that are no emotions (LABEL_0 …). Code that lies
    beside such weights never runs. Raises CheckpointError if the files do not belong together,
    ValueError if the classes are not emotions or not exclusive, or sound of another rate is asked.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        network, self._extractor = hub_models.load(
            assets, "AutoModelForAudioClassification", "AutoFeatureExtractor", "an audio classifier"
        )
        rate = getattr(self._extractor, "sampling_rate", None)
        if rate != RATE:
            raise ValueError(
                f"preprocessor_config.json: sampling_rate {rate}: sound is extracted at {RATE} Hz"
            )
        self.emotions = hub_models.classes(network.config, card.get("emotions"))
        self._network = network.to(torch_device())

    def hear(self, waves: Sequence[Wave]) -> Prediction:
        """Return the prediction for n segments; one below 0.1 s is not evaluable."""
        readable = np.array([len(wave) >= LEAST_S * RATE for wave in waves], bool)
        logits = np.zeros((len(waves), len(self.emotions)), np.float32)
        for place in np.flatnonzero(readable):
            logits[place] = self._read(waves[place])
        return Prediction(softmax(logits), evaluable=readable)

    @torch.inference_mode()
    def _read(self, wave: Wave) -> Any:
        """Return the logits (k,) of one segment, prepared as the model's own extractor does it."""
        inputs = self._extractor(wave, sampling_rate=RATE, return_tensors="pt")
        device = next(self._network.parameters()).device
        found = self._network(**{name: value.to(device) for name, value in inputs.items()})
        return found.logits[0].float().cpu().numpy()
