"""Where PyTorch plug-ins compute, and what has to be done before PyTorch or torchvision is first used. Call these inside a plug-in's constructor."""

import os
from typing import Any

import numpy as np

from faceoff import runtimes


def torch_device() -> str:
    """ "cuda" where PyTorch sees such a device and FACEOFF_DEVICE is not "cpu", else "cpu". Sets the threads of this job on the way.

    On a GPU the TF32 short cuts are switched off: they would move scores by 1e-3 between machines.
    """
    import torch

    torch.set_num_threads(runtimes.threads())
    if os.environ.get("FACEOFF_DEVICE") == "cpu" or not torch.cuda.is_available():
        return "cpu"
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return "cuda"


def prepare_torchvision() -> None:
    """Make `import torchvision` work beside a CPU-only PyTorch, for libraries that import it (timm, facenet-pytorch, facetorch).

    Such a pair raises "operator torchvision::nms does not exist": its compiled operators do not load, but its Python registers their
    shapes. Declaring the two operators is enough to import; nobody here calls them.
    """
    global _declared
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        import sys

        import torch

        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported
        _declared = torch.library.Library("torchvision", "DEF")
        _declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision  # noqa: F401


_declared: Any = None  # the declarations live as long as this object


class Torch:
    """A PyTorch network as a `faceoff.runtimes.Runtime`: batches of exactly `batch` rows, the last one padded.

    The size is fixed because the bits of a row depend on how many rows are computed with it, not on what they hold (measured on CPUs);
    so one picture alone gives what it gives among others. Outputs come back as float32 arrays.
    """

    def __init__(self, network: Any, batch: int):
        self._network, self._batch = network, batch
        self._device = next(network.parameters()).device

    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        import torch

        with torch.inference_mode():
            # Pictures compute up to twice as fast with their channels last.
            layout = torch.channels_last if inputs.ndim == 4 else torch.preserve_format
            outputs = self._network(torch.from_numpy(inputs).to(self._device, memory_format=layout))
        return [output.float().cpu().numpy() for output in (outputs if isinstance(outputs, (tuple, list)) else (outputs,))]

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """inputs (n, …) float32 -> each output with n rows."""
        return runtimes.batched(inputs, self._batch, self._invoke)
