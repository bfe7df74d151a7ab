"""Draw clips of faces: the exact truth of every moment, and their frames.

``plan`` and ``truth_at`` draw nothing. Identifier and seed determine everything about a clip, as in
`scenes`. The background and the light stay the same within a shot; the camera's noise is new in
every frame. `stories` says what happens in each kind of clip.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from faceoff.drawing import camera, identities
from faceoff.drawing.expressions import action_units, valence_arousal
from faceoff.drawing.face import Light, Look, draw_face
from faceoff.drawing.identities import Identity, identity
from faceoff.drawing.motion import Sway, articulation, blinks, ease, lid, speech, sway, voiced
from faceoff.drawing.pose import Placement, Pose
from faceoff.drawing.roles import Clip, Role
from faceoff.drawing.scenes import (
    FACE_MM,
    FaceTruth,
    Part,
    Staged,
    inside,
    largest_first,
    room_light,
)
from faceoff.drawing.seeds import either_way, stream, within
from faceoff.drawing.stories import ALL_KINDS, KINDS, Lead, story
from faceoff.emotions import EMOTIONS

# Per split and kind: clips for each emotion, except of _IN_ALL: clips in all, as they show many
_MORE = {"crossing": 1, "cut": 1, "returning": 1, "narrative": 4, "talking": 2}
_QUOTA = {
    "train": {"single": 6, "several": 8, "two": 2, "leaving": 2, **_MORE},
    "valid": {"single": 1, "several": 4, "two": 1, "leaving": 1, **_MORE, "talking": 1},
    "test": {"single": 6, "several": 8, "two": 2, "leaving": 2, **_MORE},
}
_IN_ALL = ("several", "narrative")
_BODY_MM = 240.0  # half of the shoulders' width
_WIDE = 1.6  # how far the widest phoneme opens a mouth, 1: the widest of even syllables
_MOUTHS = 4  # steps from closed to open in a still clip, so that its moments repeat
_VISIBLE = 0.5  # a face counts while at least this share of its box is seen


@dataclass(frozen=True)
class _Player:
    """The constant properties of one face of a clip."""

    who: Identity
    rest: dict[str, float]  # action units of the neutral face
    peaks: tuple[dict[str, float], ...]  # of each act's apex
    rest_affect: tuple[float, float]
    affects: tuple[tuple[float, float], ...]
    pose: Pose
    placement: Placement
    light: Light
    look: Look
    sways: tuple[Sway, ...]  # yaw, pitch, roll (degrees), x, y (px), gaze to the right and down
    blinks: tuple[float, ...]
    phase: float  # of the syllables
    way_out: int  # -1: to the viewer's left, 1: to the right


def plan(split: str, seed: int = 0, kinds: Sequence[str] = KINDS) -> list[Clip]:
    """Return all clips of these kinds of a split.

    They are stratified over the emotions, and identities are taken in turn.
    """
    if split not in identities.COUNT:
        raise ValueError(f"no such split: {split!r} (known: {', '.join(identities.COUNT)})")
    people = identities.names(split)
    clips = []
    for kind in (kind for kind in ALL_KINDS if kind in kinds):
        number = _QUOTA[split][kind] * (1 if kind in _IN_ALL else len(EMOTIONS))
        for k in range(number):
            name = people[(k + k // len(EMOTIONS) + 3 * ALL_KINDS.index(kind)) % len(people)]
            sample_id = f"{split}-{kind}-{k:03d}"
            rng = stream("clip plan", seed, sample_id)
            intensity = ("apex", "middle")[(k // len(EMOTIONS) + k) % 2]
            lead = Lead(name, EMOTIONS[k % len(EMOTIONS)], intensity, k)
            clips.append(story(Clip(sample_id, split, kind, seed, 2.6, ()), lead, people, rng))
    return clips


@lru_cache(maxsize=64)
def _players(clip: Clip) -> tuple[_Player, ...]:
    """Return the people of a clip as they stand at rest, from the clip's own stream."""
    rng = stream("clip", clip.seed, clip.sample_id)
    w, h = clip.size
    lights = [room_light(rng)]
    lights += [room_light(_of_shot("clip", clip, shot)) for shot in range(1, len(clip.cuts) + 1)]
    first = int(rng.integers(2))  # whether the largest face stands on the left or on the right
    players = []
    for role in clip.cast:
        together = [other for other in clip.cast if other.shot == role.shot]
        i = together.index(role)
        who = identity(role.identity)
        rest = action_units("neutral", "apex", rng)
        peaks = tuple(action_units(a.emotion, a.intensity, rng) for a in role.acts)
        affects = tuple(valence_arousal(a.emotion, a.intensity, rng) for a in role.acts)
        pose = Pose(either_way(0, 6, rng), within(-4, 4, rng), either_way(0, 4, rng))
        tall = (
            within(0.52, 0.62, rng)
            if len(together) == 1
            else within(0.46, 0.50, rng)
            if i == 0
            else within(0.34, 0.40, rng)
        )
        look = Look((either_way(0, 0.3, rng), within(-0.1, 0.2, rng)), either_way(0, 0.10, rng))
        slot = (i + first) % len(together)
        at = (
            w * ((slot + 0.5) / len(together) + role.aside) + either_way(0, 0.03 * w, rng),
            h * (0.54 + either_way(0, 0.03, rng)),
        )
        placement = inside(
            who, peaks[0], pose, Placement(*at, tall * h / FACE_MM), look.asymmetry, clip.size
        )
        sways = tuple(
            sway(0.0 if clip.still else amplitude, rng)
            for amplitude in (5.0, 3.0, 2.5, 0.012 * w, 0.008 * w, 0.25, 0.12)
        )
        winks = () if clip.still else blinks(clip.duration_s, rng)
        affect = valence_arousal("neutral", "apex", rng)
        way_out = 1 if placement.x > w / 2 else -1
        players.append(
            _Player(
                who,
                rest,
                peaks,
                affect,
                affects,
                pose,
                placement,
                lights[role.shot],
                look,
                sways,
                winks,
                within(0, 2 * np.pi, rng),
                way_out,
            )
        )
    return tuple(players)


def _performed(clip: Clip, role: Role, player: _Player, t: float) -> tuple[Staged, float]:
    """Return one face at one moment, with open eyes, and its AU45 (0-5)."""
    shares = [a.share(t) for a in role.acts]
    now = int(np.argmax(shares))
    share, playing, peak = shares[now], role.acts[now], player.peaks[now]
    aus = {
        unit: round((1 - share) * player.rest.get(unit, 0.0) + share * peak.get(unit, 0.0), 3)
        for unit in sorted(player.rest.keys() | peak.keys())
    }
    if role.speaks:
        opening = (
            articulation(t, role.phonemes)
            if role.phonemes
            else speech(t, role.speaks, player.phase)
        )
        if clip.still:
            opening = round(opening * _MOUTHS) / _MOUTHS
        silent, wide = 1 - voiced(t, role.speaks), _WIDE if role.phonemes else 1.0
        for unit, full in (("AU25", 2.5), ("AU26", 1.6)):  # lips that an emotion parts meet, too
            held = aus.get(unit, 0.0)
            aus[unit] = min(round(silent * held + max(held, wide * full) * opening, 3), 5.0)
    valence, arousal = (
        round((1 - share) * rest + share * shown, 3)
        for rest, shown in zip(player.rest_affect, player.affects[now], strict=True)
    )
    yaw, pitch, roll, dx, dy, right, down = (s.at(t) for s in player.sways)
    pose = Pose(player.pose.yaw + yaw, player.pose.pitch + pitch, player.pose.roll + roll)
    away = max((absence.share(t) for absence in role.absences), default=0.0)
    across = ease(t, *role.crosses) if role.crosses else 0.0
    scale = player.placement.scale
    x = player.placement.x + across * (clip.size[0] - 2 * player.placement.x)
    edge = clip.size[0] + _BODY_MM * scale if player.way_out > 0 else -_BODY_MM * scale
    placement = Placement(x + dx + away * (edge - x), player.placement.y + dy, scale)
    lowered = 0.7 * share if playing.emotion == "sadness" else 0.0  # EMFACS: eyes down (64)
    gaze = (player.look.gaze[0] + right, player.look.gaze[1] + down + lowered)
    part = Part(role.identity, playing.label(t), playing.intensity)
    return Staged(
        part,
        player.who,
        aus,
        (valence, arousal),
        pose,
        placement,
        player.light,
        replace(player.look, gaze=gaze),
    ), lid(t, player.blinks)


def _of_shot(what: str, clip: Clip, shot: int) -> np.random.Generator:
    """Return the stream of a later shot of a clip."""
    return stream(what, clip.seed, clip.sample_id, "shot", shot)


def _seen(face: FaceTruth, size: tuple[int, int], nearer: Sequence[FaceTruth]) -> bool:
    """Return whether enough of the face is seen to count.

    It is hidden by the border and by each nearer face, with the neck and body below it.
    """
    x, y, w, h = face.box
    left, right, top, bottom = max(x, 0), min(x + w, size[0]), max(y, 0), min(y + h, size[1])
    seen = max(right - left, 0) * max(bottom - top, 0)
    for front in nearer:
        wide = min(right, front.box[0] + front.box[2]) - max(left, front.box[0])
        seen -= max(wide, 0) * max(bottom - max(top, front.box[1]), 0)
    return seen >= _VISIBLE * w * h


def _moment(clip: Clip, t: float) -> tuple[list[Staged], list[FaceTruth]]:
    """Return what is drawn at ``t``, and its truth."""
    staged, faces = [], []
    for role, player in zip(clip.cast, _players(clip), strict=True):
        if role.shot != clip.shot(t):
            continue
        face, blink = _performed(clip, role, player, t)
        (about,) = largest_first([face])
        aus = about.aus | {"AU45": blink}
        faces.append((face.placement.scale, replace(about, aus=aus, talking=role.talks(t))))
        # the same lid, drawn the same way
        staged.append(replace(face, aus=face.aus | {"AU43": max(face.aus.get("AU43", 0.0), blink)}))
    seen = [
        face
        for scale, face in faces
        if _seen(face, clip.size, [front for larger, front in faces if larger > scale])
    ]
    return staged, sorted(seen, key=lambda face: -face.box[2] * face.box[3])


def truth_at(clip: Clip, t: float) -> list[FaceTruth]:
    """Return the truth of every face of the frame shown at ``t``, largest first; draw nothing.

    ``t`` is in seconds; the nearest frame counts. ``emotion`` is the shown one while its intensity
    is at least `motion.SHOWN`, else neutral. ``box`` is that of the whole face, even if the border
    cuts it. A face is not listed if less than half of it is in the picture. ``aus`` has AU45, the
    blink, beside the expression's units.
    """
    times = clip.times
    return _moment(clip, times[int(np.clip(round(t * clip.fps), 0, len(times) - 1))])[1]


def scenery(clip: Clip) -> Iterator[tuple[float, np.ndarray, list[FaceTruth]]]:
    """Yield (seconds, the image at the lens, truth) of every frame: `frames` before the sensor.

    The image is (h, w, 3) float32 RGB in [0, 255]. Do not write to it.
    """
    rng = stream("clip picture", clip.seed, clip.sample_id)
    walls = [_wall(clip, rng)]
    walls += [_wall(clip, _of_shot("clip picture", clip, k + 1)) for k in range(len(clip.cuts))]
    drawn: dict[str, np.ndarray] = {}  # of a still clip, whose moments repeat
    for t in clip.times:
        staged, faces = _moment(clip, t)
        image = drawn.get(repr(staged))
        if image is None:
            image = walls[clip.shot(t)].copy()
            for s in sorted(staged, key=lambda s: s.placement.scale):
                if (
                    -_BODY_MM * s.placement.scale
                    < s.placement.x
                    < clip.size[0] + _BODY_MM * s.placement.scale
                ):
                    draw_face(image, s.who, s.aus, s.pose, s.placement, s.light, s.look)
            if clip.still:
                drawn[repr(staged)] = image
        yield t, image, faces


def _wall(clip: Clip, rng: np.random.Generator) -> np.ndarray:
    return camera.backdrop(clip.size, rng, int(rng.integers(4, 10)), within(2, 7, rng))


def expose(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the sensor's image of one frame: (h, w, 3) uint8 RGB with a little noise.

    Compression is left to the video's codec.
    """
    return camera.develop(camera.grain(image, 1.5, rng))


def frames(clip: Clip) -> Iterator[tuple[float, np.ndarray, list[FaceTruth]]]:
    """Yield (seconds, picture, truth of its faces, largest first) of every frame.

    A picture is (h, w, 3) uint8 RGB.
    """
    for k, (t, image, faces) in enumerate(scenery(clip)):
        yield t, expose(image, stream("sensor", clip.seed, clip.sample_id, k)), faces
