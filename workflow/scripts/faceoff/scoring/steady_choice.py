"""Choose the constants of a rule over time on labelled clips (protocol §46)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from faceoff.scoring import state_scores
from faceoff.scoring.state_scores import FrameTruth
from faceoff.scoring.time_records import Tried
from faceoff.statistics.arrays import Floats, Ints
from faceoff.temporal.rates import rates_of_change
from faceoff.temporal.rule import Setting, Steady, TemporalRule, steady

MOST_SWITCHES = 1.5  # times those of the truth


@dataclass(frozen=True)
class Chosen:
    """The setting that was chosen, and every one that was tried."""

    setting: Setting
    tried: list[Tried]


def read_clips(
    rule: TemporalRule, truth: FrameTruth, posteriors: Floats, setting: Setting
) -> Steady:
    """Read all clips by a rule.

    Parameters
    ----------
    rule, setting
        The rule and its constants.
    truth
        Clips and times of n frames; the labels are not looked at.
    posteriors
        (n, k), NaN where no face was read.
    """
    parts = [
        steady(rule, truth.times[part], posteriors[part], setting) for part in truth.every_clip
    ]
    if not parts:
        return Steady(np.empty(0, np.int64), posteriors, np.empty(0, bool))
    return Steady(
        np.concatenate([part.states for part in parts]),
        np.concatenate([part.posteriors for part in parts]),
        np.concatenate([part.held for part in parts]),
    )


def learnt_rates(truth: FrameTruth) -> Floats:
    """Return the rates (k, k) at which the labels of these clips change."""
    clips = ((truth.times[part], truth.truth[part]) for part in truth.slices)
    return rates_of_change(clips, truth.k)


def choose(
    rule: TemporalRule, fixed: Mapping[str, float], truth: FrameTruth, posteriors: Floats
) -> Chosen:
    """Choose the constants with the greatest UAR among those that switch little enough.

    Little enough: at most 1.5 times as often as the truth. Ties: fewer switches, then the first of
    the grid. Where none does, the fewest switches win.

    Parameters
    ----------
    rule
        The rule.
    fixed
        Constants that are given.
    truth
        Of n frames with labels.
    posteriors
        (n, k).
    """
    rates = learnt_rates(truth) if rule.learns else None
    most = MOST_SWITCHES * truth.changes
    tried: list[Tried] = []
    for constants in rule.settings(fixed):
        told = Setting(constants, truth.neutral, rates)
        states = read_clips(rule, truth, posteriors, told).states
        tried.append(_tried(truth, states, constants, most))
    best = min(
        tried,
        key=lambda row: (
            (0, -row["uar"], row["switches_per_minute"])
            if row["steady"]
            else (1, row["switches_per_minute"], -row["uar"])
        ),
    )
    return Chosen(Setting(best["constants"], truth.neutral, rates), tried)


def _tried(truth: FrameTruth, states: Ints, constants: dict[str, float], most: float) -> Tried:
    switched = state_scores.switches_of(truth, states)
    return {
        "constants": constants,
        "uar": state_scores.uar(truth, states),
        "switches_per_minute": switched / truth.minutes,
        "median_lag_s": state_scores.lag(truth, states)["median_s"],
        "steady": switched <= most,
    }
