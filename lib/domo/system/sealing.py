"""Writes the files that `sealed` reads, when a tick could not use them."""

from __future__ import annotations
import __future__

import ast
import marshal
import sys
from _frozen_importlib_external import ExtensionFileLoader, SourceFileLoader
from _imp import source_hash

from ..core.model import Fault
from ..sealed import BEFORE, OWN, TAG, path, stamp
from . import files
from .cache import made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..sealed import Module


def loaded_for(*modules: str) -> list[str]:
    """Imports modules; gives the names of all that this loaded, in their order. A damaged one is reported
    later, by the code that needs it."""
    before = set(sys.modules)
    for name in modules:
        try:
            __import__(name)
        except Exception:
            pass
    return [name for name in sys.modules if name not in before]


def write(own: Sequence[str], later: Mapping[str, Sequence[str]]) -> None:
    """Writes the bytecode of the modules that each tick loads (each comes after those that it imports) and of
    the board's, which the next tick needs too; and of the parts that are used `later`. A file that cannot be
    written is no fault."""
    board = [name for name in sys.modules if name.startswith("domo.pins.") and name not in own]
    try:
        made()
        for part, names in (*later.items(), (OWN, [*own, *board])):  # the last one counts
            body = _all(names)
            files.replace(path(part), TAG + source_hash(0, body) + body, 0o600)
    except (Fault, OSError):
        pass


def _all(names: Sequence[str]) -> bytes:
    """What is kept of these modules. Raises OSError."""
    names = [name for name in names if name not in BEFORE and name != "__future__" and _has_file(name)]
    return marshal.dumps(list(map(_sealed, names)))


def _has_file(name: str) -> bool:
    spec = sys.modules[name].__spec__
    return spec is not None and isinstance(spec.loader, (SourceFileLoader, ExtensionFileLoader))


def _sealed(name: str) -> Module:
    """What is kept of a module. Raises OSError."""
    spec = sys.modules[name].__spec__
    assert spec
    assert spec.origin
    when = stamp(spec.origin)
    if isinstance(spec.loader, ExtensionFileLoader):
        return name, spec.origin, when, False, None
    assert isinstance(spec.loader, SourceFileLoader)
    source = _lean(ast.parse(spec.loader.get_data(spec.origin)))
    flags = __future__.annotations.compiler_flag
    code = compile(source, spec.origin, "exec", flags, dont_inherit=True, optimize=2)  # no docstrings
    return name, spec.origin, when, spec.submodule_search_locations is not None, code


def _lean(module: ast.Module) -> ast.Module:
    """The module without what only readers and type checkers need."""
    body: list[ast.stmt] = []
    for statement in module.body:
        match statement:
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                body += statement.orelse
            case ast.ImportFrom(module="__future__"):
                pass
            case _:
                body.append(statement)
    module.body = body
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return module
