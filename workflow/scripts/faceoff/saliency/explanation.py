"""Explain what a model says of one face, and score the explanation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceoff.plugins.protocols import DifferentiableModel, EmotionModel
from faceoff.saliency import faithfulness, maps, method_list
from faceoff.saliency.black_box import Picture, Score
from faceoff.saliency.grad_cam import chosen_layer, grad_cam
from faceoff.saliency.occlusion import occlusion
from faceoff.saliency.rise import rise
from faceoff.statistics.arrays import Floats


class NotExplainedError(ValueError):
    """A face that a model does not read, or a model that a method cannot look into."""


@dataclass(frozen=True)
class Explanation:
    """Where a model looks on one face, and how far that is true.

    emotion: that is explained; probability: that the model gives it; heat: (height, width) of the
    model's input; curves: (map, control or method) -> deletion or insertion -> the curve; areas:
    the same, the areas under the curves; sanity: rank correlation with the map of random weights,
    None where a map is constant or it was not asked for.
    """

    method: str
    emotion: str
    probability: float
    heat: Floats
    curves: Mapping[str, Mapping[str, Floats]]
    sanity: float | None = None

    @property
    def areas(self) -> dict[str, dict[str, float]]:
        """Return the areas under the curves: map, random, centre -> deletion, insertion."""
        return {
            name: {kind: faithfulness.area(curve) for kind, curve in of_map.items()}
            for name, of_map in self.curves.items()
        }


def score_of(model: EmotionModel, column: int) -> Score:
    """Return what gives the probability of a class of the model; 0 where it reads nothing."""

    def score(pictures: np.ndarray[Any, Any]) -> Floats:
        found = model.predict(pictures)
        chances = np.nan_to_num(np.asarray(found.posterior, np.float64)[:, column])
        return chances if found.evaluable is None else np.where(found.evaluable, chances, 0.0)

    return score


def heat_of(
    model: EmotionModel,
    picture: Picture,
    method: str,
    column: int,
    seed: int,
    layer: str | None = None,
) -> Floats:
    """Return the map of a method, (height, width).

    column: of the model's classes; layer: of the network, for Grad-CAM; None: its last convolution.
    Raises NotExplainedError where the method cannot look into the model.
    """
    if method == "occlusion":
        return occlusion(score_of(model, column), picture)
    if method == "rise":
        return rise(score_of(model, column), picture, seed)
    title = method_list.get(method).title
    if not isinstance(model, DifferentiableModel):
        raise NotExplainedError(f"{title} needs a network that runs in PyTorch")
    try:
        inside = model.differentiable()
    except ValueError as error:
        raise NotExplainedError(f"{title} needs a network that runs in PyTorch: {error}") from None
    try:
        part = inside.convolutions[chosen_layer(inside.convolutions, layer)]
    except ValueError as error:
        raise NotExplainedError(f"{title}: {error}") from None
    return grad_cam(inside.network, part, inside.inputs(picture[None]), column, _size(picture))


def explain(
    model: EmotionModel,
    picture: Picture,
    method: str,
    *,
    emotion: str | None = None,
    seed: int = 0,
    layer: str | None = None,
    untrained: EmotionModel | None = None,
) -> Explanation:
    """Return where a model looks on a face, with the scores of that map and of two controls.

    Parameters
    ----------
    model
        The model.
    picture
        The face as the model takes it, (height, width, channels) uint8.
    method
        A name of `method_list.METHODS`.
    emotion
        The class that is explained; None: the one that the model chooses.
    seed
        Of RISE's masks and of the random control.
    layer
        The convolution that Grad-CAM looks at; None: the last one.
    untrained
        The same model with shuffled weights, for the sanity check.

    Raises
    ------
    NotExplainedError
        For a face that the model cannot read, a class that it does not have, or a model that the
        method cannot look into.
    """
    if not model.emotions:
        raise NotExplainedError("it gives no emotions")
    found = model.predict(picture[None])
    if found.evaluable is not None and not found.evaluable[0]:
        raise NotExplainedError("the model found no face in the crop")
    posterior = np.asarray(found.posterior, np.float64)[0]
    if not np.isfinite(posterior).all():
        raise NotExplainedError("the model gives no probabilities")
    if emotion is not None and emotion not in model.emotions:
        raise NotExplainedError(f"it has no class {emotion}: {', '.join(model.emotions)}")
    column = int(posterior.argmax()) if emotion is None else model.emotions.index(emotion)
    heat = heat_of(model, picture, method, column, seed, layer)
    score = score_of(model, column)
    size = _size(picture)
    shown = {"map": heat, "random": maps.random_map(size, seed), "centre": maps.centre_map(size)}
    curves = {
        name: {
            "deletion": faithfulness.deletion(score, picture, one),
            "insertion": faithfulness.insertion(score, picture, one),
        }
        for name, one in shown.items()
    }
    sanity = None
    if untrained is not None:
        other = heat_of(untrained, picture, method, column, seed, layer)
        sanity = maps.rank_correlation(heat, other)
    return Explanation(
        method, model.emotions[column], float(posterior[column]), heat, curves, sanity
    )


def _size(picture: Picture) -> tuple[int, int]:
    return (picture.shape[0], picture.shape[1])
