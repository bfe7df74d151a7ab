"""Test that the walk-throughs of docs/ work as they stand, in a copy of the checkout, in order.

The tests write the files, run the commands and compare the outputs. They add nothing but what the
pages ask for: the checkout, and the environment's programs first on PATH. They change one thing:
figures are drawn in one format.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import runs

PAGES = sorted((runs.ROOT / "docs" / "walkthroughs").glob("*.md"))
CHECKOUT = ("Snakefile", "config.yaml", "profiles", "workflow", "envs")
_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str | None, str]]:
    """Return (language, title, text) of every fenced block.

    Raise ValueError where one is of no kind that is run.
    """
    text = page.read_text(encoding="utf-8")
    found = [(match[1], match[2], match[3]) for match in _BLOCK.finditer(text)]
    if 2 * len(found) != len(re.findall(r"^```", text, re.MULTILINE)):
        raise ValueError(f'{page.name}: a fenced block is not ```language or ```language title="…"')
    for language, title, block in found:
        if not (title or language == "bash"):
            raise ValueError(
                f"{page.name}: nothing runs this block, as it has no file name: {block[:60]!r}"
            )
    return found


def fits(line: str, printed: str) -> bool:
    """Return whether a line of the page is in what was printed, blanks aside.

    … stands for anything.
    """
    words = " ".join(line.split())
    pattern = r"\s*".join(
        ".*?".join(re.escape(part) for part in word.split("…")) for word in words.split()
    )
    return any(re.search(pattern, seen) for seen in printed.splitlines())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what a run needs of the checkout."""
    for name in CHECKOUT:
        source = runs.ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns(".*"))
        else:
            shutil.copy(source, tmp_path / name)
    with open(tmp_path / "profiles" / "default" / "config.yaml", "a", encoding="utf-8") as profile:
        profile.write("config: ['figures={formats: [svg], examples: 1}']\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_walkthrough(page: Path, checkout: Path) -> None:
    # Python imports the package of the copy, since pages may add to it.
    environment = runs.environment() | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(checkout / "workflow" / "scripts"),
    }
    printed = None
    for language, title, text in blocks(page):
        if language == "bash":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=checkout,
                env=environment,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            printed = done.stdout
        elif title == "prints":
            assert printed is not None, f"{page.name}: no command printed {text!r}"
            missing = [line for line in text.splitlines() if not fits(line, printed)]
            assert not missing, f"{missing} is not in:\n{printed}"
        else:
            file = checkout / title
            assert file.resolve().is_relative_to(checkout.resolve())
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


def test_there_are_walkthroughs_for_all_that_is_added() -> None:
    added = {"dataset", "detector", "model", "torch_model", "fusion_rule", "metric"}
    added |= {"figure", "report_section", "table"}
    assert added <= {page.stem for page in PAGES}
    for page in PAGES:
        assert {"bash", "yaml", "python"} <= {language for language, _, _ in blocks(page)}
        assert sum(title == "prints" for _, title, _ in blocks(page)) >= 3


@pytest.mark.parametrize(
    ("line", "printed", "expected"),
    [
        ("a … c", "x a b c", True),
        ("24 pictures", "24  pictures", True),
        ("24 pictures", "25 pictures", False),
        ("n = …/24", "n = 3/24", True),
        ("b", "a\nc", False),
    ],
)
def test_what_fits(line: str, printed: str, expected: bool) -> None:
    assert fits(line, printed) is expected


@pytest.mark.parametrize(
    "text", ["```yaml\na: 1\n```\n", "```{.yaml}\na: 1\n```\n", "``` \na\n```\n"]
)
def test_a_block_that_nothing_runs_is_a_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="block"):
        blocks(tmp_path / "page.md")
