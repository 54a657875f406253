"""A house with a TM1638 on its wall: the panel as a process, over emulated pins and boards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from support.house import PROJECT, House

EMULATOR = Path(__file__).parent / "emulator"
sys.path[:0] = [path for path in (os.environ.get("RPI_TM1638"), str(EMULATOR)) if path]

from bench import BOTTOM, DOT, MIDDLE, TOP, Bench, Display  # noqa: E402

PRESSED = {0: TOP, MIDDLE: TOP, TOP: BOTTOM, BOTTOM: 0}  # what a digit becomes when its button is pressed
QUICK = {"domo.tm1638.refresh": 0.03, "domo.tm1638.actionButtonDelay": 0.5, "domo.relayNb": 8}


class Wall:
    """The house, its board of pins, and the panel process."""

    def __init__(self, house: House, settings: Mapping[str, Any] | None = None) -> None:
        self.house = house
        stb = (settings or {}).get("domo.tm1638.stb", 26)
        self._boards = len(stb) if isinstance(stb, list) else 1
        self.bench = Bench(house.folder, stb=stb if isinstance(stb, list) else [stb])
        house.configure({**QUICK, "domo.board": "gpio", **(settings or {})})
        self.log = house.folder / "panel.log"
        self.panel: subprocess.Popen[bytes] | None = None
        self.under: list[str] = []  # the program that the panel runs under

    @property
    def env(self) -> dict[str, str]:
        """The environment of every process in the house."""
        env = {**self.bench.env(), "TMPDIR": str(self.house.tmp)}
        return {name: value for name, value in env.items() if name != "DOMO_CONFIG"}

    def command(self, *arguments: str) -> list[str]:
        """The panel's command line; -S without -I, so that the emulator's PYTHONPATH counts."""
        program = str(PROJECT / "bin/domo-panel")
        return [*self.under, sys.executable, "-S", program, "--config", str(self.house.config), *arguments]

    def start(self, *arguments: str, **env: str) -> Wall:
        """Starts the panel, and waits until it shows something and has looked at its buttons (unless it has
        no display): what is down before counts as no press."""
        scans = [self.bench.display(board).scans for board in range(1, self._boards + 1)]
        with self.log.open("ab") as log:
            self.panel = subprocess.Popen(self.command(*arguments), env={**self.env, **env}, stderr=log)
        if "--no-display" not in arguments:
            for board, before in enumerate(scans, 1):
                self.bench.wait_for(lambda d, n=before: self._shows(d) and d.scans > n, 30, board)  # type: ignore[misc]
        return self

    def _shows(self, display: Display) -> bool:
        assert self.panel and self.panel.poll() is None, self.said()
        return display.on and display.pid == self.panel.pid and "#" not in display.text

    def stop(self, by: int = signal.SIGTERM) -> int:
        """Ends the panel; gives its exit code."""
        assert self.panel
        self.panel.send_signal(by)
        return self.panel.wait(20)

    def click(self, *buttons: int, board: int = 1, hold: float = 0.0) -> None:
        """Presses buttons together until their digits follow, holds them so much longer, and lets go."""
        calm = self.see(lambda display: set(self._digits(display, buttons)) <= set(PRESSED), board)
        shown = self._digits(calm, buttons)
        self.bench.press(buttons, board, 30)
        self.see(lambda display: self._digits(display, buttons) == [PRESSED[digit] for digit in shown], board)
        time.sleep(hold)
        self.bench.release(board, 30)

    def see(self, what: Callable[[Display], object], board: int = 1) -> Display:
        """Waits until a board shows what is meant."""
        return self.bench.wait_for(what, 30, board)

    def _digits(self, display: Display, buttons: tuple[int, ...]) -> list[int]:
        return [display.digits[button - 1] & ~DOT for button in buttons]

    def tick(self) -> None:
        """A tick of cron's, after the one that may be running."""
        done = subprocess.run(self.house.command(), env=self.env, timeout=60, stderr=subprocess.DEVNULL)
        if done.returncode == 75:
            time.sleep(0.1)
            self.tick()

    def calm(self) -> None:
        """Waits until no tick has run for two seconds: the panel has none of its own left to run."""
        memory = self.house.memory_file
        eventually(lambda: memory.exists() and time.time() - memory.stat().st_mtime > 2, 60)

    @property
    def on(self) -> set[int]:
        """The relays that are on, by their pins (active-low)."""
        pins = self.house.pins_of.items()
        return {
            relay for relay, pin in pins if (self.bench.direction(pin), self.bench.level(pin)) == ("out", 0)
        }

    def was_on(self, relay: int) -> bool:
        """Whether a relay was ever switched on."""
        events = self.bench.transitions(self.house.pins_of[relay])
        return any(event.level == 0 and event.what in ("level", "out") for event in events)

    def said(self) -> str:
        """What the panel printed, on one line."""
        return " ".join(self.log.read_text().split())


Walls = Callable[..., Wall]


def walls(house: House) -> Iterator[Walls]:
    """A fixture: makes the house's wall; its panel ends with the test."""
    made: list[Wall] = []

    def make(settings: Mapping[str, Any] | None = None) -> Wall:
        made.append(Wall(house, settings))
        return made[-1]

    yield make
    for one in made:
        if one.panel and one.panel.poll() is None:
            one.stop(signal.SIGKILL)


def eventually(what: Callable[[], object], seconds: float = 20) -> None:
    """Waits until `what` holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


def never(what: Callable[[], object], seconds: float) -> None:
    """Looks for that long whether `what` holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert not what()
        time.sleep(0.05)
