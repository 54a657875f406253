"""The kernel's own pins: /dev/gpiochipN by the second version of its interface (linux/gpio.h, kernel 5.10).

It serves every Raspberry Pi from 1 to 5, and nothing is imported for it. A line that is requested without
a direction is only read; an output is requested with its level. So no relay's pin is ever an input in
between, and a level that does not change is not touched. A line is held for no longer than one call.
"""

from __future__ import annotations

import os
import struct
import time
from errno import EBUSY, EINVAL, ENOTTY, EPERM
from fcntl import ioctl

from ..core.model import Fault
from ..core.texts import clean

DEVICES = "/dev"
MODULES = "/sys/module"
DRIVERS = {  # the labels of the chips behind the 40-pin header, and the kernel module that drives each
    "pinctrl-bcm2835": "pinctrl_bcm2835",  # Raspberry Pi 1 to 3, Zero
    "pinctrl-bcm2711": "pinctrl_bcm2835",  # 4
    "pinctrl-rp1": "pinctrl_rp1",  # 5
}
CONSUMER = b"domo"
TRIES = 20  # when a dry run or a check of ours reads the line in this very moment

# The structures of linux/gpio.h. Their sizes are part of the numbers of the calls.
_CHIP = struct.Struct("=32s32sI")  # gpiochip_info: name, label, lines
_REQUEST = struct.Struct("=I252x32sQI20xI4xQQ216xII20xi")  # gpio_v2_line_request of one line, see _requested
_INFO = struct.Struct("=32s32sIIQ176x")  # gpio_v2_line_info: name, consumer, offset, attributes, flags
_VALUES = struct.Struct("=QQ")  # gpio_v2_line_values: bits, mask
_READ, _BOTH = 2, 3
_OUTPUT = 8  # the flag of a line that is an output
_LEVELS = 2  # the id of the attribute that carries the levels of outputs


def _call(direction: int, number: int, size: int) -> int:
    """The number of a call, as _IOC() of asm-generic/ioctl.h makes it."""
    return direction << 30 | size << 16 | 0xB4 << 8 | number


_GET_CHIP = _call(_READ, 1, _CHIP.size)
_GET_INFO = _call(_BOTH, 5, _INFO.size)
_GET_LINE = _call(_BOTH, 7, _REQUEST.size)
_GET_VALUES = _call(_BOTH, 14, _VALUES.size)


class GpioChip:
    """The pins of the header, by their BCM numbers, which are the numbers of the chip's lines."""

    blind = False  # a pin can be read without touching it

    def __init__(self, path: str, fd: int, label: str, lines: int) -> None:
        self._path, self._fd, self.label, self._lines = path, fd, label, lines
        self.kind = f"gpiochip: {path}, {label}"

    def read(self, pin: int) -> int | None:
        """The level of an output, None for an input. Raises Fault."""
        line = self._requested(pin, 0, 0)
        try:
            if not self._info(pin)[2] & _OUTPUT:  # while it is held this is what the register says
                return None
            bits: int = _VALUES.unpack(ioctl(line, _GET_VALUES, _VALUES.pack(0, 1)))[0]
            return bits & 1
        except OSError as error:
            raise Fault(f"BCM pin {pin} cannot be read ({error.strerror})") from None
        finally:
            os.close(line)

    def drive(self, pin: int, level: int) -> None:
        """Makes a pin an output at that level. Raises Fault."""
        os.close(self._requested(pin, _OUTPUT, level))

    def save(self) -> str:
        """Nothing is kept outside the chip."""
        return ""

    def keeps(self) -> str:
        """ "" if the driver keeps outputs after the program that set them has ended, else what to do."""
        module = DRIVERS[self.label]
        try:
            with open(f"{MODULES}/{module}/parameters/persist_gpio_outputs") as file:
                if file.read(1) in "Y1":
                    return ""
        except OSError:  # an older kernel, without this setting
            old = "lets go of the pins when a program ends, and has no setting against that; update it"
            return f"this kernel's {module} {old}"
        return (
            f"this kernel's {module} lets go of the pins when a program ends;"
            " take dtparam=strict_gpiod out of"
            f" /boot/firmware/config.txt, or add {module}.persist_gpio_outputs=1 to the line in"
            " /boot/firmware/cmdline.txt, and restart"
        )

    def holder(self, pin: int) -> str:
        """Who holds a pin, as the kernel says it."""
        try:
            return self._info(pin)[1] or "the kernel"
        except OSError:
            return "another program"

    def _requested(self, pin: int, flags: int, level: int) -> int:
        """The descriptor of the requested line. Raises Fault that says who holds it."""
        # one attribute, or none: the kernel refuses a request with data in an attribute that is not used
        attribute = (1, _LEVELS, level, 1) if flags & _OUTPUT else (0, 0, 0, 0)
        request = _REQUEST.pack(pin, CONSUMER, flags, *attribute, 1, 0, -1)
        tries = 0
        while True:
            try:
                fd: int = _REQUEST.unpack(ioctl(self._fd, _GET_LINE, request))[-1]
                return fd
            except OSError as error:
                tries += 1
                if tries > TRIES or error.errno != EBUSY or self.holder(pin) != CONSUMER.decode():
                    raise Fault(f"BCM pin {pin} {self._why(pin, error)}") from None
            time.sleep(0.005)

    def _why(self, pin: int, error: OSError) -> str:
        if error.errno in (EBUSY, EPERM):
            return f"is held by {self.holder(pin)}; stop that, or use another pin"
        if pin >= self._lines:
            return f"is no line of {self._path}; use another pin"
        if error.errno in (EINVAL, ENOTTY):  # an old kernel answers EINVAL to a call that it does not know
            return "cannot be requested: this kernel is older than 5.10; update it, or set domo.board: gpio"
        return f"cannot be requested ({error.strerror})"

    def _info(self, pin: int) -> tuple[str, str, int]:
        """Name, consumer and flags of a line. Raises OSError."""
        name, consumer, _, _, flags = _INFO.unpack(
            ioctl(self._fd, _GET_INFO, _INFO.pack(b"", b"", pin, 0, 0))
        )
        return _text(name), _text(consumer), flags


def _text(field: bytes) -> str:
    return clean(field.rstrip(b"\0").decode(errors="replace"))


def find() -> GpioChip:
    """The chip behind the header, known by its label: numbers change from one kernel to the next. Raises
    Fault that says why there is none."""
    refused = ""
    for name in sorted(os.listdir(DEVICES)):
        path = f"{DEVICES}/{name}"
        if not name.startswith("gpiochip"):
            continue
        try:
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            refused = refused or _refused(path, error)
            continue
        try:
            _, field, lines = _CHIP.unpack(ioctl(fd, _GET_CHIP, bytes(_CHIP.size)))
        except OSError:  # it has the name, but is no such chip
            field, lines = b"", 0
        label = _text(field)
        if label in DRIVERS:
            return GpioChip(path, fd, label, lines)
        os.close(fd)
    raise Fault(refused or f"no {DEVICES}/gpiochip belongs to a Raspberry Pi's 40-pin header")


def _refused(path: str, error: OSError) -> str:
    if not isinstance(error, PermissionError):
        return f"{path} cannot be opened ({error.strerror})"
    from ..system.rights import user_name

    user = user_name(os.geteuid())
    return f"user {user} may not open {path}; run: sudo adduser {user} gpio, and log in again"
