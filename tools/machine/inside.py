"""Runs inside the emulated Raspberry Pi, as its first program: domo on each library, phase after phase.

What it prints goes through the serial port. A line `@phase HOUSE: PHASE` is on the wire before the phase
begins, so that the recorder, which sees the serial port's registers too, knows what belongs to what.
A line `@report {...}` says afterwards how the phase's program ended and what everything is then.
"""

from __future__ import annotations

import errno
import fcntl
import json
import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

DOMO, SRV, TRACING = Path("/opt/domo"), Path("/srv"), Path("/sys/kernel/tracing")
LIBRARY = Path("/usr/lib/python3/dist-packages/RPi")  # a link to the one in use
MODES, STATES, ORDER = Path("/tmp/PvMonit_domo_mod"), Path("/tmp/PvMonit_domo_etat"), SRV / "wish"
PINS = {1: 23, 2: 24, 3: 16, 4: 21}  # relay: BCM; 16 and 21 have pull-downs
DRIVEN, HELD = 16, 21  # driven high by the firmware before Linux; the line that another program takes
BUSY = ("gave no answer within", "did not answer within")  # script, journal: it is the host that is slow
HANGS = 300  # s, which no program takes, emulated on the slowest machine
USER, GROUP = 1000, 997  # pvmonit, and Raspberry Pi OS's group gpio

CONFIG = """\
urlDataXml: false
scriptDataXml: false
domo:
  board: {board}
  relayNb: {number}
  relayGpio: {{{pins}}}
  tm1638: {{stb: []}}
  relay: {{scriptExecInterval: 0}}
"""
SCRIPT = """\
def decide(relay, data):
    return relay.on("wanted") if open("/srv/wish").read() == "on" else relay.off("not wanted")
"""
HOUSES = {  # name: what `board` says, which library is installed
    "gpiochip": ("gpiochip", ""),
    "RPi.GPIO": ("gpio", "rpi-gpio"),
    "rpi-lgpio": ("gpio", "rpi-lgpio"),
    "auto": ("auto", ""),
    "auto, RPi.GPIO": ("auto", "rpi-gpio"),
    "auto, rpi-lgpio": ("auto", "rpi-lgpio"),
}


class Registers:
    """The chip's own registers, by /dev/mem (the kernel was started with iomem=relaxed)."""

    def __init__(self) -> None:
        memory = os.open("/dev/mem", os.O_RDWR | os.O_SYNC)
        self._words = memoryview(mmap.mmap(memory, 4096, offset=0x3F200000)).cast("I")
        os.close(memory)

    def is_output(self, pin: int) -> bool:
        """Whether that pin drives its wire."""
        return self._words[pin // 10] >> pin % 10 * 3 & 7 == 1

    def level(self, pin: int) -> int:
        """What its pad reads."""
        return self._words[13] >> pin & 1

    def drive(self, pin: int, level: int) -> None:
        """What `gpio=PIN=op,dh` in config.txt does before Linux starts."""
        self._words[7 if level else 10] = 1 << pin
        others = self._words[pin // 10] & ~(7 << pin % 10 * 3)
        self._words[pin // 10] = others | 1 << pin % 10 * 3


class Serial:
    """The serial port."""

    def __init__(self) -> None:
        self._port = os.open("/dev/console", os.O_WRONLY | os.O_NOCTTY)

    def say(self, line: str) -> None:
        """Comes back when the last bit is on the wire."""
        left = f"{line}\n".encode()
        while left:
            left = left[os.write(self._port, left) :]
        termios.tcdrain(self._port)


def request(pin: int, flags: int, consumer: bytes) -> int:
    """Takes a line from the kernel; the descriptor that holds it."""
    asked = struct.pack("<64I32sQ I20x 240x II20xi", pin, *[0] * 63, consumer, flags, 0, 1, 0, 0)
    chip = os.open("/dev/gpiochip0", os.O_RDWR | os.O_CLOEXEC)
    got = bytearray(asked)
    fcntl.ioctl(chip, 0xC250B407, got)
    os.close(chip)
    return int(struct.unpack_from("<i", got, len(got) - 4)[0])


def unknown_call() -> str:
    """What gpiolib answers to a call that it does not know, as one from before 5.10 does to the second
    version of its interface."""
    chip = os.open("/dev/gpiochip0", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(chip, 0xC250B47F, bytearray(592))
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    finally:
        os.close(chip)
    return "nothing"


class Machine:
    """The emulated machine, and the home that is set up in it."""

    def __init__(self) -> None:
        self.registers, self.serial = Registers(), Serial()
        self.house = ""
        said = Path("/sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs").read_text()
        self.persists = said.strip() == "Y"
        (TRACING / "events/gpio/enable").write_text("1")

    @property
    def by_root(self) -> bool:
        """Whether root runs domo: Debian's kernel has no /dev/gpiomem, and /dev/mem is root's."""
        return HOUSES[self.house][1] == "rpi-gpio"

    def move_in(self, house: str) -> None:
        """A new home: pins as after a boot, no files yet."""
        self.house = house
        board, library = HOUSES[house]
        for path in [*Path("/tmp").iterdir(), DOMO / "domo.sqlite3"]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        LIBRARY.unlink(missing_ok=True)
        if library:
            LIBRARY.symlink_to(SRV / library / "RPi")
        pins = ", ".join(f"{relay}: {pin}" for relay, pin in PINS.items())
        (DOMO / "config.yaml").write_text(CONFIG.format(board=board, number=len(PINS), pins=pins))
        (DOMO / "relay.script.d/2.py").write_text(SCRIPT)
        ORDER.write_text("off")
        sample = (SRV / "pvmonit.xml").read_text()
        stamp = f"<timerefresh>{int(time.time())}"
        Path("/tmp/PvMonit_data-xml.php.tmp").write_text(sample.replace("<timerefresh>1718450000", stamp))
        owner = "0:0" if self.by_root else f"{USER}:{USER}"
        for folder in (DOMO, SRV, Path("/tmp")):
            subprocess.run(["chown", "-R", owner, folder], check=True)
        self.serial.say(f"@phase {house}: (set up)")
        for pin in PINS.values():
            os.close(request(pin, 1 << 2, b"reset"))
        self.registers.drive(DRIVEN, 1)
        (TRACING / "trace").write_text("")

    def phase(self, name: str, *commands: list[str]) -> None:
        """Runs domo, and reports."""
        how: dict[str, Any] = {} if self.by_root else {"user": USER, "group": USER, "extra_groups": [GROUP]}
        how["env"] = {**os.environ, "DOMO_SAY": "all"}  # faults that were said before, too
        self.serial.say(f"@phase {self.house}: {name}")
        began = time.monotonic()
        ended: list[dict[str, Any]] = []
        for program, *arguments in commands:
            for _ in range(5):
                ran = subprocess.run(
                    [DOMO / "bin" / program, *arguments],
                    cwd="/tmp",
                    capture_output=True,
                    text=True,
                    timeout=HANGS,
                    **how,
                )
                if not any(words in ran.stderr for words in BUSY):
                    break
            ended.append({"exit": ran.returncode, "out": ran.stdout, "err": ran.stderr})
        report = {
            "house": self.house,
            "phase": name,
            "seconds": round(time.monotonic() - began, 2),
            "ran": ended,
            "pins": {
                pin: ["in", "out"][self.registers.is_output(pin)] + str(self.registers.level(pin))
                for pin in PINS.values()
            },
            "states": json.loads(STATES.read_text()) if STATES.exists() else None,
            "modes": json.loads(MODES.read_text()) if MODES.exists() else None,
            "trace": [s for s in (TRACING / "trace").read_text().splitlines() if ": gpio_" in s],
            "left": sorted(str(path) for path in Path("/tmp").glob(".lgd*")),
        }
        (TRACING / "trace").write_text("")
        self.serial.say("@report " + json.dumps(report))

    def live(self, house: str) -> None:
        """What happens in a home."""
        self.move_in(house)
        tick = ["domo-tick"]
        self.phase("first tick", tick)
        self.phase("forced on", ["domo-mod", "1", "on"])
        ORDER.write_text("on")
        self.phase("auto on", tick)
        if house.startswith("auto") or not self.persists:
            self.phase("steady tick 1", tick)
        else:
            for n in range(1, 5):
                self.phase(f"steady tick {n}", tick)
            self.phase("looked at", ["domo-tick", "--check"], ["domo-tick", "--dry-run"], ["domo-mod"])
            holder = self._hold(HELD)
            self.phase("line held", ["domo-mod", "all", "on"])
            os.kill(holder, signal.SIGKILL)
            os.waitpid(holder, 0)
            self.phase("line free", tick)
        self.phase("off", ["domo-mod", "all", "off"])

    @staticmethod
    def _hold(pin: int) -> int:
        """Another program that holds a line; its process id."""
        ready, tell = os.pipe()
        child = os.fork()
        if child == 0:
            request(pin, 0, b"heating")
            os.write(tell, b".")
            signal.pause()
        os.read(ready, 1)
        os.close(ready)
        os.close(tell)
        return child


def main() -> None:
    """All the homes; then the machine may go."""
    machine = Machine()
    machine.serial.say("@ready")
    time.sleep(1)  # the recorder begins
    kernel = {
        "release": os.uname().release,
        "seconds": time.monotonic(),
        "persists": machine.persists,
        "unknown": unknown_call(),
    }
    machine.serial.say("@kernel " + json.dumps(kernel))
    for house in os.environ["HOUSES"].split(";"):
        machine.live(house.replace("_", " "))


if __name__ == "__main__":
    try:
        main()
    except BaseException as error:
        Serial().say(f"@broken {error!r} line {sys.exc_info()[2].tb_lineno}")  # type: ignore[union-attr]
    Serial().say("@end")
