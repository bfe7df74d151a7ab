"""Compare pairs of face detector and emotion model, and read one's own videos and pictures.

`analyze` and `Analyzer` load their libraries when they are first asked for.
"""

import importlib
from typing import Any

__all__ = ["Analyzer", "analyze"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("faceoff.analysis.analyzer"), name)
