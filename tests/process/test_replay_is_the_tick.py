"""A replay decides what real ticks decide: over three days of the plant, a process for each minute, with
files, pins, memory, journal, and a child for the scripts."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from support.day import example
from support.house import PROJECT, House

DAYS = 3
FLAKY = """def decide(relay, data):
    if relay.now.hour == 13:
        raise ValueError("at one o'clock")
    if relay.now.minute == 0:
        relay.timer("shared").start(600)
    return relay.on("the timer runs") if relay.timer("shared").running else relay.off("it does not")
"""
COUNTS = """SEEN = []

def decide(relay, data):
    SEEN.append(1)
    return relay.on("seldom") if len(SEEN) > 1 else relay.keep(f"seen {len(SEEN)}, {relay.others[1].name}")
"""


@pytest.fixture
def village(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Loads of every kind, limits, a floor, scripts that fail, share a timer, or try to remember."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    monkeypatch.setenv("TMPDIR", str(house.tmp))
    time.tzset()
    loads = {
        1: {"kind": "pump", "watt": 750, "minutes": 40, "tank": 60},
        2: {"kind": "cycle", "steps": [[100, 10], [2000, 15], [150, 45]], "days": 7},
        3: {"kind": "charger", "watt": 200, "store": 500},
        4: {"kind": "thermostat", "watt": 330, "store": 520, "use": 300},
    }
    house.configure({"domo.relayNb": 8, "domo.relayLoad": loads, "domo.relayWatt": {5: 200, 6: 200}})
    house.configure({"domo.maxWatt": 2200, "domo.floor": {"SOC": 70}, "domo.uninterruptible": [2]})
    house.configure({"domo.limits": {6: {"minOff": 300, "maxStartsPerHour": 2, "maxOnPerDay": 7200}}})
    house.configure({"domo.plant": {"panels": 900, "battery": 4000}})
    house.configure({"domo.valueUse": ["SOC", "CS", "P", "PPV"]})
    names = ("lift-pump", "washing-machine", "tool-chargers", "van-water-heater", "absorption-float")
    for relay, name in enumerate(names, 1):
        house.script(relay, example(name))
    house.script(6, "return relay.on('even') if relay.now.minute // 10 % 2 == 0 else relay.off('odd')")
    house.script(7, FLAKY)
    house.script(8, COUNTS)
    return house


@pytest.mark.timeout(3000)  # a few minutes on a quiet machine
def test_three_days_of_real_ticks(village: House) -> None:
    command = [sys.executable, "-m", "support.real_ticks", str(village.config), str(DAYS)]
    env = {**village.env, "TZ": "Europe/Paris", "PYTHONPATH": f"{PROJECT}/lib:{PROJECT}/tests"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["switched"] > 100 and seen["failed"] == DAYS * 60
    assert all(len(reasons) > 2 for relay, reasons in seen["told"].items() if relay != "8")
    assert seen["told"]["8"] == ["seen 1"]
