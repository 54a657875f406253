"""The second half of a tick: carries the plan out.

The memory is written before the pins: what cannot be remembered cannot be limited, so nothing is switched
on automatically when it cannot be written. Nothing else prevents or delays the pins, and no failure after
them changes them.
"""

from __future__ import annotations

from ..core.history import OFF, ON
from ..core.model import Decision, Fault, Row
from ..core.records import replace
from ..core.texts import Text
from ..stores import memory, modes, record, states
from .remember import next_past
from .sight import Done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from ..core.model import Now, Past, Plan
    from ..core.settings import Config
    from ..pins.board import Board
    from .sight import Sight


def act(sight: Sight) -> Done:
    """Carries the plan out; gives what became of it, and what went wrong."""
    config, now, before, answers, plan = sight.config, sight.now, sight.before, sight.answers, sight.plan
    if sight.board is None:  # nothing was switched: modes and states stay as they were remembered
        past = replace(before, tick=0.0, stuck=answers.stuck, reports=sight.faults)
        return Done(sight, plan, (*sight.faults, *_save(config, past, now)))
    faults = list(sight.faults)
    # nobody knows which of them still stand in a mode file that cannot be read
    ending: Collection[int] = answers.past.until if sight.mode_file.problem else sight.ended
    past = next_past(config, before, answers, plan, sight.faults, ending)
    unsaved = _save(config, past, now)
    if unsaved:
        faults += [fault for fault in unsaved if fault not in faults]
        plan = {r: _held_back(d) if d.switched_on else d for r, d in plan.items()}
    plan, wrong = _write_modes(sight, plan)
    faults += wrong
    wanted_on = {r for r, decision in plan.items() if decision.state == ON}
    plan, failed = _drive(sight, sight.board, plan)
    failed_on = wanted_on & failed.keys()
    faults += [*failed.values(), *_save_states(config, sight.board, plan)]
    if failed_on:
        from . import change

        faults += change.back(config, plan, failed_on)
    try:
        modes.sweep(config.modPath)
        due, wrong_record = _record(sight, plan, faults)
        faults += wrong_record
        if len(faults) > len(sight.faults) or plan != sight.plan or sight.ended:
            ending = ending if wrong or sight.mode_file.problem else ()
            past = next_past(config, before, answers, plan, tuple(faults), ending, failed_on)
            _save(config, past, now)
        return _told(sight, plan, faults, past, due)
    except Exception as error:
        from . import rescue

        return Done(sight, plan, (*faults, rescue.described(error)))


def _told(sight: Sight, plan: Plan, faults: list[str], after: Past, due: str) -> Done:
    """Writes for others what was done: to the queue of onChange, to the lasting record if that is `due` (a
    day), to the journal. `after`: the past for the next tick."""
    config, now = sight.config, sight.now
    if after.untold:
        from . import news

        after, wrong = news.put_in_line(config, after, now)
        faults += wrong
        faults += _save(config, after, now)
    if due:
        from . import lasting

        after, wrong = lasting.keep_record(config, due, after, now)
        faults += wrong
        if wrong:
            _save(config, after, now)
    if config.dbFile and (rows := _rows(sight, after)):
        from . import lasting

        after, wrong = lasting.tell_journal(config, rows, after, now)
        faults += wrong
        _save(config, after, now)  # what is wrong with it was said above
    return Done(sight, plan, tuple(faults))


def _save(config: Config, past: Past, now: Now) -> list[str]:
    """Writes the memory; gives what went wrong."""
    try:
        memory.save(config, past, now)
    except Fault as fault:
        return [str(fault)]
    return []


def _held_back(decision: Decision) -> Decision:
    why = Text("{why}: not switched on, the memory cannot be written", why=decision.why)
    return replace(decision, state=OFF, mode=decision.mode_before, why=why)


def _write_modes(sight: Sight, plan: Plan) -> tuple[Plan, list[str]]:
    """Brings the mode file up to the plan (see change.modes_to), if there is something to write."""
    mode_file = sight.mode_file
    changed = mode_file.texts or any(d.mode not in (None, mode_file.modes.get(r)) for r, d in plan.items())
    if mode_file.problem or not changed or mode_file.missing and not sight.answers.past.known:
        return plan, []
    from . import change

    return change.modes_to(sight, plan)


def _drive(sight: Sight, board: Board, plan: Plan) -> tuple[Plan, dict[int, str]]:
    """Sets the pins; gives the plan with the states that they have then, and what failed, by relay."""
    config = sight.config
    used = (*config.relayGpio.values(), config.dio, config.clk, *config.stb)
    board.let_go({pin: off for pin, off in sight.before.pins.items() if pin not in used})
    failed = board.apply({r: decision.state for r, decision in plan.items()})
    if not failed:
        return plan, failed
    from . import change

    return change.where_pins_failed(sight, board, plan, failed), failed


def _save_states(config: Config, board: Board, plan: Plan) -> list[str]:
    """Saves simulated pins, and writes the state file; gives what went wrong."""
    faults: list[str] = []
    for write in (board.save, lambda: states.save(config.etatPath, {r: d.state for r, d in plan.items()})):
        try:
            faults += filter(None, [write()])
        except Fault as fault:
            faults.append(str(fault))
    return faults


def _record(sight: Sight, plan: Plan, faults: list[str]) -> tuple[str, list[str]]:
    """Adds a line to the record; gives the day if it is due for the lasting folder, and what went wrong."""
    reading, before = sight.answers.reading, sight.before.why
    try:
        return record.append(sight.config, sight.now.wall, reading, plan, before, faults), []
    except Fault as fault:
        return "", [str(fault)]


def _rows(sight: Sight, past: Past) -> tuple[Row, ...]:
    """The rows for the journal. One that is new, or empty after a power cut, begins with standing forces."""
    if sight.answers.has_journal:
        return past.unwritten
    from .rows import standing

    return (*standing(past), *past.unwritten)
