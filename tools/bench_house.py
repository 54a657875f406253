"""The houses that `make bench` measures, and how: wait4's resource usage, cases that take turns.

Each round's costs are divided by that round's bare start (`python3 -IS -c pass`), and the median of these
ratios counts: so a busy machine makes no difference.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = (PROJECT / "tests/support/sample/pvmonit.xml").read_text()
TICK = str(PROJECT / "bin/domo-tick")

SCRIPT = """\
def decide(relay, data):
    done = relay.ran_today(6) and relay.on_time(24) > 3 * 3600 or relay.starts(24) > 10
    surplus = data.mppt_absorption_or_float(no_flap=60) and data["P"] > 0 and data["SOC"] > 95
    if relay.is_on and relay.on_for < 20 * 60:
        return relay.on("20 minutes minimum")
    if surplus and not done:
        return relay.on("float, and the battery is not discharging")
    return relay.off("no surplus")
"""
CONFIG = """\
tmpFileDataXml: data.xml
urlDataXml: false
scriptDataXml: false
domo:
  jsonFile: {{modPath: mod, etatPath: etat}}
  prefixFileData: data_
  dbFile: journal.sqlite3
  recordDir: history
  board: simulated
  simulatedPins: pins
  relay: {{scriptDir: relay.script.d, scriptExecInterval: 0}}
  valueUse: [SOC, P, CS]
  relayNb: {relays}
  relayGpio: {pins}
  tm1638: {{stb: []}}
"""


class Python(NamedTuple):
    """An interpreter, and the folders where it finds yaml and filelock."""

    path: str
    packages: str


class Cost(NamedTuple):
    """What a command used: CPU time (s, of its children too), peak memory (KiB, of its largest process)."""

    cpu: float
    memory: int


class Home:
    """A house in a folder of its own, its data file as PvMonit writes it."""

    def __init__(
        self, folder: Path, python: Python, relays: int = 8, scripts: int = 8, copies: int = 1, more: str = ""
    ) -> None:
        """`copies`: of the devices in the data file; `more`: lines of config.yaml."""
        self.folder, self.relays = folder, relays
        self.copies = copies
        self.config = folder / "config.yaml"
        (folder / "relay.script.d").mkdir(parents=True)
        (folder / "tmp").mkdir(mode=0o700)
        pins = {relay: relay + 1 for relay in range(1, relays + 1)}
        self.config.write_text(CONFIG.format(relays=relays, pins=pins) + more)
        for relay in range(1, scripts + 1):
            self.script(relay, SCRIPT)
        self.env = {**os.environ, "DOMO_CONFIG": str(self.config), "TMPDIR": str(folder / "tmp")}
        self.bare = [python.path, "-IS", "-c", "pass"]
        self.command = [python.path, "-IS", TICK]
        self.by_packages = [python.path, "-S", TICK], {**self.env, "PYTHONPATH": python.packages}

    def script(self, relay: int, text: str) -> None:
        """Writes a relay's script."""
        path = self.folder / "relay.script.d" / f"{relay}.py"
        path.write_text(text)
        path.chmod(0o644)

    def data(self, soc: float = 96.4) -> None:
        """PvMonit writes its data file; something has always moved."""
        now = int(time.time())
        text = re.sub(r"(<timerefresh>)\d+", rf"\g<1>{now}", SAMPLE)
        text = re.sub(r"(id=.SOC.*?<value>)[^<]*", rf"\g<1>{soc}", text, flags=re.DOTALL)
        head, first, rest = text.partition("<device ")
        devices, end, tail = (first + rest).partition("</devices>")
        whole = (
            head + "".join(devices.replace('id="', f'id="{n or ""}') for n in range(self.copies)) + end + tail
        )
        (self.folder / "data.xml").write_text(whole if self.copies > 1 else text)

    def warm(self) -> None:
        """Ticks until nothing is left to switch: the first one parses config.yaml, then the relays go on
        one by one."""
        for _ in range(self.relays + 2):
            self.data()
            run(*self.by_packages)

    def journal(self, years: int) -> None:
        """So many years of switches, one an hour."""
        with contextlib.closing(sqlite3.connect(self.folder / "journal.sqlite3")) as base, base:
            base.execute(
                "CREATE TABLE IF NOT EXISTS relay (id INTEGER PRIMARY KEY, relay_number INTEGER,"
                " info VARCHAR(2), valeur INTEGER, date INTEGER, event TEXT)"
            )
            rows = years * 365 * 24
            start = int(time.time()) - rows * 3600
            base.executemany(
                "INSERT INTO relay (relay_number, info, valeur, date, event) VALUES (?, 'E', ?, ?, 'float')",
                ((n // 2 % 8 + 1, 1 - n % 2, start + n * 3600) for n in range(rows)),
            )

    def snapshot(self) -> dict[str, tuple[int, int, int]]:
        """Every file: its inode, size and time of change."""
        found = {}
        for path in self.folder.rglob("*"):
            info = path.lstat()
            found[str(path.relative_to(self.folder))] = (info.st_ino, info.st_size, info.st_mtime_ns)
        return found


def run(command: list[str], env: dict[str, str]) -> Cost:
    """Runs a command, nothing printed. Raises RuntimeError when it fails."""
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    pid = os.posix_spawn(command[0], command, env, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    if status:
        said = subprocess.run(command, env=env, capture_output=True, text=True)
        raise RuntimeError(
            f"{' '.join(command)}: exit {os.waitstatus_to_exitcode(status)}: {said.stdout}{said.stderr}"
        )
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


# A new process begins with the peak of the one it was forked from, so the measuring one is the smallest.
_PEAK = """
import posix, sys
pid = posix.fork()
if pid == 0:
    posix.dup2(posix.open("/dev/null", 1), 2)
    posix.execv(sys.argv[1], sys.argv[1:])
print(posix.wait4(pid, 0)[2].ru_maxrss)
"""


def peak(command: list[str], env: dict[str, str]) -> int:
    """The peak memory of a command's largest process (KiB), a median of 9."""
    measure = [command[0], "-IS", "-c", _PEAK, *command]
    runs = [
        subprocess.run(measure, env=env, capture_output=True, text=True, check=True).stdout for _ in range(9)
    ]
    return int(statistics.median(int(said.split()[-1]) for said in runs))


class Case(NamedTuple):
    """A command that takes its turn, and what comes before each of its runs."""

    command: list[str]
    env: dict[str, str]
    before: Callable[[int], None] = lambda turn: None
    every: int = 1  # rounds


Costs = dict[str, tuple[float, float]]  # by case: CPU time (s), and its ratio to the first case


def turns(cases: dict[str, Case], rounds: int) -> dict[str, list[float]]:
    """For each case its CPU time (s) in each of its rounds."""
    costs: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds):
        for name, case in cases.items():
            if turn % case.every == 0:
                case.before(turn)
                costs[name].append(run(case.command, case.env).cpu)
    return costs


def take_turns(cases: dict[str, Case], rounds: int) -> Costs:
    """For each case the median of its CPU time (s) and that of its ratio to the first case."""
    costs = turns(cases, rounds)
    first = costs[next(iter(cases))]
    found = {}
    for name, case in cases.items():
        ratios = [cost / base for cost, base in zip(costs[name], first[:: case.every], strict=True)]
        found[name] = statistics.median(costs[name]), statistics.median(ratios)
    return found


class Table:
    """Lines of what, value, ratio, target, and whether it is met."""

    def __init__(self) -> None:
        self.missed = 0
        print(f"{'':44}{'value':>12}{'ratio':>8}{'target':>9}")

    def line(self, what: str, value: str, ratio: float | None = None, target: float | None = None) -> None:
        """One line; without a target nothing is judged."""
        met = ""
        if ratio is not None and target is not None:
            self.missed += ratio > target
            met = "  ok" if ratio <= target else "  MISSED"
        numbers = "".join(f"{n:>{w}.2f}" if n is not None else " " * w for n, w in ((ratio, 8), (target, 9)))
        print(f"{what:44}{value:>12}{numbers}{met}", flush=True)

    def say(self, what: str, value: str, met: bool | None = None) -> None:
        """One line that is judged by something else than a number."""
        self.missed += met is False
        print(f"{what:44}{value}{'' if met is None else '  ok' if met else '  MISSED'}", flush=True)


def interpreter(path: str) -> Python:
    """The Python under a virtual environment, whose own start costs more and would flatter the ratios."""
    ask = (
        "import os, sys, yaml, filelock\n"
        "print(sys._base_executable)\n"
        "places = {os.path.dirname(os.path.dirname(package.__file__)) for package in (yaml, filelock)}\n"
        "print(*places, sep=':')"
    )
    done = subprocess.run([path, "-c", ask], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{path} lacks something: {done.stderr.splitlines()[-1]}")
    return Python(*done.stdout.splitlines())


def naive_tick(home: Home, python: Python) -> tuple[list[str], dict[str, str]]:
    """The command of a naive tick, and its environment."""
    return [python.path, str(home.folder / "naive.py"), str(home.config)], {
        **home.env,
        "PYTHONPATH": python.packages,
    }
