"""What `--check` finds in `plant` and `relayLoad`: what is possible, but hardly meant."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.settings import Config
from ..stores import plant_keys


def plant(settings: Config) -> Iterator[tuple[bool | None, str]]:
    """What is possible in `plant` and `relayLoad`, but hardly meant: not well, or (None) to be noted."""
    plant, where = settings.plant, "config: domo.plant"
    peak = sum(field[0] for field in plant["panels"])
    house = sum(plant["house"]) + 24 * plant["idle"]
    if house > 4 * peak:
        yield (
            None,
            f"{where}: {peak:g} W of panels cannot feed a house that draws {house / 1000:.1f} kWh a day",
        )
    if not 0.5 <= plant["battery"] / peak <= 50:
        yield None, f"{where}: a battery of {plant['battery']:g} Wh for {peak:g} W of panels"
    per_cell = plant["absorption"] / max(1, round(plant["float"] / 13.6))
    if not 13.8 <= per_cell <= 15.2:
        yield None, f"{where}: absorption at {plant['absorption']:g} V is unusual for {plant['chemistry']}"
    for relay, load in settings.relayLoad.items():
        drawn, said = plant_keys.peak(load), settings.relayWatt.get(relay, 0)
        if drawn > said:
            yield (
                False,
                f"config: domo.relayLoad.{relay} draws {drawn:g} W,"
                f" more than the {said:g} W of domo.relayWatt.{relay},"
                " which maxWatt counts",
            )
