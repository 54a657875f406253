"""The real pins: chooses one of the two ways to drive them."""

from __future__ import annotations

from ..core.model import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .board import Pins

MODEL = "/proc/device-tree/model"  # of a Raspberry Pi, begins with that name


def find(board: str) -> Pins:
    """The pins for a `board` of gpiochip, gpio or auto. Raises Fault that says what is missing."""
    if board == "gpiochip":
        return _kernels()
    return _rpi_gpio() if board == "gpio" else _best()


def _best() -> Pins:
    """The kernel's interface if it keeps outputs, else the original RPi.GPIO, whose outputs always stay."""
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
    if fault := pins.keeps():
        raise Fault(fault)
    return pins


def _rpi_gpio() -> Pins:
    """RPi.GPIO; rpi-lgpio only if the kernel keeps outputs."""
    from . import rpi_gpio

    pins = rpi_gpio.find()
    if pins.blind:
        from . import gpiochip

        if fault := gpiochip.find().keeps():
            raise Fault(fault)
    return pins


def on_a_pi() -> bool:
    """Whether this is a Raspberry Pi, by its device tree."""
    try:
        with open(MODEL, "rb") as file:
            return file.read(12) == b"Raspberry Pi"
    except OSError:
        return False
