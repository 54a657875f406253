"""`domo-tick --wires`, as a person runs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from domo.core import header
from support.house import PROJECT, House


def rows(text: str) -> dict[str, list[str]]:
    """The lines of the tables by their first word."""
    return {
        line.split()[0]: line.split()[1:] for line in text.splitlines() if line and not line.startswith("to ")
    }


def test_the_wires_of_the_configuration_as_it_comes() -> None:
    command = [
        sys.executable,
        "-S",
        str(PROJECT / "bin/domo-tick"),
        "--config",
        str(PROJECT / "config.yaml"),
        "--wires",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = rows(ran.stdout)
    assert found["IN1"] == ["relay", "1", "23", "16", "4", "low"]
    assert found["IN8"] == ["relay", "8", "21", "40", "29", "low"]
    assert found["DIO"] == ["19", "35", "24"]
    assert found["CLK"] == ["13", "33", "23"]
    assert found["STB"] == ["26", "37", "25"]
    assert ran.stdout.splitlines()[-1] == "gpio=5,6,8,16,20,21,23,24=op,dh"


@pytest.mark.parametrize("other", ["--check", "--dry-run"])
def test_one_thing_is_asked_at_a_time(house: House, other: str) -> None:
    ran = house.tick("--wires", other)
    assert ran.code == 2 and f"argument {other}: not allowed with argument --wires" in ran.err


def test_the_wires_of_this_house(house: House) -> None:
    names = {1: "Lift pump", 2: "A" * 70, 3: "two\nlines"}
    house.configure(
        {"domo.relayName": names, "domo.relayGpio": {1: 2, 2: 3, 3: 4}, "domo.relayActiveLow": False}
    )
    house.configure({"domo.tm1638.stb": [26, 6]})
    ran = house.tick("--wires")
    assert (ran.code, ran.err) == (0, "")
    assert max(map(len, ran.out.splitlines())) <= 80
    found = rows(ran.out)
    assert found["IN1"] == ["Lift", "pump", "2", "3", "8", "high"]
    assert found["IN2"][1:] == ["3", "5", "9", "high"]
    assert found["IN3"] == ["two", "lines", "4", "7", "7", "high"]
    assert "IN4" not in found
    assert [line.split()[:2] for line in ran.out.splitlines() if line.startswith("STB")] == [
        ["STB", "1"],
        ["STB", "2"],
    ]
    assert "relays 9 to 16" in ran.said
    assert "JD-VCC" not in ran.out
    assert ran.out.splitlines()[-1] == "gpio=2-4=op,dl"


def test_no_panel_has_no_wires(house: House) -> None:
    house.configure({"domo.tm1638.stb": []})
    ran = house.tick("--wires")
    assert ran.code == 0
    assert "no TM1638" in ran.out
    assert not {"DIO", "CLK", "STB"} & set(rows(ran.out))


def test_every_relay_that_there_can_be_fits(house: House) -> None:
    house.configure(
        {"domo.relayNb": 28, "domo.relayGpio": {r: r - 1 for r in range(1, 29)}, "domo.tm1638.stb": []}
    )
    ran = house.tick("--wires")
    assert max(map(len, ran.out.splitlines())) <= 80
    for relay in range(1, 29):
        assert rows(ran.out)[f"IN{relay}"][-3] == str(header.PHYSICAL[relay - 1])
    assert ran.out.splitlines()[-1] == "gpio=0-27=op,dh"


def test_it_changes_nothing(house: House) -> None:
    house.tick()
    house.set_modes({1: 3})
    house.data_file.unlink()
    before = house.snapshot()
    assert house.tick("--wires").code == 0
    assert house.snapshot() == before


def test_a_configuration_that_cannot_be_used_is_told_and_switches_nothing(house: House) -> None:
    house.set_modes({1: 3})
    house.tick()
    house.set_modes({1: 0})
    pins = house.pins
    house.config.write_text("domo:\n  relayNb: many\n")
    ran = house.tick("--wires")
    assert ran.code == 2
    assert ran.out == ""
    assert "relayNb" in ran.err
    assert house.pins == pins


def test_two_relays_on_one_pin_by_two_numberings(house: House) -> None:
    house.configure({"domo.relayGpio": {1: 24}})  # relay 2's, by wiringPi
    ran = house.tick("--wires")
    assert ran.code == 2
    assert "BCM pin 24 is taken" in ran.err
