"""What the sun will probably still give today, and how much of it is left after battery and house. Pure.

How clear the sky is can be seen only while the panels are not held back: then their power, divided by what
they would give under a clear sky, is the *clearness*. Two are remembered, of the last minutes and of the last
hours. The estimate for now uses the first; the later the hour, the more it uses the second.

The clear sky is Haurwitz's (1945), the sun's height Cooper's (1969). Panels that are dirtier or larger than
configured change nothing, because the clearness makes up for it.
"""

from __future__ import annotations

import time
from math import asin, cos, exp, pi, radians, sin

from .model import STAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .model import Reading, Value

    # the section `plant` of config.yaml, see plant_keys; with "own", whether the owner has described it
    Plant = Mapping[str, Any]
    Sky = Mapping[str, float]  # what is remembered, see `watched`

DAY = 86400.0  # s
STEP = 1800.0  # s: length of one piece of the day
DIM = 0.05  # of the panels' peak: if a clear sky gave less than this, nothing is learned
CLEAREST = 3.0  # at most: panels may be larger than configured
USUAL = 0.6  # clearness assumed before any was seen
SOON, LATER = 1200.0, 10800.0  # s: time constants of the two clearnesses
FADES = 3600.0  # s: time constant with which the estimate goes from the first to the second
GAP = 300.0  # s: after a longer silence a reading counts for no more than that
NEEDS = {"lead": 1.18, "lfp": 1.04}  # Wh put in for each Wh stored
TAKES = {"lead": 0.2, "lfp": 0.25}  # of its Wh: what a battery takes in an hour at most
TAPERS = {"lead": 0.8, "lfp": 20.0}  # of what it lacks: what it takes of that in an hour at most, and besides
ENDS = {"lead": 0.01, "lfp": 0.02}  # of its Wh in an hour, which it takes to the end
LAST = {"lead": 0.08, "lfp": 0.02}  # of its Wh: what it takes at the end, until the regulator calls it full
LACKS = {"lead": 0.007, "lfp": 0.0}  # of its Wh: what it lacks when the regulator first calls it full
KEEPS = {"lead": 0.012, "lfp": 0.015}  # of its Wh: what a full one still takes

_paths: dict[object, list[tuple[float, float]]] = {}  # of one day; a replay asks for it a thousand times


def clear(plant: Plant, wall: float) -> float:
    """The power of the panels under a clear sky at that time (epoch s), in W."""
    return _panels(plant, *_sun(plant, wall))


def _sun(plant: Plant, wall: float) -> tuple[int, float, float]:
    """The day of the year, the sun's declination (rad), and the hour of solar time. Without a longitude
    the sun is highest at 12:00 of winter time."""
    day = wall / DAY % 365.2425
    turn = 2 * pi * (day - 80) / 365.2425
    early = 9.87 * sin(2 * turn) - 7.53 * cos(turn) - 1.5 * sin(turn)  # minutes, the equation of time
    east = plant["longitude"]
    ahead = -time.timezone / 3600 if east is None else east / 15 + early / 60
    return int(day), asin(0.3978 * sin(turn)), (wall % DAY / 3600 + ahead) % 24


def _panels(plant: Plant, _day: int, declination: float, hour: float) -> float:
    """The power of the panels (W): from the light on level ground, its two parts (the sun's beam and the
    sky's), and what of them tilted modules see."""
    latitude, turned = radians(plant["latitude"]), radians(15 * (hour - 12))
    up = sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(turned)
    if up <= 0.01:
        return 0.0
    north = cos(latitude) * sin(declination) - sin(latitude) * cos(declination) * cos(turned)
    east = -cos(declination) * sin(turned)
    light = 1098 * up * exp(-0.057 / up)
    diffuse = min(light, 60 + 40 * up)
    beam = (light - diffuse) / max(up, 0.05)
    power, south = 0.0, 180.0 if latitude >= 0 else 0.0
    for peak, tilt, azimuth in plant["panels"]:
        lean, turn = radians(tilt), radians(south if azimuth is None else azimuth)
        level = cos(lean)
        facing = up * level + sin(lean) * (east * sin(turn) + north * cos(turn))
        seen = diffuse * (1 + level) / 2 + 0.2 * light * (1 - level) / 2
        power += 0.85 * peak * (max(0.0, facing) * beam + seen) / 1000  # 0.85: heat, dust, cables
    return power


def throttled(values: Mapping[str, Value]) -> bool:
    """Whether a regulator with these values holds its panels back. VE.Direct's MPPT field says so (1: limited
    by voltage or current); without it absorption or float makes it likely, and no more than that."""
    if "MPPT" in values:
        return values["MPPT"].number == 1
    return values["CS"].text.startswith(STAGES["absorption_or_float"])


def panel_power(reading: Reading) -> tuple[float, bool, bool]:
    """The power of all panels (W), whether any of them are held back, and whether that is in float."""
    watts, held_back, floats = 0.0, False, False
    for device in reading.devices:
        values = device.values
        if "PPV" in values and "CS" in values:
            stage = values["CS"].text
            watts += values["PPV"].number or 0.0
            held = throttled(values)
            held_back |= held
            floats |= held and stage.startswith(STAGES["float"])
    return watts, held_back, floats


def watched(sky: Sky, plant: Plant, wall: float, reading: Reading, first: bool = False) -> Sky:
    """What is remembered of the sky after a reading: `now` and `day`, the two clearnesses; `age` (s), how
    long ago they were last seen; `look` (s), how long ago the last reading was; `full`, the charge (%) that
    the battery monitor shows when the battery is full; and `lent`, what the battery has given since (Wh)
    and has not got back. `first`: the regulator calls it full for the first time today, which is a little
    early (see LACKS). If it comes to float again later, that does not say that the battery is full again.
    The memory makes ages grow."""
    watts, held_back, floats = panel_power(reading)
    values = reading.values
    soc = values["SOC"].number if "SOC" in values else None
    power = values["P"].number if "P" in values else None
    gone = min(GAP, sky.get("look", GAP))
    if first:
        lent = LACKS[plant["chemistry"]] * plant["battery"]
    else:
        lent = _lent(sky.get("lent", 0.0), power or 0.0, gone, plant)
    sky = {**sky, "look": 0.0, "lent": lent}
    if soc is not None and 0 <= soc <= 100 and (first or (floats and soc > sky.get("full", 100.0))):
        sky["full"] = soc
    under = clear(plant, wall)
    if under < DIM * sum(peak for peak, _, _ in plant["panels"]):
        return sky
    ratio, before = max(0.0, min(CLEAREST, watts / under)), likely(sky, 0.0)
    if held_back and ratio <= before:  # how clear it is cannot be seen
        return sky
    day = sky.get("day", USUAL)
    now = before + (ratio - before) * (1 - exp(-gone / SOON))
    day += (ratio - day) * (1 - exp(-gone / LATER))
    return {**sky, "now": now, "day": day, "age": 0.0}


def _lent(lent: float, power: float, gone: float, plant: Plant) -> float:
    """What the battery has given (Wh), `gone` s later, with this power (W) into it."""
    back = power / NEEDS[plant["chemistry"]] if power > 0 else power
    return max(0.0, min(float(plant["battery"]), lent - back * gone / 3600))


def charge(sky: Sky, plant: Plant, soc: float) -> float:
    """The charge (%): the smaller of two. One is what the monitor shows, which may believe too early that the
    battery is full again. The other is full, minus what the battery has given since."""
    return min(soc, sky.get("full", 100.0) - 100 * sky.get("lent", 0.0) / float(plant["battery"]))


def likely(sky: Sky, ahead: float) -> float:
    """The clearness that is likely in `ahead` s."""
    day = sky.get("day", USUAL)
    return day + (sky.get("now", day) - day) * exp(-(sky.get("age", 0.0) + ahead) / FADES)


def ahead(
    sky: Sky, plant: Plant, wall: float, hour: float, foreseen: Callable[[float], float | None] | None = None
) -> list[tuple[float, float, float]]:
    """The rest of the day in pieces (h, W, W): how long each lasts, what the panels will probably give, what
    the house draws. `hour`: the local time now (0 to 24). `foreseen`: what another forecast says that the
    panels give at an hour (W), or None; if it says something, the mean of both counts."""
    day, declination, solar = _sun(plant, wall)
    house, idle = plant["house"], plant["idle"]
    usual = sky.get("day", USUAL)
    differs, now = likely(sky, 0.0) - usual, solar * 3600
    pieces = []
    for ends, watts in _path(plant, day, declination):
        if (end := ends - now) > 0:  # s from now
            lasts = min(STEP, end)
            middle = end - lasts / 2
            at = (hour + middle / 3600) % 24
            watts *= usual + differs * exp(-middle / FADES)
            if foreseen and (other := foreseen(at)) is not None:
                watts = (watts + other) / 2
            pieces.append((lasts / 3600, watts, house[int(at)] + idle))
    return pieces


def rest(
    pieces: list[tuple[float, float, float]], plant: Plant, trust: float, lacks: float
) -> tuple[float, float]:
    """Two sums over these pieces (Wh): what the sun gives beyond what the house draws, and how much of that
    the battery can take. `lacks`: what the battery lacks now (Wh); the less, the slower it takes it. `trust`:
    the share of the sun that is counted on."""
    chemistry, battery = plant["chemistry"], plant["battery"]
    most, tapers, ends = TAKES[chemistry] * battery, TAPERS[chemistry], ENDS[chemistry] * battery
    over = taken = 0.0
    for hours, watts, house in pieces:
        left = trust * watts - house
        if left > 0:
            over += left * hours
            takes = min(left, most, tapers * max(0.0, lacks - taken) + ends)
            taken += takes * hours
    return over, taken


def _path(plant: Plant, day: int, declination: float) -> list[tuple[float, float]]:
    """The pieces of a solar day that have light: when each ends (s of that day), and the power of the panels
    under a clear sky in its middle (W)."""
    key = (day, plant["latitude"], plant["panels"])
    if key not in _paths:
        _paths.clear()
        ends = (STEP * (place + 1) for place in range(int(DAY / STEP)))
        path = [(end, _panels(plant, day, declination, (end - STEP / 2) / 3600)) for end in ends]
        _paths[key] = [(end, watts) for end, watts in path if watts > 0]
    return _paths[key]


def lacking(plant: Plant, sky: Sky, soc: float, full: bool) -> float:
    """What the battery still takes until the evening (Wh), at that charge (%); `full`: whether it has been
    full today."""
    chemistry = plant["chemistry"]
    if full:
        soc = charge(sky, plant, soc)
    share = max(0.0, sky.get("full", 100.0) - soc) / 100 * NEEDS[chemistry]
    return float(plant["battery"] * (share + (KEEPS if full else LAST)[chemistry]))


def spare(over: float, taken: float, lacks: float) -> float:
    """What is left for loads (Wh). Below 0: what is missing, because there is too little sun or time."""
    return over - lacks if taken >= lacks else taken - lacks
