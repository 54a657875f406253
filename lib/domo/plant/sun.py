"""A generated sky, and a small solar plant under it: panels, a regulator, a lead battery, a house.

Pure functions of a seed, so that a day is the same day each time. It is simple on purpose, and is not
a yield forecast: what matters is that clouds come, that the regulator holds the panels back when the
battery is full, and that somebody pays for every load. Watts, watt-hours and minutes throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import cos, pi, radians, sin
from random import Random

from ..core.model import Value

MINUTES = 1440  # of a day
NIGHT = 0.003  # of the panels' peak: below it the regulator is off
FULL_CHARGE = 0.25  # of the battery's Wh in an hour: what it takes in bulk
TRICKLE = 0.004  # ... and what a full one takes
TAIL = 0.02  # ... at which absorption is over
KEPT = 0.9  # of what is charged
CS = {"Off": "0", "Bulk": "3", "Absorption": "4", "Float": "5"}  # VE.Direct's numbers


@dataclass(frozen=True)
class Plant:
    """What is built: `latitude` (degrees), `panels` (W peak, tilted at the latitude towards the
    equator), `battery` (Wh), `house` (W that is always drawn, on average), and the weather's seed."""

    latitude: float = 47
    panels: float = 1000
    battery: float = 5000
    house: float = 60
    seed: int = 1


@dataclass(frozen=True)
class Flow:
    """What flows: `sun` (W that the panels could give), `panels` (W that they give), `power` (W into the
    battery, negative out of it); the battery's charge, `soc` (0 to 1); the regulator's `stage`, and for
    how many minutes that has been absorption, and the battery has been paying."""

    soc: float
    stage: str = "Off"
    sun: float = 0
    panels: float = 0
    power: float = 0
    absorbing: int = 0
    paying: int = 0

    @property
    def throttled(self) -> bool:
        """Whether the regulator holds the panels back."""
        return self.panels < self.sun


def clear_sky(day: int, hour: float, latitude: float) -> float:
    """What panels give under a clear sky, as a share of their peak, on that day of the year at that
    hour of solar time. Declination by Cooper (1969); beam through the air by Meinel (1976), and a
    tenth of it as light from the sky."""
    if latitude < 0:
        day, latitude = day + 183, -latitude
    declination = radians(23.45) * sin(2 * pi * (284 + day) / 365)
    angle = radians(15 * (hour - 12))
    height = sin(radians(latitude)) * sin(declination) + cos(radians(latitude)) * cos(declination) * cos(
        angle
    )
    if height <= 0:
        return 0.0
    beam: float = 1.353 * 0.7 ** (height**-0.678)
    return min(1.0, 0.85 * beam * (max(0.0, cos(declination) * cos(angle)) + 0.1))  # 0.85: heat, dust, cables


@lru_cache(1)
def weather(seed: int, day: int) -> list[tuple[float, float]]:
    """For each minute of that day of the year, the share of the sun that comes through the clouds, and
    how the house's draw compares to its average."""
    random = Random(f"{seed} {day}")
    winter = 0.5 + 0.5 * cos(2 * pi * (day - 10) / 365)
    cover = random.random() ** (1.6 - winter)
    broken = 4 * cover * (1 - cover)  # half a cover of clouds changes most
    clouds, minutes = cover, []
    for minute in range(MINUTES):
        clouds += 0.03 * (cover - clouds) + random.gauss(0, 0.06) * broken
        draw = 1.7 if 18 <= minute / 60 < 23 else 1.0 if minute >= 420 else 0.7
        minutes.append((1 - 0.85 * min(1.0, max(0.0, clouds)), max(0.1, draw * random.gauss(0.94, 0.1))))
    return minutes


def taken(plant: Plant, flow: Flow) -> float:
    """What the battery takes at the voltage that its regulator holds (W)."""
    if flow.stage == "Float":
        return TRICKLE * plant.battery
    return plant.battery * max(TRICKLE, FULL_CHARGE * min(1.0, (1 - flow.soc) / 0.12))


def minute(plant: Plant, before: Flow, sun: float, load: float) -> Flow:
    """The flow of the next minute, with the sun (W) that there is and the load (W) of house and relays."""
    stage = before.stage
    if sun < NIGHT * plant.panels:
        stage, sun = "Off", 0.0
    elif stage == "Off" or before.paying >= 5:  # the voltage has fallen too far
        stage = "Bulk"
    elif stage == "Bulk" and before.throttled:
        stage = "Absorption"
    elif stage == "Absorption" and (taken(plant, before) <= TAIL * plant.battery or before.absorbing >= 180):
        stage = "Float"
    now = replace(before, stage=stage, sun=sun)
    panels = min(sun, load + taken(plant, now))
    power = panels - load
    change = power * (KEPT if power > 0 else 1) / 60 / plant.battery
    soc = min(1.0, max(0.0, before.soc + change))
    absorbing = before.absorbing + 1 if stage == "Absorption" else 0
    paying = before.paying + 1 if power < 0 else 0
    return replace(now, panels=panels, power=power, soc=soc, absorbing=absorbing, paying=paying)


def spared(plant: Plant, flow: Flow, load: float) -> float:
    """Of the watts of a load that is on, those that the panels would have been held back by without it."""
    without = min(flow.sun, flow.panels - flow.power - load + taken(plant, flow))
    return max(0.0, flow.panels - without)


def report(plant: Plant, flow: Flow, stamp: float) -> list[tuple[str, str, str, dict[str, Value]]]:
    """The flow as PvMonit tells it: a regulator, a battery monitor, and its own sums."""
    held, pushed = 27.6 if flow.stage == "Float" else 28.8, 2.4 * flow.power / (FULL_CHARGE * plant.battery)
    volts = held if flow.throttled else min(held, 24 + 1.6 * flow.soc + pushed)
    regulator = {"V": f"{volts:.2f}", "I": f"{flow.panels / volts:.1f}", "PPV": f"{round(flow.panels)}"}
    regulator |= {"CS": flow.stage, "MPPT": "1" if flow.throttled else "2" if flow.sun else "0"}
    monitor = {"V": f"{volts:.2f}", "I": f"{flow.power / volts:.3f}", "P": f"{round(flow.power)}"}
    monitor |= {"SOC": f"{100 * flow.soc:.1f}"}
    sums = {"PPVT": regulator["PPV"], "CONSO": f"{round(flow.panels - flow.power)}"}
    return [
        (
            name.lower(),
            name,
            f"{stamp:.0f}",
            {key: Value(text, CS.get(text, text)) for key, text in values.items()},
        )
        for name, values in (("Regulator", regulator), ("Battery", monitor), ("Sums", sums))
    ]
