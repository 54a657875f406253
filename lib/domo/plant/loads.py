"""What loads do: a constant one, a programme, a thermostat, a charger that tapers, a pump with its sump.

Each minute a load is asked for the watts it `wants`, and if it gets them it `takes` them. What people
ask of it comes in whether or not it runs: `asked` and `served` count it in Wh, `missed` in its `unit`.
`inflow`, `cap`, `rate` and `leak` tell the same to the bound, which knows everything beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FOLLOWS = 5.0  # minutes of water at which the float switch of a pump closes
AGAIN = 0.9  # of a thermostat's store: below this it heats again
TAPERS = 0.2  # of a charger's store: when less than this is missing, its current falls
TRICKLES = 0.05  # of its power: below this it ends
HOME = 18 * 60  # minute of the day at which what is to be charged is plugged in
TAPS = (7 * 60, 19 * 60)  # minutes of the day at which `use` is drawn from a store, for an hour each
BACKLOG = 2  # programmes that wait at most: a third basket of laundry goes elsewhere


class Load:
    """A load that draws its watts whenever it is on, and is never done."""

    unit = ""
    leak = 0.0  # of what is stored: what is lost in a minute

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.rate = float(settings.get("watt", 0.0))  # W at most
        self.cap = float("inf")  # the most that it can ever take at once (Wh)
        self.room = float("inf")  # Wh that it could take now
        self.asked = self.served = self.missed = 0.0

    def wants(self, day: int, minute: int, on: bool) -> float:
        """What it would draw in this minute (W); `day` since 1970 and `minute` are local winter time."""
        return self.rate if on else 0.0

    def takes(self, watts: float) -> None:
        """Gives it these watts for a minute."""

    def inflow(self, day: int, minute: int) -> float:
        """What is newly asked of it in this minute (Wh)."""
        return 0.0


class Cycle(Load):
    """A programme of steps, (watts, minutes) each, that ends by itself: a washing machine. It is wanted on
    some days a week, waits until it is switched on, and goes on where it was interrupted."""

    unit = "programmes"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.row = [watts for watts, minutes in settings["steps"] for _ in range(round(minutes))]
        self.rate, self.days, self.begins = max(self.row), settings["days"], int(60 * settings["from"])
        self.energy = sum(self.row) / 60
        self.cap, self.room, self.at, self.done = BACKLOG * self.energy, 0.0, 0, 0

    def wants(self, day: int, minute: int, on: bool) -> float:
        if minute == self.begins and (new := self.inflow(day, minute)):
            self.asked += new
            if self.room + new > self.cap + 1e-6:
                self.missed += 1
            else:
                self.room += new
        if not on or self.room <= 1e-6 and not self.at:
            return 0.0
        watts: float = self.row[self.at]
        if not watts:  # a pause, which nothing need be given for
            self._goes_on()
        return watts

    def takes(self, watts: float) -> None:
        self.served += watts / 60
        self.room -= watts / 60
        self._goes_on()

    def _goes_on(self) -> None:
        """To the next minute of the programme."""
        self.at += 1
        if self.at == len(self.row):
            self.at, self.done = 0, self.done + 1
            self.room = self.energy * round(self.room / self.energy)

    def inflow(self, day: int, minute: int) -> float:
        return self.energy if minute == self.begins and wanted(day, self.days) else 0.0


class Thermostat(Load):
    """A store of heat or cold: it calls until satisfied, and loses what it holds. `use` is drawn from it
    each day, in the morning and in the evening."""

    unit = "Wh"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.cap = self.room = float(settings["store"])
        self.leak = settings["loss"] / 60 / self.cap
        self.use, self.calls = settings["use"] / 120, True  # Wh a minute while it is drawn

    def wants(self, day: int, minute: int, on: bool) -> float:
        held = self.cap - self.room
        if self.use and (drawn := self.inflow(day, minute)):
            given = min(drawn, held)
            self.asked += drawn
            self.served += given
            self.missed += drawn - given
            held -= given
        self.room = self.cap - held * (1 - self.leak)
        if self.room > (1 - AGAIN) * self.cap:
            self.calls = True
        return min(self.rate, 60 * self.room) if on and self.calls else 0.0

    def takes(self, watts: float) -> None:
        self.room -= watts / 60
        if self.room < 1e-6:
            self.room, self.calls = 0.0, False

    def inflow(self, day: int, minute: int) -> float:
        return self.use if TAPS[0] <= minute < TAPS[0] + 60 or TAPS[1] <= minute < TAPS[1] + 60 else 0.0


class Charger(Load):
    """Batteries of tools or bicycles that come home empty in the evening; the current falls at the end."""

    unit = "Wh"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.cap, self.days = float(settings["store"]), settings["days"]
        self.room = self.asked = self.cap if self.days else 0.0  # of the evening before

    def wants(self, day: int, minute: int, on: bool) -> float:
        if minute == HOME and (new := self.inflow(day, minute)):
            self.asked += new
            self.missed += max(0.0, self.room + new - self.cap)
            self.room = min(self.cap, self.room + new)
        if not on or self.room <= 0:
            return 0.0
        return min(self.rate * min(1.0, self.room / (TAPERS * self.cap)), 60 * self.room)

    def takes(self, watts: float) -> None:
        self.served += watts / 60
        self.room -= watts / 60
        if self.room <= TRICKLES * TAPERS * self.cap:
            self.room = 0.0

    def inflow(self, day: int, minute: int) -> float:
        return self.cap if minute == HOME and wanted(day, self.days) else 0.0


class Pump(Load):
    """A pump with a sump that fills, or, which is the same the other way round, a tank that is emptied:
    `minutes` of pumping come in each day, the `tank` holds that many, and what does not fit is missed."""

    unit = "minutes"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.by_day, self.by_night = settings["minutes"] * 1.42 / 1440, settings["minutes"] * 0.3 / 1440
        self.minute = self.rate / 60  # Wh
        self.cap = settings["tank"] * self.minute
        self.room, self.runs = self.cap / 2, False

    def wants(self, day: int, minute: int, on: bool) -> float:
        new = self.inflow(day, minute)
        self.asked += new
        self.room += new
        if self.room > self.cap:
            self.missed += (self.room - self.cap) / self.minute if self.minute else 0
            self.room = self.cap
        self.runs = on and (
            self.room >= self.minute if self.runs else self.room >= min(self.cap, FOLLOWS * self.minute)
        )
        return self.rate if self.runs else 0.0

    def takes(self, watts: float) -> None:
        self.served += watts / 60
        self.room -= watts / 60

    def inflow(self, day: int, minute: int) -> float:
        of_day: float = self.by_day if 420 <= minute < 1320 else self.by_night
        return self.minute * of_day


def wanted(day: int, days: float) -> bool:
    """Whether that day is one of the `days` a week, which are spread evenly."""
    return int((day + 1) * days / 7) > int(day * days / 7)


KINDS: dict[str, type[Load]] = {
    "constant": Load, "cycle": Cycle, "thermostat": Thermostat, "charger": Charger, "pump": Pump
}  # fmt: skip


def made(loads: Mapping[int, Mapping[str, Any]], watts: Mapping[int, float]) -> dict[int, Load]:
    """The loads by relay: those of `relayLoad`; the others draw what `relayWatt` says, all the time."""
    plain = {relay: {"kind": "constant", "watt": watt} for relay, watt in watts.items()}
    return {relay: KINDS[load["kind"]](load) for relay, load in sorted({**plain, **loads}.items())}
