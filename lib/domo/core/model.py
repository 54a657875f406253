"""The words of domo as immutable records: no I/O, no clock, nothing imported that a tick would pay for.

Durations are *ages*: seconds before the tick's one look at the clocks, never negative. The clocks
themselves are read in `memory` (what happens to ages between two ticks) and nowhere else, so no
jump of the wall clock reaches a decision.
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

STAGES = {  # of a regulator's charge, by the words of PvMonit's CS
    "float": ("Float",),
    "absorption_or_float": ("Absorption", "Float"),
}

SKY_AGES = ("age", "look")  # of Past.sky: these grow older

DONE, LOOK, REFUSED, BUSY = 0, 1, 2, 75  # exit codes; 75 is sysexits' EX_TEMPFAIL


class Fault(Exception):
    """Something the outside world did, told as one sentence: what, where, and what to do. It may quote what
    it is about: it is one clean line all the same."""

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
    """The one look at the clocks: `wall` (epoch s, may jump), `up` (s since boot), `boot` (its id)."""

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
        found: dict[str, Value] = {}
        for device in self.devices:
            found.update(device.values)
        return found


@dataclass(frozen=True)
class Row:
    """A row of the journal: `info` is "M" (a mode) or "E" (a state), `by` who set a mode, `left` for how
    long a force lasts from then on (s; None: without end)."""

    age: float
    relay: int
    info: str
    value: int
    why: str
    by: str = ""
    left: float | None = None


@dataclass(frozen=True)
class Past:
    """What the tick remembers. All numbers are ages in s unless said otherwise."""

    known: bool = True  # False: it could not be read, so nothing may be switched on automatically
    tick: float | None = None  # the last tick
    modes: Mapping[int, int] = {}  # the last good modes
    ours: frozenset[int] = frozenset()  # relays whose 2 the program wrote, not somebody else
    states: Mapping[int, int] = {}
    history: Mapping[int, History] = {}
    auto_on: Mapping[int, float] = {}  # the last automatic switch-on of each relay
    support: Mapping[int, float] = {}  # the last good order of each relay that wanted it on
    data: float | None = None  # the last good reading
    timers: Mapping[str, tuple[float, float, int]] = {}  # name: age, length (s), count of restarts
    charge: Mapping[str, float | None] = {}  # "stage device": since seen out of it, None while in it
    sky: Mapping[str, float] = {}  # how clear it has been, see spare.watched
    frozen: tuple[str, float] = ("", 0.0)  # the measured values, and since when they are the same
    turns: tuple[int, ...] = ()  # in which order scripts are asked; () is by number
    scripted: tuple[int, ...] = ()  # relays that had a script
    stuck: Mapping[str, tuple[int, int]] = {}  # processes that could not be killed: their id and start
    why: Mapping[int, str] = {}  # the last reason of each relay
    reports: tuple[str, ...] = ()  # what the last tick found wrong
    unset: bool = False  # at the last tick nobody had set the wall clock yet
    until: Mapping[int, tuple[int, float, float]] = {}  # forces that end by themselves: mode, age, length (s)
    pins: Mapping[int, int] = {}  # those that relays were driven by, each with its level for off
    pin_failures: Mapping[int, tuple[float, int]] = {}  # relays whose pin failed: the last try, tries in vain
    unwritten: tuple[Row, ...] = ()  # what the journal was not given yet
    untold: tuple[Row, ...] = ()  # what does not wait for the program of onChange yet


@dataclass(frozen=True)
class Order:
    """What a script answered: `wanted` "on", "off" or "keep" and why; "" with `why` the fault when
    there is no good order."""

    wanted: str
    why: str

    @property
    def good(self) -> bool:
        """Whether this is an order at all."""
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
