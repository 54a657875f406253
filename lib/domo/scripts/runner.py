"""The owner's scripts, `relay.script.d/N.py` and PvMonit's `N.php`: run one after the other in one child
process for each of the two languages, so that nothing a script does reaches the tick or, beyond its own
end, the other scripts."""

from __future__ import annotations

import os
import stat
import sys
import time

from ..core.model import Fault, Order
from ..core.records import dataclass
from ..system import cache, files, tinyjson
from ..system.child import Child
from ..system.files import LIMIT
from ..system.rights import user_name
from .api import Relay, ScriptError, World, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import CodeType

    from ..core.model import Config

    Bytecode = dict[str, tuple[tuple[int, ...], CodeType]]  # by file name: the file's stamp, its code

ONE_SECONDS = 4.0  # for one script; a Pi Zero needs 2 for a few pings that nobody answers
ALL_SECONDS = (
    5.5  # for all of them, so that a tick with a refresh, and whatever else must wait, stays within 20 s
)
MEMORY_BYTES = 256 << 20  # half of what a Pi Zero has
SOURCE_LIMIT = 256 << 10
END = b"C"  # begins a child's last line, which holds the bytecode if there is new
KINDS = ("py", "php")  # of scripts; a relay that has both runs the first


@dataclass(frozen=True)
class Answers:
    """What the scripts said: their orders, the timers as they left them, what they printed, the
    bytecode to remember (b"" when nothing new was compiled), and the relays to be asked last next time."""

    orders: Mapping[int, Order]
    timers: Mapping[str, tuple[float, float, int]]
    printed: str = ""
    bytecode: bytes = b""
    last: frozenset[int] = frozenset()


def path(config: Config, relay: int, kind: str = "py") -> str:
    """Where the script of a relay is, or would be."""
    return f"{config.scriptDir}/{relay}.{kind}"


def scripted(config: Config) -> dict[int, str]:
    """The relays that have a script, and of which kind it is."""
    try:
        names = set(os.listdir(config.scriptDir))
    except OSError:
        return {}
    kinds = {r: next((kind for kind in KINDS if f"{r}.{kind}" in names), "") for r in config.relays}
    return {relay: kind for relay, kind in kinds.items() if kind}


def run(relays: Mapping[int, str], world: World) -> Answers:
    """The answers of the scripts of `relays`, each with its kind. Those that failed at the last tick come
    last: one that hangs shall not take the time of the others; and when the time was too short for all,
    those that had none of it come first. Never raises."""
    waiting = sorted(relays, key=lambda relay: (relay in world.past.failed, relays[relay] != "py", relay))
    orders: dict[int, Order] = {}
    timers = dict(world.past.timers)
    printed = bytecode = b""
    end = time.monotonic() + ALL_SECONDS
    while waiting and time.monotonic() < end:
        kind = relays[waiting[0]]
        other = next((place for place, relay in enumerate(waiting) if relays[relay] != kind), len(waiting))
        child = _start(kind, waiting[:other], world)
        lines, words, waited = _listen(child, other, end)
        status = child.stop()
        printed += child.printed
        why = _end(status, waited)
        ended, before = False, len(waiting)
        for line in lines:
            if line.startswith(END):
                bytecode, ended = line[len(END) :] or bytecode, len(waiting) < before
                continue
            try:
                answer = _answer(line)
            except (ValueError, TypeError, AttributeError):  # nothing behind it can be trusted
                why = "wrote into the tick's own pipe"
                break
            orders[waiting.pop(0)], timers = answer
        world.timers = timers
        if waiting and not ended:
            relay = waiting.pop(0)
            place = _last_place(path(world.config, relay, kind), words)
            if place and kind == "php":  # PHP looks up between two steps
                place += " or just before"
            orders[relay] = Order("", f"script {relay}.{kind}{place}: {why}")
    last = frozenset(orders if waiting else [relay for relay, order in orders.items() if not order.good])
    late = {r: Order("", f"script {r}.{relays[r]}: no time was left for it") for r in waiting}
    orders.update(late)
    return Answers(orders, timers, printed.decode(errors="replace"), bytecode, last)


def _start(kind: str, relays: list[int], world: World) -> Child:
    """The child that asks these scripts, all of one kind."""
    if kind == "py":
        return Child(lambda answer: _run(relays, world, answer))
    return Child(lambda answer: _php(relays, world, answer))


def remember(config: Config, answers: Answers) -> None:
    """Keeps the compiled scripts for the next tick: compiling one costs 3 % of an interpreter start."""
    if answers.bytecode:
        cache.save(cache.name_of("scripts", config.scriptDir), answers.bytecode)


def _listen(child: Child, most: int, end: float) -> tuple[list[bytes], bytes, float]:
    """The child's answers (`most` and the end mark), each behind its length in 4 bytes; then, of one
    that did not come to its end, its last words (see _run), and how long it was waited for in vain
    (s; 0 when it ended by itself)."""
    lines: list[bytes] = []
    buffer = b""
    start = time.monotonic()
    deadline = min(end, start + ONE_SECONDS)
    while piece := child.read(deadline):
        buffer += piece
        while len(buffer) >= 4 and len(buffer) >= 4 + (size := int.from_bytes(buffer[:4], "big")):
            lines.append(buffer[4 : 4 + size])
            buffer = buffer[4 + size :]
            start = time.monotonic()
            deadline = min(end, start + ONE_SECONDS)
            if lines[-1].startswith(END) or len(lines) > most:
                return lines, b"", 0
        if len(buffer) > LIMIT:
            return [*lines, b"nonsense"], b"", 0
    now = time.monotonic()
    if now < deadline:  # it has ended
        return lines, buffer, 0
    child.abort()
    words = b""
    while len(words) < LIMIT and (piece := child.read(time.monotonic() + 0.2)):
        words += piece
    return lines, words, now - start


def _answer(line: bytes) -> tuple[Order, dict[str, tuple[float, float, int]]]:
    """The order and the timers of an answer. Raises ValueError, TypeError or AttributeError."""
    wanted, why, timers = tinyjson.loads(line.decode())
    return Order(str(wanted), str(why)), {
        str(name): (float(age), float(length), int(count)) for name, (age, length, count) in timers.items()
    }


def _end(status: int, waited: float) -> str:
    """How a child that owes an answer ended, in words."""
    if waited:
        return f"gave no answer within {waited:.0f} s"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == 9:
        return "closed the tick's pipe, or was killed"
    if os.WIFSIGNALED(status):
        return f"crashed the interpreter (signal {os.WTERMSIG(status)})"
    return f"ended the process (exit status {os.WEXITSTATUS(status)})"


def _last_place(file: str, words: bytes) -> str:
    """The place in a script that faulthandler's report names, "" if it names none."""
    number = words.decode(errors="replace").partition(f'File "{file}", line ')[2].partition(" ")[0]
    return _line(file, int(number)) if number.isdigit() else ""


# From here on: in the child.


def _run(relays: Iterable[int], world: World, answer: int) -> None:
    import faulthandler
    import marshal
    import resource

    faulthandler.enable(answer, all_threads=False)  # says at a crash or abort() where that was
    me = os.getpid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = world.config.scriptDir
    kept = _bytecode(folder)
    known = dict(kept)
    for relay in relays:
        order = ask(relay, world, known)
        if os.getpid() != me:  # a script that forks must not answer twice
            return
        send(answer, tinyjson.dumps((order.wanted, order.why[:500], world.timers)).encode())
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass
    send(answer, END + (marshal.dumps(known) if known != kept else b""))


def _php(relays: Iterable[int], world: World, answer: int) -> None:
    from . import php

    source, asked = b"", []
    for relay in relays:
        file, refusal = path(world.config, relay, "php"), ""
        try:
            source += text(file, world.config.scriptOwners)
        except ScriptError as error:
            refusal = one_line(f"script {relay}.php: {error}")
        asked.append((relay, file, refusal))
    why = php.become(asked, source, world, answer, MEMORY_BYTES)
    for relay, _, refusal in asked:
        reply = ("", refusal or f"script {relay}.php: {why}", world.timers)
        send(answer, tinyjson.dumps(reply).encode())
    send(answer, END)


def send(answer: int, line: bytes) -> None:
    """Writes an answer behind its length."""
    line = len(line).to_bytes(4, "big") + line
    while line:
        line = line[os.write(answer, line) :]


def _bytecode(folder: str) -> Bytecode:
    import marshal

    try:
        kept: Bytecode = marshal.loads(cache.load(cache.name_of("scripts", folder)) or marshal.dumps({}))
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
        return Order("", one_line(f"script {error}"))


def _ask(file: str, relay: int, world: World, known: Bytecode) -> Order:
    """The order of one script. Raises ScriptError that names file and line."""
    name = file.rpartition("/")[2]
    try:
        refuse(file, world.config.scriptOwners)
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
                f"decide() gave {'a function, not called' if callable(order) else f'{order!r:.60}'}, not an order:"
                " end it with return relay.on(why), relay.off(why) or relay.keep(why)"
            )
        return order
    except ScriptError as error:
        raise ScriptError(f"{name}{_place(file, error)}: {error}") from None
    except OSError as error:
        raise ScriptError(f"{name}{_place(file, error)}: {error.strerror or error}") from None
    except BaseException as error:  # sys.exit() and Ctrl-C too: it is a script's, whatever it is
        raise ScriptError(f"{name}{_place(file, error)}: {type(error).__name__}: {error}") from None


def refuse(file: str, owners: Iterable[str] = ()) -> None:
    """Raises ScriptError for a script that others than this user, root and the `owners` can write."""
    if stat.S_ISLNK(os.lstat(file).st_mode):
        from os.path import realpath

        file = realpath(file)
    for place in (file, file.rpartition("/")[0]):
        info = os.stat(place)
        if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ScriptError(f"is not run, because others can write {place}; run: chmod go-w {place}")
        if info.st_uid not in (0, os.geteuid()):
            user, owner = user_name(os.geteuid()), user_name(info.st_uid)
            if owner in owners:
                continue
            mend = f"become {owner}, or run: sudo chown {user} {place}; or let {owner} run anything as {user}"
            mend += f", with domo: relay: scriptOwners: [{owner}] in config.yaml"
            raise ScriptError(f"is not run by {user}, because {place} is {owner}'s; {mend}")


def text(file: str, owners: Iterable[str] = ()) -> bytes:
    """The text of a script that may be run. Raises ScriptError."""
    try:
        refuse(file, owners)
        return files.read(file, SOURCE_LIMIT)[0]
    except Fault as fault:
        raise ScriptError(str(fault)) from None
    except OSError as error:
        raise ScriptError(error.strerror or str(error)) from None


def compiled(file: str) -> CodeType:
    """The bytecode of a script. Raises ScriptError with the line that is wrong."""
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
    error.__traceback__ = None  # lets go of what the script had hoarded, should memory be short
    return _line(file, line) if line else ""


def _line(file: str, number: int) -> str:
    """ " line 7 (the source)", as far as there is any."""
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            text = source.read(SOURCE_LIMIT).splitlines()[number - 1].strip()
    except (OSError, IndexError):
        return f" line {number}"
    return f" line {number} ({text})"
