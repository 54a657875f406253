"""What a tick records, where it is kept, and that nothing of it is lost: ticks by a clock of the test's."""

from __future__ import annotations

import csv
import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domo.stores import record
from support.house import NOON, Clock, House

HOUR, DAY = 3600, 86400
ON = "return relay.on('full')"


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A house in France, where noon of the clock is not noon of the epoch."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def tick(house: House, clock: Clock, seconds: float = 60, **values: object) -> str:
    """A tick with fresh data, and what it complained of; then time goes by."""
    house.data(clock.wall, **values)
    said = house.tick_at(clock).err
    clock.forward(seconds)
    return said


def table(text: str) -> list[dict[str, str]]:
    """A CSV as a spreadsheet reads it."""
    return list(csv.DictReader(text.splitlines()))


def today(house: House) -> list[dict[str, str]]:
    return table((house.folder / "domo_today.csv").read_text())


def kept(house: House) -> dict[str, list[dict[str, str]]]:
    """The lasting folder: each day's lines."""
    files = sorted((house.folder / "history").glob("*.csv.gz"))
    return {path.name[:10]: table(gzip.decompress(path.read_bytes()).decode()) for path in files}


def test_each_tick_adds_a_line(house: House) -> None:
    """The time with its offset, the values of each device, and of each relay what it is and why."""
    clock = Clock()
    house.script(1, ON)
    house.set_modes({1: 1, 2: 3, 3: 0})
    assert [tick(house, clock, SOC=96.4 - n) for n in range(3)] == [""] * 3
    first, second, _ = today(house)
    assert first["time"] == "2024-06-15T13:13:20+02:00"
    assert second["time"] == "2024-06-15T13:14:20+02:00"
    expected = {
        "700.SOC": "96.4",
        "MpttGarage.CS": "Absorption",
        "MpttToit.PPV": "145",
        "Divers.CONSO": "414",
    }
    assert {name: first[name] for name in expected} == expected
    assert "SONDE.localT" not in first
    relays = [[first[f"relay{r}.{what}"] for what in ("mode", "state", "wanted", "why")] for r in (1, 2, 3)]
    assert relays == [["2", "1", "1", "full"], ["3", "1", "0", "forced on"], ["0", "0", "0", "forced off"]]


def test_a_reason_is_written_when_it_changes(house: House) -> None:
    clock = Clock()
    house.script(1, "return relay.off('a, \"b\"\\nc') if data['SOC'] < 50 else relay.on('full')")
    house.set_modes({1: 1, 2: 1, 3: 1})
    for soc in (40, 40, 90, 90):
        tick(house, clock, SOC=soc)
    assert [line["relay1.why"] for line in today(house)] == ['a, "b" c', "", "full", ""]


def test_any_reason_is_read_as_it_was_given_and_a_long_one_is_cut(house: House) -> None:
    house.script(1, """return relay.off('"full" it says')""")
    house.script(2, "return relay.off(90 * 'word ')")
    tick(house, Clock())
    (line,) = today(house)
    assert line["relay1.why"] == '"full" it says'
    assert line["relay2.why"].startswith("word word") and len(line["relay2.why"]) <= 300


def test_a_relay_without_a_mode_has_none_in_the_record(house: House) -> None:
    house.set_modes({1: 7, 2: 1, 3: 1})
    tick(house, Clock())
    assert [line["relay1.mode"] for line in today(house)] == [""]


def test_two_devices_of_one_name_do_not_share_a_column(house: House) -> None:
    clock = Clock()
    one = (
        '<device id="%s"><nom>Roof</nom><timerefresh>%d</timerefresh><datas><data id="SOC">'
        '<value>90</value></data><data id="PPV"><value>%d</value></data></datas></device>'
    )
    devices = one % ("a", NOON, 100) + one % ("b", NOON, 200)
    house.data_file.write_text(f"<devices>{devices}</devices>")
    os.utime(house.data_file, (clock.wall, clock.wall))
    house.tick_at(clock)
    (line,) = today(house)
    assert (line["Roof.PPV"], line["b.PPV"]) == ("100", "200")


@pytest.mark.parametrize(
    "zone, moment",
    [
        ("America/New_York", "2024-06-15T07:13:20-04:00"),
        ("America/St_Johns", "2024-06-15T08:43:20-02:30"),
        ("Asia/Kolkata", "2024-06-15T16:43:20+05:30"),
    ],
)
def test_a_moment_is_told_with_the_offset_of_its_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str, moment: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    assert record.stamp(NOON) == moment


def test_more_values_are_recorded_on_demand(house: House) -> None:
    house.configure({"domo.recordValues": ["localT"], "domo.valueUse": ["SOC", "H20"]})
    tick(house, Clock())
    (line,) = today(house)
    assert (line["SONDE.localT"], line["MpttGarage.H20"]) == ("21.4", "1.87")


def test_a_dry_run_records_nothing(house: House) -> None:
    house.tick("--dry-run")
    assert not (house.folder / "domo_today.csv").exists()
    assert not (house.folder / "history").exists()


def test_once_an_hour_it_goes_to_the_lasting_folder_whole(house: House) -> None:
    """And no oftener: that folder is on the card."""
    clock = Clock()
    writes = 0
    for _ in range(130):
        before = _stat(house)
        tick(house, clock, SOC=90 + clock.wall % 7)
        if _stat(house) != before:
            writes += 1
    assert writes == 3
    (lines,) = kept(house).values()
    assert lines == today(house)[: len(lines)]
    assert 120 <= len(lines) <= 130


def _stat(house: House) -> object:
    path = house.folder / "history/2024-06-15.csv.gz"
    return path.stat().st_ino if path.exists() else None


def test_never_is_never(house: House) -> None:
    """The day before stays in tmpfs until the next one."""
    house.configure({"domo.recordEvery": False})
    clock = Clock()
    for _ in range(4):
        tick(house, clock, DAY)
    assert not (house.folder / "history").exists()
    assert len(today(house)) == 1
    assert [path.name for path in house.folder.glob("domo_20*.csv")] == ["domo_2024-06-17.csv"]


def test_a_new_day_is_a_new_file_and_the_old_one_is_whole(house: House) -> None:
    clock = Clock(wall=NOON + 10 * HOUR + 43 * 60)  # 23:56
    for _ in range(8):
        tick(house, clock)
    days = kept(house)
    assert {day: len(lines) for day, lines in days.items()}["2024-06-15"] == 4
    assert days["2024-06-15"][-1]["time"].startswith("2024-06-15T23:59")
    assert {line["time"][:10] for line in today(house)} == {"2024-06-16"}
    assert today(house)[0]["relay1.why"]  # whole again, though it did not change
    assert not list(house.folder.glob("domo_20*"))


def test_after_a_restart_the_day_goes_on(house: House) -> None:
    """What was in tmpfs since the last hour is gone, what is in the lasting folder stays; so does the
    order of its columns, though the first tick has no data."""
    clock = Clock()
    for _ in range(3):
        tick(house, clock)
    os.utime(house.folder / "domo_record.kept", (clock.wall - HOUR, clock.wall - HOUR))
    tick(house, clock)
    before = kept(house)["2024-06-15"]
    (house.folder / "domo_today.csv").unlink()
    house.data_file.unlink()
    house.tick_at(clock)
    clock.forward(2 * HOUR)
    tick(house, clock)
    os.utime(house.folder / "domo_record.kept", (clock.wall - HOUR, clock.wall - HOUR))
    tick(house, clock)
    lines = kept(house)["2024-06-15"]
    assert lines[: len(before)] == before
    assert len(lines) == len(before) + 3
    assert lines[-1]["700.SOC"] == "96.4"
    assert lines[len(before)]["wrong"].startswith("no data file")


def test_a_value_that_comes_later_gets_its_column(house: House) -> None:
    """The lines before it stay, and lack it."""
    clock = Clock()
    tick(house, clock)
    house.configure({"domo.recordValues": ["localT"], "domo.relayNb": 4})
    tick(house, clock)
    first, second = today(house)
    assert (first["SONDE.localT"], second["SONDE.localT"]) == (None, "21.4")
    assert second["relay4.state"] == "0"
    assert first["700.SOC"] == second["700.SOC"] == "96.4"


def test_a_torn_line_costs_itself_and_no_other(house: House) -> None:
    clock = Clock()
    tick(house, clock)
    path = house.folder / "domo_today.csv"
    path.write_bytes(path.read_bytes()[:-20])
    tick(house, clock)
    lines = today(house)
    assert len(lines) == 2
    assert lines[1]["700.SOC"] == "96.4"


@pytest.mark.parametrize("rubbish", [b"", b"\0" * 5000, b"no record\n1,2,3\n", b"time,x\nyesterday,1\n"])
def test_rubbish_in_its_place_is_set_aside(house: House, rubbish: bytes) -> None:
    path = house.folder / "domo_today.csv"
    path.write_bytes(rubbish)
    assert tick(house, Clock()) == ""
    assert len(today(house)) == 1
    aside = house.folder / "domo_today.csv.corrupt"
    assert (aside.read_bytes() if aside.exists() else b"").startswith(rubbish)


def test_a_kept_day_that_is_torn_is_mended_with_what_there_is(house: House) -> None:
    clock = Clock()
    for n in range(40):
        tick(house, clock, SOC=50 + n)
    path = house.folder / "history/2024-06-15.csv.gz"
    os.utime(house.folder / "domo_record.kept", (clock.wall - HOUR, clock.wall - HOUR))
    tick(house, clock)
    whole = kept(house)["2024-06-15"]
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    (house.folder / "domo_today.csv").unlink()  # a power cut
    os.utime(house.folder / "domo_record.kept", (clock.wall - HOUR, clock.wall - HOUR))
    assert tick(house, clock) == ""
    lines = kept(house)["2024-06-15"]
    read = [line for line in lines if line in whole]
    assert 5 < len(read) < len(whole)
    assert lines[-1]["time"] > whole[-1]["time"]


def test_a_kept_day_that_is_no_record_is_set_aside_and_said(house: House) -> None:
    folder = house.folder / "history"
    folder.mkdir()
    (folder / "2024-06-15.csv.gz").write_bytes(b"somebody's")
    assert "is no record; set aside as" in tick(house, Clock())
    assert (folder / "2024-06-15.csv.gz.corrupt").read_bytes() == b"somebody's"
    assert len(kept(house)["2024-06-15"]) == 1


def test_a_lasting_folder_that_cannot_be_written_delays_no_pin_and_loses_nothing(house: House) -> None:
    """It is said at each tick; days wait in tmpfs until it can be written again."""
    (house.folder / "history").write_text("in the way")
    house.set_modes({1: 1, 2: 3, 3: 1})
    clock = Clock(wall=NOON + 10 * HOUR + 44 * 60)  # 23:57
    for _ in range(6):
        assert "/history: " in tick(house, clock)
        assert house.on == {2}
    assert len(house.memory["reports"]) == 1
    assert (house.folder / "domo_2024-06-15.csv").exists()
    (house.folder / "history").unlink()
    assert tick(house, clock) == ""
    assert {day: len(lines) for day, lines in kept(house).items()} == {"2024-06-15": 3, "2024-06-16": 4}


def test_a_file_in_place_of_the_lasting_folder_is_told_as_one(house: House) -> None:
    (house.folder / "history").write_text("")
    assert f"{house.folder}/history: is not a folder; move it away" in house.tick().err


def test_days_older_than_two_years_are_pruned_but_not_by_a_clock_gone_mad(house: House) -> None:
    folder = house.folder / "history"
    folder.mkdir()
    for n in range(800):
        day = time.strftime("%Y-%m-%d", time.gmtime(NOON - n * DAY))
        (folder / f"{day}.csv.gz").write_bytes(gzip.compress(b"time,wrong\n"))
    (folder / "notes.txt").write_text("mine")
    (folder / "2024-06-15.csv.gz").unlink()
    tick(house, Clock())
    names = sorted(path.name for path in folder.glob("*.gz"))
    assert (len(names), names[0], names[-1]) == (732, "2022-06-15.csv.gz", "2024-06-15.csv.gz")
    tick(house, Clock(wall=NOON + 30 * 366 * DAY))  # 2054
    assert len(list(folder.glob("*.gz"))) == 732
    assert (folder / "notes.txt").exists()


def test_a_clock_that_jumps_back_loses_no_line(house: House) -> None:
    """The Pi begins in the past, until the network tells it the time."""
    clock = Clock()
    tick(house, clock)
    clock.wall -= 40 * DAY
    tick(house, clock)
    clock.wall += 40 * DAY
    tick(house, clock)
    days = kept(house)
    assert {day: len(lines) for day, lines in days.items()} == {"2024-05-06": 1, "2024-06-15": 2}


def test_nobody_elses_file_is_written(house: House, tmp_path: Path) -> None:
    """A planted link would make the tick write anywhere."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (house.folder / "domo_today.csv").symlink_to(victim)
    house.set_modes({1: 1, 2: 3, 3: 1})
    assert "domo_today.csv: is a link, which is not followed" in tick(house, Clock())
    assert (victim.read_text(), house.on) == ("precious", {2})


def test_a_fifo_in_its_place_does_not_hang_the_tick(house: House) -> None:
    os.mkfifo(house.folder / "domo_today.csv")
    house.set_modes({1: 1, 2: 3, 3: 1})
    assert "domo_today.csv: is not a file; move it away" in tick(house, Clock())
    assert house.on == {2}


def test_what_is_no_mark_switches_nothing_off_and_is_said(house: House) -> None:
    """The disk is not written every minute for want of one, and the record goes there once it can be made."""
    house.script(1, ON)
    mark, clock = house.folder / "domo_record.kept", Clock()
    mark.mkdir()
    for _ in range(3):
        assert "domo_record.kept: is not a file; move it away" in tick(house, clock)
        assert house.on == {1}
        assert kept(house) == {}
    mark.rmdir()
    assert tick(house, clock) == ""
    assert len(kept(house)["2024-06-15"]) == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_a_mark_of_somebody_else_is_not_believed(house: House) -> None:
    mark, clock = house.folder / "domo_record.kept", Clock()
    mark.write_text("2024-06-15")
    os.utime(mark, (clock.wall, clock.wall))
    os.chown(mark, 12345, 12345)
    tick(house, clock)
    assert len(kept(house)["2024-06-15"]) == 1


def test_where_the_disk_takes_nothing_the_next_tick_tries_again(house: House) -> None:
    (house.folder / "history").write_text("in the way")
    clock = Clock()
    for _ in range(2):
        assert "history: " in tick(house, clock)
    (house.folder / "history").unlink()
    assert tick(house, clock) == ""
    assert len(kept(house)["2024-06-15"]) == 3


def test_names_that_fill_no_line_are_told_and_nothing_else_is_disturbed(house: House) -> None:
    house.script(1, ON)
    values = "".join(f'<data id="{v}"><value>1</value></data>' for v in ("V", "I", "P", "PPV", "CS", "SOC"))
    now, clock = f"<timerefresh>{NOON:.0f}</timerefresh>", Clock()
    one = f'<device id="%d"><nom>{"long " * 38}%d</nom>{now}<datas>{values}</datas></device>'
    devices = "".join(one % (n, n) for n in range(40))
    house.data_file.write_text(f"<devices>{devices}</devices>")
    os.utime(house.data_file, (clock.wall, clock.wall))
    assert "today.csv: its first line is too long" in house.tick_at(clock).err
    assert house.on == {1}
