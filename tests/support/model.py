"""For the property-based tests: how many examples, and a world in which real ticks run by a clock of
the test's, on pins in its memory.

The examples are the same in every run. DOMO_SEARCH=20 tries twenty times as many, at random.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shutil
import sqlite3
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from hypothesis import HealthCheck, settings

from domo.core.model import Now
from domo.tools import tick

SEARCH = int(os.environ.get("DOMO_SEARCH", "0"))


def examples(count: int, steps: int = 50) -> settings:
    """Settings for so many examples, of so many steps where it is a state machine."""
    return settings(
        max_examples=count * (SEARCH or 1),
        stateful_step_count=steps,
        derandomize=not SEARCH,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )


class Pins:
    """RPi.GPIO's calls on pins that outlive the ticks, as real ones outlive processes. Keeps what
    happened to each since `watch`, and raises as the real one does for a pin that is not set up."""

    BCM, OUT, IN = 11, 0, 1

    def __init__(self) -> None:
        self.levels: dict[int, int] = {}  # of the outputs
        self.events: list[tuple[int, int | None]] = []  # (pin, level), None: an output without a level yet
        self._claimed: set[int] = set()

    def watch(self) -> None:
        """A new process looks at the pins."""
        self.events = []
        self._claimed = set()

    def setwarnings(self, value: bool) -> None: ...

    def setmode(self, mode: int) -> None: ...

    def gpio_function(self, pin: int) -> int:
        return self.OUT if pin in self.levels else self.IN

    def setup(self, pin: int, direction: int, initial: int | None = None) -> None:
        assert direction == self.OUT
        self._claimed.add(pin)
        if pin not in self.levels or initial is not None:
            self.events.append((pin, initial))
            self.levels[pin] = initial or 0

    def output(self, pin: int, level: int) -> None:
        self._check(pin)
        self.events.append((pin, level))
        self.levels[pin] = level

    def input(self, pin: int) -> int:
        self._check(pin)
        return self.levels[pin]

    def _check(self, pin: int) -> None:
        if pin not in self._claimed:
            raise RuntimeError("You must setup() the GPIO channel first")


class World:
    """A home in a folder, wiped and begun anew for each example: its clocks, its pins, its files."""

    PINS = {1: 23, 2: 24, 3: 25, 4: 5, 5: 6}  # BCM, active-low

    def __init__(self, folder: Path, domo: Mapping[str, Any]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.folder = folder
        self.modes, self.states = folder / "mod", folder / "etat"
        self.memory, self.lock = folder / "m_memory.json", folder / "m_tick.lock"
        self.journal, self.data, self.scripts = folder / "journal", folder / "data.xml", folder / "scripts"
        self.scripts.mkdir()
        self.config = folder / "config.yaml"
        self.config.write_text(
            yaml.safe_dump(
                {
                    "tmpFileDataXml": "data.xml",
                    "urlDataXml": False,
                    "scriptDataXml": False,
                    "domo": {
                        "board": "gpio",
                        "relayNb": len(self.PINS),
                        "relayGpio": self.PINS,
                        "jsonFile": {"modPath": "mod", "etatPath": "etat"},
                        "prefixFileData": "m_",
                        "dbFile": "journal",
                        "recordDir": "history",
                        **domo,
                        "relay": {"scriptDir": "scripts"},
                    },
                }
            )
        )
        self.pins = Pins()
        self.now, self.wall, self.up, self.boot = 0, 1_750_000_000, 50_000, 1  # s; `now` never jumps
        self.full = False
        self.code, self.said = 0, ""

    # -- time and power --

    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.wall += seconds
        self.up += seconds

    def reboot(self, down: int, wall: int | None, driven: bool) -> None:
        """The machine was without power for `down` seconds and has been up for 30; its clock is right,
        or shows `wall`. The firmware drives the pins off, or leaves them floating."""
        self.now += down + 30
        self.wall = self.wall + down + 30 if wall is None else wall
        self.up = 30
        self.boot += 1
        self.pins.levels = dict.fromkeys(self.PINS.values(), 1) if driven else {}

    # -- what is in it --

    @property
    def on(self) -> dict[int, bool]:
        """Whether each relay is on, by its pin; one that floats is off."""
        return {relay: self.pins.levels.get(pin) == 0 for relay, pin in self.PINS.items()}

    def document(self) -> dict[str, Any] | str:
        """The mode file's document, or "missing" or "garbage"."""
        try:
            document = json.loads(self.modes.read_text())
            json.dumps(document, allow_nan=False, ensure_ascii=False).encode()  # what cannot be written back
            return document if isinstance(document, dict) else "garbage"
        except FileNotFoundError:
            return "missing"
        except (ValueError, OSError):
            return "garbage"

    def rows(self) -> list[tuple[Any, ...]]:
        """The journal; [] where there is none."""
        if not self.journal.is_file():
            return []
        with contextlib.closing(sqlite3.connect(self.journal)) as base, contextlib.suppress(sqlite3.Error):
            return base.execute(
                "SELECT relay_number, info, valeur, date, event FROM relay ORDER BY id"
            ).fetchall()
        return []

    def publish(self, stamp: int, **values: object) -> None:
        """PvMonit writes its data file, stamped so."""
        datas = "".join(f'<data id="{name}"><value>{value}</value></data>' for name, value in values.items())
        device = (
            f'<device id="0"><nom>BMV</nom><timerefresh>{stamp}</timerefresh><datas>{datas}</datas></device>'
        )
        self.write_data(f"<devices>{device}</devices>")

    def write_data(self, text: str) -> None:
        self.data.write_text(text)
        os.utime(self.data, (self.wall, self.wall))

    def write_modes(self, text: str, by_rename: bool) -> None:
        """A foreign program writes the mode file: beside it and renamed, or truncated and written."""
        if self.modes.is_dir():
            self.modes.rmdir()
        if by_rename:
            (self.folder / "editor~").write_text(text)
            (self.folder / "editor~").rename(self.modes)
        else:
            self.modes.write_text(text)

    def script(self, relay: int, text: str | None, mode: int = 0o644) -> None:
        """Writes a relay's script, or takes it away."""
        path = self.scripts / f"{relay}.py"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
            path.chmod(mode)

    # -- the tick --

    def tick(self) -> None:
        """Runs domo-tick. `code` is its exit code, `said` what it printed."""
        out = io.StringIO()
        self.pins.watch()
        gpio = types.ModuleType("RPi")
        gpio.GPIO = self.pins  # type: ignore[attr-defined]
        now = Now(self.wall, self.up, f"boot {self.boot}")
        with (
            mock.patch.dict(sys.modules, {"RPi": gpio}),
            mock.patch.dict(os.environ, {"DOMO_SAY": "all"}),  # not only what is new
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
            self._disk(),
        ):
            self.code = tick.main(["--config", str(self.config)], lambda: now)
        self.said = out.getvalue()

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        """A disk with room, or without: no file can grow then."""
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        if self.full:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
