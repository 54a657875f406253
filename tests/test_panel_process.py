"""The panel as a process, over emulated pins and boards: what people see, press, and edit."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import House
from support_panel import EMULATOR, Wall, eventually, never

from bench import Display  # isort: skip
from domo.tm1638 import COMMIT  # isort: skip

MIDDLE = 0x40
AUTO = dict.fromkeys(range(1, 9), 1)

Walls = Callable[..., Wall]


@pytest.fixture
def wall(house: House) -> Iterator[Walls]:
    """Makes the house's wall; its panel ends with the test."""
    made: list[Wall] = []

    def make(settings: Mapping[str, Any] | None = None) -> Wall:
        made.append(Wall(house, settings))
        return made[-1]

    yield make
    for one in made:
        if one.panel and one.panel.poll() is None:
            one.stop(signal.SIGKILL)


def test_it_shows_modes_and_states_with_as_few_segments_as_possible(wall: Walls) -> None:
    here = wall()
    here.house.script(4, "return relay.on('sun')")
    here.house.set_modes({**AUTO, 1: 3, 2: 0})
    here.tick()
    assert here.on == {1, 4}
    wanted = ({1, 4}, {1}, {2}, 4)
    here.start().see(lambda d: (d.leds, d.upper, d.lower, d.lit) == wanted)


def test_it_starts_with_nothing_and_lets_a_first_tick_make_everything(wall: Walls) -> None:
    here = wall()
    here.house.data_file.unlink()
    here.start()
    eventually(lambda: here.house.mode_file.exists() and here.house.state_file.exists())
    assert here.house.modes == AUTO
    here.click(2)
    eventually(lambda: here.on == {2})


def test_a_press_shows_at_once_and_acts_after_the_delay(wall: Walls) -> None:
    here = wall({"domo.tm1638.actionButtonDelay": 1.5}).start()
    here.tick()
    here.bench.press({3}, timeout=30)
    display = here.see(lambda display: display.upper == {3})
    assert here.house.modes == AUTO and not display.leds
    pressed = display.ns
    display = here.see(lambda display: display.leds == {3})
    [event] = [e for e in here.bench.transitions(here.house.pins_of[3]) if e.level == 0]
    assert event.ns - pressed > 1.3e9
    assert here.house.modes == {**AUTO, 3: 3} and here.on == {3}
    assert (3, "M", 3, "mode file: forced on") in here.house.journal


def test_the_last_dot_blinks_until_the_choice_is_carried_out(wall: Walls) -> None:
    here = wall({"domo.tm1638.actionButtonDelay": 1.5}).start()
    here.click(1)
    for dots in ({8}, set(), {8}):
        here.see(lambda display, dots=dots: display.dots == dots and display.upper == {1})
    here.see(lambda display: not display.dots and display.leds == {1})


def test_a_held_button_counts_once(wall: Walls) -> None:
    here = wall().start()
    here.click(5, hold=2.0)
    eventually(lambda: here.on == {5})
    assert here.house.modes[5] == 3
    assert here.bench.display().upper == {5}


def test_one_passes_to_forced_off_without_switching_on(wall: Walls) -> None:
    here = wall({"domo.tm1638.actionButtonDelay": 3}).start()
    here.tick()
    here.click(6)
    here.click(6)
    here.see(lambda display: display.lower == {6})
    eventually(lambda: here.house.modes[6] == 0)
    here.see(lambda display: not display.dots)
    assert not here.was_on(6)


def test_the_delay_counts_from_the_last_press_of_any_button(wall: Walls) -> None:
    here = wall({"domo.tm1638.actionButtonDelay": 2.5}).start()
    here.tick()
    here.click(1, hold=1.5)
    here.click(2, hold=1.5)
    assert here.house.modes == AUTO
    eventually(lambda: here.on == {1, 2})


def test_buttons_that_share_a_byte_count_both(wall: Walls) -> None:
    here = wall().start()
    here.click(3, 7)
    here.see(lambda display: display.upper == {3, 7})
    eventually(lambda: here.on == {3, 7})


def test_a_change_from_elsewhere_shows_and_acts_and_eats_no_pending_press(wall: Walls) -> None:
    here = wall({"domo.tm1638.actionButtonDelay": 2.5}).start()
    here.tick()
    here.click(1)
    here.house.set_modes({**AUTO, 1: 0, 2: 3})  # PvMonit's page, meanwhile
    display = here.see(lambda display: display.leds == {2})
    assert display.upper == {1, 2}, "the choice is still shown"
    eventually(lambda: here.on == {1, 2})
    assert here.house.modes == {**AUTO, 1: 3, 2: 3}


def test_a_force_by_an_editor_acts_without_a_display_too(wall: Walls) -> None:
    here = wall()
    here.tick()
    here.start("--no-display")
    edited = here.house.mode_file.with_suffix(".tmp")
    edited.write_text('{\n  "1": 3,\n  "2": 1\n}\n')
    edited.rename(here.house.mode_file)
    eventually(lambda: here.on == {1})
    here.house.set_modes({**AUTO, 1: 1, 8: 3})
    eventually(lambda: here.on == {8})
    assert here.bench.display() == Display(), "no board was touched"
    assert here.stop() == 0


def test_a_tick_of_crons_shows(wall: Walls) -> None:
    here = wall().start()
    here.tick()
    here.house.script(2, "return relay.on('sun')")
    here.tick()
    here.see(lambda display: display.leds == {2})


def test_while_another_tick_runs_the_choice_waits_for_it(wall: Walls) -> None:
    here = wall().start()
    here.tick()
    with here.house.lock_file.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        here.click(1)
        eventually(lambda: here.house.modes[1] == 3)
        time.sleep(1)
        assert here.on == set()
    eventually(lambda: here.on == {1})
    assert "another tick" not in here.said()


def aged(house: House, seconds: float) -> None:
    """Makes the last tick so much longer ago."""
    memory = {**house.memory, "up": house.memory["up"] - seconds, "wall": house.memory["wall"] - seconds}
    house.memory_file.write_text(json.dumps(memory))


def test_after_three_minutes_without_a_tick_it_says_so_and_runs_one(wall: Walls) -> None:
    here = wall()
    here.tick()
    aged(here.house, 178)
    here.start()
    assert here.house.memory["wall"] < time.time() - 100 and not here.bench.display().text.strip(), "not yet"
    here.see(lambda display: display.text == "E1      ")
    eventually(lambda: here.house.memory["wall"] > time.time() - 20)
    here.see(lambda display: display.text == "E1      ")
    here.see(lambda display: not display.text.strip())
    here.see(lambda display: display.text == "E1      ")  # its own tick is no sign of cron's
    here.house.script(1, "return relay.on('sun')")
    here.tick()
    here.see(lambda display: display.leds == {1} and not display.text.strip())
    never(lambda: here.bench.display().text.strip(), 3.5)


def test_a_mode_file_that_cannot_be_read_is_told_and_left_alone(wall: Walls) -> None:
    here = wall().start()
    here.house.set_modes({**AUTO, 2: 3})
    here.see(lambda display: display.leds == {2})
    here.house.mode_file.write_text('{"1": 1, "2": 3,}')
    here.see(lambda display: display.text == "E3      ")
    here.see(lambda display: display.upper == {2})
    here.click(1)
    eventually(lambda: "line 1 column" in here.said())
    assert here.house.mode_file.read_text() == '{"1": 1, "2": 3,}' and here.on == {2}
    here.house.set_modes({**AUTO, 2: 3})
    eventually(lambda: here.on == {1, 2})  # the press was not lost


def test_a_value_that_is_no_mode_is_told(wall: Walls) -> None:
    here = wall().start()
    here.house.set_modes({**AUTO, 4: "on"})
    here.see(lambda display: display.text == "E3      ")
    here.see(lambda display: display.digits[3] == MIDDLE)


def test_missing_files_are_told_and_made_again(wall: Walls) -> None:
    here = wall().start()
    here.tick()
    here.house.state_file.unlink()
    here.see(lambda display: display.text == "E4      ")
    here.house.mode_file.unlink()
    eventually(here.house.mode_file.exists)
    eventually(here.house.state_file.exists)


def test_data_that_stays_away_is_told(wall: Walls) -> None:
    here = wall({"domo.relay.secuDownNoData": 5})
    here.house.data_file.unlink()
    here.start()
    here.see(lambda display: display.text == "E5      ")


def test_a_dead_journal_is_told(wall: Walls) -> None:
    here = wall().start()
    here.tick()
    here.house.journal_file.unlink(missing_ok=True)
    here.house.journal_file.mkdir()
    here.see(lambda display: display.text == "E6      ")
    here.click(1)
    eventually(lambda: here.on == {1})


def test_what_the_last_tick_found_wrong_is_told(wall: Walls) -> None:
    here = wall()
    here.house.script(1, "return 1 / 0")
    here.start()
    here.see(lambda display: display.text == "E7      ")
    eventually(lambda: "division by zero" in here.said())
    here.house.script(1, "return relay.on('mended')")
    here.tick()
    here.see(lambda display: display.leds == {1} and not display.text.strip())
    never(lambda: here.bench.display().text.strip(), 3.5)
    assert here.said().count("division by zero") == 1


def test_a_broken_config_is_told_and_a_good_one_taken(wall: Walls) -> None:
    here = wall().start()
    here.tick()
    good = here.house.config.read_text()
    here.house.config.write_text(good.replace("relayNb: 8", "relayNb: eight"))
    here.see(lambda display: display.text == "E2      ")
    eventually(lambda: "domo.relayNb" in here.said())
    here.house.configure({"domo.tm1638.brightness": 5})
    here.see(lambda display: display.brightness == 5)
    assert here.panel and here.panel.poll() is None
    here.click(1)
    eventually(lambda: here.on == {1})


def test_a_second_panel_says_so(wall: Walls) -> None:
    here = wall().start()
    second = subprocess.run(here.command(), env=here.env, capture_output=True, text=True, timeout=20)
    assert (second.returncode, second.stderr) == (75, "domo-panel: another panel is running\n")
    assert here.panel and here.panel.poll() is None


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_with_the_display_dark_and_the_relays_as_they_are(wall: Walls, by: int) -> None:
    here = wall().start()
    here.house.set_modes({**AUTO, 1: 3})
    here.see(lambda display: display.leds == {1})
    here.see(lambda display: not display.dots)
    before = here.bench.transitions()
    assert here.stop(by) == 0
    assert not here.bench.display().on and here.bench.display().ram == (0,) * 16
    assert here.on == {1} and here.bench.transitions() == before
    assert here.said() == ""


def test_two_boards_for_sixteen_relays(wall: Walls) -> None:
    wiring = dict(zip(range(1, 17), (2, 3, 4, 17, 27, 22, 10, 9, 11, 5, 7, 8, 25, 24, 23, 18), strict=True))
    here = wall({"domo.relayNb": 16, "domo.relayGpio": wiring, "domo.tm1638.stb": [26, 6]}).start()
    here.click(4, 8, board=2)
    here.see(lambda display: display.upper == {4, 8}, board=2)
    here.see(lambda display: display.leds == {4, 8}, board=2)
    assert not here.bench.display(1).lit
    assert {n for n, mode in here.house.modes.items() if mode == 3} == {12, 16}
    here.bench.unplug(2)
    here.click(1)
    here.see(lambda display: display.leds == {1})
    here.bench.plug(2)
    here.see(lambda display: display.leds == {4, 8} and display.upper == {4, 8}, board=2)


def test_a_fault_of_the_board_stops_nothing(wall: Walls) -> None:
    """The driver with a wire that comes loose."""
    here = wall()
    loose = here.house.folder / "loose"
    package = here.house.folder / "wire/rpi_TM1638"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "import os, sys\n"
        f"place = next(p for p in sys.path if p != {str(package.parent)!r} and os.path.isdir(p + '/rpi_TM1638'))\n"
        "__path__[:] = [place + '/rpi_TM1638']\n"
        "exec(compile(open(place + '/rpi_TM1638/__init__.py').read(), 'driver', 'exec'))\n"
        "class TMBoards(TMBoards):\n"
        "    def getData(self, board):\n"
        f"        if os.path.exists({str(loose)!r}): raise RuntimeError('a loose wire')\n"
        "        return super().getData(board)\n"
    )
    here.start(PYTHONPATH=f"{package.parent}:{here.env['PYTHONPATH']}")
    loose.touch()
    eventually(lambda: "RuntimeError: a loose wire" in here.said())
    here.house.set_modes({**AUTO, 1: 3})
    eventually(lambda: here.on == {1})
    loose.unlink()
    here.click(2)
    here.see(lambda display: display.leds == {1, 2})
    assert here.said().count("a loose wire") == 1


def test_without_the_driver_it_says_how_to_get_it(wall: Walls, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    shutil.copytree(EMULATOR / "RPi", tmp_path / "bare/RPi")
    env = {**wall().env, "PYTHONPATH": str(tmp_path / "bare")}
    look = [sys.executable, "-c", "import importlib.util as u; print(bool(u.find_spec('rpi_TM1638')))"]
    if subprocess.run(look, env=env, capture_output=True, text=True).stdout == "True\n":
        pytest.skip("the driver is installed")
    done = subprocess.run(wall().command(), env=env, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert f'"rpi_TM1638 @ git+https://github.com/thilaire/rpi-TM1638@{COMMIT}"' in done.stderr
    assert "pip install" in done.stderr and len(done.stderr.splitlines()) == 1


def test_where_there_is_no_gpio_it_says_so(wall: Walls) -> None:
    here = wall()
    env = {**here.env, "FAKE_GPIO_FAIL": "import"}
    done = subprocess.run(here.command(), env=env, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "This module can only be run on a Raspberry Pi!" in done.stderr
    here.house.configure({"domo.tm1638.stb": []})
    done = subprocess.run(here.command(), env=here.env, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "no TM1638 is configured" in done.stderr


def test_a_bad_configuration_is_told_at_the_start(wall: Walls) -> None:
    here = wall({"domo.relayNb": 0})
    done = subprocess.run(here.command(), env=here.env, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "domo.relayNb" in done.stderr and "Traceback" not in done.stderr
