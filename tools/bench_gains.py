"""What ARCHITECTURE.md's table of unusual things gains, each by itself: `make gains`.

Counts instructions by valgrind's callgrind, which are the same on a busy machine as on an idle one. A tick's
child is killed at its end, before it could be counted. The unit is a bare start, `python3 -IS -c pass`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_house import PROJECT, Home, Python, interpreter, run

TRIES = 9  # valgrind is slow, and a tick gives its scripts but seconds
COUNTED = re.compile(r"Collected : (\d+)")
IMPORTS = {  # what a row of the table spares: what would be imported, what is instead
    "records without dataclasses": ("dataclasses", "os"),
    "JSON by the C scanner alone": ("json", "os, _json"),
    "XML by expat alone": ("xml.etree.ElementTree", "os, pyexpat"),
    "flock instead of filelock": ("filelock", "os, fcntl"),
    "config.yaml parsed once (the import of yaml)": ("yaml", "os"),
    "no argparse without arguments": ("argparse", "os"),
    "relay.now by _datetime, in a script": ("datetime", "os, _datetime"),
    "no typing": ("typing", "os"),
    "renameat2 by _ctypes, in a tick that switches": ("ctypes", "os, _ctypes"),
    "the journal by _sqlite3, in a tick that switches": ("sqlite3", "os, _sqlite3"),
}
UNSEALED = [("used = sealed.use()\n", "used = True\n")]
COLLECTED = [("gc.disable()", "gc.enable()")]
TORN_DOWN = [("    start(used)", "    from domo.tick import run\n    run.leave = sys.exit\n    start(used)")]


def count(command: list[str], env: dict[str, str]) -> int:
    """The instructions of a command, and of its children that end by themselves."""
    valgrind = ["valgrind", "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=/dev/null"]
    for _ in range(TRIES):
        ran = subprocess.run([*valgrind, *command], env=env, capture_output=True, text=True)
        if not ran.returncode:
            return sum(int(found) for found in COUNTED.findall(ran.stderr))
    raise RuntimeError(f"{' '.join(command)}: exit {ran.returncode}: {ran.stderr[-500:]}")


def changed(home: Home, name: str, changes: list[tuple[str, str]]) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of a tick by the same program with another bin/domo-tick."""
    folder = home.folder / name
    for part in ("bin", "lib"):
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tmp").mkdir(mode=0o700)
    tick = folder / "bin/domo-tick"
    text = tick.read_text()
    for old, new in changes:
        if old not in text:
            raise RuntimeError(f"bin/domo-tick has changed: it lacks {old!r}")
        text = text.replace(old, new)
    tick.write_text(text)
    command, env = home.by_packages
    env = {**env, "TMPDIR": str(folder / "tmp")}
    for _ in range(4):
        home.data()
        run([*command[:-1], str(tick)], env)
    return [*home.command[:-1], str(tick)], {**home.env, "TMPDIR": str(folder / "tmp")}


def main() -> int:
    """Prints a row each."""
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing")
    python = interpreter(sys.executable)
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="domo-bench-") as folder:
        rows(Home(Path(folder) / "house", python), python)
    return 0


def rows(home: Home, python: Python) -> None:
    """Measures in that house."""
    env = {**home.env, "PYTHONPATH": python.packages}

    def bare(code: str, *options: str) -> float:
        return count([python.path, *options, "-c", code], env)

    unit = bare("pass", "-IS")

    def row(what: str, gain: float) -> None:
        print(f"{what:50}{gain / unit:6.2f}", flush=True)

    print(f"a bare start: {unit / 1e6:.1f} million instructions")
    home.warm()
    home.data()
    steady = count(home.command, home.env)
    row("a steady tick", steady)
    row("programs start with -IS (by what is installed here)", bare("pass") - unit)
    for what, changes in (
        ("bytecode of a tick in one file", UNSEALED),
        ("no search for garbage", COLLECTED),
        ("no tearing down at the end", TORN_DOWN),
    ):
        command, other = changed(home, what, changes)
        home.data()
        row(what, count(command, other) - steady)
    for what, (spared, instead) in IMPORTS.items():
        row(what, bare(f"import os, {spared}", "-S") - bare(f"import {instead}", "-S"))
    parsed = f"import yaml; yaml.safe_load(open({str(PROJECT / 'config.yaml')!r}))"
    row("  and parsing the config.yaml that ships", bare(parsed, "-S") - bare("import yaml", "-S"))


if __name__ == "__main__":
    sys.exit(main())
