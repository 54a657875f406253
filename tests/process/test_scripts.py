"""The owner's scripts: whatever one does, the others run, the pins are written, and he is told where."""

from __future__ import annotations

import marshal
import os
import re
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from domo.scripts import answering
from domo.system import cache
from support.house import Clock, House, Ran

GOOD = 'return relay.on("sun")'


@pytest.fixture
def house(house: House) -> House:
    """The house, with relay 3 forced on, a good script for relay 2, and no waiting between two ons."""
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.script(2, GOOD)
    house.set_modes({1: 1, 2: 1, 3: 3})
    return house


# What script 1 does, and what is said of it; line 1 is "def decide(relay, data):".
MISBEHAVIOUR = {
    "an exception": ("return 1 / 0", "line 2 (return 1 / 0): ZeroDivisionError: division by zero"),
    "a name that is"
    " not": ("return rellay.on('x')", "line 2 (return rellay.on('x')): NameError: name 'rellay'"),
    "deep inside": (
        "import json\nreturn json.loads('{')",
        "line 3 (return json.loads('{')): JSONDecodeError: Expecting property name",
    ),
    "assert": ("assert data['SOC'] > 100", "line 2 (assert data['SOC'] > 100): AssertionError:"),
    "sys.exit": ("import sys\nsys.exit('bye')", "line 3 (sys.exit('bye')): SystemExit: bye"),
    "Ctrl-C": ("raise KeyboardInterrupt", "line 2 (raise KeyboardInterrupt): KeyboardInterrupt:"),
    "os._exit": ("import os\nos._exit(3)", "1.py: ended the process (exit status 3)"),
    "recursion": ("return decide(relay, data)", "line 2 (return decide(relay, data)): RecursionError: "),
    "2 GB": ("return relay.on('x' * (2 << 30))", "line 2 (return relay.on('x' * (2 << 30))): MemoryError:"),
    "2 GB by and by": (
        "hoard = []\nwhile True:\n    hoard.append(bytearray(1 << 20))",
        "line 4 (hoard.append(bytearray(1 << 20))): MemoryError:",
    ),
    "a crash in C": (
        "import ctypes\nctypes.string_at(0)",
        "line 3 (ctypes.string_at(0)): crashed the interpreter (signal 11)",
    ),
    "abort()": (
        "import ctypes\nctypes.CDLL(None).abort()",
        "line 3 (ctypes.CDLL(None).abort()): crashed the interpreter (signal 6)",
    ),
    "kills itself": ("import os\nos.kill(os.getpid(), 9)", "1.py: closed the tick's pipe, or was killed"),
    "closes all files": ("import os\nos.closerange(0, 64)\nwhile True: pass", "1.py: closed the tick's pipe"),
    "nothing": ("relay.on('no"
        " return')", "1.py: decide() gave None, not an order: end it with return relay.on("),
    "True": ("return True", "1.py: decide() gave True, not an order"),
    "a word": ("return 'on'", "1.py: decide() gave 'on', not an order"),
    "an order of no kind": (
        "from domo.api import Order\nreturn Order('On', 'x')",
        "1.py: decide() gave Order(wanted='On', why='x'), not an order",
    ),
    "no reason": ("return relay.on()", "TypeError: Relay.on() missing 1 required positional argument: 'why'"),
    "the method itself": ("return relay.on", "1.py: decide() gave a function, not called"),
    "a misspelled"
    " value": ("return relay.on(data['SOCC'])", "there is no 'SOCC' in the data; did you mean SOC?"),
    "the tick's"
    " pipe": ("import os\nos.write(3, bytes(40))\nreturn relay.on('x')", "1.py: wrote into the tick's own"),
    "and floods"
    " it": ("import os\nwhile True:\n    os.write(3, bytes(4000))", "1.py: wrote into the tick's own pipe"),
    "with nonsense": ("import os\nwhile True:\n    os.write(3, b'x' *"
        " 4000)", "1.py: wrote into the tick's own pipe"),
}  # fmt: skip


@pytest.mark.parametrize("body, message", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_what_one_script_does_is_told_and_stops_nobody_else(house: House, body: str, message: str) -> None:
    house.script(1, body)
    ran = house.tick()
    assert ran.code == 1
    assert ran.err.startswith("domo-tick: script 1.py")
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    assert house.on == {2, 3}
    assert house.states == {1: 0, 2: 1, 3: 1}


@pytest.mark.parametrize(
    "text, message",
    {
        "syntax": (
            "def decide(relay, data)\n    pass\n",
            "1.py: line 1: expected ':': def decide(relay, data)",
        ),
        "a comma": (
            "def decide(relay, data):\n    if data['V'] > 26,5:\n        pass\n",
            "1.py: line 2: invalid syntax (a decimal has a point: 26.5, not 26,5): if data['V'] > 26,5:\n",
        ),
        "a no-break space": (
            "def decide(relay, data):\n    if relay.is_on\u00a0:\n        pass\n",
            "1.py: line 2: invalid non-printable character U+00A0 (a no-break space; write a plain one): if",
        ),
        "indentation": ("def decide(relay, data):\nreturn 1\n", "1.py: line 2: expected an indented block"),
        "tabs": ("if 1:\n\tx = 1\n        y = 2\n", "1.py: line 3: inconsistent use of tabs"),
        "nothing": ("", "1.py: defines no decide(relay, data)"),
        "another name": (
            "def decid(relay, data): pass\ndecide = 3\n",
            "1.py: defines no decide(relay, data)",
        ),
        "on import": (
            "import nonsense\ndef decide(relay, data): pass\n",
            "1.py line 1 (import nonsense): Module",
        ),
        "arguments": (
            "def decide(relay): pass\n",
            "1.py: TypeError: decide() takes 1 positional argument but 2 were",
        ),
        "zeros": ("\0" * 10, "1.py: "),
        "a novel": ("#" * (256 << 10) + "\n", "1.py: "),
        "a nest": ("x = " + "(" * 300, "1.py: line 1: too many nested parentheses"),
        "a bigger nest": ("x = " + "-" * 100_000 + "1", "1.py: "),
    }.values(),
    ids=lambda item: None,
)
def test_a_script_that_is_none(house: House, text: str, message: str) -> None:
    (house.scripts / "1.py").write_text(text)
    ran = house.tick()
    assert ran.code == 1
    assert ran.err.startswith(f"domo-tick: script {message}")
    assert ran.err.count("\n") == 1
    assert house.on == {2, 3}


def test_a_script_of_another_encoding(house: House) -> None:
    (house.scripts / "1.py").write_bytes(b"# caf\xe9\ndef decide(relay, data): pass\n")
    assert "script 1.py: " in house.tick().err
    (house.scripts / "1.py").write_bytes(b"def decide(relay, data):\n    return relay.on('caf\xe9')\n")
    assert " (save the script as UTF-8): return" in house.tick().err
    (house.scripts / "1.py").write_bytes(
        b"# coding: latin-1\ndef decide(relay, data): return relay.on('caf\xe9')\n"
    )
    ran = house.tick("-v")
    assert "café" in ran.out
    assert house.on == {1, 2, 3}


def test_another_thing_in_place_of_a_script(house: House) -> None:
    (house.scripts / "1.py").mkdir()
    assert f"script 1.py: {house.scripts}/1.py: is not a file; move it away" in house.tick().err
    (house.scripts / "1.py").rmdir()
    os.mkfifo(house.scripts / "1.py")
    assert f"script 1.py: {house.scripts}/1.py: is not a file; move it away" in house.tick().err
    (house.scripts / "1.py").unlink()
    (house.scripts / "1.py").symlink_to("1.py")
    assert "script 1.py: Too many levels of symbolic links" in house.tick().err
    assert house.on == {2, 3}


# -- what takes for ever --

ENDLESS = {  # what script 1 does, and the line that is told
    "a loop": ("while True: pass", "while True: pass"),
    "a loop that catches all": (
        "while True:\n    try: time.sleep(9)\n    except: pass",
        "try: time.sleep(9)",
    ),
    "a program": ("subprocess.run(['sleep', '99'])", "subprocess.run(['sleep', '99'])"),
    "in C": ("return relay.on(str(10 ** 10 ** 8))", "return relay.on(str(10 ** 10 ** 8))"),
    "a flood": ("while True: print('x' * 1000)", "while True: print('x' * 1000)"),
    "a flood of bytes": ("while True: os.write(2, bytes(9999))", "while True: os.write(2, bytes(9999))"),
    "stopped": ("os.kill(os.getpid(), 19)", None),
}


@pytest.mark.timing
def test_a_script_without_end_costs_its_time_and_no_more(house: House, tmp_path: Path) -> None:
    """It is ended, told with its line, and leaves no process behind; the others still run. All at
    once, for each takes its 4 s; and it must be well within the tick's 20 s."""
    ticks = {}
    for name, (body, _) in ENDLESS.items():
        folder = tmp_path / name.replace(" ", "_")
        folder.mkdir()
        one = House(folder)
        pid = f"open({str(folder / 'pid')!r}, 'w').write(str(os.getpid()))"
        one.script(1, f"import os, subprocess, time\n{pid}\n{body}")
        one.script(2, GOOD)
        one.set_modes({1: 1, 2: 1, 3: 3})
        ticks[name] = one, subprocess.Popen(one.command(), env=one.env, stderr=subprocess.PIPE, text=True)
    start = time.monotonic()
    for name, (one, tick) in ticks.items():
        _, said = tick.communicate(timeout=30)
        line = ENDLESS[name][1]
        place = f" line {5 if 'try' in line else 4} ({line})" if line else ""
        assert (
            re.sub(r"\d s$", "4 s", said) == f"domo-tick: script 1.py{place}: gave no answer within 4 s\n"
        ), name
        assert (tick.returncode, one.on) == (1, {2, 3}), name
        assert not running(int((one.folder / "pid").read_text())), name
    assert time.monotonic() - start < 20


@pytest.mark.timing
def test_one_that_takes_for_ever_is_asked_last_next_time(house: House) -> None:
    """Two of them use up the time of all; at the next tick those that had none of it come first, and
    it is never the same ones that starve."""
    endless = "while True: pass"
    house.configure({"domo.relayNb": 4, "domo.relay.scriptExecInterval": 0})
    house.set_modes({1: 1, 2: 1, 3: 1, 4: 1})
    house.script(1, endless)
    house.script(2, endless)
    house.script(3, GOOD)
    house.script(4, GOOD)
    start = time.monotonic()
    ran = house.tick()
    assert time.monotonic() - start < 20
    assert "script 1.py line 2 (while True: pass): gave no answer within " in ran.err
    assert "script 3.py: no time was left for it" in ran.err
    assert "script 4.py: no time was left for it" in ran.err
    ran = house.tick()
    assert house.on == {3}
    assert "script 4.py" not in ran.err
    assert ran.err.count("gave no answer") == 2
    assert [row for row in house.memory["why"].values()][3] == "sun: waits, relay 3 goes first"


# -- what it prints --


def test_what_a_script_prints_is_shown_in_the_table_only(house: House) -> None:
    house.script(
        1, 'import sys\nprint("SOC is", data["SOC"])\nprint("oops", file=sys.stderr)\nreturn relay.off("x")'
    )
    assert house.tick() == (0, "", "")
    ran = house.tick("-v")
    assert ran.out.endswith("the scripts printed:\n  SOC is 96.4\n  oops\n")


def test_what_of_a_scripts_print_is_not_shown_is_marked(house: House) -> None:
    house.script(1, 'print("long " * 30)\nfor n in range(30):\n    print(n)\nreturn relay.off("x")')
    shown = house.tick("-v").out.partition("the scripts printed:\n")[2].splitlines()
    assert len(shown) == 21 and shown[-1] == "  ..., 11 more lines"
    assert len(shown[0]) == 80 and shown[0].endswith("long ...")


@pytest.mark.parametrize(
    "body",
    [
        "import sys\nsys.stdout.close()",
        "import os\nos.close(1)\nos.close(2)",
        "import sys\nsys.stdout = None",
        "print('x' * 50_000_000)",
        "import os\nos.write(1, b'\\xff\\xfe\\x00' * 9999)",
    ],
)
def test_how_it_treats_its_output_does_not_matter(house: House, body: str) -> None:
    house.script(1, body + "\nreturn relay.on('fine')")
    ran = house.tick("-v")
    assert (ran.code, ran.err) == (0, "")
    assert house.on == {1, 3}
    assert "2  relay 2  auto off" in ran.out
    assert "sun: waits, relay 1 goes first" in ran.said
    assert len(ran.out) < 5000


def test_a_script_reads_nothing_from_the_keyboard(house: House) -> None:
    house.script(1, "return relay.on(input())")
    assert "EOFError" in house.tick().err


def test_a_reason_may_be_anything_that_can_be_written(house: House) -> None:
    house.script(1, 'return relay.on("eau chaude \\u2600\\n\\t\\"quoted\\" " + "very " * 1000)')
    ran = house.tick("-v")
    assert (ran.code, ran.err) == (0, "")
    assert max(map(len, ran.out.splitlines()[:9])) <= 80
    assert house.journal[0][3].startswith('eau chaude ☀ "quoted" very')
    assert len(house.journal[0][3]) == 500


# -- what it leaves behind --


def running(pid: int) -> bool:
    """Whether a process still runs, and be it not our child."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.timing
def test_a_child_that_a_script_leaves_running_is_ended(house: House) -> None:
    house.script(
        1,
        f"""
    import os, subprocess, time

    def decide(relay, data):
        child = subprocess.Popen(["sleep", "60"])
        if os.fork() == 0:
            time.sleep(60)
        open({str(house.folder / "pid")!r}, "w").write(str(child.pid))
        return relay.on("sun")
    """,
    )
    assert house.tick().code == 0
    assert house.on == {1, 3}
    assert not running(int((house.folder / "pid").read_text()))


def test_of_a_script_that_forks_and_returns_twice_the_first_process_answers(house: House) -> None:
    house.script(
        1,
        """
    import os

    def decide(relay, data):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return relay.on("the first" if child else "the child")
    """,
    )
    house.script(2, 'return relay.off("once")')
    assert house.tick() == (0, "", "")
    assert (house.on, house.memory["why"]) == ({1, 3}, {"1": "the first", "2": "once", "3": "forced on"})


@pytest.mark.timing
def test_a_daemon_that_a_script_starts_holds_nothing_of_the_ticks(house: House) -> None:
    """Not its lock, not its output, not its time."""
    house.script(
        1,
        f"""
    import os, time

    def decide(relay, data):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                open({str(house.folder / "pid")!r}, "w").write(str(os.getpid()))
                time.sleep(30)
            os._exit(0)
        os.wait()
        return relay.on("sun")
    """,
    )
    start = time.monotonic()
    assert house.tick() == (0, "", "")
    assert time.monotonic() - start < 4  # what a silent script would cost
    pid = int((house.folder / "pid").read_text())
    assert running(pid)
    house.script(1, GOOD)
    assert house.tick() == (0, "", "")
    os.kill(pid, 9)


def test_a_script_finds_neither_locks_nor_pipes_of_the_ticks(house: House) -> None:
    """What it inherits: its input and output, the pipe of its answer, and what it opens itself."""
    house.script(1, 'import os\nreturn relay.on(str(sorted(os.listdir("/proc/self/fd"), key=int)))')
    assert "['0', '1', '2', '3', '4']" in house.tick("-v").out


def test_scripts_leave_nothing_to_each_other(house: House) -> None:
    house.script(1, "global left\nleft = 1\nrelay.x = data.y = 2\nreturn relay.on('first')")
    house.script(2, "return relay.on(repr(('left' in globals(), hasattr(relay, '_x'))))")
    ran = house.tick("-v")
    assert "(False, False)" in ran.out


@pytest.mark.parametrize("name", ["staircase light", "staircase 3"])
def test_a_timer_of_a_script_is_none_of_the_staircases_or_of_probes(house: House, name: str) -> None:
    house.configure({"domo.relayWatt": {1: 330, 2: 500}})
    house.script(1, "return relay.staircase(data, [relay.id])")
    house.script(2, "return relay.probe(data['P'])")
    house.script(3, f"relay.timer({name!r}).start(600)\nreturn relay.on('x')")
    house.set_modes({1: 1, 2: 1, 3: 1})
    for _ in range(2):
        assert (house.tick().code, house.memory["timers"][name][1]) == (0, 600)
    assert house.memory["why"]["2"].startswith("trying")


def test_a_timer_of_a_script_in_its_own_process_outlasts_those_that_are_asked_after_it(house: House) -> None:
    house.script(1, "import os\nrelay.timer('a').start(600)\nreturn relay.on('x')")
    house.script(2, "relay.timer('b').start(600)\nreturn relay.on('x')")
    house.tick()
    assert sorted(house.memory["timers"]) == ["a", "b"]


def test_a_timer_of_a_script_that_fails_is_not_kept(house: House) -> None:
    house.script(1, "relay.timer('a').start(600)\nreturn relay.on('x')")
    house.script(2, "relay.timer('b').start(600)\nraise ValueError")
    house.tick()
    assert list(house.memory["timers"]) == ["a"]


# -- who may write it --


@pytest.mark.parametrize("mode", [0o775, 0o646, 0o777])
def test_a_script_that_others_can_write_is_not_run(house: House, mode: int) -> None:
    house.script(1, f"open({str(house.folder / 'hacked')!r}, 'w')\nreturn relay.on('x')").chmod(mode)
    ran = house.tick()
    path = house.scripts / "1.py"
    assert ran.err == (
        f"domo-tick: script 1.py: is not run, because others can write {path}; run: chmod go-w {path}\n"
    )
    assert not (house.folder / "hacked").exists()
    assert house.on == {2, 3}
    path.chmod(0o755)
    assert house.tick().code == 0


def test_no_script_of_a_folder_that_others_can_write_is_run(house: House) -> None:
    house.scripts.chmod(0o777)
    ran = house.tick()
    assert f"script 2.py: is not run, because others can write {house.scripts}; run: chmod go-w" in ran.err
    assert house.on == {3}


def test_a_link_to_a_script_is_as_good_as_where_it_leads(house: House) -> None:
    shared = house.folder / "shared"
    shared.mkdir()
    (shared / "pump.py").write_text("def decide(relay, data):\n    return relay.on('linked')\n")
    (house.scripts / "1.py").symlink_to(shared / "pump.py")
    assert house.tick().code == 0
    assert 1 in house.on
    shared.chmod(0o777)
    assert f"others can write {shared}; run: chmod go-w {shared}" in house.tick().err


def test_no_script_is_run_below_a_folder_that_others_can_write(house: House) -> None:
    """They could put another folder in its place. One like /tmp, where each may move only what is his, may
    be on the way."""
    deep = house.folder / "shared/own/scripts"
    deep.parent.mkdir(parents=True)
    house.scripts.rename(deep)
    house.configure({"domo.relay.scriptDir": str(deep)})
    assert house.tick().code == 0
    for mode in (0o777, 0o775):
        deep.parent.parent.chmod(mode)
        place = deep.parent.parent
        why = f"script 2.py: is not run, because others can write {place}; run: chmod go-w {place}"
        assert house.tick().err == f"domo-tick: {why}\n"
        assert f"TO DO  script {deep}/2.py: {why.partition(': ')[2]}" in house.tick("--check").out
    deep.parent.parent.chmod(0o1777)
    assert house.tick() == (0, "", "")
    deep.chmod(0o1777)
    assert f"others can write {deep}; move it to a folder that only its user can write" in house.tick().err


def test_a_link_is_followed_through_folders_that_nobody_else_can_write(house: House) -> None:
    """Who can move the link, or one of its folders, says what is run: sound as the last file may be."""
    mine, theirs = house.folder / "mine", house.folder / "theirs"
    mine.mkdir()
    theirs.mkdir()
    (mine / "pump.py").write_text("def decide(relay, data):\n    return relay.on('linked')\n")
    (theirs / "link.py").symlink_to(mine / "pump.py")
    (theirs / "folder").symlink_to(mine)
    for way in ("theirs/link.py", "theirs/folder/pump.py", "theirs/../mine/pump.py"):
        (house.scripts / "1.py").symlink_to(house.folder / way)
        theirs.chmod(0o755)
        assert house.tick() == (0, "", ""), way
        for mode in (0o777, 0o1777):
            theirs.chmod(mode)
            ran = house.tick()
            safe = mode == 0o1777 and ".." in way  # only passed through, and what is in it may not be moved
            assert (f"script 1.py: is not run, because others can write {theirs}; " in ran.err) != safe, way
        (house.scripts / "1.py").unlink()


# -- bytecode --


def cached(house: House) -> Path:
    """The file of the scripts' bytecode."""
    (path,) = house.tmp.glob("domo-*/scripts*")
    return path


def swap_bytecode(house: House) -> None:
    """Somebody replaces the bytecode of script 2 by one that says "swapped in"."""
    name = cached(house).name
    rules, known = marshal.loads(cache.load(name) or b"")
    other = compile("def decide(relay, data):\n    return relay.off('swapped in')", "x", "exec")
    known["2.py"] = (known["2.py"][0], other, True)
    cache.save(name, marshal.dumps((rules, known)))


def test_bytecode_is_kept_in_a_private_folder_and_used(house: House) -> None:
    house.tick()
    folder = cached(house).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(cached(house).stat().st_mode) == 0o600
    swap_bytecode(house)
    assert "swapped in" in house.tick("-v").out


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707])
def test_bytecode_of_a_folder_that_others_may_enter_is_not_trusted(house: House, mode: int) -> None:
    house.tick()
    swap_bytecode(house)
    cached(house).parent.chmod(mode)
    ran = house.tick("-v")
    assert "swapped in" not in ran.out
    assert house.on == {2, 3}


def test_bytecode_behind_a_planted_link_is_not_trusted(house: House) -> None:
    house.tick()
    swap_bytecode(house)
    folder = cached(house).parent
    folder.rename(house.folder / "moved")
    folder.symlink_to(house.folder / "moved")
    assert "swapped in" not in house.tick("-v").out


def test_an_edited_script_is_compiled_anew(house: House) -> None:
    """Even when length and date are as they were."""
    house.tick()
    path = house.scripts / "2.py"
    before = path.stat()
    path.write_text(path.read_text().replace('"sun"', '"fun"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "fun" in house.tick("-v").out


@pytest.mark.parametrize(
    "damage", [lambda good: b"", lambda good: b"nonsense", lambda good: good[:-9] + b"\0" * 9]
)
def test_bytecode_that_is_damaged_is_made_anew(house: House, damage: Callable[[bytes], bytes]) -> None:
    house.tick()
    good = cached(house).read_bytes()
    cached(house).write_bytes(damage(good))
    assert house.tick() == (0, "", "")
    assert cached(house).read_bytes() == good


def test_a_script_is_not_asked_when_its_relay_is_forced(house: House, clock: Clock) -> None:
    house.script(3, f"open({str(house.folder / 'asked')!r}, 'w')\nreturn relay.off('x')")
    assert house.tick() == (0, "", "")
    assert not (house.folder / "asked").exists()


def test_only_numbers_of_relays_are_scripts(house: House) -> None:
    for name in ("01.py", "9.py", "2.py~", "x.py", ".1.py.swp", "0.py"):
        (house.scripts / name).write_text("syntax error")
    assert house.tick() == (0, "", "")


@pytest.mark.parametrize("process", ["", "import os\n"], ids=["the child's process", "its own process"])
@pytest.mark.parametrize(
    "why, shown",
    {"['x']": "['x']", "5": "5", r"'a\nb\x1b[31m'": "a b?[31m", "type('S', (str,), {})('x')": "x"}.items(),
)
def test_the_reason_of_an_order_made_by_hand_is_one_clean_line(
    house: House, process: str, why: str, shown: str
) -> None:
    house.script(1, f"{process}from domo.api import Order\nreturn Order('on', {why})")
    for on in ({1, 3}, {1, 2, 3}, {1, 2, 3}):
        assert house.tick() == (0, "", "")
        assert house.on == on
    assert (1, "E", 1, shown) in house.journal


def test_no_folder_of_scripts_is_no_script(house: House) -> None:
    house.configure({"domo.relay.scriptDir": "nowhere"})
    assert house.tick() == (0, "", "")
    assert house.on == {3}


def test_what_is_no_folder_of_scripts_is_told_from_the_beginning(house: House) -> None:
    (house.folder / "file").touch()
    house.configure({"domo.relay.scriptDir": "file"})
    assert f"{house.folder}/file: cannot be read (Not a directory), so no script is run" in house.tick().err


def test_no_script_is_run_on_data_that_lack_what_is_required(house: House) -> None:
    house.configure({"domo.valueUse": ["SOX"]})
    house.script(1, f"open({str(house.folder / 'run')!r}, 'w')\nreturn relay.on('x')")
    assert "no SOX" in house.tick().err
    assert not (house.folder / "run").exists()


def test_new_scripts_are_asked_first_and_then_as_it_is_their_turn() -> None:
    assert answering.in_turn([1, 2, 3], (3, 1)) == (2, 3, 1)


def test_a_folder_of_scripts_that_goes_is_a_fault_until_it_is_back(house: House, clock: Clock) -> None:
    def tick() -> Ran:
        clock.forward(200)
        house.data(at=clock.wall, P=clock.wall % 97)
        return house.tick_at(clock)

    house.script(1, 'return relay.off("clouds")')
    assert tick().code == 0 and house.on == {2, 3}
    gone = house.scripts.rename(house.folder / "gone")
    for on in ({2, 3}, {2, 3}, {3}, {3}):
        ran = tick()
        assert ran.code == 1
        what = f"{house.scripts}: cannot be read (No such file or directory), so no script is run"
        assert ran.err.count(what) == 1
        assert house.on == on
    gone.rename(house.scripts)
    assert tick().code == 0 and house.on == {2, 3}


def test_a_script_removed_lets_its_relay_go_off_in_time(house: House, clock: Clock) -> None:
    house.data(at=clock.wall)
    house.tick_at(clock)
    (house.scripts / "2.py").unlink()
    on = []
    for _ in range(11):
        clock.forward(60)
        house.data(at=clock.wall, P=clock.wall % 97)
        house.tick_at(clock)
        on.append(2 in house.on)
    assert on == [True] * 9 + [False] * 2
    assert house.modes[2] == 1


def test_scripts_run_under_a_limit_of_memory_that_is_there_already(house: House) -> None:
    """As systemd or a hosting shell sets it: an ordinary user cannot raise it."""
    bound = ["prlimit", "--as=200000000"]
    if os.geteuid() == 0:
        bound = ["setpriv", "--bounding-set=-sys_resource", *bound]
    command = [*bound, *house.command()]
    ran = subprocess.run(command, env=house.env, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert house.on == {2, 3}
