"""domo on the real things: the kernel's interface ioctl by ioctl, RPi.GPIO on trapped registers,
rpi-lgpio on the kernel's interface. Every change of every pin of real processes."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.gpio import libraries
from support.gpio.chip import V2, Line
from support.gpio.pi import MODELS, Memory, Pi
from support.house import House, Ran

PINS = {1: 23, 2: 24, 3: 16, 4: 21}  # 16 is driven high by the firmware; 16 and 21 have pull-downs
DRIVEN = 16
BOARDS = {"gpiochip": "", "gpio, RPi.GPIO": "RPi.GPIO", "gpio, rpi-lgpio": "rpi-lgpio"}
FRESH = [(23, "out 1"), (24, "out 1"), (21, "out 1")]  # what a first tick does: off is high


class PiHouse(House):
    """A house on an emulated Raspberry Pi, with one of the libraries."""

    def __init__(self, folder: Path, pi: Pi, board: str) -> None:
        super().__init__(folder)
        self.pi = pi
        self.library = BOARDS.get(board, "")
        self.memory_of_pins = Memory(pi) if self.library == "RPi.GPIO" else None
        self.env.update(pi.env)
        if self.library:
            self.env["PYTHONPATH"] = str(libraries.library(self.library))
        pins = {"domo.relayGpio": PINS, "domo.relayNb": len(PINS)}
        self.configure({"domo.board": board.partition(",")[0], **pins, "domo.tm1638.stb": []})
        self.script(2, 'return relay.on("wanted") if data["SOC"] > 90 else relay.off("not wanted")')
        self.data(SOC=50)

    def moved(self) -> list[tuple[int, str]]:
        """What the pins did since the last call."""
        return (self.memory_of_pins or self.pi.kernel).take()

    def drive(self, pin: int, level: int) -> None:
        """What the firmware drives before Linux begins."""
        self.pi.firmware_drives(pin, level)
        if self.memory_of_pins:
            self.memory_of_pins.drive(pin, level)

    def coil(self, relay: int) -> bool:
        """Whether a relay's coil has current now, after all processes have ended."""
        self.pi.kernel.settle()
        if self.memory_of_pins:
            return self.memory_of_pins.pin(PINS[relay]) == "out 0"
        line = self.line(relay)
        return line.output and not line.level

    def line(self, relay: int) -> Line:
        """The line of a relay."""
        return self.pi.chip.lines[PINS[relay]]

    def force(self, **modes: int) -> Ran:
        """The owner writes modes: r1=3; then a tick."""
        self.set_modes({n: modes.get(f"r{n}", 1) for n in PINS})
        return self.tick()


Build = Callable[..., PiHouse]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Makes a house on a Raspberry Pi."""
    pis: list[Pi] = []

    def make(board: str, model: str = "3", persists: bool | None = True) -> PiHouse:
        try:
            libraries.shim()
            if BOARDS.get(board):
                libraries.library(BOARDS[board])
            if BOARDS.get(board) == "RPi.GPIO":
                libraries.can_trap()
            pi = Pi(tmp_path / "pi", model, persists)
        except libraries.CannotBeHad as missing:
            pytest.skip(str(missing))
        pi.__enter__()
        pis.append(pi)
        (tmp_path / "house").mkdir()
        return PiHouse(tmp_path / "house", pi, board)

    yield make
    for pi in pis:
        pi.__exit__()


@pytest.fixture(params=BOARDS)
def here(request: pytest.FixtureRequest, build: Build) -> PiHouse:
    """A house on each board."""
    return build(request.param)


def true_states(house: PiHouse) -> None:
    """The state file says what is, after the process has ended."""
    assert {relay: bool(state) for relay, state in house.states.items()} == {r: house.coil(r) for r in PINS}


def test_a_day_of_switching_moves_only_the_pins_it_should(here: PiHouse) -> None:
    here.drive(DRIVEN, 1)
    assert here.tick().code == 0
    assert sorted(here.moved()) == sorted(FRESH)
    true_states(here)
    assert here.force(r1=3).code == 0
    assert here.moved() == [(23, "0")]
    true_states(here)
    here.data(SOC=95)
    here.configure({"domo.relay.scriptExecInterval": 0})
    assert here.tick().code == 0
    assert here.moved() == [(24, "0")]
    true_states(here)
    for _ in range(4):
        assert here.tick() == Ran(0, "", "")
        assert here.moved() == []
    assert here.tick("--dry-run").code == 0
    here.tick("--check")
    assert here.moved() == []
    assert here.force(r1=0, r2=0).code == 0
    assert sorted(here.moved()) == [(23, "1"), (24, "1")]
    true_states(here)


def test_a_steady_tick_writes_nothing_to_the_chip(build: Build) -> None:
    """Not even the level that a pin has already."""
    here = build("gpiochip")
    here.force(r1=3)
    here.pi.kernel.claims.clear()
    here.tick()
    here.pi.kernel.settle()
    assert here.pi.kernel.claims
    assert all(claim.flags == 0 for claim in here.pi.kernel.claims)  # lines were only read


@pytest.mark.parametrize("board", ["gpiochip", "gpio, rpi-lgpio"])
def test_a_line_that_another_program_holds_is_one_relays_fault(build: Build, board: str) -> None:
    here = build(board)
    here.line(4).consumer = "heating"
    ran = here.force(r1=3, r4=3)
    assert ran.code == 1
    assert "relay 4" in ran.said
    assert "BCM pin 21" in ran.said
    assert "heating" in ran.said
    assert (23, "0") in here.moved() or here.coil(1)
    assert here.coil(1)
    assert not here.coil(4)
    true_states(here)
    here.line(4).consumer = ""
    assert here.tick().code == 0
    assert here.coil(4)
    true_states(here)


@pytest.mark.parametrize("board", ["gpiochip", "gpio, rpi-lgpio", "auto"])
@pytest.mark.parametrize("persists", [False, None])
def test_where_the_kernel_lets_go_no_coil_is_ever_on(build: Build, board: str, persists: bool | None) -> None:
    """And it is said: a relay that is on in the state file only would be a lie."""
    here = build(board, persists=persists)
    ran = here.force(r1=3)
    assert ran.code == 1
    assert "lets go of the pins" in ran.said
    assert not {"0", "out 0"} & {change for _, change in here.moved()}
    assert not any(here.states.values() if here.state_file.exists() else ())


@pytest.mark.parametrize("persists", [True, False, None])
def test_registers_need_no_kernel_that_keeps_outputs(build: Build, persists: bool | None) -> None:
    here = build("gpio, RPi.GPIO", persists=persists)
    assert here.force(r1=3).code == 0
    assert here.coil(1)
    true_states(here)


@pytest.mark.parametrize("model", MODELS)
def test_the_chip_is_found_by_its_label_on_every_model(build: Build, model: str) -> None:
    here = build("auto", model)
    assert here.force(r1=3).code == 0
    assert here.coil(1)
    true_states(here)


def test_the_chip_is_found_by_its_label_whatever_its_number(build: Build) -> None:
    here = build("gpiochip")
    here.pi.kernel.vanish(here.pi.chip)
    real = here.pi.add_chip("gpiochip7", "pinctrl-bcm2835", 54, "raspberrypi,bcm2835-gpio")
    assert here.force(r1=3).code == 0
    here.pi.kernel.settle()
    assert real.lines[23].output
    assert real.lines[23].level == 0


def test_a_chip_that_vanishes_between_two_ticks_is_said(build: Build) -> None:
    here = build("gpiochip")
    here.force(r1=3)
    here.moved()
    here.pi.kernel.vanish(here.pi.chip)
    ran = here.tick()
    assert ran.code == 1
    assert "Traceback" not in ran.said
    assert "40-pin header" in ran.said
    assert here.moved() == []


def test_no_right_to_open_the_chip_names_the_group(build: Build) -> None:
    here = build("gpiochip")
    here.pi.refuse("gpiochip0")
    for arguments in ([], ["--check"], ["--dry-run"]):
        ran = here.tick(*arguments)
        assert "Traceback" not in ran.said
        assert "adduser" in ran.said
        assert "gpio" in ran.said
    assert here.moved() == []


@pytest.mark.parametrize("answer", [errno.ENOTTY, errno.EINVAL])
def test_a_kernel_before_5_10_is_named_as_such(build: Build, answer: int) -> None:
    """gpiolib says EINVAL to an ioctl that it does not know."""
    here = build("gpiochip")
    here.pi.chip.unknown, here.pi.chip.answer = V2, answer
    ran = here.force(r1=3)
    assert ran.code == 1
    assert "5.10" in ran.said
    assert here.moved() == []


def test_a_pin_beyond_the_chips_lines_is_one_relays_fault(build: Build) -> None:
    here = build("gpiochip")
    del here.pi.chip.lines[24:]
    here.configure({"domo.relayGpio": {1: 23, 2: 22, 3: 16, 4: 25}})
    ran = here.force(r1=3, r4=3)
    assert ran.code == 1
    assert "BCM pin 25" in ran.said
    here.pi.kernel.settle()
    assert here.pi.chip.lines[23].level == 0


@pytest.mark.parametrize("board", ["gpiochip", "gpio, rpi-lgpio"])
def test_a_short_is_one_relays_fault(build: Build, board: str) -> None:
    here = build(board)
    here.line(1).shorted = 1
    ran = here.force(r1=3, r3=3)
    assert ran.code == 1
    assert "BCM pin 23 does not follow" in ran.said
    assert here.coil(3)


def test_a_script_that_is_killed_while_a_line_is_held_leaves_it_free(build: Build) -> None:
    """The emulation itself: the kernel lets go of what a process that dies had."""
    here = build("gpiochip")
    here.tick()
    here.pi.kernel.settle()
    assert not any(line.consumer for line in here.pi.chip.lines)


def test_lgpios_fifo_is_left_nowhere(build: Build, tmp_path: Path) -> None:
    here = build("gpio, rpi-lgpio")
    here.force(r1=3)
    assert not list(tmp_path.rglob(".lgd-nfy*"))
    assert not list(Path.cwd().glob(".lgd-nfy*"))


@pytest.mark.timing
def test_a_script_has_its_memory_beside_lgpio(build: Build) -> None:
    """Which takes 180 MB of address space for itself, of the 256 that scripts may have."""
    here = build("gpio, rpi-lgpio")
    here.script(3, 'import re; room = bytearray(200 << 20); return relay.on("enough")')
    here.script(4, 'import re; room = bytearray(300 << 20); return relay.on("too much")')
    here.data(SOC=50)
    ran = here.tick()
    assert here.coil(3)
    assert not here.coil(4)
    assert "MemoryError" in ran.said


def test_two_relays_on_one_pin_by_two_numberings_switch_nothing(build: Build) -> None:
    """wiringPi 4 is BCM 23, and that is relay 1's."""
    here = build("gpiochip")
    here.configure({"domo.relayGpio": {1: 23}, "domo.relayWiringPi": {2: 4}, "domo.relayNb": 2})
    ran = here.force(r1=3, r2=3)
    assert ran.code == 2
    assert "Traceback" not in ran.said
    assert "23" in ran.said
    assert here.moved() == []


def test_a_right_that_is_taken_away_while_it_runs_is_said(build: Build) -> None:
    """What is on stays on, as its pin is; nothing else is switched, and the states stay true."""
    here = build("gpiochip")
    here.force(r1=3)
    here.moved()
    here.pi.refuse("gpiochip0")
    ran = here.force(r1=3, r3=3)
    assert ran.code == 1
    assert "adduser" in ran.said
    assert "Traceback" not in ran.said
    assert here.moved() == []
    true_states(here)
