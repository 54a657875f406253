"""What a relay's script sees: `relay` and `data`, the two arguments of its `decide(relay, data)`.

    def decide(relay, data):
        if data.mppt_float() and data["P"] > 0:
            return relay.on("float, and the battery is not discharging")
        return relay.off("no surplus")

Durations are in seconds, unless an argument is called `hours`. Days are the last hours, not the
calendar's, so that midnight and the clock's jumps change nothing.
"""

from __future__ import annotations

from .model import KEPT, OFF, ON, STAGES, Config, Device, History, Now, Order, Past, Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


class ScriptError(Exception):
    """A mistake in a script, told to the person who wrote it."""


class _Helpful:
    """Answers a name that does not exist with the nearest that does."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        from .config import did_you_mean

        names = [n for n in dir(type(self)) + list(self.__dict__) if not n.startswith("_")]
        raise ScriptError(f"there is no {self._called}.{name}{did_you_mean(name, names)}")

    _called = "relay"


class Timer:
    """A timer with a name, shared by all scripts, that goes on between ticks and over a restart."""

    def __init__(self, name: str, timers: dict[str, tuple[float, float, int]]) -> None:
        self._name = name
        self._timers = timers

    def start(self, seconds: float) -> None:
        """Starts it, or starts it anew, for so many seconds."""
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

    def __init__(self, number: int, world: World) -> None:
        self.id: int = number
        self.name: str = world.config.name(number)
        self.mode: int = world.modes.get(number, 1)  # 0 forced off, 1 auto off, 2 auto on, 3 forced on
        self.is_on: bool = world.states[number] == ON
        self._world = world
        self._history = world.past.history.get(number, History())

    @property
    def on_for(self) -> float:
        """For how long it is on (s); 0 when it is off."""
        return self._history.since(ON) if self.is_on else 0.0

    @property
    def off_for(self) -> float:
        """For how long it is off (s); 0 when it is on, infinity when it was never on."""
        return 0.0 if self.is_on else self._history.since(OFF)

    @property
    def last_on(self) -> datetime | None:
        """When it was switched on last."""
        return self._world.moment(self._history.last(ON))

    @property
    def last_off(self) -> datetime | None:
        """When it was switched off last."""
        return self._world.moment(self._history.last(OFF))

    @property
    def last_auto_on(self) -> datetime | None:
        """When it was switched on automatically last."""
        return self._world.moment(self._world.past.auto_on.get(self.id))

    def ran_today(self, hours: float = 12) -> bool:
        """Whether it was on at any time in the last hours, and be it still on since before."""
        return bool(self._history.spans(_seconds(hours)))

    def finished_today(self, hours: float = 12) -> bool:
        """Whether it was on in the last hours and is off now."""
        return self.ran_today(hours) and not self.is_on

    def on_time(self, hours: float = 24) -> float:
        """For how long it was on in the last hours (s)."""
        return self._history.on_time(_seconds(hours))

    def starts(self, hours: float = 24) -> int:
        """How often it was switched on in the last hours."""
        return self._history.starts(_seconds(hours))


class Relay(Other):
    """The script's own relay: what it is, and the three answers `on`, `off` and `keep`."""

    @property
    def now(self) -> datetime:
        """Local time; the only clock that a script should use, so that it can be tried at any hour."""
        moment = self._world.moment(0.0)
        assert moment is not None
        return moment

    @property
    def others(self) -> Others:
        """The other relays by number, to read."""
        return Others(self._world)

    def timer(self, name: str) -> Timer:
        """The timer of that name."""
        return Timer(str(name), self._world.timers)

    def on(self, why: str) -> Order:
        """The order to be on, and the reason that the owner will read."""
        return Order("on", str(why))

    def off(self, why: str) -> Order:
        """The order to be off."""
        return Order("off", str(why))

    def keep(self, why: str) -> Order:
        """The order to stay as it is."""
        return Order("keep", str(why))

    def probe(
        self, power: float, margin: float = -30, looks: int = 2, retry: float = 600, longest: float = 7200
    ) -> Order:
        """Tries a load whose surplus cannot be seen, and takes it back if the battery pays for it.

        Switches on and looks at the battery's `power` (W, PvMonit's P: negative is discharging). When
        it was below `margin` at `looks` new readings in a row, switches off and waits `retry` seconds
        before the next try, twice as long after each failure, up to `longest`; a try that lasts for
        `retry` starts afresh. Only for loads that may be interrupted at any time.
        """
        if self.id in self._world.config.uninterruptible:
            raise ScriptError(f"relay {self.id} is declared uninterruptible in config.yaml: it cannot be probed")
        name = f"probe of relay {self.id}"
        age, wait, bad = self._world.timers.get(name, (float("inf"), 0.0, 0))
        if not self.is_on:
            if age < wait:
                return self.off(f"the battery paid for it, next try in {(wait - age) / 60:.0f} min")
            self._world.timers[name] = (0.0, wait, 0)
            return self.on("trying whether there is sun for it")
        if self._world.data_age >= age:  # the same reading as at the last look
            return self.on("trying, no new reading yet")
        if power >= margin:
            self._world.timers[name] = (0.0, 0.0 if self.on_for >= retry else wait, 0)
            return self.on(f"there is sun for it ({power:g} W at the battery)")
        if bad + 1 < looks:
            self._world.timers[name] = (0.0, wait, bad + 1)
            return self.on(f"the battery pays {-power:g} W, looking again")
        wait = min(longest, 2 * wait) if wait else retry
        self._world.timers[name] = (0.0, wait, 0)
        return self.off(f"the battery pays {-power:g} W, next try in {wait / 60:.0f} min")


class Others:
    """The relays by number."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getitem__(self, number: int) -> Other:
        if number not in self._world.config.relays:
            raise ScriptError(f"there is no relay {number!r}; there are 1 to {self._world.config.relayNb}")
        return Other(number, self._world)

    def __iter__(self) -> Iterator[Other]:
        return (Other(number, self._world) for number in self._world.config.relays)


class Data(_Helpful):
    """What PvMonit reports: `data["SOC"]`, and what can be asked of the regulators."""

    _called = "data"

    def __init__(self, reading: Reading, past: Past) -> None:
        self._reading = reading
        self._values = reading.values
        self._charge = past.charge
        self.age: float = max((device.age for device in reading.devices), default=0.0)  # s, of the oldest

    def __getitem__(self, name: str) -> float | str:
        """A value: a number if it reads as one, else text. Of several devices the last counts."""
        if name not in self._values:
            self._missing(name, self._values)
        value = self._values[name]
        return value.text if value.number is None else value.number

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, otherwise: float | str | None = None) -> float | str | None:
        """A value, or `otherwise` when nobody reports it."""
        return self[name] if name in self._values else otherwise

    def raw(self, name: str) -> str:
        """VE.Direct's own number behind a value (PvMonit's valueBeast): data.raw("CS") is "5" in float."""
        if name not in self._values:
            self._missing(name, self._values)
        return self._values[name].raw

    def of(self, device: str, name: str) -> float | str:
        """A value of one device, by the device's name or id."""
        found = self._device(device).values
        if name not in found:
            self._missing(f"{name} of {device}", found)
        return found[name].text if (number := found[name].number) is None else number

    def all(self, name: str) -> list[float | str]:
        """A value from each device that reports it, in PvMonit's order."""
        found = [device.values[name] for device in self._reading.devices if name in device.values]
        if not found:
            self._missing(name, self._values)
        return [value.text if value.number is None else value.number for value in found]

    def mppt_float(self, no_flap: float = 60, mppt: str = "last") -> bool:
        """Whether the regulator is in float, or was until `no_flap` seconds ago. With several: the
        "last", "any" or "all" of them, or one by name."""
        return self._stage("float", no_flap, mppt)

    def mppt_absorption_or_float(self, no_flap: float = 60, mppt: str = "last") -> bool:
        """Whether the regulator is in absorption or float, or was until `no_flap` seconds ago."""
        return self._stage("absorption_or_float", no_flap, mppt)

    def throttled(self, mppt: str = "last") -> bool:
        """Whether the regulator holds the panels back, so that more could be used. VE.Direct's MPPT
        field knows (1: limited); without it absorption or float makes it likely, no more than that."""

        def held_back(device: Device) -> bool:
            if "MPPT" in device.values:
                return device.values["MPPT"].number == 1
            return device.values["CS"].text.startswith(STAGES["absorption_or_float"])

        return self._ask(held_back, mppt)

    def _stage(self, stage: str, no_flap: float, mppt: str) -> bool:
        def charging(device: Device) -> bool:
            if device.values["CS"].text.startswith(STAGES[stage]):
                return True
            left = self._charge.get(f"{stage} {device.id}")
            return no_flap > 0 and left is not None and left <= no_flap

        return self._ask(charging, mppt)

    def _ask(self, question: object, mppt: str) -> bool:
        regulators = [device for device in self._reading.devices if "CS" in device.values]
        if not regulators:
            self._missing("CS", self._values)
        assert callable(question)
        if mppt in ("any", "all"):
            answers = [bool(question(device)) for device in regulators]
            return any(answers) if mppt == "any" else all(answers)
        device = regulators[-1] if mppt == "last" else self._device(mppt)
        if "CS" not in device.values:
            self._missing(f"CS of {mppt}", device.values)
        return bool(question(device))

    def _device(self, name: str) -> Device:
        for device in self._reading.devices:
            if name in (device.name, device.id):
                return device
        names = [device.name or device.id for device in self._reading.devices]
        from .config import did_you_mean

        raise ScriptError(f"there is no device {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}")

    def _missing(self, name: str, known: Mapping[str, object]) -> None:
        from .config import did_you_mean

        raise ScriptError(f"there is no {name!r} in the data{did_you_mean(name, known)}; there is {', '.join(known)}")


class World:
    """What all scripts of a tick look at; `timers` is what they may change."""

    def __init__(
        self, config: Config, modes: Mapping[int, int], states: Mapping[int, int], past: Past, reading: Reading, now: Now
    ) -> None:
        self.config = config
        self.modes = modes
        self.states = states
        self.past = past
        self.data = Data(reading, past)
        self.data_age = self.data.age
        self.timers = dict(past.timers)
        self._now = now

    def moment(self, age: float | None) -> datetime | None:
        """Local time so many seconds ago."""
        if age is None:
            return None
        from datetime import datetime

        return datetime.fromtimestamp(self._now.wall - age)


def _seconds(hours: float) -> float:
    if not 0 < hours * 3600 <= KEPT:
        raise ScriptError(f"hours={hours!r}: the past is kept for {KEPT / 3600:g} hours")
    return hours * 3600
