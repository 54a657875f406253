"""The sun by a file of hours: a CSV of PVGIS, or of another service that names its columns.

What the panels give is a column `P` (W), or follows from the light on their plane (`G(i)`, `poa`) or on
level ground (`G(h)` or `ghi`, with `Gb(n)`/`dni` and `Gd(h)`/`dhi` if they are there), in W/m². Between two
hours it is interpolated.
"""

from __future__ import annotations

import csv
import re
import time
from bisect import bisect_right
from calendar import isleap
from collections import defaultdict
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn

from . import sky
from .foreign import PlantError
from .sky import DAY, Panels, Place

COLUMNS = {
    "power": ("p", "power", "watts"),
    "plane": ("g(i)", "poa", "poa_global"),
    "light": ("g(h)", "ghi"),
    "direct": ("gb(n)", "dni"),
    "diffuse": ("gd(h)", "dhi"),
    "air": ("t2m", "temp_air", "temperature"),
}
TIME = ("time", "time(utc)", "date", "datetime", "timestamp", "utc")
GAP = 3 * 3600  # s at most between two rows
BRIGHT, DIM = 1600.0, 20.0  # W/m²: no year's brightest hour is above the one or below the other
COLD, HOT = -90.0, 60.0  # °C, of the air anywhere
LIMIT = 64 << 20  # bytes


class Row(NamedTuple):
    """One line of the file: its number, its time (epoch s), its year, and its values by what they are."""

    line: int
    wall: float
    year: int
    values: dict[str, float]


class Hours:
    """The watts of the panels by the year of a file; of several years the `seed` takes one."""

    def __init__(self, path: str, place: Place, panels: tuple[Panels, ...], seed: int = 1) -> None:
        """Raises PlantError that names the line."""
        self.path, self.place, self.panels = path, place, panels
        self.peak, self.nominal = sum(field.peak for field in panels), 0.0
        self.titles: dict[str, str] = {}  # what the file calls its columns
        rows = self._one_year(self._rows(), seed)
        self._check_units(rows)
        self.when = [_of_year(row.wall) for row in rows]
        self.given = [self._watts(row) for row in rows]

    def watts(self, wall: float) -> float:
        """What the panels could give in the minute from `wall` (epoch s) on. Raises PlantError."""
        when = _of_year(wall)
        after = bisect_right(self.when, when)
        year = 365 * DAY
        low, high = self.when[after - 1] - (0 if after else year), self.when[after % len(self.when)]
        high += 0 if after < len(self.when) else year
        if high - low > GAP:
            raise PlantError(
                f"{self.path}: says nothing about {time.strftime('%d %B %H:%M', time.gmtime(wall))} UTC"
            )
        part = (when - low) / (high - low)
        return self.given[after - 1] + part * (self.given[after % len(self.given)] - self.given[after - 1])

    def _wrong(self, line: int, what: str) -> NoReturn:
        raise PlantError(f"{self.path} line {line}: {what}")

    def _rows(self) -> list[Row]:
        try:
            with open(self.path, encoding="utf-8-sig", errors="replace") as file:
                lines = file.read(LIMIT).splitlines()
        except OSError as error:
            raise PlantError(f"{self.path}: cannot be read ({error.strerror})") from None
        names: dict[int, str] = {}
        rows: list[Row] = []
        place, separator = -1, ","
        for number, text in enumerate(lines, 1):
            if not names:
                if match := re.match(r"Nominal power of the PV system.*\(kWp\):\s*(\S*)", text):
                    self.nominal = 1000 * self._number(number, match[1])
                    if not 0 < self.nominal < float("inf"):
                        self._wrong(number, f"{match[1]} is no power of panels (kWp)")
                separator = max(",;\t", key=text.count)
                titles = [title.strip() for title in self._cells(number, text, separator)]
                place = next((at for at, title in enumerate(titles) if title.lower() in TIME), -1)
                if place >= 0:
                    names = self._columns(number, titles)
                continue
            if not text.strip() and rows:
                break
            cells = self._cells(number, text, separator)
            rows.append(self._row(number, cells, place, names, separator == ";"))
        if not rows:
            raise PlantError(f"{self.path}: has no line of hours below a header with a column {TIME[0]!r}")
        return rows

    def _columns(self, line: int, titles: list[str]) -> dict[int, str]:
        """What the columns hold, by their places."""
        names: dict[int, str] = {}
        for at, title in enumerate(titles):
            for what, known in COLUMNS.items():
                if title.lower() in known:
                    if what in self.titles:
                        self._wrong(line, f"has both {self.titles[what]} and {title}; leave one of them out")
                    names[at], self.titles[what] = what, title
        if not {"power", "plane", "light"} & self.titles.keys():
            found = ", ".join(titles)
            self._wrong(line, f"has none of the columns P, G(i), poa, G(h), ghi, but {found}")
        return names

    def _cells(self, line: int, text: str, separator: str) -> list[str]:
        try:
            return next(csv.reader([text], delimiter=separator), [])
        except csv.Error as error:
            self._wrong(line, f"is no line of a CSV file ({error})")

    def _number(self, line: int, text: str, name: str = "") -> float:
        try:
            return float(text)
        except ValueError:
            self._wrong(line, f"{name} {text!r:.60} is no number".strip())

    def _row(self, line: int, cells: list[str], place: int, names: dict[int, str], comma: bool) -> Row:
        if len(cells) <= max(place, *names):
            self._wrong(line, f"has {len(cells)} columns only")
        wall = self._time(line, cells[place].strip())
        values = {}
        for at, what in names.items():
            text = cells[at].strip().replace(",", ".") if comma else cells[at].strip()
            values[what] = self._number(line, text, self.titles[what])
            if what == "air":
                if not COLD <= values[what] <= HOT:
                    self._wrong(line, f"the air is {text}: is that °C?")
            elif not values[what] >= 0:
                self._wrong(line, f"{self.titles[what]} is {text}; wants a number from 0 on")
        return Row(line, wall, time.gmtime(wall).tm_year, values)

    def _time(self, line: int, text: str) -> float:
        if match := re.fullmatch(r"(\d{4})(\d\d)(\d\d):(\d\d)(\d\d)", text):  # PVGIS's
            year, month, day, hour, minute = map(int, match.groups())
            text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}"
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self._wrong(line, f"{text!r} is no time; wants 2020-06-21T13:00, or PVGIS's 20200621:1300")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def _one_year(self, rows: list[Row], seed: int) -> list[Row]:
        """The rows of one year, in order. If the file has whole years: one of them. If it is a typical year,
        made of months of different years: all rows."""
        years: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            years[row.year].append(row)
        whole = [year for year, hours in sorted(years.items()) if len(hours) >= 0.99 * 8760]
        chosen = years[whole[(seed - 1) % len(whole)]] if whole else rows
        chosen = sorted(chosen, key=lambda row: (_of_year(row.wall), row.line))
        chosen = [row for row in chosen if time.gmtime(row.wall)[1:3] != (2, 29)]
        for before, after in zip(chosen, chosen[1:], strict=False):
            gone = _of_year(after.wall) - _of_year(before.wall)
            if gone <= 0:
                why = "are these local times, with summer time? Universal time is wanted, or with its offset"
                if after.year != before.year:
                    why = "of several years one must be whole, or only one be in the file"
                self._wrong(after.line, f"has the hour of line {before.line} again; {why}")
            if gone > GAP:
                first = after if after.line > before.line else before
                self._wrong(first.line, f"{gone / 3600:.0f} hours are missing before it")
        return chosen

    def _check_units(self, rows: list[Row]) -> None:
        for what in ("plane", "light", "direct", "diffuse"):
            most = max((row.values.get(what, 0.0) for row in rows), default=0.0)
            if most > BRIGHT or 0 < most < DIM:
                row = max(rows, key=lambda row: row.values.get(what, 0.0))
                self._wrong(row.line, f"the highest {self.titles[what]} is {most:g}: is that W/m²?")
        most = max((row.values.get("power", 0.0) for row in rows), default=0.0)
        rated = self.nominal or self.peak
        if 0 < most < 0.02 * rated or most > 2 * rated:
            row = max(rows, key=lambda row: row.values.get("power", 0.0))
            self._wrong(
                row.line,
                f"the highest {self.titles['power']} is {most:g} for panels of {rated:g} W: is that W?",
            )
        if not any(value for row in rows for what, value in row.values.items() if what != "air"):
            raise PlantError(f"{self.path}: there is no sun in it")

    def _watts(self, row: Row) -> float:
        values = row.values
        if "power" in values:
            return values["power"] * (self.peak / self.nominal if self.nominal else 1.0)
        of_year = time.gmtime(row.wall).tm_yday
        solar = row.wall % DAY / 3600 + self.place.ahead(of_year)
        air = values.get("air", sky.air(of_year, solar, self.place.latitude))
        if "plane" in values:
            return sky.power(self.peak, values["plane"], air)
        light = values["light"]
        up, east, north = sky.position(of_year, solar, self.place.latitude)
        if light <= 0 or up <= 0.02:
            return 0.0
        diffuse = values.get("diffuse", light * sky.erbs(min(1.0, light / (sky.SOLAR * up))))
        direct = values.get("direct", max(0.0, light - diffuse) / max(up, 0.05))
        total = 0.0
        for panels in self.panels:
            facing = sky.facing(panels, up, east, north)
            total += sky.power(panels.peak, sky.on_modules(panels, light, direct, diffuse, facing), air)
        return total


def _of_year(wall: float) -> float:
    """Seconds since the beginning of the year, in universal time; 29 February counts as the 28th."""
    moment = time.gmtime(wall)
    day = moment.tm_yday - 1
    if isleap(moment.tm_year) and day >= 59:
        day -= 1
    return day * DAY + wall % DAY
