"""Heaters as a staircase: which step is on, by sun, battery, inverter, and the other staircases."""

from __future__ import annotations

from typing import Any

import pytest

from domo.core.history import ON, History
from domo.core.model import Device, Now, Past, Reading, Value
from domo.core.records import replace
from domo.core.settings import Config
from domo.scripts.api import Relay, World
from domo.stores import plant_keys

LONG = {1: History(((900.0, ON),)), 2: History(((900.0, ON),))}


def staircase(data: dict[str, str], watts: dict[int, float], past: Past, states: dict[int, int]) -> World:
    """What a staircase sees at noon of a day in June, with 6 kWh of lead that has been full today."""
    plant = plant_keys.plant({"panels": 3000, "battery": 6000, "latitude": 48})
    config = Config(path="", relayNb=len(watts), relayWatt=watts, plant=plant, cacheDir="")
    now = Now(1_750_507_200.0, 50_000.0, "boot")
    sky = {"full": 100.0, "now": 0.9, "day": 0.9, "age": 60.0, "look": 60.0, **past.sky}
    past = replace(past, sky=sky, charge={"full mppt": 3600.0, "night mppt": 25_000.0})
    regulator = {"CS": Value("Bulk", ""), "PPV": Value("400", ""), "MPPT": Value("2", "")}
    monitor = {name: Value(text, "") for name, text in data.items()}
    reading = Reading((Device("mppt", "Mppt", 1.0, regulator), Device("bmv", "Bmv", 1.0, monitor)))
    return World(config, dict.fromkeys(watts, 1), states, past, reading, now)


def climbed(world: World, heaters: tuple[int, ...], **changes: Any) -> set[int]:
    """The heaters that the staircase wants on, with a configuration changed so."""
    world.config = replace(world.config, **changes)
    return {r for r in heaters if Relay(r, world).staircase(world.data, heaters).wanted == "on"}


def two() -> World:
    """Two staircases: relay 1, and the less important relay 2, which is on and takes all the sun."""
    past = Past(history={2: History(((900.0, ON),))}, sky={"lent": 400.0})
    world = staircase({"SOC": "100", "P": "10"}, {1: 300, 2: 300}, past, {1: 0, 2: 1})
    world.timers = {" staircase 2": (60.0, 150.0, 0), " staircase 1": (60.0, 150.0, 0)}
    return world


def later(hours: float, stage: str, soc: float, full: bool, lent: float = 0.0) -> World:
    """The world so much later, with 400 W into the battery, and the heater off."""
    world = staircase({"SOC": str(soc), "P": "400"}, {1: 300}, Past(sky={"lent": lent}), {1: 0})
    regulator, monitor = world.reading.devices
    regulator = replace(regulator, values={**regulator.values, "CS": Value(stage, "")})
    ages = {"night mppt": 25_000.0, **({"full mppt": 3600.0} if full else {})}
    stages = {"absorption_or_float mppt": None} if stage == "Absorption" else {}
    world.reading = Reading((regulator, monitor))
    world.past = replace(world.past, charge={**ages, **stages})
    world.wall += hours * 3600
    world.data = world.kind(world.reading, world.past, world.config, world.wall)
    return world


@pytest.mark.parametrize(("lent", "on"), [(0, True), (200, True), (400, False)])
def test_a_staircase_goes_by_what_the_battery_has_lent_whatever_its_monitor_shows(
    lent: float, on: bool
) -> None:
    """It may lend 5 % of 6000 Wh, and shows 100 % again."""
    world = staircase({"SOC": "100", "P": "200"}, {1: 800}, Past(sky={"lent": lent}), {1: 0})
    assert (Relay(1, world).staircase(world.data, [1]).wanted == "on") == on


@pytest.mark.parametrize(
    ("power", "age", "on"),
    [
        (400, 60, {1}), (400, 120, {1, 2}),  # two steps of 300 W: sun for both
        (-100, 60, {1}), (-100, 120, {1}),  # a full battery lends the rest
        (-290, 60, set()), (-290, 120, set()),  # a cloud
    ],
)  # fmt: skip
def test_a_staircase_changes_its_step_every_two_minutes_but_at_once_under_a_cloud(
    power: float, age: float, on: set[int]
) -> None:
    past = Past(sky={"lent": 0.0}, history={1: History(((age, ON),))})
    world = staircase({"SOC": "100", "P": str(power)}, {1: 300, 2: 300}, past, {1: 1, 2: 0})
    assert {r for r in (1, 2) if Relay(r, world).staircase(world.data, [1, 2]).wanted == "on"} == on


def test_heaters_that_are_on_are_not_counted_twice_against_the_inverter() -> None:
    world = staircase({"SOC": "100", "P": "50"}, {1: 300, 2: 300}, Past(history=LONG), {1: 1, 2: 1})
    assert climbed(world, (1, 2), maxWatt=700.0) == {1, 2}


def test_what_is_off_takes_no_room_of_the_inverter() -> None:
    watts = {1: 300.0, 2: 300.0, 3: 400.0}
    for on, most in ((0, {1, 2}), (1, {1})):
        world = staircase({"SOC": "100", "P": "650"}, watts, Past(), {1: 0, 2: 0, 3: on})
        assert climbed(world, (1, 2), maxWatt=700.0) == most


def test_a_heater_that_is_forced_off_is_no_step() -> None:
    """Its owner has it; the sun is for the other one."""
    world = staircase({"SOC": "100", "P": "310"}, {1: 300, 2: 300}, Past(), {1: 0, 2: 0})
    world.modes = {1: 0, 2: 1}
    assert climbed(world, (1, 2)) == {2}


def test_the_battery_comes_first() -> None:
    world = staircase({"SOC": "80", "P": "100"}, {1: 300}, Past(history=LONG), {1: 1})
    world.past = replace(world.past, charge={"night mppt": 25_000.0})
    world.data = world.kind(world.reading, world.past, world.config, world.wall)
    assert climbed(world, (1,)) == set()


def test_the_less_important_staircase_gives_way() -> None:
    assert climbed(two(), (1,)) == {1}
    assert climbed(two(), (1,), relayPriority=(2,)) == set()


def test_a_staircase_that_is_not_asked_any_more_gives_nothing() -> None:
    world = two()
    world.timers[" staircase 2"] = (151.0, 150.0, 0)
    assert climbed(world, (1,)) == set()


def test_a_heater_that_is_off_gives_nothing() -> None:
    world = two()
    world.states = {1: 0, 2: 0}
    assert climbed(world, (1,)) == set()


@pytest.mark.parametrize(("hours", "on"), [(4, True), (5, False)])
def test_in_the_evening_a_full_battery_keeps_what_it_still_needs(hours: float, on: bool) -> None:
    """The sun to come will not give back what it has lent."""
    assert climbed(later(hours, "Bulk", 99, True, lent=400), (1,)) == ({1} if on else set())


@pytest.mark.parametrize(("spare", "on"), [(100.0, False), (300.0, True)])
def test_absorption_comes_first_unless_there_is_plenty_to_spare(spare: float, on: bool) -> None:
    world = later(0, "Absorption", 98, False)
    world.data._known_already[1.0] = spare
    assert climbed(world, (1,)) == ({1} if on else set())


def test_panels_that_are_held_back_have_more_to_give_before_a_step_down() -> None:
    """The battery's power wobbles around nothing."""
    world = later(0, "Absorption", 98, False)
    world.states = {1: 1}
    values = {"SOC": Value("98", ""), "P": Value("-20", "")}
    regulator = {**world.reading.devices[0].values, "MPPT": Value("1", ""), "PPV": Value("5000", "")}
    mppt, bmv = world.reading.devices
    world.reading = Reading((replace(mppt, values=regulator), replace(bmv, values=values)))
    world.past = replace(world.past, history=LONG)
    world.data = world.kind(world.reading, world.past, world.config, world.wall)
    assert climbed(world, (1,)) == {1}


def test_each_staircase_has_its_own_buffer() -> None:
    world = staircase({"SOC": "100", "P": "200"}, {1: 800}, Past(sky={"lent": 400.0}), {1: 0})
    relay = Relay(1, world)
    assert relay.staircase(world.data, [1], buffer=5).wanted == "off"
    assert relay.staircase(world.data, [1], buffer=10).wanted == "on"
