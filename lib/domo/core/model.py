"""The records that all of domo shares: immutable, no I/O, no clock, and no import that costs time.

Moments are kept as *ages*: seconds before this tick's look at the clocks, never negative. `memory` looks at
the clocks, and makes ages older from tick to tick. So a wall clock that jumps changes no decision.
"""

from __future__ import annotations

from .records import dataclass
from .texts import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .history import History

FORCED_OFF, AUTO_OFF, AUTO_ON, FORCED_ON = range(4)  # PvMonit's "mod"
FORCED = (FORCED_OFF, FORCED_ON)
ON_OFF = ("off", "on")  # a state in words
OWNER, PROGRAM = "owner", "domo"  # who set a mode
MODE_WORDS = ("forced off", "auto off", "auto on", "forced on")

STAGES = {  # stages of charge, by the words that PvMonit's CS begins with
    "float": ("Float",),
    "absorption_or_float": ("Absorption", "Float"),
}

SKY_AGES = ("age", "look")  # of Past.sky: these grow older

DONE, WRONG, REFUSED, BUSY = 0, 1, 2, 75  # exit codes; 75 is sysexits' EX_TEMPFAIL


class Fault(Exception):
    """Something outside domo went wrong, as one sentence: what, where, and what to do. Whatever it quotes, it
    is one clean line."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


class ScriptError(Exception):
    """A mistake in a script, told to the person who wrote it."""


class ConfigError(Exception):
    """Every problem of a configuration, one sentence each, with its key path."""

    def __init__(self, problems: list[str]) -> None:
        problems = [one_line(problem) for problem in problems]
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Now:
    """The one look at the clocks: `wall` (epoch s, may jump), `up` (s since boot), `boot` (the boot's id)."""

    wall: float
    up: float
    boot: str


@dataclass(frozen=True)
class Value:
    """One value as PvMonit writes it: `text` (<value>) and `raw` (<valueBeast>, "" if there is none)."""

    text: str
    raw: str

    @property
    def number(self) -> float | None:
        """The value as a finite number, or None when it does not read as one."""
        try:
            number = float(self.text)
        except ValueError:
            return None
        return number if number - number == 0 else None  # neither inf nor nan


@dataclass(frozen=True)
class Device:
    """A device that reports: its id and name, the age of its values (s), its values by id."""

    id: str
    name: str
    age: float
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Reading:
    """What PvMonit reports: the devices that are fresh, in its order; `problem` is why scripts may
    not run on it ("" when they may), `notes` what else a person should know."""

    devices: tuple[Device, ...]
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Value]:
        """Every value by id; of several devices that report an id the last one counts, as in PvMonit."""
        values: dict[str, Value] = {}
        for device in self.devices:
            values.update(device.values)
        return values


@dataclass(frozen=True)
class Row:
    """A row of the journal: `info` is "M" (a mode) or "E" (a state), `by` says who set a mode,
    `remaining` how long a force lasts from then on (s; None: no end)."""

    age: float
    relay: int
    info: str
    value: int
    why: str
    by: str = ""
    remaining: float | None = None


@dataclass(frozen=True)
class Past:
    """What the tick remembers. All numbers are ages in s unless said otherwise."""

    known: bool = True  # False: it could not be read, so nothing may be switched on automatically
    tick: float | None = None  # the last tick
    modes: Mapping[int, int] = {}  # the last good modes
    ours: frozenset[int] = frozenset()  # relays whose 2 domo wrote, and nobody else
    states: Mapping[int, int] = {}
    history: Mapping[int, History] = {}
    auto_on: Mapping[int, float] = {}  # the last automatic switch-on of each relay
    support: Mapping[int, float] = {}  # the last good order that wanted the relay on
    data: float | None = None  # the last good reading
    timers: Mapping[str, tuple[float, float, int]] = {}  # name: age, length (s), bad looks (see probing)
    charge: Mapping[str, float | None] = {}  # "stage device": see charge.stages
    sky: Mapping[str, float] = {}  # how clear it has been, see spare.watched
    frozen: tuple[str, float] = ("", 0.0)  # the measured values, and since when they are the same
    turns: tuple[int, ...] = ()  # the order in which scripts are asked; (): by number
    scripted: tuple[int, ...] = ()  # relays that had a script
    stuck: Mapping[str, tuple[int, int]] = {}  # processes that could not be killed: id and start
    why: Mapping[int, str] = {}  # the last reason of each relay
    reports: tuple[str, ...] = ()  # what the last tick found wrong
    unset: bool = False  # the wall clock was not set yet at the last tick
    until: Mapping[int, tuple[int, float, float]] = {}  # forces that end by themselves: mode, age, length (s)
    pins: Mapping[int, int] = {}  # the pins that drove relays, each with its level for off
    pin_failures: Mapping[int, tuple[float, int]] = {}  # relays whose pin failed: the last try, failed tries
    unwritten: tuple[Row, ...] = ()  # rows that the journal has not taken yet
    untold: tuple[Row, ...] = ()  # rows that are not queued yet for the program of onChange


@dataclass(frozen=True)
class Order:
    """A script's answer: `wanted` is "on", "off" or "keep", and `why` the reason. If there is no good order,
    `wanted` is "" and `why` is the fault, as a faults.Report."""

    wanted: str
    why: str

    @property
    def good(self) -> bool:
        """Whether there is a good order."""
        return self.wanted != ""


@dataclass(frozen=True)
class Decision:
    """What a tick decided for one relay; modes are None where the mode file holds no mode."""

    mode_before: int | None
    mode: int | None
    state_before: int
    state: int
    why: str
    supported: bool = False  # a good order of this tick wanted it on

    @property
    def switched_on(self) -> bool:
        """Whether this switches the relay on automatically."""
        return self.state > self.state_before and self.mode not in FORCED


Plan = dict[int, Decision]
