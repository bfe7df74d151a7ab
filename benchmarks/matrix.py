"""Time the whole matrix on a folder of pictures, against the loop that a user writes today.

    FACEOFF_MIRROR=/folder/of/weights \\
        python benchmarks/matrix.py [--pictures 1000] [--sample 60] [--folder FOLDER]

For each cell and picture, the loop detects, crops and calls the model. The matrix is {haar, mtcnn,
yunet, mediapipe_short} x {fer, deepface, hsemotion's EfficientNet-B0}, from JPEG files to
prediction tables. The weights of the last two models are random: they cost the same. The loop uses
each library's own call on one picture, and once more `DeepFace.extract_faces` for the detectors
that DeepFace has; it is timed on a sample of the pictures in the same process and scaled up.
Faceoff is timed as `snakemake --cores all` on all of them, start-up, frames and tables included.
Both see the same crops, so that predictions can be compared. Figures depend on the machine; ratios
should not.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from models import random_weights
from printing import show

from faceoff.assets import fetch
from faceoff.assets.asset import hash_of
from faceoff.drawing import scenes
from faceoff.faces import crops
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry
from faceoff.plugins.plugin import PACKAGE
from faceoff.plugins.protocols import CropSpec
from faceoff.storage import parquet
from faceoff.storage.files import read_json

ROOT = Path(__file__).resolve().parents[1]
DETECTORS = ("haar", "mtcnn", "yunet", "mediapipe_short")
# DeepFace has these detectors without a download, under its own names.
DEEPFACE = {"haar": "opencv", "mediapipe_short": "mediapipe"}
RGB = np.ndarray
PIXELS, PROBABILITY = 1.0, 1e-4  # how far boxes and predictions may be from the loop's


def draw(folder: Path, count: int) -> list[Path]:
    """Write JPEG files of drawn people, 512 x 480, in a folder per emotion; return their paths.

    With more pictures than scenes, scenes come again in another size.
    """
    alone = [
        scene for split in ("train", "test") for scene in scenes.plan(split) if len(scene.cast) == 1
    ]
    paths = []
    for number, scene in enumerate(islice(cycle(alone), count)):
        image, truth = scenes.draw(scene)
        side = 480 - 16 * (number // len(alone))
        path = folder / truth[0].emotion / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        width = round(side * image.shape[1] / image.shape[0])
        cv2.imwrite(str(path), cv2.resize(image, (width, side))[..., ::-1])
        paths.append(path)
    return paths


def plugins(folder: Path) -> None:
    """Write the models whose weights are random, as plug-ins that pin those weights."""
    folder.mkdir()
    random_weights("enet_b0_8_best_vgaf", folder)
    card = yaml.safe_load((PACKAGE / "models/cards/enet_b0_8_best_vgaf.yaml").read_text())
    weights = folder / card["file"]
    card |= {
        "name": "random_enet",
        "file": str(weights),
        "sha256": hash_of(weights, "sha256"),
        "urls": [],
    }
    (folder / "random_enet.yaml").write_text(yaml.safe_dump(card))
    random_weights("deepface", folder)
    weights = folder / registry.get("model", "deepface").assets["weights"].name
    pinned = {"file": str(weights), "sha256": hash_of(weights, "sha256")}
    header = {
        "random_deepface": {
            "class": "DeepFaceEmotion",
            "framework": "torch",
            "assets": {"weights": pinned},
            "lineage": "random",
        }
    }
    (folder / "random_deepface.py").write_text(
        "from faceoff.models.deepface import DeepFaceEmotion  # noqa: F401\n\n"
        f"MODELS = {header!r}\n"
    )


def config(folder: Path) -> dict[str, Any]:
    return {
        "run": "matrix",
        "plugins": [str(folder / "plugins")],
        "datasets": {"pictures": {"type": "folder", "path": str(folder / "pictures")}},
        "detectors": {name: {} for name in DETECTORS},
        "models": {"fer": {}, "random_deepface": {}, "random_enet": {}},
    }


def one_picture_detectors() -> dict[str, Callable[[RGB], list[tuple[float, ...]]]]:
    """Return each library's own call on one picture -> boxes, the best first."""
    from faceoff.inference.torch_devices import prepare_torchvision

    prepare_torchvision()
    import mediapipe
    from detectors import upstream

    files = {
        name: {
            role: fetch.fetch(asset)
            for role, asset in registry.get("detector", name).assets.items()
        }
        for name in DETECTORS
    }
    faces = cv2.FaceDetectorYN.create(
        str(files["yunet"]["weights"]), "", (512, 480), 0.6, 0.3, 5000
    )
    find = upstream("mtcnn", (512, 480))

    cascade = cv2.CascadeClassifier(str(files["haar"]["cascade"]))
    blaze = mediapipe.solutions.face_detection.FaceDetection(model_selection=0)

    def haar(image: RGB) -> list[tuple[float, ...]]:
        boxes, _, weights = cascade.detectMultiScale3(
            cv2.cvtColor(image, cv2.COLOR_RGB2GRAY),
            scaleFactor=1.1,
            minNeighbors=5,
            minSize=(32, 32),
            outputRejectLevels=True,
        )
        if not len(boxes):
            return []
        return [tuple(boxes[index]) for index in np.argsort(-np.asarray(weights), kind="stable")]

    def mediapipe_short(image: RGB) -> list[tuple[float, ...]]:
        height, width = image.shape[:2]
        boxes = [
            found.location_data.relative_bounding_box
            for found in blaze.process(image).detections or ()
        ]
        return [
            (box.xmin * width, box.ymin * height, box.width * width, box.height * height)
            for box in boxes
        ]

    def yunet(image: RGB) -> list[tuple[float, ...]]:
        faces.setInputSize(image.shape[1::-1])
        found = faces.detect(np.ascontiguousarray(image[..., ::-1]))[1]
        if found is None:
            return []
        return [tuple(row[:4]) for row in found[np.argsort(-found[:, 14], kind="stable")]]

    def mtcnn(image: RGB) -> list[tuple[float, ...]]:
        corners = find(image)[0]
        if corners is None:
            return []
        return [(x, y, right - x, bottom - y) for x, y, right, bottom in corners]

    return {"haar": haar, "mtcnn": mtcnn, "yunet": yunet, "mediapipe_short": mediapipe_short}


def one_picture_models(folder: Path) -> dict[str, Callable[[RGB], np.ndarray]]:
    """Return each library's own call on one crop -> its probabilities, in its own order."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(fetch.fetch(registry.get("model", "fer").assets["weights"])))
    interpreter.allocate_tensors()
    entrance = interpreter.get_input_details()[0]["index"]
    exit_ = interpreter.get_output_details()[0]["index"]

    def fer(crop: RGB) -> np.ndarray:
        interpreter.set_tensor(entrance, ((crop[None].astype(np.float32) / 255 - 0.5) * 2))
        interpreter.invoke()
        return interpreter.get_tensor(exit_)[0]

    home = folder / "plugins"
    os.environ |= {
        "DEEPFACE_HOME": str(home),
        "DEEPFACE_BACKEND_ENGINE": "pytorch",
        "HOME": str(home),
    }
    (home / ".hsemotion").mkdir(exist_ok=True)
    (home / ".hsemotion" / "enet_b0_8_best_vgaf.onnx").symlink_to(home / "enet_b0_8_best_vgaf.onnx")
    from deepface import DeepFace
    from hsemotion_onnx.facial_emotions import HSEmotionRecognizer

    client = DeepFace.build_model(task="facial_attribute", model_name="Emotion")
    recognizer = HSEmotionRecognizer("enet_b0_8_best_vgaf")
    return {
        "fer": fer,
        "random_deepface": lambda crop: np.asarray(
            client.predict(crop.repeat(3, axis=2).astype(np.float32) / 255)
        ),
        "random_enet": lambda crop: recognizer.predict_emotions(crop, logits=False)[1],
    }


def deepface_detectors() -> dict[str, Callable[[RGB], object]]:
    """Return calls of `DeepFace.extract_faces` on one picture, by the name of the detector here.

    Such a call also aligns every face and cuts it out.
    """
    from deepface import DeepFace

    def caller(backend: str) -> Callable[[RGB], object]:
        return lambda image: DeepFace.extract_faces(
            image[..., ::-1], detector_backend=backend, enforce_detection=False
        )

    return {name: caller(backend) for name, backend in DEEPFACE.items()}


def crop_of(image: RGB, box: tuple[float, ...], spec: CropSpec, detector: str) -> RGB:
    calibration = registry.get("detector", detector).card.get("calibration")
    return crops.crop(image, crops.calibrate(box, calibration), spec)


def loop(
    paths: list[Path], folder: Path, specs: dict[str, CropSpec]
) -> tuple[dict[str, float], dict[tuple[str, str, str], tuple[Any, Any]]]:
    """Return the seconds of the loop and (box, probabilities) by picture, detector and model.

    Seconds: `all`; `shared`, where each detector sees each picture once; `deepface`, where
    DeepFace.extract_faces replaces the detectors in DEEPFACE.
    """
    find, read = one_picture_detectors(), one_picture_models(folder)
    warm = cv2.imread(str(paths[0]))[..., ::-1]
    extract = deepface_detectors()
    for call in (*find.values(), *extract.values()):
        call(warm)
    spent, found = {"all": 0.0, "shared": 0.0, "deepface": 0.0}, {}
    for path in paths:
        for detector, detect in find.items():
            image = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
            start = time.perf_counter()
            extract.get(detector, detect)(image)
            spent["deepface"] += len(read) * (time.perf_counter() - start)
            for place, (model, predict) in enumerate(read.items()):
                start = time.perf_counter()
                image = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
                boxes = detect(image)
                looked = time.perf_counter()
                box = max(boxes, key=lambda box: box[2] * box[3], default=None)
                answer = None
                if box is not None:
                    answer = predict(crop_of(image, box, specs[model], detector))
                end = time.perf_counter()
                spent["all"] += end - start
                spent["deepface"] += end - looked
                spent["shared"] += end - (looked if place else start)
                found[path.stem, detector, model] = (box, answer)
    return spent, found


def kernels(paths: list[Path], folder: Path, specs: dict[str, CropSpec]) -> tuple[float, float]:
    """Return the seconds that one core needs for the bare work, in two parts.

    The first is what detectors and models computed; the second is decoding for each job and warping
    for each cell.
    """
    start = time.perf_counter()
    images = [np.ascontiguousarray(cv2.imread(str(path))[..., ::-1]) for path in paths[:100]]
    decoding = (time.perf_counter() - start) / len(images) * len(paths)
    warping = 0.0
    for spec in specs.values():
        start = time.perf_counter()
        for image in images:
            crop_of(image, (100.0, 100.0, 200.0, 200.0), spec, "whole")
        warping += (time.perf_counter() - start) / len(images) * len(paths) * len(DETECTORS)
    timings = [read_json(path) for path in (folder / "results/matrix").rglob("*.timing.json")]
    return sum(timing["compute_s"] for timing in timings), decoding * (1 + len(timings)) + warping


def differences(
    found: dict[tuple[str, str, str], tuple[Any, Any]], folder: Path, order: dict[str, list[str]]
) -> tuple[float, dict[str, float], int]:
    """Return how far the loop's boxes and probabilities are from the run's.

    The three values are the largest distance of a box's side in pixels, the largest difference of a
    probability by model, and the number of faces that only one side has.
    """
    pixels, probability = 0.0, dict.fromkeys(order, 0.0)
    alone = 0
    for detector in DETECTORS:
        boxes: dict[str, tuple[float, ...]] = {}
        predictions = folder / f"results/matrix/predictions/pictures/{detector}"
        for row in parquet.rows(folder / f"results/matrix/faces/pictures/{detector}.parquet"):
            box = (row["x"], row["y"], row["w"], row["h"]) if row["success"] else None
            stem = Path(row["sample_id"]).stem
            if box and (stem not in boxes or box[2] * box[3] > boxes[stem][2] * boxes[stem][3]):
                boxes[stem] = box
        for model, emotions in order.items():
            rows = {
                Path(row["sample_id"]).stem: row
                for row in parquet.rows(predictions / f"{model}.parquet")
            }
            for (stem, by, read), (box, answer) in found.items():
                if (by, read) != (detector, model):
                    continue
                if (box is None) != (stem not in boxes):
                    alone += 1
                elif box is not None:
                    pixels = max(pixels, float(np.abs(np.subtract(box, boxes[stem])).max()))
                    ours = [rows[stem][f"p_{name}"] for name in emotions]
                    apart = float(np.abs(np.asarray(answer) - ours).max())
                    probability[model] = max(probability[model], apart)
    return pixels, probability, alone


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=60, help="pictures that the loop is timed on")
    parser.add_argument(
        "--folder", type=Path, help="where to work, an empty folder; default: a temporary one"
    )
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (arguments.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        paths = draw(folder / "pictures", arguments.pictures)
        plugins(folder / "plugins")
        (folder / "matrix.yaml").write_text(yaml.safe_dump(config(folder)))
        registry.discover((folder / "plugins",))
        loaded = {
            name: load_plugin(registry.get("model", name, (folder / "plugins",)).job(), Clock())
            for name in config(folder)["models"]
        }
        specs = {name: model.crop for name, model in loaded.items()}
        order = {name: list(model.emotions) for name, model in loaded.items()}

        targets = [
            f"results/matrix/predictions/pictures/{detector}/{model}.parquet"
            for detector in DETECTORS
            for model in specs
        ]
        command = [
            str(Path(sys.executable).with_name("snakemake")),
            "--snakefile",
            str(ROOT / "Snakefile"),
            "--directory",
            str(folder),
            "--quiet",
            "all",
        ]
        start = time.perf_counter()
        subprocess.run(
            [*command, "--configfile", str(folder / "matrix.yaml"), "--cores", "all", *targets],
            check=True,
            capture_output=True,
        )
        wall = time.perf_counter() - start

        step = max(1, len(paths) // arguments.sample)
        spent, found = loop(paths[::step][: arguments.sample], folder, specs)
        scale = len(paths) / len(paths[::step][: arguments.sample])
        pixels, probability, alone = differences(found, folder, order)
        cores = len(os.sched_getaffinity(0))
        networks, pixels_s = kernels(paths, folder, specs)
        bare = (networks + pixels_s) / cores
    rows = [
        ("Faceoff, the whole matrix", f"{wall:.1f} s", ""),
        (
            "the loop",
            f"{scale * spent['all']:.0f} s, {scale * spent['all'] / wall:.1f} x Faceoff's",
            ">= 10 x",
        ),
        (
            f"the loop, {' and '.join(DEEPFACE)} by DeepFace.extract_faces",
            f"{scale * spent['deepface']:.0f} s, {scale * spent['deepface'] / wall:.1f} x",
            "",
        ),
        (
            "the loop, each detector once per picture",
            f"{scale * spent['shared']:.0f} s, {scale * spent['shared'] / wall:.1f} x Faceoff's",
            "",
        ),
        (
            "bare kernels, decoding and warping / cores",
            f"{bare:.1f} s; Faceoff takes {wall / bare:.2f} x that",
            "<= 1.25 x",
        ),
        (
            "of these decoding for each job and warping for each cell",
            f"{pixels_s / cores:.1f} s, {pixels_s / (networks + pixels_s):.0%}",
            "",
        ),
        ("boxes, largest difference", f"{pixels:.3f} px", f"<= {PIXELS:g} px"),
        *[
            (f"probabilities of {model}, largest difference", f"{value:.1e}", f"<= {PROBABILITY:g}")
            for model, value in probability.items()
        ],
        ("faces that only one of both has", str(alone), "0"),
    ]
    header = ("what", f"{len(paths)} pictures, {cores} cores", "should be")
    show(header, rows, markdown=arguments.markdown)


if __name__ == "__main__":
    main()
