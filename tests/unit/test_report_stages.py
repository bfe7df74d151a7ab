"""The parts of the report besides scores, from small tables, by the real stages.

That is chosen faces, detectors' overlaps, answers and clips, speed.
"""

import base64
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from faceoff.media.images import decode_image, encode, encode_png
from faceoff.plan.jobs import AnswersJob, ExamplesJob, OverlapsJob
from faceoff.plugins.jobs import CropJob
from faceoff.stages.answers import MOMENTS, PICTURES, write_answers
from faceoff.stages.examples import write_examples
from faceoff.stages.overlaps import write_overlaps
from faceoff.stages.speed import on_front
from faceoff.storage import columns, files, parquet

SPACE = ("happiness", "sadness", "anger")
CROP = CropJob(policy="largest")


class Run:
    """Tables of one dataset on disk, with two detectors and one model.

    They are of n pictures, each its own shade, or of one clip of n frames.
    """

    def __init__(self, folder, n=60, labelled=True, clip=False, jitter=3.0):
        rng = np.random.default_rng(n)
        self.folder, self.truth = folder, [SPACE[place % 3] for place in range(n)]
        self.ids = ["clip" if clip else f"s{place:03d}" for place in range(n)]
        task = {
            "name": "a",
            "type": "folder",
            "version": "1",
            "space": SPACE,
            "limited": False,
            "headline": True,
        }
        schema = columns.SAMPLES.with_metadata({b"faceoff_task": json.dumps(task).encode()})
        about = {"kind": "image", "path": "p", "split": "test"}
        samples = [
            {**about, "sample_id": name, "label": label if labelled else None}
            for name, label in zip(self.ids, self.truth, strict=True)
        ]
        parquet.write_rows(folder / "samples.parquet", schema, samples[:1] if clip else samples)
        key = [
            {
                "sample_id": name,
                "frame": place if clip else 0,
                "timestamp_s": place / 5 if clip else None,
            }
            for place, name in enumerate(self.ids)
        ]
        frames = []
        for place, row in enumerate(key):
            image = np.full((80, 80, 3), place % 256, np.uint8)
            image[20:60, 20:60] = rng.integers(0, 256, (40, 40, 3))
            boxes = [] if place == 0 else [[20.0, 20.0, 40.0, 40.0]]
            frames.append(
                {
                    **row,
                    "width": 80,
                    "height": 80,
                    "state": "ok",
                    "boxes": boxes,
                    "image": {"bytes": encode_png(image), "path": row["sample_id"]},
                }
            )
        parquet.write_rows(folder / "frames.parquet", columns.FRAMES, frames)
        self.faces, self.predictions = [], []
        for name, missed in (("near", 5), ("wide", 1)):
            rows = []
            for place, row in enumerate(key):
                found = place != missed
                x = 20 + (jitter if name == "wide" else 0)
                box = {"x": x, "y": 20.0, "w": 40.0, "h": 40.0, "score": 0.9} if found else {}
                rows.append(
                    {
                        **row,
                        "face_id": 0,
                        "n_faces": 1,
                        "success": int(found),
                        "state": "ok" if found else "no_face",
                        **box,
                    }
                )
            self.faces.append(folder / "faces" / "a" / f"{name}.parquet")
            parquet.write_rows(self.faces[-1], columns.FACES, rows)
            posterior = rng.dirichlet(np.ones(3), n)
            predicted = [
                {
                    **row,
                    "face_id": 0,
                    "success": face["success"],
                    "state": face["state"],
                    **(
                        {f"p_{e}": p for e, p in zip(SPACE, values, strict=True)}
                        if face["success"]
                        else {}
                    ),
                }
                for row, face, values in zip(key, rows, posterior, strict=True)
            ]
            self.predictions.append(folder / "predictions" / "a" / name / "net.parquet")
            parquet.write_rows(self.predictions[-1], columns.predictions_schema(SPACE), predicted)

    def examples(self, **changed):
        told = {"dataset": "a", "seed": 0, "examples": 4, "gallery": 2, "megabytes": 8.0}
        job = ExamplesJob(**told | {"crops": {"near/net": CROP, "wide/net": CROP}} | changed)
        output = self.folder / "examples.parquet"
        write_examples(
            self.folder / "samples.parquet",
            self.folder / "frames.parquet",
            self.faces,
            self.predictions,
            output,
            job,
        )
        return list(parquet.rows(output))

    def overlaps(self, **changed):
        told = {"dataset": "a", "policy": "largest", "calibrations": {"near": None, "wide": None}}
        job = OverlapsJob(**told | changed)
        write_overlaps(self.folder / "frames.parquet", self.faces, self.folder / "o.json", job)
        return files.read_json(self.folder / "o.json")

    def answers(self, **changed):
        job = AnswersJob(**{"dataset": "a", "clips": 2, "faces": True, "seed": 0} | changed)
        write_answers(
            self.folder / "samples.parquet",
            self.folder / "frames.parquet",
            self.predictions,
            self.folder / "a.json",
            job,
        )
        return files.read_json(self.folder / "a.json")


def test_examples_hold_some_of_every_confusion(tmp_path):
    rows = Run(tmp_path).examples()
    by_cell = {
        cell: [row for row in rows if row["cell"] == cell] for cell in ("near/net", "wide/net")
    }
    for found in by_cell.values():
        counts = {}
        for row in found:
            counts[row["truth"], row["predicted"]] = (
                counts.get((row["truth"], row["predicted"]), 0) + 1
            )
        assert len(counts) == 9
        assert min(counts.values()) >= 2
        assert sum(row["correct"] for row in found) >= 4
        assert {row["truth"] for row in [row for row in found if row["correct"]][:3]} == set(
            SPACE
        )  # the first are spread over the classes, for the figure
    shared = {row["sample_id"] for row in by_cell["near/net"]} & {
        row["sample_id"] for row in by_cell["wide/net"]
    }
    assert (
        len(shared) >= 8
    )  # the same pictures where they serve: drawn by the sample, not by the cell
    assert {row["sample_id"] for row in rows if row["cell"] == "near/net"}.isdisjoint(
        {"s005"}
    )  # no face, no crop


def test_the_budget_cuts_all_confusions_alike(tmp_path):
    run = Run(tmp_path)
    everything = run.examples(examples=0, gallery=6)
    data = {row["image"]["bytes"] for row in everything}
    half = run.examples(examples=0, gallery=6, megabytes=sum(map(len, data)) * 4 / 3 / 1e6 / 2)
    assert len(everything) > len(half) > 0
    kept = {row["image"]["bytes"] for row in half}
    assert sum(map(len, kept)) * 4 / 3 <= sum(map(len, data)) * 2 / 3
    per_cell = [sum(row["cell"] == cell for row in half) for cell in ("near/net", "wide/net")]
    assert abs(per_cell[0] - per_cell[1]) <= 6
    assert len({(row["cell"], row["truth"], row["predicted"]) for row in half}) == 18


def test_examples_without_faces_or_labels(tmp_path):
    run = Run(tmp_path / "labelled", n=12)
    assert run.examples(examples=0, gallery=0) == []
    rows = Run(tmp_path / "unlabelled", n=12, labelled=False).examples(examples=0, gallery=1)
    assert {row["truth"] for row in rows} == {None}
    assert {row["correct"] for row in rows} == {None}
    assert len(rows) == sum(
        len({row["predicted"] for row in rows if row["cell"] == cell})
        for cell in ("near/net", "wide/net")
    )


def test_crops_are_small_webp(tmp_path):
    row = Run(tmp_path, n=12).examples()[0]
    assert row["image"]["bytes"][:4] == b"RIFF"
    assert decode_image(row["image"]["bytes"]).shape == (96, 96, 3)
    flat = encode(np.full((96, 96, 3), 120, np.uint8))
    assert len(flat) < 500
    assert encode(np.full((96, 96, 3), 120, np.uint8)) == flat


def test_overlaps_of_boxes(tmp_path):
    found = Run(tmp_path, n=20, jitter=20.0).overlaps()
    (pair,) = found["pairs"]
    assert {
        key: pair[key]
        for key in ("a", "b", "frames", "both", "only_a", "only_b", "neither", "same_face")
    } == {
        "a": "near",
        "b": "wide",
        "frames": 20,
        "both": 18,
        "only_a": 1,
        "only_b": 1,
        "neither": 0,
        "same_face": 0,
    }
    assert pair["mean_iou"] == pytest.approx(1 / 3)  # half of a square beside its neighbour
    near, wide = found["detectors"]
    assert near == {"detector": "near", "with_face": 19, "on_face": 18, "false_alarms": 1}
    assert wide == {"detector": "wide", "with_face": 19, "on_face": 0, "false_alarms": 1}


def test_overlaps_with_truth_use_the_calibrated_box_and_leave_out_the_whole_frame(tmp_path):
    run = Run(tmp_path, n=20, jitter=20.0)
    found = run.overlaps(calibrations={"wide": {"dx": -0.5, "dy": 0.0, "sx": 1.0, "sy": 1.0}})
    assert found["pairs"] == []
    assert found["detectors"] == [
        {"detector": "wide", "with_face": 19, "on_face": 18, "false_alarms": 1}
    ]


def test_answers_of_an_unlabelled_dataset(tmp_path):
    found = Run(tmp_path, n=30, labelled=False).answers()
    assert not found["labelled"]
    assert found["n"] == 30
    for row in found["pipelines"]:
        assert sum(row["counts"].values()) == 29
        assert 1 / 3 < row["confidence"] < 1
    (pair,) = found["agreement"]
    assert pair["n"] == 28
    assert 0 < pair["same"] < 1
    assert found["clips"] == []


def test_answers_of_a_labelled_dataset_leave_agreement_to_the_comparisons(tmp_path):
    found = Run(tmp_path, n=12).answers()
    assert found["labelled"]
    assert found["agreement"] == []


def test_clips_over_time(tmp_path):
    run = Run(tmp_path, n=200, clip=True)
    found = run.answers()
    (clip,) = found["clips"]
    assert clip["sample_id"] == "clip"
    assert len(clip["seconds"]) == MOMENTS
    assert clip["seconds"][0] == 0.0
    assert clip["seconds"][-1] == 39.8
    assert 0 < sum(picture is not None for picture in clip["frames"]) <= PICTURES
    shown = clip["pipelines"]["near/net"]
    assert all(row is None or 998 <= sum(row) <= 1002 for row in shown)
    stored = {row["frame"]: row for row in pq.read_table(run.predictions[0]).to_pylist()}
    place = round(clip["seconds"][7] * 5)
    assert shown[7] == [round(1000 * stored[place][f"p_{emotion}"]) for emotion in SPACE]
    picture = decode_image(base64.b64decode(next(filter(None, clip["frames"]))))
    assert picture.shape == (80, 80, 3)
    private = run.answers(faces=False)
    assert set(private["clips"][0]["frames"]) == {None}
    assert private["clips"][0]["pipelines"] == clip["pipelines"]
    assert run.answers(clips=0)["clips"] == []


def test_the_front_of_speed_and_accuracy():
    rows = [
        {"speed": speed, "value": value}
        for speed, value in ((10, 0.9), (20, 0.8), (15, 0.7), (20, 0.8), (5, 0.9), (40, 0.1))
    ]
    assert [on_front(row, rows) for row in rows] == [True, True, False, True, False, True]
