"""Channels that speak at times of their own: aligned, joined, and how they go together (§55)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from faceoff.analysis import timelines
from faceoff.cli import app
from faceoff.temporal.channels import LEAST, Channel, product, synchrony, vote

K = 3


def said(*statements: tuple[float, float, list[float]], name: str = "voice") -> Channel:
    starts, ends, posteriors = zip(*statements, strict=True)
    return Channel(name, np.array(starts), np.array(ends), np.array(posteriors, float))


NOTHING = [np.nan] * K
A, B = [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]


def test_a_statement_holds_from_its_start_to_before_its_end() -> None:
    channel = said((0.0, 1.0, A), (2.0, 3.0, B))
    found = channel.at(np.array([-0.1, 0.0, 0.99, 1.0, 2.5, 3.0]))
    assert np.isnan(found[[0, 3, 5]]).all()
    assert found[[1, 2]].tolist() == [A, A]
    assert found[4].tolist() == B


def test_windows_weigh_statements_by_their_overlap() -> None:
    """At t = 1 with δ = 1 the window is [0.5, 1.5): half a second of A, half of B."""
    channel = said((0.0, 1.0, A), (1.0, 2.0, B), (2.0, 4.0, NOTHING))
    assert channel.over(np.array([1.0]), 1.0)[0] == pytest.approx([0.45, 0.45, 0.1])
    # [1.75, 2.75): only a quarter of a second is spoken, silence abstains.
    assert channel.over(np.array([2.25]), 1.0)[0] == pytest.approx(B)
    assert np.isnan(channel.over(np.array([3.0]), 1.0)).all()


def test_many_statements_are_joined_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    starts = np.arange(50) / 5
    channel = Channel("a", starts, starts + 0.2, random.dirichlet(np.ones(K), 50))
    times = np.arange(0, 10, 0.07)
    whole = channel.over(times, 0.3)
    monkeypatch.setattr("faceoff.temporal.channels._OVERLAPS", 120)
    assert channel.over(times, 0.3) == pytest.approx(whole)


def test_the_vote_leaves_out_who_says_nothing() -> None:
    face, voice = np.array([A, A, NOTHING]), np.array([B, NOTHING, NOTHING])
    joined = vote([face, voice], [3.0, 1.0])
    assert joined[0] == pytest.approx(0.75 * np.array(A) + 0.25 * np.array(B))
    assert joined[1] == pytest.approx(A)
    assert np.isnan(joined[2]).all()


def test_the_product_follows_its_formula() -> None:
    face, voice = np.array([[0.7, 0.3, 0.0]]), np.array([[0.5, 0.0, 0.5]])
    joined = product([face, voice], [0.6, 0.4])
    expected = np.maximum(face, LEAST) ** 0.6 * np.maximum(voice, LEAST) ** 0.4
    assert joined == pytest.approx(expected / expected.sum())
    alone = product([face, np.array([NOTHING])], [0.6, 0.4])
    assert alone[0] == pytest.approx([0.7, 0.3, 0.0], abs=1e-8)


@pytest.mark.parametrize("lag", [0.0, 0.7, -1.2])
def test_synchrony_peaks_at_the_lag_of_the_second_channel(lag: float) -> None:
    random = np.random.default_rng(4)
    starts = np.cumsum(random.uniform(0.4, 2.0, 60))
    ends = np.append(starts[1:], starts[-1] + 1)
    posteriors = np.eye(K)[random.integers(0, K, 60)]
    face = Channel("face", starts, ends, posteriors)
    voice = Channel("voice", starts + lag, ends + lag, posteriors)
    curve = synchrony(face, voice, np.arange(starts[0], starts[-1], 0.05))
    assert [shift for shift, _ in curve] == pytest.approx(np.arange(-20, 21) / 10)
    peak = max(curve, key=lambda point: point[1] or 0)
    assert peak[0] == pytest.approx(lag)


def test_channels_that_never_speak_together_have_no_agreement() -> None:
    curve = synchrony(said((0, 1, A)), said((90, 91, B)), np.arange(0, 1, 0.1))
    assert {agreement for _, agreement in curve} == {None}


# -- files and the command -------------------------------------------------------------------------


def write(path: Path, entries: Any) -> Path:
    path.write_text(json.dumps(entries))
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    face = [
        {"timestamp": t / 10, "accuracy": 0.6, "emotion": "happy" if t < 20 else "angry",
         "sentiment": "positive"}
        for t in range(40)
    ]  # fmt: skip
    face[5] |= {"accuracy": None, "emotion": None, "sentiment": None}
    voice = [
        {"timestamp": 0.0, "end": 2.0, "emotion": "joy", "accuracy": 0.7},
        {"timestamp": 2.0, "end": 4.0, "probabilities": {"anger": 0.9, "neutral": 0.1}},
    ]
    return [write(tmp_path / "face.json", face), write(tmp_path / "voice.json", voice)]


def test_timelines_are_joined_by_their_time_stamps(files: list[Path]) -> None:
    read = {path.stem: timelines.read(path) for path in files}
    found = timelines.join(read)
    emotions = [moment["emotion"] for moment in found["timeline"]]
    # The last moment of the face holds for a second, behind the end of the voice.
    assert emotions == ["happiness"] * 20 + ["anger"] * 21 + [None]
    assert [(e["emotion"], e["start"]) for e in found["episodes"]] == [
        ("happiness", 0.0), ("anger", 2.0)
    ]  # fmt: skip
    first, absent = found["timeline"][0], found["timeline"][5]
    assert first["accuracy"] == pytest.approx(0.65)
    assert (absent["channels"]["face"], absent["accuracy"]) == (None, pytest.approx(0.7))
    (pair,) = found["synchrony"]
    best = max(pair["curve"], key=lambda point: point["agreement"] or 0)
    assert best["shift_s"] == 0.0


def test_weights_decide_where_channels_differ(tmp_path: Path) -> None:
    one = timelines.read(write(tmp_path / "a.json", [
        {"timestamp": 0, "emotion": "fear", "accuracy": 0.9}]))  # fmt: skip
    two = timelines.read(write(tmp_path / "b.json", [
        {"timestamp": 0, "emotion": "anger", "accuracy": 0.8}]))  # fmt: skip
    for weights, winner in (((1, 1), "fear"), ((1, 3), "anger")):
        found = timelines.join({"a": one, "b": two}, weights, how="product")
        assert found["timeline"][0]["emotion"] == winner


def test_a_rule_makes_states_of_the_joined_channels(files: list[Path]) -> None:
    read = {path.stem: timelines.read(path) for path in files}
    found = timelines.join(read, rule="contrast", step_s=0.2)
    assert found["temporal"]["rule"] == "contrast"
    assert [episode["emotion"] for episode in found["episodes"]] == ["happiness", "anger"]
    with pytest.raises(ValueError, match="learns from labelled clips"):
        timelines.join(read, rule="viterbi")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "no JSON"),
        ('{"timeline": []}', "expected a list of moments"),
        ("[3]", "entry 0: expected an object"),
        ('[{"emotion": "joy"}]', "entry 0: 'timestamp' is missing"),
        ('[{"timestamp": "1:20"}]', "'timestamp' is '1:20'; give a number"),
        ('[{"timestamp": NaN}]', "give a number"),
        ('[{"timestamp": 1' + 400 * "0" + "}]", "give a number"),
        ('[{"timestamp": true}]', "give a number"),
        ('[{"timestamp": 3, "end": 1}]', "'end' 1 is before 'timestamp' 3"),
        ('[{"timestamp": 0, "emotion": "joy"}]', "'accuracy' is None; give a share from 0 to 1"),
        ('[{"timestamp": 0, "emotion": "joy", "accuracy": 87}]', "give a share from 0 to 1"),
        ('[{"timestamp": 0, "emotion": "hapiness", "accuracy": 1}]', "happiness"),
        ('[{"timestamp": 0, "probabilities": [1]}]', "maps emotions to numbers"),
    ],
)
def test_a_wrong_timeline_is_named_with_its_entry(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "voice.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"voice\.json") as error:
        timelines.read(path)
    assert says in str(error.value)


def test_other_arguments_that_do_not_fit_are_said(files: list[Path]) -> None:
    read = {path.stem: timelines.read(path) for path in files}
    for arguments, says in (
        ({"weights": [1]}, "give 2 weights above 0"),
        ({"weights": [1, 0]}, "give 2 weights above 0"),
        ({"how": "mean"}, "no way to join 'mean'; valid: vote, product"),
        ({"step_s": 0}, "above 0"),
    ):
        with pytest.raises(ValueError, match=says):
            timelines.join(read, **arguments)
    with pytest.raises(ValueError, match="two timelines or more"):
        timelines.join({"face": read["face"]})


def test_empty_timelines_join_to_nothing() -> None:
    found = timelines.join({"a": [], "b": []})
    assert (found["timeline"], found["episodes"]) == ([], [])


def test_a_channel_that_says_nothing_abstains(files: list[Path]) -> None:
    face = timelines.read(files[0])
    for step in (None, 0.5):
        found = timelines.join({"face": face, "voice": []}, step_s=step)
        assert {moment["channels"]["voice"] for moment in found["timeline"]} == {None}
        assert {point["agreement"] for point in found["synchrony"][0]["curve"]} == {None}


def test_the_command_writes_the_document_and_says_how_they_go_together(
    files: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "joined.json"
    done = CliRunner().invoke(app, ["join", *map(str, files), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "anger" in done.output
    assert "voice agrees best with face shifted by +0.0 s" in done.output
    read = {path.stem: timelines.read(path) for path in files}
    assert json.loads(out.read_text()) == json.loads(json.dumps(timelines.join(read)))
    missing = CliRunner().invoke(app, ["join", str(files[0]), "gone.json"])
    assert missing.exit_code == 1
    assert "gone.json: no such file" in missing.output


def test_files_of_one_name_are_told_apart() -> None:
    assert timelines.names_of([Path("a/timeline.json"), Path("b/timeline.json")]) == [
        "a/timeline", "b/timeline"
    ]  # fmt: skip


def test_episodes_end_where_the_channels_fall_silent() -> None:
    told = [timelines.Statement(0.0, 0.5, {"happiness": 0.9}),
            timelines.Statement(10.0, 10.5, {"happiness": 0.9})]  # fmt: skip
    for rule in (None, "hysteresis", "contrast"):
        found = timelines.join({"face": told, "voice": told}, rule=rule)
        spans = [(episode["start"], episode["end"]) for episode in found["episodes"]]
        assert spans == [(0.0, 0.5), (10.0, 10.5)]
        assert [moment["emotion"] for moment in found["timeline"]] == [
            "happiness", None, "happiness", None
        ]  # fmt: skip


@pytest.mark.parametrize("step", [None, 0.1])
def test_of_statements_that_overlap_the_mean_holds(step: float | None) -> None:
    long = timelines.Statement(0.0, 4.0, {"sadness": 1.0})
    short = timelines.Statement(1.0, 1.5, {"anger": 1.0})
    other = [timelines.Statement(0.0, 4.0, {})]
    found = timelines.join({"voice": [long, short], "face": other}, step_s=step)
    by_time = {round(moment["timestamp"], 3): moment for moment in found["timeline"]}
    assert by_time[0.0]["accuracy"] == pytest.approx(1.0)
    assert by_time[1.2 if step else 1.0]["accuracy"] == pytest.approx(0.5)
    assert by_time[2.0 if step else 1.5]["emotion"] == "sadness"
    assert by_time[2.0 if step else 1.5]["accuracy"] == pytest.approx(1.0)


def test_two_statements_at_one_time_both_count() -> None:
    both = [timelines.Statement(0.0, 1.0, {"fear": 1.0}),
            timelines.Statement(0.0, 1.0, {"anger": 1.0})]  # fmt: skip
    found = timelines.join({"a": both, "b": [timelines.Statement(0.0, 1.0, {})]})
    assert found["timeline"][0]["accuracy"] == pytest.approx(0.5)


def test_what_would_take_all_memory_is_refused() -> None:
    far = [timelines.Statement(0.0, 1.0, {"fear": 1.0}), timelines.Statement(9e7, None, {})]
    with pytest.raises(ValueError, match=r"a step of 0\.01 s makes 9e"):
        timelines.join({"a": far, "b": far}, step_s=0.01)
    for weights in ([1.0, float("inf")], [1.0, float("nan")]):
        with pytest.raises(ValueError, match="2 weights above 0"):
            timelines.join({"a": far, "b": far}, weights)
    with pytest.raises(ValueError, match="above 0"):
        timelines.join({"a": far, "b": far}, step_s=float("inf"))


def test_a_file_that_is_given_twice_is_named(files: list[Path]) -> None:
    done = CliRunner().invoke(app, ["join", str(files[0]), str(files[0])])
    assert done.exit_code == 1
    assert "is given twice" in done.output
