"""The relay pins, from outside: every change of every pin of real processes, on an emulated RPi.GPIO."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.house import PROJECT, Clock, House, Ran

sys.path.append(str(PROJECT / "tests/support/emulator"))

from bench import Bench

ON = 'return relay.on("sun")'


class Pi:
    """A house on a Raspberry Pi: ticks run with the emulated RPi.GPIO."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.bench = Bench(house.folder / "pi")
        house.configure({"domo.board": "gpio"})

    def tick(self, *arguments: str, **environment: str) -> Ran:
        """Runs domo-tick on it."""
        env = self.bench.env()
        return self.house.tick(
            *arguments, PYTHONPATH=env["PYTHONPATH"], FAKE_GPIO=env["FAKE_GPIO"], **environment
        )

    def changes(self, *pins: int) -> list[tuple[int, str, int]]:
        """What happened to pins, oldest first: the pin; its level changed, or its direction; the level
        then."""
        return [(event.pin, event.what, event.level) for event in self.bench.transitions(*pins)]

    def forget(self) -> None:
        """Empties the record of changes."""
        for name in ("transitions.log", "writes.log"):
            (self.bench.pins / name).unlink(missing_ok=True)

    def levels(self) -> tuple[int | None, ...]:
        """The levels of relays 1 to 3."""
        return tuple(self.bench.level(pin) for pin in (23, 24, 8))

    def meddle(self, code: str) -> None:
        """Another program does something to the pins."""
        setup = "from RPi import GPIO; GPIO.setwarnings(False); GPIO.setmode(GPIO.BCM); "
        subprocess.run([sys.executable, "-c", setup + code], env=self.bench.env(), check=True)


@pytest.fixture
def pi(house: House) -> Pi:
    """A house on a Raspberry Pi that has just booted: all pins are inputs."""
    return Pi(house)


# -- levels --


def test_an_active_low_board_gets_its_level_before_its_direction(pi: Pi) -> None:
    """At no moment is an off relay's pin an output at the level that switches it on."""
    pi.house.set_modes({1: 3, 2: 0, 3: 1})
    assert pi.tick() == (0, "", "")
    assert pi.changes(24) == [(24, "level", 1), (24, "out", 1)]
    assert pi.changes(8) == [(8, "level", 1), (8, "out", 1)]
    assert pi.changes(23) == [(23, "out", 0)]  # low is what its latch held
    assert pi.levels() == (0, 1, 1)


def test_an_active_high_board_too(pi: Pi) -> None:
    pi.house.configure({"domo.relayActiveLow": False})
    pi.house.set_modes({1: 3, 2: 0, 3: 1})
    pi.tick()
    assert pi.changes(23) == [(23, "level", 1), (23, "out", 1)]
    assert pi.changes(24) == [(24, "out", 0)]
    assert pi.levels() == (1, 0, 0)


def test_levels_that_are_right_are_not_even_written(pi: Pi) -> None:
    pi.house.set_modes({1: 3, 2: 0, 3: 1})
    pi.tick()
    pi.forget()
    for _ in range(3):
        assert pi.tick() == (0, "", "")
    assert pi.bench.transitions() == []
    assert pi.bench.writes() == []


def test_pins_keep_their_level_when_the_tick_has_ended(pi: Pi) -> None:
    pi.house.set_modes({1: 3, 2: 0, 3: 1})
    pi.tick()
    assert [pi.bench.direction(pin) for pin in (23, 24, 8)] == ["out"] * 3
    assert not [event for event in pi.bench.transitions() if event.what == "in"]


def test_a_switch_is_one_change_of_one_pin(pi: Pi) -> None:
    pi.house.set_modes({1: 0, 2: 0, 3: 0})
    pi.tick()
    pi.forget()
    pi.house.set_modes({1: 0, 2: 3, 3: 0})
    pi.tick()
    assert pi.changes() == [(24, "level", 0)]


def test_what_goes_off_does_so_before_anything_goes_on(pi: Pi) -> None:
    pi.house.set_modes({1: 0, 2: 0, 3: 3})
    pi.tick()
    pi.forget()
    pi.house.set_modes({1: 3, 2: 0, 3: 0})
    pi.tick()
    assert pi.changes() == [(8, "level", 1), (23, "level", 0)]


def test_a_level_that_somebody_else_changed_is_put_right(pi: Pi) -> None:
    pi.house.set_modes({1: 3, 2: 0, 3: 0})
    pi.tick()
    pi.meddle("GPIO.setup(23, GPIO.OUT); GPIO.output(23, 1); GPIO.setup(24, GPIO.OUT); GPIO.output(24, 0)")
    assert pi.levels() == (1, 0, 1)
    pi.tick()
    assert pi.levels() == (0, 1, 1)


def test_a_pin_that_somebody_made_an_input_gets_its_level_first(pi: Pi) -> None:
    pi.house.set_modes({1: 0, 2: 0, 3: 0})
    pi.tick()
    pi.meddle("GPIO.setup(23, GPIO.OUT, initial=0); GPIO.setup(23, GPIO.IN)")
    pi.forget()
    pi.tick()
    assert pi.changes() == [(23, "level", 1), (23, "out", 1)]


def test_bcm_numbers_go_before_wiring_pi_numbers(pi: Pi) -> None:
    pi.house.configure({"domo.relayWiringPi": {1: 0}, "domo.relayGpio": {2: 27}})
    pi.house.set_modes({1: 3, 2: 3, 3: 3})
    pi.tick()
    assert {event.pin for event in pi.bench.transitions()} == {17, 27, 8}


# -- after a restart --


def test_after_a_restart_what_was_on_by_itself_waits_for_a_new_order(pi: Pi) -> None:
    """The pins float as inputs: every relay is off, whatever the memory says, and the log tells."""
    pi.house.script(1, ON)
    pi.house.set_modes({1: 1, 2: 3, 3: 1})
    pi.tick()
    assert pi.levels() == (0, 0, 1)
    pi.bench.reboot()
    pi.forget()
    pi.house.script(1, 'return relay.off("clouds")')
    assert pi.tick() == (0, "", "")
    assert pi.changes(23) == [(23, "level", 1), (23, "out", 1)]
    assert pi.levels() == (1, 0, 1)
    assert (1, "E", 0, "switched by a restart or another program") in pi.house.journal


def test_pins_that_the_firmware_holds_off_are_taken_over_without_a_glitch(pi: Pi) -> None:
    pi.house.set_modes({1: 0, 2: 0, 3: 3})
    pi.bench.reboot({23: 1, 24: 1, 8: 1})
    pi.tick()
    assert pi.changes() == [(8, "level", 0)]


# -- what does not work --


def test_a_pin_that_does_not_follow_is_told(pi: Pi) -> None:
    pi.house.set_modes({1: 3, 2: 3, 3: 0})
    ran = pi.tick(FAKE_GPIO_STUCK="23:1")
    assert ran.code == 1
    assert (
        ran.err
        == "domo-tick: relay 1 cannot be switched on: BCM pin 23 does not follow; look at its wiring\n"
    )
    assert pi.levels()[1:] == (0, 1)
    assert pi.tick() == (0, "", "")


def test_a_pin_that_refuses_is_told_and_the_others_are_switched(pi: Pi) -> None:
    pi.house.set_modes({1: 0, 2: 0, 3: 0})
    pi.tick()
    pi.house.set_modes({1: 3, 2: 0, 3: 0})
    ran = pi.tick(FAKE_GPIO_FAIL="output")
    assert ran.code == 1
    assert ran.err.startswith("domo-tick: relay 1 cannot be switched on: BCM pin 23 cannot be set: user ")
    assert ran.err.count("\n") == 1
    assert pi.tick() == (0, "", "")
    assert pi.levels() == (0, 1, 1)


@pytest.mark.parametrize(
    "fail, message",
    [
        ("import", "RPi.GPIO does not work here: This module can only be run on a Raspberry Pi!"),
        ("setup", "RPi.GPIO does not work here: user "),
    ],
)
def test_pins_that_cannot_be_had_at_all(pi: Pi, fail: str, message: str) -> None:
    """One sentence, no traceback; and as nothing can be switched, nothing says that it was."""
    pi.house.script(1, ON)
    pi.house.set_modes({1: 1, 2: 3, 3: 1})
    ran = pi.tick(FAKE_GPIO_FAIL=fail)
    assert ran.code == 1
    assert ran.err.startswith(f"domo-tick: no relay can be switched: {message}")
    assert ran.err.count("\n") == 1
    assert not pi.house.state_file.exists()
    assert pi.house.modes == {1: 1, 2: 3, 3: 1}
    assert pi.house.journal == []
    assert pi.tick() == (0, "", "")
    assert pi.levels() == (0, 0, 1)


def test_a_package_that_is_not_installed_is_named(house: House, tmp_path: Path) -> None:
    (tmp_path / "packages/RPi").mkdir(parents=True)
    (tmp_path / "packages/RPi/__init__.py").touch()  # hides an RPi.GPIO that this machine may have
    house.configure({"domo.board": "gpio"})
    ran = house.tick(PYTHONPATH=str(tmp_path / "packages"))
    assert ran == (
        1,
        "",
        "domo-tick: no relay can be switched: RPi.GPIO is missing;"
        " run: sudo apt install python3-rpi.gpio (or python3-rpi-lgpio)\n",
    )


# -- simulated --


def test_off_a_raspberry_pi_auto_simulates_and_says_so(house: House) -> None:
    model = Path("/proc/device-tree/model")
    if model.exists() and model.read_bytes().startswith(b"Raspberry Pi"):
        pytest.skip("this is a Raspberry Pi")
    house.configure({"domo.board": "auto"})
    house.set_modes({1: 3})
    ran = house.tick("-v")
    assert f"pins: simulated pins in {house.pin_file} (this is not a Raspberry Pi)" in ran.said
    assert house.pins == {23: 0, 24: 1, 8: 1}


def test_simulated_pins_have_the_levels_that_real_ones_would(house: House, pi: Pi) -> None:
    """Through the same steps, tick by tick."""
    levels = []
    for board, tick in (("gpio", pi.tick), ("simulated", house.tick)):
        house.configure({"domo.board": board, "domo.prefixFileData": board})
        for modes in ({1: 3, 2: 0, 3: 1}, {1: 0, 2: 3, 3: 3}, {1: 3, 2: 3, 3: 0}):
            house.set_modes(modes)
            tick()
            levels.append(pi.levels() if board == "gpio" else (house.pins[23], house.pins[24], house.pins[8]))
    assert levels[:3] == levels[3:] == [(0, 1, 1), (1, 0, 0), (0, 0, 1)]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', "null"])
def test_simulated_pins_that_cannot_be_read_are_inputs(house: House, clock: Clock, content: str) -> None:
    house.pin_file.write_text(content)
    house.set_modes({1: 3})
    ran = house.tick()
    assert (ran.code, ran.err[: ran.err.index("(")]) == (1, f"domo-tick: {house.pin_file}: was not domo's ")
    assert house.pins == {23: 0, 24: 1, 8: 1}
    assert house.tick() == (0, "", "")


def test_simulated_pins_that_cannot_be_written_are_told(house: House) -> None:
    house.pin_file.mkdir()
    house.set_modes({1: 3})
    ran = house.tick()
    assert (ran.code, ran.err) == (1, f"domo-tick: {house.pin_file}: is not a file; move it away\n")
    assert json.loads(house.state_file.read_text()) == {"1": 1, "2": 0, "3": 0}


@pytest.mark.parametrize("change", [{"domo.relayNb": 2}, {"domo.relayGpio": {3: 16}}])
def test_a_pin_that_is_no_relays_any_more_is_switched_off(house: House, change: dict[str, object]) -> None:
    house.set_modes({1: 1, 2: 1, 3: 3})
    house.tick()
    assert house.pins[house.pins_of[3]] == 0
    house.configure(change)
    house.tick()
    assert house.pins[house.pins_of[3]] == 1
