"""Run DDAMFN and DDAMFN++ (Zhang et al. 2023): one small attention network, several checkpoints.

Its authors publish no sha256 of their checkpoints, and none was found elsewhere. The checkpoints of
DDAMFN++ are pinned by the object id that git gives each file in their repository (SHA-1 of "blob
SIZE", a zero byte and the content): a file in FACEOFF_MIRROR or in the cache is compared with it
before it is opened. Other checkpoints, such as DDAMFN's own, are given with their sha256:

    models: {ddamfn: {options: {weights: /path/to/ferPlus.pth, sha256: …}}}
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.assets.asset import AssetError
from faceoff.assets.fetch import cache_folder, given, mirror_folder
from faceoff.emotions import AFFECTNET_ORDER
from faceoff.inference.runtimes import softmax
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "ddamfn": {
        "class": "DDAMFN8",
        "framework": "torch",
        "requires": {"modules": ["torch"]},
        "options": {"weights": None, "sha256": None, "heads": 2},
        "lineage": "ddamfn",
        "licence": "none stated",
        "source": "https://github.com/simon20010923/DDAMFN",
        "published": [
            {"task": "AffectNet-8 validation", "accuracy": 0.6425},
            {"task": "FER+ test", "accuracy": 0.9074},
            {
                "task": "RAF-DB test",
                "accuracy": 0.9135,
                "note": "other checkpoints than these eight classes",
            },
        ],
    },
    "ddamfn_pp": {
        "class": "DDAMFN8",
        "framework": "torch",
        "requires": {"modules": ["torch"]},
        "checkpoint": {
            "file": "affecnet8_epoch25_acc0.6469.pth",
            "git_blob": "b8dce63bfc249c270cd09f5adc34cf7948954b1f",
            "url": (
                "https://github.com/simon20010923/DDAMFN/raw/"
                "855cd13402f578788017c88d620c3e65d7f11176/DDAMFN%2B%2B/checkpoints_ver2.0/"
                "affecnet8_epoch25_acc0.6469.pth"
            ),
        },
        "options": {"weights": None, "sha256": None, "heads": 2},
        "lineage": "ddamfn-pp-affectnet8",
        "licence": "none stated",
        "training_data": {"affectnet": ["train"]},
        "selected_on": {"affectnet": ["valid"]},
        "source": "https://github.com/simon20010923/DDAMFN",
        "published": [
            {
                "task": "AffectNet-8 validation",
                "accuracy": 0.6469,
                "note": "this file, by its name; their best is 65.04",
            }
        ],
    },
    "ddamfn_pp_7": {
        "class": "DDAMFN7",
        "framework": "torch",
        "requires": {"modules": ["torch"]},
        "checkpoint": {
            "file": "affecnet7_epoch19_acc0.671.pth",
            "git_blob": "a2399a1346f184f12725b37b3969bcc41529cdec",
            "url": (
                "https://github.com/simon20010923/DDAMFN/raw/"
                "855cd13402f578788017c88d620c3e65d7f11176/DDAMFN%2B%2B/checkpoints_ver2.0/"
                "affecnet7_epoch19_acc0.671.pth"
            ),
        },
        "options": {"weights": None, "sha256": None, "heads": 2},
        "lineage": "ddamfn-pp-affectnet7",
        "licence": "none stated",
        "training_data": {"affectnet": ["train"]},
        "selected_on": {"affectnet": ["valid"]},
        "source": "https://github.com/simon20010923/DDAMFN",
        "published": [
            {
                "task": "AffectNet-7 validation",
                "accuracy": 0.671,
                "note": "this file, by its name; their best is 67.36",
            }
        ],
    },
    "ddamfn_pp_rafdb": {
        "class": "DDAMFN7",
        "framework": "torch",
        "requires": {"modules": ["torch"]},
        "checkpoint": {
            "file": "rafdb_epoch20_acc0.9204_bacc0.8617.pth",
            "git_blob": "3adfea01f296a4ef56ccd98578ab45a43e73f2eb",
            "url": (
                "https://github.com/simon20010923/DDAMFN/raw/"
                "855cd13402f578788017c88d620c3e65d7f11176/DDAMFN%2B%2B/checkpoints_ver2.0/"
                "rafdb_epoch20_acc0.9204_bacc0.8617.pth"
            ),
        },
        "options": {"weights": None, "sha256": None, "heads": 2},
        "lineage": "ddamfn-pp-rafdb",
        "licence": "none stated",
        "training_data": {"raf-db": ["train"]},
        "selected_on": {"raf-db": ["test"]},
        "source": "https://github.com/simon20010923/DDAMFN",
        "published": [
            {
                "task": "RAF-DB test",
                "accuracy": 0.9204,
                "note": "this file, by its name; their best is 92.34",
            }
        ],
    },
}

BATCH = 4  # fastest on a CPU (0.03 s a picture on one thread, 0.05 in batches of 1 or 16)
# ImageNet's, of RGB in 0–1
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def git_blob(path: Path) -> str:
    """Return the id that git gives this file's content."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def checkpoint(card: Mapping[str, Any]) -> Path:
    """Return the verified file of weights: the one in the options, else the published one.

    Raises AssetError.
    """
    options, published = card["options"], card.get("checkpoint")
    if options["weights"]:
        return given(options["weights"], options["sha256"], "weights")
    if not published:
        raise AssetError(
            "no checkpoint of this model is published with a hash: give one as options `weights` "
            "and `sha256`"
        )
    places = [
        place / published["file"]
        for place in (mirror_folder(), cache_folder() / "weights")
        if place
    ]
    for path in places:
        if path.is_file():
            blob = git_blob(path)
            if blob != published["git_blob"]:
                raise AssetError(
                    f"{path}: git blob is {blob}, the authors' file is {published['git_blob']}; "
                    "remove the file"
                )
            return path
    raise AssetError(
        f"{published['file']} has no published sha256 and is not downloaded: put "
        f"{published['url']} at {' or '.join(map(str, places))}"
    )


class _DDAMFN:
    """The authors' network.

    They align faces by five landmarks to the same 112 pixels, which a squared box only
    approximates.
    """

    emotions: tuple[str, ...]
    crop = CropSpec(size=(112, 112), channels=3, margin=0.0)

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        path = checkpoint(card)
        from faceoff.inference.checkpoints import fill
        from faceoff.inference.networks.ddamfn import DDAMFN
        from faceoff.inference.torch_devices import Torch, torch_device

        self._network = Torch(
            fill(DDAMFN(len(self.emotions), card["options"]["heads"]), path).to(torch_device()),
            BATCH,
            more_on_gpu=True,
        )

    def predict(self, crops: np.ndarray) -> Prediction:
        inputs = (crops.astype(np.float32) / np.float32(255) - MEAN) / STD
        return Prediction(
            posterior=softmax(
                self._network.run(np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)))[0]
            )
        )


class DDAMFN8(_DDAMFN):
    """Eight classes in AffectNet's order, which the authors also give FER+."""

    emotions = AFFECTNET_ORDER


class DDAMFN7(_DDAMFN):
    """A variant with seven classes, in AffectNet's order without contempt.

    The authors use this order for RAF-DB too (whose own numbering starts with surprise).
    """

    emotions = AFFECTNET_ORDER[:7]
