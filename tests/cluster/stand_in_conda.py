"""Stand in for conda, as far as Snakemake calls it.

With it, a test can run the exact `snakemake --use-conda`: this checks the wiring, not conda's
solver. An environment is a virtual environment with what the file's `pip:` section asks for and
what that requires, linked from the environment that runs this; a package that the file forgets is
not there. A requirement that the locks leave out, since a library over-declares it, is left out
here too.
"""

import argparse
import importlib.metadata as metadata
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import yaml
from packaging.requirements import Requirement

# The locks have one of the wheels that carry the module cv2.
SAME_MODULE = {"opencv-contrib-python": "opencv-python-headless"}


def needed(asked: list[str]) -> dict[str, metadata.Distribution]:
    """Return the installed packages that satisfy these requirements and, in turn, theirs.

    Exit when one that is asked for is absent or of another version.
    """
    found: dict[str, metadata.Distribution] = {}
    waiting = [(Requirement(line), True) for line in asked]
    while waiting:
        requirement, direct = waiting.pop()
        extras = requirement.extras or {""}
        if requirement.marker and not direct and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            package = metadata.distribution(SAME_MODULE.get(requirement.name, requirement.name))
        except metadata.PackageNotFoundError:
            if direct:
                sys.exit(f"stand-in conda: {requirement} is not installed here")
            continue
        if direct and not requirement.specifier.contains(package.version, prereleases=True):
            sys.exit(
                f"stand-in conda: {requirement} is asked for, {package.version} is installed here"
            )
        if requirement.name in found:
            continue
        found[requirement.name] = package
        requires = map(Requirement, package.requires or [])
        waiting += [
            (each, False)
            for each in requires
            if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return found


def create(file: Path, prefix: Path) -> None:
    """Make the environment of an env file at this place."""
    described = yaml.safe_load(file.read_text())
    asked = next(part["pip"] for part in described["dependencies"] if isinstance(part, dict))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(prefix)}))
    for package in needed(asked).values():
        names = {path.parts[0] for path in package.files or ()}
        for name in sorted(names - {"..", "__pycache__"}):
            if not (site / name).exists():
                (site / name).symlink_to(package.locate_file(name))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--version", action="version", version="conda 25.1.0")
commands = parser.add_subparsers(dest="command", required=True)
commands.add_parser("info").add_argument("--json", action="store_true")
clean = commands.add_parser("clean")
clean.add_argument("-y", action="store_true")
clean.add_argument("--tarballs", action="store_true")
config = commands.add_parser("config")
config.add_argument("--get")
config.add_argument("--json", action="store_true")
env = commands.add_parser("env").add_subparsers(required=True).add_parser("create")
env.add_argument("--quiet", action="store_true")
env.add_argument("--no-default-packages", action="store_true")
env.add_argument("--file", type=Path, required=True)
env.add_argument("--prefix", type=Path, required=True)
arguments = parser.parse_args()
if arguments.command == "info":
    print(json.dumps({"conda_prefix": str(Path(sys.argv[0]).parents[1]), "platform": "linux-64"}))
elif arguments.command == "config":
    print(json.dumps({"get": {arguments.get: "strict"}}))
elif arguments.command == "env":
    create(arguments.file, arguments.prefix)
