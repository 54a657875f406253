"""What the tick remembers until the next one: a versioned JSON file in tmpfs, rebuilt from the journal.

This module owns time. Everything is remembered as an age at the moment of saving; on loading, the
time that went by since is added: by the clock that counts since boot within one boot, by the wall
clock across a reboot, but then never less than the machine has been up. So a wall clock that jumps
moves nothing, no age is negative, and no event lies in the future.
"""

from __future__ import annotations

import os
import time

from ..core.faults import Report
from ..core.history import OFF, History
from ..core.model import FORCED, Fault, Now, Past
from ..core.records import replace
from ..core.texts import one_line
from ..system import files, tinyjson
from .codec import (
    AGE,
    COUNT,
    MODE,
    RELAYS,
    ROWS,
    SECONDS,
    SKY,
    STATE,
    TEXT,
    TEXTS,
    among,
    each,
    mapped,
    maybe,
    read_history,
    same,
    seconds,
    several,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..core.settings import Config
    from .codec import Codec

VERSION = 2
SLACK = 60.0  # s that two clocks may differ in what they say has gone by
PLAUSIBLE = 1577836800  # 2020-01-01; a clock that says less was not set yet


def look_at_clocks() -> Now:
    """The one reading of the clocks of a tick."""
    boot = ""
    try:
        # open() does more
        fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY)
        boot = os.read(fd, 36).decode()
        os.close(fd)
    except OSError:  # what was read before that is as good as ever
        pass
    return Now(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), boot)


def load(config: Config, now: Now, anyones: bool = False) -> tuple[Past | None, str]:
    """The past, or None when no memory can be used, and "" or why it cannot. `anyones`: whichever
    user owns it; that is good enough to be shown."""
    try:
        content, info = files.read(config.memory_path)
        if not anyones and info.st_uid not in (0, os.geteuid()):
            from ..system.rights import user_name

            owner = user_name(info.st_uid)
            raise Fault(f"{config.memory_path}: belongs to {owner}; run: sudo rm {config.memory_path}")
        saved = tinyjson.loads(content.decode())
        if type(saved["version"]) is int and 0 < saved["version"] < VERSION:  # from before an update
            return None, ""
        return restored(saved, now), ""
    except FileNotFoundError:
        return None, ""
    except Fault as fault:
        return None, f"memory not used: {fault}"
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        what = f"{config.memory_path}: is not domo's ({one_line(error, 200)})"
        text = f"memory not used: {what}; the journal is read instead"
        return None, Report(text, "memory", lasts=False)


def gone_by(saved: Mapping[str, Any], now: Now) -> float:
    """The time (s) since something was saved with the clocks that `kept` writes. Raises ValueError,
    TypeError or KeyError."""
    by_up, by_wall = now.up - saved["up"], now.wall - saved["wall"]
    same_boot = saved["boot"] == now.boot
    if not same_boot and "" in (saved["boot"], now.boot):  # one could not be read
        same_boot = abs(by_up - by_wall) < SLACK
    return seconds(by_up if same_boot and by_up >= 0 else max(by_wall, now.up))


# How each field of the past is written, and read; one that is new here begins with its default.
FIELDS: dict[str, Codec] = {
    "tick": maybe(AGE),
    "modes": mapped(int, MODE),
    "ours": RELAYS,
    "states": mapped(int, STATE),
    "history": mapped(int, (lambda history: history.pruned().rounded(), read_history)),
    "auto_on": mapped(int, AGE),
    "support": mapped(int, AGE),
    "data": maybe(AGE),
    "timers": mapped(str, each(AGE, SECONDS, COUNT)),
    "charge": mapped(str, maybe(AGE)),
    "sky": SKY,
    "frozen": each((same, lambda text, gone: str(text)), AGE),
    "turns": several(COUNT),
    "scripted": several(COUNT),
    "stuck": mapped(str, each(COUNT, COUNT)),
    "why": mapped(int, TEXT),
    "reports": TEXTS,
    "until": mapped(int, each(among(FORCED), AGE, SECONDS)),
    "pins": mapped(int, STATE),
    "pin_failures": mapped(int, each(AGE, COUNT)),
    "unwritten": ROWS,
    "untold": ROWS,
}


def restored(saved: Mapping[str, Any], now: Now) -> Past:
    """The past that was `kept`, so much later. Raises ValueError, TypeError or KeyError when it is none."""
    if saved["version"] != VERSION:
        raise ValueError(f"version {saved['version']}")
    gone = gone_by(saved, now)
    fields = {name: read(saved[name], gone) for name, (_, read) in FIELDS.items() if name in saved}
    return Past(**fields, unset=saved["wall"] < PLAUSIBLE)


def kept(past: Past, now: Now) -> dict[str, Any]:
    """What is written of the past."""
    clocks = {"version": VERSION, "boot": now.boot, "wall": now.wall, "up": now.up}
    return {**clocks, **{name: write(getattr(past, name)) for name, (write, _) in FIELDS.items()}}


def left(past: Past, now: Now) -> Mapping[int, int]:
    """The states that the relays were left in, as far as anybody knows. A restart switches every relay
    off, though its pin may be an output again already (gpio=...=op,dh in the firmware's config.txt)."""
    if past.tick is not None and past.tick < now.up:
        return past.states
    rows = {r: row for r, row in past.history.items() if row.switches}
    return {r: row.last_state if row.switches[-1][0] < now.up else OFF for r, row in rows.items()}


def observe(past: Past, states: Mapping[int, int], pins: Mapping[int, int], now: Now) -> Past:
    """The past with the states that were found: a relay that is not what it was left has been
    switched by a restart, at the moment of booting, or by somebody else, just now. One that counts as off
    though its pin says on is switched off just now."""
    restarted = past.tick is None or past.tick >= now.up
    history = dict(past.history)
    for relay, state in states.items():
        known = history.get(relay, History())
        row = known.switches
        if known.last_state != state:
            since = now.up if restarted and pins[relay] == state else 0.0
            age = min(since, row[-1][0] if row else now.up)
            history[relay] = History((*row, (age, state)))
    return replace(past, states=dict(states), history=history)


def save(config: Config, past: Past, now: Now) -> None:
    """Writes the past, unless nobody knows it: then the journal is asked again. Raises Fault."""
    if past.known:
        files.replace(config.memory_path, tinyjson.dumps(kept(past, now)).encode(errors="replace"))
