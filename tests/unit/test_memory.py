"""What a tick remembers: lost and found again, over restarts, and whatever the clocks do."""

from __future__ import annotations

import calendar
import json
import os
import re
import subprocess
import time

import pytest

from domo.core.history import KEPT
from domo.core.model import Now, Past, Row
from domo.stores import memory
from support.house import NOON, Clock, House, Ran

ON = 'return relay.on("sun")'
OFF = 'return relay.off("clouds")'
TELL = """
def decide(relay, data):
    why = f"on {relay.on_for:.0f}, off {relay.off_for:.0f}, "
    why += f"today {relay.on_time():.0f}, starts {relay.starts()}"
    return relay.keep(why)
"""


def tick(house: House, clock: Clock, *arguments: str) -> Ran:
    """A tick now, on fresh data."""
    house.data(at=clock.wall, I=clock.wall % 1000)
    return house.tick_at(clock, *arguments)


def why(house: House, relay: int = 1) -> str:
    """The last reason of a relay."""
    return str(house.memory["why"][str(relay)])


def lose_tmpfs(house: House) -> None:
    """The files in tmpfs are gone, as after a restart; and the pins are inputs."""
    for path in (house.mode_file, house.state_file, house.memory_file, house.pin_file, house.lock_file):
        path.unlink(missing_ok=True)


def ran_for_ten_minutes(house: House, clock: Clock) -> None:
    """Relay 1 went on, stayed so for ten minutes, and went off five minutes ago."""
    house.script(1, ON)
    tick(house, clock)
    clock.forward(600)
    house.script(1, OFF)
    tick(house, clock)
    clock.forward(300)
    house.script(1, TELL)


# -- lost and found --


def test_it_remembers_from_one_tick_to_the_next(house: House, clock: Clock) -> None:
    ran_for_ten_minutes(house, clock)
    tick(house, clock)
    assert why(house) == "on 0, off 300, today 600, starts 1"


def test_lost_it_is_rebuilt_from_the_journal(house: House, clock: Clock) -> None:
    ran_for_ten_minutes(house, clock)
    house.memory_file.unlink()
    assert tick(house, clock) == (0, "", "")
    assert why(house) == "on 0, off 300, today 600, starts 1"


def test_lost_it_still_lets_only_one_relay_on_at_a_time(house: House, clock: Clock) -> None:
    house.script(1, ON)
    house.script(2, ON)
    tick(house, clock)
    clock.forward(20)
    house.memory_file.unlink()
    tick(house, clock)
    assert house.on == {1}
    assert why(house, 2) == "sun: waits, another was switched on 20 s ago"


def test_a_relay_that_was_on_by_itself_stays_on_without_it(house: House, clock: Clock) -> None:
    house.script(1, ON)
    tick(house, clock)
    clock.forward(60)
    house.memory_file.unlink()
    tick(house, clock)
    assert house.on == {1}
    assert [row[2] for row in house.journal if row[1] == "E"] == [1]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"version": 99}',
        "\0" * 99,
        '{"version": 2}',
        '{"version": 2, "boot": 3}',
    ],
)
def test_one_that_is_none_is_told_and_rebuilt(house: House, clock: Clock, content: str) -> None:
    ran_for_ten_minutes(house, clock)
    house.memory_file.write_text(content)
    ran = tick(house, clock)
    assert ran.code == 1
    assert ran.err.startswith(f"domo-tick: memory not used: {house.memory_file}: is not domo's (")
    assert ran.err.count("\n") == 1
    assert why(house) == "on 0, off 300, today 600, starts 1"
    assert tick(house, clock) == (0, "", "")


@pytest.mark.parametrize(
    "key, value",
    [
        ("states", {"1": 7}),
        ("modes", {"1": "on"}),
        ("history", {"1": [[-5, 1]]}),
        ("history", {"1": [[5, 1], [50, 0]]}),
        ("auto_on", {"1": None}),
        ("support", {"x": 1}),
        ("timers", {"a": [1]}),
        ("up", "long"),
        ("wall", None),
        ("frozen", []),
        ("data", 1e300),
        ("ours", 3),
    ],
)
def test_every_field_of_it_is_checked(house: House, clock: Clock, key: str, value: object) -> None:
    ran_for_ten_minutes(house, clock)
    house.memory_file.write_text(json.dumps({**house.memory, key: value}))
    if key == "wall":
        clock.reboot(clock.up)  # within one boot it is not looked at
    ran = tick(house, clock)
    assert ran.err.startswith(f"domo-tick: memory not used: {house.memory_file}: is not domo's (")
    assert ran.err.count("\n") == 1
    assert house.on == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_one_that_somebody_else_planted_is_not_trusted(house: House, clock: Clock) -> None:
    house.script(1, ON)
    tick(house, clock)
    os.chown(house.memory_file, 4321, 4321)
    ran = tick(house, clock)
    assert f"{house.memory_file}: belongs to 4321; run: sudo rm {house.memory_file}" in ran.err
    assert house.on == {1}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_to_do_can_be_pasted_where_the_path_has_a_space(house: House, clock: Clock) -> None:
    """`rm /tmp/the house/memory.json` would remove two other files."""
    folder = house.folder / "the house"
    folder.mkdir()
    house.configure({"domo.prefixFileData": f"{folder}/"})
    house.script(1, ON)
    tick(house, clock)
    planted = [folder / name for name in ("memory.json", "tick.lock", "today.csv")]
    for path in planted:
        os.chown(path, 4321, 4321)
    said = tick(house, clock).err
    advice = re.findall(r"belongs to 4321.*; run: sudo (rm .*)", said)
    assert len(advice) == 3
    for command in advice:
        subprocess.run(command, shell=True, check=True)
    assert not any(path.exists() for path in planted)


def test_timers_and_their_ends(house: House, clock: Clock) -> None:
    """Remembered from tick to tick, and forgotten a day after their end."""
    house.script(1, "relay.timer('a').start(600)\nreturn relay.keep('started')")
    tick(house, clock)
    house.script(1, "timer = relay.timer('a')\nreturn relay.keep(f'{timer.left:g} {timer.running}')")
    for seconds, said in ((60, "540 True"), (539, "1 True"), (1, "0 False")):
        clock.forward(seconds)
        tick(house, clock)
        assert why(house) == said
    assert "a" in house.memory["timers"]
    clock.forward(86400)
    tick(house, clock)
    assert house.memory["timers"] == {}


def test_it_does_not_grow(house: House, clock: Clock) -> None:
    """A relay that flaps for a week, every minute: the last 48 hours are kept."""
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.script(1, 'return relay.off("flap") if relay.is_on else relay.on("flip")')
    tick(house, clock)
    saved = house.memory
    saved["history"]["1"] = [[7 * 86400 - 60 * minute, minute % 2] for minute in range(7 * 1440)]
    house.memory_file.write_text(json.dumps(saved))
    clock.forward(60)
    tick(house, clock)
    assert 2880 <= len(house.memory["history"]["1"]) <= 2883


# -- a restart --


def test_after_a_restart_the_owners_forces_come_back(house: House, clock: Clock) -> None:
    """The mode file was in tmpfs; the journal has them. What was on by itself waits for an order."""
    house.set_modes({1: 1, 2: 3, 3: 0})
    house.script(1, ON)
    tick(house, clock)
    assert house.on == {1, 2}
    lose_tmpfs(house)
    clock.reboot(30)
    house.script(1, OFF)
    assert tick(house, clock) == (0, "", "")
    assert house.modes == {1: 1, 2: 3, 3: 0}
    assert house.on == {2}


def test_the_last_word_of_the_owner_counts(house: House, clock: Clock) -> None:
    """A force that he took back does not come back."""
    for mode in (3, 0, 1):
        house.set_modes({1: mode, 2: 1, 3: 1})
        tick(house, clock)
        clock.forward(60)
    lose_tmpfs(house)
    clock.reboot(30)
    tick(house, clock)
    assert house.modes == {1: 1, 2: 1, 3: 1}


def test_after_a_restart_a_minimum_time_off_still_counts(house: House, clock: Clock) -> None:
    house.configure({"domo.limits": {1: {"minOff": 3600}}})
    ran_for_ten_minutes(house, clock)
    tick(house, clock)
    lose_tmpfs(house)
    clock.reboot(60)
    house.script(1, ON)
    tick(house, clock)
    assert house.on == set()
    assert why(house) == "sun: stays off 54 min more (minOff)"


def test_a_relay_that_was_on_went_off_when_the_machine_did(house: House, clock: Clock) -> None:
    """At the latest when it booted; and that is in the journal."""
    house.script(1, ON)
    tick(house, clock)
    clock.forward(600)
    tick(house, clock)
    lose_tmpfs(house)
    clock.reboot(120)
    house.script(1, TELL)
    tick(house, clock)
    assert why(house) == "on 0, off 120, today 600, starts 1"
    assert (1, "E", 0, "switched by a restart or another program") in house.journal[-2:]


def test_a_memory_on_a_lasting_disk_tells_the_same(house: House, clock: Clock) -> None:
    house.script(1, ON)
    tick(house, clock)
    clock.forward(600)
    tick(house, clock)
    house.pin_file.unlink()
    clock.reboot(120)
    house.script(1, TELL)
    tick(house, clock)
    assert why(house) == "on 0, off 120, today 600, starts 1"


# -- clocks --


def test_a_clock_of_1970_that_is_set_later_moves_nothing(house: House, clock: Clock) -> None:
    """The Pi has no clock chip: it boots in 1970, relays are driven, then the network sets the clock."""
    house.script(1, ON)
    house.set_modes({1: 1, 2: 3, 3: 1})
    clock.wall, clock.up = 40.0, 30.0
    house.data(at=NOON)  # the last data on the disk, from the clock's future
    ran = house.tick_at(clock)
    assert (ran.code, house.on) == (1, {2})
    assert "in the future" in ran.err
    clock.forward(60)
    assert tick(house, clock).code == 0  # PvMonit on the same machine stamps 1970 as well
    assert house.on == {1, 2}
    clock.forward(60)
    clock.wall = NOON
    house.script(1, TELL)
    assert tick(house, clock) == (0, "", "")
    assert why(house) == "on 60, off 0, today 60, starts 1"


def test_a_journal_of_1970_counts_no_years(house: House, clock: Clock) -> None:
    """Written before the clock was set, and all that is left: what it says was in this boot. The relay counts
    as switched on before it, and so goes off; it was on until now."""
    clock.wall, clock.up = 40.0, 30.0
    house.script(1, ON)
    tick(house, clock)
    clock.forward(60)
    clock.wall = NOON
    house.memory_file.unlink()
    house.script(1, TELL)
    tick(house, clock)
    assert why(house) == "on 0, off 0, today 90, starts 1"
    assert house.on == set()


@pytest.mark.parametrize("jump", [-3600, 3600, -86400 * 400, 86400, 86400 * 400])
def test_a_clock_that_jumps_changes_no_duration(house: House, clock: Clock, jump: float) -> None:
    house.configure({"domo.limits": {1: {"minOn": 900, "minOff": 900}}})
    house.script(1, ON)
    tick(house, clock)
    clock.forward(600)
    clock.wall += jump
    house.script(1, OFF)
    tick(house, clock)
    assert (house.on, why(house)) == ({1}, "clouds: stays on 5 min more (minOn)")
    clock.forward(300)
    clock.wall -= 2 * jump
    tick(house, clock)
    assert (house.on, why(house)) == (set(), "clouds")
    clock.forward(60)
    clock.wall += jump
    house.script(1, ON)
    tick(house, clock)
    assert (house.on, why(house)) == (set(), "sun: stays off 14 min more (minOff)")


@pytest.mark.parametrize("jump", [-3600, -86400 * 400, 3600, 86400 * 400])
def test_data_of_another_time_keeps_nothing_on_for_long(house: House, clock: Clock, jump: float) -> None:
    """The clock jumps and the data does not: it is stale, or of the future. Nothing is on for more than
    secuDownNoData because of it, and nothing for ever."""
    house.script(1, ON)
    tick(house, clock)
    clock.wall += jump
    on = []
    for _ in range(11):
        clock.forward(60)
        house.tick_at(clock)
        on.append(house.on)
    assert on == [{1}] * 9 + [set()] * 2
    tick(house, clock)
    assert house.on == {1}


@pytest.mark.parametrize(
    "utc, hours",
    [
        ("2024-03-31 00:50", "01:50 03:20"),
        ("2024-10-27 00:50", "02:50 02:20"),
        ("2024-02-28 22:50", "23:50 00:20"),
    ],
    ids=["spring forward", "fall back", "leap day"],
)
def test_summer_time_and_midnight_change_hours_but_no_durations(
    house: House, monkeypatch: pytest.MonkeyPatch, utc: str, hours: str
) -> None:
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    clock = Clock(float(calendar.timegm(time.strptime(utc, "%Y-%m-%d %H:%M"))))
    try:
        house.script(1, "return relay.on(f'{relay.now:%H:%M}')")
        tick(house, clock)
        started = why(house)
        clock.forward(1800)
        house.script(1, "return relay.keep(f'{relay.now:%H:%M}, on for {relay.on_for:.0f}')")
        tick(house, clock)
        assert [started, why(house)] == [hours.split()[0], f"{hours.split()[1]}, on for 1800"]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_no_event_lies_in_the_future(house: House, clock: Clock) -> None:
    """Memory and journal were written by a clock a year ahead; then the machine was restarted."""
    clock.wall += 365 * 86400
    ran_for_ten_minutes(house, clock)
    tick(house, clock)
    clock.reboot(60, wall=NOON)
    tick(house, clock)
    assert why(house) == "on 0, off 360, today 600, starts 1"
    house.memory_file.unlink()
    tick(house, clock)
    assert why(house) == "on 0, off 60, today 600, starts 1"


def test_one_of_before_an_update_is_rebuilt_without_a_word(house: House, clock: Clock) -> None:
    ran_for_ten_minutes(house, clock)
    house.memory_file.write_text('{"version": 1, "boot": "boot 0", "wall": 1, "up": 1}')
    assert tick(house, clock) == (0, "", "")
    assert why(house) == "on 0, off 300, today 600, starts 1"


def test_rows_from_before_an_update_get_the_default_of_a_new_field(clock: Clock) -> None:
    saved = memory.kept(Past(unwritten=(Row(1.0, 3, "M", 0, "x", "owner", 60.0),)), clock.now())
    saved["unwritten"] = [row[:-1] for row in saved["unwritten"]]
    clock.forward(9)
    assert memory.restored(saved, clock.now()).unwritten == (Row(10.0, 3, "M", 0, "x", "owner"),)


def test_a_close_that_fails_makes_no_other_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a force for two hours would end at once on a machine that has been up for longer."""
    before = memory.read_clocks().boot

    def close(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "close", close)
    assert memory.read_clocks().boot == before != ""


@pytest.mark.parametrize(("wall", "gone"), [(1060.0, 60.0), (900_000.0, 899_000.0)])
@pytest.mark.parametrize(("before", "after"), [("", "x"), ("x", "")])
def test_a_boot_that_cannot_be_told_is_told_by_the_clocks(
    before: str, after: str, wall: float, gone: float
) -> None:
    """Both have gone on alike: it is the same one, however long that lasts already."""
    saved = {"boot": before, "wall": 1000.0, "up": 500_000.0}
    assert memory.gone_by(saved, Now(wall, 500_060.0, after)) == gone


def test_a_force_taken_back_days_ago_does_not_come_back(house: House, clock: Clock) -> None:
    """The journal is read whole for 48 h only; of what is older, the last row of each kind."""
    for mode in (0, 1, 3, 1):
        house.set_modes({1: mode, 2: 1, 3: 1})
        tick(house, clock)
        clock.forward(60)
    clock.forward(KEPT)
    lose_tmpfs(house)
    clock.reboot(30)
    tick(house, clock)
    assert (house.modes, house.on) == ({1: 1, 2: 1, 3: 1}, set())
