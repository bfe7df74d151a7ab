"""Test networks over time as a run uses them: their files, gaps, and embeddings of frames."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from faceoff.temporal.stretches import stretches

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

import onnx  # noqa: E402
from test_sequence_nets import KINDS  # noqa: E402
from test_training_onnx import built, export  # noqa: E402
from torch import nn  # noqa: E402

from faceoff.inference.onnx_embedding import cut_to_embedding  # noqa: E402
from faceoff.models.trained_net import TrainedFrames, TrainedNet  # noqa: E402
from faceoff.models.trained_sequence import TrainedSequence  # noqa: E402
from faceoff.training import clip_files, net_list, onnx_files, sequence_list  # noqa: E402
from faceoff.training.about import About, ClipAbout  # noqa: E402
from faceoff.training.clip_net import ClipNet, PictureFeatures, Standardise  # noqa: E402

pytestmark = pytest.mark.usefixtures("operators_once")
D = 4
CLASSES = ("neutral", "happiness", "anger")
TIMES = np.arange(40) / 5

# -- stretches -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "there", "window", "expected"),
    [
        ([0, 0.2, 0.4], "111", 9, [[0, 1, 2]]),
        ([0, 0.2, 0.4], "000", 9, []),
        ([0, 0.2, 0.4, 0.6], "1011", 9, [[0, 2, 3]]),  # 0.4 s without a face
        ([0, 0.25, 0.5], "101", 9, [[0, 2]]),  # 0.5 s is not longer than 0.5 s
        ([0, 0.2, 0.4, 0.6], "1001", 9, [[0], [3]]),
        ([0, 0.2, 0.4, 0.6, 0.8], "01001", 9, [[1], [4]]),
        ([0, 1, 2], "111", 9, [[0, 1, 2]]),  # sampled once per second: no frame is absent
        ([0, 0.2, 0.4, 0.6, 0.8], "11111", 2, [[0, 1], [2, 3], [4]]),
        ([0, 0.2, 0.4, 0.6, np.nan], "11110", 2, [[0, 1], [2, 3]]),  # where decoding broke off
        ([0, 0.2, 1.0, 1.2, 1.4], "11011", 2, [[0, 1], [3, 4]]),
    ],
)
def test_a_long_gap_or_a_full_window_ends_a_stretch(
    times: list[float], there: str, window: int, expected: list[list[int]]
) -> None:
    found = stretches(np.array(times, float), np.array([mark == "1" for mark in there]), window)
    assert [part.tolist() for part in found] == expected


# -- files -----------------------------------------------------------------------------------------


def written(
    path: Path,
    kind: str = "lstm",
    affect: tuple[str, ...] = ("valence",),
    classes: tuple[str, ...] = CLASSES,
    window: int = 512,
    **options: Any,
) -> ClipNet:
    """Write a network of this kind; return it."""
    net, own = KINDS[kind]
    options = {"width": 16, **own, **options}
    torch.manual_seed(1)
    sequence = sequence_list.build(net, options, len(classes) + len(affect), D)
    front = Standardise(torch.arange(D) / 10, torch.full((D,), 0.5))
    network = ClipNet(front, sequence).eval()
    about = ClipAbout(
        net=net, options=options, inputs=[f"embedding_{n}" for n in range(D)],
        classes=list(classes), affect=list(affect), window=window,
        time_steps=bool(options.get("time_steps")), causal=sequence.causal, step_s=0.2,
    )  # fmt: skip
    clip_files.export(network, path, about)
    return network


@cache
def model(**settings: Any) -> TrainedSequence:
    with TemporaryDirectory() as folder:
        written(Path(folder) / "net.onnx", **settings)
        return TrainedSequence({}, {"trained": Path(folder) / "net.onnx"})


def frames(n: int = 40, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, D))


@pytest.mark.parametrize("kind", ["bilstm", "tcn", "transformer", "transformer, both sides"])
def test_the_file_answers_as_the_network_for_clips_of_any_length(kind: str, tmp_path: Path) -> None:
    network = written(tmp_path / "net.onnx", kind, time_steps=True, affect=("valence", "arousal"))
    sequence = TrainedSequence({}, {"trained": tmp_path / "net.onnx"})
    for length in (1, 2, 7, 40):
        given, times = frames(length), 1.8e9 + np.cumsum(np.linspace(0.1, 0.3, length))
        found = sequence.predict(given, times)
        with torch.no_grad():
            stretch = torch.zeros(length, dtype=torch.long)
            answers = network(torch.from_numpy(given).float(), torch.from_numpy(times), stretch)
        p = answers[:, :3].double().softmax(dim=1).numpy()
        np.testing.assert_allclose(found.posterior, p, atol=1e-5)
        for column, values in ((3, found.valence), (4, found.arousal)):
            np.testing.assert_allclose(values, answers[:, column].clip(-1, 1), atol=1e-5)


def test_the_lstm_is_the_operator_of_onnx_and_the_same_bytes(tmp_path: Path) -> None:
    """Otherwise the exporter unrolls it over the steps of its example."""
    for name in ("a", "b"):
        written(tmp_path / name, "bilstm")
    content = (tmp_path / "a").read_bytes()
    assert [node.op_type for node in onnx.load(tmp_path / "a").graph.node].count("LSTM") == 4
    assert content == (tmp_path / "b").read_bytes()
    assert str(Path(clip_files.__file__).parents[3]).encode() not in content


# -- clips -----------------------------------------------------------------------------------------


def test_a_causal_answer_stays_when_the_clip_goes_on() -> None:
    sequence = model()
    given = frames()
    whole = sequence.predict(given, TIMES).posterior
    np.testing.assert_allclose(
        sequence.predict(given[:9], TIMES[:9]).posterior, whole[:9], atol=1e-6
    )
    both = model(kind="bilstm").predict
    assert (
        np.abs(both(given[:9], TIMES[:9]).posterior - both(given, TIMES).posterior[:9]).max() > 0.01
    )


def test_a_short_gap_is_passed_over_and_a_long_one_ends_the_state() -> None:
    sequence = model(time_steps=True)
    given = frames()
    given[5] = np.nan
    given[20:22] = np.nan  # 0.6 s from frame 19 to frame 22
    found = sequence.predict(given, TIMES)
    there = np.isfinite(given).all(axis=1)
    assert found.evaluable is not None
    assert found.evaluable.tolist() == there.tolist()
    assert np.isnan(found.posterior[~there]).all()
    first = np.r_[0:5, 6:20]
    for part in (first, np.r_[22:40]):
        alone = sequence.predict(given[part], TIMES[part]).posterior
        assert np.array_equal(found.posterior[part], alone)


def test_a_window_begins_with_a_new_state() -> None:
    found = model(window=8).predict(frames(), TIMES)
    alone = model().predict(frames()[8:16], TIMES[8:16])
    assert np.array_equal(found.posterior[8:16], alone.posterior)


def test_no_face_at_all_and_no_classes_at_all() -> None:
    sequence = model()
    found = sequence.predict(np.full((3, D), np.nan), TIMES[:3])
    assert found.evaluable is not None
    assert not found.evaluable.any()
    alone = model(classes=()).predict(frames(3), TIMES[:3])
    assert alone.posterior.shape == (3, 0)
    assert alone.valence is not None
    assert np.isfinite(alone.valence).all()
    assert alone.arousal is None


# -- embeddings ------------------------------------------------------------------------------------


def test_an_embedding_is_what_the_last_layer_reads(tmp_path: Path) -> None:
    """The layer's weights are stored in 8 bits, behind nodes that widen them."""
    export(tmp_path / "net.onnx", stored="int8")
    weights = onnx_files.read(tmp_path / "net.onnx")[1]
    pixels = np.random.default_rng(1).integers(0, 256, (70, 20, 28, 1), np.uint8)
    net = TrainedNet({}, {"trained": tmp_path / "net.onnx"})
    found = net.embed(pixels)
    assert found.dtype == np.float32
    logits = found @ weights["head.weight"].numpy().T + weights["head.bias"].numpy()
    np.testing.assert_allclose(logits, net.scores(pixels), atol=1e-5)
    assert np.array_equal(net.embed(pixels[:3]), found[:3]), "of batches of the same size"


def test_the_pictures_of_a_network_over_time_are_read_as_in_training(tmp_path: Path) -> None:
    options: Mapping[str, Any] = {"width": 4, "size": [20, 28]}
    read = net_list.input_of("resnet_small", options)
    front = PictureFeatures(built("resnet_small", options), "head").eval()
    about = About(
        net="resnet_small", options=dict(options), input={**read, "margin": 0.1}, classes=[]
    )
    onnx_files.export(front, 1, (20, 28), tmp_path / "frames.onnx", about, output="embedding")
    frames_net = TrainedFrames({}, {"trained": tmp_path / "frames.onnx"})
    assert frames_net.crop.margin == 0.1
    pixels = np.random.default_rng(1).integers(0, 256, (5, 20, 28, 1), np.uint8)
    inputs = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - read["mean"]) / read[
        "std"
    ]
    with torch.no_grad():
        np.testing.assert_allclose(frames_net.embed(pixels), front(inputs).numpy(), atol=1e-5)


class _NoLayer(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(1, 3))


class _TwoWays(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.mean(dim=(1, 3))
        return self.one(rows) * self.other(rows)


@pytest.mark.parametrize("network", [_NoLayer, _TwoWays])
def test_a_network_without_a_last_layer_has_no_embedding(
    network: type[nn.Module], tmp_path: Path
) -> None:
    about = About(net="x", options={}, input={}, classes=[])
    onnx_files.export(network(), 1, (4, 4), tmp_path / "net.onnx", about)
    with pytest.raises(
        ValueError, match=r"net\.onnx: it does not end with a fully connected layer"
    ):
        cut_to_embedding(tmp_path / "net.onnx")
