"""News of a tick: new faults are printed on the standard error; faults, switches and changes of mode are
queued for the program of `onChange`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from ..core.model import MODE_WORDS, ON_OFF, Fault, Now, Past, Row
from ..core.news import News, news
from ..core.records import replace
from ..core.settings import Config
from ..stores import events, record, told

if TYPE_CHECKING:
    from collections.abc import Sequence


def say(config: Config, reports: Sequence[str], now: Now, all_seen: bool = True) -> None:
    """Prints what is new of the faults, and queues it for the program. If that cannot be remembered, it is
    printed again at the next tick. `all_seen`: see core.news."""
    before = told.load(config, now)
    said, after = news(before, reports, config.remindAfter, all_seen)
    troubles = []
    if said and config.onChange:
        try:
            events.add(config, [_line(_of_fault(one, now)) for one in said])
        except Fault as fault:
            troubles.append(str(fault))
    for text in (*(one.text for one in said), *troubles):
        print(f"domo-tick: {text}", file=sys.stderr)
    if after != before:
        try:
            told.save(config, after, now)
        except Fault as fault:
            print(f"domo-tick: {fault}; until you do, each tick reports every fault", file=sys.stderr)


def fresh(config: Config, reports: Sequence[str], now: Now) -> list[str]:
    """What `say` would print now."""
    return [one.text for one in news(told.load(config, now), reports, config.remindAfter)[0]]


def put_in_line(config: Config, past: Past, now: Now) -> tuple[Past, list[str]]:
    """Queues the changes of this tick, and those that could not be queued before, for the program. Gives the
    past after that, and what went wrong."""
    try:
        events.add(config, [_line(_of_change(config, row, past, now)) for row in past.untold])
    except Fault as fault:
        return replace(past, reports=(*past.reports, str(fault))), [str(fault)]
    return replace(past, untold=()), []


def _of_change(config: Config, row: Row, past: Past, now: Now) -> dict[str, Any]:
    relay, value, why = row.relay, row.value, str(row.why)
    name = config.name(relay)
    mode, state = past.modes.get(relay), past.states.get(relay)
    if row.info == "M":
        kind, mode, text = "mode", value, f"{name}: {MODE_WORDS[value]}"
    else:
        kind, state, text = "state", value, f"{name} is {ON_OFF[value]}"
    return {
        "time": _moment(now.wall - row.age),
        "kind": kind,
        "relay": relay,
        "name": name,
        "mode": mode,
        "state": state,
        "why": why,
        "text": text if row.info == "M" and why == MODE_WORDS[value] else f"{text} ({why})",
    }


def _of_fault(one: News, now: Now) -> dict[str, Any]:
    nothing = dict.fromkeys(("relay", "name", "mode", "state"))
    return {
        "time": _moment(now.wall),
        "kind": one.kind,
        **nothing,
        "why": one.text,
        "text": f"domo: {one.text}",
    }


def _moment(wall: float) -> str:
    """A moment (epoch s) in ISO 8601, with the local offset."""
    try:
        return record.stamp(wall)
    except (ValueError, OverflowError, OSError):  # the clock has an impossible date
        return record.stamp(0.0)


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False)
