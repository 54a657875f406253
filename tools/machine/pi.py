"""domo on an emulated Raspberry Pi 3: every transition of its relays' pins, on each GPIO library.

    make pi

Boots Debian's arm64 kernel in QEMU, with the real driver pinctrl-bcm2835, twice: with its parameter
persist_gpio_outputs on, as Raspberry Pi's kernels have it, and off, as upstream's. Inside, real ticks run
on the kernel's interface, on the original RPi.GPIO and on rpi-lgpio. QEMU records each write to the
chip's registers, whoever makes it; the kernel's tracepoints tell what went through gpiolib. Prints what the
pins did, a table a kernel, and what is wrong with it; exits with 1 if something is, and with 3 if a
package or a right is missing here, or this machine is too slow.
"""

from __future__ import annotations

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from . import image, qemu
from .inside import DRIVEN, HELD, HOUSES, PINS
from .packages import CannotBeHad, program
from .registers import Pins

QUIET = {relay: [] for relay in PINS}  # type: dict[int, list[str]]
SECONDS = 1200  # three times what it took beside ten busy programs
TRACED = re.compile(r"gpio_(direction|value): +(\d+) +(in|out|set|get) ?\(?(\d)?")
FIRST_LINE = 512  # gpiolib's number of the chip's line 0


@dataclass
class Phase:
    """One command in one home: what it said, and what the pins did meanwhile."""

    house: str
    name: str
    did: dict[int, list[str]]  # by relay
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """All that it printed, on one line."""
        return " ".join(" ".join(f"{ran['out']} {ran['err']}" for ran in self.report["ran"]).split())

    @property
    def exits(self) -> list[int]:
        """How its programs ended."""
        return [ran["exit"] for ran in self.report["ran"]]

    @property
    def traced(self) -> list[tuple[int, str, str]]:
        """What gpiolib's tracepoints told, but for readings: (BCM pin, in, out or set, level)."""
        found = [TRACED.search(line) for line in self.report["trace"]]
        return [(int(f[2]) - FIRST_LINE, f[3], f[4] or "") for f in found if f and f[3] != "get"]


@dataclass
class Boot:
    """What one kernel saw."""

    persists: bool
    kernel: dict[str, Any] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    broken: str = ""
    missing: str = ""  # why it was not seen to its end


def follow(persists: bool, made: image.Image) -> Boot:
    """Boots, and puts together what the machine said and what its registers did."""
    boot, pins = Boot(persists), Pins()
    houses = ";".join(house.replace(" ", "_") for house in HOUSES)
    options = f"pinctrl_bcm2835.persist_gpio_outputs={int(persists)} now={int(time.time())} HOUSES={houses}"
    try:
        for event in qemu.boot(made, options, SECONDS):
            _take(boot, pins, event)
    except CannotBeHad as missing:
        boot.missing = str(missing)
    boot.phases = [phase for phase in boot.phases if phase.report]
    return boot


def _take(boot: Boot, pins: Pins, event: str | tuple[int, int]) -> None:
    """One line that the machine said, or one write to its registers."""
    relays = {pin: relay for relay, pin in PINS.items()}
    if isinstance(event, tuple):
        for pin, change in pins.write(*event):
            if pin in relays and boot.phases:
                boot.phases[-1].did[relays[pin]].append(change)
    elif event.startswith("@phase "):
        house, _, name = event.removeprefix("@phase ").partition(": ")
        boot.phases.append(Phase(house, name, {relay: [] for relay in PINS}))
    elif event.startswith("@report "):
        boot.phases[-1].report = json.loads(event.removeprefix("@report "))
    elif event.startswith("@kernel "):
        boot.kernel = json.loads(event.removeprefix("@kernel "))
    elif event.startswith("@broken "):
        boot.broken = event


def by_kernel(house: str, persists: bool) -> bool:
    """Whether pins are driven through the kernel there, which knows who holds a line."""
    return house in ("gpiochip", "rpi-lgpio") or (house.startswith("auto") and persists)


def works(house: str, persists: bool) -> bool:
    """Whether relays can be switched there: through the kernel, only if it keeps outputs."""
    return persists or "RPi.GPIO" in house


def expected(house: str, persists: bool, phase: str) -> dict[int, list[str]]:
    """What the relays' pins shall do; relays are on at level 0, and pins are inputs at first, but for the
    one that the firmware drives."""
    if phase == "first tick":
        return {relay: [] if pin == DRIVEN else ["out 1"] for relay, pin in PINS.items()}
    held = next(relay for relay, pin in PINS.items() if pin == HELD)
    short = house.startswith("auto") or not persists
    changes = {
        "forced on": {1: ["0"]},
        "auto on": {2: ["0"]},
        "line held": {3: ["0"], **({} if by_kernel(house, persists) else {held: ["0"]})},
        "line free": {held: ["0"]} if by_kernel(house, persists) else {},
        "off": {relay: ["1"] for relay in ((1, 2) if short else PINS)},
    }
    return {**QUIET, **changes.get(phase, {})}


def problems(boot: Boot) -> list[str]:
    """All that is not as it shall be, a line each."""
    found = [boot.broken] if boot.broken else []
    if boot.kernel.get("persists", boot.persists if boot.missing else None) != boot.persists:
        found.append(f"the kernel says of persist_gpio_outputs: {boot.kernel.get('persists')}")
    if not boot.missing and {phase.house for phase in boot.phases if phase.name == "off"} != set(HOUSES):
        found.append("not every board was tried")
    for phase in boot.phases:
        found += [f"{phase.house}, {phase.name}: {problem}" for problem in _problems(boot, phase)]
    return found


def _problems(boot: Boot, phase: Phase) -> list[str]:
    found = []
    for relay, pin in PINS.items():
        on = phase.report["pins"][str(pin)] == "out0"
        told = (phase.report["states"] or {}).get(str(relay), 0)
        if told != on:
            found.append(f"the state file says {told} of relay {relay}, its coil is {'on' if on else 'off'}")
    if phase.report["left"]:
        found.append(f"left {', '.join(phase.report['left'])}")
    if "Traceback" in phase.said:
        found.append(f"traceback: {phase.said}")
    if not works(phase.house, boot.persists):
        if pulses := {r: did for r, did in phase.did.items() if {"0", "out 0"} & {*did}}:
            found.append(f"a coil was on for a moment, {pulses}")
        if phase.name == "forced on" and phase.exits != [1]:
            found.append(f"ended with {phase.exits} though nothing can be switched: {phase.said}")
        return found
    wanted = expected(phase.house, boot.persists, phase.name)
    if phase.did != wanted:
        found.append(f"the pins did {phase.did}, not {wanted}; said: {phase.said}")
    if any(event == "in" for _, event, _ in phase.traced):
        found.append(f"a pin became an input for a moment, {phase.traced}")
    if phase.house != "rpi-lgpio" and by_kernel(phase.house, boot.persists):  # that one claims to read
        told = sorted((pin, word) for pin, word, _ in phase.traced if pin in PINS.values())
        meant = [(PINS[r], word) for r, did in wanted.items() if did for word in ("set", "out")]
        if told != sorted(meant):  # a request for an output sets the level, then the direction
            found.append(f"gpiolib told {told}, not {sorted(meant)}")
    held = phase.name == "line held" and by_kernel(phase.house, boot.persists)
    if phase.name != "looked at" and phase.exits != [int(held)]:
        found.append(f"ended with {phase.exits}, said: {phase.said}")
    if held and not all(word in phase.said for word in ("relay 4", "BCM pin 21")):
        found.append(f"does not say which line is held: {phase.said}")
    if held and phase.house == "gpiochip" and "heating" not in phase.said:
        found.append(f"does not say who holds the line: {phase.said}")
    return found


def table(boot: Boot) -> str:
    """What the pins did, a row a phase and a column a board."""
    names = list(dict.fromkeys(phase.name for phase in boot.phases))
    lines = [
        f"Linux {boot.kernel['release']}, persist_gpio_outputs {'on' if boot.persists else 'off'}"
        f" (up after {boot.kernel['seconds']:.0f} s; an unknown call gets {boot.kernel['unknown']}):",
        "",
        "| | " + " | ".join(HOUSES) + " |",
        "| --- " * (len(HOUSES) + 1) + "|",
    ]
    for name in names:
        cells = {phase.house: _cell(phase) for phase in boot.phases if phase.name == name}
        lines.append(f"| {name} | " + " | ".join(cells.get(house, "") for house in HOUSES) + " |")
    return "\n".join([*lines, ""])


def _cell(phase: Phase) -> str:
    did = ", ".join(f"{PINS[relay]} {'; '.join(did)}" for relay, did in phase.did.items() if did) or "-"
    ends = "" if not any(phase.exits) else f" (exit {max(phase.exits)})"
    return did + ends


def main() -> int:
    """Both kernels."""
    began = time.monotonic()
    try:
        program("qemu-system-aarch64", "qemu-system-arm")
        made = image.build()
        built = time.monotonic()
        with ThreadPoolExecutor() as both:
            boots = list(both.map(lambda persists: follow(persists, made), (True, False)))
    except CannotBeHad as missing:
        print(f"make pi: cannot run here: {missing}")
        return 3
    wrong = []
    for boot in boots:
        if boot.kernel:
            print(table(boot))
        wrong += [f"persist {'on' if boot.persists else 'off'}: {problem}" for problem in problems(boot)]
    lacking = [f"make pi: cannot run here: {boot.missing}" for boot in boots if boot.missing]
    well = lacking or ["Every transition is as it shall be."]
    print("\n".join([f"WRONG: {problem}" for problem in wrong] or well))
    took = time.monotonic() - built
    phases = sum(len(boot.phases) for boot in boots)
    print(f"{phases} phases; image {built - began:.0f} s, machines {took:.0f} s")
    return 1 if wrong else 3 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
