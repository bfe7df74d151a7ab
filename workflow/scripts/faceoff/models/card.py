"""Run a model that is only files of ONNX, TFLite or TensorFlow.js: its card (YAML) says the rest.

Each runtime has a class of its own, so that a change of one runtime does not run the other's models
again.
"""

from faceoff.inference.card_network import CardNetwork
from faceoff.inference.hardware import BATCH
from faceoff.inference.onnx_embedding import EmbeddingNetwork
from faceoff.inference.runtimes import Onnx, Tflite
from faceoff.inference.tfjs.card import tfjs


class OnnxCard(EmbeddingNetwork):
    """Run the weights of a model card in onnxruntime."""

    openers = {  # noqa: RUF012
        "onnx": lambda files, card, outputs: Onnx(files["weights"], card.get("batch", BATCH)),
    }


class TfliteCard(CardNetwork):
    """Run the weights of a model card in LiteRT."""

    openers = {  # noqa: RUF012
        "tflite": lambda files, card, outputs: Tflite(files["weights"], card.get("batch", BATCH)),
    }


class TfjsCard(CardNetwork):
    """Run the TensorFlow.js model of a card in onnxruntime."""

    openers = {"tfjs": tfjs}  # noqa: RUF012
