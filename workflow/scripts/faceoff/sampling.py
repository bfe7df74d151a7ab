"""Seeded subsets of a list of samples: stratified limits, and parts that share no subject."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from faceoff.protocols import Sample

PARTS = ("train", "valid", "test")


def part_of(samples: Sequence[Sample], part: str, shares: Sequence[float], seed: int) -> list[Sample]:
    """The samples of one of three parts that have no subject in common, in the original order; a sample without a subject stands for itself.

    Subjects are put in the order of a hash of seed and name and cut at the shares (normalised, of subjects, largest remainder, none empty), so the
    same subjects are in the same part on every machine, and one subject more moves at most one across each cut.
    Raises ValueError with fewer subjects than parts.
    """
    wanted = [index for index, share in enumerate(shares) if share > 0]
    subjects = sorted({_subject(sample) for sample in samples}, key=lambda name: hashlib.sha256(f"{seed}|{name}".encode()).digest())
    if len(subjects) < len(wanted):
        raise ValueError(f"{len(subjects)} subjects cannot be split into {len(wanted)} parts")
    exact = [share / sum(shares) * len(subjects) for share in shares]
    counts = [max(int(value), index in wanted) for index, value in enumerate(exact)]
    for index in sorted(wanted, key=lambda index: counts[index] - exact[index])[: max(0, len(subjects) - sum(counts))]:
        counts[index] += 1
    counts[counts.index(max(counts))] += len(subjects) - sum(counts)  # what the parts that may not be empty took
    start = sum(counts[: PARTS.index(part)])
    kept = set(subjects[start : start + counts[PARTS.index(part)]])
    return [sample for sample in samples if _subject(sample) in kept]


def _subject(sample: Sample) -> str:
    return f"subject {sample.subject}" if sample.subject is not None else f"sample {sample.sample_id}"


def limited(samples: Sequence[Sample], limit: int | float | None, seed: int) -> list[Sample]:
    """At most `limit` samples (a count, or a share below 1), each label in proportion (largest remainder), in the original order.

    Which ones is decided by a hash of seed and id, so that adding a sample does not reshuffle the others.
    """
    if limit is None:
        return list(samples)
    wanted = min(len(samples), max(1, round(limit * len(samples))) if isinstance(limit, float) else limit)
    strata: dict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        strata[sample.label or ""].append(index)
    shares = {label: wanted * len(members) / len(samples) for label, members in strata.items()}
    counts = {label: int(share) for label, share in shares.items()}
    for label in sorted(strata, key=lambda label: (counts[label] - shares[label], label))[: wanted - sum(counts.values())]:
        counts[label] += 1
    kept: set[int] = set()
    for label, members in strata.items():
        drawn = sorted(members, key=lambda index: hashlib.sha256(f"{seed}|{samples[index].sample_id}".encode()).digest())
        kept.update(drawn[: counts[label]])
    return [samples[index] for index in sorted(kept)]
