"""Whether a battery has been full today: what regulators and a battery monitor say, minute by minute."""

from __future__ import annotations

from typing import Any

import pytest

from domo.core import charge, spare
from domo.core.model import Device, Now, Past, Reading, Value
from domo.core.settings import Config
from domo.stores import plant_keys
from domo.stores import reading as store

PLANT = plant_keys.plant({"battery": 6000, "chemistry": "lfp"})
Ages = dict[str, float | None]


def shown(stage: str, soc: float = 90, power: float = 300, panels: float = 400) -> Reading:
    """A regulator in that stage, and a battery monitor."""
    regulator = {"CS": Value(stage, ""), "PPV": Value(f"{panels}", "")}
    monitor = {"SOC": Value(f"{soc}", ""), "P": Value(f"{power}", "")}
    return Reading((Device("mppt", "Mppt", 1.0, regulator), Device("bmv", "Bmv", 1.0, monitor)))


def seen(before: Ages, reading: Reading, later: float = 0.0, plant: Any = PLANT) -> Ages:
    """What is remembered of a reading, so much later (s)."""
    found = charge.stages(before, reading, plant)
    return {key: age if age is None else age + later for key, age in found.items()}


def test_it_has_been_full_when_the_regulator_has_been_in_float_until_the_night() -> None:
    ages = seen({}, shown("Off", panels=0), 5 * 3600)
    assert not charge.full_today(ages, "mppt")
    ages = seen(seen(ages, shown("Absorption"), 3600), shown("Float"), 60)
    assert charge.full_today(ages, "mppt")
    ages = seen(ages, shown("Bulk", soc=80), 6 * 3600)
    assert charge.full_today(ages, "mppt")
    ages = seen(ages, shown("Off", panels=0), 9 * 3600)
    assert not charge.full_today(ages, "mppt")


def test_what_no_night_ends_is_forgotten_after_a_long_day() -> None:
    ages = seen({}, shown("Float"), charge.LONGEST_DAY - 1)
    assert charge.full_today(ages, "mppt")
    assert not charge.full_today({key: age and age + 2 for key, age in ages.items()}, "mppt")


@pytest.mark.parametrize(
    ("stage", "soc", "power", "full"),
    [
        ("Absorption", 100, 119, True),
        ("Absorption", 100, 0, True),
        ("Absorption", 100, 121, False),  # it takes a lot still
        ("Absorption", 100, -5, False),  # the loads get more than the panels give
        ("Absorption", 99.9, 50, False),
        ("Bulk", 100, 50, False),  # little sun, and a monitor that is wrong
    ],
)
def test_lfp_is_full_in_absorption_when_its_monitor_says_so_and_it_takes_no_more_for_a_while(
    stage: str, soc: float, power: float, full: bool
) -> None:
    """Of some regulators the tail current counts the loads too, so that they never come to float."""
    ages = seen({}, shown(stage, soc, power), charge.SOAKED - 1)
    assert not charge.full_today(seen(ages, shown(stage, soc, power)), "mppt")
    ages = seen(ages, shown(stage, soc, power), 1)
    assert charge.full_today(seen(ages, shown(stage, soc, power)), "mppt") == full
    again = seen(seen(ages, shown(stage, soc, 500)), shown(stage, soc, power), 60)
    assert not charge.full_today(seen(again, shown(stage, soc, power)), "mppt")


def test_lead_wants_its_absorption_to_the_end() -> None:
    lead = {**PLANT, "chemistry": "lead"}
    ages = seen({}, shown("Absorption", 100, 10), 2 * charge.SOAKED, lead)
    assert not charge.full_today(seen(ages, shown("Absorption", 100, 10), 60, lead), "mppt")


def test_a_regulator_that_holds_nothing_back_waits_for_the_sun() -> None:
    """Its battery takes little because there is little."""
    dim = shown("Absorption", 100, 10)
    dim.devices[0].values["MPPT"] = Value("2", "")  # type: ignore[index]
    assert not charge.full_today(seen(seen({}, dim, 2 * charge.SOAKED), dim, 60), "mppt")


def test_without_a_battery_monitor_only_float_says_so() -> None:
    regulator = Reading((Device("mppt", "Mppt", 1.0, {"CS": Value("Absorption", "")}),))
    assert not charge.full_today(seen({}, regulator, 60), "mppt")
    floats = Reading((Device("mppt", "Mppt", 1.0, {"CS": Value("Float", "")}),))
    assert charge.full_today(seen({}, floats, 60), "mppt")


def test_a_tick_tells_the_first_float_of_a_day_from_the_next() -> None:
    config = Config(path="", plant=PLANT)
    now, past = Now(1_750_507_200.0, 1000.0, "boot"), Past()
    for stage, soc in (("Float", 98), ("Bulk", 90), ("Float", 92)):
        _, past = store.watched(config, shown(stage, soc), past, now)
    assert past.sky["full"] == 98


def test_a_long_gap_in_the_data_counts_as_a_night() -> None:
    """The battery was full yesterday; nobody looked while it was night."""
    before = {"full mppt": charge.SHORTEST_NIGHT + 60}
    for gap, full in ((charge.SHORTEST_NIGHT - 1, True), (charge.SHORTEST_NIGHT, False)):
        after = charge.stages(before, shown("Bulk", soc=80), PLANT, gap)
        assert charge.full_today(after, "mppt") == full


def test_a_regulator_in_float_whose_panels_give_nothing_is_not_in_the_night() -> None:
    ages = charge.stages({}, shown("Float", panels=0), PLANT)
    assert "night mppt" not in ages


def two(*stages: str) -> Reading:
    """Two regulators, 400 W each, the first held back, the second not."""

    def device(name: str, stage: str, held: str) -> Device:
        values = {"CS": stage, "PPV": "400", "MPPT": held}
        return Device(name, "Mppt", 1.0, {value: Value(text, "") for value, text in values.items()})

    return Reading((device("0", stages[0], "1"), device("1", stages[1], "2")))


def test_of_two_regulators_one_that_is_held_back_is_enough() -> None:
    assert spare.panel_power(two("Float", "Bulk")) == (800.0, True, True)


def test_a_regulator_in_float_that_gives_all_it_can_does_not_say_that_it_is_full() -> None:
    assert spare.panel_power(two("Absorption", "Float")) == (800.0, True, False)


def test_after_a_long_silence_a_reading_counts_for_no_more_than_a_while() -> None:
    looks = [{"now": 0.2, "day": 0.2, "lent": 100.0, "look": gone} for gone in (spare.GAP, 7200.0)]
    one, other = (spare.watched(sky, PLANT, 1_750_507_200.0, shown("Bulk", panels=900)) for sky in looks)
    assert one == other and 0.2 < one["now"] < 0.9
