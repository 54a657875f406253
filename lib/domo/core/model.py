"""The words of domo as immutable records: no I/O, no clock, nothing imported that a tick would pay for.

Durations are *ages*: seconds before the tick's one look at the clocks, never negative. The clocks
themselves are read in `memory` (what happens to ages between two ticks) and nowhere else, so no
jump of the wall clock reaches a decision.
"""

from __future__ import annotations

TYPE_CHECKING = False  # what type checkers take for typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass as dataclass
    from typing import Any, TypeVar

    Record = TypeVar("Record")
else:

    def dataclass(frozen):
        """`dataclasses.dataclass(frozen=True)`, whose import alone costs 1.5 interpreter starts."""

        def finish(cls):
            cls._names = tuple(cls.__annotations__)
            cls._defaults = {name: cls.__dict__[name] for name in cls._names if name in cls.__dict__}
            cls.__init__, cls.__setattr__, cls.__eq__, cls.__repr__ = _init, _setattr, _eq, _repr
            return cls

        return finish

    def _init(self, *args, **fields):
        names = self._names
        given = {**self._defaults, **dict(zip(names, args, strict=False)), **fields}
        if len(given) != len(names) or len(args) > len(names):
            raise TypeError(f"{type(self).__name__} has the fields {names}, not {tuple(given)}")
        self.__dict__.update(given)

    def _setattr(self, name, value):
        raise AttributeError(f"{type(self).__name__}.{name} is read-only")

    def _eq(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def _repr(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


def replace(record: Record, **changes: Any) -> Record:
    """A copy of `record` with some fields changed."""
    return type(record)(**{**record.__dict__, **changes})


FORCED_OFF, AUTO_OFF, AUTO_ON, FORCED_ON = range(4)  # PvMonit's "mod"
FORCED = (FORCED_OFF, FORCED_ON)
OFF, ON = 0, 1  # PvMonit's "etat"
ON_OFF = ("off", "on")  # a state in words
MODE_WORDS = ("forced off", "auto off", "auto on", "forced on")

KEPT = 48 * 3600.0  # s of switches that are remembered: all that a script may ask for
KEPT_SWITCHES = 3000  # of one relay: one a minute for 48 h, or a script that flaps would wear its limits out

STAGES = {  # of a regulator's charge, by the words of PvMonit's CS
    "float": ("Float",),
    "absorption_or_float": ("Absorption", "Float"),
}

DONE, LOOK, REFUSED, BUSY = 0, 1, 2, 75  # exit codes; 75 is sysexits' EX_TEMPFAIL

OUTSIDE = "mode file: "  # begins the journal's reason for a mode that was not the program's


class Fault(Exception):
    """Something the outside world did, told as one sentence: what, where, and what to do."""


class ConfigError(Exception):
    """Every problem of a configuration, one sentence each, with its key path."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Now:
    """The one look at the clocks: `wall` (epoch s, may jump), `up` (s since boot), `boot` (its id)."""

    wall: float
    up: float
    boot: str


@dataclass(frozen=True)
class Limits:
    """What holds for one relay whatever its script says; 0 is no limit."""

    minOn: float = 0  # s
    minOff: float = 0  # s
    maxOnPerDay: float = 0  # s in any 24 h
    maxStartsPerHour: float = 0


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
class History:
    """The switches of one relay, oldest first, as (age in s, state): the recent ones, plus the last
    on and the last off however old. Ages never grow along the row."""

    switches: tuple[tuple[float, int], ...] = ()

    @property
    def last_state(self) -> int:
        """The state after the last switch; off when there is none."""
        return self.switches[-1][1] if self.switches else OFF

    def last(self, state: int) -> float | None:
        """The age of the last switch to `state`, None if there is none."""
        return next((age for age, to in reversed(self.switches) if to == state), None)

    def since(self, state: int) -> float:
        """For how long the relay is in `state` (s): 0 if it is in the other, infinity if it always was."""
        if not self.switches:
            return float("inf") if state == OFF else 0.0
        age, now = self.switches[-1]
        return age if now == state else 0.0

    def spans(self, seconds: float) -> list[tuple[float, float]]:
        """The times on within the last `seconds`, as (age of start, age of end; 0 while it is on)."""
        spans, start = [], None
        for age, state in self.switches:
            if state == ON and start is None:
                start = age
            elif state == OFF and start is not None:
                spans.append((start, age))
                start = None
        if start is not None:
            spans.append((start, 0.0))
        return [(min(start, seconds), end) for start, end in spans if end < seconds]

    def on_time(self, seconds: float) -> float:
        """For how long it was on within the last `seconds` (s)."""
        return sum(start - end for start, end in self.spans(seconds))

    def starts(self, seconds: float) -> int:
        """How often it was switched on within the last `seconds`."""
        ons = 0
        before = OFF
        for age, state in self.switches:
            ons += state == ON and before == OFF and age < seconds
            before = state
        return ons

    def pruned(self) -> History:
        """Without the switches that nothing asks for any more: all of the last 48 h stay, and the last
        on and off before them."""
        row = self.switches
        first = next((i for i, (age, _) in enumerate(row) if age <= KEPT), len(row))
        first = max(0, first - 2, len(row) - KEPT_SWITCHES)
        return History(row[first:]) if first else self


Row = tuple[float, int, str, int, str]  # of the journal: age, relay, "M" or "E", value, why


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
    frozen: tuple[str, float] = ("", 0.0)  # the measured values, and since when they are the same
    failed: frozenset[int] = frozenset()  # relays whose scripts come last: they failed, or had their time
    why: Mapping[int, str] = {}  # the last reason of each relay
    reports: tuple[str, ...] = ()  # what the last tick found wrong
    until: Mapping[int, tuple[int, float, float]] = {}  # forces that end by themselves: mode, age, length (s)
    pins: Mapping[int, int] = {}  # those that relays were driven by, each with its level for off
    owed: tuple[Row, ...] = ()  # what the journal was not given yet


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


@dataclass(frozen=True)
class Config:
    """config.yaml, checked. Each name is its key's, each default is here and nowhere else; seconds,
    watts, and BCM pin numbers. `config` says which key sets what."""

    path: str
    tmpFileDataXml: str = "/tmp/PvMonit_data-xml.php.tmp"
    urlDataXml: str = "http://pvmonit.local/data-xml.php"
    scriptDataXml: str = "/opt/PvMonit/www/data-xml.php"
    phpCli: str = "/usr/bin/php"
    printMessage: int = 0
    printMessageLogfile: str = ""
    dataCheckTime: float = 60
    fileExpir: float = 500
    xmlDataExpir: float = 500
    frozenAfter: float = 1800
    valueUse: tuple[str, ...] = ("SOC",)
    modPath: str = "/tmp/PvMonit_domo_mod"
    etatPath: str = "/tmp/PvMonit_domo_etat"
    prefixFileData: str = "/tmp/PvMonit_domo_data_"
    dbFile: str = "domo.sqlite3"
    scriptDir: str = "relay.script.d"
    scriptOwners: tuple[str, ...] = ()  # users whose scripts are run too, beside this one's and root's
    scriptExecInterval: float = 60
    secuDownNoData: float = 600
    relayNb: int = 8
    relayName: Mapping[int, str] = {}
    relayWiringPi: Mapping[int, int] = {1: 4, 2: 5, 3: 10, 4: 21, 5: 22, 6: 27, 7: 28, 8: 29}
    relayGpio: Mapping[int, int] = {}  # goes before relayWiringPi; after loading it holds every relay
    relayActiveLow: bool = True
    relayPriority: tuple[int, ...] = ()
    relayWatt: Mapping[int, float] = {}
    maxWatt: float = 0
    uninterruptible: tuple[int, ...] = ()  # loads that a script may not probe
    floor: Mapping[str, float] = {}
    limits: Mapping[int, Limits] = {}
    board: str = "auto"
    simulatedPins: str = "/tmp/PvMonit_domo_pins"
    refresh: float = 0.3
    actionButtonDelay: float = 2
    dio: int = 19
    clk: int = 13
    stb: tuple[int, ...] = (26,)
    brightness: int = 0

    @property
    def relays(self) -> range:
        """The relay numbers."""
        return range(1, self.relayNb + 1)

    @property
    def by_priority(self) -> list[int]:
        """The relays, the most important first: relayPriority, then the others by number."""
        return [*self.relayPriority, *(r for r in self.relays if r not in self.relayPriority)]

    def name(self, relay: int) -> str:
        """What the owner calls a relay."""
        return self.relayName.get(relay) or f"relay {relay}"

    @property
    def required(self) -> tuple[str, ...]:
        """The values without which no script may run: valueUse, and what the floor looks at."""
        return (*self.valueUse, *(v for v in self.floor if v not in self.valueUse))
