"""Give networks that average their features over the picture one end."""

from collections.abc import Sequence

from torch import Tensor, nn


class PooledNet(nn.Module):
    """Layers, the mean over the picture, dropout and a linear head: (n, c, h, w) -> logits."""

    def __init__(self, layers: Sequence[nn.Module], width: int, classes: int, dropout: float):
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)

    def embed(self, x: Tensor) -> Tensor:
        """Return (n, width) features, averaged over the picture."""
        return self.features(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.embed(x)))
