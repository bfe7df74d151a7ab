"""Explain an answer of a PyTorch network by the gradient at a convolution (Grad-CAM, captum)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from faceoff.spelling import suggestion
from faceoff.statistics.arrays import Floats

if TYPE_CHECKING:
    import torch


def grad_cam(
    network: "torch.nn.Module",
    layer: "torch.nn.Module",
    inputs: np.ndarray[Any, Any],
    column: int,
    size: tuple[int, int],
) -> Floats:
    """Return where the layer's activations raise an output of the network, (height, width).

    The map is the positive part of the sum of the layer's channels, each weighed by the mean
    gradient of the output, enlarged bilinearly. The output is what the network gives: logits where
    the softmax is outside of it, as the authors mean it, else the probability.

    Parameters
    ----------
    network
        It takes `inputs` and gives (1, classes), or a tuple that begins with that.
    layer
        A part of it whose output is (1, channels, rows, columns).
    inputs
        One picture as the network takes it, (1, …) float32.
    column
        The output that is explained.
    size
        (height, width) of the map.

    References
    ----------
    Selvaraju et al. 2017, Grad-CAM: visual explanations from deep networks via gradient-based
    localization.
    """
    import torch
    from captum.attr import LayerAttribution, LayerGradCam

    def answer(given: Any) -> Any:
        outputs = network(given)
        first = outputs[0] if isinstance(outputs, tuple | list) else outputs
        return first.reshape(len(first), -1)

    place = next((part.device for part in network.parameters()), torch.device("cpu"))
    given = torch.from_numpy(inputs).to(place).requires_grad_()
    with torch.enable_grad():
        coarse = LayerGradCam(answer, layer).attribute(given, column, relu_attributions=True)
    fine = LayerAttribution.interpolate(coarse, size, "bilinear")
    return np.asarray(fine.detach().cpu().numpy()[0, 0], np.float64)


def chosen_layer(layers: Mapping[str, Any], wanted: str | None) -> str:
    """Return the name of the wanted convolution, the last one without a wish.

    Raises ValueError for a network without convolutions, or a name that it does not have.
    """
    if not layers:
        raise ValueError("the network has no convolution, which Grad-CAM needs")
    if wanted is None:
        return list(layers)[-1]
    if wanted not in layers:
        raise ValueError(f"the network has no convolution {wanted!r}{suggestion(wanted, layers)}")
    return wanted
