"""One tick, from outside: what it changes, what it says, how it ends, whatever the world is like."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domo.core.model import Now
from support.house import NOON, PROJECT, Clock, House, Ran, until

ON = 'return relay.on("sun")'
OFF = 'return relay.off("clouds")'


def minutes(house: House, clock: Clock, count: int, data: bool = True) -> list[set[int]]:
    """So many ticks, one a minute, on fresh data or without; the relays that are on after each."""
    after = []
    for _ in range(count):
        clock.forward(60)
        if data:
            house.data(at=clock.wall, I=clock.wall % 1000)
        house.tick_at(clock)
        after.append(house.on)
    return after


@pytest.fixture
def locked(house: House) -> Iterator[None]:
    """Another tick is running."""
    fd = os.open(house.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    yield
    os.close(fd)


# -- what it does --


def test_a_tick_reads_asks_switches_and_writes(house: House) -> None:
    house.configure({"domo.relayName": {1: "Pump"}})
    house.script(1, "return relay.on(f'SOC is {data[\"SOC\"]:g}')")
    house.set_modes({1: 1, 2: 3, 3: 0})
    assert house.tick() == (0, "", "")
    assert house.modes == {1: 2, 2: 3, 3: 0}
    assert house.states == {1: 1, 2: 1, 3: 0}
    assert house.pins == {23: 0, 24: 0, 8: 1}
    assert house.journal == [
        (1, "M", 2, "SOC is 96.4"),
        (1, "E", 1, "SOC is 96.4"),
        (2, "M", 3, "forced on"),
        (2, "E", 1, "forced on"),
        (3, "M", 0, "forced off"),
    ]


def test_run_twice_it_changes_nothing_the_second_time(house: House) -> None:
    """No file but the memory is even replaced, and the record has a line more."""
    house.script(1, ON)
    house.set_modes({1: 1, 2: 3, 3: 0})
    house.tick()
    before, memory = house.snapshot(), house.memory
    assert house.tick() == (0, "", "")
    after = house.snapshot()
    changed = {Path(path).name for path in before | after if before.get(path) != after.get(path)}
    assert changed == {house.folder.name, house.memory_file.name, "domo_today.csv"}
    assert {key: house.memory[key] for key in ("modes", "states", "why")} == {
        key: memory[key] for key in ("modes", "states", "why")
    }


def test_a_force_by_hand_acts_at_the_next_tick(house: House) -> None:
    house.script(1, ON)
    house.tick()
    assert house.on == {1}
    subprocess.run(["sed", "-i", 's/"1":2/"1":0/; s/"3":1/"3":3/', house.mode_file], check=True)
    assert house.tick() == (0, "", "")
    assert (house.on, house.modes) == ({3}, {1: 0, 2: 1, 3: 3})
    for _ in range(3):
        house.tick()
    assert (house.on, house.modes) == ({3}, {1: 0, 2: 1, 3: 3})


def break_data(house: House) -> None:
    """No data."""
    house.data_file.unlink()


def break_data_address(house: House) -> None:
    """No data, and nothing answers."""
    house.data_file.unlink()
    house.configure({"urlDataXml": "http://127.0.0.1:9/"})


def break_scripts(house: House) -> None:
    """Every script fails."""
    for relay in (1, 2, 3):
        house.script(relay, "import os; os.abort()")


def break_memory(house: House) -> None:
    """The memory is not JSON."""
    house.memory_file.write_text("{")


def block_memory(house: House) -> None:
    """The memory cannot be written."""
    house.memory_file.unlink()
    house.memory_file.mkdir()


def break_journal(house: House) -> None:
    """The journal is no database."""
    house.journal_file.write_text("power cut")


def block_journal(house: House) -> None:
    """The journal cannot be written."""
    house.journal_file.unlink()
    house.journal_file.mkdir()


def block_states(house: House) -> None:
    """The state file cannot be written."""
    house.state_file.unlink()
    house.state_file.mkdir()


def block_lock(house: House) -> None:
    """The tick can have no lock."""
    house.lock_file.unlink()
    house.lock_file.mkdir()


def block_mode_lock(house: House) -> None:
    """The mode file can have no lock."""
    Path(f"{house.mode_file}.lock").mkdir()


def block_cache(house: House) -> None:
    """There can be no cache."""
    for path in house.tmp.glob("domo-*"):
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
        path.write_text("")


def block_log(house: House) -> None:
    """The log cannot be written."""
    (house.folder / "log").mkdir()
    house.configure({"printMessageLogfile": "log"})


FAULTS: list[tuple[Callable[[House], None], str]] = [
    (break_data, "no data file: {}/data.xml does not exist"),
    (break_data_address, "http://127.0.0.1:9/: <urlopen error"),
    (break_scripts, "script 2.py line 2 (import os; os.abort()): crashed the interpreter (signal 6)"),
    (break_memory, "memory not used: {}/domo_memory.json: is not domo's"),
    (block_memory, "{}/domo_memory.json: is not a file; move it away"),
    (
        break_journal,
        "journal {}/journal.sqlite3: file is not a database; set aside as {}/journal.sqlite3.corrupt-",
    ),
    (block_journal, "journal {}/journal.sqlite3: is not a file; move it away"),
    (block_states, "{}/etat: is not a file; move it away"),
    (block_lock, "{}/domo_tick.lock: there is no lock (Is a directory); going on without it"),
    (block_mode_lock, ""),
    (block_cache, ""),
    (block_log, "{}/log"),
]


@pytest.mark.parametrize("fault, message", FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_whatever_is_broken_a_force_acts_and_the_fault_is_told(
    house: House, fault: Callable[[House], None], message: str
) -> None:
    house.set_modes({1: 3, 2: 1, 3: 0})
    house.tick()
    fault(house)
    house.set_modes({1: 0, 2: 1, 3: 3})
    ran = house.tick()
    assert house.on == {3}
    assert house.modes == {1: 0, 2: 1, 3: 3}
    assert ran.code == (1 if message else 0)
    assert message.format(*[house.folder] * 2) in ran.err
    assert "Traceback" not in ran.err
    assert all(line.startswith("domo-tick: ") for line in ran.err.splitlines())


def limited(house: House, size: int) -> Ran:
    """A tick on a disk that takes no file larger than so many bytes: as if it were full."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = subprocess.run(house.command(), env=house.env, capture_output=True, text=True, preexec_fn=limit)
    return Ran(done.returncode, done.stdout, done.stderr)


def test_on_a_full_disk_forces_act_and_nothing_is_switched_on_by_itself(house: House) -> None:
    """What cannot be remembered cannot be limited. What goes off, goes off."""
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.script(1, ON)
    house.script(2, OFF)
    house.set_modes({1: 1, 2: 1, 3: 0})
    house.tick()
    assert house.on == {1}
    house.script(1, OFF)
    house.script(2, ON)
    house.set_modes({1: 2, 2: 1, 3: 3})
    ran = limited(house, 100)  # pins, modes and states fit, the memory does not
    assert ran.code == 1
    assert f"{house.memory_file}: cannot be written (File too large)" in ran.err
    assert house.on == {3}
    assert house.states == {1: 0, 2: 0, 3: 1}
    assert house.modes == {1: 1, 2: 1, 3: 3}
    assert house.tick().code == 0
    assert house.on == {2, 3}


def test_what_fails_after_the_pins_changes_none_of_them(house: House) -> None:
    """A module of domo is damaged, as a dying card leaves it, that is needed for the record only."""
    installed = house.folder / "domo"
    for part in ("bin", "lib"):
        shutil.copytree(PROJECT / part, installed / part)
    (installed / "lib/domo/stores/history.py").write_text("(")
    house.script(1, ON)
    house.set_modes({1: 1, 2: 3, 3: 1})
    command = [sys.executable, "-IS", installed / "bin/domo-tick", "--config", house.config]
    for _ in range(2):
        done = subprocess.run(command, env=house.env, capture_output=True, text=True)
        assert done.returncode == 1
        assert "SyntaxError" in done.stderr and "Traceback" not in done.stderr
        assert (house.on, house.states) == ({1, 2}, {1: 1, 2: 1, 3: 0})


def test_an_impossible_date_switches_nothing_off(house: House, clock: Clock) -> None:
    house.set_modes({1: 2, 2: 3, 3: 1})
    clock.wall = 1e17
    house.tick_at(clock)
    assert house.on == {2}  # data of such a date cannot be
    clock.wall = NOON
    house.data(at=clock.wall)
    house.script(1, ON)
    house.tick_at(clock)
    clock.forward(60)
    clock.wall = 1e17
    for _ in range(2):
        house.tick_at(clock)
        assert house.on == {1, 2}


def test_ticks_go_on_where_no_pin_can_be_driven(house: House) -> None:
    """So that the panel, which runs one after 3 minutes without, does not run one after the other."""
    house.tick()
    before = house.memory
    earlier = {clock: before[clock] - 400 for clock in ("up", "wall")}
    house.memory_file.write_text(json.dumps({**before, **earlier}))
    house.configure({"domo.board": "gpio"})
    assert "no relay can be switched" in house.tick().err
    assert house.memory["tick"] == 0
    assert house.memory["up"] > before["up"]


def test_a_memory_that_cannot_be_used_or_replaced_is_told_once(house: House) -> None:
    house.memory_file.mkdir()
    assert house.tick().err.count(f"{house.memory_file}: is not a file; move it away") == 1


def test_no_data_for_too_long_switches_off_all_that_is_not_forced(house: House, clock: Clock) -> None:
    """By a script, or ordered in the mode file by another program."""
    house.configure({"domo.relayNb": 4})
    house.script(1, ON)
    house.set_modes({1: 1, 2: 2, 3: 3, 4: 1})
    house.data(at=clock.wall)
    house.tick_at(clock)
    house.tick_at(clock)
    clock.forward(60)
    house.data(at=clock.wall)
    house.tick_at(clock)
    assert house.on == {1, 2, 3}
    house.data_file.unlink()
    assert minutes(house, clock, 10, data=False) == [{1, 2, 3}] * 9 + [{3}]
    assert house.modes == {1: 1, 2: 1, 3: 3, 4: 1}
    assert minutes(house, clock, 2) == [{1, 3}, {1, 3}]


def test_one_relay_is_switched_on_at_a_time(house: House, clock: Clock) -> None:
    for relay in (1, 2, 3):
        house.script(relay, ON)
    assert minutes(house, clock, 1) == [{1}]
    clock.forward(20)
    house.tick_at(clock)  # by domo-mod or the panel, between cron's
    assert house.on == {1}
    clock.forward(-20)
    assert minutes(house, clock, 3) == [{1, 2}, {1, 2, 3}, {1, 2, 3}]
    for relay in (1, 2, 3):
        house.script(relay, OFF)
    assert minutes(house, clock, 1) == [set()]


def test_ticks_leave_no_files_processes_or_descriptors_behind(house: House, clock: Clock) -> None:
    house.script(
        1, 'relay.timer("x").start(60)\nreturn relay.on("x") if relay.now.minute % 2 else relay.off("y")'
    )
    minutes(house, clock, 10)
    files = {path for path in house.folder.rglob("*")}
    descriptors = os.listdir("/proc/self/fd")
    minutes(house, clock, 80)
    assert {path for path in house.folder.rglob("*")} == files
    assert os.listdir("/proc/self/fd") == descriptors
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert house.memory_file.stat().st_size < 10_000


def test_what_the_child_saw_in_the_data_is_remembered(house: House) -> None:
    """A stage of charge for `no_flap`, the sky for `spare_today`, what stands still for `frozenAfter`."""
    house.tick()
    assert house.memory["charge"] and house.memory["sky"] and house.memory["frozen"][0]


# -- dry run --


def test_a_dry_run_changes_nothing_at_all(house: House) -> None:
    """Not in a house where everything is to be done, nor in one where all is done."""
    house.script(1, "print('asked')\nreturn relay.on('sun')")
    before = house.snapshot()
    ran = house.tick("--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert "1  relay 1  auto off → auto on  off → on  sun" in ran.out
    assert house.snapshot() == before
    house.tick()
    house.set_modes({1: 0, 2: 3, 3: 1})
    house.memory_file.unlink()  # so that the journal is asked
    before = house.snapshot()
    ran = house.tick("--dry-run", "-v", "--set", "SOC=50", "--at", "14:30")
    assert ran.code == 0
    assert house.snapshot() == before


def fetching(house: House, seconds: float) -> None:
    """PvMonit's program gives the data, after so long; what there is is old."""
    program = house.folder / "program"
    now = f'sed "s/<timerefresh>[0-9]*</<timerefresh>$(date +%s)</" {house.folder}/new.xml'
    program.write_text(f"#!/bin/sh\ntouch {house.folder}/asked\nsleep {seconds}\n{now}\n")
    program.chmod(0o755)
    house.data_file.rename(house.folder / "new.xml")
    house.configure({"bin.php-cli": str(program), "scriptDataXml": "new.xml"})


def test_a_dry_run_fetches_no_data(house: House) -> None:
    fetching(house, 0)
    house.tick("--dry-run")
    assert not (house.folder / "asked").exists()
    assert house.tick() == (0, "", "")
    assert (house.folder / "asked").exists()


@pytest.mark.timing
def test_data_that_take_six_seconds_are_good_and_take_no_time_from_the_scripts(house: House) -> None:
    """They are newer than the tick's own look at the clock."""
    fetching(house, 6)
    house.script(1, "import os\n" + ON)
    assert house.tick() == (0, "", "")
    assert house.on == {1}


def test_a_dry_run_on_real_pins_sets_up_none(house: House) -> None:
    emulator = PROJECT / "tests/support/emulator"
    house.configure({"domo.board": "gpio"})
    house.set_modes({1: 3})
    (house.folder / "gpio").mkdir()
    before = house.snapshot()
    ran = house.tick("--dry-run", PYTHONPATH=str(emulator), FAKE_GPIO=str(house.folder / "gpio"))
    assert ran.code == 0
    assert "1  relay 1  forced on  off → on  forced on" in ran.out
    assert "pins: RPi.GPIO" in ran.out
    assert house.snapshot() == before


def test_a_dry_run_of_a_broken_house_changes_nothing_either(house: House) -> None:
    house.tick()
    house.mode_file.write_text("{")
    house.memory_file.write_text("{")
    house.journal_file.write_text("{")
    house.data_file.write_text("")
    house.pin_file.write_text("{")
    house.script(1, "1/0")
    house.configure({"urlDataXml": "http://127.0.0.1:9/", "printMessageLogfile": "log", "printMessage": 5})
    before = house.snapshot()
    ran = house.tick("--dry-run")
    assert ran.code == 1
    assert house.snapshot() == before


@pytest.mark.usefixtures("locked")
def test_a_dry_run_works_while_another_tick_runs(house: House) -> None:
    before = house.snapshot()
    assert house.tick("--dry-run").code == 0
    assert house.snapshot() == before


def test_what_one_may_not_have_meant_to_suppose_is_told(house: House) -> None:
    said = house.tick("--dry-run", "--set", "soc=97", "--set", "SOC=97%", "--set", "CS=Float").said
    assert "--set soc: PvMonit does not report it; did you mean SOC?" in said
    assert "--set SOC: '97%' is text, and PvMonit reports a number" in said
    assert said.count("--set") == 2


def test_suppose_other_readings_and_another_hour(house: House) -> None:
    house.script(
        1,
        """
    def decide(relay, data):
        why = f"{data['SOC']:g} % {data['CS']} at {relay.now:%H:%M}, {data.get('NEW')}"
        return relay.on(why) if data["SOC"] > 98 else relay.off(why)
    """,
    )
    ran = house.tick("--dry-run", "--set", "SOC=99", "--set", "CS=Bulk", "--at", "14:30", "--set", "NEW=a=b")
    assert "off → on  99 % Bulk at 14:30, a=b" in ran.out
    assert "SOC 99" in ran.out
    assert house.tick("--dry-run", "--set", "SOC=97").out.count("→") == 0


@pytest.mark.parametrize(
    ("value", "why"),
    [("---", "no SOC: PvMonit reports"), (" ", "no SOC"), ("abc", "SOC is 'abc', which is no number")],
)
def test_what_is_supposed_is_judged_as_what_pvmonit_gives(house: House, value: str, why: str) -> None:
    house.configure({"domo.floor": {"SOC": 60}})
    house.script(1, 'return relay.on("sun")')
    ran = house.tick("--dry-run", "--set", f"SOC={value}")
    assert why in ran.err and "→ on" not in ran.out
    house.data(SOC=value)
    assert why in house.tick().err and house.on == set()


def test_suppose_where_there_is_no_data(house: House) -> None:
    house.data_file.unlink()
    house.script(1, "return relay.on(f\"{data['SOC']}\")")
    assert "off → on  97.0" in house.tick("--dry-run", "--set", "SOC=97").out
    ran = house.tick("--dry-run", "--set", "P=97")
    assert "no SOC: no data file" in ran.err


def test_one_relay_only(house: House) -> None:
    ran = house.tick("--dry-run", "--relay", "2")
    assert [line.split()[0] for line in ran.out.splitlines()[:2]] == ["relay", "2"]
    assert "relay 1" not in ran.out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--dry-run", "--set", "SOC"], "--set wants NAME=VALUE, not 'SOC'"),
        (["--dry-run", "--set", "=3"], "--set wants NAME=VALUE, not '=3'"),
        (["--dry-run", "--at", "25:00"], "--at wants HH:MM, not '25:00'"),
        (["--dry-run", "--relay", "9"], "--relay: there is no relay 9; there are 1 to 3"),
        (["--dry-run", "--relay", "pump"], "argument --relay: invalid int value: 'pump'"),
        (["--set", "SOC=97"], "--set, --at and --relay are for --dry-run"),
        (["--at", "14:30"], "--set, --at and --relay are for --dry-run"),
        (["--relay", "1"], "--set, --at and --relay are for --dry-run"),
        (["--dry"], "unrecognized arguments: --dry"),
        (["now"], "unrecognized arguments: now"),
    ],
)
def test_usage_that_makes_no_sense_is_refused(house: House, arguments: list[str], message: str) -> None:
    before = house.snapshot()
    ran = house.tick(*arguments)
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == f"domo-tick: {'error: ' if 'usage' in ran.err else ''}{message}"
    assert ran.out == ""
    assert house.snapshot() == before


def test_help_says_what_the_exit_codes_mean(house: House) -> None:
    ran = house.tick("--help")
    assert ran.code == 0
    for words in (
        "--dry-run",
        "--config",
        "0 done",
        "1 done, but something is wrong",
        "2 could not start",
        "75 another tick",
    ):
        assert words in ran.said


# -- exit codes --


@pytest.mark.usefixtures("locked")
def test_while_another_tick_runs_it_does_nothing(house: House) -> None:
    house.set_modes({1: 3})
    before = house.snapshot()
    assert house.tick() == (75, "", "domo-tick: another tick is running\n")
    assert house.snapshot() == before


@pytest.mark.timing
def test_of_many_ticks_at_once_the_house_is_right_in_the_end(house: House) -> None:
    house.script(1, ON)
    house.set_modes({1: 1, 2: 3, 3: 0})
    ticks = [subprocess.Popen(house.command(), env=house.env, stderr=subprocess.DEVNULL) for _ in range(12)]
    codes = {tick.wait(60) for tick in ticks}
    assert codes <= {0, 75} and 0 in codes
    assert (house.on, house.modes, house.states) == ({1, 2}, {1: 2, 2: 3, 3: 0}, {1: 1, 2: 1, 3: 0})


@pytest.mark.timing
def test_a_tick_that_was_killed_leaves_no_lock(house: House) -> None:
    house.script(1, "import time\ntime.sleep(3)")
    tick = subprocess.Popen(house.command(), env=house.env)
    until(house.lock_file.exists)
    time.sleep(0.3)
    tick.kill()
    tick.wait()
    house.script(1, ON)
    assert house.tick() == (0, "", "")


@pytest.mark.timing
def test_ctrl_c_ends_it_without_a_traceback_whenever_it_comes(house: House) -> None:
    """But for the first lines, when only the interpreter has started."""
    house.script(1, ON)
    env = {**house.env, "DOMO_CONFIG": str(house.config)}
    command = [sys.executable, "-IS", PROJECT / "bin/domo-tick"]
    ended = set()
    for late in range(60):
        tick = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        time.sleep(0.008 + late / 1000)
        tick.send_signal(signal.SIGINT)
        said = tick.communicate(timeout=60)[1]
        assert "NameError" not in said and "/lib/domo/" not in said, said
        ended.add(tick.returncode)
    assert -signal.SIGINT in ended and ended <= {0, -signal.SIGINT}
    assert house.tick().code == 0


# -- what it says --


def test_with_nothing_wrong_it_says_nothing(house: House) -> None:
    house.script(1, ON)
    for _ in range(3):
        assert house.tick() == (0, "", "")


def test_the_table_shows_every_relay_before_and_after_and_why(house: House) -> None:
    house.configure({"domo.relayName": {1: "Lift pump", 2: "Heater"}})
    house.script(1, ON)
    house.set_modes({1: 1, 2: 3, 3: 1})
    lines = re.sub(r"\d s ago", "0 s ago", house.tick("-v").out).splitlines()
    assert lines[:8] == [
        "   relay      mode                state     why",
        "1  Lift pump  auto off → auto on  off → on  sun",
        "2  Heater     forced on           off → on  forced on",
        "3  relay 3    auto off            off       auto, no script",
        "",
        "MpttGarage, 0 s ago: CS Absorption, PPV 310, V 27.34, I 11.2",
        "MpttToit, 0 s ago: CS Float, PPV 145, V 27.33, I 5.2",
        "700, 0 s ago: V 27.31, SOC 96.4, P 41, I 1.512",
    ]
    assert lines[8].startswith("scripts: 1.py in")
    assert "pins: simulated pins in" in "".join(lines[9:])


def test_the_table_is_aligned_and_fits_80_columns(house: House) -> None:
    house.configure(
        {
            "domo.relayNb": 26,
            "domo.relayGpio": {relay: relay + 1 for relay in range(1, 27)},
            "domo.tm1638.stb": [],
            "domo.relayName": {7: "Chauffe-eau de l'atelier au fond du jardin"},
            "domo.valueUse": ["SOC", "CS"],
        }
    )
    house.set_modes({relay: relay % 4 for relay in range(1, 27)})
    house.script(1, "return relay.on('a reason that goes on and on, ' * 9)")
    house.script(6, f"return relay.off('{'x' * 200}')")
    house.data(CS="Absorption " * 20, V="27.3")
    lines = house.tick("-v").out.splitlines()
    assert max(map(len, lines)) <= 80
    table = lines[: lines.index("")]
    starts = [table[0].index(word) for word in ("relay", "mode", "state", "why")]
    for line in table[1:]:
        before = [line[start - 2 : start] for start in starts]
        assert before == ["  "] * 4, line
        assert line[: starts[-1]].strip() == "" or line[starts[0]] != " "
    assert sum(line[:2].strip().isdigit() for line in table) == 26


def on_a_terminal(house: House, **environment: str) -> str:
    """What a tick with -v prints on a terminal."""
    master, slave = pty.openpty()
    subprocess.run(house.command("-v"), env={**house.env, **environment}, stdout=slave, stderr=slave)
    os.close(slave)
    said = b""
    try:
        while piece := os.read(master, 65536):
            said += piece
    except OSError:  # nobody holds the other end any more
        pass
    os.close(master)
    return said.decode()


def test_colours_on_a_terminal_only_and_not_against_the_owners_will(house: House) -> None:
    house.script(1, ON)
    assert "\033[" not in house.tick("-v").out
    house.set_modes({1: 0, 2: 3, 3: 1})
    assert "\033[" not in on_a_terminal(house, NO_COLOR="1")
    house.set_modes({1: 3, 2: 0, 3: 1})
    said = on_a_terminal(house)
    assert re.search("^\033\\[32m1 .*off → on .*\033\\[0m\r$", said, re.M)
    assert re.search("^\033\\[33m2 .*on → off .*\033\\[0m\r$", said, re.M)
    assert re.search("^3 ", said, re.M)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_terminal_cannot_show_is_shown_otherwise(house: House, encoding: str) -> None:
    house.script(1, 'return relay.on("☀ été")')
    command = subprocess.run(
        house.command("-v"), env={**house.env, "PYTHONIOENCODING": encoding}, capture_output=True
    )
    assert (command.returncode, command.stderr) == (0, b"")
    expected = {"ascii": "off ? on  ? ?t?", "latin-1": "off ? on  ? été", "utf-8": "off → on  ☀ été"}[
        encoding
    ]
    assert expected in command.stdout.decode(encoding)


def test_nobody_has_to_read_what_it_says(house: House) -> None:
    house.configure({"printMessage": 5})
    house.set_modes({1: 3})
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        house.command("-v"),
        env={**house.env, "PYTHONUNBUFFERED": "1"},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert (done.returncode, done.stderr, house.on) == (0, "", {1})
    house.set_modes({1: 0, 2: 3})
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            house.command("-v"), env=house.env, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr, house.on) == (0, "", {2})


def test_faults_that_cannot_be_printed_are_remembered_as_told(house: House) -> None:
    """Else each tick would be one with news."""
    house.script(1, "return 1 / 0")
    del house.env["DOMO_SAY"]
    with open("/dev/full", "w") as full:
        for _ in range(2):
            assert subprocess.run(house.command(), env=house.env, stderr=full).returncode == 1
    assert "division by zero" in (house.folder / "domo_faults.json").read_text()
    assert house.tick() == (1, "", "")


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&-", "2>&-", "<&-"])
def test_it_needs_neither_input_nor_output(house: House, closed: str) -> None:
    house.script(1, "print('x')\nreturn relay.on('sun')")
    house.set_modes({1: 1, 2: 3, 3: 1})
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *house.command("-v")], env=house.env)
    assert done.returncode == 0
    assert (house.on, house.modes, house.states) == ({1, 2}, {1: 2, 2: 3, 3: 1}, {1: 1, 2: 1, 3: 0})
    assert house.tick() == (0, "", "")


# -- PvMonit's messages --

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:?\d\d \[([1-5])\] - (.+)")


def messages(text: str) -> dict[int, list[str]]:
    """The messages by level; every line has its time and level."""
    found: dict[int, list[str]] = {}
    for line in text.splitlines():
        parts = LINE.fullmatch(line)
        assert parts, line
        found.setdefault(int(parts[1]), []).append(parts[2])
    return found


def test_print_message_says_as_much_as_its_level(house: House) -> None:
    house.configure({"domo.relayName": {1: "Pump"}})
    house.script(1, "print('hello')\nreturn relay.on('sun')")
    house.script(2, "1/0")
    expected = {
        1: [
            "domo-tick: script 2.py line 2 (1/0): ",
            "relay 1 Pump: auto off to auto on",
            "relay 1 Pump: switched on",
        ],
        2: ["relay 1 Pump: sun"],
        3: ["relay 2: script 2.py line 2 (1/0): ", "relay 3: auto, no script"],
        4: ["pins: simulated", "script printed: hello"],
        5: ["data: 700 SOC = 96.4, ", "data: MpttToit CS = Float, "],
    }
    for level in range(6):
        for name in (house.mode_file, house.memory_file, house.journal_file, house.pin_file):
            name.unlink(missing_ok=True)
        house.configure({"printMessage": level})
        said = messages(house.tick().out)
        assert set(said) == set(range(1, level + 1))
        for at, lines in said.items():
            for start in expected[at]:
                assert any(line.startswith(start) for line in lines), (start, lines)


def test_the_log_file_has_every_level_whatever_is_printed(house: House) -> None:
    house.configure({"printMessageLogfile": "log"})
    house.script(1, ON)
    assert house.tick() == (0, "", "")
    log = house.folder / "log"
    assert set(messages(log.read_text())) == {1, 2, 3, 4, 5}
    first = log.read_text()
    house.tick()
    assert log.read_text().startswith(first) and len(log.read_text()) > len(first)


def test_the_log_file_is_bounded(house: House) -> None:
    """10 MB, and the one before."""
    log = house.folder / "log"
    house.configure({"printMessageLogfile": "log"})
    for _ in range(2):
        log.write_bytes(b"x" * 9_999_900)
        house.tick()
        assert log.stat().st_size < 10_000
        assert (house.folder / "log.1").stat().st_size == 9_999_900
    assert len(list(house.folder.glob("log*"))) == 2


def test_no_link_planted_as_log_is_followed(house: House) -> None:
    house.configure({"printMessageLogfile": "log"})
    (house.folder / "log").symlink_to(house.folder / "victim")
    ran = house.tick()
    assert ran.code == 1
    assert f"{house.folder}/log" in ran.err
    assert not (house.folder / "victim").exists()


class Stopped(Clock):
    """The process is stopped (Ctrl-Z, a suspended machine) after the first look at the clocks."""

    def __init__(self, clock: Clock, seconds: float, looks: int = 1) -> None:
        super().__init__(clock.wall, clock.up)
        self._boots = clock._boots
        self.seconds, self.looks = seconds, looks

    def now(self) -> Now:
        now = super().now()
        self.looks -= 1
        if self.looks == 0:
            self.forward(self.seconds)
        return now


def test_what_was_read_before_the_process_was_stopped_is_not_acted_on(house: House, clock: Clock) -> None:
    """It would switch a relay on by data of two hours ago."""
    house.script(1, ON)
    house.data(at=clock.wall)
    ran = house.tick_at(Stopped(clock, 7200))
    assert (ran.code, house.on) == (1, set())
    assert "was written 7200 s ago" in ran.err


def test_a_stopped_tick_without_a_configuration_has_no_data_either(house: House, clock: Clock) -> None:
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.data(at=clock.wall)
    house.tick_at(clock)
    house.script(1, ON)
    house.config.write_text("domo: [")
    house.set_modes({1: 1, 2: 3, 3: 1})
    clock.forward(60)
    house.data(at=clock.wall + 61)
    house.tick_at(Stopped(clock, 61, looks=2))
    assert house.on == {2}


def test_a_journal_that_cannot_be_written_for_long_fills_no_memory(house: House, clock: Clock) -> None:
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.data(at=clock.wall)
    house.tick_at(clock)
    house.journal_file.unlink(missing_ok=True)
    house.journal_file.mkdir()
    row = [0.0, 1, "E", 1, "sun", "", None]
    house.memory_file.write_text(json.dumps({**house.memory, "unwritten": [row] * 1000}))
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick_at(clock)
    rows = house.memory["unwritten"]
    assert len(rows) == 1000 and rows[-1][1:4] == [1, "E", 1] and rows[-2][1:4] == [1, "M", 3]


def test_a_pin_that_is_the_panels_now_is_not_touched(house: House, clock: Clock) -> None:
    """It was a relay's until config.yaml changed."""
    house.configure({"domo.relayGpio": {1: 23, 2: 24, 3: 8}, "domo.tm1638.clk": 25})
    house.data(at=clock.wall)
    house.tick_at(clock)
    house.configure({"domo.relayGpio": {1: 25, 2: 24, 3: 8}, "domo.tm1638.clk": 23})
    house.pin_file.write_text(json.dumps({**house.pins, 23: 0}))  # as the panel left its line
    clock.forward(60)
    house.data(at=clock.wall)
    house.tick_at(clock)
    assert house.pins[23] == 0


def test_a_pin_that_is_nobodys_any_more_is_left_off(house: House, clock: Clock) -> None:
    house.configure({"domo.relayGpio": {1: 23, 2: 24, 3: 8}})
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.data(at=clock.wall)
    house.tick_at(clock)
    assert house.pins[23] == 0
    house.configure({"domo.relayGpio": {1: 25, 2: 24, 3: 8}})
    clock.forward(60)
    house.data(at=clock.wall)
    house.tick_at(clock)
    assert (house.pins[23], house.pins[25]) == (1, 0)
