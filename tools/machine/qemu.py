"""Runs QEMU's Raspberry Pi 3 and keeps what it says, and every write to its registers in between."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .image import Image
from .packages import CannotBeHad

WRITE = re.compile(r"memory_region_ops_write .* addr 0x([0-9a-f]+) value 0x([0-9a-f]+) .* name '(\w+)'")
GPIO, SERIAL = "bcm2835_gpio", "pl011"  # QEMU's names for the two devices; their pages begin at x000


def boot(image: Image, options: str, seconds: float) -> Iterator[str | tuple[int, int]]:
    """Boots, and yields in the order in which they happened the lines of the serial port that begin with
    `@`, and the (register, value) of each write to the GPIO's registers. Raises CannotBeHad behind them when
    it did not come up, or was still at work after so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        log, control = Path(folder, "log"), Path(folder, "control")
        machine = _started(image, options, "-D", log, "-qmp", f"unix:{control},server=on,wait=off")
        try:
            said = _watch(machine, control, time.monotonic() + seconds)
            at_work = machine.poll() is None and "\n@end" not in said
        finally:
            machine.kill()
            machine.wait()
        yield from happened(log)
        if "@ready" not in said:
            raise CannotBeHad(f"the emulated Raspberry Pi does not come up:\n{said[-2000:]}")
        if at_work:
            raise CannotBeHad(
                f"this machine is too slow: the emulated Raspberry Pi was at work for {seconds:.0f} s"
            )


def counted(image: Image, options: str, seconds: float) -> Iterator[str]:
    """Boots a machine on which each instruction takes 1 ns, and yields the lines of its serial port, until
    one that is `@end`. Raises CannotBeHad where that did not come in so many seconds."""
    machine = _started(image, options, "-icount", "shift=0,align=off,sleep=off")
    assert machine.stdout and machine.stderr
    timer = threading.Timer(seconds, machine.kill)
    timer.start()
    try:
        for line in machine.stdout:
            text = line.decode(errors="replace").rstrip()
            if text == "@end":
                return
            yield text
        said = machine.stderr.read().decode(errors="replace").strip()
        raise CannotBeHad(f"the emulated Raspberry Pi ended too early, or took {seconds:.0f} s: {said}")
    finally:
        timer.cancel()
        machine.kill()
        machine.wait()


def _started(image: Image, options: str, *more: str | Path) -> subprocess.Popen[bytes]:
    """The machine, with these options of its kernel, and more of QEMU's."""
    return subprocess.Popen(
        [
            *("qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-no-reboot"),
            *("-accel", "tcg,thread=single"),  # one core of ours; with one of its own it takes a fifth less
            *("-kernel", image.kernel, "-dtb", image.tree, "-initrd", image.initrd),
            *("-append", f"console=ttyAMA0 quiet panic=-1 iomem=relaxed maxcpus=1 rdinit=/init {options}"),
            *("-serial", "stdio", "-monitor", "none", *more),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _watch(machine: subprocess.Popen[bytes], control: Path, deadline: float) -> str:
    """What the machine says until it is done; its registers are recorded from its first `@` on."""
    assert machine.stdout and machine.stderr
    said, recording = b"", False
    while time.monotonic() < deadline and b"\n@end" not in said:
        if not select.select([machine.stdout], [], [], 1)[0]:
            continue
        more = os.read(machine.stdout.fileno(), 1 << 16)
        if not more:
            said += machine.stderr.read()
            break
        said += more
        if not recording and b"@ready" in said:
            _record(control)
            recording = True
    return said.decode(errors="replace").replace("\r", "")


def _record(control: Path) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as link:
        link.connect(str(control))
        answers = link.makefile()
        answers.readline()
        event = {"name": "memory_region_ops_write", "enable": True}
        for command, arguments in (("qmp_capabilities", {}), ("trace-event-set-state", event)):
            link.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
            if "error" in json.loads(answers.readline()):
                raise CannotBeHad("this QEMU cannot record writes to registers")


def happened(log: Path) -> Iterator[str | tuple[int, int]]:
    """The serial port's lines and the GPIO's writes, in their order."""
    line = ""
    with open(log, errors="replace") as file:
        for text in file:
            found = WRITE.search(text)
            if not found:
                continue
            address, value, name = int(found[1], 16), int(found[2], 16), found[3]
            if name == GPIO:
                yield address % 0x1000, value
            elif name == SERIAL and address % 0x1000 == 0:
                if value == 10:
                    if line.startswith("@"):
                        yield line.rstrip("\r")
                    line = ""
                else:
                    line += chr(value)
