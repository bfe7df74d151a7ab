"""A dataset of a job, opened with its options."""

from collections.abc import Iterable, Mapping
from typing import Any

from faceoff.plugins import registry
from faceoff.plugins.protocols import Sample
from faceoff.plugins.subsets import limited, part_of


def open_dataset(spec: Mapping[str, Any]) -> tuple[Any, Any]:
    """(dataset, its validated options) of a job's spec ({source, class, options, seed})."""
    plugin = registry.load(spec["source"], spec["class"])
    options = plugin.Options.model_validate(spec["options"])
    return plugin(options, seed=spec["seed"]), options


def selected(dataset: Any, options: Any, seed: int) -> Iterable[Sample]:
    """The samples that the options `part` and `limit` leave of a dataset, in its order."""
    samples = dataset.samples()
    if options.part is not None:
        samples = part_of(list(samples), options.part, options.shares, seed)
    return samples if options.limit is None else limited(list(samples), options.limit, seed)
