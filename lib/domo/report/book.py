"""All that is recorded: the sums of the days, and where to read a day.

A day that is over is summed up once. Its sum is kept as a line of JSON in `days.jsonl`, beside the days. That
is a cache: it may be deleted, and then the next page takes longer.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from ..core.model import Fault
from ..stores import history, record
from ..system import files
from . import days
from .sums import Sum, of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..core.settings import Config
    from .days import Day

VERSION = 1
OF_A_DAY = rf"{history.DATE}T"  # how a line begins that belongs to a day


class Book:
    """All that is recorded: the days' sums in order, and where to read a day. `texts`: records that are not
    in the lasting folder yet, by day; `notes`: what a reader should know about the records."""

    def __init__(self, config: Config, today: str, simulated: bool = False) -> None:
        self.config, self.today, self.simulated = config, today, simulated
        self.sums: list[Sum] = []
        self.texts: dict[str, list[str]] = {}
        self.notes: list[str] = []

    def day(self, date: str) -> Day:
        """A day, empty if nothing is recorded of it."""
        return days.read(date, self.records(date))

    def records(self, date: str) -> list[str]:
        """What the files tell of a day, as they are."""
        return [*_lasting(self.config, date, self.notes), *self.texts.get(date, [])]

    def last(self, count: int, date: str) -> list[Sum]:
        """The recorded days among the `count` ones up to `date`."""
        first = days.earlier(date, count - 1)
        return [day for day in self.sums if first <= day.date <= date]


def _lasting(config: Config, date: str, notes: list[str]) -> list[str]:
    place = history.lasting(config, date)
    try:
        text = history.unpacked(files.read(place, history.LARGEST)[0])
    except FileNotFoundError:
        return []
    except Fault as fault:
        notes.append(str(fault))
        return []
    if text is None:
        notes.append(f"{place}: is not a record, so what it holds of that day is left out; move it away")
    return [text] if text else []


def load(config: Config, wall: float, sums: bool) -> Book:
    """The book of what is recorded until `wall` (epoch s), with the `sums` of all days or without. Days that
    are dated in the future have no sum, and a note says so."""
    today = record.stamp(wall)[:10]
    book = Book(config, today)
    for name in (*history.waiting(config).values(), record.path(config)):
        try:
            text = files.read(name, history.LARGEST)[0].decode(errors="replace")
        except FileNotFoundError:
            continue
        except Fault as fault:
            book.notes.append(str(fault))
            continue
        lines = (line for line in text.splitlines() if re.match(OF_A_DAY, line))
        for date in dict.fromkeys(line[:10] for line in lines):
            book.texts.setdefault(date, []).append(text)
    if not sums:
        return book
    kept = history.kept(config)
    late = [date for date in {*kept, *book.texts} if date > today]
    if late:
        book.notes.append(f"{len(late)} days of the future are left out ({min(late)} to {max(late)})")
    kept_sums, new = _kept_sums(config), []
    for date in sorted(date for date in {*kept, *book.texts} if date <= today):
        size = _size(kept.get(date, ""))
        over = date not in book.texts and date != today
        kept_sum = kept_sums.get((date, size)) if over else None
        total = kept_sum or of(book.day(date))
        if total.recorded:
            book.sums.append(total)
            if over and not kept_sum:
                new.append((size, total))
    _remember(config, new, {(date, _size(name)) for date, name in kept.items()}, kept_sums)
    return book


def _size(name: str) -> int:
    try:
        return os.stat(name).st_size if name else 0
    except OSError:
        return 0


def _place(config: Config) -> str:
    return f"{config.recordDir}/days.jsonl"


def _kept_sums(config: Config) -> dict[tuple[str, int], Sum]:
    """The sums that are kept, by the day and the size of its file."""
    try:
        lines = files.read(_place(config), history.LARGEST)[0].decode(errors="replace").splitlines()
    except (FileNotFoundError, Fault):
        return {}
    import json

    sums = {}
    for line in lines:
        try:
            version, size, fields = json.loads(line)
            if version == VERSION:
                fields["relays"] = {int(r): (float(s), int(n)) for r, (s, n) in fields["relays"].items()}
                total = Sum()
                if fields.keys() == vars(total).keys() and _well(fields):
                    vars(total).update(fields)
                    sums[total.date, size] = total
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            continue
    return sums


def _well(fields: dict[str, Any]) -> bool:
    """Whether the fields of a sum are of their kinds."""
    numbers = [fields[name] for name in ("recorded", "floating", "absorbing", "panels", "house")]
    charges = [fields["lowest"], fields["highest"]]
    numbers += charges if charges != [None, None] else []
    numbers += [*fields["held"], *(number for pair in fields["relays"].values() for number in pair)]
    return (
        len(fields["held"]) == 24
        and isinstance(fields["auto"], bool)
        and all(isinstance(number, (int, float)) and abs(number) < float("inf") for number in numbers)
    )


def _remember(
    config: Config,
    new: list[tuple[int, Sum]],
    current: set[tuple[str, int]],
    kept_sums: dict[tuple[str, int], Sum],
) -> None:
    """Adds sums to those that are kept, and drops those of days that are gone; does nothing for a user who
    may not write the folder."""
    if not new:
        return
    import json

    rows = [*((size, total) for (date, size), total in kept_sums.items() if (date, size) in current), *new]
    text = "".join(
        f"{json.dumps([VERSION, size, vars(total)], separators=(',', ':'))}\n" for size, total in rows
    )
    try:
        files.replace(_place(config), text.encode())
    except Fault:
        pass


def simulated(config: Config, lines: Iterable[str]) -> tuple[Book, Day]:
    """The book of generated days, in order, from lines as the record has them, and the last of these days.
    Only one day at a time is kept in memory."""
    book, last = Book(config, "", simulated=True), days.Day("")
    for date, columns, rows in _by_day(lines):
        day = days.made(date, columns, rows)
        if day.minutes and any("." in name for name in columns):  # of a device or a relay
            last, book.today = day, date
            book.sums.append(of(day))
    return book, last


def _by_day(lines: Iterable[str]) -> Iterator[tuple[str, list[str], history.Rows]]:
    header, date = "", ""
    held: list[str] = []
    for line in lines:
        if line.startswith("time,"):
            header = line
        elif re.match(OF_A_DAY, line):
            if line[:10] != date and held:
                yield date, *history.rows([header, *held])
                held = []
            date = line[:10]
            held.append(line)
    if held:
        yield date, *history.rows([header, *held])
