"""Score a pipeline beside people, where every sample has the votes of several.

Conventions
-----------
votes
    (n, C) counts ≥ 0: the first k columns are the classes of the label space, the others what else
    people answered (unknown, no face …).
posterior
    (n, k), rows of NaN where a sample is not covered; predicted (n,) class index, below 0 where
    there is none.
voted
    Samples with at least one vote inside the space (for distributions), or with two votes or more
    (where one tagger is held against the others); the rest are left out of what needs them, and
    every n says so.
the others
    What a sample's taggers but one say: the classes with most votes; where m of them tie, being one
    of them counts 1/m. All of C count, so a tagger who says "unknown" where most do is right.
"""

from collections.abc import Callable

import numpy as np

from faceoff.scoring import metrics
from faceoff.scoring.records import Human, Stratum
from faceoff.statistics.arrays import Bools, Floats, Ints, Numbers
from faceoff.statistics.intervals import Interval

AGREEMENT = (0.5, 0.6, 0.7, 0.8, 0.9)  # between strata (lo, hi] of the share of votes on the winner
# (values or correctness of some samples, which of all samples these are (n,)) -> interval of the
# mean
MeanInterval = Callable[[Numbers, Bools], Interval]


def cross_entropy(votes: Floats, posterior: Floats) -> Floats:
    """Return (n,) −Σ q log p against the distribution q of the votes inside the space.

    Parameters
    ----------
    votes
        (n, C) counts.
    posterior
        (n, k); p is clipped and renormalised as in the log loss.

    Returns
    -------
    In nats; NaN where there is no q or p.
    """
    share = _distribution(votes, posterior.shape[1])
    clipped = np.clip(posterior, metrics.CLIP, 1.0)
    crossed: Floats = -(share * np.log(clipped / clipped.sum(axis=1, keepdims=True))).sum(axis=1)
    return crossed


def vote_entropy(votes: Floats, k: int) -> Floats:
    """Return (n,) −Σ q log q in nats: the least cross-entropy that any posterior can have.

    The KL divergence is the cross-entropy minus this.

    Parameters
    ----------
    votes
        (n, C) counts.
    k
        Number of classes of the space.
    """
    share = _distribution(votes, k)
    entropy: Floats = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
    return entropy


def agreement(votes: Floats) -> Floats:
    """Return (n,) the share of all votes (n, C) that the winner has, 0–1; NaN without votes."""
    votes = _votes(votes)
    total = votes.sum(axis=1)
    return np.where(total > 0, votes.max(axis=1) / np.where(total > 0, total, 1.0), np.nan)


def one_against_the_others(votes: Floats) -> Floats:
    """Return (n,) the chance that a random tagger says what most of the others say; NaN below two
    votes.

    Its mean is what one person reaches: no ceiling, as a pipeline that says what most people say is
    right against all others more often than they are. votes: (n, C) counts.
    """
    chance = np.zeros(len(votes))
    for tagger, (share, credit) in enumerate(_left_out(votes)):
        chance += share * credit[:, tagger]
    return chance


def as_a_tagger(votes: Floats, predicted: Ints) -> Floats:
    """Return (n,) the same credit for a prediction: against all taggers but a random one.

    Parameters
    ----------
    votes
        (n, C) counts.
    predicted
        (n,) class index; no prediction has 0.

    Returns
    -------
    0–1; NaN below two votes.
    """
    chosen = np.maximum(predicted, 0)[:, None]
    chance = np.zeros(len(votes))
    for share, credit in _left_out(votes):
        chance += share * np.where(
            predicted >= 0, np.take_along_axis(credit, chosen, axis=1)[:, 0], 0.0
        )
    return chance


def confusion(votes: Floats, k: int) -> Floats:
    """Return the expected confusion matrix of one random tagger per sample.

    Parameters
    ----------
    votes
        (n, C) counts.
    k
        Number of classes of the space.

    Returns
    -------
    (k, k+1) samples: rows what the others say, columns the tagger, the last one outside the space.
    Samples where the others are outside the space have no row.
    """
    matrix = np.zeros((k, k + 1))
    for tagger, (share, credit) in enumerate(_left_out(votes)):
        matrix[:, min(tagger, k)] += np.nansum(share[:, None] * credit[:, :k], axis=0)
    return matrix


def pair_agreement(votes: Floats) -> Floats:
    """Return (n,) the chance that two random taggers of a sample agree; NaN below two votes."""
    votes = _votes(votes)
    total = votes.sum(axis=1)
    pairs = total * (total - 1)
    return np.where(
        total >= 2, (votes * (votes - 1)).sum(axis=1) / np.where(pairs > 0, pairs, 1.0), np.nan
    )


def describe(
    votes: Floats,
    truth: Ints,
    posterior: Floats,
    interval: MeanInterval,
    *,
    hard: bool = False,
) -> Human:
    """Return the `human` part of a score file.

    Parameters
    ----------
    votes
        (n, C) counts.
    truth
        (n,) class index.
    posterior
        (n, k).
    interval
        Of a mean over samples.
    hard
        Votes and ranks are no distributions, so their cross-entropy and KL are NaN.

    Raises
    ------
    ValueError
        If votes are negative or not finite.
    """
    k = posterior.shape[1]
    predicted = metrics.argmax(posterior)
    correct = predicted == truth
    entropy, crossed = vote_entropy(votes, k), cross_entropy(votes, posterior)
    both = ~np.isnan(crossed)
    tagger, machine = one_against_the_others(votes), as_a_tagger(votes, predicted)
    held = ~np.isnan(tagger)
    person = _mean(tagger[held])
    limits = interval(tagger[held], held)
    return {
        "n": int(held.sum()),
        "votes_per_sample": _mean(_votes(votes).sum(axis=1)[held]),
        "n_distribution": int(both.sum()),
        "cross_entropy": float("nan") if hard else _mean(crossed[both]),
        "vote_entropy": _mean(entropy[both]),
        "kl": float("nan") if hard else _mean((crossed - entropy)[both]),
        "one_person": person,
        "one_person_interval": [limits.low, limits.high],
        "with_own_vote": _mean(agreement(votes)[held]),
        "pair_agreement": _mean(pair_agreement(votes)[held]),
        "accuracy_as_tagger": _mean(machine[held]),
        "as_tagger_over_one_person": _mean(machine[held]) / person if person > 0 else float("nan"),
        "strata": _strata(agreement(votes), correct, tagger, interval),
        "confusion": confusion(votes, k).tolist(),
    }


# ---------------------------------------------------------------- inside


def _strata(
    shares: Floats, correct: Bools, tagger: Floats, interval: MeanInterval
) -> list[Stratum]:
    """Return the pipeline's accuracy, and what one person reaches, by how far people agree.

    Strata without samples are left out.
    """
    found: list[Stratum] = []
    for low, high in zip((0.0, *AGREEMENT), (*AGREEMENT, 1.0), strict=True):
        here = (shares > low + metrics.EPSILON) & (shares <= high + metrics.EPSILON)
        if here.any():
            limits = interval(correct[here], here)
            held = here & ~np.isnan(tagger)
            found.append(
                {
                    "low": low,
                    "high": high,
                    "n": int(here.sum()),
                    "accuracy": _mean(correct[here]),
                    "interval": [limits.low, limits.high],
                    "one_person": _mean(tagger[held]),
                }
            )
    return found


def _left_out(votes: Floats) -> list[tuple[Floats, Floats]]:
    """Return, for a tagger of each of the C classes, who chose it and what credit every class has.

    (n,) share of the sample's taggers who chose it, NaN below two votes; (n, C) credit by what the
    others say.
    """
    votes = _votes(votes)
    total = votes.sum(axis=1)
    enough = total >= 2
    found = []
    for tagger in range(votes.shape[1]):
        others = votes.copy()
        others[:, tagger] -= 1
        winners = others >= others.max(axis=1, keepdims=True)
        share = np.where(enough, votes[:, tagger] / np.where(enough, total, 1.0), np.nan)
        found.append((share, winners / winners.sum(axis=1, keepdims=True)))
    return found


def _distribution(votes: Floats, k: int) -> Floats:
    """Return (n, k) shares of the votes inside the space; NaN rows without any."""
    inside = _votes(votes)[:, :k]
    total = inside.sum(axis=1, keepdims=True)
    return np.where(total > 0, inside / np.where(total > 0, total, 1.0), np.nan)


def _votes(votes: Floats) -> Floats:
    """Return the votes as float64. Raises ValueError if they are negative or not finite."""
    votes = np.asarray(votes, dtype=np.float64)
    if votes.ndim != 2 or not np.isfinite(votes).all() or (votes < 0).any():
        raise ValueError("votes: negative or not finite, expected counts (n, classes) from 0 up")
    return votes


def _mean(values: Numbers) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
