"""Draw the figure of docs/over_time.md from the run, and print the rows of its tables.

python docs/images/over_time.py results/video
"""

import sys
from pathlib import Path

from faceoff.figures import canvas, over_time
from faceoff.layout import Layout
from faceoff.results.dataset_results import DatasetResults
from faceoff.results.over_time import Family, families, rule_name
from faceoff.results.words import number, points
from faceoff.scoring.time_records import OverTime, OverTimePipeline
from faceoff.storage.files import read_json

TARGET = Path(__file__).parent / "over_time"
SHOWN = ("fusion/vote", "mediapipe_short/landmarks_lr")


def row(found: OverTime, pipe: OverTimePipeline) -> str:
    """Return a line of Markdown."""
    scores, lag = pipe["scores"], pipe["scores"]["lag"]
    cells = [
        rule_name(pipe) or "single frames",
        points(scores["uar"]),
        number(scores["flicker"], 0),
        number(lag["median_s"], 2),
        points(lag["hit_rate"], 0),
        points(scores["segmental_f1"]["0.5"]),
    ]
    for test in found["tests"]:
        if test["a"] == pipe["name"]:
            limits = f"[{points(test['low'])}, {points(test['high'])}]"
            cells.append(f"{points(test['difference'])} {limits}, {test['verdict']}")
    return f"| {' | '.join(cells)} |"


def table(found: OverTime, family: Family) -> str:
    """Return the lines of a pipeline and its rules."""
    return "\n".join(row(found, pipe) for pipe in (family.bare, *family.rules))


def main(folder: Path) -> None:
    """Write the picture beside this file and print the tables."""
    path = Path(Layout(str(folder)).over_time("clips"))
    figure, _ = over_time.of_dataset(DatasetResults("clips", {}, [], None, over_time=path))
    canvas.save(figure, TARGET, ["png"])
    found = read_json(path)
    for family in families(found):
        if family.bare["name"] in SHOWN:
            print(family.bare["name"], table(found, family), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
