"""Show frames with what was seen in a window of OpenCV, where it has any."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import cv2

from faceoff.analysis import overlay
from faceoff.plugins.protocols import RGB

_END = (27, ord("q"))  # Escape, q


def check() -> None:
    """Raise ValueError where OpenCV can open no window, saying what to do."""
    gui = re.search(r"GUI: *(\S+)", cv2.getBuildInformation())
    if gui is None or gui[1] == "NONE":
        raise ValueError(
            "--window: this OpenCV has no windows (opencv-python-headless): install "
            "opencv-python in its place, or leave --window away"
        )
    on_linux = sys.platform.startswith("linux")
    if on_linux and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        raise ValueError("--window: there is no display here: leave --window away")


class Window:
    """A window that shows one frame after another."""

    def __init__(self, title: str):
        check()
        self._title = title
        cv2.namedWindow(title, cv2.WINDOW_NORMAL)

    def show(self, image: RGB) -> bool:
        """Show a frame; return whether the user has closed the window or pressed Escape or q."""
        cv2.imshow(self._title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        pressed = cv2.waitKey(1) & 0xFF
        return pressed in _END or cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1

    def close(self) -> None:
        """Close the window."""
        cv2.destroyWindow(self._title)


def drawn(image: RGB, rows: Sequence[Mapping[str, Any]]) -> RGB:
    """Return a frame with its faces as `faceoff analyze --overlay` draws them.

    rows: of `Watched`; a face is called by its track, as nobody's name is known yet.
    """
    named = [{**row, "identity": row.get("track_id"), "person": None} for row in rows]
    return overlay.drawn(image, named)
