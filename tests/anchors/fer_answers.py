"""Run a network over the test part of FER2013 and FER+."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from faceoff.datasets.ferplus import FerPlus
from faceoff.faces.crops import crop
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.media.images import decode_image
from faceoff.plugins.plugin import Plugin


class Answers(NamedTuple):
    """Hold what a network says of the 3,573 whole pictures of the test part."""

    emotions: tuple[str, ...]
    posterior: dict[str, np.ndarray]  # by a picture's name without its ending: one per emotion


def write_answers(plugin: Plugin, root: Path, file: Path) -> None:
    """Write the answers of a model to an npz file."""
    network = load_plugin(plugin.job(), Clock())
    dataset = FerPlus(FerPlus.Options(path=root, keep="all"))
    pictures = {Path(sample.path).stem: sample for sample in dataset.samples()}
    crops = np.stack(
        [
            crop(decode_image(dataset.read(sample)), None, network.crop)
            for sample in pictures.values()
        ]
    )
    posterior = network.predict(crops).posterior
    np.savez(file, names=list(pictures), emotions=network.emotions, posterior=posterior)


def read_answers(file: Path) -> Answers:
    with np.load(file) as stored:
        names = stored["names"].tolist()
        posterior = dict(zip(names, stored["posterior"], strict=True))
        return Answers(tuple(stored["emotions"].tolist()), posterior)
