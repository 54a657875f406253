"""`plant` and `relayLoad` in config.yaml: what is meant is taken, what cannot be is told with its key."""

from __future__ import annotations

from typing import Any

import pytest

from domo.core.model import ConfigError
from domo.core.settings import Config
from domo.stores import plant_keys, schema


def parsed(**domo: Any) -> Config:
    return schema.parse("/c.yaml", {"domo": {"relayNb": 3, **domo}})


def problems(**domo: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parsed(**domo)
    return [problem.removeprefix("/c.yaml: ") for problem in caught.value.problems]


def test_without_a_word_there_is_an_honest_plant() -> None:
    plant = parsed().plant
    assert (
        plant == {**plant_keys.PLANT, "own": False} and plant["battery"] == 5000 and len(plant["house"]) == 24
    )


def test_voltages_follow_chemistry_and_system() -> None:
    assert parsed(plant={"chemistry": "lfp"}).plant["absorption"] == 28.4
    small = parsed(plant={"float": 13.6}).plant
    assert (small["float"], small["absorption"]) == (13.6, 14.4)
    assert parsed(plant={"absorption": 57.6}).plant["float"] == 55.2


def test_a_number_stands_for_the_usual_form() -> None:
    plant = parsed(plant={"panels": 1200, "house": 100}).plant
    assert plant["panels"] == ((1200, 35, None),) and sum(plant["house"]) == pytest.approx(2400, abs=3)
    assert parsed(relayLoad={1: 300}).relayLoad[1] == {"kind": "constant", "watt": 300}


def test_the_peak_of_a_load_counts_for_max_watt_unless_relay_watt_says_another() -> None:
    steps = {"kind": "cycle", "steps": [[100, 10], [2000, 5]]}
    assert parsed(relayLoad={2: steps}).relayWatt == {2: 2000}
    assert parsed(relayLoad={2: steps}, relayWatt={2: 2300, 1: 50}).relayWatt == {2: 2300, 1: 50}
    assert parsed(relayLoad={2: steps}).cycle(2) == 900 and parsed().cycle(2) == 0


@pytest.mark.parametrize(
    ("domo", "told"),
    [
        ({"plant": {"battery": 0}}, "domo.plant.battery: wants a number from 10 to 1e+08 (Wh), not 0"),
        ({"plant": {"panels": -100}}, "domo.plant.panels: wants a number from 1 to 1e+06 (W), not -100"),
        ({"plant": {"panels": [{"tilt": 3}]}}, "domo.plant.panels.1.peak: is missing"),
        ({"plant": {"chemistry": "nickel"}}, "domo.plant.chemistry: wants one of lead, lfp, not 'nickel'"),
        ({"plant": {"house": [1, 2]}}, "domo.plant.house: wants one number, or 24 of them (W, hour by hour)"),
        ({"plant": {"float": 29, "absorption": 28}}, "domo.plant.float: 29 V is above absorption, 28 V"),
        ({"plant": {"lattitude": 3}}, "domo.plant.lattitude: unknown; did you mean latitude?"),
        ({"plant": 3}, "domo.plant wants latitude, longitude"),
        ({"relayLoad": {1: {"kind": "heater"}}}, "domo.relayLoad.1.kind: wants one of constant, cycle"),
        ({"relayLoad": {1: {"kind": "pump", "watt": 5, "tank": 1}}}, "domo.relayLoad.1.minutes: is missing"),
        ({"relayLoad": {1: {"kind": "cycle", "steps": [[5]]}}}, "domo.relayLoad.1.steps: wants a list of ["),
        ({"relayLoad": {1: -5}}, "domo.relayLoad.1: wants a number from 0 to 100000 (W), not -5"),
        ({"relayLoad": {7: 5}}, "domo.relayLoad: there is no relay 7 (relayNb is 3)"),
    ],
)
def test_what_cannot_be(domo: dict[str, Any], told: str) -> None:
    assert [problem for problem in problems(**domo) if problem.startswith(told)], problems(**domo)


def test_every_problem_is_told_at_once() -> None:
    plant = {"battery": 0, "latitude": 99, "x": 1}
    assert len(problems(plant=plant, relayLoad={1: {"kind": "thermostat"}})) == 5
