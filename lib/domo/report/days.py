"""One recorded day, read: the readings minute by minute, and what each relay did and why.

Moments are minutes of the day by the clock on the wall, as the people in the house saw it; durations are
seconds of real time.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..core.history import ON
from ..core.model import FORCED_OFF, FORCED_ON, MODE_WORDS, STAGES
from ..core.records import dataclass
from ..stores import history
from .pieces import AUTO, FORCED, HELD, OFF, SHUT, Piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GAP = 180.0  # s without a line: after that nothing is known
LAST = 60.0  # s that the newest line stands for
SANE = 1e9  # W, V, %...: no reading of a house is greater, so one that is says nothing
LIMITED = "1"  # of MPPT: voltage or current limited; 2: it tracks the maximum (VE.Direct protocol)
_ALIKE = re.compile(r"[\d.]+")  # what may differ in reasons that count as the same

Numbers = list["float | None"]


@dataclass(frozen=True)
class Switch:
    """A relay went on or off: the minute of the day, the relay, its new state and mode, and why; and the
    battery's charge (%) and the panels' watts at that moment."""

    minute: float
    relay: int
    state: int
    mode: str
    why: str
    soc: float | None
    panels: float | None


class Day:
    """A day (YYYY-MM-DD) as recorded. Lists with an item for each line: `minutes` of the day, `lasts` (s for
    which it holds), the battery's charge `soc` (%), and in watts `panels`, `battery` (negative: it gives) and
    `house`; the charge's `stage`, whether the panels were `held` back. Then the pieces of each relay, all
    `switches`, and what ticks found `wrong`, with the minute at which it began."""

    def __init__(self, date: str) -> None:
        self.date = date
        self.minutes: list[float] = []
        self.lasts: list[float] = []
        self.soc: Numbers = []
        self.panels: Numbers = []
        self.battery: Numbers = []
        self.house: Numbers = []
        self.stage: list[str] = []
        self.held: list[bool] = []
        self.relays: dict[int, list[Piece]] = {}
        self.switches: list[Switch] = []
        self.wrong: list[tuple[float, str]] = []


def read(date: str, texts: Iterable[str]) -> Day:
    """The day that these records tell of, as far as they make sense; lines of other days are left out."""
    return made(date, *history.merged(texts))


def made(date: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Day:
    """The day from its rows, which may be in any order, because a clock may have jumped."""
    dated: dict[float, Sequence[str]] = {}
    minutes: dict[float, float] = {}
    for cells in rows:
        if cells[0][:10] == date:
            try:
                when = datetime.fromisoformat(cells[0])
                moment = when.timestamp()
            except (ValueError, OverflowError):
                continue
            dated[moment], minutes[moment] = cells, when.hour * 60 + when.minute + when.second / 60
    day, times = Day(date), sorted(dated)
    if not times:
        return day
    told = dict(zip(columns, zip(*map(dated.__getitem__, times), strict=True), strict=True))
    day.minutes = [minutes[moment] for moment in times]
    day.lasts = [
        LAST if after - before > GAP else after - before
        for before, after in zip(times, [*times[1:], times[-1] + LAST], strict=True)
    ]
    _readings(day, told)
    for name in told:
        if match := re.fullmatch(r"(relay(\d{1,4}))\.state", name):
            _track(day, int(match[2]), match[1], told)
    day.relays = dict(sorted(day.relays.items()))
    day.switches.sort(key=lambda switch: switch.minute)
    _wrong(day, told.get("wrong", ()))
    return day


def _readings(day: Day, told: Mapping[str, Sequence[str]]) -> None:
    def columns(value: str) -> list[Sequence[str]]:
        return [column for name, column in told.items() if "." in name and name.rpartition(".")[2] == value]

    def last(value: str) -> Numbers:
        """Of several devices that report a value the last one counts, as in PvMonit."""
        return _first(list(map(_numbers, reversed(columns(value)))), len(day.minutes))

    day.soc, day.battery = last("SOC"), last("P")
    each = [_numbers(column) for column in columns("PPV")]
    sums = [
        sum(n for n in row if n is not None) if any(n is not None for n in row) else None
        for row in zip(*each, strict=True)
    ]
    day.panels = _first([last("PPVT"), sums] if sums else [last("PPVT")], len(day.minutes))
    between = [
        None if sun is None or charge is None else sun - charge
        for sun, charge in zip(day.panels, day.battery, strict=True)
    ]
    day.house = _first([last("CONSO"), between], len(day.minutes))
    stages = columns("CS") or [[""] * len(day.minutes)]
    fullest = {words: _stage(words) for words in set(zip(*stages, strict=True))}
    day.stage = [fullest[words] for words in zip(*stages, strict=True)]
    trackers = columns("MPPT") or [[""] * len(day.minutes)]
    day.held = [
        LIMITED in words if any(words) else stage in STAGES["absorption_or_float"]
        for words, stage in zip(zip(*trackers, strict=True), day.stage, strict=True)
    ]


def _stage(words: Sequence[str]) -> str:
    """The fullest of what the regulators say."""
    for stage in ("Float", "Absorption"):
        if any(word.startswith(stage) for word in words):
            return stage
    return next(filter(None, words), "")


def _numbers(column: Sequence[str]) -> Numbers:
    numbers: dict[str, float | None] = {}
    for text in set(column):
        try:
            number = float(text)
            numbers[text] = number if -SANE < number < SANE else None
        except ValueError:
            numbers[text] = None
    return [numbers[text] for text in column]


def _first(lists: list[Numbers], count: int) -> Numbers:
    """At each place the first of these lists that has a number there."""
    if len(lists) == 1:
        return lists[0]
    return [next((n for n in row if n is not None), None) for row in zip(*lists, strict=True)] or [
        None
    ] * count


def _track(day: Day, relay: int, name: str, told: Mapping[str, Sequence[str]]) -> None:
    """Fills in the pieces of a relay, and its switches."""
    nothing = ("",) * len(day.minutes)
    modes, states, wishes, reasons = (
        told.get(f"{name}.{what}", nothing) for what in ("mode", "state", "wanted", "why")
    )
    pieces: list[Piece] = []
    piece, key, alike, before = None, ("", "", ""), "", ""
    for n, state in enumerate(states):
        now, minute, lasts = (modes[n], state, wishes[n]), day.minutes[n], day.lasts[n]
        if state not in ("0", "1"):  # it was not a relay then, or the line is torn
            piece, before = None, ""
            continue
        same = not reasons[n] or _ALIKE.sub("N", reasons[n]) == alike
        if piece and same and now == key and abs(minute - piece.end) < 1:
            piece.end, piece.seconds = minute + lasts / 60, piece.seconds + lasts
            continue
        why = reasons[n] or (pieces[-1].why if pieces else "")
        key, alike = now, _ALIKE.sub("N", why)
        piece = Piece(minute, minute + lasts / 60, lasts, _kind(*now), why)
        pieces.append(piece)
        if before and state != before:
            mode = MODE_WORDS[int(modes[n])] if modes[n] in ("0", "1", "2", "3") else "no mode"
            day.switches.append(Switch(minute, relay, int(state), mode, why, day.soc[n], day.panels[n]))
        before = state
    day.relays[relay] = pieces


def _kind(mode: str, state: str, wanted: str) -> str:
    if state == str(ON):
        return FORCED if mode == str(FORCED_ON) else AUTO
    return SHUT if mode == str(FORCED_OFF) else HELD if wanted == "1" else OFF


def throttled(day: Day) -> list[Piece]:
    """The times in which the panels were held back, and in which stage of the charge."""
    pieces: list[Piece] = []
    for minute, lasts, held, stage in zip(day.minutes, day.lasts, day.held, day.stage, strict=True):
        last = pieces[-1] if pieces else None
        if held and last and last.why == stage and abs(minute - last.end) < 1:
            last.end, last.seconds = minute + lasts / 60, last.seconds + lasts
        elif held:
            pieces.append(Piece(minute, minute + lasts / 60, lasts, HELD, stage))
    return pieces


def _wrong(day: Day, column: Sequence[str]) -> None:
    before = ""
    for minute, text in zip(day.minutes, column, strict=False):
        alike = text and _ALIKE.sub("N", text)
        if alike and alike != before:
            day.wrong.append((minute, text))
        before = alike


def clock(minute: float) -> str:
    """A minute of the day as people write it."""
    return f"{int(minute) // 60 % 24:02}:{int(minute) % 60:02}"


def earlier(date: str, count: int) -> str:
    """The day that is this many days before another (YYYY-MM-DD)."""
    return (datetime.fromisoformat(date) - timedelta(days=count)).date().isoformat()


def asked(word: str | None, today: str) -> str:
    """The day (YYYY-MM-DD) that a person means by YYYY-MM-DD, MM-DD (the last one) or yesterday; "" for today
    or None. Raises ValueError."""
    if word in (None, "today"):
        return ""
    if word == "yesterday":
        return earlier(today, 1)
    whole = word or ""
    if re.fullmatch(r"\d\d-\d\d", whole):
        whole = f"{int(today[:4]) - (whole > today[5:])}-{whole}"
    try:
        if not re.fullmatch(history.DATE, whole) or whole < "1970":
            raise ValueError
        return earlier(whole, 0)
    except ValueError:
        wants = "YYYY-MM-DD from 1970 on, MM-DD, today or yesterday"
        raise ValueError(f"the day wants {wants}, not {word!r}") from None
