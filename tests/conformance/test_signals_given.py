"""6DRepNet and L2CS-Net on stand-ins for their weights.

What their outputs mean is judged by what the authors draw.
"""

from pathlib import Path
from typing import Any

import given_signals
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faceoff.assets.asset import AssetError, hash_of
from faceoff.plugins import registry
from faceoff.signals import sixdrepnet
from faceoff.statistics import rotations

pytest.importorskip("onnxruntime")

PITCH, YAW, ROLL = 12.0, 25.0, -9.0


def load(name: str, path: Path) -> Any:
    plugin = registry.get("signal", name)
    job = plugin.job().with_options({"weights": str(path), "sha256": hash_of(path, "sha256")})
    return registry.load(plugin.source_name, plugin.class_name)(job.card, {})


def crops(signal: Any, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *signal.crop.size, 3), np.uint8)


def drawn_axes(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the ends (3, 2) of the axes x, y, z in the picture, to the right and down.

    As `draw_axis` has them, in utils.py of github.com/thohemp/6DRepNet.
    """
    p, y, r = np.radians([pitch, -yaw, roll])
    return np.array(
        [
            (np.cos(y) * np.cos(r), np.cos(p) * np.sin(r) + np.cos(r) * np.sin(p) * np.sin(y)),
            (-np.cos(y) * np.sin(r), np.cos(p) * np.cos(r) - np.sin(p) * np.sin(y) * np.sin(r)),
            (np.sin(y), -np.cos(y) * np.sin(p)),
        ]
    )


@pytest.mark.parametrize("six", [False, True])
def test_the_head_points_where_the_authors_axes_do(tmp_path: Path, six: bool) -> None:
    theirs = Rotation.from_euler("xyz", [PITCH, YAW, ROLL], degrees=True).as_matrix()
    numbers = np.concatenate([theirs[:, 0], theirs[:, 1]]) if six else theirs
    signal = load("sixdrepnet", given_signals.write(tmp_path / "net.onnx", 224, (numbers, 0.0)))
    found = signal.read(crops(signal)).columns
    ours = rotations.rotations(*(found[f"pose_{name}"] for name in ("yaw", "pitch", "roll")))
    expected = drawn_axes(YAW, PITCH, ROLL)
    assert pytest.approx(expected, abs=1e-5) == ours[0, :2].T
    assert found["pose_yaw"][0] < 0 < found["pose_pitch"][0], "to the viewer's left, up"


def test_six_numbers_become_a_rotation() -> None:
    numbers = np.random.default_rng(1).normal(size=(20, 6))
    found = sixdrepnet.from_six(numbers)
    assert np.linalg.det(found) == pytest.approx(np.ones(20))
    assert found.transpose(0, 2, 1) @ found == pytest.approx(np.tile(np.eye(3), (20, 1, 1)))
    along = (found[:, :, 0] * numbers[:, :3]).sum(axis=1)
    assert along == pytest.approx(np.linalg.norm(numbers[:, :3], axis=1))


def test_gaze_goes_where_the_authors_arrow_does(tmp_path: Path) -> None:
    """`draw_gaze`: dx = −sin(first) cos(second), dy = −sin(second), with y down."""
    heads = [np.where(np.arange(90) == place, 60.0, 0.0) for place in (50, 47)]  # 20 and 8 degrees
    file = given_signals.write(tmp_path / "net.onnx", 448, *((head, 0.0) for head in heads))
    signal = load("l2cs", file)
    found = signal.read(crops(signal)).columns
    first, second = np.radians([20.0, 8.0])
    direction = rotations.directions(found["gaze_yaw"], found["gaze_pitch"])[0]
    arrow = [-np.sin(first) * np.cos(second), -np.sin(second)]
    assert direction[:2] == pytest.approx(arrow, abs=1e-6)


def test_another_network_is_refused(tmp_path: Path) -> None:
    for name, side in (("sixdrepnet", 224), ("l2cs", 448)):
        file = given_signals.write(tmp_path / f"{name}.onnx", side, (np.zeros(7), 0.1))
        signal = load(name, file)
        with pytest.raises(ValueError, match=rf"{name}\.onnx: gives \(7,\) numbers"):
            signal.read(crops(signal))


def test_without_weights_it_says_how_to_give_them() -> None:
    plugin = registry.get("signal", "l2cs")
    with pytest.raises(AssetError, match="give them as options `weights` and `sha256`"):
        registry.load(plugin.source_name, plugin.class_name)(plugin.job().card, {})
