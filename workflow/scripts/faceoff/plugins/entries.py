"""Read the entry of a module, such as `FIGURE = PaperFigure(title=..., ...)`, without running it.

The plan of a run asks for the names of figures and tables before anything has run; importing their
modules would load matplotlib and pyarrow.
"""

import ast
from pathlib import Path
from typing import Any

from faceoff.plugins import code_hash


def modules(folder: Path, name: str) -> list[Path]:
    """Return the modules of a folder that define an entry of this name, sorted."""
    return sorted(path for path in folder.glob("*.py") if name in code_hash.parsed(path).defined_by)


def arguments(path: Path, name: str) -> dict[str, Any]:
    """Return the keyword arguments of a module's entry: literals by value, all others as None.

    Raises ValueError where the entry is no call.
    """
    module = code_hash.parsed(path)
    node = module.statements[module.defined_by[name][-1]].node
    if not (isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call)):
        raise ValueError(f"{path}:{node.lineno}: {name} must be a call with keyword arguments")
    return {item.arg: _literal(item.value) for item in node.value.keywords if item.arg}


def _literal(node: ast.expr) -> Any:
    """Return the value of a literal, None for anything else."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None
