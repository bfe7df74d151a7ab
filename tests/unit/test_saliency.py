"""Maps of where a model looks: they find known pixels, and their scores are worked by hand."""

import functools
import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.drawing import scenes
from faceoff.faces import crops
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import asset_files, load_plugin
from faceoff.inference.randomised import NoWeightsError, randomised, untrained
from faceoff.inference.torch_runtimes import timm_architecture
from faceoff.models.torch_card import TorchCardModel
from faceoff.plugins import registry
from faceoff.plugins.protocols import Box, CropSpec, Differentiable, EmotionModel, Prediction
from faceoff.saliency import faithfulness, maps
from faceoff.saliency.black_box import Picture, scores
from faceoff.saliency.explanation import Explanation, NotExplainedError, explain, score_of
from faceoff.saliency.grad_cam import chosen_layer, grad_cam
from faceoff.saliency.method_list import METHODS
from faceoff.saliency.occlusion import occlusion
from faceoff.saliency.overlay import overlay
from faceoff.saliency.rise import rise

SIDE = 32
SEEN = (slice(4, 12), slice(16, 28))  # all that the model below looks at


class Looker:
    """A model of two classes that sees nothing but the brightness of `SEEN`, in one channel."""

    emotions = ("happiness", "sadness")
    crop = CropSpec(size=(SIDE, SIDE), channels=1)

    def predict(self, pictures: np.ndarray) -> Prediction:
        bright = pictures[:, *SEEN].astype(np.float64).mean(axis=(1, 2, 3)) / 255
        return Prediction(np.column_stack([bright, 1 - bright]))


@pytest.fixture
def picture() -> Picture:
    """Noise in the dark, and the part that the model looks at is bright."""
    noise = np.random.default_rng(0).integers(0, 60, (SIDE, SIDE, 1), dtype=np.uint8)
    noise[SEEN] = 250
    return noise


def share_inside(heat: np.ndarray) -> float:
    """Return how much of `SEEN` is among as many pixels of the map, the largest ones."""
    inside = np.zeros((SIDE, SIDE), bool)
    inside[SEEN] = True
    top = np.argsort(-heat, axis=None, kind="stable")[: inside.sum()]
    return float(inside.ravel()[top].mean())


def test_occlusion_finds_the_pixels_that_count(picture: Picture) -> None:
    heat = occlusion(score_of(Looker(), 0), picture)
    assert heat.shape == (SIDE, SIDE)
    assert share_inside(heat) > 0.8
    far = np.ones((SIDE, SIDE), bool)
    far[: SEEN[0].stop + 4, SEEN[1].start - 4 : SEEN[1].stop + 4] = False
    assert abs(heat[far]).max() == pytest.approx(0)


def test_occlusion_is_the_mean_fall_of_the_patches_over_a_pixel() -> None:
    """Check a picture of 4 x 4 with one counting pixel by hand: patches of 2 by steps of 1."""
    picture = np.zeros((4, 4, 1), np.uint8)
    picture[1, 2] = 160  # the mean colour is 10
    heat = occlusion(lambda pictures: pictures[:, 1, 2, 0] / 160, picture, patch=0.5, stride=0.25)
    fall = 150 / 160  # where one of four patches over (1, 2) lies
    by_hand = np.zeros((4, 4))
    for row, column, count in [
        (0, 1, 1), (0, 2, 2), (0, 3, 1), (1, 1, 2), (1, 2, 4), (1, 3, 2), (2, 1, 1), (2, 2, 2),
        (2, 3, 1),
    ]:  # fmt: skip
        by_hand[row, column] = fall * count / 4
    np.testing.assert_allclose(heat, by_hand)
    with pytest.raises(ValueError, match="stride not longer"):
        occlusion(lambda pictures: np.zeros(len(pictures)), picture, patch=0.25, stride=0.5)


def test_rise_finds_the_pixels_that_count(picture: Picture) -> None:
    heat = rise(score_of(Looker(), 0), picture, seed=0)
    assert share_inside(heat) > 0.6


def test_rise_of_a_linear_score_is_its_expectation() -> None:
    """Compare with E[mask · score] / E[mask], where the score is the mask at one pixel."""
    picture = np.full((8, 8, 1), 0, np.uint8)
    picture[:, :4] = 200  # the mean colour is 100, so a mask of m shows 100 + 100 m on the left
    heat = rise(
        lambda pictures: (pictures[:, 2, 1, 0].astype(float) - 100) / 100, picture, 3, masks=20000,
        cells=2, kept=0.5,
    )  # fmt: skip
    # A pixel far away is independent of the score: E[m] · E[score] / kept = 0.5.
    assert heat[7, 7] == pytest.approx(0.5, abs=0.02)
    # The pixel itself: E[m²] / kept = (var + 1/4) / 0.5 with var below a cell's 1/4.
    assert 0.6 < heat[2, 1] < 1
    assert heat[2, 1] > heat.max() - 0.01


def test_rise_is_the_mean_of_the_scores_where_a_pixel_is_seen(picture: Picture) -> None:
    """Recompute it from the pictures that the model was shown: how open a mask is shows in them."""
    shown: list[np.ndarray] = []
    said: list[np.ndarray] = []

    def score(pictures: np.ndarray) -> np.ndarray:
        shown.append(pictures.astype(float))
        said.append(np.random.default_rng(len(said)).random(len(pictures)))
        return said[-1]

    white = np.zeros((SIDE, SIDE, 1), np.uint8)
    white[::2] = 255  # the mean colour is 127.5, so that each mask can be read off the rows
    heat = rise(score, white, seed=0, masks=40, cells=3)
    masks = np.abs(np.concatenate(shown)[..., 0] - 127.5) / 127.5
    expected = np.tensordot(np.concatenate(said), masks, axes=1) / masks.sum(axis=0)
    np.testing.assert_allclose(heat, expected, atol=0.01)


def test_rise_of_a_score_that_never_changes_is_flat(picture: Picture) -> None:
    """A model that answers the same whatever it sees looks nowhere, also not where masks gather."""
    heat = rise(lambda pictures: np.full(len(pictures), 0.3), picture, seed=0)
    assert np.ptp(heat) == 0
    assert heat[0, 0] == 0.3


def test_rise_of_two_deaf_models_is_not_alike(picture: Picture) -> None:
    """Maps of scores by chance share their masks and no more: a sanity check finds nothing."""

    def deaf(seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        return rise(lambda pictures: 0.8 + 0.05 * random.random(len(pictures)), picture, seed=0)

    alike = [maps.rank_correlation(deaf(seed), deaf(seed + 100)) or 0.0 for seed in range(8)]
    assert abs(np.mean(alike)) < 0.25


def test_the_same_seed_gives_the_same_map_and_another_seed_another(picture: Picture) -> None:
    score = score_of(Looker(), 0)
    first = rise(score, picture, seed=1, masks=100)
    np.testing.assert_array_equal(first, rise(score, picture, seed=1, masks=100))
    assert np.abs(first - rise(score, picture, seed=2, masks=100)).max() > 0.01
    np.testing.assert_array_equal(maps.random_map((5, 4), 3), maps.random_map((5, 4), 3))


class Convolved(torch.nn.Module):
    """Two convolutions and a mean, as small as can be worked by hand."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.Conv2d(1, 4, 3, padding=1)
        self.last = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.end = torch.nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(functional.relu(self.last(functional.relu(self.first(x)))).mean((2, 3)))


@pytest.mark.parametrize("name", ["first", "last"])
def test_grad_cam_is_the_weighed_sum_of_the_channels(name: str) -> None:
    network = Convolved().eval()
    inputs = np.random.default_rng(1).normal(size=(1, 1, 16, 16)).astype(np.float32)
    kept: list[torch.Tensor] = []
    layer = getattr(network, name)
    hook = layer.register_forward_hook(lambda module, given, output: kept.append(output))
    given = torch.from_numpy(inputs).requires_grad_()
    (slope,) = torch.autograd.grad(network(given)[0, 2], kept[0])
    hook.remove()
    by_hand = functional.relu((slope.mean((2, 3), keepdim=True) * kept[0]).sum(1, keepdim=True))
    large = functional.interpolate(by_hand, (32, 32), mode="bilinear")[0, 0].detach().numpy()
    assert large.max() > 0
    np.testing.assert_allclose(
        grad_cam(network, layer, inputs, 2, (32, 32)), large, rtol=1e-5, atol=1e-7
    )


def test_grad_cam_takes_the_last_convolution_or_the_named_one() -> None:
    layers = {"first": 1, "last": 2}
    assert chosen_layer(layers, None) == "last"
    assert chosen_layer(layers, "first") == "first"
    with pytest.raises(ValueError, match="'frist', did you mean 'first'"):
        chosen_layer(layers, "frist")
    with pytest.raises(ValueError, match="no convolution"):
        chosen_layer({}, None)


class InPyTorch(Looker):
    """A model whose network is `Convolved`, for the contract."""

    emotions = ("happiness", "sadness", "neutral")
    network = Convolved().eval()

    def differentiable(self) -> Differentiable:
        parts = {"first": self.network.first, "last": self.network.last}
        return Differentiable(self.network, parts, self.inputs)

    def inputs(self, pictures: np.ndarray) -> np.ndarray:
        return (pictures.transpose(0, 3, 1, 2) / 255).astype(np.float32)

    def predict(self, pictures: np.ndarray) -> Prediction:
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(self.inputs(pictures)))
        return Prediction(torch.softmax(logits, 1).double().numpy())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_a_finite_map_of_the_input_twice_the_same(
    method: str, picture: Picture
) -> None:
    """Hold all methods to one contract."""
    model, before = InPyTorch(), picture.copy()
    found = explain(model, picture, method, seed=4)
    again = explain(model, picture, method, seed=4)
    assert found.heat.shape == (SIDE, SIDE)
    assert np.isfinite(found.heat).all()
    np.testing.assert_array_equal(found.heat, again.heat)
    np.testing.assert_array_equal(picture, before)
    assert found.emotion == model.emotions[int(model.predict(picture[None]).posterior.argmax())]
    assert all(0 <= area <= 1 for of_map in found.areas.values() for area in of_map.values())
    other = explain(model, picture, method, emotion="neutral", seed=4)
    assert np.abs(other.heat - found.heat).max() > 0


def test_what_cannot_be_explained_says_why(picture: Picture) -> None:
    class Blind(Looker):
        def predict(self, pictures: np.ndarray) -> Prediction:
            found = super().predict(pictures)
            return Prediction(found.posterior, evaluable=np.zeros(len(pictures), bool))

    with pytest.raises(NotExplainedError, match="no face in the crop"):
        explain(Blind(), picture, "occlusion")
    with pytest.raises(NotExplainedError, match="runs in PyTorch"):
        explain(Looker(), picture, "gradcam")
    with pytest.raises(NotExplainedError, match="no class anger: happiness, sadness"):
        explain(Looker(), picture, "rise", emotion="anger")
    assert score_of(Blind(), 0)(picture[None]).tolist() == [0]


def test_deletion_and_insertion_by_hand() -> None:
    """Check four pixels in four steps, of which the score counts the bright ones."""
    picture = np.array([[[200], [0]], [[0], [200]]], np.uint8)
    heat = np.array([[4.0, 1.0], [2.0, 3.0]])  # the order: 200, 200, 0, 0

    def bright(pictures: np.ndarray) -> np.ndarray:
        return (pictures > 150).mean(axis=(1, 2, 3))

    curve = faithfulness.deletion(bright, picture, heat, steps=4)
    assert curve.tolist() == [0.5, 0.25, 0, 0, 0]
    assert faithfulness.area(curve) == pytest.approx((0.375 + 0.125) / 4)
    worst = faithfulness.deletion(bright, picture, -heat, steps=4)
    assert worst.tolist() == [0.5, 0.5, 0.5, 0.25, 0]
    back = faithfulness.insertion(bright, picture, heat, steps=4)
    assert back.tolist()[2:] == [0.5, 0.5, 0.5]
    assert back[0] == bright(faithfulness.blurred(picture)[None])[0]
    with pytest.raises(ValueError, match="a map of shape"):
        faithfulness.deletion(bright, picture, heat[:1])


def test_a_true_map_beats_the_controls(picture: Picture) -> None:
    found = explain(Looker(), picture, "occlusion")
    areas = found.areas
    for control in ("random", "centre"):
        assert areas["map"]["deletion"] < areas[control]["deletion"] - 0.1
        assert areas["map"]["insertion"] > areas[control]["insertion"] + 0.1


def test_many_pictures_are_scored_in_small_batches() -> None:
    asked: list[int] = []

    def score(pictures: np.ndarray) -> np.ndarray:
        asked.append(len(pictures))
        return pictures[:, 0, 0, 0].astype(float)

    given = (np.full((1, 1, 1), number % 256, np.uint8) for number in range(150))
    assert scores(score, given).tolist() == list(range(150))
    assert asked == [64, 64, 22]
    assert scores(score, iter(())).tolist() == []


def test_maps_are_compared_by_rank_and_averaged_alike() -> None:
    a = np.arange(6.0).reshape(2, 3)
    assert maps.rank_correlation(a, a**3) == pytest.approx(1)
    assert maps.rank_correlation(a, -a) == pytest.approx(-1)
    assert maps.rank_correlation(a, np.ones((2, 3))) is None
    loud, quiet = 1000 * a, -a
    np.testing.assert_allclose(maps.mean_map([loud, quiet]), 0, atol=1e-12)
    np.testing.assert_array_equal(maps.normalised(np.ones((2, 2))), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="one at least"):
        maps.mean_map([])
    middle = maps.centre_map((5, 5))
    assert middle.argmax() == 12
    np.testing.assert_allclose(middle, middle[::-1, ::-1])


def test_an_overlay_colours_the_upper_half_of_the_map_only() -> None:
    face = np.full((8, 8, 3), 90, np.uint8)
    heat = np.zeros((8, 8))
    heat[:2] = 1
    drawn = overlay(face, heat)
    assert (drawn[4:] == 90).all()
    assert (drawn[0] != 90).any(axis=1).all()
    np.testing.assert_array_equal(overlay(face, np.zeros((4, 4))), face)


# -- real weights ----------------------------------------------------------------------------------

REAL = ("faceoff_small", "pd_best")


@functools.cache
def drawn_faces(count: int) -> list[tuple[np.ndarray, Box]]:
    """Return drawn scenes, each with the true box of its largest face."""
    drawn = (scenes.draw(scene) for scene in scenes.plan("test")[::7])
    with_faces = ((image, faces[0].box) for image, faces in drawn if faces)
    return list(itertools.islice(with_faces, count))


def faces_for(model: EmotionModel, count: int) -> list[Picture]:
    """Return drawn faces as the model takes them, cropped by their true boxes."""
    return [crops.crop(image, box, model.crop) for image, box in drawn_faces(count)]


def with_shuffled(name: str) -> tuple[EmotionModel, EmotionModel]:
    """Return a real model, and the same with shuffled weights."""
    job = registry.get("model", name).job()

    def load(files: Mapping[str, Path]) -> EmotionModel:
        return load_plugin(job, Clock(), **files)

    return load({}), untrained(load, asset_files(job), 0)


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("name", [*REAL, "mini_xception", "face_api"])
def test_shuffled_weights_answer_otherwise(name: str) -> None:
    """Check a file of ONNX, TFLite, Keras and TensorFlow.js each."""
    model, untrained = with_shuffled(name)
    pictures = np.stack(faces_for(model, 4))
    apart = model.predict(pictures).posterior - untrained.predict(pictures).posterior
    assert np.abs(apart).max() > 0.2


def test_a_network_of_timm_is_explained_and_its_parameters_shuffled(tmp_path: Path) -> None:
    """Look at a layer, whose activation works in place; the map of shuffled weights is another."""
    torch.manual_seed(0)
    name = "mobilenetv3_small_050"
    torch.save(
        timm_architecture(name, num_classes=2, in_chans=1).state_dict(), tmp_path / "net.pth"
    )
    card = {
        "runtime": "timm", "architecture": name, "emotions": ["happiness", "sadness"],
        "input": {"size": [64, 64], "channels": 1, "mean": 0.5, "std": 0.5},
    }  # fmt: skip

    def load(files: Mapping[str, Path]) -> EmotionModel:
        return TorchCardModel(card, {"weights": tmp_path / "net.pth", **files})

    model, other = load({}), untrained(load, {"weights": tmp_path / "net.pth"}, 0)
    kernels = [
        [part.detach().numpy() for part in one.differentiable().network.parameters()]
        for one in (model, other)
    ]
    for before, after in zip(*kernels, strict=True):
        np.testing.assert_array_equal(np.sort(before, axis=None), np.sort(after, axis=None))
        assert before.ndim < 2 or before.size == 1 or (before != after).any()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 1), dtype=np.uint8)
    layers = list(model.differentiable().convolutions)
    told = []
    for layer in (None, layers[1], layers[3]):
        found = explain(model, noise, "gradcam", layer=layer, untrained=other)
        assert found.heat.max() > 0
        told.append(found.sanity)
    # A map of shuffled weights may be flat, on some processors: it has no ranks to compare.
    ranked = [sanity for sanity in told if sanity is not None]
    assert ranked
    assert max(ranked) < 0.99


def test_shuffled_weights_are_the_same_numbers(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    source = tmp_path / "weights.npz"
    kernel = np.arange(12.0).reshape(3, 4)
    np.savez(source, kernel=kernel, bias=np.arange(3.0))
    made = [randomised({"trained": source}, tmp_path / name, 5)["trained"] for name in "ab"]
    assert made[0].read_bytes() == made[1].read_bytes()
    with np.load(made[0]) as stored:
        assert sorted(stored["kernel"].ravel()) == list(range(12))
        assert (stored["kernel"] != kernel).any()
        assert stored["bias"].tolist() == [0, 1, 2]
    with pytest.raises(NoWeightsError, match=r"files of kind \.zip"):
        randomised({"weights": tmp_path / "a.zip"}, tmp_path, 0)


@pytest.mark.slow
@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("name", REAL)
def test_a_true_map_of_a_real_model_beats_a_random_one(name: str) -> None:
    """Compare means over drawn faces; the map of shuffled weights is another one."""
    model, untrained = with_shuffled(name)
    found: list[Explanation] = [
        explain(model, picture, "occlusion", seed=number, untrained=untrained)
        for number, picture in enumerate(faces_for(model, 4))
    ]
    areas = [one.areas for one in found]
    true, random = (
        np.mean([of_face[name]["deletion"] for of_face in areas]) for name in ("map", "random")
    )
    assert true < random - 0.05
    assert np.mean([one.sanity for one in found if one.sanity is not None]) < 0.5


# -- the command -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "face.png"
    Image.fromarray(scenes.draw(scenes.plan("test")[0])[0]).save(path)
    return path


def test_the_command_writes_pictures_and_scores(photo: Path, tmp_path: Path) -> None:
    asked = ["explain", str(photo), "--sanity", "--output", str(tmp_path), "--emotion", "happy"]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == 0, found.output
    assert "face.png: face 0, faceoff_small, occlusion: happiness" in found.output
    told = json.loads((tmp_path / "face" / "explanation.json").read_text())
    (entry,) = told["explanations"]
    assert entry["emotion"] == "happiness"
    assert -1 <= entry["sanity"] <= 1
    assert np.shape(entry["map"]) == (48, 48)
    assert faithfulness.area(np.array(entry["curves"]["map"]["deletion"])) == pytest.approx(
        entry["areas"]["map"]["deletion"]
    )
    with Image.open(tmp_path / "face" / entry["picture"]) as drawn:
        assert drawn.width > 1000


def test_the_command_names_what_it_cannot_explain(photo: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    Image.fromarray(np.full((64, 64, 3), 128, np.uint8)).save(empty)
    run = CliRunner().invoke
    more = ["--output", str(tmp_path / "out")]
    found = run(app, ["explain", str(empty), str(photo), *more])
    assert found.exit_code == 3
    assert "empty.png: no face found" in found.output
    assert (tmp_path / "out" / "face" / "explanation.json").is_file()
    for wrong, said in (
        (["--method", "occlusoin"], "no method 'occlusoin', did you mean 'occlusion'"),
        (["--model", "pd_bset"], "unknown model 'pd_bset', did you mean 'pd_best'"),
        (["--detector", "given"], "looks at no pictures"),
        (["--emotion", "hapines"], "no emotion 'hapines', did you mean 'happiness'?\n"),
    ):
        found = run(app, ["explain", str(photo), *wrong, *more])
        assert found.exit_code == 1, wrong
        assert said in found.output
    found = run(app, ["explain", str(photo), "--method", "gradcam", *more])
    assert found.exit_code == 3
    assert "runtime onnx gives no gradients" in found.output
