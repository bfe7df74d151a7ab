"""Draw a tree with RAVDESS's names and layout (Livingstone & Russo 2018).

With it, code that reads the official dataset can be tried without it. Actors are drawn people of
their own (`actor01` … `actor24`), in no split of `posed`. Their sex is not drawn.
"""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from faceoff.drawing import clips
from faceoff.drawing.motion import Act
from faceoff.drawing.roles import Clip, Role
from faceoff.drawing.seeds import stream
from faceoff.drawing.video import tone, write_video
from faceoff.storage.files import atomic

_LEVEL = {"normal": "middle", "strong": "apex"}
# No FACS prototype is called calm: a slight smile, 0.6 or 0.9 of the weakest happiness.
_CALM_PEAK = {"normal": 0.6, "strong": 0.9}
_HERTZ = {"01": 180.0, "02": 260.0}  # the tone in place of a voice: speech, song


class Take(NamedTuple):
    """One file to draw: its official name without suffix, and the fields of that name.

    ``intensity`` is normal or strong, ``actor`` 1-24 (or its two digits).
    """

    stem: str
    emotion: str
    intensity: str
    actor: int | str

    @property
    def silent_name(self) -> str:
        """Return the name without its modality; files that agree in it show the same pictures."""
        return self.stem.partition("-")[2]

    def below(self, folder: Path) -> Path:
        """Return the take's file in a tree of the official layout."""
        return folder / f"Actor_{int(self.actor):02d}" / f"{self.stem}.mp4"


def _clip(take: Take, size: Literal["full", "tiny"], seed: int) -> Clip:
    """Return the pictures of a take.

    At full size every statement and repetition is acted anew; tiny ones differ in the sensor's
    noise alone.
    """
    calm = take.emotion == "calm"
    emotion, level = ("happiness", "onset") if calm else (take.emotion, _LEVEL[take.intensity])
    peak = _CALM_PEAK[take.intensity] if calm else 1.0
    identity = f"actor{int(take.actor):02d}"
    if size == "tiny":
        # At 10 fps the expression is then drawn at 0, half and full strength only: three heads a
        # clip
        role = Role(identity, (Act(emotion, level, 0.0, 0.2, 0.4, 0.6, peak),))
        return Clip(
            f"{identity}-{take.emotion}-{take.intensity}",
            "ravdess",
            "single",
            seed,
            0.6,
            (role,),
            size=(96, 96),
            fps=10,
            still=True,
        )
    role = Role(identity, (Act(emotion, level, 0.2, 0.6, 2.0, 2.4, peak),), speaks=((0.4, 2.2),))
    return Clip(f"ravdess-{take.silent_name}", "ravdess", "single", seed, 2.6, (role,))


def write_ravdess(
    folder: Path | str,
    takes: Iterable[Sequence[int | str]],
    actors: Iterable[int] | None = None,
    size: Literal["full", "tiny"] = "full",
    sound: bool = True,
    seed: int = 0,
    overwrite: bool = False,
) -> list[Path]:
    """Draw takes as ``folder``/Actor_01/01-01-03-01-01-01-01.mp4 … and return the files.

    The files are sorted by actor and name.

    takes: (stem, emotion, intensity, actor) each, of modality 01 (with sound) and 02 (without);
    both show the same pictures. Raises ValueError for modality 03, sound alone.

    actors: keep only the takes of these; default: all.

    size: full is 320 x 240 px, 25 fps, 2.6 s, with moving heads and mouths; tiny is 96 x 96 px, 10
    fps, 0.6 s, for tests.

    sound: whether modality 01 has a tone (AAC, 48 kHz) in place of the voice.

    overwrite: draw over files of these names. Without it, FileExistsError is raised before anything
    is drawn: they may be the real clips.
    """
    kept = None if actors is None else set(actors)
    chosen = [
        take
        for take in (Take(*map(str, given)) for given in takes)
        if kept is None or int(take.actor) in kept
    ]
    foreign = [take.stem for take in chosen if not take.stem.startswith(("01-", "02-"))]
    if foreign:
        raise ValueError(f"only modalities 01 and 02 have pictures: {foreign[0]}")
    present = (
        []
        if overwrite
        else sorted(path for take in chosen if (path := take.below(Path(folder))).exists())
    )
    if present:
        raise FileExistsError(
            f"{len(present)} of the {len(chosen)} clips to draw are there already, maybe real "
            f"ones, the first is {present[0]}"
        )

    def order(take: Take) -> tuple[int, str, str, str]:
        return int(take.actor), take.emotion, take.intensity, take.silent_name

    written: list[Path] = []
    for _, alike in groupby(sorted(chosen, key=order), key=lambda take: _clip(take, size, seed)):
        written += _write_takes(Path(folder), list(alike), size, sound, seed)
    return sorted(written)


def _write_takes(
    folder: Path, takes: list[Take], size: Literal["full", "tiny"], sound: bool, seed: int
) -> Iterator[Path]:
    """Write the takes of one clip's pictures, which are drawn once."""
    clip = _clip(takes[0], size, seed)
    scenery = [image for _, image, _ in clips.scenery(clip)]
    for name, same in groupby(takes, key=lambda take: take.silent_name):
        pictures = [
            clips.expose(image, stream("sensor", seed, name, k)) for k, image in enumerate(scenery)
        ]
        for take in same:
            path = take.below(folder)
            heard: np.ndarray | None = (
                tone(clip.duration_s, _HERTZ[take.stem[3:5]])
                if sound and take.stem.startswith("01-")
                else None
            )
            with atomic(path) as scratch:
                write_video(scratch, pictures, clip.fps, heard)
            yield path


def write_archives(folder: Path | str, output: Path | str) -> list[Path]:
    """Pack a tree of `write_ravdess` into archives like Zenodo's, both modalities in each.

    They are ``output``/Video_Speech_Actor_01.zip … and Video_Song_Actor_01.zip …. An archive holds
    Actor_01/…; an actor without files of a vocal channel (18 does not sing) has no archive of it.
    The same tree gives the same bytes.
    """
    archives = []
    for vocal, code in (("Speech", "01"), ("Song", "02")):
        for actor in sorted(Path(folder).glob("Actor_[0-9][0-9]")):
            files = sorted(path for path in actor.glob("*.mp4") if path.name[3:5] == code)
            if not files:
                continue
            archives.append(Path(output) / f"Video_{vocal}_{actor.name}.zip")
            with (
                atomic(archives[-1]) as scratch,
                zipfile.ZipFile(scratch, "w", zipfile.ZIP_STORED) as archive,
            ):
                for path in files:
                    archive.writestr(
                        zipfile.ZipInfo(f"{actor.name}/{path.name}"), path.read_bytes()
                    )
    return archives
