"""Provide what several files of unit tests need."""

import functools
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def operators_once() -> Iterator[None]:
    """Let PyTorch's exporter make its table of ONNX operators once, not for each file.

    It is half of each export, and a run exports once per process.
    """
    registration = pytest.importorskip("torch.onnx._internal.exporter._registration")
    table = functools.cache(registration.ONNXRegistry.from_torchlib)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registration.ONNXRegistry, "from_torchlib", staticmethod(table))
        yield
