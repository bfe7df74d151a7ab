"""Train networks over time through the stages of a run, on drawn trees of published datasets."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from test_send_avec import clip, rated  # noqa: E402

from faceoff.drawing.ravdess import write_ravdess  # noqa: E402
from faceoff.faces.training_pictures import Tables, training_pictures  # noqa: E402
from faceoff.figures import curves  # noqa: E402
from faceoff.plan.job_specs import Plan  # noqa: E402
from faceoff.plugins.jobs import CropJob  # noqa: E402
from faceoff.plugins.protocols import CropSpec  # noqa: E402
from faceoff.scoring import affect  # noqa: E402
from faceoff.stages.detect import write_faces  # noqa: E402
from faceoff.stages.embed import write_features  # noqa: E402
from faceoff.stages.export_clips import write_clip_network  # noqa: E402
from faceoff.stages.fit_clips import write_fit_clips  # noqa: E402
from faceoff.stages.frames import write_frames  # noqa: E402
from faceoff.stages.predict import write_predictions  # noqa: E402
from faceoff.stages.predict_clips import write_clip_predictions  # noqa: E402
from faceoff.stages.samples import write_samples  # noqa: E402
from faceoff.stages.score import write_score  # noqa: E402
from faceoff.stages.shards import gather, gather_media, write_shard  # noqa: E402
from faceoff.storage import columns, parquet  # noqa: E402
from faceoff.training.loop import TrainingError  # noqa: E402

pytestmark = pytest.mark.usefixtures("operators_once")
RECIPE = {"epochs": 2, "batch": 4}
DETECTOR = "whole"


class Run:
    """The stages of a run in this process, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        datasets: Mapping[str, Any],
        models: Mapping[str, Any] | None = None,
        **training: Any,
    ):
        settings = {"net": "lstm", "options": {"width": 8}, "recipe": RECIPE, "threads": 1}
        reader = {} if "frames" in training else {"features": "faceoff_small"}
        section = {**settings, **reader, "data": "learn", "validation": "judge", **training}
        self.plan = Plan({
            "run": "t",
            "datasets": dict(datasets),
            "detectors": {DETECTOR: {}},
            "models": dict(models or {"faceoff_small": {}}),
            "training": {"net": section},
        })  # fmt: skip
        self.folder, self.datasets, self._layout = folder, datasets, self.plan.layout

    def path(self, name: str) -> Path:
        """Return where a file of the layout lies, with its folder made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def listed(self, dataset: str) -> Path:
        samples = self.path(self._layout.samples(dataset))
        write_samples(samples, self.plan.samples_job(dataset))
        return samples

    def read(self, name: str, dataset: str | None = None) -> None:
        """Decode, detect and read the frames of a dataset, or of a shard of it."""
        layout, dataset = self._layout, dataset or name
        frames, faces = (self.path(f(name)) for f in (layout.frames, self._faces))
        write_frames(self.path(layout.samples(name)), frames, self.plan.frames_job(dataset))
        detect = self.plan.detect_job(dataset, DETECTOR)
        write_faces(frames, faces, self.path("timing.json"), detect)
        reader = self.plan.config.training["net"].features
        if reader and self.plan.config.training["net"].take == "answers":
            job = self.plan.predict_job(dataset, DETECTOR, reader)
            out = self.path(layout.predictions(name, DETECTOR, reader))
            write_predictions(frames, faces, out, self.path("timing.json"), job)
        elif reader:
            self._embed(name, dataset, reader, None)

    def _faces(self, name: str) -> str:
        return self._layout.faces(name, DETECTOR)

    def _embed(self, name: str, dataset: str, model: str, trained: Path | None) -> None:
        layout = self._layout
        frames, faces = (self.path(f(name)) for f in (layout.frames, self._faces))
        out = self.path(layout.features(name, DETECTOR, model))
        job = self.plan.embed_job(dataset, DETECTOR, model)
        write_features(frames, faces, out, self.path("timing.json"), job, trained)

    def tables(self, dataset: str) -> Tables:
        layout, section = self._layout, self.plan.config.training["net"]
        read = layout.faces(dataset, DETECTOR)
        if section.features:
            read = self.plan.read_by(section, dataset, DETECTOR)
        return Tables(*map(self.path, (layout.samples(dataset), layout.frames(dataset), read)))

    def train(self, datasets: tuple[str, ...] = ("learn", "judge")) -> dict[str, Any]:
        """Read the datasets, train and write the network; return the record."""
        for dataset in datasets:
            self.listed(dataset)
            self.read(dataset)
        made = {
            name: self.path(self._layout.training(name, "net"))
            for name in ("weights.safetensors", "log.csv", "fit.json", "model.onnx", "card.yaml")
        }
        weights, history, record, network, card = made.values()
        learn, judge = self.tables("learn"), self.tables("judge")
        write_fit_clips(learn, judge, [], weights, history, record, self.plan.fit_clips_job("net"))
        job = self.plan.export_clips_job("net")
        write_clip_network(record, weights, judge, network, card, job)
        found: dict[str, Any] = json.loads(record.read_text())
        return found

    def predict(self, name: str, dataset: str | None = None) -> Path:
        """Predict a dataset, or a shard of it, by the trained network."""
        dataset, layout = dataset or name, self._layout
        trained = self.path(layout.network("net"))
        if self.plan.reader("net") is None:
            self._embed(name, dataset, "net", trained.with_name("frames.onnx"))
        source = self.path(self.plan.clip_source(name, DETECTOR, "net"))
        out = self.path(layout.predictions(name, DETECTOR, "net"))
        job = self.plan.predict_clips_job(dataset, DETECTOR, "net")
        write_clip_predictions(source, out, self.path("timing.json"), job, trained)
        return out

    def card(self) -> dict[str, Any]:
        text = self.path(self._layout.training("card.yaml", "net")).read_text()
        card: dict[str, Any] = yaml.safe_load(text)
        return card


# -- SEND and AVEC: valence ------------------------------------------------------------------------


def _send(root: Path) -> dict[str, Any]:
    rising, falling = [0, 25, 50, 75, 100], [100, 75, 50, 25, 0]
    for split, person in (("Train", 200), ("Valid", 300), ("Test", 400)):
        for number, values in enumerate((rising, falling, rising), 1):
            rated(root, f"{person}_{number}", values, split=split)
            clip(root / "videos" / f"ID{person}_vid{number}.mp4", seconds=1 + 0.3 * number)
    own = {"type": "send", "path": str(root), "fps": 5}
    return {
        "learn": {**own, "split": "train", "role": "train"},
        "judge": {**own, "split": "valid", "role": "validation"},
        "test": {**own, "split": "test"},
    }


def _avec(root: Path) -> dict[str, Any]:
    parts = {"Training": "train", "Development": "valid", "Testing": "test"}
    for person, part in enumerate(parts, 300):
        for session in (1, 2):
            clip(root / part / f"{person}_{session}_cut_combined.mp4")
            for name, values in (("Valence", np.linspace(-1, 1, 61)), ("Arousal", np.zeros(61))):
                path = root / "Labels" / part / f"{person}_{session}_{name}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("".join(f"{value}\n" for value in values))
    own = {"type": "avec2013", "path": str(root), "fps": 5}
    roles = {"learn": "train", "judge": "validation", "test": "test"}
    splits = zip(roles.items(), parts.values(), strict=True)
    return {name: {**own, "split": split, "role": role} for (name, role), split in splits}


@pytest.mark.parametrize(
    ("tree", "dimensions"), [(_send, ["valence"]), (_avec, ["valence", "arousal"])]
)
def test_valence_over_time_is_learnt_by_its_concordance(
    tmp_path: Path, tree: Callable[[Path], dict[str, Any]], dimensions: list[str]
) -> None:
    run = Run(tmp_path / "run", tree(tmp_path / "tree"), options={"width": 8, "time_steps": True})
    record = run.train()
    assert (record["classes"], record["affect"]) == ([], dimensions)
    assert record["best"].keys() == {"ccc"}
    assert (
        run.path("results/t/training/net/log.csv")
        .read_text()
        .startswith("epoch,step,lr,loss,ccc,best\n")
    )
    assert run.card()["training"]["data"]["hash"]
    run.listed("test")
    run.read("test")
    predictions = run.predict("test")
    table = parquet.read(predictions)
    assert not [name for name in table.column_names if name.startswith("p_")]
    assert set(table["state"].to_pylist()) == {"ok"}
    frames = run.path("results/t/frames/test.parquet")
    ids = {name: place for place, name in enumerate(dict.fromkeys(table["sample_id"].to_pylist()))}
    moments = affect.moments(frames, predictions, ids)
    assert [*moments] == dimensions
    assert np.isfinite(moments["valence"].predicted).all()
    assert len(curves.draw(record).axes) == 3, "loss, learning rate, CCC; no confusion"


def test_a_network_without_classes_is_not_scored_on_labels(
    tmp_path: Path, ravdess: dict[str, Any]
) -> None:
    run = Run(tmp_path / "run", _send(tmp_path / "tree") | {"other": ravdess["test"]})
    run.train()
    samples = run.listed("other")
    run.read("other")
    frames, out = run.path("results/t/frames/other.parquet"), tmp_path / "score.json"
    job = run.plan.score_job("other", DETECTOR, "net")
    write_score(samples, frames, run.predict("other"), out, job)
    score = json.loads(out.read_text())
    assert (score["state"], score["train_status"]) == ("skipped", "cross-corpus")
    assert score["reason"].startswith("it reads valence and arousal, no emotions")


# -- RAVDESS: a label per clip ---------------------------------------------------------------------

EMOTIONS = {"01": "neutral", "03": "happiness", "05": "anger"}


@pytest.fixture(scope="session")
def ravdess(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return a training, a validation and a test dataset of drawn clips of three actors each."""
    root = tmp_path_factory.mktemp("ravdess")
    takes = [
        (f"02-01-{code}-01-01-0{repetition}-{actor:02d}", emotion, "normal", actor)
        for code, emotion in EMOTIONS.items()
        for repetition in (1, 2)
        for actor in (1, 2, 3)
    ]
    write_ravdess(root, takes, size="tiny", sound=False)
    own = {"type": "ravdess", "path": str(root), "modality": "video", "fps": 10}
    return {
        "learn": {**own, "actors": [1], "role": "train"},
        "judge": {**own, "actors": [2], "role": "validation"},
        "test": {**own, "actors": [3]},
    }


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, ravdess: dict[str, Any]) -> Run:
    run = Run(tmp_path_factory.mktemp("trained"), ravdess)
    run.train()
    return run


def test_a_label_per_clip_is_learnt(trained: Run) -> None:
    card = trained.card()
    data = card["training"]["data"]
    assert (data["clips"], data["frames"], data["labels"]) == (6, 36, "clip")
    assert {name: count for name, count in data["of_class"].items() if count} == dict.fromkeys(
        EMOTIONS.values(), 2
    )
    assert card["training_data"] == {"ravdess": ["train"]}
    assert card["features"]["model"] == "faceoff_small"
    assert card["training"]["validation"].keys() >= {"accuracy", "uar", "log_loss", "epoch"}
    assert card["training"]["differs_from_the_trained_weights"] < 1e-4
    assert card["step_s"] == pytest.approx(0.1)


def test_the_same_training_writes_the_same_bytes(trained: Run, tmp_path: Path) -> None:
    again = Run(tmp_path, trained.datasets)
    again.train()
    for name in ("weights.safetensors", "log.csv", "fit.json", "model.onnx", "card.yaml"):
        path = f"results/t/training/net/{name}"
        assert again.path(path).read_bytes() == trained.path(path).read_bytes(), name


def test_clips_are_predicted_alike_in_any_shards(trained: Run, tmp_path: Path) -> None:
    """A shard has whole clips, in their order, and what is gathered is what one job writes."""
    layout, samples = trained.plan.layout, trained.listed("test")
    trained.read("test")
    whole = trained.predict("test")
    shards = [f"test@{number}of4" for number in range(4)]
    parts = []
    for number, shard in enumerate(shards):
        job = trained.plan.shard_job(str(number), "4")
        write_shard(samples, trained.path(layout.samples(shard)), job)
        trained.read(shard, "test")
        parts.append(trained.predict(shard, "test"))
    gather(parts, tmp_path / "predictions.parquet")
    assert (tmp_path / "predictions.parquet").read_bytes() == whole.read_bytes()
    features = [trained.path(layout.features(shard, DETECTOR, "faceoff_small")) for shard in shards]
    gather(features, tmp_path / "features.parquet")
    joined = trained.path(layout.features("test", DETECTOR, "faceoff_small"))
    assert (tmp_path / "features.parquet").read_bytes() == joined.read_bytes()
    clips = [part.column("sample_id").unique().to_pylist() for part in map(parquet.read, parts)]
    assert sum(map(len, clips)) == len({sample for names in clips for sample in names}) == 6


def test_it_learns_alike_from_gathered_shards(trained: Run, tmp_path: Path) -> None:
    run = Run(tmp_path, trained.datasets)
    layout = run.plan.layout
    samples = run.listed("learn")
    shards = [f"learn@{number}of2" for number in range(2)]
    for number, shard in enumerate(shards):
        job = run.plan.shard_job(str(number), "2")
        write_shard(samples, run.path(layout.samples(shard)), job)
        run.read(shard, "learn")
    gather_media([run.path(layout.frames(shard)) for shard in shards], run.tables("learn").frames)
    features = [run.path(layout.features(shard, DETECTOR, "faceoff_small")) for shard in shards]
    gather(features, run.tables("learn").faces)
    run.train(("judge",))
    weights = "results/t/training/net/weights.safetensors"
    assert run.path(weights).read_bytes() == trained.path(weights).read_bytes()


@pytest.mark.parametrize(
    "training",
    [
        {"take": "answers", "net": "tcn"},
        {
            "net": "transformer",
            "frames": {"net": "resnet_small", "options": {"width": 4}},
            "start": None,
            "stored": "float16",
        },
    ],
    ids=["answers", "frames"],
)
def test_answers_and_frames_are_learnt_from(
    ravdess: dict[str, Any], tmp_path: Path, training: dict[str, Any]
) -> None:
    run = Run(tmp_path, ravdess, **training)
    record = run.train()
    run.listed("test")
    run.read("test")
    table = parquet.read(run.predict("test"))
    assert set(table["state"].to_pylist()) == {"ok"}
    sums = sum(table[name].to_numpy() for name in table.column_names if name.startswith("p_"))
    np.testing.assert_allclose(sums, 1, atol=1e-6)
    if "take" in training:
        assert record["inputs"][0] == "p_neutral"
        assert len(record["inputs"]) == 8
    else:
        assert run.card()["frames"]["file"] == "frames.onnx"


def _label_frames(table: Path) -> None:
    """Give each frame a label of its own: neutral, and the emotion in the third and fourth."""
    rows = [
        {**row, "label": "anger" if row["frame"] in (2, 3) else "neutral"}
        for row in parquet.rows(table)
    ]
    parquet.write_rows(table, columns.FRAMES, rows)


def test_frames_have_their_own_labels_or_their_clips(run: Run, tmp_path: Path) -> None:
    """For networks over time and for those on pictures."""
    learn, judge = run.tables("learn"), run.tables("judge")
    for tables in (learn, judge):
        _label_frames(tables.frames)
    of_class = refit(run, labels="frame")["of_class"]
    assert (of_class["neutral"], of_class["anger"]) == (24, 12)
    faces = replace(learn, faces=run.path(run.plan.layout.faces("learn", DETECTOR)))
    crop, job = CropSpec(size=(8, 8), channels=1), CropJob(policy="largest")
    classes = ("anger", "neutral")
    for labels, expected in (("clip", [12, 12]), ("frame", [12, 24])):
        pictures, _ = training_pictures(
            tmp_path / "pixels", faces, crop, job, classes, "", labels=labels
        )
        assert np.bincount(pictures.labels).tolist() == expected


# -- bad input -------------------------------------------------------------------------------------


def _without_faces(table: Path, clips: Callable[[str], bool], frames: tuple[int, ...]) -> None:
    """Take the face from these frames of these clips."""
    rows = [
        {**row, "success": 0, "state": "no_face", "reason": "no face", "embedding": None}
        if clips(row["sample_id"]) and row["frame"] in frames
        else row
        for row in parquet.rows(table)
    ]
    parquet.write_rows(table, columns.FEATURES, rows)


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """Return a copy of the trained run, with its tables."""
    shutil.copytree(trained.folder, tmp_path / "copy")
    return Run(tmp_path / "copy", trained.datasets)


def refit(run: Run, **job: Any) -> dict[str, Any]:
    made = [run.path(f"again/{name}") for name in ("weights", "log.csv", "fit.json")]
    write_fit_clips(
        run.tables("learn"), run.tables("judge"), [], *made,
        replace(run.plan.fit_clips_job("net"), **job),
    )  # fmt: skip
    found: dict[str, Any] = json.loads(made[2].read_text())
    return found


def test_a_frame_without_a_face_has_its_state_and_no_answer(run: Run) -> None:
    run.listed("test")
    run.read("test")
    table = run.path(run.plan.clip_source("test", DETECTOR, "net"))
    first = parquet.read(table)["sample_id"][0].as_py()
    _without_faces(table, lambda name: name == first, (1, 2))
    rows = [row for row in parquet.rows(run.predict("test")) if row["sample_id"] == first]
    assert [row["state"] for row in rows] == ["ok", "no_face", "no_face", "ok", "ok", "ok"]
    assert [row["p_anger"] is None for row in rows] == [False, True, True, False, False, False]
    assert rows[1]["reason"] == "no face"


def test_clips_without_any_face_are_left_out_and_counted(run: Run) -> None:
    frames = tuple(range(6))
    _without_faces(run.tables("learn").faces, lambda name: name[6:8] == "01", frames)
    counts = refit(run)["left_out"]
    assert counts["no face in any frame"] == 2
    assert counts["frames without a face"] == 12
    _without_faces(run.tables("learn").faces, lambda name: True, frames)
    with pytest.raises(ValueError, match="no frame has a face that was read"):
        refit(run)


def test_one_clip_is_not_enough_for_classes(run: Run) -> None:
    frames, kept = tuple(range(6)), "02-01-03-01-01-01-01"
    _without_faces(run.tables("learn").faces, lambda name: name != kept, frames)
    with pytest.raises(TrainingError, match="its 1 clips show happiness only: two"):
        refit(run)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"labels": "frame"}, r"\(no label of its classes: 6\); do .* else set labels: clip"),
        ({"classes": ("fear", "surprise")}, r"to learn from \(no label of its classes: 6\)$"),
    ],
)
def test_labels_that_are_not_there_are_said(run: Run, job: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refit(run, **job)


def test_accuracy_chooses_no_epoch_of_a_dataset_without_labels(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", _avec(tmp_path / "tree"))
    for dataset in ("learn", "judge"):
        run.listed(dataset)
        run.read(dataset)
    recipe = run.plan.fit_clips_job("net").recipe
    with pytest.raises(TrainingError, match=r"so there is no uar: set recipe\.select: ccc"):
        refit(run, recipe=replace(recipe, select="uar"))
    with pytest.raises(TrainingError, match="it has neither labels nor valence or arousal"):
        refit(run, affect=0.0)


def test_clips_of_a_test_dataset_are_not_learnt(run: Run) -> None:
    made = [run.path(f"again/{name}") for name in ("weights", "log.csv", "fit.json")]
    learn = run.tables("learn")
    with pytest.raises(ValueError, match=r"no clip to learn from \(frames of a test clip: 6\)"):
        write_fit_clips(
            learn, run.tables("judge"), [learn.frames], *made, run.plan.fit_clips_job("net")
        )


def test_features_of_other_frames_or_of_a_failed_job_are_refused(run: Run) -> None:
    table = run.tables("learn").faces
    rows = list(parquet.rows(table))
    parquet.write_rows(table, columns.FEATURES, rows[:-6])
    with pytest.raises(ValueError, match=r"does not belong to .*: it ends too soon"):
        refit(run)
    parquet.write_rows(table, columns.FEATURES, rows[6:])
    with pytest.raises(ValueError, match=r"does not belong to .* is another clip there"):
        refit(run)
    failed = parquet.with_failure(columns.FEATURES, [str(table)])
    parquet.write_rows(table, failed, [{**row, "reason": "it broke"} for row in rows])
    with pytest.raises(RuntimeError, match="reading the frames failed: it broke"):
        refit(run)
