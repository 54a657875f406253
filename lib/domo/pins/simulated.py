"""Pins kept in a file, for everything that is no Raspberry Pi: JSON, BCM number to electrical level, as the
state file has its relays."""

from __future__ import annotations

from ..stores import states


class SimulatedPins:
    """Pins that outlive the process, as real ones do. One that the file does not name is an input."""

    blind = False

    def __init__(self, path: str, why: str) -> None:
        self.kind = f"simulated pins in {path} ({why})"
        self._path = path
        self._levels, self._fault = states.load(path)
        self._saved = dict(self._levels)

    def read(self, pin: int) -> int | None:
        """The level of an output, None for an input."""
        return self._levels.get(pin)

    def drive(self, pin: int, level: int) -> None:
        """Makes a pin an output at that level."""
        self._levels[pin] = level

    def save(self) -> str:
        """Writes the file if a level has changed. Gives "" or what was wrong with it. Raises Fault."""
        if self._levels == self._saved and not self._fault:
            return ""
        return states.save(self._path, self._levels)
