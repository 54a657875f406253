"""TM1638 chips at the level of their pins, for the fake RPi.GPIO.

Facts are from Titan Micro's datasheet TM1638 V2.2 (English), cited by page. Where it says nothing:

- An instruction sent behind a data command (0x40, 0x44) without raising STB between is obeyed as an
  instruction. The clearDisplay() of rpi-TM1638 relies on it.
- After the fourth byte of a key scan nothing pulls DIO low (p. 7: four bytes at most).

The board is the common LED&KEY: eight digits on the even addresses (bit 0..6 segments a..g, bit 7
the dot), eight leds on bit 0 of the odd ones, eight buttons on K3, with diodes, so that any of them
can be pressed together.

For a process driven by a test, FAKE_TM1638 names a folder:

display.json  what the boards show, replaced whole when STB rises after a write of display memory
              or brightness (even of what they held), or after a key scan that saw other buttons
              than the one before. The next process finds its boards as it left them.
buttons       which buttons are down, looked at (by stat) when STB falls. "1 5" for board 1, or JSON
              per board, {"1": [1, 5], "2": null}; null is a board without power.

FAKE_TM1638_PINS says how they are wired: "dio=19,clk=13,stb=26" (the default), "stb=26+6" for two.
"""

from __future__ import annotations

import json
import os
import time

TYPE_CHECKING = False  # as typing's, without the cost of its import to the process measured
if TYPE_CHECKING:
    from typing import Any

_GARBAGE = [0xA5] * 16


class Chip:
    """One chip with its eight buttons: give it the edges of STB and CLK, read `out` for its DIO."""

    def __init__(self) -> None:
        self.pressed: set[int] = set()  # buttons held down now, 1..8
        self.received = 0  # bytes that came in, of any kind
        self.scans = 0  # how many of these were commands to read the keys
        self.out = 1  # DIO: open drain (p. 2), so 0 pulls low and 1 lets go
        self.changed = False  # is there news for those who look at the board?
        self.plugged = True
        self.missed = 0  # how often STB fell while it had no power
        self._bits = self._count = self._keys = 0
        self._state = "idle"
        self._power_on()

    def _power_on(self) -> None:
        """Display memory is random (p. 5) and the display off; the address is 0 (p. 4)."""
        self.seen: list[int] = []  # buttons that were down at the last key scan
        self.ram = list(_GARBAGE)
        self.on = False
        self.brightness = 0
        self._address, self._increment = 0, True

    def plug(self, plugged: bool) -> None:
        """Give it power, or take it away, and with it what the chip remembers."""
        if plugged != self.plugged:
            self.plugged = plugged
            self._power_on()
            self.deselect()
            self.changed = True

    def select(self) -> None:
        """STB falls: what comes next is an instruction (p. 2)."""
        if self.plugged:
            self._state = "instruction"
            self._bits = self._count = 0
        else:
            self.missed += 1
            self.changed = True

    def deselect(self) -> None:
        """STB rises: a byte cut short is void, the ones before it count (p. 3)."""
        self._state = "idle"
        self.out = 1

    def rise(self, dio: int) -> None:
        """CLK rises: take in one bit, lowest first (p. 2)."""
        if self._state in ("idle", "keys"):
            return
        self._bits |= dio << self._count
        self._count += 1
        if self._count == 8:
            byte, self._bits, self._count = self._bits, 0, 0
            self._byte(byte)

    def fall(self) -> None:
        """CLK falls: during a key scan, put out the next bit, lowest first (p. 2)."""
        if self._state == "keys":
            self.out = self._keys & 1
            self._keys = self._keys >> 1 | 1 << 31  # ones behind the 32 bits

    def _byte(self, byte: int) -> None:
        self.received += 1
        if self._state == "data":
            if self._address < 16:  # beyond, data is ignored (p. 4)
                self.ram[self._address] = byte
                self.changed = True
            self._address += self._increment
            return
        kind = byte >> 6  # p. 3: bits 7 and 6 tell the instructions apart
        if kind == 0b01 and byte & 0b11 == 0b10:
            self.scans += 1
            self._keys = _key_bits(self.pressed)
            self._state = "keys"
            if self.seen != sorted(self.pressed):
                self.seen = sorted(self.pressed)
                self.changed = True
        elif kind == 0b01:
            self._increment = not byte & 0b100
        elif kind == 0b10:
            self.on, self.brightness = bool(byte & 0b1000), byte & 0b111  # p. 4
            self.changed = True
            self._state = "data"
        elif kind == 0b11:
            self._address = byte & 0b111111
            self._state = "data"

    def report(self) -> dict[str, Any]:
        """What can be seen of it, as in display.json."""
        names = ("plugged", "on", "brightness", "ram", "seen", "received", "scans", "missed")
        return {name: getattr(self, name) for name in names}

    def restore(self, report: dict[str, Any]) -> None:
        """Be as that report says."""
        for name, value in report.items():
            setattr(self, name, value)


def _key_bits(pressed: set[int]) -> int:
    """The four bytes of a key scan, the first one lowest.

    Byte n (0..3) holds KS(2n+1) in its low half and KS(2n+2) in its high half, K3 in the lowest bit
    of each (p. 7, figure 4). The LED&KEY board wires button n+1 to the first and n+5 to the second.
    """
    return sum(1 << (8 * ((button - 1) % 4) + (4 if button > 4 else 0)) for button in pressed)


class Bus:
    """Chips that share DIO and CLK, each with its own STB, as the fake RPi.GPIO wants them.

    In: BCM numbers, and a chip for each pin of STB. Lines that the Pi leaves alone are high, by the
    pull-ups of the boards.
    """

    def __init__(self, dio: int, clk: int, chips: dict[int, Chip]) -> None:
        self.pins = (dio, clk, *chips)
        self.chips = chips
        self._dio, self._clk = dio, clk
        self._level = dict.fromkeys(self.pins, 1)
        self._selected: list[Chip] = []

    def line(self, pin: int, level: int | None) -> None:
        """The Pi drives a pin to a level, or lets go of it (None)."""
        level = 1 if level is None else level
        if level == self._level[pin]:
            return
        self._level[pin] = level
        if pin == self._clk:
            for chip in self._selected:
                if level:
                    chip.rise(self._level[self._dio])
                else:
                    chip.fall()
        elif pin != self._dio:
            chip = self.chips[pin]
            if level:
                self._selected.remove(chip)
                self._deselect(chip)
            else:
                self._selected.append(chip)
                self._select(chip)

    def read(self, pin: int) -> int | None:
        """The level that the boards give to a pin; None if there is none with power."""
        if pin == self._dio:
            for chip in self._selected:
                if not chip.out:
                    return 0
        return 1 if any(chip.plugged for chip in self.chips.values()) else None

    def _select(self, chip: Chip) -> None:
        chip.select()

    def _deselect(self, chip: Chip) -> None:
        chip.deselect()


class SharedBus(Bus):
    """A bus whose boards another process watches and presses, through the files of a folder."""

    def __init__(self, dio: int, clk: int, chips: dict[int, Chip], folder: str) -> None:
        super().__init__(dio, clk, chips)
        os.makedirs(folder, exist_ok=True)
        self._display = os.path.join(folder, "display.json")
        self._buttons = os.path.join(folder, "buttons")
        self._stamp: object = None
        try:
            with open(self._display) as file:
                for chip, report in zip(chips.values(), json.load(file)["boards"], strict=False):
                    chip.restore(report)
        except FileNotFoundError:
            pass

    def _select(self, chip: Chip) -> None:
        try:
            stat = os.stat(self._buttons)
            stamp: object = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except FileNotFoundError:
            stamp = None
        if stamp != self._stamp:
            self._stamp = stamp
            self._look_at_buttons()
        super()._select(chip)

    def _look_at_buttons(self) -> None:
        try:
            with open(self._buttons) as file:
                text = file.read()
        except FileNotFoundError:
            text = ""
        boards = json.loads(text) if text[:1] == "{" else {"1": list(map(int, text.split()))}
        for number, chip in enumerate(self.chips.values(), 1):
            pressed = boards.get(str(number), [])
            chip.plug(pressed is not None)
            chip.pressed = set(pressed or ())

    def _deselect(self, chip: Chip) -> None:
        super()._deselect(chip)
        if any(chip.changed for chip in self.chips.values()):
            self._publish()

    def _publish(self) -> None:
        boards = []
        for chip in self.chips.values():
            chip.changed = False
            boards.append(chip.report())
        with open(self._display + ".new", "w") as file:
            json.dump({"ns": time.monotonic_ns(), "pid": os.getpid(), "boards": boards}, file)
        os.replace(self._display + ".new", self._display)


def from_environment() -> SharedBus:
    """The boards that FAKE_TM1638 and FAKE_TM1638_PINS describe."""
    pins = {"dio": "19", "clk": "13", "stb": "26"}
    wiring = os.environ.get("FAKE_TM1638_PINS", "")
    for item in filter(None, wiring.split(",")):
        name, _, numbers = item.strip().partition("=")
        pins[name] = numbers
    chips = {int(stb): Chip() for stb in pins["stb"].split("+")}
    return SharedBus(int(pins["dio"]), int(pins["clk"]), chips, os.environ["FAKE_TM1638"])
