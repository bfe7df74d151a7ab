"""A model that is only a weights file of ONNX or TFLite: everything else is in its card (YAML)."""

from faceoff.inference.card_network import CardNetwork
from faceoff.inference.hardware import BATCH
from faceoff.inference.runtimes import Onnx, Tflite


class CardModel(CardNetwork):
    """Run the weights of a model card in onnxruntime or LiteRT."""

    openers = {  # noqa: RUF012
        "onnx": lambda path, card, outputs: Onnx(path, card.get("batch", BATCH)),
        "tflite": lambda path, card, outputs: Tflite(path, card.get("batch", BATCH)),
    }
