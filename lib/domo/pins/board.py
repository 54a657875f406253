"""The relays' board: which pin switches which relay, at which level, whatever drives the pins.

A pin keeps its level when the process ends, because nothing here ever lets go of an output on purpose. A
pin that fails is one relay's fault: every other relay is switched.
"""

from __future__ import annotations

from ..core.faults import Report
from ..core.history import OFF, ON
from ..core.model import ON_OFF, Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from ..core.settings import Config

    class Pins(Protocol):
        """What drives pins, by their BCM numbers: gpiochip, RPi.GPIO, or simulated ones."""

        kind: str  # what it is, in words
        blind: bool  # the level of an output cannot be read without touching it

        def read(self, pin: int) -> int | None:
            """The level of an output, None for an input. Raises Fault."""

        def drive(self, pin: int, level: int) -> None:
            """Makes a pin an output at that level, with no other level in between. Raises Fault."""

        def save(self) -> str:
            """What is needed for the pins to outlive the process; gives "" or a fault. Raises Fault."""


class Board:
    """The relays of `config` on `pins`."""

    def __init__(self, config: Config, pins: Pins) -> None:
        self.kind = pins.kind
        self._pins = pins
        self._pin_of = config.relayGpio
        self._on = 0 if config.relayActiveLow else 1

    def states(self, remembered: Mapping[int, int]) -> dict[int, int]:
        """The state of each relay, by its pin: an input (after a boot) leaves its relay off. If the level of
        outputs cannot be read, it is the `remembered` state; a pin that fails counts as off."""
        return {
            relay: self._state(level, remembered.get(relay, OFF)) for relay, level in self.levels().items()
        }

    def levels(self) -> dict[int, int | Fault | None]:
        """The level of each relay's pin, or why it cannot be read; None for an input, which floats until the
        first tick after a boot."""
        levels: dict[int, int | Fault | None] = {}
        for relay, pin in self._pin_of.items():
            try:
                levels[relay] = self._pins.read(pin)
            except Fault as fault:
                levels[relay] = fault
        return levels

    def apply(self, states: Mapping[int, int]) -> dict[int, str]:
        """Puts every pin at the level of its relay's state, offs first; gives the relays for which that
        failed, and why. A pin that has its level already is not touched, if that can be seen."""
        faults: dict[int, str] = {}
        for relay, state in sorted(states.items(), key=lambda item: item[1]):
            try:
                self._set(self._pin_of[relay], self._level(state))
            except Fault as fault:
                text = f"relay {relay} cannot be switched {ON_OFF[state]}: {fault}"
                faults[relay] = Report(text, f"pin of relay {relay}", str(fault))
        return faults

    def let_go(self, pins: Mapping[int, int]) -> None:
        """Puts pins that no relay uses any more at these levels, if they are still outputs."""
        for pin, level in pins.items():
            try:
                if self._pins.read(pin) is not None:
                    self._set(pin, level)
            except Fault:  # it may be somebody else's by now
                pass

    def save(self) -> str:
        """Lets simulated pins outlive the process. Gives "" or what was wrong with them. Raises Fault."""
        return self._pins.save()

    def _set(self, pin: int, level: int) -> None:
        if not self._pins.blind and self._pins.read(pin) == level:
            return
        self._pins.drive(pin, level)
        if not self._pins.blind and self._pins.read(pin) != level:
            raise Fault(f"BCM pin {pin} does not follow; look at its wiring")

    def _level(self, state: int) -> int:
        return self._on if state == ON else 1 - self._on

    def _state(self, level: int | Fault | None, remembered: int) -> int:
        if level is None or isinstance(level, Fault):
            return OFF
        if self._pins.blind:
            return remembered
        return ON if level == self._on else OFF
