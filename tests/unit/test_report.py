"""The page: honest words, every cell accounted for, no network, the same bytes.

Text never becomes markup.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import report_fixtures as fixtures
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.figures import fusion as fusion_figure
from faceoff.layout import VERSION
from faceoff.plugins import registry
from faceoff.report import page
from faceoff.report.part import bar
from faceoff.report.sections import fusion as fusion_section
from faceoff.report.sections import published
from faceoff.results import dataset_results, words
from faceoff.results.dataset_results import DatasetResults
from faceoff.results.headline import headline
from faceoff.stages.report import write_again, write_report
from faceoff.stages.speed import write_speed
from faceoff.storage import files, parquet

SCRIPT = re.compile(r"<script( type=.application/json.)?>(.*?)</script>", re.DOTALL)
SCRIPTS = Path(parquet.__file__).parents[2]


class Page(HTMLParser):
    """Tags with their attributes, and the visible text."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if tag in {"script", "style"}:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside:
            self.text += data


def _render(run: fixtures.Run, output: Path | None = None, manifest: Path | None = None) -> str:
    output = output or run.folder / "report.html"
    write_report(
        run.scores,
        run.comparisons,
        run.examples,
        run.folder / "figures",
        manifest,
        output,
        run.jobs().report,
        run.overlaps,
        run.answers,
        tracks=run.tracks,
    )
    return output.read_text(encoding="utf-8")


def _one(folder: Path, scores, comparison=None, examples=None, **options) -> fixtures.Run:
    return fixtures.write_run(
        folder,
        fixtures.spec({"alpha": "test"}, **options),
        scores,
        [comparison] if comparison else [],
        {"alpha": examples or []},
    )


def _verdict(verdict: str, difference: float, **more) -> str:
    comparison = fixtures.comparison("alpha", ("vote",), verdict, difference) | more
    scores = [
        fixtures.score("alpha", "yunet", "net", 0.7),
        fixtures.score("alpha", "", "", 0.7, "vote"),
    ]
    return words.verdict(DatasetResults("alpha", {}, scores, comparison))[0].replace("\u00a0", " ")


@pytest.mark.parametrize("template", sorted(SCRIPTS.rglob("*.j2")), ids=lambda path: path.name)
def test_no_template_prints_a_method_of_a_dict(template):
    """Jinja takes `row.values` for the method of that name, even where the key is there."""
    inside = " ".join(re.findall(r"{[{%].*?[%}]}", template.read_text(encoding="utf-8")))
    assert not re.findall(r"\.(?:values|items|keys|copy|get|pop|update|clear)\b(?!\()", inside)


def test_the_verdict_says_what_the_test_says():
    assert (
        _verdict("better", 0.05)
        == "A vote of 2 pairs (vote: soft mean) is better than the best single pair by 5.0 points"
        " (95 % CI 2.0–8.0; Holm p = 0.012)."
    )
    assert _verdict("worse", -0.05).endswith(
        "comes closest and is worse by 5.0 points (95 % CI 2.0–8.0; Holm p = 0.012)."
    )
    assert _verdict("no difference", 0.001).startswith(
        "No difference is shown: a vote of 2 pairs (vote: soft mean) scores 0.1 points above"
    )
    assert "95 % CI −2.9 to 3.1" in _verdict("no difference", 0.001)
    assert _verdict("inconclusive", -0.02).startswith(
        "Inconclusive: a vote of 2 pairs (vote: soft mean) scores 2.0 points below"
    )
    too_few = _verdict("too few clusters", 0.02)
    assert too_few.startswith("No verdict: there are too few subjects")
    assert "Holm" not in too_few
    assert _verdict("better", 0.05, best_single=None).startswith("No pair could be scored")
    assert _verdict("better", 0.05, comparisons=[]).startswith("The best single pair scores 70.0 %")


def _headline(verdict: str, difference: float, **more) -> str:
    comparison = fixtures.comparison("alpha", ("vote",), verdict, difference) | more
    scores = [
        fixtures.score("alpha", "yunet", "net", 0.7),
        fixtures.score("alpha", "whole", "net", 0.6),
        fixtures.score("alpha", "", "", 0.7, "vote"),
    ]
    return headline(DatasetResults("alpha", {}, scores, comparison)).replace("\u00a0", " ")


def test_the_headline_says_what_to_use():
    assert _headline("no difference", 0.036) == (
        "Use yunet × net. Voting was not shown to help: +3.6 points, 95 % CI 0.6–6.6."
    )
    assert _headline("not shown after correction", 0.0) == (
        "Use yunet × net. Voting was not shown to help: 0.0 points, 95 % CI −3.0 to 3.0."
    )
    assert _headline("better", 0.05) == (
        "Use a vote of 2 pairs (vote: soft mean). Voting helped: +5.0 points, 95 % CI 2.0–8.0 over "
        "the best single pair, yunet × net."
    )
    assert _headline("worse", -0.05).startswith(
        "Use yunet × net. Voting made it worse: −5.0 points, 95 % CI −8.0 to −2.0 at best."
    )
    assert "too few people to test" in _headline("too few clusters", 0.02)
    assert _headline("better", 0.05, comparisons=[]).startswith(
        "Use yunet × net: it is right on 70.0 % of the samples (95 % CI "
    )
    assert _headline("better", 0.05, best_single=None) == ""
    comparison = fixtures.comparison("alpha", ()) | {"comparisons": []}
    alone = DatasetResults("alpha", {}, [fixtures.score("alpha", "yunet", "net", 0.7)], comparison)
    assert headline(alone).startswith("yunet × net: it is right on")


def test_the_headline_recommends_nothing_that_is_not_ranked():
    """A pair that almost always answers the same may still be the best single one."""
    collapsed = {"ranked": False, "flags": ["collapsed onto one class"]}
    scores = [
        fixtures.score("alpha", "yunet", "net", 0.7) | collapsed,
        fixtures.score("alpha", "whole", "net", 0.6),
        fixtures.score("alpha", "", "", 0.7, "vote"),
    ]

    def said(verdict: str) -> str:
        comparison = fixtures.comparison("alpha", ("vote",), verdict, 0.05)
        return headline(DatasetResults("alpha", {}, scores, comparison))

    assert said("no difference").startswith(
        "No pair can be recommended: the best single one, yunet × net, is not ranked"
    )
    assert said("better").startswith("Use a vote of 2 pairs")
    scores[2] |= collapsed
    assert said("better").startswith("No pair can be recommended")


def test_the_headline_stands_above_the_statistics(tmp_path):
    scores = [
        fixtures.score("alpha", "yunet", "net", 0.7),
        fixtures.score("alpha", "", "", 0.7, "vote"),
    ]
    rows = fixtures.example_rows(["yunet/net"], count=2)
    comparison = fixtures.comparison("alpha", ("vote",), "no difference", 0.01)
    read = Page(_render(_one(tmp_path, scores, comparison, rows)))
    text = read.text
    assert text.index("Use yunet × net.") < text.index("No difference is shown")
    assert text.index("No difference is shown") < text.index("faces that it reads right and wrong")
    assert text.index("faces that it reads right") < text.index("End-to-end accuracy")
    first = next(place for place, (tag, _) in enumerate(read.tags) if tag == "img")
    assert first < next(place for place, (tag, _) in enumerate(read.tags) if tag == "table")
    for word in ("Covered: accuracy among", "Could show: the smallest true difference"):
        assert word in text


def test_intervals_that_mean_nothing_are_not_drawn():
    wide = bar(0.5, (0.06, 0.94), 0.0, 1.0)  # Wilson's interval of one in two
    assert (wide["point"], wide["width"]) == (50, 0)
    assert bar(0.5, (0.4, 0.6), 0.0, 1.0)["width"] == 20


def test_hindsight_has_no_interval(tmp_path):
    """It was chosen on the very samples that the interval would be of."""
    dataset = DatasetResults(
        "alpha", {}, [fixtures.score("alpha", "yunet", "net")], fixtures.comparison("alpha")
    )
    by_kind = {level["kind"]: level for level in fusion_section._levels(dataset)}
    assert by_kind["hindsight"]["low"] is None
    assert by_kind["hindsight"]["bar"]["width"] == 0
    assert by_kind["best_single"]["low"] is not None


def test_a_fusion_that_is_better_leads_even_if_another_scores_higher():
    comparison = fixtures.comparison("alpha", ("loud", "sure"))
    comparison["comparisons"][0] |= {"difference": 0.09, "verdict": "inconclusive"}
    lead, more = words.verdict(DatasetResults("alpha", {}, [], comparison))
    assert lead.startswith("The fusion sure is better")
    assert more[0] == "Of 2 fusions, 1 is better and 1 is inconclusive."


def test_an_accuracy_of_several_pairs_is_not_said_to_be_ones():
    comparison = fixtures.comparison("alpha")
    (best, *_) = DatasetResults("alpha", {}, [], comparison).levels
    assert (words.of_level(best), best["mixed"]) == ("yunet × net", False)
    comparison["best_single"]["choices"][0] = {"fold": 0, "cell": "whole/net"}
    (best, hindsight, *_) = DatasetResults("alpha", {}, [], comparison).levels
    assert words.of_level(best) == "chosen per fold, most often yunet × net"
    assert words.of_level(hindsight) == "yunet × net"


def test_several_pairs_are_named_on_page_and_figure(tmp_path):
    comparison = fixtures.comparison("alpha")
    comparison["best_single"]["choices"][0] = {"fold": 0, "cell": "whole/net"}
    run = _one(
        tmp_path,
        [
            fixtures.score("alpha", "yunet", "net", 0.7),
            fixtures.score("alpha", "", "", 0.75, "vote"),
        ],
        comparison,
    )
    assert "best single chosen per fold, most often yunet × net" in Page(_render(run)).text
    figure, rows = fusion_figure.of_dataset(
        dataset_results.read(run.scores, run.comparisons, ["alpha"])[0]
    )
    assert (
        figure.axes[0].get_yticklabels()[0].get_text()
        == "best single: chosen per fold, most often yunet × net"
    )
    assert rows[0]["name"] == "chosen per fold, most often yunet/net"


def test_the_share_that_was_answered_is_named_where_it_is_another(tmp_path):
    score = fixtures.score("alpha", "yunet", "net", 0.7)
    step = score["rejection"]["at"][0]
    exact = {**step, "coverage": 0.8, "n": round(0.8 * score["rejection"]["n"])}
    score["rejection"]["at"] = [exact, step]  # at least 90 %, but all were answered
    text = Page(_render(_one(tmp_path, [score]))).text.replace("\u00a0", " ")
    assert "at least 90 %at least 80 %" in text, "the headings"
    assert text.count("100 % answered") == 1


def test_emotions_of_one_beginning_stay_apart(tmp_path):
    names = {
        "neutral": "a very long label of an emotion, one",
        "fear": "a very long label of an emotion, two",
    }
    rows = [
        {**row, "truth": names["neutral"], "predicted": names["fear"]}
        for row in fixtures.example_rows(["yunet/net"])
    ]
    score = json.loads(
        json.dumps(fixtures.score("alpha", "yunet", "net"))
        .replace('"neutral"', f'"{names["neutral"]}"')
        .replace('"fear"', f'"{names["fear"]}"')
    )
    html = _render(_one(tmp_path, [score], examples=rows))
    store = next(
        json.loads(body) for kind, body in SCRIPT.findall(html) if kind and '"images"' in body
    )
    assert len(set(store["labels"])) == 2
    assert all(f"<span>{label}</span></th>" in html for label in store["labels"]), (
        "the panels' matrices call them alike"
    )


def test_every_cell_is_on_the_page_with_its_reason(tmp_path):
    read = Page(_render(fixtures.typical(tmp_path)))
    assert "✗ failed" in read.text
    assert "– skipped" in read.text
    assert "Segmentation fault: model net: licence not accepted" in read.text
    assert "collapsed onto one class" in read.text
    assert "demonstration data, not for headline" in read.text
    assert "limited: not for reporting" in read.text
    assert "Perceived, not felt, emotion" in read.text
    assert "drawn: free for any use" in read.text
    assert "valid title" not in read.text  # validation data are not reported
    assert "f" * 64 in read.text


def test_the_page_on_speed_says_what_is_limited(tmp_path):
    run = fixtures.typical(tmp_path)
    write_speed(run.scores, [], tmp_path / "speed.html", run.jobs().speed)
    alpha, beta = (
        Page((tmp_path / "speed.html").read_text(encoding="utf-8"))
        .text.split("alpha")[-1]
        .split("beta")
    )
    assert "limited: not for reporting" in beta
    assert "limited" not in alpha


def test_a_vote_of_the_best_says_so():
    score = fixtures.score("alpha", "", "", 0.7, "vote")
    assert words.pairs(score) == "2 pairs"
    assert words.pairs(score | {"top": 1}) == "1 of 2 pairs"
    assert words.pairs(score | {"top": 5}) == "2 pairs"


def test_ranks_have_intervals_and_a_vote_its_curve(tmp_path):
    read = Page(_render(fixtures.typical(tmp_path)))
    assert "tied with best" in read.text
    assert "1–2" in read.text
    assert "How many pairs does a vote need?" in read.text
    assert "72.0 %" in read.text.replace("\u00a0", " ")


def test_valence_and_arousal_are_shown_where_there_are_any(tmp_path):
    """Also of a cell that is not scored by emotion; the better reader first; nulls are dashes."""
    values = {
        "n": 40,
        "coverage": 0.95,
        "covered_ccc": 0.52,
        "ccc": 0.5,
        "ccc_low": 0.31,
        "ccc_high": 0.64,
        "ccc_within_clips": None,
        "clips": 0,
        "pearson": 0.55,
        "rmse": 0.2,
        "sign_agreement": 0.8,
    }
    better = values | {"ccc": 0.7}
    scores = [
        fixtures.score("alpha", "yunet", "net", 0.7, affect={"valence": values}),
        fixtures.without_scores("alpha", "whole", "net", "skipped", "no label")
        | {"affect": {"valence": better, "arousal": values}},
    ]
    read = Page(_render(_one(tmp_path / "with", scores)))
    shown = read.text[read.text.index("Agreement with the dataset") :]
    assert shown.index("0.700 [0.310, 0.640]") < shown.index("0.500 [0.310, 0.640]")
    assert "arousal" in shown
    assert (
        "Agreement with the dataset"
        not in Page(
            _render(_one(tmp_path / "without", [fixtures.score("alpha", "yunet", "net", 0.7)]))
        ).text
    )


def test_flagged_cells_are_not_ranked(tmp_path):
    scores = [
        fixtures.score(
            "alpha", "whole", "net", 0.9, flags=["collapsed onto one class"], ranked=False
        ),
        fixtures.score("alpha", "yunet", "net", 0.5),
    ]
    html = _render(_one(tmp_path, scores, fusions={}))
    ranks = re.findall(r'<td class="n" data-v="(\d*)">(\S+)</td>\s*<td>(\w+)</td>', html)
    assert ranks == [("1", "1", "yunet"), ("", "–", "whole")]


def test_a_warning_about_valence_takes_no_rank(tmp_path):
    scores = [
        fixtures.score("alpha", "whole", "net", 0.9, flags=["its valence was clipped"]),
        fixtures.score("alpha", "yunet", "net", 0.5),
    ]
    html = _render(_one(tmp_path, scores, fusions={}))
    assert re.findall(r'<td class="n" data-v="(\d*)">(?:\S+)</td>\s*<td>(\w+)</td>', html) == [
        ("1", "whole"),
        ("2", "yunet"),
    ]


def test_weights_that_a_fusion_learnt_are_shown(tmp_path):
    weighted = fixtures.score(
        "alpha", "", "", 0.75, "vote", weights={"whole/net": 0.25, "yunet/net": 0.75}
    )
    text = Page(
        _render(
            _one(
                tmp_path,
                [fixtures.score("alpha", "yunet", "net", 0.7), weighted],
                fixtures.comparison("alpha"),
            )
        )
    ).text
    shown = text[text.index("Weights learnt by vote") :]
    assert shown.index("0.750") < shown.index("0.250")


def test_tracks_are_told_by_detector_and_kind_with_a_strip(tmp_path):
    text = Page(_render(fixtures.typical(tmp_path))).text
    section = text[text.index("Who is who?") :]
    assert section.count("3 of 4") == 6, "two detectors, all clips and two kinds"
    assert "80.0–90.0" in section
    assert "ann: identities are tracks." in section
    assert section.count("0.0 to 1.0 s: ann") == 3, "the truth, and one identity of each detector"
    assert section.count("1.0 to 1.5 s: nobody") == 2


def _hostile(folder: Path) -> str:
    """Render the hostile run's page.

    Its per-dataset files cannot bear the dataset's name, so they are given by name as the stage
    does after reading the paths.
    """
    run = fixtures.hostile(folder)
    extras = page.Extras(
        *({fixtures.HOSTILE: paths[0]} for paths in (run.examples, run.overlaps, run.answers)),
        tracks={fixtures.HOSTILE: run.tracks},
    )
    found = dataset_results.read(
        run.scores, run.comparisons, [fixtures.HOSTILE], run.spec["datasets"]
    )
    html = page.render(found, extras, folder / "figures", folder / "report.html", run.jobs().report)
    files.write_text(folder / "report.html", html)
    return html


def test_hostile_text_stays_text(tmp_path):
    html = _hostile(tmp_path)
    read = Page(html)
    for kind, body in SCRIPT.findall(html):
        if kind:
            assert "<" not in body
            json.loads(body)
        else:
            assert "alert(1)" not in body
    assert "<script>alert(1)</script>" in read.text
    assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)
    assert len(html) < 1_800_000


def test_only_our_scripts_may_run(tmp_path):
    html = _render(fixtures.typical(tmp_path))
    policy = next(
        a["content"]
        for tag, a in Page(html).tags
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    bodies = [body for kind, body in SCRIPT.findall(html) if not kind]
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'"
        for body in bodies
    ]
    assert len(bodies) == 5
    assert policy.split("script-src ")[1].split() == hashes
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_vendored_scripts_are_what_their_authors_published():
    folder = Path(page.__file__).parent / "vendor"
    stated = dict(
        re.findall(
            r"^\| (\S+\.js) .*`([0-9a-f]{64})` \|$",
            (folder / "README.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    assert stated == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")
    }
    assert len(stated) == 2


def test_a_page_without_charts_does_not_carry_the_library(tmp_path):
    plain = _render(
        _one(
            tmp_path,
            [{**fixtures.score("alpha", "yunet", "net"), "rejection": None, "calibration": None}],
        )
    )
    assert "Observable" not in plain
    assert len(plain) < 150_000


def test_an_unlabelled_dataset_shows_what_was_answered(tmp_path):
    scores = [
        fixtures.without_scores(
            "alpha", detector, "net", "skipped", "no sample has a label in its space"
        )
        for detector in ("whole", "yunet")
    ]
    rows = [row | {"truth": None, "correct": None} for row in fixtures.example_rows(["whole/net"])]
    run = _one(tmp_path, scores, examples=rows)
    run.answers = [tmp_path / "answers" / "alpha.json"]
    files.write_json(run.answers[0], fixtures.answers("alpha", labelled=False))
    read = Page(_render(run))
    assert "nothing is scored, what was answered is shown" in read.text
    assert "67" in read.text  # 12 of 18 answers are neutral
    assert "answered by both" in read.text
    assert "Clips over time" in read.text
    assert next(a["alt"] for tag, a in read.tags if tag == "img") == "Face predicted neutral"
    assert "Fusion against the best single pair" not in read.text
    assert "18 of 20 samples got an answer, most often neutral (67" in read.text
    assert "The two pipelines give the same answer on 50" in read.text
    for absent in (
        "Leaderboard",
        "Every detector × model pair",
        "right and wrong",
        "n = –",
        "?, n",
    ):
        assert absent not in read.text, absent


def test_a_picture_stands_once_however_many_pipelines_saw_it(tmp_path):
    rows = fixtures.example_rows(["yunet/net", "whole/net"], count=2)
    run = _one(
        tmp_path,
        [fixtures.score("alpha", "yunet", "net"), fixtures.score("alpha", "whole", "net", 0.5)],
        examples=rows,
    )
    store = next(
        json.loads(body)
        for kind, body in SCRIPT.findall(_render(run))
        if kind and '"images"' in body
    )
    assert (
        len(store["images"])
        == len(set(store["images"]))
        == len({row["image"]["bytes"] for row in rows})
    )
    assert [len(pipeline["faces"]) for pipeline in store["pipelines"]] == [4, 4]
    assert sum(len(pipeline["faces"]) for pipeline in store["pipelines"]) > len(store["images"])


def test_subgroups_state_gaps_and_their_tests(tmp_path):
    read = Page(_render(fixtures.typical(tmp_path)))
    assert "Does it work equally well for all?" in read.text
    assert "p after Holm over these rows" in read.text
    assert "not shown" in read.text
    assert "glasses: gap" in read.text


@pytest.mark.parametrize(
    ("correct", "colour", "said"),
    [(126, "green", "the same count of 210"), (10, "red", "116 more of 210 right than published")],
)
def test_published_and_measured_counts(tmp_path, correct, colour, said):
    run = _one(tmp_path, [fixtures.score("alpha", "yunet", "net", 0.6)])
    stated = {
        "task": "alpha",
        "type": "posed",
        "version": "posed-1",
        "accuracy": correct / 210,
        "correct": correct,
        "n": 210,
    }
    run.spec["models"] = {"net": {"source": None, "published": [stated]}}
    read = Page(_render(run))
    assert said in read.text
    assert [
        a["class"] for tag, a in read.tags if tag == "b" and a.get("class", "").startswith("agree")
    ][3:] == [f"agree {colour}"]


def test_what_is_published_of_other_samples_is_not_compared(tmp_path):
    task = fixtures.task("alpha")
    stated = {"type": task["type"], "version": task["version"], "n": task["n"], "correct": 100}
    assert published.comparable(stated, task)
    for other in ({"n": 209}, {"version": None}, {"type": "ferplus"}):
        assert not published.comparable(stated | other, task)
    assert not published.comparable(stated, task | {"limited": True})
    assert [published.colour(2764, measured, 3153) for measured in (2764, 2758, 2757)] == [
        "green",
        "amber",
        "red",
    ]
    assert "not comparable" in Page(_render(fixtures.typical(tmp_path))).text


def test_cards_name_what_makes_their_numbers_comparable():
    stated = [
        row
        for plugin in registry.discover(()).values()
        for row in plugin.card.get("published") or ()
        if "version" in row
    ]
    assert len(stated) >= 2  # pd_best, and the Keras file it was made from
    for row in stated:
        assert published.comparable(
            row, {"type": row["type"], "version": row["version"], "n": row["n"], "limited": False}
        )
        assert row["correct"] / row["n"] == pytest.approx(row["accuracy"], abs=1e-6)


def test_the_citation_is_that_of_the_repository(tmp_path):
    text = Page(_render(fixtures.typical(tmp_path))).text
    assert (
        "@software{faceoff, author = {{The Faceoff authors}}, title = {Faceoff: a reproducible"
        in text
    )
    assert "a thesis" in text


def test_a_finished_run_is_rendered_again_without_faces(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"manifest\.json is not there"):
        write_again(tmp_path / "results" / "none", tmp_path / "again.html")
    run = fixtures.typical(tmp_path / "results" / "demo")
    files.write_json(run.folder / "manifest.json", {"config": run.spec["config"]})
    with pytest.raises(
        ValueError, match="was written by an older version of Faceoff; run snakemake again"
    ):
        write_again(run.folder, tmp_path / "again.html")
    made = {
        "layout": VERSION,
        "config": run.spec["config"],
        "faceoff": {"code": "c0de"},
        "weights": {},
        "datasets": run.spec["datasets"],
        "models": run.spec["models"],
    }
    files.write_json(run.folder / "manifest.json", made)
    for path in run.scores:  # where a run has them
        score = files.read_json(path)
        files.write_json(
            run.folder / "scores" / score["dataset"] / score["kind"] / path.name, score
        )
        path.unlink()
    write_again(run.folder, tmp_path / "faces.html")
    write_again(run.folder, tmp_path / "plain.html", faces=False)
    with_faces, without = (
        (tmp_path / name).read_text(encoding="utf-8") for name in ("faces.html", "plain.html")
    )
    assert "data:image/webp" in with_faces
    assert "data:image/" not in without
    assert "left out of this page on request" in without
    assert "Clips over time" in without  # the curves stay, the pictures go
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["report", "demo", "--no-faces", "--output", "handed_on.html"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "handed_on.html").read_bytes() == (tmp_path / "plain.html").read_bytes()
    unknown = CliRunner().invoke(app, ["report", "nope"])
    assert unknown.exit_code == 1
    assert "results/nope" in unknown.output
    assert "run snakemake first" in unknown.output


def test_no_remote_load(tmp_path):
    read = Page(_render(fixtures.typical(tmp_path)))
    assert not [
        tag
        for tag, attributes in read.tags
        if tag in {"iframe", "object", "embed", "base"}
        or (tag == "link" and attributes["href"] != "data:,")
    ]
    for tag, attributes in read.tags:
        source = attributes.get("src")
        assert source is None or source.startswith("data:image/webp;base64,"), (tag, source)
        assert not re.match(r"(https?:)?//|javascript:", attributes.get("href") or "")


def test_ids_are_unique_and_links_arrive(tmp_path):
    run = fixtures.typical(tmp_path)
    read = Page(_render(run))
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {
        a["href"][1:] for tag, a in read.tags if tag == "a" and a["href"].startswith("#")
    } <= set(ids)


def test_figures_are_linked_where_they_exist(tmp_path):
    run = fixtures.typical(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "heatmap-alpha.svg").write_text("<svg/>")
    links = [
        a["href"]
        for tag, a in Page(_render(run)).tags
        if tag == "a" and not a["href"].startswith("#")
    ]
    assert links == ["figures/heatmap-alpha.svg"]


def test_faces_are_left_out_on_request(tmp_path):
    run = fixtures.typical(tmp_path)
    run.spec["config"]["report"]["faces"] = False
    read = Page(_render(run))
    assert not [tag for tag, _ in read.tags if tag == "img"]
    assert "left out of this page on request" in read.text


def test_no_fusion_one_cell_and_null_metrics(tmp_path):
    cell = fixtures.score("alpha", "whole", "net")
    cell["metrics"] |= {
        "log_loss": None,
        "ece": None,
        "balanced_accuracy": None,
        "top2": None,
        "mass_outside": None,
    }
    cell["intervals"] = {"accuracy": [None, None]}
    cell["per_class"][0] |= {"recall": None, "f1": None}
    comparison = fixtures.comparison("alpha", ()) | {"comparisons": [], "pairs": [], "clones": []}
    read = Page(_render(_one(tmp_path, [cell], comparison, fusions={})))
    assert "No fusion was compared" in read.text
    assert "None" not in read.text
    assert "nan" not in read.text.lower().split()


def test_nothing_scored(tmp_path):
    read = Page(
        _render(
            _one(
                tmp_path,
                [fixtures.without_scores("alpha", "whole", "net", "skipped", "licence missing")],
            )
        )
    )
    assert "No pair could be scored here" in read.text
    assert "licence missing" in read.text


def test_bytes_do_not_depend_on_process_order_or_what_the_manifest_says_of_the_host(tmp_path):
    made = {
        "versions": {"numpy": "1.26.4"},
        "faceoff": {"commit": "c0ffee"},
        "host": {"name": "one"},
        "time": "2026-01-01",
    }
    (tmp_path / "one").mkdir()
    files.write_json(tmp_path / "one" / "manifest.json", made)
    run = fixtures.typical(tmp_path / "one")
    first = _render(run, manifest=tmp_path / "one" / "manifest.json")
    assert "c0ffee" in first
    assert "2026-01-01" not in first
    elsewhere = made | {"host": {"name": "two"}, "time": "2027-02-02"}
    code = (
        "import sys; from pathlib import Path; import report_fixtures as f\n"
        "from faceoff.storage import files; from faceoff.stages.report import write_report\n"
        "folder = Path(sys.argv[1]); run = f.typical(folder)\n"
        f"files.write_json(folder / 'manifest.json', {elsewhere!r})\n"
        "results = run.scores[::-1], run.comparisons[::-1], run.examples[::-1]\n"
        "more = run.overlaps[::-1], run.answers[::-1]\n"
        "places = folder / 'figures', folder / 'manifest.json', folder / 'report.html'\n"
        "write_report(*results, *places, run.jobs().report, *more, tracks=run.tracks[::-1])"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": f"{SCRIPTS}{os.pathsep}{Path(__file__).parent}",
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Tokyo",
    }
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "two")], check=True, env=environment)
    assert (tmp_path / "two" / "report.html").read_text(encoding="utf-8") == first
