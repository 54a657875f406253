"""Forces that end by themselves, in the words of a plan."""

from __future__ import annotations

from ..core.model import MODE_WORDS
from ..core.records import replace
from ..core.texts import Text, hour

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.model import Now, Past, Plan


def told(plan: Plan, past: Past, ended: Mapping[int, int], now: Now) -> Plan:
    """The plan with the end of each force that has one in its reason; `ended`: see Sight."""
    plan = dict(plan)
    for relay, (mode, age, length) in past.until.items():
        decision = plan.get(relay)
        if decision and relay in ended:
            why = Text("{mode} no longer, its time is over: {why}", mode=MODE_WORDS[mode], why=decision.why)
            plan[relay] = replace(decision, mode_before=mode, why=why)
        elif decision and decision.mode == mode:
            why = Text("{why} until {hour}", why=decision.why, hour=hour(now.wall + length - age))
            plan[relay] = replace(decision, why=why)
    return plan
