"""What can be wrong with a script in this house: values that may be missing, relays that do not exist,
scripts that wait for each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..core.model import Fault
from ..core.settings import Config
from ..core.texts import did_you_mean
from ..stores import reading
from ..stores.bounded import SECONDS
from ..system import files
from ..system.apart import apart
from .api import Data, Others, Relay
from .lint_form import Finding
from .parsed import Script, constants_of, kind_of
from .stairs import unfit

# methods of data that fail without a value, and which argument names it
ASK_A_VALUE = {"raw": 0, "of": 1, "all": 0}
# those that always ask for the same values
ASK_THE_SAME: dict[object, dict[str, tuple[str, ...]]] = {
    Data: dict.fromkeys(("mppt_float", "mppt_absorption_or_float", "throttled", "full_today"), ("CS",)),
    Relay: {"staircase": ("CS", "P", "SOC")},
}


def values(script: Script, config: Config) -> Iterator[Finding]:
    """Values that are asked for as if they were always there, but are not in valueUse. It is a mistake, not
    only a note, if PvMonit reports none of that name, but one with a similar name."""
    there, asked = _reported(config), {*config.required, *_tested(script)}
    for node in (node for node in ast.walk(script.tree) if isinstance(node, ast.expr)):
        for name in sorted(_asked(node, script) - asked, key=str):
            near = "" if name in there else did_you_mean(str(name), {*config.required, *there}, 0.6)
            why = f"{name} is not in valueUse, so this script fails whenever it is missing"
            if there and name not in there:
                why = f"no device reports {name} now, so this script fails"
            yield Finding(node.lineno, f"{why}{near}", mistake=bool(near))


def _reported(config: Config) -> set[str]:
    """The values that PvMonit reports at the moment; none where the data file does not answer in time."""

    def names() -> list[str]:
        try:
            devices = reading.parse(files.read(config.tmpFileDataXml)[0])
        except (OSError, Fault):
            return []
        return [name for _, _, _, values in devices for name in values]

    return set(apart(names, SECONDS)[0] or ())


def _asked(node: ast.expr, script: Script) -> set[object]:
    """The values that this node asks of data and cannot do without."""
    if isinstance(node, ast.Subscript) and kind_of(node.value, script) is Data:
        return constants_of(node.slice, script)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return set()
    kind = kind_of(node.func.value, script)
    if same := ASK_THE_SAME.get(kind, {}).get(node.func.attr):
        return set(same)
    if kind is not Data:
        return set()
    place = ASK_A_VALUE.get(node.func.attr, len(node.args))
    return constants_of(node.args[place], script) if place < len(node.args) else set()


def _tested(script: Script) -> set[object]:
    """The values whose absence the script itself asks about: "P" in data."""
    asked = [
        n
        for n in ast.walk(script.tree)
        if isinstance(n, ast.Compare) and kind_of(n.comparators[0], script) is Data
    ]
    return {value for node in asked for value in constants_of(node.left, script)}


def _looks_at(script: Script) -> dict[object, int]:
    """The relays that a script looks at by number, each with the first line where it does."""
    seen: dict[object, int] = {}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Subscript) and kind_of(node.value, script) is Others:
            for number in constants_of(node.slice, script):
                seen[number] = min(node.lineno, seen.get(number, node.lineno))
    return seen


def relays(script: Script, config: Config) -> Iterator[Finding]:
    """Relays that do not exist, and a `probe` of one that is uninterruptible."""
    for number, line in _looks_at(script).items():
        if number not in config.relays:
            yield Finding(line, f"there is no relay {number!r}; there are 1 to {config.relayNb}")
    for node in ast.walk(script.tree) if script.relay in config.uninterruptible else ():
        if isinstance(node, ast.Attribute) and node.attr == "probe" and kind_of(node.value, script) is Relay:
            text = f"relay {script.relay} is uninterruptible in config.yaml, so it cannot be probed"
            yield Finding(node.lineno, text)


def stairs(script: Script, config: Config) -> Iterator[Finding]:
    """Why `relay.staircase` gives no order, minute after minute."""
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr != "staircase" or kind_of(node.func.value, script) is not Relay:
            continue
        given = [*node.args[1:2], *(one.value for one in node.keywords if one.arg == "heaters")]
        heaters = {number for one in given for number in constants_of(one, script)}
        for number in sorted(heaters, key=str):
            if number not in config.relays:
                yield Finding(node.lineno, f"there is no relay {number!r}; there are 1 to {config.relayNb}")
            elif isinstance(number, int) and (why := unfit(number, config)):
                yield Finding(node.lineno, why)
        if heaters and script.relay not in heaters and not _may_be_itself(script):
            yield Finding(node.lineno, f"relay {script.relay} is not among the heaters of its staircase")


def _may_be_itself(script: Script) -> bool:
    """Whether it may mean its own relay by something that cannot be seen here."""
    nodes = ast.walk(script.tree)
    return any(isinstance(n, ast.Starred) or (isinstance(n, ast.Attribute) and n.attr == "id") for n in nodes)


def circles(script: Script, read: dict[int, Script]) -> Iterator[Finding]:
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
                line = _looks_at(script)[[*path, after][1]]
                yield Finding(line, f"{circle}: each may wait for the other for ever")
                return
            if after not in seen:
                seen.add(after)
                paths.append([*path, after])
