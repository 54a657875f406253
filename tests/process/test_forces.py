"""A force acts whatever else hangs, fails, or is written badly; and it takes nothing from the others.

Real ticks on an emulated Raspberry Pi, whose lines tell each change at once.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.gpio import libraries
from support.gpio.pi import Pi
from support.house import House, Ran, until
from support.hung_disk import DATA, HungDisk, possible

PINS = {1: 23, 2: 24, 3: 25}
ON = 'return relay.on("wanted")'
OFF = 'return relay.off("not wanted")'
WATTS = itertools.count()  # what moves in the data: a monitor that repeats itself counts for nothing


class PiHouse:
    """A house on an emulated Raspberry Pi."""

    def __init__(self, house: House, pi: Pi) -> None:
        self.house, self.pi = house, pi
        house.env.update(pi.env)
        house.configure({"domo.board": "gpiochip", "domo.relayGpio": PINS, "domo.tm1638.stb": []})

    @property
    def on(self) -> set[int]:
        """The relays whose coils have current, at this moment."""
        self.pi.kernel.settle()
        lines = self.pi.chip.lines
        return {relay for relay, pin in PINS.items() if lines[pin].output and not lines[pin].level}

    def occupy(self, relay: int, by: str) -> None:
        """A driver of the kernel takes a relay's line, or nobody does (by "")."""
        self.pi.kernel.settle()
        self.pi.chip.lines[PINS[relay]].consumer = by

    def start(self) -> subprocess.Popen[bytes]:
        """A tick, left running."""
        return subprocess.Popen(self.house.command(), env=self.house.env, stderr=subprocess.DEVNULL)


@pytest.fixture
def pi(house: House, tmp_path: Path) -> Iterator[PiHouse]:
    try:
        libraries.shim()
        real = Pi(tmp_path / "pi", "3", True)
    except libraries.CannotBeHad as missing:
        pytest.skip(str(missing))
    with real:
        yield PiHouse(house, real)


def later(house: House, seconds: float) -> None:
    """Time goes by: the memory is so much older."""
    memory = house.memory
    memory["up"] -= seconds
    memory["wall"] -= seconds
    house.memory_file.write_text(json.dumps(memory))
    house.data(SOC=96, P=next(WATTS))


# -- what may hang --


def a_script(house: House, _: ExitStack) -> None:
    house.script(1, "import time\ntime.sleep(60)")


def the_data_file(house: House, stack: ExitStack) -> None:
    folder = house.folder / "disk"
    folder.mkdir()
    house.data_file.rename(folder / "data.xml")
    house.configure(DATA)
    stack.enter_context(HungDisk(folder)).hang()


def the_program_that_makes_the_data(house: House, _: ExitStack) -> None:
    program = house.folder / "sleeps"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    house.configure({"bin.php-cli": str(program), "scriptDataXml": "data.xml"})
    os.utime(house.data_file, (1, 1))


needs_a_disk = pytest.mark.skipif(not possible(), reason="takes root and /dev/fuse")


@pytest.mark.parametrize(
    "hang",
    [a_script, pytest.param(the_data_file, marks=needs_a_disk), the_program_that_makes_the_data],
    ids=lambda hang: hang.__name__,
)
@pytest.mark.timing
def test_a_force_acts_before_anything_that_may_hang(
    pi: PiHouse, hang: Callable[[House, ExitStack], None]
) -> None:
    """The pins of forced relays have moved while the tick still waits."""
    pi.house.set_modes({1: 1, 2: 3, 3: 3})
    assert pi.house.tick().code == 0
    assert pi.on == {2, 3}
    with ExitStack() as stack:
        hang(pi.house, stack)
        pi.house.set_modes({1: 1, 2: 0, 3: 3})
        tick = pi.start()
        until(lambda: pi.on == {3} or tick.poll() is not None)
        assert tick.poll() is None, "it had ended before the pin moved"
        assert tick.wait(timeout=20) == 1
    assert pi.on == {3}


@pytest.mark.timing
def test_a_force_that_the_inverter_cannot_carry_waits_until_there_is_room(pi: PiHouse) -> None:
    """Relay 1 is on and would be too much beside relay 2; it goes off before relay 2 goes on. Relay 3, of
    which no watts are known, need not wait."""
    pi.house.configure({"domo.relayWatt": {1: 2000, 2: 2000}, "domo.maxWatt": 2500})
    pi.house.set_modes({1: 2, 2: 1, 3: 1})
    assert pi.house.tick().code == 0
    assert pi.on == {1}
    the_program_that_makes_the_data(pi.house, ExitStack())
    pi.house.set_modes({1: 2, 2: 3, 3: 3})
    tick = pi.start()
    seen = []
    while tick.poll() is None:
        seen.append(pi.on)
    assert len(seen) > 10
    assert all(not {1, 2} <= on for on in seen)
    assert {1, 3} in seen
    assert pi.on == {2, 3}


@pytest.mark.parametrize("name", ["data.xml", "etat", "domo_memory.json", "journal.sqlite3"])
@pytest.mark.timing
def test_a_force_acts_though_a_file_is_a_fifo(pi: PiHouse, name: str) -> None:
    """Who opens one waits until somebody writes."""
    pi.house.set_modes({1: 1, 2: 3, 3: 0})
    pi.house.tick()
    (pi.house.folder / name).unlink(missing_ok=True)
    os.mkfifo(pi.house.folder / name)
    pi.house.set_modes({1: 1, 2: 0, 3: 3})
    ran = pi.house.tick()
    assert (ran.code, pi.on) == (1, {3})
    assert name in ran.said


# -- a pin that fails --


def failed(ran: Ran) -> bool:
    """Whether the tick tried to switch relay 1 on, in vain."""
    return "relay 1 cannot be switched on: BCM pin 23 is held by spi0" in ran.said


def test_a_pin_that_fails_takes_no_turn_from_the_others(pi: PiHouse) -> None:
    """One is switched on a minute. It is the most important one, and costs them one turn, once."""
    pi.house.tick()
    for relay in PINS:
        pi.house.script(relay, ON)
    pi.occupy(1, by="spi0")
    assert failed(pi.house.tick())
    assert (pi.on, pi.house.modes[1]) == (set(), 1)
    for switched_on in ({2}, {2, 3}, {2, 3}):
        later(pi.house, 60)
        pi.house.tick()
        assert pi.on == switched_on
        assert pi.house.states[1] == 0
        assert pi.house.modes[1] == 1
    rows = [row for row in pi.house.journal if row[0] == 1]
    assert [row for row in rows if row[1:3] == ("E", 1)] == []
    assert len(rows) < 3


def test_a_pin_that_fails_is_tried_ever_more_seldom(pi: PiHouse) -> None:
    """After two minutes, four, eight, ..., an hour; and when it works again it is switched on."""
    pi.house.tick()
    pi.house.script(1, ON)
    pi.occupy(1, by="spi0")
    assert failed(pi.house.tick())
    for minutes in (2, 4, 8, 16, 32, 60, 60):
        later(pi.house, 60 * (minutes - 1))
        ran = pi.house.tick("-v")
        assert not failed(ran), f"{minutes} minutes"
        assert "not switched on, its pin failed; next try in" in ran.said
        later(pi.house, 60)
        assert failed(ran := pi.house.tick("-v")), f"{minutes} minutes: {ran.said}"
    pi.occupy(1, by="")
    later(pi.house, 3600)
    assert pi.house.tick() == (0, "", "")
    assert pi.on == {1}
    pi.house.script(1, OFF)
    later(pi.house, 60)
    pi.house.tick()
    pi.occupy(1, by="spi0")
    pi.house.script(1, ON)
    for seconds in (60, 120):  # from then on as if it had never failed
        later(pi.house, seconds)
        assert failed(pi.house.tick())


def test_a_force_on_a_pin_that_fails_is_tried_and_told_each_minute(pi: PiHouse) -> None:
    """The force is the owner's: it does not wait for its turn."""
    pi.house.tick()
    pi.occupy(1, by="spi0")
    pi.house.set_modes({1: 3, 2: 3, 3: 1})
    for _ in range(3):
        assert failed(pi.house.tick(DOMO_SAY="all"))
        assert (pi.on, pi.house.states[1]) == ({2}, 0)
        later(pi.house, 60)
    pi.occupy(1, by="")
    assert pi.house.tick() == (0, "", "")
    assert pi.on == {1, 2}


# -- what is written badly --


@pytest.mark.parametrize(
    ("text", "forced"),
    [
        ('{"1":3,"2":1,"3":1,"1":1}', {1: 3}),
        ('{"1":1,"2":1,"3":1,"1":3}', {1: 3}),
        ('{"1":1,"2":0,"3":1,"2":2}', {2: 0}),
        ('{"1":1,"2":2,"2":0,"2":1,"3":0}', {2: 0, 3: 0}),
    ],
)
def test_a_key_that_stands_twice_hides_no_force(pi: PiHouse, text: str, forced: dict[int, int]) -> None:
    """It is told; and where domo has to write something else into the file, the force stays in it, alone."""
    pi.house.script(2, ON)
    pi.house.mode_file.write_text(text)
    ran = pi.house.tick()
    assert ran.code == 1
    assert "more than once" in ran.said
    pi.house.tick()
    assert all((relay in pi.on) == (mode == 3) for relay, mode in forced.items())
    rewritten = pi.house.mode_file.read_text() != text
    assert not rewritten or {relay: pi.house.modes[relay] for relay in forced} == forced


def test_a_new_force_under_a_broken_configuration_prolongs_nothing(pi: PiHouse) -> None:
    """Relay 1 is on by its script. Nobody can ask that any more: it is off after secuDownNoData, 600 s,
    though forces came meanwhile, whose ticks know nothing of the data."""
    pi.house.script(1, ON)
    pi.house.set_modes({1: 1, 2: 1, 3: 1})
    assert pi.house.tick().code == 0
    assert pi.on == {1}
    pi.house.config.write_text("domo: [")
    later(pi.house, 300)
    pi.house.set_modes({1: 2, 2: 3, 3: 1})
    assert pi.house.tick().code == 2
    assert pi.on == {1, 2}
    later(pi.house, 250)
    pi.house.set_modes({1: 2, 2: 3, 3: 3})
    assert pi.house.tick().code == 2
    assert pi.on == {1, 2, 3}
    later(pi.house, 60)  # 610 s after the last good order, 60 s after the last tick
    assert pi.house.tick().code == 2
    assert pi.on == {2, 3}
