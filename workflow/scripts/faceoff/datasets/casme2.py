"""Read CASME II (Yan et al. 2014): spontaneous micro-expressions of 26 people.

They were recorded at 200 frames per second and coded from onset over apex to offset. Layout:
CASME2_RAW_selected/sub01/EP02_01f/img46.jpg or Cropped/sub01/EP02_01f/reg_img46.jpg, and the coding
table CASME2-coding-20140508.xlsx with the columns Subject, Filename, OnsetFrame, ApexFrame,
OffsetFrame, Action Units, Estimated Emotion.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from faceoff.datasets._files import files_below, fingerprint
from faceoff.datasets._image_sequences import numbered, only_folder, timed
from faceoff.emotions import order
from faceoff.media.kinds import read_bytes
from faceoff.plugins.omissions import counted, log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample
from faceoff.spelling import suggestion

DATASETS = {
    "casme2": {
        "class": "Casme2",
        "title": "CASME II",
        "terms": "research only, under a signed licence agreement",
        "how_to_get": "licence agreement at http://fu.psych.ac.cn/CASME/casme2-en.php",
    }
}

EMOTIONS = ("happiness", "sadness", "surprise", "fear", "disgust")
OWN = ("repression", "others")  # no emotions of the canonical space
# Rows of the coding table of 2014-05-08, as counted by others; the paper's own release has 247.
PUBLISHED = {
    "happiness": 32,
    "sadness": 7,
    "surprise": 25,
    "fear": 2,
    "disgust": 63,
    "repression": 27,
    "others": 99,
}
SUBJECTS = 26
FPS = 200.0

COLUMNS = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Estimated Emotion")
PICTURES = {"raw": ("CASME2_RAW_selected", "CASME2-RAW", "CASME2_RAW"), "cropped": ("Cropped",)}
_MISSING = ("", "/", "nan")  # how the table says that a frame was not found


class Casme2Options(DatasetConfig):
    """Keys of a casme2 dataset."""

    path: DataPath = Field(description="folder with the pictures' folder and the coding table")
    coding: DataPath | None = Field(
        None, description="the coding table, .csv or .xlsx; default: the CASME2-coding… in path"
    )
    pictures: Literal["raw", "cropped"] = Field(
        "raw", description="CASME2_RAW_selected, or Cropped: faces registered by the authors"
    )
    unit: Literal["apex", "sequence"] = Field(
        "apex", description="a sample is the apex picture, or the pictures from onset to offset"
    )
    keep: list[Literal["repression", "others"]] = Field(
        default_factory=list,
        description="labels that are no basic emotion to keep as classes of their own",
    )
    fps: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="frames per second sampled from sequences (of 200); 0 takes every frame",
    )


class _Row(NamedTuple):
    """One micro-expression of the coding table.

    Frames are numbers of pictures, None if the table has none.
    """

    subject: str  # sub01
    name: str  # EP02_01f
    onset: int | None
    apex: int | None
    offset: int | None
    emotion: str
    units: str


def _cells_of_xlsx(path: Path) -> list[list[str]]:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise ValueError(
            f"{path}: reading .xlsx needs the package openpyxl; or save the table as CSV beside it"
        ) from None
    book = load_workbook(path, read_only=True, data_only=True)
    try:
        return [
            ["" if cell is None else str(cell).strip() for cell in row]
            for row in book.worksheets[0].iter_rows(values_only=True)
        ]
    finally:
        book.close()


def _cells_of_csv(path: Path) -> list[list[str]]:
    # Excel writes ; where the comma is the decimal mark, and the comments may be in another
    # encoding.
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        text = file.read()
    separator = (
        ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    )
    return [
        [cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=separator)
    ]


def _frame(text: str, where: str, column: str) -> int | None:
    if text.casefold() in _MISSING:
        return None
    try:
        return int(float(text))
    except ValueError:
        raise ValueError(f"{where}: {column} is no frame number: {text!r}") from None


def read_coding(path: Path) -> list[_Row]:
    """Return the rows of the coding table.

    Raises ValueError naming the file, and the column or the row that is wrong.
    """
    cells = (_cells_of_xlsx if path.suffix.lower() in {".xlsx", ".xlsm"} else _cells_of_csv)(path)
    header = [cell.casefold() for cell in cells[0]] if cells else []
    for column in COLUMNS:
        if column.casefold() not in header:
            raise ValueError(
                f"{path}: no column {column!r}{suggestion(column, cells[0] if cells else [])}"
            )
    rows = []
    for number, line in enumerate(cells[1:], start=2):
        row = dict(zip(header, line))
        subject, name, onset, apex, offset, emotion = (
            row.get(column.casefold(), "") for column in COLUMNS
        )
        if not (subject or name):
            continue
        where = f"{path}, row {number}"
        digits = re.fullmatch(r"(?:sub)?0*(\d+)(?:\.0)?", subject, re.IGNORECASE)
        if not digits or not name:
            raise ValueError(
                f"{where}: Subject {subject!r} and Filename {name!r} do not name a clip"
            )
        emotion = emotion.casefold()
        if emotion not in PUBLISHED:
            raise ValueError(
                f"{where}: unknown Estimated Emotion {emotion!r}{suggestion(emotion, PUBLISHED)}"
            )
        rows.append(
            _Row(
                subject=f"sub{int(digits.group(1)):02d}",
                name=name,
                onset=_frame(onset, where, "OnsetFrame"),
                apex=_frame(apex, where, "ApexFrame"),
                offset=_frame(offset, where, "OffsetFrame"),
                emotion=emotion,
                units=row.get("action units", ""),
            )
        )
    return rows


def _spelling(name: str) -> str:
    """Return a folder's or clip's name without the differences in spelling between copies.

    These are case, blanks and leading zeros of its numbers.
    """
    return re.sub(
        r"\d+", lambda digits: str(int(digits.group())), re.sub(r"\s", "", name).casefold()
    )


class Casme2:
    """The micro-expressions in the coding table's order.

    `left_out` counts by reason the rows that are not in the task.
    """

    Options = Casme2Options

    def __init__(self, options: Casme2Options, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of CASME II is not there (dataset key 'path')"
            )
        self._table = self._coding()
        folders = (only_folder(options.path, name) for name in PICTURES[options.pictures])
        root = next((folder for folder in folders if folder), None)
        if root is None:
            raise FileNotFoundError(
                f"{options.path}: no folder {' or '.join(PICTURES[options.pictures])} in it "
                "(dataset keys 'path', 'pictures')"
            )
        self._root = root
        self.space = order([*EMOTIONS, *options.keep])
        self.left_out: Counter[str] = Counter()
        self._clips = dict(self._match(read_coding(self._table)))
        if not self._clips:
            seen = counted(self.left_out) or "the coding table is empty"
            raise FileNotFoundError(
                f"{root}: no clip of {self._table.name} such as sub01/EP02_01f/img46.jpg below "
                f"it; left out: {seen}"
            )
        kept = "".join(f"-{label}" for label in OWN if label in options.keep)
        self.version = f"{options.unit}-{options.pictures}{kept}@1"

    def _coding(self) -> Path:
        """Return the path of the coding table; a CSV goes before the XLSX it was saved from.

        Raises FileNotFoundError without one, ValueError with several of a kind.
        """
        if self.options.coding:
            if not self.options.coding.is_file():
                raise FileNotFoundError(
                    f"{self.options.coding}: the coding table is not there (dataset key 'coding')"
                )
            return self.options.coding
        files = list(files_below(self.options.path, hidden=False))
        for suffix in (".csv", ".xlsx"):
            tables = sorted(
                path
                for path in files
                if path.name.startswith("CASME2-coding") and path.suffix == suffix
            )
            if len(tables) > 1:
                raise ValueError(
                    f"{tables[0]} and {tables[1].name}: several coding tables; name one by the "
                    "dataset key 'coding'"
                )
            if tables:
                return tables[0]
        raise FileNotFoundError(
            f"{self.options.path}: no coding table such as CASME2-coding-20140508.xlsx or .csv "
            "below it (dataset key 'coding')"
        )

    def _folders(self) -> dict[tuple[str, str], Path]:
        """Return (subject, clip), as spelt by `_spelling`, -> folder of pictures."""
        folders: dict[tuple[str, str], Path] = {}
        for folder in sorted(path for path in self._root.glob("*/*") if path.is_dir()):
            key = (_spelling(folder.parent.name), _spelling(folder.name))
            if key in folders:
                raise ValueError(
                    f"{folder}: the same clip as "
                    f"{folders[key].relative_to(self._root).as_posix()}; keep one of them"
                )
            folders[key] = folder
        return folders

    def _frames(self, row: _Row, folder: Path | None) -> Mapping[int, Path] | str:
        """Return a row's pictures by number, or why it is not in the task.

        A sequence has those from onset to offset, an apex that one.
        """
        apex = self.options.unit == "apex"
        if row.emotion not in self.space:
            return row.emotion
        if folder is None:
            return "clip without folder"
        if apex and row.apex is None:
            return "apex not coded"
        first, last = (row.apex, row.apex) if apex else (row.onset, row.offset)
        pictures = {
            number: path
            for number, path in numbered(folder).items()
            if (first is None or first <= number) and (last is None or number <= last)
        }
        return pictures or ("apex picture not there" if apex else "no picture from onset to offset")

    def _match(self, rows: list[_Row]) -> Iterator[tuple[str, tuple[_Row, Mapping[int, Path]]]]:
        """Sample id -> (row, its pictures by number)."""
        folders, seen = self._folders(), set()
        for row in rows:
            frames = self._frames(row, folders.get((_spelling(row.subject), _spelling(row.name))))
            sample_id = f"{row.subject}_{row.name}"
            # a second expression in one clip
            sample_id = sample_id if sample_id not in seen else f"{sample_id}@{row.onset}"
            if isinstance(frames, str) or sample_id in seen:
                self.left_out[frames if isinstance(frames, str) else "row that stands twice"] += 1
                continue
            seen.add(sample_id)
            yield sample_id, (row, frames)

    def samples(self) -> Iterator[Sample]:
        """Yield the table's rows in its order; count and report the others on stderr."""
        log_skipped("casme2", self.left_out)
        for sample_id, (row, frames) in self._clips.items():
            picture = next(iter(frames.values()))
            apex = self.options.unit == "apex"
            yield Sample(
                sample_id=sample_id,
                path=(picture if apex else picture.parent)
                .relative_to(self.options.path)
                .as_posix(),
                kind="image" if apex else "sequence",
                label=row.emotion,
                subject=row.subject,
                groups={"subject": row.subject, **({"units": row.units} if row.units else {})},
            )

    def read(self, sample: Sample) -> bytes:
        return read_bytes(self.options.path / sample.path)

    def pictures(self, sample: Sample) -> Iterator[tuple[float, Path]]:
        """Yield the pictures from onset to offset; seconds count from the first."""
        return timed(dict(self._clips[sample.sample_id][1]), FPS)

    def fingerprint(self) -> Any:
        return fingerprint(
            self.options.path,
            [
                self._table,
                *(path for _, frames in self._clips.values() for path in frames.values()),
            ],
        )
