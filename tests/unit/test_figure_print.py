"""Figures are as a journal asks, read from the PDF files themselves.

That is column width, text size, embedded TrueType fonts.
"""

import re
import zlib
from pathlib import Path

import pytest
import report_fixtures as fixtures

from faceoff.figures.canvas import DOUBLE_MM, SINGLE_MM, SMALL
from faceoff.stages.figures import write_figures

pytestmark = pytest.mark.slow


def _streams(pdf: bytes) -> bytes:
    """All compressed streams of a PDF, one after another."""
    found = []
    for start in re.finditer(rb"stream\r?\n", pdf):
        try:
            found.append(zlib.decompressobj().decompress(pdf[start.end() :]))
        except zlib.error:  # "endstream", or a stream that is not compressed
            continue
    return b"\n".join(found)


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> dict[str, bytes]:
    """Every figure of a run as PDF, by name."""
    folder = tmp_path_factory.mktemp("printed")
    run = fixtures.typical(folder, ("pdf",))
    write_figures(run.scores, run.comparisons, run.examples, folder / "figures", run.jobs().figures)
    return {path.stem: path.read_bytes() for path in sorted(Path(folder / "figures").glob("*.pdf"))}


def test_every_figure_is_as_wide_as_one_or_two_columns(printed):
    assert len(printed) > 5
    for name, pdf in printed.items():
        width, _ = map(float, re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", pdf).groups())
        assert min(abs(width * 25.4 / 72 - column) for column in (SINGLE_MM, DOUBLE_MM)) < 0.1, name


def test_text_has_eight_points_but_for_the_small_print(printed):
    for name, pdf in printed.items():
        sizes = {float(size) for size in re.findall(rb"/F\d+ ([\d.]+) Tf", _streams(pdf))}
        assert 8.0 in sizes, name
        assert sizes <= {8.0, SMALL}, name


def test_fonts_are_embedded_as_truetype(printed):
    for name, pdf in printed.items():
        assert b"/Type3" not in pdf, name
        descriptors = pdf.count(b"/Type /FontDescriptor")
        assert descriptors > 0, name
        assert descriptors == len(re.findall(rb"/FontFile2 \d+ 0 R", pdf)), name
