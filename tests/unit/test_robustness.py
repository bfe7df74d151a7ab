"""Scores on worse pictures: paired with clean ones, by mode, with the vote and the variants."""

import json

import numpy as np
import pytest

from faceoff.plan.corruption_jobs import ScoreCorruptionJob, Worsening, WorseTable
from faceoff.scoring.robustness import About, VariantReadings, nothing_scored, robustness
from faceoff.scoring.robustness_readings import Corrupted, Reading
from faceoff.scoring.robustness_vote import Chosen
from faceoff.scoring.task import SamplePosteriors, Task
from faceoff.stages.score_corruption import write_robustness
from faceoff.statistics.omnibus import cochran_q
from faceoff.statistics.paired_tests import holm, mcnemar
from faceoff.storage import columns, files, parquet
from faceoff.storage.columns import NO_FACE, NOT_APPLIED, OK

SPACE = ("anger", "fear", "neutral")
N = 60


def _task(clusters=None):
    info = {
        "space": SPACE, "name": "t", "type": "t", "version": "1", "limited": False,
        "headline": True,
    }  # fmt: skip
    truth = np.arange(N) % 3
    return Task(info, tuple(f"s{i}" for i in range(N)), truth, clusters, None)


def _says(answers, confidence=0.8, classes=SPACE, states=None):
    """Return posteriors whose argmax is `answers`; -1 is no face."""
    own = np.full((len(answers), len(classes)), (1 - confidence) / (len(classes) - 1))
    own[np.arange(len(answers)), np.maximum(answers, 0)] = confidence
    own[np.asarray(answers) < 0] = np.nan
    given = states or [OK if answer >= 0 else NO_FACE for answer in answers]
    reasons = tuple("too small" if state == NOT_APPLIED else None for state in given)
    frames = np.ones(len(answers), int)
    return SamplePosteriors(tuple(classes), own, tuple(given), reasons, frames, frames)


def _wrong(truth, count):
    """Return answers of which the first `count` are wrong."""
    answers = truth.copy()
    answers[:count] = (answers[:count] + 1) % 3
    return answers


def _cell(task, name, clean, worse, mode="clean_crop", **options):
    return Corrupted(
        name,
        mode,
        Reading.of(task, _says(clean, **options)),
        [Reading.of(task, _says(answers, **options)) for answers in worse],
    )


def _about(levels=2, pixels=False, numbers=(32.0, 8.0)):
    return About(
        "faces", "noise", "gaussian_noise", "Gaussian noise", "σ", pixels,
        [{"severity": place, "value": f"v{place}", "number": numbers[place - 1]}
         for place in range(1, levels + 1)],
    )  # fmt: skip


def _document(task, cells, about=None, voters=(), chosen="d/a", more=()):
    variants = [VariantReadings("noise", {}, cells), *more]
    picked = Chosen([chosen] * N, "chosen elsewhere")
    return robustness(about or _about(), task, variants, voters, picked, 0)


def test_each_severity_is_compared_with_the_same_samples_clean_pictures():
    task = _task()
    clean, mild, strong = (_wrong(task.truth, count) for count in (6, 12, 30))
    found = _document(task, [_cell(task, "d/a", clean, [mild, strong])])
    (curve,) = found["variants"][0]["curves"]
    assert curve["clean"]["accuracy"] == pytest.approx(0.9)
    assert curve["clean"]["flips"] == 0
    first, second = curve["levels"]
    assert (first["accuracy"], second["accuracy"]) == pytest.approx((0.8, 0.5))
    assert first["against_clean"]["difference"] == pytest.approx(-0.1)
    # Six more answers changed than on the clean pictures: those that were wrong stay as they are.
    assert first["flips"] == pytest.approx(6 / N)
    raw = [mcnemar(mild == task.truth, clean == task.truth).mid_p,
           mcnemar(strong == task.truth, clean == task.truth).mid_p]  # fmt: skip
    assert [level["against_clean"]["p"] for level in curve["levels"]] == pytest.approx(raw)
    adjusted = [level["against_clean"]["p_adjusted"] for level in curve["levels"]]
    assert adjusted == pytest.approx(holm(raw).tolist())
    assert (curve["point_lost"], curve["shown"]) == (1, 1)


def test_a_face_that_is_lost_is_wrong_and_changes_the_answer():
    task = _task()
    lost = task.truth.copy()
    lost[:15] = -1
    found = _document(task, [_cell(task, "d/a", task.truth, [lost, lost])])
    level = found["variants"][0]["curves"][0]["levels"][0]
    assert (level["accuracy"], level["coverage"]) == (0.75, 0.75)
    assert level["covered_accuracy"] == 1
    assert level["flips"] == 0.25
    assert level["confidence"] == pytest.approx(0.8)
    assert level["ece"] == pytest.approx(0.2)


def test_samples_that_could_not_be_made_worse_are_left_out_of_both_sides():
    task = _task()
    answers = _wrong(task.truth, 30)
    states = [NOT_APPLIED] * 20 + [OK] * 40
    unread = np.where(np.arange(N) < 20, -1, answers)
    worse = Reading.of(task, _says(unread, states=states))
    cell = Corrupted("d/a", "clean_crop", Reading.of(task, _says(task.truth)), [worse, worse])
    level = _document(task, [cell])["variants"][0]["curves"][0]["levels"][0]
    assert (level["n"], level["not_applied"], level["reason"]) == (40, 20, "too small")
    assert level["accuracy"] == pytest.approx(30 / 40)
    assert level["against_clean"]["difference"] == pytest.approx(-10 / 40)


def test_a_severity_that_no_picture_allows_has_no_score():
    task = _task()
    none = Reading.of(task, _says([-1] * N, states=[NOT_APPLIED] * N))
    half = Reading.of(task, _says(_wrong(task.truth, 30)))
    cell = Corrupted("d/a", "clean_crop", Reading.of(task, _says(task.truth)), [none, half])
    curve = _document(task, [cell], _about(pixels=True))["variants"][0]["curves"][0]
    assert curve["levels"][0]["accuracy"] is None
    assert curve["levels"][0]["against_clean"] is None
    assert curve["levels"][0]["reason"] == "too small"
    assert curve["half_point_reason"] == "above 8 px"


def test_the_detector_share_is_what_the_clean_crop_would_have_saved():
    task = _task()
    crop, again = _wrong(task.truth, 6), _wrong(task.truth, 24)
    cells = [
        _cell(task, "d/a", task.truth, [crop, crop]),
        _cell(task, "d/a", task.truth, [again, again], "detect_again"),
    ]
    shares = _document(task, cells)["variants"][0]["detection"]
    assert [share["severity"] for share in shares] == [1, 2]
    assert shares[0]["difference"] == pytest.approx(18 / N)
    assert shares[0]["verdict"] == "better"


def test_the_vote_is_the_soft_mean_and_its_margin_can_grow():
    """Three cells err on different samples: their vote is right where two of them are."""
    task = _task()
    clean = [task.truth] * 3
    worse = [task.truth.copy() for _ in range(3)]
    for place, answers in enumerate(worse):
        here = np.arange(N) % 3 == place
        answers[here] = (answers[here] + 1) % 3
    cells = [_cell(task, f"d/{'abc'[i]}", clean[i], [worse[i], worse[i]]) for i in range(3)]
    (vote,) = _document(task, cells, voters=("d/a", "d/b", "d/c"))["variants"][0]["votes"]
    assert vote["members"] == ["d/a", "d/b", "d/c"]
    assert vote["best"] == "chosen elsewhere"
    start, first, last = vote["margins"]
    assert start["difference"] == 0
    assert (first["vote"], first["best"]) == pytest.approx((1, 2 / 3))
    assert last["difference"] == pytest.approx(1 / 3)
    assert vote["growth"]["difference"] == pytest.approx(1 / 3)
    assert vote["growth"]["verdict"] == "better"


def test_a_class_that_a_voter_lacks_is_the_mean_of_those_that_have_it():
    """A voter without `fear` must not pull its mean down (protocol §21)."""
    task = _task()
    fear = np.full(N, 1)
    has = _says(fear, confidence=0.4)
    lacks = SamplePosteriors(
        ("anger", "neutral"), np.tile([0.35, 0.65], (N, 1)), (OK,) * N, (None,) * N,
        np.ones(N, int), np.ones(N, int),
    )  # fmt: skip
    cells = [
        Corrupted(name, "clean_crop", Reading.of(task, said), [Reading.of(task, said)] * 2)
        for name, said in (("d/a", has), ("d/b", lacks))
    ]
    (vote,) = _document(task, cells, voters=("d/a", "d/b"))["variants"][0]["votes"]
    # Means: anger 0.325, fear 0.4, neutral 0.475; the vote says neutral, right for a third.
    assert vote["margins"][0]["vote"] == pytest.approx(1 / 3)


def test_detected_again_cells_that_do_not_detect_vote_with_their_clean_crop():
    task = _task()
    cells = [
        _cell(task, "d/a", task.truth, [task.truth] * 2),
        _cell(task, "d/a", task.truth, [task.truth] * 2, "detect_again"),
        _cell(task, "whole/a", task.truth, [task.truth] * 2),
    ]
    votes = _document(task, cells, voters=("d/a", "whole/a"))["variants"][0]["votes"]
    assert [(vote["mode"], vote["members"]) for vote in votes] == [
        ("clean_crop", ["d/a", "whole/a"]),
        ("detect_again", ["d/a", "whole/a"]),
    ]


def test_the_best_single_is_chosen_again_where_it_was_not_read():
    task = _task()
    cells = [_cell(task, f"d/{name}", task.truth, [task.truth] * 2) for name in "ab"]
    votes = _document(task, cells, voters=("d/a", "d/b"), chosen="d/z")["variants"][0]["votes"]
    assert votes[0]["best"] == "on the other folds, among the cells made worse"


def test_variants_are_told_apart_by_one_test_at_each_severity():
    task = _task()
    near, far = _wrong(task.truth, 5), _wrong(task.truth, 40)
    other = VariantReadings("noise.b", {"b": 1}, [_cell(task, "d/a", task.truth, [near, far])])
    found = _document(task, [_cell(task, "d/a", task.truth, [near, near])], more=[other])
    same, apart = found["told_apart"]
    assert same["p"] is None
    assert not same["shown"]
    correct = np.stack([near == task.truth, far == task.truth])
    assert apart["p"] == pytest.approx(cochran_q(correct, None, seed=0).p)
    assert apart["shown"]
    assert (apart["best"], apart["worst"]) == ("noise", "noise.b")
    assert apart["spread"] == pytest.approx(35 / N)


def test_half_point_is_over_samples_that_every_usual_size_fits():
    """Samples that are too small for one size are left out of all, so that sizes compare."""
    task = _task()
    large = _wrong(task.truth, 0)
    states = [NOT_APPLIED] * 12 + [OK] * 48
    first = Reading.of(task, _says(np.where(np.arange(N) < 12, -1, large), states=states))
    small = _wrong(task.truth, 60)
    cell = Corrupted(
        "d/a", "clean_crop", Reading.of(task, _says(large)),
        [first, Reading.of(task, _says(small))],
    )  # fmt: skip
    curve = _document(task, [cell], _about(pixels=True))["variants"][0]["curves"][0]
    # 1 at 32 px, 0 at 8 px, midway to chance 2/3: a third of the way, in log₂ px.
    assert curve["half_point"] == pytest.approx(2 ** (5 - 2 / 3))


def test_a_failed_cell_has_its_reason_and_spoils_nothing():
    task = _task()
    failed = Corrupted("d/b", "clean_crop", None, [], "its job failed, see its log")
    found = _document(task, [_cell(task, "d/a", task.truth, [task.truth] * 2), failed],
                      voters=("d/a", "d/b"))  # fmt: skip
    good, bad = found["variants"][0]["curves"]
    assert good["state"] == "ok"
    assert (bad["state"], bad["levels"]) == ("error", [])
    assert found["variants"][0]["votes"] == []


def test_tests_keep_subjects_together():
    people = np.array([f"p{i // 6}" for i in range(N)])
    task = _task(people)
    found = _document(task, [_cell(task, "d/a", task.truth, [_wrong(task.truth, 30)] * 2)])
    against = found["variants"][0]["curves"][0]["levels"][0]["against_clean"]
    assert against["test"] == "sign-flip over clusters"
    assert against["p"] == pytest.approx(2 ** (1 - 5))  # five of ten people lose, none gains


def test_a_dataset_without_labels_is_skipped_with_its_reason():
    found = nothing_scored(_about(), "no label")
    assert (found["state"], found["reason"], found["variants"]) == ("skipped", "no label", [])


def test_pictures_without_an_answer_do_not_stand_for_those_that_refuse():
    """Ten pictures cannot be read; all others are stills, which no codec of clips takes."""
    task = _task()
    unread = np.where(np.arange(N) < 10, -1, task.truth)
    clean = Reading.of(task, _says(unread))
    nothing = np.full(N, -1)
    refused = Reading.of(task, _says(nothing, states=[NO_FACE] * 10 + [NOT_APPLIED] * 50))
    assert refused.applied.sum() == 10
    worse = refused.beside(clean)
    cell = Corrupted("d/a", "clean_crop", clean, [worse, worse])
    level = _document(task, [cell])["variants"][0]["curves"][0]["levels"][0]
    assert (level["n"], level["accuracy"], level["not_applied"]) == (0, None, 60)
    # One still that was made worse, and all faces lost on pictures that could be: these count.
    some = Reading.of(task, _says(nothing, states=[NO_FACE] * 11 + [NOT_APPLIED] * 49))
    assert some.beside(clean).applied.sum() == 11
    assert Reading.of(task, _says(nothing)).beside(clean).applied.all()


def test_a_clip_that_could_not_be_made_worse_is_left_out_whatever_its_first_frame_is(tmp_path):
    """Its first frame has no face, and all others have one that is too small."""
    info = {"space": list(SPACE), "name": "t", "type": "t", "version": "1", "limited": False,
            "headline": True, "group_sources": {}}  # fmt: skip
    names = [f"s{place}" for place in range(8)]
    samples = [
        {"sample_id": name, "kind": "video", "path": name, "label": "anger", "split": "test"}
        for name in names
    ]
    schema = columns.SAMPLES.with_metadata({parquet.TASK: json.dumps(info)})
    parquet.write_rows(tmp_path / "samples.parquet", schema, samples)
    answered = {"success": 1, "state": OK, "p_anger": 0.8, "p_fear": 0.1, "p_neutral": 0.1}
    lost = {"success": 0, "state": NO_FACE, "reason": "no face found"}
    small = {"success": 0, "state": NOT_APPLIED, "reason": "too small"}
    # The last clip was made worse and is lost; the one before it was not made worse.
    worse = {name: [answered, answered] for name in names[:-2]}
    worse |= {names[-2]: [lost, small], names[-1]: [lost, lost]}
    schema = columns.predictions_schema(SPACE)
    parquet.write_rows(
        tmp_path / "clean.parquet", schema, _rows({name: [answered] * 2 for name in names})
    )
    parquet.write_rows(
        tmp_path / "worse.parquet", columns.with_severity(schema),
        [{**row, "severity": 1} for row in _rows(worse)],
    )  # fmt: skip
    (tmp_path / "comparison.json").write_text("{}")
    made = Worsening(name="size", kind="resize", levels=(32.0,), options={}, seed=0)
    job = ScoreCorruptionJob(
        dataset="d", corruption="size", variants=(made,), clean=("a/b",), voters=(), seed=0,
        code="", worse=(WorseTable(variant="size", cell="a/b", mode="clean_crop"),),
    )  # fmt: skip
    clean, table = ([tmp_path / f"{name}.parquet"] for name in ("clean", "worse"))
    write_robustness(
        tmp_path / "samples.parquet", tmp_path / "comparison.json", clean, table,
        tmp_path / "found.json", job,
    )  # fmt: skip
    (level,) = files.read_json(tmp_path / "found.json")["variants"][0]["curves"][0]["levels"]
    assert (level["n"], level["not_applied"], level["reason"]) == (7, 1, "too small")
    assert level["accuracy"] == pytest.approx(6 / 7)


def _rows(clips):
    """Return rows of predictions. clips: name -> what each frame says."""
    return [
        {"sample_id": name, "frame": number, "timestamp_s": number / 5,
         "face_id": said["success"] - 1, **said}
        for name, frames in clips.items()
        for number, said in enumerate(frames)
    ]  # fmt: skip
