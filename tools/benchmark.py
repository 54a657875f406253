"""`make bench`: what domo costs, next to `python3 -c pass` by the same interpreter in the same minute.

Measured with what every Linux offers: wait4's resource usage (a process and all that it waited for),
/proc, `python -X importtime`. The cases take turns, each round's costs are divided by that round's
`python3 -c pass`, and the median of these ratios counts: so a busy machine makes no difference.
All of it runs on one core, which is what a Pi Zero has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import bench_replay
import benchmark_report

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = (PROJECT / "tests/support/sample/pvmonit.xml").read_text()
TICK = str(PROJECT / "bin/domo-tick")
EMULATOR = str(PROJECT / "tests/support/emulator")

TICKS_A_DAY = 1440
REFRESH = 0.3  # s between two looks at the keys, as config.yaml has it
PANEL_SECONDS, PANEL_LOOKS = 3.0, 7

# For the day on a Pi Zero. Nobody seems to have published `python3 -c pass` on one; a Raspberry Pi 3,
# whose core is about twice as fast, needs 0.198 s for Python 3.6 (github.com/bdrung/startup-time),
# and newer Pythons start a little faster.
PI_ZERO_START = 0.35  # s, an assumption
# 140 mA instead of 100 at 5.09 V (raspi.tv/2015/raspberry-pi-zero-power-measurements).
PI_ZERO_BUSY = 0.2  # W more than idling
RELAYS_OFF = 0.153  # W, PvMonit's author: relay board, TM1638 and Arduino together, without the Pi

SCRIPT = """\
def decide(relay, data):
    done = relay.ran_today(6) and relay.on_time(24) > 3 * 3600 or relay.starts(24) > 10
    surplus = data.mppt_absorption_or_float(no_flap=60) and data["P"] > 0 and data["SOC"] > 95
    if relay.is_on and relay.on_for < 20 * 60:
        return relay.on("20 minutes minimum")
    return relay.on("float, and the battery is not discharging") if surplus and not done else relay.off("no surplus")
"""
SWITCHING = """\
def decide(relay, data):
    return relay.on("full") if data["SOC"] > 90 else relay.off("not full")
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
NAIVE = """\
import argparse, dataclasses, datetime, enum, json, logging, os, pathlib, re, signal, sqlite3, subprocess, sys, time
import typing, urllib.request
import xml.etree.ElementTree as ElementTree
import filelock, yaml

config = yaml.safe_load(open(sys.argv[1]))
folder = pathlib.Path(sys.argv[1]).parent
values = {}
for device in ElementTree.parse(folder / config["tmpFileDataXml"]).getroot():
    for data in device.iter("data"):
        values[data.get("id")] = data.findtext("value")
path = folder / config["domo"]["jsonFile"]["modPath"]
with filelock.FileLock(f"{path}.naive.lock"):
    json.loads(path.read_text())
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
        self, folder: Path, python: Python, relays: int = 8, scripts: int = 8, copies: int = 1
    ) -> None:
        self.folder, self.relays = folder, relays
        self.copies = copies
        self.config = folder / "config.yaml"
        (folder / "relay.script.d").mkdir(parents=True)
        (folder / "tmp").mkdir(mode=0o700)
        pins = {relay: relay + 1 for relay in range(1, relays + 1)}
        self.config.write_text(CONFIG.format(relays=relays, pins=pins))
        for relay in range(1, scripts + 1):
            self.script(relay, SCRIPT)
        self.env = {**os.environ, "DOMO_CONFIG": str(self.config), "TMPDIR": str(folder / "tmp")}
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

    def journal(self, years: float, per_day: int = 24) -> None:
        """So many years of switches."""
        with contextlib.closing(sqlite3.connect(self.folder / "journal.sqlite3")) as base, base:
            base.execute(
                "CREATE TABLE IF NOT EXISTS relay (id INTEGER PRIMARY KEY, relay_number INTEGER, info"
                " VARCHAR(2), "
                "valeur INTEGER, date INTEGER, event TEXT)"
            )
            rows = int(years * 365 * per_day)
            step = 86400 // per_day
            start = int(time.time()) - rows * step
            base.executemany(
                "INSERT INTO relay (relay_number, info, valeur, date, event) VALUES (?, 'E', ?, ?, 'float')",
                ((n // 2 % 8 + 1, 1 - n % 2, start + n * step) for n in range(rows)),
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


def take_turns(cases: dict[str, Case], rounds: int) -> Costs:
    """For each case the median of its CPU time (s) and that of its ratio to the first case."""
    costs: dict[str, list[float]] = {name: [] for name in cases}
    ratios: dict[str, list[float]] = {name: [] for name in cases}
    first = next(iter(cases))
    for turn in range(rounds):
        for name, case in cases.items():
            if turn % case.every == 0:
                case.before(turn)
                costs[name].append(run(case.command, case.env).cpu)
                ratios[name].append(costs[name][-1] / costs[first][-1])
    return {name: (statistics.median(costs[name]), statistics.median(ratios[name])) for name in cases}


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


def cpu_so_far(pid: int) -> float:
    """CPU time that a running process has used (s), without its children."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def resident(pid: int) -> float:
    """Memory of a running process (MiB)."""
    return int(re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024  # type: ignore[index]


NOTHING = """\
BCM, OUT, IN, PUD_UP, PUD_DOWN, HIGH, LOW = 11, 0, 1, 22, 21, 1, 0
def nothing(*args, **options): pass
def input(pin): return 0
setwarnings = setmode = setup = output = cleanup = nothing
def gpio_function(pin): return OUT
"""  # RPi.GPIO on pins that cost nothing, so that only the driver is measured
SCANS = """\
import sys, time
from rpi_TM1638 import TMBoards
boards = TMBoards(19, 13, [26], 0)
while True:
    boards.getData(0)
    time.sleep(float(sys.argv[1]))
"""


@contextlib.contextmanager
def running(command: list[str], env: dict[str, str], settle: float = 1.5) -> Iterator[int]:
    """A process that runs meanwhile: its number, once it has settled down."""
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        time.sleep(settle)
        if process.poll() is not None:
            raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def panel(table: Table, folder: Path, python: Python) -> float:
    """The panel with nothing happening; gives its CPU time for one poll (s)."""
    home = Home(folder, python)
    text = home.config.read_text().replace("stb: []", f"stb: 26, refresh: {REFRESH}")
    home.config.write_text(text)
    (folder / "gpio/RPi").mkdir(parents=True)
    (folder / "gpio/RPi/__init__.py").touch()
    (folder / "gpio/RPi/GPIO.py").write_text(NOTHING)
    driver = os.environ.get("RPI_TM1638", EMULATOR)
    env = {**home.env, "PYTHONPATH": f"{folder}/gpio:{driver}:{python.packages}"}
    home.warm()
    panel = [python.path, "-S", str(PROJECT / "bin/domo-panel")]
    scanner = [python.path, "-S", "-c", SCANS, str(REFRESH)]
    sleeper = [python.path, "-IS", "-c", "import time; time.sleep(600)"]
    with running(panel, env) as one, running(scanner, env) as other, running(sleeper, env) as third:
        used = []
        for _ in range(PANEL_LOOKS):
            before = cpu_so_far(one), cpu_so_far(other)
            time.sleep(PANEL_SECONDS)
            used.append((cpu_so_far(one) - before[0], cpu_so_far(other) - before[1]))
        memory = resident(one), resident(third)
    polls = PANEL_SECONDS / REFRESH
    poll, scan = (statistics.median(row[n] for row in used) / polls for n in (0, 1))
    ratio = statistics.median(row[0] / row[1] for row in used)
    name = "rpi_TM1638" if "RPI_TM1638" in os.environ else "its stand-in"
    table.line(f"one key scan ({name}, pins that cost nothing)", f"{scan * 1e6:.0f} µs", 1.0)
    table.line("panel, nothing happening, one poll", f"{poll * 1e6:.0f} µs", ratio, 1.2)
    more = memory[0] - memory[1]
    table.say("panel's memory above an idle interpreter's", f"{more:9.1f} MiB{'12.00':>17}", more < 12)
    return poll


def measure(table: Table, folder: Path, python: Python, rounds: int) -> tuple[Costs, Home, Home]:
    """Ticks of every kind: their costs, and the homes of the steady and of the naive ones."""
    steady = Home(folder / "steady", python)
    old = Home(folder / "ten years of journal", python)
    many = Home(folder / "26 relays", python, relays=26)
    scripts = Home(folder / "26 relays with 26 scripts", python, relays=26, scripts=26)
    big = Home(folder / "200 values", python, copies=4)
    switch = Home(folder / "switch", python)
    switch.script(1, SWITCHING)
    force = Home(folder / "force", python)
    naive = Home(folder / "naive", python)
    for home in (steady, old, many, scripts, big, switch, force, naive):
        home.warm()
    old.journal(10)
    switch.journal(2)
    (naive.folder / "naive.py").write_text(NAIVE)

    def owner(turn: int) -> None:
        force.data()
        (force.folder / "mod").write_text(
            json.dumps({str(r): 3 * (turn % 2) if r == 1 else 1 for r in range(1, 9)})
        )

    bare = [python.path, "-c", "pass"]
    cases = {"bare": Case(bare, dict(os.environ))}
    for home in (steady, old, many, scripts, big):
        cases[home.folder.name] = Case(home.command, home.env, lambda turn, home=home: home.data())  # type: ignore[misc]
    cases["switch"] = Case(switch.command, switch.env, lambda turn: switch.data((100, 50)[turn % 2]))
    cases["force"] = Case(force.command, force.env, owner)
    cases["naive"] = Case(*naive_tick(naive, python), every=5)
    rows = journal_rows(switch)
    before = steady.snapshot()
    found = take_turns(cases, rounds)
    changed = sorted(name for name, seen in steady.snapshot().items() if before.get(name) != seen)
    switched = journal_rows(switch) - rows
    if switched < 2 * rounds - 2:
        raise RuntimeError(f"only {switched} rows were written by {rounds} ticks that should switch")

    def ms(name: str) -> str:
        return f"{found[name][0] * 1000:.1f} ms"

    table.line("python3 -c pass", ms("bare"), 1.0)
    table.line("a steady tick (8 relays, 8 scripts)", ms("steady"), found["steady"][1], 1.5)
    table.line("a tick that switches a relay in auto", ms("switch"), found["switch"][1], 4.0)
    table.line("a tick that obeys a force", ms("force"), found["force"][1], 4.0)
    table.line("a naive tick, every import at the top", ms("naive"), found["naive"][1])
    print("steady, and besides                                       to steady")
    for home in (old, many, big):
        name = home.folder.name
        table.line(f"  {name}", ms(name), found[name][1] / found["steady"][1], 1.1)
    name = scripts.folder.name
    table.line(f"  {name}", ms(name), found[name][1] / found["steady"][1])
    print()
    steady.data()
    base, largest = peak(bare, dict(os.environ)), peak(steady.command, steady.env)
    table.line("peak memory of python3 -c pass", f"{base / 1024:.1f} MiB", 1.0)
    table.line("peak memory of a steady tick", f"{largest / 1024:.1f} MiB", largest / base, 1.4)
    with_child = together(Home(folder / "together", python))
    table.line("  with what its child has of its own", f"{with_child:.1f} MiB")
    changed = [name for name in changed if name not in ("data.xml", ".", "tmp")]
    table.say(
        "files that steady ticks changed",
        f"   {', '.join(changed)}",
        changed == ["data_memory.json", "data_today.csv"],
    )
    return found, steady, naive


def naive_tick(home: Home, python: Python) -> tuple[list[str], dict[str, str]]:
    """The command of a naive tick, and its environment."""
    return [python.path, str(home.folder / "naive.py"), str(home.config)], {
        **home.env,
        "PYTHONPATH": python.packages,
    }


def journal_rows(home: Home) -> int:
    """How many rows the journal has."""
    with contextlib.closing(sqlite3.connect(home.folder / "journal.sqlite3")) as base:
        return int(base.execute("SELECT count(*) FROM relay").fetchone()[0])


def together(home: Home) -> float:
    """The memory of a tick while its scripts run: its own, and what the child has for itself (MiB)."""
    look = """\
def decide(relay, data):
    import os
    pages = lambda pid, what: sum(
        int(line.split()[1]) for line in open(f"/proc/{pid}/smaps_rollup") if line.startswith(what)
    )
    total = pages(os.getppid(), "Rss:") + pages("self", ("Private_Clean", "Private_Dirty"))
    return relay.keep(str(total))
"""
    home.warm()
    home.script(8, look)
    home.data()
    run(home.command, home.env)
    memory = json.loads((home.folder / "data_memory.json").read_text())
    return int(memory["why"]["8"]) / 1024


PHASES = """\
import sys
from time import process_time
marks = []
def mark(name):
    marks.append((name, process_time()))
mark("the interpreter")
sys.path.insert(0, sys.argv[1])
from domo import tick
mark("imports")
def watch(module, name, label):
    function = getattr(module, name)
    def watched(*args, **options):
        mark("the rest")
        try:
            return function(*args, **options)
        finally:
            mark(label)
    setattr(module, name, watched)
for module, name, label in (
    (tick.configs, "load", "config, from its cache"), (tick.files, "lock", "lock"),
    (tick.memory, "load", "memory, read"),
    (tick.boards, "open_board", "pins"), (tick.reading, "load", "data file"), (tick.modes, "load", "mode file"),
    (tick.scripts, "run", "scripts, waiting for the child"), (tick, "decide", "decide"),
    (tick.memory, "save", "memory, written"), (tick.states, "save", "state file"),
):
    watch(module, name, label)
tick.main([])
mark("the rest")
before = 0.0
for name, moment in marks:
    print(name, moment - before, sep="\\t")
    before = moment
"""


def phases(home: Home, steady: float) -> None:
    """Where the time of a steady tick goes, as parts of a bare start, by the process's own clock."""
    python = home.command[0]
    shares: dict[str, list[float]] = {}
    for _ in range(40):
        home.data()
        bare = run([python, "-c", "pass"], home.env).cpu
        command = [python, "-IS", "-c", PHASES, str(PROJECT / "lib")]
        said = subprocess.run(command, env=home.env, capture_output=True, text=True, check=True).stdout
        once: dict[str, float] = {}
        for line in said.splitlines():
            name, seconds = line.split("\t")
            once[name] = once.get(name, 0.0) + float(seconds) / bare
        for name, share in once.items():
            shares.setdefault(name, []).append(share)
    medians = {name: statistics.median(values) for name, values in shares.items()}
    medians["the child that runs the scripts, and exits"] = steady - sum(medians.values())
    print("\nWhere a steady tick's time goes, in bare starts (python3 -c pass = 1)")
    for name, share in medians.items():
        print(f"  {name:44}{share:6.2f}")


def imports(
    command: list[str], env: dict[str, str], before: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """What each import of a command costs by itself (s), by -X importtime, whose clock runs on while
    others compute: so the least of 15 runs."""
    times: dict[str, list[float]] = {}
    for _ in range(15):
        before()
        done = subprocess.run(
            [command[0], "-X", "importtime", *command[1:]], env=env, capture_output=True, text=True
        )
        for own, _, name in re.findall(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)", done.stderr):
            times.setdefault(name, []).append(int(own) / 1e6)
    return {name: min(values) for name, values in times.items()}


def show_imports(steady: Home, naive: Home, python: Python) -> None:
    """Import by import: the tick's, and the naive one's dearest."""
    bare = imports([python.path, "-IS", "-c", "pass"], steady.env)
    ours = {k: v for k, v in imports(steady.command, steady.env, steady.data).items() if k not in bare}
    whole = {k: v for k, v in imports(*naive_tick(naive, python)).items() if k not in bare}
    print(f"\nImports of a steady tick: {len(ours)} modules, {sum(ours.values()) * 1000:.1f} ms (ms of each)")
    _columns(ours.items())
    groups: dict[str, float] = {}
    for name, seconds in whole.items():
        groups[name.split(".")[0]] = groups.get(name.split(".")[0], 0.0) + seconds
    print(
        f"Imports of the naive tick: {len(whole)} modules, {sum(whole.values()) * 1000:.1f} ms; its dearest"
        f" packages"
    )
    _columns(sorted(groups.items(), key=lambda item: -item[1])[:15])


def _columns(items: Iterable[tuple[str, float]]) -> None:
    cells = [f"{name:18.18}{seconds * 1000:6.2f}" for name, seconds in items]
    for start in range(0, len(cells), 3):
        print("  " + "   ".join(cells[start : start + 3]))


def day(bare: float, steady: float, naive: float, poll: float) -> None:
    """What a day costs on a Pi Zero, from the ratios measured here."""
    ticks = TICKS_A_DAY * steady * PI_ZERO_START
    polls = 86400 / REFRESH * poll / bare * PI_ZERO_START
    board = RELAYS_OFF * 24
    print(
        f"\nA day on a Pi Zero: python3 -c pass {PI_ZERO_START} s, busy {PI_ZERO_BUSY} W more than idling"
        f" (assumed)"
    )
    for what, seconds in (
        (f"{TICKS_A_DAY} steady ticks", ticks),
        ("as many naive ones", TICKS_A_DAY * naive * PI_ZERO_START),
        (f"the panel, a poll every {REFRESH} s", polls),
    ):
        print(f"  {what:40}{seconds:8.0f} s of CPU{seconds * PI_ZERO_BUSY / 3600:10.3f} Wh")
    print(f"  {f'what switches the relays, {RELAYS_OFF} W':40}{'':17}{board:10.3f} Wh")
    print("  (without `import RPi.GPIO` and the pins themselves, which are simulated here)")


def interpreter(path: str) -> Python:
    """The Python under a virtual environment, whose own start costs more and would flatter the ratios."""
    ask = (
        "import os, sys, yaml, filelock\n"
        "print(sys._base_executable)\n"
        "print(*{os.path.dirname(os.path.dirname(package.__file__)) for package in (yaml, filelock)},"
        " sep=':')"
    )
    done = subprocess.run([path, "-c", ask], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{path} lacks something: {done.stderr.splitlines()[-1]}")
    return Python(*done.stdout.splitlines())


def main() -> int:
    """Measures, prints, gives 1 if a target was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--python", default=sys.executable, help="another interpreter, that has yaml and filelock"
    )
    parser.add_argument("--rounds", type=int, default=100)
    asked = parser.parse_args()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)  # root may, and on a busy machine it is over sooner
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.pop("PYTHONPATH", None)
    python = interpreter(asked.python)
    version = subprocess.run([python.path, "-V"], capture_output=True, text=True).stdout.strip()
    print(f"{python.path} ({version}), {asked.rounds} rounds, medians\n")
    tmpfs = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # where the tick's own files belong
    folder = Path(tempfile.mkdtemp(prefix="domo-bench-", dir=tmpfs))
    try:
        table = Table()
        found, steady, naive = measure(table, folder, python, asked.rounds)
        benchmark_report.measure(table, Home(folder / "report", python), Case, run, take_turns, asked.rounds)
        poll = panel(table, folder / "panel", python)
        phases(steady, found["steady"][1])
        show_imports(steady, naive, python)
        seconds = bench_replay.year(python.path)
        table.line("a year of domo-replay, 8 scripts, s", f"{seconds:.0f} s", seconds, bench_replay.GOAL)
        day(found["bare"][0], found["steady"][1], found["naive"][1], poll)
    finally:
        shutil.rmtree(folder)
    print(f"\n{table.missed} missed" if table.missed else "\nevery target met")
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
