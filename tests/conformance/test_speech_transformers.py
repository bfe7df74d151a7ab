"""Audio classifiers of transformers by card agree with its own pipeline.

They are a small wav2vec 2.0 that it saved itself, with random weights.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from voices import silence, voice, write_wav

pytest.importorskip("torch")
pytest.importorskip("transformers")

from faceoff.assets.asset import hash_of
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.inference.torch_devices import prepare_torchvision
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plugins import registry
from faceoff.plugins.model_cards import HUB_FILES, read_card
from faceoff.plugins.plugin import RegistryError

LABELS = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
WAVES = [voice(1.0, 180), voice(0.6, 120, seed=1), voice(1.7, 300, seed=2)]


def save_wav2vec2(folder: Path, rate: int = 16_000, labels: list[str] = LABELS) -> Path:
    """Return a seeded wav2vec 2.0 of two layers whose answers differ from sound to sound."""
    prepare_torchvision()
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForSequenceClassification,
    )

    torch.manual_seed(6)
    config = Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(16, 16, 16),
        conv_stride=(5, 4, 4),
        conv_kernel=(10, 8, 8),
        num_feat_extract_layers=3,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=16,
        initializer_range=0.3,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(sampling_rate=rate, do_normalize=True).save_pretrained(folder)
    return folder


def write_card(path: Path, folder: Path, **more: Any) -> Path:
    hashes = {name: hash_of(folder / name, "sha256") for name in HUB_FILES.values()}
    card = {"file": str(folder), "runtime": "transformers_speech", "sha256": hashes, **more}
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_wav2vec2(tmp_path_factory.mktemp("wav2vec2"))


def test_it_reads_as_the_librarys_own_pipeline(folder: Path, tmp_path: Path) -> None:
    from transformers import pipeline

    card = read_card(write_card(tmp_path / "w.yaml", folder))
    assert card.kind == "speech_model"
    model = load_plugin(card.job(), Clock())
    assert model.emotions == (
        "anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"
    )  # fmt: skip
    own = pipeline("audio-classification", model=str(folder), top_k=None)
    found = model.hear(WAVES).posterior
    for wave, row in zip(WAVES, found, strict=True):
        said = {
            part["label"]: part["score"] for part in own({"raw": wave, "sampling_rate": 16_000})
        }
        assert np.allclose(row, [said[label] for label in LABELS], atol=1e-6)
    assert np.ptp(found, axis=0).max() > 0.05, "the answers differ"


def test_analyze_reads_ones_own_sound_by_a_card(folder: Path, tmp_path: Path) -> None:
    import faceoff
    from faceoff.media.sound import samples_of, sounds

    card = write_card(tmp_path / "w.yaml", folder)
    path = write_wav(tmp_path / "talk.wav", WAVES[0])
    found = faceoff.Analyzer(speech=str(card), segmenter="clip").analyze(path)
    assert found.voice is not None
    (row,) = found.voice.segments.to_pylist()
    wave = samples_of(next(sounds(path)).wav)
    expected = load_plugin(read_card(card).job(), Clock()).hear([wave]).posterior[0]
    assert row["end_s"] == 1.0
    assert [row["p_anger"], row["p_surprise"]] == pytest.approx([expected[0], expected[6]])


def test_a_segment_reads_the_same_alone_and_among_others(folder: Path, tmp_path: Path) -> None:
    model = load_plugin(read_card(write_card(tmp_path / "w.yaml", folder)).job(), Clock())
    among = model.hear(WAVES).posterior
    assert (among == np.concatenate([model.hear([wave]).posterior for wave in WAVES])).all()


def test_short_segments_and_none_at_all(folder: Path, tmp_path: Path) -> None:
    model = load_plugin(read_card(write_card(tmp_path / "w.yaml", folder)).job(), Clock())
    found = model.hear([voice(0.05, 200), silence(0), voice(0.5, 200)])
    assert found.evaluable is not None
    assert found.evaluable.tolist() == [False, False, True]
    assert model.hear([]).posterior.shape == (0, 7)


def test_sound_of_another_rate_is_refused(tmp_path: Path) -> None:
    other = save_wav2vec2(tmp_path / "other", rate=8_000)
    with pytest.raises(ValueError, match="sampling_rate 8000: sound is extracted at 16000 Hz"):
        load_plugin(read_card(write_card(tmp_path / "w.yaml", other)).job(), Clock())


def test_classes_that_are_no_emotions_need_the_card(tmp_path: Path) -> None:
    names = [f"LABEL_{number}" for number in range(3)]
    other = save_wav2vec2(tmp_path / "other", labels=names)
    with pytest.raises(ValueError, match="or give `emotions` in the card"):
        load_plugin(read_card(write_card(tmp_path / "w.yaml", other)).job(), Clock())
    named = write_card(tmp_path / "n.yaml", other, emotions=["happy", "sad", "angry"])
    assert load_plugin(read_card(named).job(), Clock()).emotions == (
        "happiness", "sadness", "anger"
    )  # fmt: skip


def test_changed_weights_are_never_loaded(tmp_path: Path) -> None:
    other = save_wav2vec2(tmp_path / "other")
    card = read_card(write_card(tmp_path / "w.yaml", other))
    with open(other / "model.safetensors", "ab") as file:
        file.write(b"more")
    with pytest.raises(Exception, match="sha256"):
        load_plugin(card.job(), Clock())


def test_a_card_belongs_into_the_section_of_its_kind(folder: Path, tmp_path: Path) -> None:
    card = str(write_card(tmp_path / "w.yaml", folder))
    assert registry.get("speech_model", card).framework == "torch"
    base: dict[str, Any] = {"run": "r", "datasets": {"posed": {}}, "segmenters": {"clip": {}}}
    told = Plan({**base, "speech_models": {"w": {"model": card}}})
    assert told.cells == [("clip", "w")]
    faces = {"detectors": {"whole": {}}, "models": {"w": {"model": card}}}
    with pytest.raises(ConfigError, match="it belongs into the section 'speech_models'"):
        Plan({"run": "r", "datasets": {"posed": {}}, **faces})


def test_keys_of_pictures_are_refused(folder: Path, tmp_path: Path) -> None:
    wrong = write_card(tmp_path / "w.yaml", folder, input={"margin": 0.2})
    with pytest.raises(RegistryError, match=r"input\.margin: a model of transformers says that"):
        read_card(wrong)
