"""Fuse by the mean of the members' posteriors."""

from faceoff.fusion.means import soft_mean
from faceoff.fusion.rule import Rule

RULE = Rule(
    title="soft mean",
    about="mean of each class over the members that have it",
    combine=soft_mean,
)
