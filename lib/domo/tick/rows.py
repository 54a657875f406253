"""Rows for the journal and for the program of onChange: every change, how long forces still last, and the
forces that stand."""

from __future__ import annotations

from ..core.history import History
from ..core.model import AUTO_OFF, FORCED, MODE_WORDS, OWNER, PROGRAM, Row
from ..core.texts import Text, minutes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.model import Past, Plan

STEP, STEPS = 600.0, 12  # s between two rows about a timed force; there are STEPS of them at most


def changes(before: Past, past: Past, plan: Plan, ours: frozenset[int]) -> list[Row]:
    """The rows of every change of mode and state since the last tick, which left the past `before`."""
    told: list[Row] = []
    for relay, decision in plan.items():
        was = before.history.get(relay, History()).last_state
        if was != decision.state_before:
            why = Text("switched by a restart or another program")
            told.append(Row(0.0, relay, "E", decision.state_before, why))
        mode = decision.mode
        if mode is not None and mode != before.modes.get(relay, AUTO_OFF):
            here = relay in ours or (mode not in FORCED and mode != decision.mode_before)
            timed, age, length = past.until.get(relay, (None, 0.0, 0.0))
            # An end is that force's, and no other's.
            remaining = max(0.0, length - age) if mode == timed else None
            told.append(Row(0.0, relay, "M", mode, decision.why, PROGRAM if here else OWNER, remaining))
        if decision.state != decision.state_before:
            told.append(Row(0.0, relay, "E", decision.state, decision.why))
    return told


def reminders(before: Past, past: Past, plan: Plan) -> list[Row]:
    """Now and then a row that says how long a force still lasts. After a restart, while the clock is not
    set, the force goes on from there."""
    told = []
    for relay, (mode, age, length) in past.until.items():
        step = max(STEP, length / STEPS)
        earlier = max(0.0, age - (past.tick or 0.0))
        stands = relay in plan and plan[relay].mode == mode == before.modes.get(relay)
        if stands and earlier // step < age // step and age < length:
            why = Text("{mode}, {remaining} left", mode=MODE_WORDS[mode], remaining=minutes(length - age))
            told.append(Row(0.0, relay, "M", mode, why, PROGRAM, length - age))
    return told


def standing(past: Past) -> tuple[Row, ...]:
    """A row for each standing force, unless a row for it already waits for the journal."""
    told = {row.relay for row in past.unwritten if row.info == "M"}
    forces = {r: mode for r, mode in past.modes.items() if mode in FORCED and r not in told}
    remaining = {r: max(0.0, length - age) for r, (_, age, length) in past.until.items()}
    return tuple(
        Row(0.0, r, "M", mode, past.why.get(r, MODE_WORDS[mode]), OWNER, remaining.get(r))
        for r, mode in forces.items()
    )
