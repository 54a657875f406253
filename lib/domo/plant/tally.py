"""The result of a replay: sums of energy, with domo and without, and where the rest was lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ..core.faults import Report
from ..core.history import OFF, ON
from ..core.model import Decision
from ..core.settings import Config
from .fold import Moment
from .foreign import Driven
from .plant import Flow

DUSK = 60  # minutes without light, after which it is evening
DEEPER = 0.03  # of the charge: an evening lower than without domo by more than this is counted


@dataclass
class Sums:
    """Energies of some days in Wh. `lost` is what the panels were held back by, `bare_lost` the same in a
    house without domo; `paid` is what relays took out of the battery; charges are 0 to 1."""

    sun: float = 0
    used: float = 0
    lost: float = 0
    bare_lost: float = 0
    relays: float = 0
    paid: float = 0
    dark: int = 0  # minutes with an empty battery
    lowest: float = 1
    bare_lowest: float = 1

    def add(self, flow: Flow, bare: Flow) -> None:
        """Adds a minute, with domo and without."""
        if flow.sun:
            self.sun += flow.sun / 60
            self.used += flow.panels / 60
            self.lost += (flow.sun - flow.panels) / 60
            self.bare_lost += (bare.sun - bare.panels) / 60
        if flow.watts:
            drawn = sum(flow.watts.values())
            self.relays += drawn / 60
            if flow.power < 0:
                self.paid += min(drawn, -flow.power) / 60
        self.dark += flow.dark
        if flow.soc < self.lowest:
            self.lowest = flow.soc
        if bare.soc < self.bare_lowest:
            self.bare_lowest = bare.soc

    def join(self, other: Sums) -> None:
        """Adds the sums of other days."""
        for name in ("sun", "used", "lost", "bare_lost", "relays", "paid", "dark"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("lowest", "bare_lowest"):
            setattr(self, name, min(getattr(self, name), getattr(other, name)))


@dataclass
class Tally:
    """The same of one relay. `spared` (Wh) is what the panels would have been held back by in that very
    minute without it; `lowest` the battery's charge while it was on; `reasons` the minutes that each
    reason held, by state; `missed`, by reason, the Wh that were lost while it was off, though it could
    have used them. `demand` is what was asked of the load and served (Wh), and missed in `unit`."""

    name: str = ""
    starts: int = 0
    minutes: int = 0
    energy: float = 0
    spared: float = 0
    lowest: float = 1
    shortest: int = 0  # minutes, of the runs that ended; 0: none did
    run: int = 0
    why: str = ""  # the last reason, its state, and the minutes that it has held
    state: int = OFF
    held: int = 0
    reasons: dict[int, Counter[str]] = field(default_factory=lambda: {ON: Counter(), OFF: Counter()})
    missed: dict[str, float] = field(default_factory=dict)
    demand: tuple[float, float, float, str] = (0.0, 0.0, 0.0, "")

    def add(self, relay: int, decision: Decision, flow: Flow, bare: Flow) -> None:
        """Adds a minute: what was decided, and what flowed with domo and without."""
        if decision.why == self.why and decision.state == self.state:
            self.held += 1
        else:
            self.close()
            self.why, self.state, self.held = decision.why, decision.state, 1
        if decision.state == OFF:
            if self.run:
                self.shortest, self.run = min(self.shortest or self.run, self.run), 0
            return
        watts = flow.watts.get(relay, 0.0)
        self.starts += decision.state_before == OFF
        self.minutes += 1
        self.run += 1
        if watts:
            self.energy += watts / 60
            self.spared += watts / 60 * min(1.0, spared(flow, bare) / sum(flow.watts.values()))
        if flow.soc < self.lowest:
            self.lowest = flow.soc

    def close(self) -> None:
        """Counts the minutes that the last reason held."""
        if self.held:
            self.reasons[self.state][alike(self.why)] += self.held
            self.held = 0


def spared(flow: Flow, bare: Flow) -> float:
    """Of the watts of all relays, those that come from panels that a house without domo held back."""
    return max(0.0, min(sum(flow.watts.values()), (bare.sun - bare.panels) - (flow.sun - flow.panels)))


@lru_cache(4096)
def alike(why: str) -> str:
    """A reason with N for each number, so that reasons that differ only in numbers count as one."""
    return re.sub(r"[-+]?\d+(\.\d+)?", "N", why)


def together(faults: Mapping[str, int]) -> Counter[str]:
    """How often each fault happened. Faults that differ only in numbers count as one, named by the first."""
    counts, firsts = Counter[str](), dict[str, str]()
    for why, count in faults.items():
        who, _, what = Report.of(why).fault.partition(": ")  # in who has it a number is a name
        counts[firsts.setdefault(f"{who}: {alike(what)}", why)] += count
    return counts


@dataclass
class Result:
    """All of a replay. `nobody` is what was lost while no relay could have had it (Wh)."""

    days: dict[str, Sums] = field(default_factory=dict)
    today: Sums = field(default_factory=Sums)
    quarter: float = -1
    relays: dict[int, Tally] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    nobody: float = 0
    evenings: int = 0
    lower: list[float] = field(default_factory=list)  # of each evening: how much more charge without domo
    deeper: int = 0  # evenings with more than DEEPER less charge than without domo
    floats: int = 0  # days on which the regulator came to float
    bare_floats: int = 0
    bound: float | None = None  # Wh
    outside: list[str] = field(default_factory=list)  # see `watch`
    soc: float = 0  # the charge at the end
    owed: float = 0  # Wh that the battery has less at the end than without domo

    @property
    def share(self) -> float | None:
        """What relays used, less what the battery lacks at the end, of what perfect foresight could have
        used (0 to 1)."""
        if self.bound is None:
            return None
        return max(0.0, self.total.relays - self.owed) / self.bound if self.bound > 1 else 1.0

    def add(self, moment: Moment, bare: Flow, could: Mapping[int, float]) -> None:
        """Adds a minute. `could`: the watts that each load could have had."""
        flow = moment.flow
        self.soc = flow.soc
        self._day(moment).add(flow, bare)
        for order in moment.orders.values():
            if not order.wanted:
                self.faults[order.why] += 1
        for relay, tally in self.relays.items():
            tally.add(relay, moment.plan[relay], flow, bare)
        if flow.throttled:
            self._lost(moment, could)

    def _day(self, moment: Moment) -> Sums:
        """The sums of a moment's day; looked up every quarter of an hour, at which days begin."""
        quarter = moment.now.wall // 900
        if quarter != self.quarter:
            self.quarter, self.today = quarter, self.days.setdefault(moment.local("%Y-%m-%d"), Sums())
        return self.today

    @property
    def months(self) -> dict[str, Sums]:
        """The days' sums by month."""
        by_month: dict[str, Sums] = {}
        for day, sums in self.days.items():
            by_month.setdefault(day[:7], Sums()).join(sums)
        return by_month

    @property
    def total(self) -> Sums:
        """The sums of all days."""
        total = Sums()
        for sums in self.days.values():
            total.join(sums)
        return total

    def _lost(self, moment: Moment, could: Mapping[int, float]) -> None:
        """Puts what was lost in a minute down to the relays that were off and could have had it, each by
        the watts that it could have had."""
        lost = moment.flow.sun - moment.flow.panels
        off = {r: watts for r, watts in could.items() if r in self.relays and moment.plan[r].state == OFF}
        total = sum(off.values())
        for relay, watts in off.items():
            part = watts * min(1.0, lost / total)
            missed, why = self.relays[relay].missed, alike(moment.plan[relay].why)
            missed[why] = missed.get(why, 0.0) + part / 60
        self.nobody += max(0.0, lost - total) / 60


class Evenings:
    """Notes at sunset how full the battery is, and during the day whether it floated."""

    def __init__(self) -> None:
        self.floated = self.bare_floated = False
        self.light, self.dark, self.lower = False, 0, 0.0

    def look(self, result: Result, flow: Flow, bare: Flow) -> None:
        """Sees one minute more. In twilight the light may come and go: the sun has set when it is away for
        DUSK minutes."""
        if flow.sun > 0:
            self.light, self.dark = True, 0
            self.floated = self.floated or flow.stage == "Float"
            self.bare_floated = self.bare_floated or bare.stage == "Float"
        elif self.light:
            self.dark += 1
            if self.dark == 1:
                self.lower = bare.soc - flow.soc
            if self.dark == DUSK:
                result.evenings += 1
                result.lower.append(self.lower)
                result.deeper += self.lower > DEEPER
                result.floats += self.floated
                result.bare_floats += self.bare_floated
                self.light = self.floated = self.bare_floated = False


def could_take(config: Config, plant: Driven) -> dict[int, float]:
    """The watts that each load could have had for an hour, had it been on."""
    loads = plant.loads
    if loads is None:
        return {relay: watts for relay, watts in config.relayWatt.items() if watts}
    return {r: min(load.rate, load.room) for r, load in loads.items() if load.room > 1e-6 and load.rate}
