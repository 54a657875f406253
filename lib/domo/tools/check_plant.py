"""What `--check` finds in `plant` and `relayLoad`."""

from __future__ import annotations

from ..core.settings import Config
from ..stores import plant_keys
from .findings import Findings


def plant(settings: Config) -> Findings:
    """Values in `plant` and `relayLoad` that are possible but probably a mistake."""
    plant, where = settings.plant, "config: domo.plant"
    peak = sum(field[0] for field in plant["panels"])
    house = sum(plant["house"]) + 24 * plant["idle"]
    if house > 4 * peak:
        yield (
            None,
            f"{where}: {peak:g} W of panels cannot feed a house that draws {house / 1000:.1f} kWh a day",
        )
    if not 0.5 <= plant["battery"] / peak <= 50:
        unusual = f"{plant['battery']:g} Wh of battery for {peak:g} W of panels is unusual; look at both"
        yield None, f"{where}: {unusual}"
    if not 13.8 <= plant["absorption"] / plant_keys.blocks(plant["float"]) <= 15.2:
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
