"""What `domo-mod` shows: the relays as they are and why, in words or for other programs."""

from __future__ import annotations

import json
import time
from collections.abc import Container

from ..core.model import Now, Past
from ..core.settings import Config
from ..core.table import drawn, wrapped
from ..core.texts import minutes
from ..panel.frame import View, rows
from ..stores import memory, modes, states


def view(config: Config, now: Now) -> View:
    """What mode file, state file and memory say."""
    past, _ = memory.load(config, now, anyones=True)
    past = past or Past()
    mode_file = modes.load(config.modPath)
    relay_modes = modes.holding(config.relays, mode_file, past.modes)
    return View(config, relay_modes, states.load(config.etatPath)[0], past, message=mode_file.problem)


def in_words(view: View, now: Now, only: Container[int]) -> str:
    """The relays in at most 80 columns, then the last tick and what is wrong."""
    lines = [("", "relay", "mode", "state", "since", "why")]
    for relay, name, mode, state, age, why in rows(view):
        if relay in only:
            lines.append((str(relay), name[:16], mode, state, _moment(now, age), why))
    text = [line for row in drawn(lines) for line in row]
    past = view.past
    text += ["", "no tick yet" if past.tick is None else f"last tick {minutes(past.tick)} ago"]
    for said in _wrong(view):
        text += wrapped(said, indent="  ")
    return "\n".join(text)


def _wrong(view: View) -> list[str]:
    """What the last tick told, and before it what is wrong with the mode file, unless the tick told that."""
    told = any(view.message in report for report in view.past.reports)
    return [*([] if told or not view.message else [view.message]), *view.past.reports]


def _moment(now: Now, age: float | None) -> str:
    """When that was: the time, with the day if it was not today; "-" if it is not known."""
    if age is None:
        return "-"
    then = time.localtime(now.wall - age)
    today = then[:3] == time.localtime(now.wall)[:3]
    return time.strftime("%H:%M" if today else "%b %d %H:%M", then)


def in_json(view: View, now: Now, only: Container[int]) -> str:
    """The same for other programs; moments in epoch seconds, null for what is not known."""
    relays = []
    for relay, name, _, _, age, why in rows(view):
        if relay in only:
            mode, timed = view.modes[relay], view.past.until.get(relay)
            ends = timed if timed and timed[0] == mode else None
            row = {
                "relay": relay,
                "name": name,
                "mode": mode,
                "state": view.states.get(relay),
                "since": None if age is None else round(now.wall - age),
                "why": why,
                "until": round(now.wall + ends[2] - ends[1]) if ends else None,
            }
            relays.append(row)
    tick = None if view.past.tick is None else round(now.wall - view.past.tick)
    return json.dumps({"tick": tick, "relays": relays, "reports": _wrong(view)}, ensure_ascii=False)
