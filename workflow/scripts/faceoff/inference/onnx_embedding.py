"""Read the embedding of a picture off an ONNX network: what its last layer turns into classes."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.inference.card_network import CardNetwork
from faceoff.inference.hardware import BATCH
from faceoff.inference.runtimes import Onnx

_LAYERS = ("Gemm", "MatMul")


class EmbeddingNetwork(CardNetwork):
    """A network and its card that also gives embeddings; its runtime is onnx."""

    @cached_property
    def _embedder(self) -> Onnx:
        return Onnx(cut_to_embedding(self._files["weights"]), self._card.get("batch", BATCH))

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Return the embeddings (n, d) float32 of (n, height, width, channels) uint8 crops.

        Raises ValueError if the network does not end with a fully connected layer.
        """
        (embedding,) = self._embedder.run(self._inputs(crops))
        return embedding.reshape(len(embedding), -1)


def cut_to_embedding(file: Path) -> bytes:
    """Return an ONNX network that ends before its last fully connected layer.

    The layer is the last one on the only way from the first output back to the picture.

    Raises ValueError naming the file if there is none on it.
    """
    import onnx

    model = onnx.load_model_from_string(file.read_bytes())
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    dynamic = _dynamic(graph)
    name = graph.output[0].name
    while (node := makers.get(name)) is not None:
        data = [source for source in node.input if source in dynamic]
        if len(data) != 1:
            break
        (name,) = data
        if node.op_type in _LAYERS:
            del graph.output[:]
            kind = onnx.TensorProto.FLOAT
            graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
            content: bytes = model.SerializeToString()
            return content
    raise ValueError(
        f"{file}: it does not end with a fully connected layer, so it has no embedding"
    )


def _dynamic(graph: Any) -> set[str]:
    """Return the tensors that depend on the input; nodes stand in the order of computation."""
    constant = {tensor.name for tensor in graph.initializer}
    found = {entry.name for entry in graph.input} - constant
    for node in graph.node:
        if found.intersection(node.input):
            found.update(node.output)
    return found
