"""Section on channels: shares by counting, and no section without both channels."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import report_fixtures as fixtures

from faceoff.report.page import environment
from faceoff.report.part import Part
from faceoff.report.sections import channels
from faceoff.results.dataset_results import DatasetResults
from faceoff.statistics import agreement

VOICES = frozenset({"silero", "clip"})


def part(
    right: dict[str, np.ndarray], voices: frozenset[str] = VOICES, fusions: tuple[str, ...] = ()
) -> Part:
    """Return a part of the page for cells that read these samples right."""
    scores = [fixtures.score("alpha", *name.split("/")) for name in right]
    for score, found in zip(scores, right.values(), strict=True):
        score["metrics"]["accuracy"] = float(found.mean())
    for title in fusions:
        scores.append(fixtures.score("alpha", "", "", 0.8, title) | {"members": list(right)})
    names = list(right)
    pairs = [
        {
            "a": a,
            "b": b,
            "disagreement": agreement.disagreement(right[a], right[b]),
            "double_fault": agreement.double_fault(right[a], right[b]),
            "q": agreement.q_statistic(right[a], right[b]),
            "agreement": 0.5,
        }
        for place, a in enumerate(names)
        for b in names[place + 1 :]
    ]
    dataset = DatasetResults("alpha", {}, scores, {"pairs": pairs})
    return Part(dataset=dataset, key="d0", ids={}, links=lambda kind: [], voices=voices)


@pytest.fixture
def right() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "silero/prosody": random.random(200) < 0.4,
        "yunet/fer": random.random(200) < 0.7,
        "haar/fer": random.random(200) < 0.5,
    }


def test_shares_are_those_that_are_counted(right: dict[str, np.ndarray]) -> None:
    view = channels.view(part(right))
    assert view is not None
    assert len(view["pairs"]) == 2, "two faces make no pair of channels"
    voice = right["silero/prosody"]
    for row in view["pairs"]:
        face = right[row["face"].replace(" × ", "/")]
        counted = {
            "both": (face & voice).mean(),
            "only_face": (face & ~voice).mean(),
            "only_voice": (~face & voice).mean(),
            "neither": (~face & ~voice).mean(),
        }
        assert {name: row[name] for name in counted} == pytest.approx(counted)
    assert view["pairs"][0]["neither"] <= view["pairs"][1]["neither"]


def test_fusions_stand_beside_the_best_of_each_channel(right: dict[str, np.ndarray]) -> None:
    view = channels.view(part(right, fusions=("both",)))
    assert view is not None
    (row,) = view["joined"]
    assert row["face"] == pytest.approx(right["yunet/fer"].mean())
    assert row["voice"] == pytest.approx(right["silero/prosody"].mean())
    assert row["value"] == pytest.approx(0.8)


def test_talking_and_silent_frames_of_each_channel(right: dict[str, np.ndarray]) -> None:
    def pipe(name: str, talking: float | None, silent: float | None, of: str | None = None) -> Any:
        scores = {"talking_accuracy": talking, "silent_accuracy": silent}
        return {"name": name, "of": of, "scores": scores}

    pipelines = [
        pipe("fusion/both", 0.6, 0.5),
        pipe("silero/prosody", 0.5, 0.25),
        pipe("yunet/fer", 0.25, 0.75),
        pipe("yunet/fer.calm", 0.5, 0.5, of="yunet/fer"),
        pipe("haar/fer", None, None),
        {"name": "clip/prosody", "of": None, "scores": None},
    ]
    whole = replace(part(right, fusions=("both",)), over_time={"pipelines": pipelines})
    view = channels.view(whole)
    assert view is not None
    assert [(row["title"], row["channel"], row["difference"]) for row in view["speaking"]] == [
        ("yunet × fer", "face", pytest.approx(-0.5)),
        ("silero × prosody", "voice", pytest.approx(0.25)),
        ("both (fusion)", "both", pytest.approx(0.1)),
    ]


def test_without_both_channels_there_is_no_section(right: dict[str, np.ndarray]) -> None:
    assert channels.view(part(right, voices=frozenset())) is None
    assert channels.view(part({"silero/prosody": right["silero/prosody"]})) is None


def test_the_template_shows_every_pair_and_escapes_names(right: dict[str, np.ndarray]) -> None:
    hostile: dict[str, Any] = {**right, "clip/<b>x": right["haar/fer"]}
    template = environment().get_template("channels.html.j2")
    html = template.render(v=channels.view(part(hostile)), d=SimpleNamespace(name="alpha"))
    assert html.count("<tr>") == 1 + 4
    assert "<b>x" not in html
