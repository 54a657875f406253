"""`domo-tick --wires`: which wire goes where, by this configuration. It touches no pin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..core import header
from ..core.model import DONE, REFUSED, ConfigError
from ..core.table import drawn
from ..core.texts import one_line
from ..panel.frame import BOARD
from ..stores import config as configs
from ..system.output import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.settings import Config

NAME = 38  # columns of the first one at most


def main(path: str) -> int:
    """Prints the wires; gives 0, or 2 without a configuration that can be used."""
    try:
        config, _ = configs.load(path)
    except ConfigError as error:
        for problem in error.problems:
            print(f"domo-tick: {problem}", file=sys.stderr)
        return REFUSED
    show("\n".join(lines(config)))
    return DONE


def lines(config: Config) -> Iterator[str]:
    """What it prints, at most 80 columns wide."""
    rows = [("relay board", "BCM", "pin", "wiringPi", "on")]
    for terminal, pin in header.relay_wires(config):
        relay = terminal.removeprefix("IN")
        named = f"{terminal}  {config.name(int(relay))}" if relay.isdecimal() else terminal
        rows.append((named, *_numbers(pin), _level(config) if relay.isdecimal() else ""))
    relays = len(rows)
    rows.append(("TM1638 board", "BCM", "pin", "wiringPi", ""))
    for terminal, pin in header.panel_wires(config):
        rows.append((f"{terminal}{_shown(terminal)}", *_numbers(pin), ""))
    short = [(one_line(name, NAME), *numbers) for name, *numbers in rows]
    text = [line for [line] in drawn(short, right=(1, 2, 3))]
    yield from text[:relays]
    if config.relayActiveLow:
        yield "JD-VCC, GND: 5 V for the coils from a supply of its own, without the jumper"
    else:
        yield "DC+, GND: 5 V for the coils from a supply of its own"
    yield ""
    yield from text[relays:] if config.stb else ["no TM1638 board (tm1638: stb: [])"]
    yield ""
    yield "to keep the relays off until the first tick, in /boot/firmware/config.txt:"
    yield header.firmware_line(config)


def _numbers(pin: int) -> tuple[str, str, str]:
    """The names of a physical pin: BCM (or what it supplies), its own number, wiringPi."""
    bcm = header.HEADER[pin - 1]
    return str(bcm), str(pin), str(header.WIRING_PI.index(bcm)) if isinstance(bcm, int) else ""


def _shown(terminal: str) -> str:
    """Which relays a board shows, by the name of its STB, where there are several."""
    _, _, number = terminal.partition(" ")
    last = int(number or 0) * BOARD
    return f"  relays {last - BOARD + 1} to {last}" if number else ""


def _level(config: Config) -> str:
    return "low" if config.relayActiveLow else "high"
