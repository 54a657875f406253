"""What the tick remembers until the next one: a versioned JSON file in tmpfs, rebuilt from the journal.

This module owns time. Everything is remembered as an age at the moment of saving; on loading, the
time that went by since is added: by the clock that counts since boot within one boot, by the wall
clock across a reboot, but then never less than the machine has been up. So a wall clock that jumps
moves nothing, no age is negative, and no event lies in the future.
"""

from __future__ import annotations

import posix as os  # lean: see files
import sys
import time

from ..core.spare import AGES
from ..core.model import FORCED, OFF, ON, Fault, History, Now, Past, replace
from ..system import files, tinyjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from typing import Any

    from ..core.model import Config

VERSION = 1


def look_at_clocks() -> Now:
    """The one reading of the clocks of a tick."""
    try:
        fd = os.open(
            "/proc/sys/kernel/random/boot_id", os.O_RDONLY
        )  # open() costs 3 % of an interpreter's start
        boot = os.read(fd, 36).decode()
        os.close(fd)
    except OSError:
        boot = ""
    return Now(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), boot)


def path(config: Config) -> str:
    """Where the memory is."""
    return f"{config.prefixFileData}memory.json"


def load(config: Config, now: Now, anyones: bool = False) -> tuple[Past | None, str]:
    """The past, or None when no memory can be used, and "" or why it cannot. `anyones`: whoever it
    belongs to, good enough to show."""
    try:
        content, info = files.read(path(config))
        if not anyones and info.st_uid not in (0, os.geteuid()):
            raise Fault(
                f"{path(config)}: belongs to {files.user_name(info.st_uid)}; run: sudo rm {path(config)}"
            )
        return restored(tinyjson.loads(content.decode()), now), ""
    except FileNotFoundError:
        return None, ""
    except Fault as fault:
        return None, f"memory not used: {fault}"
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        return None, f"memory not used: {path(config)}: is not domo's ({error}); the journal is asked instead"


def restored(saved: Mapping[str, Any], now: Now) -> Past:
    """The past that was `kept`, so much later. Raises ValueError, TypeError or KeyError when it is none."""
    if saved["version"] != VERSION:
        raise ValueError(f"version {saved['version']}")
    same_boot = saved["boot"] == now.boot and now.up >= saved["up"]
    gone = _seconds(now.up - saved["up"] if same_boot else max(now.wall - saved["wall"], now.up))

    def age(value: float) -> float:
        return _seconds(value) + gone

    def by_relay(name: str) -> dict[int, Any]:
        return {int(relay): value for relay, value in saved[name].items()}

    return Past(
        tick=None if saved.get("tick", 0.0) is None else age(saved.get("tick", 0.0)),
        modes={r: _among(range(4), mode) for r, mode in by_relay("modes").items()},
        ours=frozenset(map(int, saved["ours"])),
        states={r: _among((OFF, ON), state) for r, state in by_relay("states").items()},
        history={r: _row([(age(a), s) for a, s in row]) for r, row in by_relay("history").items()},
        auto_on={r: age(a) for r, a in by_relay("auto_on").items()},
        support={r: age(a) for r, a in by_relay("support").items()},
        data=None if saved["data"] is None else age(saved["data"]),
        timers={
            str(n): (age(a), _seconds(length), int(count))
            for n, (a, length, count) in saved["timers"].items()
        },
        charge={str(n): None if a is None else age(a) for n, a in saved["charge"].items()},
        sky=_sky(saved.get("sky", {}), gone),
        frozen=(str(saved["frozen"][0]), age(saved["frozen"][1])),
        failed=frozenset(map(int, saved["failed"])),
        why={r: str(why) for r, why in by_relay("why").items()},
        reports=tuple(map(str, saved["reports"])),
        until={
            int(r): (_among(FORCED, m), age(a), _seconds(s))
            for r, (m, a, s) in saved.get("until", {}).items()
        },
        pins={int(pin): _among((0, 1), level) for pin, level in saved.get("pins", {}).items()},
        owed=tuple(
            (
                age(a),
                _among(range(1001), r),
                "M" if info == "M" else "E",
                _among(range(4), v),
                _whole(str(why)),
            )
            for a, r, info, v, why in saved.get("owed", ())
        ),
    )


def _seconds(value: float) -> float:
    if not 0 <= value < 1e12:
        raise ValueError(f"{value} s")
    return float(value)


def _sky(saved: Mapping[str, float], gone: float) -> dict[str, float]:
    return {str(n): _seconds(v) + (gone if n in AGES else 0.0) for n, v in saved.items()}


def _whole(text: str) -> str:
    return text.encode(errors="replace").decode()  # JSON can say half a character, SQLite cannot


def _among(values: Container[int], value: int) -> int:
    if type(value) is not int or value not in values:
        raise ValueError(f"a mode or state of {value!r}")
    return value


def _row(switches: list[tuple[float, int]]) -> History:
    if any(later > earlier for (earlier, _), (later, _) in zip(switches, switches[1:], strict=False)):
        raise ValueError("switches out of order")
    return History(tuple((age, _among((OFF, ON), state)) for age, state in switches))


def left(past: Past, now: Now) -> Mapping[int, int]:
    """The states that the relays were left in during this boot. A restart switches every relay off,
    though its pin may be an output again already (gpio=...=op,dh in the firmware's config.txt)."""
    if past.tick is not None and past.tick < now.up:
        return past.states
    return {
        r: row.last_state for r, row in past.history.items() if row.switches and row.switches[-1][0] < now.up
    }


def observe(past: Past, states: Mapping[int, int], now: Now) -> Past:
    """The past with the states that were found: a relay that is not what it was left has been
    switched by a restart, at the moment of booting, or by somebody else, just now."""
    restarted = past.tick is None or past.tick >= now.up
    history = dict(past.history)
    for relay, state in states.items():
        known = history.get(relay, History())
        row = known.switches
        if known.last_state != state:
            age = min(now.up if restarted else 0.0, row[-1][0] if row else now.up)
            history[relay] = History((*row, (age, state)))
    return replace(past, states=dict(states), history=history)


def save(config: Config, past: Past, now: Now) -> None:
    """Writes the past, unless nobody knows it: then the journal is asked again. Raises Fault."""
    if past.known:
        files.replace(path(config), tinyjson.dumps(kept(past, now)).encode(errors="replace"))


def kept(past: Past, now: Now) -> dict[str, Any]:
    """What is written of the past."""

    def age(value: float) -> float:
        return round(value, 3)

    return {
        "version": VERSION,
        "boot": now.boot,
        "wall": now.wall,
        "up": now.up,
        "tick": past.tick and age(past.tick),
        "modes": past.modes,
        "ours": sorted(past.ours),
        "states": past.states,
        "history": {r: [(age(a), s) for a, s in h.pruned().switches] for r, h in past.history.items()},
        "auto_on": {r: age(a) for r, a in past.auto_on.items()},
        "support": {r: age(a) for r, a in past.support.items()},
        "data": past.data and age(past.data),
        "timers": {n: (age(a), length, count) for n, (a, length, count) in past.timers.items()},
        "charge": {n: a and age(a) for n, a in past.charge.items()},
        "sky": {n: round(v, 4) for n, v in past.sky.items()},
        "frozen": (past.frozen[0], age(past.frozen[1])),
        "failed": sorted(past.failed),
        "why": past.why,
        "reports": past.reports,
        "until": {r: (mode, age(a), length) for r, (mode, a, length) in past.until.items()},
        "pins": past.pins,
        "owed": [(age(a), *row) for a, *row in past.owed],
    }


def as_its_user(config: Config) -> None:
    """Makes this process the user whose ticks they are, by the memory's owner: root becomes him, and
    anybody else is told. Run by another, a tick would leave files that the next one may not write.
    Raises Fault."""
    try:
        owner = os.stat(path(config)).st_uid
    except OSError:  # no tick has run yet: whoever is first
        return
    if owner == os.geteuid():
        return
    name = files.user_name(owner)
    if os.geteuid() != 0:
        why = f"this is run by {files.user_name(os.geteuid())}, but the ticks by {name}, who owns {path(config)}"
        raise Fault(f"{why}; run: sudo -u {name} {' '.join(sys.argv)}")
    import pwd

    try:
        os.initgroups(name, pwd.getpwuid(owner).pw_gid)  # among them gpio
        os.setgid(pwd.getpwuid(owner).pw_gid)
        os.setuid(owner)
    except (KeyError, OSError) as error:
        raise Fault(f"{path(config)} belongs to user {name}, whom nobody can become here ({error})") from None
