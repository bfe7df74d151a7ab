"""What jobs compute on: the configuration's device and precision reach the networks.

A GPU that is not there, or too small, is met plainly.
"""

import platform
import subprocess
import sys

import numpy as np
import pytest
import torch

from faceoff.inference import hardware, runtimes, torch_devices
from faceoff.inference.hardware import DeviceError, Hardware
from faceoff.inference.plugin_job import prefetch
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan

RAW = {
    "run": "t",
    "datasets": {"posed": {}},
    "detectors": {"whole": {}, "mtcnn": {}},
    "models": {"fer": {}, "emonet_8": {}},
}
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    monkeypatch.delenv("FACEOFF_DEVICE", raising=False)
    yield
    hardware.set_hardware(Hardware())


@no_gpu
def test_auto_takes_the_cpu_where_there_is_no_gpu():
    assert torch_devices.torch_device() == "cpu"
    assert runtimes.onnx_providers()[-1] == "CPUExecutionProvider"
    assert not torch_devices.on_gpu()
    assert torch_devices.peak_vram_mib() is None


@no_gpu
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator than glibc's")
def test_on_a_cpu_a_batch_finds_its_memory_where_those_before_left_it():
    """The kernel clears every page of a block that is new; 32 MiB have 8192."""
    code = """if True:
        import resource, sys, torch
        from faceoff.inference import torch_devices
        if sys.argv[1] == "ours":
            torch_devices.torch_device()
        torch.set_num_threads(1)
        def faults():
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        def batch():
            (torch.ones(8 * 2**20) + 1).sum()
        for _ in range(12):  # until the free blocks fit
            batch()
        before = faults()
        batch()
        print(faults() - before)
    """
    pages = {
        who: int(
            subprocess.run(
                [sys.executable, "-c", code, who], check=True, capture_output=True, text=True
            ).stdout
        )
        for who in ("ours", "plain")
    }
    assert pages["plain"] > 8000
    assert pages["ours"] < 100


@no_gpu
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_an_error_with_a_way_out(device):
    hardware.set_hardware(Hardware(device))
    with pytest.raises(DeviceError, match=rf"{device} is asked for.*device: auto"):
        torch_devices.torch_device()


def test_onnxruntime_without_cuda_says_what_to_install():
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    hardware.set_hardware(Hardware("cuda"))
    with pytest.raises(DeviceError, match="onnxruntime-gpu"):
        runtimes.onnx_providers()


def test_the_environment_stands_above_the_configuration(monkeypatch):
    hardware.set_hardware(Hardware("cuda", "bfloat16"))
    monkeypatch.setenv("FACEOFF_DEVICE", "cpu")
    assert hardware.hardware() == Hardware("cpu", "bfloat16")
    assert torch_devices.torch_device() == "cpu"


class _Small(torch.nn.Module):
    """Doubles its rows, and has memory for four of them."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, rows):
        if len(rows) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return rows * self.weight


def test_batches_are_halved_until_they_fit_and_no_row_is_lost(capsys):
    network = torch_devices.Torch(_Small(), batch=16)
    rows = np.arange(22, dtype=np.float32).reshape(11, 2)
    (doubled,) = network.run(rows)
    np.testing.assert_array_equal(doubled, 2 * rows)
    assert "batches of 4" in capsys.readouterr().err
    assert "batches of" not in (network.run(rows), capsys.readouterr().err)[1], (
        "it stays at what fits"
    )


def test_memory_for_not_even_one_row_is_an_error():
    class None_(_Small):  # noqa: N801
        def forward(self, rows):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        torch_devices.Torch(None_(), batch=4).run(np.zeros((2, 2), np.float32))


def test_a_network_without_parameters_computes_on_the_jobs_device():
    """As a frozen TorchScript graph, whose weights are constants."""
    hardware.set_hardware(Hardware("cpu"))
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(
        torch_devices.Torch(torch.nn.ReLU(), batch=2).run(rows - 3)[0], np.maximum(rows - 3, 0)
    )
    with_buffers = torch.nn.BatchNorm1d(2, eps=0.0, affine=False).eval()
    np.testing.assert_array_equal(torch_devices.Torch(with_buffers, batch=2).run(rows)[0], rows)


def test_a_cpu_computes_as_many_together_as_the_plug_in_declares():
    seen = []

    class Counting(torch.nn.Linear):
        def forward(self, rows):
            seen.append(len(rows))
            return super().forward(rows)

    for more in (False, True):
        torch_devices.Torch(Counting(2, 1), batch=4, more_on_gpu=more).run(
            np.zeros((6, 2), np.float32)
        )
    assert seen == [4] * 4


def test_reduced_precision_is_close_and_not_the_same():
    torch.manual_seed(0)
    network = torch_devices.Torch(torch.nn.Linear(64, 8), batch=4)
    rows = np.random.default_rng(1).normal(size=(4, 64)).astype(np.float32)
    (full,) = network.run(rows)
    hardware.set_hardware(Hardware(precision="bfloat16"))
    with torch_devices.autocast():
        (reduced,) = network.run(rows)
    assert reduced.dtype == np.float32
    assert 0 < np.abs(full - reduced).max() < 0.05


def test_precision_is_for_models_that_compute_in_pytorch():
    with pytest.raises(
        ConfigError, match=r"models\.fer\.precision: .*runs in onnx, not in PyTorch"
    ):
        Plan({**RAW, "models": {"fer": {"precision": "bfloat16"}}})
    told = Plan({**RAW, "models": {"emonet_8": {"precision": "bfloat16"}}}).predict_job(
        "posed", "whole", "emonet_8"
    )
    assert told.plugin.precision == "bfloat16"


def test_a_variant_knows_its_original():
    models = {
        "emonet_8": {},
        "half": {"model": "emonet_8", "precision": "bfloat16"},
        "other": {"model": "emonet_8", "precision": "bfloat16", "margin": 0.2},
    }
    told = Plan({**RAW, "models": models}).compare_job("posed")
    assert told.variants == {"mtcnn/half": "mtcnn/emonet_8", "whole/half": "whole/emonet_8"}


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:"])
def test_a_wrong_device_is_a_config_error(device):
    with pytest.raises(ConfigError, match="device"):
        Plan({**RAW, "device": device})


def test_only_jobs_that_can_use_a_gpu_ask_a_cluster_for_one():
    plan = Plan({**RAW, "device": "cuda"})
    asked = {
        (kind, name): plan.gpus(kind, name)
        for kind, name in (
            ("detector", "whole"),
            ("detector", "mtcnn"),
            ("model", "fer"),
            ("model", "emonet_8"),
        )
    }
    assert asked == {
        ("detector", "whole"): 0,
        ("detector", "mtcnn"): 1,
        ("model", "fer"): 0,
        ("model", "emonet_8"): 1,
    }
    assert Plan(RAW).gpus("model", "emonet_8") == 0, "auto asks for nothing"


@pytest.mark.parametrize("threads", ["1", "2"])
def test_working_ahead_keeps_order_and_errors(monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert list(prefetch(range(5))) == [0, 1, 2, 3, 4]
    assert list(prefetch([])) == []

    def broken():
        yield 1
        raise OSError("the disk is gone")

    working = prefetch(broken())
    assert next(working) == 1
    with pytest.raises(OSError, match="gone"):
        next(working)


def test_onnxruntime_that_cannot_start_cuda_does_not_go_on_with_the_cpu(monkeypatch, mirror):
    """It would, with no more than a line in a log."""
    network = mirror / "version-RFB-320.onnx"
    monkeypatch.setattr(
        runtimes, "onnx_providers", lambda: ["CPUExecutionProvider"]
    )  # what is left of the list where CUDA does not start
    runtimes.Onnx(network, batch=1)
    assert not torch_devices.on_gpu()
    hardware.set_hardware(Hardware("cuda"))
    with pytest.raises(DeviceError, match=r"could not start CUDA.*device: auto"):
        runtimes.Onnx(network, batch=1)
