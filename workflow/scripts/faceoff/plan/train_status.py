"""Say how a model's training data relate to a dataset."""

from faceoff.plan import trained_nets
from faceoff.plan.kinship import share_samples
from faceoff.plan.matrix import Matrix
from faceoff.plugins import registry
from faceoff.plugins.plugin import Plugin

# Of a network that learnt several times, the first of these is said.
_SEVEREST = ("in-sample", "selected-on", "relabelled", "unknown", "held-out", "cross-corpus")
_SAME_PICTURES = {"ferplus", "fer2013", "fer2013plus"}  # with labels of their own


def is_circular(run: Matrix, dataset: str, model: str) -> bool:
    """Return whether the model reads emotions by the recipe that drew the dataset (§16)."""
    recipe = run.model_of(model)[1].card.get("recipe")
    return recipe == "emfacs" and bool(run.dataset(dataset)[1].card.get("drawn"))


def is_same_generator(run: Matrix, dataset: str, model: str) -> bool:
    """Return whether a drawn dataset meets a model that learnt from drawings (§41)."""
    if not run.dataset(dataset)[1].card.get("drawn"):
        return False
    trained_on = run.learns_from(model)
    if trained_on:
        return bool(run.dataset(trained_on)[1].card.get("drawn"))
    known = registry.discover(run.plugin_folders)
    return any(
        known["dataset", name].card.get("drawn", False)
        for name in run.model_of(model)[1].card.get("training_data", ())
        if ("dataset", name) in known
    )


def train_status(run: Matrix, dataset: str, model: str) -> str:
    """Return the relation of the model's training data to this dataset (protocol §15)."""
    training = run.training(model)
    trained_on = run.learns_from(model)
    if not trained_on:
        return _of_card(run, dataset, run.model_of(model)[1])
    statuses = [_of_section(run, dataset, trained_on)]
    if training is not None:
        if _of_section(run, dataset, training.validation) == "in-sample":
            statuses.append("selected-on")
        if training.features is not None:
            statuses.append(train_status(run, dataset, training.features))
        if training.start is not None:
            start = trained_nets.card_of(training.start, run.plugin_folders)
            statuses.append(_of_card(run, dataset, start) if start else "unknown")
    return min((each for each in statuses if each in _SEVEREST), key=_SEVEREST.index)


def _of_section(run: Matrix, dataset: str, learnt: str) -> str:
    """Return the relation of one dataset of the run to another."""
    section, plugin = run.dataset(dataset)
    other, kind = run.dataset(learnt)
    if kind.name == plugin.name:
        return "in-sample" if share_samples(other, section) else "held-out"
    return "relabelled" if {plugin.name, kind.name} <= _SAME_PICTURES else "cross-corpus"


def _of_card(run: Matrix, dataset: str, model: Plugin) -> str:
    """Return the relation to a dataset that a model's card tells."""
    section, plugin = run.dataset(dataset)
    split, card = str(getattr(section, "split", "test")), model.card
    if "training_data" not in card:
        return "not trained" if card.get("trained") is False else "unknown"
    if split in (card.get("selected_on") or {}).get(plugin.name, []):
        return "selected-on"
    if plugin.name in card["training_data"]:
        return "in-sample" if split in card["training_data"][plugin.name] else "held-out"
    if plugin.name in _SAME_PICTURES and _SAME_PICTURES.intersection(card["training_data"]):
        return "relabelled"
    return "cross-corpus"
