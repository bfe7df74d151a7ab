"""Draw the figure of docs/vote_of_equals.md from the run, and print the page's numbers.

    python docs/images/vote_of_equals.py results/vote_of_equals

Every vote here is the soft mean of some of the networks. Its gain is its accuracy less the mean
accuracy of its own members.
"""

import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.figures.canvas import BLUE, DOUBLE_MM, GREEN, MUTED, ORANGE, RED, canvas, save, styled
from faceoff.layout import Layout
from faceoff.scoring.task import read_task, sample_posteriors
from faceoff.storage.files import read_json

TARGET = Path(__file__).parent / "vote_of_equals"
TRIOS = {
    "seeds": ("base-0", "base-1", "base-2"),
    "targets": ("base-0", "majority-0", "drawn-0"),
    "shapes": ("base-0", "deep-0", "fine-0"),
}
COLOURS = {"seeds": BLUE, "targets": ORANGE, "shapes": GREEN}


class Networks:
    """The posteriors of the networks on one dataset, and whether each vote of some is right."""

    def __init__(self, folder: Path, dataset: str):
        layout = Layout(str(folder))
        task = read_task(Path(layout.samples(dataset)))
        files = layout.existing(layout.predictions(dataset, "whole", "*"))
        self.names = [file.stem for file in files]
        self.posteriors = np.stack(
            [sample_posteriors(file, task.ids).in_space(task.space)[0] for file in files]
        )  # (networks, n, k)
        self.truth = task.truth
        self.correct = self.posteriors.argmax(axis=2) == self.truth  # (networks, n)

    def vote(self, members: Sequence[int]) -> np.ndarray:
        """Return (n,) whether the soft mean of these members is right."""
        return self.posteriors[list(members)].mean(axis=0).argmax(axis=1) == self.truth

    def gain(self, members: Sequence[int]) -> tuple[float, float]:
        """Return the gain of a vote and half its 95 % interval (normal, paired), in points."""
        found = self.vote(members) - self.correct[list(members)].mean(axis=0)
        return 100 * found.mean(), 196 * found.std(ddof=1) / np.sqrt(len(found))

    def disagreement(self, members: Sequence[int]) -> float:
        """Return the mean share of pictures on which two members differ in being right, in %."""
        pairs = combinations(members, 2)
        return 100 * float(np.mean([(self.correct[a] != self.correct[b]).mean() for a, b in pairs]))


@styled
def draw(networks: Networks, best: str) -> Any:
    """Draw accuracy by the number of members, and the gain of three by their disagreement."""
    figure = canvas(DOUBLE_MM, 70)
    left, right = figure.subplots(1, 2)
    everyone = range(len(networks.names))
    rng = np.random.default_rng(0)
    means = []
    for size in range(1, len(networks.names) + 1):
        found = [100 * networks.vote(some).mean() for some in combinations(everyone, size)]
        left.plot(
            size + rng.uniform(-0.16, 0.16, len(found)),
            found,
            ".",
            color=MUTED,
            alpha=0.5,
            markersize=4,
        )
        means.append(np.mean(found))
    left.plot(range(1, len(means) + 1), means, color=BLUE, marker="o", markersize=3.5)
    chosen = 100 * networks.correct[networks.names.index(best)].mean()
    left.axhline(chosen, color=RED, linewidth=1, label=f"best single by validation: {best}")
    left.legend(loc="lower right")
    left.set_title("Accuracy of every vote, and their mean, %")
    left.set_xlabel("networks in the vote")
    for some in combinations(everyone, 3):
        right.plot(networks.disagreement(some), networks.gain(some)[0], ".", color=MUTED, alpha=0.6)
    for name, trio in TRIOS.items():
        some = [networks.names.index(member) for member in trio]
        gain, half = networks.gain(some)
        right.errorbar(
            networks.disagreement(some),
            gain,
            half,
            color=COLOURS[name],
            marker="o",
            markersize=4.5,
            capsize=2,
            label=f"three {name}",
        )
    right.legend(loc="lower right")
    right.set_title("Gain of three over their mean, points")
    right.set_xlabel("disagreement of two members, % of pictures")
    for axes in (left, right):
        axes.grid(axis="y")
    return figure


def main(folder: Path) -> None:
    """Draw the figure of the FER+ test set, and print the gains on every test set of the run."""
    for dataset in ("ferplus", "ferplus-clean"):
        networks = Networks(folder, dataset)
        votes = {**TRIOS, "all": tuple(networks.names)}
        for name, trio in votes.items():
            some = [networks.names.index(member) for member in trio]
            gain, half = networks.gain(some)
            print(
                f"{dataset} {name}: vote {100 * networks.vote(some).mean():.2f}, mean of members "
                f"{100 * networks.correct[some].mean():.2f}, gain {gain:+.2f} ± {half:.2f}, "
                f"disagreement {networks.disagreement(some):.1f}"
            )
        trios = list(combinations(range(len(networks.names)), 3))
        gains = [networks.gain(some)[0] for some in trios]
        apart = [networks.disagreement(some) for some in trios]
        print(f"{dataset}: correlation of gain and disagreement, {len(trios)} trios: "
              f"{np.corrcoef(gains, apart)[0, 1]:.2f}")  # fmt: skip
    best = read_json(Path(Layout(str(folder)).comparison("ferplus")))["best_single"]["name"]
    save(draw(Networks(folder, "ferplus"), best.partition("/")[2]), TARGET, ["png"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
