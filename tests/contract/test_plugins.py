"""Every registered dataset, detector and model is held to the same promises; a new plug-in is tested here by being there."""

import json
import re
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from dataset_trees import TREES, UNLABELLED

from faceoff import assets, registry
from faceoff.crops import calibrate, crop
from faceoff.drawing import scenes
from faceoff.emotions import EMOTIONS
from faceoff.media import decode_image
from faceoff.protocols import CropSpec, Face, Prediction, Sample
from faceoff.registry import Plugin
from faceoff.stages.batches import Clock, load_plugin
from faceoff.stages.detect import postprocess

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = list(registry.discover().values())


def of_kind(kind: str) -> list:
    return [pytest.param(plugin, id=plugin.name) for plugin in PLUGINS if plugin.kind == kind]


every_plugin = pytest.mark.parametrize("plugin", [pytest.param(plugin, id=f"{plugin.kind}-{plugin.name}") for plugin in PLUGINS])
every_detector = pytest.mark.parametrize("plugin", of_kind("detector"))
every_model = pytest.mark.parametrize("plugin", [found for found in of_kind("model") if "reads" not in found.values[0].card])  # `recorded` has no network


def load(plugin: Plugin, **more: Path) -> Any:
    """The plug-in, ready; skips with its own reason, or where a weights file is absent."""
    if plugin.skip():
        pytest.skip(plugin.skip())
    absent = [asset.name for asset in plugin.assets.values() if not assets.is_there(asset)]
    if absent:  # nothing is downloaded by a test
        pytest.skip(f"{plugin.name}: {', '.join(absent)} is in no local place")
    try:
        return load_plugin({**plugin.job(), "card": {"options": {}, "threshold": 0.0, "min_size": 0, **plugin.card}}, Clock(), **more)
    except assets.AssetError as error:
        pytest.skip(str(error).splitlines()[0])


# -- what is declared -----------------------------------------------------------------------------------------------------


@every_plugin
def test_declaration(plugin: Plugin) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", plugin.name), "it becomes a file name"
    assert plugin.framework in registry.FRAMEWORKS
    if plugin.kind != "dataset":
        assert (ROOT / "envs" / f"{plugin.framework}.yaml").is_file()
    json.dumps(plugin.job())


@every_plugin
def test_class_loads_by_name(plugin: Plugin) -> None:
    if plugin.skip():
        pytest.skip(plugin.skip())
    loaded = registry.load(plugin.source_name, plugin.class_name)
    needed = {"dataset": ("samples", "fingerprint"), "detector": ("detect",), "model": ("predict",)}[plugin.kind]
    assert all(callable(getattr(loaded, method)) for method in needed)
    assert plugin.kind != "dataset" or hasattr(loaded, "read") or hasattr(loaded, "file"), "pictures are read, clips are files"
    assert loaded.__doc__


@every_plugin
def test_assets_are_pinned(plugin: Plugin) -> None:
    for asset in plugin.assets.values():
        assert re.fullmatch(r"[0-9a-f]{64}", asset.sha256), asset.file
        assert asset.package or asset.urls, f"{asset.file}: nobody could get it"
        assert all(url.startswith("https://") for url in asset.urls)


@every_plugin
def test_origin_and_terms_are_stated(plugin: Plugin) -> None:
    if plugin.kind == "dataset":
        assert all(plugin.card.get(key) for key in ("title", "terms", "how_to_get"))
        return
    assert plugin.card.get("licence")
    if plugin.assets:
        assert plugin.card.get("source")
    if plugin.kind == "model":
        assert plugin.card.get("lineage"), "without it, clones vote twice"


@every_plugin
def test_imports_no_sibling(plugin: Plugin) -> None:
    rooms = ("datasets", "detectors", "models")
    text = plugin.source.read_text(encoding="utf-8")
    assert not re.search(rf"(from|import) faceoff\.({'|'.join(rooms)})\b", text)


# -- detectors ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def drawn() -> list[tuple[np.ndarray, list]]:
    """Easy drawn faces, one per identity and emotion, with their truth."""
    chosen = [scene for scene in scenes.plan("train") if scene.rung == "plain" and scene.cast[0].intensity == "apex"]
    return [scenes.draw(scene) for scene in chosen[:40]]


def same(a: list[Face], b: list[Face]) -> bool:
    return len(a) == len(b) and all(
        x.box == y.box and x.score == y.score and (x.landmarks is y.landmarks or np.array_equal(x.landmarks, y.landmarks)) for x, y in zip(a, b, strict=True)
    )


@every_detector
def test_detector_says_how_it_is_used(plugin: Plugin) -> None:
    assert plugin.card["threshold"] >= 0
    assert plugin.card["min_size"] >= 0
    if not plugin.card.get("whole_frame") and not plugin.card.get("given"):
        assert set(plugin.card["calibration"]) == {"dx", "dy", "sx", "sy"}
        assert all(0.3 < plugin.card["calibration"][key] < 3 for key in ("sx", "sy"))
        assert all(abs(plugin.card["calibration"][key]) < 0.5 for key in ("dx", "dy"))


@every_detector
def test_detector_batches(plugin: Plugin) -> None:
    """Nothing in, nothing out; a batch is its pictures one by one; twice is the same."""
    network = load(plugin)
    images = [drawn()[0][0], np.zeros((90, 130, 3), np.uint8), drawn()[9][0]]
    assert network.detect([]) == []
    batch = network.detect(images)
    assert len(batch) == 3
    for image, faces in zip(images, batch, strict=True):
        assert same(network.detect([image])[0], faces)
    assert all(same(a, b) for a, b in zip(network.detect(images[::-1])[::-1], batch, strict=True))
    fresh = load(plugin)
    assert all(same(a, b) for a, b in zip(fresh.detect(images), batch, strict=True))


@every_detector
def test_detector_finds_drawn_faces_on_the_image_scale(plugin: Plugin) -> None:
    if plugin.card.get("given"):
        pytest.skip("it does not look at pictures")
    network = load(plugin)
    hits = large = 0
    for index, (image, truth) in enumerate(drawn()[:12]):
        for larger in (1, 6)[: 2 if index < 4 else 1]:  # 1440 px is more than networks take at once
            picture = image.repeat(larger, axis=0).repeat(larger, axis=1)
            faces = postprocess(network.detect([picture])[0], plugin.card)
            for face in faces:
                assert all(np.isfinite(face.box))
                assert np.isfinite(face.score)
                assert face.landmarks is None or (face.landmarks.shape == (5, 2) and np.isfinite(face.landmarks).all())
            if faces:
                x, y, w, h = calibrate(faces[0].box, plugin.card.get("calibration"))
                tx, ty, tw, th = (larger * side for side in truth[0].box)
                inside = tx < x + w / 2 < tx + tw and ty < y + h / 2 < ty + th
                right = inside and (plugin.card.get("whole_frame") or (0.6 < w / tw < 1.6 and 0.6 < h / th < 1.6))
                hits += right
                large += right and larger > 1
    assert large >= 3, "boxes of a large picture are on its scale"
    assert hits >= 9, f"{hits} of 16"  # the cascade is the weakest; a swapped scale or side leaves fewer


@every_detector
def test_detector_finds_nothing_in_nothing(plugin: Plugin) -> None:
    network = load(plugin)
    rng = np.random.default_rng(0)
    for image in (np.zeros((240, 240, 3), np.uint8), np.full((200, 320, 3), 128, np.uint8), rng.integers(110, 140, (240, 240, 3), np.uint8)):
        faces = postprocess(network.detect([image])[0], plugin.card)
        assert len(faces) == (1 if plugin.card.get("whole_frame") else 0)


@every_detector
def test_detector_landmarks_are_the_viewers(plugin: Plugin) -> None:
    """Left eye, right eye, nose, left and right mouth corner as the viewer sees them."""
    image, truth = drawn()[0]
    faces = postprocess(load(plugin).detect([image])[0], plugin.card)
    if not faces or faces[0].landmarks is None:
        pytest.skip("no landmarks")
    assert np.abs(faces[0].landmarks - np.array(truth[0].landmarks)).max() < 0.15 * truth[0].box[2]


@every_detector
def test_detector_takes_rgb_and_leaves_it_alone(plugin: Plugin) -> None:
    """A red-tinted face: however its array lies in memory, the same RGB gives the same faces, and the array is not written to."""
    network = load(plugin)
    red = (drawn()[0][0] * np.array([1.0, 0.55, 0.5])).astype(np.uint8)
    before = red.copy()
    faces = network.detect([red])[0]
    assert np.array_equal(red, before)
    frozen = red.copy()
    frozen.setflags(write=False)  # as a decoder hands it out
    assert same(network.detect([frozen])[0], faces)
    wider = np.zeros((*red.shape[:2], 4), np.uint8)
    wider[..., :3] = red
    assert same(network.detect([np.ascontiguousarray(wider[..., :3])])[0], faces)


@every_detector
@pytest.mark.parametrize("shape", [(1, 1), (50, 3000), (3000, 50), (2, 400), (7, 7), (33, 31)], ids=str)
def test_detector_takes_any_shape(plugin: Plugin, shape: tuple[int, int]) -> None:
    network = load(plugin)
    for image in (np.zeros((*shape, 3), np.uint8), np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)):
        assert len(network.detect([image])) == 1
    assert same(network.detect([drawn()[0][0]])[0], load(plugin).detect([drawn()[0][0]])[0]), "odd pictures leave no trace"


# -- models ---------------------------------------------------------------------------------------------------------------


def crops_for(spec: CropSpec, count: int) -> tuple[np.ndarray, list[str]]:
    """Crops of drawn faces by their true boxes, and their labels."""
    chosen = [drawn()[index % len(drawn())] for index in range(count)]
    return np.stack([crop(image, truth[0].box, spec) for image, truth in chosen]), [truth[0].emotion for _, truth in chosen]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Plugin], Any]:
    """Models ready to predict; a trainable one is fitted on drawn faces first."""

    @cache
    def make(name: str) -> Any:
        plugin = registry.get("model", name)
        model = load(plugin)
        if not plugin.card.get("trainable"):
            return model
        path = tmp_path_factory.mktemp("trained") / f"{name}.npz"
        np.savez(path, **model.fit([crops_for(model.crop, 40)]))
        return load(plugin, trained=path)

    return lambda plugin: make(plugin.name)


@every_model
def test_model_names_its_classes(plugin: Plugin, ready: Callable) -> None:
    model = ready(plugin)
    assert len(set(model.emotions)) == len(model.emotions) >= 2
    assert set(model.emotions) <= set(EMOTIONS)
    assert model.crop.channels in (1, 3)
    assert all(side > 0 for side in model.crop.size)


@every_model
@pytest.mark.parametrize("count", [0, 1, 3, 70])
def test_model_gives_posteriors(plugin: Plugin, ready: Callable, count: int) -> None:
    model = ready(plugin)
    crops = crops_for(model.crop, count)[0] if count else np.zeros((0, *model.crop.size, model.crop.channels), np.uint8)
    assert crops.dtype == np.uint8
    before = crops.copy()
    found = model.predict(crops)
    assert isinstance(found, Prediction)
    assert np.array_equal(crops, before), "the input is not written to"
    assert found.posterior.shape == (count, len(model.emotions))
    assert np.isfinite(found.posterior).all()
    assert (found.posterior >= 0).all()
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(count), abs=1e-5)
    for values in (found.valence, found.arousal, found.evaluable, *found.aus.values()):
        assert values is None or values.shape == (count,)
    assert set(found.aus) == set(getattr(model, "aus", ()))
    for values in found.aus.values():
        assert ((values >= 0) & (values <= 5)).all()


@every_model
def test_model_on_one_is_model_on_many(plugin: Plugin, ready: Callable) -> None:
    model = ready(plugin)
    crops, _ = crops_for(model.crop, 32)
    many = model.predict(crops).posterior
    single = np.concatenate([model.predict(crops[index : index + 1]).posterior for index in range(32)])
    assert np.abs(single - many).max() < 1e-6
    assert np.array_equal(model.predict(crops).posterior, many), "twice is the same"
    assert np.abs(model.predict(crops[::-1]).posterior[::-1] - many).max() < 1e-6


@every_model
def test_model_takes_any_crop(plugin: Plugin, ready: Callable) -> None:
    """Black (a face at the border), white, noise: a distribution, or said to be not evaluable."""
    model = ready(plugin)
    shape = (*model.crop.size, model.crop.channels)
    odd = np.stack([np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), np.random.default_rng(0).integers(0, 256, shape, np.uint8)])
    odd.setflags(write=False)
    posterior = model.predict(odd).posterior
    assert np.isfinite(posterior).all()
    assert posterior.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)


@every_model
def test_model_reads_expressions(plugin: Plugin, ready: Callable) -> None:
    """Neutral, happy and surprised drawn faces are mostly read right: a wrong order of classes or scale of colours would not do that."""
    model = ready(plugin)
    crops, labels = crops_for(model.crop, 40)
    winners = [model.emotions[index] for index in model.predict(crops).posterior.argmax(axis=1)]
    right = {emotion: [found == emotion for found, label in zip(winners, labels, strict=True) if label == emotion] for emotion in model.emotions}
    assert np.mean([hit for hits in right.values() for hit in hits]) > 0.4
    for emotion in {"neutral", "happiness", "surprise"} & set(model.emotions):
        assert np.mean(right[emotion]) > 0.5, emotion


@every_model
def test_card_is_complete(plugin: Plugin) -> None:
    path = registry.PACKAGE / "models" / "cards" / f"{plugin.name}.yaml"
    if not path.is_file():
        pytest.skip("not a card")
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert card["name"] == path.stem
    assert {"activation", "lineage", "licence", "source", "training_data"} <= set(card), "what train_status and fusions ask for"


# -- datasets -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plugin", of_kind("dataset"))
def test_dataset(plugin: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if plugin.name not in TREES:
        pytest.skip("no small tree of this dataset is made: give it one in dataset_trees.py")
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    loaded = registry.load(plugin.source_name, plugin.class_name)
    options = loaded.Options.model_validate(TREES[plugin.name](tmp_path / "d"))
    dataset = loaded(options, seed=0)
    samples = list(dataset.samples())
    assert samples
    assert all(isinstance(sample, Sample) for sample in samples)
    assert len({sample.sample_id for sample in samples}) == len(samples)
    assert {sample.label for sample in samples} <= {*dataset.space, None}
    assert plugin.name in UNLABELLED or any(sample.label for sample in samples)
    assert list(loaded(options, seed=0).samples()) == samples, "the order is the task's"
    other = loaded(options, seed=0)  # another job reads what this one listed
    for sample in samples[:5]:
        if sample.kind in {"video", "audio"}:
            assert other.file(sample).is_file()
            continue
        if sample.kind == "sequence":
            seconds, paths = zip(*other.pictures(sample), strict=True)
            assert list(seconds) == sorted(set(seconds))
            assert all(path.is_file() for path in paths)
            continue
        data = other.read(sample)
        assert decode_image(data).ndim == 3
        assert dataset.read(sample) == data
    assert isinstance(dataset.version, str)
    assert json.loads(json.dumps(dataset.fingerprint()))
    assert loaded(options, seed=0).fingerprint() == dataset.fingerprint()
    assert all(field.description for field in loaded.Options.model_fields.values()), "every key is explained in config.yaml and the schema"
