"""Stratified, seeded subsets of a list of samples."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from faceoff.protocols import Sample


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
