"""A script: its file, whether it may be run, what it is compiled to; and its order, if it is run in this very
process: the child that answers, one that forked from it, or a replay."""

from __future__ import annotations

import os
import sys

from ..core.model import Fault, Order, ScriptError
from ..core.texts import one_line
from ..system import cache, files, trusted
from .api import Relay, World
from .messages import REASON_LIMIT, no_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from ..core.settings import Config
    from .api import Data

    Decide = Callable[[Relay, Data], Order]
    Compiled = tuple[CodeType, bool]  # its bytecode, and whether it may share a process (see simple)

WANTED = {"on": "on", "off": "off", "keep": "keep"}  # the same words, as plain texts
KINDS = ("py", "php")  # of scripts; a relay that has both runs the first
SOURCE_LIMIT = 256 << 10
TIMERS_LIMIT = 64 << 10  # bytes of all timers
_RULES = f"{__file__.rpartition('/')[0]}/simple.py"


def path(config: Config, relay: int, kind: str = "py") -> str:
    """Where the script of a relay is, or would be."""
    return f"{config.scriptDir}/{relay}.{kind}"


def scripted(config: Config) -> dict[int, str]:
    """The relays that have a script, each with its kind; those in Python first. {} if the folder cannot be
    read."""
    try:
        return listed(config)
    except OSError:
        return {}


def listed(config: Config) -> dict[int, str]:
    """The same. Raises OSError if the folder cannot be read."""
    names = set(os.listdir(config.scriptDir))
    kinds = dict.fromkeys((r for r in config.relays if f"{r}.py" in names), "py")
    others = dict.fromkeys((r for r in config.relays if f"{r}.php" in names), "php")
    return kinds | {relay: kind for relay, kind in others.items() if relay not in kinds}


class Library:
    """The scripts of a folder, as they were compiled last: compiling one costs, and seeing what it can do
    costs more."""

    def __init__(self, folder: str, kept: bool = False, owners: Sequence[str] = ()) -> None:
        """`kept`: with the bytecode that an earlier tick kept. `owners`: users whose scripts are run too."""
        self.folder = folder
        self._owners = owners
        self._place = ""  # the folder's real path, once it was found safe
        self._safe: trusted.Safe = {}
        self._scripts: dict[str, tuple[tuple[int, ...], CodeType, bool]] = {}
        self._new = False
        self._rules = cache.stamp(_RULES)
        if kept:
            import marshal

            try:
                rules, scripts = marshal.loads(cache.load(cache.name_of("scripts", folder)) or b"")
                self._scripts = scripts if rules == self._rules else {}
            except (ValueError, TypeError, EOFError):
                pass

    def script(self, name: str) -> Compiled:
        """A script, by its name in the folder. Raises ScriptError (others can write it, or it cannot be
        compiled), OSError."""
        fd, info = self._opened(name)
        try:
            now = cache.stamp_of(info)
            if name not in self._scripts or self._scripts[name][0] != now:
                from . import simple

                file = f"{self.folder}/{name}"
                self._scripts[name] = (now, *simple.compiled(file, _text(fd, file)))
                self._new = True
        finally:
            os.close(fd)
        return self._scripts[name][1:]

    def text(self, name: str) -> bytes:
        """The text of a script that may be run. Raises ScriptError, OSError."""
        fd, _ = self._opened(name)
        try:
            return _text(fd, f"{self.folder}/{name}")
        finally:
            os.close(fd)

    def keep(self) -> None:
        """Keeps what was compiled for the next tick."""
        if self._new:
            import marshal

            cache.save(cache.name_of("scripts", self.folder), marshal.dumps((self._rules, self._scripts)))

    def _opened(self, name: str) -> tuple[int, os.stat_result]:
        try:
            self._place = self._place or trusted.folder(self.folder, self._safe, self._owners)
            return trusted.opened(f"{self._place}/{name}", self._safe, self._owners)
        except trusted.Foreign as error:
            from ..system.rights import user_name

            owner, user = error.owner, user_name(os.geteuid())
            allow = f"with domo: relay: scriptOwners: [{owner}] in config.yaml"
            why = f"{error}; or let {owner} run anything as {user}, {allow}"
            raise ScriptError(f"is not run, because {why}") from None
        except trusted.Unsafe as error:
            raise ScriptError(f"is not run, because {error}") from None


def _text(fd: int, file: str) -> bytes:
    try:
        return files.whole(fd, file, SOURCE_LIMIT)[0]
    except Fault as fault:
        raise ScriptError(str(fault)) from None


def ask_here(relay: int, world: World, library: Library) -> Order:
    """The order of a relay's script, run in this very process, whatever it can reach; none of one in PHP."""
    script = compiled(relay, library)
    if isinstance(script, Order) and scripted(world.config).get(relay) == "php":
        return Order("", f"script {relay}.php is not replayed, because PHP cannot be given another date")
    return script if isinstance(script, Order) else ask(relay, world, script[0])


def ask(relay: int, world: World, code: CodeType, ready: Decide | None = None) -> Order:
    """The order of a compiled script, run in this very process: no good order, and the timers as they
    were, when it fails. `ready` is its decide(), where that is known already."""
    before = dict(world.timers)
    order = _ask(relay, world, code, ready)
    if world.timers and sum(map(len, world.timers)) + 40 * len(world.timers) > TIMERS_LIMIT and order.wanted:
        order = no_order(f"{relay}.py", f"there are {len(world.timers)} timers, more than can be kept")
    if not order.wanted:
        world.timers = before
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass
    return order


def _ask(relay: int, world: World, code: CodeType, ready: Decide | None) -> Order:
    """The order of one script, or one that says why there is none, and names file and line."""
    space: dict[str, object] = {}
    try:
        decide = ready or defined(path(world.config, relay), relay, code, space)
        order = decide(Relay(relay, world), world.data)
        return order if usual(order) else _cleaned(order)
    except BaseException as error:  # sys.exit() and Ctrl-C too: whatever it is, the script raised it
        from . import place

        where = place.place(path(world.config, relay), error)
        return no_order(f"{relay}.py", place.why(error), where=where)
    finally:
        space.clear()  # a cycle: its functions hold it, and it holds them


def usual(order: object) -> bool:
    """Whether it is an order as relay.on(), off() and keep() make it, with a reason that is not too long."""
    if type(order) is not Order or type(order.why) is not str:
        return False
    return order.wanted in WANTED and len(order.why) <= REASON_LIMIT and order.why.isprintable()


def _cleaned(order: object) -> Order:
    """The order that a script gave. One that it made by itself may hold anything. Raises ScriptError."""
    wanted = WANTED.get(order.wanted) if isinstance(order, Order) else None
    if not isinstance(order, Order) or not wanted:
        gave = "a function, not called" if callable(order) else f"{order!r:.60}"
        raise ScriptError(
            f"decide() gave {gave}, not an order:"
            " end it with return relay.on(why), relay.off(why) or relay.keep(why)"
        )
    return Order(wanted, one_line(order.why)[:REASON_LIMIT])


def defined(file: str, relay: int, code: CodeType, space: dict[str, object]) -> Decide:
    """The decide() of a script, whose names are put into `space`. Raises ScriptError, or what it raises."""
    space.update({"__name__": f"relay_{relay}", "__file__": file, "__builtins__": __builtins__})
    exec(code, space)
    decide = space.get("decide")
    if not callable(decide):
        raise ScriptError("defines no decide(relay, data)")
    return decide


def compiled(relay: int, library: Library) -> Compiled | Order:
    """The compiled script of a relay, or an Order that says why there is none."""
    try:
        return library.script(f"{relay}.py")
    except ScriptError as error:
        return no_order(f"{relay}.py", str(error))
    except OSError as error:
        return no_order(f"{relay}.py", error.strerror or str(error))
