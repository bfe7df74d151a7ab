"""Choose what finds speech and what reads it, by their names, without a configuration."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceoff.analysis import loading
from faceoff.assets import fetch
from faceoff.inference.plugin_job import trained_parameters
from faceoff.layout import Layout
from faceoff.plugins import registry
from faceoff.plugins.plugin import Plugin
from faceoff.spelling import suggestion

BEST = ("silero", "energy", "clip")  # segmenters by default: the first that needs no download


@dataclass(frozen=True)
class Choice:
    """What listens. trained: file of what the model learnt, None where its weights are fixed."""

    model: Plugin
    segmenter: Plugin
    trained: Path | None = None

    def fingerprint(self) -> str | None:
        """Return a hash of what the model learnt, None where its weights are fixed."""
        if self.trained is None:
            return None
        return hashlib.sha256(self.trained.read_bytes()).hexdigest()


def choose(
    speech: str | None, segmenter: str | None = None, trained: Path | str | None = None
) -> Choice | None:
    """Return what listens, None where no speech model is named.

    speech: name of a speech model or path of a card; segmenter: None for the first of `BEST` that
    is here and, with a run, for which its model was trained; trained: a run's folder, or the .npz
    that a model of a run has learnt.

    Raises ValueError for a name that is unknown or cannot run here, and where what a model has
    learnt is missing; the message says what to do.
    """
    if speech is None:
        if segmenter is not None or trained is not None:
            raise ValueError(f"{segmenter or trained}: nothing listens; name a speech model, too")
        return None
    model = loading.runnable("speech_model", speech)
    if not model.card.get("trainable"):
        if trained is not None:
            raise ValueError(f"{model.title} learns nothing in a run: leave out {trained}")
        return Choice(model, _segmenter(segmenter or _best(BEST)))
    if trained is None:
        raise ValueError(
            f"{model.title} learns from the labelled clips of a run, and nothing was named that it "
            f"has learnt: run a configuration with `speech_models: {{{model.name}: {{train: …}}}}` "
            "(faceoff run configs/posed_talk.yaml is one), then give its folder results/NAME or "
            f"its file trained/SEGMENTER/{model.name}.npz with --trained"
        )
    path = Path(trained)
    if not path.is_dir():
        _check(path)
        return Choice(model, _segmenter(segmenter or _best(BEST)), path)
    learnt = _learnt(path, model.name)
    if segmenter is None:
        segmenter = _best([name for name in BEST if name in learnt] or sorted(learnt))
    elif segmenter not in learnt:
        registry.get("segmenter", segmenter)  # an unknown name is told first
        raise ValueError(
            f"{path}: {model.name} was trained with {', '.join(sorted(learnt))}, not with "
            f"{segmenter}{suggestion(segmenter, sorted(learnt))}"
        )
    _check(learnt[segmenter])
    return Choice(model, _segmenter(segmenter), learnt[segmenter])


def _best(names: Sequence[str]) -> str:
    """Return the first of these segmenters that runs here without a download, else the first."""
    return next((name for name in names if _is_here(name)), names[0])


def _is_here(name: str) -> bool:
    found = registry.get("segmenter", name)
    return found.skip() is None and all(map(fetch.is_there, found.assets.values()))


def _segmenter(name: str) -> Plugin:
    """Return a segmenter that runs here. Raises ValueError that says why it cannot."""
    return loading.runnable("segmenter", name)


def _learnt(run: Path, model: str) -> dict[str, Path]:
    """Return the files that a run's model of this name has learnt, by segmenter.

    Raises ValueError for a folder without any.
    """
    layout = Layout(str(run))
    found = {path.parent.name: path for path in layout.existing(layout.trained("*", model))}
    if not found:
        raise ValueError(
            f"{run}: the run has trained no {model}: there is no trained/SEGMENTER/{model}.npz in "
            "it; give the folder of a finished run, results/NAME"
        )
    return found


def _check(path: Path) -> None:
    """Raise ValueError unless a file holds what a model has learnt."""
    try:
        trained_parameters(path)
    except RuntimeError as error:
        raise ValueError(f"{path}: {error}") from None
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path}: not what a model has learnt (trained/SEGMENTER/MODEL.npz of a run): {error}"
        ) from None
