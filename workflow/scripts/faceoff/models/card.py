"""Run a model that is only a weights file of ONNX or TFLite: its card (YAML) says the rest.

Each runtime has a class of its own, so that a change of one runtime does not run the other's models
again.
"""

from faceoff.inference.card_network import CardNetwork
from faceoff.inference.hardware import BATCH
from faceoff.inference.runtimes import Onnx, Tflite


class OnnxCard(CardNetwork):
    """Run the weights of a model card in onnxruntime."""

    openers = {  # noqa: RUF012
        "onnx": lambda path, card, outputs: Onnx(path, card.get("batch", BATCH)),
    }


class TfliteCard(CardNetwork):
    """Run the weights of a model card in LiteRT."""

    openers = {  # noqa: RUF012
        "tflite": lambda path, card, outputs: Tflite(path, card.get("batch", BATCH)),
    }
