"""Test the section `training`: networks become models of the run, and faults name key and cure."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plugins import model_cards
from faceoff.plugins.plugin import RegistryError

RAW: dict[str, Any] = {
    "run": "t",
    "seed": 3,
    "datasets": {
        "posed": {},
        "posed-train": {"type": "posed", "split": "train", "role": "train"},
        "posed-valid": {"type": "posed", "split": "valid", "role": "validation"},
    },
    "detectors": {"whole": {}},
    "models": {"fer": {}},
    "training": {"small": {"data": "posed-train", "validation": "posed-valid"}},
}


def raw(training: dict[str, Any] | None = None, **datasets: Any) -> dict[str, Any]:
    """Return a configuration with more keys of its training, and more or other datasets."""
    made = copy.deepcopy(RAW)
    made["training"]["small"] |= training or {}
    made["datasets"] |= datasets
    return made


def faults(made: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        Plan(made)
    return str(raised.value).splitlines()


# -- models of the run -----------------------------------------------------------------------------


def test_a_network_is_a_model_of_the_run() -> None:
    plan = Plan(raw())
    assert plan.cells == [("whole", "fer"), ("whole", "small")]
    assert plan.trained_here == ["small"]
    assert plan.lineage("small") == "trained-small"
    job = plan.fit_job("small")
    assert (job.seed, job.detector, job.dataset) == (3, "whole", "posed-train")
    assert plan.export_job("small").tried == 1


def test_each_seed_is_a_model() -> None:
    plan = Plan(raw({"seeds": [1, 2, 1]}))
    assert [model for _, model in plan.cells] == ["fer", "small-1", "small-2"]
    assert [plan.fit_job(name).seed for name in plan.trained_here] == [1, 2]
    assert plan.export_job("small-1").tried == 2
    assert plan.export_job("small-1").fit.recipe == plan.export_job("small-2").fit.recipe


def test_a_model_with_another_name_is_the_network_behind_some_detectors() -> None:
    made = raw()
    made["detectors"]["haar"] = {}
    made["models"] = {"mine": {"model": "small", "detectors": ["haar"]}}
    plan = Plan(made)
    assert plan.cells == [("haar", "mine")]
    assert plan.trained_here == ["small"]
    assert plan.training_detector("small") == "whole"


def test_a_training_knows_what_it_must_not_learn() -> None:
    assert Plan(raw()).held_apart("small") == ["posed", "posed-valid"]
    assert Plan(raw({"twins": True})).held_apart("small") == []


def test_another_recipe_is_another_fit_and_other_storage_is_not() -> None:
    before = Plan(raw())
    recipe, stored = Plan(raw({"recipe": {"lr": 0.1}})), Plan(raw({"stored": "int8"}))
    assert before.fit_job("small") != recipe.fit_job("small")
    assert before.fit_job("small") == stored.fit_job("small")
    assert before.export_job("small") != stored.export_job("small")


# -- the status of training data -------------------------------------------------------------------


def status(plan: Plan, dataset: str, model: str = "small") -> str:
    return plan.score_job(dataset, "whole", model).train_status


def test_status_of_what_a_network_learnt_and_was_selected_on() -> None:
    plan = Plan(
        raw(
            None,
            **{
                "valid-again": {"type": "posed", "split": "valid"},
                "train-again": {"type": "posed", "split": "train"},
                "ferplus": {"path": "/data"},
            },
        )
    )
    assert {name: status(plan, name) for name in plan.scored} == {
        "ferplus": "cross-corpus",
        "posed": "held-out",
        "posed-valid": "selected-on",
        "train-again": "in-sample",
        "valid-again": "selected-on",
    }


@pytest.mark.parametrize(
    ("other", "expected"),
    [("fer2013", "relabelled"), ("fer2013plus", "relabelled"), ("posed", "cross-corpus")],
)
def test_status_of_the_same_pictures_with_other_labels(other: str, expected: str) -> None:
    ferplus = {"type": "ferplus", "path": "/data"}
    made = raw(
        {"data": "learn", "validation": "judge"},
        learn={**ferplus, "split": "train", "role": "train"},
        judge={**ferplus, "split": "valid", "role": "validation"},
        other={"type": other, **({} if other == "posed" else {"path": "/other"})},
    )
    assert status(Plan(made), "other") == expected


# -- beginning from other weights ------------------------------------------------------------------


def card(folder: Path, **changes: Any) -> str:
    """Write the card of a network that Faceoff trained; return its name in a configuration."""
    (folder / "earlier.onnx").write_bytes(b"weights")
    described = {
        "name": "earlier", "file": "earlier.onnx", "sha256": "0" * 64, "runtime": "onnx",
        "input": {"size": [48, 48], "channels": 1}, "emotions": ["anger", "happiness"],
        "lineage": "family", "training_data": {"posed": ["test"]},
        "training": {"net": "resnet_small"}, **changes,
    }  # fmt: skip
    (folder / "earlier.yaml").write_text(
        yaml.safe_dump({key: value for key, value in described.items() if value is not None})
    )
    return "earlier"


def test_what_the_weights_had_learnt_counts_too(tmp_path: Path) -> None:
    made = raw({"start": card(tmp_path)}) | {"plugins": [str(tmp_path)]}
    plan = Plan(made)
    assert status(plan, "posed") == "in-sample"  # the earlier network learnt the test split
    assert plan.lineage("small") == "family"
    assert plan.fit_job("small").start is not None


def test_a_card_of_another_network_or_of_none_cannot_be_continued(tmp_path: Path) -> None:
    plugins = {"plugins": [str(tmp_path)]}
    start = card(tmp_path)
    (line,) = faults(raw({"start": start, "net": "mobile"}) | plugins)
    assert line == (
        "training.small.start: 'earlier' is a network resnet_small, not mobile (key net)"
    )
    (line,) = faults(raw({"start": "fer"}) | plugins)
    assert line.startswith("training.small.start: Faceoff did not train the model 'fer'")
    (line,) = faults(raw({"start": "earlyer"}) | plugins)
    assert "earlyer" in line
    assert "or the path of an .onnx file that Faceoff trained" in line
    (line,) = faults(raw({"start": str(tmp_path / "gone.onnx")}) | plugins)
    assert line == f"training.small.start: {tmp_path}/gone.onnx: no such file"


def test_the_key_training_of_a_card_has_keys_and_values(tmp_path: Path) -> None:
    card(tmp_path)
    assert model_cards.read_card(tmp_path / "earlier.yaml").card["training"] == {
        "net": "resnet_small"
    }
    card(tmp_path, training="by hand")
    with pytest.raises(RegistryError, match="training 'by hand': expected keys and values"):
        model_cards.read_card(tmp_path / "earlier.yaml")


# -- faults ----------------------------------------------------------------------------------------

VALID_TRAIN = {"type": "posed", "split": "train", "role": "validation"}


@pytest.mark.parametrize(
    ("training", "datasets", "expected"),
    [
        (
            {"data": "posd-train"},
            {},
            "training.small.data: no dataset 'posd-train' in this run, did",
        ),
        ({"validation": "nothing"}, {}, "training.small.validation: no dataset 'nothing'"),
        ({"data": "posed"}, {}, "training.small.data: dataset 'posed' has the role 'test', not "),
        ({"data": "posed-valid"}, {}, "data: dataset 'posed-valid' has the role 'validation', not"),
        ({"validation": "posed"}, {}, "validation: dataset 'posed' has the role 'test', not "),
        ({"validation": "posed-train"}, {}, "validation: dataset 'posed-train' has the role 'tra"),
        (
            {"validation": "same"},
            {"same": VALID_TRAIN},
            "training.small.validation: same has the samples of posed-train",
        ),
        (
            {"validation": "part"},
            {"part": {**VALID_TRAIN, "part": "valid"}},
            "training.small.validation: part has the samples of posed-train",
        ),
        ({"net": "resnet"}, {}, "training.small.net: no net 'resnet'"),
        ({"net": "tinm:resnet18"}, {}, "training.small.net: no net 'tinm:resnet18'"),
        ({"options": {"widht": 3}}, {}, "small.options: net 'resnet_small' has no option 'widht'"),
        (
            {"options": {"width": "3"}},
            {},
            "training.small.options: net 'resnet_small': option 'wid",
        ),
        ({"options": {"channels": 2}}, {}, "option 'channels' is 2; valid: 1 (grey), 3"),
        ({"options": {"size": [48]}}, {}, "option 'size' is [48]; it takes [height, width]"),
        ({"detector": "hole"}, {}, "training.small.detector: no detector 'hole' in this run, did"),
        ({"classes": ["joy", "anger", "joy"]}, {}, "training.small.classes: "),
        ({"classes": ["hunger"]}, {}, "training.small.classes: "),
        ({"recipe": {"epoch": 3}}, {}, "unknown key 'training.small.recipe.epoch'"),
        ({"recipe": {"augment": {"rotation": 3}}}, {}, "'training.small.recipe.augment.rotation'"),
        ({"recipe": {"optimizer": "adamm"}}, {}, "training.small.recipe.optimizer: 'adamm'"),
        ({"recipe": {"target": "multi_target", "mixup": 0.2}}, {}, "without mixup, focal and smoo"),
        ({"recipe": {"freeze": 41}}, {}, "freeze 41 is more than the 40 epochs"),
        ({"recipe": {"freeze": 1}, "processes": 2}, {}, "recipe.freeze works in one process"),
        ({"recipe": {"batch": 1}}, {}, "training.small.recipe.batch: "),
        ({"recipe": {"lr": 0}}, {}, "training.small.recipe.lr: "),
        ({"seeds": []}, {}, "training.small.seeds: "),
        ({"seeds": [-1]}, {}, "training.small.seeds"),
    ],
)
def test_a_fault_is_one_line_that_names_the_key(
    training: dict[str, Any], datasets: dict[str, Any], expected: str
) -> None:
    (line,) = faults(raw(training, **datasets))
    assert expected in line


def test_other_splits_and_other_parts_are_no_overlap() -> None:
    part = {"type": "posed", "split": "train"}
    made = raw(
        {"data": "learn", "validation": "judge"},
        learn={**part, "part": "train", "role": "train"},
        judge={**part, "part": "valid", "role": "validation"},
    )
    assert status(Plan(made), "posed") == "held-out"


def test_two_detectors_and_no_whole_need_a_name() -> None:
    made = raw()
    made["detectors"] = {"haar": {}, "mediapipe_full": {}}
    (line,) = faults(made)
    assert line == "training.small.detector is missing: whose faces does it learn from?"
    made["training"]["small"]["detector"] = "haar"
    assert Plan(made).training_detector("small") == "haar"


@pytest.mark.parametrize("training", [{"fer": {}}, {"fer": {"seeds": [1]}, "fer-1": {}}])
def test_names_are_given_once(training: dict[str, Any]) -> None:
    made = raw()
    made["training"] = {name: {**RAW["training"]["small"], **s} for name, s in training.items()}
    (line,) = faults(made)
    assert "give " in line
    assert "name" in line


def test_a_network_of_several_seeds_has_no_model_of_its_own_name() -> None:
    made = raw({"seeds": [1, 2]})
    made["models"] = {"small": {}}
    (line,) = faults(made)
    assert line.startswith("models.small: ")
