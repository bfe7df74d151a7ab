"""A network of a library without its classifier, and a new head on its features."""

import torch
from torch import Tensor, nn

from faceoff.assets.fetch import given
from faceoff.inference.checkpoints import fill_with, read_network_state


class Backbone(nn.Module):
    """(n, channels, h, w) -> (n, classes) logits; a grey picture is given as three equal colours.

    network: (n, 3, h, w) -> (n, d) features.
    """

    def __init__(
        self, network: nn.Module, classes: int, channels: int, size: tuple[int, int], dropout: float
    ):
        super().__init__()
        self.network = network
        self.channels = channels
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            features = network.eval()(torch.zeros(1, 3, *size))
        if features.ndim != 2:
            raise ValueError(f"it has no vector of features (they are {tuple(features.shape[1:])})")
        self.head = nn.Linear(features.shape[1], classes)
        self.train()

    def embed(self, x: Tensor) -> Tensor:
        """Return the (n, d) features of the library's network."""
        return self.network(x.expand(-1, 3, -1, -1) if self.channels == 1 else x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.embed(x)))


def load(network: nn.Module, weights: str, sha256: str | None, classifier: str) -> None:
    """Fill a network without classifier from a file whose hash is compared before it is opened.

    The file holds weights, or a pickled network of timm's layers as HSEmotion publishes it.

    Parameters
    ----------
    weights, sha256
        The options of these names.
    classifier
        How names of the file's classifier begin, which is left out.

    Raises
    ------
    AssetError
        If the file is not there, or does not have the hash.
    CheckpointError
        If it is not readable, or does not fit.
    """
    path = given(weights, sha256, "weights")
    state = read_network_state(path, ("timm",))
    fill_with(
        network,
        {key: value for key, value in state.items() if not key.startswith(classifier)},
        path,
    )
