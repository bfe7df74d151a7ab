"""The smallest tree of every dataset in its official layout: two samples, drawn flat.

Nobody decodes the clips and sounds here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.datasets.hvb import STATES
from faceoff.media.images import encode_png

GREY = encode_png(np.full((48, 48, 3), 80, np.uint8))
FERPLUS = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
)
AFFECTNET = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
    "expression,valence,arousal\n"
)
CASME = "Subject,Filename,OnsetFrame,ApexFrame,OffsetFrame,Action Units,Estimated Emotion\n"
MMI = '<Track><Metatag Name="Emotion" Value="{code}"/></Track>'
SESSION = '<session sessionId="7"><track filename="S001-001.avi" view="0"/></session>'
EWE = "time,evaluatorWeightedEstimate\n0,50\n0.5,60\n"


def _tree(files: Mapping[str, bytes | str], **options: Any) -> Callable[[Path], dict[str, Any]]:
    """Return a function that makes these files below a folder and returns a dataset's options.

    `path` among them is the folder, or what `path` says below it.
    """

    def make(root: Path) -> dict[str, Any]:
        root.mkdir()
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return {**options, "path": root / options.get("path", "")}

    return make


TREES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "affectnet": _tree(
        {
            "validation.csv": AFFECTNET + "a.png,1,1,9,9,,1,0.5,0.1\nb.png,1,1,9,9,,7,-2,-2\n",
            "a.png": GREY,
            "b.png": GREY,
        }
    ),
    "avec2013": _tree(
        {
            "Development/205_1_cut_combined.mp4": b"clip",
            "Labels/Development/205_1_Valence.csv": "0.1\n0.2\n",
        }
    ),
    "casme2": _tree(
        {"CASME2-coding-20140508.csv": CASME + "1,EP02_01f,46,47,48,12,happiness\n"}
        | {f"CASME2_RAW_selected/sub01/EP02_01f/img{n}.jpg": GREY for n in (46, 47, 48)},
        unit="sequence",
    ),
    "ck_plus": _tree(
        {f"cohn-kanade-images/S005/001/S005_001_{n:08d}.png": GREY for n in (1, 2, 3)}
        | {"Emotion/S005/001/S005_001_00000003_emotion.txt": "   3.0000000e+00\n"}
    ),
    "crema_d": _tree(
        {"VideoFlash/1001_DFA_ANG_XX.flv": b"clip", "VideoFlash/1091_IEO_HAP_HI.flv": b"clip"}
    ),
    "fer2013": _tree(
        {
            "FER2013Test/fer0032220.png": GREY,
            "fer2013_labels.csv": (
                "image_name,fer2013_label,labels_among_duplicates\nfer0032220.png,happy,happy\n"
            ),
        }
    ),
    "fer2013plus": _tree({"fer2013/test/anger/a.png": GREY, "fer2013/test/happiness/b.png": GREY}),
    "ferplus": _tree(
        {
            "fer2013new.csv": FERPLUS
            + "PrivateTest,a.png,10,0,0,0,0,0,0,0,0,0\nPrivateTest,b.png,0,9,0,0,0,0,0,0,0,1\n",
            "FER2013Test/a.png": GREY,
            "FER2013Test/b.png": GREY,
        }
    ),
    "folder": _tree({"happy/a.png": GREY, "sad/a.png": GREY}),
    "gemep": _tree({"01joyA03.avi": b"clip", "01angB02.avi": b"clip"}),
    "hvb": _tree(
        {
            "labels/high_info.csv": ",".join(["File_ID", "Split", *STATES])
            + "\n[1],Val,0.9,0,0,0,0,0,0,0,0,0\n",
            "audio/wav/1.wav": b"sound",
        }
    ),
    "jaffe": _tree({"KA.AN1.39.tiff": GREY, "KA.HA1.29.tiff": GREY}),
    "mmi": _tree(
        {
            "Sessions/7/S001-001.avi": b"clip",
            "Sessions/7/S001-001.xml": MMI.format(code=4),
            "Sessions/7/session.xml": SESSION,
        }
    ),
    "posed": lambda root: {},
    "posed_talk": lambda root: {"clips": 2},
    "posed_video": lambda root: {"split": "valid", "kinds": ["single"]},
    "ravdess": _tree(
        {"Actor_01/01-01-03-01-01-01-01.mp4": b"clip", "Actor_02/01-01-05-02-01-01-02.mp4": b"clip"}
    ),
    "send": _tree(
        {"ratings/Test/observer_EWE/results_112_2.csv": EWE, "videos/ID112_vid2.mp4": b"clip"}
    ),
    "smic": _tree(
        {
            f"SMIC_all_cropped/HS/s1/micro/positive/s1_po_05/reg_image{n}.bmp": GREY
            for n in (8, 9, 10)
        }
    ),
    "table": _tree(
        {
            "happy/a.png": GREY,
            "sad/a.png": GREY,
            "t.csv": "path,label\nhappy/a.png,happy\nsad/a.png,\n",
        },
        path="t.csv",
    ),
    "vggface2": _tree({"test/n000001/0001_01.jpg": GREY, "test/n000002/0001_01.jpg": GREY}),
}
# Rated over time, or not at all.
UNLABELLED = {"avec2013", "send", "vggface2"}
