"""The plant that ships: panels, a regulator by its manual, a battery, an inverter, a house, and loads.

It is driven like any other plant, see docs/plant.md: `reading(when)` says what the monitors show,
`minute(when, states)` lets a minute go by. Watts, watt-hours, volts; charge from 0 to 1.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple, Protocol

from ..stores import plant_keys
from . import battery, loads
from .sky import DAY, MINUTES, Panels, Place

NIGHT = 0.003  # of the panels' peak: below it the regulator is off
REBULK = 0.2  # V below float, of a 24 V battery, at which the regulator begins anew
CHARGED = (0.04, 3)  # of the capacity in current, and minutes, after which a monitor says 100 %
CS = {"Off": "0", "Low power": "1", "Fault": "2", "Bulk": "3", "Absorption": "4", "Float": "5"}  # VE.Direct


class Light(Protocol):
    """Where the sun comes from."""

    def watts(self, wall: float) -> float:
        """What the panels could give in the minute from `wall` (epoch s) on (W)."""


class Flow(NamedTuple):
    """What flowed in a minute (W), and what it left."""

    soc: float  # the battery's charge after it, 0 to 1
    stage: str = "Off"  # the regulator's
    sun: float = 0.0  # what the panels could give
    panels: float = 0.0  # what they gave
    load: float = 0.0  # of house, inverter and relays
    power: float = 0.0  # into the battery, negative out of it
    stored: float = 0.0  # what its charge changed by
    throttled: bool = False  # the panels were held back
    dark: bool = False  # the house was, because the battery was empty
    volts: float = 24.0
    watts: Mapping[int, float] = {}  # of each relay that was on


class Plant:
    """The plant of a configuration: its section `plant`, its loads by relay; with a seed, a charge (0 to 1)
    and a sun."""

    def __init__(
        self, settings: Mapping[str, Any], relays: dict[int, loads.Load], seed: int, soc: float, light: Light
    ) -> None:
        self.settings, self.loads, self.seed = settings, relays, seed
        self.zone = -time.timezone  # s that winter time is ahead of universal time
        self.peak = sum(field.peak for field in fields(settings))
        self.light = light
        self.kind, self.wh = battery.KINDS[settings["chemistry"]], float(settings["battery"])
        self.system = plant_keys.blocks(settings["float"]) / 2  # times 24 V
        self.absorption: float = settings["absorption"] / self.system
        self.float: float = settings["float"] / self.system
        self.house = lru_cache(2)(self._house)
        self.flow = Flow(soc, volts=battery.rest(self.kind, soc))
        self.shown = soc  # what the battery monitor believes
        self.absorbed = self.sagging = self.tailing = 0  # minutes

    def minute(self, when: float, states: Mapping[int, int]) -> Flow:
        """Lets the minute from `when` (epoch s) on go by, with relays in these states (1 is on)."""
        kind, wh, before, soc = self.kind, self.wh, self.flow, self.flow.soc
        sun = self.light.watts(when)
        day, second = divmod(when + self.zone, DAY)
        day, minute = int(day), int(second // 60)
        dark = soc < (battery.BACK if before.dark else battery.CUT_OFF)
        wanted = {}  # by those that are on
        for relay, consumer in self.loads.items():
            on = states.get(relay) == 1
            watts = consumer.wants(day, minute, on and not dark)
            if on:
                wanted[relay] = watts
        load = 0.0 if dark else self.house(day)[minute] + sum(wanted.values())
        stage = self._stage(before, sun)
        if stage == "Off":
            sun = 0.0
        takes = wh * self._share(stage, soc)
        panels = min(sun, load + takes)
        power = panels - load
        if -power / kind.giving > 60 * wh * soc:  # even this minute is more than what is left
            load, dark, wanted = 0.0, True, dict.fromkeys(wanted, 0.0)
            panels = power = min(sun, takes)
        stored = power * kind.charging if power > 0 else power / kind.giving
        stored = min(stored, 60 * wh * (1 - soc))
        soc += stored / 60 / wh
        for relay, watts in wanted.items():
            if watts > 0:
                self.loads[relay].takes(watts)
        throttled = panels < sun - 1e-9
        volts = self._volts(stage, before.soc, power, throttled) * self.system
        self.flow = Flow(soc, stage, sun, panels, load, power, stored, throttled, dark, volts, wanted)
        self._count()
        return self.flow

    def _share(self, stage: str, soc: float) -> float:
        """What the battery takes in that stage, as a share of its Wh in an hour."""
        takes, resting = battery.accepts(self.kind, soc), battery.rest(self.kind, soc)
        if stage == "Float":
            return max(self.kind.trickle, takes * (self.float - resting) / (self.absorption - resting))
        return takes

    def _volts(self, stage: str, soc: float, power: float, throttled: bool) -> float:
        """The voltage (V, of a 24 V battery) while `power` (W) flows into a battery of that charge."""
        resting = battery.rest(self.kind, soc)
        held = self.float if stage == "Float" else self.absorption
        if throttled and power >= 0:
            return held
        if power > 0:
            share = power / (self.wh * battery.accepts(self.kind, soc))
            return min(held, resting + (self.absorption - resting) * share)
        return max(battery.LOWEST, resting + self.kind.drop * power / self.wh)

    def _stage(self, before: Flow, sun: float) -> str:
        """The regulator's stage in this minute, by what it saw in the last one."""
        stage = before.stage
        if sun < NIGHT * self.peak:
            self.absorbed = self.sagging = 0
            return "Off"
        if stage == "Off" or self.sagging >= 1 and stage != "Bulk":
            self.sagging = 0
            return "Bulk"
        if stage == "Bulk" and before.throttled and before.power > 0:
            stage = "Absorption"
        if stage == "Absorption":
            self.absorbed += 1
            over = 60 * self.absorbed > self.settings["absorptionTime"]
            if over or before.throttled and before.power <= self.kind.tail * self.wh and self.absorbed > 1:
                return "Float"
        return stage

    def _count(self) -> None:
        """Updates what regulator and battery monitor remember."""
        flow, wh = self.flow, self.wh
        held = flow.stage in ("Absorption", "Float")
        sags = held and flow.volts / self.system < self.float - REBULK
        self.sagging = self.sagging + 1 if sags else 0
        counted = flow.power * (self.kind.counted if flow.power > 0 else 1 / self.kind.giving)
        self.shown = min(1.0, max(0.0, self.shown + counted / 60 / wh))
        current, minutes = CHARGED
        full = held and flow.throttled and 0 <= flow.power < current * wh
        self.tailing = self.tailing + 1 if full else 0
        if self.tailing >= minutes:
            self.shown = 1.0

    def _house(self, day: int) -> list[float]:
        """What house and inverter draw, each minute of a local day (W)."""
        random = Random(f"{self.seed} {day} house")
        hours, idle = self.settings["house"], self.settings["idle"]
        return [idle + hours[m // 60] * max(0.2, random.gauss(1, 0.12)) for m in range(MINUTES)]

    def reading(self, when: float) -> dict[str, dict[str, str]]:
        """What the monitors show: device by device, value by value, as PvMonit writes them. The last digit
        of a voltage flickers, or a dark house would look like a monitor that hangs."""
        flow = self.flow
        flicker = 0.005 * (int(when / 60) * 7919 % 3 - 1)
        volts, panels, power = f"{flow.volts + flicker:.2f}", f"{flow.panels:.0f}", f"{flow.power:.0f}"
        mppt = "1" if flow.throttled else "2" if flow.sun else "0"
        regulator = {
            "V": volts,
            "I": f"{flow.panels / flow.volts:.1f}",
            "PPV": panels,
            "CS": flow.stage,
            "MPPT": mppt,
        }
        monitor = {
            "V": volts,
            "I": f"{flow.power / flow.volts:.3f}",
            "P": power,
            "SOC": f"{100 * self.shown:.1f}",
        }
        return {
            "Regulator": regulator,
            "Battery": monitor,
            "Sums": {"PPVT": panels, "CONSO": f"{flow.load:.0f}"},
        }


def fields(settings: Mapping[str, Any]) -> tuple[Panels, ...]:
    """The fields of modules; without an azimuth they look to the equator."""
    equator = 180.0 if settings["latitude"] >= 0 else 0.0
    return tuple(Panels(peak, tilt, equator if at is None else at) for peak, tilt, at in settings["panels"])


def place(settings: Mapping[str, Any]) -> Place:
    """Where the plant is; without a longitude where the sun is highest at 12:00 of winter time."""
    longitude = settings["longitude"]
    return Place(settings["latitude"], -time.timezone / 240 if longitude is None else longitude)
