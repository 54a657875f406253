"""The panel's face in a terminal: the same board as on the wall, and below it what a wall cannot say."""

from __future__ import annotations

import os
import textwrap
import time

from ..core.history import ON
from ..core.model import Fault
from ..core.texts import minutes
from ..stores import memory, reading
from .frame import BOARD, BOTTOM, CODES, DOT_SEGMENT, MIDDLE, TOP, View, frame, rows

CELL = 4  # columns of a digit
READING_SECONDS = 5.0  # between looks at the data file
ESCAPE, DEAF_SECONDS = 27, 2.0  # what follows one that curses does not know belongs to it, on a slow line too
BURST = 4  # keys that a person presses between two looks; more are pasted
HELP = "1 to 9 or the mouse: auto > forced on > forced off > auto     q: quit"


class Terminal:
    """A curses screen. Raises Fault when this is no terminal."""

    quick = True  # somebody is looking

    def __init__(self) -> None:
        import curses

        if not (os.isatty(0) and os.isatty(1)):
            raise Fault("--terminal wants a terminal; without one there is --no-display")
        self._curses = curses
        try:
            self._screen = curses.initscr()
            curses.noecho()
            curses.cbreak()
            self._screen.keypad(True)
            self._screen.nodelay(True)
            curses.mousemask(curses.BUTTON1_PRESSED)
            curses.mouseinterval(0)
        except curses.error as error:
            raise Fault(f"this terminal (TERM={os.environ.get('TERM', '')}) is of no use: {error}") from None
        try:
            curses.curs_set(0)
            "○●".encode(self._screen.encoding)
            self._lamps = "○●"
        except (curses.error, UnicodeError):  # a terminal that cannot hide its cursor, or has no such signs
            self._lamps = ".*"
        self._view: View | None = None
        self._lit = 0
        self._drawn = self._read_at = self._deaf_until = 0.0
        self._readings: list[str] = []
        self._targets: list[tuple[range, range, int]] = []  # rows and columns where a click is a relay's

    def pressed(self, now: float) -> list[int]:
        """The relays chosen since the last call. Raises SystemExit on q."""
        relays, keys = [], []
        while (key := self._screen.getch()) != -1:
            if key in (self._curses.KEY_RESIZE, 12):  # 12 is Ctrl-L
                self._screen.clear()
                self._drawn = 0.0
            elif key == self._curses.KEY_MOUSE:
                relays += self._clicked()
            else:
                keys.append(key)
        if ESCAPE in keys:
            self._deaf_until = now + DEAF_SECONDS
        if now >= self._deaf_until and len(keys) <= BURST:
            if ord("q") in keys:
                raise SystemExit(0)
            relays += [key - ord("0") for key in keys if ord("1") <= key <= ord("9")]
        if self._view and now - self._drawn >= 1:
            self._draw(self._view)
        return relays

    def _clicked(self) -> list[int]:
        try:
            _, x, y, _, _ = self._curses.getmouse()
        except self._curses.error:  # a button of no interest
            return []
        return [relay for ys, xs, relay in self._targets if y in ys and x in xs]

    def show(self, view: View, lit: int) -> None:
        """Shows the view in that phase (see panel.phase)."""
        self._view, self._lit = view, lit
        self._draw(view)

    def close(self) -> None:
        """Gives the terminal back as it was."""
        self._curses.endwin()

    def _draw(self, view: View) -> None:
        now = self._drawn = time.monotonic()
        if now >= self._read_at:
            self._read_at = now + READING_SECONDS
            self._readings = _readings(view)
        height, width = self._screen.getmaxyx()
        self._screen.erase()
        self._targets = []
        age = view.past.tick
        tick = "no tick yet" if age is None else f"last tick {minutes(age + now - view.past_of)} ago"
        self._put(0, 1, f"domo   {time.strftime('%H:%M:%S')}   {tick}", self._curses.A_BOLD)
        y = self._boards(view, 2, width)
        below = [*_wrong(view, width - 2), *self._readings][: max(0, height - y - view.config.relayNb - 2)]
        y = self._table(view, y, width - 2, max(1, height - y - len(below) - 2))
        for line in below:
            y += 1
            self._put(y, 1, line)
        self._put(height - 1, 1, HELP, self._curses.A_DIM)
        self._screen.refresh()

    def _boards(self, view: View, y: int, width: int) -> int:
        """Draws the boards, as many beside each other as fit; gives the row below them."""
        boards = -(-view.config.relayNb // BOARD)
        beside = max(1, width // (BOARD * CELL + CELL))
        for board, (digits, leds) in enumerate(frame(view, boards, self._lit)):
            top, left = y + board // beside * 6, 2 + board % beside * (BOARD + 1) * CELL
            for n in range(BOARD):
                relay, x = board * BOARD + n + 1, left + n * CELL
                self._put(top, x + 1, self._lamps[leds[n]])
                for line, text in enumerate(segments(digits[n]), 1):
                    self._put(top + line, x, text, self._curses.A_BOLD)
                if relay in view.config.relays:
                    self._put(top + 4, x, f"[{relay}]")
                    self._targets.append((range(top, top + 5), range(x, x + CELL), relay))
        return y + -(-boards // beside) * 6

    def _table(self, view: View, y: int, width: int, space: int) -> int:
        """Draws the relays in words, with whole reasons if there is space for them, else in a line
        each; gives the row below."""
        later = self._drawn - view.past_of
        found = [
            (f"{relay:2}", name[:16], mode, state, "" if age is None else minutes(age + later), why)
            for relay, name, mode, state, age, why in rows(view)
        ]
        widths = [max(len(row[column]) for row in found) for column in range(5)]
        lines: list[tuple[int, str]] = []
        for relay, (*cells, why) in enumerate(found, 1):
            start = "  ".join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)) + "  "
            reason = textwrap.wrap(why, max(10, width - len(start))) or [""]
            lines.append((relay, start + reason[0]))
            lines += [(-relay, " " * len(start) + more) for more in reason[1:]]
        if len(lines) > space:
            lines = [line for line in lines if line[0] > 0]
        if len(lines) > space:
            lines[space - 1 :] = [(0, f"and {len(lines) - space + 1} more")]
        for relay, text in lines:
            chosen = self._curses.A_REVERSE if relay in view.pending else 0
            self._put(y, 1, text, chosen | (self._curses.A_BOLD if view.states.get(abs(relay)) == ON else 0))
            self._targets.append((range(y, y + 1), range(width), abs(relay)))
            y += 1
        return y

    def _put(self, y: int, x: int, text: str, look: int = 0) -> None:
        """Writes text, as much of it as the screen and its character set hold."""
        height, width = self._screen.getmaxyx()
        if y < height and x < width - 1:
            signs = (
                text[: width - 1 - x].encode(self._screen.encoding, "replace").decode(self._screen.encoding)
            )
            self._screen.addstr(y, x, signs, look)


def segments(digit: int) -> tuple[str, str, str]:
    """A digit of seven segments and a dot in three lines of text."""

    def lit(bit: int, sign: str) -> str:
        return sign if digit & bit else " "

    return (
        f" {lit(TOP, '_')} ",
        f"{lit(0x20, '|')}{lit(MIDDLE, '_')}{lit(0x02, '|')}",
        f"{lit(0x10, '|')}{lit(BOTTOM, '_')}{lit(0x04, '|')}{lit(DOT_SEGMENT, '.')}",
    )


def _readings(view: View) -> list[str]:
    """The values that matter, a line for each device that has any, and why there are none."""
    data = reading.load(view.config, memory.look_at_clocks())
    used = {*view.config.required, *reading.MOVING, "CS"}
    lines = []
    for device in data.devices:
        values = [f"{name} {value.text}" for name, value in device.values.items() if name in used]
        if values:
            lines.append(f"{device.name or device.id}, {minutes(device.age)} ago: {', '.join(values)}")
    return lines[:4] + ([data.problem] if data.problem else [])


def _wrong(view: View, width: int) -> list[str]:
    """What is wrong, in words, each thing once."""
    said = [
        *(f"{code} {CODES[code]}" for code in view.troubles),
        *view.past.reports,
        *view.message.splitlines(),
    ]
    return [line for text in dict.fromkeys(said) for line in textwrap.wrap(text, max(10, width))][:7]
