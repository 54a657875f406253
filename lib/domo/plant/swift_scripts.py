"""How a replay asks scripts: they are read once, and see a bare API. It changes none of their answers.

A real tick does none of this: it would cost more than it saves.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING, Any

from ..core.model import Order, ScriptError
from ..core.settings import Config
from ..scripts import source
from ..scripts.api import Data, Other, Relay, World

if TYPE_CHECKING:
    Script = tuple[CodeType, source.Decide | None, bool]  # see `ready`
    Ready = Mapping[int, Script]  # by relay

MOST_ANSWERS = 20_000  # answers that are remembered
FEW = 100  # timers: so few are never too many to be kept

_answers: dict[tuple[str, str], Order] = {}


def _said(wanted: str) -> Any:
    """An answer of a relay. Most were given before, with the same reason."""
    return lambda relay, why: _answers.get((wanted, why)) or _answered(wanted, why)


def _answered(wanted: str, why: str) -> Order:
    order: Order = getattr(Relay, wanted)(None, why)
    if type(why) is str:
        if len(_answers) > MOST_ANSWERS:
            _answers.clear()
        _answers[wanted, why] = order
    return order


def _bare(kind: type, **own: Any) -> Any:
    """A class of the API that gives no hints about wrong names or missing brackets: they make looking up
    names slow. Only for scripts whose answers are the same without the hints (see `plain`). It saves 7 % of
    a replay."""
    members: dict[str, Any] = {}
    for parent in reversed(kind.__mro__[:-1]):
        members.update({name: getattr(item, "_method", item) for name, item in vars(parent).items()})
    for name in ("__getattr__", "__dict__", "__weakref__"):
        members.pop(name, None)
    return type(kind.__name__, (), members | own)


BareRelay = _bare(Relay, on=_said("on"), off=_said("off"), keep=_said("keep"))
QUESTIONS = {name for kind in (Other, Data) for name, item in vars(kind).items() if hasattr(item, "_method")}


class Minute(World):
    """What all scripts of a tick see, until one fails."""

    kind = _bare(Data)

    @property
    def now(self) -> datetime:
        """The local time of this tick. A time zone changes only at a quarter of an hour."""
        if self._now is None:
            self._now = datetime.fromtimestamp(self.wall, _zone(self.wall // 900))
        return self._now


@lru_cache(2)
def _zone(quarter: float) -> tzinfo | None:
    return datetime.fromtimestamp(900 * quarter).astimezone().tzinfo


def helped(world: World) -> World:
    """The same for a script that may fail."""
    if type(world.data) is not Data:
        world.data = Data(world.reading, world.past, world.config, world.wall)
    return world


def ready(config: Config, relays: list[int], library: source.Library) -> Ready:
    """The scripts that can be run, by relay, which no tick reads again: the bytecode; decide(), if it is
    enough to run the body once (see `forgetful`), else None; and whether it is `plain`."""
    scripts: dict[int, Script] = {}
    for relay in relays:
        decide, swift = None, False
        try:
            code, simple = library.script(f"{relay}.py")
            tree = ast.parse(library.text(f"{relay}.py"))
            swift = simple and plain(tree)
            if forgetful(tree):
                decide = source.defined(source.path(config, relay), relay, code, {})
        except (ScriptError, OSError):  # each tick will tell
            continue
        except BaseException:  # whatever its body does
            pass
        scripts[relay] = code, decide, swift
    return scripts


def ask(relay: int, world: World, script: Script) -> Order:
    """What `source.ask` gives. Only the usual case is handled here; everything else is left to that."""
    code, decide, plain = script
    if decide and plain and len(world.timers) < FEW:
        before = world.timers.copy()
        try:
            order = decide(BareRelay(relay, world), world.data)
            if source.usual(order):
                return order
        except BaseException:  # asked once more, it fails again
            pass
        world.timers = before
    return source.ask(relay, helped(world), code, decide)


def plain(tree: ast.Module) -> bool:
    """Whether a simple script catches no error, asks for no class, and calls every method that it names: then
    it runs the same on the bare API."""
    calls = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return not any(
        isinstance(node, ast.Try)
        or (isinstance(node, ast.Name) and node.id == "isinstance")
        or (isinstance(node, ast.Attribute) and node.attr in QUESTIONS and id(node) not in calls)
        for node in ast.walk(tree)
    )


def forgetful(tree: ast.Module) -> bool:
    """Whether it is enough to run a script's body once: it only imports, defines functions and names plain
    values, and nothing changes a name or an attribute later."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Global, ast.Delete, ast.ClassDef, ast.AsyncFunctionDef)):
            return False
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            return False
        if isinstance(node, ast.FunctionDef):
            defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            if node.decorator_list or not all(map(_plain, defaults)):
                return False
    return all(
        isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef))
        or (isinstance(node, ast.Assign) and _plain(node.value))
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in tree.body
    )


def _plain(node: ast.expr) -> bool:
    """Whether an expression is a value that cannot change: numbers, texts, tuples, sums of them."""
    allowed = (ast.Constant, ast.Tuple, ast.Name, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Load)
    return all(isinstance(part, allowed) for part in ast.walk(node))
