"""Tell of each person when the mouth moves as in speech."""

import numpy as np
import pyarrow as pa

from faceoff.analysis.summary import keys, values, with_columns
from faceoff.temporal.talking import LEAST, movement


def with_talking(table: pa.Table) -> pa.Table:
    """Return the table with `talking` of each face, by the frames that show its person.

    It is 1 where the mouth moves as in speech, 0 where not, null where that is unknown. The person
    of a row is its identity. A table without `mouth_openness` stays as it is.
    """
    if "mouth_openness" not in table.schema.names:
        return table
    frames, first = np.unique(values(table, "frame"), return_index=True)
    times = values(table, "timestamp")[first]
    openness = values(table, "mouth_openness")
    seen = np.flatnonzero(np.isfinite(openness))
    owner = keys(table, "identity")[seen]
    places = np.searchsorted(frames, values(table, "frame")[seen])
    moved = np.full(len(table), np.nan)
    for number in np.unique(owner):
        own = owner == number
        start = int(places[own].min())
        course = np.full(int(places[own].max()) - start + 1, np.nan)
        course[places[own] - start] = openness[seen[own]]
        told = movement(times[start : start + len(course)], course)
        moved[seen[own]] = told[places[own] - start]
    told = pa.array((moved >= LEAST).astype(np.int8), mask=np.isnan(moved))
    return with_columns(table, {"talking": told})
