"""Pins kept in a file, for machines other than a Raspberry Pi: JSON, BCM number to electrical level."""

from __future__ import annotations

from ..system import files, tinyjson


class SimulatedPins:
    """Pins that outlive the process, as real ones do. One that the file does not name is an input."""

    blind = False

    def __init__(self, path: str, why: str) -> None:
        self.kind = f"simulated pins in {path} ({why})"
        self._path = path
        self._levels: dict[int, int] = {}
        saved, self._trouble = tinyjson.load_ours(path)
        try:
            self._levels = {int(pin): int(bool(level)) for pin, level in saved.items()}
        except ValueError as error:
            self._trouble = f"{path}: was not domo's ({error})"
        self._saved = dict(self._levels)

    def read(self, pin: int) -> int | None:
        """The level of an output, None for an input."""
        return self._levels.get(pin)

    def drive(self, pin: int, level: int) -> None:
        """Makes a pin an output at that level."""
        self._levels[pin] = level

    def save(self) -> str:
        """Writes the file if a level has changed. Gives "" or what was wrong with it. Raises Fault."""
        trouble, self._trouble = self._trouble, ""
        if trouble:
            from ..system import aside

            trouble = aside.set_aside(self._path, trouble)
        if self._levels != self._saved:
            files.replace(self._path, tinyjson.dumps(self._levels).encode())
            self._saved = dict(self._levels)
        return trouble
