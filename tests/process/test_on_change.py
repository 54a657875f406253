"""`onChange`: a program is told of every switch, change of mode and fault; in the background, one call at
a time, and nothing is lost while it runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domo.stores import events
from domo.stores.config import load
from domo.tick import messenger
from support.house import PROJECT, House, until
from support.messenger import cron, waiting, working  # noqa: F401

FIELDS = ["time", "kind", "relay", "name", "mode", "state", "why", "text"]


pytestmark = [pytest.mark.timing, pytest.mark.usefixtures("cron")]


def program(house: House, text: str, *arguments: object) -> Path:
    """Makes a program that is told, in sh; $D is the house's folder."""
    path = house.folder / "told/program"
    path.parent.mkdir(exist_ok=True)
    new = path.with_name("new")
    new.write_text(f"#!/bin/sh\nD={house.folder}\n{text}\n")
    new.chmod(0o755)
    new.rename(path)
    house.configure({"domo.onChange": [str(path), *map(str, arguments)]})
    return path


KEEP = "cat >>$D/lines; echo >>$D/calls"


def lines(house: House) -> list[dict[str, Any]]:
    """What the program was told."""
    path = house.folder / "lines"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def calls(house: House) -> int:
    """How often it was called."""
    path = house.folder / "calls"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_force_is_told_as_a_change_of_mode_and_a_switch(house: House) -> None:
    program(house, KEEP)
    house.configure({"domo.relayName": {2: "Pompe à eau"}})
    house.set_modes({1: 1, 2: 3, 3: 1})
    assert house.tick() == (0, "", "")
    until(lambda: len(lines(house)) == 2)
    mode, state = lines(house)
    assert list(mode) == list(state) == FIELDS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", mode.pop("time"))
    assert mode == {
        "kind": "mode", "relay": 2, "name": "Pompe à eau", "mode": 3, "state": 1,
        "why": "forced on", "text": "Pompe à eau: forced on",
    }  # fmt: skip
    state.pop("time")
    assert state == {
        "kind": "state", "relay": 2, "name": "Pompe à eau", "mode": 3, "state": 1,
        "why": "forced on", "text": "Pompe à eau is on (forced on)",
    }  # fmt: skip
    house.set_modes({1: 1, 2: 0, 3: 1})
    house.tick()
    until(lambda: len(lines(house)) == 4)
    assert [line["text"] for line in lines(house)[2:]] == [
        "Pompe à eau: forced off",
        "Pompe à eau is off (forced off)",
    ]
    until(lambda: not waiting(house))


def test_a_script_that_switches_is_told_with_its_reason(house: House) -> None:
    program(house, KEEP)
    house.script(1, "return relay.on('the sun shines')")
    house.tick()
    until(lambda: len(lines(house)) == 2)
    assert [(one["kind"], one["mode"], one["state"], one["why"]) for one in lines(house)] == [
        ("mode", 2, 1, "the sun shines"),
        ("state", 2, 1, "the sun shines"),
    ]


def test_faults_are_told_when_they_begin_and_end(house: House) -> None:
    program(house, KEEP)
    house.set_modes({1: 7, 2: 1, 3: 1})
    for _ in range(3):
        house.tick()
    until(lambda: lines(house))
    house.set_modes({1: 1, 2: 1, 3: 1})
    for _ in range(3):
        house.tick()
    until(lambda: len(lines(house)) == 2)
    begun, ended = lines(house)
    assert begun["kind"] == "fault" and "relay 1 is 7" in begun["why"] and begun["relay"] is None
    assert ended["kind"] == "well" and ended["text"].startswith("domo: over after ")


def test_a_reminder_is_told_too(house: House) -> None:
    program(house, KEEP)
    house.configure({"domo.remindAfter": 20})  # a tick is up to half a minute early
    house.set_modes({1: 7, 2: 1, 3: 1})
    house.tick()
    house.tick()
    until(lambda: [one["kind"] for one in lines(house)] == ["fault", "still"])


def test_a_force_by_domo_mod_is_told_at_once(house: House) -> None:
    program(house, KEEP)
    house.tick()
    mod = [*house.command()[:2], f"{PROJECT}/bin/domo-mod", "--config", str(house.config), "3", "on"]
    done = subprocess.run(mod, env=house.env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    until(lambda: [one["relay"] for one in lines(house)] == [3, 3])


def test_a_steady_tick_starts_nothing_imports_nothing_and_writes_nothing_of_it(house: House) -> None:
    program(house, KEEP)
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until(lambda: len(lines(house)) == 2 and not working(house))
    before = sorted(house.folder.rglob("*"))
    trace = [house.command()[0], "-X", "importtime", *house.command()[1:]]
    house.data()
    done = subprocess.run(trace, env=house.env, capture_output=True, text=True)
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"domo.tick.news", "domo.tick.messenger", "domo.stores.events", "domo.stores.told"}
    assert sorted(house.folder.rglob("*")) == before and calls(house) == 1


def test_a_house_without_onchange_keeps_nothing_for_it(house: House) -> None:
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    assert not list(house.folder.glob("domo_events*")) and house.memory["untold"] == []


# -- in the background --


def test_the_tick_ends_and_lets_go_of_lock_and_pipes_while_the_program_runs(house: House) -> None:
    """cron waits for whoever holds its pipes; the next tick for the lock."""
    program(house, f"touch $D/begun; while [ ! -e $D/go ]; do sleep 0.05; done; {KEEP}")
    house.set_modes({1: 3, 2: 1, 3: 1})
    assert house.tick() == (0, "", "")  # run() reads both pipes to their ends
    until((house.folder / "begun").exists)
    house.set_modes({1: 3, 2: 3, 3: 1})
    assert house.tick() == (0, "", "")
    assert house.on == {1, 2} and calls(house) == 0 and working(house)
    (house.folder / "go").touch()
    until(lambda: calls(house) == 2 and not working(house))


def test_the_pins_do_not_wait_for_it(house: House) -> None:
    """When the program begins, its switch is done, at the pins and in the state file."""
    program(house, "cp $D/etat $D/seen; cp $D/pins $D/seen-pins; " + KEEP)
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until(lambda: calls(house) == 1)
    assert json.loads((house.folder / "seen").read_text())["1"] == 1
    assert json.loads((house.folder / "seen-pins").read_text())["23"] == 0


def test_one_call_at_a_time_and_the_next_gets_what_came_meanwhile(house: House) -> None:
    program(
        house,
        "mkdir $D/alone || touch $D/together\n"
        "touch $D/begun; while [ ! -e $D/go ]; do sleep 0.05; done\n" + KEEP + "; rmdir $D/alone",
    )
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until((house.folder / "begun").exists)
    for modes in ({1: 3, 2: 3, 3: 1}, {1: 3, 2: 3, 3: 3}, {1: 0, 2: 3, 3: 3}):
        house.set_modes(modes)
        house.tick()
    (house.folder / "go").touch()
    until(lambda: len(lines(house)) == 8 and not working(house))
    assert calls(house) == 2 and not (house.folder / "together").exists()
    states = [(one["relay"], one["state"]) for one in lines(house) if one["kind"] == "state"]
    assert states == [(1, 1), (2, 1), (3, 1), (1, 0)]


def test_many_ticks_at_once_lose_nothing(house: House) -> None:
    """Each switch is told, once, though messengers end and begin all the time."""
    program(house, KEEP)
    house.set_modes({1: 0, 2: 0, 3: 0})
    house.tick()
    until(lambda: len(lines(house)) == 3 and not working(house))
    for turn in range(30):
        house.set_modes({1: 3 * (turn % 2 == 0), 2: 0, 3: 0})
        house.tick()
    until(lambda: len(lines(house)) >= 63 and not working(house))
    states = [one["state"] for one in lines(house) if one["kind"] == "state"]
    assert states == [1, 0] * 15


def test_it_is_given_its_arguments_and_the_configuration(house: House) -> None:
    program(house, 'echo "$1|$2|$DOMO_CONFIG|$(pwd)" >>$D/calls', "to", "me & you")
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until(lambda: calls(house) == 1)
    assert (house.folder / "calls").read_text() == f"to|me & you|{house.config}|/\n"


def test_it_holds_no_descriptor_of_the_tick(house: House) -> None:
    program(house, "ls -l /proc/$$/fd >$D/fds; " + KEEP)
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until(lambda: calls(house) == 1)
    held = (house.folder / "fds").read_text()
    assert not {"tick.lock", "events.lock", "memory.json", "sqlite3"} & {
        word for line in held.splitlines() for word in re.split(r"[/_]", line)
    }, held


# -- a program that fails --


def test_what_failed_is_told_again_with_what_comes_next(house: House) -> None:
    program(house, f"[ -e $D/well ] || {{ echo no network >&2; exit 7; }}; {KEEP}")
    house.set_modes({1: 3, 2: 1, 3: 1})
    assert house.tick().code == 0
    until((house.folder / "domo_events/fault").exists)
    failing = house.tick()
    assert failing.code == 1 and "onChange: " in failing.err and "ended with 7: no network" in failing.err
    (house.folder / "well").touch()
    house.set_modes({1: 3, 2: 3, 3: 1})
    said = house.tick().err
    until(lambda: not working(house))
    said += house.tick().err
    told = lines(house)
    assert [one["relay"] for one in told if one["kind"] == "state"] == [1, 2]
    assert any(one["kind"] == "fault" for one in told)
    assert said.count("over after") == 1


def test_one_that_does_not_end_is_ended_with_all_that_it_started(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messenger, "CALL_SECONDS", 1.0)
    program(house, "sleep 1000 & echo $! >$D/pids; echo $$ >>$D/pids; wait")
    config, _ = load(str(house.config))
    assert messenger.call(config, b"{}\n") == "did not end within 1 s"
    for pid in map(int, (house.folder / "pids").read_text().split()):
        until(lambda: gone(pid))  # noqa: B023


def gone(pid: int) -> bool:
    try:
        return " Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except OSError:
        return True


def test_one_that_leaves_a_child_behind_has_ended_all_the_same(house: House) -> None:
    program(house, KEEP + "; sleep 1000 & echo $! >$D/pid; exit 0")
    start = time.monotonic()
    assert messenger.call(load(str(house.config))[0], b"{}\n") == ""
    assert time.monotonic() - start < messenger.CALL_SECONDS
    until(lambda: gone(int((house.folder / "pid").read_text())))


@pytest.mark.parametrize("flood", ["yes", "head -c 300000 /dev/zero >&2; exit 3"])
def test_one_that_prints_without_end_fills_nothing(
    house: House, flood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messenger, "CALL_SECONDS", 2.0)
    program(house, flood)
    why = messenger.call(load(str(house.config))[0], b"{}\n")
    assert why and len(why) < 300


def test_one_that_does_not_read_what_it_is_told_harms_nobody(house: House) -> None:
    program(house, "exec <&-; echo >>$D/calls")
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until(lambda: calls(house) == 1 and not working(house))
    assert not waiting(house)


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda path: path.chmod(0o777), "is not run, because others can write "),
        (lambda path: path.parent.chmod(0o777), "is not run, because others can write "),
        (lambda path: path.chmod(0o644), "cannot be run (Permission denied)"),
        (lambda path: path.unlink(), "cannot be run (No such file or directory)"),
        (lambda path: path.write_text("#!/nowhere/sh\n"), "cannot be run (No such file or directory)"),
        (lambda path: path.write_bytes(b"\0\1\2"), "cannot be run (Exec format error)"),
    ],
)
def test_a_program_that_cannot_be_run_or_others_can_write_is_said(
    house: House, spoil: Any, said: str
) -> None:
    path = program(house, KEEP)
    assert f"ok     onChange: {path}" in house.tick("--check").out
    spoil(path)
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until((house.folder / "domo_events/fault").exists)
    assert said in house.tick().err and calls(house) == 0
    assert "TO DO  onChange: " in house.tick("--check").out and said in house.tick("--check").out


def test_the_messenger_takes_the_configuration_as_it_is_by_now(house: House) -> None:
    """A wrong path that its owner mends is no reason to wait."""
    house.configure({"domo.onChange": ["/nowhere/program"]})
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until((house.folder / "domo_events/fault").exists)
    program(house, KEEP)
    until(lambda: len(lines(house)) == 2 and not working(house))


def test_where_the_program_is_taken_out_of_the_configuration_nothing_waits_for_the_next_one(
    house: House,
) -> None:
    house.configure({"domo.onChange": ["/nowhere/program"]})
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until((house.folder / "domo_events/fault").exists)
    house.configure({"domo.onChange": []})
    until(lambda: not working(house))
    assert not waiting(house) and not (house.folder / "domo_events/fault").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda house: house.config.write_text("domo: ["),
        lambda house: house.configure({"domo.prefixFileData": "elsewhere_"}),
    ],
)
def test_the_messenger_goes_on_with_what_it_knew_where_the_configuration_is_of_no_use(
    house: House, spoil: Callable[[House], object]
) -> None:
    """It is broken; or the events are to wait in another place from now on."""
    program(house, KEEP)
    config, _ = load(str(house.config))
    events.add(config, ["first"])
    spoil(house)
    messenger._tell_all(config)
    assert (house.folder / "lines").read_text() == "first\n"
    assert not events.names(config)


def test_a_program_that_is_mended_while_it_fails_is_tried_at_once(house: House) -> None:
    program(house, f"[ -e $D/mended ] || {{ touch $D/mended $0; exit 1; }}; {KEEP}")
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until(lambda: len(lines(house)) == 2 and not working(house))


def test_a_program_that_is_mended_is_tried_at_once(house: House) -> None:
    path = program(house, KEEP)
    path.chmod(0o644)
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until((house.folder / "domo_events/fault").exists)
    path.chmod(0o755)
    until(lambda: len(lines(house)) == 2 and not working(house))


# -- nothing is kept for ever, and nothing is lost by a kill --


def test_no_more_than_so_many_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go."""
    monkeypatch.setattr(events, "MOST", 5)
    config, _ = load(str(house.config))
    for number in range(12):
        events.add(config, [str(number)])
    taken, content = events.read(config)
    assert len(taken) == 5 and content == b"7\n8\n9\n10\n11\n"
    events.remove(config, taken)
    assert events.names(config) == []


def test_what_is_no_event_of_ours_is_left_alone(house: House) -> None:
    config, _ = load(str(house.config))
    events.add(config, ["first"])
    for name in ("-5", "7", "\u00b2-1", "1-x"):
        (house.folder / "domo_events" / name).touch()
    events.add(config, ["second"])
    taken, told = events.read(config)
    events.remove(config, taken)
    assert told == b"first\nsecond\n"
    assert len(list((house.folder / "domo_events").iterdir())) == 4


def test_a_call_is_given_no_more_than_it_can_hold(house: House) -> None:
    config, _ = load(str(house.config))
    for _ in range(10):
        events.add(config, ["x" * 10_000])
    taken, content = events.read(config)
    assert len(taken) == 6 and len(content) <= events.CALL_BYTES
    events.add(config, ["x" * 100_000])
    events.remove(config, events.names(config)[:-1])
    assert len(events.read(config)[0]) == 1  # one that is too large is given whole, or it would stay for ever


def test_a_messenger_that_was_killed_is_started_again_by_the_next_tick(house: House) -> None:
    program(house, f"[ -e $D/well ] || {{ kill -9 $PPID; exit 1; }}; {KEEP}")
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until(lambda: not working(house))
    assert waiting(house) and calls(house) == 0
    (house.folder / "well").touch()
    house.tick()
    until(lambda: len(lines(house)) == 2 and not waiting(house))


def test_what_a_killed_tick_did_not_say_the_next_one_says(house: House) -> None:
    """It is in the memory from before the pins are switched until it waits for the program."""
    house.configure({"domo.onChange": ["/bin/true"]})
    (house.folder / "domo_events").write_text("in the way")
    house.set_modes({1: 3, 2: 1, 3: 1})
    assert "is not a folder" in house.tick().err
    assert [row[1:4] for row in house.memory["untold"]] == [[1, "M", 3], [1, "E", 1]]
    (house.folder / "domo_events").unlink()
    program(house, KEEP)
    house.tick()
    until(lambda: len([one for one in lines(house) if one["relay"]]) == 2)
    assert house.memory["untold"] == []


def test_a_folder_that_others_can_enter_is_not_used(house: House) -> None:
    program(house, KEEP)
    (house.folder / "domo_events").mkdir()
    (house.folder / "domo_events").chmod(0o777)
    house.set_modes({1: 3, 2: 1, 3: 1})
    assert "is not a folder of this user's alone" in house.tick().err
    assert house.on == {1}
    os.rmdir(house.folder / "domo_events")


@pytest.mark.parametrize(
    "value, problem",
    [
        ("notify/mail", "wants the full path of a program, beginning with /, not 'notify/mail'"),
        ([["/bin/true"]], "wants a list: [/path/to/program, argument]"),
        ({"a": 1}, "wants a list: [/path/to/program, argument]"),
        (True, "wants a list: [/path/to/program, argument]"),
    ],
)
def test_what_onchange_may_be(house: House, value: object, problem: str) -> None:
    house.configure({"domo.onChange": value})
    assert f"domo.onChange {problem}" in house.tick().err


@pytest.mark.parametrize("value", [False, [], None, "/bin/true", ["/bin/true", "-t", 1, "-t", 1]])
def test_it_may_be_none_a_program_or_one_with_arguments(house: House, value: object) -> None:
    house.configure({"domo.onChange": value} if value is not None else {})
    assert house.tick() == (0, "", "")


def test_a_program_that_fails_is_not_called_all_the_time(house: House) -> None:
    """While nothing is new it waits: a minute, then twice as long each time, up to an hour."""
    program(house, "echo >>$D/calls; exit 1")
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.tick()
    until((house.folder / "domo_events/fault").exists)
    time.sleep(2.5 * messenger.LOOK_SECONDS)  # a slow machine only makes it easier
    assert calls(house) == 1 and working(house)
    failing, waits, now = None, [], 0.0
    while now < 86400:
        failing = messenger._again(failing, now)
        waits.append(failing.wait)
        now = failing.until
    assert waits[:7] == [60, 120, 240, 480, 960, 1920, 3600] and set(waits[7:]) == {3600}
    assert messenger._again(failing, now - 1) == failing  # something new: tried at once, the wait stays


def test_what_a_program_does_not_take_for_a_day_is_dropped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a day of half a second. It counts from the first failure, and not from the last."""
    monkeypatch.setattr(messenger, "KEEP_SECONDS", 0.5)
    monkeypatch.setattr(messenger, "FIRST_WAIT", 0.1)
    monkeypatch.setattr(messenger, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr(messenger, "LOOK_SECONDS", 0.05)
    program(house, f"echo >>$D/calls; [ $(wc -l <$D/calls) -gt 20 ] || exit 1; {KEEP}")
    config, _ = load(str(house.config))
    events.add(config, ["never told"])
    messenger._tell_all(config)
    assert not events.names(config) and 2 <= calls(house) <= 20
    assert "; for a day, so what it was to be told is dropped" in events.fault(config)


@pytest.mark.parametrize("told", ["test\n", "[1]\n", "{}\n"])
@pytest.mark.parametrize("command", [["mail", "me@example.org"], ["webhook", "http://127.0.0.1:9/"]])
def test_by_hand_they_say_what_they_want_on_their_input(house: House, command: list[str], told: str) -> None:
    sendmail = house.folder / "sendmail"
    sendmail.write_text("#!/bin/sh\n")
    sendmail.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(PROJECT / "notify" / command[0]), *command[1:]],
        env={**house.env, "PATH": f"{house.folder}:{os.environ['PATH']}"},
        input=told,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = "nothing was sent: the standard input must hold one JSON line for each change"
    assert done.returncode == 2
    assert done.stderr == f'{said} (see "One of your own" in notify/README.md)\n'
