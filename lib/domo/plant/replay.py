"""`domo-replay`: a day or a year of generated sun through the owner's scripts, before a wire is laid.

The scripts, `decide` and the memory are the tick's own; only clock, sky, plant and pins are simulated.
A script that asks the world outside (a ping) gets its answer of now.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from ..core.decide import decide
from ..core.history import OFF, ON
from ..core.model import (
    AUTO_OFF,
    DONE,
    LOOK,
    ON_OFF,
    REFUSED,
    Config,
    ConfigError,
    Fault,
    Now,
    Order,
    Past,
    Plan,
    Reading,
)
from ..core.records import replace
from ..core.texts import minutes
from ..report.simulated import Simulated
from ..scripts import asking, source
from ..scripts.api import World
from ..stores import config as configs
from ..stores import memory, modes, reading
from ..system import arguments, files
from ..tick import dry_run as rehearsal
from ..tick.remember import next_past
from ..tick.sight import Sight
from . import recorded, sun

STEP = 60  # s between two ticks, as in crontab.example
UP = 3600.0  # s since boot at the first tick
SHARES = 48  # of a day, one character each in its picture
WIDTH = 80


@dataclass(frozen=True)
class Moment:
    """One tick and the minute after it: what it read and decided, and what flowed then, with the `watts`
    of each relay that is on."""

    now: Now
    reading: Reading
    orders: Mapping[int, Order]
    plan: Plan
    flow: sun.Flow
    watts: Mapping[int, float]

    @property
    def switched(self) -> list[int]:
        """The relays that this tick switched."""
        return [relay for relay, decision in self.plan.items() if decision.state != decision.state_before]

    def local(self, form: str) -> str:
        """Its local time, as strftime writes it."""
        return time.strftime(form, time.localtime(self.now.wall))


def fold(
    config: Config, plant: sun.Plant, start: float, ticks: int, soc: float, supposed: Mapping[str, str]
) -> Iterator[Moment]:
    """So many ticks from `start` (epoch s) on: every relay in auto and off at first, the battery at `soc`
    (0 to 1), some readings `supposed` instead of generated."""
    config = replace(config, dbFile="", onChange=())  # nobody is told of what has not happened
    scripted = source.scripted(config)
    library = source.Library(config.scriptDir)
    states, wanted = dict.fromkeys(config.relays, OFF), dict.fromkeys(config.relays, AUTO_OFF)
    flow, past = sun.Flow(soc, power=-plant.house), Past()
    for place in range(ticks):
        now = Now(start + place * STEP, UP + place * STEP, "replay")
        data = reading.judge(sun.report(plant, flow, now.wall - 1), config, now)
        if supposed:
            data = rehearsal.suppose(data, dict(supposed), config)
        data, past = reading.watched(config, data, past)
        world = World(config, wanted, states, past, data, now)
        orders = {
            r: Order("", data.problem) if data.problem else source.ask_here(r, world, library)
            for r in scripted
        }
        plan = decide(config, wanted, states, past, data, orders)
        answers, found = asking.Answers(orders, world.timers), modes.Found(wanted)
        sight = Sight(config, now, None, found, past, past, data, answers, plan, ())
        states = {relay: decision.state for relay, decision in plan.items()}
        wanted = {relay: decision.mode or AUTO_OFF for relay, decision in plan.items()}
        watts = {relay: config.relayWatt.get(relay, 0.0) for relay, state in states.items() if state == ON}
        light, house = _outside(plant, now.wall)
        flow = sun.minute(plant, flow, light, house + sum(watts.values()))
        yield Moment(now, data, orders, plan, flow, watts)
        later = Now(now.wall + STEP, now.up + STEP, now.boot)
        past = memory.restored(memory.kept(next_past(sight, plan, ()), now), later)


def _outside(plant: sun.Plant, wall: float) -> tuple[float, float]:
    """The sun on the panels and the draw of the house (W); the sun is highest at 12:00 winter time."""
    local = time.gmtime(wall - time.timezone)
    hour = local.tm_hour + local.tm_min / 60
    through, draw = sun.weather(plant.seed, local.tm_yday)[local.tm_hour * 60 + local.tm_min]
    return plant.panels * sun.clear_sky(local.tm_yday, hour, plant.latitude) * through, plant.house * draw


@dataclass
class Tally:
    """What a replay came to for one relay. Energies in Wh; `spared` is what the panels would have been
    held back by in that very minute without it; `lowest` is the battery's charge while it was on;
    `reasons` are the minutes that each reason held, by state."""

    starts: int = 0
    minutes: int = 0
    energy: float = 0
    spared: float = 0
    lowest: float = 1
    reasons: dict[int, Counter[str]] = field(default_factory=lambda: {ON: Counter(), OFF: Counter()})

    def add(self, relay: int, moment: Moment, plant: sun.Plant) -> None:
        """Counts one minute more."""
        decision, watt = moment.plan[relay], moment.watts.get(relay, 0.0)
        self.reasons[decision.state][decision.why] += 1
        if decision.state == OFF:
            return
        load = sum(moment.watts.values())
        self.starts += decision.state_before == OFF
        self.minutes += 1
        self.energy += watt / 60
        self.spared += sun.spared(plant, moment.flow, load) * watt / load / 60 if load else 0
        self.lowest = min(self.lowest, moment.flow.soc)


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = arguments.parser(
        "domo-replay", "A day, or a year, of generated sun through your scripts. It changes nothing."
    )
    parser.epilog = "relayWatt in the configuration says what each relay draws; a year takes minutes"
    parser.add_argument("day", nargs="?", metavar="MM-DD", help="the (first) day (default: today)")
    number = {"latitude": ("DEGREES", 47, "of the place"), "panels": ("W", 1000, "their peak")}
    number |= {"battery": ("WH", 5000, "lead"), "soc": ("PERCENT", 80, "its charge at the beginning")}
    number |= {"house": ("W", 60, "always drawn, on average"), "days": ("N", 1, "so many")}
    number |= {"seed": ("N", 1, "another number is another weather")}
    for name, (unit, value, text) in number.items():
        kind = int if unit == "N" else float
        parser.add_argument(
            f"--{name}", type=kind, default=value, metavar=unit, help=f"{text} (default: {value})"
        )
    parser.add_argument(
        "--recorded", metavar="DAY", help="this recorded day (YYYY-MM-DD) instead, as far as it goes"
    )
    parser.add_argument("--html", metavar="FILE", help="also a page, as domo-report makes of what was")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="suppose this reading all day"
    )
    return parser


def main(argv: list[str]) -> int:
    """`domo-replay` with these arguments; gives its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else Ctrl-C would count as the error of a script
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # domo-replay | head
    asked = options().parse_args(argv)
    path = configs.chosen(asked.config)
    try:
        config, _ = configs.load(path)
        if asked.recorded:
            return recorded.main(config, asked.recorded, time.time())
        supposed = dict(map(rehearsal.pair, asked.set))
        start = _midnight(asked.day)
        watts = 0 < asked.panels <= 1e9 and 0 < asked.battery <= 1e9 and 0 <= asked.house <= 1e9
        if not (watts and 1 <= asked.days <= 3660 and 0 <= asked.soc <= 100 and -90 <= asked.latitude <= 90):
            raise ValueError(
                "days, panels and battery want a number above 0 (and below 1e9), soc one from 0 to 100"
            )
    except (ConfigError, ValueError) as error:
        print(*(f"domo-replay: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)
        return REFUSED
    plant = sun.Plant(asked.latitude, asked.panels, asked.battery, asked.house, asked.seed)
    moments: Iterable[Moment] = fold(
        config, plant, start, asked.days * sun.MINUTES, asked.soc / 100, supposed
    )
    simulated = Simulated(config)
    moments = _shown(moments, simulated) if asked.html else moments
    if asked.days == 1:
        moments = list(moments)
        print(*picture(config, plant, moments), "", *timeline(config, moments), "", sep="\n")
    tallies = {relay: Tally() for relay in source.scripted(config)}
    faults: Counter[str] = Counter()
    print("month       sun kWh   used kWh   lost kWh  lowest SOC")
    for month, same in groupby(moments, lambda moment: moment.local("%Y-%m")):
        given, used, lowest = 0.0, 0.0, 1.0
        for moment in same:
            given, used = given + moment.flow.sun / 60000, used + moment.flow.panels / 60000
            lowest = min(lowest, moment.flow.soc)
            faults.update(order.why for order in moment.orders.values() if not order.good)
            for relay, tally in tallies.items():
                tally.add(relay, moment, plant)
        print(f"{month:8} {given:10.1f} {used:10.1f} {given - used:10.1f} {100 * lowest:9.0f} %", flush=True)
    print("", *summary(config, tallies), sep="\n")
    if asked.html:
        try:
            files.replace(configs.absolute(asked.html), simulated.html().encode(errors="replace"))
        except Fault as fault:
            print(f"domo-replay: {fault}", file=sys.stderr)
            return LOOK
    for told, count in faults.most_common(10):
        print(f"domo-replay: {told} ({count} times)", file=sys.stderr)
    return LOOK if faults else DONE


def _shown(moments: Iterable[Moment], simulated: Simulated) -> Iterator[Moment]:
    """The same moments, which the page is told of as they go by."""
    for moment in moments:
        simulated.add(moment.now.wall, moment.reading, moment.plan)
        yield moment


def _midnight(day: str | None) -> float:
    """The epoch of the beginning of a day of this year (MM-DD; None: today). Raises ValueError."""
    today = time.localtime()
    try:
        date = time.strptime(f"{today.tm_year}-{day}", "%Y-%m-%d") if day else today
    except ValueError:
        raise ValueError(f"the day wants MM-DD, not {day!r}") from None
    return time.mktime((date.tm_year, date.tm_mon, date.tm_mday, 0, 0, 0, 0, 0, -1))


def picture(config: Config, plant: sun.Plant, day: list[Moment]) -> Iterator[str]:
    """A day at a glance: sun and charge in tenths, # where a relay was on all the time, + part of it."""
    size = len(day) // SHARES
    shares = [day[place * size : (place + 1) * size] for place in range(SHARES)]
    tenths = [
        str(min(9, int(10 * max(moment.flow.sun for moment in share) / plant.panels))) for share in shares
    ]
    charge = [str(min(9, int(10 * min(moment.flow.soc for moment in share)))) for share in shares]
    yield f"{day[0].local('%d %B %Y'):26}" + "".join(f"{share[0].local('%H'):6}" for share in shares[::6])
    yield f"{'sun, tenths of the peak':26}{''.join(tenths)}"
    yield f"{'charge, tenths':26}{''.join(charge)}"
    for relay in source.scripted(config):
        times = [sum(relay in moment.watts for moment in share) for share in shares]
        cells = "".join("#" if on == size else "+" if on else "." for on in times)
        yield f"{relay} {config.name(relay)}"[:25].ljust(26) + cells


def timeline(config: Config, day: list[Moment]) -> Iterator[str]:
    """Every switch of a day: when, at which readings, which relay, and why."""
    yield "time     SOC  CS               P  relay"
    for moment in day:
        for relay in moment.switched:
            decision, values = moment.plan[relay], moment.reading.values
            soc, stage, power = (values[name].text if name in values else "" for name in ("SOC", "CS", "P"))
            text = f"{relay} {config.name(relay)} {ON_OFF[decision.state]}: {decision.why}"
            start = f"{moment.local('%H:%M')} {soc:>5} %  {stage:10} {power:>5} W  "
            yield textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent=" " * (len(start) + 2))


def summary(config: Config, tallies: Mapping[int, Tally]) -> Iterator[str]:
    """Per relay what it came to, then its commonest reasons, numbers that vary being told as N."""
    yield "relay                      starts  hours on     kWh  else lost  lowest SOC"
    for relay, one in tallies.items():
        row = f"{relay} {config.name(relay)[:23]:24} {one.starts:6} {one.minutes / 60:9.1f} {one.energy / 1000:7.2f}"
        yield row + (f" {one.spared / 1000:10.2f} {100 * one.lowest:9.0f} %" if one.starts else "")
        if relay not in config.relayWatt:
            yield f"  it draws nothing here: say what in domo.relayWatt.{relay}"
    for relay, one in tallies.items():
        yield f"\n{relay} {config.name(relay)}"
        for state, reasons in one.reasons.items():
            alike: Counter[str] = Counter()
            words: dict[str, str] = {}
            for why, count in reasons.items():
                key = re.sub(r"[-+]?\d+(\.\d+)?", "N", why)
                alike[key] += count
                words[key] = key if key in words else why
            for key, count in alike.most_common(3):
                text = f"  {ON_OFF[state]} {minutes(60 * count)}: {words[key]}"
                yield textwrap.fill(text, WIDTH, subsequent_indent="    ")
