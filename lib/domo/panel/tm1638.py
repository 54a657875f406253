"""The panel's face on TM1638 boards, by the driver rpi_TM1638 (https://github.com/thilaire/rpi-TM1638).

Only the driver's plain calls are used: its `switches` scan the keys anew at each look and miss two
buttons that share a byte, and its digit cache goes stale when the display is cleared.
"""

from __future__ import annotations

import sys
from typing import Any

from ..core.model import Config, Fault
from ..pins import rpi_gpio
from ..system import files
from .frame import BOARD, View, frame

COMMIT = "edb13c41cf2f94e658bccdeddc96dc8f12facead"  # the driver's, that this was tested with
REDRAW_SECONDS = (
    300.0  # a glitch on the wires may have spoilt what a board shows; it takes as long as ten polls
)
BUTTONS = 0x11  # bits 0 and 4 of byte n are buttons n + 1 and n + 5; nothing is wired to the others


def _driver() -> Any:
    """The driver's class; it imports RPi.GPIO."""
    from rpi_TM1638 import TMBoards

    return TMBoards


class TM1638:
    """The boards that domo.tm1638 of config.yaml describes. Raises Fault when they cannot be had."""

    def __init__(self, config: Config) -> None:
        if not config.stb:
            raise Fault(
                "no TM1638 is configured (domo.tm1638.stb is []); there are --terminal and --no-display"
            )
        files.third_party()
        try:
            tm_boards = rpi_gpio.started(_driver)
            self._boards = tm_boards(config.dio, config.clk, config.stb, config.brightness)
        except ImportError as error:
            raise Fault(_missing(error)) from None
        except Exception as error:  # lgpio has errors of its own
            raise Fault(
                f"the TM1638 cannot be driven ({error}); there are --terminal and --no-display"
            ) from None
        self.quick = False  # a button is down
        self._brightness = config.brightness
        self._keys = [[0] * 4 for _ in config.stb]  # the last scan of each board
        self._down = [0] * len(config.stb)  # its buttons that are down, bit 0 button 1
        self._frames = [(bytes(BOARD), bytes(BOARD))] * len(config.stb)
        self._sent = [[0] * 2 * BOARD for _ in config.stb]  # what its display memory holds; -1: nobody knows
        self._redraw_at = 0.0

    def pressed(self, now: float) -> list[int]:
        """The relays whose buttons went down since the last call; `now` is any clock (s)."""
        relays: list[int] = []
        for board, before in enumerate(self._keys):
            keys = self._boards.getData(board)
            if keys != before and self._boards.getData(board) == keys:  # one spoilt scan shall switch nothing
                self._keys[board] = keys
                if not _answers(keys):
                    continue
                if not _answers(before):  # it is back: dark, its memory random
                    self._redraw(board)
                relays += self._went_down(board, keys)
        if now >= self._redraw_at:
            self._redraw_at = now + REDRAW_SECONDS
            for board in range(len(self._keys)):
                self._redraw(board)
        return relays

    def _went_down(self, board: int, keys: list[int]) -> list[int]:
        down = sum((byte & 1 | byte & 0x10) << n for n, byte in enumerate(keys))
        new, self._down[board] = down & ~self._down[board], down
        self.quick = any(self._down)
        return [board * BOARD + n + 1 for n in range(BOARD) if new >> n & 1]

    def show(self, view: View, lit: int) -> None:
        """Shows the view in that phase (see panel.phase); sends only the bytes that changed."""
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


def _answers(keys: list[int]) -> bool:
    """Whether that is a scan of keys; an unplugged board reads FF."""
    return not any(byte & ~BUTTONS for byte in keys)


def _missing(error: ImportError) -> str:
    """What is missing, and the command that installs it."""
    if (error.name or "").startswith("RPi"):
        return "RPi.GPIO is missing; run: sudo apt install python3-rpi.gpio (or python3-rpi-lgpio)"
    # Debian's pip wants to be told that it may, and would compile the RPi.GPIO that apt has brought already.
    pip = (
        "pip install"
        if sys.prefix != sys.base_prefix
        else "sudo pip install --break-system-packages --no-deps"
    )
    package = f"rpi_TM1638 @ git+https://github.com/thilaire/rpi-TM1638@{COMMIT}"
    return f'the driver of the TM1638 is missing; run: {pip} "{package}" (--terminal works without it)'
