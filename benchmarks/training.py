"""Compare a training with the bare loop of the same network on tensors in memory, in turns.

python benchmarks/training.py [--net resnet_small] [--threads 2]

The training draws and changes its pictures, averages its weights, scores, logs and saves; the bare
loop only computes. The ratio of the two is the figure to quote; seconds differ between machines.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

from faceoff.plan.training_sections import RecipeConfig
from faceoff.training import net_list
from faceoff.training.loop import Training
from faceoff.training.picture_lesson import Input, PictureLesson
from faceoff.training.pictures import Pictures
from faceoff.training.recipe import Augment, Recipe

CLASSES = 8


def drawn(n: int, size: tuple[int, int], channels: int) -> Pictures:
    """Return n pictures of noise with labels."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, n)
    pixels = generator.integers(0, 256, (n, *size, channels), dtype=np.uint8)
    return Pictures(pixels, np.eye(CLASSES)[labels], labels)


def recipe(precision: str) -> Recipe:
    """Return the default recipe of networks for pictures, for one epoch."""
    settings = RecipeConfig(epochs=1, batch=128, mixup=0.2, precision=precision).model_dump()
    return Recipe(**{**settings, "augment": Augment(**settings["augment"])})


def trained(net: str, pictures: Pictures, settings: Recipe, device: str = "cpu") -> float:
    """Return the seconds of one epoch of training."""
    card = net_list.stated(net)["input"]
    normalise = Input(card["divisor"], card["mean"], card["std"])
    judged = slice(max(1, len(pictures) // 20))
    few = Pictures(pictures.pixels[judged], pictures.targets[judged], pictures.labels[judged])
    network, head = net_list.build(net, {}, CLASSES), net_list.get(net).head
    with tempfile.TemporaryDirectory() as folder:
        lesson = PictureLesson(settings, head, normalise, pictures, few, device)
        training = Training(network, head, settings, lesson, Path(folder), "benchmark", 0, device)
        began = time.perf_counter()
        training.run("training")
        return time.perf_counter() - began


def bare(
    net: str,
    pictures: Pictures,
    settings: Recipe,
    device: str = "cpu",
    layout: torch.memory_format = torch.channels_last,
) -> float:
    """Return the seconds of the same steps with nothing beside the network.

    Pictures and targets lie on the device before. layout: of the pictures and the weights.
    """
    network = net_list.build(net, {}, CLASSES).to(device).to(memory_format=layout).train()
    inputs = torch.from_numpy(pictures.pixels).permute(0, 3, 1, 2).float()
    inputs = (inputs / 255).to(device).contiguous(memory_format=layout)
    targets = torch.as_tensor(pictures.targets, dtype=torch.float32).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), settings.lr)
    half = settings.precision == "bfloat16"
    began = time.perf_counter()
    for start in range(0, len(inputs) // settings.batch * settings.batch, settings.batch):
        rows = slice(start, start + settings.batch)
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=half):
            answer = network(inputs[rows])
        logits, extra = answer if isinstance(answer, tuple) else (answer, 0.0)
        loss = torch.nn.functional.cross_entropy(logits.float(), targets[rows]) + extra
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    loss.item()  # a GPU is waited for
    return time.perf_counter() - began


def main() -> None:
    """Print seconds of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", default="resnet_small")
    parser.add_argument("--pictures", type=int, default=2560)
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    card, settings = net_list.stated(options.net)["input"], recipe(options.precision)
    pictures = drawn(options.pictures, tuple(card["size"]), card["channels"])
    turns = [
        (trained(options.net, pictures, settings), bare(options.net, pictures, settings))
        for _ in range(options.turns)
    ]
    ours, theirs = (median(column) for column in zip(*turns, strict=True))
    print(
        f"{options.net}, {options.precision}, {options.threads} threads: training {ours:.2f} s, "
        f"bare {theirs:.2f} s, ratio {ours / theirs:.2f} (median of {options.turns} turns)"
    )


if __name__ == "__main__":
    main()
