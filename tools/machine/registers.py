"""What a BCM2835's pins do, told from the writes to its registers."""

from __future__ import annotations

SET, CLEAR = 0x1C, 0x28  # 32 pins a register; below them, 10 pins a register, their functions
INPUT, OUTPUT = 0, 1


class Pins:
    """The electrical side of the pins: each change of direction, and of the level of an output.

    A change reads "out 1" when a pin becomes an output that is high, "in" when it becomes an input (or
    something else), "0" and "1" when an output changes its level.
    """

    def __init__(self) -> None:
        self._functions = [INPUT] * 54
        self._latches = [0] * 54

    def write(self, register: int, value: int) -> list[tuple[int, str]]:
        """The (pin, change)s that a write makes."""
        for base, level in ((SET, 1), (CLEAR, 0)):
            if register in (base, base + 4):
                first = 8 * (register - base)
                return self._put([first + bit for bit in range(32) if value >> bit & 1], level)
        if register < SET and register <= 0x14:
            first = register // 4 * 10
            return [
                change
                for n in range(10)
                if first + n < 54
                for change in self._become(first + n, value >> 3 * n & 7)
            ]
        return []

    def is_output(self, pin: int) -> bool:
        """Whether that pin drives its wire."""
        return self._functions[pin] == OUTPUT

    def level(self, pin: int) -> int:
        """The level that it drives, or would as an output."""
        return self._latches[pin]

    def _put(self, pins: list[int], level: int) -> list[tuple[int, str]]:
        changed = [p for p in pins if p < 54 and self._latches[p] != level]
        for pin in changed:
            self._latches[pin] = level
        return [(pin, str(level)) for pin in changed if self.is_output(pin)]

    def _become(self, pin: int, function: int) -> list[tuple[int, str]]:
        before, self._functions[pin] = self.is_output(pin), function
        if self.is_output(pin) == before:
            return []
        return [(pin, "in" if before else f"out {self._latches[pin]}")]
