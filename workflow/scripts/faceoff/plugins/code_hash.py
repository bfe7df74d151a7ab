"""Hash the code that makes a result, so that an edit reruns the jobs whose output can change.

The hash follows definitions, not files: from a stage's module to the functions, classes and
constants that it uses, and on through the package. Comments, docstrings, layout and annotations of
functions do not count. Files are parsed with `ast` and never executed.

Two dependencies stay unseen, and the package avoids them: a module that is imported by a computed
name (the plan names such files as further roots), and a decorator or a call in an assignment that
changes something besides what it defines.
"""

import ast
import hashlib
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from faceoff.storage.files import write_text

PACKAGE = Path(__file__).parents[1]
# Files and folders (with a closing slash) that the hash leaves out, relative to the package. They
# decide which code and file a job uses; the job's params state that already (a file by its hash).
# Energy and versions are written beside a result, never into it.
WIRING = (
    "cli.py",
    "progress.py",
    "assets/",
    "plan/",
    "plugins/code_hash.py",
    "plugins/headers.py",
    "plugins/model_cards.py",
    "plugins/moved.py",
    "plugins/options.py",
    "plugins/plugin.py",
    "plugins/registry.py",
    "inference/energy.py",
    "inference/versions.py",
)


@dataclass(frozen=True)
class Origin:
    """Say where an imported name comes from: a file of the package, or a module outside it.

    name: the definition in that file; None where the name stands for the module itself.
    """

    file: Path | None
    name: str | None
    text: str


class Statement:
    """Hold one top-level statement: its code as text, and which names it uses.

    bare: names used by themselves; dotted: names used as `name.attribute`; imports: those inside.
    """

    def __init__(self, node: ast.stmt):
        self.node = node
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.bare: set[str] = set()
        self.dotted: set[tuple[str, str]] = set()

    @cached_property
    def code(self) -> str:
        """Return the statement as text, without docstrings, imports and annotations."""
        text: list[str] = []
        self._read(self.node, text, frozenset())
        return " ".join(text)

    def _read(self, node: ast.AST, text: list[str], local: frozenset[str]) -> None:
        """Add a node and its children to the text, and what they use to the names.

        local: names of the functions around the node, which are no definitions of the module.
        """
        kind = node.__class__
        if isinstance(node, _IMPORTS):
            self.imports.append(node)
            return
        if _is_text(node):
            return
        text.append(kind.__name__)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id not in local:
                self.dotted.add((node.value.id, node.attr))
            text.append(f"{node.value.id}.{node.attr}")
            return
        if isinstance(node, ast.Name):
            if node.id not in local:
                self.bare.add(node.id)
            text.append(node.id)
            return
        inner = local | _locals_of(node) if kind in _SCOPES else local
        for name in kind._fields:
            value = getattr(node, name, None)
            if value is None or name in _UNSEEN.get(kind, ()):
                continue
            scope = local if name in _OUTSIDE else inner
            if isinstance(value, list):
                text.append("[")
                for item in value:
                    if isinstance(item, ast.AST):
                        self._read(item, text, scope)
                    else:
                        text.append(repr(item))
                text.append("]")
            elif isinstance(value, ast.AST):
                self._read(value, text, scope)
            else:
                text.append(repr(value))


_IMPORTS = (ast.Import, ast.ImportFrom)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPES = frozenset((*_FUNCTIONS, *_COMPREHENSIONS))
_OUTSIDE = {"decorator_list", "args"}  # of a function, but evaluated outside it
# Parts of nodes that cannot change a result.
_UNSEEN: dict[type[ast.AST], tuple[str, ...]] = {
    ast.FunctionDef: ("returns", "type_comment"),
    ast.AsyncFunctionDef: ("returns", "type_comment"),
    ast.arg: ("annotation", "type_comment"),
}


def _is_text(node: ast.AST) -> bool:
    """Return whether a node is a text by itself, as docstrings are."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@dataclass
class Module:
    """Hold a parsed file: its statements, what defines each name, and where imports come from."""

    statements: list[Statement] = field(default_factory=list)
    defined_by: dict[str, list[int]] = field(default_factory=dict)
    imported: dict[str, set[Origin]] = field(default_factory=dict)

    @cached_property
    def unnamed(self) -> list[int]:
        """Return the statements that do more than define names, so that every import runs them.

        These are calls, `if` blocks, and assignments to attributes or items, say.
        """
        return [n for n, s in enumerate(self.statements) if not _only_defines(s.node)]


def _only_defines(node: ast.stmt) -> bool:
    """Return whether a statement is a definition, or assigns to names alone."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = (part for target in targets for part in ast.walk(target))
        return not any(isinstance(part, ast.Attribute | ast.Subscript) for part in parts)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


@cache
def is_wiring(path: Path) -> bool:
    """Return whether the hash leaves a file of the package out."""
    name = path.relative_to(PACKAGE).as_posix()
    return any(name.startswith(entry) if entry.endswith("/") else name == entry for entry in WIRING)


def _module_file(parts: list[str]) -> Path | None:
    path = PACKAGE.joinpath(*parts)
    if parts and path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


def _imported(path: Path, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Origin]]:
    """Yield (local name, origin) of an import, absolute (`faceoff.x`) or relative (`.x`)."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            first, *rest = alias.name.split(".")
            local = alias.asname or first
            file = _module_file(rest) if first == "faceoff" else None
            yield local, Origin(file, None, alias.name)
        return
    base = node.module.split(".") if node.module else []
    if node.level and path.is_relative_to(PACKAGE):
        base = [*path.relative_to(PACKAGE).parts[: -node.level], *base]
    elif not node.level and base[:1] == ["faceoff"]:
        base = base[1:]
    else:
        for alias in node.names:
            yield alias.asname or alias.name, Origin(None, alias.name, ".".join(base))
        return
    for alias in node.names:
        local, module = alias.asname or alias.name, _module_file([*base, alias.name])
        if module:
            yield local, Origin(module, None, alias.name)
        elif (owner := _module_file(base)) is not None:
            name = None if alias.name == "*" else alias.name
            yield local, Origin(owner, name, f"{base[-1] if base else ''}.{alias.name}")


@cache
def parsed(path: Path) -> Module:
    """Parse a Python file into its top-level statements and imports."""
    module = Module()
    for node in ast.parse(path.read_bytes(), filename=str(path)).body:
        if _is_text(node) or _is_for_types(node):
            continue
        # `try` and `if` blocks import for the whole module too.
        for inner in _stored([node]):
            if isinstance(inner, _IMPORTS):
                for local, origin in _imported(path, inner):
                    module.imported.setdefault(local, set()).add(origin)
        if not isinstance(node, _IMPORTS):
            for name in _bound(node):
                module.defined_by.setdefault(name, []).append(len(module.statements))
            module.statements.append(Statement(node))
    return module


def _is_for_types(node: ast.stmt) -> bool:
    """Return whether a statement is an `if TYPE_CHECKING:` block, which never runs."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
        and not node.orelse
    )


def _stored(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield nodes and their children that belong to the same scope."""
    todo = list(nodes)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)):
            todo.extend(ast.iter_child_nodes(node))


def _names_bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that statements bind in their own scope, without those of imports."""
    bound: set[str] = set()
    for node in _stored(nodes):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            bound.update([node.name] if node.name else [])
    return bound


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a top-level statement defines."""
    return _names_bound([node])


def _locals_of(node: ast.AST) -> frozenset[str]:
    """Return the names that are local to a function or comprehension.

    Names that a function imports or declares global are not: they lead to definitions.
    """
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        targets = _names_bound([generator.target for generator in node.generators])
        # The first iterable is evaluated outside, where the same name may be the module's.
        outside = {n.id for n in ast.walk(node.generators[0].iter) if isinstance(n, ast.Name)}
        return frozenset(targets - outside)
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return frozenset()
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    led: set[str] = set()
    for inner in _stored(body):
        if isinstance(inner, ast.Global):
            led.update(inner.names)
        elif isinstance(inner, _IMPORTS):
            led.update(alias.asname or alias.name.split(".")[0] for alias in inner.names)
    return frozenset(({argument.arg for argument in every} | _names_bound(body)) - led)


def imports(path: Path) -> frozenset[Path]:
    """Return the files of the package that this file imports anywhere, the wiring among them."""
    nodes = [n for n in ast.walk(ast.parse(path.read_bytes())) if isinstance(n, _IMPORTS)]
    return frozenset(o.file for node in nodes for _, o in _imported(path, node) if o.file)


def _tracked(origins: Iterable[Origin]) -> frozenset[Path]:
    """Return the files of the package that are not wiring."""
    return frozenset(o.file for o in origins if o.file and not is_wiring(o.file))


@cache
def _edges(path: Path, index: int) -> tuple[frozenset[tuple[Path, str | None]], str]:
    """Return what a statement uses in the package, as (file, name), and its imports as text.

    A module that is used by itself (passed on, say) counts whole: the name is None.
    """
    module, statement = parsed(path), parsed(path).statements[index]
    code = statement.code  # reads the names
    origins = {name: set(places) for name, places in module.imported.items()}
    for node in statement.imports:
        for local, origin in _imported(path, node):
            origins.setdefault(local, set()).add(origin)
    wanted: set[tuple[Path, str | None]] = set()
    wired: set[str] = set()
    for name, attribute in [*((name, None) for name in statement.bare), *statement.dotted]:
        if name in module.defined_by:
            wanted.add((path, name))
        for origin in origins.get(name, ()):
            wired.add(f"{name}={origin.text}:{origin.name}")
            if origin.file and not is_wiring(origin.file):
                wanted.add((origin.file, attribute if origin.name is None else origin.name))
    return frozenset(wanted), f"{code}\0{' '.join(sorted(wired))}"


def reached(roots: Iterable[tuple[Path, str | None]]) -> dict[Path, set[int]]:
    """Return the statements that these definitions depend on, by file and place in it.

    roots: (file, name of a definition in it), with None for the whole file.
    """
    todo = list(roots)
    seen: set[tuple[Path, str | None]] = set()
    statements: dict[Path, set[int]] = {}
    while todo:
        path, name = todo.pop()
        if (path, name) in seen:
            continue
        seen.add((path, name))
        module = parsed(path)
        wanted: Iterable[int] = ()
        if path not in statements:
            # Python runs the code outside definitions, here and in each imported module.
            statements[path] = set()
            wanted = module.unnamed
            origins = (origin for places in module.imported.values() for origin in places)
            todo.extend((file, _ON_IMPORT) for file in _tracked(origins))
        if name is None:
            wanted = range(len(module.statements))
        elif name in module.defined_by:
            wanted = [*wanted, *module.defined_by[name]]
        elif name in module.imported:
            for origin in module.imported[name]:
                if origin.file and not is_wiring(origin.file):
                    todo.append((origin.file, origin.name))
        elif name != _ON_IMPORT:  # the name is made in another way, so the whole file counts
            todo.append((path, None))
        for index in wanted:
            if index not in statements[path]:
                statements[path].add(index)
                todo.extend(_edges(path, index)[0])
    return statements


_ON_IMPORT = ""  # the name of a module's statements that run whatever is imported from it


def code_of(*roots: Path | tuple[Path, str]) -> str:
    """Return the first 16 hex digits of the sha256 of all code that these depend on.

    A root is a file, or (file, name) of one definition in it. Files that are not Python count with
    all their bytes.
    """
    pairs = [(root.resolve(), None) if isinstance(root, Path) else root for root in roots]
    parts = [(path.name, path.read_bytes()) for path, _ in pairs if path.suffix != ".py"]
    python = ((path.resolve(), name) for path, name in pairs if path.suffix == ".py")
    for path, indices in reached(python).items():
        parts += [(path.name, _edges(path, index)[1].encode()) for index in indices]
    digest = hashlib.sha256()
    # Sorted by content as well as name, so that the place of the checkout does not matter.
    for name, content in sorted(parts):
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:16]


def forget() -> None:
    """Drop what was read, so that files edited since are read again."""
    for kept in (parsed, _edges, is_wiring, _state):
        kept.cache_clear()


_STATES = 4  # of the package whose hashes are kept: switching between branches costs nothing


def kept_code_of(folder: Path, *roots: Path | tuple[Path, str]) -> str:
    """Return `code_of`, kept in a folder for as long as no file changes size or time.

    Reading the whole package takes half the start of a run.
    """
    files = [root if isinstance(root, Path) else root[0] for root in roots]
    names = [None if isinstance(root, Path) else root[1] for root in roots]
    asked = repr([(*_stamp(file), name) for file, name in zip(files, names, strict=True)])
    place = folder / _state() / hashlib.sha256(asked.encode()).hexdigest()[:32]
    with suppress(OSError):
        kept = place.read_text(encoding="ascii")
        if re.fullmatch("[0-9a-f]{16}", kept):
            return kept
    code = code_of(*roots)
    with suppress(OSError):  # a cache that cannot be written is none
        if not place.parent.is_dir():
            states = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime_ns)
            for old in states[: 1 - _STATES]:
                shutil.rmtree(old, ignore_errors=True)
        write_text(place, code)
    return code


@cache
def _state() -> str:
    """Return a text that changes when a file of the package does, or Python."""
    stamps = sorted(_stamp(path) for path in PACKAGE.rglob("*.py"))
    return hashlib.sha256(repr((sys.version_info, stamps)).encode()).hexdigest()[:16]


def _stamp(path: Path) -> tuple[str, int, int]:
    """Return a file's path, size and time of change."""
    status = path.stat()
    return (str(path.resolve()), status.st_size, status.st_mtime_ns)
