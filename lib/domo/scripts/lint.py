"""What `domo-tick --check` finds in the scripts without running them: mistakes that would show on some
other day only, in a branch that is not taken now."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.model import Config, Fault
from ..core.texts import did_you_mean
from ..stores import reading
from ..system import files
from . import runner as scripts
from .api import Data, Other, Others, Relay, Timer

Finding = tuple[int, str]  # line, sentence

# Calls that look at the machine's clock when they are given so many arguments or fewer.
CLOCKS = {
    **dict.fromkeys(("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"), 1),
    **dict.fromkeys(("datetime.date.today", "time.time", "time.time_ns", "time.monotonic"), 0),
    **dict.fromkeys(("time.localtime", "time.gmtime", "time.ctime"), 0),
    "time.strftime": 1,
}
ASK_A_VALUE = {
    "raw": 0,
    "of": 1,
    "all": 0,
}  # methods of data that fail without a value, and which argument names it
ASK_THE_STAGE = ("mppt_float", "mppt_absorption_or_float", "throttled")


def lint(config: Config) -> list[str]:
    """One sentence for each finding in the scripts of `config`, with file and line; what may be meant
    so begins with "note:". A script that cannot be read or compiled is passed over here."""
    found = []
    kinds = scripts.scripted(config)
    read = {r: script for r, kind in kinds.items() if kind == "py" and (script := _read(config, r))}
    for script in read.values():
        findings = {
            *_shape(script),
            *_names(script),
            *_clocks(script),
            *_values(script, config),
            *_relays(script, config),
            *_circles(script, read),
        }
        found += [f"{script.file} line {line}: {text}" for line, text in sorted(findings)]
    return found


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


def _read(config: Config, relay: int) -> Script | None:
    file = scripts.path(config, relay)
    try:
        tree = ast.parse(files.read(file, scripts.SOURCE_LIMIT)[0])
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
    """Notes what is assigned to plain names, or runs through them."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value, runs = node.targets[0], node.value, False
        elif isinstance(node, (ast.For, ast.comprehension)):
            target, value, runs = node.target, node.iter, True
        else:
            continue
        if isinstance(target, ast.Name):
            kind = _kind(value, script)
            if kind is not None:
                script.kinds[target.id] = Other if runs and kind is Others else kind
            script.constants.setdefault(target.id, set()).update(_constants(value, script))


def _kind(node: ast.expr, script: Script) -> type | None:
    """The class of the API that an expression is, as far as one can see."""
    if isinstance(node, ast.Name):
        return script.kinds.get(node.id)
    if isinstance(node, ast.Attribute) and node.attr == "others" and _kind(node.value, script) is Relay:
        return Others
    if isinstance(node, ast.Subscript) and _kind(node.value, script) is Others:
        return Other
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "timer":
        return Timer if _kind(node.func.value, script) is Relay else None
    return None


def _constants(node: ast.expr, script: Script) -> set[object]:
    """The plain values that an expression can have, or run through, as far as one can see."""
    if isinstance(node, ast.Constant):
        return {node.value}
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return {value for part in node.elts for value in _constants(part, script)}
    return script.constants.get(node.id, set()) if isinstance(node, ast.Name) else set()


def _shape(script: Script) -> Iterator[Finding]:
    """Whether decide takes relay and data, and every path through it ends in an order."""
    decide = script.decide
    if decide is None:
        return
    if len(decide.args.args) != 2 or decide.args.kwonlyargs:
        yield decide.lineno, "decide takes two arguments: def decide(relay, data)"
    if not _leaves(decide.body):
        yield (
            decide.lineno,
            "decide can come to its end without an order; let it end with return relay.off(why)",
        )
    for node in _own(decide):
        if isinstance(node, ast.Return) and (
            node.value is None or isinstance(node.value, (ast.Constant, ast.Compare))
        ):
            yield (
                node.lineno,
                "this returns no order; write return relay.on(why), relay.off(why) or relay.keep(why)",
            )


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether these statements always leave the function: none of their paths comes to their end."""
    for node in body:
        if isinstance(node, (ast.Return, ast.Raise)):
            return True
        if isinstance(node, ast.If) and _leaves(node.body) and _leaves(node.orelse):
            return True
        if isinstance(node, ast.With) and _leaves(node.body):
            return True
        if isinstance(node, ast.Try) and (_leaves(node.finalbody) or _try_leaves(node)):
            return True
        if isinstance(node, ast.Match) and all(_leaves(case.body) for case in node.cases):
            return any(
                isinstance(c.pattern, ast.MatchAs) and not c.pattern.pattern and not c.guard
                for c in node.cases
            )
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value:
            return not any(isinstance(inner, ast.Break) for inner in ast.walk(node))
    return False


def _try_leaves(node: ast.Try) -> bool:
    return _leaves([*node.body, *node.orelse]) and all(_leaves(handler.body) for handler in node.handlers)


def _names(script: Script) -> Iterator[Finding]:
    """Names that relay and data do not have, methods that are not called, values that are."""
    called = {id(node.func) for node in ast.walk(script.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(script.tree):
        kind = _kind(node.value, script) if isinstance(node, ast.Attribute) else None
        if not isinstance(node, ast.Attribute) or kind is None:
            continue
        text = ast.unparse(node)
        values = {name for one in kind.__mro__ for name in one.__dict__.get("__annotations__", ())}
        known = values | {name for name in dir(kind) if not name.startswith("_")}
        if node.attr not in known:
            yield node.lineno, f"there is no {text}{did_you_mean(node.attr, known)}"
        elif isinstance(node.ctx, ast.Store):
            yield (
                node.lineno,
                f"{text} cannot be set; give the order with return relay.on(why) or relay.off(why)",
            )
        elif node.attr in values or isinstance(getattr(kind, node.attr), property):
            if id(node) in called:
                yield node.lineno, f"{text} is a value; write it without ()"
        elif id(node) not in called:
            yield node.lineno, f"{text} without () asks nothing; write {text}(...)"


def _clocks(script: Script) -> Iterator[Finding]:
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
                yield (
                    node.lineno,
                    f"{call} is not the tick's clock; use relay.now, which --at and domo-replay can set",
                )


def _values(script: Script, config: Config) -> Iterator[Finding]:
    """Values that are asked for as if they were always there, but are not in valueUse; a mistake rather
    than a note where PvMonit reports none of that name, but one that looks like it."""
    there, asked = _reported(config), {*config.required, *_looked_for(script)}
    for node in (node for node in ast.walk(script.tree) if isinstance(node, ast.expr)):
        for name in _asked(node, script) - asked:
            near = "" if name in there else did_you_mean(str(name), {*config.required, *there}, 0.6)
            note = "" if near else "note: "
            yield (
                node.lineno,
                f"{note}{name} is not in valueUse, so this script fails whenever it is missing{near}",
            )


def _reported(config: Config) -> set[str]:
    """The values that PvMonit reports at the moment."""
    try:
        devices = reading.parse(files.read(config.tmpFileDataXml)[0])
    except (OSError, Fault):
        return set()
    return {name for _, _, _, values in devices for name in values}


def _asked(node: ast.expr, script: Script) -> set[object]:
    """The values that this node asks of data and cannot do without."""
    if isinstance(node, ast.Subscript) and _kind(node.value, script) is Data:
        return _constants(node.slice, script)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return set()
    if _kind(node.func.value, script) is not Data:
        return set()
    if node.func.attr in ASK_THE_STAGE:
        return {"CS"}
    place = ASK_A_VALUE.get(node.func.attr, len(node.args))
    return _constants(node.args[place], script) if place < len(node.args) else set()


def _looked_for(script: Script) -> set[object]:
    """The values whose absence the script itself asks about: "P" in data."""
    asked = [
        n
        for n in ast.walk(script.tree)
        if isinstance(n, ast.Compare) and _kind(n.comparators[0], script) is Data
    ]
    return {value for node in asked for value in _constants(node.left, script)}


def _looks_at(script: Script) -> dict[object, int]:
    """The relays that a script looks at by number, each with the first line where it does."""
    seen: dict[object, int] = {}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Subscript) and _kind(node.value, script) is Others:
            for number in _constants(node.slice, script):
                seen[number] = min(node.lineno, seen.get(number, node.lineno))
    return seen


def _relays(script: Script, config: Config) -> Iterator[Finding]:
    for number, line in _looks_at(script).items():
        if number not in config.relays:
            yield line, f"there is no relay {number!r}; there are 1 to {config.relayNb}"
    for node in ast.walk(script.tree):
        if (
            not isinstance(node, ast.Attribute)
            or node.attr != "probe"
            or script.relay not in config.uninterruptible
        ):
            continue
        if _kind(node.value, script) is Relay:
            yield (
                node.lineno,
                f"relay {script.relay} is uninterruptible in config.yaml, so it cannot be probed",
            )


def _circles(script: Script, read: dict[int, Script]) -> Iterator[Finding]:
    """The shortest circle in which scripts look at each other, told at the lowest relay in it."""
    looks = {
        relay: [n for n in _looks_at(other) if n in read and n != relay] for relay, other in read.items()
    }
    paths: list[list[int]] = [[script.relay]]
    seen = {script.relay}
    for path in paths:
        for after in sorted(n for n in looks[path[-1]] if isinstance(n, int) and n >= script.relay):
            if after == script.relay:
                circle = " and ".join(
                    f"relay {a} looks at {b}" for a, b in zip(path, [*path[1:], after], strict=True)
                )
                yield _looks_at(script)[[*path, after][1]], f"{circle}: each may wait for the other for ever"
                return
            if after not in seen:
                seen.add(after)
                paths.append([*path, after])
