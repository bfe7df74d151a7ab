"""A stand-in for OpenFace's FeatureExtraction: a program that reads the same arguments and writes
the same kind of CSV.

It takes what it "sees" from the red of a crop's first pixel, so that crops can be told apart, and
is strict about arguments: one picture per sequence, static action units.
"""

import sys
from pathlib import Path

from faceoff.faces.openface_csv import UNITS

_PROGRAM = """#!{python}
import sys
from pathlib import Path

import numpy as np
from PIL import Image

UNITS = {units!r}
BY_RED = {{
    0: {{}},
    50: {{"AU06": 4.0, "AU12": 4.5}},
    100: {{"AU01": 4, "AU02": 4, "AU05": 3, "AU26": 4}},
    150: {{"AU04": 3, "AU05": 3, "AU07": 4, "AU23": 4}},
}}

arguments = sys.argv[1:]
assert "-aus" in arguments and "-au_static" in arguments, "static action units were not asked for"
output = Path(arguments[arguments.index("-out_dir") + 1])
output.mkdir(parents=True, exist_ok=True)
(Path({calls!r})).open("a").write("x")
for index, argument in enumerate(arguments):
    if argument != "-fdir":
        continue
    folder = Path(arguments[index + 1])
    (picture,) = sorted(folder.iterdir())
    red = int(np.asarray(Image.open(picture))[0, 0, 0])
    if red == 250:
        sys.exit("could not load the landmark model")
    if red == 240:
        continue  # writes nothing for this one
    shown, found = BY_RED.get(red, {{}}), red != 200
    cells = [shown.get(unit, 0) if found else 0 for unit in UNITS]
    cells += [int(unit in shown and found) for unit in UNITS] + [0]
    header = ["frame", "face_id", "timestamp", "confidence", "success"]
    header += [unit + "_r" for unit in UNITS] + [unit + "_c" for unit in UNITS] + ["AU28_c"]
    line = [1, 0, 0.0, 0.98 if found else 0.02, int(found), *cells]
    rows = [", ".join(header), ", ".join(map(str, line)), ""]
    (output / (folder.name + ".csv")).write_text(chr(10).join(rows))
"""


def write(path: Path, calls: Path) -> Path:
    """Write the program; each of its calls adds an x to the file `calls`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        _PROGRAM.format(python=sys.executable, units=UNITS, calls=str(calls)), encoding="utf-8"
    )
    path.chmod(0o755)
    return path
