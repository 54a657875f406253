"""Years of ticks: nothing grows, nothing is left behind.

Ticks run in this process, by a clock of the test's, every 15 minutes; at one a minute a year would
take hours. By default it is four days, twice as long as anything is remembered. A whole year, with a
leap day and both changes of summer time:

    DOMO_DAYS=366 make test ARGS="tests/process/test_long_life.py -s --timeout=0"
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.house import Clock, House

DAYS = int(os.environ.get("DOMO_DAYS", "4"))
MINUTE, HOUR, DAY = 60, 3600, 86400
STEP = 15 * MINUTE
NEW_YEAR = 1_704_067_200.0  # 2024-01-01 00:00 UTC
TWO_YEARS = 2 * 366 * DAY
SUNNY, FLAPS, TIMER, FORCED = 1, 2, 3, 4  # relays

SCRIPTS = {
    SUNNY: 'return relay.on("full") if data["SOC"] > 90 else relay.off("not full")',
    FLAPS: 'return relay.off("flip") if relay.is_on else relay.on("flap")',
    TIMER: """
timer = relay.timer(f"hour {relay.now:%H}")
if not timer.running:
    timer.start(1800)
return relay.on(f"{timer.left:.0f} s left") if timer.left > 600 else relay.off("over")""",
}


@contextlib.contextmanager
def journal(house: House) -> Iterator[sqlite3.Connection]:
    """The journal, to look into it or change it."""
    with contextlib.closing(sqlite3.connect(house.journal_file)) as base, base:
        yield base


def written(house: House, dates: list[float]) -> None:
    """The journal has a row of each of these dates, in this order."""
    with journal(house) as base:
        base.execute("CREATE TABLE relay (id INTEGER PRIMARY KEY, relay_number INTEGER, info VARCHAR(2),"
                     " valeur INTEGER, date INTEGER, event TEXT)")  # fmt: skip
        rows = [(int(date), f"reason {number}") for number, date in enumerate(dates)]
        base.executemany(
            "INSERT INTO relay (relay_number, info, valeur, date, event) VALUES (9, 'E', 0, ?, ?)", rows
        )


def dated(house: House) -> list[int]:
    """The dates of the journal's rows, in order."""
    with journal(house) as base:
        return [date for (date,) in base.execute("SELECT date FROM relay ORDER BY id")]


def rebooted(house: House, clock: Clock) -> None:
    """The machine starts again, in 1970 as far as it knows. A first tick; then the network sets the clock."""
    for file in (house.mode_file, house.state_file, house.memory_file, house.pin_file, house.lock_file):
        file.unlink()
    for cache in house.tmp.glob("*/*"):
        cache.unlink()
    wall = clock.wall + 30
    clock.reboot(30, wall=30.0)
    assert "in the future" in house.tick_at(clock).err
    clock.wall = wall


def _files(house: House) -> set[Path]:
    """All files but the record, which gains one a day for two years."""
    return {path for path in house.folder.rglob("*") if path.parent.name != "history"}


@pytest.mark.usefixtures("paris")
def test_nothing_grows_and_nothing_is_left_behind(house: House) -> None:
    """A relay that flaps without end, one for the sun, one with timers, one that its owner forces every
    other day; a journal of three years; a restart every week."""
    clock = Clock(NEW_YEAR)
    written(house, [NEW_YEAR - 3 * 366 * DAY + HOUR * hour for hour in range(3 * 366 * 24)])
    house.configure({"domo.relayNb": 4, "domo.frozenAfter": 0})
    for relay, script in SCRIPTS.items():
        house.script(relay, script)
    memory: dict[int, int] = {}  # the largest it was, by day
    files, descriptors = set(), set()
    began = time.monotonic()
    for step in range(DAYS * DAY // STEP):
        day, second = divmod(step * STEP, DAY)
        clock.forward(STEP)
        soc = 80 + 19 * math.sin(math.tau * second / DAY)
        house.data(at=clock.wall, SOC=f"{soc:.1f}", I=f"{soc % 3:.2f}")
        if second == 0 and step:
            if day % 7 == 1:
                rebooted(house, clock)
            house.set_modes({SUNNY: 1, FLAPS: 1, TIMER: 1, FORCED: 3 if day % 2 else 0})
        assert house.tick_at(clock) == (0, "", "")
        assert (SUNNY in house.on) == (soc > 90.05), (day, second, soc)
        assert (FORCED in house.on) == bool(day % 2)
        memory[day] = max(memory.get(day, 0), house.memory_file.stat().st_size)
        if step == DAY // STEP:
            files, descriptors = _files(house), set(os.listdir("/proc/self/fd"))
    took = time.monotonic() - began

    assert memory[DAYS - 1] < 1.1 * memory[2]
    assert _files(house) == files
    assert set(os.listdir("/proc/self/fd")) == descriptors
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    dates = dated(house)
    old = [date for date in dates if 365 * DAY < date < clock.wall - TWO_YEARS - DAY]
    assert old == []
    assert len(dates) < 2 * 366 * 24 + 8 * DAYS * DAY // STEP
    assert house.journal_file.stat().st_size < 100 * len(dates) + 1_000_000
    with journal(house) as base:
        assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    print(
        f"{DAYS} days, {DAYS * DAY // STEP} ticks in {took:.0f} s; the memory at most {memory[2]} bytes on"
        f" the third"
        f" day and {memory[DAYS - 1]} on the last; {len(dates)} rows of journal,"
        f" {house.journal_file.stat().st_size} B"
    )


def test_rows_of_a_clock_gone_mad_do_not_keep_the_journal_from_being_pruned(
    house: House, clock: Clock
) -> None:
    """More of them than are looked at each time stand before the old ones. They stay, as nobody knows how
    old they are, and the old ones go."""
    mad = [clock.wall + 30 * 366 * DAY + second for second in range(3000)]
    old = [clock.wall - TWO_YEARS - 2 * DAY + second for second in range(3000)]
    kept = [clock.wall - DAY + second for second in range(10_000)]
    written(house, mad + old + kept)
    for minute in range(6):
        clock.forward(MINUTE)
        house.data(at=clock.wall, I=minute)
        house.script(1, f"return relay.{('on', 'off')[minute % 2]}('x')")
        assert house.tick_at(clock) == (0, "", "")
    assert dated(house)[:13_000] == [int(date) for date in mad + kept]


def test_a_clock_of_1970_prunes_nothing(house: House, clock: Clock) -> None:
    """Every row lies in its future."""
    rows = [clock.wall - TWO_YEARS - 2 * DAY + second for second in range(12_000)]
    written(house, rows)
    clock.reboot(30, wall=30.0)
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick_at(clock)
    assert house.on == {1}
    assert dated(house)[:12_000] == [int(date) for date in rows]


@pytest.mark.parametrize("keep_memory", [True, False], ids=["a memory on a lasting disk", "the journal only"])
def test_a_restart_in_the_middle_of_a_minimum_time_on_ends_it(
    house: House, clock: Clock, keep_memory: bool
) -> None:
    """The relay went off with the machine. Nothing comes on to finish what was begun; a new order begins
    a new minimum time, counted from there."""
    house.configure({"domo.limits": {1: {"minOn": 3600}}})

    def minutes_later(minutes: int, order: str) -> str:
        clock.forward(minutes * MINUTE)
        house.data(at=clock.wall, I=clock.wall % 997)
        house.script(1, f'return relay.{order}("so it is")')
        assert house.tick_at(clock) == (0, "", "")
        return str(house.memory["why"]["1"])

    minutes_later(0, "on")
    assert minutes_later(10, "off") == "so it is: stays on 50 min more (minOn)"
    clock.reboot(MINUTE)
    house.pin_file.unlink()
    if not keep_memory:
        house.memory_file.unlink()
    assert (minutes_later(0, "off"), house.on) == ("so it is", set())
    assert (minutes_later(5, "on"), house.on) == ("so it is", {1})
    assert (minutes_later(10, "off"), house.on) == ("so it is: stays on 50 min more (minOn)", {1})
    assert (minutes_later(50, "off"), house.on) == ("so it is", set())
