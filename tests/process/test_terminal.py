"""The panel in a terminal: a pseudo-terminal, and what a person sees on its screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyte
import pytest

from support import hung_disk
from support.house import House
from support.panel import Wall, eventually, never

from domo.panel.terminal import DEAF_SECONDS  # isort: skip

pytestmark = pytest.mark.timing

AUTO = dict.fromkeys(range(1, 9), 1)
BOARD = slice(2, 7)  # the lines of the screen with leds, digits and buttons

TIOCGPTN = 0x80045430  # asm-generic/ioctls.h: the number of a terminal; os.ptsname() is Python 3.13's
WRITE = {"x86_64": "1", "aarch64": "64"}.get(os.uname().machine, "4")  # the number of write(2)


class Terminal:
    """A terminal of 80x24, in which the panel runs."""

    def __init__(self, wall: Wall, columns: int = 80, lines: int = 24, **env: str) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.wall = wall
        self._size(columns, lines, start={**wall.env, "TERM": "xterm", "LANG": "C.UTF-8", **env})

    def _size(self, columns: int, lines: int, start: Mapping[str, str] | None = None) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        if start is not None:
            self.pid, self._fd = pty.fork()
            if self.pid == 0:
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                command = self.wall.command("--terminal")
                os.execve(command[0], command, dict(start))
            self.before = termios.tcgetattr(self._fd)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    def choke(self) -> None:
        """What is between the panel and who should read it is full, and stays so: the kernel moves what it
        was given to the reader's side in its own time, and then there is room again."""
        number = int.from_bytes(fcntl.ioctl(self._fd, TIOCGPTN, bytes(4)), sys.byteorder)
        line = os.open(f"/dev/pts/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        full_since = time.monotonic()
        while time.monotonic() < full_since + 1:
            with contextlib.suppress(BlockingIOError):
                while os.write(line, b"\0" * 64):
                    full_since = time.monotonic()
            time.sleep(0.02)
        os.close(line)

    def resize(self, columns: int, lines: int) -> None:
        """Somebody pulls at the window's corner."""
        self.screen.resize(lines, columns)
        self._size(columns, lines)

    def type(self, keys: str) -> None:
        """Presses keys."""
        os.write(self._fd, keys.encode())

    def click(self, column: int, line: int) -> None:
        """Clicks at a place (from 0), as xterm reports it."""
        self.type(f"\x1b[<0;{column + 1};{line + 1}M\x1b[<0;{column + 1};{line + 1}m")

    def wait_for(self, what: Callable[[list[str]], object], seconds: float = 20) -> list[str]:
        """The first screen, as lines, of which `what` is true and that is not being drawn."""
        deadline = time.monotonic() + seconds
        while self._fed() or not what(self.screen.display):
            assert time.monotonic() < deadline, "\n".join(self.screen.display)
        return [line.rstrip() for line in self.screen.display]

    def _fed(self) -> bool:
        """Whether there was anything new to draw."""
        if not select.select([self._fd], [], [], 0.05)[0]:
            return False
        piece = os.read(self._fd, 65536)
        self.raw += piece
        self._stream.feed(piece)
        return True

    def sees(self, text: str) -> list[str]:
        """Waits until that text is on the screen."""
        return self.wait_for(lambda lines: text in "\n".join(lines))

    def end(self) -> int:
        """Waits for the end of the panel; gives its exit code."""
        deadline = time.monotonic() + 20
        while True:
            if select.select([self._fd], [], [], 0)[0]:
                try:
                    self.raw += os.read(self._fd, 65536)
                except OSError:  # the other side is closed
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def blocked(self) -> bool:
        """Whether a thread of the panel waits in the kernel for the terminal to take what it writes."""
        calls = (path.read_text().split()[:2] for path in Path(f"/proc/{self.pid}/task").glob("*/syscall"))
        return [WRITE, "0x1"] in calls

    def settings(self) -> list[Any]:
        """The terminal's settings now."""
        return termios.tcgetattr(self._fd)

    def close(self) -> None:
        """Ends what still runs."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)


Opened = Callable[..., Terminal]


@pytest.fixture
def opened(house: House) -> Iterator[Opened]:
    """Opens a terminal with the panel in it, on the pins of a house."""
    made: list[Terminal] = []

    def make(
        settings: Mapping[str, Any] | None = None, size: tuple[int, int] = (80, 24), **env: str
    ) -> Terminal:
        wall = Wall(house, {"domo.relayName": {1: "Lift pump", 3: "Chargers"}})
        house.configure(settings)
        house.data(SOC=88)
        wall.tick()
        made.append(Terminal(wall, *size, **env))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_the_screen_as_a_person_sees_it(opened: Opened, house: House) -> None:
    house.script(3, "return relay.on('the sun shines')")
    house.set_modes({**AUTO, 1: 3, 2: 0})
    lines = opened().sees("●   ○   ●")
    assert lines[0].startswith(" domo ") and "last tick" in lines[0]
    assert lines[BOARD] == [
        "   ●   ○   ●   ○   ○   ○   ○   ○",
        "   _",
        "",
        "       _",
        "  [1] [2] [3] [4] [5] [6] [7] [8]",
    ]
    table = [re.split(r"  +", line.strip()) for line in lines[8:16]]
    assert (
        table[0][:3] == ["1", "Lift pump", "forced on"]
        and table[0][3].startswith("on")
        and table[0][-1] == "forced on"
    )
    assert table[1][:4] == ["2", "relay 2", "forced off", "off"] and table[1][-1] == "forced off"
    assert table[2][:3] == ["3", "Chargers", "auto on"] and table[2][-1] == "the sun shines"
    assert "SOC 88" in "\n".join(lines[16:]) and "P 41" in "\n".join(lines[16:])
    assert lines[23].strip() == "1 to 9 or the mouse: auto > forced on > forced off > auto     q: quit"


def test_a_key_is_a_button(opened: Opened, house: House) -> None:
    terminal = opened({"domo.tm1638.actionButtonDelay": 1.5})
    terminal.sees("[1] [2]")
    terminal.type("2")
    lines = terminal.wait_for(lambda lines: lines[3][7] == "_")
    assert "forced on" in lines[9] and "chosen just now" in lines[9]
    assert house.modes == AUTO
    lines = terminal.wait_for(lambda lines: lines[2].startswith("   ○   ●"))
    assert house.modes == {**AUTO, 2: 3} and terminal.wall.on == {2}
    terminal.type("22")
    terminal.wait_for(lambda lines: lines[3][7] == lines[5][7] == " ")
    eventually(lambda: terminal.wall.on == set())


@pytest.mark.parametrize("stray", ["\x1b[15;1;2Z", "see relays 2 to 4"])
def test_what_nobody_pressed_presses_nothing(opened: Opened, house: House, stray: str) -> None:
    """A key that curses does not know, a text that is pasted."""
    terminal = opened()
    terminal.sees("[1] [2]")
    terminal.type(stray)
    never(lambda: terminal.wait_for(lambda lines: True) and house.modes != AUTO, DEAF_SECONDS + 1)
    terminal.type("3")
    eventually(lambda: terminal.wait_for(lambda lines: True) and house.modes == {**AUTO, 3: 3})


def test_the_dot_blinks_while_a_change_is_on_its_way(opened: Opened) -> None:
    terminal = opened({"domo.tm1638.actionButtonDelay": 2})
    terminal.sees("[1] [2]")
    terminal.type("1")
    for dot in (".", " ", "."):
        terminal.wait_for(lambda lines, dot=dot: lines[5][33] == dot and lines[3][3] == "_")
    terminal.wait_for(lambda lines: lines[2][3] == "●" and lines[5][33] == " ")


def test_a_click_on_the_board_or_on_a_line_is_a_button(opened: Opened, house: House) -> None:
    terminal = opened()
    lines = terminal.sees("[4] [5]")
    terminal.click(lines[6].index("[5]") + 1, 6)
    terminal.wait_for(lambda lines: lines[3][19] == "_")
    terminal.click(5, 15)
    terminal.wait_for(lambda lines: lines[3][31] == "_")
    terminal.click(79, 0)
    eventually(lambda: terminal.wall.on == {5, 8})


def test_a_force_by_an_editor_shows_and_acts(opened: Opened, house: House) -> None:
    terminal = opened()
    terminal.sees("[1] [2]")
    house.set_modes({**AUTO, 3: 3})
    terminal.wait_for(lambda lines: lines[2].startswith("   ○   ○   ●"))
    assert terminal.wall.on == {3}


def test_what_is_wrong_is_told_in_words(opened: Opened, house: House) -> None:
    terminal = opened()
    terminal.sees("[1] [2]")
    house.script(1, "return 1 / 0")
    house.mode_file.write_text("{")
    terminal.sees("E3 the mode file is missing, cannot be read")
    house.set_modes({**AUTO, 2: 3})
    terminal.sees("division by zero")
    terminal.sees("E7 the last tick found something wrong")


@pytest.mark.parametrize("exported", [{}, {"LINES": "24", "COLUMNS": "80"}], ids=["", "exported size"])
def test_it_survives_a_resize(opened: Opened, exported: dict[str, str]) -> None:
    terminal = opened(**exported)
    terminal.sees("[7] [8]")
    for columns, lines in ((40, 12), (20, 5), (132, 43), (80, 24)):
        terminal.resize(columns, lines)
        terminal.wait_for(lambda shown, last=lines - 1: "1 to 9" in shown[last])
    seen = terminal.sees("[7] [8]")
    assert seen[8].split()[:3] == ["1", "Lift", "pump"] and seen[15].split()[0] == "8"


def test_26_relays_fit(opened: Opened, house: House) -> None:
    terminal = opened(
        {
            "domo.relayNb": 26,
            "domo.relayWiringPi": None,
            "domo.relayGpio": dict(zip(range(1, 27), PINS, strict=True)),
            "domo.tm1638.stb": [],
        }
    )
    lines = terminal.sees("[26]")
    assert [line.split()[0] for line in lines[14:21]] == list("1234567")
    assert lines[21] == " and 19 more"
    row = next(n for n, line in enumerate(lines) if "[26]" in line)
    terminal.click(lines[row].index("[26]"), row)
    eventually(lambda: house.modes[26] == 3)


PINS = [pin for pin in range(28) if pin not in (0, 1)]


def test_a_terminal_without_unicode(opened: Opened, house: House) -> None:
    house.set_modes({**AUTO, 1: 3})
    lines = opened(
        {"domo.relayName": {1: "Pompe à eau"}}, LANG="C", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0"
    ).sees("[1]")
    assert lines[2].startswith("   *   .") and "Pompe ? eau" in lines[8]


@pytest.mark.parametrize("size", [(22, 18), (12, 18)])
def test_a_name_of_wide_signs_stays_in_its_row(opened: Opened, size: tuple[int, int]) -> None:
    """Each takes two columns."""
    lines = opened({"domo.relayName": {8: "太陽熱温水器" * 3}}, size=size).sees("1 to 9")
    assert [line[0] for line in lines if line and not line.isascii() and "○" not in line] == [" "]


@pytest.mark.parametrize("how", ["q", "\x03", signal.SIGTERM, signal.SIGHUP])
def test_it_ends_with_the_terminal_sane(opened: Opened, how: str | int) -> None:
    terminal = opened()
    terminal.sees("[1] [2]")
    assert terminal.settings() != terminal.before, "no echo while it runs"
    if isinstance(how, str):
        terminal.type(how)
    else:
        os.kill(terminal.pid, how)
    assert terminal.end() == 0
    assert terminal.settings() == terminal.before
    after = terminal.raw.rpartition(b"\x1b[?1049l")
    assert after[1], "the screen as it was before"
    assert re.findall(rb"1000([hl])", terminal.raw)[-1] == b"l", "the mouse is free"
    assert b"\x1b[?25h" in terminal.raw.rpartition(b"\x1b[?25l")[2], "the cursor is there"
    assert b"Traceback" not in terminal.raw


@pytest.mark.parametrize("how", ["q", "\x03", signal.SIGTERM, signal.SIGHUP])
def test_a_choice_is_written_before_the_end(opened: Opened, house: House, how: str | int) -> None:
    terminal = opened({"domo.tm1638.actionButtonDelay": 30})
    terminal.sees("[1] [2]")
    terminal.type("2")
    terminal.wait_for(lambda lines: lines[3][7] == "_")
    assert house.modes == AUTO
    if isinstance(how, str):
        terminal.type(how)
    else:
        os.kill(terminal.pid, how)
    assert terminal.end() == 0
    assert house.modes == {**AUTO, 2: 3} and terminal.wall.on == {2}


def test_a_choice_that_cannot_be_written_is_told_where_it_can_be_read(opened: Opened, house: House) -> None:
    terminal = opened({"domo.tm1638.actionButtonDelay": 30})
    terminal.sees("[1] [2]")
    terminal.type("2")
    terminal.wait_for(lambda lines: lines[3][7] == "_")
    house.mode_file.write_text("{")
    terminal.type("q")
    assert terminal.end() == 0
    after = terminal.raw.rpartition(b"\x1b[?1049l")[2].decode()
    assert "the choice is dropped: relay 2 forced on" in " ".join(after.split())


@pytest.mark.parametrize("how", ["a hung line", "\x13"])
def test_a_terminal_that_takes_nothing_stops_no_force(opened: Opened, house: House, how: str) -> None:
    """Nobody reads what the panel draws; or somebody has stopped it with Ctrl-S."""
    terminal = opened()
    terminal.sees("[1] [2]")
    if how == "\x13":
        terminal.type(how)
    else:
        terminal.choke()
    eventually(terminal.blocked)  # it draws its clock each second
    modes = {**AUTO, 4: 3}
    for n in range(3):
        house.script(3, f"return relay.off('reason {n}')")
        modes = {**AUTO, 4: 3 if n % 2 == 0 else 0}
        house.set_modes(modes)
        eventually(lambda n=n: terminal.wall.on == ({4} if n % 2 == 0 else set()))
    terminal.type("5")
    never(lambda: house.modes != modes, 3)
    if how == "\x13":
        terminal.type("\x11")
    terminal.sees("reason 2")
    never(lambda: terminal.wait_for(lambda lines: True) and house.modes[5] != 1, 3)  # typed blindly
    terminal.type("6")
    eventually(lambda: terminal.wait_for(lambda lines: True) and house.modes[6] == 3)


@pytest.mark.skipif(not hung_disk.possible(), reason="takes root and /dev/fuse")
def test_a_data_file_that_does_not_answer_stops_nothing(opened: Opened, house: House) -> None:
    """The screen is drawn, forces act, and the panel ends; one process hangs, and no more are started."""
    with hung_disk.HungDisk(house.folder / "disk") as disk:
        disk.hang()
        terminal = opened(hung_disk.DATA)
        terminal.sees("hangs and cannot be killed")
        terminal.type("2")
        eventually(lambda: terminal.wait_for(lambda lines: True) and terminal.wall.on == {2}, 30)
        terminal.type("q")
        assert terminal.end() == 0


def test_it_ends_though_the_terminal_takes_nothing(opened: Opened, house: House) -> None:
    terminal = opened({"domo.tm1638.actionButtonDelay": 30})
    terminal.sees("[1] [2]")
    terminal.type("2")
    terminal.wait_for(lambda lines: lines[3][7] == "_")
    terminal.type("\x13")
    eventually(terminal.blocked)
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == 0
    assert house.modes == {**AUTO, 2: 3} and terminal.wall.on == {2}
    assert terminal.settings() == terminal.before


def test_ctrl_z_stops_no_force(opened: Opened, house: House) -> None:
    terminal = opened()
    terminal.sees("[1] [2]")
    terminal.type("\x1a")
    terminal.type("2")  # it gets this after that
    eventually(lambda: terminal.wait_for(lambda lines: True) and terminal.wall.on == {2})
    house.set_modes({**AUTO, 2: 3, 4: 3})
    terminal.wait_for(lambda lines: lines[2].count("●") == 2)


def test_a_tick_at_work_is_not_hit_by_ctrl_c(opened: Opened, house: House) -> None:
    terminal = opened()
    terminal.sees("[1] [2]")
    begun = house.folder / "begun"
    house.script(
        2, f"open({str(begun)!r}, 'w').close()\nimport time\ntime.sleep(2)\nreturn relay.off('slept')"
    )
    terminal.type("1")
    eventually(lambda: house.modes[1] == 3 and begun.exists())
    terminal.type("\x03")
    assert terminal.end() == 0 and house.memory["why"]["2"] != "slept"
    eventually(lambda: house.memory["why"]["2"] == "slept" and terminal.wall.on == {1})


def test_without_a_terminal_it_says_so(house: House) -> None:
    wall = Wall(house)
    for env in ({}, {"TERM": "nonsense"}):
        command = wall.command("--terminal")
        done = subprocess.run(
            command, env={**wall.env, **env}, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        assert (
            done.returncode == 2
            and done.stderr.startswith("domo-panel: ")
            and len(done.stderr.splitlines()) == 1
        )


@pytest.mark.parametrize("term", ["nonsense", "dumb"])
def test_a_terminal_that_nobody_knows_or_that_cannot_draw(opened: Opened, term: str) -> None:
    terminal = opened(TERM=term)
    assert terminal.end() == 2
    assert f"TERM={term}".encode() in terminal.raw and b"Traceback" not in terminal.raw
    assert terminal.settings() == terminal.before
