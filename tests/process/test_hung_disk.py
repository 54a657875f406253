"""A disk that stops answering, under the data file, the scripts, or a file that a script reads.

Whoever asks it cannot be killed. The tick ends in time all the same, the forces are obeyed, the lock is
free, and nobody is sent after the one who hangs."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.house import House, Ran, until
from support.hung_disk import DATA, HungDisk, possible

pytestmark = [
    pytest.mark.timing,
    pytest.mark.skipif(not possible(), reason="takes root and /dev/fuse"),
]

TICK_SECONDS = 20


@pytest.fixture
def house(house: House) -> House:
    """The house, with relay 3 forced on."""
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.script(1, "return relay.on('sun')")
    house.script(2, "return relay.on('sun')")
    house.set_modes({1: 1, 2: 1, 3: 1})
    return house


@pytest.fixture
def disk(house: House) -> Iterator[HungDisk]:
    """A disk beside the house's other files, still well."""
    with HungDisk(house.folder / "disk") as disk:
        yield disk


def waiting(house: House) -> list[int]:
    """The processes of this house that hang: they say so in the memory."""
    return [pid for pid, _ in house.memory["stuck"].values()]


def hung_tick(house: House) -> Ran:
    """A tick, within its time."""
    begun = time.monotonic()
    ran = house.tick()
    assert time.monotonic() - begun < TICK_SECONDS
    assert ran.code == 1
    assert "Traceback" not in ran.err
    return ran


def state(pid: int) -> str:
    """What a process does: D is to sleep in the kernel; "" when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("what", ["everything", "open", "read"])
def test_the_data_file_does_not_answer(house: House, disk: HungDisk, what: str) -> None:
    """It is no news: what is on stays on for secuDownNoData, and a new force is obeyed."""
    house.configure(DATA)
    (house.folder / "data.xml").rename(house.folder / "disk.xml")
    disk.close()
    (house.folder / "disk.xml").rename(disk.place / "data.xml")
    with HungDisk(disk.place) as again:
        house.tick()
        house.tick()
        assert house.on == {1, 2}
        house.set_modes({1: 1, 2: 1, 3: 3})
        again.hang(what)
        ran = hung_tick(house)
        (pid,) = waiting(house)
        assert ran.err.startswith(
            f"domo-tick: {disk.place}/data.xml: gave no answer within 4 s; process {pid} hangs and cannot"
            f" be killed"
        )
        assert ran.err.count("\n") == 1
        assert state(pid) == "D"
        assert house.on == {1, 2, 3}
        assert " stays on for " in house.memory["why"]["1"]
        begun = time.monotonic()
        ran = hung_tick(house)
        assert (
            f"process {pid} hangs and cannot be killed (does a disk not answer?); no other is started"
            in ran.err
        )
        assert time.monotonic() - begun < 4  # s, which it takes to find that out
        assert waiting(house) == [pid]
        again.answer()
        until(lambda: state(pid) in ("", "Z"))
        assert house.tick() == (0, "", "")
        assert house.memory["stuck"] == {}


def moved(house: House, disk: HungDisk, *names: str) -> HungDisk:
    """The same disk, with these files of the scripts' folder on it."""
    disk.close()
    for name in names:
        (house.scripts / name).rename(disk.place / name)
    return HungDisk(disk.place)


def test_the_folder_of_scripts_does_not_answer(house: House, disk: HungDisk) -> None:
    """Nobody knows what is in it: those that had a script are without an order, and the data are read."""
    with moved(house, disk, "1.py", "2.py") as again:
        house.configure({"domo.relay.scriptDir": "disk"})
        house.tick()
        house.tick()
        assert house.on == {1, 2}
        house.set_modes({1: 1, 2: 1, 3: 3})
        again.hang()
        ran = hung_tick(house)
        (pid,) = waiting(house)
        assert ran.err.count(f"domo-tick: {disk.place}: gave no answer within 4 s; process {pid} hangs") == 1
        assert house.on == {1, 2, 3}
        ran = hung_tick(house)
        assert ran.err.count(f"domo-tick: {disk.place}: process {pid} hangs") == 1
        assert waiting(house) == [pid]
        again.answer()
        until(lambda: state(pid) in ("", "Z"))
        assert house.tick() == (0, "", "")


@pytest.mark.parametrize("what", ["a script that is a link", "a file that a script reads"])
def test_one_script_hangs_and_the_others_do_not(house: House, disk: HungDisk, what: str) -> None:
    with moved(house, disk, "1.py") as again:
        if what == "a script that is a link":
            (house.scripts / "1.py").symlink_to(disk.place / "1.py")
        else:
            house.script(1, f"open({str(disk.place / '1.py')!r}).read()\nreturn relay.on('sun')")
        house.tick()
        house.tick()
        assert house.on == {1, 2}
        house.set_modes({1: 1, 2: 1, 3: 3})
        again.hang()
        ran = hung_tick(house)
        (pid,) = waiting(house)
        assert ran.err.count("\n") == 1
        assert ran.err.startswith("domo-tick: script 1.py")
        assert f"gave no answer within 4 s; process {pid} hangs and cannot be killed" in ran.err
        assert house.memory["why"]["2"] == "sun"
        assert house.on == {1, 2, 3}
        ran = hung_tick(house)
        stuck = f"script 1.py: process {pid} hangs and cannot be killed (does a disk not answer?);"
        assert ran.err == f"domo-tick: {stuck} no other is started beside it\n"
        assert stuck in house.tick("--dry-run", "--set", "SOC=97").said
        assert waiting(house) == [pid]
        again.answer()
        until(lambda: state(pid) in ("", "Z"))
        assert house.tick() == (0, "", "")


def test_what_makes_the_data_hangs(house: House, disk: HungDisk) -> None:
    """PvMonit's script is on the disk: no second one is started, and the old data is used while it lasts."""
    disk.close()
    script = disk.place / "data-xml.php"
    script.write_text(f"exec cat {house.data_file}.new")
    Path(f"{house.data_file}.new").write_text(house.data_file.read_text())
    with HungDisk(disk.place) as again:
        house.configure({"scriptDataXml": str(script), "bin.php-cli": "/bin/sh"})
        assert house.tick() == (0, "", "")
        then = time.time() - 100
        os.utime(house.data_file, (then, then))
        again.hang("read")
        ran = hung_tick(house)
        (pid,) = waiting(house)
        assert f"{script}: gave no data within 10 s" in ran.err
        assert house.memory["why"]["1"] == "sun"
        ran = hung_tick(house)
        assert f"{script}: process {pid} hangs and cannot be killed (does a disk not answer?)" in ran.err
        assert waiting(house) == [pid]
        again.answer()
        until(lambda: state(pid) in ("", "Z"))
        assert house.tick() == (0, "", "")


@pytest.mark.parametrize("what", ["everything", "open"])
def test_the_journal_does_not_answer(house: House, disk: HungDisk, what: str) -> None:
    """The disk that lasts is a dying card: only a child looks at it, even at whether it is there."""
    disk.close()
    house.configure({"domo.dbFile": "disk/journal"})
    house.tick()
    house.tick()
    assert house.on == {1, 2}
    with HungDisk(disk.place) as again:
        house.set_modes({1: 1, 2: 1, 3: 3})
        again.hang(what)
        ran = hung_tick(house)
        (pid,) = waiting(house)
        assert f"domo-tick: journal {disk.place}/journal: " in ran.err
        assert f"journal: process {pid} hangs and cannot be killed" in hung_tick(house).err
        assert waiting(house) == [pid]
        assert house.on == {1, 2, 3}
        again.answer()
        until(lambda: state(pid) in ("", "Z"))
    assert house.tick() == (0, "", "")
    assert house.memory["stuck"] == {}
    (disk.place / "journal").rename(house.journal_file)
    assert (3, "M", 3) in [row[:3] for row in house.journal]


def test_after_a_restart_onto_a_dying_disk_no_process_is_added_each_minute(
    house: House, disk: HungDisk
) -> None:
    """Memory and mode file are gone, journal and record do not answer, nor does what gives the data."""
    disk.close()
    house.configure({"domo.dbFile": "disk/journal", "domo.recordDir": "disk/history"})
    house.set_modes({1: 1, 2: 1, 3: 3})
    house.tick()
    for file in (house.memory_file, house.mode_file, house.data_file, house.folder / "domo_record.kept"):
        file.unlink()
    with HungDisk(disk.place) as again, socket.create_server(("127.0.0.1", 0)) as silent:
        house.configure({"urlDataXml": f"http://127.0.0.1:{silent.getsockname()[1]}/"})
        again.hang()
        first = hung_tick(house)
        assert "journal: cannot be read: gave no answer within 5 s" in first.err
        those = waiting(house)
        assert len(those) == 2 and all(state(pid) == "D" for pid in those)
        assert f"process {those[0]} hangs and cannot be killed" in hung_tick(house).err
        assert waiting(house) == those
        again.answer()
        until(lambda: all(state(pid) in ("", "Z") for pid in those))
    house.configure({"urlDataXml": False})
    house.data()
    assert house.tick() == (0, "", "")
    assert house.on == {1, 3} and house.memory["stuck"] == {}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--dry-run",), "/data.xml: gave no answer within 4 s"),
        (("--dry-run", "--set", "SOC=97"), "supposed, 0 s ago: SOC 97"),
        (("--check",), "/data.xml: gave no answer within 4 s"),
    ],
)
def test_a_look_at_a_data_file_that_does_not_answer_comes_to_an_end(
    house: House, disk: HungDisk, options: tuple[str, ...], says: str
) -> None:
    house.configure(DATA)
    disk.hang()
    begun = time.monotonic()
    said = house.tick(*options).said
    took = time.monotonic() - begun
    disk.answer()  # or pytest, which may look at the files, would hang too
    assert took < TICK_SECONDS
    assert says in said


def test_who_hangs_keeps_no_lock(house: House, disk: HungDisk) -> None:
    house.configure(DATA)
    disk.hang()
    hung_tick(house)
    (pid,) = waiting(house)
    assert not [link for link in Path(f"/proc/{pid}/fd").iterdir() if "tick.lock" in os.readlink(link)]
    assert "another tick is running" not in hung_tick(house).err


def test_check_tells_what_does_not_answer_and_goes_on(house: House, disk: HungDisk) -> None:
    house.configure({"domo.dbFile": "disk/journal.sqlite3"})
    disk.hang()
    said = house.tick("--check").said
    assert "TO DO files: gave no answer within 20 s; process" in said
    assert "pins: simulated" in said


def test_ends_of_forces_that_only_the_journal_knows_hold_nothing_up(house: House, disk: HungDisk) -> None:
    """The clock was set since the last tick: when forces end stands on a disk that does not answer."""
    disk.close()
    house.configure({"domo.dbFile": "disk/journal"})
    house.set_modes({1: 1, 2: 3, 3: 1})
    house.tick()
    forced = {"until": {"2": [3, 0.0, 7200.0]}, "wall": 60.0}
    house.memory_file.write_text(json.dumps(house.memory | forced))
    with HungDisk(disk.place) as again:
        house.set_modes({1: 1, 2: 3, 3: 3})
        again.hang()
        hung_tick(house)
        assert house.on == {1, 2, 3}
        assert house.memory["until"]["2"][0] == 3
        again.answer()
