"""Measure what each face detector costs.

    FACEOFF_MIRROR=/folder/of/weights OMP_NUM_THREADS=1 \\
        python benchmarks/detectors.py [NAME …] [--pictures 32] [--size 512] [--markdown]

Print the seconds to load, the pictures per second in batches and one by one, and the speed of the
authors' library where it is installed. Pictures are drawn scenes with several people (posed,
train), enlarged to the size asked for. The load time is that of a fresh process's first use of the
plug-in, framework included; speeds are medians of three passes after one to warm up. Figures depend
on the machine.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from printing import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from faceoff.assets import fetch
from faceoff.assets.asset import AssetError
from faceoff.drawing import scenes
from faceoff.faces.boxes import nms
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry
from faceoff.plugins.plugin import PACKAGE

BATCH = 16


def pictures(count: int, size: int) -> list[np.ndarray]:
    """Return so many scenes with several people, stretched to size x size pixels.

    After the last scene the first comes again.
    """
    chosen = [scene for scene in scenes.plan("train") if len(scene.cast) > 1]
    drawn = [
        cv2.resize(scenes.draw(scene)[0], (size, size), interpolation=cv2.INTER_LINEAR)
        for scene in chosen[:count]
    ]
    return [drawn[number % len(drawn)] for number in range(count)]


def per_second(call: Callable[[], object], count: int, repeats: int = 3) -> float:
    """Return the pictures per second of a call that looks at `count` of them."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return count / statistics.median(seconds)


def upstream(name: str, size: tuple[int, int]) -> Callable[[np.ndarray], Any] | None:
    """Return the public call of the detector's own library, as its documentation shows it.

    The call takes one RGB picture of this (width, height). Return None where there is no library.
    """
    plugin = registry.get("detector", name)
    files = {role: fetch.fetch(asset) for role, asset in plugin.assets.items()}
    if name.startswith("yunet"):
        network = cv2.FaceDetectorYN.create(str(files["weights"]), "", size, 0.6, 0.3, 5000)
        return lambda image: network.detect(np.ascontiguousarray(image[..., ::-1]))
    if name == "mtcnn":
        import torch

        from faceoff.inference.torch_devices import prepare_torchvision, torch_device

        prepare_torchvision()
        from facenet_pytorch import MTCNN
        from facenet_pytorch.models.utils import detect_face
        from torchvision.extension import _has_ops

        # Beside a CPU-only PyTorch, torchvision has no suppression: ours stands in for it.
        if not _has_ops():

            def batched_nms(boxes, scores, images, threshold):
                return torch.from_numpy(nms(boxes.numpy(), scores.numpy(), threshold))

            detect_face.batched_nms = batched_nms
        network = MTCNN(keep_all=True, device=torch_device())
        return network.detect
    if name in ("blazeface", "retinaface", "s3fd"):
        from faceoff.inference.torch_devices import prepare_torchvision, torch_device

        prepare_torchvision()
        from face_alignment.detection import blazeface, retinaface, sfd

        device, weights = torch_device(), str(files["weights"])
        if name == "blazeface":
            network = blazeface.FaceDetector(
                device, path_to_detector=weights, path_to_anchor=str(files["anchors"])
            )
        else:
            network = {"retinaface": retinaface, "s3fd": sfd}[name].FaceDetector(
                device, path_to_detector=weights
            )
        return lambda image: network.detect_from_image(
            np.ascontiguousarray(image[..., ::-1]) if name == "retinaface" else image
        )
    return None


def load_seconds(name: str) -> float:
    """Return the seconds to import, read and construct, in a process of its own."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from faceoff.inference.clock import Clock\n"
        "from faceoff.inference.plugin_job import load_plugin\n"
        "from faceoff.plugins import registry\n"
        "clock = Clock(); load_plugin(registry.get('detector', sys.argv[2]).job(), clock)\n"
        "print(clock.load_s)"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(PACKAGE.parent), name],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(ran.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = sorted(
        name
        for kind, name in registry.discover()
        if kind == "detector" and name not in ("whole", "given")
    )
    parser.add_argument("names", nargs="*", default=names, help="detectors; all by default")
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--size", type=int, default=512, help="sides in pixels")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    arguments = parser.parse_args()

    images = pictures(arguments.pictures, arguments.size)
    rows = []
    for name in arguments.names:
        plugin = registry.get("detector", name)
        try:
            absent = [asset.name for asset in plugin.assets.values() if fetch.locate(asset) is None]
        except AssetError as error:
            absent = [str(error)]
        why = plugin.skip() or (f"{', '.join(absent)} is not here" if absent else None)
        if why:
            rows.append((name, why, "", "", "", ""))
            continue
        network = load_plugin(plugin.job(), Clock())
        batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
        batched = per_second(
            lambda network=network, batches=batches: [network.detect(batch) for batch in batches],
            len(images),
        )
        single = per_second(
            lambda network=network: [network.detect([image]) for image in images[:8]],
            len(images[:8]),
        )
        judge = upstream(name, images[0].shape[1::-1])
        theirs = (
            per_second(lambda judge=judge: [judge(image) for image in images], len(images))
            if judge
            else None
        )
        rows.append(
            (
                name,
                f"{load_seconds(name):.2f}",
                f"{batched:.1f}",
                f"{single:.1f}",
                f"{theirs:.1f}" if theirs else "–",
                f"{batched / theirs:.2f}" if theirs else "–",
            )
        )
    header = (
        "detector",
        "load s",
        f"images/s, batches of {BATCH}",
        "images/s, one by one",
        "images/s, its own library",
        "ratio",
    )
    title = f"{len(images)} pictures of {arguments.size} x {arguments.size}"
    show(header, rows, title, arguments.markdown)


if __name__ == "__main__":
    main()
