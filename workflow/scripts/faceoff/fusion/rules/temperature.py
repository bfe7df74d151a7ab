"""Fuse by the mean of members that are calibrated one by one."""

from faceoff.fusion.means import soft_mean
from faceoff.fusion.posteriors import check_same_members, check_training
from faceoff.fusion.rule import Combine, Rule
from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.temperature import fit_temperatures, temper


def fit_temperature_mean(posteriors: Floats, truth: Ints) -> Combine:
    """Learn each member's temperature; fuse by the soft mean of the calibrated members.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class indices.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks, ICML.
    """
    temperatures = fit_temperatures(*check_training(posteriors, truth))
    return lambda test: soft_mean(temper(check_same_members(test, len(temperatures)), temperatures))


RULE = Rule(
    title="calibrated mean",
    about="soft mean of members that are each calibrated by a temperature",
    learnt="temperatures",
    fit=fit_temperature_mean,
)
