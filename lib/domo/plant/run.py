"""One replay from its settings to its result, in this process or in several."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.settings import Config
from ..scripts import source
from . import foreign, loads, sky
from .bound import Series, bound
from .fold import Moment, fold
from .plant import Light, Plant, fields, place
from .tally import Evenings, Result, Tally, could_take, together
from .watch import Watch

MINUTES = 1440


@dataclass(frozen=True)
class Scenario:
    """What is to be replayed: `days` from `start` (epoch s) on, of which the first `warm` do not count; the
    battery is at `soc` (0 to 1) at first. `model` is "" for the plant that ships, `sky` a kind of weather or
    a file of hours."""

    config: Config
    start: float
    days: float = 1
    seed: int = 1
    soc: float = 0.8
    supposed: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    sky: str = "generated"
    bound: bool = False
    warm: int = 0


def plant(scenario: Scenario) -> foreign.Driven:
    """The plant at its beginning. Raises PlantError."""
    config = scenario.config
    if scenario.model:
        kind = foreign.named(scenario.model)
        return foreign.begun(kind, scenario.model, house_facts(scenario))
    made = loads.made(config.relayLoad, config.relayWatt)
    own = Plant(config.plant, made, scenario.seed, scenario.soc, sun(scenario))
    return foreign.Driven(own, trusted=True)


def bare(scenario: Scenario, like: foreign.Driven) -> foreign.Driven:
    """The same plant, in a house without domo. Raises PlantError."""
    own = like.model
    if not isinstance(own, Plant):
        return plant(scenario)
    same = Plant(scenario.config.plant, {}, scenario.seed, scenario.soc, own.light)
    same.house = own.house  # drawn once for both
    return foreign.Driven(same, trusted=True)


def sun(scenario: Scenario) -> Light:
    """The sun that is asked for. Raises PlantError."""
    panels, where = fields(scenario.config.plant), place(scenario.config.plant)
    if scenario.sky in sky.WEATHERS:
        return sky.Sky(where, panels, scenario.seed, scenario.sky)
    if scenario.sky == "pvlib":
        from .pvlib_sky import PvlibSky

        return PvlibSky(where, panels, scenario.seed)
    from .hours import Hours

    return Hours(scenario.sky, where, panels, scenario.seed)


def house_facts(scenario: Scenario) -> dict[str, Any]:
    """What a plant model of the owner's is told: `start` (epoch s), `seed`, `soc` (%), `plant`, and `relays`
    by number."""
    config = scenario.config
    relays = {
        r: {
            "name": config.name(r),
            "watt": config.relayWatt.get(r, 0.0),
            "load": dict(config.relayLoad.get(r, {})),
        }
        for r in config.relays
    }
    return {
        "start": scenario.start,
        "seed": scenario.seed,
        "soc": 100 * scenario.soc,
        "plant": dict(config.plant),
        "relays": relays,
    }


def replay(scenario: Scenario, each: Callable[[Moment], None] | None = None) -> Result:
    """The result; `each` is shown every moment. Raises PlantError."""
    config = scenario.config
    result, evenings = Result(), Evenings()
    result.relays = {relay: Tally(config.name(relay)) for relay in source.scripted(config)}
    with_domo = plant(scenario)
    without = bare(scenario, with_domo)
    none = dict.fromkeys(config.relays, 0)
    series = Series(config, -time.timezone) if scenario.bound else None
    bare_soc, watch, lacked = scenario.soc, Watch(config), 0.0
    minutes, warm = round(scenario.days * MINUTES), scenario.warm * MINUTES
    for moment in fold(config, with_domo, scenario.start, minutes, scenario.supposed, watch):
        flow = without.minute(moment.now.wall, none)
        if warm:
            warm -= 1
            bare_soc, lacked = flow.soc, max(0.0, flow.soc - moment.flow.soc)
            if not warm:
                _counts_from_here(with_domo, series)
            continue
        result.add(moment, flow, could_take(config, with_domo) if moment.flow.throttled else {})
        evenings.look(result, moment.flow, flow)
        if series:
            series.see(moment.now.wall, flow, bare_soc)
        if each:
            each(moment)
        bare_soc = flow.soc
    for tally in result.relays.values():
        tally.close()
    for relay, load in (with_domo.loads or {}).items():
        if relay in result.relays:
            result.relays[relay].demand = (load.asked, load.served, load.missed, load.unit)
    result.faults = together(result.faults)
    result.outside = watch.sentences()
    result.owed = max(0.0, bare_soc - result.soc - lacked) * config.plant["battery"]
    if series:
        if scenario.model and not result.total.sun:
            raise foreign.PlantError(
                f"--bound: {scenario.model} had no sun at all;"
                " its minute(...) must say sun, load, power and soc"
            )
        result.bound = bound(config, series, list(result.relays))
    return result


def _counts_from_here(plant: foreign.Driven, series: Series | None) -> None:
    """Forgets what was asked of the loads until now; the bound begins with what they can take now."""
    for relay, load in (plant.loads or {}).items():
        load.asked = load.served = load.missed = 0.0
        if series:
            series.loads[relay].room = load.room
