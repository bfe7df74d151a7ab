"""The script that measures trainings on GPUs, as far as a CPU can try it."""

import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import gpu_training
from models import faces

from faceoff.plan import config_files
from faceoff.plugins.protocols import CropSpec
from faceoff.training import checkpoints, net_list
from faceoff.training.picture_lesson import Input
from faceoff.training.pictures import Pictures


@pytest.mark.slow
def test_ddamfn_learns_faces_by_heart_and_goes_on_to_the_bit(tmp_path, monkeypatch):
    """The second training begins from what the first one's disk held after nine epochs.

    The network answers with the batch's own means: twelve steps are too few for moving averages.
    """
    torch.set_num_threads(1)
    pictures = Pictures(faces(4, CropSpec(size=(112, 112))), np.eye(4), np.arange(4))
    save, saves = checkpoints.save, []

    def kept(path, *given):
        save(path, *given)
        saves.append(path)
        if len(saves) == 9:
            (tmp_path / "killed").mkdir()
            shutil.copy(path, tmp_path / "killed")

    monkeypatch.setattr(checkpoints, "save", kept)
    whole, resumed = (
        gpu_training.by_heart("ddamfn", pictures, 12, "float32", "cpu", tmp_path / name)
        for name in ("whole", "killed")
    )
    assert len(saves) == 12 + 3
    assert whole.history[-1]["loss"] < 0.5 * whole.history[0]["loss"]
    network = net_list.build("ddamfn", {}, 4)
    network.load_state_dict(whole.weights)
    inputs = Input.of_card(net_list.stated("ddamfn")["input"]).normalised(
        torch.from_numpy(pictures.pixels).permute(0, 3, 1, 2) / 255
    )
    with torch.no_grad():
        assert network.train()(inputs)[0].argmax(dim=1).tolist() == [0, 1, 2, 3]
    assert resumed.history == whole.history
    assert all(torch.equal(resumed.weights[name], value) for name, value in whole.weights.items())


def test_the_table_has_every_number_type_and_layout(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEOFF_DATA", str(tmp_path))
    given = ["--cpu", "--net", "resnet_small", "--pictures", "4", "--threads", "1", "--markdown"]
    assert gpu_training.main(given) == 0
    table = capsys.readouterr().out
    for precision in ("float32", "bfloat16"):
        for layout in ("NCHW", "channels_last"):
            assert f"| resnet_small, cpu, {precision}, {layout} | " in table
    assert "whole training in bfloat16" in table
    assert f"not measured: {tmp_path}/datasets/ferplus: the folder of FER+ is not there" in table


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_says_what_to_do(capsys):
    assert gpu_training.main([]) == 2
    assert "--cpu measures the CPU alone" in capsys.readouterr().err


def test_the_full_recipe_has_the_labels_of_the_kaggle_edition():
    config = config_files.read(gpu_training.ROOT / gpu_training.CONFIG)
    assert {(each.votes, each.rule) for each in config.datasets.values()} == {("label", "argmax8")}
    still = asdict(gpu_training.STILL)
    made = {
        name: (training.options["heads"], training.recipe.augment.model_dump() == still)
        for name, training in config.training.items()
    }
    assert made == {
        "heads2": (2, False),
        "heads4": (4, False),
        "heads2_plain": (2, True),
        "heads4_plain": (4, True),
    }
