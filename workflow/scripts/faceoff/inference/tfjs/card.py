"""Open the TensorFlow.js model of a card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceoff.inference.hardware import BATCH
from faceoff.inference.runtimes import Runtime


def tfjs(files: Mapping[str, Path], card: Mapping[str, Any], outputs: int) -> Runtime:
    """Open a graph model, or the weights of an architecture that the card names.

    files: by the roles manifest, weights, weights_2 …
    """
    from faceoff.inference.tfjs.network import open_network  # needs onnx, as no other card does

    shards = ["weights", *(f"weights_{number}" for number in range(2, len(files)))]
    nodes = card.get("nodes", ())
    return open_network(
        files["manifest"],
        [files[role] for role in shards],
        card.get("architecture"),
        [nodes] if isinstance(nodes, str) else nodes,
        card.get("batch", BATCH),
    )
