"""The journal: every change and why, in PvMonit's table; never needed, never lost, never endless."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator

import pytest

from domo.stores import journal as store
from support.house import NOON, Clock, House

ON = 'return relay.on("sun")'
OFF = 'return relay.off("clouds")'
# As PvMonit's domo.php makes it, to the letter.
PVMONIT = """CREATE TABLE relay (id INTEGER PRIMARY KEY,
    relay_number INTEGER,
    info VARCHAR(2),
    valeur INTEFER,
    date INTEGER,
    event TEXT)"""


@contextlib.contextmanager
def journal(house: House) -> Iterator[sqlite3.Connection]:
    """The journal, to look into it or change it."""
    with contextlib.closing(sqlite3.connect(house.journal_file)) as base, base:
        yield base


def tick(house: House, clock: Clock) -> None:
    """A tick a minute later, on fresh data."""
    clock.forward(60)
    house.data(at=clock.wall, I=clock.wall % 1000)
    house.tick_at(clock)


def test_every_change_is_told_with_its_reason(house: House, clock: Clock) -> None:
    """Of a script's relay, one that another program orders, and one that a person forces."""
    house.script(1, ON)
    house.set_modes({1: 1, 2: 1, 3: 1})
    tick(house, clock)
    house.set_modes({1: 2, 2: 2, 3: 1})
    tick(house, clock)
    house.script(1, OFF)
    house.set_modes({1: 2, 2: 2, 3: 3})
    tick(house, clock)
    house.set_modes({1: 1, 2: 1, 3: 1})
    tick(house, clock)
    assert house.journal == [
        (1, "M", 2, "sun"),
        (1, "E", 1, "sun"),
        (2, "M", 2, "ordered on in the mode file"),
        (2, "E", 1, "ordered on in the mode file"),
        (1, "M", 1, "clouds"),
        (1, "E", 0, "clouds"),
        (3, "M", 3, "forced on"),
        (3, "E", 1, "forced on"),
        (2, "M", 1, "auto, no script"),
        (2, "E", 0, "auto, no script"),
        (3, "M", 1, "auto, no script"),
        (3, "E", 0, "auto, no script"),
    ]
    with journal(house) as base:
        dates = [date for (date,) in base.execute("SELECT date FROM relay ORDER BY id")]
    assert dates == [int(NOON) + 60 * minute for minute in (1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4)]


def test_an_overruled_order_is_told_with_both_reasons(house: House, clock: Clock) -> None:
    house.configure({"domo.floor": {"SOC": 60}})
    house.script(1, ON)
    tick(house, clock)
    clock.forward(60)
    house.data(at=clock.wall, SOC=59)
    house.tick_at(clock)
    assert house.journal[-1] == (1, "E", 0, "sun: off, SOC 59 is below the floor of 60")


def test_pvmonit_reads_it_as_its_own(house: House, clock: Clock) -> None:
    house.script(1, ON)
    tick(house, clock)
    with journal(house) as base:
        last = "SELECT date FROM relay WHERE relay_number = 1 AND {} ORDER BY date DESC LIMIT 1"
        up, auto = last.format("info = 'E' AND valeur = 1"), last.format("info = 'M' AND valeur = 2")
        assert base.execute(up).fetchone() == base.execute(auto).fetchone() == (int(NOON) + 60,)


def test_pvmonits_own_is_continued(house: House, clock: Clock) -> None:
    """What PvMonit wrote counts: relay 1 ran five minutes ago, so it may not start again yet."""
    with journal(house) as base:
        base.execute(PVMONIT)
        rows = [(1, "M", 2, -900), (1, "E", 1, -900), (1, "M", 1, -300), (1, "E", 0, -300), (2, "M", 3, -100)]
        base.executemany(
            "INSERT INTO relay (relay_number, info, valeur, date, event) VALUES (?, ?, ?, ?, 'PHP')",
            [(relay, info, value, int(NOON) + age) for relay, info, value, age in rows],
        )
    house.configure({"domo.limits": {1: {"minOff": 600}}})
    house.script(1, "return relay.on(f'off for {relay.off_for:.0f}')")
    house.data(at=clock.wall)
    ran = house.tick_at(clock, "-v")
    assert "off for 300: stays off 5 min more (minOff)" in ran.said
    assert house.modes == {1: 1, 2: 3, 3: 1}
    assert house.journal[5:] == [(2, "E", 1, "forced on")]


def test_a_tick_that_changes_nothing_does_not_open_it(house: House, clock: Clock) -> None:
    house.set_modes({1: 3, 2: 1, 3: 0})
    tick(house, clock)
    house.journal_file.write_text("no database")
    clock.forward(60)
    house.data(at=clock.wall)
    assert house.tick_at(clock) == (0, "", "")
    assert house.journal_file.read_text() == "no database"


def test_without_a_journal_all_else_works(house: House) -> None:
    house.configure({"domo.dbFile": False})
    house.set_modes({1: 3, 2: 1, 3: 0})
    assert house.tick() == (0, "", "")
    house.memory_file.unlink()
    assert house.tick() == (0, "", "")
    assert house.on == {1}
    assert not house.journal_file.exists()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "torn": lambda content: content[:3000],
    "a table that is another": lambda content: content.replace(b"event TEXT", b"evont TEXT"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_one_that_is_damaged_is_set_aside_and_a_new_one_begun(
    house: House, damage: Callable[[bytes], bytes]
) -> None:
    """After a power cut; nothing of it is thrown away, and it is said once."""
    house.set_modes({1: 3, 2: 0, 3: 0})
    house.tick()
    torn = damage(house.journal_file.read_bytes())
    house.journal_file.write_bytes(torn)
    house.set_modes({1: 0, 2: 0, 3: 3})
    ran = house.tick()
    assert ran.code == 1
    (aside,) = house.folder.glob("journal.sqlite3.corrupt-*")
    assert ran.err.startswith(f"domo-tick: journal {house.journal_file}: ")
    assert ran.err.endswith(f"; set aside as {aside}, a new one is begun\n")
    assert aside.read_bytes() == torn
    rows = [(1, "M", 0), (1, "E", 0), (3, "M", 3), (3, "E", 1)]
    stands = (2, "M", 0)  # or that force would be lost at a restart
    assert sorted(row[:3] for row in house.journal) == sorted([*rows, stands])
    assert house.tick() == (0, "", "")


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_new_one_begins_with_the_forces_that_stand(house: House, left: str) -> None:
    house.set_modes({1: 3, 2: 0, 3: 1})
    house.tick()
    house.journal_file.unlink()
    if left == "an empty file":
        house.journal_file.touch()
    house.set_modes({1: 3, 2: 0, 3: 3})
    house.tick()
    assert {row[:3] for row in house.journal if row[1] == "M"} == {(1, "M", 3), (2, "M", 0), (3, "M", 3)}


def test_one_whose_damage_only_a_reader_meets_is_set_aside_too(house: House) -> None:
    """It takes rows all the same: left in its place, it would lose the forces at every restart."""
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    index = "sqlite_master WHERE name = 'domo_relay'"
    with journal(house) as base:
        base.execute("PRAGMA writable_schema = ON")
        entry = base.execute(f"SELECT * FROM {index}").fetchone()
        base.execute(f"DELETE FROM {index}")
    with journal(house) as base:
        base.execute("DELETE FROM relay WHERE info = 'M'")
        base.execute("PRAGMA writable_schema = ON")
        base.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", entry)

    def lose_what_is_in_tmpfs() -> None:
        house.memory_file.unlink()
        house.mode_file.unlink()

    lose_what_is_in_tmpfs()
    assert "earlier switches and forces are lost" in house.tick("--dry-run").said
    assert not list(house.folder.glob("journal.sqlite3.*"))
    ran = house.tick()
    (aside,) = house.folder.glob("journal.sqlite3.corrupt-*")
    assert ran.err.endswith(
        f"earlier switches and forces are lost; set aside as {aside}, a new one is begun\n"
    )
    house.set_modes({1: 1, 2: 3, 3: 1})
    house.tick()
    lose_what_is_in_tmpfs()
    assert house.tick() == (0, "", "")
    assert house.on == {2}


def test_what_it_could_not_be_told_it_is_told_later(house: House, clock: Clock) -> None:
    """Somebody holds it (a copy is being made of it): a force must not be missing from it for ever."""
    tick(house, clock)
    house.set_modes({1: 3, 2: 1, 3: 1})
    with journal(house) as base:
        base.execute(PVMONIT)
    with contextlib.closing(sqlite3.connect(house.journal_file)) as base:
        base.execute("BEGIN EXCLUSIVE")
        clock.forward(60)
        house.data(at=clock.wall)
        ran = house.tick_at(clock)
        assert (ran.code, ran.err) == (1, f"domo-tick: journal {house.journal_file}: database is locked\n")
        assert house.on == {1}
        base.rollback()
    tick(house, clock)
    assert house.journal == [(1, "M", 3, "forced on"), (1, "E", 1, "forced on")]
    with journal(house) as base:
        assert {date for (date,) in base.execute("SELECT date FROM relay")} == {int(NOON) + 120}


def test_who_adds_a_column_loses_no_force(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.set_modes({1: 3, 2: 0, 3: 1})
    tick(house, clock)
    monkeypatch.setattr(store, "COLUMNS", {**store.COLUMNS, "soc": "REAL"})
    for file in (house.mode_file, house.memory_file):
        file.unlink()
    tick(house, clock)
    assert house.modes == {1: 3, 2: 0, 3: 1}


def test_what_is_older_than_two_years_goes(house: House, clock: Clock) -> None:
    """But the last rows stay whatever their date, for a clock gone mad must not empty it."""
    two_years = 2 * 366 * 86400
    with journal(house) as base:
        base.execute(PVMONIT)
        base.executemany(
            "INSERT INTO relay (relay_number, info, valeur, date, event) VALUES (9, 'E', 0, ?, '')",
            [(int(NOON) - two_years - 1000 + second,) for second in range(12_000)],
        )
    house.script(1, ON)
    tick(house, clock)
    with journal(house) as base:
        (count,) = base.execute("SELECT count(*) FROM relay").fetchone()
        (oldest,) = base.execute("SELECT min(date) FROM relay").fetchone()
    assert oldest == int(NOON) - two_years + 60
    assert count == 12_000 - 1060 + 2
    clock.wall += 50 * 366 * 86400
    house.script(1, OFF)
    tick(house, clock)
    with journal(house) as base:
        assert base.execute("SELECT count(*) FROM relay").fetchone() == (10_001,)


@pytest.mark.parametrize("name", ["a b.sqlite3", "a%20b?c#d.sqlite3", "été.sqlite3"])
def test_its_name_may_be_any(house: House, name: str) -> None:
    house.configure({"domo.dbFile": name})
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    house.mode_file.unlink()
    house.memory_file.unlink()
    assert house.tick() == (0, "", "")
    assert house.modes == {1: 3, 2: 1, 3: 1}
    assert (house.folder / name).exists()
