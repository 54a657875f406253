"""What a terminal shows: the same board as on the wall, and below it what a board cannot show."""

from __future__ import annotations

import time

from ..core.history import ON
from ..core.table import devices, drawn, wrapped
from ..core.texts import minutes
from ..stores import bounded, memory, reading
from .frame import BOARD, BOTTOM, CODES, DOT_SEGMENT, MIDDLE, TOP, View, frame, rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    import curses

    from ..core.settings import Config
    from ..system.stuck import Stuck

CELL = 4  # columns of a digit
HELP = "1 to 9 or the mouse: auto > forced on > forced off > auto     q: quit"


class Screen:
    """The picture in a window of curses. `targets`: rows and columns in which a click means a relay."""

    def __init__(self, window: curses.window) -> None:
        import curses

        self._curses, self._window = curses, window
        self._drawn = 0.0
        self._lit = 0
        self.targets: list[tuple[range, range, int]] = []
        try:
            "○●".encode(window.encoding)
            self._lamps = "○●"
        except UnicodeError:
            self._lamps = ".*"

    def draw(self, view: View, lit: int, readings: list[str], anew: bool) -> None:
        """Draws the view in that phase (see frame.phase); `anew`: all of it, whatever the terminal shows."""
        self._drawn, self._lit = time.monotonic(), lit
        if anew:
            self._window.clear()
        height, width = self._window.getmaxyx()
        self._window.erase()
        self.targets = []
        age = view.past.tick
        tick = "no tick yet" if age is None else f"last tick {minutes(age + self._drawn - view.past_of)} ago"
        self._put(0, 1, f"domo   {time.strftime('%H:%M:%S')}   {tick}", self._curses.A_BOLD)
        y = self._boards(view, 2, width)
        below = [*_wrong(view, width - 2), *readings][: max(0, height - y - view.config.relayNb - 2)]
        y = self._table(view, y, width - 2, max(1, height - y - len(below) - 2))
        for line in below:
            y += 1
            self._put(y, 1, line)
        self._put(height - 1, 1, HELP, self._curses.A_DIM)
        self._window.refresh()

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
                    self.targets.append((range(top, top + 5), range(x, x + CELL), relay))
        return y + -(-boards // beside) * 6

    def _table(self, view: View, y: int, width: int, space: int) -> int:
        """Draws the relays in words, with whole reasons if there is space for them, else one line for each;
        gives the row below."""
        later = self._drawn - view.past_of
        table = [
            (str(relay), name[:16], mode, state, "" if age is None else minutes(age + later), why)
            for relay, name, mode, state, age, why in rows(view)
        ]
        lines = [
            (relay if line is text[0] else -relay, line)
            for relay, text in enumerate(drawn(table, width, right=(0,), least=10), 1)
            for line in text
        ]
        if len(lines) > space:
            lines = [line for line in lines if line[0] > 0]
        if len(lines) > space:
            lines[space - 1 :] = [(0, f"and {len(lines) - space + 1} more")]
        for relay, text in lines:
            chosen = self._curses.A_REVERSE if relay in view.pending else 0
            self._put(y, 1, text, chosen | (self._curses.A_BOLD if view.states.get(abs(relay)) == ON else 0))
            self.targets.append((range(y, y + 1), range(width), abs(relay)))
            y += 1
        return y

    def _put(self, y: int, x: int, text: str, style: int = 0) -> None:
        """Writes text, as much of it as the screen and its character set hold."""
        height, width = self._window.getmaxyx()
        if y < height and x < width - 1:
            signs = _cut(text, width - 1 - x)
            signs = signs.encode(self._window.encoding, "replace").decode(self._window.encoding)
            try:
                self._window.addstr(y, x, signs, style)
            except self._curses.error:  # it takes more columns here than it should, up to the last corner
                pass


def _cut(text: str, columns: int) -> str:
    """As much of a text as fits into so many columns; some signs take two."""
    if text.isascii():
        return text[:columns]
    from unicodedata import east_asian_width

    for place, sign in enumerate(text):
        columns -= 2 if east_asian_width(sign) in "WF" else 1
        if columns < 0:
            return text[:place]
    return text


def segments(digit: int) -> tuple[str, str, str]:
    """A digit of seven segments and a dot in three lines of text."""

    def lit(bit: int, sign: str) -> str:
        return sign if digit & bit else " "

    return (
        f" {lit(TOP, '_')} ",
        f"{lit(0x20, '|')}{lit(MIDDLE, '_')}{lit(0x02, '|')}",
        f"{lit(0x10, '|')}{lit(BOTTOM, '_')}{lit(0x04, '|')}{lit(DOT_SEGMENT, '.')}",
    )


def readings(config: Config, before: Stuck | None) -> tuple[list[str], Stuck | None]:
    """The values that matter, a line for each device that has any, or why there are none; and the process
    that hangs at the file's disk. `before`: that of the last call (see bounded.load)."""
    data, hanging = bounded.load(config, memory.read_clocks(), before)
    lines = devices(data, {*config.required, *reading.MOVING, "CS"}, minutes)
    return lines[:4] + ([data.problem] if data.problem else []), hanging


def _wrong(view: View, width: int) -> list[str]:
    """What is wrong, in words, each thing once."""
    said = [
        *(f"{code} {CODES[code]}" for code in view.faults),
        *view.past.reports,
        *view.message.splitlines(),
    ]
    return [line for text in dict.fromkeys(said) for line in wrapped(text, max(10, width))][:7]
