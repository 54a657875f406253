"""How much of the sun the examples use, and what that costs the battery: over places, batteries, weathers.

    make sun                                       # all of it, more than an hour; it goes on where it ended
    python tools/sun.py run --seeds 1-2 --jobs 2        # a part
    python tools/sun.py table

A household with a pump, a washing machine, chargers, a small heater and a store of two heaters is replayed
over weeks spread evenly over the year. Each has some days before it that do not count. One line of JSON for
each week goes into a file; a week that is in it already is not done again, so remove the file once scripts or
plant have changed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from domo.plant import run
from domo.plant.fold import Moment
from domo.stores import config as configs

PROJECT = Path(__file__).resolve().parent.parent
NAMES = {1: "lift-pump", 2: "washing-machine", 3: "tool-chargers", 4: "van-water-heater"}
NAMES |= {5: "heater-staircase", 6: "heater-staircase"}
WEEKS, WARM, YEAR = 13, 3, 2026
BEFORE = "5222ad7"  # the examples as they were before data.spare_today
WH = {"lead": 8400, "lfp": 6000}
CONFIG = """\
domo:
  relayNb: 6
  relayName: {{1: Pump, 2: Washing machine, 3: Chargers, 4: Heater, 5: Store A, 6: Store B}}
  relayLoad:
    1: {{kind: pump, watt: 750, minutes: 30, tank: 60}}
    2: {{kind: cycle, steps: {cycle}, days: 4}}
    3: {{kind: charger, watt: 250, store: 500}}
    4: {{kind: thermostat, watt: 330, store: 520, loss: 18, use: 400}}
    5: {{kind: thermostat, watt: 800, store: 12000, loss: 300}}
    6: {{kind: thermostat, watt: 800, store: 12000, loss: 300}}
  maxWatt: 3000
  valueUse: [SOC, CS, P, PPV]
  uninterruptible: [2]
  floor: {{SOC: 50}}
  relay: {{scriptDir: {scripts}}}
  dbFile: false
  plant:
    latitude: {latitude}
    longitude: 5
    panels: [{{peak: 1200, tilt: {tilt}, azimuth: 180}}]
    battery: {battery}
    chemistry: {chemistry}
    house: 45
    idle: 12
"""
CYCLE = "[[120, 5], [2000, 14], [180, 25], [2000, 4], [120, 30], [350, 10], [80, 8], [400, 8]]"

Week = dict[str, Any]


def household(folder: Path, scripts: Path, latitude: int, chemistry: str) -> str:
    """Writes the configuration of a place and a battery; gives its name."""
    file = folder / f"{scripts.name}-{chemistry}-{latitude}.yaml"
    place = {"latitude": latitude, "tilt": latitude - 12, "chemistry": chemistry, "battery": WH[chemistry]}
    if not file.exists():  # or a week would read it half written
        file.write_text(CONFIG.format(cycle=CYCLE, scripts=scripts, **place))
    return str(file)


def examples(folder: Path, commit: str = "") -> Path:
    """The examples as scripts of the household, of a commit or as they are."""
    folder.mkdir(mode=0o755)
    for relay, name in NAMES.items():
        file = f"relay.script.d/{name}.py.example"
        if commit:
            text = subprocess.run(
                ["git", "-C", str(PROJECT), "show", f"{commit}:{file}"],
                check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip
        else:
            text = (PROJECT / file).read_text()
        (folder / f"{relay}.py").write_text(text.replace("STEPS = (1, 2, 3)", "STEPS = (5, 6)"))
        (folder / f"{relay}.py").chmod(0o644)
    return folder


def week(file: str, key: Week) -> Week:
    """What one week came to."""
    config, _ = configs.load(file)
    start = time.mktime((YEAR, 1, 1, 0, 0, 0, 0, 0, -1)) + round(key["week"] * 365 / WEEKS) * 86400
    starts: dict[int, Counter[str]] = {relay: Counter() for relay in NAMES}

    def each(moment: Moment) -> None:
        for relay in moment.switched:
            if moment.plan[relay].state:
                starts[relay][moment.local("%m%d")] += 1

    scenario = run.Scenario(config, start, WARM + 7, key["seed"], bound=True, warm=WARM)
    result = run.replay(scenario, each)
    total = result.total
    relays = {
        relay: {
            "wh": round(one.energy), "starts": one.starts, "most": max(starts[relay].values(), default=0),
            "asked": round(one.demand[0]), "served": round(one.demand[1]), "missed": round(one.demand[2], 1),
            "hours": round(one.minutes / 60, 1), "shortest": one.shortest,
        }
        for relay, one in result.relays.items()
    }  # fmt: skip
    return {
        **key, "used": round(total.relays), "owed": round(result.owed), "bound": round(result.bound or 0),
        "lost": round(total.lost), "bare_lost": round(total.bare_lost), "paid": round(total.paid),
        "lower": [round(100 * one, 1) for one in result.lower],
        "float": result.floats, "bare_float": result.bare_floats,
        "lowest": round(100 * total.lowest, 1), "bare_lowest": round(100 * total.bare_lowest, 1),
        "relays": relays, "faults": dict(result.faults),
    }  # fmt: skip


def wanted(given: argparse.Namespace) -> Iterator[Week]:
    """The weeks that are asked for."""
    sets = given.sets.split(",")
    for seed in numbers(given.seeds):
        for place in numbers(given.weeks):
            for latitude in numbers(given.latitudes):
                for chemistry in given.chemistries.split(","):
                    for name in sets:
                        yield {
                            "set": name, "chemistry": chemistry, "latitude": latitude,
                            "seed": seed, "week": place,
                        }  # fmt: skip


def numbers(text: str) -> list[int]:
    """ "1-3,7" as [1, 2, 3, 7]."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def known(file: Path) -> dict[tuple[Any, ...], Week]:
    """The weeks that a file holds, by what they are."""
    lines = file.read_text().splitlines() if file.exists() else []
    return {identity(one): one for one in map(json.loads, lines)}


def identity(one: Week) -> tuple[Any, ...]:
    """What a week is of."""
    return tuple(one[name] for name in ("set", "chemistry", "latitude", "seed", "week"))


def campaign(given: argparse.Namespace) -> None:
    """Replays the weeks that are missing."""
    done = known(given.file)
    missing = [key for key in wanted(given) if identity(key) not in done]
    with tempfile.TemporaryDirectory(prefix="domo-sun-") as name:
        folder = Path(name)
        os.chmod(folder, 0o755)
        sets = {one: examples(folder / one, "" if one == "new" else one) for one in given.sets.split(",")}
        with ProcessPoolExecutor(given.jobs) as pool, given.file.open("a") as out:
            waiting = [
                pool.submit(week, household(folder, sets[key["set"]], key["latitude"], key["chemistry"]), key)
                for key in missing
            ]
            for count, future in enumerate(as_completed(waiting), 1):
                out.write(json.dumps(future.result()) + "\n")
                out.flush()
                if sys.stderr.isatty():
                    print(f"\r{count} of {len(missing)} weeks", end="", file=sys.stderr)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--file", type=Path, default=PROJECT / "build" / "sun.jsonl")
    parser.add_argument("--seeds", default="1-10")
    parser.add_argument("--weeks", default=f"0-{WEEKS - 1}")
    parser.add_argument("--latitudes", default="44,48,52")
    parser.add_argument("--chemistries", default="lead,lfp")
    parser.add_argument("--sets", default=f"new,{BEFORE}", help="of examples: new, or those of a commit")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    given.file.parent.mkdir(exist_ok=True)
    os.environ["TZ"] = "Europe/Paris"
    time.tzset()
    if given.what == "run":
        campaign(given)
    else:
        from sun_table import table

        print(*table(list(known(given.file).values())), sep="\n")


if __name__ == "__main__":
    main()
