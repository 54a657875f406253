"""Which board the configuration asks for: gpiochip, gpio (RPi.GPIO), simulated, or auto, the best of them."""

from __future__ import annotations

from ..core.model import Fault
from .board import Board

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.settings import Config
    from .board import Pins

MODEL = "/proc/device-tree/model"  # of a Raspberry Pi, begins with that name


def open_board(config: Config) -> Board:
    """The board that config.board asks for. Raises Fault that says what is missing, and what to do."""
    return Board(config, _pins(config))


def _pins(config: Config) -> Pins:
    if config.board == "gpiochip":
        return _kernels()
    if config.board == "gpio":
        return _rpi_gpio()
    if config.board == "auto" and on_a_pi():
        return _best()
    from .simulated import SimulatedPins

    why = "board: simulated" if config.board == "simulated" else "this is not a Raspberry Pi"
    return SimulatedPins(config.simulatedPins, why)


def _best() -> Pins:
    """The kernel's interface where it keeps outputs, else the original RPi.GPIO, which needs no kernel to."""
    try:
        return _kernels()
    except Fault as fault:
        why = fault
    try:
        from . import rpi_gpio

        pins = rpi_gpio.find()
    except Fault:
        raise why from None
    if pins.blind:
        raise why
    return pins


def _kernels() -> Pins:
    from . import gpiochip

    pins = gpiochip.find()
    if trouble := pins.keeps():
        raise Fault(trouble)
    return pins


def _rpi_gpio() -> Pins:
    """RPi.GPIO; by rpi-lgpio only where the kernel keeps outputs."""
    from . import rpi_gpio

    pins = rpi_gpio.find()
    if pins.blind:
        from . import gpiochip

        if trouble := gpiochip.find().keeps():
            raise Fault(trouble)
    return pins


def on_a_pi() -> bool:
    """Whether this is a Raspberry Pi, by its device tree."""
    try:
        with open(MODEL, "rb") as file:
            return file.read(12) == b"Raspberry Pi"
    except OSError:
        return False
