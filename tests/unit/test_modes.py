"""The mode file: everybody writes it, and nothing that the owner wrote is ever lost."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from domo.core.model import Fault
from domo.stores import edits, exchange, modes
from domo.system import files
from support.house import Clock, House, until

ON = 'return relay.on("sun")'


# -- reading --


def test_a_missing_file_is_made_with_every_relay_in_auto(house: House) -> None:
    assert house.tick() == (0, "", "")
    assert house.mode_file.read_text() == '{"1":1,"2":1,"3":1}'
    assert house.mode_file.stat().st_mode & 0o777 == 0o644


def test_a_missing_file_is_made_with_the_programs_first_order(house: House) -> None:
    house.script(2, ON)
    house.tick()
    assert (house.modes, house.on) == ({1: 1, 2: 2, 3: 1}, {2})


def test_a_file_deleted_in_service_comes_back_with_the_forces(house: House) -> None:
    house.set_modes({1: 3, 2: 0, 3: 1})
    house.tick()
    house.mode_file.unlink()
    house.tick()
    assert (house.modes, house.on) == ({1: 3, 2: 0, 3: 1}, {1})


def test_relays_that_are_missing_are_added(house: House) -> None:
    house.set_modes({2: 3})
    assert house.tick() == (0, "", "")
    assert (house.modes, house.on) == ({2: 3, 1: 1, 3: 1}, {2})


def test_what_domo_does_not_know_is_kept(house: House) -> None:
    """Other programs' keys, and relays beyond relayNb."""
    house.mode_file.write_text('{"1": 1, "9": 2, "note": "pump mended", "x": {"y": [1, 2.5, null]}, "01": 7}')
    house.script(1, ON)
    assert house.tick() == (0, "", "")
    assert json.loads(house.mode_file.read_text()) == {
        "1": 2, "9": 2, "note": "pump mended", "x": {"y": [1, 2.5, None]}, "01": 7, "2": 1, "3": 1,
    }  # fmt: skip


@pytest.mark.parametrize("value", ["true", "7", "-1", "null", "3.0", "[3]", '{"on": 1}', "1e400", '"aus"'])
def test_a_value_that_is_no_mode_is_reported_left_and_keeps_its_relay_off(house: House, value: str) -> None:
    """The others are served; nobody guesses what the owner meant, not even when it was on before."""
    house.script(1, ON)
    house.script(2, ON)
    house.set_modes({1: 3, 2: 3, 3: 0})
    house.tick()
    text = f'{{"1": {value}, "2": 3, "3": 1}}'
    house.mode_file.write_text(text)
    ran = house.tick("-v")
    assert ran.code == 1
    if value == "1e400":  # JSON has no such number: nothing of the file can be trusted
        assert "cannot be written back" in ran.err and house.on == {1, 2}
    else:
        assert f"{house.mode_file}: relay 1 is {value.replace(' ', '')}, no mode (0 to 3)" in ran.err
        assert "1 relay 1 no mode on → off held off: the mode file holds no mode for it" in ran.said
        assert house.on == {2}
    assert house.mode_file.read_text() == text


@pytest.mark.parametrize(
    "text",
    {
        "CRLF": '{\r\n  "1": 3,\r\n  "2": 1\r\n}\r\n',
        "BOM": '\ufeff{"1": 3, "2": 1}',
        "nano": '{"1":3,"2":1}\n',
        "lines": '{\n    "1" : 3 ,\n    "2" : 1\n\n}\n\n',
        "tabs": '\t{\t"1":\t3,\t"2":\t1\t}\t',
        "escapes": '{"\\u0031": 3, "2": 1}',
    }.values(),
)
def test_the_owner_may_write_it_as_he_likes(house: House, text: str) -> None:
    house.mode_file.write_bytes(text.encode())
    house.script(2, ON)
    assert house.tick() == (0, "", "")
    assert (house.modes, house.on) == ({1: 3, 2: 2, 3: 1}, {1, 2})
    assert ("\n" in house.mode_file.read_text()) == ("\n" in text.strip())


@pytest.mark.parametrize(
    "text", ['{"1": 3, "1": 1, "2": 1}', '{"1": 1, "1": 3, "2": 1}', '{"1":0,"1":3,"2":1}']
)
def test_a_relay_that_stands_there_twice_is_told_and_a_force_counts(house: House, text: str) -> None:
    house.mode_file.write_text(text)
    ran = house.tick()
    assert ran.code == 1
    assert ran.err.startswith(
        f"domo-tick: {house.mode_file}: relay 1 is in it more than once; a force counts"
    )
    assert house.on == {1}
    house.script(2, ON)
    house.tick()
    assert (house.modes, house.on) == ({1: 3, 2: 2, 3: 1}, {1, 2})


@pytest.mark.parametrize("name", ["03", " 3", "\u0663", "0"])
def test_a_name_that_is_no_relay_but_looks_like_one_is_told(house: House, name: str) -> None:
    """Somebody waits for relay 3. What is in the file stays."""
    house.mode_file.write_text(json.dumps({"1": 3, "2": 1, "3": 1, name: 3, "pump": 0}))
    ran = house.tick()
    assert (ran.code, house.on) == (1, {1})
    said = "(they are 1 to 3), so" if name == "0" else 'number, so its force does nothing; write "3"'
    assert f"{house.mode_file}: {name!r} is no relay {said}" in ran.err and "pump" not in ran.err
    assert json.loads(house.mode_file.read_text())[name] == 3


@pytest.mark.parametrize("name", ["4", "9999", "99999", "pump"])
def test_a_force_of_no_relay_is_told(house: House, name: str) -> None:
    """PvMonit may leave a 0, 1 or 2 of a relay that it had once, but nobody a 3."""
    house.mode_file.write_text(json.dumps({"1": 1, name: 3}))
    told = f"{house.mode_file}: {name!r} is no relay (they are 1 to 3), so its force does nothing"
    assert house.tick() == (1, "", f"domo-tick: {told}\n")
    assert f"TO DO  mode file {told}" in house.tick("--check").out
    for mode in (0, 1, 2):
        house.mode_file.write_text(json.dumps({"1": 1, "4": mode, "pump": mode}))
        assert house.tick() == (0, "", "")


def test_a_force_under_a_name_of_thousands_of_digits_is_told(house: House) -> None:
    house.mode_file.write_text(json.dumps({"1": 3, "9" * 5000: 3}))
    ran = house.tick()
    assert "is no relay (they are 1 to 3), so its force does nothing" in ran.err and ran.err.count("\n") == 1
    assert house.on == {1}


# -- a file that does not parse --

NEW = sys.version_info >= (3, 13)  # points at the comma, not at what should follow it
BROKEN = {
    "a comma too many": ('{"1": 3,\n "2": 1,\n}', "line 2 column 8" if NEW else "line 3 column 1"),
    "a comma too few": ('{"1": 3\n "2": 1}', "line 2 column 2"),
    "a comment": ('{"1": 3} // pump', "line 1 column 10"),
    "single quotes": ("{'1': 3}", "line 1 column 2"),
    "no quotes": ("{\n\n  1: 3}", "line 3 column 3"),
    "torn": ('{"1":3,"2"', "line 1 column 11"),
    "a leading zero": ('{"1": 03}', "line 1 column 8"),
    "NaN": ('{"1": NaN}', "NaN is not JSON"),
    "PHP's torn answer": ("null", 'wants {"1": 1, "2": 3, ...}'),
    "a list": ("[1,2,3]", 'wants {"1": 1, "2": 3, ...}'),
    "empty": ("", "is empty"),
    "zeros": ("\0" * 30, "is empty"),
    "deep": ('{"1": 3, "x": ' + "[" * 100_000, "nested too deeply"),
    "deep and whole": ('{"1": 3, "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    "beyond all numbers": ('{"1": 3, "x": 1e999}', "cannot be written back"),
    "a number without end": ('{"1": 3, "x": ' + "9" * 5000 + "}", "a number of 5000 digits"),
    "half a character": ('{"1": 3, "\\ud800": 1}', "cannot be written back"),
    "latin-1": (b'{"1": 3, "caf\xe9": 1}', "is not UTF-8 text"),
    "UTF-16": ('{"1": 3}'.encode("utf-16"), "is not UTF-8 text"),
    "much too large": ('{"1": 3}' + " " * (1 << 20), "is larger than 1048576 bytes"),
}


@pytest.mark.parametrize("content, message", BROKEN.values(), ids=BROKEN)
def test_a_file_that_does_not_parse_is_never_overwritten(
    house: House, content: str | bytes, message: str
) -> None:
    """The last good modes apply, forced and auto, and the owner is told where it is wrong."""
    house.script(2, ON)
    house.set_modes({1: 3, 2: 1, 3: 0})
    house.tick()
    house.script(2, 'return relay.off("clouds")')
    house.mode_file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = house.snapshot()[str(house.mode_file)]
    ran = house.tick()
    assert ran.code == 1
    assert ran.err.startswith(f"domo-tick: {house.mode_file}: ") and message in ran.err
    assert "it is left as it is, the last good modes apply" in ran.err
    assert ran.err.count("\n") == 1
    assert house.snapshot()[str(house.mode_file)] == before
    assert house.on == {1}
    house.set_modes({1: 1, 2: 1, 3: 3})
    assert house.tick() == (0, "", "")
    assert house.on == {3}


def test_what_was_never_read_is_held_off(house: House) -> None:
    """The first tick of all, or one with a relay more, finds a broken file."""
    house.script(1, ON)
    house.mode_file.write_text("{1")
    ran = house.tick()
    assert (ran.code, house.on) == (1, set())
    assert "relays without one are held off: 1, 2, 3" in ran.err


def test_another_thing_in_its_place_is_left_alone(house: House) -> None:
    house.set_modes({1: 3})
    house.tick()
    house.mode_file.unlink()
    os.mkfifo(house.mode_file)
    ran = house.tick()
    assert (ran.code, house.on) == (1, {1})
    assert f"{house.mode_file}: is not a file; move it away" in ran.err


def when_opened(path: Path, then: Callable[[], object]) -> threading.Thread:
    """A thread that does something 50 ms after anybody opens the file (told by inotify, which Python has
    not)."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_CLOEXEC)
    assert libc.inotify_add_watch(watch, os.fsencode(path), 0x20) > 0  # IN_OPEN

    def wait() -> None:
        os.read(watch, 4096)
        os.close(watch)
        time.sleep(0.05)
        then()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.timing
def test_a_file_that_is_just_being_written_is_waited_for(house: House) -> None:
    """PHP's file_put_contents empties the file and then fills it; the tick comes in between."""
    for _ in range(5):  # a busy machine may hold up the writer for too long, but not always
        house.mode_file.write_text("")
        writer = when_opened(house.mode_file, lambda: house.set_modes({1: 3, 2: 1, 3: 1}))
        ran = house.tick()
        writer.join()
        if ran.code == 0:
            break
    assert (ran, house.on) == ((0, "", ""), {1})


# -- written by others while a tick runs --


def racing(house: House, then: str) -> str:
    """A script that writes the mode file while the tick is under way, after it was read, and then
    wants its relay on."""
    return f"""
    import os, json

    MODES = {str(house.mode_file)!r}
    NEW = '{{"1": 1, "2": 3, "3": 1, "new": 5}}'

    def decide(relay, data):
        {then}
        return relay.on("sun")
    """


@pytest.mark.parametrize(
    "write",
    {
        "echo >": "open(MODES, 'w').write(NEW)",
        "sed -i": "open(MODES + '~', 'w').write(NEW); os.rename(MODES + '~', MODES)",
    }.values(),
    ids=["in place", "renamed"],
)
def test_a_force_that_comes_while_the_tick_thinks_counts_at_once(house: House, write: str) -> None:
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.script(1, racing(house, write))
    house.tick()
    assert json.loads(house.mode_file.read_text()) == {"1": 2, "2": 3, "3": 1, "new": 5}
    assert house.on == {1, 2}
    assert house.states == {1: 1, 2: 1, 3: 0}


def test_a_force_of_the_very_relay_wins_over_its_script(house: House) -> None:
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.script(1, racing(house, """open(MODES, "w").write('{"1": 0, "2": 1, "3": 1}')"""))
    ran = house.tick("-v")
    assert (house.modes, house.on) == ({1: 0, 2: 1, 3: 1}, set())
    assert "1 relay 1 auto off → forced off off forced off, just now" in ran.said
    assert (1, "M", 0, "forced off, just now") in house.journal


def test_a_file_broken_while_the_tick_thinks_is_left_as_it_is(house: House) -> None:
    house.set_modes({1: 1, 2: 3, 3: 1})
    house.script(1, racing(house, """open(MODES, "w").write('{"1": 0, oops')"""))
    ran = house.tick()
    assert ran.code == 1
    assert f"{house.mode_file}: is not JSON" in ran.err
    assert house.mode_file.read_text() == '{"1": 0, oops'
    assert 2 in house.on


def test_a_file_made_while_the_tick_thinks_is_not_replaced_by_the_first_one(house: House) -> None:
    house.script(1, racing(house, """open(MODES, "w").write('{"2": 3}')"""))
    house.tick()
    assert house.modes[2] == 3
    assert 2 in house.on


def locked(house: House) -> bool:
    """Whether somebody holds the mode file's lock."""
    if not house.mode_file.with_name("mod.lock").exists():
        return False
    try:
        FileLock(f"{house.mode_file}.lock").acquire(timeout=0).lock.release()
    except Timeout:
        return True
    return False


@pytest.mark.timing
def test_a_writer_who_has_the_file_open_is_waited_for(house: House) -> None:
    """He opened it before the tick wants to write, and writes only then."""
    house.script(1, ON)
    house.set_modes({1: 1, 2: 1, 3: 1})
    with open(house.mode_file, "r+") as editor:
        tick = subprocess.Popen(house.command(), env=house.env)
        until(lambda: locked(house))
        editor.write('{"1":1,"2":3,"3":1}')
        editor.truncate()
    assert tick.wait(30) == 0
    assert (house.modes, house.on) == ({1: 2, 2: 3, 3: 1}, {1, 2})


def test_a_writer_who_never_stops_keeps_the_file_and_stops_nobody(house: House) -> None:
    house.script(1, ON)
    house.set_modes({1: 1, 2: 3, 3: 1})
    with open(house.mode_file, "r+"):
        ran = house.tick()
    assert (
        ran.err
        == f"domo-tick: {house.mode_file}: another program keeps writing it, so domo did not change it\n"
    )
    assert (ran.code, house.modes, house.on) == (1, {1: 1, 2: 3, 3: 1}, {1, 2})
    assert house.tick().code == 0
    assert house.modes == {1: 2, 2: 3, 3: 1}


# -- the lock --


@pytest.mark.timing
def test_who_holds_filelocks_lock_keeps_the_tick_waiting(house: House) -> None:
    house.script(1, ON)
    house.set_modes({1: 1, 2: 1, 3: 1})
    with FileLock(f"{house.mode_file}.lock"):
        tick = subprocess.Popen(house.command(), env=house.env)
        time.sleep(1)
        assert house.modes == {1: 1, 2: 1, 3: 1}
        house.set_modes({1: 1, 2: 0, 3: 1})
    assert tick.wait(10) == 0
    assert (house.modes, house.on) == ({1: 2, 2: 0, 3: 1}, {1})


def test_who_never_lets_go_of_the_lock_does_not_stop_the_tick(house: House) -> None:
    house.script(1, ON)
    house.set_modes({1: 1, 2: 3, 3: 1})
    with FileLock(f"{house.mode_file}.lock"):
        assert house.tick().code == 0
        assert (house.modes, house.on) == ({1: 2, 2: 3, 3: 1}, {1, 2})


@pytest.mark.timing
def test_the_tick_holds_filelocks_lock_while_it_writes(house: House) -> None:
    house.script(1, ON)
    house.set_modes({1: 1, 2: 1, 3: 1})
    with open(house.mode_file, "r+"):  # makes the tick wait in the middle of its writing
        tick = subprocess.Popen(house.command(), env=house.env)
        until(lambda: locked(house))
    assert tick.wait(30) == 0
    assert not locked(house)
    assert house.modes[1] == 2


def test_a_tick_that_changes_no_mode_takes_no_lock(house: House) -> None:
    house.tick()
    house.set_modes({1: 3, 2: 0, 3: 1})
    assert house.tick() == (0, "", "")
    assert not house.mode_file.with_name("mod.lock").exists()


OWNERS = (".new", ".first", ".tmp", "~", ".bak", ".lock.new")


# -- planted files --


def test_no_link_planted_beside_a_file_is_followed(house: House, clock: Clock) -> None:
    """In /tmp anybody may plant a link where a name can be guessed; what it points to stays as it is."""
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.script(1, ON)
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.tick()
    house.script(1, 'return relay.off("clouds")')
    victim, nothing = house.folder / "victim", house.folder / "nothing"
    victim.write_text("precious")
    victim.chmod(0o600)
    before = house.snapshot()[str(victim)]
    names = [house.mode_file, house.state_file, house.memory_file, house.pin_file]
    for target in (victim, nothing):
        for path in [f"{files.ours(str(name))}new" for name in names] + [
            f"{house.mode_file}.lock",
            str(house.lock_file),
        ]:
            if os.path.lexists(path):
                os.unlink(path)
            os.symlink(target, path)
        ran = house.tick()
        assert ran.err == (
            f"domo-tick: {house.lock_file}: there is no lock (Too many levels of symbolic links); going on"
            f" without it\n"
        )
        assert house.snapshot()[str(victim)] == before
        assert not nothing.exists()
        house.script(1, ON)
    assert (house.modes, house.on, house.states) == ({1: 2, 2: 1, 3: 1}, {1}, {1: 1, 2: 0, 3: 0})


def test_a_folder_planted_beside_a_file_keeps_nothing_from_being_written(house: House) -> None:
    house.script(1, ON)
    for name in (house.mode_file, house.state_file, house.memory_file, house.pin_file):
        Path(f"{files.ours(str(name))}new").mkdir()
    assert house.tick() == (0, "", "")
    assert (house.modes[1], house.on, house.states[1], house.memory["states"]["1"]) == (2, {1}, 1, 1)


def test_a_link_in_place_of_the_mode_file_is_not_written_through(house: House) -> None:
    house.script(1, ON)
    real = house.folder / "elsewhere"
    real.write_text('{"1":1,"2":3,"3":1}')
    house.mode_file.symlink_to(real)
    house.tick()
    assert real.read_text() == '{"1":1,"2":3,"3":1}'
    assert 2 in house.on


def test_owner_and_permissions_are_kept(house: House) -> None:
    """PvMonit makes the file writable for the web server's user; so it stays."""
    house.script(1, ON)
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.mode_file.chmod(0o666)
    if os.geteuid() == 0:
        os.chown(house.mode_file, 33, 33)
    before = house.mode_file.stat()
    house.tick()
    after = house.mode_file.stat()
    assert house.modes[1] == 2
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_file_of_the_owners_beside_it_stays(house: House) -> None:
    """`jq ... mod >mod.new && mv mod.new mod`, and whatever else people call their files."""
    house.script(1, ON)
    mine = [
        house.mode_file.with_name(f"{name}{end}") for name in ("mod", "etat", "data.xml") for end in OWNERS
    ]
    for path in mine:
        path.write_text("mine")
    house.tick()
    house.script(1, 'return relay.off("clouds")')
    house.tick()
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)


def test_what_a_killed_process_left_is_swept_and_an_edit_is_not(house: House) -> None:
    """By the inodes in its name: it is the new file, or the one that it replaced."""
    house.tick()
    begins = files.ours(str(house.mode_file))
    left, replaced, edit = (Path(f"{begins}{name}") for name in ("left", "replaced", "edit"))
    for path in (left, replaced, edit):
        path.write_text('{"1":3}')
    names = f"1-{left.stat().st_ino}", f"{replaced.stat().st_ino}-2", "3-4"
    left, replaced, edit = (
        p.rename(f"{begins}{name}") for p, name in zip((left, replaced, edit), names, strict=True)
    )
    assert house.tick() == (0, "", "")
    assert (left.exists(), replaced.exists(), edit.exists()) == (False, False, True)


@pytest.mark.skipif(not shutil.which("setfacl"), reason="takes setfacl (apt install acl)")
def test_acls_and_attributes_are_kept(house: House) -> None:
    """`setfacl -m u:www-data:rw` lets PvMonit's page in; the group gains nothing by it."""
    house.script(1, ON)
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.mode_file.chmod(0o640)
    subprocess.run(["setfacl", "-m", "u:33:rw", house.mode_file], check=True)
    os.setxattr(house.mode_file, "user.note", b"mine")
    acl = subprocess.run(["getfacl", "-p", house.mode_file], capture_output=True, check=True).stdout
    before = house.mode_file.stat()
    assert house.tick() == (0, "", "")
    after = house.mode_file.stat()
    assert house.modes[1] == 2 and after.st_ino != before.st_ino
    assert subprocess.run(["getfacl", "-p", house.mode_file], capture_output=True, check=True).stdout == acl
    assert os.getxattr(house.mode_file, "user.note") == b"mine"
    assert after.st_mode == before.st_mode


def test_nothing_is_left_beside_the_file(house: House) -> None:
    house.script(1, ON)
    house.tick()
    house.script(1, 'return relay.off("clouds")')
    house.tick()
    left = {path.name for path in house.folder.iterdir()}
    assert left == {
        "config.yaml", "data.xml", "scripts", "tmp", "mod", "mod.lock", "etat", "pins", "domo_memory.json",
        "domo_tick.lock", "journal.sqlite3", "domo_today.csv", "domo_record.kept", "history",
    }  # fmt: skip


# -- modes that are text, as PHP and people write them --


def test_a_force_in_quotes_is_that_force_and_becomes_a_number(house: House) -> None:
    """PvMonit's PHP compares loosely, so there it always was one."""
    house.script(3, "return relay.off('x')")
    house.mode_file.write_text('{"1": "3", "2": "0", "3": "2", "note": "3"}')
    assert house.tick() == (0, "", "")
    assert json.loads(house.mode_file.read_text()) == {"1": 3, "2": 0, "3": 1, "note": "3"}
    assert house.on == {1}


def test_a_force_in_quotes_stands_among_two(tmp_path: Path) -> None:
    """A force counts, be it text and be it the first of two."""
    path = tmp_path / "mod"
    path.write_text('{"1": "3", "1": 1}')
    assert modes.load(str(path)).modes == {1: 3}
    assert edits.set_auto(str(path), {1: 1}).modes == {1: 3}
    assert json.loads(path.read_text()) == {"1": 3}


@pytest.mark.parametrize("value", ["4", "-1", " 3", "03", "3.0", "on", "", "٣"])
def test_other_text_is_no_mode(tmp_path: Path, value: str) -> None:
    path = tmp_path / "mod"
    path.write_text(json.dumps({"1": value}))
    found = modes.load(str(path))
    assert (found.modes, set(found.odd)) == ({}, {1})


def test_the_owner_ends_a_force_in_quotes(house: House) -> None:
    house.mode_file.write_text('{"1": "3", "2": 1, "3": 1}')
    house.tick()
    house.mode_file.write_text('{"1": "1", "2": 1, "3": 1}')
    house.tick()
    assert (house.on, json.loads(house.mode_file.read_text())) == (set(), {"1": 1, "2": 1, "3": 1})


def test_the_mode_file_is_written_though_pythons_own_library_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing card: without ctypes a file is renamed over the other, not exchanged with it."""
    (tmp_path / "mod").write_text('{"1":1}')
    monkeypatch.setitem(sys.modules, "ctypes", None)
    edits.set_owner(str(tmp_path / "mod"), {1: 3})
    assert (tmp_path / "mod").read_text() == '{"1":3}'
    assert {path.name for path in tmp_path.iterdir()} == {"mod", "mod.lock"}


def test_a_library_of_pythons_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mod").write_text('{"1":1}')
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(Fault, match="mod: cannot be written"):
        edits.set_owner(str(tmp_path / "mod"), {1: 3})
    assert (tmp_path / "mod").read_text() == '{"1":1}'


def test_nothing_is_swept_while_another_process_is_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may need the file to put an owner's edit back."""
    monkeypatch.setattr(exchange, "LOCK_SECONDS", 0.1)
    path = tmp_path / "mod"
    path.write_text('{"1":1}')
    left = Path(f"{files.ours(str(path))}left")
    left.write_text('{"1":3}')
    left = left.rename(f"{files.ours(str(path))}{left.stat().st_ino}-1")
    with FileLock(f"{path}.lock"):
        modes.sweep(str(path))
        assert left.exists()
    modes.sweep(str(path))
    assert not left.exists()


@pytest.mark.parametrize("risk", ["", "another user's", "not empty", "where anybody can put a link"])
def test_filelock_which_empties_what_it_opens_gets_only_an_empty_lock_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, risk: str
) -> None:
    """Another program holds the lock: domo waits for it, or goes on without."""
    path, lock = tmp_path / "mod", tmp_path / "mod.lock"
    path.write_text('{"1":1}')
    lock.write_text("mine" if risk == "not empty" else "")
    if risk == "another user's":
        if os.geteuid():
            pytest.skip("takes root")
        os.chown(lock, 65534, 65534)
    tmp_path.chmod(0o777 if risk == "where anybody can put a link" else 0o755)
    asked: list[str] = []

    class Asked(FileLock):
        def acquire(self, *_: object, **__: object) -> None:  # type: ignore[override]
            asked.append(self.lock_file)
            raise Timeout(self.lock_file)

    monkeypatch.setattr("filelock.FileLock", Asked)
    with open(lock, "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        edits.set_auto(str(path), {1: 2})
    assert json.loads(path.read_text()) == {"1": 2}
    assert asked == ([] if risk else [str(lock)])
    assert lock.read_text() == ("mine" if risk == "not empty" else "")


def test_a_new_mode_file_is_on_the_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a power cut could leave an empty one."""
    path = tmp_path / "mod"
    path.write_text('{"1":1}')
    synced: list[tuple[str, str]] = []

    def content(fd: int) -> str:
        return Path(f"/proc/self/fd/{fd}").read_text()

    monkeypatch.setattr(os, "fsync", lambda fd: synced.append((content(fd), path.read_text())))
    edits.set_auto(str(path), {1: 2})
    assert synced == [('{"1":2}', '{"1":1}')]
