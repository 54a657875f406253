"""Runs a script that can reach more than its own names in a process of its own, forked from the one that
answers. Whatever it does there ends with that process."""

from __future__ import annotations

import os
import time

from ..core.texts import one_line
from ..system import tinyjson
from ..system.child import Child, send
from . import source
from .messages import REASON_LIMIT, no_order, said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    from .api import Timers, World
    from .messages import Said


def ask(relay: int, world: World, code: CodeType, end: float, seconds: float) -> Said:
    """What the script of `relay` says within `seconds`, and before `end` (time.monotonic())."""
    began = time.monotonic()
    try:
        child = Child(lambda answer: _run(relay, world, code, answer))
    except OSError as error:
        return said(no_order(f"{relay}.py", f"could not be started ({error.strerror})"), world.timers)
    until = min(end, began + seconds)
    answer, why, where, words, waited = None, "", "", b"", 0.0
    try:
        if line := child.message(until):
            answer = spoken(line)
        elif (now := time.monotonic()) >= until:
            waited = now - began
    except (ValueError, TypeError, AttributeError):
        why = "wrote into the tick's own pipe"
    if not answer and not why:
        words = child.last_words() if waited else child.rest
    status = child.stop()
    if child.printed:
        os.write(1, child.printed)
    if answer:
        return *answer, child.stuck, False
    if not why:
        from . import place

        where, why = place.last_place(source.path(world.config, relay), words), place.ended(status, waited)
    cut = 0 < waited < seconds - 0.1
    return said(no_order(f"{relay}.py", why, where), world.timers, child.stuck, cut)


def _run(relay: int, world: World, code: CodeType, answer: int) -> None:
    """Runs in that process, whose whole interpreter is the script's."""
    import faulthandler
    import gc

    from ..system import packages

    gc.enable()
    faulthandler.enable(answer, all_threads=False)
    packages.third_party()
    me = os.getpid()
    order = source.ask(relay, world, code)
    if os.getpid() == me:  # a script that forks must not answer twice
        send(answer, tinyjson.dumps(said(order, world.timers)[:4]).encode(errors="replace"))


def spoken(line: bytes) -> tuple[str, str, str, Timers]:
    """The order, its reason, which fault that is, and the timers in an answer, as far as they make sense.
    Raises ValueError, TypeError, AttributeError."""
    wanted, why, fault, timers = tinyjson.loads(line.decode())
    if wanted not in ("", "on", "off", "keep") or len(line) > source.TIMERS_LIMIT + 16 * REASON_LIMIT:
        raise ValueError("no order")
    read = {
        str(name): (float(age), float(length), int(count)) for name, (age, length, count) in timers.items()
    }
    if not all(0 <= number < 1e12 for timer in read.values() for number in timer):
        raise ValueError("no timers")
    return wanted, one_line(why)[:REASON_LIMIT], "" if wanted else one_line(fault)[:REASON_LIMIT], read
