"""A script as its syntax tree, and what its names stand for, as far as one can see without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ..core.model import Fault
from ..core.settings import Config
from ..system import files
from . import source
from .api import Data, Other, Others, Relay, Timer


@dataclass(frozen=True)
class Script:
    """A parsed script: `kinds` are the names that stand for something of the API, `constants` the
    plain values that a name can have."""

    relay: int
    file: str
    tree: ast.Module
    decide: ast.FunctionDef | None
    kinds: dict[str, type]
    constants: dict[str, set[object]]


def read(config: Config, relay: int) -> Script | None:
    """The script of a relay, None when it cannot be read or compiled."""
    file = source.path(config, relay)
    try:
        tree = ast.parse(files.read(file, source.SOURCE_LIMIT)[0])
    except (OSError, Fault, ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    decide = next(
        (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "decide"), None
    )
    names = [argument.arg for argument in decide.args.args] if decide else []
    script = Script(relay, file, tree, decide, dict(zip(names, (Relay, Data), strict=False)), {})
    for _ in range(2):  # the second time for names that stand for names
        _learn(script)
    return script


def _learn(script: Script) -> None:
    """Notes what plain names stand for: what is assigned to them, or what a loop puts into them."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value, runs = node.targets[0], node.value, False
        elif isinstance(node, (ast.For, ast.comprehension)):
            target, value, runs = node.target, node.iter, True
        else:
            continue
        if isinstance(target, ast.Name):
            kind = kind_of(value, script)
            if kind is not None:
                script.kinds[target.id] = Other if runs and kind is Others else kind
            script.constants.setdefault(target.id, set()).update(constants_of(value, script))


def kind_of(node: ast.expr, script: Script) -> type | None:
    """The class of the API that an expression is, as far as one can see."""
    if isinstance(node, ast.Name):
        return script.kinds.get(node.id)
    if isinstance(node, ast.Attribute) and node.attr == "others" and kind_of(node.value, script) is Relay:
        return Others
    if isinstance(node, ast.Subscript) and kind_of(node.value, script) is Others:
        return Other
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "timer":
        return Timer if kind_of(node.func.value, script) is Relay else None
    return None


def constants_of(node: ast.expr, script: Script) -> set[object]:
    """The plain values that an expression can have, or run through, as far as one can see."""
    if isinstance(node, ast.Constant):
        return {node.value}
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return {value for part in node.elts for value in constants_of(part, script)}
    if isinstance(node, ast.Attribute) and node.attr == "id" and kind_of(node.value, script) is Relay:
        return {script.relay}
    return script.constants.get(node.id, set()) if isinstance(node, ast.Name) else set()
