"""Generated days, tick by tick, as the record would have them; and the page about them, marked as such."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..stores import record
from . import days, page
from .book import Book
from .sums import of

if TYPE_CHECKING:
    from ..core.model import Plan, Reading
    from ..core.settings import Config
    from .days import Day


class Simulated:
    """Takes ticks in order, and keeps the sums of the days and the last day whole."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._book = Book(config, "", simulated=True)
        self._columns: list[str] = []
        self._before: dict[int, str] = {}
        self._lines: list[str] = []

    def add(self, wall: float, reading: Reading, plan: Plan) -> None:
        """A tick at `wall` (epoch s): what it read, and what became of it."""
        date = record.stamp(wall)[:10]
        if date != self._book.today:
            self._finish()
            self._book.today, self._before = date, {}  # a day begins with whole reasons, as a file does
        cells = record.fields(self._config, wall, reading, plan, self._before, ())
        if not cells.keys() <= set(self._columns):
            self._columns += [name for name in cells if name not in self._columns]
            self._lines.append(",".join(self._columns))
        self._lines.append(record.row(cells, self._columns))
        self._before = {relay: decision.why for relay, decision in plan.items()}

    def _finish(self) -> Day:
        day = days.read(self._book.today, ["\n".join(self._lines)])
        if day.minutes:
            self._book.sums.append(of(day))
            self._lines = [",".join(self._columns)]
        return day

    def day(self) -> Day:
        """The last day as far as it was added."""
        return days.read(self._book.today, ["\n".join(self._lines)])

    def html(self) -> str:
        """The page about all of it. After that nothing can be added."""
        last = self._finish()
        return page.made(self._book, [last], None, time.strftime("Made %A %-d %B %Y at %H:%M"))
