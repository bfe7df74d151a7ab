"""Convert a sample to a row of the samples table, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from faceoff.plugins.protocols import Points, Sample


def flat(landmarks: Sequence[Points] | None) -> list[list[float]] | None:
    """Return landmarks in the form of a table: x1, y1, … x5, y5 of each face."""
    return (
        None
        if landmarks is None
        else [[float(value) for point in points for value in point] for points in landmarks]
    )


def sample_of(row: Mapping[str, Any]) -> Sample:
    """Return a row of the samples table as the sample that the dataset made."""
    given = {
        "votes": row["votes"] and tuple(row["votes"]),
        "boxes": row["boxes"] and tuple(map(tuple, row["boxes"])),
        "landmarks": row["landmarks"]
        and tuple(
            tuple(zip(points[::2], points[1::2], strict=True)) for points in row["landmarks"]
        ),
    }
    return Sample(**{**row, **given, "groups": dict(row["groups"] or ())})
