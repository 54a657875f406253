"""How a tick changes the mode file, and its plan if the owner was quicker or a pin failed."""

from __future__ import annotations

from ..core import decide as core
from ..core.history import OFF
from ..core.model import AUTO_OFF, FORCED, Fault
from ..core.records import replace
from ..core.texts import Text
from ..stores import edits, modes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..core.model import Plan
    from ..core.settings import Config
    from ..pins.board import Board
    from .sight import Sight


def modes_to(sight: Sight, plan: Plan) -> tuple[Plan, list[str]]:
    """Brings the mode file up to the plan; gives the plan, changed by newer forces of the owner if there are
    any, and what went wrong."""
    config, mode_file = sight.config, sight.mode_file
    wanted = {r: decision.mode for r, decision in plan.items() if decision.mode is not None}
    faults: list[str] = []
    try:
        if mode_file.missing:
            edits.create(config.modPath, wanted)
            mode_file = modes.load(config.modPath)
        else:
            changes = {r: mode for r, mode in wanted.items() if mode_file.modes.get(r) != mode}
            mode_file = edits.set_auto(config.modPath, changes, sight.ended)
    except Fault as fault:
        faults.append(str(fault))
    newer = {r: m for r, m in mode_file.modes.items() if m in FORCED and r in plan and plan[r].mode != m}
    if faults:  # what could not be written is no newer force
        newer = {r: m for r, m in newer.items() if r not in sight.ended}
    return (_overtaken(sight, plan, newer) if newer else plan), faults


def where_pins_failed(sight: Sight, board: Board, plan: Plan, failed: Iterable[int]) -> Plan:
    """The plan with the real states of the relays whose pins failed."""
    states = board.states(dict.fromkeys(failed, OFF))
    final = dict(plan)
    for relay in failed:
        decision = plan[relay]
        if states[relay] != decision.state:
            before = AUTO_OFF if relay in sight.ended else decision.mode_before
            mode = decision.mode if decision.mode in FORCED else before
            why = Text("{why}: its pin failed", why=decision.why)
            final[relay] = replace(decision, mode=mode, state=states[relay], why=why)
    return final


def back(config: Config, plan: Plan, failed_on: Iterable[int]) -> list[str]:
    """Writes auto off for relays that could not be switched on; gives what went wrong."""
    relays = [relay for relay in failed_on if plan[relay].mode == AUTO_OFF]
    try:
        if relays:
            edits.set_auto(config.modPath, dict.fromkeys(relays, AUTO_OFF))
    except Fault as fault:
        return [str(fault)]
    return []


def _overtaken(sight: Sight, plan: Plan, newer: Mapping[int, int]) -> Plan:
    """The plan with the forces that the owner gave while it was made. What the inverter cannot carry beside
    them is switched off; nothing else is switched on."""
    before = {r: AUTO_OFF if r in sight.ended else d.mode_before for r, d in plan.items()}
    states = {r: decision.state_before for r, decision in plan.items()}
    relay_modes = {**before, **newer}
    answers = sight.answers
    again = core.decide(sight.config, relay_modes, states, answers.past, answers.reading, answers.orders)
    final = dict(plan)
    for relay, decision in plan.items():
        if relay in newer:
            why = Text("{why}, just now", why=again[relay].why)
            final[relay] = replace(decision, mode=newer[relay], state=again[relay].state, why=why)
        elif decision.state > again[relay].state:
            final[relay] = replace(decision, state=OFF, why=again[relay].why)
    return final
