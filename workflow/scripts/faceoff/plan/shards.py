"""How many shards a dataset is worth."""

import math
from collections.abc import Iterable

from faceoff.plugins.protocols import Sample

# What a sample weighs, in pictures: a clip of 20 s at five frames per second is a hundred.
SAMPLE_COST = {"image": 1, "sequence": 50, "video": 100, "audio": 1}
SHARD_COST = 20_000
MOST_SHARDS = 1000  # a rule with more inputs is slow to plan


def cost_of(samples: Iterable[Sample]) -> int:
    """What these samples weigh together, in pictures."""
    return sum(SAMPLE_COST[sample.kind] for sample in samples)


def shards_for(cost: int) -> int:
    """1 … 1000 shards, none above `SHARD_COST` as long as there may be more of them."""
    return max(1, min(MOST_SHARDS, math.ceil(cost / SHARD_COST)))
