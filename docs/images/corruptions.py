"""Draw the picture of docs/corruptions.md: a drawn face under every corruption and severity.

python docs/images/corruptions.py
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from faceoff.corruption import corruption_list
from faceoff.corruption.corruption import Corruption, Seen, Value, generators, value_text
from faceoff.drawing import scenes
from faceoff.faces.crops import crop
from faceoff.plugins.protocols import CropSpec

TARGET = Path(__file__).parent / "corruptions.jpg"
SHOWN = 5  # severities
SIDE, LABEL, GAP, LINE = 96, 96, 4, 15  # px: of a face, of the names, between, of a line of text
BLOCKS = 2  # of rows, beside each other
SCENE = 3
FONT = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 11)

Box = tuple[float, float, float, float]


def rows() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, label and options of each row: occlusion has one of each place."""
    for name in corruption_list.names():
        made = corruption_list.get(name)
        if name == "occlusion":
            for where in made.choices["where"]:
                yield name, f"{name}\n{where}", {"where": where}
        elif name != "frame_drop":
            yield name, name.replace("_", "_\n", 1), dict(made.options)


def versions(
    name: str, made: Corruption, options: dict[str, Any], image: np.ndarray, box: Box
) -> Iterator[tuple[Value, np.ndarray, Box]]:
    """Yield a level, the picture and the box there, at up to five severities."""
    step = max(1, len(made.levels) // SHOWN)
    for severity in range(step, len(made.levels) + 1, step):
        value = made.levels[severity - 1]
        seen = Seen(box, None, *generators(0, "drawn face", 0, name, severity))
        if made.on == "box":
            yield value, image, made.apply(box, value, seen, options)[0]
        elif made.on == "clip":
            clip = [np.roll(image, number, axis=1) for number in range(-9, 1)]
            yield value, [*made.apply(iter(clip), value, seen, options)][-1], box
        else:
            yield value, made.apply(image, value, seen, options), box


def face(image: np.ndarray, box: Box) -> Image.Image:
    """Return the face that the box shows, with a margin of a fifth."""
    return Image.fromarray(crop(image, box, CropSpec(size=(SIDE, SIDE), margin=0.2)))


def main() -> None:
    """Write the picture beside this file."""
    scene = [scene for scene in scenes.plan("test") if scene.rung == "plain"][SCENE]
    image, truths = scenes.draw(scene)
    box = truths[0].box
    every = [*rows()]
    deep = -(-len(every) // BLOCKS)
    wide, high = LABEL + (SHOWN + 1) * (SIDE + GAP), SIDE + LINE + GAP
    sheet = Image.new("RGB", (BLOCKS * wide, deep * high), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, label, options) in enumerate(every):
        made = corruption_list.get(name)
        left, top = number // deep * wide, number % deep * high
        draw.multiline_text((left + 4, top + SIDE / 2), label, "black", FONT, "lm", 3)
        shown = [("clean", image, box), *versions(name, made, options, image, box)]
        for place, (value, worse, where) in enumerate(shown):
            x = left + LABEL + place * (SIDE + GAP)
            sheet.paste(face(worse, where), (x, top))
            text = value_text(made, value) if place else "clean"
            draw.text((x + SIDE / 2, top + SIDE + LINE / 2), text, "black", FONT, "mm")
    sheet.save(TARGET, quality=68)


if __name__ == "__main__":
    main()
