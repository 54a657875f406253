"""The panel's face in a terminal.

A thread of its own draws it, and only this thread waits for the terminal: one that takes no output (Ctrl-S, a
hung line) keeps no force waiting. Curses is not made for threads, so whoever calls it holds the lock.
"""

from __future__ import annotations

import os
import signal
import termios
import threading
import time

from ..core.model import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..system.stuck import Stuck
    from .frame import View

READING_SECONDS = 5.0  # between looks at the data file
ESCAPE, DEAF_SECONDS = 27, 2.0  # s after an escape that curses does not know: what follows may belong to it
BURST = 4  # keys that a person presses between two looks; more are pasted
CLOSING = 1.0  # s to wait for a terminal that takes nothing, then it is left as it is


class Terminal:
    """A curses screen. Raises Fault when this is no terminal."""

    quick = True  # somebody is looking
    jammed: tuple[int, ...] = ()

    def __init__(self) -> None:
        import curses

        if not (os.isatty(0) and os.isatty(1)):
            raise Fault("--terminal wants a terminal; without one there is --no-display")
        self._curses = curses
        self._before = termios.tcgetattr(0)
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # Ctrl-Z would stop forces, and keep cron's panel away
        for name in ("LINES", "COLUMNS"):  # curses would believe them, and not see the window change
            os.environ.pop(name, None)
        try:
            curses.setupterm()
            if not curses.tigetstr("cup"):  # TERM=dumb
                raise curses.error("its cursor cannot be moved; use another one, or --no-display")
            window = curses.initscr()
            curses.noecho()
            curses.cbreak()
            window.keypad(True)
            self._keys = curses.newpad(1, 1)  # from a window, getch() would draw what has changed, and wait
            self._keys.keypad(True)
            self._keys.nodelay(True)
            curses.mousemask(curses.BUTTON1_PRESSED)
            curses.mouseinterval(0)
        except curses.error as error:
            raise Fault(f"the terminal (TERM={os.environ.get('TERM', '')}) cannot be used: {error}") from None
        try:
            curses.curs_set(0)
        except curses.error:  # a terminal that cannot hide its cursor
            pass
        from .screen import Screen

        self.ended = False
        self._screen = Screen(window)
        self._shown: tuple[View, int] | None = None
        self._anew = self._closed = False
        self._fault: Exception | None = None
        self._deaf_until = 0.0
        self._lock, self._news = threading.Lock(), threading.Event()
        threading.Thread(target=self._draw_on, daemon=True).start()

    # -- in the thread that draws --

    def _draw_on(self) -> None:
        from .screen import readings

        lines: list[str] = []
        hanging: Stuck | None = None
        read_at = 0.0
        while not self._closed:
            self._news.wait(1)  # the clock goes on
            self._news.clear()
            if not self._shown:
                continue
            try:
                if time.monotonic() >= read_at:
                    read_at = time.monotonic() + READING_SECONDS
                    lines, hanging = readings(self._shown[0].config, hanging)
                self._draw(lines)
            except Exception as error:
                self._fault = error

    def _draw(self, readings: list[str]) -> None:
        with self._lock:
            if self._closed or not self._shown:
                return
            anew, self._anew = self._anew, False
            began = time.monotonic()
            self._screen.draw(*self._shown, readings, anew)
            if time.monotonic() - began > DEAF_SECONDS:  # keys typed at a dead screen do not count
                self._curses.flushinp()

    def _end(self) -> None:
        with self._lock:
            self._curses.endwin()

    # -- in the panel --

    def pressed(self, now: float) -> list[int]:
        """The relays chosen since the last call; none while the screen is being drawn. Raises what went wrong
        in drawing."""
        if fault := self._fault:
            self._fault = None
            raise fault
        if self._anew or not self._lock.acquire(blocking=False):
            return []
        try:
            return self._read_keys(now)
        finally:
            self._lock.release()

    def _read_keys(self, now: float) -> list[int]:
        relays, keys = [], []
        while (key := self._keys.getch()) != -1:
            if key in (self._curses.KEY_RESIZE, 12):  # 12 is Ctrl-L
                self._anew = True
                self._news.set()
                break
            if key == self._curses.KEY_MOUSE:
                relays += self._clicked()
            else:
                keys.append(key)
        if ESCAPE in keys:
            self._deaf_until = now + DEAF_SECONDS
        if now >= self._deaf_until and len(keys) <= BURST:
            self.ended = self.ended or ord("q") in keys
            relays += [key - ord("0") for key in keys if ord("1") <= key <= ord("9")]
        return relays

    def _clicked(self) -> list[int]:
        try:
            _, x, y, _, _ = self._curses.getmouse()
        except self._curses.error:  # a button of no interest
            return []
        return [relay for ys, xs, relay in self._screen.targets if y in ys and x in xs]

    def show(self, view: View, lit: int) -> None:
        """Lets the thread show the view in that phase (see frame.phase)."""
        self._shown = view, lit
        self._news.set()

    def close(self) -> None:
        """Gives the terminal back as it was; one that takes nothing gets at least its settings back."""
        self._closed = True
        self._news.set()
        ending = threading.Thread(target=self._end, daemon=True)
        ending.start()
        ending.join(CLOSING)
        if ending.is_alive():
            termios.tcsetattr(0, termios.TCSANOW, self._before)
