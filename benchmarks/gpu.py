"""The checks that need a GPU, in one table: same answers as on the CPU, share of the bare network's speed, milliseconds per frame, memory.

    FACEOFF_MIRROR=/folder/of/weights python benchmarks/gpu.py [NAME …] [--pictures 512]

Weights that are not here are random (marked *): they cost the same. Without a GPU it says so and exits with 2.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from detectors import pictures
from models import faces, job
from rich.console import Console
from rich.table import Table

from faceoff import assets, crops, devices, registry, runtimes
from faceoff.runtimes import Hardware
from faceoff.stages.batches import Clock, load_plugin

MODELS = ("deepface", "enet_b0_8_best_vgaf", "vit_tiny")
DETECTORS = ("mtcnn", "retinaface", "blazeface")
AGREEMENT = 0.999  # of argmax across devices (protocol §29)
FRAMES = 32  # of 1920 x 1080 with four faces


def on(device: str, described: dict[str, Any]) -> Any:
    """The plug-in, constructed on this device."""
    return load_plugin({**described, "device": device, "precision": "float32"}, Clock())


def seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """Median seconds of a call, the GPU's queue emptied; two calls before warm it up."""
    import torch

    spent = []
    for turn in range(repeats + 2):
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        if turn >= 2:
            spent.append(time.perf_counter() - start)
    return float(np.median(spent))


def bare(model: Any, pixels: np.ndarray) -> float | None:
    """Seconds of the network alone on as many rows already on the GPU; None for one that is no torch module."""
    import torch

    wrapped = next((value for value in vars(model).values() if isinstance(value, devices.Torch)), None)
    if wrapped is None:
        return None
    size = (wrapped._batch, 3, *pixels.shape[1:3])
    rows = torch.zeros(size, device="cuda").to(memory_format=torch.channels_last)

    def run() -> None:
        with torch.inference_mode():
            for _ in range(0, len(pixels), wrapped._batch):
                wrapped._network(rows)

    return seconds(run)


def measure_model(name: str, folder: Path, count: int) -> tuple[str, ...]:
    import torch

    described, real = job(name, folder)
    cpu, gpu = on("cpu", described), on("cuda", described)
    pixels = faces(count, gpu.crop)
    expected, found = cpu.predict(pixels).posterior, gpu.predict(pixels).posterior
    same = float((expected.argmax(axis=1) == found.argmax(axis=1)).mean())
    torch.cuda.reset_peak_memory_stats()
    spent, alone = seconds(lambda: gpu.predict(pixels)), bare(gpu, pixels)
    share = "–" if alone is None else f"{alone / spent:.0%}"
    difference = f"{np.abs(expected - found).max():.1e}"
    return (name + ("" if real else "*"), f"{same:.2%}", difference, f"{count / spent:,.0f} images/s", share, f"{devices.peak_vram_mib():,.0f} MiB")


def measure_detector(name: str, count: int) -> tuple[str, ...]:
    described = registry.get("detector", name).job()
    images = pictures(count, 512)
    cpu, gpu = on("cpu", described), on("cuda", described)
    expected, found = cpu.detect(images), gpu.detect(images)
    counts = float(np.mean([len(a) == len(b) for a, b in zip(expected, found, strict=True)]))
    apart = [np.abs(np.subtract(a.box, b.box)).max() for x, y in zip(expected, found, strict=True) for a, b in zip(x, y, strict=False)]
    spent = seconds(lambda: gpu.detect(images))
    return (name, f"{counts:.2%}", f"{max(apart, default=0.0):.1e} px", f"{count / spent:,.0f} images/s", "–", f"{devices.peak_vram_mib():,.0f} MiB")


def four_faces(folder: Path) -> tuple[str, ...]:
    """Detect four faces in 1080p frames, cut them out and read them: milliseconds per frame."""
    import cv2

    four = pictures(4 * FRAMES, 480)
    frames = [np.zeros((1080, 1920, 3), np.uint8) for _ in range(FRAMES)]
    for number, image in enumerate(four):
        x = 480 * (number % 4)
        frames[number // 4][300:780, x : x + 480] = cv2.resize(image, (480, 480))
    detector, model = on("cuda", registry.get("detector", "blazeface").job()), on("cuda", job("vit_tiny", folder)[0])

    def run() -> None:
        cut = [crops.crop(frame, face.box, model.crop) for frame, found in zip(frames, detector.detect(frames), strict=True) for face in found[:4]]
        if cut:
            model.predict(np.stack(cut))

    return ("1080p, up to 4 faces: blazeface, vit_tiny*", "–", "–", f"{1000 * seconds(run) / FRAMES:.2f} ms per frame (<= 5)", "–", "–")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[*MODELS, *DETECTORS])
    parser.add_argument("--pictures", type=int, default=512)
    arguments = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        print("no GPU: nothing was measured", file=sys.stderr)
        return 2
    table = Table("what", "as on the CPU", "largest difference", "speed", "of the bare network", "peak GPU memory", title=torch.cuda.get_device_name())
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HOME"] = scratch
        for name in arguments.names:
            if name in DETECTORS:
                absent = [asset.name for asset in registry.get("detector", name).assets.values() if assets.locate(asset) is None]
                table.add_row(*((name, f"{absent[0]} is not here") if absent else measure_detector(name, min(arguments.pictures, 64))))
            else:
                table.add_row(*measure_model(name, Path(scratch), arguments.pictures))
        table.add_row(*four_faces(Path(scratch)))
    runtimes.tell(Hardware())
    table.caption = f"as on the CPU: share of equal answers (models, {AGREEMENT:.1%} is needed) or of pictures with as many faces (detectors); * random weights"
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
