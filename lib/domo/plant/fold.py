"""The ticks of a day or a year over a plant: the scripts, `decide` and the memory are the tick's own;
only clock, plant and pins are simulated."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..core.decide import decide
from ..core.history import OFF
from ..core.model import AUTO_OFF, Now, Order, Past, Plan, Reading
from ..core.records import replace
from ..core.settings import Config
from ..scripts import messages, source
from ..scripts.answering import in_turn
from ..scripts.api import World
from ..stores import reading
from ..tick import dry_run as rehearsal
from ..tick.remember import next_past
from . import swift, swift_scripts
from .foreign import Driven
from .plant import Flow
from .watch import Watch

STEP = 60  # s between two ticks, as in crontab.example
UP = 3600.0  # s since boot at the first tick


class Moment(NamedTuple):
    """One tick and the minute after it: what it read and decided, and what flowed then."""

    now: Now
    reading: Reading
    orders: Mapping[int, Order]
    plan: Plan
    flow: Flow

    @property
    def watts(self) -> Mapping[int, float]:
        """What each relay that is on drew (W)."""
        return self.flow.watts

    @property
    def switched(self) -> list[int]:
        """The relays that this tick switched."""
        return [relay for relay, decision in self.plan.items() if decision.state != decision.state_before]

    def local(self, form: str) -> str:
        """Its local time, as strftime writes it."""
        return time.strftime(form, time.localtime(self.now.wall))


def fold(
    config: Config,
    plant: Driven,
    start: float,
    ticks: int,
    supposed: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> Iterator[Moment]:
    """Runs `ticks` ticks from `start` (epoch s) on. At first every relay is in auto and off. Readings in
    `supposed` replace the plant's; `watch` notes which scripts look at the machine's clock, files, network or
    programs. Raises PlantError for what a foreign plant does wrong."""
    config = replace(config, dbFile="", onChange=(), cacheDir="")  # nobody is told; no forecast of today
    kinds = source.scripted(config)
    scripted, python = list(kinds), [relay for relay, kind in kinds.items() if kind == "py"]
    library = source.Library(config.scriptDir)
    swift.generate()
    ready, clock = swift_scripts.ready(config, python, library), swift.Clock()
    states, wanted = dict.fromkeys(config.relays, OFF), dict.fromkeys(config.relays, AUTO_OFF)
    past, watch = Past(), watch or Watch(config)
    for place in range(ticks):
        now = Now(start + place * STEP, UP + place * STEP, "replay")
        data = reading.judge(plant.reading(now.wall), config, now)
        if supposed:
            data = rehearsal.suppose(data, dict(supposed), config)
        data, past = reading.watched(config, data, past, now)
        world = swift_scripts.Minute(config, wanted, states, past, data, now)
        looks = watch.look(place)
        answers = _answers(scripted, world, library, ready, watch)
        if looks:
            sys.setprofile(None)
        plan = decide(config, wanted, states, past, data, answers.orders)
        states = {relay: decision.state for relay, decision in plan.items()}
        wanted = {relay: decision.mode or AUTO_OFF for relay, decision in plan.items()}
        yield Moment(now, data, answers.orders, plan, plant.minute(now.wall, states))
        past = swift.aged(next_past(config, past, answers, plan, ()), STEP, clock)


def _answers(
    scripted: list[int], world: World, library: source.Library, ready: swift_scripts.Ready, watch: Watch
) -> messages.Answers:
    """What the scripts say, asked in the tick's order."""
    past, data, relays = world.past, world.reading, tuple(scripted)
    if data.problem:
        orders = {relay: Order("", data.problem) for relay in scripted}
        return messages.Answers(orders, past.timers, "", past.turns, data, past, relays)
    orders = {}
    turns: tuple[int, ...] = ()
    failed: list[int] = []
    for relay in in_turn(scripted, past.turns) if past.turns else scripted:
        watch.relay = relay
        if relay in ready:
            order = swift_scripts.ask(relay, world, ready[relay])
        else:
            order = source.ask_here(relay, swift_scripts.helped(world), library)
        orders[relay] = order
        if not order.wanted:
            failed.append(relay)
    watch.relay = 0
    if failed:
        turns = (*sorted(orders.keys() - set(failed)), *failed)
        turns = () if list(turns) == sorted(turns) else turns
    return messages.Answers(orders, world.timers, "", turns, data, past, relays)
