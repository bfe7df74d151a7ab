"""A rule over time in an analysis: steady states of each person, episodes, the timeline."""

import jsonschema
import numpy as np
import pyarrow as pa
import pytest

import faceoff
from faceoff import layout
from faceoff.analysis import over_time
from faceoff.analysis.result import Analysis, frames_schema
from faceoff.drawing import clips
from faceoff.faces import quality
from faceoff.storage import files
from faceoff.temporal import rule_list
from faceoff.temporal.rule import Setting, steady

EMOTIONS = ("neutral", "happiness")
# Of each frame at 10 Hz the probability of happiness of person 0 and of person 1, None unseen.
SEEN = [
    (0.1, None), (0.1, 0.9), (0.9, 0.9), (0.1, 0.9), (0.2, None), (0.9, None), (0.9, None),
    (0.9, None), (0.9, None), (None, None), (None, None), (None, None), (None, None),
    (None, None), (None, None), (None, None), (0.2, 0.8),
]  # fmt: skip


UNITS: dict[str, float] = {}


def analysis(rule: str | None) -> Analysis:
    rows = []
    for frame, pair in enumerate(SEEN):
        blank = {"frame": frame, "timestamp": frame / 10, "reliable": 0}
        faces = [
            {
                **blank, "face_id": number, "track_id": number, "identity": number,
                "person": "Ann" if number else None, "success": 1, "state": "ok", "x": 0.0,
                "y": 0.0, "w": 9.0 - number, "h": 9.0, "p_neutral": 1 - p, "p_happiness": p,
                "emotion": EMOTIONS[p > 0.5], "confidence": max(p, 1 - p),
                "sentiment": ("neutral", "positive")[p > 0.5],
            }
            for number, p in enumerate(pair)
            if p is not None
        ]  # fmt: skip
        rows += faces or [{**blank, "face_id": -1, "success": 0, "state": "no_face"}]
    table = pa.Table.from_pylist(rows, frames_schema(EMOTIONS, ()))
    if rule is not None:
        table = over_time.with_states(table, EMOTIONS, rule)
    about = {
        "detector": "d", "models": ["m"], "fusion": None, "every": 1, "fps": None, "start_s": 0.0,
        "end_s": None, "identities": "joined", "people": ["Ann"],
        "temporal": over_time.told(rule), "signals": [], "gaze_frame": None, "calibration": None,
        "unit_thresholds": UNITS, "limits": quality.LIMITS.told(),
    }  # fmt: skip
    return Analysis("a.mp4", None, table, "ok", "", about, 1.0)


@pytest.mark.parametrize(
    "rule", [name for name in rule_list.names() if not rule_list.get(name).learns]
)
def test_each_person_is_read_by_the_rule_alone(rule: str) -> None:
    found = analysis(rule)
    rows = found.frames.to_pylist()
    times = np.arange(len(SEEN)) / 10
    for number in (0, 1):
        p = np.array([np.nan if pair[number] is None else pair[number] for pair in SEEN])
        setting = Setting(rule_list.get(rule).default, neutral=0)
        whole = steady(rule_list.get(rule), times, np.column_stack([1 - p, p]), setting)
        for row in rows:
            if row["identity"] == number:
                state = whole.states[row["frame"]]
                assert row["steady_emotion"] == EMOTIONS[state]
                expected = whole.posteriors[row["frame"], state]
                assert row["steady_confidence"] == pytest.approx(expected)
    assert rows[0]["emotion"] == analysis(None).frames.to_pylist()[0]["emotion"], "raw stays raw"


def test_a_flicker_is_no_episode_and_a_state_outlives_its_face_for_half_a_second() -> None:
    found = analysis("majority")
    mine = [episode for episode in found.episodes if episode["identity"] == 0]
    assert [episode["emotion"] for episode in mine] == ["neutral", "happiness", "neutral"]
    calm, glad, late = mine
    assert (calm["start"], calm["end"]) == (0, glad["start"])
    # Last seen at 0.8 s, so that the state is held up to 1.3 s and gone in the frame at 1.4 s.
    assert glad["end"] == pytest.approx(1.4)
    assert glad["start"] <= glad["apex"] < glad["end"]
    assert (late["start"], late["person"]) == (1.6, None)
    other = [episode for episode in found.episodes if episode["identity"] == 1]
    assert [(episode["person"], episode["start"]) for episode in other] == [
        ("Ann", 0.1), ("Ann", 1.6),
    ]  # fmt: skip
    assert other[0]["end"] == pytest.approx(0.9)


def test_the_timeline_has_the_rules_state_and_its_probability() -> None:
    found, raw = analysis("mean"), analysis(None)
    moments = list(found.timeline())
    rows = [row for row in found.frames.to_pylist() if row["identity"] == 0]
    for row in rows:
        moment = moments[row["frame"]]
        assert moment["emotion"] == row["steady_emotion"]
        assert moment["accuracy"] == row["steady_confidence"]
        assert found.episodes[moment["episode"]]["emotion"] == row["steady_emotion"]
    assert moments[13]["emotion"] == moments[8]["emotion"], "held"
    silent = {"accuracy": None, "emotion": None, "sentiment": None, "episode": None}
    assert moments[14] == {"timestamp": 1.4, **silent}
    assert list(raw.timeline())[2]["emotion"] == "happiness"
    assert moments[2]["emotion"] == "neutral"
    assert raw.episodes == []


def test_the_document_with_a_rule_follows_its_schema() -> None:
    told = analysis("ema").to_json()
    jsonschema.validate(told, files.read_json(layout.PACKAGE / "analysis" / "schema.json"))
    assert told["analysis_metadata"]["temporal"]["rule"] == "ema"
    assert len(told["episodes"]) >= 4


def test_of_a_video_and_a_picture() -> None:
    images = [image for _, image, _ in clips.frames(clips.plan("test")[0])][:20]
    analyzer = faceoff.Analyzer(temporal="ema", identities=False)
    found = analyzer.analyze((number / 25, image) for number, image in enumerate(images))
    assert found.episodes[0]["start"] == 0
    assert all(row["steady_emotion"] for row in found.frames.to_pylist())
    assert len(analyzer.analyze(images[0]).episodes) == 1
    assert analyzer.analyze(np.zeros_like(images[0])).episodes == []


def test_a_rule_that_learns_or_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="learns from labelled clips"):
        faceoff.Analyzer(temporal="viterbi")
    with pytest.raises(ValueError, match="no rule over time 'emma'"):
        faceoff.Analyzer(temporal="emma")
