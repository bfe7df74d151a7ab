"""Fit a detector's box calibration on drawn faces, whose boxes are exact (protocol §9)."""

from faceoff.drawing import scenes
from faceoff.faces import calibration
from faceoff.faces.detection_view import postprocess
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins.plugin import Plugin


def fit(plugin: Plugin) -> tuple[dict[str, float], int, int]:
    """Fit a detector's calibration on the easy scenes of the posed training identities.

    Returns the calibration, in how many scenes its box matched, and how many there are. Raises
    ValueError where it cannot run here, or too few matched.
    """
    if reason := plugin.skip():
        raise ValueError(reason)
    job = plugin.job()
    network = load_plugin(job, Clock())
    planned = [scene for scene in scenes.plan("train") if scene.rung in scenes.EASY]
    raw, true = [], []
    for scene in planned:
        image, faces = scenes.draw(scene)
        found = [face.box for face in postprocess(network.detect([image])[0], job.card)]
        box = calibration.match(found, faces[0].box)
        if box is not None:
            raw.append(box)
            true.append(faces[0].box)
    return calibration.fit(raw, true), len(raw), len(planned)
