"""Members' posteriors for tests: of known strength, some with absences, and of one sample."""

import numpy as np

from faceoff.fusion import rule_list

NAN = float("nan")
RULES = {name: rule_list.get(name) for name in rule_list.names()}


def one_sample(*members):
    """Members' rows for one sample -> (members, 1, k)."""
    return np.array(members, dtype=float)[:, None, :]


def noisy_members(seed=0, members=3, n=400, k=4, strength=(2.0, 1.5, 1.0), scale=1.0):
    """Posteriors of conditionally independent members of different strength; `scale` > 1 makes them
    over-confident.
    """
    random = np.random.default_rng(seed)
    truth = random.integers(0, k, n)
    logits = random.normal(size=(members, n, k))
    logits[:, np.arange(n), truth] += np.array(strength)[:members, None]
    powers = np.exp(scale * logits)
    return powers / powers.sum(axis=2, keepdims=True), truth


def gappy_members():
    """Three members with absences, one of them without class 3, and a sample that nobody covers."""
    posteriors, truth = noisy_members(n=300)
    random = np.random.default_rng(1)
    posteriors[random.random((3, 300)) < 0.15] = NAN
    posteriors[1, :, 3] = NAN
    posteriors[1] /= np.nansum(posteriors[1], axis=1, keepdims=True)
    posteriors[:, 7] = NAN
    return posteriors, truth, np.arange(300) % 5
