"""Open the dataset of a job with its options."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faceoff.plugins import registry
from faceoff.plugins.group_files import GroupTable, joined
from faceoff.plugins.protocols import Dataset, Sample
from faceoff.plugins.subsets import limited, part_of

if TYPE_CHECKING:
    from faceoff.plugins.options import DatasetConfig


def open_dataset(
    source: str, class_name: str, options: Mapping[str, Any], seed: int
) -> tuple[Any, "DatasetConfig"]:
    """Return (dataset, its validated options) of a plug-in's class.

    The dataset has the protocols of its plug-in, beside `protocols.Dataset`.
    """
    plugin = registry.load(source, class_name)
    validated = plugin.Options.model_validate(options)
    return plugin(validated, seed=seed), validated


def selected(
    dataset: Dataset,
    options: "DatasetConfig",
    seed: int,
    groups: Sequence[GroupTable] = (),
    name: str = "",
) -> Iterable[Sample]:
    """Return the samples that the options `part` and `limit` leave of a dataset, in its order.

    groups: further groups of the samples; they are joined before anything is left out, so that an
    id without a sample is one. name: the dataset's, for messages about them.
    """
    samples = dataset.samples()
    if groups:
        samples = joined(name, samples, groups)
    if options.part is not None:
        samples = part_of(list(samples), options.part, options.shares, seed)
    return samples if options.limit is None else limited(list(samples), options.limit, seed)
