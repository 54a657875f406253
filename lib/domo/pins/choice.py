"""Which board the configuration asks for."""

from __future__ import annotations

from .board import Board

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.settings import Config
    from .board import Pins


def open_board(config: Config) -> Board:
    """The board that config.board asks for: gpiochip, gpio (RPi.GPIO), simulated, or auto, the best of them.
    Raises Fault that says what is missing, and what to do."""
    return Board(config, _pins(config))


def _pins(config: Config) -> Pins:
    if config.board != "simulated":
        from . import real

        if config.board != "auto" or real.on_a_pi():
            return real.find(config.board)
    from .simulated import SimulatedPins

    why = "board: simulated" if config.board == "simulated" else "this is not a Raspberry Pi"
    return SimulatedPins(config.simulatedPins, why)
