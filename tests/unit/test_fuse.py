"""Fusing prediction files: who votes, whose face, and that rules never see what they fuse."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
from posterior_fixtures import RULES

from faceoff.faces.member_tables import Tables, read_votes
from faceoff.fusion.member_votes import Votes, fuse
from faceoff.fusion.rule import Rule
from faceoff.plan.jobs import FuseJob, Member
from faceoff.plan.sections import FusionConfig
from faceoff.scoring.task import fold_mean_of, folds_for, weights_of
from faceoff.stages import fuse as stage
from faceoff.storage import columns, parquet

CLASSES = ("neutral", "happiness", "sadness")


def test_config_and_rules_name_the_same_rules():
    assert set(FusionConfig.model_fields["rule"].annotation.__args__) == set(RULES)


def write(
    folder,
    name,
    posterior,
    boxes=None,
    labels=None,
    subjects=None,
    classes=CLASSES,
    valence=None,
    space=None,
):
    """Predictions (and, once, samples, frames and faces) of n pictures; NaN rows are no_face."""
    n = len(posterior)
    keys = [{"sample_id": f"s{i}", "frame": 0, "timestamp_s": 0.0} for i in range(n)]
    found = ~np.isnan(posterior).any(axis=1)
    state = [
        {
            "success": int(ok),
            "state": "ok" if ok else "no_face",
            "reason": None if ok else "no face found",
            "face_id": 0 if ok else -1,
        }
        for ok in found
    ]
    rows = [
        key | s | {f"p_{c}": float(v) for c, v in zip(classes, p, strict=True) if ok}
        for key, s, p, ok in zip(keys, state, posterior, found, strict=True)
    ]
    rows = [
        row | {"valence": value}
        for row, value in zip(rows, valence if valence is not None else [None] * n, strict=True)
    ]
    parquet.write_rows(folder / f"{name}.parquet", columns.predictions_schema(classes), rows)
    boxes = boxes if boxes is not None else [(0.0, 0.0, 10.0, 10.0)] * n
    faces = [
        key | s | {"n_faces": 1, "score": 1.0} | dict(zip("xywh", map(float, box), strict=True))
        for key, s, box in zip(keys, state, boxes, strict=True)
    ]
    parquet.write_rows(folder / f"faces-{name}.parquet", columns.FACES, faces)
    parquet.write_rows(
        folder / "frames.parquet",
        columns.FRAMES,
        [key | {"state": "ok", "width": 100, "height": 100} for key in keys],
    )
    labels = labels if labels is not None else [CLASSES[i % 3] for i in range(n)]
    subjects = subjects or [None] * n
    samples = [
        {
            "sample_id": k["sample_id"],
            "kind": "image",
            "path": "",
            "label": la,
            "subject": su,
            "split": "test",
        }
        for k, la, su in zip(keys, labels, subjects, strict=True)
    ]
    task = {parquet.TASK: json.dumps({"space": space or [*CLASSES]})}
    parquet.write_rows(folder / "samples.parquet", columns.SAMPLES.with_metadata(task), samples)


def fused(folder, names, rule="soft_mean", judges=None, detectors=None, lineages=None, **more):
    detectors = detectors or ["d"] * len(names)
    members = [
        Member(detector=d, model=m, lineage=li, whole_frame=d == "whole")
        for d, m, li in zip(detectors, names, lineages or names, strict=True)
    ]
    for detector, name in zip(detectors, names, strict=True):
        (folder / f"{detector}.parquet").write_bytes(
            (folder / f"faces-{name}.parquet").read_bytes()
        )
    told = {"dataset": "d", "fusion": "f", "policy": "largest", "seed": 0, **more}
    job = FuseJob(rule=rule, members=tuple(members), **told)
    faces = [folder / f"{detector}.parquet" for detector in sorted(set(detectors))]
    paths = [folder / f"{name}.parquet" for name in names]
    stage.write_fusion(
        paths,
        faces,
        folder / "frames.parquet",
        folder / "samples.parquet",
        folder / "out.parquet",
        FuseJob.from_json(job.to_json()),
        **(judges or {}),
    )
    return pq.read_table(folder / "out.parquet").to_pylist()


def posteriors(seed, n=30):
    return np.random.default_rng(seed).dirichlet(np.ones(3), n)


def test_the_mean_of_two_members_and_one_that_abstains(tmp_path):
    a, b = posteriors(1, 4), posteriors(2, 4)
    b[2], a[3], b[3] = np.nan, np.nan, np.nan
    write(tmp_path, "a", a)
    write(tmp_path, "b", b)
    rows = fused(tmp_path, ["a", "b"])
    assert [rows[0][f"p_{c}"] for c in CLASSES] == pytest.approx((a[0] + b[0]) / 2)
    assert [rows[2][f"p_{c}"] for c in CLASSES] == pytest.approx(a[2])
    assert (rows[3]["success"], rows[3]["state"]) == (0, "no_face")


def test_valence_is_the_mean_of_the_members_that_read_it(tmp_path):
    a, b, c = (posteriors(seed, 3) for seed in (1, 2, 3))
    a[1] = np.nan
    write(tmp_path, "a", a, valence=[0.2, None, 0.6])
    write(tmp_path, "b", b, valence=[0.4, 0.5, None])
    write(tmp_path, "c", c)
    rows = fused(tmp_path, ["a", "b", "c"])
    assert [row["valence"] for row in rows] == pytest.approx([0.3, 0.5, 0.6])
    assert [row["arousal"] for row in rows] == [None] * 3


def test_only_the_most_accurate_vote(tmp_path):
    """A member that is wrong on every picture is left out by the folds that never saw it."""
    labels = [CLASSES[i % 3] for i in range(30)]
    right = np.full((30, 3), 0.1) + 0.7 * np.eye(3)[np.arange(30) % 3]
    wrong = np.full((30, 3), 0.1) + 0.7 * np.eye(3)[(np.arange(30) + 1) % 3]
    for name, p in (("a", wrong), ("b", right), ("c", wrong)):
        write(tmp_path, name, p, labels=labels)
    rows = fused(tmp_path, ["a", "b", "c"], top=1, check_order=False)
    assert [row["emotion"] for row in rows] == labels
    assert rows == fused(tmp_path, ["b"], top=1, check_order=False)


def test_clones_of_one_lineage_vote_once(tmp_path):
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        write(tmp_path, name, posteriors(seed, 5))
    both = fused(tmp_path, ["a", "b", "c"], lineages=["x", "x", "y"])
    assert both == fused(tmp_path, ["a", "c"])
    assert both != fused(tmp_path, ["a", "b", "c"], lineages=["x", "x", "y"], allow_clones=True)


def test_a_member_that_looks_at_another_face_is_left_out(tmp_path):
    """Two detectors agree on a face, the third looks elsewhere; the whole frame takes part."""
    n = 3
    here, there = [(10, 10, 40, 40)] * n, [(60, 60, 30, 30)] * n
    for name, seed, boxes in (
        ("a", 1, here),
        ("b", 2, here),
        ("c", 3, there),
        ("w", 4, [(0, 0, 100, 100)] * n),
    ):
        write(tmp_path, name, posteriors(seed, n), boxes)
    rows = fused(tmp_path, ["a", "b", "c", "w"], detectors=["d1", "d2", "d3", "whole"])
    expected = (posteriors(1, n)[0] + posteriors(2, n)[0] + posteriors(4, n)[0]) / 3
    assert [rows[0][f"p_{c}"] for c in CLASSES] == pytest.approx(expected)


def test_members_of_different_frames_are_refused(tmp_path):
    write(tmp_path, "b", posteriors(2, 5))
    write(tmp_path, "a", posteriors(1, 4))
    with pytest.raises(
        ValueError,
        match=r"b.parquet: 5 rows, .*a.parquet has 4: members of a fusion must predict the same",
    ):
        fused(tmp_path, ["a", "b"])


def test_rows_that_are_no_distribution_are_refused(tmp_path):
    wrong = posteriors(1, 4)
    wrong[2] *= 1.5
    write(tmp_path, "a", posteriors(2, 4))
    write(tmp_path, "b", wrong)
    with pytest.raises(
        ValueError, match=r"b.parquet: the probabilities of \('s2', 0\) sum to 1.5000, expected 1"
    ):
        fused(tmp_path, ["a", "b"])


def test_a_frame_that_stands_there_twice_is_refused(tmp_path):
    write(tmp_path, "a", posteriors(1, 4))
    table = pq.read_table(tmp_path / "a.parquet")
    pq.write_table(table.take([0, 1, 2, 2]), tmp_path / "a.parquet")
    with pytest.raises(
        ValueError, match=r"a.parquet: \('s2', 0\) occurs 2 times; expected each frame once"
    ):
        fused(tmp_path, ["a"])


def test_one_member_alone_is_itself(tmp_path):
    p = posteriors(1, 6)
    write(tmp_path, "a", p)
    rows = fused(tmp_path, ["a"])
    np.testing.assert_allclose([[row[f"p_{c}"] for c in CLASSES] for row in rows], p)


def test_members_with_other_labels_share_those_that_they_have(tmp_path):
    """Member b knows no sadness: there a alone speaks, and the row is renormalised."""
    a, b = posteriors(1, 4), np.random.default_rng(2).dirichlet(np.ones(2), 4)
    write(tmp_path, "b", b, classes=CLASSES[:2])
    write(tmp_path, "a", a)
    mean = np.column_stack([(a[:, :2] + b) / 2, a[:, 2]])
    rows = fused(tmp_path, ["a", "b"], check_order=False)
    np.testing.assert_allclose(
        [[row[f"p_{c}"] for c in CLASSES] for row in rows], mean / mean.sum(axis=1, keepdims=True)
    )


def test_the_switcher_looks_at_the_faces_boxes(tmp_path):
    """Member a reads small faces, b large ones; every face has its box in the faces table of their
    detector.
    """
    random = np.random.default_rng(1)
    truth, small = random.integers(0, 3, 240), random.random(240) < 0.5
    sure = np.where(np.arange(3) == truth[:, None], 0.8, 0.1)
    noise = random.dirichlet(np.ones(3), 240)
    boxes = [(5.0, 5.0, side, side) for side in np.where(small, 12.0, 80.0)]
    labels = [CLASSES[t] for t in truth]
    write(tmp_path, "a", np.where(small[:, None], sure, noise), boxes, labels)
    write(tmp_path, "b", np.where(small[:, None], noise, sure), boxes, labels)
    assert [row["emotion"] for row in fused(tmp_path, ["a", "b"], "switcher")] == labels
    assert [row["emotion"] for row in fused(tmp_path, ["a", "b"], "switcher", top=2)] == labels


def test_the_folds_follow_the_fusions_seed(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        write(tmp_path, name, posteriors(seed, 60))
    assert fused(tmp_path, ["a", "b"], "weighted", seed=1) == fused(
        tmp_path, ["a", "b"], "weighted", seed=1
    )
    assert fused(tmp_path, ["a", "b"], "weighted", seed=1) != fused(
        tmp_path, ["a", "b"], "weighted", seed=2
    )


def recording(log):
    """A trained rule that notes which samples (by their first posterior value) taught it, and fuses
    by the mean.
    """

    def fit(taught, truth):
        assert (truth >= 0).all()
        taught_by = set(np.round(taught[0, :, 0], 12))

        def combine(votes):
            log.append((taught_by, set(np.round(votes[0, :, 0], 12))))
            return np.nanmean(votes, axis=0)

        return combine

    return Rule(title="spy", about="notes what it learns from", fit=fit)


def votes_of(n, labels, people):
    p = posteriors(7, n)
    samples = np.array([f"s{i}" for i in range(n)])
    return Votes(samples, np.array(people), p[None], np.array(labels))


cut = partial(folds_for, seed=0)


def test_no_frame_teaches_the_rule_that_fuses_it_nor_does_its_subject():
    log = []
    people = [f"p{i // 3}" for i in range(60)]
    votes = votes_of(60, [i % 3 for i in range(60)], people)
    out = fuse(recording(log), votes, None, cut)
    assert not np.isnan(out).any()
    person = dict(zip(np.round(votes.posteriors[0, :, 0], 12), people, strict=True))
    assert len(log) == 5
    for taught, fused_here in log:
        assert not {person[x] for x in taught} & {person[x] for x in fused_here}


def test_frames_without_a_label_are_fused_but_teach_nothing():
    log = []
    votes = votes_of(
        40, [-1 if i % 4 == 0 else i % 3 for i in range(40)], [f"p{i}" for i in range(40)]
    )
    out = fuse(recording(log), votes, None, cut)
    unlabelled = set(np.round(votes.posteriors[0, ::4, 0], 12))
    assert not np.isnan(out).any()
    assert not any(taught & unlabelled for taught, _ in log)


def test_with_a_validation_dataset_the_rule_learns_there_only():
    log = []
    test, valid = (
        votes_of(20, [i % 3 for i in range(20)], ["p"] * 20),
        votes_of(20, [i % 3 for i in range(20)], ["q"] * 20),
    )
    valid = replace(valid, posteriors=posteriors(99, 20)[None])
    fuse(recording(log), test, valid, cut)
    assert [taught for taught, _ in log] == [set(np.round(valid.posteriors[0, :, 0], 12))]


@pytest.mark.parametrize("rule", sorted(name for name, rule in RULES.items() if rule.learns))
def test_trained_rules_learn_which_member_to_trust(tmp_path, rule):
    """One member is nearly always right, two guess: a rule that learns comes close to the good one,
    the plain mean does not have to.
    """
    random = np.random.default_rng(4)
    truth = random.integers(0, 3, 300)
    good = np.where(np.arange(3) == truth[:, None], 0.8, 0.1)
    for name, p in (
        ("a", random.dirichlet(np.ones(3) * 0.3, 300)),
        ("b", good),
        ("c", random.dirichlet(np.ones(3) * 0.3, 300)),
    ):
        write(tmp_path, name, p, labels=[CLASSES[t] for t in truth])
    rows = fused(tmp_path, ["a", "b", "c"], rule)
    right = np.mean([row["emotion"] == CLASSES[t] for row, t in zip(rows, truth, strict=True)])
    assert right > 0.9


def test_a_rule_that_learnt_from_a_failed_member_is_marked_as_failed(tmp_path):
    """The next run then makes that member, and this fusion, again."""
    valid = tmp_path / "valid"
    valid.mkdir()
    for seed, name in enumerate("ab"):
        write(tmp_path, name, posteriors(seed))
        write(valid, name, posteriors(seed))
    rows = [
        {**row, "success": 0, "state": "error", "reason": "killed"}
        for row in parquet.rows(
            valid / "b.parquet", ["sample_id", "frame", "timestamp_s", "face_id"]
        )
    ]
    parquet.write_rows(
        valid / "b.parquet",
        parquet.with_failure(columns.predictions_schema(()), ["valid/b.parquet"]),
        rows,
    )
    judges = {
        "validation_members": [valid / "a.parquet", valid / "b.parquet"],
        "validation_faces": [valid / "faces-a.parquet"],
        "validation_frames": valid / "frames.parquet",
        "validation_samples": valid / "samples.parquet",
    }
    for rule, expected in (
        ("naive_bayes", [str(tmp_path / "out.parquet"), "valid/b.parquet"]),
        ("soft_mean", []),
    ):
        fused(tmp_path, ["a", "b"], rule, judges, check_order=False)
        assert parquet.failed_files(tmp_path / "out.parquet") == sorted(expected)


def mislabelled(tmp_path, n=240, noise=0.3):
    """Member a reads well; member b too, but its card swaps happiness and sadness."""
    random = np.random.default_rng(8)
    truth = random.integers(0, 3, n)
    seen = np.where(random.random(n) < noise, random.integers(0, 3, n), truth)
    good = np.where(np.arange(3) == seen[:, None], 0.8, 0.1)
    labels = [CLASSES[t] for t in truth]
    write(tmp_path, "a", good, labels=labels)
    write(tmp_path, "b", good[:, [0, 2, 1]], labels=labels)


def test_a_wrong_class_order_is_refused_with_the_order_that_fits(tmp_path):
    mislabelled(tmp_path)
    with pytest.raises(
        ValueError,
        match=r"d/b: the declared order .* happiness is sadness, sadness is happiness; correct",
    ):
        fused(tmp_path, ["a", "b"])
    assert len(fused(tmp_path, ["a", "b"], check_order=False)) == 240


def sure_of_a_class_that_is_not_scored(tmp_path, n=240, space=CLASSES[1:]):
    """Member b reads happiness and sadness, and gives neutral, which no sample is, the most."""
    random = np.random.default_rng(8)
    truth = random.integers(1, 3, n)
    read = np.where(np.arange(3) == truth[:, None], 0.3, 0.1)
    read[:, 0] = 0.0
    unsure = random.random(n) < 0.5
    read[unsure, 0] = 0.6
    read /= read.sum(axis=1, keepdims=True)
    # Where it says neutral, the label is happiness: unmasked, "neutral is happiness" fits better.
    labels = [CLASSES[1] if u else CLASSES[t] for u, t in zip(unsure, truth, strict=True)]
    read[unsure, 1:] = [[0.3, 0.1]]
    for name in "ab":
        write(tmp_path, name, read, labels=labels, space=list(space))
    return labels


def test_the_order_is_judged_on_the_posteriors_that_are_scored(tmp_path):
    """A dataset without one of the model's classes scores the others; so does the check (§12)."""
    labels = sure_of_a_class_that_is_not_scored(tmp_path)
    rows = fused(tmp_path, ["a", "b"])
    inside = ["happiness" if r["p_happiness"] > r["p_sadness"] else "sadness" for r in rows]
    assert inside == labels
    sure_of_a_class_that_is_not_scored(tmp_path, space=CLASSES)
    with pytest.raises(ValueError, match="neutral is happiness"):
        fused(tmp_path, ["a", "b"])


def test_the_top_members_are_the_best_of_the_scored_posteriors(tmp_path):
    """Unmasked, member a is never right; masked, always."""
    labels = [CLASSES[1 + i % 2] for i in range(40)]
    truth = np.arange(40) % 2 + 1
    right = np.where(np.arange(3) == truth[:, None], 0.3, 0.1)
    right[:, 0] = 0.6
    noisy = np.where(np.arange(3) == np.where(np.arange(40) < 30, truth, 3 - truth)[:, None], 1, 0)
    write(tmp_path, "a", right, labels=labels, space=["happiness", "sadness"])
    write(tmp_path, "b", noisy.astype(float), labels=labels, space=["happiness", "sadness"])
    rows = fused(tmp_path, ["a", "b"], top=1)
    assert [row["p_neutral"] for row in rows] == pytest.approx([0.6] * 40)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_members_in_another_order_and_of_other_names_give_the_same(tmp_path, rule):
    random = np.random.default_rng(6)
    truth = random.integers(0, 3, 90)
    labels = [CLASSES[t] for t in truth]
    given = [
        np.where(np.arange(3) == truth[:, None], weight, 0.3) * random.dirichlet(np.ones(3), 90)
        for weight in (0.9, 0.8, 0.7)
    ]
    given = [p / p.sum(axis=1, keepdims=True) for p in given]
    for names in ("abc", "zyx"):
        for name, posterior in zip(names, given, strict=True):
            write(tmp_path, name, posterior, labels=labels)
    found = []
    for names in ("abc", "cab", "zyx", "xzy"):
        rows = fused(tmp_path, list(names), rule)
        found.append(np.array([[row[f"p_{c}"] for c in CLASSES] for row in rows]))
    for other in found[1:]:
        if RULES[rule].learns:
            np.testing.assert_array_equal(other, found[0])
        else:
            np.testing.assert_allclose(other, found[0], atol=1e-12)


def test_the_mean_of_the_folds_stands_beside_the_pooled_accuracy(tmp_path):
    write(tmp_path, "a", posteriors(1, 33))
    write(tmp_path, "b", posteriors(2, 33))
    rows = fused(tmp_path, ["a", "b"], "naive_bayes", check_order=False)
    right = np.array([row["emotion"] == CLASSES[i % 3] for i, row in enumerate(rows)])
    folds = folds_for(np.arange(33) % 3, np.array([f"sample s{i}" for i in range(33)]), 0)
    ids = [row["sample_id"] for row in rows]
    found = fold_mean_of(tmp_path / "out.parquet", ids, right)
    shares = [right[folds == fold].mean() for fold in range(5)]
    assert found == {"accuracy": pytest.approx(np.mean(shares)), "folds": 5}
    assert found["accuracy"] != pytest.approx(right.mean())  # folds of 6 and 7 samples
    fused(tmp_path, ["a", "b"], "soft_mean")
    assert fold_mean_of(tmp_path / "out.parquet", ids, right) is None


def test_a_weak_member_is_not_taken_for_a_mislabelled_one(tmp_path):
    """Guessing, and a member without one of the classes, are no doubt about the order."""
    n = 240
    random = np.random.default_rng(8)
    labels = [CLASSES[t] for t in random.integers(0, 3, n)]
    write(tmp_path, "a", random.dirichlet(np.ones(3), n), labels=labels)
    write(tmp_path, "b", random.dirichlet(np.ones(2), n), labels=labels, classes=CLASSES[:2])
    assert len(fused(tmp_path, ["a", "b"])) == n


def judged(folder, names):
    """The validation arguments of `write_fusion` for tables below `folder`."""
    return {
        "validation_members": [folder / f"{name}.parquet" for name in names],
        "validation_faces": [folder / f"faces-{names[0]}.parquet"],
        "validation_frames": folder / "frames.parquet",
        "validation_samples": folder / "samples.parquet",
    }


@pytest.mark.parametrize("rule", ["soft_mean", "weighted", "stacking"])
def test_a_validation_dataset_without_labels_leaves_judging_and_teaching_to_the_folds(
    tmp_path, rule, capsys
):
    valid = tmp_path / "valid"
    valid.mkdir()
    for seed, name in enumerate("ab"):
        write(tmp_path, name, posteriors(seed))
        write(valid, name, posteriors(seed + 5), labels=["unheard of"] * 30)
    with_it = fused(tmp_path, ["a", "b"], rule, judged(valid, "ab"))
    assert "samples has no label among the classes" in capsys.readouterr().out
    assert with_it == fused(tmp_path, ["a", "b"], rule)


def test_without_any_label_nothing_is_judged(tmp_path):
    write(tmp_path, "a", posteriors(1), labels=[None] * 30)
    assert {row["state"] for row in fused(tmp_path, ["a"])} == {"ok"}


def test_a_sample_without_a_subject_is_a_person_of_its_own(tmp_path):
    """Also beside samples that have one, and where that one is called like the sample."""
    write(tmp_path, "a", posteriors(1, 6), subjects=["p", "p", "s3", None, "", "s3"])
    members = (Member(detector="d", model="a", lineage="a"),)
    frames, samples = tmp_path / "frames.parquet", tmp_path / "samples.parquet"
    tables = Tables([tmp_path / "a.parquet"], [], frames, samples)
    people = read_votes(tables, members, CLASSES, "largest")[1].people
    assert np.unique(people, return_inverse=True)[1].tolist() == [2, 2, 3, 0, 1, 3]


def test_learnt_weights_stand_in_the_file(tmp_path):
    """Of the members that vote, as the rule learns them from all labelled samples; other rules
    leave none.
    """
    random = np.random.default_rng(4)
    truth = random.integers(0, 3, 200)
    good = np.where(np.arange(3) == truth[:, None], 0.8, 0.1)
    for name, p in (("a", good), ("b", random.dirichlet(np.ones(3), 200)), ("c", good)):
        write(tmp_path, name, p, labels=[CLASSES[t] for t in truth])
    fused(tmp_path, ["a", "b", "c"], "weighted", lineages=["one", "two", "one"])
    weights = weights_of(tmp_path / "out.parquet")
    assert list(weights) == ["d/a", "d/b"]
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["d/a"] > 0.9
    fused(tmp_path, ["a", "b"], "soft_mean")
    assert weights_of(tmp_path / "out.parquet") is None


def test_members_without_emotions_have_no_order_to_be_judged(tmp_path):
    valid = tmp_path / "valid"
    valid.mkdir()
    for folder in (tmp_path, valid):
        write(folder, "a", np.empty((30, 0)), classes=(), valence=np.linspace(-1, 1, 30))
    rows = fused(tmp_path, ["a"], judges=judged(valid, "a"))
    assert len(rows) == 30
    assert "emotion" in rows[0]
    assert not any(name.startswith("p_") for name in rows[0])
