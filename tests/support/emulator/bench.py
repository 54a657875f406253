"""The test's side of the bench: watch the pins and boards of real processes, and press buttons."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
TOP, MIDDLE, BOTTOM, DOT = 0x01, 0x40, 0x08, 0x80  # segments a, g, d and the dot
# What people read in a digit, by its segments: bit 0 is a (top), then clockwise to f, bit 6 is g
# (middle). Where two characters look alike the figure is given (5 for S, 0 for O).
GLYPHS = {
    0x00: " ", 0x3F: "0", 0x06: "1", 0x5B: "2", 0x4F: "3", 0x66: "4", 0x6D: "5", 0x7D: "6",
    0x7C: "b", 0x07: "7", 0x27: "7", 0x7F: "8", 0x6F: "9", 0x67: "9", 0x77: "A", 0x5F: "a",
    0x39: "C", 0x58: "c", 0x5E: "d", 0x79: "E", 0x71: "F", 0x3D: "G", 0x76: "H", 0x74: "h",
    0x0E: "J", 0x1E: "J", 0x38: "L", 0x54: "n", 0x37: "N", 0x5C: "o", 0x73: "P", 0x50: "r",
    0x31: "R", 0x78: "t", 0x3E: "U", 0x1C: "u", 0x6E: "y", 0x63: "°", 0x40: "-", 0x08: "_",
    0x01: "‾", 0x48: "=", 0x53: "?", 0x30: "l",
}  # fmt: skip


class Event(NamedTuple):
    """One line of a log of the fake RPi.GPIO."""

    ns: int
    pid: int
    pin: int
    what: str
    level: int


@dataclass(frozen=True)
class Display:
    """A board as a person sees it; leds, digits and buttons are numbered 1..8 from the left.

    `ram`, `on` and `brightness` (0..7) are the chip's own; `seen` are the buttons that were down at
    the last key scan, `missed` the accesses while it had no power; `ns` (CLOCK_MONOTONIC) is when this was
    published, by process `pid`.
    """

    ram: tuple[int, ...] = (0,) * 16
    on: bool = False
    brightness: int = 0
    plugged: bool = True
    seen: tuple[int, ...] = ()
    received: int = 0
    scans: int = 0
    missed: int = 0
    ns: int = 0
    pid: int = 0

    @classmethod
    def parse(cls, report: Mapping[str, Any], ns: int = 0, pid: int = 0) -> Display:
        """From one board of display.json, or from `Chip.report()`."""
        lists = {"ram": tuple(report["ram"]), "seen": tuple(report["seen"])}
        return cls(**{**report, **lists}, ns=ns, pid=pid)

    @property
    def sent(self) -> int:
        """Bytes received apart from key scans, which cost one each."""
        return self.received - self.scans

    @property
    def leds(self) -> set[int]:
        """Leds that are lit."""
        return {n + 1 for n in range(8) if self.on and self.ram[2 * n + 1] & 1}

    @property
    def digits(self) -> tuple[int, ...]:
        """Lit segments of each digit, bit 0 the top one, bit 7 the dot."""
        return self.ram[::2] if self.on else (0,) * 8

    @property
    def upper(self) -> set[int]:
        """Digits that show the top bar and nothing else (but perhaps the dot)."""
        return self._only(TOP)

    @property
    def lower(self) -> set[int]:
        """Digits that show the bottom bar and nothing else (but perhaps the dot)."""
        return self._only(BOTTOM)

    @property
    def dots(self) -> set[int]:
        """Digits whose dot is lit."""
        return {n for n, segments in enumerate(self.digits, 1) if segments & DOT}

    @property
    def text(self) -> str:
        """What it reads: a character for each digit, with its dot behind it; "#" if unreadable."""
        return "".join(
            GLYPHS.get(segments & ~DOT, "#") + "." * bool(segments & DOT) for segments in self.digits
        )

    @property
    def lit(self) -> int:
        """How many segments, dots and leds are lit."""
        return len(self.leds) + sum(segments.bit_count() for segments in self.digits)

    def _only(self, bar: int) -> set[int]:
        return {n for n, segments in enumerate(self.digits, 1) if segments & ~DOT == bar}

    def __str__(self) -> str:
        """`●○○○○○○○ [1.2     ]`, the leds and the text."""
        return "".join("○●"[n in self.leds] for n in range(1, 9)) + f" [{self.text}]"


class Bench:
    """A Raspberry Pi with relays and TM1638 boards, made of the files in a folder.

    In: an empty folder (tmp_path), and the wiring of the boards in BCM numbers. Start processes
    with `env=bench.env()`, then press, look and wait. Boards are numbered from 1.
    """

    def __init__(self, folder: Path, dio: int = 19, clk: int = 13, stb: Sequence[int] = (26,)) -> None:
        self.pins, self.boards = folder / "pins", folder / "boards"
        self.pins.mkdir(parents=True, exist_ok=True)
        self.boards.mkdir(exist_ok=True)
        self._wiring = f"dio={dio},clk={clk},stb={'+'.join(map(str, stb))}"
        self._buttons: dict[int, list[int] | None] = {n: [] for n in range(1, len(stb) + 1)}

    def env(self, **more: str) -> dict[str, str]:
        """The environment of a process on this Pi, on top of ours: the fake RPi.GPIO, and as driver
        the package in the folder $RPI_TM1638 if that is set, else the stand-in.
        """
        path = [os.environ.get("RPI_TM1638"), str(HERE), os.environ.get("PYTHONPATH")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "FAKE_GPIO": str(self.pins),
            "FAKE_TM1638": str(self.boards),
            "FAKE_TM1638_PINS": self._wiring,
            **more,
        }

    # -- pins (not those of the boards) --

    def level(self, pin: int) -> int | None:
        """The level of a pin now; None if nobody ever touched it."""
        level: int | None = self._pin(pin).get("level")
        return level

    def direction(self, pin: int) -> str:
        """Of a pin: "in" or "out"."""
        return str(self._pin(pin).get("direction", "in"))

    def transitions(self, *pins: int) -> list[Event]:
        """Every change of those pins (of all if none is named), oldest first."""
        return self._log("transitions.log", pins)

    def writes(self, *pins: int) -> list[Event]:
        """Every write of a level to those pins, of the level they had or of another."""
        return self._log("writes.log", pins)

    def reboot(self, outputs: Mapping[int, int] | None = None) -> None:
        """Reset the pins to inputs, but for those that the firmware drives: `reboot({23: 1})` is
        `gpio=23=op,dh` in config.txt. The logs stay.
        """
        pins = {
            pin: {"direction": "out", "level": level, "latch": level, "pull": None}
            for pin, level in (outputs or {}).items()
        }
        _replace(self.pins / "pins.json", json.dumps(pins))

    def _pin(self, pin: int) -> dict[str, Any]:
        pins: dict[str, dict[str, Any]] = _load(self.pins / "pins.json")
        return pins.get(str(pin), {})

    def _log(self, name: str, pins: tuple[int, ...]) -> list[Event]:
        try:
            lines = (self.pins / name).read_text().splitlines()
        except FileNotFoundError:
            return []
        words = (line.split() for line in lines)
        events = (Event(int(a), int(b), int(c), what, int(e)) for a, b, c, what, e in words)
        return [event for event in events if not pins or event.pin in pins]

    # -- boards --

    def press(self, buttons: Iterable[int], board: int = 1, timeout: float | None = 5) -> None:
        """Hold down these buttons of a board and no others, and wait until a key scan saw them so;
        `timeout=None` does not wait.
        """
        self._buttons[board] = sorted(buttons)
        self._tell()
        if timeout is not None:
            wanted = tuple(sorted(buttons))
            self.wait_for(lambda display: display.seen == wanted, timeout, board)

    def release(self, board: int = 1, timeout: float | None = 5) -> None:
        """Let go of every button of a board, and wait until a key scan saw that."""
        self.press((), board, timeout)

    def click(self, *buttons: int, board: int = 1, hold: float = 0.0) -> None:
        """Press these buttons together, hold them for that many seconds more, and let go."""
        self.press(buttons, board)
        time.sleep(hold)
        self.release(board)

    def unplug(self, board: int = 1) -> None:
        """Take a board's power away."""
        self._buttons[board] = None
        self._tell()

    def plug(self, board: int = 1) -> None:
        """Give it back: the display is off, its memory random."""
        self._buttons[board] = []
        self._tell()

    def display(self, board: int = 1) -> Display:
        """A board as it is now; before a process drives it, dark."""
        report = _load(self.boards / "display.json")
        if not report:
            return Display()
        return Display.parse(report["boards"][board - 1], report["ns"], report["pid"])

    def wait_for(self, predicate: Callable[[Display], object], timeout: float = 5, board: int = 1) -> Display:
        """The first display of a board that the predicate is true of; AssertionError, with the last
        one seen, if there is none within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            display = self.display(board)
            if predicate(display):
                return display
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s; board {board}: {display} {display!r}")
            time.sleep(0.002)

    def _tell(self) -> None:
        _replace(self.boards / "buttons", json.dumps(self._buttons))


def _load(path: Path) -> Any:
    """A JSON file, {} if there is none yet."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}


def _replace(path: Path, text: str) -> None:
    """Replace a file whole, so that no reader sees half of it."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)
