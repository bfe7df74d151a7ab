"""Measure what each emotion model costs, beside its authors' own library.

    FACEOFF_MIRROR=/folder/of/weights OMP_NUM_THREADS=2 \\
        python benchmarks/models.py [NAME …] [--pictures 64] [--markdown]

Print the seconds to load, and the pictures per second in batches and one by one. Weights that are
not here are replaced, where the network is known, by random ones of the same shapes (marked *):
they cost the same and say nothing. Both sides get the same crops in the same process, in turns;
speeds are medians of three passes after one to warm up. Faceoff always computes whole batches, the
last one padded, so that a picture's result does not depend on its company: it is therefore worst at
pictures one by one. The libraries take every core they see, so give Faceoff as many threads.
Figures depend on the machine.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from printing import show

from faceoff.assets import fetch
from faceoff.assets.asset import Asset, AssetError, hash_of
from faceoff.drawing import scenes
from faceoff.faces.crops import crop
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry
from faceoff.plugins.jobs import PluginJob
from faceoff.plugins.model_cards import HUB_FILES, read_card
from faceoff.plugins.plugin import PACKAGE, Plugin
from faceoff.plugins.protocols import CropSpec

HSEMOTION = {
    "enet_b0_8_best_afew": 8,
    "enet_b0_8_best_vgaf": 8,
    "enet_b0_8_va_mtl": 10,
    "enet_b2_7": 7,
    "enet_b2_8": 8,
}
DEEPFACE = {
    "conv_1": (5, 5, 1, 64),
    "conv_2": (3, 3, 64, 64),
    "conv_3": (3, 3, 64, 64),
    "conv_4": (3, 3, 64, 128),
    "conv_5": (3, 3, 128, 128),
    "fc_1": (128, 1024),
    "fc_2": (1024, 1024),
    "fc_3": (1024, 7),
}
# Two cards that the package does not have, with random weights: a network of transformers, and
# HSEmotion's architecture in PyTorch as a card of runtime timm.
VIT, TIMM = "vit_tiny", "enet_b0_timm"
NAMES = ("fer", "pd_best", "mini_xception", "pd_best_keras", "deepface", *HSEMOTION, VIT)


@contextlib.contextmanager
def scratch_home() -> Iterator[Path]:
    """Put a temporary folder in the place of HOME.

    Libraries look for weights there, and random ones are put there. The user's own cache of real
    weights stays in sight.
    """
    before = {name: os.environ.get(name) for name in ("HOME", "FACEOFF_CACHE")}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"FACEOFF_CACHE": str(fetch.cache_folder()), "HOME": folder}
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


@lru_cache(maxsize=1024)
def portrait(
    number: int, rungs: tuple[str, ...] = scenes.RUNGS
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Return (picture, true box) of a drawn scene with one face on one of these rungs.

    After the last scene the first comes again.
    """
    single = [
        scene for scene in scenes.plan("train") if len(scene.cast) == 1 and scene.rung in rungs
    ]
    image, truth = scenes.draw(single[number % len(single)])
    return image, truth[0].box


def faces(count: int, spec: Any) -> np.ndarray:
    """Return so many crops of drawn faces by their true boxes."""
    return np.stack([crop(*portrait(number), spec) for number in range(count)])


def random_efficientnet(name: str, outputs: int, side: int) -> Any:
    """Return timm's network with random weights that tell pictures apart.

    Its normalisation is fitted to some pictures; else all would get the same answer to six digits.
    """
    from faceoff.inference.torch_devices import prepare_torchvision

    prepare_torchvision()
    import timm
    import torch

    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False, num_classes=outputs).train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the statistics become the pictures' own
    pixels = faces(16, CropSpec(size=(side, side), channels=3, margin=0.0)).astype(np.float32) / 255
    with torch.no_grad():
        network((torch.from_numpy(pixels).permute(0, 3, 1, 2) - 0.45) / 0.225)
    return network.eval()


def random_weights(name: str, folder: Path) -> None:
    """Write a file of random weights where Faceoff looks.

    Write the same weights where the authors' library looks (below HOME). Raise AssetError for other
    networks.
    """
    target = folder / registry.get("model", name).assets["weights"].name
    if name == "deepface":
        import h5py
        import torch

        rng = np.random.default_rng(0)
        state, home = {}, folder / ".deepface" / "weights"
        with h5py.File(target, "w") as file:
            file.attrs["layer_names"] = [layer.encode() for layer in DEEPFACE]
            for layer, shape in DEEPFACE.items():
                # With this scale, signals keep their size (He et al. 2015).
                scale = np.sqrt(2 / np.prod(shape[:-1]))
                kernel = rng.normal(0, scale, shape).astype(np.float32)
                bias = np.zeros(shape[-1], np.float32)
                file[f"{layer}/kernel:0"], file[f"{layer}/bias:0"] = kernel, bias
                turned = kernel.transpose(3, 2, 0, 1) if len(shape) == 4 else kernel.T
                state[f"{layer}.weight"] = torch.from_numpy(turned).contiguous()
                state[f"{layer}.bias"] = torch.from_numpy(bias)
        home.mkdir(parents=True, exist_ok=True)
        torch.save(state, home / "facial_expression_model_weights.pth")
        return
    if name not in HSEMOTION:
        raise AssetError(f"{target.name} is not here, and there is no random network in its place")
    import torch

    side = registry.get("model", name).card["input"]["size"][0]
    network = random_efficientnet(f"tf_efficientnet_{name.split('_')[1]}", HSEMOTION[name], side)
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(
            network, torch.zeros(2, 3, side, side), target, opset_version=17, dynamo=False,
            input_names=["input"], output_names=["output"],
            dynamic_axes={"input": {0: "n"}, "output": {0: "n"}},
        )  # fmt: skip


def vit_card(folder: Path) -> Plugin:
    """Write a ViT of 224 px as Hugging Face would have it in a folder, and return its card."""
    from faceoff.inference.torch_devices import prepare_torchvision

    prepare_torchvision()
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor, logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    classes = dict(enumerate(("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")))
    config = ViTConfig(
        hidden_size=192,
        intermediate_size=768,
        num_attention_heads=3,
        id2label=classes,
        label2id={name: key for key, name in classes.items()},
    )
    ViTForImageClassification(config).save_pretrained(folder / VIT)
    ViTImageProcessor().save_pretrained(folder / VIT)
    hashes = {file: hash_of(folder / VIT / file, "sha256") for file in HUB_FILES.values()}
    card = {"file": VIT, "runtime": "transformers", "sha256": hashes}
    # JSON is YAML.
    (folder / f"{VIT}.yaml").write_text(json.dumps(card), encoding="utf-8")
    return read_card(folder / f"{VIT}.yaml")


def timm_card(folder: Path) -> Plugin:
    """Write HSEmotion's smaller EfficientNet with random weights, and return its card.

    The card is that of the ONNX file with another runtime.
    """
    import torch

    card = registry.get("model", "enet_b0_8_best_vgaf").card
    path = folder / f"{TIMM}.pt"
    side = card["input"]["size"][0]
    network = random_efficientnet("tf_efficientnet_b0", len(card["emotions"]), side)
    torch.save(network.state_dict(), path)
    told = {
        "runtime": "timm",
        "architecture": "tf_efficientnet_b0",
        "input": card["input"],
        "emotions": card["emotions"],
    }
    (folder / f"{TIMM}.yaml").write_text(
        json.dumps({"file": path.name, "sha256": hash_of(path, "sha256"), **told}), encoding="utf-8"
    )
    return read_card(folder / f"{TIMM}.yaml")


def job(name: str, folder: Path) -> tuple[PluginJob, bool]:
    """Return (the plug-in's job, whether its weights are real).

    Random weights are pinned by their own hash. Raise AssetError where there are neither.
    """
    if name in (VIT, TIMM):
        made = folder / f"{name}.yaml"
        card = read_card(made) if made.is_file() else {VIT: vit_card, TIMM: timm_card}[name](folder)
        return card.job(), False
    described = registry.get("model", name).job()
    pin = described.assets["weights"]
    if fetch.locate(Asset.parse(pin)):
        return described, True
    path = folder / Path(pin["file"]).name
    if not path.is_file():
        random_weights(name, folder)
    pin |= {"file": str(path), "sha256": hash_of(path, "sha256"), "urls": [], "size": None}
    return described, False


def upstream(
    name: str, weights: Path, folder: Path, crops: np.ndarray
) -> Callable[[np.ndarray], object] | None:
    """Return the call of the authors' library on crops, as its documentation shows it.

    Return None where there is none to compare with here.
    """
    if name == VIT:
        from PIL import Image
        from transformers import pipeline

        classifier = pipeline(
            "image-classification",
            model=str(weights.parent),
            top_k=None,
            batch_size=16,
            device="cpu",
        )
        return lambda some: classifier([Image.fromarray(one) for one in some])
    if name in HSEMOTION:
        (folder / ".hsemotion").mkdir(exist_ok=True)
        link = folder / ".hsemotion" / f"{name}.onnx"
        link.unlink(missing_ok=True)
        link.symlink_to(weights)
        from hsemotion_onnx.facial_emotions import HSEmotionRecognizer

        recognizer = HSEmotionRecognizer(model_name=name)
        return lambda some: recognizer.predict_multi_emotions(list(some), logits=False)
    if name == "deepface" and (folder / ".deepface").is_dir():
        os.environ |= {"DEEPFACE_HOME": str(folder), "DEEPFACE_BACKEND_ENGINE": "pytorch"}
        from deepface import DeepFace

        client = DeepFace.build_model(task="facial_attribute", model_name="Emotion")
        return lambda some: client.predict(list(some.repeat(3, axis=3).astype(np.float32) / 255))
    return None


def per_second(
    calls: dict[str, Callable[[], object]], count: int, repeats: int = 3
) -> dict[str, float]:
    """Return the pictures per second of each call; the calls run in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: count / statistics.median(values) for name, values in seconds.items()}


def load_seconds(described: PluginJob) -> float:
    """Return the seconds to import, verify, read and construct, in a process of its own."""
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from faceoff.inference.clock import Clock\n"
        "from faceoff.inference.plugin_job import load_plugin\n"
        "from faceoff.plugins.jobs import PluginJob\n"
        "clock = Clock(); load_plugin(PluginJob(**json.loads(sys.argv[2])), clock)\n"
        "print(clock.load_s)"
    )
    options = ["-W", "ignore", "-c", code, str(PACKAGE.parent), json.dumps(asdict(described))]
    ran = subprocess.run([sys.executable, *options], capture_output=True, text=True, check=True)
    return float(ran.stdout.splitlines()[-1])


def measure(name: str, folder: Path, count: int) -> tuple[str, ...]:
    described, real = job(name, folder)
    model = load_plugin(described, Clock())
    crops = faces(count, model.crop)
    weights = fetch.fetch(Asset.parse(described.assets["weights"]))
    theirs = upstream(name, weights, folder, crops)
    few = crops[:8]
    batch = {"ours": lambda: model.predict(crops)}
    single = {"ours": lambda: [model.predict(one[None]) for one in few]}
    if theirs:
        batch["theirs"] = lambda: theirs(crops)
        single["theirs"] = lambda: [theirs(one[None]) for one in few]
    together, alone = per_second(batch, len(crops)), per_second(single, len(few))
    cells = [name + ("" if real else "*"), f"{load_seconds(described):.2f}"]
    for speeds in (together, alone):
        cells.append(f"{speeds['ours']:,.0f}")
        if theirs:
            cells += [f"{speeds['theirs']:,.0f}", f"{speeds['ours'] / speeds['theirs']:.2f}"]
        else:
            cells += ["–", "–"]
    return tuple(cells)


def row(name: str, folder: Path, count: int) -> tuple[str, ...]:
    """Return the measured cells of a model, or why it was not measured."""
    why = None if name in (VIT, TIMM) else registry.get("model", name).skip()
    try:
        return (name, why, *[""] * 6) if why else measure(name, folder, count)
    except AssetError as error:
        return (name, str(error), *[""] * 6)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names",
        nargs="*",
        default=NAMES,
        help="models; by default those with a library to compare with, and Keras' beside TFLite's",
    )
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    arguments = parser.parse_args()
    header = (
        "model",
        "load s",
        f"images/s, {arguments.pictures} at once",
        "library",
        "ratio",
        "images/s, one by one",
        "library",
        "ratio",
    )
    with scratch_home() as scratch:
        rows = [row(name, scratch, arguments.pictures) for name in arguments.names]
    title = f"{arguments.pictures} crops of drawn faces; * random weights"
    show(header, rows, title, arguments.markdown)


if __name__ == "__main__":
    main()
