"""Test what `faceoff finetune` begins from."""

import inspect
from pathlib import Path

import torch

from faceoff.assets import fetch
from faceoff.commands import train
from faceoff.plugins import registry
from faceoff.training import net_list, onnx_files, start


def test_it_begins_from_the_network_of_the_package(tmp_path: Path) -> None:
    name = inspect.signature(train.finetune).parameters["weights"].default
    given = train._configuration(tmp_path, name, "mine", "whole")
    assert given["models"] == {"faceoff_small": {}}
    assert given["training"]["tuned"]["start"] == "faceoff_small"
    assert given["training"]["tuned"]["net"] == "resnet_small"


def test_its_8_bit_weights_become_the_weights_of_a_network() -> None:
    file = fetch.fetch(registry.get("model", "faceoff_small").assets["weights"])
    about, stored = onnx_files.read(file)
    made = net_list.build(about.net, about.options, len(about.classes))
    before = {key: value.clone() for key, value in made.state_dict().items()}
    start.begin_from(made, net_list.get(about.net).head, file, about.net, about.classes)
    after = made.state_dict()
    weights = [key for key in stored if key.endswith("weight") and key in after]
    assert len(weights) > 10
    assert all(torch.equal(after[key], stored[key]) for key in weights)
    assert any(not torch.equal(before[key], after[key]) for key in weights)
