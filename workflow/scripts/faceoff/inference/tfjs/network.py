"""Open a model of TensorFlow.js: a graph model, or the weights of a known architecture."""

from collections.abc import Sequence
from pathlib import Path

from faceoff.inference.hardware import BATCH, is_of_the_machine
from faceoff.inference.runtimes import Onnx
from faceoff.inference.tfjs import architectures, graph, weights
from faceoff.inference.tfjs.operations import to_onnx
from faceoff.inference.tfjs.weights import TfjsError


def open_network(
    manifest: Path,
    files: Sequence[Path],
    architecture: str | None = None,
    outputs: Sequence[str] = (),
    batch: int = BATCH,
) -> Onnx:
    """Return a network that runs in onnxruntime.

    It takes (n, height, width, channels) float32, and gives the outputs in the order asked for;
    `output_names` says their names.

    manifest: a graph model's model.json, or a weights manifest, which needs an `architecture`.
    files: the weights, in the order that the manifest names them. outputs: names of outputs, or of
    any nodes; without any the network must have one. Raises TfjsError naming the file.
    """
    found = _graph(manifest, files, architecture)
    made = to_onnx(found, graph.chosen(found, outputs))
    try:
        return Onnx(made, batch)
    except Exception as error:
        # onnxruntime raises types of its own, and names the node
        if is_of_the_machine(error) or type(error).__module__.startswith("faceoff"):
            raise
        raise TfjsError(
            f"{manifest}: its nodes do not fit together: {' '.join(str(error).split())[:300]}"
        ) from None


def _graph(manifest: Path, files: Sequence[Path], architecture: str | None) -> graph.Graph:
    described = weights.read_json(manifest)
    if not graph.is_graph(described):
        tensors = weights.read(weights.groups(described, manifest), files, manifest)
        if architecture is None:
            fitting = architectures.nearest(tensors, manifest)
            known = ", ".join(fitting or architectures.ARCHITECTURES)
            raise TfjsError(
                f"{manifest}: a weights manifest, which names tensors and no layers: say in the "
                f"card which network they belong to, architecture: {known}"
            )
        return architectures.build(architecture, tensors, manifest)
    if architecture is not None:
        raise TfjsError(
            f"{manifest}: a graph model says itself which nodes it has: remove architecture: "
            f"{architecture} from the card"
        )
    graph.described_nodes(described, manifest)  # another format is refused before its weights
    tensors = weights.read(
        weights.groups(described.get("weightsManifest"), manifest), files, manifest
    )
    return graph.read(described, tensors, manifest)
