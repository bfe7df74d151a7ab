"""List the packages that make a result, in the environment that makes it (protocol §27)."""

import importlib.metadata
import sys

_PACKAGES = (
    "snakemake", "numpy", "scipy", "scikit-learn", "pyarrow", "pillow", "av",
    "opencv-python-headless", "matplotlib", "onnxruntime", "onnxruntime-gpu", "ai-edge-litert",
    "mediapipe", "fer", "torch", "torchvision", "timm", "transformers", "safetensors", "h5py",
    "facenet-pytorch", "face-alignment", "facetorch", "py-feat", "libreface", "openface-test",
    "kaldi-native-fbank", "silero-vad", "opensmile",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that shape results."""
    installed = {"python": sys.version.split()[0]}
    for package in _PACKAGES:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed
