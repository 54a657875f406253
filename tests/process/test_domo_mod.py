"""domo-mod: the relays and why, and forces that act at once and end when they shall."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from domo.core.history import OFF
from domo.core.texts import hour
from domo.stores import config as configs
from domo.stores import edits
from domo.tick import plan, rescue
from support.house import PROJECT, Clock, House, Ran

NAMES = {1: "Lift pump", 2: "Washing machine", 3: "Water heater"}


@pytest.fixture
def home(house: House) -> House:
    """A house whose relays have names."""
    house.configure({"domo.relayName": NAMES})
    return house


def mod(house: House, *arguments: str) -> Ran:
    """Runs domo-mod as a process."""
    command = [sys.executable, "-S", str(PROJECT / "bin/domo-mod"), "--config", str(house.config), *arguments]
    done = subprocess.run(command, env=house.env, capture_output=True, text=True, timeout=60)
    return Ran(done.returncode, done.stdout, done.stderr)


def in_json(house: House, *arguments: str) -> dict[int, dict[str, Any]]:
    """What `--json` says, by relay."""
    return {relay["relay"]: relay for relay in json.loads(mod(house, "--json", *arguments).out)["relays"]}


class Later(Clock):
    """The real clocks, so much later; perhaps in another boot."""

    def __init__(self, seconds: float, boot: str = "") -> None:
        from domo.stores.memory import read_clocks

        real = read_clocks()
        super().__init__(real.wall + seconds, real.up + seconds if not boot else 60.0)
        self.boot = boot or real.boot

    def now(self) -> Any:
        return super().now().__class__(self.wall, self.up, self.boot)


def reboot(house: House) -> None:
    """What a reboot leaves of /tmp."""
    for file in (house.memory_file, house.mode_file, house.state_file, house.pin_file):
        file.unlink()


# -- the table --


def test_the_table(home: House) -> None:
    home.script(3, "return relay.on('float, and the battery is not discharging for the time being')")
    home.set_modes({1: 3, 2: 0, 3: 1})
    home.tick()
    now = time.strftime("%H:%M")
    ran = mod(home)
    lines = ran.out.splitlines()
    assert ran.code == 0 and ran.err == ""
    assert lines[0].split() == ["relay", "mode", "state", "since", "why"]
    assert lines[1].startswith("1  Lift pump        forced on   on ") and lines[1].endswith("forced on")
    assert lines[1].split()[-3] >= now or now == "23:59"
    assert lines[2].startswith("2  Washing machine  forced off  off    -      forced off")
    assert lines[3].startswith("3  Water heater     auto on     on ")
    assert "float, and the battery is not discharging for the time being" in ran.said
    assert lines[-1].startswith("last tick ") and all(len(line) <= 80 for line in lines)


def test_one_relay(home: House) -> None:
    home.tick()
    lines = mod(home, "2").out.splitlines()
    assert lines[1].startswith("2  Washing machine") and lines[2] == ""


def test_before_the_first_tick(home: House) -> None:
    ran = mod(home)
    assert ran.code == 0 and "no tick yet" in ran.out and "Traceback" not in ran.err
    assert not home.mode_file.exists() and not home.memory_file.exists(), "looking changes nothing"


def test_what_is_wrong_is_shown(home: House) -> None:
    home.script(1, "return data['SOX']")
    home.tick()
    home.mode_file.write_text("{")
    said = mod(home).said
    assert "SOX" in said and "is not JSON" in said


def test_json(home: House) -> None:
    home.set_modes({1: 3, 2: 1, 3: 7})
    home.tick()
    before = time.time()
    told = in_json(home)
    since = told[1].pop("since")
    assert before - 60 < since <= before + 1
    assert told[1] == {
        "relay": 1,
        "name": "Lift pump",
        "mode": 3,
        "state": 1,
        "why": "forced on",
        "until": None,
    }
    assert (told[2]["mode"], told[2]["state"], told[2]["since"]) == (1, 0, None)
    assert told[3]["mode"] is None
    document = json.loads(mod(home, "--json").out)
    assert before - 60 < document["tick"] <= before + 1 and "relay 3 is 7" in " ".join(document["reports"])


def test_a_fault_of_the_mode_file_is_shown_once(home: House) -> None:
    home.mode_file.write_text('{"1": 3,,}')
    assert mod(home).out.count("is not JSON") == 1  # before any tick
    home.tick()
    assert mod(home).out.count("is not JSON") == 1
    assert mod(home, "--json").out.count("is not JSON") == 1


# -- forces --


def test_a_force_acts_at_once(home: House) -> None:
    home.tick()
    ran = mod(home, "2", "on")
    assert (ran.code, home.modes[2], home.on) == (0, 3, {2})
    assert "2  Washing machine  forced on  on" in ran.out
    mod(home, "2", "off")
    assert (home.modes[2], home.on) == (0, set())
    mod(home, "2", "auto")
    assert (home.modes[2], home.on) == (1, set())
    assert [row[:3] for row in home.journal if row[1] == "M"] == [(2, "M", 3), (2, "M", 0), (2, "M", 1)]


def test_a_force_by_a_program_whose_children_nobody_waits_for(home: House) -> None:
    """It is started with SIGCHLD ignored, which outlives exec."""
    command = [sys.executable, "-S", str(PROJECT / "bin/domo-mod"), "--config", str(home.config), "2", "on"]
    command = ["bash", "-c", "trap '' CHLD; exec \"$@\"", "bash", *command]
    done = subprocess.run(command, env=home.env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, home.on) == (0, "", {2})


def test_auto_leaves_the_order_of_another_program(home: House) -> None:
    """For a relay without a script a 2 is that program's order."""
    home.set_modes({1: 2, 2: 1, 3: 1})
    home.tick()
    assert home.on == {1}
    assert mod(home, "1", "auto").code == 0
    assert home.modes[1] == 2 and home.on == {1}


def test_a_force_before_the_first_tick(home: House) -> None:
    assert mod(home, "1", "on").code == 0
    assert home.on == {1} and home.modes == {1: 3, 2: 1, 3: 1}


def test_auto_leaves_the_programs_own_mode(home: House) -> None:
    home.script(1, "return relay.on('sun')")
    home.tick()
    assert home.modes[1] == 2
    mod(home, "1", "auto")
    assert home.modes[1] == 2 and home.on == {1}


@pytest.mark.parametrize("name", ["Lift pump", "lift PUMP", "pump", "Lift"])
def test_names_work_as_well_as_numbers(home: House, name: str) -> None:
    mod(home, name, "on")
    assert home.on == {1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["wa", "on"], "Washing machine (2) or Water heater (3)"),
        (["Wasching machine", "on"], "did you mean Washing machine?"),
        (["4", "on"], "there is no relay 4; there are 1 to 3"),
        (["0", "on"], "there is no relay 0"),
        (["9" * 5000, "on"], "there is no relay 9"),
        (["1", "maybe"], "invalid choice"),
        (["1", "on", "--for", "soon"], "'soon' is no time; write 2h, 90min or 1h30"),
        (["1", "on", "--for", "0s"], "at most 31 days"),
        (["1", "on", "--for", "60d"], "at most 31 days"),
        (["1", "on", "--until", "25:00"], "write 18:30"),
        (["1", "on", "--until", "18:30", "--for", "2h"], "not allowed with"),
        (["1", "auto", "--for", "2h"], "need on or off"),
        (["1", "--for", "2h"], "need on or off"),
    ],
)
def test_what_cannot_be_understood_changes_nothing(home: House, arguments: list[str], words: str) -> None:
    home.tick()
    before = home.snapshot()
    ran = mod(home, *arguments)
    assert ran.code == 2 and words in ran.said and "Traceback" not in ran.err
    assert home.snapshot() == before


def test_a_bad_configuration(home: House) -> None:
    home.configure({"domo.relayNb": "many"})
    ran = mod(home)
    assert ran.code == 2 and "domo.relayNb" in ran.err


def test_with_a_bad_configuration_it_says_that_nothing_was_forced(home: House) -> None:
    home.tick()
    home.configure({"domo.relayNb": "many"})
    ran = mod(home, "1", "on")
    assert ran.code == 2
    assert f"nothing was forced; ticks still obey the forces in {home.mode_file}" in ran.err


def test_a_mode_file_that_cannot_be_read_is_left_alone(home: House) -> None:
    home.tick()
    home.mode_file.write_text('{"1": 1')
    ran = mod(home, "1", "on")
    assert ran.code == 1 and "is not JSON" in ran.err
    assert home.mode_file.read_text() == '{"1": 1' and home.on == set()


def test_what_the_tick_says_is_said(home: House) -> None:
    home.script(2, "return 1 / 0")
    ran = mod(home, "1", "on")
    assert ran.code == 1 and "division by zero" in ran.err and home.on == {1}


def test_it_waits_for_a_tick_that_runs(home: House) -> None:
    home.tick()
    with home.lock_file.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(1.5, lambda: fcntl.flock(lock, fcntl.LOCK_UN)).start()
        assert mod(home, "1", "on").code == 0
    assert home.on == {1}


def test_a_fault_of_the_journal_is_shown_too(home: House) -> None:
    """It comes after the pins, when the rest of what is wrong is remembered already."""
    home.tick()
    home.journal_file.unlink(missing_ok=True)
    home.journal_file.mkdir()
    home.set_modes({1: 3, 2: 1, 3: 1})
    home.tick()
    assert "is not a file; move it away" in mod(home).said


# -- forces that end by themselves --


def test_a_force_for_a_time_ends_by_itself(home: House) -> None:
    home.tick()
    ran = mod(home, "pump", "on", "--for", "2h")
    assert home.modes[1] == 3 and home.on == {1}
    assert len([row for row in home.journal if row[:2] == (1, "M")]) == 1, "the journal is told once"
    end = in_json(home)[1]["until"]
    assert any(f"forced on until {hour(end + late)}" in ran.said for late in (-3, 0, 3))
    home.tick_at(Later(7100))
    assert home.modes[1] == 3 and home.on == {1}
    home.tick_at(Later(7202))
    assert home.modes[1] == 1 and home.on == set()
    assert home.journal[-2][:3] == (1, "M", 1) and "its time is over" in home.journal[-2][3]
    assert home.memory["until"] == {}


def test_the_end_of_a_force_is_not_lost_to_a_tick_that_runs(home: House) -> None:
    """That tick writes what it remembers at its end."""
    home.tick()
    before = home.memory_file.read_text()
    with home.lock_file.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def end() -> None:
            home.memory_file.write_text(before)
            fcntl.flock(lock, fcntl.LOCK_UN)

        threading.Timer(1.5, end).start()
        assert mod(home, "1", "on", "--for", "2h").code == 0
    assert home.on == {1} and "1" in home.memory["until"]


def test_it_ends_under_a_broken_configuration_too(home: House) -> None:
    home.tick()
    mod(home, "1", "on", "--for", "2h")
    home.config.write_text("domo: [")
    home.tick_at(Later(7100))
    assert home.on == {1}
    home.tick_at(Later(7202))
    assert home.on == set() and home.modes[1] == 1


def test_it_ends_also_when_only_forces_can_be_obeyed(home: House) -> None:
    home.tick()
    mod(home, "1", "on", "--for", "2h")
    mod(home, "2", "on")
    config = configs.load(str(home.config))[0]
    for later, on in ((7100, {1, 2}), (7202, {2})):
        faults = rescue.forces_only(config, ValueError("unforeseen"), Later(later).now())
        assert "ValueError: unforeseen" in faults[0]
        assert home.on == on


def test_a_tick_that_fails_obeys_the_forces_and_tells_what_it_could_not_write(home: House) -> None:
    home.tick()
    home.set_modes({1: 3, 2: 1, 3: 1})
    home.state_file.unlink()
    home.state_file.mkdir()
    config = configs.load(str(home.config))[0]
    faults = rescue.forces_only(config, ValueError("unforeseen"), Later(60).now())
    assert home.on == {1} and len(faults) == 2 and str(home.state_file) in faults[1]


def test_a_tick_that_fails_obeys_the_remembered_forces_if_the_mode_file_cannot_be_read(home: House) -> None:
    home.tick()
    mod(home, "2", "on")
    home.mode_file.write_text("{")
    config = configs.load(str(home.config))[0]
    rescue.forces_only(config, ValueError("unforeseen"), Later(60).now())
    assert home.on == {2}


def test_a_force_by_hand_stands_there_after_a_timed_one_is_over(home: House) -> None:
    home.tick()
    mod(home, "1", "off", "--for", "2h")
    home.set_modes({1: 3, 2: 1, 3: 1})
    config = configs.load(str(home.config))[0]
    rescue.forces_only(config, ValueError("unforeseen"), Later(7202).now())
    assert home.on == {1}


def test_a_force_that_was_refused_is_forgotten(home: House) -> None:
    home.tick()
    good = home.mode_file.read_text()
    home.mode_file.write_text(good[:-1])
    assert mod(home, "1", "on", "--for", "2h").code == 1
    home.mode_file.write_text(good)
    home.tick()
    reboot(home)
    home.tick_at(Later(60, boot="next"))
    assert home.modes[1] == 1 and home.on == set()


def test_all_of_them(home: House) -> None:
    home.configure({"domo.relay.scriptExecInterval": 0})
    home.script(1, "return relay.on('sun')")
    home.tick()
    assert mod(home, "all", "ON", "--for", "1h30").code == 0
    assert home.on == {1, 2, 3} and set(home.memory["until"]) == {"1", "2", "3"}
    assert mod(home, "all", "off").code == 0
    assert (home.modes, home.on) == ({1: 0, 2: 0, 3: 0}, set())
    assert mod(home, "all", "auto").code == 0
    assert (home.modes, home.on) == ({1: 2, 2: 1, 3: 1}, {1})


def test_forced_off_ends_as_well_and_the_script_decides_again(home: House) -> None:
    home.script(1, "return relay.on('sun')")
    home.tick()
    mod(home, "1", "off", "--for", "90min")
    assert home.modes[1] == 0 and home.on == set()
    home.data(at=time.time() + 5402, SOC=91)
    home.tick_at(Later(5402))
    assert home.modes[1] == 2 and home.on == {1}


def test_until_an_hour_of_the_day(home: House) -> None:
    home.tick()
    hour = time.strftime("%H:%M", time.localtime(time.time() + 7200))
    mod(home, "1", "on", "--until", hour)
    until = in_json(home)[1]["until"]
    assert time.strftime("%H:%M:%S", time.localtime(until)) == f"{hour}:00"
    assert 7100 < until - time.time() <= 7200
    past = time.strftime("%H:%M", time.localtime(time.time() - 7200))
    mod(home, "1", "on", "--until", past)
    assert 21 * 3600 < in_json(home)[1]["until"] - time.time() < 23 * 3600, "tomorrow"


def test_only_the_mode_that_it_set_is_ended(home: House) -> None:
    """Invariant 1: what the owner wrote since stands."""
    home.tick()
    mod(home, "1", "on", "--for", "1h")
    home.set_modes({1: 0, 2: 1, 3: 1})
    home.tick()
    home.set_modes({1: 3, 2: 1, 3: 1})
    home.tick_at(Later(3700))
    assert home.modes[1] == 3 and home.on == {1}


def test_an_edit_just_before_the_end_wins(home: House) -> None:
    home.tick()
    mod(home, "1", "on", "--for", "1h")
    home.set_modes({1: 0, 2: 1, 3: 1})
    home.tick_at(Later(3700))
    assert home.modes[1] == 0 and home.on == set() and home.memory["why"]["1"] == "forced off"


@pytest.mark.parametrize(("written", "then"), [(3, 1), (0, 0), (1, 1), (2, 1), ("on", "on")])
def test_the_end_looks_at_the_mode_when_it_writes(home: House, written: object, then: object) -> None:
    home.set_modes({1: written})
    edits.set_auto(str(home.mode_file), {1: 1}, {1: 3})
    assert home.modes == {1: then}


def test_a_later_force_without_end_stays(home: House) -> None:
    home.tick()
    mod(home, "1", "on", "--for", "1h")
    assert in_json(home, "1", "on")[1]["until"] is None
    home.tick_at(Later(3700))
    assert home.modes[1] == 3 and home.on == {1}
    reboot(home)
    home.tick_at(Later(7400, boot="next"))
    assert home.modes[1] == 3 and home.on == {1}


def test_the_end_is_kept_over_a_reboot(home: House) -> None:
    home.tick()
    mod(home, "1", "on", "--for", "2h")
    reboot(home)
    home.tick_at(Later(3600, boot="next"))
    assert home.modes[1] == 3 and home.on == {1}
    assert "until" in home.memory["why"]["1"]
    home.tick_at(Later(7140, boot="next"))
    assert home.modes[1] == 3
    later = Later(7300, boot="next")
    later.up = 3800.0
    home.tick_at(later)
    assert home.modes[1] == 1 and home.on == set()


class Unset(Later):
    """A machine that has started so many seconds ago, with a clock that says 1970 until somebody sets it."""

    def __init__(self, up: float, wall: float | None = None) -> None:
        super().__init__(0.0, boot="next")
        self.up, self.wall = up, up if wall is None else wall


def test_a_start_in_1970_goes_on_from_what_was_left(home: House) -> None:
    """To ten minutes: so often the journal is told. Without it, all of the two hours would begin again."""
    home.tick()
    mod(home, "1", "on", "--for", "2h")
    for seconds in range(60, 2460, 60):
        home.tick_at(Later(seconds))
    rows = [row for row in home.journal if row[0] == 1 and row[1] == "M" and "left" in row[3]]
    assert len(rows) == 4, "at each ten minutes"
    reboot(home)
    home.tick_at(Unset(60))
    assert home.modes[1] == 3 and home.on == {1}
    home.tick_at(Unset(4500))
    assert home.modes[1] == 3
    home.tick_at(Unset(4900))
    assert home.modes[1] == 1 and home.on == set()


def test_two_starts_in_1970_begin_nothing_again(home: House) -> None:
    home.tick()
    mod(home, "1", "on", "--for", "2h")
    home.tick_at(Later(3660))
    reboot(home)
    for up in range(60, 2000, 60):
        home.tick_at(Unset(up))
    reboot(home)
    second = Unset(60)
    second.boot = "third"
    home.tick_at(second)
    assert home.modes[1] == 3
    second.up, second.wall = 2200, 2200
    home.tick_at(second)
    assert home.modes[1] == 1 and home.on == set()


@pytest.mark.parametrize(("later", "on"), [(4000, {1}), (7300, set())])
def test_once_the_clock_is_set_it_ends_when_its_owner_was_told(home: House, later: int, on: set[int]) -> None:
    """However long the machine was without power."""
    home.tick()
    mod(home, "1", "on", "--for", "2h")
    end = in_json(home)[1]["until"]
    reboot(home)
    for up in range(60, 1400, 60):
        home.tick_at(Unset(up))
    assert home.on == {1}
    set_now = Unset(1400, wall=Later(later).wall)
    home.tick_at(set_now)
    assert home.on == on
    if on:
        assert hour(end) in home.memory["why"]["1"]
        set_now.forward(end - set_now.wall - 5)
        home.tick_at(set_now)
        assert home.on == {1}
        set_now.forward(10)
        home.tick_at(set_now)
        assert home.on == set()


@pytest.mark.parametrize(("later", "on"), [(4000, {1}), (7300, set())])
def test_a_force_that_may_be_over_waits_until_the_journal_was_asked(
    home: House, later: int, on: set[int]
) -> None:
    """It would switch its relay on for a moment: the memory has outlived a restart, the pins have not."""
    home.tick()
    mod(home, "1", "on", "--for", "2h")
    reboot(home)
    home.tick_at(Unset(60))
    home.pin_file.unlink()
    clock = Unset(90, wall=Later(later).wall)
    seen = plan.begin(configs.load(str(home.config))[0], clock.now())
    plan.force(seen)
    assert seen.board and seen.board.states({})[1] == OFF
    home.tick_at(clock)
    assert home.on == on


def test_a_force_that_was_ordered_in_1970_lasts_as_long_as_it_was_told(home: House) -> None:
    home.tick()
    mod(home, "1", "on", "--for", "1h")
    home.tick_at(Later(4000))
    reboot(home)
    home.tick_at(Unset(60))
    memory = {**home.memory, "until": {"1": [3, 0.0, 7200.0]}}
    home.memory_file.write_text(json.dumps(memory))  # domo-mod 1 on --for 2h
    home.set_modes({1: 3, 2: 1, 3: 1})
    home.tick_at(Unset(61))
    home.tick_at(Unset(1000))
    home.tick_at(Unset(1060, wall=Later(90_000).wall))
    assert home.on == {1}
    home.tick_at(Unset(7000, wall=Later(96_000).wall))
    assert home.on == {1}
    home.tick_at(Unset(7400, wall=Later(96_400).wall))
    assert home.on == set()


def test_a_second_name_of_the_mode_file_is_told_before_what_it_leads_to_is_lost(home: House) -> None:
    home.tick()
    other = home.folder / "other"
    other.hardlink_to(home.mode_file)
    told = f"{home.mode_file}: has another name (a hard link)"
    assert told in home.tick().err and told in home.tick("--check").out
    ran = mod(home, "1", "on")
    assert ran.code == 0 and told in ran.err and home.on == {1}
    assert told not in home.tick().err
    other.unlink()
    other.hardlink_to(home.mode_file)
    home.script(2, "return relay.on('sun')")
    assert told in home.tick().err and home.modes[2] == 2
    assert other.read_text() != home.mode_file.read_text()


def test_a_second_name_that_a_killed_process_left_is_removed_and_not_told(home: House) -> None:
    """A new file gets its place by a link, and loses its first name after that."""
    home.tick()
    inode = home.mode_file.stat().st_ino
    left = home.mode_file.with_name(f".mod.domo-{inode}-{inode}")
    left.hardlink_to(home.mode_file)
    assert home.tick() == (0, "", "")
    assert not left.exists()


def test_the_end_of_a_force_that_stood_already_is_kept_over_a_reboot(home: House) -> None:
    home.set_modes({1: 3, 2: 1, 3: 1})
    home.tick()
    mod(home, "1", "on", "--for", "2h")
    reboot(home)
    home.tick_at(Later(7300, boot="next"))
    assert home.modes[1] == 1 and home.on == set()


@pytest.mark.parametrize("repaired", [3, 0])
def test_it_ends_though_the_mode_file_cannot_be_read(home: House, repaired: int) -> None:
    """Once it can be read, the old force in it has ended, and a new one has not."""
    home.tick()
    mod(home, "1", "on", "--for", "1h")
    good = home.mode_file.read_text()
    home.mode_file.write_text(good[:-1])
    home.tick_at(Later(3500))
    assert home.on == {1}
    for later in (3700, 3760, 3820):
        home.tick_at(Later(later))
        assert home.mode_file.read_text() == good[:-1] and home.on == set()
    home.mode_file.write_text(good)
    home.set_modes({**home.modes, 1: repaired})
    for later in (3880, 3940):
        home.tick_at(Later(later))
        assert home.modes[1] == min(repaired, 1) and home.on == set()
    assert home.memory["until"] == {}
    ends = [row for row in home.journal if row[:3] == (1, "M", 1)]
    assert "its time is over" in ends[-1][3]


def test_a_force_whose_end_nobody_would_remember_is_refused(home: House) -> None:
    home.tick()
    home.memory_file.unlink()
    home.memory_file.mkdir()
    ran = mod(home, "1", "on", "--for", "1h")
    assert ran.code == 1 and "nothing is forced" in ran.err
    assert home.modes[1] == 1 and home.on == set()
    assert mod(home, "1", "on").code == 1 and home.on == {1}, "without an end it goes"


def test_where_the_memory_is_gone_a_tick_makes_it_before_an_end_is_written(home: House) -> None:
    home.tick()
    home.memory_file.unlink()
    assert mod(home, "1", "on", "--for", "1h").code == 0
    assert home.on == {1} and "1" in home.memory["until"]


def test_an_end_whose_force_was_never_written_is_dropped(home: House) -> None:
    """domo-mod was killed between the two."""
    home.tick()
    memory = {**home.memory, "until": {"1": [3, 0.0, 3600.0]}}
    home.memory_file.write_text(json.dumps(memory))
    home.tick()
    assert home.memory["until"] == {} and home.modes[1] == 1 and home.on == set()


def test_a_force_that_cannot_be_written_leaves_the_end_of_the_one_that_stands(home: House) -> None:
    home.tick()
    mod(home, "1", "off", "--for", "2h")
    good = home.mode_file.read_text()
    home.mode_file.write_text(good[:-1])
    assert mod(home, "1", "on", "--for", "5min").code == 1
    home.mode_file.write_text(good)
    home.tick_at(Later(7300))
    assert home.modes[1] == 1


def test_a_force_ends_though_the_mode_file_cannot_be_written(house: House) -> None:
    house.tick()
    mod(house, "1", "on", "--for", "1h")
    assert house.on == {1}
    with open(house.mode_file, "r+"):
        ran = house.tick_at(Later(3700))
    assert "another program keeps writing it" in ran.err
    assert house.on == set() and house.modes[1] == 3
    house.tick_at(Later(3760))
    assert house.on == set() and house.modes[1] == 1


def test_a_force_that_is_over_takes_no_room_from_a_newer_one(house: House) -> None:
    """Relay 1's force is over; the owner forces relay 2 while the tick thinks: relay 3 fits beside it."""
    watts = {"domo.relayWatt": {1: 1000, 2: 1000, 3: 1000}, "domo.maxWatt": 2500}
    house.configure({**watts, "domo.relay.scriptExecInterval": 0})
    house.script(3, 'return relay.on("sun")')
    house.tick()
    mod(house, "1", "on", "--for", "1h")
    assert house.on == {1, 3}
    new = f"""open({str(house.mode_file)!r}, "w").write('{{"1": 3, "2": 3, "3": 2}}')"""
    house.script(3, f"{new}\nreturn relay.on('sun')")
    house.data(at=time.time() + 3700, SOC=91)
    house.tick_at(Later(3700))
    assert (house.modes, house.on) == ({1: 1, 2: 3, 3: 2}, {2, 3})
