"""Networks of the browser world on real pictures: counts, ages, sexes and landmarks.

Ages, sexes, landmarks and descriptors are no models of the matrix; these tests show that their
networks are read right. On clear faces face-api's and Human's networks agree.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from faceoff.assets import fetch
from faceoff.datasets import ferplus
from faceoff.emotions import canonical
from faceoff.faces.crops import calibrate, crop
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.inference.runtimes import Onnx
from faceoff.inference.tfjs.network import open_network
from faceoff.media.images import decode_image
from faceoff.plugins import registry
from faceoff.plugins.protocols import CropSpec

FACE_API = 2_155  # of 3,153 majority-labelled FER+ test pictures
MEAN = np.array([122.782, 117.001, 104.298], np.float32)
FACERES_MEAN = np.array([103.94, 116.78, 123.68], np.float32)  # blue, green, red
FACERES = ("global_pooling/Mean", "age_pred/Softmax", "gender_pred/Sigmoid")

pytestmark = pytest.mark.slow


def loaded(kind: str, name: str) -> Any:
    plugin = registry.get(kind, name)
    if plugin.skip():
        pytest.skip(plugin.skip())
    if any(fetch.locate(asset) is None for asset in plugin.assets.values()):
        pytest.skip(f"the weights of {name} are not there")
    return load_plugin(plugin.job(), Clock())


def network(mirror: Path, name: str, architecture: str | None = None, *outputs: str) -> Onnx:
    manifest = mirror / (f"{name}-weights_manifest.json" if architecture else f"{name}.json")
    weights = mirror / f"{name}.bin"
    for path in (manifest, weights):
        if not path.is_file():
            pytest.skip(f"{path.name} is not in {mirror}")
    return open_network(manifest, [weights], architecture, outputs)


@cache
def faces(folder: Path, picture: str, side: int, margin: float = 0.0) -> np.ndarray:
    """Return the crops of a picture's four surest faces: (n, side, side, 3) uint8."""
    if not (folder / picture).is_file():
        pytest.skip(f"{folder / picture} is not there")
    detector = loaded("detector", "yunet")
    image = decode_image((folder / picture).read_bytes())
    found = sorted(detector.detect([image])[0], key=lambda face: -face.score)[:4]
    spec = CropSpec(size=(side, side), channels=3, margin=margin)
    card = registry.get("detector", "yunet").card["calibration"]
    return np.stack([crop(image, calibrate(face.box, card), spec) for face in found])


def for_face_api(crops: np.ndarray) -> np.ndarray:
    return (crops.astype(np.float32) - MEAN) / np.float32(255)


def for_faceres(crops: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(crops[..., ::-1].astype(np.float32) - FACERES_MEAN)


@pytest.fixture
def images(data: Path) -> Path:
    return data / "media" / "images"


def test_face_api_on_ferplus(root: Path, mirror: Path) -> None:
    """It gets 2155 of 3153 right, 68.35 %, whole pictures, bilinear to 112 pixels."""
    model = loaded("model", "face_api")
    dataset = ferplus.FerPlus(ferplus.FerPlus.Options(path=root))
    samples = list(dataset.samples())
    crops = np.stack([crop(decode_image(dataset.read(one)), None, model.crop) for one in samples])
    best = model.predict(crops).posterior.argmax(axis=1)
    right = sum(
        canonical(model.emotions[number]) == sample.label
        for number, sample in zip(best, samples, strict=True)
    )
    assert (right, len(samples)) == (FACE_API, 3_153)


@pytest.mark.parametrize("picture", ["multi_face.jpg", "facetorch_test3.jpg", "single_face.jpg"])
def test_landmarks_lie_where_a_face_has_them(images: Path, mirror: Path, picture: str) -> None:
    crops = for_face_api(faces(images, picture, 112))
    points = network(mirror, "face_landmark_68_model", "face_api_landmarks").run(crops)[0]
    points = points.reshape(-1, 68, 2)
    assert ((points > -0.1) & (points < 1.1)).all()
    brows, eyes, nose, mouth, chin = (
        points[:, part, 1].mean(axis=1)
        for part in (slice(17, 27), slice(36, 48), [30], slice(48, 68), [8])
    )
    assert (brows < eyes).all()
    assert (eyes < nose - 0.05).all()
    assert (nose < mouth - 0.05).all()
    assert (mouth < chin).all()
    assert (points[:, 36:42, 0].mean(axis=1) < points[:, 42:48, 0].mean(axis=1) - 0.2).all()
    for part in (slice(36, 48), slice(48, 68)):
        middle = points[:, part, 0].mean(axis=1)
        assert ((middle > 0.25) & (middle < 0.75)).all()


def test_two_networks_agree_on_age_and_sex(images: Path, mirror: Path) -> None:
    ages, males = {}, {}
    own = network(mirror, "age_gender_model", "face_api_age_gender", "age", "gender")
    other = network(mirror, "faceres", None, *FACERES)
    for picture in ("multi_face.jpg", "facetorch_test3.jpg", "single_face.jpg", "justin.jpg"):
        age, gender = own.run(for_face_api(faces(images, picture, 112)))
        _, bins, male = other.run(for_faceres(faces(images, picture, 224)))
        assert np.abs(gender.sum(axis=1) - 1).max() < 1e-5
        assert np.abs(bins.sum(axis=1) - 1).max() < 1e-5
        ages[picture] = np.stack([age[:, 0], bins @ np.arange(100)])
        males[picture] = np.stack([gender[:, 0], male[:, 0]])
    both = np.hstack(list(ages.values()))
    assert ((both > 10) & (both < 60)).all()
    assert np.median(np.abs(both[0] - both[1])) < 8
    first, second = np.hstack(list(males.values())) > 0.5
    assert (first == second).all()
    assert (males["single_face.jpg"] > 0.8).all()


def test_embeddings_of_faceres_are_finite_and_stable(images: Path, mirror: Path) -> None:
    """The same picture gives the same bits, alone and among others, from one load to the next."""
    inputs = for_faceres(faces(images, "multi_face.jpg", 224))
    first = network(mirror, "faceres", None, *FACERES)
    together = first.run(inputs)[0]
    assert together.shape == (4, 1024)
    assert np.isfinite(together).all()
    assert (together == first.run(inputs)[0]).all()
    assert (together[2:3] == first.run(inputs[2:3])[0]).all()
    assert (together == network(mirror, "faceres", None, *FACERES).run(inputs)[0]).all()
    lengths = np.linalg.norm(together, axis=1)
    assert np.allclose(lengths, [14.864, 13.723, 14.220, 17.412], atol=0.01)
    unit = together / lengths[:, None]
    assert (unit @ unit.T)[~np.eye(4, dtype=bool)].max() < 0.9  # four people


def test_descriptors_tell_people_apart(images: Path, mirror: Path) -> None:
    """Another crop of a face is nearer than face-api's threshold, 0.6, and nearer than others'."""
    recognise = network(mirror, "face_recognition_model", "face_api_recognition")
    near, far = (
        recognise.run(for_face_api(faces(images, "multi_face.jpg", 150, margin)))[0]
        for margin in (0.1, 0.3)
    )
    distances = np.linalg.norm(near[:, None] - far[None], axis=2)
    assert (distances.argmin(axis=1) == np.arange(4)).all()
    assert np.diag(distances).max() < 0.6
