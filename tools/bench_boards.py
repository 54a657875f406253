"""A steady tick on every board, with the real libraries: a part of `make bench`.

The libraries run on a Raspberry Pi of our own (`support.gpio`), its chip and its registers plain memory.
Our Pi costs time too. So the simulated board is measured on it as well, and only the difference between a
board and the simulated one counts. What a kernel does for a call, or the bus for an access, is not in it; the
former is in what `make pi-bench` measures on an emulated Pi's own pins, without libraries.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from bench_house import PROJECT, Case, Home, Python, Table, run, turns

sys.path.append(str(PROJECT / "tests"))

from support.gpio import libraries
from support.gpio.pi import Pi

SIMULATED = "simulated"
BOARDS = {  # what a line says: (`board` in config.yaml, the library, what it may cost more than SIMULATED)
    SIMULATED: ("simulated", "", None),
    "gpiochip, the kernel's interface": ("gpiochip", "", 0.05),
    "RPi.GPIO, the original": ("gpio", "RPi.GPIO", 0.35),
    "rpi-lgpio": ("gpio", "rpi-lgpio", None),
}
NO_SUN = 50.0  # per cent: every script says off, which is how our Pi's pins are


def measure(
    table: Table, folder: Path, python: Python, rounds: int, simulated: float, own_pins: bool = False
) -> dict[str, float]:
    """By board, what a steady tick costs, in bare starts; `simulated`: what it does without our Pi.
    `own_pins`: on the pins of this machine."""
    boards = [what for what, (_, library, _) in BOARDS.items() if not (own_pins and library)]
    try:
        env = {} if own_pins else Pi(folder / "pi").plain()
        homes = {what: _home(folder / f"house {n}", python, what, env) for n, what in enumerate(boards)}
    except libraries.CannotBeHad as missing:
        table.say("a steady tick on real boards", f"   cannot be measured here: {missing}", False)
        return {SIMULATED: simulated}
    cases = {"bare": Case([python.path, "-IS", "-c", "pass"], {})}
    for what, home in homes.items():
        cases[what] = Case([python.path, "-S", *home.command[2:]], home.env, _fed(home))
    found = turns(cases, rounds)
    print("\na steady tick, by board                                   more than simulated")
    costs = {}
    for what in boards:
        rounds_of = zip(found[what], found[SIMULATED], found["bare"], strict=True)
        more = statistics.median((cost - other) / bare for cost, other, bare in rounds_of)
        costs[what] = simulated + more
        table.line(f"  {what}", f"{costs[what]:.2f} x", more, BOARDS[what][2])
    return costs


def _fed(home: Home) -> Callable[[int], None]:
    """What gives a house its data before each turn."""
    return lambda turn: home.data(NO_SUN)


def _home(folder: Path, python: Python, what: str, env: dict[str, str]) -> Home:
    """A house with that board, every relay off and nothing left to switch."""
    board, library, _ = BOARDS[what]
    home = Home(folder, python)
    home.config.write_text(home.config.read_text().replace("board: simulated", f"board: {board}"))
    home.env |= env
    packages = python.packages + (f":{libraries.library(library)}" if library else "")
    home.env["PYTHONPATH"] = packages
    for _ in range(4):
        home.data(NO_SUN)
        run([python.path, "-S", *home.command[2:]], home.env)
    return home
