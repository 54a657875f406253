"""The relay pins: RPi.GPIO (or rpi-lgpio, which has its name), or simulated ones kept in a file.

Both go through the same `Board` down to the single pin write. Pins are BCM numbers; they keep their
level when the process ends, because nothing ever calls `cleanup()`.
"""

from __future__ import annotations

import posix as os  # lean: see files

from ..core.faults import Report
from ..core.model import ON, ON_OFF, Fault
from ..system import files, tinyjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..core.model import Config

MODEL = "/proc/device-tree/model"  # of a Raspberry Pi, begins with that name


class Board:
    """The relays' pins behind `gpio`, which is RPi.GPIO or talks like it; `kind` says which it is."""

    def __init__(self, config: Config, gpio: Any, kind: str) -> None:
        self.kind = kind
        self._gpio = gpio
        self._pins = config.relayGpio
        self._on = 0 if config.relayActiveLow else 1
        gpio.setwarnings(False)  # a pin that is an output already is what we hope for
        gpio.setmode(gpio.BCM)

    def driven(self) -> dict[int, bool]:
        """For each relay, whether its pin is an output; one that floats as an input (after a boot)
        leaves its relay off. Sets nothing up. Raises Fault."""
        try:
            return {r: self._gpio.gpio_function(pin) == self._gpio.OUT for r, pin in self._pins.items()}
        except _GPIO_ERRORS as error:
            raise Fault(f"the pins cannot be read ({error})") from None

    def is_on(self, relay: int) -> bool:
        """Whether the pin of a relay is what switches it on. An output is set up again as it is, or it
        could not be read."""
        pin = self._pins[relay]
        try:
            if self._gpio.gpio_function(pin) != self._gpio.OUT:
                return False
            self._gpio.setup(pin, self._gpio.OUT)
            return bool(self._gpio.input(pin) == self._on)
        except _GPIO_ERRORS:
            return False

    def apply(self, states: Mapping[int, int]) -> list[str]:
        """Puts every pin at the level of its relay's state, offs first, and gives what did not work.

        The level is set before the direction, and a pin that has its level already is not written:
        RPi.GPIO's setup() with `initial` does the first, without it leaves an output alone.
        """
        faults: list[str] = []
        for relay, state in sorted(states.items(), key=lambda item: item[1]):
            pin, level = self._pins[relay], self._on if state == ON else 1 - self._on
            try:
                if self._gpio.gpio_function(pin) != self._gpio.OUT:
                    self._gpio.setup(pin, self._gpio.OUT, initial=level)
                else:
                    self._gpio.setup(pin, self._gpio.OUT)
                    if self._gpio.input(pin) != level:
                        self._gpio.output(pin, level)
                if self._gpio.input(pin) != level:
                    wanted = f"it should be {ON_OFF[state]}; look at its wiring"
                    text = f"relay {relay}: BCM pin {pin} does not follow, {wanted}"
                    faults.append(Report(text, f"BCM pin {pin}", "does not follow"))
            except _GPIO_ERRORS as error:
                text = f"relay {relay}: BCM pin {pin} cannot be switched {ON_OFF[state]} ({error})"
                faults.append(Report(text, f"BCM pin {pin}", "cannot be switched"))
        return faults

    def let_go(self, pins: Mapping[int, int]) -> None:
        """Puts pins that are no relay's any more at these levels, those that are outputs still."""
        for pin, level in pins.items():
            try:
                if self._gpio.gpio_function(pin) == self._gpio.OUT:
                    self._gpio.setup(pin, self._gpio.OUT)
                    self._gpio.output(pin, level)
            except _GPIO_ERRORS:  # it may be somebody else's by now
                pass

    def save(self) -> str:
        """Lets simulated pins outlive the process, as real ones do. Gives "" or what was wrong with them.
        Raises Fault."""
        return self._gpio.save() if isinstance(self._gpio, SimulatedGPIO) else ""


_GPIO_ERRORS = (RuntimeError, ValueError, OSError)  # lgpio.error is a RuntimeError too


def open_board(config: Config) -> Board:
    """The board that config.board asks for. Raises Fault that says what is missing."""
    if config.board == "simulated" or (config.board == "auto" and not on_a_pi()):
        why = "board: simulated" if config.board == "simulated" else "this is not a Raspberry Pi"
        return Board(
            config, SimulatedGPIO(config.simulatedPins), f"simulated pins in {config.simulatedPins} ({why})"
        )
    files.third_party()
    try:
        from RPi import GPIO

        return Board(config, GPIO, "RPi.GPIO")
    except ImportError:
        raise Fault(
            "RPi.GPIO is missing; run: sudo apt install python3-rpi.gpio (or python3-rpi-lgpio)"
        ) from None
    except _GPIO_ERRORS as error:
        user = files.user_name(os.geteuid())
        raise Fault(f"RPi.GPIO does not work here ({error}); is user {user} in group gpio?") from None


def on_a_pi() -> bool:
    """Whether this is a Raspberry Pi, by its device tree."""
    try:
        with open(MODEL, "rb") as file:
            return file.read(12) == b"Raspberry Pi"
    except OSError:
        return False


class SimulatedGPIO:
    """RPi.GPIO's calls on pins kept in a file: JSON, BCM number to electrical level. A pin that the
    file does not name is an input."""

    BCM, OUT, IN = 11, 0, 1  # RPi.GPIO's own values

    def __init__(self, path: str) -> None:
        self._path = path
        self._trouble = ""
        self._levels: dict[int, int] = {}
        try:
            saved = tinyjson.loads(files.read(path)[0].decode())
            self._levels = {int(pin): int(bool(level)) for pin, level in saved.items()}
        except FileNotFoundError:
            pass
        except Fault as fault:
            self._trouble = Report(f"{fault}; it is written anew", path, lasts=False)
        except (ValueError, AttributeError) as error:
            self._trouble = Report(f"{path}: was not domo's ({error}); it is written anew", path, lasts=False)
        self._saved = dict(self._levels)

    def setwarnings(self, value: bool) -> None:
        """Nothing to warn of."""

    def setmode(self, mode: int) -> None:
        """BCM is the only numbering."""

    def gpio_function(self, pin: int) -> int:
        """OUT or IN."""
        return self.OUT if pin in self._levels else self.IN

    def setup(self, pin: int, direction: int, initial: int | None = None) -> None:
        """Makes the pin an output, at level `initial` or the one it had."""
        self._levels[pin] = self._levels.get(pin, 0) if initial is None else initial

    def output(self, pin: int, level: int) -> None:
        """Sets the level of a pin."""
        self._levels[pin] = level

    def input(self, pin: int) -> int:
        """The level of a pin."""
        return self._levels[pin]

    def save(self) -> str:
        """Writes the file when a level has changed. Gives "" or what was wrong with it. Raises Fault."""
        if self._levels != self._saved:
            files.replace(self._path, tinyjson.dumps(self._levels).encode())
            self._saved = dict(self._levels)
        return self._trouble
