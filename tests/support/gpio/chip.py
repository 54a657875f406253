"""The kernel's GPIO interface, as `linux/gpio.h` has it (uAPI v2), for processes with shim.c preloaded.

A `Kernel` holds the chips of a machine, and records what each line does. A line belongs to a process until
the last copy of its descriptor is closed, as a real one does; then it stays as it is, or becomes an input,
as `persists` says. What the kernel does was taken from Linux 6.12, drivers/gpio/gpiolib-cdev.c.

Not emulated: edges, debouncing, watches, and the old uAPI v1.
"""

from __future__ import annotations

import array
import errno
import os
import selectors
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CHIP_INFO, LINE_INFO, LINE_REQUEST = 0x8044B401, 0xC100B405, 0xC250B407
LINE_CONFIG, GET_VALUES, SET_VALUES = 0xC110B40D, 0xC010B40E, 0xC010B40F
V2 = (LINE_INFO, LINE_REQUEST)
USED, ACTIVE_LOW, INPUT, OUTPUT = 1, 2, 4, 8
EDGES, DRIVES, BIASES, CLOCKS = 0x30, 0xC0, 0x700, 0x1800
KNOWN = ACTIVE_LOW | INPUT | OUTPUT | EDGES | DRIVES | BIASES | CLOCKS
REQUEST = struct.Struct("<64I32sQI20s240sII20si")  # gpio_v2_line_request
CONFIG = struct.Struct("<QI20s240s")  # gpio_v2_line_config
INFO = struct.Struct("<32s32sIIQ160s16s")  # gpio_v2_line_info
VALUES = struct.Struct("<QQ")  # gpio_v2_line_values
OUTPUT_VALUES = 2  # an attribute's id


@dataclass
class Line:
    """One line: what its register says, and what gpiolib believes."""

    name: str = ""
    output: bool = False
    latch: int = 0
    pull: int = 0  # what it reads as an input
    shorted: int | None = None  # what it reads whatever it drives
    believed: bool = (
        False  # gpiolib's flag that it is an output; it is not asked again until somebody takes it
    )
    consumer: str = ""  # who has it; a kernel driver's name if nobody can take it
    flags: int = 0

    @property
    def level(self) -> int:
        """What its pad reads."""
        if self.shorted is not None:
            return self.shorted
        return self.latch if self.output else self.pull


@dataclass(frozen=True)
class Claim:
    """Somebody took lines."""

    chip: str
    lines: tuple[int, ...]
    consumer: str
    flags: int


@dataclass
class Chip:
    """One chip, as /dev has it under `device`."""

    device: str
    label: str
    lines: list[Line]
    persists: bool = True  # outputs stay as they are when nobody has them any more
    refuses: int = 0  # the errno with which nobody can open it
    unknown: tuple[int, ...] = ()  # the ioctls that its kernel does not know yet
    answer: int = errno.EINVAL  # what it says to them: EINVAL, gpiolib's own answer
    gone: bool = False


@dataclass
class _Held:
    """Lines that a process has by one descriptor."""

    chip: Chip
    offsets: tuple[int, ...]
    flags: int


class Refused(Exception):
    """The errno with which an ioctl ends."""

    def __init__(self, code: int) -> None:
        self.code = code


class Kernel:
    """The chips below a folder, served to whoever opens them; use it in a `with`."""

    def __init__(self, folder: Path) -> None:
        self.changes: list[tuple[int, str]] = []  # (line, "out 1", "in", "0" or "1"), of the first chip
        self.claims: list[Claim] = []
        self.refused: list[tuple[int, ...]] = []  # lines that somebody wanted while another had them
        self.chips: list[Chip] = []
        self._folder = folder
        self._selector = selectors.DefaultSelector()
        self._held: dict[socket.socket, _Held] = {}
        self._lock = threading.RLock()
        self._quit, self._wake = socket.socketpair()
        self._selector.register(self._quit, selectors.EVENT_READ, None)
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Kernel:
        self._thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        self._wake.send(b"q")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._wake.close()

    # -- what a test does --

    def add(self, device: str, label: str, lines: int) -> Chip:
        """Plugs a chip in."""
        chip = Chip(device, label, [Line(f"GPIO{n}") for n in range(lines)])
        place = self._folder / "dev" / device
        place.parent.mkdir(parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        old = os.getcwd()
        os.chdir(place.parent)  # a socket's path may have 107 characters
        try:
            listener.bind(device)
        finally:
            os.chdir(old)
        listener.listen(16)
        self.chips.append(chip)
        self._add(listener, lambda: self._open(listener, chip))
        return chip

    def vanish(self, chip: Chip) -> None:
        """Pulls a chip out: nobody can open it any more, who has it open gets ENODEV."""
        with self._lock:
            chip.gone = True
            (self._folder / "dev" / chip.device).unlink()

    def settle(self) -> None:
        """Comes back when all that ended processes had is let go."""
        self._idle.clear()
        self._wake.send(b"i")
        self._idle.wait(10)

    def take(self) -> list[tuple[int, str]]:
        """The changes since the last call, when all is settled."""
        self.settle()
        with self._lock:
            changes, self.changes[:] = list(self.changes), []
            return changes

    # -- what processes do --

    def _add(self, link: socket.socket, act: Callable[[], None]) -> None:
        self._selector.register(link, selectors.EVENT_READ, act)
        self._wake.send(b".")

    def _serve(self) -> None:
        while True:
            ready = [key for key, _ in self._selector.select()]
            for key in ready:
                if key.data is not None:
                    with self._lock:
                        key.data()
            if any(key.data is None for key in ready):  # last: `_drain` reads what the others were ready for
                said = self._quit.recv(64)
                if b"q" in said:
                    return
                if b"i" in said:
                    self._drain()
                    self._idle.set()

    def _drain(self) -> None:
        """All that is there to be done."""
        while ready := [key for key, _ in self._selector.select(0) if key.data is not None]:
            for key in ready:
                with self._lock:
                    key.data()

    def _open(self, listener: socket.socket, chip: Chip) -> None:
        link, _ = listener.accept()
        link.send(struct.pack("<i", chip.refuses or (errno.ENODEV if chip.gone else 0)))
        if chip.refuses or chip.gone:
            link.close()
            return
        self._add(link, lambda: self._packet(link, lambda r, data: self._on_chip(chip, r, data)))

    def _packet(self, link: socket.socket, answer: Callable[[int, bytearray], socket.socket | None]) -> None:
        """Serves one ioctl, or the end of a descriptor."""
        if link.fileno() < 0:  # let go of a moment ago
            return
        try:
            packet = link.recv(4096)
        except OSError:
            packet = b""
        if not packet:
            self._close(link)
            return
        data = bytearray(packet[8:])
        line = None
        try:
            line = answer(struct.unpack_from("<Q", packet)[0], data)
            head = struct.pack("<ii", 0, 0)
        except Refused as refused:
            head = struct.pack("<ii", -1, refused.code)
        except struct.error:  # no structure of that ioctl
            head = struct.pack("<ii", -1, errno.EFAULT)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [line.fileno()]))] if line else []
        try:
            link.sendmsg([head, bytes(data)], rights)
        except OSError:  # it died before it could read that
            pass
        if line:
            line.close()

    def _close(self, link: socket.socket) -> None:
        self._selector.unregister(link)
        link.close()
        held = self._held.pop(link, None)
        if held is None:
            return
        for offset in held.offsets:
            line = held.chip.lines[offset]
            line.consumer, line.flags = "", 0
            if not held.chip.persists:
                self._direct(held.chip, offset, False)

    def _on_chip(self, chip: Chip, request: int, data: bytearray) -> socket.socket | None:
        if chip.gone:
            raise Refused(errno.ENODEV)
        if request in chip.unknown:
            raise Refused(chip.answer)
        if request == CHIP_INFO:
            struct.pack_into("<32s32sI", data, 0, chip.device.encode(), chip.label.encode(), len(chip.lines))
        elif request == LINE_INFO:
            self._info(chip, data)
        elif request == LINE_REQUEST:
            return self._request(chip, data)
        else:
            raise Refused(errno.EINVAL)
        return None

    def _info(self, chip: Chip, data: bytearray) -> None:
        *_, offset, _, _, _, padding = INFO.unpack(data)
        if offset >= len(chip.lines) or any(padding):
            raise Refused(errno.EINVAL)
        line = chip.lines[offset]
        flags = (OUTPUT if line.believed else INPUT) | (USED if line.consumer else 0) | line.flags
        INFO.pack_into(data, 0, line.name.encode(), line.consumer.encode(), offset, 0, flags, b"", b"")

    def _request(self, chip: Chip, data: bytearray) -> socket.socket:
        *offsets, consumer, flags, attributes, hole, attrs, number, _, padding, _ = REQUEST.unpack(data)
        if not 0 < number <= 64 or any(padding):
            raise Refused(errno.EINVAL)
        _check(flags, attributes, hole, attrs)
        lines = tuple(offsets[:number])
        if any(offset >= len(chip.lines) for offset in lines):
            raise Refused(errno.EINVAL)
        self._let_go_of_the_dead()
        if any(chip.lines[offset].consumer for offset in lines) or len({*lines}) < number:
            self.refused.append(lines)
            raise Refused(errno.EBUSY)
        who = consumer.split(b"\0")[0].decode() or "?"
        self.claims.append(Claim(chip.device, lines, who, flags))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        held = self._held[ours] = _Held(chip, lines, flags)
        for offset in lines:
            chip.lines[offset].consumer = who
            chip.lines[offset].believed = chip.lines[offset].output
        self._configure(held, flags, attributes, attrs)
        self._add(ours, lambda: self._packet(ours, lambda r, d: self._on_line(held, r, d)))
        return theirs

    def _let_go_of_the_dead(self) -> None:
        """A process that ended before this request: its sockets say so, though nobody may have read it."""
        for link in list(self._held):
            try:
                if not link.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    self._close(link)
            except BlockingIOError:
                pass

    def _configure(self, held: _Held, flags: int, attributes: int, attrs: bytes) -> None:
        values = 0
        for n in range(attributes):
            kind, _, bits, mask = struct.unpack_from("<IIQQ", attrs, 24 * n)
            if kind == OUTPUT_VALUES:
                values = (values & ~mask) | (bits & mask)
        held.flags = flags
        for place, offset in enumerate(held.offsets):
            held.chip.lines[offset].flags = flags & ~(INPUT | OUTPUT)
            if flags & OUTPUT:
                self._level(held.chip, offset, (values >> place & 1) ^ bool(flags & ACTIVE_LOW))
                self._direct(held.chip, offset, True)
            elif flags & INPUT:
                self._direct(held.chip, offset, False)
            held.chip.lines[offset].believed = held.chip.lines[offset].output

    def _on_line(self, held: _Held, request: int, data: bytearray) -> None:
        if held.chip.gone:
            raise Refused(errno.ENODEV)
        lines = [held.chip.lines[offset] for offset in held.offsets]
        low = bool(held.flags & ACTIVE_LOW)
        if request == GET_VALUES:
            _, mask = VALUES.unpack(data)
            bits = sum((line.level ^ low) << n for n, line in enumerate(lines) if mask >> n & 1)
            VALUES.pack_into(data, 0, bits, mask)
        elif request == SET_VALUES:
            bits, mask = VALUES.unpack(data)
            if not held.flags & OUTPUT:
                raise Refused(errno.EPERM)
            for n, offset in enumerate(held.offsets):
                if mask >> n & 1:
                    self._level(held.chip, offset, (bits >> n & 1) ^ low)
        elif request == LINE_CONFIG:
            flags, attributes, hole, attrs = CONFIG.unpack(data)
            _check(flags, attributes, hole, attrs)
            self._configure(held, flags, attributes, attrs)
        else:
            raise Refused(errno.EINVAL)

    # -- what lines do --

    def _level(self, chip: Chip, offset: int, level: int) -> None:
        line = chip.lines[offset]
        before, line.latch = line.latch, level
        if line.output and before != level:
            self._tell(chip, offset, str(level))

    def _direct(self, chip: Chip, offset: int, output: bool) -> None:
        line = chip.lines[offset]
        before, line.output = line.output, output
        if before != output:
            self._tell(chip, offset, f"out {line.latch}" if output else "in")

    def _tell(self, chip: Chip, offset: int, change: str) -> None:
        if chip is self.chips[0]:
            self.changes.append((offset, change))


def _check(flags: int, attributes: int, hole: bytes, attrs: bytes) -> None:
    """What the kernel refuses; anything in an attribute that does not count, too, as a real one showed."""
    direction = flags & (INPUT | OUTPUT)
    wrong = (
        flags & ~KNOWN
        or direction == INPUT | OUTPUT
        or (flags & EDGES and not flags & INPUT)
        or (flags & DRIVES and not flags & OUTPUT)
        or (flags & BIASES and not direction)
        or bin(flags & BIASES).count("1") > 1
        or attributes > 10
        or any(hole)
        or any(attrs[24 * attributes :])
    )
    if wrong:
        raise Refused(errno.EINVAL)
