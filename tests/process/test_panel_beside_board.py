"""The panel's TM1638 by the real driver rpi_TM1638, beside relays on the kernel's interface: no line is taken
twice, and the panel never touches a relay's pin.

The driver comes from its public repository, as README says; where it is not installed, this is skipped.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.gpio import libraries
from support.gpio.pi import Memory, Pi
from support.house import PROJECT, House

pytestmark = pytest.mark.timing

RELAYS = {1: 23, 2: 16, 3: 20}  # 16 and 20 share registers with the TM1638's wires
WIRES = {"dio": 19, "clk": 13, "stb": 26}


def driver() -> Path:
    """The folder where the real driver is."""
    for folder in map(Path, sys.path):
        if (folder / "rpi_TM1638/TMBoards.py").exists():
            return folder
    pytest.skip("the driver rpi_TM1638 is not installed")


class Wall:
    """A house whose panel is on the wall, by one of the libraries."""

    def __init__(self, folder: Path, library: str) -> None:
        self.pi = Pi(folder / "pi")
        self.memory = Memory(self.pi)
        (folder / "house").mkdir()
        self.house = House(folder / "house")
        paths = [str(driver()), str(libraries.library(library))]
        self.house.env.update(self.pi.env, PYTHONPATH=":".join(paths))
        self.house.configure(
            {"domo.board": "gpiochip", "domo.relayGpio": RELAYS, "domo.relayNb": len(RELAYS)}
        )
        self.house.set_modes({1: 1, 2: 1, 3: 1})
        self.panel: subprocess.Popen[str] | None = None

    def hang_up(self) -> None:
        """Starts the panel, and waits until it drives its wires."""
        command = [sys.executable, "-S", str(PROJECT / "bin/domo-panel"), "--config", str(self.house.config)]
        self.panel = subprocess.Popen(
            command, env=self.house.env, cwd=self.house.folder, stderr=subprocess.PIPE, text=True
        )
        self.wait(lambda: {*WIRES.values()} <= self.moved_by_panel(), "the panel drives its wires")

    def moved_by_panel(self) -> set[int]:
        """The pins that changed by the panel's library, up to now."""
        raise NotImplementedError

    def wait(self, seen: Callable[[], bool], what: str) -> None:
        """Waits for something."""
        end = time.monotonic() + 60
        while not seen():
            assert self.panel
            assert self.panel.poll() is None, self.panel.communicate()
            assert time.monotonic() < end, what
            time.sleep(0.05)


class ByLgpio(Wall):
    """Panel and relays go through the same kernel."""

    def moved_by_panel(self) -> set[int]:
        """Lines that lgpio took."""
        return {line for claim in self.pi.kernel.claims if claim.consumer == "lg" for line in claim.lines}


class ByRegisters(Wall):
    """The panel writes registers, the relays' tick asks the kernel."""

    def __init__(self, folder: Path, library: str) -> None:
        super().__init__(folder, library)
        libraries.can_trap()
        for pin in RELAYS.values():
            self.memory.drive(pin, 1)
        self._moved: set[int] = set()

    def moved_by_panel(self) -> set[int]:
        """Pins that its writes to registers changed."""
        self._moved |= {pin for pin, _ in self.memory.take()}
        return self._moved


@pytest.fixture(params=[("rpi-lgpio", ByLgpio), ("RPi.GPIO", ByRegisters)], ids=lambda param: str(param[0]))
def wall(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wall]:
    """A panel on the wall, by each library."""
    name, kind = request.param
    try:
        made: Wall = kind(tmp_path, name)
    except libraries.CannotBeHad as missing:
        pytest.skip(str(missing))
    with made.pi:
        yield made
        if made.panel:
            made.panel.kill()
            made.panel.communicate()


def test_panel_and_ticks_share_the_chip_and_no_line(wall: Wall) -> None:
    wall.house.tick()
    wall.pi.kernel.take()
    wall.hang_up()
    wall.house.set_modes({1: 3, 2: 1, 3: 1})  # the panel sees it, and runs a tick
    wall.wait(lambda: not wall.pi.chip.lines[23].level, "the panel's tick switches relay 1 on")
    for modes in ({1: 3, 2: 3, 3: 0}, {1: 0, 2: 0, 3: 0}):
        wall.house.set_modes(modes)
        wall.wait(lambda modes=modes: wall.house.states.get(2) == modes[2] // 3, f"a tick acts on {modes}")  # type: ignore[misc]
    assert wall.panel
    wall.panel.terminate()
    _, said = wall.panel.communicate(timeout=30)
    assert "Traceback" not in said
    relays = {*RELAYS.values()}
    changes = [change for change in wall.pi.kernel.take() if change[0] in relays]
    assert changes[:2] == [(23, "0"), (16, "0")]  # nothing but what was ordered
    assert sorted(changes[2:]) == [(16, "1"), (23, "1")]
    assert wall.moved_by_panel() == {*WIRES.values()}
    assert wall.pi.kernel.refused == []
    assert not list(wall.house.folder.rglob(".lgd-nfy*"))


def test_a_wire_that_another_program_holds_is_said(tmp_path: Path) -> None:
    try:
        wall = ByLgpio(tmp_path, "rpi-lgpio")
    except libraries.CannotBeHad as missing:
        pytest.skip(str(missing))
    with wall.pi:
        wall.pi.chip.lines[WIRES["clk"]].consumer = "heating"
        command = [sys.executable, "-S", str(PROJECT / "bin/domo-panel"), "--config", str(wall.house.config)]
        ran = subprocess.run(command, env=wall.house.env, capture_output=True, text=True, timeout=60)
    assert ran.returncode
    assert "Traceback" not in ran.stderr
    assert "the TM1638 cannot be driven" in ran.stderr
