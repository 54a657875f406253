"""What makes half a million ticks affordable, and changes none of their decisions: records whose
constructors are generated, histories that grow older by themselves. (`swift_scripts` has what asks scripts.)

A real tick does none of this: it would cost more than it saves.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from ..core import model, settings
from ..core.history import KEPT, OFF, ON, History
from ..core.model import SKY_AGES, Past
from ..scripts import messages
from ..stores.codec import FIELDS

RECORDS = (
    *(model.Value, model.Device, model.Reading, History, model.Past, model.Order),
    *(settings.Limits, model.Row),
)
UNSEEN = (model.Now, model.Decision, messages.Answers)  # no script can get hold of these

# Of a past: what `aged` makes older itself, and what is read just as it was written. All else goes through
# the memory's own form, with whatever that rounds.
OLDER = {"tick", "history", "auto_on", "support", "data", "timers", "charge", "sky", "frozen"}
SAME = {"modes", "ours", "states", "turns", "scripted", "stuck", "why", "reports", "pins"}
OTHERS = tuple(name for name in FIELDS if name not in OLDER | SAME)


def generate() -> None:
    """Gives records a constructor of their own, in place of the one that all share. Those that no script can
    get hold of are not frozen any more: to set a field is faster than to put it into the fields. It saves 9 %
    of a replay's instructions."""
    for kind in (*RECORDS, *UNSEEN):
        record: Any = kind
        names: tuple[str, ...] = record._names
        given: dict[str, object] = {f"_{name}": value for name, value in record._defaults.items()}
        arguments = ", ".join(f"{name}=_{name}" if f"_{name}" in given else name for name in names)
        lines = [f"def __init__(self, {arguments}):"]
        lines += [f" {name} = dict(_{name}) if {name} is _{name} else {name}" for name in record._dicts]
        if kind in UNSEEN:
            record.__setattr__ = object.__setattr__
            lines += [f" self.{name} = {name}" for name in names]
        else:
            given["put"] = record.__dict__["__dict__"].__set__
            lines += [" put(self, {" + ", ".join(f"{name!r}: {name}" for name in names) + "})"]
        exec("\n".join(lines), given)
        record.__init__ = given["__init__"]


class Clock:
    """The clock by which all histories of a replay grow older: s since its beginning."""

    def __init__(self) -> None:
        self.now = 0.0


class Ageing(History):
    """A history that keeps the moments of its switches, so that nothing need be written anew a tick later. It
    drops old switches as a saved history does; that was saved `step` seconds ago."""

    when: tuple[tuple[float, int], ...]  # s on the clock, state
    clock: Clock
    step: float
    row: tuple[tuple[tuple[float, int], ...], float]  # the last row, and when it was made

    def __init__(self, history: History, clock: Clock, step: float) -> None:
        when = tuple([(clock.now - age, state) for age, state in history.switches])
        self.__dict__.update(when=when, clock=clock, step=step, row=((), -1.0))

    @property
    def switches(self) -> tuple[tuple[float, int], ...]:
        """The switches by their age, as every method of a history wants them."""
        now = self.clock.now
        row, of = self.row
        if of != now:
            first = max(0, bisect_left(self.when, (now - self.step - KEPT, -1)) - 2)
            row = tuple([(now - at, state) for at, state in self.when[first:]])
            self.__dict__["row"] = row, now
        return row

    def since(self, state: int) -> float:
        """As a history says it, without making the row."""
        if not self.when:
            return float("inf") if state != ON else 0.0
        at, now = self.when[-1]
        return self.clock.now - at if now == state else 0.0

    @property
    def last_state(self) -> int:
        """As a history says it, without making the row."""
        return self.when[-1][1] if self.when else OFF

    def spans(self, seconds: float) -> list[tuple[float, float]]:
        """As a history says it, by its later switches alone."""
        if seconds > KEPT:
            return super().spans(seconds)
        when, now = self.when, self.clock.now
        spans, start = [], -1.0
        for at, state in when[max(0, bisect_left(when, (now - seconds, -1)) - 1) :]:
            if state == ON and start < 0:
                start = now - at
            elif state == OFF and start >= 0:
                if now - at < seconds:
                    spans.append((min(start, seconds), now - at))
                start = -1.0
        return spans if start < 0 else [*spans, (min(start, seconds), 0.0)]


def aged(past: Past, seconds: float, clock: Clock) -> Past:
    """The past `seconds` later, as the next tick would read it from its file."""

    later = Past.__new__(Past)
    fields = later.__dict__
    fields.update(past.__dict__)
    history = past.history
    for relay, row in past.history.items():
        if type(row) is not Ageing:
            history = {**history, relay: Ageing(row, clock, seconds)}
    clock.now += seconds
    name, age = past.frozen
    fields["tick"] = None if past.tick is None else past.tick + seconds
    fields["history"] = history
    fields["auto_on"] = {relay: age + seconds for relay, age in past.auto_on.items()}
    fields["support"] = {relay: age + seconds for relay, age in past.support.items()}
    fields["data"] = None if past.data is None else past.data + seconds
    fields["timers"] = {key: (age + seconds, length, n) for key, (age, length, n) in past.timers.items()}
    fields["charge"] = {key: old if old is None else old + seconds for key, old in past.charge.items()}
    fields["sky"] = {
        key: value + seconds if key in SKY_AGES else round(value, 4) for key, value in past.sky.items()
    }
    fields["frozen"] = (name, age + seconds)
    for name in OTHERS:
        if value := fields[name]:
            write, read = FIELDS[name]
            fields[name] = read(write(value), seconds)
    return later
