"""Read the CSV files of OpenFace 2 (Baltrusaitis et al. 2018).

They come from FeatureExtraction, FaceLandmarkVidMulti or FaceLandmarkImg. The header has a blank
before most names. `AU*_r` is intensity 0–5, `AU*_c` presence 0 or 1; both are kept. `success` says
whether the tracker is on a face, `confidence` how well it fits, 0–1. Frames count from 1, seconds
from 0. FaceLandmarkImg writes `face` and neither frame nor time.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.emotions import SENTIMENT
from faceoff.faces import emfacs
from faceoff.storage.columns import NO_FACE, OK

# Units with an intensity in OpenFace 2.0–2.2; AU28 has presence only. No AU16 and AU24, and no unit
# of one side.
UNITS = tuple(
    f"AU{number:02d}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
)


class OpenFaceError(ValueError):
    """A file that is no OpenFace CSV, or has a cell that is no number.

    The message names file, line and column.
    """


@dataclass(frozen=True)
class Tracking:
    """One CSV as arrays (n,), in its order.

    If `success` is False, the numbers of a row mean nothing.
    """

    frame: np.ndarray  # int, from 1 as in the file
    timestamp_s: np.ndarray
    face_id: np.ndarray  # int, 0 where the file has none
    confidence: np.ndarray
    success: np.ndarray  # bool
    intensity: Mapping[str, np.ndarray]  # "AU01" -> 0–5, clipped
    presence: Mapping[str, np.ndarray]  # "AU01" -> bool

    def __len__(self) -> int:
        return len(self.frame)


def read_csv(path: Path) -> Tracking:
    """Read one file. Raises OSError if it does not exist.

    Raises OpenFaceError for a file that is empty, cut short or not OpenFace's.
    """
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        lines = list(csv.reader(file))
    if not lines:
        raise OpenFaceError(f"{path}: empty, without even a header")
    header = [cell.strip() for cell in lines[0]]
    columns = {name: index for index, name in enumerate(header)}
    if "confidence" not in columns or not any(name.startswith("AU") for name in columns):
        raise OpenFaceError(
            f"{path}: not an OpenFace CSV with action units (run it with -aus): columns "
            f"{', '.join(header[:6])} …"
        )
    body = [
        (number, cells)
        for number, cells in enumerate(lines[1:], 2)
        if any(cell.strip() for cell in cells)
    ]

    def read(name: str) -> np.ndarray:
        values = np.empty(len(body))
        for row, (number, cells) in enumerate(body):
            try:
                values[row] = float(cells[columns[name]])
            except (IndexError, ValueError):
                content = (
                    repr(cells[columns[name]])
                    if len(cells) > columns[name]
                    else f"only {len(cells)} of {len(header)} cells: cut?"
                )
                raise OpenFaceError(f"{path}, line {number}, column {name}: {content}") from None
        return values

    def optional(name: str, default: np.ndarray) -> np.ndarray:
        return read(name) if name in columns else default

    order, zeros = np.arange(len(body)), np.zeros(len(body))
    images = "frame" not in columns  # FaceLandmarkImg: a line per face, and only of faces
    success = optional("success", np.ones(len(body))) > 0.5
    intensity = {
        name.removesuffix("_r"): read(name)
        for name in header
        if name.startswith("AU") and name.endswith("_r")
    }
    presence = {
        name.removesuffix("_c"): read(name) > 0.5
        for name in header
        if name.startswith("AU") and name.endswith("_c")
    }
    for unit, values in intensity.items():
        if not np.isfinite(values[success]).all():
            raise OpenFaceError(
                f"{path}, line {body[int((success & ~np.isfinite(values)).argmax())][0]}, column "
                f"{unit}_r: not a finite number"
            )
    return Tracking(
        frame=(zeros if images else read("frame")).astype(int),
        timestamp_s=optional("timestamp", zeros),
        face_id=optional("face_id", optional("face", order if images else zeros)).astype(int),
        confidence=read("confidence"),
        success=success,
        intensity={unit: np.clip(values, 0, 5) for unit, values in intensity.items()},
        presence=presence,
    )


def emotion_scores(tracking: Tracking, variants: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Return EMFACS scores (n,), 0–1, of the emotions that this file's units allow.

    A unit counts where OpenFace says that it is present.
    """
    return emfacs.scores(tracking.intensity, emfacs.rules(variants), tracking.presence)


def rows(
    tracking: Tracking,
    sample_id: str,
    *,
    neutral: float = 0.35,
    temperature: float = 1.0,
    variants: tuple[str, ...] = (),
    min_confidence: float = 0.0,
) -> Iterator[dict[str, Any]]:
    """Yield rows of the predictions contract, one per line of the file.

    A frame without a face has its row too (state no_face). `frame` counts from 0, as in the
    contract. Intensities are under au_01 …, in the file's units.
    """
    classes = emfacs.evaluable(tracking.intensity, emfacs.rules(variants))
    scored = emotion_scores(tracking, variants)
    posterior = (
        emfacs.posterior(scored, classes, neutral, temperature)
        if scored
        else np.ones((len(tracking), 1))
    )
    first = 1 if len(tracking) and tracking.frame.min() >= 1 else 0
    for index in range(len(tracking)):
        row = {
            "sample_id": sample_id,
            "frame": int(tracking.frame[index]) - first,
            "timestamp_s": float(tracking.timestamp_s[index]),
            "face_id": int(tracking.face_id[index]),
        }
        confidence = float(tracking.confidence[index])
        if not tracking.success[index] or confidence < min_confidence:
            lost = "success 0" if not tracking.success[index] else f"below {min_confidence:g}"
            yield row | {
                "success": 0,
                "state": NO_FACE,
                "reason": f"OpenFace: {lost}, confidence {confidence:.2f}",
            }
            continue
        p = posterior[index]
        winner = classes[int(p.argmax())]
        row |= {"success": 1, "state": OK, "reason": None}
        row |= {f"p_{emotion}": float(value) for emotion, value in zip(classes, p, strict=True)}
        row |= {"emotion": winner, "confidence": float(p.max()), "sentiment": SENTIMENT.get(winner)}
        yield row | {
            f"au_{unit.removeprefix('AU').lower()}": float(values[index])
            for unit, values in tracking.intensity.items()
        }
