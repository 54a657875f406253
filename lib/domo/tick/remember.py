"""What the next tick must know. (`rows` makes what the journal and the program of onChange get.)"""

from __future__ import annotations

from .. import sealed
from ..core.history import ON, History
from ..core.model import AUTO_OFF, AUTO_ON
from ..core.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..core.model import Past, Plan, Row
    from ..core.settings import Config
    from ..scripts.messages import Answers

_NO_HISTORY = History()
MOST_ROWS = 1000  # rows kept for a journal or a queue that cannot be written
MOST_TRIES = 10  # failed tries of a pin that are counted


def next_past(
    config: Config,
    before: Past,
    answers: Answers,
    plan: Plan,
    faults: tuple[str, ...],
    ending: Collection[int] = (),
    failed: Collection[int] = (),
) -> Past:
    """The past for the next tick; `before` it was as the last tick left it. `ending`: relays whose force is
    over, though the mode file still shows it: its end is remembered until the file is corrected. `failed`:
    relays that could not be switched on."""
    past, orders = answers.past, answers.orders
    history, auto_on, support = dict(past.history), dict(past.auto_on), dict(past.support)
    modes, states, why, auto = dict(past.modes), {}, {}, []
    for relay, decision in plan.items():
        states[relay], why[relay] = decision.state, decision.why
        if decision.mode is not None:
            modes[relay] = decision.mode
        if decision.mode == AUTO_ON and (relay in orders or relay in past.ours):
            auto.append(relay)
        if decision.state != decision.state_before:
            history[relay] = History((*history.get(relay, _NO_HISTORY).switches, (0.0, decision.state)))
            if decision.switched_on:
                auto_on[relay] = 0.0
        if decision.supported:
            support[relay] = 0.0
    ours = frozenset(auto)
    changes, reminders = _told(before, past, plan, ours) if config.dbFile or config.onChange else ([], [])
    return replace(
        past,
        tick=0.0,
        modes=modes,
        ours=ours,
        states=states,
        history=history,
        auto_on=auto_on,
        support=support,
        data=past.data if answers.reading.problem else 0.0,
        timers={name: timer for name, timer in answers.timers.items() if timer[0] < timer[1] + 86400},
        turns=answers.turns,
        scripted=answers.scripted,
        stuck=answers.stuck,
        why=why,
        reports=faults,
        pins=dict.fromkeys(config.relayGpio.values(), int(config.relayActiveLow)),
        until={
            r: end for r, end in past.until.items() if r in plan and (r in ending or plan[r].mode == end[0])
        },
        pin_failures=_pin_failures(past.pin_failures, plan, failed) if failed or past.pin_failures else {},
        unwritten=(*past.unwritten, *changes, *reminders)[-MOST_ROWS:] if config.dbFile else (),
        untold=(*past.untold, *changes)[-MOST_ROWS:] if config.onChange else (),
    )


def _pin_failures(
    before: Mapping[int, tuple[float, int]], plan: Plan, failed: Collection[int]
) -> dict[int, tuple[float, int]]:
    """The relays that could not be switched on: how long ago the last try was, and how many failed."""
    after = {}
    for relay, decision in plan.items():
        age, tries = before.get(relay, (0.0, 0))
        if relay in failed:
            after[relay] = (0.0, min(tries + 1, MOST_TRIES))
        elif tries and decision.state != ON and age < 86400:
            after[relay] = (age, tries)
    return after


def _told(before: Past, past: Past, plan: Plan, ours: frozenset[int]) -> tuple[list[Row], list[Row]]:
    """The new rows for the journal: rows.changes, and rows.reminders."""
    if not past.until and not any(
        d.state != d.state_before
        or d.state_before != before.history.get(r, _NO_HISTORY).last_state
        or d.mode not in (None, before.modes.get(r, AUTO_OFF))
        for r, d in plan.items()
    ):
        return [], []
    sealed.use_later(sealed.SWITCH)
    from . import rows

    return rows.changes(before, past, plan, ours), rows.reminders(before, past, plan)
