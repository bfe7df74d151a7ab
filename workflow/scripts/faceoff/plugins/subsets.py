"""Take seeded subsets of a list of samples: stratified limits, and parts that share no subject."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from faceoff.plugins.protocols import Sample

PARTS = ("train", "valid", "test")


def part_of(
    samples: Sequence[Sample], part: str, shares: Sequence[float], seed: int
) -> list[Sample]:
    """Return the samples of one of three parts that share no subject, in the original order.

    A sample without a subject counts as a subject of its own. Subjects are sorted by a hash of seed
    and name and cut at the shares (normalised, of subjects, largest remainder, none empty). The
    same subjects are thus in the same part on every machine, and one more subject moves at most one
    subject across each cut. Raises ValueError with fewer subjects than parts.
    """
    weights = {name: share for name, share in zip(PARTS, shares, strict=True) if share > 0}
    subjects = sorted(
        {_subject(sample) for sample in samples},
        key=lambda name: hashlib.sha256(f"{seed}|{name}".encode()).digest(),
    )
    if len(subjects) < len(weights):
        raise ValueError(f"{len(subjects)} subjects cannot be split into {len(weights)} parts")
    counts = dict.fromkeys(PARTS, 0) | _apportioned(len(subjects), weights)
    for name in weights:
        if not counts[name]:  # the largest part gives one
            counts[max(counts, key=lambda other: counts[other])] -= 1
            counts[name] = 1
    start = sum(counts[name] for name in PARTS[: PARTS.index(part)])
    kept = set(subjects[start : start + counts[part]])
    return [sample for sample in samples if _subject(sample) in kept]


def _subject(sample: Sample) -> str:
    return (
        f"subject {sample.subject}" if sample.subject is not None else f"sample {sample.sample_id}"
    )


def _apportioned(total: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Return whole numbers in proportion to the weights that sum to `total`.

    Uses the largest remainder; ties go to the earlier name.
    """
    shares = {name: total * weight / sum(weights.values()) for name, weight in weights.items()}
    counts = {name: int(share) for name, share in shares.items()}
    for name in sorted(shares, key=lambda name: (counts[name] - shares[name], name))[
        : total - sum(counts.values())
    ]:
        counts[name] += 1
    return counts


def limited(samples: Sequence[Sample], limit: int | float | None, seed: int) -> list[Sample]:
    """Return at most `limit` samples (a count, or a share up to 1.0), in the original order.

    Each label keeps its proportion (largest remainder). A hash of seed and id decides which samples
    stay, so that one more sample does not reshuffle the others.
    """
    if limit is None:
        return list(samples)
    wanted = min(
        len(samples), max(1, round(limit * len(samples))) if isinstance(limit, float) else limit
    )
    strata: dict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        strata[sample.label or ""].append(index)
    counts = _apportioned(wanted, {label: len(members) for label, members in strata.items()})
    kept: set[int] = set()
    for label, members in strata.items():
        drawn = sorted(
            members,
            key=lambda index: hashlib.sha256(
                f"{seed}|{samples[index].sample_id}".encode()
            ).digest(),
        )
        kept.update(drawn[: counts[label]])
    return [samples[index] for index in sorted(kept)]
