"""A fault that stands is news when it begins, when it changes, when it ends, and once a day: cron mails
what a tick says, and nobody reads 1,440 mails a day."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess

import pytest

from support.house import Clock, House, Ran

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.fixture(autouse=True)
def nobody_looks_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ticks are cron's."""
    del house.env["DOMO_SAY"]
    monkeypatch.delenv("DOMO_SAY")


def tick(house: House, clock: Clock, seconds: float = MINUTE, **values: object) -> Ran:
    """The tick after so much time, with data that has moved meanwhile."""
    clock.forward(seconds)
    house.data(clock.wall, P=int(clock.up) % 997, **values)
    return house.tick_at(clock)


def said(ran: Ran) -> str:
    """What a tick said, without its name."""
    return ran.err.replace("domo-tick: ", "").strip()


def test_a_fault_that_stands_is_said_when_it_begins_and_when_it_ends(house: House, clock: Clock) -> None:
    house.script(1, "return relay.on(data['NOPE'])")
    first = tick(house, clock)
    assert first.code == 1 and "script 1.py line 2 (return relay.on(data['NOPE']))" in first.err
    for _ in range(61):
        assert tick(house, clock, 3 * MINUTE) == (1, "", "")
    clock.forward(MINUTE)
    house.script(1, "return relay.on('sun')")
    assert said(tick(house, clock)).startswith("over after 3 h 05: script 1.py line 2 (")
    assert tick(house, clock) == (0, "", "")


def test_the_end_comes_with_exit_code_0(house: House, clock: Clock) -> None:
    house.mode_file.write_text("{")
    assert tick(house, clock).code == 1
    house.set_modes({1: 1, 2: 1, 3: 1})
    ended = tick(house, clock)
    assert ended.code == 0 and said(ended).startswith("over after 1 min: ")


def test_it_is_said_once_a_day_while_it_stands(house: House, clock: Clock) -> None:
    house.set_modes({1: 7, 2: 1, 3: 1})
    assert "relay 1 is 7" in tick(house, clock).err
    hours = [hour for hour in range(1, 49) if tick(house, clock, HOUR).err]
    assert hours == [24, 48]
    assert tick(house, clock, DAY - 2 * MINUTE) == tick(house, clock) == (1, "", "")
    assert said(tick(house, clock)).startswith("for 72 h 00 now: ")


@pytest.mark.parametrize("after, times", [(600, [10, 20, 30]), (0, [])])
def test_how_often_is_the_owners_choice(house: House, clock: Clock, after: int, times: list[int]) -> None:
    house.configure({"domo.remindAfter": after})
    house.set_modes({1: 7, 2: 1, 3: 1})
    assert tick(house, clock).err
    assert [minute for minute in range(1, 31) if tick(house, clock).err] == times


def test_numbers_that_grow_make_no_other_fault(house: House, clock: Clock) -> None:
    """The age of the data file, of a device's values, of values that do not move; a number in a script's
    exception, and all that PvMonit reports instead of what is missing."""
    faults = {
        "was written 6": lambda: None,
        "SOC is stale": lambda: (house.data(clock.wall - 1000), os.utime(house.data_file, (clock.wall,) * 2)),
    }
    for words, again in faults.items():
        house.data(clock.wall)
        clock.forward(600)
        again()
        begun = house.tick_at(clock)
        assert words in begun.err
        for _ in range(5):
            clock.forward(MINUTE)
            again()
            assert house.tick_at(clock) == (1, "", "")
        assert "over after" in tick(house, clock).err
        clock.forward(HOUR)
        house.data(clock.wall, P=clock.up)
        house.tick_at(clock)
    house.script(1, "raise ValueError(data['P'])")
    assert "ValueError" in tick(house, clock).err
    assert tick(house, clock) == tick(house, clock) == (1, "", "")


def test_data_that_does_not_move_is_said_once(house: House, clock: Clock) -> None:
    outs = []
    for _ in range(60):
        clock.forward(MINUTE)
        house.data(clock.wall)
        outs.append(house.tick_at(clock).err)
    assert [out for out in outs if out] == [
        "domo-tick: no measured value has moved for 30 min: the monitor is frozen\n"
    ]


def test_another_fault_of_the_same_thing_is_a_change(house: House, clock: Clock) -> None:
    """It is said, but not that the first has ended: the script is not well, as long as both last."""
    house.script(1, "return relay.on(data['NOPE'])")
    tick(house, clock)
    house.script(1, "x = 1\nreturn relay.on(data['NOPE'])")
    changed = tick(house, clock, HOUR)
    assert "line 3" in changed.err and "over after" not in changed.err
    assert tick(house, clock) == (1, "", "")
    house.script(1, "return relay.on('sun')")
    assert said(tick(house, clock)).startswith("over after 1 h 02: script 1.py line 3 (")


@pytest.mark.parametrize("process", ["the common one", "its own", "PHP's"])
def test_a_scripts_fault_is_told_by_its_place_not_by_its_words(
    house: House, clock: Clock, process: str
) -> None:
    """A ": " in the line that fails does not end the place, and what the line says does not belong to it."""
    if process == "PHP's" and not shutil.which("php"):
        pytest.skip("there is no php")
    kind, before, line = "py", "def decide(relay, data):\n    ", "raise ValueError('P: ', {}data['P'])"
    if process == "its own":
        before = f"import os\n{before}"
    elif process == "PHP's":
        kind, before, line = "php", "<?php\n\t", "throw new Exception('P: ' . ({}$data['P']));"
    for sign in ("", "- "):
        text = line.format(sign)
        (house.scripts / f"1.{kind}").write_text(f"{before}{text}\n")
        place = f"script 1.{kind} line {len(before.splitlines())} ({text})"
        begun = tick(house, clock)
        assert begun.code == 1 and place in begun.err and "over after" not in begun.err
        assert tick(house, clock) == tick(house, clock) == (1, "", "")
        told = json.loads((house.folder / "domo_faults.json").read_text())["told"]
        assert {about: one["fault"] for about, one in told.items()} == {"script 1": place}


def test_several_faults_are_told_each_by_itself(house: House, clock: Clock) -> None:
    house.script(1, "return 1 / 0")
    house.set_modes({1: 1, 2: 7, 3: 9})
    assert len(tick(house, clock).err.splitlines()) == 3
    assert tick(house, clock) == (1, "", "")
    house.set_modes({1: 1, 2: 1, 3: 9})
    lines = tick(house, clock).err.splitlines()
    assert len(lines) == 1 and "over after 2 min" in lines[0] and "relay 2 is 7" in lines[0]
    assert tick(house, clock) == (1, "", "")


def test_what_comes_and_goes_is_no_flood(house: House, clock: Clock) -> None:
    """A script that fails every other minute is told of six times; then only what lasts ten minutes."""
    house.script(1, "if int(data['P']) % 2: return 1 / 0\nreturn relay.off('even')")
    lines = []
    for minute in range(60):
        clock.forward(MINUTE)
        house.data(clock.wall, P=2 * minute + minute % 2)
        lines += house.tick_at(clock).err.splitlines()
    assert len(lines) == 6
    quiet = []
    for minute in range(12):
        clock.forward(MINUTE)
        house.data(clock.wall, P=2 * minute + 1)
        quiet.append(house.tick_at(clock).err)
    told = [minute for minute, text in enumerate(quiet) if text]
    assert told == [9] and "it comes and goes" in "".join(quiet)


def test_what_has_happened_and_is_over_has_no_end(house: House, clock: Clock) -> None:
    tick(house, clock)
    house.memory_file.write_text("nonsense")
    assert "is not domo's" in tick(house, clock).err
    assert tick(house, clock) == (0, "", "")


# -- who looks on sees all that stands --


def test_whoever_asks_is_told_all_that_stands_and_takes_no_news_from_cron(house: House) -> None:
    house.set_modes({1: 7, 2: 1, 3: 1})
    for _ in range(2):
        assert "relay 1 is 7" in house.tick("-v").err
    assert "relay 1 is 7" in house.tick(DOMO_SAY="all").err
    assert "relay 1 is 7" in house.tick().err  # cron's first
    assert house.tick() == (1, "", "")
    assert "relay 1 is 7" in house.tick("-v").err
    check = house.tick("--check")
    assert "relay 1 is 7" in check.out


def test_domo_mod_shows_all_that_stands(house: House) -> None:
    house.set_modes({1: 7, 2: 1, 3: 1})
    house.tick()
    house.tick()
    command = [*house.command()[:2], str(house.command()[2]).replace("domo-tick", "domo-mod")]
    for arguments in (["2", "on"], []):
        done = subprocess.run(
            [*command, "--config", str(house.config), *arguments],
            env=house.env,
            capture_output=True,
            text=True,
        )
        assert "relay 1 is 7" in " ".join(done.stdout.split())
    assert house.tick() == (1, "", "")


def test_a_terminal_is_told_all_that_stands(house: House) -> None:
    house.set_modes({1: 7, 2: 1, 3: 1})
    house.tick()
    ours, theirs = pty.openpty()
    for _ in range(2):
        assert subprocess.run(house.command(), env=house.env, stderr=theirs).returncode == 1
        assert b"relay 1 is 7" in os.read(ours, 4096)
    os.close(ours)
    os.close(theirs)


# -- what may go wrong meanwhile --


def test_a_clock_that_jumps_ends_nothing_and_begins_nothing(house: House, clock: Clock) -> None:
    house.set_modes({1: 7, 2: 1, 3: 1})
    tick(house, clock)
    for wall in (0.0, clock.wall + 3 * DAY, clock.wall):
        clock.wall = wall
        assert tick(house, clock) == (1, "", "")
    house.set_modes({1: 1, 2: 1, 3: 1})
    assert said(tick(house, clock)).startswith("over after 4 min: ")


def test_after_a_restart_faults_begin_anew(house: House, clock: Clock) -> None:
    """/tmp is empty then."""
    house.set_modes({1: 7, 2: 1, 3: 1})
    tick(house, clock)
    clock.reboot()
    for file in house.folder.glob("domo_*"):
        file.unlink()
    assert "relay 1 is 7" in tick(house, clock).err
    assert tick(house, clock) == (1, "", "")


def test_where_the_temporary_folder_outlives_a_restart_they_go_on(house: House, clock: Clock) -> None:
    house.set_modes({1: 7, 2: 1, 3: 1})
    tick(house, clock)
    clock.reboot(120)
    assert tick(house, clock) == (1, "", "")
    house.set_modes({1: 1, 2: 1, 3: 1})
    assert said(tick(house, clock)).startswith("over after 4 min: ")


@pytest.mark.parametrize("broken", ["a folder", "another version", "nonsense"])
def test_what_cannot_be_remembered_as_told_is_said_each_time(house: House, clock: Clock, broken: str) -> None:
    house.set_modes({1: 7, 2: 1, 3: 1})
    told = house.folder / "domo_faults.json"
    if broken == "a folder":
        told.mkdir()
    elif broken == "another version":
        told.write_text('{"version": 99}')
    else:
        told.write_text('{"version": 1, "boot": "", "wall": [], "up": 1, "told": {"x": 3}}')
    times = 3 if broken == "a folder" else 1
    for _ in range(times):
        ran = tick(house, clock)
        assert "relay 1 is 7" in ran.err
        assert ("; until it can be, each tick reports every fault" in ran.err) == (broken == "a folder")
    if broken != "a folder":
        assert tick(house, clock) == (1, "", "")


def test_it_is_remembered_where_the_memory_is_not_kept(house: House, clock: Clock) -> None:
    """Nobody knows the past while the journal cannot be read, so no memory is written. No flood either."""
    house.journal_file.mkdir()
    assert "cannot be read" in tick(house, clock).err
    assert not house.memory_file.exists()
    assert tick(house, clock) == tick(house, clock) == (1, "", "")


def test_a_configuration_that_cannot_be_used_is_said_once(house: House, clock: Clock) -> None:
    """By what the last good one says; and faults that nobody looks for meanwhile have not ended."""
    house.set_modes({1: 7, 2: 1, 3: 1})
    assert "relay 1 is 7" in tick(house, clock).err
    good = house.config.read_text()
    house.config.write_text(good + "  x: [")
    broken = tick(house, clock)
    assert broken.code == 2 and "config.yaml line" in broken.err and "over after" not in broken.err
    assert tick(house, clock) == tick(house, clock) == (2, "", "")
    house.config.write_text(good)
    assert "over after 3 min: " + str(house.config) in tick(house, clock).err
    assert tick(house, clock) == (1, "", "")


def test_without_any_good_configuration_it_is_said_each_time(house: House, clock: Clock) -> None:
    """Better than never: nobody knows where what was told could be remembered."""
    house.config.write_text("domo: [")
    for _ in range(3):
        ran = tick(house, clock)
        assert ran.code == 2 and "config.yaml line" in ran.err
    gone = house.folder / "gone.yaml"
    for _ in range(2):
        done = subprocess.run(
            [*house.command()[:4], str(gone)], env=house.env, capture_output=True, text=True
        )
        assert done.returncode == 2 and "there is no such file" in done.stderr


def test_one_that_somebody_else_wrote_silences_nothing(house: House) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    house.set_modes({1: 7, 2: 1, 3: 1})
    house.tick()
    assert house.tick() == (1, "", "")
    os.chown(house.folder / "domo_faults.json", 12345, 12345)
    assert "relay 1 is 7" in house.tick().err


def test_a_house_where_all_is_well_writes_nothing_of_it(house: House, clock: Clock) -> None:
    for _ in range(3):
        assert tick(house, clock) == (0, "", "")
    assert not (house.folder / "domo_faults.json").exists()
    house.set_modes({1: 7, 2: 1, 3: 1})
    tick(house, clock)
    before = (house.folder / "domo_faults.json").stat()
    tick(house, clock)
    assert (house.folder / "domo_faults.json").stat().st_ino == before.st_ino  # nor while one stands
    house.set_modes({1: 1, 2: 1, 3: 1})
    for _ in range(13):
        tick(house, clock)
    assert not (house.folder / "domo_faults.json").exists()


def test_the_log_says_what_is_new_before_what_stands(house: House, clock: Clock) -> None:
    house.configure({"printMessage": 1})
    house.set_modes({1: 7, 2: 1, 3: 1})
    assert "relay 1 is 7" in tick(house, clock).out
    assert tick(house, clock).out == ""
    house.configure({"printMessage": 3})
    assert "[3] - domo-tick: " in tick(house, clock).out
