"""News of a tick: which faults are new, and what is queued for the program of `onChange`: faults, switches
and changes of mode."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..core.model import MODE_WORDS, ON_OFF, Fault, Now, Past, Row
from ..core.news import News, news
from ..core.records import replace
from ..core.settings import Config
from ..stores import events, record, told

if TYPE_CHECKING:
    from collections.abc import Sequence


def noted(config: Config, reports: Sequence[str], now: Now, all_seen: bool = True) -> list[str]:
    """Gives what is new of the faults, queues it for the program, and remembers that it was told. If it
    cannot be remembered, it is new again at the next tick. `all_seen`: see core.news."""
    before = told.load(config, now)
    said, after = news(before, reports, config.remindAfter, all_seen)
    failed = []
    if said and config.onChange:
        try:
            events.add(config, [_line(_of_fault(one, now)) for one in said])
        except Fault as fault:
            failed.append(str(fault))
    if after != before:
        try:
            told.save(config, after, now)
        except Fault as fault:
            failed.append(f"{fault}; until it can be, each tick reports every fault")
    return [*(one.text for one in said), *failed]


def fresh(config: Config, reports: Sequence[str], now: Now) -> list[str]:
    """What is new of the faults."""
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
        "time": record.stamp(now.wall - row.age),
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
        "time": record.stamp(now.wall),
        "kind": one.kind,
        **nothing,
        "why": one.text,
        "text": f"domo: {one.text}",
    }


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False)
