"""What the sun will probably still give today, and what of it battery and house leave over. Pure.

How clear the sky is shows only while nothing is held back: then the panels' power, divided by what they
would give under a clear sky, is the *clearness*. It is remembered twice, of the last minutes and of the
last hours, and today's rest is taken to be like the first at once and like the second later on.

The clear sky is Haurwitz's (1945), the sun's height Cooper's (1969). Panels that are dirtier or larger
than their owner says change nothing, for the clearness has the same mistake the other way round.
"""

from __future__ import annotations

from math import asin, cos, exp, pi, radians, sin

from .model import STAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .model import Reading

    Plant = Mapping[str, Any]  # the section `plant` of config.yaml
    Sky = Mapping[str, float]  # what is remembered, see `watched`

DAY = 86400.0  # s
STEP = 1800.0  # s: the day is looked at in so long pieces
LOW = 0.05  # of the panels' peak: with less than that of clear sky nothing can be learned
SOON, LATER = 1200.0, 10800.0  # s: the two clearnesses forget in about so long
FADES = 3600.0  # s in which what it is like now gives way to what it was like for hours
USUAL = 0.6  # the clearness that nobody has seen yet
GAP = 300.0  # s: after a longer silence a look counts as one of so long
NEEDS = {"lead": 1.18, "lfp": 1.04}  # Wh that charge one Wh more
TAKES = {"lead": 0.05, "lfp": 0.25}  # of the battery's Wh in an hour: what it takes while nearly full
LAST = {"lead": 0.04, "lfp": 0.01}  # of the battery: what it takes until the regulator says that it is full


_paths: dict[object, list[tuple[float, float]]] = {}  # of the last day; a replay asks a thousand times


def clear(plant: Plant, wall: float) -> float:
    """The power of the panels under a clear sky at that time (epoch s), in W."""
    return _panels(plant, *_sun(plant, wall))


def _sun(plant: Plant, wall: float) -> tuple[float, float, float]:
    """The day of the year, the sun's declination (rad), and the hour of solar time."""
    day = wall / DAY % 365.2425
    turn = 2 * pi * (day - 80) / 365.2425
    early = 9.87 * sin(2 * turn) - 7.53 * cos(turn) - 1.5 * sin(turn)  # minutes
    hour = (wall % DAY / 3600 + plant["longitude"] / 15 + early / 60) % 24
    return day, asin(0.3978 * sin(turn)), hour


def _panels(plant: Plant, day: float, declination: float, hour: float) -> float:
    latitude, turned = radians(plant["latitude"]), radians(15 * (hour - 12))
    up = sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(turned)
    if up <= 0.01:
        return 0.0
    north = cos(latitude) * sin(declination) - sin(latitude) * cos(declination) * cos(turned)
    east = -cos(declination) * sin(turned)
    light = 1098 * up * exp(-0.057 / up)
    diffuse = min(light, 60 + 40 * up)
    beam = (light - diffuse) / max(up, 0.05)
    power = 0.0
    for peak, tilt, azimuth in plant["panels"]:
        lean, turn = radians(tilt), radians(azimuth)
        facing = up * cos(lean) + sin(lean) * (east * sin(turn) + north * cos(turn))
        seen = diffuse * (1 + cos(lean)) / 2 + 0.2 * light * (1 - cos(lean)) / 2
        power += 0.85 * peak * (max(0.0, facing) * beam + seen) / 1000  # 0.85: heat, dust, cables
    return power


def seen(reading: Reading) -> tuple[float, bool]:
    """The power of all panels (W), and whether any of them are held back. Without VE.Direct's MPPT
    field they may be from absorption on."""
    watts, held_back = 0.0, False
    for device in reading.devices:
        if "PPV" in device.values and "CS" in device.values:
            watts += device.values["PPV"].number or 0.0
            if "MPPT" in device.values:
                held_back |= device.values["MPPT"].number == 1
            else:
                held_back |= device.values["CS"].text.startswith(STAGES["absorption_or_float"])
    return watts, held_back


def watched(sky: Sky, plant: Plant, wall: float, watts: float, held_back: bool) -> Sky:
    """What is remembered of the sky after a look at the panels: they give so many watts, and are held
    back or not. `now` and `day` are the two clearnesses, `age` (s) how long ago the last look was that
    changed them, `look` the last one at all; the memory lets both grow."""
    under = clear(plant, wall)
    if under < LOW * sum(field[0] for field in plant["panels"]):
        return sky
    seen, before = min(1.5, watts / under), likely(sky, 0.0)
    if held_back and seen <= before:  # how clear it is cannot be seen
        return {**sky, "look": 0.0}
    gone, day = min(GAP, sky.get("look", GAP)), sky.get("day", USUAL)
    now = before + (seen - before) * (1 - exp(-gone / SOON))
    day += (seen - day) * (1 - exp(-gone / LATER))
    return {"now": now, "day": day, "age": 0.0, "look": 0.0}


def likely(sky: Sky, ahead: float) -> float:
    """The clearness that is likely in so many s."""
    day = sky.get("day", USUAL)
    return day + (sky.get("now", day) - day) * exp(-(sky.get("age", 0.0) + ahead) / FADES)


def possible(sky: Sky, plant: Plant, wall: float) -> float:
    """What the panels could probably give now, were nothing held back (W)."""
    return clear(plant, wall) * likely(sky, 0.0)


def rest(
    sky: Sky,
    plant: Plant,
    wall: float,
    hour: float,
    trust: float,
    foreseen: Callable[[float], float | None] | None = None,
) -> tuple[float, float]:
    """What the panels will probably still give today beyond what the house draws meanwhile, and how much
    of that a nearly full battery can take, as it takes it slowly (Wh). `hour` is the local time (0 to 24)
    that `plant["house"]` goes by; `trust` the share of the sun that is counted on. `foreseen` gives what
    another forecast says of the panels at an hour (W), or None; the mean of both counts."""
    day, declination, solar = _sun(plant, wall)
    slow = TAKES[plant["chemistry"]] * plant["battery"]
    over = taken = 0.0
    for ends, watts in _path(plant, int(day), declination):
        end = ends - solar * 3600  # s from now
        if end <= 0:
            continue
        lasts = min(STEP, end)
        ahead = end - lasts / 2
        at = (hour + ahead / 3600) % 24
        watts *= likely(sky, ahead)
        if foreseen and (other := foreseen(at)) is not None:
            watts = (watts + other) / 2
        left = max(0.0, trust * watts - plant["house"][int(at)] - plant["idle"])
        over += left * lasts / 3600
        taken += min(left, slow) * lasts / 3600
    return over, taken


def _path(plant: Plant, day: int, declination: float) -> list[tuple[float, float]]:
    """The light pieces of a solar day: when each ends (s of that day), and the power of the panels under
    a clear sky in its middle (W)."""
    key = (day, plant["latitude"], plant["panels"])
    if key not in _paths:
        _paths.clear()
        ends = (STEP * (place + 1) for place in range(int(DAY / STEP)))
        path = [(end, _panels(plant, day, declination, (end - STEP / 2) / 3600)) for end in ends]
        _paths[key] = [(end, watts) for end, watts in path if watts > 0]
    return _paths[key]


def lacking(plant: Plant, soc: float, full: bool) -> float:
    """What the battery still takes until it is full (Wh), at that charge (%)."""
    chemistry = plant["chemistry"]
    share = max(0.0, 1 - soc / 100) * NEEDS[chemistry]
    return float(plant["battery"] * (share + (0 if full else LAST[chemistry])))


def spare(over: float, taken: float, lacking: float) -> float:
    """What is left over for loads (Wh); below 0 what is missing, be it because there is not enough sun
    or not enough time."""
    return min(over, taken) - lacking if min(over, taken) < lacking else over - lacking
