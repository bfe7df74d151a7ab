"""Check and measure in one table all that needs a GPU.

    FACEOFF_MIRROR=/folder/of/weights \\
        python benchmarks/gpu.py [NAME …] [--pictures 512] [--frames 32]

The table shows whether the answers are those of the CPU and the same bits twice, the share of the
bare network's speed, the memory, and how a GPU that is too small is met. Names are models,
detectors, `memory` (batches halved when memory runs out) and `frames` (1080p frames with four
faces, from JPEG to posteriors). Weights that are not here are random (marked *), which costs the
same, or their row says so. The script prints each row on standard error once it is made, and the
table at the end. Exit codes: 0; 1 where something disagrees or breaks, or nothing could be
measured; 2 without a GPU. `--rehearse` goes through it on the CPU, to try the script itself.
"""

import argparse
import gc
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

import bare
import crowd
from detectors import pictures
from models import TIMM, VIT, faces, job, scratch_home
from printing import show

from faceoff.assets import fetch
from faceoff.assets.asset import AssetError
from faceoff.inference import hardware, runtimes, torch_devices
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin, reason
from faceoff.plugins import registry
from faceoff.plugins.jobs import PluginJob
from faceoff.plugins.plugin import Plugin

MODELS = ("deepface", "pd_best_keras", TIMM, VIT, "enet_b0_8_best_vgaf")
DETECTORS = ("mtcnn", "retinaface", "blazeface")
# These find all four faces of a frame; BlazeFace sees frames at 128 pixels and does not.
CROWD = ("retinaface", "mtcnn")
BATCHES = (64, 256)  # tried beside a model's own batch; a GPU needs them to be busy
AGREEMENT = 0.999  # share of equal argmax across devices (protocol §29)
SHARE, PER_FRAME_MS = 0.85, 5.0  # aims: share of the bare network's speed; most for a frame
HEADER = (
    "what", "as on the CPU", "largest difference", "same bits", "images/s",
    "bare network, images/s", "of it: all, network and copies", "GPU memory", "verdict",
)  # fmt: skip


class NotHereError(Exception):
    """Say why a row cannot be measured here."""


ABSENT = (NotHereError, AssetError, hardware.DeviceError, ImportError)


@dataclass
class Row:
    """Hold one line of the table.

    `remark`: what its reader should know; `wrong`: what makes the whole run fail.
    """

    what: str
    agreement: str = "–"
    difference: str = "–"
    bits: str = "–"
    speed: str = "–"
    bare: str = "–"
    share: str = "–"
    memory: str = "–"
    remark: str = ""
    wrong: list[str] = field(default_factory=list)
    measured: bool = True

    def cells(self) -> tuple[str, ...]:
        *cells, remark, wrong, measured = astuple(self)
        verdict = f"FAILS: {'; '.join(wrong)}" if wrong else "ok" if measured else ""
        return (*cells, "; ".join(part for part in (verdict, remark) if part))


def call_with_row_fallback(what: str, rows: Callable[[], Iterable[Row]]) -> Iterator[Row]:
    """Yield the rows as they come; make what breaks a row too."""
    try:
        yield from rows()
    except ABSENT as error:
        yield Row(what, remark=f"not measured: {error}", measured=False)
    except Exception as error:
        yield Row(what, wrong=[reason(error)], measured=False)


def on(
    device: str, described: PluginJob, batch: int | None = None, precision: str = "float32"
) -> Any:
    """Return the plug-in, constructed on this device."""
    job = replace(described, device=device, batch=batch, precision=precision)
    return load_plugin(job, Clock())


def here(kind: str, name: str) -> Plugin:
    """Return the plug-in of that name.

    Raise NotHereError where a package or a file of it is absent.
    """
    plugin = registry.get(kind, name)
    absent = [asset.name for asset in plugin.assets.values() if fetch.locate(asset) is None]
    why = plugin.skip() or (
        f"neither FACEOFF_MIRROR nor the cache has {', '.join(absent)}" if absent else None
    )
    if why:
        raise NotHereError(why)
    return plugin


def settle() -> None:
    """Wait until the GPU has done what it was given."""
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def seconds(call: Callable[[], object], turns: int = 5, budget: float = 20.0) -> float:
    """Return the median seconds of a call, the GPU's queue emptied.

    Two calls before warm it up, and no further one begins once the budget is spent.
    """
    spent: list[float] = []
    while len(spent) < 3 or (len(spent) < turns + 2 and sum(spent) < budget):
        settle()
        start = time.perf_counter()
        call()
        settle()
        spent.append(time.perf_counter() - start)
    return float(np.median(spent[2:]))


class Memory:
    """Measure how much of the GPU's memory is used from here on.

    This is PyTorch's peak, or what is taken of the card where another library computes.
    """

    def __init__(self) -> None:
        import torch

        gc.collect()
        self._cuda = torch.cuda if torch.cuda.is_available() else None
        if self._cuda:
            self._cuda.init()
            self._cuda.empty_cache()
            self._cuda.reset_peak_memory_stats()
            self._free = self._cuda.mem_get_info()[0]

    def told(self) -> str:
        if not self._cuda:
            return "–"
        peak = self._cuda.max_memory_allocated()
        if peak:
            return f"{peak / 2**20:,.0f} MiB"
        return f"{(self._free - self._cuda.mem_get_info()[0]) / 2**20:,.0f} MiB of the card"


def asking(plugin: Any, inputs: Any) -> Any:
    return plugin.detect(inputs) if hasattr(plugin, "detect") else plugin.predict(inputs).posterior


def as_bytes(answer: Any) -> bytes:
    """Return the bits of posteriors, or of each picture's boxes, scores and landmarks."""
    if isinstance(answer, np.ndarray):
        return answer.tobytes()
    arrays = (
        [*face.box, face.score, *(() if face.landmarks is None else face.landmarks.ravel())]
        for found in answer
        for face in found
    )
    return repr([len(found) for found in answer]).encode() + b"".join(
        np.asarray(values, float).tobytes() for values in arrays
    )


def answered(device: str, described: PluginJob, inputs: Any) -> bytes:
    """Return the answers of this plug-in; for a process that begins with it."""
    warnings.simplefilter("ignore")
    return as_bytes(asking(on(device, described), inputs))


def repeated(
    plugin: Any, device: str, described: PluginJob, inputs: Any, first: Any
) -> tuple[str, list[str]]:
    """Return (cell, what is wrong).

    This process and another one must answer with the same bits as before (protocol §29).
    """
    again = as_bytes(asking(plugin, inputs))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        elsewhere = pool.submit(answered, device, described, inputs).result()
    wrong = [
        f"other bits the second time, {where}"
        for where, bits in (("in one process", again), ("in another process", elsewhere))
        if bits != as_bytes(first)
    ]
    return ("no" if wrong else "yes"), wrong


def speeds(plugin: Any, inputs: Any, row: Row) -> None:
    """Put into the row how fast the plug-in is, beside its bare networks.

    The bare networks compute as many rows, which lie on the device already.
    """
    questions = bare.asked(plugin, lambda: asking(plugin, inputs))
    network = bare.alone(questions)
    whole = len(inputs) / seconds(lambda: asking(plugin, inputs))
    row.speed = f"{whole:,.0f}"
    if network is None:
        return
    # The bare network computes full batches, so its speed counts the padding of the last one too.
    paid = sum(question.turns * question.batch for question in questions) / sum(
        len(question.inputs) for question in questions
    )
    alone = len(inputs) * paid / seconds(network)
    copying = len(inputs) / seconds(
        lambda: [question.runtime.run(question.inputs) for question in questions]
    )
    row.bare, row.share = f"{alone:,.0f}", f"{whole / alone:.0%}, {copying / alone:.0%}"
    if whole / alone < SHARE:
        row.remark = "; ".join(part for part in (row.remark, f"aim of {SHARE:.0%} missed") if part)


def compared(
    row: Row, expected: np.ndarray, found: np.ndarray, needed: float | None = AGREEMENT
) -> None:
    """Put into the row how far two posteriors agree."""
    same = float((expected.argmax(axis=1) == found.argmax(axis=1)).mean())
    row.agreement, row.difference = f"{same:.2%}", f"{np.abs(expected - found).max():.1e}"
    if needed and not same >= needed:
        row.wrong.append(f"{same:.2%} of the answers are the same, {needed:.1%} is needed")


def model_rows(name: str, folder: Path, count: int, device: str) -> Iterator[Row]:
    described, real = job(name, folder)
    label = name + ("" if real else "*")
    network = the_network(on(device, described))
    own = network._batch
    on_cpu = on("cpu", described)
    pixels = faces(count, on_cpu.crop)
    expected = on_cpu.predict(pixels).posterior
    for batch in (None, *(batch for batch in BATCHES if own != batch <= count)):
        what = f"{label}, batches of {batch or f'{own} (its own)'}"
        yield from call_with_row_fallback(
            what, partial(model_rows_of, what, described, batch, pixels, expected, device)
        )
    if not isinstance(network, runtimes.Onnx | runtimes.Tflite):
        what = f"{label}, bfloat16 beside float32"
        yield from call_with_row_fallback(
            what, partial(reduced_rows, what, described, pixels, device)
        )


def the_network(model: Any) -> Any:
    """Return the runtime of a model that has one."""
    found = list(bare.networks(model).values())
    if len(found) != 1:
        raise NotHereError(
            f"it keeps {len(found)} networks; this script measures models that keep one"
        )
    return found[0]


def model_rows_of(
    what: str,
    described: PluginJob,
    batch: int | None,
    pixels: np.ndarray,
    expected: np.ndarray,
    device: str,
) -> Iterator[Row]:
    row, memory = Row(what), Memory()
    model = on(device, described, batch)
    found = model.predict(pixels).posterior
    row.memory = memory.told()
    compared(row, expected, found)
    if batch is None:
        row.bits, row.wrong[len(row.wrong) :] = repeated(model, device, described, pixels, found)
    speeds(model, pixels, row)
    yield row


def reduced_rows(what: str, described: PluginJob, pixels: np.ndarray, device: str) -> Iterator[Row]:
    """Yield the row of bfloat16.

    Its first two columns compare with float32 on the same device; the bare network computes in
    bfloat16 too.
    """
    row = Row(what, remark="whether it may be used, a dataset decides (protocol §26)")
    expected = on(device, described).predict(pixels).posterior
    memory = Memory()
    model = on(device, described, precision="bfloat16")
    with torch_devices.autocast():
        found = model.predict(pixels).posterior
        row.memory = memory.told()
        compared(row, expected, found, needed=None)
        speeds(model, pixels, row)
    if not np.isfinite(found).all():
        row.wrong.append("not finite")
    yield row


def detector_rows(name: str, count: int, device: str) -> Iterator[Row]:
    described = here("detector", name).job()
    images = pictures(count, 512)
    expected = on("cpu", described).detect(images)
    row, memory = Row(name), Memory()
    detector = on(device, described)
    found = detector.detect(images)
    row.memory = memory.told()
    pairs = list(zip(expected, found, strict=True))
    same = float(np.mean([len(a) == len(b) for a, b in pairs]))
    apart = [
        np.abs(np.subtract(a.box, b.box)).max()
        for x, y in pairs
        if len(x) == len(y)
        for a, b in zip(x, y, strict=True)
    ]
    row.agreement, row.difference = f"{same:.2%}", f"{max(apart, default=0.0):.1e} px"
    row.remark = f"{sum(map(len, found))} faces in {count} pictures of 512 px"
    if not apart:
        row.wrong.append("no face in any picture: nothing was compared")
    if same < AGREEMENT:
        row.wrong.append(f"as many faces in {same:.2%} of the pictures, {AGREEMENT:.1%} is needed")
    row.bits, wrong = repeated(detector, device, described, images, found)
    row.wrong += wrong
    speeds(detector, images, row)
    yield row


def small_gpu_rows(name: str, folder: Path, count: int, device: str) -> Iterator[Row]:
    """Yield the row of a GPU that is too small.

    The model answers one batch of `count` with two fifths of the memory that the batch takes.
    """
    import torch

    if device == "cpu":
        raise NotHereError("a CPU refuses no memory")
    described, real = job(name, folder)
    row = Row(f"{name}{'' if real else '*'}, GPU too small for batches of {count}")
    cuda = torch.cuda

    def answer() -> tuple[np.ndarray, int]:
        model = on(device, described, count)
        return model.predict(faces(count, model.crop)).posterior, the_network(model)._batch

    Memory()
    expected, _ = answer()
    limit = 0.4 * cuda.max_memory_reserved()
    memory = Memory()
    refused = cuda.memory_stats().get("num_ooms", 0)
    cuda.set_per_process_memory_fraction(limit / cuda.get_device_properties(0).total_memory)
    try:
        found, batch = answer()
    finally:
        cuda.set_per_process_memory_fraction(1.0)
    refused = cuda.memory_stats().get("num_ooms", 0) - refused
    row.memory = memory.told()
    size = f"limit {limit / 2**20:,.0f} MiB"
    row.remark = f"{size}, refused {refused} times, went on with batches of {batch}"
    if not refused:
        row.wrong.append("the limit was not met: nothing was tried")
    compared(row, expected, found)
    yield row


def frame_rows(
    what: str, detector: str | None, frames: Sequence[crowd.Frame], folder: Path, device: str
) -> Iterator[Row]:
    """Yield the row from JPEG to four posteriors a frame.

    detector None: the true boxes.
    """
    boxes: Callable[..., Any] = crowd.given
    if detector:
        plugin = here("detector", detector)
        boxes = crowd.detecting(on(device, plugin.job()), plugin.card)
    row, memory = Row(what), Memory()
    model = on(device, job(VIT, folder)[0])
    counts = crowd.read(frames, boxes, model)
    row.memory = memory.told()
    if set(counts) != {crowd.PEOPLE}:
        row.wrong.append(
            f"faces per frame: {', '.join(map(str, counts))}; {crowd.PEOPLE} are in each"
        )
    spent = 1000 * seconds(lambda: crowd.read(frames, boxes, model)) / len(frames)
    decoding = 1000 * seconds(lambda: list(crowd.decoded(frames))) / len(frames)
    row.speed = f"{spent:.2f} ms per frame"
    aim = "" if spent <= PER_FRAME_MS else f"aim of {PER_FRAME_MS:.0f} ms missed, "
    found = f"{np.mean(counts):g} faces in each of {len(frames)} frames"
    row.remark = f"{aim}{found}, decoding alone takes {decoding:.2f} ms"
    yield row


def all_rows(arguments: argparse.Namespace, folder: Path, device: str) -> Iterator[Row]:
    for name in arguments.names:
        if name == "memory":
            for model in ("deepface", VIT):
                yield from call_with_row_fallback(
                    f"{model}, GPU too small",
                    partial(small_gpu_rows, model, folder, arguments.pictures, device),
                )
        elif name == "frames":
            frames = crowd.draw(arguments.frames)
            for detector in (*CROWD, None):
                what = f"1080p, four faces: {detector or 'true boxes, nothing detected'}, {VIT}*"
                yield from call_with_row_fallback(
                    what, partial(frame_rows, what, detector, frames, folder, device)
                )
        elif ("detector", name) in registry.discover():
            yield from call_with_row_fallback(
                name, partial(detector_rows, name, min(arguments.pictures, 64), device)
            )
        else:
            yield from call_with_row_fallback(
                name, partial(model_rows, name, folder, arguments.pictures, device)
            )


def missing_gpu() -> str | None:
    """Return why nothing can be measured here, and what to do.

    Return None where PyTorch sees a GPU.
    """
    try:
        import torch
    except ImportError:
        return "PyTorch is not installed: install it as docs/install.md says"
    if torch.cuda.is_available():
        return None
    if torch.version.cuda is None:
        return f"PyTorch {torch.__version__} is built for CPUs only: install a build for CUDA"
    advice = "look at nvidia-smi for the driver and at CUDA_VISIBLE_DEVICES"
    return f"PyTorch {torch.__version__} sees none: {advice}"


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=[*MODELS, *DETECTORS, "memory", "frames"])
    parser.add_argument(
        "--pictures",
        type=int,
        default=512,
        help="for models, best a multiple of 256, which fills every batch; "
        "detectors get 64 at most",
    )
    parser.add_argument("--frames", type=int, default=32, help="of 1920 x 1080 with four faces")
    parser.add_argument(
        "--rehearse",
        action="store_true",
        help="on the CPU: tries the script and measures nothing of a GPU",
    )
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    arguments = parser.parse_args(given)
    why = None if arguments.rehearse else missing_gpu()
    if why:
        print(
            f"no GPU, nothing was measured: {why}; --rehearse goes through it on the CPU",
            file=sys.stderr,
        )
        return 2
    os.environ.pop("FACEOFF_DEVICE", None)  # it would override what each row asks for
    # The device has its number: with "cuda", a second process would take another GPU.
    device, title = (
        ("cpu", "REHEARSAL on the CPU: no figure is a GPU's")
        if arguments.rehearse
        else ("cuda:0", gpu_name())
    )
    rows: list[Row] = []
    try:
        with scratch_home() as folder:
            for row in all_rows(arguments, folder, device):
                rows.append(row)
                print(" | ".join(row.cells()), file=sys.stderr, flush=True)
    finally:
        hardware.set_hardware(hardware.Hardware())
        show(HEADER, [row.cells() for row in rows], title, arguments.markdown)
        print(
            f"\nas on the CPU: models, share of equal answers ({AGREEMENT:.1%} is needed); "
            "detectors, share of pictures with as many faces. * random weights"
        )
    return int(any(row.wrong for row in rows) or not any(row.measured for row in rows))


def gpu_name() -> str:
    import torch

    return f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}"


if __name__ == "__main__":
    sys.exit(main())
