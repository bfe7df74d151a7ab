"""The script that measures GPUs, as far as a CPU can try it: what it feeds, what it compares with,
what it does without a GPU or without weights.
"""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import bare
import crowd
import gpu
import models

from faceoff.faces.crops import iou
from faceoff.inference import torch_devices
from faceoff.plugins import registry


class _Counting(torch.nn.Module):
    """Doubles its rows, and notes how many it gets."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = torch.nn.Parameter(torch.tensor(2.0)), []

    def forward(self, rows):
        self.seen.append(len(rows))
        return rows * self.weight


class _Model:
    def __init__(self, network):
        self._network = torch_devices.Torch(network, batch=4)

    def predict(self, crops):
        return self._network.run(crops.astype(np.float32))[0]


def test_the_bare_network_computes_the_batches_that_its_plugin_does():
    network = _Counting()
    model = _Model(network)
    runtime = model._network
    questions = bare.asked(model, lambda: model.predict(np.ones((9, 3))))
    assert model._network is runtime, "the plug-in is left as it was"
    assert [(len(question.inputs), question.batch, question.turns) for question in questions] == [
        (9, 4, 3)
    ]
    network.seen.clear()
    bare.alone(questions)()
    assert network.seen == [4, 4, 4]


def test_a_plugin_that_asks_no_network_of_its_own_has_no_bare_speed():
    assert bare.alone(bare.asked(object.__new__(_Model), lambda: None)) is None


def test_as_many_crops_as_asked_for_though_there_are_fewer_scenes():
    scenes = 288  # of the train split, on the rung "plain"
    (first, box), (other, _) = models.portrait(0, ("plain",)), models.portrait(1, ("plain",))
    again, same_box = models.portrait(scenes, ("plain",))
    np.testing.assert_array_equal(first, again)
    assert (box == same_box, (first != other).any()) == (True, True)


def test_frames_show_four_people_where_they_say(mirror):
    (frame,) = crowd.draw(1)
    assert Image.open(io.BytesIO(frame.jpeg)).size == (1920, 1080)
    plugin = registry.get("detector", "retinaface")
    ((_, images),) = crowd.decoded([frame])
    (found,) = crowd.detecting(gpu.on("cpu", plugin.job()), plugin.card)([frame], images)
    assert len(found) == len(frame.boxes) == 4
    for box, truth in zip(sorted(found), frame.boxes, strict=True):
        assert iou(box, truth) > 0.6


def test_answers_that_differ_fail_the_row():
    one = np.eye(3)[np.zeros(1000, int)]
    other = one.copy()
    other[:2] = [0.0, 0.9, 0.1]
    row, same = gpu.Row("x"), gpu.Row("y")
    gpu.compared(row, one, other)
    gpu.compared(same, one, one)
    assert row.agreement == "99.80%"
    assert "FAILS: 99.80%" in row.cells()[-1]
    assert (same.cells()[-1], same.wrong) == ("ok", [])


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_says_what_to_do(capsys):
    assert gpu.main([]) == 2
    said = capsys.readouterr()
    assert "no GPU, nothing was measured: PyTorch" in said.err
    assert said.out == ""


def test_a_row_without_its_weights_says_so_and_the_table_is_printed(capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path))
    monkeypatch.setenv("FACEOFF_DEVICE", "cuda")  # would stand above what each row asks for
    home = os.environ["HOME"]
    assert gpu.main(["--rehearse", "--markdown", "blazeface", "mini_xception"]) == 1, (
        "nothing could be measured"
    )
    table = capsys.readouterr().out
    assert (
        "not measured: neither FACEOFF_MIRROR nor the cache has blazeface.pth, anchors.npy" in table
    )
    assert "fer2013_mini_XCEPTION.102-0.66.hdf5 is not here" in table
    assert "REHEARSAL" in table
    assert (os.environ["HOME"], os.environ["FACEOFF_CACHE"]) == (home, str(tmp_path))
