"""The child's side of asking: reads PvMonit's data, then runs the scripts, and tells the tick each thing
as soon as it is known. `asking` is the tick's side.

Scripts that cannot reach anything (see `simple`) are run here, one after the other; every other script in a
process of its own (see `alone`).
"""

from __future__ import annotations

import os
import time

from ..core.records import replace
from ..stores import packing
from ..stores import reading as readings
from ..system import trusted
from ..system.child import send
from . import messages, source
from .api import World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..core.model import Reading
    from ..system.stuck import Stuck
    from .messages import Question

MEMORY_BYTES = 256 << 20  # for scripts, beyond what the tick itself has; half of what a Pi Zero has
MUCH_MEMORY = 64 << 10  # KiB; above that, garbage is collected at once


def run(
    question: Question, reading: Reading | None, waiting: tuple[int, ...] | None, end: float, answer: int
) -> None:
    """Answers the question on the descriptor `answer`, until `end` (time.monotonic()). `reading` (which the
    question's past has seen) and `waiting` (the relays to ask) are given if they are known already."""
    import faulthandler
    import marshal

    faulthandler.enable(answer, all_threads=False)  # says at a crash or abort() where that was
    past, now = question.past, question.pretend or question.now
    if reading is None:
        reading, unfetched, stuck = _read(question, answer)
        reading, past = readings.watched(question.config, reading, past, now)
        end = time.monotonic() + messages.ALL_SECONDS
        before = question.past.__dict__
        changed = {name: value for name, value in past.__dict__.items() if value is not before[name]}
        send(answer, messages.READ + marshal.dumps((packing.packed(reading), changed, unfetched, stuck)))
    kinds: dict[int, str] = {}
    fault = ""
    try:
        if waiting != ():  # if there is nobody to ask, the folder is not read: its disk may hang
            kinds = source.listed(question.config)
    except OSError as error:
        if past.scripted or not isinstance(error, FileNotFoundError):  # no folder from the beginning is none
            fault = f"cannot be read ({error.strerror}), so no script is run; see domo-tick --check"
    if waiting is None:
        waiting = in_turn(kinds, past.turns)
        php = tuple(relay for relay in waiting if kinds[relay] != "py")
        unsafe = trusted.unsafe(question.config.path)
        send(answer, messages.SCRIPTED + marshal.dumps((waiting, php, unsafe, fault)))
        to_ask = question.to_ask
        waiting = tuple(relay for relay in waiting if relay in to_ask)
    if waiting and not reading.problem:
        told = {relay: mode for relay, mode in question.modes.items() if mode is not None}
        world = World(question.config, told, question.states, past, reading, now)
        _ask_all(waiting, kinds, world, end, answer, question.acts)
    if question.acts and question.config.dbFile and "journal" not in question.stuck:
        send(answer, messages.JOURNAL + (b"there" if _has_journal(question.config.dbFile) else b""))
    send(answer, messages.DONE)


def _has_journal(journal: str) -> bool:
    """Whether the journal is there and not empty, as a power cut may leave it. Its disk may hang."""
    try:
        return os.stat(journal).st_size > 0
    except OSError:
        return False


def in_turn(scripted: Iterable[int], turns: tuple[int, ...]) -> tuple[int, ...]:
    """The relays in the order in which they are asked: first new ones, then as `turns` says."""
    return tuple(sorted(scripted, key=lambda relay: turns.index(relay) + 1 if relay in turns else 0))


def _read(question: Question, answer: int) -> tuple[Reading, str, Stuck | None]:
    """The reading, refreshed first if it is old; what went wrong with that; the process that is stuck."""
    config, now = question.config, question.now
    fault, stuck = "", None
    if question.acts and readings.old(config, now):
        from ..stores import fetch

        send(answer, messages.FETCHING)
        began = time.monotonic()
        fault, stuck = fetch.refresh(config, question.stuck.get("refresh"))
        gone = time.monotonic() - began
        now = replace(now, wall=now.wall + gone, up=now.up + gone)  # else new data would be from the future
    return readings.load(config, now), fault, stuck


def _limit_memory() -> None:
    """What scripts may take besides what is taken already; less if this process may take less. No core
    dumps."""
    import resource

    limit, hard = _mapped(resource.getpagesize()) + MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _ask_all(
    waiting: tuple[int, ...], kinds: dict[int, str], world: World, end: float, answer: int, keep: bool
) -> None:
    import marshal
    import resource

    _limit_memory()
    library = source.Library(world.config.scriptDir, True, world.config.scriptOwners)
    php = None
    for relay in waiting:
        if time.monotonic() >= end:
            break
        if kinds.get(relay) == "php":
            if php is None:
                from .php import Php

                php = Php(waiting, kinds, world, library)
            send(answer, messages.ALONE)
            said = php.ask(relay, messages.ONE_SECONDS, end)
        elif not isinstance(script := source.compiled(relay, library), tuple):
            said = messages.said(script, world.timers)
        elif script[1]:
            said = messages.said(source.ask(relay, world, script[0]), world.timers)
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MUCH_MEMORY:
                _tidy()
        else:
            from . import alone

            send(answer, messages.ALONE)
            said = alone.ask(relay, world, script[0], end, messages.ONE_SECONDS)
        world.timers = dict(said[3])
        send(answer, messages.ORDER + marshal.dumps(said))
    if keep:
        library.keep()


def _mapped(page: int) -> int:
    """The address space that this process has already (bytes), in pages of that size: rpi-lgpio takes 180 MB
    of it, and uses next to nothing. 0 if /proc does not say."""
    try:
        fd = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(fd, 64).split()[0]) * page
    finally:
        os.close(fd)


def _tidy() -> None:
    """Frees reference cycles; the tick switched that off for its short life."""
    import gc

    gc.collect()
