"""What the panel costs while nothing happens: a part of `make bench`."""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench_house import PROJECT, Home, Python, Table

EMULATOR = str(PROJECT / "tests/support/emulator")
REFRESH = 0.3  # s between two looks at the keys, as config.yaml has it
PANEL_SECONDS, PANEL_LOOKS = 3.0, 7

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


def cpu_so_far(pid: int) -> float:
    """CPU time that a running process has used (s), without its children."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def resident(pid: int) -> float:
    """Memory of a running process (MiB)."""
    return int(re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024  # type: ignore[index]


@contextlib.contextmanager
def running(command: list[str], env: dict[str, str]) -> Iterator[int]:
    """A process that runs meanwhile: its number, once it has settled down."""
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        time.sleep(1.5)
        if process.poll() is not None:
            raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def measure(table: Table, folder: Path, python: Python) -> float:
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
    command = [python.path, "-S", str(PROJECT / "bin/domo-panel")]
    scanner = [python.path, "-S", "-c", SCANS, str(REFRESH)]
    sleeper = [python.path, "-IS", "-c", "import time; time.sleep(600)"]
    with running(command, env) as one, running(scanner, env) as other, running(sleeper, env) as third:
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
