"""The first half of a tick: reads everything and decides. It changes only the pins of forced relays, before
anything else (see `force`)."""

from __future__ import annotations

from ..core import decide as core
from ..core.faults import Report
from ..core.history import OFF, ON
from ..core.model import AUTO_OFF, FORCED, FORCED_ON, MODE_WORDS, Fault, Order
from ..core.records import dataclass, replace
from ..core.texts import Text, hour
from ..pins.choice import open_board
from ..scripts import asking, messages
from ..stores import memory, modes
from .sight import Sight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.model import Now, Past, Plan, Reading
    from ..core.settings import Config
    from ..pins.board import Board


@dataclass(frozen=True)
class Beginning:
    """What a tick knows before it touches anything that may hang: its pins, the modes, the past."""

    config: Config
    now: Now
    board: Board | None
    states: Mapping[int, int]  # as the pins were found
    modes: modes.Found
    known: Mapping[int, int | None]  # the mode of every relay, None where the file holds no mode
    past: Past
    before: Past
    faults: tuple[str, ...]


def begin(config: Config, now: Now) -> Beginning:
    """Reads memory, mode file and pins. A relay is on where its pin says so, unless it was left off: so an
    automatic on that another program or a restart ended waits for its turn again; and where nobody knows
    what was left, a relay that is on is one."""
    before, memory_fault = memory.load(config, now)
    journal_fault = ""
    if before is None:
        from . import lasting

        before, journal_fault = lasting.past(config, now)
    elif before.unset and before.until and now.wall >= memory.PLAUSIBLE:
        from ..stores import ends

        before = ends.by_the_clock(config, before, now)
    found = modes.load(config.modPath)
    known, mode_faults = resolve(config, found, before)
    left = memory.left(before, now)
    board, pins, pin_fault = _pins(config, left)
    states = {r: ON if pins[r] == ON == left.get(r, ON) else OFF for r in config.relays}
    past = memory.observe(before, states, pins, now)
    faults = (memory_fault, journal_fault, pin_fault, *mode_faults)
    return Beginning(config, now, board, states, found, known, past, before, tuple(filter(None, faults)))


def force(seen: Beginning) -> None:
    """Sets the pins of forced relays at once, so that a force acts whatever hangs later. A failure is
    reported when the whole plan is carried out."""
    if seen.board is not None:
        timed = over(seen)
        forced = {r: ON if mode == FORCED_ON else OFF for r, mode in seen.known.items() if mode in FORCED}
        seen.board.apply({relay: state for relay, state in forced.items() if relay not in timed})


def resolve(config: Config, found: modes.Found, past: Past) -> tuple[dict[int, int | None], list[str]]:
    """The mode that holds for each relay now, None where the file holds no mode, which keeps the relay
    off; and what is wrong with the mode file."""
    if found.problem:
        held = [str(r) for r in config.relays if r not in past.modes]
        told = f"{found.problem}; it is left as it is, the last good modes apply"
        told += f", relays without one are held off: {', '.join(held)}" if held else ""
        return {r: past.modes.get(r) for r in config.relays}, [Report(told, "mode file", found.problem)]
    odd = "{}: relay {} is {}, no mode (0 to 3): held off until you correct it"
    faults: list[str] = [
        Report(odd.format(config.modPath, relay, text), f"mode of relay {relay}")
        for relay, text in found.odd.items()
        if relay in config.relays
    ]
    if found.linked:
        faults.append(modes.linked(config.modPath))
    faults += [
        f"{config.modPath}: relay {relay} is in it more than once; a force counts,"
        " else the last one; delete the others"
        for relay in found.twice
    ]
    return modes.holding(config.relays, found, past.modes), faults


def over(seen: Beginning) -> dict[int, int]:
    """The forces whose time is over and that still stand: relay and mode."""
    if seen.modes.problem:
        return {}
    until = seen.past.until.items()
    return {r: mode for r, (mode, age, length) in until if age >= length and seen.known.get(r) == mode}


def finish(
    seen: Beginning, given: Reading | None = None, pretend: Now | None = None, acts: bool = False
) -> Sight:
    """Lets a child read the data and ask the scripts, and decides. `given` stands for the data file,
    `pretend` for the hour that the scripts are told; a tick that `acts` fetches data that are old."""
    config, now = seen.config, seen.now
    ended = over(seen)
    known = {**seen.known, **dict.fromkeys(ended, AUTO_OFF)}
    question = messages.Question(config, known, seen.states, seen.past, now, given, pretend, acts)
    answers = asking.ask_all(question)
    data, past = answers.reading, answers.past
    faults = [*seen.faults, *answers.reports]
    if data.problem:
        faults.append(Report.of(data.problem).of_the("data"))
    else:
        faults += [_failed(r, order) for r, order in sorted(answers.orders.items()) if not order.good]
    plan = core.decide(config, known, seen.states, past, data, answers.orders)
    if past.until:
        plan = _timed(plan, past, ended, now)
    return Sight(config, now, seen.board, seen.modes, seen.before, answers, plan, tuple(faults), ended)


def _failed(relay: int, order: Order) -> Report:
    """A script's fault. It is the same while it is in the same line, whatever the exception says."""
    return Report(order.why, f"script {relay}", order.why.partition(": ")[0])


def _pins(config: Config, left: Mapping[int, int]) -> tuple[Board | None, dict[int, int], str]:
    """The board, and the state of each relay by its pin; as it was left, where there is no board."""
    try:
        board = open_board(config)
    except Fault as fault:
        return None, {r: left.get(r, OFF) for r in config.relays}, f"no relay can be switched: {fault}"
    return board, board.found(left), ""


def _timed(plan: Plan, past: Past, ended: Mapping[int, int], now: Now) -> Plan:
    """The plan with the end of each force that has one in its reason."""
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
