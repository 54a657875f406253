"""The house that the tests live in: a scratch folder with everything a tick reads and writes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

PROJECT = Path(__file__).resolve().parents[2]

from domo.core.model import Now
from domo.core.settings import Config
from domo.tools import tick  # noqa: E402

SAMPLE = (PROJECT / "tests/support/sample/pvmonit.xml").read_text()
NOON = 1_718_450_000.0  # 2024-06-15 11:13 UTC; where a test has a clock of its own, it starts here


class Ran(NamedTuple):
    """How a tick ended: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All that it printed, on one line, so that a sentence is found however it was wrapped."""
        return " ".join(f"{self.out} {self.err}".split())


class Clock:
    """The clocks of a machine, moved by hand: `now` is what a tick reads from them."""

    def __init__(self, wall: float = NOON, up: float = 100_000.0) -> None:
        self.wall, self.up, self._boots = wall, up, 0

    def now(self) -> Now:
        """The tick's one look."""
        return Now(self.wall, self.up, f"boot {self._boots}")

    def forward(self, seconds: float) -> None:
        """Time goes by."""
        self.wall += seconds
        self.up += seconds

    def reboot(self, seconds: float = 30.0, wall: float | None = None) -> None:
        """The machine starts again, so many seconds ago; `wall` is what its clock says now."""
        self._boots += 1
        self.wall, self.up = self.wall + seconds if wall is None else wall, seconds


def skeleton() -> dict[str, Any]:
    """The config.yaml of a home whose files are all in its own folder."""
    return {
        "tmpFileDataXml": "data.xml",
        "urlDataXml": False,
        "scriptDataXml": False,
        "domo": {
            "jsonFile": {"modPath": "mod", "etatPath": "etat"},
            "prefixFileData": "domo_",
            "dbFile": "journal.sqlite3",
            "recordDir": "history",
            "simulatedPins": "pins",
            "board": "simulated",
            "relay": {"scriptDir": "scripts"},
            "relayNb": 3,
        },
    }


class House:
    """A home with relays on simulated pins; everything of it is below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.data_file = folder / "data.xml"
        self.mode_file = folder / "mod"
        self.state_file = folder / "etat"
        self.memory_file = folder / "domo_memory.json"
        self.lock_file = folder / "domo_tick.lock"
        self.journal_file = folder / "journal.sqlite3"
        self.pin_file = folder / "pins"
        self.scripts = folder / "scripts"
        self.tmp = folder / "tmp"
        self.env = {k: v for k, v in os.environ.items() if k not in ("DOMO_CONFIG", "NO_COLOR", "PYTHONPATH")}
        self.env["TMPDIR"] = str(self.tmp)
        self.env["DOMO_SAY"] = "all"  # what stands, and not only what is new of it (see test_news)
        self._settings = skeleton()
        self.scripts.mkdir()
        self.tmp.mkdir()
        self.configure()
        self.data()

    # -- what its people do --

    def configure(self, settings: Mapping[str, Any] | None = None) -> None:
        """Changes config.yaml: {"printMessage": 2, "domo.relayNb": 8}; None takes a key away."""
        for path, value in (settings or {}).items():
            *sections, key = path.split(".")
            place = self._settings
            for section in sections:
                place = place.setdefault(section, {})
            place[key] = value
            if value is None:
                del place[key]
        self.config.write_text(yaml.safe_dump(self._settings))

    def script(self, relay: int, text: str) -> Path:
        """Writes a relay's script: a whole module, or just what `decide` does."""
        if "def decide" not in text:
            text = (
                "def decide(relay, data):\n" + textwrap.indent(textwrap.dedent(text).strip(), "    ") + "\n"
            )
        path = self.scripts / f"{relay}.py"
        path.write_text(textwrap.dedent(text))
        return path

    def set_modes(self, modes: Mapping[int, object]) -> None:
        """Writes the mode file as PvMonit's page does."""
        self.mode_file.write_text(json.dumps(modes))

    def data(self, at: float | None = None, **values: object) -> None:
        """PvMonit writes its data file: the sample, stamped `at` (now), with these values wherever they
        occur."""
        self.data_file.write_text(xml(time.time() if at is None else at, **values))
        if at is not None:
            os.utime(self.data_file, (at, at))

    # -- a tick --

    def command(self, *arguments: str) -> list[str]:
        """The command line of a tick. -S without the -I of the program's first line, so that a test's
        PYTHONPATH counts."""
        return [
            sys.executable,
            "-S",
            str(PROJECT / "bin/domo-tick"),
            "--config",
            str(self.config),
            *arguments,
        ]

    def tick(self, *arguments: str, **environment: str) -> Ran:
        """Runs domo-tick as a process."""
        done = subprocess.run(
            self.command(*arguments),
            env={**self.env, **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def tick_at(self, clock: Clock, *arguments: str) -> Ran:
        """Runs a tick in this process, by a clock of the test's."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = tick.main(["--config", str(self.config), *arguments], clock.now)
        return Ran(code, out.getvalue(), err.getvalue())

    # -- what one finds in it --

    @property
    def modes(self) -> dict[int, Any]:
        """The mode file."""
        return _numbered(self.mode_file)

    @property
    def states(self) -> dict[int, Any]:
        """The state file."""
        return _numbered(self.state_file)

    @property
    def pins(self) -> dict[int, Any]:
        """The simulated pins: BCM number and level."""
        return _numbered(self.pin_file)

    @property
    def on(self) -> set[int]:
        """The relays that are on, by their pins (active-low, wired by default)."""
        return {relay for relay in self.pins_of if self.pins.get(self.pins_of[relay]) == 0}

    pins_of = {1: 23, 2: 24, 3: 8, 4: 5, 5: 6, 6: 16, 7: 20, 8: 21}

    @property
    def memory(self) -> dict[str, Any]:
        """What the tick remembers."""
        memory: dict[str, Any] = json.loads(self.memory_file.read_text())
        return memory

    @property
    def journal(self) -> list[tuple[int, str, int, str]]:
        """The journal, oldest first: relay, M or E, value, reason."""
        if not self.journal_file.exists():
            return []
        with contextlib.closing(sqlite3.connect(self.journal_file)) as base:
            if not base.execute("SELECT 1 FROM sqlite_master").fetchone():  # it is just being made
                return []
            return base.execute("SELECT relay_number, info, valeur, event FROM relay ORDER BY id").fetchall()

    def snapshot(self) -> dict[str, tuple[object, ...]]:
        """Everything in the folder: what it is, its inode, times, and content."""
        found: dict[str, tuple[object, ...]] = {}
        for path in [self.folder, *self.folder.rglob("*")]:
            info = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[str(path)] = (info.st_mode, info.st_ino, info.st_mtime_ns, info.st_ctime_ns, content)
        return found


def xml(at: float, **values: object) -> str:
    """PvMonit's document, stamped `at`, with these values wherever the sample has them."""
    text = re.sub(r"<timerefresh>\d+<", f"<timerefresh>{int(at)}<", SAMPLE)
    for name, value in values.items():
        pattern = rf"(<data id=['\"]{name}['\"][^>]*>\s*<desc>[^<]*</desc>\s*<value>).*?(</value>)"
        text, count = re.subn(pattern, lambda found: f"{found[1]}{value}{found[2]}", text)  # noqa: B023
        if not count:
            raise KeyError(f"the sample has no {name}")
    return text


def until(happened: Callable[[], object], seconds: float = 30) -> None:
    """Waits until it has happened; fails when it never does."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.005)


def _numbered(path: Path) -> dict[int, Any]:
    return {int(key): value for key, value in json.loads(path.read_text()).items()}


def defaults() -> Config:
    """The configuration of an empty config.yaml in the root folder."""
    return Config(path="/config.yaml")
