"""Measure how fast a network trains on this GPU and CPU, and run the full recipe of DDAMFN.

    FACEOFF_DATA=/folder/of/data \\
        python benchmarks/gpu_training.py [--net ddamfn] [--threads 2] [--recipe]

The table shows pictures per second, forward and backward, for each device, number type and order
of the channels in memory; the share of it that a whole training reaches; and in which epoch the
network knows 200 pictures of FER+ by heart. The script prints each row on standard error once it is
made. `--recipe` then runs configs/ddamfn.yaml on the GPU and prints its leaderboard. Exit codes:
0; 1 where a row breaks; 2 without a GPU, unless `--cpu` asks for the CPU's rows alone.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

import gpu
import training
from gpu import Memory, NotHereError, Row, call_with_row_fallback
from printing import show

from faceoff.datasets.ferplus import FerPlus, FerPlusOptions
from faceoff.emotions import EMOTIONS
from faceoff.faces.resampling import resize
from faceoff.media.images import decode_image
from faceoff.plugins.subsets import limited
from faceoff.training import net_list
from faceoff.training.loop import Fitted, Training
from faceoff.training.picture_lesson import Input, PictureLesson
from faceoff.training.pictures import Pictures
from faceoff.training.recipe import Augment, Recipe

ROOT = Path(__file__).resolve().parents[1]
CONFIG = "configs/ddamfn.yaml"
HEADER = ("what", "pictures/s", "of the bare loop", "GPU memory", "verdict")
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
STILL = Augment(
    rotate=0, scale=0, stretch=0, shift=0, flip=0, erase=0, brightness=0, contrast=0, grey=0,
    jpeg=0, blur=0,
)  # fmt: skip


def cells(row: Row) -> tuple[str, ...]:
    """Return the columns of the table that a training fills."""
    return (row.what, row.speed, row.share, row.memory, row.cells()[-1])


def speed_rows(net: str, device: str, pictures: Pictures) -> Iterator[Row]:
    """Yield a row for each number type and layout, and one of a whole training."""
    fastest = 0.0
    for precision in ("float32", "bfloat16"):
        settings = training.recipe(precision)
        settings = replace(settings, batch=min(settings.batch, len(pictures)))
        used = len(pictures) // settings.batch * settings.batch
        for name, layout in LAYOUTS.items():
            row, memory = Row(f"{net}, {device}, {precision}, {name}"), Memory()
            turn = partial(training.bare, net, pictures, settings, device, layout)
            turn()  # warms the device up
            fastest = used / min(turn() for _ in range(2))
            row.speed, row.memory = f"{fastest:,.1f}", memory.told()
            yield row
    row, memory = Row(f"{net}, {device}, whole training in bfloat16"), Memory()
    whole = used / training.trained(net, pictures, settings, device)
    row.speed, row.share, row.memory = f"{whole:,.1f}", f"{whole / fastest:.0%}", memory.told()
    row.remark = "pictures changed, weights averaged, scored and saved too"
    yield row


def ferplus_pictures(count: int, size: tuple[int, int], channels: int) -> Pictures:
    """Return pictures of FER+'s training part, drawn by class; labels as in configs/ddamfn.yaml.

    Raise NotHereError without the data.
    """
    folder = Path(os.environ.get("FACEOFF_DATA", ROOT / "data")) / "datasets/ferplus"
    try:
        dataset = FerPlus(
            FerPlusOptions(
                type="ferplus", path=folder, votes="label", rule="argmax8", split="train"
            )
        )
    except FileNotFoundError as error:
        raise NotHereError(error) from None
    samples = limited(list(dataset.samples()), count, 0)
    pixels = [resize(decode_image(dataset.read(sample)), size) for sample in samples]
    labels = np.array([EMOTIONS.index(sample.label) for sample in samples])
    return Pictures(np.stack(pixels)[..., :channels], np.eye(len(EMOTIONS))[labels], labels)


def by_heart(
    net: str, pictures: Pictures, epochs: int, precision: str, device: str, folder: Path
) -> Fitted:
    """Train on the pictures and score on the same ones.

    Nothing is changed or averaged, so that the network can learn each of them. folder: of the
    checkpoint, from which a training that was stopped goes on.
    """
    settings = Recipe(
        target="majority", epochs=epochs, batch=20, optimizer="adamw", lr=0.001, weight_decay=0.0,
        schedule="cosine", warmup=0.0, ema=0.0, clip_norm=2.0, smoothing=0.0, mixup=0.0,
        balance=0.0, logit_adjustment=0.0, focal=0.0, freeze=0, patience=None, select="accuracy",
        precision=precision, tensorboard=False, augment=STILL,
    )  # fmt: skip
    torch.manual_seed(0)
    network = net_list.build(net, {}, pictures.targets.shape[1])
    normalise = Input.of_card(net_list.stated(net)["input"])
    head = net_list.get(net).head
    lesson = PictureLesson(settings, head, normalise, pictures, pictures, device)
    made = Training(network, head, settings, lesson, folder, "by heart", 0, device)
    return made.run("by heart")


def by_heart_rows(net: str, device: str, count: int, epochs: int) -> Iterator[Row]:
    """Yield the row of pictures that are learnt by heart, which fails below 100 %."""
    row, card = Row(f"{net}, {device}, {count} pictures by heart"), net_list.stated(net)
    pictures = ferplus_pictures(count, tuple(card["input"]["size"]), card["input"]["channels"])
    memory = Memory()
    with tempfile.TemporaryDirectory() as folder:
        fitted = by_heart(net, pictures, epochs, "bfloat16", device, Path(folder))
    row.memory = memory.told()
    first, *_, last = (epoch["loss"] for epoch in fitted.history)
    row.remark = (
        f"{fitted.best.accuracy:.1%} in epoch {fitted.best_epoch}; loss {first:.3f} in the first, "
        f"{last:.4f} in the last of {epochs}"
    )
    if fitted.best.accuracy < 1:
        row.wrong.append("not all pictures are learnt")
    yield row


def full_recipe() -> int:
    """Run the configuration on the GPU, and print its leaderboard; return the exit code."""
    environment = os.environ | {"FACEOFF_DEVICE": "cuda"}
    for command in (("run", CONFIG), ("leaderboard", "ddamfn")):
        done = subprocess.run(
            [sys.executable, "-m", "faceoff", *command], cwd=ROOT, env=environment, check=False
        )
        if done.returncode:
            return done.returncode
    return 0


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--net", default="ddamfn", help="a name of `faceoff nets`")
    parser.add_argument("--pictures", type=int, default=2048, help="of noise, for the speeds")
    parser.add_argument("--heart", type=int, default=200, help="pictures to learn by heart")
    parser.add_argument("--epochs", type=int, default=30, help="for them")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU")
    parser.add_argument("--cpu", action="store_true", help="measure the CPU alone")
    parser.add_argument("--recipe", action="store_true", help=f"run {CONFIG} on the GPU, too")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    options = parser.parse_args(given)
    why = None if options.cpu else gpu.missing_gpu()
    if why:
        print(f"no GPU: {why}; --cpu measures the CPU alone", file=sys.stderr)
        return 2
    torch.set_num_threads(options.threads)
    # A CPU takes seconds for what a GPU does in one.
    devices = {"cpu": min(options.pictures, 128)}
    if not options.cpu:
        devices["cuda:0"] = options.pictures
    card = net_list.stated(options.net)["input"]
    rows: list[Row] = []
    for device, count in devices.items():
        pictures = training.drawn(count, tuple(card["size"]), card["channels"])
        speeds = partial(speed_rows, options.net, device, pictures)
        learn = partial(by_heart_rows, options.net, device, options.heart, options.epochs)
        for what, part in ((device, speeds), (f"{device}, by heart", learn)):
            for row in call_with_row_fallback(what, part):
                rows.append(row)
                print(" | ".join(cells(row)), file=sys.stderr, flush=True)
    where = f"PyTorch {torch.__version__}" if options.cpu else gpu.gpu_name()
    show(HEADER, [cells(row) for row in rows], f"{where}, {options.threads} threads",
         options.markdown)  # fmt: skip
    failed = any(row.wrong for row in rows)
    if options.recipe and not options.cpu:
        failed = bool(full_recipe()) or failed
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
