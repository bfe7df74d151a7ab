"""The plan of a run: cells, fusions, reasons to skip, the status of training data, and what each
job is told.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from faceoff.plan import job_specs
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plugins import code_hash, registry

ROOT = Path(__file__).resolve().parents[2]
RAW = {
    "run": "t",
    "datasets": {"posed": {}, "posed-train": {"type": "posed", "split": "train", "role": "train"}},
    "detectors": {"whole": {}, "haar": {"upscale": 2}},
    "models": {"fer": {}, "geometry": {}, "landmarks_lr": {"train": "posed-train"}},
    "fusions": {
        "vote": {"rule": "majority", "per_detector": True},
        "all": {"rule": "soft_mean"},
        "pair": {"rule": "product", "members": ["haar/fer", "whole/geo*"]},
    },
}
SKIPPED = (
    'MODELS = {"absent": {"class": "Absent", "requires": {"modules": ["no_such_module"]}, '
    '"lineage": "x"}}\n'
)


def plan(changes: dict[str, Any] | None = None, **options: Any) -> Plan:
    return Plan({**copy.deepcopy(RAW), **(changes or {})}, **options)


@pytest.fixture
def skipping(tmp_path: Path) -> Plan:
    """A plan with a model that cannot run here."""
    (tmp_path / "absent.py").write_text(SKIPPED)
    return plan(
        {
            "plugins": [str(tmp_path)],
            "models": {"fer": {}, "absent": {}},
            "fusions": {"vote": {}, "alone": {"members": ["*/absent"]}},
        }
    )


def test_every_detector_meets_every_model() -> None:
    assert plan().cells == [
        (detector, model)
        for detector in ("haar", "whole")
        for model in ("fer", "geometry", "landmarks_lr")
    ]


def test_fusions_have_the_cells_that_their_globs_name() -> None:
    fusions = {name: cells for name, (_, cells) in plan().fusions.items()}
    assert set(fusions) == {"vote.haar", "vote.whole", "all", "pair"}
    assert fusions["vote.haar"] == [("haar", "fer"), ("haar", "geometry"), ("haar", "landmarks_lr")]
    assert fusions["all"] == plan().cells
    assert fusions["pair"] == [("haar", "fer"), ("whole", "geometry")]


def test_a_rule_over_time_reads_the_cells_and_fusions_that_it_names() -> None:
    made = plan(
        {
            "temporal": {
                "calm": {"rule": "hysteresis", "of": ["whole/fer", "fusion/vote.*"]},
                "smooth": {"of": ["*/fer"]},
            }
        }
    )
    assert {name: over.of for name, over in made.temporal.items()} == {
        "calm.fusion.vote.haar": "fusion/vote.haar",
        "calm.fusion.vote.whole": "fusion/vote.whole",
        "calm.whole.fer": "whole/fer",
        "smooth.haar.fer": "haar/fer",
        "smooth.whole.fer": "whole/fer",
    }
    everything = plan({"temporal": {"smooth": {}}})
    assert len(everything.temporal) == len(everything.cells) + len(everything.fusions)


def test_scores_of_rules_over_time_are_those_of_test_datasets() -> None:
    made = plan({"temporal": {"smooth": {"of": ["whole/fer"]}}})
    files = [path for path in made.score_files() if "temporal" in path]
    assert files == ["results/t/scores/posed/temporal/smooth.whole.fer.json"]
    assert made.over_time_files() == ["results/t/over_time/posed.json"]
    assert plan().over_time_files() == []
    job = made.temporal_score_job("posed", "smooth.whole.fer")
    assert job.about()["of"] == "whole/fer"
    assert job.about()["members"] == ("whole/fer",)
    assert not job.hard
    two = {"datasets": {**RAW["datasets"], "clips": {"type": "posed_video"}}}
    some = plan({**two, "temporal": {"smooth": {"of": ["whole/fer"], "datasets": ["cl*"]}}})
    assert some.over_time_files() == ["results/t/over_time/clips.json"]
    assert some.temporal_files("posed") == []
    votes = plan({"temporal": {"shares": {"rule": "majority", "of": ["whole/fer"]}}})
    assert votes.temporal_score_job("posed", "shares.whole.fer").hard


def test_a_run_without_rules_over_time_has_neither_their_files_nor_their_figure() -> None:
    with_rules = plan({"temporal": {"smooth": {}}})
    new = set(with_rules.files()) - set(plan().files())
    folders = {path.split("/")[2] for path in new}
    assert folders == {"temporal", "over_time", "scores", "tables", "figures"}
    assert {Path(path).name for path in new if "/figures/" in path} == {
        f"over_time-posed.{suffix}" for suffix in ("svg", "pdf", "png", "csv")
    }
    assert set(plan().files()) <= set(with_rules.files())


def test_a_model_may_keep_to_some_detectors() -> None:
    made = plan(
        {"models": {"fer": {"detectors": ["who*"]}, "geometry": {}}, "fusions": {"all": {}}}
    )
    assert made.cells == [("haar", "geometry"), ("whole", "fer"), ("whole", "geometry")]
    assert made.skip("haar", "fer") == "not asked for: models.fer.detectors is who*"
    assert made.fusions["all"][1] == made.cells


def test_skipped_cell_has_a_reason_and_a_score_file_and_does_not_vote(skipping: Plan) -> None:
    assert (
        skipping.skip("whole", "absent")
        == "model absent: python package 'no_such_module' is not installed"
    )
    assert skipping.skip("whole", "fer") is None
    assert skipping.cells == [("haar", "fer"), ("whole", "fer")]
    assert "results/t/scores/posed/whole/absent.json" in skipping.score_files()
    assert skipping.score_job("posed", "whole", "absent").skip
    assert not any(
        "absent" in path for path in skipping.prediction_files("posed") + skipping.timing_files()
    )
    assert list(skipping.fusions) == ["vote"]
    assert skipping.fusions["vote"][1] == skipping.cells
    assert not any("absent" in user for user in skipping.assets())


def test_with_an_environment_per_rule_nothing_is_skipped_for_a_missing_module(
    tmp_path: Path,
) -> None:
    (tmp_path / "absent.py").write_text(SKIPPED)
    apart = plan(
        {"plugins": [str(tmp_path)], "models": {"fer": {}, "absent": {}}, "fusions": {}},
        check_modules=False,
    )
    assert apart.skip("whole", "absent") is None
    assert ("whole", "absent") in apart.cells


def test_only_tests_and_validations_are_scored() -> None:
    made = plan(
        {
            "datasets": {
                **RAW["datasets"],
                "posed-valid": {"type": "posed", "split": "valid", "role": "validation"},
            }
        }
    )
    assert made.scored == ["posed", "posed-valid"]
    assert made.datasets("test") == ["posed"]
    assert made.datasets() == ["posed", "posed-train", "posed-valid"]
    assert len(made.score_files()) == 2 * (6 + 4)
    assert len(set(made.score_files())) == len(made.score_files())
    assert all("posed-valid" not in path for path in made.timing_files())


def test_environment_is_the_plugins_framework() -> None:
    made = plan()
    assert made.env("detector", "haar") == registry.get("detector", "haar").framework
    assert made.env("model", "fer") == "onnx"
    assert (ROOT / "envs" / f"{made.env('model', 'geometry')}.yaml").is_file()


# -- protocol §15 ----------------------------------------------------------------------------------

HEX = "0" * 64


@pytest.fixture
def cards(tmp_path: Path) -> dict[str, str]:
    """Cards with every kind of statement about their training data."""
    about = {
        "states": {"training_data": {"ferplus": ["train"]}, "selected_on": {"ferplus": ["valid"]}},
        "tested": {"training_data": {"ferplus": ["train", "test"]}},
        "labels": {"training_data": {"fer2013": ["train"]}},
        "other": {"training_data": {"affectnet": ["train"]}},
        "silent": {},
    }
    paths = {}
    for name, more in about.items():
        card = {
            "file": "net.onnx",
            "sha256": HEX,
            "runtime": "onnx",
            "input": {"size": [8, 8]},
            "emotions": ["neutral", "happiness"],
            **more,
        }
        paths[name] = str(tmp_path / f"{name}.yaml")
        Path(paths[name]).write_text(json.dumps(card))
    return paths


def status(made: Plan, dataset: str, model: str) -> str:
    return made.score_job(dataset, "whole", model).train_status


@pytest.mark.parametrize(
    ("card", "split", "expected"),
    [
        ("states", "train", "in-sample"), ("states", "valid", "selected-on"),
        ("states", "test", "held-out"), ("tested", "test", "in-sample"),
        ("labels", "test", "relabelled"), ("other", "test", "cross-corpus"),
        ("silent", "test", "unknown"),
    ],
)  # fmt: skip
def test_train_status_of_fixed_weights(
    cards: dict[str, str], card: str, split: str, expected: str
) -> None:
    made = plan(
        {
            "datasets": {"ferplus": {"path": "/data", "split": split}},
            "models": {card: {"model": cards[card]}},
            "fusions": {},
        }
    )
    assert status(made, "ferplus", card) == expected


def test_train_status_of_what_the_run_trains() -> None:
    made = plan(
        {
            "datasets": {
                **RAW["datasets"],
                "same": {"type": "posed", "split": "train"},
                "ferplus": {"path": "/data"},
            }
        }
    )
    assert status(made, "posed", "landmarks_lr") == "held-out"
    assert status(made, "same", "landmarks_lr") == "in-sample"
    assert status(made, "ferplus", "landmarks_lr") == "cross-corpus"
    assert status(made, "posed", "geometry") == "not trained"


@pytest.mark.parametrize(("other", "expected"), [("/data/a", "in-sample"), ("/data/b", "held-out")])
def test_train_status_of_own_pictures_goes_by_their_folder(other: str, expected: str) -> None:
    made = plan({
        "datasets": {"mine": {"type": "folder", "path": "/data/a"},
        "learn": {"type": "folder", "path": other, "role": "train"}},
        "models": {"landmarks_lr": {"train": "learn"}}, "fusions": {},
    })  # fmt: skip
    assert status(made, "mine", "landmarks_lr") == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "held-out"),
        ({"part": "train"}, "in-sample"),
        ({"shares": (0.5, 0.3, 0.2)}, "in-sample"),
        (
            {"rule": "argmax8"},
            "in-sample",
        ),  # other rows are left over, and so the parts are cut elsewhere
        ({"fps": 9}, "held-out"),
        ({"split": "valid", "part": "train"}, "held-out"),
    ],
)
def test_train_status_of_parts_goes_by_where_they_are_cut(
    changes: dict[str, Any], expected: str
) -> None:
    learnt = {"type": "ferplus", "path": "/data", "part": "train", "role": "train"}
    made = plan({
        "datasets": {"learn": learnt, "mine": {"type": "ferplus", "path": "/data", "part": "test",
        **changes}},
        "models": {"landmarks_lr": {"train": "learn"}}, "fusions": {},
    })  # fmt: skip
    assert status(made, "mine", "landmarks_lr") == expected


def test_what_is_yet_to_be_downloaded_cannot_be_counted() -> None:
    ravdess = {"type": "ravdess", "path": "/data", "download": True}
    assert (
        plan(
            {
                "datasets": {"ravdess": {**ravdess, "shards": 7}},
                "models": {"fer": {}},
                "fusions": {},
            }
        ).shards("ravdess")
        == 7
    )
    with pytest.raises(ConfigError, match=r"datasets\.ravdess\.shards: auto .* give a number"):
        plan(
            {
                "datasets": {"ravdess": {**ravdess, "shards": "auto"}},
                "models": {"fer": {}},
                "fusions": {},
            }
        )


def test_a_kept_count_that_was_cut_short_is_counted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path))
    raw = {
        "datasets": {"posed": {"shards": "auto", "rungs": ["plain"]}},
        "models": {"fer": {}},
        "fusions": {},
    }
    assert plan(raw).shards("posed") == 1
    (kept,) = (tmp_path / "shards").iterdir()
    counted = kept.read_bytes()
    kept.write_bytes(b"")
    assert plan(raw).shards("posed") == 1
    assert kept.read_bytes() == counted


def test_recipe_on_drawn_faces_is_circular() -> None:
    made = plan({"datasets": {**RAW["datasets"], "ferplus": {"path": "/data"}}})

    def circular(dataset: str, model: str) -> bool:
        return made.score_job(dataset, "whole", model).circular

    assert circular("posed", "geometry")
    assert not circular("posed", "fer")
    assert not circular("ferplus", "geometry")
    assert made.fusion_score_job("posed", "pair").circular


def test_a_model_that_learnt_from_drawings_is_marked_on_drawings(tmp_path: Path) -> None:
    """By `train:`, and by the training data of a card; on real faces there is no such mark."""
    card = tmp_path / "drawn.yaml"
    card.write_text(
        f"name: carded\nfile: net.onnx\nsha256: {'0' * 64}\nruntime: onnx\n"
        "input: {size: [48, 48], channels: 1}\nactivation: softmax\n"
        "emotions: [neutral, happiness]\nlineage: n\nlicence: MIT\n"
        "training_data: {posed_video: [train]}\n"
    )
    datasets = {
        **RAW["datasets"],
        "ferplus": {"path": "/data"},
        "ferplus-train": {"type": "ferplus", "path": "/data", "split": "train", "role": "train"},
    }
    models = {
        **RAW["models"],
        "real_lr": {"model": "landmarks_lr", "train": "ferplus-train"},
        "carded": {"model": str(card)},
    }
    made = plan({"datasets": datasets, "models": models})

    def marked(dataset: str, model: str) -> bool:
        return made.score_job(dataset, "whole", model).same_generator

    assert marked("posed", "landmarks_lr")
    assert marked("posed", "carded")
    assert not marked("posed", "real_lr")
    assert not marked("posed", "geometry")
    assert not marked("ferplus", "landmarks_lr")
    assert made.fusion_score_job("posed", "all").same_generator
    assert not made.fusion_score_job("posed", "pair").same_generator


def test_drawn_faces_never_enter_the_headline() -> None:
    made = plan({"datasets": {**RAW["datasets"], "ferplus": {"path": "/data"}}})
    assert made.samples_job("posed").headline is False
    assert made.samples_job("ferplus").headline is True


# -- spec ------------------------------------------------------------------------------------------


def every_spec(made: Plan) -> dict[str, str]:
    return {
        "samples": made.samples_job("posed").to_json(),
        "frames": made.frames_job("posed").to_json(),
        "detect": made.detect_job("posed", "haar").to_json(),
        "predict": made.predict_job("posed", "haar", "fer").to_json(),
        "train": made.train_job("haar", "landmarks_lr").to_json(),
        "fuse": made.fuse_job("posed", "all").to_json(),
        "score": made.score_job("posed", "haar", "fer").to_json(),
        "score_fusion": made.fusion_score_job("posed", "all").to_json(),
        "compare": made.compare_job("posed").to_json(),
        "examples": made.examples_job("posed").to_json(),
    }


def test_specs_are_deterministic_json_without_the_place_of_the_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = every_spec(plan())
    monkeypatch.chdir(tmp_path)
    code_hash.forget()
    for cache in (job_specs.code, registry.discover):
        cache.cache_clear()
    shuffled = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value
        for key, value in reversed(RAW.items())
    }
    for name, spec in every_spec(Plan(shuffled)).items():
        assert str(ROOT) not in spec, name
        assert spec == first[name], name
        assert len(json.loads(spec)["code"]) == 16


def test_editing_a_setting_reruns_what_depends_on_it_only() -> None:
    before = every_spec(plan())

    def changed(changes: dict[str, Any]) -> set[str]:
        after = every_spec(plan(changes))
        return {name for name in before if before[name] != after[name]}

    assert changed({"models": {**RAW["models"], "pd_best": {}}, "fusions": RAW["fusions"]}) <= {
        "fuse",
        "score_fusion",
        "compare",
        "examples",
    }
    assert changed({"detectors": {**RAW["detectors"], "haar": {"upscale": 3}}}) == {"detect"}
    assert changed({"models": {**RAW["models"], "fer": {"margin": 0.5}}}) == {
        "predict",
        "compare",
        "examples",
    }
    assert changed({"faces": {"policy": "centre"}}) == {
        "predict",
        "train",
        "fuse",
        "compare",
        "examples",
    }
    assert changed({"report": {"title": "Other"}}) == set()


def test_detection_does_not_know_what_its_boxes_are_for() -> None:
    """A new calibration must not detect again; it does predict again."""
    spec = plan().detect_job("posed", "haar")
    assert "calibration" not in spec.plugin.card
    assert plan().predict_job("posed", "haar", "fer").crop.calibration
    assert (
        plan({"faces": {"box": "raw"}}).predict_job("posed", "haar", "fer").crop.calibration is None
    )


def test_settings_of_the_run_win_over_the_card() -> None:
    made = plan(
        {
            "detectors": {
                "haar": {"threshold": 0.25, "min_size": 40, "options": {"min_neighbors": 9}}
            },
            "fusions": {},
        }
    )
    card = made.detect_job("posed", "haar").plugin.card
    assert (card["threshold"], card["min_size"]) == (0.25, 40)
    assert card["options"] == {
        **registry.get("detector", "haar").card["options"],
        "min_neighbors": 9,
    }


def test_a_multiverse_is_made_where_it_is_asked_for_and_samples_stay(tmp_path: Path) -> None:
    def with_ferplus(**options: Any) -> Plan:
        section = {"type": "ferplus", "path": str(tmp_path), "keep": "all"} | options
        return plan({"datasets": {**RAW["datasets"], "votes": section}})

    asked, plain = with_ferplus(multiverse=True), with_ferplus()
    assert asked.multiverse_files() == [asked.layout.multiverse("votes")]
    assert (
        plain.multiverse_files()
        == with_ferplus(multiverse=True, role="train").multiverse_files()
        == []
    )
    assert asked.samples_job("votes") == plain.samples_job("votes"), (
        "asking for it predicts nothing again"
    )
    assert asked.multiverse_job("votes").class_name == "FerPlus"


def test_a_time_limit_runs_nothing_again() -> None:
    """It is no param of a job."""
    jobs = [
        made.predict_job("posed", "haar", "fer").to_json()
        for made in (plan(), plan({"job_hours": 1}))
    ]
    assert jobs[0] == jobs[1]
