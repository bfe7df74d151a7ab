"""Each detector is the tool its authors ship: boxes within a pixel and the same scores as their own
library or published formulas.

The judges run in the same process with the same weight files: facenet_pytorch.MTCNN,
cv2.FaceDetectorYN, the RetinaFace, BlazeFace and S3FD of face_alignment.detection, and slow
decodings written here from the published code. S3FD's and FAN's weights are not needed: random ones
of the right shapes say whether the same numbers come out.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import synthetic_files

from faceoff.assets import fetch
from faceoff.drawing import scenes
from faceoff.faces import boxes as geometry
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.media.images import decode_image
from faceoff.plugins import registry
from faceoff.plugins.protocols import Face

pytestmark = pytest.mark.slow

PHOTOS = (
    "single_face.jpg",
    "multi_face.jpg",
    "justin.jpg",
    "aflw-test.jpg",
    "3faces.png",
    "4faces.png",
    "free-mountain-vector-01.jpg",
    "no-faces.jpg",
)


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides compute where their last bits are alike."""
    monkeypatch.setenv("FACEOFF_DEVICE", "cpu")


@cache
def photo(data: Path, name: str) -> np.ndarray:
    path = data / "media" / "images" / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return decode_image(path.read_bytes())


@cache
def drawn() -> list[np.ndarray]:
    """32 drawn scenes of 240 x 240 pixels, easy and hard, with one person and with several."""
    return [scenes.draw(scene)[0] for scene in scenes.plan("train")[::41][:32]]


@cache
def detector(name: str) -> Any:
    plugin = registry.get("detector", name)
    if plugin.skip():
        pytest.skip(plugin.skip())
    absent = [asset.name for asset in plugin.assets.values() if fetch.locate(asset) is None]
    if absent:
        pytest.skip(f"{', '.join(absent)} is not here")
    return load_plugin(plugin.job(), Clock())


def weights(name: str, role: str = "weights") -> str:
    detector(name)  # or skip
    return str(fetch.locate(registry.get("detector", name).assets[role]))


def options(name: str) -> dict[str, Any]:
    card = registry.get("detector", name).card
    return {**card["options"], "threshold": card["threshold"]}


def differences(
    faces: Sequence[Face], boxes: Any, scores: Any, points: Any = None, pixels: float = 1.0
) -> list[str]:
    """What keeps these from being the same faces in whatever order: corners (n, 4) within `pixels`,
    scores within 1e-4, landmarks (n, 5, 2) within `pixels`.
    """
    boxes, scores = (
        np.reshape(np.asarray(boxes, float), (-1, 4)),
        np.ravel(np.asarray(scores, float)),
    )
    if len(faces) != len(boxes):
        return [f"{len(faces)} faces here, {len(boxes)} there"]
    ours, theirs = (
        sorted(range(len(faces)), key=lambda i: -faces[i].score),
        np.argsort(-scores, kind="stable"),
    )
    taken: set[int] = set()
    found = []
    for i in ours:
        x, y, w, h = faces[i].box
        distance = [
            np.abs(np.array([x, y, x + w, y + h]) - boxes[j]).max() if j not in taken else math.inf
            for j in theirs
        ]
        j = theirs[int(np.argmin(distance))]
        taken.add(j)
        off = {"box": min(distance) / pixels, "score": abs(faces[i].score - scores[j]) / 1e-4}
        if points is not None:
            off["landmarks"] = (
                np.abs(faces[i].landmarks - np.asarray(points[j], float)).max() / pixels
            )
        found += [
            f"face {i}: {what} off by {share:.3g} times what is allowed"
            for what, share in off.items()
            if not share < 1
        ]
    return found


# -- YuNet -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["yunet", "yunet_s"])
@pytest.mark.parametrize("picture", PHOTOS)
def test_yunet_is_opencvs(data: Path, mirror: Path, name: str, picture: str) -> None:
    chosen = options(name)
    view, back = geometry.shrink(photo(data, picture), chosen["longest_side"])
    judge = cv2.FaceDetectorYN.create(
        weights(name), "", view.shape[1::-1], chosen["threshold"], chosen["nms_threshold"], 5000
    )
    rows = judge.detect(np.ascontiguousarray(view[..., ::-1]))[1]
    rows = np.zeros((0, 15)) if rows is None else rows.astype(float)
    corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1) * np.tile(back, 2)
    assert (
        differences(
            detector(name).detect([photo(data, picture)])[0],
            corners,
            rows[:, 14],
            rows[:, 4:14].reshape(-1, 5, 2) * back,
        )
        == []
    )


# -- MTCNN -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def facenet() -> Iterator[Any]:
    """facenet_pytorch's own MTCNN.

    Beside a CPU-only PyTorch, torchvision's suppression is missing: then a plain one stands in for
    it.
    """
    torch = pytest.importorskip("torch")
    detector("mtcnn")  # or skip
    from faceoff.inference.torch_devices import prepare_torchvision

    prepare_torchvision()
    from facenet_pytorch import MTCNN
    from facenet_pytorch.models.utils import detect_face
    from torchvision.extension import _has_ops

    def batched_nms(boxes: Any, scores: Any, images: Any, threshold: float) -> Any:
        assert not images.any(), "one picture at a time"
        left, kept = torch.argsort(scores, descending=True, stable=True), []
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
        while len(left):
            best, left = left[0], left[1:]
            kept.append(int(best))
            sides = torch.minimum(boxes[best, 2:], boxes[left, 2:]) - torch.maximum(
                boxes[best, :2], boxes[left, :2]
            )
            shared = sides.clamp(min=0).prod(dim=1)
            left = left[shared / (areas[best] + areas[left] - shared) <= threshold]
        return torch.tensor(kept, dtype=torch.int64)

    with pytest.MonkeyPatch.context() as patch:
        if not _has_ops():
            patch.setattr(detect_face, "batched_nms", batched_nms)
        yield MTCNN(keep_all=True, device="cpu")


def judged_by_facenet(judge: Any, image: np.ndarray) -> tuple[Any, Any, Any]:
    boxes, scores, points = judge.detect(image, landmarks=True)
    return ([], [], []) if boxes is None else (boxes, scores, points)


@pytest.mark.parametrize("picture", PHOTOS)
def test_mtcnn_is_facenet_pytorchs(data: Path, facenet: Any, picture: str) -> None:
    view, back = geometry.shrink(photo(data, picture), options("mtcnn")["longest_side"])
    boxes, scores, points = judged_by_facenet(facenet, view)
    boxes, points = (
        np.reshape(boxes, (-1, 4)) * np.tile(back, 2),
        np.reshape(points, (-1, 5, 2)) * back,
    )
    assert (
        differences(detector("mtcnn").detect([photo(data, picture)])[0], boxes, scores, points)
        == []
    )


def test_mtcnn_is_facenet_pytorchs_on_drawn_scenes(facenet: Any) -> None:
    for image, faces in zip(drawn(), detector("mtcnn").detect(drawn()), strict=True):
        assert differences(faces, *judged_by_facenet(facenet, image), pixels=0.05) == []


@pytest.mark.parametrize("side", [8, 19, 20, 21, 35])
def test_mtcnn_of_tiny_pictures(facenet: Any, side: int) -> None:
    """Where the library raises an exception there is no face; from 20 pixels on it agrees."""
    image = cv2.resize(drawn()[0], (side, side), interpolation=cv2.INTER_AREA)
    faces = detector("mtcnn").detect([image])[0]
    if side < 20:
        assert faces == []
    else:
        assert differences(faces, *judged_by_facenet(facenet, image)) == []


# -- RetinaFace ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def author_of_retinaface() -> Any:
    """face_alignment's copy of biubug6's detector, made that of these weights: plain rectifiers and
    smaller anchors (see networks/retinaface.py).
    """
    torch = pytest.importorskip("torch")
    from faceoff.inference.torch_devices import prepare_torchvision

    prepare_torchvision()
    retinaface = pytest.importorskip("face_alignment.detection.retinaface")
    judge = retinaface.FaceDetector(
        "cpu",
        path_to_detector=weights("retinaface"),
        confidence_threshold=options("retinaface")["threshold"],
    )
    for module in judge.face_detector.modules():
        if isinstance(module, torch.nn.LeakyReLU):
            module.negative_slope = 0.0
    judge.cfg = {**judge.cfg, "min_sizes": [[10, 20], [32, 64], [128, 256]]}
    return judge


@pytest.mark.parametrize("picture", [*PHOTOS, "facetorch_test3.jpg"])
def test_retinaface_is_its_authors(data: Path, author_of_retinaface: Any, picture: str) -> None:
    view, back = geometry.shrink(photo(data, picture), options("retinaface")["longest_side"])
    # The weights were trained on BGR, which that library does not convert to: it must be handed
    # BGR.
    rows = np.reshape(
        author_of_retinaface.detect_from_image(np.ascontiguousarray(view[..., ::-1])), (-1, 5)
    )
    assert (
        differences(
            detector("retinaface").detect([photo(data, picture)])[0],
            rows[:, :4] * np.tile(back, 2),
            rows[:, 4],
        )
        == []
    )


def test_retinaface_in_batches_is_its_authors(author_of_retinaface: Any) -> None:
    for image, faces in zip(drawn(), detector("retinaface").detect(drawn()), strict=True):
        rows = np.reshape(
            author_of_retinaface.detect_from_image(np.ascontiguousarray(image[..., ::-1])), (-1, 5)
        )
        assert differences(faces, rows[:, :4], rows[:, 4], pixels=0.05) == []


def test_retinaface_decodes_by_the_published_formula(data: Path, author_of_retinaface: Any) -> None:
    """Boxes and landmarks, anchor by anchor, from the raw outputs of the judge's network."""
    import torch

    image = photo(data, "single_face.jpg")
    height, width = image.shape[:2]
    pixels = image[..., ::-1].astype(np.float32) - np.float32([104, 117, 123])
    with torch.no_grad():
        offsets, scores, points = (
            output[0].numpy()
            for output in author_of_retinaface.face_detector(
                torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
            )
        )
    found, index = [], 0
    for stride, sides in ((8, (10, 20)), (16, (32, 64)), (32, (128, 256))):
        for row in range(math.ceil(height / stride)):
            for column in range(math.ceil(width / stride)):
                for side in sides:
                    if scores[index, 1] > 0.6:
                        cx, cy = (column + 0.5) * stride, (row + 0.5) * stride
                        x, y = (
                            cx + 0.1 * offsets[index, 0] * side,
                            cy + 0.1 * offsets[index, 1] * side,
                        )
                        w, h = (
                            side * math.exp(0.2 * offsets[index, 2]),
                            side * math.exp(0.2 * offsets[index, 3]),
                        )
                        eyes = [
                            (
                                cx + 0.1 * points[index, 2 * k] * side,
                                cy + 0.1 * points[index, 2 * k + 1] * side,
                            )
                            for k in range(5)
                        ]
                        found.append(
                            (scores[index, 1], (x - w / 2, y - h / 2, x + w / 2, y + h / 2), eyes)
                        )
                    index += 1
    assert index == len(scores)
    score, box, eyes = max(found)
    assert (
        differences(detector("retinaface").detect([image])[0], [box], [score], [eyes], pixels=0.05)
        == []
    )


# -- BlazeFace -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def author_of_blazeface() -> Any:
    """hollance's network as face_alignment carries it."""
    blazeface = pytest.importorskip("face_alignment.detection.blazeface")
    paths = {
        "path_to_detector": weights("blazeface"),
        "path_to_anchor": weights("blazeface", "anchors"),
    }
    return blazeface.FaceDetector(
        "cpu", **paths, min_score_thresh=options("blazeface")["threshold"]
    )


def test_blazeface_is_its_authors(data: Path, author_of_blazeface: Any) -> None:
    """On squares of 128 pixels, the size the network takes: what surrounds it (letterbox here,
    central crop there) is not the authors'.
    """
    pictures = [
        *drawn(),
        *(
            photo(data, name)[:370, :370]
            for name in ("single_face.jpg", "justin.jpg", "aflw-test.jpg")
        ),
    ]
    pictures = [cv2.resize(image, (128, 128), interpolation=cv2.INTER_AREA) for image in pictures]
    found = detector("blazeface").detect(pictures)
    assert sum(map(len, found)) >= 20
    for image, faces in zip(pictures, found, strict=True):
        rows = np.array(author_of_blazeface.detect_from_image(image), float).reshape(-1, 5)
        assert differences(faces, rows[:, :4], rows[:, 4], pixels=0.05) == []


@pytest.mark.parametrize("shape", [(240, 320), (320, 240), (97, 301)])
def test_blazeface_letterbox_keeps_boxes_in_place(shape: tuple[int, int]) -> None:
    """A picture with a border is the picture, moved."""
    face = cv2.resize(drawn()[0], (min(shape), min(shape)), interpolation=cv2.INTER_AREA)
    wide = np.zeros((*shape, 3), np.uint8)
    wide[: face.shape[0], : face.shape[1]] = face
    centred = np.zeros((max(shape), max(shape), 3), np.uint8)
    left, top = (max(shape) - shape[1]) // 2, (max(shape) - shape[0]) // 2
    centred[top : top + face.shape[0], left : left + face.shape[1]] = face
    (one,), (other,) = detector("blazeface").detect([wide, centred])
    x, y, w, h = one.box
    assert (x + left, y + top, w, h) == pytest.approx(other.box, abs=0.02 * max(shape))


# -- UltraFace -------------------------------------------------------------------------------------

LEVELS = {
    320: ((40, 30), (20, 15), (10, 8), (5, 4)),
    640: ((80, 60), (40, 30), (20, 15), (10, 8)),
}  # (columns, rows) per level
ANCHORS = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))  # vision/ssd/config/fd_config.py


@cache
def raw_ultraface(name: str) -> Any:
    """The graph cut off before its own decoding: logits and offsets come out."""
    onnx = pytest.importorskip("onnx")
    import onnxruntime

    model = onnx.load(weights(name))
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    slices = [node for node in model.graph.node if node.op_type == "Slice"]
    del model.graph.output[:]
    for tensor in (softmax.input[0], slices[0].input[0]):
        model.graph.output.append(onnx.ValueInfoProto(name=tensor))
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


@pytest.mark.parametrize("width", [320, 640])
@pytest.mark.parametrize("picture", [*PHOTOS, "facetorch_test3.jpg"])
def test_ultraface_decodes_by_the_published_formula(
    data: Path, mirror: Path, width: int, picture: str
) -> None:
    """Preprocessing, anchors, decoding and suppression of the published detect_imgs_onnx.py,
    written out slowly.
    """
    name, image = f"ultraface_{width}", photo(data, picture)
    session, height = raw_ultraface(name), width * 3 // 4
    pixels = (cv2.resize(image, (width, height)).astype(np.float32) - 127) / 128
    logits, offsets = (
        output[0]
        for output in session.run(
            None, {session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None]}
        )
    )
    if logits.shape[1] != 2:
        logits, offsets = offsets, logits
    found, index = [], 0
    for (columns, rows), sides in zip(LEVELS[width], ANCHORS, strict=True):
        for row in range(rows):
            for column in range(columns):
                for side in sides:
                    background, face = map(float, logits[index])
                    score = 1 / (1 + math.exp(background - face))
                    if score > 0.7:
                        cx, cy, w, h = (
                            (column + 0.5) / columns,
                            (row + 0.5) / rows,
                            side / width,
                            side / height,
                        )
                        cx, cy, w, h = (min(max(value, 0.0), 1.0) for value in (cx, cy, w, h))
                        dx, dy, dw, dh = map(float, offsets[index])
                        x, y, w, h = (
                            cx + 0.1 * dx * w,
                            cy + 0.1 * dy * h,
                            w * math.exp(0.2 * dw),
                            h * math.exp(0.2 * dh),
                        )
                        found.append((score, (x - w / 2, y - h / 2, x + w / 2, y + h / 2)))
                    index += 1
    assert index == len(logits)
    kept: list[tuple[float, tuple[float, ...]]] = []
    for score, box in sorted(found, reverse=True)[:200]:
        if all(_iou(box, other) <= 0.3 for _, other in kept):
            kept.append((score, box))
    corners = np.array([box for _, box in kept]).reshape(-1, 4) * np.tile(image.shape[1::-1], 2)
    assert (
        differences(detector(name).detect([image])[0], corners, [score for score, _ in kept]) == []
    )


def _iou(a: Sequence[float], b: Sequence[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared + 1e-5)


# -- MediaPipe -------------------------------------------------------------------------------------


def test_mediapipes_two_interfaces_give_the_same_boxes(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mp.solutions`, which releases after 0.10.21 lack, and the task FaceDetector, whose boxes are
    rounded down to pixels.

    0.10.21's task fails on the full-range network; 1.2.2's does not (docs/detectors.md).
    """
    mediapipe = pytest.importorskip("mediapipe")
    if not hasattr(mediapipe, "solutions"):
        pytest.skip("this release has the task only")
    name = "mediapipe_short"
    old = detector(name)
    monkeypatch.delattr(mediapipe, "solutions")
    new, found = load_plugin(registry.get("detector", name).job(), Clock()), 0
    for photograph in PHOTOS:
        faces = new.detect([photo(data, photograph)])[0]
        before = old.detect([photo(data, photograph)])[0]
        # Sides and corners are cut to whole pixels each, so a far corner may be two off.
        assert (
            differences(
                faces,
                [(x, y, x + w, y + h) for x, y, w, h in (face.box for face in before)],
                [face.score for face in before],
                pixels=2,
            )
            == []
        )
        found += len(faces)
    assert found >= 5


# -- S3FD and FAN ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3fd_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Under the library's file names."""
    pytest.importorskip("torch")
    pytest.importorskip("face_alignment.detection.sfd.net_s3fd")
    folder = tmp_path_factory.mktemp("s3fd")
    files = {
        "weights": folder / "s3fd-619a316812.pth",
        "fan": folder / "hub" / "checkpoints" / "2DFAN4-11f355bf06.pth.tar",
    }
    files["fan"].parent.mkdir(parents=True)
    synthetic_files.s3fd(files["weights"])
    synthetic_files.fan(files["fan"])
    return files


def s3fd(files: dict[str, Path], name: str = "s3fd") -> Any:
    plugin = registry.get("detector", name)
    return registry.load(plugin.source_name, plugin.class_name)(
        plugin.card, {role: files[role] for role in plugin.assets}
    )


@pytest.mark.parametrize("picture", ["justin.jpg", "3faces.png", "multi_face.jpg"])
def test_s3fd_is_face_alignments(data: Path, s3fd_files: dict[str, Path], picture: str) -> None:
    from face_alignment.detection import sfd

    image = photo(data, picture)
    view, back = geometry.shrink(image, options("s3fd")["longest_side"])
    rows = np.reshape(
        sfd.FaceDetector("cpu", path_to_detector=str(s3fd_files["weights"])).detect_from_image(
            view
        ),
        (-1, 5),
    )
    assert 0 < len(rows) < 2000, "the random weights find something and leave something out"
    assert (
        differences(s3fd(s3fd_files).detect([image])[0], rows[:, :4] * np.tile(back, 2), rows[:, 4])
        == []
    )


def test_s3fd_takes_pictures_too_small_for_it(s3fd_files: dict[str, Path]) -> None:
    network = s3fd(s3fd_files)
    assert network.detect([]) == []
    for shape in ((1, 1), (7, 40), (40, 7)):
        assert len(network.detect([np.full((*shape, 3), 90, np.uint8)])) == 1


def test_s3fd_names_what_does_not_fit(s3fd_files: dict[str, Path]) -> None:
    with pytest.raises(RuntimeError, match=r"Missing key.*conv1_1\.weight"):
        s3fd({"weights": s3fd_files["fan"]})


def test_fan_is_face_alignments(
    data: Path, s3fd_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library finds the file at its own cache path; its 68 points reduced here are ours."""
    face_alignment = pytest.importorskip("face_alignment")
    monkeypatch.setenv("TORCH_HOME", str(s3fd_files["weights"].parent))
    judge = face_alignment.FaceAlignment(
        face_alignment.LandmarksType.TWO_D,
        device="cpu",
        face_detector_kwargs={"path_to_detector": str(s3fd_files["weights"])},
        compile=False,
    )
    image = photo(data, "justin.jpg")
    network = s3fd(s3fd_files, "s3fd_fan")
    chosen = [
        [100, 90, 220, 240, 0.9],
        [30, 60, 160, 190, 0.8],
    ]  # random weights find boxes outside of the picture, which the library's crop refuses
    monkeypatch.setattr(network, "_found", lambda view: chosen)
    faces = network.detect([image])[0]
    assert [face.score for face in faces] == [0.9, 0.8]
    for face in faces:
        x, y, w, h = face.box
        points = judge.get_landmarks_from_image(
            image, detected_faces=[[x, y, x + w, y + h, face.score]]
        )[0]
        left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
        assert (
            np.abs(
                face.landmarks - np.stack([left, right, points[30], points[48], points[54]])
            ).max()
            < 1e-3
        )


class _Cuda(str):
    """PyTorch takes it for the text that it is, "cpu"; the library looks for "cuda" in it."""

    __slots__ = ()

    def __contains__(self, part: object) -> bool:
        return part == "cuda" or super().__contains__(part)


@pytest.mark.parametrize("name", ["s3fd", "s3fd_fan"])
def test_on_a_gpu_the_library_does_not_let_the_clock_choose_algorithms(
    s3fd_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """cuDNN's choice by timing, which the library switches on, gives other bits from run to run."""
    import torch
    from face_alignment.detection import sfd

    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    view = np.full((64, 64, 3), 90, np.uint8)
    sfd.FaceDetector(_Cuda("cpu"), path_to_detector=str(s3fd_files["weights"])).detect_from_image(
        view
    )
    assert torch.backends.cudnn.benchmark, "the library takes this device for a GPU"

    torch.backends.cudnn.benchmark = False
    plugin = registry.get("detector", name)
    adapter = registry.load(plugin.source_name, plugin.class_name)
    monkeypatch.setitem(adapter.__init__.__globals__, "torch_device", lambda: _Cuda("cpu"))
    network = adapter(plugin.card, {role: s3fd_files[role] for role in plugin.assets})
    seen = [torch.backends.cudnn.benchmark]
    network._detector.face_detector.register_forward_hook(
        lambda *_: seen.append(torch.backends.cudnn.benchmark)
    )
    network.detect([view])
    assert seen == [False, False]


# -- all of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["yunet", "yunet_s", "mtcnn", "retinaface", "ultraface_320", "ultraface_640", "blazeface"],
)
def test_a_batch_of_32_is_32_pictures(mirror: Path, name: str) -> None:
    """To the last bit, whatever the other pictures of the batch are and whatever their order."""
    network = detector(name)
    many = network.detect(drawn())
    mirrored = network.detect(drawn()[::-1])[::-1]
    for image, faces, again in zip(drawn(), many, mirrored, strict=True):
        for other in (again, network.detect([image])[0]):
            assert [(face.box, face.score) for face in faces] == [
                (face.box, face.score) for face in other
            ]
            assert all(
                np.array_equal(a.landmarks, b.landmarks)
                for a, b in zip(faces, other, strict=True)
                if a.landmarks is not None
            )
