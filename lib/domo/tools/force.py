"""A force by `domo-mod`: written into the mode file, its end into the memory, and carried out at once."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable

from ..core.model import AUTO_OFF, AUTO_ON, BUSY, FORCED, MODE_WORDS, OWNER, WRONG, Fault, Now, Row
from ..core.records import replace
from ..core.settings import Config
from ..stores import edits, memory, modes, user
from ..system import lock
from ..tick import mode_faults
from ..tick import process as ticker
from .when import seconds_until

BUSY_SECONDS = 25.0  # a tick ends within 20


def force(config: Config, relays: Iterable[int], mode: int, end: float | tuple[int, int] | None) -> int:
    """Writes the mode of these relays into the mode file and lets a tick carry it out. A force ends after
    `end` (s), or at that hour and minute, or never. Gives the tick's exit code. Raises Fault."""
    user.as_its_user(config)
    if not (os.path.exists(config.modPath) and os.path.exists(config.memory_path)):
        _tick(config)  # makes both
    past, _ = memory.load(config, memory.read_clocks())
    mode_file = modes.load(config.modPath)
    for relay in relays:
        if mode in FORCED and (end or (past and relay in past.until)):
            write_with_end(config, relay, mode, end)
        elif mode in FORCED or mode_file.modes.get(relay) not in (AUTO_OFF, AUTO_ON):  # both are auto
            _write(config, relay, mode)
    return _tick(config)


def _write(config: Config, relay: int, mode: int) -> None:
    if edits.set_owner(config.modPath, {relay: mode}).linked:
        print(f"domo-mod: {mode_faults.linked(config.modPath)}", file=sys.stderr)


def write_with_end(
    config: Config,
    relay: int,
    mode: int,
    end: float | tuple[int, int] | None,
    clock: Callable[[], Now] = memory.read_clocks,
) -> None:
    """Writes the mode into the mode file, and its end (or that it has none) into the memory. The end comes
    first: without it the force could stay for ever, and the next tick drops an end without its force. If only
    the end changes, the journal gets a row too, so that the new end outlasts a restart. Raises Fault; then
    the end of the standing force is as it was."""
    held = _locked(config)
    try:
        now = clock()
        before, fault = memory.load(config, now)
        past = before
        length = seconds_until(end, now.wall) if isinstance(end, tuple) else end
        if past is None and length:
            raise Fault(f"its end cannot be remembered ({fault or 'no memory'}); nothing is forced")
        if past is not None:
            until = {r: timed for r, timed in past.until.items() if r != relay}
            if length:
                until[relay] = (mode, 0.0, length)
            past = replace(past, until=until)
            memory.save(config, past, now)
        mode_file = modes.load(config.modPath)
        try:
            _write(config, relay, mode)
        except Fault:
            if before is not None and not _may_be_written(config, relay, mode, mode_file):
                memory.save(config, before, now)
            raise
        if past is not None and past.modes.get(relay) == mode:  # else the tick tells the journal of a change
            row = Row(0.0, relay, "M", mode, f"{MODE_WORDS[mode]} by domo-mod", OWNER, length or None)
            memory.save(config, replace(past, unwritten=(*past.unwritten, row)), now)
    finally:
        if held is not None:
            with contextlib.suppress(OSError):  # a close that fails has closed
                os.close(held)


def _may_be_written(config: Config, relay: int, mode: int, before: modes.ModeFile) -> bool:
    """Whether a force that failed may stand in the mode file all the same, and so needs its end; `before`:
    what stood there."""
    after = modes.load(config.modPath)
    new = not before.problem and before.modes.get(relay) != mode
    return new and bool(after.problem or after.modes.get(relay) == mode)


def _locked(config: Config) -> int | None:
    """The tick's lock, once no tick runs. Raises Fault."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return lock.take(config.lock_path)[0]
        except lock.Locked:
            if time.monotonic() > deadline:
                raise Fault("another tick is running and does not end; nothing is forced") from None
        time.sleep(0.05)


def _tick(config: Config) -> int:
    """Runs a tick, after one that may be running; prints what it said; gives its exit code. Raises Fault."""
    try:
        tick = ticker.run(config, BUSY_SECONDS)
    except Fault as fault:
        raise Fault(f"{fault}; the mode is written, the next tick acts on it") from None
    code = tick.wait()
    if tick.said:
        print(tick.said, file=sys.stderr)
    if code == BUSY:
        print(
            "domo-mod: the mode is written; the next tick acts on it (another tick is still running)",
            file=sys.stderr,
        )
    return code if code >= 0 else WRONG
