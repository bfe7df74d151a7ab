"""Run a model that is only a weights file of TorchScript, timm or Keras.

Its card (YAML) holds everything else.
"""

from faceoff.inference.card_network import CardNetwork
from faceoff.inference.torch_runtimes import RUNTIMES


class TorchCardModel(CardNetwork):
    """Run the weights of a model card in PyTorch."""

    openers = RUNTIMES
