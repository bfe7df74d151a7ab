"""Failures of the machine are told from those of pictures.

A network whose batch does not fit into memory computes smaller ones.
"""

import errno
from pathlib import Path

import numpy as np
import pytest

from faceoff.inference import hardware, runtimes
from faceoff.inference.hardware import DeviceError, Hardware, is_of_the_machine, is_out_of_memory
from faceoff.inference.runtimes import BatchedNetwork, Onnx, Tflite, batched

# As the libraries word them; a GPU's can only be quoted here.
NO_MEMORY = {
    "CUDA": (
        "CUDA error: out of memory\n"
        "CUDA kernel errors might be asynchronously reported at some other API call"
    ),
    "TorchScript": (
        "The following operation failed in the TorchScript interpreter.\n"
        "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB."
    ),
    "cuDNN": "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuBLAS": "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "onnxruntime": (
        "Non-zero status code returned while running Conv node. "
        "BFCArena::AllocateRawInternal(size_t, bool, Stream*) "
        "Failed to allocate memory for requested buffer of size 3584000000"
    ),
    "onnxruntime's CUDA": (
        "CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);"
    ),
    "C++": "std::bad_alloc",
}
GPU_FAILED = {
    "kernel": "CUDA error: device-side assert triggered",
    "cuDNN": "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "search": "GET was unable to find an engine to execute this computation",
    "onnxruntime": "CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0",
    "cuBLAS": "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
}
OF_PICTURES = {
    "plain": ValueError("bad picture"),
    "shape": RuntimeError(
        "The size of tensor a (7) must match the size of tensor b (8) at non-singleton dimension 1"
    ),
    "quoted source": RuntimeError(
        "return torch.batch_norm(input, weight, bias, running_mean, running_var, "
        "torch.backends.cudnn.enabled) ~~~ <--- HERE"
    ),
    "file": FileNotFoundError(errno.ENOENT, "No such file or directory"),
}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FACEOFF_DEVICE", raising=False)
    yield
    hardware.set_hardware(Hardware())


def raised(call) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return caught.value


def test_what_libraries_raise_when_the_hosts_memory_ends() -> None:
    cv2, torch = pytest.importorskip("cv2"), pytest.importorskip("torch")
    errors = (
        raised(lambda: np.zeros(10**16)),
        raised(lambda: torch.empty(10**15)),
        raised(lambda: cv2.resize(np.zeros((9_000, 9_000, 3), np.uint8), None, fx=3_000, fy=3_000)),
        torch.OutOfMemoryError("whatever it says"),
    )
    assert [is_out_of_memory(error) for error in errors] == [True] * 4, errors
    assert [is_of_the_machine(error) for error in errors] == [True] * 4


@pytest.mark.parametrize("text", NO_MEMORY.values(), ids=NO_MEMORY)
def test_memory_that_runs_out_is_known_by_its_words(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    assert is_of_the_machine(RuntimeError(text))


@pytest.mark.parametrize("text", GPU_FAILED.values(), ids=GPU_FAILED)
def test_a_gpu_that_failed_is_no_lack_of_memory(text: str) -> None:
    assert is_of_the_machine(RuntimeError(text))
    assert not is_out_of_memory(RuntimeError(text))


@pytest.mark.parametrize(
    "error",
    [DeviceError("no GPU"), OSError(errno.ENOSPC, "No space left on device")],
    ids=["device", "disk"],
)
def test_other_failures_of_the_machine(error: Exception) -> None:
    assert is_of_the_machine(error)
    assert not is_out_of_memory(error)


@pytest.mark.parametrize("error", OF_PICTURES.values(), ids=OF_PICTURES)
def test_failures_of_pictures(error: Exception) -> None:
    assert not is_of_the_machine(error)


def test_pytorchs_own_type_needs_no_words() -> None:
    torch = pytest.importorskip("torch")
    assert is_of_the_machine(torch.AcceleratorError("unspecified launch failure"))


# -- batches ---------------------------------------------------------------------------------------


class Limited(BatchedNetwork):
    """A network that doubles its rows, with memory for only so many of them.

    It records the batches that it is asked for.
    """

    def __init__(
        self, batch: int | None, fits: int, error: Exception | None = None, one_size: bool = False
    ):
        self._batch, self._one_size = batch, one_size
        self.fits, self.error, self.asked = fits, error or MemoryError(), []

    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        self.asked.append(len(inputs))
        if len(inputs) > self.fits:
            raise self.error
        return [2 * inputs, inputs.sum(axis=1)]


ROWS = np.arange(22, dtype=np.float32).reshape(11, 2)


@pytest.mark.parametrize(
    "error", [MemoryError(), *map(RuntimeError, NO_MEMORY.values())], ids=["host", *NO_MEMORY]
)
def test_batches_are_halved_until_they_fit(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "_sizes", set())  # of the tests before
    network = Limited(16, fits=5, error=error)
    doubled, sums = network.run(ROWS)
    np.testing.assert_array_equal(doubled, 2 * ROWS)
    np.testing.assert_array_equal(sums, ROWS.sum(axis=1))
    assert network.asked == [16, 8, 4, 4, 4], "all rows anew, in batches of one size"
    assert capsys.readouterr().err.splitlines() == [
        f"out of memory: continuing with batches of {size}" for size in (8, 4)
    ]
    network.run(ROWS[:1])
    assert network.asked[5:] == [4], "it stays at what fits"
    assert runtimes.network_batches() == [4]


def test_rows_that_are_computed_all_at_once_are_halved_too() -> None:
    network = Limited(None, fits=5)
    np.testing.assert_array_equal(network.run(ROWS)[0], 2 * ROWS)
    assert network.asked == [11, 5, 5, 5]


@pytest.mark.parametrize(
    ("network", "asked"),
    [
        (Limited(4, fits=0), [4, 2, 1]),
        (Limited(4, fits=2, one_size=True), [4]),
        (Limited(4, fits=2, error=RuntimeError("bad picture")), [4]),
    ],
    ids=["not even one row fits", "it takes no other size", "not memory"],
)
def test_what_smaller_batches_do_not_help_is_raised(network: Limited, asked: list[int]) -> None:
    with pytest.raises(type(network.error)):
        network.run(ROWS)
    assert network.asked == asked


def test_a_gpu_computes_more_together_than_suits_a_cpu_unless_the_job_is_told() -> None:
    declared = (4, 16, 128)
    assert [hardware.batch_size(size) for size in declared] == [4, 16, 128]
    assert [hardware.batch_size(size, on_gpu=True) for size in declared] == [64, 64, 128]
    hardware.set_hardware(Hardware(batch=1))
    assert hardware.batch_size(4, on_gpu=True) == hardware.batch_size(4) == 1


# More than any machine can address for more than 8 rows together, nearly nothing for fewer.
TOO_MUCH, MOST = 2**48, 8


def test_where_pytorch_finds_no_memory_it_goes_on_with_less() -> None:
    torch = pytest.importorskip("torch")
    from faceoff.inference.torch_devices import Torch

    class Large(torch.nn.Module):
        def forward(self, rows):
            return rows + torch.empty(TOO_MUCH if len(rows) > MOST else 1).numel()

    network = Torch(Large(), batch=32)
    np.testing.assert_array_equal(network.run(ROWS)[0], ROWS + 1)
    assert network._batch == MOST


def test_where_onnxruntime_finds_no_memory_it_goes_on_with_less(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto
    numbers = [
        helper.make_tensor(name, kind.INT64, [1], [value])
        for name, value in (
            ("most", MOST),
            ("much", TOO_MUCH),
            ("one", 1),
            ("first", 0),
            ("second", 1),
        )
    ]
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "first", "second"], ["rows"]),
        helper.make_node("Greater", ["rows", "most"], ["many"]),
        helper.make_node("Where", ["many", "much", "one"], ["length"]),
        helper.make_node("ConstantOfShape", ["length"], ["zeros"]),
        helper.make_node("Add", ["x", "zeros"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, kind.FLOAT, ["n", 2]) for name in "xy"]
    graph = helper.make_graph(nodes, "large", values[:1], values[1:], numbers)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
        tmp_path / "large.onnx",
    )
    network = Onnx(tmp_path / "large.onnx", batch=32)
    np.testing.assert_array_equal(network.run(ROWS)[0], ROWS)
    assert network._batch == MOST


def test_tflite_goes_on_with_smaller_batches(mirror: Path) -> None:
    """Its interpreter is made for batches of one size, and made anew for another."""
    pytest.importorskip("ai_edge_litert.interpreter")

    class Small(Tflite):
        def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
            if len(inputs) > 4:
                raise MemoryError
            return super()._invoke(inputs)

    path = mirror / "ferplus_model_pd_best.tflite"
    network = Small(path, batch=16)
    pictures = np.random.default_rng(0).random((9, *network.input_shape), np.float32)
    found = network.run(pictures)
    for output, expected in zip(found, Tflite(path, batch=4).run(pictures), strict=True):
        np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize("carrier", ["initializer", "constant"])
@pytest.mark.parametrize("place", ["beside", "above", "absolute", "in_the_working_folder"])
def test_onnx_weights_in_another_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, carrier: str, place: str
) -> None:
    """The card's sha256 says nothing of the bytes of the other file.

    Onnxruntime alone would load those beside the network's file.
    """
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    for folder in ("networks", "work"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    where = {
        "beside": "networks/data",
        "above": "data",
        "absolute": "data",
        "in_the_working_folder": "work/data",
    }[place]
    (tmp_path / where).write_bytes(np.ones(4, np.float32).tobytes())
    location = {
        "beside": "data",
        "above": "../data",
        "absolute": str(tmp_path / "data"),
        "in_the_working_folder": "data",
    }[place]
    weights = onnx.TensorProto(
        name="w", data_type=floats, dims=[4], data_location=onnx.TensorProto.EXTERNAL
    )
    for key, value in {"location": location, "offset": "0", "length": "16"}.items():
        weights.external_data.add(key=key, value=value)
    nodes, initializers = [helper.make_node("Add", ["x", "w"], ["y"])], [weights]
    if carrier == "constant":
        constant = helper.make_node("Constant", [], ["w"])
        constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(weights)
        nodes, initializers = [constant, *nodes], []
    x, y = (helper.make_tensor_value_info(name, floats, ["n", 4]) for name in "xy")
    model = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], initializers),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    path = tmp_path / "networks" / "a.onnx"
    path.write_bytes(model.SerializeToString())
    if place == "beside":
        assert onnxruntime.InferenceSession(str(path)).get_inputs()
    with pytest.raises(
        ValueError, match=r"a\.onnx: keeps weights in another file, which its sha256 does not cover"
    ):
        Onnx(path, batch=1)


def test_onnx_weights_of_a_branch_in_another_file_are_refused(tmp_path: Path) -> None:
    """Onnxruntime alone would load them: a branch of `If` is a graph of its own."""
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    (tmp_path / "data").write_bytes(np.ones(4, np.float32).tobytes())
    outside = onnx.TensorProto(
        name="w", data_type=floats, dims=[4], data_location=onnx.TensorProto.EXTERNAL
    )
    for key, value in {"location": "data", "offset": "0", "length": "16"}.items():
        outside.external_data.add(key=key, value=value)
    result = helper.make_tensor_value_info("b", floats, [4])
    inside = helper.make_tensor("w", floats, [4], [0.0] * 4)
    branches = [
        helper.make_graph([helper.make_node("Identity", ["w"], ["b"])], "g", [], [result], [part])
        for part in (outside, inside)
    ]
    true = helper.make_tensor("t", onnx.TensorProto.BOOL, [], [True])
    nodes = [
        helper.make_node("Constant", [], ["c"], value=true),
        helper.make_node("If", ["c"], ["b"], then_branch=branches[0], else_branch=branches[1]),
        helper.make_node("Add", ["x", "b"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, floats, ["n", 4]) for name in "xy")
    model = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    path = tmp_path / "a.onnx"
    path.write_bytes(model.SerializeToString())
    assert onnxruntime.InferenceSession(str(path)).get_inputs()
    with pytest.raises(ValueError, match=r"a\.onnx: keeps weights in another file"):
        Onnx(path, batch=1)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((8, 3), "output 1 of the network has 8 rows for 4 pictures"),
        ((2, 3), "output 1 of the network has 2 rows for 4 pictures"),
        ((1, 3), "output 1 of the network has 1 rows for 4 pictures"),
        ((), "output 1 of the network has one number for 4 pictures"),
        (None, "output 1 of the network is no array"),
    ],
)
@pytest.mark.parametrize("pictures", [1, 4, 6])
def test_a_network_with_other_than_a_row_per_picture_is_refused(
    shape: tuple[int, ...] | None, says: str, pictures: int
) -> None:
    """Of twice as many rows, the first half would be believed."""
    wrong = [1.0] if shape is None else np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=says):
        batched(np.zeros((pictures, 2), np.float32), 4, lambda rows: [np.zeros((4, 3)), wrong])


# -- onnxruntime on a CPU where CUDA was hoped for -------------------------------------------------


def test_onnxruntime_that_cannot_start_cuda_says_so_once(
    monkeypatch: pytest.MonkeyPatch, mirror: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    loaded: list[None] = []
    monkeypatch.setattr(
        runtimes,
        "onnx_providers",
        lambda: [("CUDAExecutionProvider", {"device_id": 0}), "CPUExecutionProvider"],
    )  # what a build with CUDA has
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: loaded.append(None))
    Onnx(mirror / "version-RFB-320.onnx")
    assert (
        capfd.readouterr().err.count("continuing on the CPU: onnxruntime could not start CUDA") == 1
    )
    assert len(loaded) == 1, "pip's CUDA libraries are looked for"


def test_a_job_for_the_cpu_neither_looks_for_cuda_nor_misses_it(
    monkeypatch: pytest.MonkeyPatch, mirror: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    loaded: list[None] = []
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: loaded.append(None))
    hardware.set_hardware(Hardware("cpu"))
    Onnx(mirror / "version-RFB-320.onnx")
    assert "CUDA" not in capfd.readouterr().err
    assert not loaded
