"""A sample as a row of the samples table, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from faceoff.plugins.protocols import Points, Sample


def flat(landmarks: Sequence[Points] | None) -> list[list[float]] | None:
    """Landmarks as a table holds them: x1, y1, … x5, y5 of each face."""
    return (
        None
        if landmarks is None
        else [[float(value) for point in points for value in point] for points in landmarks]
    )


def sample_of(row: Mapping[str, Any]) -> Sample:
    """A row of the samples table as the dataset made it."""
    given = {
        "votes": row["votes"] and tuple(row["votes"]),
        "boxes": row["boxes"] and tuple(map(tuple, row["boxes"])),
        "landmarks": row["landmarks"]
        and tuple(
            tuple(zip(points[::2], points[1::2], strict=True)) for points in row["landmarks"]
        ),
    }
    return Sample(**{**row, **given, "groups": dict(row["groups"] or ())})
