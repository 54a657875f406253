"""RPi.GPIO: the original, or rpi-lgpio, which has the same name. The two differ in what matters here:

- The original writes the chip's registers. Pins keep their level when the program ends, and
  `setup(pin, OUT)` leaves an output as it is, so it can be read. It cannot work on a Raspberry Pi 5.
- rpi-lgpio goes through the kernel. `setup(pin, OUT)` without `initial` makes the pin an input for a
  moment, and the relay board pulls it to off. So `initial` is always given, and a level cannot be read.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

from ..core.model import Fault
from ..system import cache, files, packages, rights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ANY_PIN = 4
MISSING = "RPi.GPIO is missing; run: sudo apt install python3-rpi.gpio (or python3-rpi-lgpio)"


class RpiGpio:
    """The pins by `gpio`, the module RPi.GPIO. `blind`: it is rpi-lgpio; no pin can be read untouched."""

    def __init__(self, gpio: Any) -> None:
        self.blind = "lgpio" in sys.modules
        self.kind = "RPi.GPIO (rpi-lgpio)" if self.blind else "RPi.GPIO (the original)"
        self._gpio = gpio
        self._own: set[int] = set()  # the pins that this process has set up
        try:
            gpio.setwarnings(False)  # a pin that is an output already is what we hope for
            gpio.setmode(gpio.BCM)
            gpio.gpio_function(ANY_PIN)  # the original opens the device now, not before
        except Exception as error:  # lgpio has errors of its own
            raise Fault(f"RPi.GPIO does not work here: {_fault(error)}") from None

    def read(self, pin: int) -> int | None:
        """The level of an output (0 where it cannot be read), None for an input. Raises Fault."""
        try:
            if self._gpio.gpio_function(pin) != self._gpio.OUT:
                return None
            if self.blind:
                return 0
            if pin not in self._own:
                self._gpio.setup(pin, self._gpio.OUT)  # the original wants that before it reads
                self._own.add(pin)
            return int(self._gpio.input(pin))
        except Exception as error:
            raise Fault(f"BCM pin {pin} cannot be read: {_fault(error, pin)}") from None

    def drive(self, pin: int, level: int) -> None:
        """Makes a pin an output at that level. Raises Fault."""
        try:
            if pin in self._own:
                self._gpio.output(pin, level)
            else:
                self._gpio.setup(pin, self._gpio.OUT, initial=level)  # the level first, then the direction
                self._own.add(pin)
            if self.blind and self._gpio.input(pin) != level:  # at the others `board` looks
                raise Fault(f"BCM pin {pin} does not follow; look at its wiring")
        except Fault:
            raise
        except Exception as error:
            raise Fault(f"BCM pin {pin} cannot be set: {_fault(error, pin)}") from None

    def save(self) -> str:
        """Nothing is kept outside the chip."""
        return ""


def find() -> RpiGpio:
    """The pins by whichever RPi.GPIO is installed. Raises Fault that says what is missing."""
    packages.third_party()
    try:
        return RpiGpio(started(_imported))
    except ImportError:
        raise Fault(MISSING) from None
    except Fault:
        raise
    except Exception as error:  # whatever a library raises while it starts
        raise Fault(f"RPi.GPIO does not work here: {_fault(error)}") from None


def _imported() -> Any:
    """The module."""
    from RPi import GPIO

    return GPIO


def started(load: Callable[[], Any]) -> Any:
    """Calls `load`, which imports RPi.GPIO, and gives what it gives. lgpio puts a fifo into a folder: its C
    part takes the one that LG_WD names, its Python part the current one. Meanwhile both are a folder of ours,
    and the fifo is deleted once it is open."""
    if not PathFinder.find_spec("lgpio"):
        return load()
    folder = cache.made()
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        back = os.open(".", flags)
    except OSError:  # this user may not read it, or it is gone
        back = os.open("/", flags)
    try:
        os.environ["LG_WD"] = folder
        os.chdir(folder)
        return load()
    finally:
        os.fchdir(back)
        os.close(back)
        for name in os.listdir(folder):
            if name.startswith(".lgd-nfy"):
                files.remove(f"{folder}/{name}")


def _fault(error: Exception, pin: int | None = None) -> str:
    """What a GPIO library's error means, for one pin or for all, and what to do."""
    said = " ".join(str(error).split()) or type(error).__name__
    user = rights.user_name(os.geteuid())
    if "/dev/mem" in said or "ermission" in said or "can not open gpiochip" in said:
        group = f"user {user} may not use the pins; run: sudo adduser {user} gpio, and log in again"
        return f"{group} ({said})"
    if pin is not None and "busy" in said.lower():
        return f"it is held by {_holder(pin)}; stop that, or use another pin"
    return said


def _holder(pin: int) -> str:
    """Who holds a pin, as the kernel says it."""
    from . import gpiochip

    try:
        return gpiochip.find().holder(pin)
    except Fault:
        return "another program"
