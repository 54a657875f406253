"""A Raspberry Pi in a folder, for programs started with its `env`: chips, registers, device tree, /sys."""

from __future__ import annotations

import struct
from pathlib import Path

from machine.registers import OUTPUT, Pins

from . import libraries
from .chip import Chip, Kernel

MODELS = {  # model: (revision, compatible, label of the chip of its header, its driver, lines, other chips)
    "Zero": (0x920093, "raspberrypi,model-zero", "pinctrl-bcm2835", "pinctrl_bcm2835", 54, ()),
    "3": (
        0xA02082,
        "raspberrypi,3-model-b",
        "pinctrl-bcm2835",
        "pinctrl_bcm2835",
        54,
        ("raspberrypi-exp-gpio",),
    ),
    "4": (
        0xC03111,
        "raspberrypi,4-model-b",
        "pinctrl-bcm2711",
        "pinctrl_bcm2835",
        58,
        ("raspberrypi-exp-gpio",),
    ),
    "5": (0xC04170, "raspberrypi,5-model-b", "pinctrl-rp1", "pinctrl_rp1", 54, ("gpio-brcmstb@107d508500",)),
}
COMPATIBLE = {
    "pinctrl-bcm2835": "brcm,bcm2835-gpio\0raspberrypi,bcm2835-gpio",
    "pinctrl-bcm2711": "brcm,bcm2711-gpio\0raspberrypi,bcm2711-gpio",
    "pinctrl-rp1": "raspberrypi,rp1-gpio",
}
PULLED_UP = range(9)  # BCM 0 to 8 are pulled up at a reset, the others down
LATCH, PULL = 0xE00, 0xE08  # in the page of registers, as shim.c keeps them


class Pi:
    """A Raspberry Pi that has just booted: its header's pins are inputs. Use it in a `with`.

    `persists` is the parameter of the chip's driver: True and False are what /sys says, and what the kernel
    does; None is a kernel that has no such parameter, and lets go.
    """

    def __init__(self, folder: Path, model: str = "3", persists: bool | None = True) -> None:
        self.folder = folder
        revision, compatible, label, driver, lines, others = MODELS[model]
        self._write("proc/device-tree/model", f"Raspberry Pi {model} Model B Rev 1.2\0")
        self._write("proc/device-tree/compatible", f"{compatible}\0brcm,bcm2837\0")
        self._write("proc/device-tree/system/linux,revision", struct.pack(">I", revision))
        self._write("proc/cpuinfo", f"Hardware\t: BCM2835\nRevision\t: {revision:x}\n")
        self.parameter = folder / f"sys/module/{driver}/parameters/persist_gpio_outputs"
        self._write(
            "sys/module/pinctrl_bcm2835/uevent" if driver == "pinctrl_bcm2835" else "sys/module/rp1", ""
        )
        if persists is not None:
            self._write(str(self.parameter.relative_to(folder)), "Y\n" if persists else "N\n")
        self.kernel = Kernel(folder)
        self.env = {"GPIO_ROOT": str(folder), "LD_PRELOAD": str(libraries.shim())}
        self.chip = self.add_chip("gpiochip0", label, lines, COMPATIBLE[label])
        self.chip.persists = bool(persists)
        for n, other in enumerate(others, 1):
            self.add_chip(f"gpiochip{n}", other, 8, other)
        for pin in range(28):
            self.chip.lines[pin].pull = int(pin in PULLED_UP)

    def __enter__(self) -> Pi:
        self.kernel.__enter__()
        return self

    def __exit__(self, *why: object) -> None:
        self.kernel.__exit__(*why)

    def add_chip(self, device: str, label: str, lines: int, compatible: str) -> Chip:
        """Plugs a chip in, with its place in /sys."""
        self._write(f"sys/bus/gpio/devices/{device}/of_node/compatible", f"{compatible}\0")
        return self.kernel.add(device, label, lines)

    def firmware_drives(self, pin: int, level: int) -> None:
        """`gpio=PIN=op,dh` (or dl) in config.txt, before Linux began."""
        line = self.chip.lines[pin]
        line.output, line.believed, line.latch = True, True, level

    def plain(self) -> dict[str, str]:
        """For measuring: an environment in which its chip and its registers are plain memory, with outputs
        that are high. No access leaves the process that makes it, and none is recorded."""
        chip = self.folder / "dev/gpiochip0"
        chip.unlink()
        lines = struct.pack("<2I", 1, 1) * 64
        chip.write_bytes(struct.pack("<32sI", self.chip.label.encode(), len(self.chip.lines)) + lines)
        page = bytearray(4096)
        struct.pack_into("<6I", page, 0, *[0o1111111111] * 6)  # functions: outputs
        struct.pack_into("<2I", page, 0x34, 0xFFFFFFFF, 0x3FFFFF)  # levels
        struct.pack_into("<I", page, 240, 0x6770696F)
        (self.folder / "dev/gpiomem").write_bytes(page)
        return {**self.env, "GPIO_PLAIN": "1"}

    def refuse(self, device: str) -> None:
        """The user may not open that device any more."""
        self._write(f"dev/{device}.refused", "")

    def _write(self, path: str, content: str | bytes) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


class Memory:
    """/dev/gpiomem of a Raspberry Pi: the registers, and what every write to them did."""

    def __init__(self, pi: Pi) -> None:
        self._page, self._log = pi.folder / "dev/gpiomem", pi.folder / "registers"
        pulls = sum(1 << pin for pin in PULLED_UP)
        page = bytearray(4096)
        struct.pack_into("<I", page, PULL, pulls)
        struct.pack_into("<I", page, 240, 0x6770696F)  # how RPi.GPIO knows that it is no Pi 4
        self._page.write_bytes(page)
        self._pins, self._read = Pins(), 0

    def drive(self, pin: int, level: int) -> None:
        """What the firmware does for `gpio=PIN=op,dh` (or dl)."""
        page = bytearray(self._page.read_bytes())
        latch, select = struct.unpack_from("<I", page, LATCH)[0], pin // 10 * 4
        struct.pack_into("<I", page, LATCH, latch & ~(1 << pin) | level << pin)
        function = struct.unpack_from("<I", page, select)[0] & ~(7 << pin % 10 * 3)
        struct.pack_into("<I", page, select, function | 1 << pin % 10 * 3)
        self._page.write_bytes(page)
        self._pins.write(0x1C if level else 0x28, 1 << pin)
        self._pins.write(select, function | 1 << pin % 10 * 3)

    def writes(self) -> list[tuple[int, int]]:
        """The (register, value)s since the last call of this or of `take`."""
        content = self._log.read_bytes() if self._log.exists() else b""
        new, self._read = content[self._read :], len(content)
        return [(pair[0], pair[1]) for pair in struct.iter_unpack("<II", new)]

    def take(self) -> list[tuple[int, str]]:
        """What the pins did since the last call, as Kernel.take tells it."""
        return [change for register, value in self.writes() for change in self._pins.write(register, value)]

    def pin(self, pin: int) -> str:
        """What a pin is, from the registers: "in", "out 0" or "out 1"."""
        page = self._page.read_bytes()
        function = struct.unpack_from("<I", page, pin // 10 * 4)[0] >> pin % 10 * 3 & 7
        latch = struct.unpack_from("<I", page, LATCH + pin // 32 * 4)[0] >> pin % 32 & 1
        return f"out {latch}" if function == OUTPUT else "in"
