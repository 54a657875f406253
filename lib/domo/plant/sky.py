"""A generated sky over the panels: what they could give, minute by minute; pure functions of a seed.

Clear sky by Haurwitz (1945), clouds in spells of days, hours and minutes, the diffuse share by Erbs,
Klein and Duffie (1982), the tilted plane by Liu and Jordan (1963) with an even sky. docs/plant.md has the
equations.
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, exp, pi, radians, sin
from random import Random
from typing import NamedTuple

MINUTES = 1440  # of a day
DAY = 86400  # s
STEP = 10  # minutes between two positions of the sun; between them it is interpolated
SOLAR = 1361.0  # W/m², above the air
GROUND = 0.2  # the share of the light that it reflects
KEPT = 0.88  # of a module's rated power, after dust, cables, mismatch and the regulator
HEAT = 0.0037  # of the power is lost per degree above 25 °C
WARMING = 0.028  # °C above the air for each W/m² on a module (a nominal cell temperature of 45 °C)
WEATHERS = ("generated", "clear", "changing", "cloudy")


class Panels(NamedTuple):
    """Modules that look the same way: `peak` (W), `tilt` (degrees from level), `azimuth` (degrees from
    north, clockwise)."""

    peak: float
    tilt: float
    azimuth: float


class Place(NamedTuple):
    """Where, in degrees: north and east are positive."""

    latitude: float
    longitude: float

    def ahead(self, of_year: float) -> float:
        """By how many hours the sun is ahead of universal time there, on that day of the year."""
        return self.longitude / 15 + equation_of_time(of_year)


def position(day: float, hour: float, latitude: float) -> tuple[float, float, float]:
    """The direction of the sun as (up, east, north), each -1 to 1, on that day of the year at that hour
    of solar time. Declination by Cooper (1969)."""
    declination, turned = radians(23.45) * sin(2 * pi * (284 + day) / 365), radians(15 * (hour - 12))
    sin_lat, cos_lat = sin(radians(latitude)), cos(radians(latitude))
    up = sin_lat * sin(declination) + cos_lat * cos(declination) * cos(turned)
    north = cos_lat * sin(declination) - sin_lat * cos(declination) * cos(turned)
    return up, -cos(declination) * sin(turned), north


def day_of_year(number: int) -> int:
    """The day of the year, from 1, of a day counted from 1970 on; by a mean year, so it may be one off."""
    return int(number % 365.2425) + 1


def equation_of_time(day: float) -> float:
    """By how many hours a sundial is ahead of the clock (Duffie and Beckman, 1.5.3)."""
    b = 2 * pi * (day - 1) / 365
    minutes = 0.0075 + 0.1868 * cos(b) - 3.2077 * sin(b) - 1.4615 * cos(2 * b) - 4.089 * sin(2 * b)
    return 3.82 * minutes / 60


def haurwitz(up: float) -> float:
    """The light on level ground under a clear sky (W/m²), `up` being the sine of the sun's height."""
    return 1098 * up * exp(-0.059 / up) if up > 0.01 else 0.0


def erbs(clearness: float) -> float:
    """The share of the light that is diffuse, by what comes through of the light above the air."""
    if clearness <= 0.22:
        return 1 - 0.09 * clearness
    if clearness > 0.8:
        return 0.165
    k = clearness
    return 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4


def on_modules(panels: Panels, light: float, direct: float, diffuse: float, facing: float) -> float:
    """The light on tilted modules (W/m²), from that on level ground, the sun's beam, and the sky's;
    `facing` is the cosine between beam and modules."""
    tilted = cos(radians(panels.tilt))
    return direct * max(0.0, facing) + diffuse * (1 + tilted) / 2 + GROUND * light * (1 - tilted) / 2


def facing(panels: Panels, up: float, east: float, north: float) -> float:
    """The cosine between modules and the sun in that direction."""
    lean, turn = radians(panels.tilt), radians(panels.azimuth)
    return up * cos(lean) + sin(lean) * (east * sin(turn) + north * cos(turn))


def power(peak: float, light: float, air: float) -> float:
    """What modules of that peak give (W) in that light (W/m²) at that air temperature (°C)."""
    return max(0.0, peak * light / 1000 * KEPT * (1 - HEAT * (air + WARMING * light - 25)))


class Sky:
    """The generated sky of one place and seed; `weather` is one of WEATHERS."""

    def __init__(
        self, place: Place, panels: tuple[Panels, ...], seed: int = 1, weather: str = "generated"
    ) -> None:
        self.place, self.panels, self.seed, self.weather = place, panels, seed, weather
        self.day = lru_cache(3)(self._made)
        self._today: tuple[float, list[float]] = float("nan"), []  # no day's number, not even one before 1970

    def watts(self, wall: float) -> float:
        """What all panels together could give in the minute from `wall` (epoch s) on (W)."""
        number, second = divmod(wall, DAY)
        of, row = self._today
        if of != number:
            row = self.day(int(number))
            self._today = number, row
        return row[int(second // 60)]

    def _made(self, number: int) -> list[float]:
        """The watts of each minute of a day, counted from 1970 on, in universal time."""
        of_year, geometry = self._path(number)
        ahead = self.place.ahead(of_year)
        through = clouds(self.seed, number, of_year, self.place.latitude, self.weather)
        made = []
        for minute in range(MINUTES):
            if geometry[minute // STEP][0] <= 0 >= geometry[minute // STEP + 1][0]:
                made.append(0.0)
                continue
            up, *cosines = _between(geometry, minute / STEP)
            light = haurwitz(up) * through[minute]
            warm = air(of_year, minute / 60 + ahead, self.place.latitude)
            made.append(self._given(light, up, cosines, warm))
        return made

    def _path(self, number: int) -> tuple[int, list[tuple[float, ...]]]:
        """The day of the year; and for every STEP minutes the sine of the sun's height, and the cosine
        between the sun and each field of panels."""
        of_year = day_of_year(number)
        ahead = self.place.ahead(of_year)
        path = []
        for place in range(MINUTES // STEP + 1):
            hour = (place * STEP / 60 + ahead) % 24
            up, east, north = position(of_year, hour, self.place.latitude)
            path.append((up, *(facing(panels, up, east, north) for panels in self.panels)))
        return of_year, path

    def _given(self, light: float, up: float, cosines: list[float], air_now: float) -> float:
        if light <= 0:
            return 0.0
        share = erbs(min(1.0, light / (SOLAR * up)))
        direct, diffuse = (1 - share) * light / max(up, 0.05), share * light
        return sum(
            power(panels.peak, on_modules(panels, light, direct, diffuse, cosine), air_now)
            for panels, cosine in zip(self.panels, cosines, strict=True)
        )


def _between(rows: list[tuple[float, ...]], place: float) -> list[float]:
    at = int(place)
    part = place - at
    return [low + part * (high - low) for low, high in zip(rows[at], rows[at + 1], strict=True)]


def air(day: int, hour: float, latitude: float) -> float:
    """A guess of the air's temperature (°C) at that hour of solar time: 12 on average at 47 degrees, 9 more
    in summer, 4 more in the afternoon."""
    season = cos(2 * pi * (day - 200) / 365) * (1 if latitude >= 0 else -1)
    return 12 - 0.5 * (abs(latitude) - 47) + 9 * season + 4 * cos(2 * pi * (hour - 15) / 24)


def cover(seed: int, number: int, of_year: int, latitude: float) -> float:
    """The cover of clouds of a day, 0 to 1: spells of some days, and more of them in winter."""
    drawn = [Random(f"{seed} {number - back}").gauss(0, 1) for back in range(5)]
    spell = sum(0.6**back * value for back, value in enumerate(drawn)) / 1.247  # their common deviation
    winter = 0.5 + 0.5 * cos(2 * pi * (of_year - 10) / 365) * (1 if latitude >= 0 else -1)
    north = 0.75 + 0.07 * (min(60.0, abs(latitude)) - 47)
    return 1 / (1 + exp(-1.7 * spell - 1.2 * (winter - 0.62) - north))


def clouds(seed: int, number: int, of_year: int, latitude: float, weather: str) -> list[float]:
    """For each minute of a day the share of the clear sky's light that comes through the clouds."""
    if weather == "clear":
        return [1.0] * MINUTES
    today = {"changing": 0.5, "cloudy": 0.97}.get(weather)
    if today is None:
        today = cover(seed, number, of_year, latitude)
    random = Random(f"{seed} {number} clouds")
    row: list[float] = []
    while len(row) < MINUTES:
        now = min(0.98, max(0.02, today + random.gauss(0, 0.5 * today * (1 - today))))  # changes by the hour
        if now > 0.8:  # a closed cover, thinner and thicker
            row += [0.16 + 0.9 * (1 - now) + random.uniform(-0.04, 0.12)] * random.randint(15, 60)
            continue
        gap, cloud = 4 + 26 * (1 - now) ** 2, 3 + 12 * now
        row += [1.0] * int(1 + random.expovariate(1 / gap))
        if random.random() < 2.2 * now:
            row += [random.uniform(0.25, 0.7)] * int(1 + random.expovariate(1 / cloud))
    soft, through = row[0], []
    for share in row[:MINUTES]:
        soft += 0.5 * (share - soft)  # an edge takes two minutes
        through.append(soft)
    return through
