"""Read RAVDESS (Livingstone & Russo 2018): 24 actors speak and sing two sentences (protocol §1.3).

They show up to eight emotions. Layout: the official archives, unpacked anywhere below the folder:
…/Actor_01/01-01-03-01-01-01-01.mp4. The name gives everything:
modality-vocal-emotion-intensity-statement-repetition-actor.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from faceoff import emotions
from faceoff.assets import zenodo
from faceoff.assets.asset import Asset, AssetError
from faceoff.datasets._files import files_below, fingerprint
from faceoff.plugins.omissions import counted
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample

DATASETS = {
    "ravdess": {
        "class": "Ravdess",
        "title": "RAVDESS",
        "terms": "CC BY-NC-SA 4.0; commercial licences from the authors",
        "how_to_get": (
            "Video_Speech_Actor_*.zip and Video_Song_Actor_*.zip of "
            "https://zenodo.org/records/1188976"
        ),
    }
}

# The meanings of each field's codes, in the order of the name.
CODES: dict[str, dict[str, str]] = {
    "modality": {"01": "av", "02": "video", "03": "audio"},
    "vocal": {"01": "speech", "02": "song"},
    "emotion": dict(
        zip(
            (f"{code:02d}" for code in range(1, 9)),
            ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise"),
        )
    ),
    "intensity": {"01": "normal", "02": "strong"},
    "statement": {"01": "kids", "02": "dogs"},
    "repetition": {"01": "1", "02": "2"},
    "actor": {f"{actor:02d}": f"{actor:02d}" for actor in range(1, 25)},
}

# Test actors of the published folds, under the numbers that their publishers give them.
FOLDS: dict[str, dict[int, tuple[int, ...]]] = {
    "emobox": {
        1: (1, 11, 20, 21),
        2: (4, 10, 12, 14),
        3: (8, 9, 19, 23),
        4: (3, 5, 7, 24),
        5: (2, 15, 16, 18),
        6: (6, 13, 17, 22),
    },
    "mmer": {
        0: (2, 5, 14, 15, 16),
        1: (3, 6, 7, 13, 18),
        2: (10, 11, 12, 19, 20),
        3: (8, 17, 21, 23, 24),
        4: (1, 4, 9, 22),
    },
}
FOLD_OF = {
    name: {actor: fold for fold, actors in folds.items() for actor in actors}
    for name, folds in FOLDS.items()
}

# MD5 and bytes of Video_Speech_Actor_NN.zip as Zenodo's record states them; for the songs the
# record is asked.
SPEECH_ARCHIVES: dict[int, tuple[str, int]] = {
    1: ("3c8ececaf392b4a9b11b32271f4f6d01", 552_968_353),
    2: ("a6f40d413b2e6ef25b3a595099e59abb", 570_673_024),
    3: ("68fa240ddd8a3cc410c64efe5fb2b0e4", 567_824_665),
    4: ("013eed832af1f7e97082aae398a00dbe", 546_560_009),
    5: ("b00e17d61374ef6ba86fef35d50a20fb", 562_966_425),
    6: ("3c42877921cc08cfb5c841a0f2cb94a7", 568_517_859),
    7: ("bdd29bfe082f80361ec6b589845c283d", 565_652_404),
    8: ("bed5f43d9c18e177e34d4bc1ed9b6d77", 562_573_079),
    9: ("775da349c50bf915a1bbcb37379bd092", 523_489_249),
    10: ("70199d1c6902f76e17df308d5c41fa01", 565_580_163),
    11: ("824504aa41a8fd575e5459d5701dd378", 518_634_370),
    12: ("2a1f0ddc0ca207beedee6ce2ea863ad7", 557_928_718),
    13: ("c5f2fd4fd77941636947620368c612b5", 501_877_549),
    14: ("466d31f4cce92a14b1f4ee884bbdf7d7", 552_484_059),
    15: ("4b3b9bc8473e86f884630f2506684887", 525_205_576),
    16: ("a63c54570ebbe6bd616d0dced5630f7e", 562_416_513),
    17: ("8b7ae3e5a85d2874ac8e1195e722e047", 551_688_845),
    18: ("fef2131ac361da182c0cb85f3d8e8a6c", 565_655_520),
    19: ("abb97d97d8c4e88c866cee1cea9d06d6", 581_121_687),
    20: ("5ddfb22770093bafebdefe8faa449f48", 561_349_264),
    21: ("d810cf2ff6863ef91306fc7a16d74fbb", 590_292_896),
    22: ("fee55f72c9871401f23d4b167de3217d", 560_907_466),
    23: ("b31e8c8904e66102e7a951694db752d6", 545_177_865),
    24: ("eef90e806c9179bc5b4b098d03647ae3", 595_799_165),
}
RECORD = zenodo.API.format(record=1188976)

_NAME = re.compile(r"\d\d(?:-\d\d){6}")
Actor = Annotated[int, Field(ge=1, le=24)]


def _archive(name: str, md5: str, size: int) -> Asset:
    return Asset(
        file=name,
        md5=md5,
        size=size,
        urls=(f"https://zenodo.org/records/1188976/files/{name}?download=1",),
        licence="CC BY-NC-SA 4.0",
    )


class Clip(NamedTuple):
    """The fields of a file name, in words; `actor` is two digits."""

    modality: str
    vocal: str
    emotion: str
    intensity: str
    statement: str
    repetition: str
    actor: str

    @property
    def stem(self) -> str:
        """Return the clip's official name without its suffix; it is also the sample id."""
        return "-".join(
            next(code for code, word in codes.items() if word == field)
            for field, codes in zip(self, CODES.values(), strict=True)
        )


def parse(stem: str) -> Clip | None:
    """Read a file name without suffix; return None if it is no RAVDESS name.

    Raises ValueError naming the field whose code is unknown.
    """
    if not _NAME.fullmatch(stem):
        return None
    words = []
    for code, (field, codes) in zip(stem.split("-"), CODES.items(), strict=True):
        if code not in codes:
            raise ValueError(f"unknown {field} code {code!r}; known: {', '.join(codes)}")
        words.append(codes[code])
    return Clip(*words)


def published(modality: str, vocal: str) -> Iterator[Clip]:
    """Return every clip that RAVDESS has of one modality and vocal channel.

    There are 1,440 of speech and 1,012 of song.
    """
    for words in product(
        *(codes.values() for field, codes in CODES.items() if field not in {"modality", "vocal"})
    ):
        clip = Clip(modality, vocal, *words)
        sung = vocal == "song" and (clip.actor == "18" or clip.emotion in {"disgust", "surprise"})
        if not sung and not (clip.emotion == "neutral" and clip.intensity == "strong"):
            yield clip


class RavdessOptions(DatasetConfig):
    """Keys of a ravdess dataset."""

    path: DataPath = Field(
        description="folder below which the archives were unpacked, or are with `download`"
    )
    download: bool = Field(
        False,
        description="fetch the chosen actors' archives (some 530 MB each) before the run and "
        "unpack them below path",
    )
    record: str = Field(
        RECORD,
        description="address of the record (JSON) that lists the archives with their MD5: "
        "Zenodo's, or a mirror's of the same form",
    )
    vocal: Literal["speech", "song", "both"] = Field(
        "speech", description="spoken clips, sung clips, or both"
    )
    modality: Literal["av", "video"] = Field(
        "av",
        description="clips with sound (01) or without (02); both show the same pictures, so never "
        "both",
    )
    calm: Literal["drop", "neutral", "keep"] = Field(
        "drop",
        description="calm clips: left out (7 classes), counted as neutral, or a class of their own",
    )
    intensity: Literal["normal", "strong"] | None = Field(
        None, description="keep only clips of this intensity; neutral has no strong ones"
    )
    actors: list[Actor] | None = Field(
        None, min_length=1, description="keep only these actors (1-24)"
    )
    fold_set: Literal["emobox", "mmer"] | None = Field(
        None, description="published folds that `folds` refers to: emobox 1-6, mmer 0-4"
    )
    folds: list[int] | None = Field(
        None,
        min_length=1,
        description="keep only the test actors of these folds; default: all folds",
    )

    @model_validator(mode="after")
    def _folds_exist(self) -> Self:
        if self.folds is None:
            return self
        if self.fold_set is None:
            raise ValueError("'folds' needs 'fold_set': emobox or mmer")
        known = FOLDS[self.fold_set]
        unknown = sorted(set(self.folds) - set(known))
        if unknown:
            raise ValueError(
                f"folds {unknown} are not among the folds of {self.fold_set}: "
                f"{', '.join(map(str, known))}"
            )
        return self

    @property
    def kept_actors(self) -> list[int]:
        """Return the actors that `actors` and `folds` both keep, in order."""
        chosen = set(self.actors or range(1, 25))
        if self.folds is not None and self.fold_set is not None:
            folds = FOLDS[self.fold_set]
            chosen &= {actor for fold in self.folds for actor in folds[fold]}
        return sorted(chosen)


class Ravdess:
    """The clips of the chosen actors and emotions, by actor and name.

    `left_out` counts by reason the files below the folder that are not in the task.
    """

    Options = RavdessOptions

    def __init__(self, options: RavdessOptions, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of RAVDESS is not there (dataset key 'path'); set "
                "`download: true`, or get it from https://zenodo.org/records/1188976"
            )
        vocals = ("speech", "song") if options.vocal == "both" else (options.vocal,)
        self._wanted = {
            clip
            for vocal in vocals
            for clip in published(options.modality, vocal)
            if self._chosen(clip)
        }
        if not self._wanted:
            raise ValueError(
                "RAVDESS has no clip under these options: no actor is both in 'actors' and in "
                "'folds', or only actor 18, who does not sing"
            )
        self.space = emotions.order([self._label(clip) for clip in self._wanted])
        self.left_out: Counter[str] = Counter()
        self._files = self._scan()
        if not self._files:
            seen = counted(self.left_out) or "nothing, no file is there"
            example = self.missing()[0]
            raise FileNotFoundError(
                f"{options.path}: no clip of the task below it, such as {example} (dataset key "
                f"'path'); left out: {seen}"
            )
        kept = options.kept_actors
        actors = "" if len(kept) == 24 else f"-actors_{'_'.join(map(str, kept))}"
        intensity = f"-{options.intensity}" if options.intensity else ""
        self.version = (
            f"{options.vocal}-{options.modality}-calm_{options.calm}{intensity}{actors}@1"
        )

    @classmethod
    def archives(cls, options: RavdessOptions) -> list[Asset]:
        """Return the archives of the chosen actors and vocal channels that are not complete here.

        Raises AssetError if the record that lists them cannot be fetched.
        """
        present = (
            {path.name.removesuffix(".mp4") for path in files_below(options.path)}
            if options.path.is_dir()
            else set()
        )
        needed = {
            (vocal, int(clip.actor))
            for vocal in (("speech", "song") if options.vocal == "both" else (options.vocal,))
            for clip in published(options.modality, vocal)
            if int(clip.actor) in options.kept_actors and clip.stem not in present
        }
        names = {
            f"Video_{vocal.capitalize()}_Actor_{actor:02d}.zip": actor
            for vocal, actor in sorted(needed)
        }
        if options.record == RECORD and options.vocal == "speech":
            return [_archive(name, *SPEECH_ARCHIVES[actor]) for name, actor in names.items()]
        listed = zenodo.files(options.record) if names else {}
        absent = names.keys() - listed.keys()
        if absent:
            raise AssetError(
                f"{options.record}: the record does not list {', '.join(sorted(absent))}"
            )
        return [listed[name] for name in names]

    def _chosen(self, clip: Clip) -> bool:
        options = self.options
        if int(clip.actor) not in options.kept_actors or (
            clip.emotion == "calm" and options.calm == "drop"
        ):
            return False
        return options.intensity in (None, clip.intensity)

    def _label(self, clip: Clip) -> str:
        return (
            "neutral" if clip.emotion == "calm" and self.options.calm == "neutral" else clip.emotion
        )

    def _scan(self) -> dict[Clip, Path]:
        """Return the task's clips and their files.

        A name in several folders is one clip; the first path in order is read.
        """
        files: dict[Clip, Path] = {}
        for path in files_below(self.options.path):
            try:
                clip = parse(path.stem) if path.suffix.lower() == ".mp4" else None
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
            reason = self._reason(clip, files)
            if reason:
                self.left_out[reason] += 1
            elif clip is not None:
                files[clip] = path
        return dict(sorted(files.items(), key=lambda item: (item[0].actor, item[0].stem)))

    def _reason(self, clip: Clip | None, files: dict[Clip, Path]) -> str | None:
        """Return why a file is not in the task, or None."""
        if clip is None:
            return "other file"
        if clip.modality != self.options.modality:
            return "other modality"
        if self.options.vocal not in ("both", clip.vocal):
            return "other vocal channel"
        if clip not in self._wanted:
            return "not chosen"
        return "duplicate" if clip in files else None

    def missing(self) -> list[str]:
        """Return the official names of the task's clips that are absent, sorted by actor."""
        return [
            f"{clip.stem}.mp4"
            for clip in sorted(
                self._wanted - self._files.keys(), key=lambda clip: (clip.actor, clip.stem)
            )
        ]

    def samples(self) -> Iterator[Sample]:
        """Yield the task's clips that are present.

        Missing clips are reported on stderr, since an incomplete copy is another task (its n and
        hash differ).
        """
        missing = self.missing()
        if missing:
            print(
                f"ravdess: {len(missing):,} of {len(self._wanted):,} clips are not below "
                f"{self.options.path}, first {missing[0]}",
                file=sys.stderr,
            )
        for clip, path in self._files.items():
            actor = int(clip.actor)
            yield Sample(
                sample_id=clip.stem,
                path=path.relative_to(self.options.path).as_posix(),
                kind="video",
                label=self._label(clip),
                subject=clip.actor,
                groups={
                    "actor": clip.actor,
                    "sex": "male" if actor % 2 else "female",
                    "intensity": clip.intensity,
                    "statement": clip.statement,
                    "repetition": clip.repetition,
                    "vocal": clip.vocal,
                    **{f"{name}_fold": str(fold_of[actor]) for name, fold_of in FOLD_OF.items()},
                },
            )

    def file(self, sample: Sample) -> Path:
        """Return the path of the clip."""
        return self.options.path / sample.path

    def fingerprint(self) -> Any:
        return fingerprint(self.options.path, self._files.values())
