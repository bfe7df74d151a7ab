"""Name the files of the networks that tell faces apart, two of face-api's."""

from collections.abc import Mapping

from faceoff.assets.asset import Asset

_SOURCE = "https://github.com/vladmandic/face-api"
_AT = f"{_SOURCE}/raw/189226d63aabb48cb40776fd1c453ebc0fa722f1/model"


def _asset(file: str, sha256: str, size: int) -> Asset:
    return Asset(file, sha256, (f"{_AT}/{file}",), size=size, licence="MIT", source=_SOURCE)


ASSETS: Mapping[str, Asset] = {
    "landmarks_manifest": _asset(
        "face_landmark_68_model-weights_manifest.json",
        "ca4886639f86e99b39fed0c155f81b63317225773bd9616716e887b0153389c9",
        8_485,
    ),
    "landmarks": _asset(
        "face_landmark_68_model.bin",
        "4611ef65c87d836d03d684b30eec4d195d8b219fa1dd58fc58945831c6b9299b",
        356_840,
    ),
    "recognition_manifest": _asset(
        "face_recognition_model-weights_manifest.json",
        "cbaffa501b0b9275a12b63357a6843e7e30c054e1c9151e1a5f879b26e32986b",
        19_615,
    ),
    "recognition": _asset(
        "face_recognition_model.bin",
        "b413e420d6840b2775fba32008db6f3cddb07d485967fb42cfcf379c16a8c589",
        6_444_032,
    ),
}
