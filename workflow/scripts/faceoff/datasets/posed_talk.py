"""Draw clips of people who talk, with the sound of a synthetic voice and the exact truth of both.

They are for demonstration and tests and never enter headline rankings (protocol §16). Faces are
drawn, voices are espeak-ng's: what is measured on them says nothing about people.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from faceoff.datasets._drawn_faces import UNITS, annotation_of, kept_drawings, known_faces
from faceoff.drawing import clips, soundtrack, talk, video, voice
from faceoff.drawing.identities import COUNT, identity
from faceoff.emotions import EMOTIONS
from faceoff.plugins.options import DatasetConfig
from faceoff.plugins.protocols import KIND, Annotation, KnownFace, Sample, Utterance
from faceoff.storage.files import atomic

DATASETS = {
    "posed_talk": {
        "class": "PosedTalk",
        "title": "posed talk (drawn faces with a synthetic voice)",
        "terms": "drawn by this package, MIT, and spoken by espeak-ng; for demonstration, not for "
        "headline rankings",
        "how_to_get": "nothing but espeak-ng: apt-get install espeak-ng or brew install espeak-ng",
        "drawn": True,
        "people": True,
    }
}

_INSTALL = "apt-get install espeak-ng (Debian, Ubuntu) or brew install espeak-ng (macOS)"


class PosedTalkOptions(DatasetConfig):
    """Keys of a posed_talk dataset."""

    split: Literal["train", "valid", "test"] = Field(
        "test", description="people, and so voices, of the splits are disjoint; people are posed's"
    )
    seed: int = Field(0, ge=0, description="seed of the drawings and of how sentences are spoken")
    clips: int = Field(24, ge=1, le=10_000, description="how many clips there are")
    subjects: int | None = Field(
        None, ge=2, le=max(COUNT.values()), description="only so many people; default: all"
    )
    kinds: list[str] | None = Field(
        None,
        min_length=1,
        description="keep only these kinds of clips: congruent, contradicting, changing, turns, "
        "noisy, lagging, silent, mute; default: all",
    )
    size: Literal["small", "full"] = Field(
        "small",
        description="small: 160 x 120 px, 12 frames per second, heads keep still; full: 320 x 240 "
        "px, 25 frames per second, heads sway and lids blink, six times the work",
    )
    label_of: Literal["face", "voice"] = Field(
        "face",
        description="whose emotion is the label; by voice, a clip has none in which nobody is "
        "heard, or more than one emotion",
    )


class PosedTalk:
    """Clips of drawn people with a synthetic voice, labelled by the largest face or by voice."""

    Options = PosedTalkOptions
    space = EMOTIONS
    units = (*UNITS, "AU45")

    def __init__(self, options: PosedTalkOptions, seed: int = 0):
        self.options = options
        kinds = tuple(options.kinds or talk.KINDS)
        if unknown := set(kinds) - set(talk.KINDS):
            raise ValueError(
                f"posed_talk: unknown kinds {sorted(unknown)}; valid: {', '.join(talk.KINDS)}"
            )
        people = COUNT[options.split]
        if options.subjects is not None and options.subjects > people:
            raise ValueError(
                f"posed_talk: subjects: {options.subjects}, but {options.split} has {people} people"
            )
        self._kinds = kinds
        asked = "_".join(sorted(set(kinds))) if options.kinds else "all"
        self.version = (
            f"{options.split}-seed{options.seed}-{asked}-{options.clips}"
            f"-{options.subjects or people}people-{options.size}-{options.label_of}"
            f"-espeak{voice.version() or 'none'}@1"
        )

    def check(self) -> None:
        """Raise ValueError where espeak-ng is not installed, or does not speak."""
        needed = f"posed_talk needs espeak-ng for its voices: {_INSTALL}"
        if voice.version() is None:
            raise ValueError(f"{needed}; no libespeak-ng was found")
        try:
            voice.speak("a", next(iter(voice.voices("test").values())), voice.PROSODY["neutral"])
        except OSError as error:
            raise ValueError(f"{needed}; {error}") from None

    @cached_property
    def _talks(self) -> dict[str, talk.Talk]:
        chosen = self.options
        planned = talk.plan(
            chosen.split, chosen.clips, chosen.seed, self._kinds, chosen.subjects, chosen.size
        )
        return {each.sample_id: each for each in planned}

    @cached_property
    def _folder(self) -> Path:
        chosen = self.options
        people = chosen.subjects or COUNT[chosen.split]
        name = f"{chosen.split}-seed{chosen.seed}-{people}people-{chosen.size}"
        name += f"-espeak{voice.version()}"
        return kept_drawings(Path(__file__), name)

    def samples(self) -> Iterator[Sample]:
        """Yield the planned clips; `annotation` and `utterances` have the truth over time."""
        for each in self._talks.values():
            lead = each.people[0]
            heard = each.voice or ("several" if each.heard else "none")
            agree = all(line.face == line.voice for line in each.heard)
            yield Sample(
                sample_id=each.sample_id,
                path=f"{each.sample_id}.mp4",
                kind="video",
                label=each.face if self.options.label_of == "face" else each.voice,
                subject=lead,
                split=each.split,
                groups={
                    KIND: each.kind,
                    "n_people": str(len(each.people)),
                    "sound": "speech" if each.heard else "silence" if each.track else "none",
                    "agreement": (
                        "none" if not each.heard else "congruent" if agree else "contradicting"
                    ),
                    "face_emotion": each.face or "several",
                    "voice_emotion": heard,
                    "lag_s": f"{each.lag_s:+.1f}" if each.lag_s else "0",
                    "noise": each.noise or "none",
                    "snr_db": "clean" if each.snr_db is None else str(each.snr_db),
                    **identity(lead).groups,
                },
            )

    def file(self, sample: Sample) -> Path:
        """Return the path of the clip, which is drawn and spoken on the first call.

        Raises OSError without espeak-ng.
        """
        path = self._folder / sample.path
        if not path.is_file():
            each = self._talks[sample.sample_id]
            sound = soundtrack.soundtrack(each)
            clip = talk.staged(each).clip
            with atomic(path) as scratch:
                video.write_video(
                    scratch,
                    (image for _, image, _ in clips.frames(clip)),
                    clip.fps,
                    None if sound is None else soundtrack.for_video(sound),
                )
        return path

    def annotation(self, sample: Sample, timestamp_s: float) -> Annotation:
        """Return the truth of the frame shown at this moment, as `annotation_of` has it.

        With `label_of: voice` the label is the emotion of the voice that is heard at this moment,
        without valence and arousal.
        """
        each = self._talks[sample.sample_id]
        found = annotation_of(clips.truth_at(talk.staged(each).clip, timestamp_s))
        if self.options.label_of == "face":
            return found
        heard = (u for u in self.utterances(sample) if u.start_s <= timestamp_s < u.end_s)
        label = next((u.emotion for u in heard), None)
        return replace(found, label=label, valence=None, arousal=None)

    def utterances(self, sample: Sample) -> tuple[Utterance, ...]:
        """Return what is heard, and when in the file's sound: the picture's time plus the lag."""
        each = self._talks[sample.sample_id]
        if not each.heard:
            return ()
        return tuple(
            Utterance(
                round(said.start_s + each.lag_s, 3),
                round(said.end_s + each.lag_s, 3),
                said.line.speaker,
                said.line.voice,
                said.line.text,
            )
            for said in talk.staged(each).said
        )

    def true_faces(self, sample: Sample, timestamp_s: float) -> tuple[KnownFace, ...]:
        """Return the faces of the frame shown at this moment, the largest first."""
        clip = talk.staged(self._talks[sample.sample_id]).clip
        return known_faces(clips.truth_at(clip, timestamp_s))

    def fingerprint(self) -> Any:
        return self.version
