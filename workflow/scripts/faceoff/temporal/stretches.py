"""Cut a clip into stretches: the frames that a network over time reads as one sequence."""

import numpy as np
import numpy.typing as npt

GAP_S = 0.5  # a longer gap without a face ends the state (protocol §45)
EXACT_S = 1e-6  # of time stamps


def stretches(
    times: npt.NDArray[np.float64], there: npt.NDArray[np.bool_], window: int
) -> list[npt.NDArray[np.int64]]:
    """Return the places of the frames of each stretch, in order; absent frames are in none.

    A stretch ends at a gap: at least one absent frame, and more than `GAP_S` from the frame before
    it to the one behind it. Frames that are merely sampled far apart are no gap.

    Parameters
    ----------
    times
        (n,) seconds of the frames, in order; those of absent frames do not count.
    there
        (n,) whether the frame has a face that was read.
    window
        Most frames of a stretch; a longer one is cut.
    """
    places = np.flatnonzero(there)
    if not len(places):
        return []
    absent = np.diff(places) > 1
    ends = absent & (np.diff(times[places]) > GAP_S + EXACT_S)
    parts = np.split(places, np.flatnonzero(ends) + 1)
    return [part[start : start + window] for part in parts for start in range(0, len(part), window)]
