"""Real ticks beside a replay, each a process of its own; raises AssertionError where the two differ.

    python -m support.real_ticks CONFIG DAYS

It is a program by itself because a small process forks several times faster than the tests' own. It prints
what it saw, as JSON: how often relays were switched, ticks with a script that failed, and the reasons of each
relay.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from domo.core.model import Now
from domo.core.settings import Config
from domo.plant import fold, run
from domo.stores import config as configs
from domo.tools import tick


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


def tick_in_a_process(config: Config, now: Now) -> int:
    """The exit code of a tick that is a process of its own, at that time."""
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os._exit(tick.main(["--config", config.path], lambda: now))
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def read(path: str) -> Any:
    """A file's JSON."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def numbered(values: dict[str, Any]) -> dict[int, Any]:
    """By relay, whose number JSON makes a text."""
    return {int(relay): value for relay, value in values.items()}


def compare(config: Config, days: int) -> dict[str, Any]:
    """Each minute's plan in the replay, and what a real tick does with the same readings."""
    start = time.mktime((2025, 6, 20, 0, 0, 0, 0, 0, -1))
    switched = failed = 0
    told: dict[int, set[str]] = {relay: set() for relay in config.relays}
    for moment in fold.fold(config, run.plant(run.Scenario(config, start, days, seed=4)), start, days * 1440):
        with open(config.tmpFileDataXml, "w", encoding="utf-8") as file:
            file.write(xml(moment))
        os.utime(config.tmpFileDataXml, (moment.now.wall - 1, moment.now.wall - 1))
        code = tick_in_a_process(config, moment.now)
        assert code in (0, 1), (moment.now, code)
        pins = read(config.simulatedPins)
        on = {relay for relay, pin in config.relayGpio.items() if pins.get(str(pin)) == 0}
        assert on == {relay for relay, decision in moment.plan.items() if decision.state}, moment.now
        modes = {relay: decision.mode for relay, decision in moment.plan.items()}
        assert numbered(read(config.modPath)) == modes, moment.now
        why = numbered(read(config.memory_path)["why"])
        assert why == {relay: decision.why for relay, decision in moment.plan.items()}, moment.now
        switched += len(moment.switched)
        failed += any(not order.good for order in moment.orders.values())
        for relay, text in why.items():
            told[relay].add(text.partition(",")[0])
    return {"switched": switched, "failed": failed, "told": {r: sorted(texts) for r, texts in told.items()}}


if __name__ == "__main__":
    print(json.dumps(compare(configs.load(sys.argv[1])[0], int(sys.argv[2]))))
