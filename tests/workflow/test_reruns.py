"""Test that an edit of the code reruns the jobs whose output can change, and no others."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import runs

pytestmark = pytest.mark.slow
PACKAGE = Path("workflow/scripts/faceoff")
# The jobs of the small run by stage: 2 detectors x 2 models, 3 fusions.
PAGE = {"report": 1, "check": 1}
AGGREGATES = {"tables": 1, "figures": 1, "speed": 1, "manifest": 1} | PAGE
FUSED = {"fuse": 3, "score_fusion": 3, "answers": 1, "compare": 1} | AGGREGATES
PREDICTED = {"predict": 4, "score": 4, "examples": 1} | FUSED
TRAINED = {"train": 2} | PREDICTED
DETECTED = {"detect": 4, "overlaps": 1} | TRAINED
Edit = tuple[str, str, str]  # file, text, its edit


@pytest.fixture
def reruns(again: Path) -> Callable[..., dict[str, int]]:
    """Return a function that edits files of the copied checkout, asks what would run, and takes the
    edits back.
    """

    def ask(*edits: Edit) -> dict[str, int]:
        originals: dict[Path, tuple[str, os.stat_result]] = {}
        try:
            for file, old, new in edits:
                path = again.parent / PACKAGE / file
                text = path.read_text(encoding="utf-8")
                assert old in text, f"{file} has no {old!r}"
                originals.setdefault(path, (text, path.stat()))
                path.write_text(text.replace(old, new, 1), encoding="utf-8")
            planned = runs.run(again, runs.SMALL, "--dry-run", checkout=again.parent)
        finally:
            for path, (text, stamp) in originals.items():
                path.write_text(text, encoding="utf-8")
                os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert planned.returncode == 0, planned.stdout[-4000:]
        counted = runs.jobs(planned.stdout)
        return {rule: n for rule, n in counted.items() if rule not in {"all", "total"}}

    return ask


CLASS = "class {0}(BatchedNetwork):\n"
# What no result of this run depends on.
WITHOUT_EFFECT: dict[str, Edit] = {
    "a comment": ("media/images.py", "\nimport", "\n# why\nimport"),
    "a docstring": ("inference/runtimes.py", '"""', '"""Say more. '),
    "a script's comment": ("../predict.py", "\nif", "\n# why\nif"),
    "energy": ("inference/energy.py", "1e6)", "1e7)"),
    "the progress bar": ("progress.py", "import", "print()\nimport"),
    "the plan": ("plan/matrix.py", "class Matrix:\n", "class Matrix:\n    edited = 1\n"),
    "a column of no table here": ("storage/columns.py", "16_000", "8_000"),
    "a rule of no fusion here": ("fusion/rules/stacking.py", "\nC = 0.1", "\nC = 0.2"),
    "a runtime of no model here": (
        "inference/runtimes.py",
        CLASS.format("Onnx"),
        CLASS.format("Onnx") + "    edited = 1\n",
    ),
}
ROWS = [
    # name: file, text, its edit -> jobs by rule
    ("versions", "inference/versions.py", "return installed", "return dict(installed)",
     {"manifest": 1} | PAGE),
    ("the page's style", "report/page.css", "{", "{ ", {"speed": 1} | PAGE),
    ("a figure", "figures/heatmap.py", "def of_dataset(", "def of_dataset(_=1, *, ",
     {"figures": 1} | PAGE),
    ("a table", "results/tables/coverage.py", "TABLE = ", "TABLE = OTHER = ",
     {"tables": 1, "check": 1}),
    ("a paired test", "statistics/paired_tests.py", "def holm(", "def holm(_=1, *, ",
     {"compare": 1, "tables": 1, "figures": 1} | PAGE),
    ("a metric", "scoring/metrics.py", "def accuracy(", "def accuracy(_=1, *, ",
     {"score": 4, "score_fusion": 3} | AGGREGATES),
    ("the rule of two fusions", "fusion/rules/majority.py", "cast[present]] += 1",
     "cast[present]] += 2", FUSED | {"fuse": 2, "score_fusion": 2}),
    ("a runtime", "inference/runtimes.py", CLASS.format("Tflite"),
     CLASS.format("Tflite") + "    edited = 1\n", TRAINED),
    ("cropping", "faces/resampling.py", "cv2.INTER_AREA if", "cv2.INTER_CUBIC if", TRAINED),
    ("a detector", "detectors/whole.py", "return ", "return 0 or ",
     DETECTED | {"detect": 2, "train": 1, "predict": 2, "score": 2, "fuse": 2, "score_fusion": 2}),
    ("a column of faces", "storage/columns.py", '"n_faces"', '"faces"', DETECTED),
    ("decoding", "media/images.py", "def decode_image(", "def decode_image(_=1, *, ",
     {"frames": 2} | DETECTED),
]  # fmt: skip


def test_edits_without_effect_rerun_nothing(reruns: Callable[..., dict[str, int]]) -> None:
    assert reruns(*WITHOUT_EFFECT.values()) == {}, [
        name for name, edit in WITHOUT_EFFECT.items() if reruns(edit)
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "jobs"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_an_edit_reruns_what_can_change(
    reruns: Callable[..., dict[str, int]], file: str, old: str, new: str, jobs: dict[str, int]
) -> None:
    assert reruns((file, old, new)) == jobs
