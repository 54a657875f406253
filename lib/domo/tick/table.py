"""The table of `-v` and `--dry-run`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..core.history import ON
from ..core.model import MODE_WORDS, ON_OFF
from ..core.table import WIDTH, devices, drawn, wrapped
from ..scripts import source
from ..stores.reading import MOVING

if TYPE_CHECKING:
    from ..core.model import Plan
    from ..core.settings import Config
    from .sight import Sight

PRINTED = 20  # lines of the scripts are shown
GREEN, YELLOW, BOLD, PLAIN = "\033[32m", "\033[33m", "\033[1m", "\033[0m"


def table(sight: Sight, plan: Plan, only: object = None) -> str:
    """The plan as an aligned table of at most 80 columns, then the readings with their age."""
    rows = [("", "relay", "mode", "state", "why", BOLD)]
    for relay, decision in plan.items():
        if only not in (None, relay):
            continue
        modes = [MODE_WORDS[m] if m is not None else "no mode" for m in (decision.mode_before, decision.mode)]
        states = [ON_OFF[s] for s in (decision.state_before, decision.state)]
        switched = decision.state != decision.state_before
        colour = (GREEN if decision.state == ON else YELLOW) if switched else ""
        rows.append(
            (str(relay), sight.config.name(relay)[:16], _change(modes), _change(states), decision.why, colour)
        )
    lines = []
    for row, text in zip(rows, drawn([row[:5] for row in rows]), strict=True):
        lines += [_coloured(line, row[5]) for line in text]
    pins = wrapped(f"pins: {sight.board.kind if sight.board else 'none'}")
    return "\n".join([*lines, "", *_readings(sight), *_scripts(sight.config), *pins, *_printed(sight)])


def _change(words: list[str]) -> str:
    return words[0] if words[0] == words[1] else f"{words[0]} → {words[1]}"


def _coloured(text: str, colour: str) -> str:
    wanted = colour and sys.stdout and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return f"{colour}{text}{PLAIN}" if wanted else text


def _readings(sight: Sight) -> list[str]:
    lines = []
    reading = sight.answers.reading
    measured = devices(reading, {*sight.config.required, *MOVING, "CS"}, "{:.0f} s".format)
    for text in (*measured, *reading.notes, reading.problem):
        lines += wrapped(text, indent="  ")
    return lines


def _scripts(config: Config) -> list[str]:
    """The line about the folder of scripts, and the scripts in it."""
    names = [f"{relay}.{kind}" for relay, kind in sorted(source.scripted(config).items())]
    return wrapped(f"scripts: {', '.join(names) or 'none'} in {config.scriptDir}", indent="  ")


def _printed(sight: Sight) -> list[str]:
    lines = [f"  {line}" for line in sight.answers.printed.strip().splitlines()]
    if not lines:
        return []
    shown = [line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..." for line in lines[:PRINTED]]
    more = [f"  ..., {len(lines) - PRINTED} more lines"] if len(lines) > PRINTED else []
    return ["the scripts printed:", *shown, *more]
