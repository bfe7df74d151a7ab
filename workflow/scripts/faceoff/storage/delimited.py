"""Read tables of text cells as spreadsheets and scripts write them: CSV and its relatives.

Cells may be separated by commas, semicolons, tabs or bars, in UTF-8, UTF-16 or UTF-32, plain or
compressed. What cannot be read for certain is a ValueError that names file, row and cure.
"""

import codecs
import csv
import io
import re
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

SEPARATORS = (",", ";", "\t", "|")
csv.field_size_limit(2**26)  # by default a cell above 128 KiB is an error
_HEAD = 2**16  # bytes that tell compression, encoding and separator

_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Files that are taken for text tables, by their first bytes.
_FOREIGN = (
    (b"PK\x03\x04", "a workbook (.xlsx, .ods) or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "a workbook of Excel (.xls)"),
    (b"ARROW1", "an Arrow file (Feather)"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "a database of SQLite"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%PDF", "a PDF"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"<", "HTML or XML"),
)
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)(e[-+]?\d+)?", re.IGNORECASE)
_NO_NUMBER = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})  # as tools write it


def number_in(written: str) -> float | None:
    """Return the number in a cell, None for an empty cell or a word for nothing.

    A decimal comma and the minus sign of typography are understood. Raises ValueError for other
    text.
    """
    written = written.strip()
    if written.casefold() in _NO_NUMBER:
        return None
    plain = written.replace("−", "-")
    if not _NUMBER.fullmatch(plain):
        raise ValueError(f"no number: {written!r}")
    return float(plain.replace(",", "."))


class DelimitedTable:
    """A text table. `names` are the cells of its header, without blanks around them.

    wanted: a name that the header should have; it decides between two separators.

    encoding: of the file; by default UTF-8, or what its first bytes say.

    encoding_key: the key that sets `encoding`, for messages.

    Raises ValueError naming the file and the cure if there is no header or the file is none of
    text.
    """

    def __init__(
        self, path: Path, wanted: str, encoding: str | None = None, encoding_key: str = ""
    ):
        self.path = path
        head = self._head()
        self._encoding = encoding or self._encoding_of(head)
        self._cure = "save the table as UTF-8" + (
            f" or name its encoding in {encoding_key}, such as cp1252 (Windows, Western Europe)"
            if encoding_key
            else ""
        )
        text = head.decode(self._encoding, "replace").removeprefix("\ufeff")
        declared = re.match(r'"?sep=(.)"?[;,\t]*\r?\n', text, re.IGNORECASE)  # Excel's own line
        self._skipped = bool(declared)
        text = text[declared.end() :] if declared else text
        if not text.strip():
            raise ValueError(f"{path}: the table is empty; its first row names the columns")
        self._separator = declared.group(1) if declared else _separator(text, wanted)
        cells = _first_record(text, self._separator)
        # "path, label": a blank after each separator
        self._blanks = len(cells) > 1 and all(cell.startswith(" ") for cell in cells[1:])
        with closing(self._records()) as records:
            header = next(records, (0, []))[1]
        self.names = [cell.strip("\ufeff\u200b \t\r\n\xa0") for cell in header]

    def _opened(self) -> Any:
        """Open the file for reading bytes, decompressed by its content."""
        with open(self.path, "rb") as file:
            magic = file.read(16)
        for start, kind in _COMPRESSED.items():
            if magic.startswith(start):
                import pyarrow as pa  # plans read names of this module, and it takes 0.1 s

                return pa.input_stream(str(self.path), compression=kind)
        text = magic.removeprefix(codecs.BOM_UTF8).lstrip()
        for start, kind in _FOREIGN:
            if text.startswith(start):
                raise ValueError(
                    f"{self.path}: this is {kind}, not a text table; save it as CSV (UTF-8)"
                )
        return open(self.path, "rb")

    def _head(self) -> bytes:
        with self._opened() as file:
            try:
                head: bytes = file.read(_HEAD)
            except OSError as error:
                raise self._damaged("header", error) from None
        return head

    def _damaged(self, where: str, error: Exception) -> Exception:
        """Return the exception for an error while decompressing, itself if it is the machine's."""
        if isinstance(error, OSError) and error.errno is not None:
            return error
        return ValueError(f"{self.path}, {where}: the compressed file is cut or damaged: {error}")

    def _encoding_of(self, head: bytes) -> str:
        for mark, name in _BYTE_ORDER_MARKS:
            if head.startswith(mark):
                return name
        if b"\0" not in head:
            return "utf-8"
        # Text in a Latin script has a zero in every second byte of UTF-16.
        zeros = head[0::2].count(0), head[1::2].count(0)
        if min(zeros) * 10 > max(zeros) or max(zeros) * 5 < len(head):
            raise ValueError(
                f"{self.path}: zero bytes, so this is no text table; save it as CSV (UTF-8)"
            )
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"

    def _records(self) -> Generator[tuple[int, list[str]], None, None]:
        """Yield (number, cells) of each record, the header being number 0."""
        number = -1
        try:
            with (
                self._opened() as file,
                io.TextIOWrapper(
                    file, self._encoding, errors="surrogateescape", newline=""
                ) as text,
            ):
                if self._skipped:
                    text.readline()
                reader = csv.reader(
                    text,
                    delimiter=self._separator,
                    skipinitialspace=self._blanks,
                    strict=True,
                )
                for number, cells in enumerate(reader):
                    self._check_text(number, cells)
                    yield number, cells
        except csv.Error as error:
            raise ValueError(
                f"{self._where(number + 1)}: {error}; a cell with quotes, separators or line ends "
                'has to be quoted, and each quote in it doubled: "a ""b"" c"'
            ) from None
        except UnicodeError:
            raise ValueError(
                f"{self._where(number + 1)}: not {self._encoding.upper()} text; {self._cure}"
            ) from None
        except (EOFError, OSError) as error:
            raise self._damaged(f"row {number + 1}", error) from None

    def _check_text(self, number: int, cells: Sequence[str]) -> None:
        """Raise ValueError for a cell with bytes that the encoding does not have."""
        if "".join(cells).isascii():
            return
        for cell in cells:
            try:
                cell.encode()
            except UnicodeEncodeError as error:
                shown = cell.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                byte = ord(cell[error.start]) - 0xDC00
                raise ValueError(
                    f"{self._where(number)}: {shown[:80]!r}: byte 0x{byte:02X} is not "
                    f"{self._encoding.upper().removesuffix('-SIG')}; {self._cure}"
                ) from None

    def _where(self, number: int) -> str:
        return f"{self.path}, {f'row {number}' if number > 0 else 'header'}"

    def rows(
        self, columns: Collection[str] | None = None
    ) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Yield (number from 1, column -> cell) of each row; a blank cell is None.

        columns: those to return, by default all. Empty lines are no rows, but they are counted.

        Raises ValueError for a row with more or fewer cells than the header.
        """
        places = {
            name: self.names.index(name)
            for name in dict.fromkeys(self.names)
            if columns is None or name in columns
        }
        width = len(self.names)
        for number, cells in self._records():
            if number == 0 or not cells:
                continue
            blank = not any(map(str.strip, cells))
            if not blank and (len(cells) < width or any(map(str.strip, cells[width:]))):
                separator = _SPELT.get(self._separator, repr(self._separator))
                raise ValueError(
                    f"{self._where(number)}: {len(cells)} cells, but the header has {width}; "
                    f"a cell with {separator} in it has to be quoted"
                )
            yield (
                number,
                {
                    name: None if blank or not cells[place].strip() else cells[place]
                    for name, place in places.items()
                },
            )


_SPELT = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}


def _first_record(text: str, separator: str) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])


def _separator(text: str, wanted: str) -> str:
    """Return the separator that cuts the header into most cells, if possible with `wanted`."""

    def fit(separator: str) -> tuple[bool, int]:
        cells = [cell.strip() for cell in _first_record(text, separator)]
        return wanted in cells, len(cells)

    return max(SEPARATORS, key=fit)
