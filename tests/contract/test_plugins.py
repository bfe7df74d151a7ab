"""Every registered dataset, detector, model and signal keeps the same promises.

A new plug-in is tested here as soon as it is registered.
"""

import ast
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import feature_extraction
import numpy as np
import pytest
import stand_ins
import yaml
from dataset_trees import TREES, UNLABELLED

from faceoff.assets import fetch
from faceoff.assets.asset import AssetError
from faceoff.drawing import espeak, identities, scenes
from faceoff.drawing.face import draw_face, locate_face
from faceoff.drawing.pose import Placement, Pose
from faceoff.emotions import EMOTIONS
from faceoff.faces.crops import calibrate, crop
from faceoff.faces.detection_view import View, postprocess
from faceoff.inference import runtimes
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.media.images import decode_image
from faceoff.models import facetorch
from faceoff.plugins import code_hash, registry
from faceoff.plugins.jobs import PluginJob
from faceoff.plugins.plugin import FRAMEWORKS, PACKAGE, Plugin
from faceoff.plugins.protocols import CropSpec, Face, Prediction, Sample, SignalReading
from faceoff.storage import columns

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = list(registry.discover().values())


# Over 20 ms a picture on one core, or a program that is started: how many pictures tests give them.
# Five fill more than one batch (EmoNet does that in its conformance tests).
FEW = {
    "emonet_5": 2,
    "emonet_8": 3,
    "ddamfn": 5,
    "ddamfn_pp": 5,
    "ddamfn_pp_7": 5,
    "ddamfn_pp_rafdb": 5,
    "ferplus_vgg13": 5,
    "openface": 5,
    "face_embedding": 3,
}
# Several seconds in all.
SLOW = {"emonet_5", "emonet_8", "s3fd_fan"}


def of_kind(kind: str) -> list:
    return [
        pytest.param(plugin, id=plugin.name, marks=[pytest.mark.slow] * (plugin.name in SLOW))
        for plugin in PLUGINS
        if plugin.kind == kind
    ]


every_plugin = pytest.mark.parametrize(
    "plugin", [pytest.param(plugin, id=f"{plugin.kind}-{plugin.name}") for plugin in PLUGINS]
)
every_detector = pytest.mark.parametrize("plugin", of_kind("detector"))
every_signal = pytest.mark.parametrize("plugin", of_kind("signal"))
every_model = pytest.mark.parametrize(
    "plugin", [found for found in of_kind("model") if "reads" not in found.values[0].card]
)  # `recorded` has no network


def few(plugin: Plugin, count: int) -> int:
    return min(count, FEW.get(plugin.name, count))


@pytest.fixture(scope="module", autouse=True)
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    """Return the path of the stand-in for OpenFace's program, None where that is installed."""
    if shutil.which("FeatureExtraction"):
        yield None
        return
    path = feature_extraction.write(
        tmp_path_factory.mktemp("bin") / "FeatureExtraction",
        tmp_path_factory.mktemp("calls") / "calls",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(path.parent), prepend=os.pathsep)
        yield str(path)


@pytest.fixture(scope="module")
def load(
    tmp_path_factory: pytest.TempPathFactory, program: str | None
) -> Iterator[Callable[..., Any]]:
    """Return a function that loads a plug-in with its real weights, or with synthetic ones.

    The latter are used where the real ones are absent (stand_ins.py). batch: the size of batches,
    instead of the plug-in's own. learnt: skip instead of standing in. The function also skips with
    the plug-in's own reason.
    """
    folder = tmp_path_factory.mktemp("stand-ins")

    def make(plugin: Plugin, batch: int | None = None, learnt: bool = False, **more: Path) -> Any:
        if plugin.skip():
            pytest.skip(plugin.skip())
        if learnt and program and "FeatureExtraction" in plugin.binaries:
            pytest.skip(f"{plugin.name}: a stand-in for its program has learnt nothing")

        def start(job: PluginJob) -> Any:
            return load_plugin(replace(job, batch=batch), Clock(), **more)

        absent = [asset.name for asset in plugin.assets.values() if not fetch.is_there(asset)]
        reason = f"{plugin.name}: {', '.join(absent)} is in no local place"
        if not absent:  # nothing is downloaded by a test
            try:
                return start(plugin.job())
            except AssetError as error:
                reason = str(error).splitlines()[0]
        if plugin.name not in stand_ins.MAKERS:
            pytest.skip(reason)
        if learnt:
            pytest.skip(f"{reason}; synthetic weights have learnt nothing")
        return start(stand_ins.job(plugin, folder))

    with pytest.MonkeyPatch.context() as patch:
        # The stand-in of OpenGraphAU is run as the traced network that it is.
        patch.setitem(facetorch.PREDICTORS["au"], "native", None)
        yield make


# -- what is declared ------------------------------------------------------------------------------


@every_plugin
def test_declaration(plugin: Plugin) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", plugin.name), "it becomes a file name"
    assert plugin.framework in FRAMEWORKS
    if plugin.kind != "dataset":
        assert (ROOT / "envs" / f"{plugin.framework}.yaml").is_file()
    json.dumps(asdict(plugin.job()))


@every_plugin
def test_class_loads_by_name(plugin: Plugin) -> None:
    if plugin.skip():
        pytest.skip(plugin.skip())
    loaded = registry.load(plugin.source_name, plugin.class_name)
    needed = {
        "dataset": ("samples", "fingerprint"),
        "detector": ("detect",),
        "model": ("predict",),
        "signal": ("read",),
        "segmenter": ("segment",),
        "speech_model": ("hear",),
    }[plugin.kind]
    assert all(callable(getattr(loaded, method)) for method in needed)
    assert plugin.kind != "dataset" or hasattr(loaded, "read") or hasattr(loaded, "file"), (
        "pictures are read, clips are files"
    )
    assert loaded.__doc__


@every_plugin
def test_options_are_those_that_the_code_reads(plugin: Plugin) -> None:
    """The code names every declared option, and every option that the code looks up is declared.

    A configuration may set nothing else.
    """
    code = [
        node
        for node in ast.parse(plugin.source.read_text(encoding="utf-8")).body
        if not isinstance(node, ast.Assign)
    ]
    words = {
        node.value for part in code for node in ast.walk(part) if isinstance(node, ast.Constant)
    }
    looked_up = {
        node.slice.value
        for part in code
        for node in ast.walk(part)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and re.search(r"(\b|_)options('\])?$", ast.unparse(node.value))
    }
    beside = [other.card.get("options", {}) for other in PLUGINS if other.source == plugin.source]
    assert set(plugin.card.get("options", {})) <= words
    assert looked_up <= {option for options in beside for option in options}
    assert plugin.unknown_options(plugin.card.get("options", {})) == []
    assert plugin.unknown_options(["no_such"])[0].startswith(
        f"{plugin.kind} {plugin.name!r} has no option 'no_such'"
    )


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
    rooms = {PACKAGE / name for name in ("datasets", "detectors", "models", "signals")}
    siblings = {
        target
        for target in code_hash.imports(plugin.source)
        if target.parent in rooms and not target.name.startswith("_")
    }
    assert siblings == set()


# -- detectors -------------------------------------------------------------------------------------


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[tuple[int, int]]]:
    """Return a function that records every later call of a network that computes in batches.

    A record is (size of batches, rows to compute).
    """

    def begin() -> list[tuple[int, int]]:
        calls: list[tuple[int, int]] = []
        own = runtimes.batched

        def noting(inputs: np.ndarray, batch: int, invoke: Callable) -> list[np.ndarray]:
            calls.append((batch, len(inputs)))
            return own(inputs, batch, invoke)

        for module in [
            module
            for name, module in sys.modules.items()
            if name.startswith("faceoff") and getattr(module, "batched", None) is own
        ]:
            monkeypatch.setattr(module, "batched", noting)
        return calls

    return begin


@lru_cache(maxsize=1)
def drawn() -> list[tuple[np.ndarray, list]]:
    """Return easy drawn faces, one per identity and emotion, with their truth."""
    chosen = [
        scene
        for scene in scenes.plan("train")
        if scene.rung == "plain" and scene.cast[0].intensity == "apex"
    ]
    return [scenes.draw(scene) for scene in chosen[:40]]


def same(a: list[Face], b: list[Face]) -> bool:
    return len(a) == len(b) and all(
        x.box == y.box
        and x.score == y.score
        and (x.landmarks is y.landmarks or np.array_equal(x.landmarks, y.landmarks))
        for x, y in zip(a, b, strict=True)
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
def test_detector_batches(plugin: Plugin, load: Callable) -> None:
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
def test_detector_on_single_pictures(plugin: Plugin, load: Callable, watch: Callable) -> None:
    """A detector loaded for batches of one, as in timings, pads nothing and finds the same."""
    images = [drawn()[place][0] for place in (0, 9, 18)]
    batch = load(plugin).detect(images)
    single = load(plugin, batch=1)
    computed = watch()
    alone = [single.detect([image])[0] for image in images]
    assert all(size <= max(1, rows) for size, rows in computed)
    for few, many in zip(alone, batch, strict=True):
        assert len(few) == len(many)
        for a, b in zip(few, many, strict=True):
            assert a.box == pytest.approx(b.box, abs=0.01)
            assert a.score == pytest.approx(b.score, abs=1e-4)
            assert a.landmarks is b.landmarks or np.abs(a.landmarks - b.landmarks).max() < 0.01


@every_detector
def test_detector_finds_drawn_faces_on_the_image_scale(plugin: Plugin, load: Callable) -> None:
    if plugin.card.get("given"):
        pytest.skip("it does not look at pictures")
    network = load(plugin, learnt=True)
    hits = large = 0
    for index, (image, truth) in enumerate(drawn()[:12]):
        for larger in (1, 6)[: 2 if index < 4 else 1]:  # 1440 px is more than networks take at once
            picture = image.repeat(larger, axis=0).repeat(larger, axis=1)
            faces = postprocess(network.detect([picture])[0], plugin.card)
            for face in faces:
                assert all(np.isfinite(face.box))
                assert np.isfinite(face.score)
                assert face.landmarks is None or (
                    face.landmarks.shape == (5, 2) and np.isfinite(face.landmarks).all()
                )
            if faces:
                x, y, w, h = calibrate(faces[0].box, plugin.card.get("calibration"))
                tx, ty, tw, th = (larger * side for side in truth[0].box)
                inside = tx < x + w / 2 < tx + tw and ty < y + h / 2 < ty + th
                right = inside and (
                    plugin.card.get("whole_frame") or (0.6 < w / tw < 1.6 and 0.6 < h / th < 1.6)
                )
                hits += right
                large += right and larger > 1
    assert large >= 3, "boxes of a large picture are on its scale"
    assert hits >= 9, (
        f"{hits} of 16"
    )  # the cascade is the weakest; a swapped scale or side leaves fewer


@every_detector
def test_detector_finds_nothing_in_nothing(plugin: Plugin, load: Callable) -> None:
    network = load(plugin, learnt=True)
    rng = np.random.default_rng(0)
    for image in (
        np.zeros((240, 240, 3), np.uint8),
        np.full((200, 320, 3), 128, np.uint8),
        rng.integers(110, 140, (240, 240, 3), np.uint8),
    ):
        faces = postprocess(network.detect([image])[0], plugin.card)
        assert len(faces) == (1 if plugin.card.get("whole_frame") else 0)


@every_detector
def test_detector_boxes_lie_in_the_picture(plugin: Plugin, load: Callable) -> None:
    """Also on strips that networks answer with numbers without end, and on cut faces."""
    network = load(plugin)
    face, _ = drawn()[0]
    height, width = face.shape[:2]
    pictures = [
        face[height // 3 :, width // 3 :],
        face[: 2 * height // 3, : 2 * width // 3],
        *(
            np.full((*shape, 3), value, np.uint8)
            for shape in ((1, 1), (1, 640), (640, 1), (1, 320), (40, 1), (2, 1000), (9, 640))
            for value in (0, 128, 255)
        ),
    ]
    for picture in pictures:
        view = View.of(np.ascontiguousarray(picture), 1, 0.0)
        for found in postprocess(view.found(network.detect([view.image])[0]), plugin.card):
            x, y, w, h = found.box
            assert x >= 0
            assert y >= 0
            assert w > 0
            assert h > 0
            assert x + w <= picture.shape[1] + 1e-6
            assert y + h <= picture.shape[0] + 1e-6


@every_detector
def test_detector_landmarks_are_the_viewers(plugin: Plugin, load: Callable) -> None:
    """Left eye, right eye, nose, left and right mouth corner as the viewer sees them."""
    image, truth = drawn()[0]
    faces = postprocess(load(plugin, learnt=True).detect([image])[0], plugin.card)
    if not faces or faces[0].landmarks is None:
        pytest.skip("no landmarks")
    assert np.abs(faces[0].landmarks - np.array(truth[0].landmarks)).max() < 0.15 * truth[0].box[2]


@every_detector
def test_detector_takes_rgb_and_leaves_it_alone(plugin: Plugin, load: Callable) -> None:
    """The same RGB gives the same faces, however its array lies in memory, and is not written to.

    The face is tinted red.
    """
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


@pytest.fixture(scope="module")
def worn(load: Callable) -> Callable[[Plugin], tuple[Any, list[Face]]]:
    """Return one network of a detector for several tests, and what a fresh one finds.

    The latter is for the first drawn picture.
    """

    @cache
    def make(name: str) -> tuple[Any, list[Face]]:
        plugin = registry.get("detector", name)
        return load(plugin), load(plugin).detect([drawn()[0][0]])[0]

    return lambda plugin: make(plugin.name)


@every_detector
@pytest.mark.parametrize(
    "shape", [(1, 1), (50, 3000), (3000, 50), (2, 400), (7, 7), (33, 31)], ids=str
)
def test_detector_takes_any_shape(plugin: Plugin, worn: Callable, shape: tuple[int, int]) -> None:
    network, fresh = worn(plugin)
    for image in (
        np.zeros((*shape, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8),
    ):
        assert len(network.detect([image])) == 1
    assert same(network.detect([drawn()[0][0]])[0], fresh), "odd pictures leave no trace"


# -- models ----------------------------------------------------------------------------------------


def crops_for(spec: CropSpec, count: int) -> tuple[np.ndarray, list[str]]:
    """Return crops of drawn faces by their true boxes, and their labels."""
    chosen = [drawn()[index % len(drawn())] for index in range(count)]
    return np.stack([crop(image, truth[0].box, spec) for image, truth in chosen]), [
        truth[0].emotion for _, truth in chosen
    ]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, load: Callable) -> Callable[..., Any]:
    """Return models as `load` gives them; a trainable one is fitted on drawn faces first."""

    @cache
    def fit(name: str) -> Path:
        model = load(registry.get("model", name))
        path = tmp_path_factory.mktemp("trained") / f"{name}.npz"
        np.savez(path, **model.fit([crops_for(model.crop, 40)]))
        return path

    @cache
    def make(name: str, batch: int | None, learnt: bool) -> Any:
        plugin = registry.get("model", name)
        return load(
            plugin,
            batch,
            learnt,
            **({"trained": fit(name)} if plugin.card.get("trainable") else {}),
        )

    return lambda plugin, batch=None, learnt=False: make(plugin.name, batch, learnt)


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
    model, count = ready(plugin), few(plugin, count)
    crops = (
        crops_for(model.crop, count)[0]
        if count
        else np.zeros((0, *model.crop.size, model.crop.channels), np.uint8)
    )
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
    crops, _ = crops_for(model.crop, few(plugin, 32))
    many = model.predict(crops).posterior
    single = np.concatenate(
        [model.predict(crops[index : index + 1]).posterior for index in range(len(crops))]
    )
    assert np.abs(single - many).max() < 1e-6
    assert np.array_equal(model.predict(crops).posterior, many), "twice is the same"
    assert np.abs(model.predict(crops[::-1]).posterior[::-1] - many).max() < 1e-6


@every_model
def test_model_on_single_pictures(plugin: Plugin, ready: Callable, watch: Callable) -> None:
    """A model loaded for batches of one, as in timings, pads nothing and gives the same answers."""
    crops, _ = crops_for(ready(plugin).crop, few(plugin, 6))
    many = ready(plugin).predict(crops).posterior
    model = ready(plugin, batch=1)
    computed = watch()
    alone = np.concatenate(
        [model.predict(crops[index : index + 1]).posterior for index in range(len(crops))]
    )
    assert {size for size, _ in computed} <= {1}
    assert np.abs(alone - many).max() < 1e-4


@every_model
def test_model_takes_any_crop(plugin: Plugin, ready: Callable) -> None:
    """Black (a face at the border), white, noise: a distribution, or said to be not evaluable."""
    model = ready(plugin)
    shape = (*model.crop.size, model.crop.channels)
    odd = np.stack(
        [
            np.zeros(shape, np.uint8),
            np.full(shape, 255, np.uint8),
            np.random.default_rng(0).integers(0, 256, shape, np.uint8),
        ]
    )
    odd.setflags(write=False)
    posterior = model.predict(odd).posterior
    assert np.isfinite(posterior).all()
    assert posterior.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)


@every_model
def test_model_reads_expressions(plugin: Plugin, ready: Callable) -> None:
    """Neutral, happy and surprised drawn faces are mostly read right.

    A wrong order of classes or scale of colours would not do that.
    """
    model = ready(plugin, learnt=True)
    crops, labels = crops_for(model.crop, 40)
    winners = [model.emotions[index] for index in model.predict(crops).posterior.argmax(axis=1)]
    right = {
        emotion: [
            found == emotion
            for found, label in zip(winners, labels, strict=True)
            if label == emotion
        ]
        for emotion in model.emotions
    }
    assert np.mean([hit for hits in right.values() for hit in hits]) > 0.4
    for emotion in {"neutral", "happiness", "surprise"} & set(model.emotions):
        assert np.mean(right[emotion]) > 0.5, emotion


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem)
        for path in sorted((PACKAGE / "models" / "cards").glob("*.yaml"))
    ],
)
def test_card_is_complete(path: Path) -> None:
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert card["name"] == path.stem
    assert {"activation", "lineage", "licence", "source", "training_data"} <= set(card), (
        "what train_status and fusions ask for"
    )


# -- signals -------------------------------------------------------------------------------------


def of_contract(name: str) -> bool:
    """Return whether a column has a name that its meaning and unit are stated for."""
    known = {
        *("pose_yaw", "pose_pitch", "pose_roll", "gaze_yaw", "gaze_pitch"),
        *("eye_openness", "blink", "mouth_openness", "age", "sex_male", "sex_female"),
        *("ita", "lightness"),
        *columns.LISTS,
    }
    return name in known or re.fullmatch(r"au_\d\d[lr]?", name) is not None


@every_signal
def test_signal_names_its_columns(plugin: Plugin, load: Callable) -> None:
    signal = load(plugin)
    assert len(set(signal.columns)) == len(signal.columns) >= 1
    assert all(map(of_contract, signal.columns))
    assert ("gaze_yaw" in signal.columns) == (plugin.card.get("gaze_frame") in {"camera", "head"})
    assert ("mouth_openness" in signal.columns) == bool(plugin.card.get("lips"))
    crop = signal.crop
    assert crop.size[0] == crop.size[1]
    assert (crop.align, crop.aspect) == ("none", "stretch"), "angles and places are the frame's"


def values_of(reading: SignalReading) -> np.ndarray:
    """Return all numbers of a reading, a row per crop."""
    return np.column_stack(list(reading.columns.values()))


@every_signal
@pytest.mark.parametrize("count", [0, 1, 3, 20])
def test_signal_fills_its_columns(plugin: Plugin, load: Callable, count: int) -> None:
    signal, count = load(plugin), few(plugin, count)
    crops = (
        crops_for(signal.crop, count)[0]
        if count
        else np.zeros((0, *signal.crop.size, signal.crop.channels), np.uint8)
    )
    before = crops.copy()
    found = signal.read(crops)
    assert np.array_equal(crops, before), "the input is not written to"
    assert set(found.columns) == set(signal.columns)
    assert found.evaluable.shape == (count,)
    assert found.evaluable.dtype == bool
    for name, values in found.columns.items():
        assert values.ndim == (2 if name in columns.LISTS else 1)
        known = values[found.evaluable]
        known = known[np.isfinite(known)]
        low, high = {
            "au": (0, 5),
            "po": (-180, 180),
            "ga": (-180, 180),
            "ag": (0, 120),
            "it": (-90, 90),
            "li": (0, 100),
        }.get(name[:2], (0, 1))
        assert name in columns.LISTS or ((known >= low) & (known <= high)).all(), name
    if "landmarks" in found.columns and count:
        points = found.columns["landmarks"].reshape(count, -1, 2)[found.evaluable]
        assert np.median((points > 0) & (points < signal.crop.size[0])) == 1


@every_signal
def test_signal_on_one_is_signal_on_many(plugin: Plugin, load: Callable) -> None:
    signal = load(plugin)
    crops, _ = crops_for(signal.crop, few(plugin, 20))
    many = signal.read(crops)
    single = [signal.read(crops[index : index + 1]) for index in range(len(crops))]
    alone = np.concatenate([values_of(reading) for reading in single])
    assert np.allclose(alone, values_of(many), atol=1e-4, equal_nan=True)
    again = signal.read(crops)
    assert np.array_equal(values_of(again), values_of(many), equal_nan=True), "twice is the same"


@every_signal
def test_signal_takes_any_crop(plugin: Plugin, load: Callable) -> None:
    """Black, white and noise leave numbers, unknowns or an unreadable row, never an exception."""
    signal = load(plugin)
    shape = (*signal.crop.size, signal.crop.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    odd = np.stack([np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), noise])
    odd.setflags(write=False)
    found = signal.read(odd)
    assert not np.isinf(values_of(found)).any()


@every_signal
def test_signal_follows_the_head(plugin: Plugin, load: Callable) -> None:
    """A head that is turned to either side, or tilted, has angles of that sign."""
    signal = load(plugin, learnt=True)
    if "pose_yaw" not in signal.columns:
        pytest.skip("it measures no head pose")
    who = identities.identity("train00")
    for name, index in (("pose_yaw", 0), ("pose_roll", 2)):
        seen = []
        for angle in (-20.0, 20.0):
            pose = Pose(*(angle if place == index else 0.0 for place in range(3)))
            place = Placement(120, 130, 0.72)
            image = np.full((240, 240, 3), 150, np.float32)
            draw_face(image, who, {}, pose, place)
            box, _ = locate_face(who, {}, pose, place)
            face = crop(image.astype(np.uint8), box, signal.crop)
            seen.append(signal.read(face[None]).columns[name][0])
        assert seen[0] < -4, name
        assert seen[1] > 4, name


# -- datasets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("plugin", of_kind("dataset"))
def test_dataset(plugin: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if plugin.name not in TREES:
        pytest.skip("no small tree of this dataset is made: give it one in dataset_trees.py")
    if plugin.name == "posed_talk" and espeak.version() is None:
        pytest.skip("espeak-ng is not installed (apt-get install espeak-ng)")
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
    for sample in samples[:2]:  # clips are drawn for seconds each
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
    assert all(field.description for field in loaded.Options.model_fields.values()), (
        "every key is explained in config.yaml and the schema"
    )
