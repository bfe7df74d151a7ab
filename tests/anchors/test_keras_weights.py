"""The authors' Keras file gives its published number and agrees with the TFLite file.

test_fer2013_accuracy.py has that of mini_XCEPTION.
"""

from pathlib import Path

import numpy as np
import pytest
from fer_answers import Answers

pytest.importorskip("torch")
pytest.importorskip("h5py")

from faceoff.assets import fetch
from faceoff.datasets.ferplus import FerPlus
from faceoff.emotions import canonical
from faceoff.faces.crops import crop
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.media.images import decode_image
from faceoff.plugins import registry

PD_BEST = 2_764  # of 3,153: vicksam/fer-model's published 87.66 %


@pytest.mark.slow
def test_pd_best_on_ferplus(root: Path, pd_best: Answers) -> None:
    """The Keras and the TFLite file give the same answers to all 3,153 pictures.

    They reach the published count.
    """
    plugin = registry.get("model", "pd_best_keras")
    if plugin.skip():
        pytest.skip(plugin.skip())
    if any(fetch.locate(asset) is None for asset in plugin.assets.values()):
        pytest.skip("the weights of pd_best_keras are not there")
    network = load_plugin(plugin.job(), Clock())
    dataset = FerPlus(FerPlus.Options(path=root))
    samples = list(dataset.samples())
    posterior = network.predict(
        np.stack(
            [crop(decode_image(dataset.read(sample)), None, network.crop) for sample in samples]
        )
    ).posterior
    emotions = [canonical(emotion) for emotion in network.emotions]
    right = sum(
        emotions[best] == sample.label
        for best, sample in zip(posterior.argmax(axis=1), samples, strict=True)
    )
    assert (right, len(samples)) == (PD_BEST, 3_153)
    its_posterior = np.stack([pd_best.posterior[Path(sample.path).stem] for sample in samples])
    assert emotions == [canonical(emotion) for emotion in pd_best.emotions]
    assert posterior.argmax(axis=1).tolist() == its_posterior.argmax(axis=1).tolist()
    assert np.abs(posterior - its_posterior).max() < 1e-4
