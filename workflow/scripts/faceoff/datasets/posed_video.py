"""Draw clips of faces whose expressions rise, hold and fall, with the exact truth of every frame.

Like `posed`, they are for demonstration and tests and never enter headline rankings (protocol §16).
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from faceoff.datasets._drawn_faces import UNITS, annotation_of, kept_drawings, known_faces
from faceoff.drawing import clips, video
from faceoff.drawing.identities import identity
from faceoff.drawing.roles import Clip
from faceoff.drawing.stories import ALL_KINDS, KINDS
from faceoff.emotions import EMOTIONS
from faceoff.plugins.options import DatasetConfig
from faceoff.plugins.protocols import KIND, Annotation, KnownFace, Sample
from faceoff.storage.files import atomic

DATASETS = {
    "posed_video": {
        "class": "PosedVideo",
        "title": "posed video (drawn faces)",
        "terms": "drawn by this package, MIT; for demonstration, not for headline rankings",
        "how_to_get": "nothing to get",
        "drawn": True,
        "people": True,
    }
}


class PosedVideoOptions(DatasetConfig):
    """Keys of a posed_video dataset."""

    split: Literal["train", "valid", "test"] = Field(
        "test", description="identities of the splits are disjoint, and those of posed"
    )
    seed: int = Field(0, ge=0, description="seed of the drawings")
    kinds: Literal["all"] | list[str] | None = Field(
        None,
        min_length=1,
        description="keep only these kinds of clips, or all: single, several, two, leaving (the "
        "default), crossing, cut, returning, narrative, talking",
    )


class PosedVideo:
    """Drawn clips, labelled with the emotion of the largest face at its apex.

    Clips of several emotions in a row, or of two scenes, have no label, only their frames do.
    """

    Options = PosedVideoOptions
    space = EMOTIONS
    units = (*UNITS, "AU45")

    def __init__(self, options: PosedVideoOptions, seed: int = 0):
        self.options = options
        asked = options.kinds
        self._kinds = ALL_KINDS if asked == "all" else tuple(asked or KINDS)
        unknown = set(self._kinds) - set(ALL_KINDS)
        if unknown:
            raise ValueError(
                f"posed_video: unknown kinds {sorted(unknown)}; valid: {', '.join(ALL_KINDS)}, or"
                " all in place of the list"
            )
        names = ["all"] if asked == "all" else sorted(set(asked or ()))
        kinds = f"-{'_'.join(names)}" if names else ""
        self.version = f"{options.split}-seed{options.seed}{kinds}@1"

    @cached_property
    def _clips(self) -> dict[str, Clip]:
        return {
            clip.sample_id: clip
            for clip in clips.plan(self.options.split, self.options.seed, self._kinds)
        }

    @cached_property
    def _folder(self) -> Path:
        name = f"{self.options.split}-seed{self.options.seed}"
        return kept_drawings(Path(__file__), name)

    def samples(self) -> Iterator[Sample]:
        """Yield the planned clips; `annotation` has the truth over time."""
        for clip in self._clips.values():
            lead = clip.cast[0]
            who = identity(lead.identity)
            yield Sample(
                sample_id=clip.sample_id,
                path=f"{clip.sample_id}.mp4",
                kind="video",
                label=clip.label,
                subject=lead.identity,
                split=clip.split,
                groups={
                    KIND: clip.kind,
                    "n_people": str(len(clip.cast)),
                    "intensity": lead.acts[0].intensity,
                    **who.groups,
                },
            )

    def file(self, sample: Sample) -> Path:
        """Return the path of the clip, which is drawn on the first call."""
        path = self._folder / sample.path
        if not path.is_file():
            clip = self._clips[sample.sample_id]
            with atomic(path) as scratch:
                video.write_video(scratch, (image for _, image, _ in clips.frames(clip)), clip.fps)
        return path

    def annotation(self, sample: Sample, timestamp_s: float) -> Annotation:
        """Return the truth of the frame shown at this moment, as `annotation_of` has it."""
        return annotation_of(clips.truth_at(self._clips[sample.sample_id], timestamp_s))

    def true_faces(self, sample: Sample, timestamp_s: float) -> tuple[KnownFace, ...]:
        """Return the faces of the frame shown at this moment, the largest first."""
        return known_faces(clips.truth_at(self._clips[sample.sample_id], timestamp_s))

    def fingerprint(self) -> Any:
        return self.version
