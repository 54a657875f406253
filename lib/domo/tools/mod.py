"""`domo-mod`: the relays as they are and why; or a force, at once, and for as long as it is wanted."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import textwrap
import time
from typing import TYPE_CHECKING

from ..core.model import (
    AUTO_OFF,
    AUTO_ON,
    BUSY,
    DONE,
    FORCED,
    FORCED_OFF,
    FORCED_ON,
    LOOK,
    MODE_WORDS,
    OWNER,
    REFUSED,
    Config,
    ConfigError,
    Fault,
    Now,
    Past,
    Row,
)
from ..core.records import replace
from ..core.texts import did_you_mean, minutes
from ..panel.frame import View, rows
from ..stores import config as configs
from ..stores import memory, modes, states
from ..system import arguments, lock
from ..tick import process as ticker
from ..tick import table

if TYPE_CHECKING:
    from argparse import Namespace

WIDTH = 80
ORDERS = {"on": FORCED_ON, "off": FORCED_OFF, "auto": AUTO_OFF}
BUSY_SECONDS = 25.0  # a tick ends within 20


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = arguments.parser("domo-mod", "Shows the relays and why they are so; or forces one, at once.")
    parser.add_argument(
        "relay", nargs="?", metavar="RELAY", help="its number, its name or a part of that; or all"
    )
    parser.add_argument(
        "order", nargs="?", type=str.lower, choices=["on", "off", "auto"], help="without it: shown"
    )
    parser.add_argument("--json", action="store_true", help="for other programs")
    end = parser.add_mutually_exclusive_group()
    text = "the force ends after: 2h, 90min, 1h30"
    end.add_argument("--for", dest="length", type=duration, metavar="TIME", help=text)
    end.add_argument("--until", type=_hour, metavar="HH:MM", help="the force ends at that time")
    return parser


def duration(text: str) -> float:
    """ "2h", "90min", "1h30", "45s" or "2d" in seconds."""
    units = {"d": 86400, "h": 3600, "min": 60, "m": 60, "s": 1}
    part = r"(\d+(?:\.\d+)?)(d|h|min|m|s)"
    text = re.sub(r"(?<=\dh)\d+$", r"\g<0>min", text.lower().replace(" ", ""))
    if not re.fullmatch(f"({part})+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 2h, 90min or 1h30")
    seconds = sum(float(number) * units[unit] for number, unit in re.findall(part, text))
    if not 0 < seconds <= 31 * 86400:
        raise argparse.ArgumentTypeError(f"{text!r}: a force may last up to 31 days")
    return seconds


def _hour(text: str) -> tuple[int, int]:
    try:
        moment = time.strptime(text.lower().replace("h", ":"), "%H:%M")  # 18h30, as it is written in French
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of day; write 18:30") from None
    return moment.tm_hour, moment.tm_min


def seconds_until(hour: tuple[int, int], wall: float) -> float:
    """How long after `wall` (epoch s) it is that time of day."""
    today = time.localtime(wall)
    ends = [time.mktime((*today[:2], today[2] + days, *hour, 0, 0, 0, -1)) for days in (0, 1)]
    return next(end for end in ends if end > wall) - wall


def main(argv: list[str]) -> int:
    """`domo-mod` with these arguments; gives its exit code: 0 done, 1 done, with something to look at,
    or it could not be done, 2 not understood, 75 a tick is running that does not end."""
    given = options().parse_args(argv)
    try:
        config, _ = configs.load(configs.chosen(given.config))
        relays = list(config.relays) if given.relay in (None, "all") else [_relay(config, given.relay)]
        if (given.length or given.until) and given.order not in ("on", "off"):
            raise Fault("--for and --until say when a force ends: RELAY on --for 2h")
    except (ConfigError, Fault) as error:
        for problem in str(error).splitlines():
            print(f"domo-mod: {problem}", file=sys.stderr)
        return REFUSED
    try:
        code = DONE if given.order is None else _force(config, relays, given)
    except Fault as fault:
        print(f"domo-mod: {fault}", file=sys.stderr)
        code = LOOK
    now = memory.look_at_clocks()
    view = _look(config, now)
    table.show(_json(view, now, relays) if given.json else _table(view, now, relays))
    return code


def _relay(config: Config, word: str) -> int:
    """The relay of that number or name, or of which it is a part. Raises Fault."""
    if word.isdecimal():
        if int(word) in config.relays:
            return int(word)
        raise Fault(f"there is no relay {word}; there are 1 to {config.relayNb}")
    names = {relay: config.name(relay) for relay in config.relays}
    sought = word.casefold()
    found = [r for r, name in names.items() if name.casefold() == sought] or [
        r for r, name in names.items() if sought and sought in name.casefold()
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise Fault(f"{word!r} may be {' or '.join(f'{names[r]} ({r})' for r in found)}")
    raise Fault(f"there is no relay {word!r}{did_you_mean(word, names.values())}")


def _force(config: Config, relays: list[int], given: Namespace) -> int:
    """Writes the order into the mode file and lets a tick carry it out; gives the tick's exit code.
    Raises Fault."""
    memory.as_its_user(config)
    mode = ORDERS[given.order]
    if not (os.path.exists(config.modPath) and os.path.exists(config.memory_path)):
        _tick(config)  # makes both
    past, _ = memory.load(config, memory.look_at_clocks())
    known = modes.load(config.modPath).modes
    for relay in relays:
        if mode in FORCED and (given.until or given.length or (past and relay in past.until)):
            _write_with_end(config, relay, mode, given)
        elif mode in FORCED or known.get(relay) not in (AUTO_OFF, AUTO_ON):  # both are auto
            modes.set_owner(config.modPath, {relay: mode})
    return _tick(config)


def _write_with_end(config: Config, relay: int, mode: int, given: Namespace) -> None:
    """Writes the mode, and into the memory when it ends (or that it no longer does). The end comes first:
    a force without it may stay for ever, an end without its force is dropped by the next tick. Where only
    the end changes, the journal is owed it, for after a restart; last, for it outlives a refused force.
    Raises Fault."""
    held = _locked(config)
    try:
        now = memory.look_at_clocks()
        past, trouble = memory.load(config, now)
        length = seconds_until(given.until, now.wall) if given.until else given.length
        if past is None and length:
            raise Fault(f"nobody would remember when to end it ({trouble or 'no memory'}); nothing is forced")
        if past is not None:
            until = {r: timed for r, timed in past.until.items() if r != relay}
            if length:
                until[relay] = (mode, 0.0, length)
            past = replace(past, until=until)
            memory.save(config, past, now)
        modes.set_owner(config.modPath, {relay: mode})
        if past is not None and past.modes.get(relay) == mode:  # else the tick tells the journal of a change
            row = Row(0.0, relay, "M", mode, f"{MODE_WORDS[mode]} by domo-mod", OWNER, length or None)
            memory.save(config, replace(past, unwritten=(*past.unwritten, row)), now)
    finally:
        if held is not None:
            os.close(held)


def _locked(config: Config) -> int | None:
    """The tick's lock, once no tick runs. Raises Fault."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return lock.take(config.lock_path)[0]
        except lock.Locked:
            if time.monotonic() > deadline:
                raise Fault("a tick is running that does not end; nothing is forced") from None
        time.sleep(0.05)


def _tick(config: Config) -> int:
    """Runs a tick, after the one that may be running; says what it said, gives its exit code."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        tick = ticker.Tick(config)
        while (code := tick.ended()) is None:
            time.sleep(0.01)
        if code != BUSY or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if tick.said:
        print(tick.said, file=sys.stderr)
    if code == BUSY:
        print(
            "domo-mod: what is ordered is written; it acts at the first tick after that one", file=sys.stderr
        )
    return code if code >= 0 else LOOK


def _look(config: Config, now: Now) -> View:
    past, _ = memory.load(config, now, anyones=True)
    past = past or Past()
    found = modes.load(config.modPath)
    known = modes.holding(config.relays, found, past.modes)
    return View(config, known, states.load(config.etatPath), past, message=found.problem)


def _table(view: View, now: Now, only: list[int]) -> str:
    """The relays in at most 80 columns, then the last tick and what is wrong."""
    lines = [("", "relay", "mode", "state", "since", "why")]
    for relay, name, mode, state, age, why in rows(view):
        if relay in only:
            lines.append((str(relay), name[:16], mode, state, _moment(now, age), why))
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    indent = sum(widths) + 10
    text = []
    for line in lines:
        start = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)) + "  "
        why = "".join(c if c.isprintable() else "?" for c in line[5])
        reason = textwrap.wrap(why, max(20, WIDTH - indent), break_on_hyphens=False) or [""]
        text += [f"{start}{reason[0]}".rstrip(), *(" " * indent + more for more in reason[1:])]
    past = view.past
    text += ["", "no tick yet" if past.tick is None else f"last tick {minutes(past.tick)} ago"]
    for said in filter(None, (view.message, *past.reports)):
        text += textwrap.wrap(said, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(text)


def _moment(now: Now, age: float | None) -> str:
    """When that was: the time, with the day if it was not today; "-" when nobody knows."""
    if age is None:
        return "-"
    then = time.localtime(now.wall - age)
    today = then[:3] == time.localtime(now.wall)[:3]
    return time.strftime("%H:%M" if today else "%b %d %H:%M", then)


def _json(view: View, now: Now, only: list[int]) -> str:
    """The same for other programs; moments in epoch seconds, null for what nobody knows."""
    relays = []
    for relay, name, _, _, age, why in rows(view):
        mode, timed = view.modes[relay], view.past.until.get(relay)
        ends = timed is not None and timed[0] == mode
        relay_found = {
            "relay": relay,
            "name": name,
            "mode": mode,
            "state": view.states.get(relay),
            "since": None if age is None else round(now.wall - age),
            "why": why,
            "until": round(now.wall + timed[2] - timed[1]) if ends and timed else None,
        }
        relays += [relay_found] if relay in only else []
    reports = [*filter(None, (view.message, *view.past.reports))]
    tick = None if view.past.tick is None else round(now.wall - view.past.tick)
    return json.dumps({"tick": tick, "relays": relays, "reports": reports}, ensure_ascii=False)
