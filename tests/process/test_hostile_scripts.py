"""Scripts that are broken or mean no good: none changes what another sees, and none takes the tick's time.

What one script does to itself is in test_scripts.py, what a dead disk does in test_hung_disk.py.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.house import PROJECT, Clock, House

pytestmark = pytest.mark.timing

TICK_SECONDS = 20  # no tick takes longer, whatever scripts do


@pytest.fixture
def house(house: House) -> House:
    """The house, with relay 3 forced on, and no waiting between two ons."""
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.set_modes({1: 1, 2: 1, 3: 3})
    return house


# -- scripts do not reach each other --

# What script 1 does before it answers, and what script 2 answers all the same.
HAND_OVER = {
    "the time zone": (
        "os.environ['TZ'] = 'Asia/Tokyo'\n    time.tzset()",
        "relay.now.strftime('%z')",
        time.strftime("%z"),
    ),
    "an alarm": ("signal.alarm(1)", "__import__('time').sleep(1.5)", "None"),
    "a thread": (
        "threading.Thread(target=lambda: (time.sleep(0.2), os._exit(7)), daemon=True).start()",
        "__import__('time').sleep(0.5)",
        "None",
    ),
    "a limit": ("resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))",
    "[open('/dev/null') for _ in range(9)][8].fileno() > 5", "True"),
    "a limit of memory": ("resource.setrlimit(resource.RLIMIT_AS, (40 << 20, 40 << 20))",
    "len('x' * (60 << 20))", "62914560"),
    "160 MB": ("global hoard\n    hoard = bytearray(160 << 20)", "len('x' * (100 << 20))", "104857600"),
    "160 MB without a fuss": ("hoard.append('x' * (160 << 20))", "len('x' * (100 << 20))", "104857600"),
    "a module": ("math.pi = 3", "__import__('math').pi", "3.141592653589793"),
    "a module of its own kind": ("math.pi = 3", "math.pi", "3.141592653589793"),
    "a builtin": ("builtins.max = lambda *_: 0", "max(3, 4)", "4"),
    "the API": ("type(relay).name = 'hacked'", "relay.name", "relay 2"),
    "the data": ("data._values.clear()", "data['SOC']", "96.4"),
    "the folder": ("os.chdir('/')", "__import__('os').getcwd() != '/'", "True"),
    "the depth": ("sys.setrecursionlimit(60)", "__import__('sys').getrecursionlimit()", "1000"),
    "its output": ("os.dup2(os.open('/dev/full', 1), 1)", "print('fine')", "None"),
    "an ignored signal": ("signal.signal(signal.SIGABRT, signal.SIG_IGN)",
    "__import__('signal').getsignal(6)", "<Handlers.SIG_DFL: 0>"),
}  # fmt: skip


@pytest.mark.parametrize("does, sees, answer", HAND_OVER.values(), ids=HAND_OVER)
def test_what_a_script_does_is_not_seen_by_the_next(house: House, does: str, sees: str, answer: str) -> None:
    modules = (
        "" if "hoard.append" in does else "import builtins, os, resource, signal, sys, threading, time\n"
    )
    own = (
        f"{modules}import math\nhoard = []\n\n\n"
        f"def decide(relay, data):\n    {does}\n    return relay.off('done')\n"
    )
    (house.scripts / "1.py").write_text(own)
    (house.scripts / "2.py").write_text(
        f"import math\n\n\ndef decide(relay, data):\n    return relay.on(repr({sees}).strip(\"'\") or '')\n"
    )
    ran = house.tick()
    assert (ran.code, ran.err) == (0, "")
    assert house.memory["why"] == {"1": "done", "2": answer, "3": "forced on"}
    assert house.on == {2, 3}


def processes(house: House) -> dict[int, str]:
    """In which process each of the scripts ran, by what strace saw it print."""
    log = house.folder / "strace"
    command = ["strace", "-f", "-qq", "-e", "trace=write", "-o", str(log), *house.command()]
    assert subprocess.run(command, env=house.env, capture_output=True, timeout=60).returncode == 0
    said = re.findall(r"^(\d+) +write\(1, \"I am (\d)\\n", log.read_text(), re.M)
    # the first to write it: the tick's child passes it on
    return {int(relay): pid for pid, relay in reversed(said)}


@pytest.mark.skipif(not shutil.which("strace"), reason="takes strace")
def test_scripts_that_can_reach_nothing_share_a_process_and_no_other_does(house: House) -> None:
    house.configure({"domo.relayNb": 8})
    house.set_modes({relay: 1 for relay in range(1, 9)})
    said = "print(f'I am {relay.id}\\n', end='')\n    return relay.off('x')"
    harmless = [
        "import math\nfrom datetime import timedelta\n\nWATTS = [5, 6]\n\n\ndef often(data, *more):\n"
        "    return [w for w in WATTS if w > data['P'] and math.sqrt(w)]\n\n\ndef decide(relay, data):\n"
        "    late = relay.now + timedelta(hours=1)\n    if often(data) and late.hour > 3:\n"
        "        WATTS.append(7)\n"
        "    for other in relay.others:\n        relay.timer(f'{other.name:>9}').start(5)\n",
        "def decide(relay, data):\n    relay.others[1].is_on and data.mppt_float(no_flap=5)\n    ",
        "def decide(relay, data):\n    try:\n        data['nothing']\n    except Exception as error:\n"
        "        str(error)\n",
    ]
    others = [
        "import os\n\n\ndef decide(relay, data):\n",
        "def decide(relay, data):\n    relay.x = 1\n",
        "def decide(relay, data):\n    eval('1')\n",
        "def decide(relay, data):\n    relay.__class__\n",
        "def decide(relay, data):\n    [1][0:1] = []\n    data._values\n",
    ]
    for number, text in enumerate([*harmless, *others], 1):
        (house.scripts / f"{number}.py").write_text(f"{text.rstrip()}\n    {said}\n")
    house.tick()
    found = processes(house)
    assert len(found) == 8
    assert len({found[n] for n in (1, 2, 3)}) == 1
    assert len({found[n] for n in (3, 4, 5, 6, 7, 8)}) == 6


REACHES = [  # not one of them may share a process
    "import os", "import sys", "from datetime import sys", "import datetime.sys", "from math import *",
    "from . import api", "import math as __builtins__", "import domo.scripts.api",
    "from domo.scripts.api import World",
    "math.pi = 3", "del math.pi", "math.pi += 1", "data['SOC'] = 3", "del data['SOC']", "global x",
    "@relay\ndef f(): pass",
    "class X: pass", "for relay.id in [1]: pass", "for math.pi in [3]: pass", "[relay.x for relay.x in [1]]",
    "with relay as relay.x: pass", "(relay.id, x) = 1, 2", "open('/x')", "getattr(relay, '_world')",
    "setattr(relay, 'id', 1)",
    "exec('1')", "__import__('os')", "relay._world", "relay.on.__globals__", "().__class__",
    "'{0.__class__}'.format(relay)",
    "'{0._world}'.format_map({})", "x = open", "def f(open): open('/x')", "def eval(): pass\neval('1')",
    "vars(relay)",
    "type(relay)", "globals()", "x = __builtins__", "input()", "breakpoint()", "memoryview(b'')", "yield 1",
    "await relay",
    "match relay:\n    case object(_world=w): pass", "lambda: (yield)", "import math as open",
    "print.__self__",
    "raise SystemExit", "from datetime import datetime as eval", "help()", "super()", "object()",
    "x: int = (yield)",
]  # fmt: skip


@pytest.mark.parametrize("text", REACHES)
def test_whatever_could_reach_further_has_a_process_of_its_own(text: str) -> None:
    import ast

    from domo.scripts.simple import simple

    lines = "\n".join(f"    {line}" for line in text.splitlines())
    for whole in (f"def decide(relay, data):\n{lines}\n", text):
        try:
            tree = ast.parse(whole)
        except SyntaxError:
            continue
        assert not simple(tree), whole


def test_every_example_but_the_one_that_starts_a_program_shares_a_process() -> None:
    import ast

    from domo.scripts.simple import simple

    examples = {p.name.partition(".")[0]: p.read_text() for p in PROJECT.glob("relay.script.d/*.py.example")}
    assert {name for name, text in examples.items() if not simple(ast.parse(text))} == {"computer-room"}


def test_of_timers_those_before_a_crash_are_kept(house: House) -> None:
    house.script(1, "relay.timer('a').start(600)\nreturn relay.on('x')")
    house.script(2, "import os\nrelay.timer('b').start(600)\nos.kill(os.getppid(), 9)\nwhile True: pass")
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.script(3, "relay.timer('c').start(600)\nreturn relay.on(str(relay.timer('a').running))")
    assert house.tick().code == 1
    assert sorted(house.memory["timers"]) == ["a", "c"]
    assert house.memory["why"]["3"].startswith("True")


# -- and do not take its time --

FRAME = "frame = lambda text: len(text).to_bytes(4, 'big') + text.encode()\n"
DRIBBLE = "while True:\n    os.write(3, b'x')\n    time.sleep(0.05)"
# What script 1 does, what it needs, and what is said of it.
TAKES_TIME = {
    "dribbles, and ignores that it is to end": (
        f"signal.signal(signal.SIGABRT, signal.SIG_IGN)\n{DRIBBLE}", "", "gave no answer within 4 s"),
    "dribbles into its output": (
        "signal.signal(signal.SIGABRT, signal.SIG_IGN)\nwhile True:\n    os.write(1, b'x')", "",
        "gave no answer within 4 s"),
    "leaves a daemon at the tick's pipe": (
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        open(PID, 'w').write(str(os.getpid()))\n"
        "        while True:\n            os.write(3, b'x')\n            time.sleep(0.05)\n"
        "    os._exit(0)\nos._exit(0)",
        "", "gave no answer within 4 s"),
    "is traced by one who sleeps": (
        "tracer = subprocess.Popen(['strace', '-o', '/dev/null', '-p', str(os.getpid())],"
        " start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "open(PID, 'w').write(str(tracer.pid))\n"
        "while 'TracerPid:\\t0' in open('/proc/self/status').read(): pass\n"
        "os.kill(tracer.pid, signal.SIGSTOP)\n"
        "while True: time.sleep(0.01)", "strace", "gave no answer within "),
    "answers twice": (
        FRAME + "os.write(3, 9 * frame('[\"off\",\"again\",\"\",{}]'))\ntime.sleep(9)", "", ""),
    "answers twice in two ways": (
        FRAME + "os.write(3, frame('[\"off\",\"again\",\"\",{}]'))\nreturn relay.on('and on')", "", ""),
    "answers for ever": (
        FRAME + "while True: os.write(3, frame('[\"off\",\"again\",\"\",{}]'))", "", ""),
    "gives a timer from the future": (
        FRAME + "os.write(3, frame('[\"off\",\"again\",\"\",{\"a\":[-9,9,0]}]'))", "",
        "wrote into the tick's own pipe"),
}  # fmt: skip


def ended(pid_file: Path) -> None:
    """Ends what the script left behind, where it wrote its number."""
    if pid_file.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid_file.read_text()), signal.SIGKILL)


def test_no_script_takes_the_ticks_time(tmp_path: Path) -> None:
    """All at once, for each takes its 4 s. The other scripts run, the force is obeyed, and what is said is
    said of the one whose fault it is."""
    ticks = {}
    for number, (name, (body, needs, _)) in enumerate(TAKES_TIME.items()):
        if needs and not shutil.which(needs):
            continue
        (tmp_path / str(number)).mkdir()
        one = House(tmp_path / str(number))
        one.configure({"domo.relay.scriptExecInterval": 0})
        start = f"import os, signal, subprocess, time\nPID = {str(one.folder / 'pid')!r}\n"
        one.script(1, start + body)
        one.script(2, "import os\nreturn relay.on('sun')")
        one.set_modes({1: 1, 2: 1, 3: 3})
        ticks[name] = one, subprocess.Popen(one.command(), env=one.env, stderr=subprocess.PIPE, text=True)
    begun = time.monotonic()
    try:
        for name, (one, tick) in ticks.items():
            _, said = tick.communicate(timeout=60)
            message = TAKES_TIME[name][2]
            assert message in said, name
            assert said.count("\n") == bool(message), said
            assert (tick.returncode, one.on - {1}) == (bool(message), {2, 3}), name
            if not message:
                assert one.memory["why"]["1"] == "again", name
    finally:
        for one, _ in ticks.values():
            ended(one.folder / "pid")
    assert time.monotonic() - begun < TICK_SECONDS


def test_of_three_that_take_two_seconds_each_has_its_turn(house: House) -> None:
    """Which is more than there is for all: in two ticks each of them answered, and no turn is lost to one."""
    house.set_modes({1: 1, 2: 1, 3: 1})
    for relay in (1, 2, 3):
        house.script(relay, "import time\ntime.sleep(2)\nreturn relay.on('slow')")
    said = [house.tick().err for _ in range(4)]
    late = [[relay for relay in (1, 2, 3) if f"script {relay}.py" in err] for err in said]
    assert late == [[3], [2], [3], [2]], said


def test_what_can_be_imported_can_be_at_each_tick(house: House) -> None:
    """Not only at those at which the tick itself imported something."""
    house.script(1, "import yaml\nreturn relay.on(yaml.safe_dump(['x']))")
    for _ in range(3):
        assert house.tick() == (0, "", "")


# -- what the system may refuse --


def limited(house: House, what: str) -> subprocess.CompletedProcess[str]:
    """A tick started by somebody who gives it little."""
    house.data()
    command = ["bash", "-c", f'{what}; exec "$@"', "bash", *house.command()]
    return subprocess.run(command, env=house.env, capture_output=True, text=True, timeout=60)


def test_a_tick_whose_children_nobody_waits_for(house: House) -> None:
    """It is started with SIGCHLD ignored, which outlives exec."""
    house.script(1, "import subprocess\nreturn relay.on(str(subprocess.run(['false']).returncode))")
    house.script(2, "return relay.on('sun')")
    for _ in range(2):
        done = limited(house, "trap '' CHLD")
        assert (done.returncode, done.stderr) == (0, "")
    assert house.on == {1, 2, 3}
    assert house.memory["why"]["1"] == "1"


@pytest.mark.parametrize("limit", range(5, 14))
def test_few_descriptors_switch_nothing_off_at_once(house: House, limit: int) -> None:
    house.script(1, "return relay.on('sun')")
    house.script(2, "import os\nreturn relay.on('sun')")
    house.tick()
    house.tick()
    assert house.on == {1, 2, 3}
    done = limited(house, f"ulimit -n {limit}")
    assert "Traceback" not in done.stderr
    assert house.on == {1, 2, 3}, done.stderr


@pytest.mark.parametrize("call", ["fork", "pipe"])
def test_a_process_that_cannot_be_started_switches_off_when_the_time_is_over(
    house: House, clock: Clock, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.script(1, "return relay.on('sun')")
    house.data(at=clock.wall)
    house.tick_at(clock)
    assert house.on == {1, 3}

    def refuse(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, call, refuse)
    for minute in range(1, 12):
        clock.forward(60)
        house.data(at=clock.wall)
        ran = house.tick_at(clock)
        assert ran.code == 1
        assert f"{house.data_file}: is not read, no process could be started (Resource temporarily" in ran.err
        assert house.on == ({1, 3} if minute < 10 else {3}), minute
