"""A script, run in this very process: in the child that answers, in one that forked from it, in a replay."""

from __future__ import annotations

import sys

from ..core.model import Order, replace
from ..core.texts import one_line
from . import source
from .api import Relay, ScriptError, World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

REASON_LIMIT = 500  # characters
TIMERS_LIMIT = 64 << 10  # bytes of all timers


def ask_here(relay: int, world: World, library: source.Library) -> Order:
    """The order of a relay's script, run in this very process, whatever it can reach."""
    found = compiled(relay, world, library)
    return found if isinstance(found, Order) else ask(relay, world, found[0])


def ask(relay: int, world: World, code: CodeType) -> Order:
    """The order of a compiled script, run in this very process: no good order, and the timers as they
    were, when it fails."""
    before = dict(world.timers)
    try:
        order = _ask(source.path(world.config, relay), relay, world, code)
        if sum(map(len, world.timers)) + 40 * len(world.timers) > TIMERS_LIMIT:
            raise ScriptError(f"{relay}.py: there are {len(world.timers)} timers, more than can be kept")
    except ScriptError as error:
        world.timers = before
        order = Order("", one_line(f"script {error}"))
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass
    return replace(order, why=order.why[:REASON_LIMIT])


def _ask(file: str, relay: int, world: World, code: CodeType) -> Order:
    """The order of one script. Raises ScriptError that names file and line."""
    space = {"__name__": f"relay_{relay}", "__file__": file, "__builtins__": __builtins__}
    try:
        exec(code, space)
        decide = space.get("decide")
        if not callable(decide):
            raise ScriptError("defines no decide(relay, data)")
        order = decide(Relay(relay, world), world.data)
        if not isinstance(order, Order) or not order.good:
            gave = "a function, not called" if callable(order) else f"{order!r:.60}"
            raise ScriptError(
                f"decide() gave {gave}, not an order:"
                " end it with return relay.on(why), relay.off(why) or relay.keep(why)"
            )
        return order
    except BaseException as error:  # sys.exit() and Ctrl-C too: it is a script's, whatever it is
        from . import blame

        raise ScriptError(f"{relay}.py{blame.place(file, error)}: {blame.why(error)}") from None
    finally:
        space.clear()  # its functions hold their names, and the names the functions


def compiled(relay: int, world: World, library: source.Library) -> source.Compiled | Order:
    """The script of a relay, or why there is no order of it."""
    try:
        return library.script(source.path(world.config, relay))
    except ScriptError as error:
        return no_order(relay, f": {error}")
    except OSError as error:
        return no_order(relay, f": {error.strerror or error}")


def no_order(relay: int, why: str) -> Order:
    """That a relay's script gave none, and why."""
    return Order("", one_line(f"script {relay}.py{why}")[:REASON_LIMIT])
