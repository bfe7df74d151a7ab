"""Blendshapes as action units: the table, the sides, and MediaPipe's own FaceLandmarker as judge.

The judge needs the weights.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.assets import fetch
from faceoff.emotions import EMOTIONS
from faceoff.faces import blendshape_units, emfacs
from faceoff.faces.crops import resize
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.models import blendshapes
from faceoff.plugins import registry

NAMES = sorted(
    {name for signs in blendshape_units.READ_FROM.values() for names in signs for name in names}
    | {"mouthSmileLeft", "mouthSmileRight"}
)


def shapes(**shown: float) -> dict[str, np.ndarray]:
    """Return one face with these blendshapes; a name without a side is shown on both."""
    unknown = [name for name in shown if not any(known.startswith(name) for known in NAMES)]
    assert not unknown
    return {
        name: np.array(
            [
                next(
                    (
                        value
                        for part, value in shown.items()
                        if name in (part, f"{part}Left", f"{part}Right")
                    ),
                    0.0,
                )
            ]
        )
        for name in NAMES
    }


@pytest.mark.parametrize(
    ("shape", "unit"),
    [
        ("browInnerUp", "AU01"),
        ("browOuterUp", "AU02"),
        ("browDown", "AU04"),
        ("eyeWide", "AU05"),
        ("mouthUpperUp", "AU10"),
        ("mouthDimple", "AU14"),
        ("mouthFrown", "AU15"),
        ("mouthLowerDown", "AU16"),
        ("mouthShrugLower", "AU17"),
        ("mouthPucker", "AU18"),
        ("mouthStretch", "AU20"),
        ("mouthFunnel", "AU22"),
        ("mouthPress", "AU24"),
        ("jawOpen", "AU26"),
        ("eyeBlink", "AU45"),
    ],
)
def test_each_shape_moves_its_unit_alone(shape: str, unit: str) -> None:
    units = blendshape_units.action_units(shapes(**{shape: 0.6}))
    assert {name: values[0] for name, values in units.items() if values[0]} == {
        unit: pytest.approx(3.0)
    }


def test_the_eye_ring_is_read_twice_and_the_smile_of_both_sides() -> None:
    units = blendshape_units.action_units(shapes(mouthSmile=1.0, eyeSquint=0.4))
    assert (units["AU12"][0], units["AU06"][0], units["AU07"][0]) == (
        5.0,
        pytest.approx(2.0),
        pytest.approx(2.0),
    )
    assert units["AU12L"][0] == units["AU12R"][0] == 0
    cheeks = blendshape_units.action_units(shapes(cheekSquint=0.8))
    assert (cheeks["AU06"][0], cheeks["AU07"][0]) == (pytest.approx(4.0), 0)


def test_one_corner_is_contempt_on_the_viewers_side() -> None:
    units = blendshape_units.action_units(shapes(mouthSmileLeft=0.8))
    assert units["AU12R"][0] == pytest.approx(4.0), (
        "ARKit's left is the subject's, the viewer's right"
    )
    assert units["AU12L"][0] == 0
    scored = emfacs.scores(units, emfacs.rules(["anger_24"]))
    assert max(scored, key=lambda emotion: scored[emotion][0]) == "contempt"


def test_every_emotion_can_be_told_with_lips_pressed_for_anger() -> None:
    assert emfacs.evaluable(blendshapes.Blendshapes.aus, emfacs.rules(["anger_24"])) == EMOTIONS
    assert emfacs.unevaluable(blendshapes.Blendshapes.aus) == {"anger": ("AU23",)}, (
        "ARKit has no lip tightener"
    )


@pytest.fixture(scope="module")
def model() -> Any:
    """Return the plug-in with the real weights."""
    plugin = registry.get("model", "blendshapes")
    if plugin.skip():
        pytest.skip(plugin.skip())
    if fetch.locate(plugin.assets["landmarker"]) is None:
        pytest.skip("face_landmarker.task is neither in FACEOFF_MIRROR nor in the cache")
    return load_plugin(plugin.job(), Clock())


def photograph(name: str) -> np.ndarray:
    cv2 = pytest.importorskip("cv2")
    path = Path(os.environ.get("FACEOFF_DATA", "")) / "media" / "images" / name
    if not path.is_file():
        pytest.skip(f"media/images/{name} is not in FACEOFF_DATA")
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def test_a_smile_in_a_photograph(model: Any) -> None:
    """facetorch's test2 has one happy face.

    It fills enough of the picture to be found in the whole.
    """
    found = model.predict(resize(photograph("facetorch_test2.jpg"), (256, 256))[None])
    assert found.evaluable.tolist() == [True]
    assert model.emotions[int(found.posterior[0].argmax())] == "happiness"


def test_it_is_mediapipes_landmarker(model: Any) -> None:
    """The tool's own API gives the scores that the units come from.

    It gets the weights' path and the picture in its own size.
    """
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    crop = resize(photograph("facetorch_test2.jpg"), (256, 256))
    path = fetch.locate(registry.get("model", "blendshapes").assets["landmarker"])
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(path)), output_face_blendshapes=True
    )
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        faces = landmarker.detect(
            mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=crop)
        ).face_blendshapes
    scores = {shape.category_name: shape.score for shape in faces[0]}
    assert len(scores) == 52
    assert set(NAMES) <= set(scores), "every shape of the table is one of MediaPipe's"
    expected = blendshape_units.action_units(
        {name: np.array([score]) for name, score in scores.items()}
    )
    found = model.predict(crop[None]).aus
    assert {unit: values[0] for unit, values in found.items()} == pytest.approx(
        {unit: values[0] for unit, values in expected.items()}, abs=1e-4
    )
    assert (
        max(
            scores[name]
            for name in ("cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight")
        )
        < 1e-2
    ), "why AU06 is read twice"


def test_no_face_is_not_evaluable(model: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    found = model.predict(np.stack([noise, np.zeros_like(noise)]))
    assert found.evaluable.tolist() == [False, False]
    assert all((values == 0).all() for values in found.aus.values())
