"""Measure how well drawn mouths that speak are told, from which `temporal.talking` has its limits.

    .venv-full/bin/python benchmarks/talking.py --clips 16

Draws the first clips of the kinds talking and single of `posed_video`, reads them by the signal
mesh, and prints for each window and each least movement F1, recall and false alarms over the frames
whose mouth is known: of the train clips for all windows, of the others for the package's own.
"""

import argparse
from collections.abc import Iterator

import numpy as np

from faceoff.analysis import summary
from faceoff.analysis.analyzer import Analyzer
from faceoff.drawing import clips
from faceoff.temporal.talking import WINDOW_S, movement

WINDOWS_S = (0.42, 0.6, 0.78, 0.96)
LEASTS = (0.05, 0.06, 0.07, 0.08, 0.1, 0.12, 0.15, 0.2)
STEPS = {25: 1, 12.5: 2}  # frames per second, and every how many-th frame that is


def course(analyzer: Analyzer, clip: clips.Clip) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, openness and whether the mouth speaks of the largest face of a clip."""
    speaks: list[bool] = []

    def pictures() -> Iterator[tuple[float, np.ndarray]]:
        for time_s, image, faces in clips.frames(clip):
            speaks.append(bool(faces and faces[0].talking))
            yield time_s, image

    table = analyzer.analyze(pictures()).table
    rows, seen = summary.main_face(table)
    openness = summary.values(table, "mouth_openness")[rows]
    times = summary.values(table, "timestamp")[rows]
    return times, np.where(seen, openness, np.nan), np.array(speaks)


def scores(moved: np.ndarray, speaks: np.ndarray, least: float) -> tuple[float, float, float]:
    """Return F1, recall, and the share of silent frames that are told to speak."""
    known = np.isfinite(moved)
    told, truth = moved[known] >= least, speaks[known]
    right = (told & truth).sum()
    return 2 * right / (told.sum() + truth.sum()), right / truth.sum(), told[~truth].mean()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=16, help="of each kind and split, at most")
    asked = parser.parse_args()
    analyzer = Analyzer(signals=["mesh"], identities=False)
    for split in ("train", "valid", "test"):
        plan = [
            clip
            for kind in ("talking", "single")
            for clip in clips.plan(split, kinds=[kind])[: asked.clips]
        ]
        read = [course(analyzer, clip) for clip in plan]
        for window_s in WINDOWS_S if split == "train" else (WINDOW_S,):
            for fps, every in STEPS.items():
                parts = [
                    (movement(times[::every], openness[::every], window_s), speaks[::every])
                    for times, openness, speaks in read
                ]
                moved, speaks = (np.concatenate(part) for part in zip(*parts, strict=True))
                about = f"{split}: {len(plan)} clips, {window_s} s, {fps} fps, {len(moved)} frames"
                print(f"{about}, {np.isnan(moved).mean():.1%} unknown")
                for least in LEASTS:
                    told = scores(moved, speaks, least)
                    print(f"  {least:5.2f}: " + ", ".join(f"{number:.3f}" for number in told))
