"""The owner's scripts, `relay.script.d/N.py`: run one after the other in one child process, so that
nothing a script does reaches the tick or, beyond its own end, the other scripts."""

from __future__ import annotations

import os
import stat
import sys
import time

from . import cache, tinyjson
from .api import Relay, ScriptError, World
from .child import Child
from .model import Order, dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from dataclasses import dataclass
    from types import CodeType

    from .model import Config

    Bytecode = dict[str, tuple[tuple[int, ...], CodeType]]  # by file name: the file's stamp, its code

ONE_SECONDS = 4.0  # for one script; a Pi Zero needs 2 for a few pings that nobody answers
ALL_SECONDS = 7.0  # for all of them, so that a tick with a refresh stays within 20 s
MEMORY_BYTES = 256 << 20  # half of what a Pi Zero has
SOURCE_LIMIT = 256 << 10


@dataclass(frozen=True)
class Answers:
    """What the scripts said: their orders, the timers as they left them, what they printed, and the
    bytecode to remember (b"" when nothing new was compiled)."""

    orders: Mapping[int, Order]
    timers: Mapping[str, tuple[float, float, int]]
    printed: str = ""
    bytecode: bytes = b""


def path(config: Config, relay: int) -> str:
    """Where the script of a relay is, or would be."""
    return f"{config.scriptDir}/{relay}.py"


def scripted(config: Config) -> list[int]:
    """The relays that have a script."""
    try:
        names = set(os.listdir(config.scriptDir))
    except OSError:
        return []
    return [relay for relay in config.relays if f"{relay}.py" in names]


def run(relays: Iterable[int], world: World) -> Answers:
    """The answers of the scripts of `relays`. Those that failed at the last tick come last: one that
    hangs shall not take the time of the others. Never raises."""
    waiting = sorted(relays, key=lambda relay: (relay in world.past.failed, relay))
    orders: dict[int, Order] = {}
    timers = dict(world.past.timers)
    printed = bytecode = b""
    end = time.monotonic() + ALL_SECONDS
    while waiting:
        if time.monotonic() >= end:
            orders.update({relay: Order("", f"script {relay}.py: no time was left for it") for relay in waiting})
            break
        child = Child(lambda answer, todo=tuple(waiting): _run(todo, world, answer))  # type: ignore[misc]
        lines = _lines(child, end)
        for line in lines:
            if line.startswith(b"C"):
                bytecode = line[1:]
                continue
            relay = waiting.pop(0)
            orders[relay], timers = _answer(relay, line, timers)
        status = child.stop()
        printed += child.printed
        if waiting:
            relay = waiting.pop(0)
            orders[relay] = Order("", f"script {relay}.py: {_end(status)}")
    return Answers(orders, timers, printed.decode(errors="replace"), bytecode)


def remember(config: Config, answers: Answers) -> None:
    """Keeps the compiled scripts for the next tick: compiling one costs 3 % of an interpreter start."""
    if answers.bytecode:
        cache.save(cache.name_of("scripts", config.scriptDir), answers.bytecode)


def _lines(child: Child, end: float) -> Iterable[bytes]:
    """The child's answers, each behind its length in 4 bytes, until it ends or takes too long."""
    buffer = b""
    deadline = min(end, time.monotonic() + ONE_SECONDS)
    while piece := child.read(deadline):
        buffer += piece
        while len(buffer) >= 4 and len(buffer) >= 4 + (size := int.from_bytes(buffer[:4], "big")):
            yield buffer[4 : 4 + size]
            buffer = buffer[4 + size :]
            deadline = min(end, time.monotonic() + ONE_SECONDS)


def _answer(
    relay: int, line: bytes, timers: dict[str, tuple[float, float, int]]
) -> tuple[Order, dict[str, tuple[float, float, int]]]:
    try:
        wanted, why, after = tinyjson.loads(line.decode())
        after = {str(name): (float(a), float(length), int(n)) for name, (a, length, n) in after.items()}
        return Order(str(wanted), str(why)), after
    except (ValueError, TypeError, AttributeError):
        return Order("", f"script {relay}.py: wrote into the tick's own pipe"), timers


def _end(status: int) -> str:
    """How a child that owes an answer ended, in words."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) != 9:
        return f"crashed the interpreter (signal {os.WTERMSIG(status)})"
    if os.WIFSIGNALED(status):
        return f"gave no answer within {ONE_SECONDS:g} s"
    return f"ended the process (exit status {os.WEXITSTATUS(status)})"


# From here on: in the child.


def _run(relays: Iterable[int], world: World, answer: int) -> None:
    import marshal
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = world.config.scriptDir
    kept = _bytecode(folder)
    known = dict(kept)
    for relay in relays:
        order = ask(relay, world, known)
        _send(answer, tinyjson.dumps((order.wanted, order.why[:500], world.timers)).encode())
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass
    if known != kept:
        _send(answer, b"C" + marshal.dumps(known))


def _send(answer: int, line: bytes) -> None:
    line = len(line).to_bytes(4, "big") + line
    while line:
        line = line[os.write(answer, line) :]


def _bytecode(folder: str) -> Bytecode:
    import marshal

    try:
        kept: Bytecode = marshal.loads(
            cache.load(cache.name_of("scripts", folder)) or marshal.dumps({})
        )
        return kept
    except (ValueError, TypeError, EOFError):
        return {}


def ask(relay: int, world: World, known: Bytecode) -> Order:
    """The order of one script, run in this very process: no good order, and the timers as they were,
    when it fails. `known` is the bytecode by file name, to be added to."""
    before = dict(world.timers)
    try:
        return _ask(path(world.config, relay), relay, world, known)
    except ScriptError as error:
        world.timers = before
        return Order("", f"script {error}")


def _ask(file: str, relay: int, world: World, known: Bytecode) -> Order:
    """The order of one script. Raises ScriptError that names file and line."""
    name = os.path.basename(file)
    try:
        refuse(file)
        now = cache.stamp(file)
        if name not in known or known[name][0] != now:
            known[name] = (now, compiled(file))
        space = {"__name__": f"relay_{relay}", "__file__": file, "__builtins__": __builtins__}
        exec(known[name][1], space)
        decide = space.get("decide")
        if not callable(decide):
            raise ScriptError("defines no decide(relay, data)")
        order = decide(Relay(relay, world), world.data)
        if not isinstance(order, Order) or not order.good:
            raise ScriptError(
                f"decide() gave {order!r:.60}, not an order: end it with return relay.on(why), relay.off(why) or relay.keep(why)"
            )
        return order
    except ScriptError as error:
        raise ScriptError(f"{name}{_place(file, error)}: {error}") from None
    except OSError as error:
        raise ScriptError(f"{name}{_place(file, error)}: {error.strerror or error}") from None
    except BaseException as error:  # sys.exit() and Ctrl-C too: it is a script's, whatever it is
        raise ScriptError(f"{name}{_place(file, error)}: {type(error).__name__}: {error}") from None


def refuse(file: str) -> None:
    """Raises ScriptError for a script that others than its owner, this user or root can write."""
    for place in (file, os.path.dirname(file)):
        info = os.stat(place)
        if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ScriptError(f"is not run, because others can write {place}; run: chmod go-w {place}")


def compiled(file: str) -> CodeType:
    """The bytecode of a script. Raises ScriptError with the line that is wrong."""
    from . import files
    from .model import Fault

    try:
        source = files.read(file, SOURCE_LIMIT)[0]
        code: CodeType = compile(source, file, "exec", dont_inherit=True)
        return code
    except Fault as fault:
        raise ScriptError(str(fault)) from None
    except SyntaxError as error:
        line = f"line {error.lineno}: {error.msg}" + (f": {error.text.strip()}" if error.text else "")
        raise ScriptError(line) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ScriptError(f"cannot be compiled ({error})") from None


def _place(file: str, error: BaseException) -> str:
    """ " line 7 (the source)" for the script's innermost line in a traceback, "" if there is none."""
    line = 0
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    if not line:
        return ""
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            text = source.read(SOURCE_LIMIT).splitlines()[line - 1].strip()
    except (OSError, IndexError):
        return f" line {line}"
    return f" line {line} ({text})"
