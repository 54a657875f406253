"""`domo-replay`: a day or a year of sun through the owner's scripts, before a wire is laid.

The scripts, `decide` and the memory are the tick's own; only clock, sky, plant and pins are simulated.
A script that asks the world outside (a ping) gets the answer of now.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import os
import signal
import sys
import time
from calendar import isleap
from collections import Counter
from typing import Any

from ..core.model import DONE, REFUSED, WRONG, ConfigError, Fault
from ..core.records import replace
from ..core.settings import Config
from ..report.simulated import Simulated
from ..scripts import source
from ..stores import config as configs
from ..stores import plant_keys
from ..system import arguments, files
from ..system.output import show
from ..tick import dry_run as rehearsal
from . import export, many, recorded, report, run, table
from .fold import Moment
from .foreign import PlantError
from .sky import WEATHERS
from .tally import together

NUMBERS = {"seeds": (1, 1000), "days": (1, 3660), "soc": (0, 100)}  # from, to
APART = (("json", "csv", "html"), ("html", "seeds"), ("html", "compare"), ("plant", "sky"))  # one at most


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = arguments.parser(
        "domo-replay", "Simulates a day, or a year, with your scripts. It changes nothing."
    )
    parser.epilog = "domo.plant, domo.relayLoad and domo.relayWatt in the configuration describe the house"
    parser.add_argument("day", nargs="?", metavar="MM-DD", help="the (first) day (default: today)")
    plant = {"latitude": ("DEGREES", "latitude"), "panels": ("W", "peak power of the panels")}
    plant |= {"battery": ("WH", "energy of the battery"), "house": ("W", "what the house draws on average")}
    for name, (unit, text) in plant.items():
        text = f"{text} (default: the configuration's)"
        parser.add_argument(f"--{name}", type=float, metavar=unit, help=text)
    number: dict[str, tuple[str, float, str]] = {
        "soc": ("PERCENT", 80, "the battery's charge at the beginning")
    }
    number |= {"days": ("N", 1, "number of days"), "warm": ("N", 0, "the first N days do not count")}
    number |= {"seed": ("N", 1, "number of the weather")}
    for name, (unit, value, text) in number.items():
        kind = int if unit == "N" else float
        parser.add_argument(
            f"--{name}", type=kind, default=value, metavar=unit, help=f"{text} (default: {value})"
        )
    where = f"the sun: {', '.join(WEATHERS)}, pvlib, or an hourly CSV file of PVGIS (default: {WEATHERS[0]})"
    parser.add_argument("--sky", default=WEATHERS[0], metavar="WHAT", help=where)
    parser.add_argument("--plant", default="", metavar="MODULE:CLASS", help="drive a plant model of your own")
    parser.add_argument(
        "--bound", action="store_true", help="compare with what perfect foresight could have used"
    )
    parser.add_argument("--compare", default="", metavar="FOLDER", help="run the scripts in FOLDER too")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="run N weathers in parallel")
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")
    parser.add_argument("--csv", action="store_true", help="print one line for each day as CSV")
    parser.add_argument("--recorded", metavar="DAY", help="replay this recorded day (YYYY-MM-DD)")
    parser.add_argument("--html", metavar="FILE", help="also write a page")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="use this value all day"
    )
    return parser


def main(argv: list[str]) -> int:
    """`domo-replay` with these arguments; gives its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else Ctrl-C would count as the error of a script
    gc.set_threshold(100_000)  # half a million ticks leave no reference cycles behind
    given = options().parse_args(argv)
    try:
        check_options(given)
        config = settings(given)
        if given.recorded:
            return recorded.main(config, given.recorded, time.time())
        supposed = dict(map(rehearsal.pair, given.set))
        first = run.Scenario(
            *(config, midnight(given.day), given.days, given.seed, given.soc / 100, supposed),
            *(given.plant, given.sky, given.bound, given.warm),
        )
        return _replayed(first, given)
    except (ConfigError, ValueError, PlantError) as error:
        print(*(f"domo-replay: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)
        return REFUSED


def check_options(given: argparse.Namespace) -> None:
    """Raises ValueError for a number out of its range, and for options that do not go together."""
    for name, (least, most) in NUMBERS.items():
        if not least <= (number := getattr(given, name)) <= most:
            raise ValueError(f"--{name} wants a number from {least} to {most}, not {number:g}")
    if not 0 <= given.warm < given.days:
        raise ValueError(f"--warm wants a number from 0 to less than --days ({given.days}), not {given.warm}")
    if given.sky not in (*WEATHERS, "pvlib") and not os.path.isfile(given.sky):
        raise ValueError(f"--sky wants {', '.join(WEATHERS)}, pvlib or a CSV file, and {given.sky!r} is none")
    usual = vars(options().parse_args([]))
    asked = [name for name in usual if getattr(given, name) != usual[name] and name != "config"]
    for group in (*APART, *(("recorded", name) for name in usual)):
        names = [name for name in dict.fromkeys(group) if name in asked]
        if len(names) > 1:
            words = " and ".join("MM-DD" if name == "day" else f"--{name}" for name in names)
            raise ValueError(f"{words} do not go together; leave one of them out")


def settings(given: argparse.Namespace) -> Config:
    """The configuration, with what the command line says instead. Raises ConfigError or ValueError."""
    config, _ = configs.load(configs.chosen(given.config))
    changes: dict[str, Any] = {}
    for name in ("latitude", "panels", "battery", "house"):
        value = getattr(given, name)
        if value is None:
            continue
        try:
            changes[name] = plant_keys.plant({name: value})[name]
        except ValueError as error:
            raise ValueError(f"--{name} {str(error).removeprefix(f'.{name}: ')}") from None
    plant = {**config.plant, **changes}
    plant["own"] = plant["own"] or not changes.keys().isdisjoint(plant_keys.OWN)
    return replace(config, plant=plant)


def midnight(day: str | None) -> float:
    """The epoch of the beginning of a day of this year (MM-DD; None: today). Raises ValueError."""
    today = time.localtime()
    if day == "02-29" and not isleap(today.tm_year):
        raise ValueError(f"there is no 02-29 in {today.tm_year}, and this year is replayed")
    try:
        date = time.strptime(f"{today.tm_year}-{day}", "%Y-%m-%d") if day else today
    except ValueError:
        raise ValueError(f"the day wants MM-DD, not {day!r}") from None
    return time.mktime((date.tm_year, date.tm_mon, date.tm_mday, 0, 0, 0, 0, 0, -1))


def _replayed(first: run.Scenario, given: argparse.Namespace) -> int:
    """Replays what is asked for and prints it; gives the exit code. Raises PlantError or ValueError."""
    sets = [first]
    if given.compare:
        if not os.path.isdir(given.compare):
            raise ValueError(f"--compare: {given.compare} is no folder")
        other = replace(first.config, scriptDir=os.path.abspath(given.compare))
        if not source.scripted(other):
            raise ValueError(f"--compare: there is no script in {given.compare}; wants a folder with 1.py")
        if os.path.realpath(other.scriptDir) == os.path.realpath(first.config.scriptDir):
            raise ValueError(f"--compare: {given.compare} is the folder of the first scripts; name another")
        sets.append(dataclasses.replace(first, config=other))
    seeds = range(first.seed, first.seed + given.seeds)
    scenarios = [dataclasses.replace(scenario, seed=seed) for scenario in sets for seed in seeds]
    alone = len(scenarios) == 1 and not (given.json or given.csv)
    kept, simulated = list[Moment](), Simulated(first.config)

    def each(moment: Moment) -> None:
        if given.html:
            simulated.add(moment.now.wall, moment.reading, moment.plan)
        if first.days == 1:
            kept.append(moment)

    watched = alone and (given.html or first.days == 1)
    results = [run.replay(first, each)] if watched else many.all_of(scenarios)
    if given.json:
        show(export.as_json(scenarios, results))
    elif given.csv:
        show(export.as_csv(scenarios, results))
    elif alone:
        show("\n".join(report.whole(first.config, kept, results[0])))
    else:
        show("\n".join(table.table(scenarios, results)))
    written = True
    if given.html:
        try:
            files.replace(configs.absolute(given.html), simulated.html().encode(errors="replace"))
        except Fault as fault:
            print(f"domo-replay: {fault}", file=sys.stderr)
            written = False
    faults = together(sum((result.faults for result in results), Counter[str]()))
    for why, count in faults.most_common(10):
        print(f"domo-replay: {why} ({count} times)", file=sys.stderr)
    outside = dict.fromkeys(said for result in results for said in result.outside)
    for said in outside:
        print(f"domo-replay: {said}", file=sys.stderr)
    return DONE if written and not faults and not outside else WRONG
