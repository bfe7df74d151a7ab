"""Write tables as LaTeX for a paper; they compile with pdflatex whatever a name holds.

They need the packages booktabs and (for tables longer than a page) longtable, and for letters such
as ą, ð or þ the fonts of `fontenc` with the option T1; the first line of each says so.
"""

import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

DAGGER = r"\rlap{$^\dagger$}"  # takes no room, so that marked numbers stay aligned
RAGGED = (
    r"\rightskip=0pt plus 1fil\relax "  # as \raggedright, which would take the meaning of \\ away
)
_ESCAPED = {
    "\\": r"\textbackslash{}",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--",
    "—": "---",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    "…": r"\ldots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "†": r"\dag{}",
}
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")
_NUMBER = re.compile(r"(< )?[+−-]?\d|–$|$")
_FONTS = r"\usepackage[T1]{fontenc}"
# Rows beyond which a table gets the environment longtable, which breaks over pages and takes no
# float around it.
PAGE = 50
LINE = 32  # characters beyond which a text is broken into lines
_LIGATURE = re.compile(
    r"(?<=-)(?=-)|(?<=,)(?=,)|(?<=')(?=')|(?<=`)(?=`)|(?<=[?!])(?=`)"
)  # between signs that TeX would set as one other
_SET_UP = frozenset(range(0x180)) - frozenset(
    map(ord, "ĦħĸĿŀŉŦŧſ")
)  # Latin-1 and Latin Extended-A, as far as fonts in T1 encoding have them


def escape(text: str) -> str:
    """Return a text as pdflatex prints it.

    Signs that TeX reads as commands are escaped, a hyphen before a number becomes a minus, blanks
    are one blank. A character that fonts in T1 encoding do not have is written by its number,
    U+4E2D.
    """
    line = _LIGATURE.sub(
        "\0", _MINUS.sub("−", re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", str(text)).strip())
    )
    return "".join("{}" if letter == "\0" else _letter(letter) for letter in line)


def _letter(letter: str) -> str:
    return _ESCAPED.get(letter) or (letter if ord(letter) in _SET_UP else f"U+{ord(letter):04X}")


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    bold: Collection[tuple[int, int]] = (),
    marked: Collection[tuple[int, int]] = (),
    notes: Sequence[str] = (),
) -> str:
    """Return a booktabs table of plain texts.

    bold, marked: cells (row, column) set in bold, and with a dagger; notes: lines below the table.
    Columns of numbers are set flush right, others flush left; long texts are broken into lines of
    30 mm. Raises ValueError for a row of another length than the headers.
    """
    for number, row in enumerate(rows):
        if len(row) != len(headers):
            raise ValueError(f"row {number} has {len(row)} cells, the table {len(headers)} columns")
    numeric = [
        bool(rows) and all(_NUMBER.match(str(row[column])) for row in rows)
        for column in range(len(headers))
    ]
    long = [
        any(len(str(row[column])) > LINE and " " in str(row[column]) for row in rows)
        for column in range(len(headers))
    ]
    align = "".join(
        "r" if right else "p{30mm}" if wide else "l"
        for right, wide in zip(numeric, long, strict=True)
    )

    def cell(row: int, column: int) -> str:
        text = escape(rows[row][column])
        text = rf"\textbf{{{text}}}" if (row, column) in bold else text
        text = text + DAGGER if (row, column) in marked else text
        return RAGGED + text if long[column] and not numeric[column] else text

    head = [r"\toprule", _line(map(escape, headers)), r"\midrule"]
    body = [_line(cell(row, column) for column in range(len(headers))) for row in range(len(rows))]
    below = [
        rf"\multicolumn{{{len(headers)}}}{{@{{}}l@{{}}}}{{\footnotesize {_note(note)}}} \\"
        for note in notes
    ]
    if len(rows) > PAGE:
        lines = [
            rf"% {_FONTS}\usepackage{{booktabs,longtable}}",
            r"\begin{longtable}{@{}" + align + "@{}}",
            *head,
            r"\endhead",
            r"\bottomrule",
            r"\endfoot",
        ]
        lines += [r"\bottomrule", *below, r"\endlastfoot", *body, r"\end{longtable}"]
    else:
        lines = [
            rf"% {_FONTS}\usepackage{{booktabs}}",
            r"\begin{tabular}{@{}" + align + "@{}}",
            *head,
            *body,
            r"\bottomrule",
            *below,
            r"\end{tabular}",
        ]
    return "\n".join(lines) + "\n"


def _note(text: str) -> str:
    return escape(text).replace(r"\dag{}", r"$^\dagger$")


def _line(cells: Any) -> str:
    line = " & ".join(cells) + r" \\"
    return (
        "{}" + line if line[:1] in {"[", "*"} else line
    )  # after \\ these would be read as its options


def best(
    rows: Sequence[Mapping[str, Any]],
    key: str,
    *,
    group: Callable[[Mapping[str, Any]], Hashable],
    lowest: bool = False,
) -> set[int]:
    """Return the rows with the best value of `key` within their group.

    Where several are equal, all of them; None is no value.
    """
    sign = -1 if lowest else 1
    top: dict[Hashable, float] = {}
    for row in rows:
        if row.get(key) is not None:
            top[group(row)] = max(top.get(group(row), sign * row[key]), sign * row[key])
    return {
        number
        for number, row in enumerate(rows)
        if row.get(key) is not None and sign * row[key] == top[group(row)]
    }
