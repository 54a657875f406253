"""Stands in for the package rpi_TM1638 where that cannot be installed: same class, same bytes.

Written from Titan Micro's datasheet TM1638 V2.2 (pages cited) and what the package's README says of
its calls; only the low-level calls are here.
"""

from __future__ import annotations

import time

from RPi import GPIO

GPIO.setwarnings(False)

_WRITE, _READ_KEYS, _WRITE_FIXED = 0x40, 0x42, 0x44  # p. 3
_ADDRESS = 0xC0  # p. 3
_OFF, _ON = 0x80, 0x88  # p. 4


class TMBoards:
    """TM1638 boards that share DIO and CLK. `TMindex` is a board's place in `stb`, None is all."""

    def __init__(
        self, dio: int, clk: int, stb: int | tuple[int, ...] | list[int], brightness: int = 1
    ) -> None:
        self._dio, self._clk = dio, clk
        self._stb = [stb] if isinstance(stb, int) else list(stb)
        GPIO.setmode(GPIO.BCM)
        GPIO.setup([dio, clk, *self._stb], GPIO.OUT)
        GPIO.output([*self._stb, clk], True)
        self.turnOn(brightness)
        self.clearDisplay()

    @property
    def nbBoards(self) -> int:
        """How many boards there are."""
        return len(self._stb)

    def turnOn(self, brightness: int, TMindex: int | None = None) -> None:
        """Light the display, at brightness 0..7."""
        self.sendCommand(_ON | brightness & 7, TMindex)

    def turnOff(self, TMindex: int | None = None) -> None:
        """Darken the display; what it shows is kept."""
        self.sendCommand(_OFF, TMindex)

    def clearDisplay(self, TMindex: int | None = None) -> None:
        """Put out every segment and led. (The package raises STB only at the very end.)"""
        self._send(TMindex, _WRITE, _ADDRESS, *bytes(16))

    def sendCommand(self, cmd: int, TMindex: int | None) -> None:
        """Send one instruction."""
        self._send(TMindex, cmd)

    def sendData(self, addr: int, data: int, TMindex: int | None) -> None:
        """Write one byte of display memory, 0..15."""
        self._send(TMindex, _WRITE_FIXED)
        self._send(TMindex, _ADDRESS | addr, data)

    def getData(self, TMindex: int) -> list[int]:
        """The four bytes of a key scan."""
        self._strobe(TMindex, False)
        self._byte(_READ_KEYS)
        GPIO.setup(self._dio, GPIO.IN, pull_up_down=GPIO.PUD_UP)
        time.sleep(2e-6)  # Twait, p. 9
        keys = [self._read_byte() for _ in range(4)]
        GPIO.setup(self._dio, GPIO.OUT)
        self._strobe(TMindex, True)
        return keys

    def _strobe(self, TMindex: int | None, level: bool) -> None:
        GPIO.output(self._stb if TMindex is None else self._stb[TMindex], level)

    def _send(self, TMindex: int | None, *data: int) -> None:
        self._strobe(TMindex, False)
        for byte in data:
            self._byte(byte)
        self._strobe(TMindex, True)

    def _byte(self, byte: int) -> None:
        for bit in range(8):
            GPIO.output(self._clk, False)
            GPIO.output(self._dio, byte >> bit & 1)
            GPIO.output(self._clk, True)

    def _read_byte(self) -> int:
        byte = 0
        for bit in range(8):
            GPIO.output(self._clk, False)
            GPIO.output(self._clk, True)  # the level is sure from here on (p. 2)
            byte |= GPIO.input(self._dio) << bit
        return byte
