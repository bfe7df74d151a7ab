"""Test the files of trained networks: they answer as the network did, and another training begins
from them.
"""

import socket
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

import onnx  # noqa: E402
from torch import nn  # noqa: E402

from faceoff.models.trained_net import TrainedNet  # noqa: E402
from faceoff.training import net_list, onnx_files, start  # noqa: E402
from faceoff.training.about import About  # noqa: E402
from faceoff.training.picture_lesson import Input, posteriors  # noqa: E402
from faceoff.training.pictures import Pictures  # noqa: E402
from faceoff.training.recipe import Stored  # noqa: E402

pytestmark = pytest.mark.usefixtures("operators_once")
CLASSES = ["anger", "happiness", "neutral"]
SMALL = {"width": 4, "size": [20, 28]}
NETS = {
    "resnet_small": SMALL,
    "mobile": {"channels": 3, "size": [24, 24]},
    "vgg13": {"size": [16, 16]},
    "ddamfn": {},
    "hsemotion": {"size": [64, 64]},
    "timm:resnet10t": {"size": [64, 64]},
    "torchvision:squeezenet1_1": {"size": [64, 64]},
}
CHECKOUT = Path(__file__).resolve().parents[2]


def built(net: str, options: Mapping[str, Any], classes: int = 3, seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    network = net_list.build(net, options, classes)
    for value in network.buffers():  # as after a training
        if value.is_floating_point():
            value.add_(torch.rand(value.shape) * 0.1)
    return network.eval()


def export(
    path: Path,
    net: str = "resnet_small",
    stored: Stored = "float32",
    options: Mapping[str, Any] = SMALL,
    classes: list[str] = CLASSES,
) -> nn.Module:
    network, read = built(net, options, len(classes)), net_list.input_of(net, options)
    about = About(net=net, options=dict(options), input={**read, "margin": 0.0}, classes=classes)
    onnx_files.export(network, read["channels"], tuple(read["size"]), path, about, stored)
    return network


def answers(
    net: str, options: Mapping[str, Any], network: nn.Module, path: Path
) -> tuple[Any, Any]:
    """Return the posteriors of the network and of its file on the same noise."""
    read = net_list.input_of(net, options)
    pixels = np.random.default_rng(1).integers(
        0, 256, (5, *read["size"], read["channels"]), np.uint8
    )
    pictures = Pictures(pixels, np.eye(3)[[0] * 5], np.zeros(5, int))
    own = posteriors(network, Input.of_card(read), pictures, torch.device("cpu"))
    return own, TrainedNet({}, {"trained": path}).predict(pixels).posterior


SLOW = tuple(NETS)[1:]


@pytest.mark.parametrize(
    "net", [pytest.param(net, marks=pytest.mark.slow if net in SLOW else ()) for net in NETS]
)
def test_a_file_answers_as_its_network_and_gives_the_weights_back(tmp_path: Path, net: str) -> None:
    if net == "hsemotion" and not find_spec("timm"):
        pytest.skip("timm is not installed")
    options = NETS[net]
    network = export(tmp_path / "a.onnx", net, options=options)
    own, given = answers(net, options, network, tmp_path / "a.onnx")
    np.testing.assert_allclose(given, own, atol=1e-5)
    about, weights = onnx_files.read(tmp_path / "a.onnx")
    assert (about.net, about.classes, about.options) == (net, CLASSES, options)
    without = getattr(network, "unused", set())
    without |= {name for name in network.state_dict() if name.endswith("num_batches_tracked")}
    for name, value in network.state_dict().items():
        if name not in without:
            assert torch.equal(weights[name], value), name
    again = built(net, options, seed=2)
    start.begin_from(again, net_list.get(net).head, tmp_path / "a.onnx", net, CLASSES)
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value) or name in without


@pytest.mark.parametrize(
    ("stored", "step"),
    [pytest.param("float16", 2**-11, marks=pytest.mark.slow), ("int8", 0.5 / 127)],
)
def test_weights_in_fewer_bits_are_within_half_a_step(
    tmp_path: Path, stored: Stored, step: float
) -> None:
    network = export(tmp_path / "a.onnx", stored=stored)
    _, weights = onnx_files.read(tmp_path / "a.onnx")
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        assert weights[name].dtype == torch.float32
        if value.ndim < 2:
            assert torch.equal(weights[name], value), name
            continue
        largest = value.abs().flatten(1).amax(1).view(-1, *[1] * (value.ndim - 1))
        assert ((weights[name] - value).abs() <= step * largest * 1.001).all(), name
        assert not torch.equal(weights[name], value)
    own, given = answers("resnet_small", SMALL, network, tmp_path / "a.onnx")
    assert np.abs(own - given).max() < 0.02
    # The file is the network with these weights, to the noise of another order of sums.
    network.load_state_dict(weights, strict=False)
    own, given = answers("resnet_small", SMALL, network, tmp_path / "a.onnx")
    np.testing.assert_allclose(given, own, atol=1e-5)


@pytest.mark.slow
def test_a_file_in_8_bits_is_a_quarter_of_one_in_32(tmp_path: Path) -> None:
    sizes = {}
    for stored in ("float32", "float16", "int8"):
        export(tmp_path / stored, stored=stored, options={"width": 16})  # type: ignore[arg-type]
        sizes[stored] = (tmp_path / stored).stat().st_size
    assert sizes["float16"] < 0.56 * sizes["float32"]
    assert sizes["int8"] < 0.32 * sizes["float32"]


@pytest.mark.parametrize("stored", [pytest.param("float32", marks=pytest.mark.slow), "int8"])
def test_the_same_network_is_the_same_file_without_a_trace_of_the_machine(
    tmp_path: Path, stored: Stored
) -> None:
    export(tmp_path / "a.onnx", stored=stored)
    export(tmp_path / "b.onnx", stored=stored)
    content = (tmp_path / "a.onnx").read_bytes()
    assert content == (tmp_path / "b.onnx").read_bytes()
    traces = {str(CHECKOUT), str(Path.home()), str(tmp_path), "site-packages", "torch/", ".py"}
    if len(socket.gethostname()) > 5:  # shorter ones may stand in the weights by chance
        traces.add(socket.gethostname())
    assert [trace for trace in sorted(traces) if trace.encode() in content] == []


@pytest.mark.slow
def test_weights_of_zero_stay_zero_in_8_bits(tmp_path: Path) -> None:
    network, read = built("resnet_small", SMALL), net_list.input_of("resnet_small", SMALL)
    torch.nn.init.zeros_(network.head.weight)  # type: ignore[arg-type, union-attr]
    about = About(net="resnet_small", options=dict(SMALL), input=dict(read), classes=CLASSES)
    onnx_files.export(network, 1, (20, 28), tmp_path / "a.onnx", about, "int8")
    assert not onnx_files.read(tmp_path / "a.onnx")[1]["head.weight"].any()


# -- another training begins from a file -----------------------------------------------------------


@cache
def _shared() -> dict[str, bytes]:
    return {}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """Return the file of a small network."""
    path = tmp_path / "trained.onnx"
    if "content" not in _shared():
        export(path)
        _shared()["content"] = path.read_bytes()
    path.write_bytes(_shared()["content"])
    return path


def begin(path: Path, options: Mapping[str, Any] = SMALL, classes: list[str] = CLASSES,
          net: str = "resnet_small") -> nn.Module:  # fmt: skip
    network = built(net, options, len(classes), seed=2)
    start.begin_from(network, net_list.get(net).head, path, net, classes)
    return network


@pytest.mark.parametrize(
    "classes", [["anger", "happiness"], ["happiness", "anger", "neutral"], [*CLASSES, "fear"]]
)
def test_other_classes_get_a_new_head(
    trained: Path, classes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    network = begin(trained, classes=classes)
    fresh = built("resnet_small", SMALL, len(classes), seed=2)
    assert torch.equal(network.state_dict()["head.weight"], fresh.state_dict()["head.weight"])
    body = onnx_files.read(trained)[1]["features.0.weight"]
    assert torch.equal(network.state_dict()["features.0.weight"], body)
    assert f"{trained}: has other classes; the head begins anew" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("net", "options", "message"),
    [
        ("mobile", {"channels": 1, "size": [24, 24]}, "holds the network resnet_small, not mobile"),
        ("resnet_small", {"width": 5}, "do not fit resnet_small with these options"),
        ("resnet_small", {"width": 4, "blocks": [1, 1]}, "do not fit"),
        ("resnet_small", {"width": 4, "blocks": [1, 2, 2, 2]}, "do not fit"),
        ("resnet_small", {"width": 4, "channels": 3}, "do not fit"),
    ],
)
def test_another_architecture_is_refused(
    trained: Path, net: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        begin(trained, options, net=net)
    assert str(trained) in str(raised.value)


def test_a_network_without_its_last_block_is_refused(trained: Path) -> None:
    """All that the smaller network has fits; what the file has beyond it would be lost."""
    with pytest.raises(ValueError, match="do not fit"):
        begin(trained, {"width": 4, "blocks": [1, 1, 2, 1]})


def _foreign(path: Path) -> None:
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    value = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in "xy"]
    onnx.save(
        onnx.helper.make_model(onnx.helper.make_graph([node], "g", *[[v] for v in value])), path
    )


def _newer(path: Path) -> None:
    model = onnx.load(path)
    model.metadata_props[0].value = '{"net": "resnet_small", "layers": 3}'
    onnx.save(model, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_foreign, "not trained by Faceoff"),
        (_newer, "by another version of Faceoff"),
        (lambda path: path.write_bytes(b"no network"), "no ONNX file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-5000]), "no ONNX file"),
        (lambda path: path.write_bytes(b""), "ONNX|Faceoff"),
    ],
    ids=["foreign", "newer", "text", "cut", "empty"],
)
def test_a_file_of_another_kind_is_named(trained: Path, change: Any, message: str) -> None:
    change(trained)
    with pytest.raises(ValueError, match=message) as raised:
        begin(trained)
    assert str(trained) in str(raised.value)
