"""Ask git about the checkout that this package is in."""

import subprocess
from pathlib import Path


def commit() -> str | None:
    """Return the commit of the checkout, None outside of one."""
    return _git("rev-parse", "HEAD")


def is_dirty() -> bool:
    """Return whether tracked files differ from the commit."""
    return bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*arguments: str) -> str | None:
    """Return git's answer, None where there is no git or no checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
