"""The sums of a day, and of many: hours, starts, kWh, charge, held-back panels; and a day's means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.history import ON
from .pieces import AUTO, FORCED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..core.settings import Config
    from .days import Day, Numbers


class Sum:
    """The sums of a day, or of several. Seconds, Wh and %; `relays`: seconds on and starts; `held`: for each
    hour the minutes in which the panels were held back; `auto`: whether domo switched anything on."""

    def __init__(self, date: str = "") -> None:
        self.date = date
        self.recorded = 0.0
        self.relays: dict[int, tuple[float, int]] = {}
        self.floating = 0.0
        self.absorbing = 0.0
        self.lowest: float | None = None
        self.highest: float | None = None
        self.panels = 0.0
        self.house = 0.0
        self.held = [0.0] * 24
        self.auto = False

    @property
    def held_hours(self) -> float:
        """For how long the panels were held back (h)."""
        return sum(self.held) / 60

    def energy(self, config: Config) -> dict[int, float]:
        """The Wh of each relay that says what it draws."""
        return {
            r: seconds * config.relayWatt[r] / 3600
            for r, (seconds, _) in self.relays.items()
            if r in config.relayWatt
        }


def of(day: Day) -> Sum:
    """The sum of a day."""
    total = Sum(day.date)
    total.recorded = sum(day.lasts)
    for n, lasts in enumerate(day.lasts):
        stage = day.stage[n]
        if stage == "Float":
            total.floating += lasts
        elif stage == "Absorption":
            total.absorbing += lasts
        if day.held[n]:
            total.held[int(day.minutes[n]) // 60 % 24] += lasts / 60
        total.panels += (day.panels[n] or 0) * lasts / 3600
        total.house += (day.house[n] or 0) * lasts / 3600
    total.panels, total.house = round(total.panels, 1), round(total.house, 1)
    total.held = [min(60.0, round(minutes, 1)) for minutes in total.held]
    charges = [soc for soc in day.soc if soc is not None]
    if charges:
        total.lowest, total.highest = min(charges), max(charges)
    for relay, pieces in day.relays.items():
        seconds = sum(p.seconds for p in pieces if p.kind in (AUTO, FORCED))
        starts = sum(s.relay == relay and s.state == ON for s in day.switches)
        total.relays[relay] = (round(seconds), starts)
        total.auto |= any(p.kind == AUTO for p in pieces)
    return total


def means(day: Day, numbers: Numbers, step: int) -> Numbers:
    """The mean of each `step` minutes of the day (a divisor of 1440); None where nothing is known."""
    sums, counts = [0.0] * (1440 // step), [0] * (1440 // step)
    for minute, number in zip(day.minutes, numbers, strict=True):
        if number is not None:
            place = min(len(sums) - 1, int(minute) // step)
            sums[place] += number
            counts[place] += 1
    return [total / count if count else None for total, count in zip(sums, counts, strict=True)]


def together(sums: Iterable[Sum], date: str = "") -> Sum:
    """Several days as one."""
    total = Sum(date)
    for day in sums:
        total.recorded += day.recorded
        total.floating += day.floating
        total.absorbing += day.absorbing
        total.panels += day.panels
        total.house += day.house
        total.held = [a + b for a, b in zip(total.held, day.held, strict=True)]
        total.auto |= day.auto
        total.lowest = min((x for x in (total.lowest, day.lowest) if x is not None), default=None)
        total.highest = max((x for x in (total.highest, day.highest) if x is not None), default=None)
        for relay, (seconds, starts) in day.relays.items():
            before = total.relays.get(relay, (0, 0))
            total.relays[relay] = (before[0] + seconds, before[1] + starts)
    return total
