"""Make files that stand in for absent weights, so that the code of their plug-ins still runs.

EmoNet, DDAMFN, DeepFace, VGG13, face-api, S3FD and FAN are their own networks with seeded values.
Where the file holds the network too (TorchScript, HSEmotion's ONNX files), it has a few layers with
the right outputs, which the plug-in cannot tell apart. The conformance tests have the large ones.
MediaPipe's landmarker is made of the networks in its package; 6DRepNet and L2CS-Net mix colours.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import given_signals
import landmarker_task
import numpy as np
import synthetic_files

import tfjs_files
from faceoff.assets.asset import hash_of
from faceoff.plugins.jobs import PluginJob
from faceoff.plugins.plugin import Plugin


def _small_onnx(path: Path, outputs: int, side: int) -> Path:
    network = synthetic_files.small(outputs)
    network.load_state_dict(synthetic_files.seeded(network))
    return synthetic_files.exported(network, side, path)


def _small_script(path: Path, outputs: int, side: int, squashed: bool = False) -> Path:
    return synthetic_files.traced(synthetic_files.small(outputs, squashed), side, path)


def _s3fd(path: Path) -> Path:
    return synthetic_files.s3fd(
        path, contrast=0.0165
    )  # at most a few faces to a picture, as FAN then looks at each


def _face_api(path: Path) -> Path:
    return _tfjs(path, tfjs_files.face_api_features(7))


def _tfjs(path: Path, weights: Mapping[str, np.ndarray]) -> Path:
    """Write the file of the role that the path ends with: the manifest, or the weights."""
    entries, raw = tfjs_files.manifest(weights)
    if path.name.endswith("manifest"):
        path.write_text(json.dumps(entries), encoding="utf-8")
    else:
        path.write_bytes(raw)
    return path


def _age_sex(path: Path) -> Path:
    return _tfjs(path, tfjs_files.face_api_age_gender())


def _landmarks(path: Path) -> Path:
    """Write a network whose points are those of a face, moved a little by the picture."""
    weights = tfjs_files.face_api_features(136)
    places = np.random.default_rng(1).uniform(0.2, 0.8, 136).astype(np.float32)
    return _tfjs(path, weights | {"fc/weights": weights["fc/weights"] / 1e3, "fc/bias": places})


def _recognition(path: Path) -> Path:
    return _tfjs(path, tfjs_files.face_api_recognition())


# Plug-in -> role of an asset, or of a file that its options give -> what makes it.
MAKERS: dict[str, dict[str, Callable[[Path], Path]]] = {
    "s3fd": {"weights": _s3fd},
    "s3fd_fan": {"weights": _s3fd, "fan": synthetic_files.fan},
    "emonet_5": {"weights": lambda path: synthetic_files.emonet(path, 5)},
    "emonet_8": {"weights": lambda path: synthetic_files.emonet(path, 8)},
    "ddamfn": {"weights": lambda path: synthetic_files.ddamfn(path, 8)},
    "ddamfn_pp": {"weights": lambda path: synthetic_files.ddamfn(path, 8)},
    "ddamfn_pp_7": {"weights": lambda path: synthetic_files.ddamfn(path, 7)},
    "ddamfn_pp_rafdb": {"weights": lambda path: synthetic_files.ddamfn(path, 7)},
    "deepface": {"weights": synthetic_files.deepface},
    "face_api": {"manifest": _face_api, "weights": _face_api},
    "blendshapes": {"landmarker": landmarker_task.write},
    "landmarker": {"landmarker": landmarker_task.write},
    "age_sex": {"manifest": _age_sex, "weights": _age_sex},
    "face_embedding": {
        "landmarks_manifest": _landmarks,
        "landmarks": _landmarks,
        "recognition_manifest": _recognition,
        "recognition": _recognition,
    },
    "sixdrepnet": {"weights": given_signals.sixdrepnet},
    "l2cs": {"weights": given_signals.l2cs},
    "ferplus_vgg13": {
        "weights": lambda path: synthetic_files.vgg13(path, synthetic_files.vgg13_weights())
    },
    "facetorch_b0": {
        "fer": lambda path: _small_script(path, 7, 244),
        "va": lambda path: _small_script(path, 2, 224),
        "au": lambda path: _small_script(path, 41, 224, squashed=True),
    },
    "facetorch_b2": {"fer": lambda path: _small_script(path, 8, 260)},
    "facetorch_au": {
        "au": lambda path: _small_script(path, 41, 224, squashed=True),
        "va": lambda path: _small_script(path, 2, 224),
    },
    "enet_b0_8_best_afew": {"weights": lambda path: _small_onnx(path, 8, 224)},
    "enet_b0_8_best_vgaf": {"weights": lambda path: _small_onnx(path, 8, 224)},
    "enet_b0_8_va_mtl": {"weights": lambda path: _small_onnx(path, 10, 224)},
    "enet_b2_7": {"weights": lambda path: _small_onnx(path, 7, 260)},
    "enet_b2_8": {"weights": lambda path: _small_onnx(path, 8, 260)},
    "mbf_va_mtl": {"weights": lambda path: _small_onnx(path, 10, 112)},
    "mobilevit_va_mtl": {"weights": lambda path: _small_onnx(path, 10, 224)},
}


def job(plugin: Plugin, folder: Path) -> PluginJob:
    """Return the plug-in's job with stand-ins below `folder` in place of its files.

    Each has its own hash, so that it is found and verified like any other.
    """
    made = plugin.job()
    options = dict(made.card["options"])
    for role, make in MAKERS[plugin.name].items():
        path = folder / f"{plugin.name}-{role}"
        if not path.is_file():
            make(path)
        digest = hash_of(path, "sha256")
        if role in made.assets:
            made.assets[role] |= {"file": str(path), "sha256": digest, "urls": [], "size": None}
        elif "sha256" in options:
            options |= {role: str(path), "sha256": digest}
        else:
            options[role] = {"path": str(path), "sha256": digest}
    return made.with_options(options)
