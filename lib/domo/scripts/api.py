"""What a relay's script sees: `relay` and `data`, the two arguments of its `decide(relay, data)`.

    def decide(relay, data):
        if data.mppt_float() and data["P"] > 0:
            return relay.on("float, and the battery is not discharging")
        return relay.off("no surplus")

Durations are in seconds, unless an argument is called `hours`. "Today" means the last hours, not the
calendar's day, so that midnight and the clock's jumps change nothing.
"""

from __future__ import annotations

from _functools import partial  # type: ignore[import-not-found]  # functools costs a tick more
from time import localtime

from .. import sealed
from ..core import charge, spare
from ..core.history import KEPT, OFF, ON, History
from ..core.model import STAGES, Device, Now, Order, Past, Reading, ScriptError
from ..core.settings import Config
from ..core.texts import did_you_mean, one_line
from . import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Any, NoReturn, TypeVar

    from ..core.model import Value

    Timers = dict[str, tuple[float, float, int]]  # name: age, length (s), count
    Method = TypeVar("Method")

    def question(method: Method) -> Method:
        """See below."""
        return method

else:

    class question:  # noqa: N801
        """A method that answers a question. Without its brackets it is refused as a condition, because any
        method counts as true and the relay would be on for ever."""

        def __init__(self, method):
            self._method = method

        def __get__(self, of, kind):
            return _Asked(self._method, of)

    class _Asked(partial):
        def __bool__(self):
            name = f"{self.args[0]._called}.{self.func.__name__}"
            raise ScriptError(f"{name} needs its brackets: {name}()")


_NO_HISTORY = History()
LONGEST_NAME = 100  # characters of a timer's


class _Helpful:
    """Answers a name that does not exist with the nearest that does."""

    _called = ""

    if not TYPE_CHECKING:  # so that an editor still marks the name that does not exist

        def __getattr__(self, name: str) -> object:
            if name.startswith("_"):
                raise AttributeError(name)
            names = [n for n in [*dir(type(self)), *self.__dict__] if not n.startswith("_")]
            raise ScriptError(f"there is no {self._called}.{name}{did_you_mean(name, names)}")


class Timer(_Helpful):
    """A timer with a name, shared by all scripts; it goes on between ticks. Like all of the memory it
    is lost when the Raspberry Pi restarts (unless prefixFileData is on a disk that lasts)."""

    _called = "relay.timer(...)"

    def __init__(self, name: str, timers: Timers) -> None:
        self._name = name
        self._timers = timers

    def start(self, seconds: float) -> None:
        """Starts it, or starts it again, for this long (s)."""
        if not 0 <= seconds <= messages.LONGEST_TIMER:
            raise ScriptError(f"a timer cannot last {seconds!r} s")
        self._timers[self._name] = (0.0, float(seconds), 0)

    def stop(self) -> None:
        """Forgets it."""
        self._timers.pop(self._name, None)

    @property
    def left(self) -> float:
        """Seconds until it ends; 0 when it has ended or was never started."""
        age, length, _ = self._timers.get(self._name, (0.0, 0.0, 0))
        return max(0.0, length - age)

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.left > 0


class Other(_Helpful):
    """Any relay, to read: `relay.others[2].is_on`."""

    id: int
    is_on: bool

    def __init__(self, number: int, world: World) -> None:
        self._world = world
        self._history = world.past.history.get(number, _NO_HISTORY)
        self.id = number
        self.is_on = world.states[number] == ON

    @property
    def _called(self) -> str:  # type: ignore[override]
        return f"relay.others[{self.id}]"

    @property
    def name(self) -> str:
        """What the owner calls it."""
        return self._world.config.name(self.id)

    @property
    def mode(self) -> int:
        """0 forced off, 1 auto off, 2 auto on, 3 forced on."""
        return self._world.modes.get(self.id, 1)

    @property
    def on_for(self) -> float:
        """For how long it has been on (s); 0 when it is off."""
        return self._history.since(ON) if self.is_on else 0.0

    @property
    def off_for(self) -> float:
        """For how long it has been off (s); 0 when it is on, infinity when it was never on."""
        return 0.0 if self.is_on else self._history.since(OFF)

    @property
    def last_on(self) -> datetime | None:
        """When it was last switched on, by its script or by anybody; None when it never was."""
        return self._world.moment(self._history.last(ON))

    @property
    def last_off(self) -> datetime | None:
        """When it was last switched off, by its script or by anybody; None when it never was."""
        return self._world.moment(self._history.last(OFF))

    @property
    def last_auto_on(self) -> datetime | None:
        """When a script last switched it on; None when none ever did."""
        return self._world.moment(self._world.past.auto_on.get(self.id))

    @question
    def ran_today(self, hours: float = 12) -> bool:
        """Whether it was on at any time in the last hours, even if it was switched on before them."""
        return bool(self._history.spans(_seconds(hours)))

    @question
    def finished_today(self, hours: float = 12) -> bool:
        """Whether it was on at some time in the last hours and is off now."""
        return self.ran_today(hours) and not self.is_on

    @question
    def on_time(self, hours: float = 24) -> float:
        """For how long it was on in the last hours (s), all times together."""
        return self._history.on_time(_seconds(hours))

    @question
    def cycle_time(self, length: float | None = None) -> float:
        """For how long the present cycle (a washing machine's programme) has run (s), however often it was
        interrupted; 0 if there is none. A cycle lasts `length` seconds; if that is not given, as long as
        relayLoad says. One that was interrupted a day ago is not resumed."""
        length = self._world.config.cycle(self.id) if length is None else length
        if not length > 0:
            raise ScriptError(
                f"{self._called}.cycle_time wants the length of the cycle (s), or its relayLoad"
            )
        return self._history.cycle(length)

    @property
    def cycle_length(self) -> float:
        """How long its programme lasts, as relayLoad says (s); 0 if it says nothing."""
        return self._world.config.cycle(self.id)

    @question
    def starts(self, hours: float = 24) -> int:
        """How often it was switched on in the last hours."""
        return self._history.starts(_seconds(hours))


class Relay(Other):
    """The script's own relay: what it is, and the answers `on`, `off`, `keep` and `probe`."""

    _called = "relay"

    @property
    def now(self) -> datetime:
        """Local time; the only clock that a script should use, so that it can be tried at any hour."""
        return self._world.now

    @property
    def others(self) -> Others:
        """The other relays by number, to read; `for other in relay.others` goes through them."""
        return Others(self.id, self._world)

    def timer(self, name: str) -> Timer:
        """The timer of that name, of at most 100 characters."""
        if len(text := one_line(name)) > LONGEST_NAME:
            raise ScriptError(f"a timer's name has {LONGEST_NAME} characters at most, not {len(text)}")
        return Timer(text, self._world.timers)

    def on(self, why: str) -> Order:
        """The order to be on, and the reason that the owner will read."""
        return Order("on", _reason(why))

    def off(self, why: str) -> Order:
        """The order to be off, and the reason."""
        return Order("off", _reason(why))

    def keep(self, why: str) -> Order:
        """The order to stay as it is, and the reason."""
        return Order("keep", _reason(why))

    def staircase(self, data: Data, heaters: Sequence[int], buffer: float = 5) -> Order:
        """The order for one of several heaters (relay numbers, this one among them). Each of them has this in
        its script. Together they draw what the sun has to spare, in all the steps that their watts make.

        Nothing is on before the battery is nearly full (absorption). Once it has been full today, it may
        lend the difference to the next step, down to `buffer` per cent below full, as long as the rest of
        the day will give it back (data.spare_today). relayWatt says what each draws; P and PPV are needed.
        Only for loads that may be interrupted at any time. Raises ScriptError.
        """
        sealed.use_later(sealed.SPARE)
        from . import stairs

        return stairs.order(self, data, heaters, buffer, self._world)

    def probe(
        self, power: float, margin: float = -30, looks: int = 2, retry: float = 600, longest: float = 7200
    ) -> Order:
        """The order to try a load whose surplus cannot be seen, and to switch it off if the battery pays.

        Switches on, then looks at the battery's `power` (W, PvMonit's P: negative is discharging). When
        it is below `margin` (W) in `looks` new readings in a row, switches off. If the sun had carried the
        load until then, that was a cloud: the next try comes when the panels could give what it draws,
        or else in a third of `retry` seconds. If it never had, the guess was wrong: the next try comes
        `retry` seconds later, twice as long after each further one, up to `longest`. A try that lasts for
        `retry` seconds, or no try for `longest`, makes the waiting short again.

        Only for loads that may be interrupted at any time: raises ScriptError for a relay that
        config.yaml lists as `uninterruptible`.
        """
        from . import probing

        return probing.order(self, power, margin, looks, retry, longest, self._world)


class Others(_Helpful):
    """The relays by number."""

    _called = "relay.others"

    def __init__(self, own: int, world: World) -> None:
        self._own = own
        self._world = world

    def __getitem__(self, number: int) -> Other:
        if number not in self._world.config.relays:
            raise ScriptError(f"there is no relay {number!r}; there are 1 to {self._world.config.relayNb}")
        return Other(number, self._world)

    def __iter__(self) -> Iterator[Other]:
        return (Other(number, self._world) for number in self._world.config.relays if number != self._own)


class Data(_Helpful):
    """What PvMonit reports: `data["SOC"]`, and what can be asked of the regulators.

    A value is a number if it reads as one, else text; to type checkers it is Any, or they would
    complain about every `data["SOC"] > 95`.
    """

    _called = "data"

    age: float  # of the values of the device that reported longest ago (s)

    def __init__(self, reading: Reading, past: Past, config: Config, wall: float) -> None:
        self._reading = reading
        self._values = reading.values
        self._charge = past.charge
        self._sky = past.sky
        self._config = config
        self._plant = config.plant
        self._wall = wall
        self._known_already: dict[object, Any] = {}  # what was computed before in this tick
        self.age = max([device.age for device in reading.devices], default=0.0)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if not name.startswith("_") and name in self._values:
                raise ScriptError(f'there is no data.{name}; write data["{name}"]')
            return super().__getattr__(name)

    def __getitem__(self, name: str) -> Any:
        """A value; of several devices that report it the last one's, as in PvMonit."""
        return _plain(self._value(self._values, name))

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, otherwise: Any = None) -> Any:
        """A value, or `otherwise` when nobody reports it."""
        return _plain(self._values[name]) if name in self._values else otherwise

    def raw(self, name: str) -> str:
        """VE.Direct's own text behind a value, PvMonit's valueBeast: data.raw("CS") is "5" in float."""
        return self._value(self._values, name).raw

    def of(self, device: str, name: str) -> Any:
        """A value of one device, by the device's name or id."""
        values: dict[str, Value] = {}
        for one in self._called_so(device):  # PvMonit gives several sensors the id "other"
            values.update(one.values)
        return _plain(self._value(values, name, f" of {device}"))

    def all(self, name: str) -> list[Any]:
        """A value from each device that reports it, in PvMonit's order: sum(data.all("PPV"))."""
        self._value(self._values, name)
        return [_plain(device.values[name]) for device in self._reading.devices if name in device.values]

    @question
    def mppt_float(self, no_flap: float = 60, mppt: str = "last") -> bool:
        """Whether the regulator is in float, or was until `no_flap` seconds ago. With several: the
        "last" (as in PvMonit), "any" or "all" of them, or one by name."""
        return self._in_stage("float", no_flap, mppt)

    @question
    def mppt_absorption_or_float(self, no_flap: float = 60, mppt: str = "last") -> bool:
        """Whether the regulator is in absorption or float, or was until `no_flap` seconds ago."""
        return self._in_stage("absorption_or_float", no_flap, mppt)

    @question
    def throttled(self, mppt: str = "last") -> bool:
        """Whether the regulator holds the panels back. VE.Direct's MPPT field says so (1: limited by
        voltage or current). Without it, absorption or float counts, which only makes it likely."""
        return self._ask("throttled", lambda device: spare.throttled(device.values), mppt)

    @question
    def full_today(self, mppt: str = "last") -> bool:
        """Whether the battery has been full since the last night: the regulator has been in float, or in
        absorption with a SOC of 100 % and a battery that took hardly any more. With several: the "last",
        "any" or "all" of them, or one by name."""
        return self._ask("full", lambda device: charge.full_today(self._charge, device.id), mppt)

    @question
    def spare_today(self, trust: float = 0.8) -> float | None:
        """What today's sun will probably still give beyond what battery and house need until the evening
        (Wh; below 0: what is missing). `trust`: the share of the sun to count on.

        None when it cannot be known: config.yaml has no `plant`, PvMonit reports no SOC, or the clock cannot
        be right.
        """
        return self._spare(trust) if self._plant["own"] else None

    @question
    def held_back(self) -> float:
        """How much more the panels could probably give than they do (W); 0 unless they are held back."""
        watts, held_back, _ = spare.panel_power(self._reading)
        return max(0.0, self._clear * spare.likely(self._sky, 0.0) - watts) if held_back else 0.0

    @property
    def battery(self) -> float | None:
        """What the battery holds when it is full (Wh); None when config.yaml has no `plant`."""
        return float(self._plant["battery"]) if self._plant["own"] else None

    @property
    def _clear(self) -> float:
        """What the panels would give now under a clear sky (W)."""
        if "clear" not in self._known_already:
            self._known_already["clear"] = spare.clear(self._plant, self._wall)
        clear: float = self._known_already["clear"]
        return clear

    def _spare(self, trust: float) -> float | None:
        if trust not in self._known_already:
            self._known_already[trust] = self._reckoned(trust)
        reckoned: float | None = self._known_already[trust]
        return reckoned

    def _reckoned(self, trust: float) -> float | None:
        soc = self.get("SOC")
        if not isinstance(soc, float):
            return None
        if "ahead" not in self._known_already:
            local = localtime(self._wall)
            self._known_already["ahead"] = spare.ahead(
                self._sky, self._plant, self._wall, local.tm_hour + local.tm_min / 60, self._foreseen()
            )
            watts, _, _ = spare.panel_power(self._reading)
            if watts > sum(field[0] for field in self._plant["panels"]) / 10 and not self._clear:
                self._known_already["ahead"] = None  # sun in the night: the clock or the place is wrong
        if self._known_already["ahead"] is None:
            return None
        full = "CS" in self and self.full_today(mppt="any")
        lacks = spare.lacking(self._plant, self._sky, soc, full)
        return spare.spare(*spare.rest(self._known_already["ahead"], self._plant, trust, lacks), lacks)

    def _foreseen(self) -> Callable[[float], float | None] | None:
        """What PvMonit's forecast says of the panels at a local hour (W), if there is a fresh one."""
        if not self._config.cacheDir:
            return None
        sealed.use_later(sealed.SPARE)
        from ..stores import forecast

        hours = forecast.today(self._config, self._wall)
        return (lambda hour: hours.get(int(hour))) if hours else None

    def _in_stage(self, stage: str, no_flap: float, mppt: str) -> bool:
        def charging(device: Device) -> bool:
            if device.values["CS"].text.startswith(STAGES[stage]):
                return True
            since = self._charge.get(f"{stage} {device.id}")
            return no_flap > 0 and since is not None and since <= no_flap

        return self._ask((stage, no_flap), charging, mppt)

    def _ask(self, about: object, question: Callable[[Device], bool], mppt: str) -> bool:
        known, asked = self._known_already, (about, mppt)
        if asked not in known:
            known[asked] = self._asked(question, mppt)
        return bool(known[asked])

    def _asked(self, question: Callable[[Device], bool], mppt: str) -> bool:
        self._value(self._values, "CS")
        regulators = [device for device in self._reading.devices if "CS" in device.values]
        if mppt == "any":
            return any(map(question, regulators))
        if mppt == "all":
            return all(map(question, regulators))
        if mppt != "last":
            named = self._called_so(mppt)
            regulators = [device for device in named if "CS" in device.values]
            if not regulators:
                self._value(named[0].values, "CS", f" of {mppt}")
        return question(regulators[-1])

    def _called_so(self, name: str) -> list[Device]:
        devices = [device for device in self._reading.devices if name in (device.name, device.id)]
        if not devices:
            _missing(f"device {name!r}", name, dict.fromkeys(d.name or d.id for d in self._reading.devices))
        return devices

    def _value(self, values: Mapping[str, Value], name: str, where: str = "") -> Value:
        if name not in values:
            _missing(f"{name!r}{where} in the data", name, values)
        return values[name]


class World:
    """What all scripts of a tick see. They can change only `timers`."""

    kind = Data  # a replay has its own

    def __init__(
        self,
        config: Config,
        modes: Mapping[int, int],
        states: Mapping[int, int],
        past: Past,
        reading: Reading,
        now: Now,
    ) -> None:
        self.config = config
        self.modes = modes
        self.states = states
        self.past = past
        self.reading = reading
        self.data = self.kind(reading, past, config, now.wall)
        self.timers: Timers = dict(past.timers)
        self.wall = now.wall
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        """Local time."""
        if self._now is None:
            self._now = _local(self.wall)
        return self._now

    @property
    def data_age(self) -> float:
        """Seconds since PvMonit last read a device."""
        return min((device.age for device in self.reading.devices), default=0.0)

    def moment(self, age: float | None) -> datetime | None:
        """Local time, this many seconds ago."""
        return None if age is None else _local(self.wall - age)


def _local(wall: float) -> datetime:
    """Local time with its offset, so that differences are right across a change to summer time."""
    import _datetime as c  # type: ignore[import-not-found]  # datetime itself costs (see ARCHITECTURE.md)

    local: datetime = c.datetime.fromtimestamp(wall).astimezone()
    return local


def _seconds(hours: float) -> float:
    if not 0 < hours * 3600 <= KEPT:
        raise ScriptError(f"hours={hours!r}: the past is kept for {KEPT / 3600:g} hours")
    return hours * 3600


def _plain(value: Value) -> float | str:
    return value.text if (number := value.number) is None else number


def _reason(why: object) -> str:
    if not (text := one_line(why)):
        raise ScriptError("an order needs a reason in words")
    return text


def _missing(what: str, name: str, names: Mapping[str, object]) -> NoReturn:
    near = did_you_mean(str(name), names, 0.6)
    raise ScriptError(f"there is no {what}{near}{' There' if near else '; there'} is {', '.join(names)}")
