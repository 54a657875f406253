"""The panel as a process, over emulated pins and boards: what people see, press, and edit."""

from __future__ import annotations

import fcntl
import signal
import subprocess

import pytest

from support.panel import Walls, eventually, never, walls

from bench import Display  # isort: skip
from domo.panel.watch import SELDOM  # isort: skip

pytestmark = pytest.mark.timing

MIDDLE = 0x40
AUTO = dict.fromkeys(range(1, 9), 1)

wall = pytest.fixture(name="wall")(walls)


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
    eventually(lambda: (3, "M", 3, "forced on") in here.house.journal)  # it comes after the pins


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
        never(lambda: here.on, 1)
    eventually(lambda: here.on == {1})
    assert "another tick" not in here.said()


@pytest.mark.parametrize(("mode", "read"), [(3, 0), (1, 3)])
def test_a_mode_that_came_back_while_another_tick_ran_acts(wall: Walls, mode: int, read: int) -> None:
    """That tick has read the one before, and leaves it in its memory when it ends."""
    here = wall()
    on = {1} if mode == 3 else set()
    here.house.set_modes({**AUTO, 1: mode})
    here.tick()
    here.house.script(2, "import time\ntime.sleep(3)\nreturn relay.off('clouds')")
    here.house.set_modes({**AUTO, 1: read})
    other = subprocess.Popen(here.house.command(), env=here.env)
    eventually(lambda: here.on != on)
    here.house.set_modes({**AUTO, 1: mode})
    here.start("--no-display")
    assert other.wait(20) == 0
    eventually(lambda: here.on == on, SELDOM / 2 + 3)


def test_a_new_configuration_does_not_cut_the_delay_of_a_choice(wall: Walls) -> None:
    here = wall({"domo.tm1638.actionButtonDelay": 4}).start()
    here.tick()
    here.click(1)
    here.house.configure({"domo.tm1638.brightness": 5})
    never(lambda: here.house.modes != AUTO, 2)
    eventually(lambda: here.on == {1})
    here.see(lambda display: display.brightness == 5)


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
