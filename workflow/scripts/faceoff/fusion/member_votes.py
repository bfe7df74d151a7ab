"""Fuse the members' votes of a dataset: who votes, whether a label map is doubtful, what learns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from faceoff.fusion.class_order import best_class_permutation
from faceoff.fusion.rule import Rule, cross_fit

# (labels (n,), groups (n,)) -> (n,) fold of each, None where there is too little to cut
Cut = Callable[[npt.NDArray[np.int64], npt.NDArray[np.str_]], npt.NDArray[np.int64] | None]


class HasLineage(Protocol):
    """A member of a fusion."""

    @property
    def detector(self) -> str: ...

    @property
    def lineage(self) -> str: ...


@dataclass(frozen=True)
class Votes:
    """The answers of the members about one dataset's frames.

    samples: (n,) id of each frame's sample; people: (n,) its subject, else the sample;
    posteriors: (members, n, k), NaN where a member abstains or lacks the class;
    truth: (n,) class index, -1 where the sample has no label among the classes;
    conditions: (members, n, c) of the face that each member looks at
    (`face_conditions.of_face`), NaN for the whole frame; None where no rule asks.
    """

    samples: npt.NDArray[np.str_]
    people: npt.NDArray[np.str_]
    posteriors: npt.NDArray[np.float64]
    truth: npt.NDArray[np.int64]
    conditions: npt.NDArray[np.float64] | None = None

    def conditions_of(self, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64] | None:
        """Return the conditions of these frames."""
        return None if self.conditions is None else self.conditions[:, chosen]


def one_per_lineage(members: Sequence[HasLineage]) -> list[int]:
    """Return the indices of the members that vote: the first of each detector and lineage.

    Clones would count twice (protocol §22).
    """
    first: dict[tuple[str, str], int] = {}
    for index, member in enumerate(members):
        first.setdefault((member.detector, member.lineage), index)
    return list(first.values())


def refuse_doubtful_order(
    votes: Votes, names: Sequence[str], classes: Sequence[str], cut: Cut | None
) -> None:
    """Stop when renaming a member's classes would make it much better (protocol §23).

    A wrong label map hides well inside a fusion. A sample counts once, however many frames it has.
    With `cut` each fold is judged by the other ones; without, all labelled samples (of the
    validation dataset) judge. Raises ValueError naming the member and the order that fits.
    """
    samples, first, of_frame = np.unique(votes.samples, return_index=True, return_inverse=True)
    truth, people = votes.truth[first], votes.people[first]
    known = truth >= 0
    parts = [known] if known.any() else []
    if cut is not None:
        folds = cut(truth[known], people[known])
        labelled = np.flatnonzero(known)
        parts = [] if folds is None else [labelled[folds != fold] for fold in np.unique(folds)]
    for name, posterior in zip(names, votes.posteriors, strict=True):
        present = ~np.isnan(posterior).all(axis=1)
        total = np.zeros((len(samples), len(classes)))
        # A class that the member lacks has p = 0.
        np.add.at(total, of_frame[present], np.nan_to_num(posterior[present]))
        total[np.bincount(of_frame[present], minlength=len(samples)) == 0] = np.nan
        for part in parts:
            found = best_class_permutation(truth[part], total[part])
            if found.suspicious:
                renamed = ", ".join(
                    f"{classes[a]} is {classes[b]}"
                    for a, b in enumerate(found.permutation)
                    if a != b
                )
                raise ValueError(
                    f"{name}: the declared order of its classes is doubtful: it would be right on "
                    f"{100 * found.gain:.1f} points more if {renamed}; correct `emotions` in its "
                    "card, or set check_order: false for this fusion"
                )


def fuse(rule: Rule, votes: Votes, held_out: Votes | None, cut: Cut) -> npt.NDArray[np.float64]:
    """Return (n, k) the fused posterior.

    A trained rule learns on the validation votes where there are any; else it is cross-fitted over
    folds (protocol §20). Frames without a label taught it nothing, so the rule that all labelled
    ones taught fuses them. Raises ValueError where there is too little to learn from.
    """
    if rule.combine is not None:
        return rule.combine(votes.posteriors)
    if held_out is not None:
        known = held_out.truth >= 0
        taught, truth = held_out.posteriors[:, known], held_out.truth[known]
        learnt = rule.learn(taught, truth, held_out.conditions_of(known))
        return learnt(votes.posteriors, votes.conditions)
    known = votes.truth >= 0
    taught, truth = votes.posteriors[:, known], votes.truth[known]
    folds = cut(truth, votes.people[known])
    if folds is None:
        raise ValueError(
            "a rule that learns needs samples of at least two subjects, or a `validation` dataset"
        )
    fused = np.full(votes.posteriors.shape[1:], np.nan)
    fused[known] = cross_fit(rule, taught, truth, folds, votes.conditions_of(known))
    if not known.all():
        learnt = rule.learn(taught, truth, votes.conditions_of(known))
        fused[~known] = learnt(votes.posteriors[:, ~known], votes.conditions_of(~known))
    return fused


def learnt_weights(rule: Rule, votes: Votes) -> npt.NDArray[np.float64] | None:
    """Return (members,) the weights that the rule learns from all labelled frames, if it has any.

    Where the rule is cross-fitted, each fold's own weights differ a little from them.
    """
    known = votes.truth >= 0
    return rule.weights_of(votes.posteriors[:, known], votes.truth[known])
