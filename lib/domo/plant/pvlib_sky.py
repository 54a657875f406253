"""The sky with pvlib (an optional extra): Ineichen's clear sky with the turbidity of the place and month,
the sky's light on the modules by Hay and Davies. The clouds are the generated sky's."""

from __future__ import annotations

from typing import Any

from ..system import packages
from .foreign import PlantError
from .sky import DAY, HEAT, KEPT, MINUTES, Panels, Place, Sky, air, clouds, day_of_year


class PvlibSky(Sky):
    """As `sky.Sky`; raises PlantError where pvlib is not installed."""

    def __init__(self, place: Place, panels: tuple[Panels, ...], seed: int = 1) -> None:
        super().__init__(place, panels, seed)
        packages.third_party()
        try:
            import pandas
            import pvlib
        except ImportError:
            raise PlantError("--sky pvlib wants pvlib; run: pip install pvlib") from None
        self.pandas: Any = pandas
        self.pvlib: Any = pvlib
        self.where: Any = pvlib.location.Location(place.latitude, place.longitude)

    def _made(self, number: int) -> list[float]:
        pvlib, pandas = self.pvlib, self.pandas
        of_year = day_of_year(number)
        times = pandas.date_range(
            pandas.Timestamp(number * DAY, unit="s", tz="UTC"), periods=MINUTES, freq="min"
        )
        sun = self.where.get_solarposition(times)
        clear = self.where.get_clearsky(times, model="ineichen", solar_position=sun)
        through = pandas.Series(
            clouds(self.seed, number, of_year, self.place.latitude, self.weather), index=times
        )
        light = clear["ghi"] * through
        under = pvlib.irradiance.erbs(light, sun["zenith"], times)
        parts = {part: clear[part].where(through > 0.99, under[part]) for part in ("dni", "dhi")}
        above = pvlib.irradiance.get_extra_radiation(times)
        hours = (minute / 60 + self.place.ahead(of_year) for minute in range(MINUTES))
        warm = pandas.Series([air(of_year, hour, self.place.latitude) for hour in hours], index=times)
        total: Any = 0.0
        for panels in self.panels:
            plane = pvlib.irradiance.get_total_irradiance(
                *(panels.tilt, panels.azimuth, sun["apparent_zenith"], sun["azimuth"]),
                *(parts["dni"], light, parts["dhi"]),
                dni_extra=above,
                model="haydavies",
            )["poa_global"].fillna(0.0)
            cell = pvlib.temperature.faiman(plane, warm)
            total = total + pvlib.pvsystem.pvwatts_dc(plane, cell, panels.peak, -HEAT) * KEPT
        return [max(0.0, float(watts)) for watts in total]
