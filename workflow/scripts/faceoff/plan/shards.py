"""Choose the number of shards that a dataset is worth."""

import math
from collections.abc import Iterable

from faceoff.plugins.protocols import Sample

# Cost of a sample, in pictures: a clip of 20 s at five frames per second is a hundred.
SAMPLE_COST = {"image": 1, "sequence": 50, "video": 100, "audio": 1}
SHARD_COST = 20_000
MOST_SHARDS = 1000  # a rule with more inputs is slow to plan


def cost_of(samples: Iterable[Sample]) -> int:
    """Return the cost of these samples together, in pictures."""
    return sum(SAMPLE_COST[sample.kind] for sample in samples)


def shards_for(cost: int) -> int:
    """Return the number of shards, 1 … 1000, so that none costs more than `SHARD_COST`.

    At 1000 shards they may cost more.
    """
    return max(1, min(MOST_SHARDS, math.ceil(cost / SHARD_COST)))
