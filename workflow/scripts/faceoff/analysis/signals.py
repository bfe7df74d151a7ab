"""Measure faces by signals, and put what they say into the rows of an analysis."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from faceoff.faces.openface_columns import landmarks_68
from faceoff.faces.signal_rows import measurer, placed
from faceoff.inference.clock import Clock
from faceoff.inference.prediction_rows import filled
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.plugin import Plugin
from faceoff.plugins.protocols import RGB, CropSpec, FaceSignal

Row = dict[str, Any]
_LEFT_OUT = ("embedding",)  # which tells people apart, so that it is not for a file


class Signals:
    """Several signals of one analysis. A column is measured by the first one that has it.

    plugins: of the signals, with the signal itself; job: how faces are cropped; taken: columns that
    the models measure, which no signal does then.

    columns: that are measured; thresholds: of columns of units, the intensity from which the
    signal's card says that a unit is there; gaze_frame: of the gaze, camera or head.
    """

    def __init__(
        self,
        plugins: Mapping[str, tuple[Plugin, FaceSignal]],
        job: CropJob,
        clock: Clock,
        taken: Collection[str],
    ):
        self._signals = [signal for _, signal in plugins.values()]
        self._job, self._clock = job, clock
        self.names = list(plugins)
        self.columns: list[str] = []
        self.thresholds: dict[str, float] = {}
        self.gaze_frame: str | None = None
        self._own: list[list[str]] = []
        for plugin, signal in plugins.values():
            left_out = {*taken, *self.columns, *_LEFT_OUT}
            own = [name for name in signal.columns if name not in left_out]
            self._own.append(own)
            self.columns += own
            threshold = float(plugin.card.get("au_threshold") or 2.0)
            self.thresholds |= {name: threshold for name in own if name.startswith("au_")}
            if "gaze_yaw" in own:
                self.gaze_frame = str(plugin.card["gaze_frame"])

    @property
    def specs(self) -> list[CropSpec]:
        """Return how each signal wants its crops."""
        return [signal.crop for signal in self._signals]

    def measure(self, faces: Sequence[Row], views: Sequence[Sequence[RGB | None]]) -> None:
        """Write what the signals measure into the rows of faces.

        `seen` of a row becomes False where a signal finds no face in the crop, so that the
        detector's may be none.

        faces: with the box, width and height; views: of each signal the crop of each face.
        """
        for signal, own, crops in zip(self._signals, self._own, views, strict=True):
            there = [number for number, crop in enumerate(crops) if crop is not None]
            inputs = [crop for crop in crops if crop is not None]
            results = filled(measurer(signal), inputs, self._clock)
            for number, measured in zip(there, results, strict=True):
                face = faces[number]
                if not measured.get("success", 1):
                    face["seen"] = False
                    continue
                moved = placed(measured, face, face, signal.crop, self._job)
                if moved.get("landmarks") is not None:
                    points = np.reshape(moved["landmarks"], (-1, 2))
                    moved["landmarks"] = landmarks_68(points).ravel().tolist()
                face |= {name: moved[name] for name in own}
