"""The bound is one: whatever is switched, no week uses more, but for what the battery has less at its end."""

from __future__ import annotations

from random import Random

import pytest

from domo.core.settings import Config
from domo.plant import loads
from domo.plant.bound import Series, bound
from domo.plant.plant import Flow, Plant, fields, place
from domo.plant.sky import Sky
from domo.stores import plant_keys

pytest.importorskip("scipy")
WEEK = 7 * 1440
RELAY_LOADS = {
    1: {"kind": "pump", "watt": 750.0, "minutes": 60.0, "tank": 60.0},
    2: {"kind": "charger", "watt": 200.0, "store": 900.0, "days": 7.0},
    3: {"kind": "thermostat", "watt": 800.0, "store": 3000.0, "loss": 50.0, "use": 1500.0},
    4: {"kind": "constant", "watt": 250.0},
}


def used(config: Config, seed: int, day: int, steady: float) -> tuple[float, float]:
    """What relays that are switched at random used in a week, and what the bound says (Wh)."""
    random = Random(seed)
    light = Sky(place(config.plant), fields(config.plant), seed)
    full = Plant(config.plant, loads.made(RELAY_LOADS, {}), seed, 0.7, light)
    bare = Plant(config.plant, {}, seed, 0.7, light)
    series, states, soc, energy = Series(config, full.zone), dict.fromkeys(RELAY_LOADS, 0), 0.7, 0.0
    for minute in range(WEEK):
        when = 86400.0 * day + 60 * minute
        if minute % 30 == 0:
            lately = full.flow.soc > 0.75 and full.flow.sun > 300  # some sense in it, or the battery is empty
            states = {relay: int(random.random() < (steady if lately else 0.01)) for relay in RELAY_LOADS}
        energy += sum(full.minute(when, states).watts.values()) / 60
        series.see(when, bare.minute(when, {}), soc)
        soc = bare.flow.soc
        assert not full.flow.dark, "a dark house would leave its energy to the relays"
    owed = max(0.0, bare.flow.soc - full.flow.soc) * full.wh
    return energy - owed, bound(config, series, list(RELAY_LOADS))


@pytest.mark.parametrize("chemistry", ["lead", "lfp"])
@pytest.mark.parametrize(("seed", "day"), [(1, 20_250), (2, 20_180), (3, 20_340)])
def test_no_week_uses_more(chemistry: str, seed: int, day: int) -> None:
    plant = plant_keys.plant({"chemistry": chemistry, "panels": 1500, "house": 30})
    config = Config(path="", relayNb=4, relayLoad=RELAY_LOADS, plant=plant, floor={"SOC": 5})
    for steady in (0.3, 0.9):
        got, most = used(config, seed, day, steady)
        assert got <= most * 1.002 + 10
    assert got > 0.2 * most


def test_a_battery_of_another_model_may_come_to_more_than_this_one_can() -> None:
    """The bound then ends as full as this one comes to."""
    plant = plant_keys.plant({"chemistry": "lead", "battery": 5000})
    config = Config(path="", relayNb=4, relayLoad=RELAY_LOADS, plant=plant, floor={"SOC": 5})
    series = Series(config, 0)
    for minute in range(WEEK):
        sun = 600.0 if 600 <= minute % 1440 < 720 else 0.0
        soc = 0.3 + 0.7 * minute / WEEK
        series.see(86400.0 * 20_000 + 60 * minute, Flow(soc, sun=sun, load=40.0), soc)
    assert bound(config, series, list(RELAY_LOADS)) < 10


def test_a_model_that_keeps_a_house_alight_without_sun_leaves_its_bright_days_to_the_relays() -> None:
    """Two bright days after five on which this battery would have been empty."""
    plant = plant_keys.plant({"chemistry": "lfp", "battery": 2000})
    config = Config(path="", relayNb=4, relayLoad=RELAY_LOADS, plant=plant, floor={"SOC": 50})
    most = []
    for dark in (5, 0):
        series = Series(config, 0)
        for minute in range(WEEK):
            bright = minute >= dark * 1440 and 600 <= minute % 1440 < 900
            series.see(
                86400.0 * 20_000 + 60 * minute, Flow(0.4, sun=1500.0 if bright else 0.0, load=100.0), 0.4
            )
        most.append(bound(config, series, list(RELAY_LOADS)))
    assert 0.25 < most[0] / most[1] < 0.4  # 2 of 7 days
