"""What the rest of the day has to spare: the clear sky, how clear it has been, and what is kept of it.
Everything that must hold at any hour, under any clock, is tried with numbers that nobody would think of."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domo.core import spare
from domo.core.model import SKY_AGES, Device, Reading, Value
from domo.scripts import stairs
from domo.stores import codec, plant_keys
from support.model import examples

PLANT = plant_keys.plant({"latitude": 48, "longitude": 2, "panels": 1000, "battery": 6000, "house": 60})
NOON = 1750507200.0 - 2 * 240  # 21 June 2025, 12:00 UTC, less what Paris is ahead of Greenwich
HOUR = 3600.0


def reading(watts: float, stage: str = "Bulk", mppt: int | None = 2, charge: float = 90) -> Reading:
    """What a regulator and a battery monitor show."""
    values = {"PPV": Value(f"{watts:.0f}", ""), "CS": Value(stage, "")}
    if mppt is not None:
        values["MPPT"] = Value(str(mppt), "")
    return Reading(
        (Device("1", "Mppt", 1.0, values), Device("2", "Bmv", 1.0, {"SOC": Value(f"{charge}", "")}))
    )


def later(sky: Any, seconds: float) -> dict[str, float]:
    """What the memory makes of it."""
    return {name: value + seconds if name in SKY_AGES else value for name, value in sky.items()}


def watched(sky: Any, wall: float, share: float, minutes: int, **shown: Any) -> dict[str, float]:
    """After so many minutes in which the panels give a share of the clear sky's power."""
    for minute in range(minutes):
        now = wall + 60 * minute
        sky = spare.watched(later(sky, 60), PLANT, now, reading(share * spare.clear(PLANT, now), **shown))
    return dict(sky)


def test_the_sun_is_highest_at_noon_and_gone_at_midnight() -> None:
    day = [spare.clear(PLANT, NOON + 600 * step) for step in range(-72, 72)]
    assert abs(day.index(max(day)) - 72) <= 1
    assert 700 < max(day) < 1000
    assert spare.clear(PLANT, NOON - 12 * HOUR) == 0


def test_a_winter_day_is_shorter_and_lower() -> None:
    winter = NOON + 183 * 86400
    assert spare.clear(PLANT, winter + 5 * HOUR) == 0 < spare.clear(PLANT, NOON + 5 * HOUR)
    assert spare.clear({**PLANT, "latitude": 65}, winter) < 0.3 * spare.clear(PLANT, winter)


def test_south_of_the_equator_panels_look_north() -> None:
    sydney = plant_keys.plant({"latitude": -34, "longitude": 0, "panels": 1000})
    assert spare.clear(sydney, NOON + 183 * 86400) > 700


def test_how_clear_it_is_shows_while_nothing_is_held_back() -> None:
    assert watched({}, NOON, 0.9, 120)["now"] == pytest.approx(0.9, abs=0.06)
    assert watched({}, NOON, 0.3, 120)["now"] == pytest.approx(0.3, abs=0.06)


def test_panels_that_are_held_back_say_nothing_but_that_it_is_at_least_so_clear() -> None:
    clear = watched({}, NOON, 0.9, 120)
    held = watched(clear, NOON + 2 * HOUR, 0.2, 30, mppt=1, stage="Float")
    assert spare.likely(held, 0) == pytest.approx(0.9, abs=0.15)
    brighter = watched(watched({}, NOON, 0.2, 60), NOON + HOUR, 0.8, 60, mppt=1, stage="Float")
    assert brighter["now"] == pytest.approx(0.8, abs=0.1)


def test_without_the_mppt_field_absorption_and_float_count_as_held_back() -> None:
    assert watched({}, NOON, 0.1, 60, mppt=None, stage="Float") == {"lent": 0.0, "look": 0.0}
    assert watched({}, NOON, 0.4, 120, mppt=None, stage="Bulk")["now"] == pytest.approx(0.4, abs=0.06)


def test_what_it_is_like_now_gives_way_to_what_it_was_like_for_hours() -> None:
    sky = watched(watched({}, NOON - 5 * HOUR, 1.0, 300), NOON, 0.2, 20)
    assert spare.likely(sky, 0) < 0.55 < 0.7 < spare.likely(sky, 3 * HOUR)


def test_the_night_teaches_nothing() -> None:
    sky = watched({}, NOON, 0.9, 60)
    assert watched(sky, NOON + 10 * HOUR, 0, 60) == {**later(sky, 60 * 60), "look": 0.0}


def test_the_charge_in_float_is_what_full_means_to_this_battery_monitor() -> None:
    sky = spare.watched({}, PLANT, NOON, reading(400, "Float", 1, 98), first=True)
    assert spare.lacking(PLANT, sky, 98, True) < spare.lacking(PLANT, {}, 98, True)
    assert spare.lacking(PLANT, sky, 90, True) > spare.lacking(PLANT, sky, 95, True) > 0


@pytest.mark.parametrize(("first", "charge", "full"), [(False, 92, 98), (False, 100, 100), (True, 92, 92)])
def test_a_second_float_of_the_day_lowers_nothing(first: bool, charge: float, full: float) -> None:
    """A regulator that does not repeat absorption floats again soon after the battery has lent a part. A
    monitor may count up meanwhile."""
    sky = spare.watched({}, PLANT, NOON, reading(400, "Float", 1, 98), first=True)
    assert spare.watched(sky, PLANT, NOON + HOUR, reading(400, "Float", 1, charge), first)["full"] == full


def test_a_monitor_that_jumps_to_full_does_not_give_back_what_the_battery_has_lent() -> None:
    """Many are set so that little sun looks like a full battery. An hour of 600 W is a tenth of it."""
    sky = dict(spare.watched({}, PLANT, NOON, reading(400, "Float", 1, 99), first=True))
    lending = reading(400, "Bulk", 2, 90)
    lending.devices[1].values["P"] = Value("-600", "")  # type: ignore[index]
    for minute in range(1, 61):
        sky = dict(spare.watched(later(sky, 60), PLANT, NOON + 60 * minute, lending))
    left = 89 - 100 * spare.LACKS["lead"]
    assert spare.charge(sky, PLANT, 100) == pytest.approx(left, abs=0.2)
    assert spare.charge(sky, PLANT, 80) == 80
    at_that = spare.lacking(PLANT, sky, left, True)
    assert spare.lacking(PLANT, sky, 100, True) == pytest.approx(at_that, rel=0.05)
    giving = reading(400, "Bulk", 2, 90)
    giving.devices[1].values["P"] = Value("720", "")  # type: ignore[index]
    for minute in range(61, 121):
        sky = dict(spare.watched(later(sky, 60), PLANT, NOON + 60 * minute, giving))
    assert spare.charge(sky, PLANT, 100) == pytest.approx(left + 10, abs=0.5)


def test_lead_is_not_quite_full_when_the_regulator_first_says_so() -> None:
    """It must get the rest, or it lends less of itself."""
    for chemistry, charge in (("lead", 98.3), ("lfp", 99)):
        plant = {**PLANT, "chemistry": chemistry}
        sky = dict(spare.watched({}, plant, NOON, reading(400, "Float", 1, 99), first=True))
        assert spare.charge(sky, plant, 99) == pytest.approx(charge)
        resting = reading(400, "Float", 1, 99)
        resting.devices[1].values["P"] = Value("60", "")  # type: ignore[index]
        for minute in range(1, 61):
            sky = dict(spare.watched(later(sky, 60), plant, NOON + 60 * minute, resting))
        assert spare.charge(sky, plant, 99) == 99


def of_day(hour: float, clearness: float, charge: float, trust: float = 0.8) -> float:
    """What is to spare at that hour of solar time, under a sky that has been so clear for long."""
    pieces = spare.ahead({"now": clearness, "day": clearness}, PLANT, NOON + (hour - 12) * HOUR, hour)
    lacks = spare.lacking(PLANT, {}, charge, False)
    return spare.spare(*spare.rest(pieces, PLANT, trust, lacks), lacks)


def test_a_clear_morning_has_to_spare_and_a_dark_one_has_not() -> None:
    assert of_day(8, 1.0, 80) > 2000
    assert of_day(8, 0.15, 80) < 0


@examples(100)
@given(
    watts=st.floats(),
    charge=st.floats(),
    stage=st.sampled_from(("Bulk", "Absorption", "Float")),
    mppt=st.sampled_from((None, 1, 2)),
    hour=st.floats(-12, 12),
)
def test_whatever_is_reported_can_be_remembered(
    watts: float, charge: float, stage: str, mppt: int | None, hour: float
) -> None:
    sky: Any = {}
    for minute in range(3):
        shown = reading(0, stage, mppt, charge)
        shown.devices[0].values["PPV"] = Value(repr(watts), "")  # type: ignore[index]
        sky = spare.watched(later(sky, 60), PLANT, NOON + hour * HOUR + 60 * minute, shown)
        write, read = codec.FIELDS["sky"]
        assert read(write(sky), 60.0) == pytest.approx(later(sky, 60), abs=1e-3)


def test_what_a_lead_battery_has_no_time_to_take_is_missing() -> None:
    """Two hours before sunset there is more sun than it lacks, but it takes it too slowly."""
    assert of_day(17.5, 1.0, 88) < 0


def test_lead_takes_its_last_per_cents_slowly_and_lfp_at_once() -> None:
    """More sun than it takes, and 5 per cent to go: an hour and a half is too short for lead."""
    lacks = 0.05 * 6000 * spare.NEEDS["lead"]
    bright = [(0.5, 1000.0, 0.0)]
    lead, lfp = ({**PLANT, "chemistry": chemistry} for chemistry in ("lead", "lfp"))
    taken = [spare.rest(bright * pieces, lead, 1.0, lacks)[1] for pieces in (1, 3, 5)]
    assert taken[0] == pytest.approx(0.5 * (0.8 * lacks + 60))
    assert taken[1] < lacks <= taken[2]
    assert spare.rest(bright, lfp, 1.0, lacks)[1] >= lacks


hours, shares = st.floats(0, 23.99), st.floats(0, 1.5)


@given(hour=hours, clearness=shares, charge=st.floats(0, 100), trust=st.floats(0, 1))
def test_more_sun_more_charge_and_more_trust_never_spare_less(
    hour: float, clearness: float, charge: float, trust: float
) -> None:
    here = of_day(hour, clearness, charge, trust)
    assert of_day(hour, clearness + 0.1, charge, trust) >= here - 1e-6
    assert of_day(hour, clearness, min(100, charge + 5), trust) >= here - 1e-6
    assert of_day(hour, clearness, charge, trust + 0.1) >= here - 1e-6


@given(hour=st.floats(20.5, 23.99), clearness=shares, charge=st.floats(0, 100))
def test_at_night_nothing_is_to_spare(hour: float, clearness: float, charge: float) -> None:
    assert of_day(hour, clearness, charge) <= 0


@given(
    looks=st.lists(
        st.tuples(st.floats(0, 4e9), st.floats(0, 1e6), st.floats(0, 5000), st.sampled_from([0, 1, 2, None])),
        max_size=30,
    )
)
def test_whatever_the_clock_does_it_stays_within_what_can_be(
    looks: list[tuple[float, float, float, int | None]],
) -> None:
    """Clocks that jump by years, readings that stay away for days, panels that give anything."""
    sky: dict[str, float] = {}
    for wall, gone, watts, mppt in looks:
        sky = dict(spare.watched(later(sky, gone), PLANT, wall, reading(watts, "Float", mppt)))
        assert 0 <= sky.get("now", 0) <= spare.CLEAREST and 0 <= sky.get("day", 0) <= spare.CLEAREST
        assert all(value >= 0 for value in sky.values())
        over, taken = spare.rest(spare.ahead(sky, PLANT, wall, 12), PLANT, 0.8, 1000.0)
        assert 0 <= taken <= over + 1e-6 < 1e6


@given(now=st.floats(0, 3), day=st.floats(0, 3), age=st.floats(0, 20000), minute=st.integers(-300, 300))
@examples(100)
def test_each_piece_of_the_day_is_as_clear_as_is_likely_then(
    now: float, day: float, age: float, minute: int
) -> None:
    sky, wall, begins = {"now": now, "day": day, "age": age}, NOON + 60 * minute, 0.0
    unclouded = spare.ahead({"now": 1.0, "day": 1.0}, PLANT, wall, 12)
    for (lasts, watts, _), (_, clear, _) in zip(spare.ahead(sky, PLANT, wall, 12), unclouded, strict=True):
        assert watts == pytest.approx(clear * spare.likely(sky, begins + lasts * HOUR / 2), abs=1e-6)
        begins += lasts * HOUR


def test_another_forecast_counts_for_half() -> None:
    sky = {"now": 1.0, "day": 1.0}
    own = spare.ahead(sky, PLANT, NOON, 12)
    both = spare.ahead(sky, PLANT, NOON, 12, lambda hour: 0.0 if hour < 14 else None)
    assert both[0][1] == pytest.approx(own[0][1] / 2)
    assert both[-1] == own[-1]


def test_summer_time_moves_the_house_not_the_sun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    plant = {**PLANT, "longitude": None}
    day = [spare.clear(plant, NOON + 600 * step) for step in range(-72, 72)]
    monkeypatch.undo()
    time.tzset()
    assert abs(day.index(max(day)) - 66) <= 1  # 11:00 UTC, noon of winter time


# --- the steps of a staircase --------------------------------------------------------------------------


def test_the_steps_are_all_sums() -> None:
    steps = stairs.steps({4: 300, 5: 800, 6: 800}, 2500)
    assert [watts for watts, _ in steps] == [0, 300, 800, 1100, 1600, 1900]
    assert dict(steps)[1100] == (4, 5)
    assert [watts for watts, _ in stairs.steps({4: 300, 5: 800, 6: 800}, 1000)] == [0, 300, 800]


@given(
    watts=st.dictionaries(st.integers(1, 8), st.floats(1, 3000), max_size=6),
    most=st.floats(0, 5000),
    room=st.floats(-5000, 10000),
    lends=st.booleans(),
)
def test_a_step_never_draws_more_than_there_is_unless_the_battery_lends(
    watts: dict[int, float], most: float, room: float, lends: bool
) -> None:
    steps = stairs.steps(watts, most)
    total, relays = stairs.chosen(steps, room, lends)
    assert total <= most or total == 0
    assert total == pytest.approx(sum(watts[relay] for relay in relays))
    if not lends or room <= 0:
        assert total <= max(0.0, room)
