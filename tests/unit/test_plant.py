"""The plant that ships: a sky one can believe, a battery that is paid for, loads as they are, and no
energy from nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domo.plant import battery, loads, table
from domo.plant.plant import Flow, Plant, fields, place
from domo.plant.sky import MINUTES, Panels, Place, Sky, erbs, haurwitz, position
from domo.stores import plant_keys
from support.model import examples

MIDSUMMER, MIDWINTER = 20_260, 20_078  # days since 1970: 2025-06-21, 2024-12-21
SOUTH = (Panels(1000, 35, 180),)


def sky(latitude: float = 47, seed: int = 1, weather: str = "generated", panels: Panels = SOUTH[0]) -> Sky:
    return Sky(Place(latitude, 0), (panels,), seed, weather)


def of_day(one: Sky, day: int) -> float:
    """kWh."""
    return sum(one.day(day)) / 60_000


# --- the sky ------------------------------------------------------------------------------------------


def test_the_sun_rises_culminates_and_sets() -> None:
    day = sky(weather="clear").day(MIDSUMMER)
    assert day[: 3 * 60] == [0.0] * 180 and day[21 * 60 :] == [0.0] * 180
    assert abs(day.index(max(day)) - 12 * 60) < 20
    assert day[8 * 60] == pytest.approx(day[16 * 60], rel=0.1)
    assert 700 < max(day) < 1000


def test_the_sun_stands_where_almanacs_say() -> None:
    """At noon 90 - latitude + declination degrees high, in the south; in the morning in the east."""
    up, east, north = position(172, 12, 47)
    assert up == pytest.approx(0.9175, abs=0.002) and abs(east) < 1e-9 and north < 0
    assert position(80, 6, 47)[1] == pytest.approx(1, abs=0.01)
    assert position(172, 12, -47)[2] > 0  # in the north, seen from the south


def test_the_formulas_are_those_of_their_authors() -> None:
    """At the zenith Haurwitz gives 1035 W/m²; Erbs 0.165 under a clear sky, nearly all under clouds."""
    assert haurwitz(1.0) == pytest.approx(1035, abs=1)
    assert (erbs(0.9), erbs(0.1)) == (0.165, pytest.approx(0.991))
    assert erbs(0.5) == pytest.approx(0.659, abs=0.01)


@pytest.mark.parametrize(("latitude", "least", "most"), [(44, 1150, 1400), (48, 1000, 1250), (52, 850, 1100)])
def test_a_year_gives_what_panels_give_there(latitude: float, least: float, most: float) -> None:
    """kWh per kWp, as PVGIS has it for tilted panels in France and Germany, in round numbers."""
    for seed in (1, 2):
        one = sky(latitude, seed)
        assert least < sum(of_day(one, day) for day in range(20_000, 20_365, 3)) * 3 < most


def test_the_sun_shone_before_1970_too() -> None:
    """A clock that nobody has set says so, west of Greenwich."""
    sky = Sky(Place(45, -73), (Panels(1000, 30, 180),), weather="clear")
    assert sky.watts(-7 * 3600.0) > 300 and sky.watts(-18 * 3600.0) == 0


def test_noon_is_as_warm_anywhere() -> None:
    """By universal time, noon in Japan would be as cool as a night: 2.5 % more power."""
    noons = [max(Sky(Place(36, east), SOUTH, weather="clear").day(MIDSUMMER)) for east in (0, 140, -100)]
    assert noons == pytest.approx([noons[0]] * 3, rel=0.002)


def test_panels_to_the_east_have_the_morning() -> None:
    east, west = (sky(weather="clear", panels=Panels(1000, 35, at)).day(MIDSUMMER) for at in (90, 270))
    assert east[8 * 60] > 2 * west[8 * 60] and west[17 * 60] > 2 * east[17 * 60]


def test_the_south_has_its_summer_in_december_and_panels_to_the_north() -> None:
    there = sky(-34, weather="clear", panels=Panels(1000, 30, 0))
    assert of_day(there, MIDWINTER) > 1.3 * of_day(there, MIDSUMMER)


def test_the_weather_is_the_seeds_and_comes_in_spells() -> None:
    assert sky(seed=1).day(MIDSUMMER) == sky(seed=1).day(MIDSUMMER) != sky(seed=2).day(MIDSUMMER)
    days = [of_day(sky(seed=3), day) for day in range(20_200, 20_320)]
    mean = sum(days) / len(days)
    alike = sum((a - mean) * (b - mean) for a, b in zip(days, days[1:], strict=False))
    assert alike / sum((a - mean) ** 2 for a in days) > 0.2  # a grey day comes after a grey day
    assert min(days) < 0.35 * max(days)


# --- no energy from nothing -------------------------------------------------------------------------------

LOADS: dict[int, Mapping[str, Any]] = {
    1: {"kind": "pump", "watt": 750.0, "minutes": 40.0, "tank": 60.0},
    2: {"kind": "cycle", "steps": ((100.0, 10.0), (2000.0, 15.0), (150.0, 45.0)), "days": 7.0, "from": 8.0},
    3: {"kind": "charger", "watt": 200.0, "store": 500.0, "days": 7.0},
    4: {"kind": "thermostat", "watt": 800.0, "store": 520.0, "loss": 20.0, "use": 300.0},
    5: {"kind": "constant", "watt": 1500.0},
}
START = MIDWINTER * 86400.0


def plant(soc: float = 0.8, seed: int = 1, weather: str = "generated", **changes: Any) -> Plant:
    settings = plant_keys.plant(changes)
    light = Sky(place(settings), fields(settings), seed, weather)
    return Plant(settings, loads.made(LOADS, {}), seed, soc, light)


class Books:
    """The energy of a plant, minute by minute: what came, and where it went (Wh)."""

    def __init__(self, of: Plant) -> None:
        self.plant, self.begin = of, of.flow.soc
        self.came = self.used = self.heat = 0.0

    def add(self, flow: Flow) -> None:
        """One minute more."""
        assert 0 <= flow.panels <= flow.sun + 1e-9 and 0 <= flow.soc <= 1
        assert flow.load >= sum(flow.watts.values()) - 1e-9 and (not flow.dark or flow.load == 0)
        kind = self.plant.kind
        assert flow.stored <= max(flow.power * kind.charging, flow.power / kind.giving) + 1e-9
        self.came += flow.panels / 60
        self.used += flow.load / 60
        self.heat += (flow.power - flow.stored) / 60

    def gap(self) -> float:
        """What is not accounted for, as a share of what came."""
        stored = (self.plant.flow.soc - self.begin) * self.plant.wh
        return abs(self.came - self.used - self.heat - stored) / max(1.0, self.came)


def test_a_year_closes_to_a_thousandth_even_with_an_empty_battery() -> None:
    """Too many loads: in winter the battery is empty, and the house is dark rather than fed from nothing."""
    one = plant(soc=0.3)
    books, dark = Books(one), 0
    for minute in range(365 * MINUTES):
        when = START + 60 * minute
        flow = one.minute(when, dict.fromkeys(LOADS, int(minute // 180 % 2 == 0)))
        books.add(flow)
        dark += flow.dark
    assert books.gap() < 0.001
    assert dark > 10_000 and books.heat > 0 and books.came > 100_000


@given(
    soc=st.floats(0, 1),
    chemistry=st.sampled_from(("lead", "lfp")),
    watts=st.integers(100, 4000),
    energy=st.integers(500, 20_000),
    day=st.integers(20_000, 20_364),
    switches=st.lists(
        st.tuples(st.sampled_from(sorted(LOADS)), st.integers(1, 300)), min_size=1, max_size=30
    ),
)
@examples(60)
def test_no_plant_makes_energy(
    soc: float, chemistry: str, watts: int, energy: int, day: int, switches: list[tuple[int, int]]
) -> None:
    one = plant(soc, day, panels=watts, battery=energy, chemistry=chemistry)
    books, states, when = Books(one), dict.fromkeys(LOADS, 0), day * 86400.0
    asked = {relay: 0.0 for relay in LOADS}
    for relay, minutes in switches:
        states[relay] = 1 - states[relay]
        for _ in range(minutes):
            flow = one.minute(when, states)
            books.add(flow)
            for number, drawn in flow.watts.items():
                assert states[number] == 1 and 0 <= drawn <= one.loads[number].rate + 1e-9
                asked[number] += drawn / 60
            when += 60
    assert books.gap() < 1e-6
    for number, load in one.loads.items():
        if load.cap < float("inf") and LOADS[number]["kind"] != "thermostat":
            assert load.served == pytest.approx(asked[number], abs=1e-6)
        assert -1e-6 <= load.room <= load.cap + 1e-6


# --- the regulator and the battery ------------------------------------------------------------------------


def stages(one: Plant, sun: float, load: float, minutes: int) -> list[str]:
    """The stages that the regulator goes through under an even sun and load (W)."""

    class Even:
        def watts(self, wall: float) -> float:
            return sun

    one.light = Even()
    one.house = lambda day: [load] * MINUTES  # type: ignore[assignment]
    found: list[str] = []
    for minute in range(minutes):
        flow = one.minute(START + 60 * minute, {})
        if not found or found[-1] != flow.stage:
            found.append(flow.stage)
    return found


@pytest.mark.parametrize("chemistry", ["lead", "lfp"])
def test_charging_goes_through_bulk_absorption_and_float(chemistry: str) -> None:
    one = plant(0.7, chemistry=chemistry)
    assert stages(one, 700, 60, 600) == ["Bulk", "Absorption", "Float"]
    assert one.flow.throttled and one.shown == 1.0 and one.flow.soc > 0.97
    assert one.flow.volts == pytest.approx(one.settings["float"], abs=0.01)


def test_a_battery_that_pays_makes_the_regulator_fall_back_to_bulk() -> None:
    one = plant(1.0)
    stages(one, 700, 60, 300)
    assert stages(one, 100, 500, 5) == ["Float", "Bulk"]


def test_absorption_ends_after_its_time_of_the_day() -> None:
    """A lead battery that sulphated takes current for ever."""
    one = plant(0.9, absorptionTime=1800)
    stages(one, 700, 60, 200)
    assert one.flow.stage == "Float" and one.absorbed <= 32


def test_at_night_the_battery_pays_and_the_regulator_is_off() -> None:
    one = plant(0.5)
    assert stages(one, 0, 100, 60) == ["Off"]
    assert one.flow.power == -100 and one.flow.soc == pytest.approx(0.5 - 100 / 0.96 / one.wh)


def test_a_battery_that_is_much_too_small_shows_a_low_voltage_and_no_nonsense() -> None:
    one = plant(0.8, battery=500)
    stages(one, 0, 2400, 2)
    told = one.reading(START)["Battery"]
    assert (told["V"], told["P"]) == ("18.00", "-2400") and float(told["I"]) == pytest.approx(-133, abs=1)


@pytest.mark.parametrize("chemistry", ["lead", "lfp"])
def test_a_full_battery_takes_less_and_less(chemistry: str) -> None:
    kind = battery.KINDS[chemistry]
    takes = [battery.accepts(kind, soc / 100) for soc in range(101)]
    assert takes == sorted(takes, reverse=True) and takes[0] == kind.rate and takes[-1] == kind.trickle


def test_the_monitors_write_as_pvmonits_do() -> None:
    one = plant(0.8)
    one.minute(START + 11 * 3600, {})
    told = one.reading(START)
    assert set(told) == {"Regulator", "Battery", "Sums"}
    assert set(told["Regulator"]) == {"V", "I", "PPV", "CS", "MPPT"}
    assert int(told["Sums"]["PPVT"]) - int(told["Battery"]["P"]) - int(told["Sums"]["CONSO"]) in (-1, 0, 1)


# --- the loads ----------------------------------------------------------------------------------------------


def run(load: loads.Load, minutes: int, on: Callable[[int], bool], begin: int = 0) -> list[float]:
    """What a load draws, minute by minute, from a minute of the first day on."""
    drawn = []
    for minute in range(begin, begin + minutes):
        watts = load.wants(minute // MINUTES, minute % MINUTES, on(minute))
        if watts:
            load.takes(watts)
        drawn.append(watts)
    return drawn


def test_a_programme_ends_by_itself_and_goes_on_where_it_was_cut() -> None:
    machine = loads.Cycle({"steps": ((100, 10), (2000, 15), (150, 45)), "days": 7, "from": 8})
    whole = [100.0] * 10 + [2000.0] * 15 + [150.0] * 45
    assert run(machine, MINUTES, lambda m: m >= 600)[600:700] == whole + [0.0] * 30
    assert (machine.done, machine.missed) == (1, 0)
    cut = run(machine, MINUTES, lambda m: not 20 <= m - MINUTES - 600 < 90, MINUTES)
    assert [watts for watts in cut if watts] == whole
    assert machine.done == 2


@pytest.mark.parametrize("pause", [0, 1, 2])
def test_a_pause_of_a_programme_goes_by(pause: int) -> None:
    steps = [(500, 10), (500, 10)]
    steps.insert(pause, (0, 10))
    machine = loads.Cycle({"steps": tuple(steps), "days": 7, "from": 8})
    drawn = run(machine, MINUTES, lambda m: True)
    assert drawn[480:510] == [float(watts) for watts, minutes in steps for _ in range(minutes)]
    assert (machine.done, machine.at, machine.room) == (1, 0, 0)
    assert sum(drawn[510:]) == 0 and machine.served == pytest.approx(1000 / 6)


def test_a_programme_that_gets_no_current_is_cut_and_laundry_that_piles_up_is_missed() -> None:
    machine = loads.Cycle({"steps": ((100, 60),), "days": 7, "from": 8})
    run(machine, 30, lambda m: True, 480)
    run(machine, 10, lambda m: False, 510)
    assert (machine.at, machine.done) == (30, 0)
    run(machine, 4 * MINUTES, lambda m: False, MINUTES)
    assert machine.missed == 3 and machine.room == pytest.approx(150)


@pytest.mark.parametrize("days", [0, 1, 3.5, 4, 7])
def test_days_a_week_are_spread(days: float) -> None:
    row = [loads.wanted(day, days) for day in range(20_000, 20_000 + 28)]
    assert sum(row) == 4 * days
    assert not days >= 3.5 or not any(a == b is False for a, b in zip(row, row[1:], strict=False))


def test_a_thermostat_calls_until_satisfied_and_again_when_it_has_cooled() -> None:
    heater = loads.Thermostat({"watt": 300, "store": 500, "loss": 20, "use": 0})
    drawn = run(heater, 600, lambda m: True)
    heating = drawn.index(0.0)
    assert 100 <= heating < 115  # 500 Wh at 300 W, and what it loses meanwhile
    idle = next(at for at, watts in enumerate(drawn[heating:]) if watts)
    assert 150 <= idle < 170  # a tenth of it at 20 W
    assert sum(drawn) / 60 == pytest.approx(500 + 20 * 600 / 60 * 0.9, rel=0.08)


def test_hot_water_that_is_not_there_is_missed() -> None:
    heater = loads.Thermostat({"watt": 300, "store": 500, "loss": 20, "use": 300})
    run(heater, MINUTES, lambda m: False)
    assert (heater.asked, heater.served, heater.missed) == (pytest.approx(300), 0, pytest.approx(300))


def test_a_charger_tapers_and_ends() -> None:
    charger = loads.Charger({"watt": 200, "store": 500, "days": 7})
    drawn = [watts for watts in run(charger, MINUTES, lambda m: True, 18 * 60) if watts]
    assert drawn[0] == 200 and 9 < drawn[-1] < 12 and drawn == sorted(drawn, reverse=True)
    assert sum(drawn) / 60 == pytest.approx(500, rel=0.02)


def test_a_sump_fills_and_what_is_beyond_overflows() -> None:
    pump = loads.Pump({"watt": 750, "minutes": 40, "tank": 60})
    run(pump, MINUTES, lambda m: False)
    assert pump.missed == pytest.approx(10, abs=0.1)  # it was half full
    drawn = run(pump, 90, lambda m: True)
    assert 60 <= sum(watts > 0 for watts in drawn) <= 65 and drawn[-1] == 0.0  # then the float switch opens


def test_large_numbers_side_by_side_do_not_run_into_each_other() -> None:
    row = [[5410.0, 5450.0], [541_000.0, 545_000.0], [0.25, 0.75]]
    (line,) = table._row("used (kWh)", row)
    assert line.split("  ")[0] == "used (kWh)"
    assert " 5430.0 (5410 to 5450) 543000.0 (541000 to 545000) " in line
    assert line.endswith(" 0.5 (0.25 to 0.75)")


def test_without_a_longitude_the_sun_is_highest_at_noon_of_winter_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    day = plant(weather="clear").light.day(MIDWINTER)  # type: ignore[attr-defined]
    assert abs(day.index(max(day)) - 11 * 60) < 15
    assert plant_keys.PLANT["longitude"] is None
    monkeypatch.undo()
    time.tzset()
