"""The hash of the code that makes a result: a module and all that it imports inside the package, found with `ast`, never executed."""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Wiring decides which code and file is used, not what is computed; whatever it decides is in the rule's params already (of a file, its hash).
WIRING = {
    PACKAGE / name
    for name in (
        "cli.py", "progress.py", "assets/asset.py", "assets/fetch.py", "assets/zenodo.py", "plan/config.py", "plan/job_specs.py", "plan/matrix.py",
        "plan/preflight.py", "plugins/code_hash.py", "plugins/headers.py", "plugins/model_cards.py", "plugins/options.py", "plugins/plugin.py",
        "plugins/registry.py",
    )
}  # fmt: skip


def _module_file(parts: list[str]) -> Path | None:
    path = PACKAGE.joinpath(*parts)
    if path.with_suffix(".py").is_file() and parts:
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


@cache
def imports(path: Path) -> frozenset[Path]:
    """Files of the package that this file imports, absolutely (`faceoff.x`) or relatively (`from . import x`)."""
    found: set[Path | None] = set()
    inside = path.is_relative_to(PACKAGE)
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {_module_file(alias.name.split(".")[1:]) for alias in node.names if alias.name.split(".")[0] == "faceoff"}
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "").split(".") if node.module else []
            if node.level and inside:
                base = [*path.relative_to(PACKAGE).parts[: -node.level], *base]
            elif not node.level and base[:1] == ["faceoff"]:
                base = base[1:]
            else:
                continue
            for alias in node.names:
                found |= {_module_file([*base, alias.name]) or (_module_file(base) if base else None)}
    return frozenset(file for file in found if file and file not in WIRING)


def code_of(*paths: Path | str) -> str:
    """First 16 hex digits of the sha256 over these files (Python or not) and, transitively, what they import inside the package."""
    todo = [Path(path).resolve() for path in paths]
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo.extend(imports(path) if path.suffix == ".py" else ())
    digest = hashlib.sha256()
    # Sorted by content as well as name, so that the place of the checkout does not matter.
    for name, content in sorted((path.name, path.read_bytes()) for path in seen):
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:16]
