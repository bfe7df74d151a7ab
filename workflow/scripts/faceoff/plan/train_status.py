"""Say how a model's training data relate to a dataset."""

from faceoff.plan.matrix import Matrix
from faceoff.plugins import registry
from faceoff.plugins.options import DatasetConfig

# Options that do not change which samples are listed, and so where the parts are cut.
_NOT_SAMPLES = {
    *("type", "role", "validation", "space", "fps", "every", "jpeg", "audio", "part"),
    *("limit", "multiverse", "shards", "download"),
}


def is_circular(run: Matrix, dataset: str, model: str) -> bool:
    """Return whether the model reads emotions by the recipe that drew the dataset (§16)."""
    recipe = run.model(model)[1].card.get("recipe")
    return recipe == "emfacs" and bool(run.dataset(dataset)[1].card.get("drawn"))


def is_same_generator(run: Matrix, dataset: str, model: str) -> bool:
    """Return whether a drawn dataset meets a model that learnt from drawings (§41)."""
    if not run.dataset(dataset)[1].card.get("drawn"):
        return False
    trained_on = run.config.models[model].train
    if trained_on:
        return bool(run.dataset(trained_on)[1].card.get("drawn"))
    known = registry.discover(run.plugin_folders)
    return any(
        known["dataset", name].card.get("drawn", False)
        for name in run.model(model)[1].card.get("training_data", ())
        if ("dataset", name) in known
    )


def train_status(run: Matrix, dataset: str, model: str) -> str:
    """Return the relation of the model's training data to this dataset (protocol §15)."""
    section, plugin = run.dataset(dataset)
    split = str(getattr(section, "split", "test"))
    trained_on = run.config.models[model].train
    if trained_on:
        learnt, other = run.dataset(trained_on)
        return _kinship(learnt, section) if other.name == plugin.name else "cross-corpus"
    card = run.model(model)[1].card
    if "training_data" not in card:
        return "not trained" if card.get("trained") is False else "unknown"
    if split in (card.get("selected_on") or {}).get(plugin.name, []):
        return "selected-on"
    if plugin.name in card["training_data"]:
        return "in-sample" if split in card["training_data"][plugin.name] else "held-out"
    if {plugin.name, *card["training_data"]} >= {"ferplus", "fer2013"}:
        return "relabelled"
    return "cross-corpus"


def _kinship(learnt: DatasetConfig, scored: DatasetConfig) -> str:
    """Return 'held-out' if two sections of one dataset surely share no sample, else 'in-sample'."""
    splits = (getattr(learnt, "split", None), getattr(scored, "split", None))
    # Pictures without a split are told apart by their folders.
    folders = (getattr(learnt, "path", None), getattr(scored, "path", None))
    first, second = folders if None in splits else splits
    if first != second:
        return "held-out"
    # Parts are cut from the samples that other options leave, so only the same options cut at the
    # same places.
    cut = [section.model_dump(exclude=_NOT_SAMPLES) for section in (learnt, scored)]
    apart = learnt.part and scored.part and learnt.part != scored.part and cut[0] == cut[1]
    return "held-out" if apart else "in-sample"
