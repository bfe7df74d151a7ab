"""Name the array types that pure functions take and return; docstrings say the shapes."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.bool_ | np.integer[Any] | np.floating[Any]]
Labels = npt.NDArray[Any]  # any sortable labels: names of subjects, indices of clusters
