"""`domo-tick --dry-run`: what a tick would do, with the real readings and hour or with given ones."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ..core.model import DONE, REFUSED, WRONG, ConfigError, Device, Fault, Now, Reading, Value
from ..core.records import replace
from ..core.settings import Config
from ..core.texts import did_you_mean
from ..stores import bounded, reading, user
from ..stores import config as configs
from ..system import output
from . import plan, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def main(path: str, now: Now, readings: list[str], at: str | None, relay: int | None) -> int:
    """Prints the plan by the configuration at `path`, for one `relay` or all, as if PvMonit gave `readings`
    ("NAME=VALUE") and it were `at` ("HH:MM"); gives the exit code. Changes nothing, and takes no lock."""
    try:
        config, _ = configs.load(path)
        user.as_its_user(config)
        supposed = dict(pair(text) for text in readings)
        pretend = _at(at, now) if at else None
        if relay is not None and relay not in config.relays:
            raise ValueError(f"--relay: there is no relay {relay}; there are 1 to {config.relayNb}")
    except (ConfigError, ValueError, Fault) as error:
        for line in str(error).splitlines():
            print(f"domo-tick: {line}", file=sys.stderr)
        return REFUSED
    given = None
    if supposed:
        real, _ = bounded.load(config, now)
        given = suppose(real, supposed, config)
        given = replace(given, notes=(*given.notes, *_strange(real, supposed)))
    sight = plan.finish(plan.begin(config, now), given, pretend)
    output.show(table.table(sight, sight.plan, relay))
    for line in sight.faults:
        print(f"domo-tick: {line}", file=sys.stderr)
    return WRONG if sight.faults else DONE


def suppose(real: Reading, values: dict[str, str], config: Config) -> Reading:
    """The reading as if PvMonit gave these values, on every device that reports them; new ones get a
    device."""
    told = {name: Value(text.strip(), "") for name, text in values.items()}

    def supposed(reported: Mapping[str, Value]) -> dict[str, Value]:
        given = {name: told.get(name, value) for name, value in reported.items()}
        return {name: value for name, value in given.items() if value.text not in reading.NO_VALUE}

    known = {name for device in real.devices for name in device.values}
    devices = [replace(device, values=supposed(device.values)) for device in real.devices]
    if new := supposed({name: value for name, value in told.items() if name not in known}):
        devices.append(Device("supposed", "supposed", 0.0, new))
    merged = Reading(tuple(devices), notes=real.notes)
    problem = reading.lacking(merged.values, {}, config)
    if real.problem and (missing := [name for name in config.required if name not in merged.values]):
        problem = f"no {missing[0]}: {real.problem}"
    return replace(merged, problem=problem)


def _strange(real: Reading, values: dict[str, str]) -> Iterator[str]:
    """Warnings about --set that may be a mistake."""
    reported = real.values
    for name, text in values.items():
        if reported and name not in reported:
            yield f"--set {name}: PvMonit does not report it{did_you_mean(name, reported)}"
        elif name in reported and reported[name].number is not None and Value(text, "").number is None:
            yield f"--set {name}: {text!r} is text, and PvMonit reports a number"


def pair(text: str) -> tuple[str, str]:
    """The name and value in "NAME=VALUE". Raises ValueError."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ValueError(f"--set wants NAME=VALUE, not {text!r}")
    return name, value


def _at(text: str, now: Now) -> Now:
    """The clocks at that time of today."""
    try:
        hour = time.strptime(text, "%H:%M")
    except ValueError:
        raise ValueError(f"--at wants HH:MM, not {text!r}") from None
    today = list(time.localtime(now.wall))
    today[3:6] = hour.tm_hour, hour.tm_min, 0
    today[8] = -1
    return replace(now, wall=time.mktime(time.struct_time(today)))
