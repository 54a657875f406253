"""`domo-replay --recorded DAY`: what today's scripts would have done on a recorded day.

The readings are exactly those that were recorded. So the answers are right until the first switch that
differs. After it another load would have made other readings: the rest is a guess, and is called one.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ..core.decide import decide
from ..core.history import OFF, ON, History
from ..core.model import AUTO_OFF, DONE, FORCED, ON_OFF, WRONG, Now, Order, Past, Plan, Reading, Value
from ..core.records import replace
from ..core.settings import Config
from ..core.table import WIDTH, wrapped
from ..report import book, days, text, words
from ..report.days import Day
from ..report.pieces import AUTO, Piece
from ..report.pieces import FORCED as FORCED_ON
from ..report.simulated import Simulated
from ..scripts import messages, source
from ..scripts.api import World
from ..stores import history, memory, reading, record
from ..system.output import show
from ..tick.remember import next_past
from .plant import CS
from .tally import together

UP = 3 * 86400.0  # s since boot at the first line
Row = Mapping[str, str]


def main(config: Config, date: str, wall: float) -> int:
    """Prints what would have happened on a day, as a person names it; `wall`: now (epoch s). Gives the exit
    code. Raises ValueError if it is no day."""
    today = record.stamp(wall)[:10]
    date = days.asked(date, today) or today
    days_book = book.load(config, wall, sums=False)
    columns, cells = history.merged(days_book.records(date))
    rows = [dict(zip(columns, row, strict=True)) for row in cells if row[0].startswith(date)]
    was = days.made(date, columns, cells)
    if not was.minutes:
        print(f"domo-replay: nothing is recorded of {date}", file=sys.stderr)
        return WRONG
    before = [days_book.day(days.earlier(date, count)) for count in (2, 1)]
    simulated, faults = Simulated(config), Counter[str]()
    for now, data, plan, orders in fold(config, sorted(filter(moment, rows), key=moment), before):
        simulated.add(now.wall, data, plan)
        for order in orders.values():
            if not order.good:
                faults[order.why] += 1
    show("\n".join(picture(config, was, simulated.day())))
    for fault, count in together(faults).most_common(10):
        print(f"domo-replay: {fault} ({count} times)", file=sys.stderr)
    return WRONG if faults else DONE


def moment(row: Row) -> float:
    """When a line was written (epoch s); 0 if that is torn."""
    try:
        return datetime.fromisoformat(row["time"]).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def devices(row: Row, wall: float) -> list[tuple[str, str, str, dict[str, Value]]]:
    """The devices of a line, as `reading.parse` gives those of a data file."""
    by_device: dict[str, dict[str, Value]] = {}
    for name, content in row.items():
        device, dot, value = name.rpartition(".")
        if dot and content and not re.fullmatch(r"relay\d+", device):
            by_device.setdefault(device, {})[value] = Value(content, CS.get(content, content))
    return [(name, name, f"{wall:.0f}", values) for name, values in by_device.items()]


def fold(
    config: Config, rows: Sequence[Row], before: Sequence[Day]
) -> Iterator[tuple[Now, Reading, Plan, Mapping[int, Order]]]:
    """The ticks of these lines: each reads what was read then, and finds the forces that stood then and the
    states that the simulated ticks before it made. `before`: the days before, for what ran on them."""
    config = replace(config, dbFile="")
    library = source.Library(config.scriptDir)
    scripted = source.scripted(config)
    start = moment(rows[0])
    states = {r: int(rows[0].get(f"relay{r}.state") == str(ON)) for r in config.relays}
    supported = {relay: 0.0 for relay, state in states.items() if state}
    past = Past(states=states, history=_histories(before, states), support=supported)
    for place, row in enumerate(rows):
        wall = moment(row)
        now = Now(wall, UP + wall - start, "recorded")
        data, past = reading.watched(config, reading.judge(devices(row, wall), config, now), past, now)
        held = {r: row.get(f"relay{r}.mode", "") for r in config.relays}
        wanted = {r: int(mode) if mode in map(str, FORCED) else AUTO_OFF for r, mode in held.items()}
        asked = [r for r in scripted if wanted[r] not in FORCED]
        world = World(config, wanted, states, past, data, now)
        orders = {
            r: Order("", data.problem) if data.problem else source.ask_here(r, world, library) for r in asked
        }
        plan = decide(config, wanted, states, past, data, orders)
        yield now, data, plan, orders
        answers = messages.Answers(orders, world.timers, reading=data, past=past)
        states = {relay: decision.state for relay, decision in plan.items()}
        if place + 1 < len(rows):
            gone = max(0.0, moment(rows[place + 1]) - wall)
            later = Now(wall + gone, now.up + gone, now.boot)
            past = memory.restored(memory.kept(next_past(config, past, answers, plan, ()), now), later)


def _histories(before: Sequence[Day], states: Mapping[int, int]) -> dict[int, History]:
    """What ran on the days before, as ages at the midnight that follows them."""
    switches_of: dict[int, list[tuple[float, int]]] = {}
    for ago, day in enumerate(reversed(before)):
        switches = [(ago * 86400 + (1440 - s.minute) * 60, s.relay, s.state) for s in day.switches]
        for age, relay, state in reversed(switches):
            switches_of.setdefault(relay, []).insert(0, (age, state))
    for relay, state in states.items():
        row = switches_of.setdefault(relay, [])
        if state != (row[-1][1] if row else OFF):
            row.append((0.0, state))
    return {relay: History(tuple(row)) for relay, row in switches_of.items()}


def difference(was: Day, would: Day) -> tuple[float, int, str] | None:
    """The first minute at which a relay would have been in another state: the minute, the relay, why."""
    firsts = []
    for relay, pieces in would.relays.items():
        on = [piece for piece in was.relays.get(relay, ()) if piece.kind in (AUTO, FORCED_ON)]
        for piece in pieces:
            wrong = _first_wrong(piece, on)
            if wrong is not None:
                firsts.append((wrong, relay, f"{piece.kind}: {piece.why}"))
                break
    return min(firsts, default=None)


def _first_wrong(piece: Piece, on: Sequence[Piece]) -> float | None:
    """The first minute of a piece in which the relay really was in the other state, if there is one."""
    minute = piece.start
    if piece.kind in (AUTO, FORCED_ON):
        for other in on:
            if other.start <= minute + 0.5 < other.end:
                minute = other.end
        return minute if minute + 0.5 < piece.end else None
    meet = (o for o in on if o.start + 0.5 < piece.end and piece.start + 0.5 < o.end)
    return min((max(piece.start, o.start) for o in meet), default=None)


def picture(config: Config, was: Day, would: Day) -> Iterator[str]:
    """Both days, band by band; where they differ first; and the switches that would have been."""
    yield f"{words.date(was.date)}: what was, and what today's scripts would have done"
    yield text.HOURS
    for relay in would.relays:
        for name, day in ((f"{relay} {config.name(relay)}"[: text.LABEL - 7], was), ("", would)):
            label = f"{name:<{text.LABEL - 6}}{'was' if day is was else 'would'}".ljust(text.LABEL)
            yield label + "".join(text.PLAIN.get(kind, " ") for kind in text.cells(day.relays.get(relay, [])))
    yield "  ".join(f"{mark} {kind}" for kind, mark in text.PLAIN.items())
    yield ""
    part = difference(was, would)
    if part is None:
        yield "Today's scripts would have switched the same."
        return
    minute, relay, why = part
    yield from wrapped(
        f"The same until {days.clock(minute)}, when {relay} {config.name(relay)} would have been {why}. "
        "From then on other readings would have followed, so the rest is a guess."
    )
    yield ""
    for switch in would.switches:
        mark = "?" if switch.minute > minute else " "
        at = f"{mark}{days.clock(switch.minute)}  "
        what = f"{switch.relay} {config.name(switch.relay)} {ON_OFF[switch.state]}"
        line = f"{what} ({switch.mode}): {switch.why}"
        yield from textwrap.wrap(line, WIDTH, initial_indent=at, subsequent_indent=" " * 10)
