"""Fix limits of the protocol that several modules need.

Standard library only: the plan of a run asks for them too.
"""

SAME_FACE = 0.4  # IoU from which two detectors' boxes are of one face (§21)
LEAST_DATASETS = 6  # below it there is neither Friedman's test nor a critical difference (§18)
