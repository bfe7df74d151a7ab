"""List the metrics of a score file once: heading, explanation, scale, and where each is shown.

The functions are in `metrics.py`. Leaderboards, tables, the report, model cards and the
documentation read this list.
"""

from dataclasses import dataclass
from typing import Literal

Scale = Literal["share", "nats", "number"]
Place = Literal["terminal", "csv", "print", "report", "card"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that every scored cell and fusion has.

    Attributes
    ----------
    key
        Its name in score files and CSV columns.
    heading
        Its name above a column, in lower case unless it is an abbreviation; see `titled`.
    name
        Its name where it stands alone, as in a model card.
    about
        What it is, in one line.
    scale
        "share": 0–1, printed in percent; "nats": 0–∞; "number": printed as it is.
    smaller_is_better
        Whether lower values are better.
    soft
        Whether it needs probabilities: fusions by votes or ranks have none.
    interval
        Whether score files hold its 95 % interval.
    shown
        Where it has a column of its own: the leaderboard in the terminal and as CSV, printed tables
        (Markdown, LaTeX), the report's leaderboard, the `model-index` of a model card.
    at_once
        Whether its column in the report is there when the page opens.
    hub
        Its identifier on the Hugging Face Hub, where that differs from `key`.
    """

    key: str
    heading: str
    name: str
    about: str
    scale: Scale = "share"
    smaller_is_better: bool = False
    soft: bool = False
    interval: bool = False
    shown: frozenset[Place] = frozenset()
    at_once: bool = True
    hub: str | None = None

    @property
    def titled(self) -> str:
        """Return the heading with a capital."""
        return self.heading[:1].upper() + self.heading[1:]

    @property
    def with_unit(self) -> str:
        """Return the heading with its unit: 'UAR %', 'log loss'."""
        return f"{self.heading} %" if self.scale == "share" else self.heading

    @property
    def factor(self) -> int:
        """Return what a value is multiplied by before it is printed: 100 for shares."""
        return 100 if self.scale == "share" else 1

    @property
    def digits(self) -> int:
        """Return the decimals that the report shows."""
        return 1 if self.scale == "share" else 3


_EVERYWHERE: frozenset[Place] = frozenset({"terminal", "csv", "print", "report", "card"})
_NOT_TERMINAL: frozenset[Place] = _EVERYWHERE - {"terminal"}
_REPORT: frozenset[Place] = frozenset({"report"})

# In the order of the columns.
METRICS = (
    Metric(
        key="accuracy",
        heading="accuracy",
        name="Accuracy, end to end",
        about="share of all samples that are right; a sample without a face is wrong",
        interval=True,
        shown=_EVERYWHERE,
    ),
    Metric(
        key="covered_accuracy",
        heading="covered",
        name="Accuracy where a face was found",
        about="accuracy over the samples with a face",
        interval=True,
        shown=_NOT_TERMINAL,
    ),
    Metric(
        key="coverage",
        heading="coverage",
        name="Share of samples with a face",
        about="share of samples with a face",
        shown=_EVERYWHERE,
    ),
    Metric(
        key="balanced_accuracy",
        heading="UAR",
        name="Balanced accuracy (UAR)",
        about="balanced accuracy: the mean recall over classes",
        interval=True,
        shown=_EVERYWHERE,
    ),
    Metric(
        key="macro_f1",
        heading="macro-F1",
        name="Macro F1",
        about="mean F1 over classes",
        interval=True,
        shown=_EVERYWHERE,
        hub="f1",
    ),
    Metric(
        key="weighted_f1",
        heading="weighted F1",
        name="Weighted F1",
        about="mean F1 over samples",
        shown=_REPORT,
        at_once=False,
    ),
    Metric(
        key="top2",
        heading="top-2",
        name="Top-2 accuracy where a face was found",
        about="the label is among the two likeliest emotions, over covered samples",
        soft=True,
        shown=_REPORT,
        at_once=False,
    ),
    Metric(
        key="log_loss",
        heading="log loss",
        name="Log loss where a face was found",
        about="over covered samples; smaller is better",
        scale="nats",
        smaller_is_better=True,
        soft=True,
        shown=_NOT_TERMINAL,
    ),
    Metric(
        key="brier",
        heading="Brier",
        name="Brier score where a face was found",
        about="squared error of the probabilities, 0 to 2, over covered samples; smaller is better",
        scale="number",
        smaller_is_better=True,
        soft=True,
        shown=_REPORT,
        at_once=False,
    ),
    Metric(
        key="ece",
        heading="ECE",
        name="Expected calibration error",
        about="expected calibration error, 15 bins of equal width; smaller is better",
        scale="number",
        smaller_is_better=True,
        soft=True,
        shown=_NOT_TERMINAL,
    ),
    Metric(
        key="ece_mass",
        heading="ECE, equal mass",
        name="Expected calibration error, bins of equal mass",
        about="expected calibration error, 15 bins of equal mass; smaller is better",
        scale="number",
        smaller_is_better=True,
        soft=True,
        shown=_REPORT,
        at_once=False,
    ),
    Metric(
        key="strict_accuracy",
        heading="unmasked",
        name="Accuracy without masking",
        about="accuracy when answers outside the label space count as wrong",
        shown=_REPORT,
        at_once=False,
    ),
    Metric(
        key="mass_outside",
        heading="mass outside",
        name="Probability outside the label space",
        about="mean probability on emotions outside the label space",
        shown=_REPORT,
        at_once=False,
    ),
    Metric(
        key="ceiling",
        heading="ceiling",
        name="Share of samples of classes that it has",
        about="the most that is possible: the share of samples whose class the pipeline has",
        shown=_REPORT,
        at_once=False,
    ),
    Metric(
        key="log_loss_own",
        heading="log loss, own classes",
        name="Log loss over the classes that it has",
        about="log loss over the covered samples whose class the pipeline has; smaller is better",
        scale="nats",
        smaller_is_better=True,
        soft=True,
        shown=_REPORT,
        at_once=False,
    ),
    Metric(
        key="set_accuracy",
        heading="set accuracy",
        name="Accuracy where several labels are right",
        about="label rules with several right labels: the prediction is one of them",
    ),
)

BY_KEY = {metric.key: metric for metric in METRICS}
COUNTS = ("n", "n_correct", "n_covered")  # what else stands among the metrics of a score file


def shown_in(place: Place) -> tuple[Metric, ...]:
    """Return the metrics with a column in this place, in the order of the columns."""
    return tuple(metric for metric in METRICS if place in metric.shown)
