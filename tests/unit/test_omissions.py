"""A dataset says in words what it leaves out."""

from collections import Counter

import pytest

from faceoff.plugins.omissions import counted, log_skipped


def test_reasons_by_name_without_zeros() -> None:
    assert (
        counted(Counter({"other file": 1204, "hidden file": 2, "nothing": 0}))
        == "2 × hidden file, 1,204 × other file"
    )
    assert counted({}) == ""


def test_one_line_or_none(capsys: pytest.CaptureFixture[str]) -> None:
    log_skipped("jaffe", {"other file": 3})
    log_skipped("hvb", {"burst without label": 1}, "kept all the same:")
    log_skipped("quiet", Counter({"nothing": 0}))
    assert (
        capsys.readouterr().err
        == "jaffe: left out 3 × other file\nhvb: kept all the same: 1 × burst without label\n"
    )
