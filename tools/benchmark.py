"""`make bench`: what domo costs, in bare starts of the same interpreter in the same minute.

A bare start is `python3 -IS -c pass`: no Python program can take less, and it does not depend on what else is
installed. Measured with what every Linux offers: wait4's resource usage (a process and all that it waited
for), /proc, `python -X importtime`. All of it runs on one core, which is what a Pi Zero has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_boards
import bench_panel
import bench_parts
import bench_replay
import bench_report
from bench_house import (
    PROJECT,
    Case,
    Costs,
    Home,
    Python,
    Table,
    interpreter,
    naive_tick,
    peak,
    run,
    take_turns,
)

PARTS = ("boards", "report", "panel", "replay", "parts")
TICKS_A_DAY = 1440

# For the day on a Pi Zero. Nobody seems to have published its bare start. A Raspberry Pi 3, whose core is
# about twice as fast, needs 0.198 s for `python3 -c pass` by Python 3.6 (github.com/bdrung/startup-time), and
# newer Pythons start a little faster: 0.35 s, of which `-IS` saves 0.3.
PI_ZERO_START = 0.25  # s, an assumption
# 140 mA instead of 100 at 5.09 V (raspi.tv/2015/raspberry-pi-zero-power-measurements).
PI_ZERO_BUSY = 0.2  # W more than idling
RELAYS_OFF = 0.153  # W, PvMonit's author: relay board, TM1638 and Arduino together, without the Pi

SWITCHING = """\
def decide(relay, data):
    return relay.on("full") if data["SOC"] > 90 else relay.off("not full")
"""
PLANT = "  plant: {{latitude: 40, longitude: {noon:.0f}, panels: 3000, battery: 6000, house: 60}}\n"
WATTS = "  relayWatt: {1: 300, 2: 800, 3: 800, 7: 330}\n"
EXAMPLES: tuple[str, ...] = ("heater-staircase",) * 3
EXAMPLES += ("lift-pump", "washing-machine", "tool-chargers", "van-water-heater", "time-window")
SPARE = """\
def decide(relay, data):
    return relay.on("much to come") if data.spare_today() > 90000 else relay.off("too little to come")
"""
NAIVE = """\
import argparse, dataclasses, datetime, enum, json, logging, os, pathlib, re, signal, sqlite3, subprocess
import sys, time, typing, urllib.request
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


def measure(table: Table, folder: Path, python: Python, rounds: int) -> tuple[Costs, Home, Home]:
    """Ticks of every kind: their costs, and the homes of the steady and of the naive ones."""
    steady = Home(folder / "steady", python)
    old = Home(folder / "ten years of journal", python)
    many = Home(folder / "26 relays", python, relays=26)
    scripts = Home(folder / "26 relays with 26 scripts", python, relays=26, scripts=26)
    big = Home(folder / "200 values", python, copies=4)
    plant = PLANT.format(noon=180 - time.time() % 86400 / 240)
    spare = Home(folder / "spare_today", python, more=plant)
    spare.script(1, SPARE)
    examples = Home(folder / "examples", python, more=plant + WATTS)
    for relay, name in enumerate(EXAMPLES, 1):
        examples.script(relay, (PROJECT / f"relay.script.d/{name}.py.example").read_text())
    switch = Home(folder / "switch", python)
    switch.script(1, SWITCHING)
    force = Home(folder / "force", python)
    naive = Home(folder / "naive", python)
    for home in (steady, old, many, scripts, big, spare, examples, switch, force, naive):
        home.warm()
    old.journal(10)
    switch.journal(2)
    (naive.folder / "naive.py").write_text(NAIVE)

    def owner(turn: int) -> None:
        force.data()
        (force.folder / "mod").write_text(
            json.dumps({str(r): 3 * (turn % 2) if r == 1 else 1 for r in range(1, 9)})
        )

    bare = steady.bare
    cases = {"bare": Case(bare, dict(os.environ))}
    cases["with site"] = Case([python.path, "-c", "pass"], dict(os.environ), every=5)
    for home in (steady, old, many, scripts, big, spare, examples):
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

    table.line("a bare start: python3 -IS -c pass", ms("bare"), 1.0)
    table.line("python3 -c pass", ms("with site"), found["with site"][1])
    table.line("a steady tick (8 relays, 8 scripts)", ms("steady"), found["steady"][1], 2.0)
    table.line("a steady tick with 8 scripts of the examples", ms("examples"), found["examples"][1])
    table.line("a tick that switches a relay in auto", ms("switch"), found["switch"][1], 3.3)
    table.line("a tick that obeys a force", ms("force"), found["force"][1], 3.3)
    table.line("a naive tick, every import at the top", ms("naive"), found["naive"][1])
    print("steady, and besides                                       to steady")
    more = found["spare_today"][1] - found["steady"][1]
    table.line("  spare_today in a script, bare starts", f"{more * found['bare'][0] * 1000:.2f} ms", more)
    for home in (old, many, big):
        name = home.folder.name
        table.line(f"  {name}", ms(name), found[name][1] / found["steady"][1], 1.1)
    name = scripts.folder.name
    table.line(f"  {name}", ms(name), found[name][1] / found["steady"][1])
    print()
    steady.data()
    base, largest = peak(bare, dict(os.environ)), peak(steady.command, steady.env)
    table.line("peak memory of a bare start", f"{base / 1024:.1f} MiB", 1.0)
    table.line("peak memory of a steady tick", f"{largest / 1024:.1f} MiB", largest / base, 1.3)
    with_child = together(Home(folder / "together", python))
    table.line("  with what its child has of its own", f"{with_child:.1f} MiB")
    changed = [name for name in changed if name not in ("data.xml", ".", "tmp")]
    table.say(
        "files that steady ticks changed",
        f"   {', '.join(changed)}",
        changed == ["data_memory.json", "data_today.csv"],
    )
    return found, steady, naive


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


def day(boards: dict[str, float], naive: float, poll: float) -> None:
    """What a day costs on a Pi Zero, from the ratios measured here: of ticks on each board, and of the panel,
    `poll` in bare starts (0: not measured)."""
    print(
        f"\nA day on a Pi Zero: a bare start {PI_ZERO_START} s,"
        f" busy {PI_ZERO_BUSY} W more than idling (assumed)"
    )
    ticks = {f"{TICKS_A_DAY} steady ticks, {what}": ratio * TICKS_A_DAY for what, ratio in boards.items()}
    ticks["as many naive ones"] = naive * TICKS_A_DAY
    if poll:
        ticks[f"the panel, a poll every {bench_panel.REFRESH} s"] = 86400 / bench_panel.REFRESH * poll
    for what, starts in ticks.items():
        seconds = starts * PI_ZERO_START
        print(f"  {what:54}{seconds:8.0f} s of CPU{seconds * PI_ZERO_BUSY / 3600:8.3f} Wh")
    print(f"  {f'what switches the relays, {RELAYS_OFF} W':54}{'':17}{RELAYS_OFF * 24:8.3f} Wh")


def main() -> int:
    """Measures, prints, gives 1 if a target was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--python", default=sys.executable, help="another interpreter, that has yaml and filelock"
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="parts beside the ticks")
    parser.add_argument(
        "--own-pins", action="store_true", help="drive BCM pins 2 to 9 of this machine: an emulated one!"
    )
    asked = parser.parse_args()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -5)  # root may, and on a busy machine it is over sooner
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
        steady_costs, boards, poll = found["steady"][1], {}, 0.0
        if "boards" in asked.only:
            boards = bench_boards.measure(
                table, folder / "boards", python, asked.rounds, steady_costs, asked.own_pins
            )
        if "report" in asked.only:
            bench_report.measure(table, Home(folder / "report", python), asked.rounds)
        if "panel" in asked.only:
            poll = bench_panel.measure(table, folder / "panel", python) / found["bare"][0]
        if "replay" in asked.only:
            seconds = bench_replay.year(python.path)
            table.line("a year of domo-replay, 8 scripts, s", f"{seconds:.0f} s", seconds, bench_replay.GOAL)
        if "parts" in asked.only:
            bench_parts.phases(steady, steady_costs, asked.rounds // 3)
            bench_parts.imports_of(steady, naive, python)
        day(boards or {bench_boards.SIMULATED: steady_costs}, found["naive"][1], poll)
    finally:
        shutil.rmtree(folder)
    print(f"\n{table.missed} missed" if table.missed else "\nevery target met")
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
