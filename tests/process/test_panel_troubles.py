"""The panel when something is wrong: it says so by a code or on the standard error, and goes on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faults import strace_works
from support import hung_disk
from support.house import House
from support.panel import EMULATOR, Walls, eventually, never, walls

from domo.panel.watch import SELDOM  # isort: skip
from domo.panel.tm1638 import COMMIT  # isort: skip

pytestmark = pytest.mark.timing

MIDDLE = 0x40
AUTO = dict.fromkeys(range(1, 9), 1)
wall = pytest.fixture(name="wall")(walls)


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
    here.calm()  # or a tick of the panel's own would mend it before it shows
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
    here.click(1)
    eventually(lambda: here.on == {1})
    here.see(lambda display: display.text == "E6      ")


@pytest.mark.skipif(not hung_disk.possible(), reason="takes root and /dev/fuse")
def test_a_journal_on_a_disk_that_hangs_stops_no_force(wall: Walls) -> None:
    here = wall({"domo.dbFile": "disk/journal.sqlite3"})
    with hung_disk.HungDisk(here.house.folder / "disk") as disk:
        here.start()
        here.tick()
        disk.hang()
        for relay in (1, 2):
            here.click(relay)
            eventually(lambda relay=relay: relay in here.on)
        here.see(lambda display: display.text == "E6      ")


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
    seen = here.see(lambda display: display.brightness == 5).scans
    # it is another panel, that must have looked at its buttons
    here.see(lambda display: display.scans > seen + 1)
    assert here.panel and here.panel.poll() is None
    here.click(1)
    eventually(lambda: here.on == {1})


def test_where_no_tick_can_be_started_it_says_so_and_tries_again(
    wall: Walls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on a machine that has no process more; here its Python is away for a moment."""
    python = tmp_path / "python"
    python.symlink_to(sys.prefix)
    monkeypatch.setattr(sys, "executable", str(python / Path(sys.executable).relative_to(sys.prefix)))
    here = wall().start()
    here.tick()
    here.calm()
    assert here.panel
    descriptors = f"/proc/{here.panel.pid}/fd"
    before = len(os.listdir(descriptors))
    python.unlink()
    here.house.set_modes({**here.house.modes, 1: 3})
    eventually(lambda: "domo-panel: no tick can be started (No such file or directory)" in here.said())
    never(lambda: len(os.listdir(descriptors)) > before + 1, 3)  # one, while it looks at a file
    python.symlink_to(sys.prefix)
    eventually(lambda: here.on == {1})


def test_ticks_in_vain_come_ever_more_seldom_and_a_new_force_acts_at_once(wall: Walls) -> None:
    """What the last tick left cannot be remembered, so the mode file always differs from it."""
    here = wall()
    here.tick()
    here.house.memory_file.unlink()
    here.house.memory_file.mkdir()
    here.start("--no-display")
    here.house.set_modes({**AUTO, 2: 3})
    eventually(lambda: here.on == {2})
    assert here.panel
    children, ticks = Path(f"/proc/{here.panel.pid}/task/{here.panel.pid}/children"), set()
    end = time.monotonic() + 9
    while time.monotonic() < end:
        ticks |= set(children.read_text().split())
        time.sleep(0.02)
    assert 1 < len(ticks) < 6
    here.house.set_modes({**AUTO, 3: 3})
    eventually(lambda: here.on == {3}, SELDOM / 2)


def test_a_fault_of_the_board_stops_nothing(wall: Walls) -> None:
    """The driver with a wire that comes loose."""
    here = wall()
    loose = here.house.folder / "loose"
    package = here.house.folder / "wire/rpi_TM1638"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "import os, sys\n"
        f"place = next(p for p in sys.path if p != {str(package.parent)!r} and os.path.isdir(p +"
        f" '/rpi_TM1638'))\n"
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


def test_a_button_that_is_down_at_the_start_forces_nothing(wall: Walls) -> None:
    """A damp key: each restart of the panel would force the relay on, off, auto, on."""
    here = wall()
    here.tick()
    here.bench.press({4}, timeout=None)
    for _ in range(3):
        here.start()
        here.bench.wait_for(lambda display: display.seen == (4,), 30)
        never(lambda: here.house.modes != AUTO or here.bench.display().upper, 1.5)
        assert here.stop() == 0
    here.start()
    here.bench.release()
    here.click(4)
    eventually(lambda: here.on == {4})


def test_a_button_that_is_down_when_a_board_comes_back_forces_nothing(wall: Walls) -> None:
    here = wall().start()
    here.tick()
    here.bench.unplug()
    here.see(lambda display: not display.plugged and display.missed >= 4)  # two looks of two scans each
    here.bench.press({4}, timeout=30)
    here.see(lambda display: display.on and display.seen == (4,))
    never(lambda: here.house.modes != AUTO or here.bench.display().upper, 1.5)
    here.click(2)  # lets go of the other
    eventually(lambda: here.on == {2})


SHORT_MINUTE = """
import sys
sys.path.insert(0, sys.argv[3].removesuffix("bin/domo-panel") + "lib")
from domo.panel import keys
keys.JAMMED, keys.HEALED = 3.0, 2.0
from domo.panel.process import main
sys.exit(main(sys.argv[4:]))
"""


def test_a_button_that_stays_down_is_told_and_not_obeyed(wall: Walls) -> None:
    """With a minute of three seconds."""
    here = wall({"domo.tm1638.actionButtonDelay": 30})
    here.under = [sys.executable, "-S", "-c", SHORT_MINUTE]
    here.start()
    here.tick()
    here.bench.press({5}, timeout=30)
    here.see(lambda display: display.upper == {5})
    here.see(lambda display: display.text == "E8      ")
    here.see(lambda display: not display.lit)  # what it seemed to choose is forgotten
    assert "button 5 stays down" in here.said() and here.said().count("stays down") == 1
    here.bench.release()
    here.see(lambda display: display.text == "E8      ")
    never(lambda: here.bench.display().text.strip() and here.bench.display().text != "E8      ", 2.5)
    never(lambda: here.bench.display().text.strip(), 3.5)
    assert here.house.modes == AUTO and not here.was_on(5)
    here.bench.press({5}, timeout=30)
    here.see(lambda display: display.upper == {5})
    here.bench.release()


def test_an_edit_through_a_link_acts_at_once(wall: Walls) -> None:
    """The mode file's name is a link; or somebody has given the file a second name elsewhere."""
    here = wall()
    here.tick()
    elsewhere, there = here.house.folder / "elsewhere", here.house.folder / "there"
    elsewhere.mkdir()
    there.mkdir()
    real = here.house.mode_file.rename(elsewhere / "modes")
    here.house.mode_file.symlink_to(real)
    here.start()
    for mode, on in ((3, {2}), (0, set())):
        here.calm()  # at a tick's end it looks anyhow
        real.write_text(json.dumps({**AUTO, 2: mode}))
        eventually(lambda on=on: here.on == on, SELDOM / 2)
    real = real.rename(there / "modes")
    here.house.mode_file.unlink()
    here.house.mode_file.symlink_to(real)
    here.calm()
    real.write_text(json.dumps({**AUTO, 3: 3}))
    eventually(lambda: here.on == {3}, SELDOM / 2)
    (there / "second").hardlink_to(real)
    (there / "second").rename(here.house.mode_file)
    here.calm()
    real.write_text(json.dumps({**AUTO, 4: 3}))
    eventually(lambda: here.on == {4}, SELDOM / 2)
    eventually(lambda: "has another name (a hard link)" in here.said())


def test_an_edit_in_a_folder_that_was_made_anew_acts_at_once(wall: Walls) -> None:
    here = wall()
    house, folder = here.house, here.house.folder / "there"
    folder.mkdir()
    house.mode_file = folder / "mod"
    house.configure({"domo.jsonFile.modPath": str(house.mode_file)})
    here.tick()
    here.start()
    here.calm()
    shutil.rmtree(folder)
    folder.mkdir()
    eventually(house.mode_file.exists)
    for mode, on in ((3, {2}), (0, set())):
        here.calm()  # at a tick's end it looks anyhow
        house.set_modes({**AUTO, 2: mode})
        eventually(lambda on=on: here.on == on, SELDOM / 2)


def test_a_choice_is_written_before_the_panel_ends(wall: Walls) -> None:
    here = wall({"domo.tm1638.actionButtonDelay": 30}).start()
    here.tick()
    here.click(3)
    assert here.house.modes == AUTO
    assert here.stop() == 0
    assert here.house.modes == {**AUTO, 3: 3} and here.on == {3}
    assert not here.bench.display().on


def test_a_choice_that_cannot_be_written_before_the_end_is_told(wall: Walls) -> None:
    here = wall({"domo.tm1638.actionButtonDelay": 30}).start()
    here.tick()
    here.click(3)
    here.house.mode_file.write_text("{")
    assert here.stop() == 0
    assert "the choice is dropped: relay 3 forced on" in here.said() and "is not JSON" in here.said()


def test_a_standard_error_that_nobody_reads_keeps_no_force_waiting(wall: Walls) -> None:
    """The panel in a terminal that somebody stopped with Ctrl-S."""
    here = wall()
    here.tick()
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"full")
    os.set_blocking(write, True)
    here.panel = subprocess.Popen(here.command("--no-display"), env=here.env, stderr=write)
    for n, mode in enumerate((3, 0, 3)):
        here.house.script(1, f"return 1 / 0  # {n}")
        here.house.set_modes({**AUTO, 2: mode})
        eventually(lambda mode=mode: here.on == ({2} if mode else set()))
    assert here.stop() == 0
    os.close(read)
    os.close(write)


@pytest.mark.skipif(bool(strace_works()), reason=strace_works())
def test_where_the_kernel_does_not_tell_of_changes_it_looks_by_itself(wall: Walls) -> None:
    """A kernel without dnotify, a file system without leases."""
    here = wall()
    only = "-P", str(here.house.folder)
    here.under = ["strace", "-D", "-qq", "-o", "/dev/null", *only, "-e", "inject=fcntl:error=EINVAL"]
    here.start()
    for mode, on in ((3, {2}), (0, set())):
        here.calm()  # at a tick's end it looks anyhow
        here.house.set_modes({**AUTO, 2: mode})
        eventually(lambda on=on: here.on == on, SELDOM / 2)


def test_a_panel_whose_children_nobody_waits_for(wall: Walls) -> None:
    """It is started with SIGCHLD ignored, which outlives exec."""
    here = wall()
    here.under = ["bash", "-c", "trap '' CHLD; exec \"$@\"", "bash"]
    here.start()
    here.click(1)
    eventually(lambda: here.on == {1})
    assert "rror" not in here.said()


def test_a_panel_that_is_started_deaf_to_changes_hears_them(wall: Walls) -> None:
    """It is started with SIGIO ignored, which outlives exec."""
    here = wall()
    here.tick()
    here.under = ["bash", "-c", "trap '' IO; exec \"$@\"", "bash"]
    here.start("--no-display")
    here.calm()
    here.house.set_modes({**AUTO, 2: 3})
    eventually(lambda: here.on == {2}, SELDOM / 2)


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


IMPATIENT = """
import sys
sys.path.insert(0, sys.argv[3].removesuffix("bin/domo-panel") + "lib")
from domo.panel import loop
loop.GIVE_UP = 3.0
from domo.panel.process import main
sys.exit(main(sys.argv[4:]))
"""


def test_a_choice_that_cannot_be_written_is_dropped_after_a_while(wall: Walls) -> None:
    """With half a minute of three seconds. Nothing must start hours later, when the file is mended."""
    here = wall()
    here.under = [sys.executable, "-S", "-c", IMPATIENT]
    here.start()
    here.tick()
    here.house.mode_file.write_text("{")
    here.click(3)
    eventually(lambda: "the choice is dropped" in here.said())
    here.house.set_modes(AUTO)
    never(lambda: here.house.modes[3] == 3 or here.was_on(3), 3)


def test_a_choice_waits_a_while_for_a_file_that_is_mended(wall: Walls) -> None:
    here = wall().start()
    here.tick()
    here.house.mode_file.write_text("{")
    here.click(3)
    eventually(lambda: "is not JSON" in here.said())
    here.house.set_modes(AUTO)
    eventually(lambda: here.on == {3})
