"""Draw posed faces after FACS with exact truth, so that a fresh clone has labelled data.

They are for demonstration, tests and the box calibration of detectors; they never enter headline
rankings (protocol §16).
"""

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from faceoff.datasets._drawn_faces import UNITS, kept_drawings, known_faces
from faceoff.drawing import scenes
from faceoff.emotions import EMOTIONS
from faceoff.media import images
from faceoff.plugins.options import DatasetConfig
from faceoff.plugins.protocols import KnownFace, Sample
from faceoff.storage.files import atomic

DATASETS = {
    "posed": {
        "class": "Posed",
        "title": "posed (drawn faces)",
        "terms": "drawn by this package, MIT; for demonstration, not for headline rankings",
        "how_to_get": "nothing to get",
        "drawn": True,
    }
}


class PosedOptions(DatasetConfig):
    """Keys of a posed dataset."""

    split: Literal["train", "valid", "test"] = Field(
        "test", description="identities of the splits are disjoint"
    )
    seed: int = Field(0, ge=0, description="seed of the drawings")
    rungs: list[str] | None = Field(
        None, description="keep only these rungs of the ladder of difficulty; default: all"
    )


class Posed:
    """Drawn scenes: the label is that of the largest face; scenes without a face have none."""

    Options = PosedOptions
    space = EMOTIONS
    units = UNITS

    def __init__(self, options: PosedOptions, seed: int = 0):
        self.options = options
        unknown = set(options.rungs or ()) - set(scenes.RUNGS)
        if unknown:
            raise ValueError(
                f"posed: unknown rungs {sorted(unknown)}; valid: {', '.join(scenes.RUNGS)}"
            )
        rungs = "" if options.rungs is None else "-" + "_".join(sorted(options.rungs))
        self.version = f"{options.split}-seed{options.seed}{rungs}@1"

    @cached_property
    def _scenes(self) -> dict[str, scenes.Scene]:
        planned = scenes.plan(self.options.split, self.options.seed)
        return {
            scene.sample_id: scene
            for scene in planned
            if self.options.rungs is None or scene.rung in self.options.rungs
        }

    def samples(self) -> Iterator[Sample]:
        """Yield the planned scenes, with the exact truth of their faces."""
        for scene in self._scenes.values():
            faces = sorted(scenes.truth(scene), key=lambda face: -face.box[2] * face.box[3])
            groups = {"rung": scene.rung, "n_faces": str(len(faces))}
            if not faces:
                yield Sample(
                    sample_id=scene.sample_id,
                    path=f"{scene.sample_id}.png",
                    split=scene.split,
                    subject="nobody",
                    groups=groups,
                    boxes=(),
                )
                continue
            face = faces[0]
            aus = {name: f"{value:.3f}" for name, value in face.aus.items()}
            yield Sample(
                sample_id=scene.sample_id,
                path=f"{scene.sample_id}.png",
                label=face.emotion,
                valence=face.valence,
                arousal=face.arousal,
                subject=face.identity,
                split=scene.split,
                groups=groups
                | {
                    "age_group": face.age_group,
                    "intensity": f"{face.intensity:.2f}",
                    **face.groups,
                    **aus,
                },
                boxes=tuple(face.box for face in faces),
            )

    @cached_property
    def _folder(self) -> Path:
        name = f"{self.options.split}-seed{self.options.seed}"
        return kept_drawings(Path(__file__), name)

    def read(self, sample: Sample) -> bytes:
        """Return the picture's PNG, which is drawn on the first call and then kept."""
        kept = self._folder / sample.path
        with suppress(OSError):
            return kept.read_bytes()
        data = images.encode_png(scenes.draw(self._scenes[sample.sample_id])[0])
        with suppress(OSError), atomic(kept) as scratch:  # a cache that cannot be written is none
            scratch.write_bytes(data)
        return data

    def true_faces(self, sample: Sample, timestamp_s: float) -> tuple[KnownFace, ...]:
        """Return the faces of a scene, the largest first."""
        return known_faces(scenes.truth(self._scenes[sample.sample_id]))

    def fingerprint(self) -> Any:
        return self.version
