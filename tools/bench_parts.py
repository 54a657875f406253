"""Where the time of a steady tick goes, phase by phase and import by import: a part of `make bench`."""

from __future__ import annotations

import re
import statistics
import subprocess
from collections.abc import Iterable

from bench_house import PROJECT, Home, Python, naive_tick, run

PHASES = """\
import sys
from time import process_time
marks = []
def mark(name):
    marks.append((name, process_time()))
mark("the interpreter")
sys.path.insert(0, sys.argv[1])
from domo import sealed
sealed.use()
from domo.stores.config import chosen
from domo.tick import act, plan, run
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
    (run.configs, "load", "config, from its cache"), (run.lock, "take", "lock"),
    (run.memory, "load", "memory, read"), (plan, "open_board", "pins"), (plan.modes, "load", "mode file"),
    (plan.asking, "ask_all", "asking: fork, waiting for the child"), (plan.core, "decide", "decide"),
    (act.memory, "save", "memory, written"), (act.states, "save", "state file"),
    (act.record, "append", "record"),
):
    watch(module, name, label)
code = run.main(chosen(None))
mark("the rest")
before = 0.0
for name, moment in marks:
    print(name, moment - before, sep="\\t")
    before = moment
sys.exit(code)
"""


def phases(home: Home, steady: float, rounds: int) -> None:
    """Where the time of a steady tick goes, as parts of a bare start, by the process's own clock."""
    python = home.command[0]
    shares: dict[str, list[float]] = {}
    for _ in range(rounds):
        home.data()
        bare = run([python, "-IS", "-c", "pass"], home.env).cpu
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
    print("\nWhere a steady tick's time goes, in bare starts")
    for name, share in medians.items():
        print(f"  {name:44}{share:6.2f}")


def imports(command: list[str], env: dict[str, str]) -> dict[str, float]:
    """What each import of a command costs by itself (s), by -X importtime, whose clock runs on while
    others compute: so the least of 7 runs."""
    times: dict[str, list[float]] = {}
    for _ in range(7):
        done = subprocess.run(
            [command[0], "-X", "importtime", *command[1:]], env=env, capture_output=True, text=True
        )
        for own, _, name in re.findall(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)", done.stderr):
            times.setdefault(name, []).append(int(own) / 1e6)
    return {name: min(values) for name, values in times.items()}


def imports_of(steady: Home, naive: Home, python: Python) -> None:
    """Import by import: the tick's, and the naive one's dearest."""
    bare = imports([python.path, "-IS", "-c", "pass"], steady.env)
    modules = "domo.tick.run, domo.scripts.answering"  # the tick, and what only its child loads
    ordinary = f"import sys; sys.path.insert(0, {str(PROJECT / 'lib')!r}); import {modules}"
    ours = imports([python.path, "-IS", "-c", ordinary], steady.env)
    ours = {name: seconds for name, seconds in ours.items() if name not in bare}
    whole = {k: v for k, v in imports(*naive_tick(naive, python)).items() if k not in bare}
    print(
        f"\nImports of a steady tick, did they not come sealed: {len(ours)} modules, "
        f"{sum(ours.values()) * 1000:.1f} ms (ms of each)"
    )
    _columns(ours.items())
    groups: dict[str, float] = {}
    for name, seconds in whole.items():
        groups[name.split(".")[0]] = groups.get(name.split(".")[0], 0.0) + seconds
    print(
        f"Imports of the naive tick: {len(whole)} modules, {sum(whole.values()) * 1000:.1f} ms;"
        " its dearest packages"
    )
    _columns(sorted(groups.items(), key=lambda item: -item[1])[:15])


def _columns(items: Iterable[tuple[str, float]]) -> None:
    cells = [f"{name:18.18}{seconds * 1000:6.2f}" for name, seconds in items]
    for start in range(0, len(cells), 3):
        print("  " + "   ".join(cells[start : start + 3]))
