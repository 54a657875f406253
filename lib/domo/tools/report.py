"""`domo-report`: what the sun did and what domo made of it, as a page, as text, CSV or JSON."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from typing import TYPE_CHECKING

from ..core.model import DONE, REFUSED, WRONG, ConfigError, Fault, Now
from ..core.settings import Config
from ..report import book as books
from ..report import days, sums
from ..stores import config as configs
from ..stores import history, memory, record
from ..system import arguments, files
from ..system.output import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..report.days import Day


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = arguments.parser("domo-report", "What the sun did, and what domo made of it.")
    parser.add_argument(
        "day", nargs="?", metavar="DAY", help="YYYY-MM-DD, MM-DD, today or yesterday (default: today)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--text", action="store_true", help="print the day in 80 columns (the default)")
    what.add_argument("--html", metavar="FILE", help="write a page about this day and all days before")
    what.add_argument("--csv", action="store_true", help="print the record of the day")
    what.add_argument(
        "--json", action="store_true", help="print the day's sums and switches, and the relays now"
    )
    parser.add_argument("--simulated", metavar="FILE", help="use the simulated days in this CSV")
    return parser


def main(argv: list[str], clock: Callable[[], Now] = memory.read_clocks) -> int:
    """`domo-report` with these arguments; gives its exit code: 0 done, 1 could not be done, 2 not
    understood."""
    given = options().parse_args(argv)
    now = clock()
    try:
        if given.simulated and (given.csv or given.day):
            raise ValueError("--simulated goes with neither --csv nor DAY; leave one of them out")
        config, _ = configs.load(configs.chosen(given.config))
        date = days.asked(given.day, record.stamp(now.wall)[:10])
    except (ConfigError, ValueError) as error:
        print(*(f"domo-report: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)
        return REFUSED
    try:
        if given.html:
            files.replace(
                configs.absolute(given.html), _page(config, given, date, now).encode(errors="replace")
            )
        elif given.csv:
            show(_csv(config, date, now))
        else:
            book, day = _one(config, given, date, now)
            show(_json(book, day, now) if given.json else _text(config, book, day))
    except (Fault, OSError) as error:
        said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        print(f"domo-report: {said}", file=sys.stderr)
        return WRONG
    return DONE


def _one(config: Config, given: argparse.Namespace, date: str, now: Now) -> tuple[books.Book, Day]:
    """A day, and the book it is in; nothing else is read."""
    if given.simulated:
        return _simulated(config, given.simulated)
    book = books.load(config, now.wall, sums=False)
    return book, book.day(date or book.today)


def _simulated(config: Config, name: str) -> tuple[books.Book, Day]:
    content = files.read(configs.absolute(name), 1 << 30)[0]
    lines = history.unpacked(content) if name.endswith(".gz") else content.decode(errors="replace")
    if lines is None:
        raise Fault(f"{name}: is no gzip file; if it is plain CSV, rename it")
    book, day = books.simulated(config, lines.splitlines())
    if not book.sums:
        raise Fault(f"{name}: holds no day as domo records it; see docs/report.md")
    return book, day


def _page(config: Config, given: argparse.Namespace, date: str, now: Now) -> str:
    from ..report import page
    from .shown import view

    at = time.strftime("Made %A %-d %B %Y at %H:%M", time.localtime(now.wall))
    if given.simulated:
        book, day = _simulated(config, given.simulated)
        return page.made(book, [day], None, at)
    book = books.load(config, now.wall, sums=True)
    shown = [book.day(date)] if date else [book.day(book.today), book.day(days.earlier(book.today, 1))]
    return page.made(book, shown, view(config, now), at)


def _environment() -> dict[str, str]:
    """The environment as it was given: if the locale is C, Python changes it to UTF-8, which may be wrong."""
    try:
        with open("/proc/self/environ", encoding="utf-8", errors="replace") as file:
            return dict(line.partition("=")[::2] for line in file.read().split("\0"))
    except OSError:
        return dict(os.environ)


def _text(config: Config, book: books.Book, day: Day) -> str:
    """The day as the terminal can show it: block characters if the locale is UTF-8, colours on a terminal."""
    from ..report import text

    given = _environment()
    locale = next((v for name in ("LC_ALL", "LC_CTYPE", "LANG") if (v := given.get(name))), "")
    blocks = bool(re.search(r"utf-?8", locale, re.IGNORECASE))
    colour = sys.stdout.isatty() and not given.get("NO_COLOR") and given.get("TERM") != "dumb"
    lines = [*text.lines(config, day, sums.of(day), blocks, colour)]
    if book.simulated:
        lines.insert(0, "SIMULATED: a generated sun, not what happened")
    told = "\n".join([*lines, *book.notes])
    return told if blocks else told.encode("ascii", "replace").decode()


def _csv(config: Config, date: str, now: Now) -> str:
    book = books.load(config, now.wall, sums=False)
    date = date or book.today
    columns, rows = history.merged(book.records(date))
    rows = [cells for cells in rows if cells[0].startswith(date)]
    if not rows:
        raise Fault(f"nothing is recorded of {date}")
    return history.written(columns, rows).rstrip("\n")


def _json(book: books.Book, day: Day, now: Now) -> str:
    """The day for other programs; null is what is not known."""
    import json

    from ..report import page, words
    from .shown import view

    day_sum = sums.of(day)
    switches = [
        {name: value for name, value in vars(switch).items() if name != "minute"}
        | {"time": days.clock(switch.minute)}
        for switch in day.switches
    ]
    relays = [
        {"relay": name, "hours": round(on, 3), "starts": starts, "Wh": wh}
        for name, on, starts, wh in words.relays(book.config, day_sum)
    ]
    parts = {"day": {**vars(day_sum), "relays": relays}, "switches": switches, "simulated": book.simulated}
    if not book.simulated:
        parts["now"] = page.states(view(book.config, now))
    return json.dumps({**parts, "notes": book.notes}, ensure_ascii=False)
