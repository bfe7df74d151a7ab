"""SenseVoice reads sound as FunASR's own code does; its network here has random weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.assets.asset import AssetError, hash_of
from faceoff.plugins import registry
from faceoff.speech_models import sensevoice
from voices import silence, voice

onnx = pytest.importorskip("onnx")
pytest.importorskip("kaldi_native_fbank")
VOCABULARY, WIDTH = 40, 560
SHIFT = np.linspace(-12, -8, WIDTH, dtype=np.float32)
SCALE = np.linspace(0.1, 0.3, WIDTH, dtype=np.float32)
TOKENS = [*(f"word{n}" for n in range(20)), *sensevoice.TAGS, "<|EMO_UNKNOWN|>"]
WEIGHTS = np.random.default_rng(0).normal(0, 0.01, (WIDTH, VOCABULARY)).astype(np.float32)
QUERIES = np.random.default_rng(1).normal(0, 1, (16, WIDTH)).astype(np.float32)


def network(path: Path) -> None:
    """Write a network with the inputs and outputs of FunASR's export.

    Before the input stand the queries of language, emotion, event and punctuation; each output sees
    its own row and the mean of all.
    """
    helper, kinds = onnx.helper, onnx.TensorProto
    constants = {
        "queries": QUERIES,
        "weights": WEIGHTS,
        "emotion": np.array([[1, 2]], np.int64),
        "first": np.array([1], np.int64),
        "four": np.array([4], np.int32),
    }
    nodes = [
        helper.make_node("Gather", ["queries", "language"], ["l"]),
        helper.make_node("Unsqueeze", ["l", "first"], ["l1"]),
        helper.make_node("Gather", ["queries", "textnorm"], ["t"]),
        helper.make_node("Unsqueeze", ["t", "first"], ["t1"]),
        helper.make_node("Gather", ["queries", "emotion"], ["e"]),
        helper.make_node("Concat", ["l1", "e", "t1", "speech"], ["x"], axis=1),
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Add", ["x", "mean"], ["seen"]),
        helper.make_node("MatMul", ["seen", "weights"], ["ctc_logits"]),
        helper.make_node("Add", ["speech_lengths", "four"], ["encoder_out_lens"]),
    ]
    inputs = [helper.make_tensor_value_info("speech", kinds.FLOAT, [1, "n", WIDTH])]
    inputs += [
        helper.make_tensor_value_info(name, kinds.INT32, [1])
        for name in ("speech_lengths", "language", "textnorm")
    ]
    outputs = [
        helper.make_tensor_value_info("ctc_logits", kinds.FLOAT, [1, "m", VOCABULARY]),
        helper.make_tensor_value_info("encoder_out_lens", kinds.INT32, [1]),
    ]
    weights = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "sensevoice", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Return the options that give the three files, as a user would."""
    folder = tmp_path_factory.mktemp("sensevoice")
    network(folder / "model.onnx")
    rows = [" ".join(f"{value:.6f}" for value in values) for values in (SHIFT, SCALE)]
    (folder / "am.mvn").write_text(
        f"<Nnet>\n<Splice> 560 560\n[ 0 ]\n<AddShift> 560 560\n<LearnRateCoef> 0 [ {rows[0]} ]\n"
        f"<Rescale> 560 560\n<LearnRateCoef> 0 [ {rows[1]} ]\n</Nnet>\n"
    )
    (folder / "tokens.json").write_text(json.dumps(TOKENS))
    roles = {"model": "model.onnx", "cmvn": "am.mvn", "tokens": "tokens.json"}
    return {
        role: {"path": str(folder / name), "sha256": hash_of(folder / name, "sha256")}
        for role, name in roles.items()
    }


def model(**options: Any) -> Any:
    plugin = registry.get("speech_model", "sensevoice")
    if reason := plugin.skip():
        pytest.skip(reason)
    card = plugin.job().card
    loaded = registry.load(plugin.source, plugin.class_name)
    return loaded({**card, "options": {**card["options"], **options}}, {})


def expected(x: np.ndarray, language: int) -> np.ndarray:
    """Return the probabilities of the tags by the network's formula, without ONNX."""
    rows = np.vstack([QUERIES[language], QUERIES[1:3], QUERIES[15], x])
    logits = ((rows[1] + rows.mean(axis=0)) @ WEIGHTS)[20:27]
    return np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()


@pytest.mark.parametrize("language", ["auto", "en"])
def test_answers_are_those_of_the_second_output(files: Any, language: str) -> None:
    reader = model(**files, language=language)
    waves = [voice(1.3, 180), voice(0.4, 240), silence(0.05)]
    found = reader.hear(waves)
    assert reader.emotions[:3] == ("happiness", "sadness", "anger")
    assert found.evaluable.tolist() == [True, True, False]
    for wave, row in zip(waves[:2], found.posterior, strict=False):
        frames = sensevoice.filter_bank(wave)
        # By definition: frame 6 i and its neighbours, ends repeated.
        padded = [frames[0]] * 3 + list(frames) + [frames[-1]] * 9
        x = [np.concatenate(padded[at : at + 7]) for at in range(0, len(frames), 6)]
        rounded = [np.round(each, 6) for each in (SHIFT, SCALE)]
        by_hand = expected((np.array(x) + rounded[0]) * rounded[1], sensevoice.LANGUAGES[language])
        assert row == pytest.approx(by_hand, abs=1e-5)
    assert (reader.hear(waves[1:2]).posterior == found.posterior[1:2]).all(), (
        "alone as among others"
    )


def test_the_input_is_funasrs(files: Any) -> None:
    funasr = pytest.importorskip("funasr_onnx.utils.frontend")
    settings = {"window": "hamming", "lfr_m": 7, "lfr_n": 6, "dither": 0.0}
    frontend = funasr.WavFrontend(cmvn_file=files["cmvn"]["path"], **settings)
    shift, scale = sensevoice.normalisation(Path(files["cmvn"]["path"]))
    for seconds in (0.1, 0.47, 2.0):
        wave = voice(seconds, 150)
        theirs = frontend.lfr_cmvn(frontend.fbank(wave)[0])[0]
        ours = (sensevoice.stacked(sensevoice.filter_bank(wave)) + shift) * scale
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_files_of_others_are_named(files: Any, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("[]")
    swapped = {"path": str(other), "sha256": hash_of(other, "sha256")}
    with pytest.raises(AssetError, match=r"SenseVoice's model.onnx has no published hash"):
        model()
    with pytest.raises(AssetError, match=r"other: no list with <\|HAPPY\|>.*option `tokens`"):
        model(**{**files, "tokens": swapped})
    with pytest.raises(AssetError, match=r"0 numbers of <AddShift>, expected 560.*option `cmvn`"):
        model(**{**files, "cmvn": swapped})
    with pytest.raises(AssetError, match="sha256"):
        model(**{**files, "model": {**files["model"], "sha256": "0" * 64}})
    apart = tmp_path / "model.onnx"
    onnx.save(
        onnx.load(files["model"]["path"]), apart, save_as_external_data=True, size_threshold=0
    )
    with pytest.raises(ValueError, match=r"model\.onnx: keeps weights in another file"):
        model(**{**files, "model": {"path": str(apart), "sha256": hash_of(apart, "sha256")}})
    with pytest.raises(ValueError, match=r"options\.language: 'de'; valid: auto, zh"):
        model(**files, language="de")
