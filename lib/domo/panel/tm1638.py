"""The panel's face on TM1638 boards, by the driver rpi_TM1638 (https://github.com/thilaire/rpi-TM1638).

Only the driver's plain calls are used: its `switches` scan the keys anew at each look and miss two
buttons that share a byte, and its digit cache goes stale when the display is cleared.
"""

from __future__ import annotations

import sys
import time

from ..core.model import Fault
from ..core.settings import Config
from ..pins import rpi_gpio
from ..system import packages
from .frame import BOARD, View, frame
from .keys import Keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMIT = "edb13c41cf2f94e658bccdeddc96dc8f12facead"  # of the driver that was tested
# A glitch on the wires may have spoilt what a board shows. To draw it anew takes as long as ten polls.
REDRAW_SECONDS = 300.0
BUTTONS = 0x11  # bits 0 and 4 of byte n are buttons n + 1 and n + 5; nothing is wired to the others


def _driver() -> Any:
    """The driver's class; it imports RPi.GPIO."""
    from rpi_TM1638 import TMBoards

    return TMBoards


class TM1638:
    """The boards that domo.tm1638 in config.yaml describes. Raises Fault if they cannot be driven."""

    def __init__(self, config: Config) -> None:
        if not config.stb:
            raise Fault(
                "no TM1638 is configured (domo.tm1638.stb is []); there are --terminal and --no-display"
            )
        self.quick = self.ended = False
        self.jammed: tuple[int, ...] = ()
        self._brightness = config.brightness
        self._scans: list[list[int] | None] = [None for _ in config.stb]  # the last of each board
        self._keys = [Keys(BOARD) for _ in config.stb]
        self._frames = [(bytes(BOARD), bytes(BOARD))] * len(config.stb)
        self._sent = [[0] * 2 * BOARD for _ in config.stb]  # what its display memory holds; -1: unknown
        self._redraw_at = 0.0
        packages.third_party()
        try:
            tm_boards = rpi_gpio.started(_driver)
            self._boards = tm_boards(config.dio, config.clk, config.stb, config.brightness)
            self._read_keys(time.monotonic())  # so that the first press after this counts
        except ImportError as error:
            raise Fault(_missing(error)) from None
        except Exception as error:  # lgpio has errors of its own
            raise Fault(
                f"the TM1638 cannot be driven ({error}); there are --terminal and --no-display"
            ) from None

    def pressed(self, now: float) -> list[int]:
        """The relays whose buttons went down since the last call; `now` is any clock (s)."""
        relays = self._read_keys(now)
        if now >= self._redraw_at:
            self._redraw_at = now + REDRAW_SECONDS
            for board in range(len(self._keys)):
                self._redraw(board)
        return relays

    def _read_keys(self, now: float) -> list[int]:
        relays: list[int] = []
        for board, keys in enumerate(self._keys):
            before, scan = self._scans[board], self._boards.getData(board)
            if scan != before:
                if self._boards.getData(board) != scan:  # one spoilt scan must switch nothing
                    continue
                self._scans[board] = scan
                if not _answers(scan):
                    self._keys[board] = Keys(BOARD)
                elif before is not None and not _answers(before):  # it is back: dark, its memory random
                    self._redraw(board)
            elif not keys.restless:
                continue
            if _answers(scan):
                relays += [board * BOARD + button for button in keys.pressed(_down(scan), now)]
            self._sum_up()
        return relays

    def _sum_up(self) -> None:
        self.quick = any(keys.quick for keys in self._keys)
        self.jammed = tuple(n * BOARD + button for n, keys in enumerate(self._keys) for button in keys.jammed)

    def show(self, view: View, lit: int) -> None:
        """Shows the view in that phase (see frame.phase); sends only the bytes that changed."""
        self._frames = frame(view, len(self._sent), lit)
        for board in range(len(self._sent)):
            self._send(board)

    def _redraw(self, board: int) -> None:
        self._boards.turnOn(self._brightness, board)
        self._sent[board] = [-1] * 2 * BOARD
        self._send(board)

    def _send(self, board: int) -> None:
        sent = self._sent[board]
        digits, leds = self._frames[board]
        for address in range(2 * BOARD):
            byte = (leds if address & 1 else digits)[address >> 1]
            if sent[address] != byte:
                self._boards.sendData(address, byte, board)
                sent[address] = byte

    def close(self) -> None:
        """Leaves the display dark. (Never GPIO.cleanup(): pins keep their level.)"""
        self._boards.clearDisplay()
        self._boards.turnOff()


def _answers(scan: list[int]) -> bool:
    """Whether that is a scan of keys; an unplugged board reads FF."""
    return not any(byte & ~BUTTONS for byte in scan)


def _down(scan: list[int]) -> set[int]:
    """The buttons that are down in a scan, from 1."""
    keys = [(n + first, byte & bit) for n, byte in enumerate(scan) for first, bit in ((1, 0x01), (5, 0x10))]
    return {button for button, down in keys if down}


def _missing(error: ImportError) -> str:
    """What is missing, and the command that installs it."""
    if (error.name or "").startswith("RPi"):
        return rpi_gpio.MISSING
    # Debian's pip needs --break-system-packages, and without --no-deps it would compile RPi.GPIO again.
    pip = (
        "pip install"
        if sys.prefix != sys.base_prefix
        else "sudo pip install --break-system-packages --no-deps"
    )
    package = f"rpi_TM1638 @ git+https://github.com/thilaire/rpi-TM1638@{COMMIT}"
    return f'the driver of the TM1638 is missing; run: {pip} "{package}" (--terminal works without it)'
