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
    (`face_conditions.of_face`), NaN for the whole frame; None where no rule asks;
    space: the index of each class that is scored, -1 for one that no member has; None: all;
    scored: (n,) index into the space, -1 where the sample's label is outside; None: the truth.
    """

    samples: npt.NDArray[np.str_]
    people: npt.NDArray[np.str_]
    posteriors: npt.NDArray[np.float64]
    truth: npt.NDArray[np.int64]
    conditions: npt.NDArray[np.float64] | None = None
    space: tuple[int, ...] | None = None
    scored: npt.NDArray[np.int64] | None = None

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
    votes: Votes, names: Sequence[str], space: Sequence[str], cut: Cut
) -> None:
    """Stop when renaming a member's classes would make it much better (protocol §23, §35).

    A wrong label map hides well inside a fusion. Posteriors are judged as they are scored: classes
    outside the space are masked (§12). A sample counts once, however many frames it has. The order
    that the other folds learn is judged on each fold. Where there is one group of samples only,
    nothing is judged.

    space: the names of its classes. Raises ValueError naming the member and the order that fits.
    """
    samples, first, of_frame = np.unique(votes.samples, return_index=True, return_inverse=True)
    truth = (votes.truth if votes.scored is None else votes.scored)[first]
    place, people = votes.space or tuple(range(len(space))), votes.people[first]
    known = truth >= 0
    folds = cut(truth[known], people[known]) if known.any() else None
    if folds is None:
        return
    for name, posterior in zip(names, votes.posteriors, strict=True):
        present = ~np.isnan(posterior).all(axis=1)
        # A class that the member lacks has p = 0, as one that no member has.
        own = np.column_stack([np.nan_to_num(posterior), np.zeros(len(posterior))])
        total = np.zeros((len(samples), len(space)))
        np.add.at(total, of_frame[present], own[np.ix_(present, place)])
        total[np.bincount(of_frame[present], minlength=len(samples)) == 0] = np.nan
        found = best_class_permutation(truth[known], total[known], folds)
        if found.suspicious:
            renamed = ", ".join(
                f"{space[a]} is {space[b]}"
                for a, b in enumerate(found.permutation)
                if a != b and np.nanmax(total[:, a], initial=0.0) > 0
            )
            raise ValueError(
                f"{name}: the declared order of its classes is doubtful: it would be right on "
                f"{100 * found.gain:.1f} points more if {renamed}; correct `emotions` in its "
                "card, or set check_order: false for this fusion"
            )


def folds_of(
    rule: Rule, votes: Votes, held_out: Votes | None, cut: Cut
) -> npt.NDArray[np.int64] | None:
    """Return (n,) the fold in which each frame is fused, -1 where it has no label.

    None where the rule is not cross-fitted, and where there is too little to cut.
    """
    if not rule.learns or held_out is not None:
        return None
    known = votes.truth >= 0
    cross = cut(votes.truth[known], votes.people[known])
    if cross is None:
        return None
    folds = np.full(len(known), -1)
    folds[known] = cross
    return folds


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
    folds = folds_of(rule, votes, held_out, cut)
    if folds is None:
        raise ValueError(
            "a rule that learns needs samples of at least two subjects, or a `validation` dataset"
        )
    fused = np.full(votes.posteriors.shape[1:], np.nan)
    fused[known] = cross_fit(rule, taught, truth, folds[known], votes.conditions_of(known))
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
