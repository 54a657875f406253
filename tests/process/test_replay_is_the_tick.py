"""A replay decides what real ticks decide: over three days of the plant, a process for each minute, with
files, pins, memory, journal, and a child for the scripts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from domo.core.model import Now
from domo.plant import fold, run
from domo.stores import config as configs
from domo.tools import tick
from support.day import example
from support.house import House

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


def xml(moment: fold.Moment) -> str:
    """A moment's readings, as PvMonit writes them."""
    devices = ""
    for device in moment.reading.devices:
        values = "".join(
            f'<data id="{name}"><value>{value.text}</value><valueBeast>{value.raw}</valueBeast></data>'
            for name, value in device.values.items()
        )
        stamp = moment.now.wall - device.age
        devices += (
            f'<device id="{device.id}"><nom>{device.name}</nom><timerefresh>{stamp:.0f}</timerefresh>'
            f"<datas>{values}</datas></device>"
        )
    return f"<devices>{devices}</devices>"


def tick_in_a_process(house: House, now: Now, out: Path) -> int:
    """The exit code of a tick that is a process of its own, at that time."""
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            os._exit(tick.main(["--config", str(house.config)], lambda: now))
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.timeout(3000)  # a minute or two on a quiet machine
def test_three_days_of_real_ticks(village: House, tmp_path: Path) -> None:
    config, _ = configs.load(str(village.config))
    start = time.mktime((2025, 6, 20, 0, 0, 0, 0, 0, -1))
    asked = run.Asked(config, start, DAYS, seed=4)
    switched = faults = 0
    told: dict[int, set[str]] = {relay: set() for relay in config.relays}
    for moment in fold.fold(config, run.plant(asked), start, DAYS * 1440):
        village.data_file.write_text(xml(moment))
        os.utime(village.data_file, (moment.now.wall - 1, moment.now.wall - 1))
        code = tick_in_a_process(village, moment.now, tmp_path / "said")
        bad = any(not order.good for order in moment.orders.values())
        assert code in (0, 1), (tmp_path / "said").read_text()
        states = {relay for relay, decision in moment.plan.items() if decision.state}
        assert village.on == states
        assert village.modes == {relay: decision.mode for relay, decision in moment.plan.items()}
        why = {int(relay): text for relay, text in village.memory["why"].items()}
        assert why == {relay: decision.why for relay, decision in moment.plan.items()}
        switched += len(moment.switched)
        faults += bad
        for relay, text in why.items():
            told[relay].add(text.partition(",")[0])
    assert switched > 100 and faults == DAYS * 60
    assert all(len(reasons) > 2 for relay, reasons in told.items() if relay != 8)
    assert told[8] == {"seen 1"}
