"""Plan the samples, and give their exact truth and their pictures.

``plan`` and ``truth`` draw nothing. Identifier and seed determine everything about a scene, so
scenes can be drawn in any order and by any process.

Ladder of difficulty (``rung``): ``plain`` and ``roll`` are easy and show every identity with every
emotion at every intensity; ``small``, ``yaw``, ``blur``, ``occluded``, ``noise`` and ``dark`` show
apex expressions; ``multi`` has two or three faces, and the label is that of the largest; ``empty``
has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from faceoff.drawing import camera, identities
from faceoff.drawing.expressions import INTENSITIES, action_units, strength, valence_arousal
from faceoff.drawing.eyes import gaze_angles
from faceoff.drawing.face import Light, Look, draw_face, locate_face
from faceoff.drawing.identities import Identity, identity
from faceoff.drawing.pose import Placement, Pose
from faceoff.drawing.seeds import either_way, stream, within
from faceoff.emotions import EMOTIONS

EASY = ("plain", "roll")
HARD = ("small", "yaw", "blur", "occluded", "noise", "dark")
RUNGS = (*EASY, *HARD, "multi", "empty")
SIZE = (240, 240)
# Per split: scenes of each hard rung per emotion, scenes with two faces, with three, with none
_QUOTA = {"train": (8, 36, 24, 30), "valid": (1, 14, 10, 12), "test": (5, 24, 16, 24)}
FACE_MM = 186.0  # hairline to chin of an average face


@dataclass(frozen=True)
class Part:
    """Who shows what in a scene."""

    identity: str
    emotion: str
    intensity: str  # onset, middle, apex


@dataclass(frozen=True)
class Scene:
    """One sample before it is drawn; ``size`` is (w, h) in pixels."""

    sample_id: str
    split: str
    rung: str
    size: tuple[int, int]
    seed: int
    cast: tuple[Part, ...]


@dataclass(frozen=True)
class FaceTruth:
    """The truth of a drawn face.

    ``box`` is (x, y, w, h) px around the face oval, hairline to chin, cheek to cheek. ``landmarks``
    are px, in the viewer's order: left eye, right eye, nose tip, left corner of the mouth, right
    corner.
    """

    identity: str
    age_group: str
    emotion: str
    level: str  # none (neutral), onset, middle, apex
    intensity: float  # mean of the emotion's units, 0-5
    aus: dict[str, float]  # 0-5; a suffix L or R is the person's own side
    valence: float
    arousal: float
    box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]
    groups: dict[str, str] = field(default_factory=dict)
    talking: bool = False  # whether the mouth moves as in speech
    pose: Pose = field(default_factory=Pose)
    gaze: tuple[float, float] = (0.0, 0.0)  # yaw, pitch in degrees, as of `eyes.gaze_angles`


@dataclass(frozen=True)
class Staged:
    """One face as it will be drawn."""

    part: Part
    who: Identity
    aus: dict[str, float]
    affect: tuple[float, float]
    pose: Pose
    placement: Placement
    light: Light
    look: Look


def plan(split: str, seed: int = 0) -> list[Scene]:
    """Return all scenes of a split.

    Easy scenes are stratified over identity x emotion x intensity, hard ones over emotion with
    identities taken in turn.
    """
    if split not in identities.COUNT:
        raise ValueError(f"no such split: {split!r} (known: {', '.join(identities.COUNT)})")
    people = identities.names(split)
    per_emotion, pairs, triples, empty = _QUOTA[split]
    scenes: list[Scene] = []

    def add(rung: str, cast: Sequence[Part], size: tuple[int, int] = SIZE) -> None:
        scenes.append(Scene(f"{split}-{len(scenes):04d}", split, rung, size, seed, tuple(cast)))

    for i, name in enumerate(people):
        for j, emotion in enumerate(EMOTIONS):
            for k, intensity in enumerate(INTENSITIES):
                add(EASY[(i + j + k) % 2], [Part(name, emotion, intensity)])
    for r, rung in enumerate(HARD):
        for j, emotion in enumerate(EMOTIONS):
            for k in range(per_emotion):
                add(
                    rung, [Part(people[(3 * k + 5 * j + 7 * r + 2) % len(people)], emotion, "apex")]
                )
    rng = stream("multi", split, seed)
    for n, size in [(2, (384, 240))] * pairs + [(3, (512, 240))] * triples:
        who = rng.choice(len(people), n, replace=False)
        lead = len(scenes) % len(EMOTIONS)  # the largest face takes the emotions in turn
        shown = [lead, *rng.integers(0, len(EMOTIONS), n - 1).tolist()]
        add(
            "multi",
            [Part(people[int(i)], EMOTIONS[e], "apex") for i, e in zip(who, shown, strict=True)],
            size,
        )
    for k in range(empty):
        add("empty", [], SIZE if k % 2 else (384, 240))
    return scenes


def room_light(rng: np.random.Generator) -> Light:
    """Return a key light from somewhere in front and above, nearly white."""
    return Light(
        (within(-0.6, 0.6, rng), within(-0.85, -0.25, rng), 0.8),
        tuple(1 - d for d in (0.06 * rng.random(3)).tolist()),
        within(0.34, 0.55, rng),
    )


def _stage(scene: Scene) -> list[Staged]:
    """Return poses, places, lights and action units of a scene's faces, from its own streams."""
    rng = stream("stage", scene.seed, scene.sample_id)
    w, h = scene.size
    light = room_light(rng)
    slots = rng.permutation(len(scene.cast))
    staged = []
    for i, part in enumerate(scene.cast):
        who = identity(part.identity)
        aus = action_units(part.emotion, part.intensity, rng)
        pose = Pose(either_way(0, 7, rng), within(-5, 5, rng), either_way(0, 5, rng))
        tall = within(0.50, 0.64, rng)
        covering = "none"
        if scene.rung == "roll":
            pose = Pose(pose.yaw, pose.pitch, either_way(9, 26, rng))
        elif scene.rung == "yaw":
            pose = Pose(either_way(24, 35, rng), pose.pitch, pose.roll)
        elif scene.rung == "small":
            tall = within(0.085, 0.17, rng)
        elif scene.rung == "occluded":
            covering = ("sunglasses", "mask", "hand", "scarf")[int(rng.integers(4))]
        elif scene.rung == "multi":
            tall = within(0.46, 0.54, rng) if i == 0 else within(0.28, 0.42, rng)
        lowered = 0.7 if part.emotion == "sadness" else 0.0  # EMFACS: eyes down (64)
        look = Look(
            (either_way(0, 0.5, rng), within(-0.2, 0.4, rng) + lowered),
            either_way(0, 0.12, rng),
            covering,
        )
        scale = tall * h / FACE_MM
        share = w / max(len(scene.cast), 1)
        wander = 0.5 if scene.rung == "small" else 0.10
        at = (
            share * (slots[i] + 0.5) + share * either_way(0, wander, rng) * 0.8,
            h * (0.55 + either_way(0, wander * 0.6, rng)),
        )
        placement = inside(who, aus, pose, Placement(*at, scale), look.asymmetry, scene.size)
        staged.append(
            Staged(
                part,
                who,
                aus,
                valence_arousal(part.emotion, part.intensity, rng),
                pose,
                placement,
                light,
                look,
            )
        )
    return staged


def inside(
    who: Identity,
    aus: dict[str, float],
    pose: Pose,
    placement: Placement,
    asymmetry: float,
    size: tuple[int, int],
) -> Placement:
    """Return the placement, shifted so that the face's box keeps 4 pixels from the borders."""
    (x, y, w, h), _ = locate_face(who, aus, pose, placement, asymmetry)
    dx = max(4 - x, 0) + min(size[0] - 4 - x - w, 0)
    dy = max(4 - y, 0) + min(size[1] - 4 - y - h, 0)
    return Placement(placement.x + dx, placement.y + dy, placement.scale)


def _truth(s: Staged) -> FaceTruth:
    (x, y, w, h), points = locate_face(s.who, s.aus, s.pose, s.placement, s.look.asymmetry)
    return FaceTruth(
        identity=s.who.name,
        age_group=s.who.age_group,
        emotion=s.part.emotion,
        level="none" if s.part.emotion == "neutral" else s.part.intensity,
        intensity=strength(s.part.emotion, s.aus),
        aus=s.aus,
        valence=s.affect[0],
        arousal=s.affect[1],
        box=(round(x, 2), round(y, 2), round(w, 2), round(h, 2)),
        landmarks=tuple((round(float(px), 2), round(float(py), 2)) for px, py in points),
        groups=s.who.groups | {"covering": s.look.covering},
        pose=s.pose,
        gaze=gaze_angles(s.look.gaze),
    )


def truth(scene: Scene) -> list[FaceTruth]:
    """Return the truth of every face, largest first; draw nothing."""
    return largest_first(_stage(scene))


def largest_first(staged: Sequence[Staged]) -> list[FaceTruth]:
    """Return the truth of staged faces, the largest box first."""
    return sorted((_truth(s) for s in staged), key=lambda face: -face.box[2] * face.box[3])


def draw(scene: Scene) -> tuple[np.ndarray, list[FaceTruth]]:
    """Return the picture, (h, w, 3) uint8 RGB, and its truth."""
    staged = _stage(scene)
    rng = stream("picture", scene.seed, scene.sample_id)
    image = camera.backdrop(
        scene.size,
        rng,
        int(rng.integers(5, 12)),
        0.8 if scene.rung == "empty" else within(2, 7, rng),
    )
    for s in sorted(staged, key=lambda s: s.placement.scale):
        draw_face(image, s.who, s.aus, s.pose, s.placement, s.light, s.look)
    return camera.develop(_degrade(image, scene.rung, rng)), largest_first(staged)


def _degrade(image: np.ndarray, rung: str, rng: np.random.Generator) -> np.ndarray:
    """Apply the camera of a rung.

    Every picture has a little blur, noise and compression; hard rungs have more of one.
    """
    if rung == "blur":
        image = (
            cv2.GaussianBlur(image, (0, 0), within(3.0, 5.5, rng))
            if rng.random() < 0.6
            else camera.motion_blur(image, within(12, 24, rng), within(0, 3.14, rng))
        )
    if rung == "dark":
        image = image * np.float32(within(0.08, 0.24, rng))
    sigma = {"noise": within(22, 44, rng), "dark": within(2.5, 5, rng)}.get(
        rung, within(0.8, 2.5, rng)
    )
    image = np.clip(camera.grain(image, sigma, rng), 0, 255)
    return camera.compress(
        image, within(1.2, 2.2, rng) if rung == "noise" else within(0.15, 0.5, rng)
    )


def contact_sheet(
    rows: Sequence[str], columns: Sequence[str] = EMOTIONS, tile: int = 150
) -> np.ndarray:
    """Return a grid of apex expressions, (h, w, 3) uint8 RGB.

    It has one identity per row and one emotion per column, with its name above.
    """
    header = 26
    sheet = np.full((header + tile * len(rows), tile * len(columns), 3), 255, np.uint8)
    for j, emotion in enumerate(columns):
        (width, _), _ = cv2.getTextSize(emotion, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
        cv2.putText(
            sheet,
            emotion,
            (tile * j + (tile - width) // 2, 18),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.5,
            (40, 40, 40),
            1,
            cv2.LINE_AA,
        )
        for i, name in enumerate(rows):
            rng = stream("contact sheet", name, emotion)
            image = camera.backdrop((tile, tile), stream("contact sheet", name), 4, 6.0)
            pose = Pose(either_way(0, 8, rng), within(-3, 3, rng), either_way(0, 5, rng))
            draw_face(
                image,
                identity(name),
                action_units(emotion, "apex", rng),
                pose,
                Placement(tile / 2, 0.52 * tile, 0.60 * tile / FACE_MM),
            )
            sheet[header + tile * i : header + tile * (i + 1), tile * j : tile * (j + 1)] = (
                camera.develop(image)
            )
    return sheet
