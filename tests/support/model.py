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
import select
import shutil
import signal
import sqlite3
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from domo.core.model import Fault, Now
from domo.stores import config as configs
from domo.tick import run
from domo.tools import force
from support.house import skeleton
from support.together import together

if TYPE_CHECKING:
    from hypothesis import settings

SEARCH = int(os.environ.get("DOMO_SEARCH", "0"))


def examples(count: int, steps: int = 50) -> settings:
    """Settings for so many examples, of so many steps where it is a state machine."""
    from hypothesis import HealthCheck, settings  # a home that is driven without it forks faster

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
        self.changed: Callable[[int, int | None], object] = lambda pin, level: None  # is told of each
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
            self._set(pin, initial)

    def output(self, pin: int, level: int) -> None:
        self._check(pin)
        self._set(pin, level)

    def input(self, pin: int) -> int:
        self._check(pin)
        return self.levels[pin]

    def _set(self, pin: int, level: int | None) -> None:
        self.changed(pin, level)
        self.events.append((pin, level))
        self.levels[pin] = level or 0

    def _check(self, pin: int) -> None:
        if pin not in self._claimed:
            raise RuntimeError("You must setup() the GPIO channel first")


def forces_first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the mode file: of what stands there twice a force counts, else the last."""
    document: dict[str, Any] = {}
    for key, value in pairs:
        if is_force(value) or not is_force(document.get(key)):
            document[key] = value
    return document


def is_force(value: object) -> bool:
    """Whether this is a forced mode, as a number or, as PHP may write it, as text."""
    return type(value) in (int, str) and value in (0, 3, "0", "3")


class World:
    """A home in a folder, wiped and begun anew for each example: its clocks, its pins, its files."""

    PINS = {1: 23, 2: 24, 3: 25, 4: 5, 5: 6}  # BCM, active-low
    together = False  # whether a tick's children run in its own process, where that is the same

    def __init__(self, folder: Path, domo: Mapping[str, Any]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.folder = folder
        self.modes, self.states = folder / "mod", folder / "etat"
        self.memory, self.lock = folder / "m_memory.json", folder / "m_tick.lock"
        self.journal, self.data, self.scripts = folder / "journal", folder / "data.xml", folder / "scripts"
        self.scripts.mkdir()
        self.config = folder / "config.yaml"
        settings = skeleton()
        settings["domo"] |= {
            "board": "gpio",
            "relayNb": len(self.PINS),
            "relayGpio": self.PINS,
            "prefixFileData": "m_",
            "dbFile": "journal",
            **domo,
            "relay": {"scriptDir": "scripts"},
        }
        self.config.write_text(yaml.safe_dump(settings))
        self.pins = Pins()
        self.now, self.wall, self.up, self.boot = 0, 1_750_000_000, 50_000, 1  # s; `now` never jumps
        self.full = False
        self.code, self.said = 0, ""
        self.ticks = 0
        self._journaled: tuple[object, dict[int, int]] = None, {}

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
            document = json.loads(self.modes.read_text(), object_pairs_hook=forces_first)
            json.dumps(document, allow_nan=False, ensure_ascii=False).encode()  # what cannot be written back
            return document if isinstance(document, dict) else "garbage"
        except FileNotFoundError:
            return "missing"
        except (ValueError, OSError):
            return "garbage"

    def journaled_modes(self) -> dict[int, int]:
        """The last mode of each relay in the journal."""
        info = self.journal.stat() if self.journal.exists() else None
        stamp = info and (info.st_ino, info.st_mtime_ns, info.st_size)
        if not stamp or stamp != self._journaled[0]:  # asked anew: that costs as much as a tick
            newest = "SELECT relay_number, valeur, max(id) FROM relay WHERE info = 'M' GROUP BY relay_number"
            self._journaled = stamp, {relay: mode for relay, mode, _ in self._asked(newest)}
        return dict(self._journaled[1])

    def journaled_ends(self) -> set[int]:
        """The relays whose last mode in the journal is a force with an end."""
        newest = "SELECT relay_number, valeur, until, max(id) FROM relay WHERE info = 'M'"
        newest += " GROUP BY relay_number"
        return {relay for relay, mode, end, _ in self._asked(newest) if mode in (0, 3) and end is not None}

    def rows(self) -> list[tuple[Any, ...]]:
        """The journal; [] where there is none."""
        return self._asked("SELECT relay_number, info, valeur, date, event FROM relay ORDER BY id")

    def _asked(self, question: str) -> list[tuple[Any, ...]]:
        if not self.journal.is_file():
            return []
        with contextlib.closing(sqlite3.connect(self.journal)) as base, contextlib.suppress(sqlite3.Error):
            return base.execute(question).fetchall()
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
        self.ticks += 1
        self.pins.watch()
        with together() if self.together and not self.data.is_symlink() else contextlib.nullcontext():
            self.code, self.said = self._run()  # a link leads to the disk that hangs

    def killed_tick(self, call: int) -> bool:
        """Runs domo-tick in a process of its own, which is killed when it comes to that call of a function
        written in C, which all that leave the interpreter are. Gives whether it came to that; a tick that had
        ended before is as any other."""
        self.ticks += 1
        self.pins.watch()
        told, telling = os.pipe()
        reported = b""
        tick_process = os.fork()
        if tick_process == 0:
            me, calls = os.getpid(), 0

            def count(_frame: object, event: str, _called: object) -> None:
                nonlocal calls
                if event == "c_call" and os.getpid() == me:
                    calls += 1
                    if calls == call:
                        os.kill(me, signal.SIGKILL)

            self.pins.changed = lambda pin, level: os.write(telling, f"{pin} {json.dumps(level)}\n".encode())
            sys.setprofile(count)
            code, said = self._run()
            sys.setprofile(None)
            os.write(telling, json.dumps([code, said]).encode())
            os._exit(0)
        status = os.waitpid(tick_process, 0)[1]
        os.close(telling)
        while select.select([told], [], [], 10)[0] and (more := os.read(told, 1 << 16)):
            reported += more  # to its end: a child that has not begun yet still holds all that the tick had
        os.close(told)
        *changes, ended = reported.decode().split("\n")
        for pin, level in (map(json.loads, change.split()) for change in changes):
            self.pins.events.append((pin, level))
            self.pins.levels[pin] = level or 0
        if os.WIFSIGNALED(status):
            return True
        self.code, self.said = json.loads(ended)
        return False

    def force_for(self, relay: int, mode: int, seconds: int) -> str:
        """`domo-mod RELAY on --for SECONDS`, without its tick; gives what it complained of."""
        with self._disk():
            try:
                config, _ = configs.load(str(self.config))
                force.write_with_end(config, relay, mode, seconds, self._clock)
            except Fault as fault:
                return str(fault)
        return ""

    def _clock(self) -> Now:
        return Now(self.wall, self.up, f"boot {self.boot}")

    def _run(self) -> tuple[int, str]:
        out = io.StringIO()
        gpio = types.ModuleType("RPi")
        gpio.GPIO = self.pins  # type: ignore[attr-defined]
        sys.modules["RPi"] = gpio
        os.environ["DOMO_SAY"] = "all"  # not only what is new
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), self._disk():
                now = self._clock()
                code = run.main(str(self.config), clock=lambda: now)
        finally:
            del sys.modules["RPi"], os.environ["DOMO_SAY"]
        return code, out.getvalue()

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
