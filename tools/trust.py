"""`make trust`: whole months in a home where everything goes wrong at once, chosen by chance.

It drives the same model as tests/property/test_invariants.py (tests/support/home.py), which checks all
invariants after every tick, a minute of simulated time and more after the one before: ticks that are killed,
a full disk, a data file that does not answer, clocks that jump, restarts, foreign writers, broken scripts.

    make trust                      a million ticks, on all cores
    make trust TICKS=20000          so many
    make trust TICKS=20000 SEED=7   others

A life is a home's first to last tick. What may happen in it changes now and then, and is of a few kinds at
a time, or some kinds would always undo the others. A life that breaks an invariant is made as short as it can
be, and printed as the lines of a test.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import posix
import queue
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from domo.scripts import answering
from domo.stores import modes
from support.home import DAY, RELAYS, Home
from support.model import World

LIFE = 1000  # steps: some days
OTHERS = 100  # steps after which other things happen
CALM = (0.5, 0.7, 0.9, 1.0)  # of all steps are nothing but cron, for as long
SHORTEN_SECONDS = 300
MOST_BROKEN = 5  # then it ends
APART = 10  # in one life of so many a tick's children are processes at every tick, as they are in a house

Step = tuple[str, dict[str, Any]]


class Weather:
    """What the sun makes of the battery: the state of charge by the hour and that day's clouds."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._day, self._clouds, self._soc = chance, -1, 0.0, 80.0

    def soc(self, wall: int) -> str:
        """The state of charge (%) at that time (epoch s)."""
        if wall // DAY != self._day:
            self._day, self._clouds = wall // DAY, self._chance.random()
        sun = max(0.0, 1 - abs(wall % DAY / 3600 - 12) / 6) * (1 - self._clouds)
        self._soc = min(100.0, max(40.0, self._soc + 3 * sun - 0.4))
        return f"{self._soc:.0f}"


def chances(home: Home, chance: random.Random, steps: int) -> Iterator[Step]:
    """What happens in a life, step by step, as the home has become by then."""
    weather = Weather(chance)
    events = home.events()
    kinds = [name for name in events if name not in ("minutes", "battery_is")]
    now_and_then, calm = kinds, 0.0
    for number in range(steps):
        if number % OTHERS == 0:
            now_and_then, calm = chance.sample(kinds, chance.randint(2, 8)), chance.choice(CALM)
        if number % 10 == 0:
            yield "battery_is", {"soc": weather.soc(home.world.wall)}
        elif chance.random() < calm or not (can := [n for n in now_and_then if events[n].when(home)]):
            yield "minutes", {"count": chance.randint(1, 4)}
        else:
            name = chance.choice(can)
            yield name, drawn(events[name], chance)


def drawn(event: Any, chance: random.Random) -> dict[str, Any]:
    """One of the choices of each of its arguments."""
    return {argument: chance.choice(values) for argument, values in event.choices.items()}


def life(folder: Path, seed: int, length: int = LIFE) -> dict[str, Any]:
    """Lives one life; gives what was counted, and how an invariant was broken, if one was."""

    class Here(Home):
        pass

    Here.folder = folder
    World.together = bool(seed % APART)
    home, chance = Here(), random.Random(seed)
    steps: list[Step] = [("begin", drawn(Home.begin, chance))]
    counted: Counter[str] = Counter(lives=1)
    wrong = ""
    try:
        home.begin(**steps[0][1])
        for step in chances(home, chance, length):
            steps.append(step)
            name, given = step
            getattr(home, name)(**given)
            counted[name] += 1
            counted["ticks killed"] += name == "tick_is_killed" and home.killed
            counted["steps after which all was known"] += all(map(home.sure, RELAYS))
    except Exception:
        wrong = traceback.format_exc()
        short = shortened(Here, steps, wrong)
        wrong += f"life {seed}, step {len(steps)}, made shorter:\n{as_test(short)}\n"
    counted["ticks whose children are processes"] = 0 if World.together else home.world.ticks
    counted["ticks"], counted["simulated seconds"] = home.world.ticks, home.world.now
    return {"counted": counted, "wrong": wrong}


def breaks(home: type[Home], steps: list[Step]) -> str:
    """How these steps break an invariant; "" when they do not."""
    day = home()
    try:
        for name, given in steps:
            if getattr(home, name).when(day):
                getattr(day, name)(**given)
    except Exception:
        return traceback.format_exc()
    return ""


def shortened(home: type[Home], steps: list[Step], wrong: str) -> list[Step]:
    """As few of the steps as break the same invariant, as far as that is found in some minutes."""
    sign, deadline = place(wrong), time.monotonic() + SHORTEN_SECONDS
    size = len(steps) // 2
    while size and time.monotonic() < deadline:
        start, before = 1, len(steps)
        while start < len(steps) and time.monotonic() < deadline:
            fewer = steps[:start] + steps[start + size :]
            if place(breaks(home, fewer)) == sign:
                steps = fewer
            else:
                start += size
        if size > 1 or len(steps) == before:
            size //= 2
    return steps


def place(wrong: str) -> str:
    """Where an invariant was broken, by its traceback: file and line."""
    return next((line for line in reversed(wrong.splitlines()) if line.startswith("  File ")), "")


def as_test(steps: list[Step]) -> str:
    """The steps as the lines of a test by hand."""
    calls = (
        f"    day.{name}({', '.join(f'{argument}={value!r}' for argument, value in given.items())})"
        for name, given in steps
    )
    return "\n".join(("    day = home()", *calls))


def prepare(folder: Path) -> None:
    """Makes this process one in which lives can be lived: nobody waits for a writer who is none."""
    os.environ["TMPDIR"] = str(folder)
    posix.environ[b"TMPDIR"] = os.fsencode(folder)  # which a tick asks
    os.environ.pop("DOMO_CONFIG", None)
    modes.TORN_SECONDS = 0.0  # type: ignore[attr-defined]  # which it imports
    answering.MEMORY_BYTES = 1 << 40  # this process is no tick's


def one(place: str, seed: int, steps: int) -> dict[str, Any]:
    """A life in a process of its own, in a folder below `place`."""
    folder = Path(place) / str(seed)
    folder.mkdir()
    prepare(folder)
    try:
        return life(folder, seed, steps)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(argv: list[str]) -> int:
    """Lives lives until so many ticks have run; gives 1 if an invariant was broken."""
    parser = argparse.ArgumentParser(prog="trust", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--ticks", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first life")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no life after so many")
    parser.add_argument("--steps", type=int, default=LIFE, help="of a life")
    parser.add_argument("--jobs", type=int, default=2 * len(os.sched_getaffinity(0)), help="lives at a time")
    given = parser.parse_args(argv)
    total: Counter[str] = Counter()
    broken, began = 0, time.monotonic()
    pools = multiprocessing.get_context("fork")
    with (
        tempfile.TemporaryDirectory(prefix="domo-trust-") as folder,
        pools.Pool(given.jobs, maxtasksperchild=1) as pool,
    ):
        seeds, ended = itertools.count(given.seed), queue.Queue[Any]()

        def begin() -> None:
            task = folder, next(seeds), given.steps
            pool.apply_async(one, task, callback=ended.put, error_callback=ended.put)

        for _ in range(given.jobs):
            begin()
        alive = given.jobs  # each to its end: one that is broken off leaves a hung disk behind
        while alive:
            found = ended.get()
            if isinstance(found, BaseException):
                raise found
            total.update(found["counted"])
            broken += bool(found["wrong"])
            print(found["wrong"] + summary(total, broken, time.monotonic() - began), flush=True)
            enough = total["ticks"] >= given.ticks or time.monotonic() - began > 60 * given.minutes
            if enough or broken >= MOST_BROKEN:
                alive -= 1
            else:
                begin()
    for name in sorted(total.keys() - {"ticks", "lives", "simulated seconds"}):
        print(f"{name.replace('_', ' '):40} {total[name]:9,}")
    return int(broken > 0)


def summary(total: Counter[str], broken: int, seconds: float) -> str:
    """One line of what was done so far."""
    days = total["simulated seconds"] / DAY
    return (
        f"{total['ticks']:,} ticks in {total['lives']} lives, {days:,.0f} simulated days,"
        f" {total['ticks'] / seconds:.0f} ticks/s: {broken or 'no'} invariants broken"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
