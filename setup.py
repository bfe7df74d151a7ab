"""Put the workflow into the wheel, so that `faceoff run` works without a checkout."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
# Relative to the checkout, as they stand below faceoff/_workflow in the wheel.
PARTS = (
    "Snakefile",
    "config.yaml",
    "CITATION.cff",
    "LICENSE",
    "workflow/rules/*.smk",
    "workflow/report/*.rst",
    "workflow/schemas/*.json",
    "workflow/scripts/*.py",
    "envs/*.yaml",
    "configs/*.yaml",
    "profiles/*/*",
)


class BuildWithWorkflow(build_py):
    """Build the package, then copy the workflow beside it."""

    def run(self) -> None:
        """Build and copy; an editable install reads the checkout itself."""
        super().run()
        if self.editable_mode:
            return
        for pattern in PARTS:
            for file in sorted(ROOT.glob(pattern)):
                place = Path(self.build_lib, "faceoff", "_workflow", file.relative_to(ROOT))
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)


setup(cmdclass={"build_py": BuildWithWorkflow})
