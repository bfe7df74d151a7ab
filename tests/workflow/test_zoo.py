"""Test PyTorch detectors and Keras weights in a run.

Other models of the run have no weights here.
"""

from pathlib import Path

import pytest

from faceoff.storage import files
from runs import digests, run

pytestmark = pytest.mark.slow

CONFIG = {
    "run": "zoo",
    "weights": "present",
    "datasets": {"posed": {"rungs": ["plain"], "limit": 8}},
    "detectors": {"mtcnn": {}, "retinaface": {}, "s3fd": {}},
    "models": {"mini_xception": {}, "emonet_8": {}},
    "fusions": {"best": {"members": ["*/*"], "top": 1, "check_order": False}},
    "figures": {"formats": ["svg"], "examples": 1},
}


def test_what_is_here_runs_and_what_is_not_is_explained(tmp_path: Path, mirror: Path) -> None:
    pytest.importorskip("torch")
    scored = [
        f"results/zoo/scores/posed/{cell}.json"
        for cell in ("mtcnn/mini_xception", "retinaface/mini_xception", "fusion/best")
    ]
    # The second run goes only as far as PyTorch is used.
    for folder, targets in (("once", []), ("again", scored)):
        done = run(
            tmp_path / folder,
            CONFIG,
            *targets,
            FACEOFF_MIRROR=str(mirror),
            FACEOFF_CACHE=str(tmp_path / "cache"),
        )
        assert done.returncode == 0, done.stdout[-3000:]
    scores = tmp_path / "once/results/zoo/scores/posed"
    for detector in ("mtcnn", "retinaface"):
        score = files.read_json(scores / f"{detector}/mini_xception.json")
        assert score["state"] == "ok"
        assert score["metrics"]["coverage"] == 1.0
        assert files.read_json(scores / f"{detector}/emonet_8.json")["reason"].startswith(
            "model emonet_8: emonet_8.pth is not here"
        )
    assert "s3fd" in files.read_json(scores / "s3fd/mini_xception.json")["reason"]
    assert files.read_json(scores / "fusion/best.json")["state"] == "ok"
    first, second = digests(tmp_path / "once"), digests(tmp_path / "again")
    assert {
        *scored,
        "results/zoo/faces/posed/mtcnn.parquet",
        "results/zoo/predictions/posed/retinaface/mini_xception.parquet",
    } <= set(second)
    assert second == {name: first[name] for name in second}, (
        "PyTorch too gives the same bytes twice"
    )
