"""What the next tick must know, and what the journal must be told."""

from __future__ import annotations

from ..core.history import ON, History
from ..core.model import AUTO_OFF, AUTO_ON, FORCED, MODE_WORDS, OWNER, PROGRAM, Row
from ..core.records import replace
from ..core.texts import Text, minutes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from ..core.model import Past, Plan
    from .sight import Sight

MOST_ROWS = 1000  # are kept for a journal or a queue that cannot be written
STEP, STEPS = 600.0, 12  # s between what the journal is told of a force that ends, or so many times
MOST_TRIES = 10  # are counted of a pin that fails


def next_past(
    sight: Sight, plan: Plan, faults: tuple[str, ...], written: bool = False, failed: Container[int] = ()
) -> Past:
    """The past for the next tick. `written`: the mode file says what is planned; until it does, the end of
    a force is not forgotten. `failed`: relays that could not be switched on."""
    past, config, orders = sight.past, sight.config, sight.answers.orders
    history, auto_on, support = dict(past.history), dict(past.auto_on), dict(past.support)
    for relay, decision in plan.items():
        if decision.state != decision.state_before:
            history[relay] = History((*history.get(relay, History()).switches, (0.0, decision.state)))
        if decision.switched_on:
            auto_on[relay] = 0.0
        if decision.supported:
            support[relay] = 0.0
    ours = frozenset(r for r, d in plan.items() if d.mode == AUTO_ON and (r in orders or r in past.ours))
    changes = rows(sight, plan, ours) if config.dbFile or config.onChange else []
    ending = {} if written else sight.ended
    return replace(
        past,
        tick=0.0,
        modes={**past.modes, **{r: d.mode for r, d in plan.items() if d.mode is not None}},
        ours=ours,
        states={r: decision.state for r, decision in plan.items()},
        history=history,
        auto_on=auto_on,
        support=support,
        data=past.data if sight.reading.problem else 0.0,
        timers={name: timer for name, timer in sight.answers.timers.items() if timer[0] < timer[1] + 86400},
        turns=sight.answers.turns,
        scripted=sight.answers.scripted,
        stuck=sight.answers.stuck,
        why={r: decision.why for r, decision in plan.items()},
        reports=faults,
        pins=dict.fromkeys(config.relayGpio.values(), int(config.relayActiveLow)),
        until={
            r: end for r, end in past.until.items() if r in plan and (r in ending or plan[r].mode == end[0])
        },
        pin_failures=_pin_failures(past.pin_failures, plan, failed),
        unwritten=(*past.unwritten, *changes, *_left(sight, plan))[-MOST_ROWS:] if config.dbFile else (),
        untold=(*past.untold, *changes)[-MOST_ROWS:] if config.onChange else (),
    )


def _pin_failures(
    before: Mapping[int, tuple[float, int]], plan: Plan, failed: Container[int]
) -> dict[int, tuple[float, int]]:
    """The relays that could not be switched on: since the last try, and how often in vain."""
    after = {}
    for relay, decision in plan.items():
        age, tries = before.get(relay, (0.0, 0))
        if relay in failed:
            after[relay] = (0.0, min(tries + 1, MOST_TRIES))
        elif tries and decision.state != ON and age < 86400:
            after[relay] = (age, tries)
    return after


def _left(sight: Sight, plan: Plan) -> list[Row]:
    """How long forces that end still last, now and then: a machine that starts with a clock that nobody has
    set goes on from there."""
    told = []
    for relay, (mode, age, length) in sight.past.until.items():
        step = max(STEP, length / STEPS)
        before = max(0.0, age - (sight.past.tick or 0.0))
        stands = relay in plan and plan[relay].mode == mode == sight.before.modes.get(relay)
        if stands and before // step < age // step and age < length:
            why = Text("{mode}, {left} left", mode=MODE_WORDS[mode], left=minutes(length - age))
            told.append(Row(0.0, relay, "M", mode, why, PROGRAM, length - age))
    return told


def rows(sight: Sight, plan: Plan, ours: frozenset[int]) -> list[Row]:
    """What the journal is to be told: every change of mode and state since the last tick."""
    told: list[Row] = []
    for relay, decision in plan.items():
        was = sight.before.history.get(relay, History()).last_state
        if was != decision.state_before:
            why = Text("found so: a restart, or another program")
            told.append(Row(0.0, relay, "E", decision.state_before, why))
        mode = decision.mode
        if mode is not None and mode != sight.before.modes.get(relay, AUTO_OFF):
            here = relay in ours or (mode not in FORCED and mode != decision.mode_before)
            timed, age, length = sight.past.until.get(relay, (None, 0.0, 0.0))
            left = max(0.0, length - age) if mode == timed else None  # an end is that force's, and no other's
            told.append(Row(0.0, relay, "M", mode, decision.why, PROGRAM if here else OWNER, left))
        if decision.state != decision.state_before:
            told.append(Row(0.0, relay, "E", decision.state, decision.why))
    return told


def standing(past: Past) -> tuple[Row, ...]:
    """The rows of the forces that stand and that no row waiting for the journal tells of."""
    told = {row.relay for row in past.unwritten if row.info == "M"}
    forces = {r: mode for r, mode in past.modes.items() if mode in FORCED and r not in told}
    left = {r: max(0.0, length - age) for r, (_, age, length) in past.until.items()}
    return tuple(
        Row(0.0, r, "M", mode, past.why.get(r, MODE_WORDS[mode]), OWNER, left.get(r))
        for r, mode in forces.items()
    )
