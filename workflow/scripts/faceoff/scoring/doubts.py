"""Find out from its posteriors alone that a model was run wrongly."""

import numpy as np

from faceoff.statistics.arrays import Floats

_SLACK = 0.01  # of a probability: single precision, and means over the frames of a clip
_FEWEST = 5  # classes: of fewer, any cautious posterior may look so
_SURE = 0.5  # a probability that near-uniform logits do not imitate


def softmax_twice(posterior: Floats) -> bool:
    """Return whether every row is the softmax of a probability distribution.

    A softmax over probabilities q gives log p_i = q_i - log Z. As the q sum to one, log Z follows
    from the p, and so do the q: all are at least 0, which the logits of a network hardly ever are.
    The decision stays the same, but no confidence of k classes exceeds e / (e + k - 1).

    Parameters
    ----------
    posterior
        (n, k), rows of NaN where not covered. Below five classes the answer is False.
    """
    covered = posterior[~np.isnan(posterior).any(axis=1)]
    if not covered.size or covered.shape[1] < _FEWEST or (covered <= 0).any():
        return False
    logs = np.log(covered)
    inside = logs + (1 - logs.sum(axis=1, keepdims=True)) / covered.shape[1]
    return bool(inside.min() >= -_SLACK and inside.max() > _SURE)
