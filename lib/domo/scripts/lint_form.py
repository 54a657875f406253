"""What can be wrong with a script by itself: its shape, names that do not exist, decimals with a comma, the
machine's clock."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator
from typing import NamedTuple

from ..core.texts import did_you_mean
from ..stores.checks import DECIMAL
from .parsed import Script, kind_of


class Finding(NamedTuple):
    """What was found in a line of a script. `mistake` is False if it may be meant so."""

    line: int
    text: str
    mistake: bool = True


# Calls that look at the machine's clock, unless they get more arguments than this.
CLOCKS = {
    **dict.fromkeys(("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"), 1),
    **dict.fromkeys(("datetime.date.today", "time.time", "time.time_ns", "time.monotonic"), 0),
    **dict.fromkeys(("time.localtime", "time.gmtime", "time.ctime"), 0),
    "time.strftime": 1,
}
VALUES = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.BinOp, ast.ClassDef)


def shape(script: Script) -> Iterator[Finding]:
    """Whether decide takes relay and data, and every path through it ends in an order."""
    for one in script.tree.body:
        if isinstance(one, ast.AsyncFunctionDef) and one.name == "decide":
            yield Finding(one.lineno, "decide gives no order, it is async; write def decide(relay, data)")
        elif _decides(one) and isinstance(getattr(one, "value", one), VALUES):
            yield Finding(one.lineno, "decide is no function; write def decide(relay, data)")
    decide = script.decide
    if decide is None:
        return
    if len(decide.args.args) != 2 or decide.args.kwonlyargs:
        yield Finding(decide.lineno, "decide takes two arguments: def decide(relay, data)")
    if not _leaves(decide.body):
        yield Finding(
            decide.lineno,
            "decide can end without an order; end it with return relay.off(why)",
        )
    for node in _own(decide):
        if isinstance(node, ast.Return) and (
            node.value is None or isinstance(node.value, (ast.Constant, ast.Compare))
        ):
            yield Finding(
                node.lineno,
                "this returns no order; write return relay.on(why), relay.off(why) or relay.keep(why)",
            )


def _decides(node: ast.stmt) -> bool:
    """Whether this statement gives the name decide to a class or a value."""
    if isinstance(node, ast.ClassDef):
        return node.name == "decide"
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == "decide" for target in targets)


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether every path through these statements leaves the function."""
    for node in body:
        if isinstance(node, (ast.Return, ast.Raise)):
            return True
        if isinstance(node, ast.If) and _leaves(node.body) and _leaves(node.orelse):
            return True
        if isinstance(node, ast.With) and _leaves(node.body):
            return True
        if isinstance(node, ast.Try) and (_leaves(node.finalbody) or _try_leaves(node)):
            return True
        if isinstance(node, ast.Match) and _match_leaves(node):
            return True
        endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value
        if endless and not any(isinstance(inner, ast.Break) for inner in ast.walk(node)):
            return True
    return False


def _match_leaves(node: ast.Match) -> bool:
    rest = (c for c in node.cases if isinstance(c.pattern, ast.MatchAs) and not c.pattern.pattern)
    return all(_leaves(case.body) for case in node.cases) and any(not case.guard for case in rest)


def _try_leaves(node: ast.Try) -> bool:
    return _leaves([*node.body, *node.orelse]) and all(_leaves(handler.body) for handler in node.handlers)


def names(script: Script) -> Iterator[Finding]:
    """Names that relay and data do not have, methods that are not called, values that are called."""
    called = {id(node.func): node for node in ast.walk(script.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(script.tree):
        kind = kind_of(node.value, script) if isinstance(node, ast.Attribute) else None
        if not isinstance(node, ast.Attribute) or kind is None:
            continue
        text = ast.unparse(node)
        values = {name for one in kind.__mro__ for name in one.__dict__.get("__annotations__", ())}
        attributes = values | {name for name in dir(kind) if not name.startswith("_")}
        if node.attr not in attributes:
            yield Finding(node.lineno, f"there is no {text}{did_you_mean(node.attr, attributes)}")
        elif isinstance(node.ctx, ast.Store):
            yield Finding(
                node.lineno,
                f"{text} cannot be set; give the order with return relay.on(why) or relay.off(why)",
            )
        elif node.attr in values or isinstance(getattr(kind, node.attr), property):
            if id(node) in called:
                yield Finding(node.lineno, f"{text} is a value; write it without ()")
        elif id(node) not in called:
            yield Finding(node.lineno, f"{text} needs its brackets; write {text}(...)")
        elif wrong := _wrong_arguments(called[id(node)], inspect.getattr_static(kind, node.attr), text):
            yield Finding(node.lineno, wrong)


def unknown(script: Script) -> Iterator[Finding]:
    """Names that nothing in the script defines: misspelled, or once with and once without an accent."""
    known, used = set(dir(builtins)), []
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            used.append(node)
        elif isinstance(node, ast.alias):
            known.add((node.asname or node.name).partition(".")[0])
        elif not isinstance(node, ast.keyword):  # of a call
            known |= {getattr(node, field, None) or "" for field in ("id", "name", "arg", "rest")}
    if "*" in known or {"exec", "globals"} & {node.id for node in used}:
        return  # what else there is cannot be seen
    for node in used:
        if node.id not in known and not node.id.startswith("__"):
            yield Finding(node.lineno, f"there is no {node.id}{did_you_mean(node.id, known)}")


def commas(script: Script) -> Iterator[Finding]:
    """Decimals with a comma, which are two values: as a condition they are always true."""
    nodes = [*ast.walk(script.tree)]
    tests: list[ast.expr] = [node.test for node in nodes if isinstance(node, (ast.If, ast.IfExp, ast.While))]
    for test in tests:
        if isinstance(test, ast.BoolOp):
            tests += test.values
        elif isinstance(test, ast.UnaryOp):
            tests.append(test.operand)
        elif isinstance(test, ast.Tuple) and test.elts:
            yield Finding(test.lineno, f"{ast.unparse(test)} is always true; {DECIMAL}")
    for node in (node for node in nodes if isinstance(node, ast.Assign)):
        pair = node.value if isinstance(node.targets[0], ast.Name) else None
        if isinstance(pair, ast.Tuple) and len(pair.elts) == 2 and isinstance(pair.elts[1], ast.Constant):
            first, second = pair.elts
            if first.col_offset == pair.col_offset and first.end_col_offset == second.col_offset - 1:
                yield Finding(node.lineno, f"{ast.unparse(pair)} is two values; {DECIMAL}", mistake=False)


def _wrong_arguments(call: ast.Call, method: object, text: str) -> str:
    """What is wrong with what a method of the API (called `text` in the script) is given, or ""."""
    function = getattr(method, "_method", method)  # see api.question
    named = {one.arg: one for one in call.keywords if one.arg}
    if not inspect.isfunction(function) or len(named) < len(call.keywords):
        return ""
    if any(isinstance(one, ast.Starred) for one in call.args):
        return ""
    signature = inspect.signature(function)
    try:
        signature.bind(None, *call.args, **named)
    except TypeError as error:
        _, *wanted = signature.parameters.values()
        needs = ", ".join(one.name for one in wanted if one.default is one.empty)
        return f"{ast.unparse(call)}: {error}; write {text}({needs})"
    return ""


def clocks(script: Script) -> Iterator[Finding]:
    """Calls that look at the machine's clock, instead of relay.now."""
    full: dict[str, str] = {}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Import):
            full.update({a.asname or a.name: a.name for a in node.names})
        elif isinstance(node, ast.ImportFrom):
            full.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call):
            first, dot, rest = ast.unparse(node.func).partition(".")
            given = CLOCKS.get(f"{full.get(first, first)}{dot}{rest}")
            if given is not None and len(node.args) + len(node.keywords) <= given:
                call = ast.unparse(node)
                yield Finding(
                    node.lineno,
                    f"{call} is not the tick's clock; use relay.now, which --at and domo-replay can set",
                )
