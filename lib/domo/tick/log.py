"""The log, as in PvMonit: printMessage goes to the standard output, printMessageLogfile to a file."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ..core.model import MODE_WORDS, ON_OFF
from ..system import files, rights
from ..system.output import show
from .news import fresh

if TYPE_CHECKING:
    from .sight import Done

LOG_LIMIT = 10_000_000  # bytes, as in PvMonit; then it is renamed to FILE.1 and a new one begun


def log(done: Done) -> list[str]:
    """PvMonit's printMessage (to the standard output, up to that level) and printMessageLogfile (every
    level, as PvMonit's trucAdir does). Gives what went wrong."""
    config = done.sight.config
    when = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(done.sight.now.wall))
    lines = [(level, f"{when} [{level}] - {text}") for level, text in _messages(done)]
    for level, line in lines:
        if level <= config.printMessage:
            show(line)
    try:
        if config.printMessageLogfile:
            text = "".join(f"{line}\n" for _, line in lines)
            _append(config.printMessageLogfile, text.encode(errors="replace"))
    except OSError as error:
        return [str(rights.refused(config.printMessageLogfile, error))]
    return []


def _messages(done: Done) -> list[tuple[int, str]]:
    """The lines of the log, with PvMonit's levels: 1 changes and faults, 2 why, 3 what stays, 4 steps,
    5 values."""
    sight = done.sight
    new = fresh(sight.config, done.faults, sight.now)
    said = [(1, f"domo-tick: {text}") for text in new]
    said += [(3, f"domo-tick: {fault}") for fault in done.faults if fault not in new]
    for relay, decision in done.plan.items():
        who = " ".join(filter(None, ("relay", str(relay), sight.config.relayName.get(relay))))
        if decision.mode != decision.mode_before:
            said.append((1, f"{who}: {_word(decision.mode_before)} to {_word(decision.mode)}"))
        if decision.state != decision.state_before:
            said.append((1, f"{who}: switched {ON_OFF[decision.state]}"))
        changed = decision.mode != decision.mode_before or decision.state != decision.state_before
        said.append((2 if changed else 3, f"{who}: {decision.why}"))
    said += [(2, f"data: {note}") for note in sight.answers.reading.notes]
    said.append((4, f"pins: {sight.board.kind if sight.board else 'none'}"))
    said += [(4, f"script printed: {line}") for line in sight.answers.printed.splitlines()]
    for device in sight.answers.reading.devices:
        for name, value in device.values.items():
            said.append(
                (5, f"data: {device.name or device.id} {name} = {value.text}, {device.age:.0f} s ago")
            )
    return said


def _word(mode: int | None) -> str:
    return "no mode" if mode is None else MODE_WORDS[mode]


def _append(path: str, content: bytes) -> None:
    """Adds to the log, through no link; a full one becomes FILE.1."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(path, flags)
    except FileNotFoundError:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        if os.fstat(fd).st_size + len(content) > LOG_LIMIT:
            os.rename(path, f"{path}.1")
            new = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
            os.close(fd)
            fd = new
        files.write_all(fd, content)
    finally:
        os.close(fd)
