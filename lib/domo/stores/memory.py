"""What the tick remembers until the next one: a JSON file in tmpfs; if it is lost, the journal is read.

This module owns time. Everything is remembered as an age at the moment of saving. On loading, the time since
then is added: within one boot by the clock that counts since boot; across a reboot by the wall clock, but
never less than the machine has been up. So a wall clock that jumps changes nothing, no age is negative, and
no event lies in the future.
"""

from __future__ import annotations

import os
import time

from ..core.faults import Report
from ..core.history import OFF, History
from ..core.model import Fault, Now, Past
from ..core.records import replace
from ..core.texts import one_line
from ..system import files, tinyjson
from .codec import FIELDS, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..core.settings import Config
    from ..system.stuck import Stuck

VERSION = 2
UNKNOWN = 0  # the version of a memory that only says which processes are stuck
SLACK = 60.0  # s by which the two clocks may differ about the time since then
PLAUSIBLE = 1577836800  # 2020-01-01; a clock that says less was not set yet


def read_clocks() -> Now:
    """The tick's one look at the clocks."""
    boot = ""
    try:
        # open() does more
        fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY)
        boot = os.read(fd, 36).decode()
        os.close(fd)
    except OSError:  # an id that was read before the error is good
        pass
    return Now(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), boot)


def load(config: Config, now: Now, anyones: bool = False) -> tuple[Past | None, str]:
    """The past, or None if no memory can be used, and "" or why it cannot. `anyones`: whoever owns it, which
    is good enough for showing it."""
    try:
        saved = _saved(config, anyones)
        if type(saved["version"]) is int and 0 <= saved["version"] < VERSION:  # UNKNOWN, or an old domo's
            return None, ""
        return restored(saved, now), ""
    except FileNotFoundError:
        return None, ""
    except Fault as fault:
        return None, str(fault)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        what = f"{config.memory_path}: is not domo's ({one_line(error, 200)})"
        text = f"memory not used: {what}; the journal is read instead"
        return None, Report(text, "memory", lasts=False)


def _saved(config: Config, anyones: bool = False) -> Any:
    """What is in the file. Raises FileNotFoundError, Fault or ValueError."""
    content, info = files.read(config.memory_path)
    if not anyones and info.st_uid not in (0, os.geteuid()):
        from ..system.rights import quoted, user_name

        path, owner = config.memory_path, user_name(info.st_uid)
        raise Fault(f"{path}: belongs to {owner}; run: sudo rm {quoted(path)}")
    return tinyjson.loads(content.decode())


def stuck(config: Config) -> Mapping[str, Stuck]:
    """The processes that were stuck when the past was last saved, known or not."""
    try:
        processes: Mapping[str, Stuck] = FIELDS["stuck"][1](_saved(config)["stuck"], 0.0)
        return processes
    except (OSError, Fault, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return {}


def gone_by(saved: Mapping[str, Any], now: Now) -> float:
    """The time (s) since something was saved, by the clocks that were saved with it. Raises ValueError,
    TypeError or KeyError."""
    by_up, by_wall = now.up - saved["up"], now.wall - saved["wall"]
    same_boot = saved["boot"] == now.boot
    if not same_boot and "" in (saved["boot"], now.boot):  # one could not be read
        same_boot = abs(by_up - by_wall) < SLACK
    return seconds(by_up if same_boot and by_up >= 0 else max(by_wall, now.up))


def restored(saved: Mapping[str, Any], now: Now) -> Past:
    """The past from what `kept` gave, as old as it is now. Raises ValueError, TypeError or KeyError."""
    if saved["version"] != VERSION:
        raise ValueError(f"version {saved['version']}")
    gone = gone_by(saved, now)
    fields = {name: read(saved[name], gone) for name, (_, read) in FIELDS.items() if name in saved}
    return Past(**fields, unset=saved["wall"] < PLAUSIBLE)


def kept(past: Past, now: Now) -> dict[str, Any]:
    """The past as it is written."""
    clocks = {"version": VERSION, "boot": now.boot, "wall": now.wall, "up": now.up}
    return {**clocks, **{name: write(getattr(past, name)) for name, (write, _) in FIELDS.items()}}


def last_states(past: Past, now: Now) -> Mapping[int, int]:
    """The states that the relays were left in, as far as it is known. A restart switches every relay off,
    though its pin may be an output again already (gpio=...=op,dh in the firmware's config.txt)."""
    if past.tick is not None and past.tick < now.up:
        return past.states
    rows = {r: row for r, row in past.history.items() if row.switches}
    return {r: row.last_state if row.switches[-1][0] < now.up else OFF for r, row in rows.items()}


def observe(past: Past, states: Mapping[int, int], pins: Mapping[int, int], now: Now) -> Past:
    """The past with the states that were found. If a relay is not as it was left, somebody switched it: when
    the machine started, if it has restarted, else now. One whose pin is on, but which counts as off (see
    plan.begin), counts as switched off now."""
    restarted = past.tick is None or past.tick >= now.up
    history = dict(past.history)
    for relay, state in states.items():
        before = history.get(relay, History())
        row = before.switches
        if before.last_state != state:
            since = now.up if restarted and pins[relay] == state else 0.0
            age = min(since, row[-1][0] if row else now.up)
            history[relay] = History((*row, (age, state)))
    return replace(past, states=dict(states), history=history)


def save(config: Config, past: Past, now: Now) -> None:
    """Writes the past. If it is not known, the next tick shall read the journal again: then only the
    processes that are stuck are written, so that it starts no other beside them. Raises Fault."""
    saved = kept(past, now)
    if not past.known:
        if not past.stuck:
            return
        saved = {"version": UNKNOWN, "stuck": saved["stuck"]}
    files.replace(config.memory_path, tinyjson.dumps(saved).encode(errors="replace"))
