"""The OpenFace model against a stand-in for FeatureExtraction (feature_extraction.py).

The real program was never run here.
"""

from pathlib import Path

import feature_extraction
import numpy as np
import pytest

from faceoff.emotions import EMOTIONS
from faceoff.faces.openface_csv import UNITS, OpenFaceError
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in, first on PATH."""
    path = feature_extraction.write(tmp_path / "bin" / "FeatureExtraction", tmp_path / "calls")
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def model(**options):
    plugin = registry.get("model", "openface")
    job = plugin.job()
    return load_plugin(job.with_options(options), Clock())


def crops(*reds: int) -> np.ndarray:
    """Crops whose first pixel has this much red."""
    made = np.zeros((len(reds), 256, 256, 3), np.uint8)
    made[:, 0, 0, 0] = reds
    return made


def test_it_is_skipped_where_the_program_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert registry.get("model", "openface").skip() == "program 'FeatureExtraction' is not on PATH"


def test_emotions_and_units_of_each_crop(program: Path, tmp_path: Path) -> None:
    openface = model()
    assert openface.emotions == EMOTIONS[:7], "contempt has no unit of one side"
    found = openface.predict(crops(0, 50, 100, 150, 200, 240))
    assert (tmp_path / "calls").read_text() == "x", "one call of the program for the batch"
    winners = [openface.emotions[index] for index in found.posterior.argmax(axis=1)]
    assert winners[:4] == ["neutral", "happiness", "surprise", "anger"]
    assert found.evaluable.tolist() == [True, True, True, True, False, False]
    assert found.aus["AU12"].tolist() == [0, 4.5, 0, 0, 0, 0]
    assert set(found.aus) == set(UNITS)
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(6))


def test_a_crop_alone_is_the_crop_among_others(program: Path) -> None:
    openface = model()
    many = openface.predict(crops(50, 100, 150)).posterior
    assert np.array_equal(
        np.concatenate([openface.predict(crops(red)).posterior for red in (50, 100, 150)]), many
    )
    assert openface.predict(crops()).posterior.shape == (0, 7)


def test_variants_are_options(program: Path) -> None:
    assert model(variants=["anger_24"]).emotions == tuple(
        emotion for emotion in EMOTIONS[:7] if emotion != "anger"
    ), "OpenFace has no AU24"


def test_a_program_that_fails_says_why(program: Path) -> None:
    with pytest.raises(RuntimeError, match=r"ended with 1 .* could not load the landmark model"):
        model().predict(crops(250))
    with pytest.raises(RuntimeError, match="0 of 1 files"):
        model().predict(crops(240))


def test_a_program_that_hangs_is_stopped(program: Path) -> None:
    program.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"did not end within 0\.5 s on 2 crops"):
        model(timeout_s=0.5).predict(crops(0, 50))


def test_an_older_program_is_named(program: Path) -> None:
    program.write_text(
        program.read_text(encoding="utf-8").replace(
            "for unit in UNITS] + [unit", "for unit in UNITS if unit != 'AU45'] + [unit"
        ),
        encoding="utf-8",
    )
    with pytest.raises(OpenFaceError, match="its output lacks AU45"):
        model().predict(crops(50))


def test_it_leaves_no_files_behind(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    model().predict(crops(0, 50))
    assert list(folder.iterdir()) == []
