"""LaTeX tables: what TeX would read as a command is text; best and marked cells.

All of it compiles where pdflatex is at hand.
"""

import re
import shutil
import subprocess

import pytest
from report_fixtures import HOSTILE

from faceoff.results import latex

NASTY = [
    HOSTILE,
    "a_b%c&d#e$f{g}h~i^j\\k",
    "[0.1, 0.2]",
    "*",
    "--option",
    "éß Ł",
    "表情",
    "x −0.5 ± 2 ≤ 3 → …",
    "<p> | \"q\" 'r'",
    "\x07\n\t",
    "",
]

# Every letter that is written as it is, too: with the packages that the table itself names.
COMPILED = [
    *NASTY,
    *("".join(map(chr, range(start, start + 16))) for start in range(0xA0, 0x180, 16)),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("soft_mean 50 %", r"soft\_mean 50 \%"),
        ("-1.5 [-2, +3]", "$-$1.5 [$-$2, +3]"),
        ("posed-train", "posed-train"),
        ("ferplus-2013 a.-1", "ferplus-2013 a.-1"),
        ("--x", "-{}-x"),
        ("1–3", "1--3"),
        ("表", "U+8868"),
        ("a\n b\x07c", "a b c"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("ąłðþ«ħ»", "ąłðþ«U+0127»"),
        ("a,,b ?`c ''d", "a,{},b ?{}`c '{}'d"),
    ],
)
def test_texts_are_set_as_they_are(text, expected):
    assert latex.escape(text) == expected


def test_best_and_marked_cells_columns_and_notes():
    text = latex.table(
        ["model", "accuracy %"],
        [["net", "90.00"], ["geo", "–"], ["x", "-1"]],
        bold={(0, 1)},
        marked={(2, 1)},
        notes=["† tied_with best", "limited"],
    )
    lines = text.splitlines()
    assert lines[0] == r"% \usepackage[T1]{fontenc}\usepackage{booktabs}"
    assert lines[1] == r"\begin{tabular}{@{}lr@{}}"
    assert r"net & \textbf{90.00} \\" in lines
    assert r"x & $-$1" + latex.DAGGER + r" \\" in lines
    assert lines.index(r"\bottomrule") < lines.index(
        r"\multicolumn{2}{@{}l@{}}{\footnotesize $^\dagger$ tied\_with best} \\"
    )


def test_a_row_that_starts_with_a_bracket_is_no_option_of_the_line_before():
    text = latex.table(["interval"], [["[1, 2]"], ["*"]])
    assert "\n{}[1, 2]" in text
    assert "\n{}*" in text


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="row 1 has 1 cells, the table 2 columns"):
        latex.table(["a", "b"], [["1", "2"], ["1"]])


def test_best_of_each_group():
    rows = [
        {"d": "x", "v": 0.5},
        {"d": "x", "v": 0.7},
        {"d": "y", "v": 0.1},
        {"d": "x", "v": None},
        {"d": "x", "v": 0.7},
        {"d": "z"},
    ]
    assert latex.best(rows, "v", group=lambda row: row["d"]) == {1, 4, 2}
    assert latex.best(rows, "v", group=lambda row: row["d"], lowest=True) == {0, 2}


@pytest.mark.parametrize("length", [3, latex.PAGE + 20])
def test_every_row_has_as_many_cells_as_there_are_columns(length):
    rows = [[NASTY[(row + column) % len(NASTY)] for column in range(3)] for row in range(length)]
    text = latex.table(["a", "b", "c"], rows, notes=["n"])
    body = [
        line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line
    ]
    assert len(body) == length + 1
    assert all(len(re.findall(r"(?<!\\)&", line)) == 2 for line in body)
    assert ("longtable" in text) == (length > latex.PAGE)
    depth = 0
    for match in re.finditer(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(match.group(), 0)
        assert depth >= 0
    assert depth == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
@pytest.mark.parametrize("length", [len(COMPILED), latex.PAGE + 20 + len(COMPILED)])
def test_nasty_tables_compile(tmp_path, length):
    rows = [[COMPILED[row % len(COMPILED)][:60], "-1.5"] for row in range(length)]
    (tmp_path / "table.tex").write_text(
        latex.table(["na_me", "%"], rows, bold={(0, 1)}, marked={(1, 1)}, notes=["† 95 %"]),
        encoding="utf-8",
    )
    packages = (
        (tmp_path / "table.tex").read_text(encoding="utf-8").splitlines()[0].removeprefix("% ")
    )
    (tmp_path / "main.tex").write_text(
        rf"\documentclass{{article}}{packages}\begin{{document}}\input{{table}}\end{{document}}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert b"Missing character" not in (tmp_path / "main.log").read_bytes()
