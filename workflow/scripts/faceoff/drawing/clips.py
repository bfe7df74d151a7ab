"""Draw clips of faces: their plan, the exact truth of every moment, and their frames.

``plan`` and ``truth_at`` draw nothing. Identifier and seed determine everything about a clip, as in
`scenes`. The background and the light stay the same within a clip; the camera's noise is new in
every frame.

Kinds: ``single`` goes from neutral over onset, apex and offset back to neutral, in one emotion;
``several`` shows three emotions in a row; ``two`` has two people with different emotions; in
``leaving`` the person leaves the picture at the apex and returns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from faceoff.drawing import camera, identities
from faceoff.drawing.expressions import action_units, valence_arousal
from faceoff.drawing.face import Light, Look, draw_face
from faceoff.drawing.identities import Identity, identity
from faceoff.drawing.motion import Absence, Act, Sway, act, blinks, lid, speech, sway
from faceoff.drawing.pose import Placement, Pose
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
from faceoff.emotions import EMOTIONS

KINDS = ("single", "several", "two", "leaving")
SIZE, FPS = (320, 240), 25
# Per split and kind: clips for each emotion, except `several`: clips in all, as it shows many
_QUOTA = {
    "train": {"single": 6, "several": 8, "two": 2, "leaving": 2},
    "valid": {"single": 1, "several": 4, "two": 1, "leaving": 1},
    "test": {"single": 6, "several": 8, "two": 2, "leaving": 2},
}
_BODY_MM = 240.0  # half of the shoulders' width
_VISIBLE = 0.5  # a face counts while at least this share of its box lies in the picture


@dataclass(frozen=True)
class Role:
    """Who shows what, when; `speaks` from when to when, if at all."""

    identity: str
    acts: tuple[Act, ...]
    speaks: tuple[float, float] | None = None


@dataclass(frozen=True)
class Clip:
    """One clip before it is drawn; the first role has the largest face.

    A ``still`` clip has expressions but no sway and no blinks.
    """

    sample_id: str
    split: str
    kind: str
    seed: int
    duration_s: float
    cast: tuple[Role, ...]
    absence: Absence | None = None
    size: tuple[int, int] = SIZE  # (w, h) px
    fps: int = FPS
    still: bool = False

    @property
    def label(self) -> str | None:
        """Return the emotion of the largest face at its apex; None if several follow each other."""
        acts = self.cast[0].acts
        return acts[0].emotion if len(acts) == 1 else None

    @property
    def times(self) -> list[float]:
        """Return the time of each frame, in seconds."""
        return [k / self.fps for k in range(round(self.duration_s * self.fps))]


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
    for kind in (kind for kind in KINDS if kind in kinds):
        number = _QUOTA[split][kind] * (1 if kind == "several" else len(EMOTIONS))
        for k in range(number):
            name = people[(k + k // len(EMOTIONS) + 3 * KINDS.index(kind)) % len(people)]
            sample_id = f"{split}-{kind}-{k:03d}"
            rng = stream("clip plan", seed, sample_id)
            intensity = ("apex", "middle")[(k // len(EMOTIONS) + k) % 2]
            clips.append(
                _planned(
                    Clip(sample_id, split, kind, seed, 2.6, ()),
                    name,
                    EMOTIONS[k % len(EMOTIONS)],
                    intensity,
                    people,
                    rng,
                )
            )
    return clips


def _planned(
    clip: Clip, name: str, emotion: str, intensity: str, people: list[str], rng: np.random.Generator
) -> Clip:
    """Return the clip with its cast, as its kind asks."""
    if clip.kind == "several":
        shown = rng.permutation(EMOTIONS[1:])[:3].tolist()
        acts = tuple(
            act(other, "apex", (1.1 * i, 1.1 * (i + 1)), rng) for i, other in enumerate(shown)
        )
        return replace(clip, duration_s=3.4, cast=(Role(name, acts),))
    if clip.kind == "leaving":
        # Leaves and returns at the apex, so that what is seen on either side of the gap is the same
        # expression
        return replace(
            clip,
            duration_s=3.4,
            absence=Absence(1.0, 1.5, 1.9, 2.4),
            cast=(Role(name, (Act(emotion, intensity, 0.2, 0.6, 2.7, 3.1),)),),
        )
    lead = Role(name, (act(emotion, intensity, (0.1, 2.5), rng),))
    if clip.kind == "single":
        return replace(clip, cast=(lead,))
    second = str(rng.choice([other for other in people if other != name]))
    contrast = str(rng.choice([other for other in EMOTIONS if other != emotion]))
    return replace(clip, cast=(lead, Role(second, (act(contrast, "apex", (0.1, 2.5), rng),))))


@lru_cache(maxsize=64)
def _players(clip: Clip) -> tuple[_Player, ...]:
    """Return the people of a clip as they stand at rest, from the clip's own stream."""
    rng = stream("clip", clip.seed, clip.sample_id)
    w, h = clip.size
    light = room_light(rng)
    first = int(rng.integers(2))  # whether the largest face stands on the left or on the right
    players = []
    for i, role in enumerate(clip.cast):
        who = identity(role.identity)
        rest = action_units("neutral", "apex", rng)
        peaks = tuple(action_units(a.emotion, a.intensity, rng) for a in role.acts)
        affects = tuple(valence_arousal(a.emotion, a.intensity, rng) for a in role.acts)
        pose = Pose(either_way(0, 6, rng), within(-4, 4, rng), either_way(0, 4, rng))
        tall = (
            within(0.52, 0.62, rng)
            if len(clip.cast) == 1
            else within(0.46, 0.50, rng)
            if i == 0
            else within(0.34, 0.40, rng)
        )
        look = Look((either_way(0, 0.3, rng), within(-0.1, 0.2, rng)), either_way(0, 0.10, rng))
        slot = (i + first) % len(clip.cast)
        at = (
            w * (slot + 0.5) / len(clip.cast) + either_way(0, 0.03 * w, rng),
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
                light,
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
    if role.speaks is not None:
        opening = speech(t, role.speaks, player.phase)
        aus |= {
            unit: max(aus.get(unit, 0.0), round(full * opening, 3))
            for unit, full in (("AU25", 2.5), ("AU26", 1.6))
        }
    valence, arousal = (
        round((1 - share) * rest + share * shown, 3)
        for rest, shown in zip(player.rest_affect, player.affects[now], strict=True)
    )
    yaw, pitch, roll, dx, dy, right, down = (s.at(t) for s in player.sways)
    pose = Pose(player.pose.yaw + yaw, player.pose.pitch + pitch, player.pose.roll + roll)
    away = clip.absence.share(t) if clip.absence else 0.0
    scale = player.placement.scale
    edge = clip.size[0] + _BODY_MM * scale if player.way_out > 0 else -_BODY_MM * scale
    placement = Placement(
        player.placement.x + dx + away * (edge - player.placement.x), player.placement.y + dy, scale
    )
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


def _seen(face: FaceTruth, size: tuple[int, int]) -> bool:
    """Return whether enough of the face lies in the picture to count."""
    x, y, w, h = face.box
    seen = max(min(x + w, size[0]) - max(x, 0), 0) * max(min(y + h, size[1]) - max(y, 0), 0)
    return seen >= _VISIBLE * w * h


def _moment(clip: Clip, t: float) -> tuple[list[Staged], list[FaceTruth]]:
    """Return what is drawn at ``t``, and its truth."""
    staged, faces = [], []
    for role, player in zip(clip.cast, _players(clip), strict=True):
        face, blink = _performed(clip, role, player, t)
        (about,) = largest_first([face])
        faces.append(replace(about, aus=about.aus | {"AU45": blink}))
        # the same lid, drawn the same way
        staged.append(replace(face, aus=face.aus | {"AU43": max(face.aus.get("AU43", 0.0), blink)}))
    seen = [face for face in faces if _seen(face, clip.size)]
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
    wall = camera.backdrop(clip.size, rng, int(rng.integers(4, 10)), within(2, 7, rng))
    drawn: dict[str, np.ndarray] = {}  # of a still clip, whose moments repeat
    for t in clip.times:
        staged, faces = _moment(clip, t)
        image = drawn.get(repr(staged))
        if image is None:
            image = wall.copy()
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
