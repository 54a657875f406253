"""A fake RPi.GPIO whose pins outlive the process, as on a real Raspberry Pi.

It does what the C module RPi.GPIO 0.7.1 does (source/py_gpio.c, c_gpio.c and common.c of its
release on PyPI): the same order of register writes, the same exceptions with the same words, the
same warnings. Left out: PWM, edge detection, and functions of a pin other than input and output.

Environment (read at import, and again by `fake_reset`):

FAKE_GPIO        a folder that holds the pins, for every process that names it. Without it they live
                 in this process only.
    pins.json        {"23": {"direction": "out", "level": 1, "latch": 1, "pull": null}, ...};
                     replaced whole, so it can be read at any time. A pin that is not
                     in it was never touched.
    transitions.log  one line per change, "ns pid pin what level": CLOCK_MONOTONIC in ns; what is
                     "level" (the output latch), "out" or "in" (the direction); level is the level
                     set, or the one that the pin has in its new direction.
    writes.log       same lines, what is "write": every write of a level, changed or not.
FAKE_GPIO_STUCK  "23:1,8:0": pins that input() reads so, whatever is written to them.
FAKE_GPIO_FAIL   "import", "setup" or "output" (or several, with commas): that raises RuntimeError,
                 as off a Raspberry Pi or without the rights to its registers.
FAKE_TM1638      attaches TM1638 chips, see tm1638.py.

Pins claimed by an emulated chip (`fake_attach`) live in memory only, because bit-banging moves them
too often for files. The names that start with fake_ are not in the real module.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import warnings

TYPE_CHECKING = False  # as typing's, without the cost of its import to the process measured
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from tm1638 import Bus

VERSION = "0.7.1"
BOARD, BCM = 10, 11
OUT, IN = 0, 1
LOW, HIGH = 0, 1
PUD_OFF, PUD_DOWN, PUD_UP = 20, 21, 22

_PULLS = {PUD_OFF: None, PUD_DOWN: 0, PUD_UP: 1}
# The 40-pin header (common.c, pin_to_gpio_rev3).
_HEADER = {
    3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9,
    22: 25, 23: 11, 24: 8, 26: 7, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20,
    40: 21,
}  # fmt: skip


class _Line:
    """One pin: its direction, its output latch (it exists for an input too), its pull resistor."""

    __slots__ = ("latch", "out", "pull")

    def __init__(self, pin: int) -> None:
        """The pin as it is after a reset: an input, latch low, pulled up if it is one of GPIO 0..8,
        else down (BCM2835 ARM Peripherals, table 6-31, column Pull; the latch's reset value is 0).
        """
        self.out = False
        self.latch = LOW
        self.pull: int | None = HIGH if pin <= 8 else LOW

    def level(self) -> int:
        """The level when nobody else drives it; one without a pull floats where it last was."""
        return self.latch if self.out or self.pull is None else self.pull


class _Shared:
    """One pin of the folder, locked for as long as the `with` lasts and written back at its end."""

    def __init__(self, pin: int) -> None:
        self._pin = pin

    def __enter__(self) -> _Shared:
        self._lock = open(os.path.join(_folder, "lock"), "w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._pins = _load()
        self.line = _parse(self._pins, self._pin)
        return self

    def log(self, name: str, what: str, level: int) -> None:
        """Append one line to a log of the folder."""
        with open(os.path.join(_folder, name), "a") as log:
            log.write(f"{time.monotonic_ns()} {os.getpid()} {self._pin} {what} {level}\n")

    def __exit__(self, *_: object) -> None:
        line = self.line
        self._pins[str(self._pin)] = {
            "direction": "out" if line.out else "in",
            "level": line.level(),
            "latch": line.latch,
            "pull": line.pull,
        }
        path = os.path.join(_folder, "pins.json")
        with open(path + ".new", "w") as file:
            json.dump(self._pins, file)
        os.replace(path + ".new", path)
        self._lock.close()


_mode: int | None
_warnings: bool
_mine: dict[int, int]  # pins that this process set up, and their direction
_folder: str
_memory: dict[int, _Line]  # pins that are in no file
_bus: dict[int, Bus]  # pins that emulated chips hang on
_stuck: dict[int, int]
_fail: list[str]


def fake_reset() -> None:
    """Start again as a new process would: no mode, nothing set up, environment read anew."""
    global _mode, _warnings, _mine, _folder, _memory, _bus, _stuck, _fail
    _mode, _warnings, _mine = None, True, {}
    _folder = os.environ.get("FAKE_GPIO", "")
    if _folder:
        os.makedirs(_folder, exist_ok=True)
    _memory = {} if _folder else {pin: _Line(pin) for pin in range(54)}
    _bus = {}
    stuck = [item.split(":") for item in os.environ.get("FAKE_GPIO_STUCK", "").split(",") if item]
    _stuck = {int(pin): int(level) for pin, level in stuck}
    _fail = os.environ.get("FAKE_GPIO_FAIL", "").split(",")
    if "import" in _fail:
        raise RuntimeError("This module can only be run on a Raspberry Pi!")
    if os.environ.get("FAKE_TM1638"):
        import tm1638

        fake_attach(tm1638.from_environment())


def fake_attach(bus: Bus) -> None:
    """Hang emulated chips on their pins (`bus.pins`): from now on these live in memory; their
    levels are told to `bus.line(pin, level)`, None for an input, and read from `bus.read(pin)`.
    """
    for pin in bus.pins:
        _memory[pin] = _Line(pin)
        _bus[pin] = bus


def setmode(mode: int) -> None:
    """Choose how channels are numbered: BCM or BOARD, once for the process."""
    global _mode
    if _mode is not None and mode != _mode:
        raise ValueError("A different mode has already been set!")
    if mode not in (BOARD, BCM):
        raise ValueError("An invalid mode was passed to setmode()")
    _mode = mode


def getmode() -> int | None:
    """BCM, BOARD or None."""
    return _mode


def setwarnings(state: bool) -> None:
    """Turn the RuntimeWarnings of setup() and cleanup() on or off."""
    global _warnings
    _warnings = bool(state)


def setup(
    channel: int | Sequence[int], direction: int, pull_up_down: int = PUD_OFF, initial: int = -1
) -> None:
    """Make each channel an input or an output; `initial` is written before the direction, and
    without it an output starts at whatever its latch holds.
    """
    _check_access("setup")
    if direction not in (IN, OUT):
        raise ValueError("An invalid direction was passed to setup()")
    if direction == OUT and pull_up_down != PUD_OFF:
        raise ValueError("pull_up_down parameter is not valid for outputs")
    if direction == IN and initial != -1:
        raise ValueError("initial parameter is not valid for inputs")
    if pull_up_down not in _PULLS:
        raise ValueError("Invalid value for pull_up_down - should be either PUD_OFF, PUD_UP or PUD_DOWN")
    for pin in _pins(channel):
        if _warnings and pin not in _mine and _line(pin).out:
            _warn(
                "This channel is already in use, continuing anyway.  Use GPIO.setwarnings(False) to disable"
                " warnings."
            )
        if direction == OUT and initial in (LOW, HIGH):
            _write(pin, int(initial))
        _turn(pin, direction == OUT, _PULLS[pull_up_down])
        _mine[pin] = direction


def output(channel: int | Sequence[int], value: int | Sequence[int]) -> None:
    """Set each channel to a level: one for all, or one for each."""
    if isinstance(value, (list, tuple)):
        if isinstance(channel, int) or len(channel) != len(value):
            raise RuntimeError("Number of channels != number of values")
        values = iter(value)
    elif isinstance(value, int):
        values = None
    else:
        raise ValueError("Value must be an integer/boolean or a list/tuple of integers/booleans")
    for pin in _pins(channel):
        if _mine.get(pin) != OUT:
            raise RuntimeError("The GPIO channel has not been set up as an OUTPUT")
        _check_access("output")
        _write(pin, HIGH if (value if values is None else next(values)) else LOW)


def input(channel: int) -> int:  # noqa: A001
    """The level of a channel that this process set up, input or output."""
    pin = _number(channel)
    if pin not in _mine:
        raise RuntimeError("You must setup() the GPIO channel first")
    if pin in _stuck:
        return _stuck[pin]
    line = _line(pin)
    if not line.out and pin in _bus:
        driven = _bus[pin].read(pin)
        if driven is not None:
            return driven
    return line.level()


def gpio_function(channel: int) -> int:
    """IN or OUT, whoever made the channel so."""
    pin = _number(channel)
    _check_access("setup")
    return OUT if _line(pin).out else IN


def cleanup(channel: int | Sequence[int] | None = None) -> None:
    """Turn the channels that this process set up (or those of them named) back into inputs."""
    global _mode
    pins = list(_mine) if channel is None else [pin for pin in _pins(channel) if pin in _mine]
    for pin in pins:
        _turn(pin, False, None)
        del _mine[pin]
    if channel is None:
        _mode = None
    if not pins and _warnings:
        _warn(
            "No channels have been set up yet - nothing to clean up!"
            "  Try cleaning up at the end of your program instead!"
        )


def _pins(channel: int | Sequence[int]) -> Iterable[int]:
    """BCM numbers of a channel or of several, each checked when its turn comes, as in C."""
    if isinstance(channel, int):
        return (_number(channel),)
    if isinstance(channel, (list, tuple)):
        return map(_number, channel)
    raise ValueError("Channel must be an integer or list/tuple of integers")


def _number(channel: int) -> int:
    """BCM number of one channel."""
    if _mode is None:
        raise RuntimeError(
            "Please set pin numbering mode using GPIO.setmode(GPIO.BOARD) or GPIO.setmode(GPIO.BCM)"
        )
    if not isinstance(channel, int):
        raise ValueError("Channel must be an integer")
    pin = channel if _mode == BCM else _HEADER.get(channel, -1)
    if not 0 <= pin <= 53:
        raise ValueError("The channel sent is invalid on a Raspberry Pi")
    return pin


def _check_access(call: str) -> None:
    if call in _fail:
        raise RuntimeError("No access to /dev/mem.  Try running as root!")


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=3)


def _load() -> dict[str, dict[str, Any]]:
    """pins.json, {} before the first change."""
    try:
        with open(os.path.join(_folder, "pins.json")) as file:
            pins: dict[str, dict[str, Any]] = json.load(file)
            return pins
    except FileNotFoundError:
        return {}


def _parse(pins: dict[str, dict[str, Any]], pin: int) -> _Line:
    """A pin out of pins.json, fresh from reset if it is not there."""
    line = _Line(pin)
    if saved := pins.get(str(pin)):
        line.out, line.latch, line.pull = saved["direction"] == "out", saved["latch"], saved["pull"]
    return line


def _line(pin: int) -> _Line:
    """A pin, to look at."""
    return _memory.get(pin) or _parse(_load(), pin)


def _write(pin: int, level: int) -> None:
    """Set the output latch; the pin follows if it is an output."""
    line = _memory.get(pin)
    if line:
        line.latch = level
        if line.out and pin in _bus:
            _bus[pin].line(pin, level)
        return
    with _Shared(pin) as shared:
        shared.log("writes.log", "write", level)
        if shared.line.latch != level:
            shared.line.latch = level
            shared.log("transitions.log", "level", level)


def _turn(pin: int, out: bool, pull: int | None) -> None:
    """Set the pull resistor, then the direction."""
    line = _memory.get(pin)
    if line:
        line.out, line.pull = out, pull
        if pin in _bus:
            _bus[pin].line(pin, line.latch if out else None)
        return
    with _Shared(pin) as shared:
        line = shared.line
        changed = line.out != out
        line.out, line.pull = out, pull
        if changed:
            shared.log("transitions.log", "out" if out else "in", line.level())


fake_reset()
