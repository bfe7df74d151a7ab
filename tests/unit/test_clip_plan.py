"""Test networks over time in the section `training`: what they read; faults name the key."""

import copy
from pathlib import Path
from typing import Any

import pytest

from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plugins import model_cards
from faceoff.plugins.plugin import RegistryError

RAW: dict[str, Any] = {
    "run": "t",
    "seed": 3,
    "datasets": {
        "clips": {"type": "posed_video"},
        "learn": {"type": "posed_video", "split": "train", "role": "train"},
        "judge": {"type": "posed_video", "split": "valid", "role": "validation"},
    },
    "detectors": {"whole": {}, "haar": {}},
    "models": {"faceoff_small": {}, "fer": {}, "geometry": {}},
    "training": {
        "lstm": {
            "net": "lstm",
            "features": "faceoff_small",
            "detector": "haar",
            "data": "learn",
            "validation": "judge",
        }
    },
}


def raw(keys: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """Return a configuration with other keys of its training; None takes a key away."""
    made = copy.deepcopy(RAW)
    section = made["training"]["lstm"] | (keys or {})
    made["training"]["lstm"] = {key: value for key, value in section.items() if value is not None}
    for name, section in sections.items():
        made[name] |= section
    return made


OWN = {"features": None, "frames": {"net": "resnet_small"}}


def faults(made: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        Plan(made)
    return str(raised.value).splitlines()


# -- models of the run -----------------------------------------------------------------------------


def test_a_network_over_time_is_a_model_behind_every_detector() -> None:
    plan = Plan(raw())
    assert ("haar", "lstm") in plan.cells
    assert ("whole", "lstm") in plan.cells
    assert plan.trained_here == ["lstm"]
    assert plan.model_kinds() == (["faceoff_small", "fer", "geometry"], ["lstm"])
    assert plan.clip_source("clips@0of2", "whole", "lstm") == (
        "results/t/features/clips@0of2/whole/faceoff_small.parquet"
    )
    job = plan.fit_clips_job("lstm")
    assert (job.detector, job.recipe.batch, job.window, job.seed) == ("haar", 16, 512, 3)
    assert "results/t/features/learn/haar/faceoff_small.parquet" in plan.files()


def test_answers_are_read_off_the_predictions_and_own_frames_off_its_network() -> None:
    answers = Plan(raw({"take": "answers", "features": "geometry"}))
    table = "results/t/predictions/clips/haar/geometry.parquet"
    assert answers.clip_source("clips", "haar", "lstm") == table
    own = Plan(raw(OWN))
    assert own.clip_source("clips", "haar", "lstm") == "results/t/features/clips/haar/lstm.parquet"
    assert own.training_kinds() == ([], [], ["lstm"])
    assert "results/t/training/lstm/frames.onnx" in own.products()
    assert own.embed_job("clips", "haar", "lstm").plugin.class_name == "TrainedFrames"
    assert own.embed_job("clips", "haar", "fer").plugin.class_name != "TrainedFrames"


def test_networks_over_the_same_frames_share_lineage_and_status() -> None:
    """Count what reads the frames, too: it has learnt and shares its weights."""
    plan = Plan(raw(training={"tcn": {**RAW["training"]["lstm"], "net": "tcn"}}))
    assert plan.lineage("lstm") == plan.lineage("tcn") == plan.lineage("faceoff_small")
    assert Plan(raw(OWN)).lineage("lstm") == "trained-lstm"

    def status(made: dict[str, Any], dataset: str) -> str:
        return Plan(made).score_job(dataset, "haar", "lstm").train_status

    assert status(raw(), "clips") == "held-out"
    assert status(raw(), "judge") == "selected-on"
    ferplus = {"ferplus": {"path": "/data", "split": "train"}}
    assert status(raw(datasets=ferplus), "ferplus") == "in-sample"
    assert status(raw(OWN, datasets=ferplus), "ferplus") == "cross-corpus"
    rules = {"take": "answers", "features": "geometry"}
    assert status(raw(rules), "clips") == "held-out", "geometry has not learnt"
    still = {"net": "resnet_small", "detector": "whole", "data": "learn", "validation": "judge"}
    trained = raw({"features": "still"}, training={"still": still})
    assert Plan(trained).lineage("lstm") == "trained-still"


def test_a_network_over_time_is_timed_as_no_single_picture() -> None:
    plan = Plan(raw() | {"speed": {"queries": 5}})
    assert not [path for path in plan.latency_files() if "lstm" in path]


def test_disjoint_actors_are_no_overlap(tmp_path: Path) -> None:
    ravdess = {"type": "ravdess", "path": str(tmp_path)}
    folds = {"fold_set": "mmer", "folds": [0]}
    datasets = {
        "learn": {**ravdess, "role": "train", "fold_set": "mmer", "folds": [1, 2, 3]},
        "judge": {**ravdess, "role": "validation", "fold_set": "mmer", "folds": [4]},
        "clips": {**ravdess, **folds},
    }
    plan = Plan(raw(datasets=datasets))
    assert plan.score_job("clips", "haar", "lstm").train_status == "held-out"
    datasets["judge"] |= {"folds": [3, 4]}
    (line,) = faults(raw(datasets=datasets))
    assert "judge has the samples of learn" in line


# -- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"features": None}, "net lstm reads clips: name either features (a model of this run th"),
        ({"frames": {}}, "net lstm reads clips: name either features"),
        ({"features": "faceof_small"}, "lstm.features: no model 'faceof_small' in this run, did"),
        ({"features": "lstm"}, "lstm.features: 'lstm' reads clips itself; name a model of single"),
        ({"features": "geometry"}, "'geometry' gives no embedding, which networks of ONNX do: se"),
        ({"take": "logits"}, "training.lstm.take: 'logits' is not valid"),
        ({"take": "answers", **OWN}, "take belongs to features: remove it"),
        ({"options": {"widht": 3}}, "lstm.options: sequence net 'lstm' has no option 'widht'"),
        ({**OWN, "frames": {"net": "resnet"}}, "training.lstm.frames.net: no net 'resnet'"),
        ({**OWN, "frames": {"options": {"width": "4"}}}, "training.lstm.frames.options: net 'resn"),
        ({**OWN, "frames": {"width": 4}}, "unknown key 'training.lstm.frames.width'"),
        ({"net": "resnet_small"}, "features is for networks over time (lstm, tcn, transformer), a"),
        ({"net": "resnet_small", "features": None, "window": 9}, "window is for networks over tim"),
        ({"labels": "moment"}, "training.lstm.labels: 'moment' is not valid"),
        ({"window": 1}, "training.lstm.window: "),
        ({"processes": 2}, "net lstm learns in one process: remove processes"),
        ({"margin": 0.1}, "margin belongs to frames: remove it"),
        ({"stored": "int8"}, "stored belongs to frames: remove it"),
        ({"start": "faceoff_small"}, "start belongs to frames: remove it"),
        ({"recipe": {"augment": {}}}, "recipe.augment belongs to frames: remove it"),
        ({"recipe": {"freeze": 2}}, "recipe.freeze belongs to frames: remove it"),
        ({"recipe": {"mixup": 0.2}}, "recipe.mixup blends pictures, not clips: remove it"),
        ({"recipe": {"balance": 1}, "labels": "frame"}, "recipe.balance draws clips by their labe"),
        ({"recipe": {"select": "ccc"}, "affect": 0}, "select: ccc needs valence or arousal, and a"),
        ({"validation": "learn"}, "validation: dataset 'learn' has the role 'train', not 'validat"),
    ],
)
def test_a_fault_is_one_line_that_names_the_key(training: dict[str, Any], expected: str) -> None:
    (line,) = faults(raw(training))
    assert expected in line


def test_crops_belong_to_the_model_that_reads_the_frames() -> None:
    (line,) = faults(raw(models={"mine": {"model": "lstm", "margin": 0.1}}))
    assert line == "models.mine.margin: faceoff_small reads the frames for it: set it there"


def test_clips_of_the_training_judge_no_epoch() -> None:
    same = {"judge": {"type": "posed_video", "split": "train", "role": "validation"}}
    (line,) = faults(raw(datasets=same))
    assert line.startswith("training.lstm.validation: judge has the samples of learn")


def test_ccc_chooses_no_epoch_of_pictures() -> None:
    made = raw({"net": "resnet_small", "features": None, "recipe": {"select": "ccc"}})
    (line,) = faults(made)
    assert line.startswith("training.lstm: recipe.select: ccc is for networks over time")


def test_a_card_of_a_network_over_time_says_where_it_runs(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text("name: lstm\nruntime: clips\nfile: model.onnx\n")
    with pytest.raises(
        RegistryError, match=r"card\.yaml: a network over time runs in the run that"
    ):
        model_cards.read_card(tmp_path / "card.yaml")
