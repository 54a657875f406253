"""One recorded day, read: the readings minute by minute, and what each relay did and why.

Pure, but for the files that a day is read from. Moments are minutes of the day by the clock on the wall
(so that a curve is labelled as its people saw it), durations are seconds of real time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..core.model import FORCED_OFF, FORCED_ON, MODE_WORDS, ON, STAGES
from ..stores import history

GAP = 180.0  # s without a line, then nobody knows
LAST = 60.0  # s that the newest line stands for
OFF_, AUTO, FORCED, SHUT, HELD = "off", "auto on", "forced on", "forced off", "held back"
KINDS = (AUTO, FORCED, HELD, SHUT, OFF_)
LIMITED = "1"  # of MPPT: voltage or current limited (VE.Direct protocol, 2 is: tracks the maximum)

_ALIKE = re.compile(r"[\d.]+")  # what may differ in a reason that is the same

Numbers = list[float | None]


@dataclass
class Piece:
    """A time in which a relay was in one of KINDS for one reason; minutes of the day, and how long (s)."""

    start: float
    end: float
    seconds: float
    kind: str
    why: str


@dataclass(frozen=True)
class Switch:
    """That a relay went on or off: the minute of the day, the relay, its state and mode then, and why;
    and the battery's charge (%) and the panels' watts at that moment."""

    minute: float
    relay: int
    state: int
    mode: str
    why: str
    soc: float | None
    panels: float | None


@dataclass
class Day:
    """A day (YYYY-MM-DD) as recorded, a place of each list for a line: `minutes` of the day, `lasts` (s
    until the next line, or until nobody knows), the battery's charge `soc` (%), and in watts `panels`,
    `battery` (negative: it gives) and `house`; the charge's `stage`, whether the panels were `held` back."""

    date: str
    minutes: list[float] = field(default_factory=list)
    lasts: list[float] = field(default_factory=list)
    soc: Numbers = field(default_factory=list)
    panels: Numbers = field(default_factory=list)
    battery: Numbers = field(default_factory=list)
    house: Numbers = field(default_factory=list)
    stage: list[str] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    relays: dict[int, list[Piece]] = field(default_factory=dict)
    switches: list[Switch] = field(default_factory=list)
    wrong: list[tuple[float, str]] = field(default_factory=list)  # what ticks found wrong, when it began


def read(date: str, texts: Iterable[str]) -> Day:
    """The day that these records tell of, as far as they make sense; lines of other days are left out."""
    columns, found = history.merged(texts)
    return made(date, columns, found)


def made(date: str, columns: Sequence[str], found: Iterable[Sequence[str]]) -> Day:
    """The day from its rows, in whatever order a clock that jumped left them."""
    dated: dict[float, Sequence[str]] = {}
    for cells in found:
        if cells[0].startswith(date):
            try:
                dated[datetime.fromisoformat(cells[0]).timestamp()] = cells
            except (ValueError, OverflowError):
                continue
    times = sorted(dated)
    lines = [dated[moment] for moment in times]
    day = Day(date)
    day.minutes = [
        int(c[0][11:13]) * 60 + int(c[0][14:16]) + int(c[0][17:19] or 0) / 60 if len(c[0]) > 18 else 0.0
        for c in lines
    ]
    day.lasts = [
        LAST if after - before > GAP else after - before
        for before, after in zip(times, [*times[1:], times[-1] + LAST] if times else [], strict=True)
    ]
    _readings(day, columns, lines)
    for relay, mode, state, wanted, why in _relays(columns):
        _track(day, relay, lines, (mode, state, wanted, why))
    day.switches.sort(key=lambda switch: switch.minute)
    _wrong(day, columns, lines)
    return day


def _readings(day: Day, columns: Sequence[str], lines: list[Sequence[str]]) -> None:
    def places(value: str) -> list[int]:
        return [n for n, name in enumerate(columns) if name.rpartition(".")[2] == value and "." in name]

    def last(value: str) -> Numbers:
        """Of several devices that report a value the last one counts, as in PvMonit."""
        return [
            next((n for p in reversed(where) if (n := number(c[p])) is not None), None) if where else None
            for where in [places(value)]
            for c in lines
        ]

    day.soc, day.battery = last("SOC"), last("P")
    single, total = places("PPV"), last("PPVT")
    for n, cells in enumerate(lines):
        given = [w for p in single if (w := number(cells[p])) is not None]
        day.panels.append(total[n] if total[n] is not None else sum(given) if given else None)
    for draw, sun, charge in zip(last("CONSO"), day.panels, day.battery, strict=True):
        known = draw is not None or sun is None or charge is None
        day.house.append(draw if known else sun - charge)
    stages, trackers = places("CS"), places("MPPT")
    for cells in lines:
        words = [cells[p] for p in stages]
        full = [w for w in words if w.startswith(STAGES["absorption_or_float"])]
        stage = "Float" if any(w.startswith("Float") for w in full) else "Absorption" if full else ""
        day.stage.append(stage or next(filter(None, words), ""))
        told = [cells[p] for p in trackers if cells[p]]
        day.held.append(LIMITED in told if told else bool(stage))


def number(text: str) -> float | None:
    """The text as a finite number, None if it is none."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if found - found == 0 else None


def _relays(columns: Sequence[str]) -> list[tuple[int, int | None, int, int | None, int | None]]:
    """Each relay that has a state, with the places of its mode, state, wanted and why."""
    place = {name: n for n, name in enumerate(columns)}
    found = []
    for name, state in place.items():
        if match := re.fullmatch(r"relay(\d{1,4})\.state", name):
            mode, wanted, why = (place.get(f"relay{match[1]}.{what}") for what in ("mode", "wanted", "why"))
            found.append((int(match[1]), mode, state, wanted, why))
    return sorted(found)


def _track(
    day: Day, relay: int, lines: list[Sequence[str]], places: tuple[int | None, int, int | None, int | None]
) -> None:
    """Fills in the pieces of a relay, and its switches."""
    mode_at, state_at, wanted_at, why_at = places
    pieces: list[Piece] = []
    why, key, before = "", ("", ""), ""
    for n, cells in enumerate(lines):
        state, mode = cells[state_at], "" if mode_at is None else cells[mode_at]
        if state not in ("0", "1"):  # it was not a relay then, or the line is torn
            before, key = "", ("", "")
            continue
        why = (why_at is not None and cells[why_at]) or why
        kind = _kind(mode, state, wanted_at is not None and cells[wanted_at] == "1")
        minute, lasts = day.minutes[n], day.lasts[n]
        last, was, key = pieces[-1] if pieces else None, key, (kind, _ALIKE.sub("N", why))
        if last and was == key and abs(minute - last.end) < 1:
            last.end, last.seconds = minute + lasts / 60, last.seconds + lasts
        else:
            pieces.append(Piece(minute, minute + lasts / 60, lasts, kind, why))
        if before and state != before:
            words = MODE_WORDS[int(mode)] if mode in ("0", "1", "2", "3") else "no mode"
            day.switches.append(Switch(minute, relay, int(state), words, why, day.soc[n], day.panels[n]))
        before = state
    day.relays[relay] = pieces


def _kind(mode: str, state: str, wanted: bool) -> str:
    if state == str(ON):
        return FORCED if mode == str(FORCED_ON) else AUTO
    return SHUT if mode == str(FORCED_OFF) else HELD if wanted else OFF_


def _wrong(day: Day, columns: Sequence[str], lines: list[Sequence[str]]) -> None:
    if "wrong" not in columns:
        return
    place, before = columns.index("wrong"), ""
    for n, cells in enumerate(lines):
        alike = _ALIKE.sub("N", cells[place])
        if alike and alike != before:
            day.wrong.append((day.minutes[n], cells[place]))
        before = alike


def thinned(pieces: list[Piece], limit: int) -> list[Piece]:
    """At most about so many pieces: those of a kind that follow each other become one; if there are still
    too many, the kind that lasted longest stands for a share of the day."""
    if len(pieces) <= limit:
        return pieces
    found = _joined(pieces, lambda one, other: one.kind == other.kind)
    if len(found) <= limit:
        return found
    share = 1440 / limit
    return _joined(found, lambda one, other: int(one.start / share) == int(other.start / share))


def _joined(pieces: list[Piece], alike: Callable[[Piece, Piece], bool]) -> list[Piece]:
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if last and abs(piece.start - last.end) < 1 and alike(last, piece):
            longer = piece if piece.seconds > last.seconds else last
            more = longer.why if longer.why.endswith(" ...") else f"{longer.why} ..."
            found[-1] = Piece(last.start, piece.end, last.seconds + piece.seconds, longer.kind, more)
        else:
            found.append(piece)
    return found


def clock(minute: float) -> str:
    """A minute of the day as people write it."""
    return f"{int(minute) // 60 % 24:02}:{int(minute) % 60:02}"


def earlier(date: str, count: int) -> str:
    """The day so many days before another (YYYY-MM-DD)."""
    return (datetime.fromisoformat(date) - timedelta(days=count)).strftime("%Y-%m-%d")
