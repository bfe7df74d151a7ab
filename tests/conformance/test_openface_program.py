"""The OpenFace model against a stand-in for FeatureExtraction: a program that reads the same arguments and writes the same kind of CSV.

The real program was never run here. The stand-in takes what it "sees" from the crop's first pixel, so that crops can be told apart, and is
strict about arguments: one picture per sequence, static action units.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from faceoff import registry
from faceoff.emotions import EMOTIONS
from faceoff.openface import UNITS, OpenFaceError
from faceoff.stages.batches import Clock, load_plugin

STAND_IN = """#!{python}
import sys
from pathlib import Path

import numpy as np
from PIL import Image

UNITS = {units!r}
BY_RED = {{0: {{}}, 50: {{"AU06": 4.0, "AU12": 4.5}}, 100: {{"AU01": 4, "AU02": 4, "AU05": 3, "AU26": 4}}, 150: {{"AU04": 3, "AU05": 3, "AU07": 4, "AU23": 4}}}}

arguments = sys.argv[1:]
assert "-aus" in arguments and "-au_static" in arguments, "static action units were not asked for"
output = Path(arguments[arguments.index("-out_dir") + 1])
output.mkdir(parents=True, exist_ok=True)
(Path({calls!r})).open("a").write("x")
for index, argument in enumerate(arguments):
    if argument != "-fdir":
        continue
    folder = Path(arguments[index + 1])
    (picture,) = sorted(folder.iterdir())
    red = int(np.asarray(Image.open(picture))[0, 0, 0])
    if red == 250:
        sys.exit("could not load the landmark model")
    if red == 240:
        continue  # writes nothing for this one
    shown, found = BY_RED.get(red, {{}}), red != 200
    cells = [shown.get(unit, 0) if found else 0 for unit in UNITS] + [int(unit in shown and found) for unit in UNITS] + [0]
    header = ["frame", "face_id", "timestamp", "confidence", "success"] + [unit + "_r" for unit in UNITS] + [unit + "_c" for unit in UNITS] + ["AU28_c"]
    line = [1, 0, 0.0, 0.98 if found else 0.02, int(found), *cells]
    (output / (folder.name + ".csv")).write_text(", ".join(header) + chr(10) + ", ".join(map(str, line)) + chr(10))
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in, first on PATH."""
    path = tmp_path / "bin" / "FeatureExtraction"
    path.parent.mkdir()
    path.write_text(STAND_IN.format(python=sys.executable, units=UNITS, calls=str(tmp_path / "calls")), encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def model(**options):
    plugin = registry.get("model", "openface")
    job = plugin.job()
    return load_plugin({**job, "card": {**job["card"], "options": {**job["card"]["options"], **options}}}, Clock())


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
    assert np.array_equal(np.concatenate([openface.predict(crops(red)).posterior for red in (50, 100, 150)]), many)
    assert openface.predict(crops()).posterior.shape == (0, 7)


def test_variants_are_options(program: Path) -> None:
    assert model(variants=["anger_24"]).emotions == tuple(emotion for emotion in EMOTIONS[:7] if emotion != "anger"), "OpenFace has no AU24"


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
        program.read_text(encoding="utf-8").replace("for unit in UNITS] + [unit", "for unit in UNITS if unit != 'AU45'] + [unit"), encoding="utf-8"
    )
    with pytest.raises(OpenFaceError, match="its output lacks AU45"):
        model().predict(crops(50))


def test_it_leaves_no_files_behind(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    model().predict(crops(0, 50))
    assert list(folder.iterdir()) == []
