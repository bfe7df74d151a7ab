"""The plan of worse pictures: variants, cells and modes, what is told and what is refused."""

from typing import Any

import pytest

from faceoff.plan.config import ConfigError
from faceoff.plan.corruption_jobs import CorruptDetectJob, CorruptPredictJob, ScoreCorruptionJob
from faceoff.plan.job_specs import Plan

BASE: dict[str, Any] = {
    "run": "r",
    "datasets": {
        "posed": {},
        "posed-valid": {"type": "posed", "split": "valid", "role": "validation"},
    },
    "detectors": {"mediapipe_short": {}, "whole": {}, "given": {}},
    "models": {"faceoff_small": {}, "fer": {}},
}


def plan(**corruptions: Any) -> Plan:
    """Return the plan of a run with these corruptions."""
    return Plan({**BASE, "corruptions": corruptions}, check_modules=False)


def faults(**corruptions: Any) -> str:
    """Return what a configuration with these corruptions is told."""
    with pytest.raises(ConfigError) as error:
        plan(**corruptions)
    return str(error.value)


def test_without_the_section_nothing_is_made_worse() -> None:
    for told in (Plan(BASE), Plan({**BASE, "corruptions": None}), plan()):
        assert not [path for path in told.files() if "corrupted" in path or "robustness" in path]
        assert not {"robustness", "corruption_errors"} & set(told.table_names())
        assert not [name for name in told.figure_names() if "robustness" in name]


def test_files_of_every_mode_cell_and_variant() -> None:
    told = plan(
        noise={"corruption": "gaussian_noise", "of": ["*/fer"]},
        size={"corruption": "resize", "options": {"interpolation": ["area", "cubic"]}},
    )
    folder = "results/r/corrupted/posed"
    files = set(told.products())
    assert {
        f"{folder}/noise/detect_again/mediapipe_short.parquet",
        f"{folder}/noise/detect_again/mediapipe_short/fer.parquet",
        f"{folder}/noise/clean_crop/whole/fer.parquet",
        f"{folder}/size.area/clean_crop/mediapipe_short/faceoff_small.timing.json",
        f"{folder}/size.cubic/clean_crop/given/fer.parquet",
        "results/r/robustness/posed/noise.json",
        "results/r/robustness/posed/size.json",
        "results/r/tables/robustness.csv",
        "results/r/tables/corruption_errors.tex",
        "results/r/figures/robustness-posed.csv",
        "results/r/figures/vote_margin-posed.csv",
    } <= files
    assert not [path for path in files if "posed-valid" in path and "corrupted" in path]
    assert not [path for path in files if "noise/clean_crop/whole/faceoff_small" in path]
    # A detector that does not look at pictures finds the same faces on any.
    again = [path for path in files if "detect_again" in path]
    assert again
    assert not [path for path in again if "whole" in path or "given" in path]


def test_a_box_moves_only_where_there_is_one_and_is_not_found_again() -> None:
    told = plan(shift={})
    assert told.corrupted_cells("shift") == [
        ("clean_crop", ("given", "faceoff_small")),
        ("clean_crop", ("given", "fer")),
        ("clean_crop", ("mediapipe_short", "faceoff_small")),
        ("clean_crop", ("mediapipe_short", "fer")),
    ]


def test_end_to_end_alone_takes_the_clean_crop_of_detectors_that_do_not_look() -> None:
    told = plan(noise={"corruption": "gaussian_noise", "modes": ["detect_again"], "of": ["*/fer"]})
    assert told.corrupted_cells("noise") == [
        ("clean_crop", ("given", "fer")),
        ("detect_again", ("mediapipe_short", "fer")),
        ("clean_crop", ("whole", "fer")),
    ]


def test_a_corruption_that_no_cell_reads_stops_the_run_before_its_first_job() -> None:
    told = plan(shift={"of": ["whole/*"]})
    (fault,) = told.corruption_faults()
    assert fault.startswith("corruptions.shift: no cell reads its pictures")


def test_jobs_hold_what_their_stages_read_and_survive_json() -> None:
    told = plan(size={"corruption": "resize", "levels": [32, 8], "of": ["*/fer"]})
    predict = told.corrupt_predict_job("posed", "size", "mediapipe_short", "fer")
    assert CorruptPredictJob.from_json(predict.to_json()) == predict
    assert predict.worsening.levels == (32.0, 8.0)
    assert predict.worsening.kind == "resize"
    assert predict.box.calibration
    detect = told.corrupt_detect_job("posed", "size", "mediapipe_short")
    assert CorruptDetectJob.from_json(detect.to_json()) == detect
    score = told.score_corruption_job("posed", "size")
    assert ScoreCorruptionJob.from_json(score.to_json()) == score
    files = told.corrupted_files("posed", "size")
    assert len(score.worse) == len(files) == 4
    assert all(f"/{t.mode}/{t.cell}." in path for t, path in zip(score.worse, files, strict=True))


def test_an_edited_corruption_reruns_its_own_jobs_only() -> None:
    """The code hash follows one kind, so another kind's edit changes nothing."""
    told = plan(noise={"corruption": "gaussian_noise"}, blur={"corruption": "gaussian_blur"})
    codes = {
        name: told.corrupt_predict_job("posed", name, "whole", "fer").code
        for name in ("noise", "blur")
    }
    assert codes["noise"] != codes["blur"]


def test_levels_may_lie_on_the_other_side_of_what_changes_nothing() -> None:
    """A gamma below 1 lightens, the more the lower it is."""
    assert plan(gamma={"levels": [0.8, 0.5]}).corruptions["gamma"].levels == (0.8, 0.5)
    assert "each once: 0.8, 0.5" in faults(gamma={"levels": [0.5, 0.8]})
    assert plan(rotate={"levels": [-15, -30]}).corruptions["rotate"].levels == (-15, -30)
    assert "each once: -15, -30" in faults(rotate={"levels": [-30, -15]})


def test_shards_are_worked_on_and_gathered() -> None:
    told = Plan(
        {
            **BASE,
            "datasets": {"posed": {"shards": 2}},
            "corruptions": {"noise": {"corruption": "gaussian_noise"}},
        },
        check_modules=False,
    )
    assert "results/r/corrupted/posed@1of2/noise/clean_crop/whole/fer.parquet" in told.files()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"gaussian_noize": {}}, "no corruption 'gaussian_noize', did you mean 'gaussian_noise'?"),
        (
            {"x": {"corruption": "gausian_blur"}},
            "corruptions.x.corruption: 'gausian_blur' is not valid, did you mean 'gaussian_blur'?",
        ),
        ({"resize": {"levels": []}}, "corruptions.resize.levels"),
        ({"resize": {"levels": ["small"]}}, "corruptions.resize.levels: 'small' is no level"),
        (
            {"resize": {"levels": [14, 48, 32]}},
            "corruptions.resize.levels: they go from mild to strong, each once: 48, 32, 14",
        ),
        ({"jpeg": {"levels": [25, 25]}}, "each once: 25"),
        ({"rotate": {"levels": [30, 15]}}, "each once: 15, 30"),
        ({"resize": {"levels": [-3]}}, "corruptions.resize.levels: -3.0 is outside"),
        ({"resize": {"levels": [float("nan")]}}, "Input should be a finite number"),
        (
            {"resize": {"options": {"interpolation": "areal"}}},
            "corruptions.resize.options.interpolation: 'areal' is not valid, did you mean 'area'?",
        ),
        (
            {"resize": {"options": {"interpolation": ["area", "bicubic"]}}},
            "corruptions.resize.options.interpolation: 'bicubic' is not valid",
        ),
        ({"resize": {"options": {"interpolation": []}}}, "corruptions.resize.options"),
        (
            {"resize": {"options": {"allow_upscal": True}}},
            "resize has no option 'allow_upscal', did you mean 'allow_upscale'?",
        ),
        ({"resize": {"options": {"allow_upscale": "maybe"}}}, "corruptions.resize.options"),
        ({"resize": {"of": ["whole/ferr"]}}, "corruptions.resize.of: 'whole/ferr' matches no"),
        ({"resize": {"datasets": ["pozed"]}}, "did you mean 'posed'?"),
        ({"resize": {"datasets": ["posed-valid"]}}, "matches no dataset of role test"),
        ({"resize": {"modes": ["detect"]}}, "corruptions.resize.modes"),
        ({"resize": {"modes": []}}, "corruptions.resize.modes"),
        ({"resize": {"severities": [1]}}, "unknown key 'corruptions.resize.severities'"),
    ],
)
def test_bad_sections_are_refused_with_the_key_and_the_nearest_name(
    section: dict[str, Any], message: str
) -> None:
    assert message in faults(**section)
