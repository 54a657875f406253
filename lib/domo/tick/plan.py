"""The first half of a tick: reads everything and decides. It changes only the pins of forced relays."""

from __future__ import annotations

from ..core import decide as core
from ..core.faults import Report
from ..core.history import OFF, ON
from ..core.model import AUTO_OFF, FORCED, FORCED_ON, Fault
from ..core.records import dataclass
from ..pins.choice import open_board
from ..scripts import asking, messages
from ..stores import memory, modes
from .sight import Sight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.model import Now, Past, Reading
    from ..core.settings import Config
    from ..pins.board import Board


@dataclass(frozen=True)
class Beginning:
    """What a tick knows before it touches anything that may hang: the pins, the modes, the past. (Only if the
    memory is gone, a child has read the journal for it.)"""

    config: Config
    now: Now
    board: Board | None
    states: Mapping[int, int]  # as the pins were found
    mode_file: modes.ModeFile
    modes: Mapping[int, int | None]  # the mode of every relay, None where the file holds no mode
    past: Past
    before: Past
    faults: tuple[str, ...]


def begin(config: Config, now: Now, acts: bool = False) -> Beginning:
    """Reads memory, mode file and pins. A relay is on if its pin is on and the last tick left it on. If that
    left it off, or the machine has restarted, it counts as off whatever its pin says, and waits for its turn.
    If nobody knows how it was left, the pin decides. If the tick `acts`, a damaged journal is set aside."""
    before, memory_fault = memory.load(config, now)
    journal_fault = ""
    if before is None:
        from . import lasting

        before, journal_fault = lasting.past(config, now, acts)
    mode_file = modes.load(config.modPath)
    relay_modes, mode_faults = resolve(config, mode_file, before)
    last_states = memory.last_states(before, now)
    board, pins, pin_fault = _pins(config, last_states)
    states = {r: ON if pins[r] == ON == last_states.get(r, ON) else OFF for r in config.relays}
    past = memory.observe(before, states, pins, now)
    faults = tuple(filter(None, (memory_fault, journal_fault, pin_fault, *mode_faults)))
    return Beginning(config, now, board, states, mode_file, relay_modes, past, before, faults)


def force(begun: Beginning) -> None:
    """Sets the pins of forced relays at once, so that a force acts even if something hangs later. If the
    inverter cannot carry them beside what is on, those that draw watts wait for the plan, which makes room
    for them. A failure is reported when the whole plan is carried out."""
    if begun.board is None:
        return
    timed = over(begun)
    forces = {r: mode for r, mode in begun.modes.items() if mode in FORCED and r not in timed}
    forced = {r: ON if mode == FORCED_ON else OFF for r, mode in forces.items()}
    if not core.carries(begun.config, {**begun.states, **forced}):
        draws = begun.config.relayWatt
        forced = {r: state for r, state in forced.items() if state == OFF or not draws.get(r)}
    begun.board.apply(forced)


def resolve(config: Config, mode_file: modes.ModeFile, past: Past) -> tuple[dict[int, int | None], list[str]]:
    """The mode of each relay now (None: the mode file holds no mode, so the relay is held off), and what is
    wrong with the mode file."""
    faults: list[str] = []
    strange = mode_file.odd or mode_file.linked or mode_file.twice or mode_file.misnamed
    beyond = any(mode == FORCED_ON and r > config.relayNb for r, mode in mode_file.modes.items())
    if mode_file.problem or strange or beyond:
        from . import mode_faults

        faults = mode_faults.faults(config, mode_file, past)
    if mode_file.problem:
        return {r: past.modes.get(r) for r in config.relays}, faults
    return modes.holding(config.relays, mode_file, past.modes), faults


def over(begun: Beginning) -> dict[int, int]:
    """Timed forces that still stand in the mode file (or, while that cannot be read, in the memory) though
    their time is over, or may be if the clock was just set: relay and mode."""
    stand = {r: end for r, end in begun.past.until.items() if begun.modes.get(r) == end[0]}
    unsure = bool(stand) and _clock_was_set(begun)
    return {r: mode for r, (mode, age, length) in stand.items() if unsure or age >= length}


def _clock_was_set(begun: Beginning) -> bool:
    """Whether the clock was set since the last tick, so that only the journal knows when forces end."""
    return begun.before.unset and bool(begun.before.until) and begun.now.wall >= memory.PLAUSIBLE


def finish(
    begun: Beginning, given: Reading | None = None, pretend: Now | None = None, acts: bool = False
) -> Sight:
    """Lets a child read the data and ask the scripts, and decides. `given` replaces the data file, `pretend`
    the clock that scripts see; a tick that `acts` fetches new data if they are old."""
    if _clock_was_set(begun):
        from . import lasting

        begun = lasting.dated(begun)
    config, now = begun.config, begun.now
    ended = over(begun)
    relay_modes = {**begun.modes, **dict.fromkeys(ended, AUTO_OFF)}
    question = messages.Question(config, relay_modes, begun.states, begun.past, now, given, pretend, acts)
    answers = asking.ask_all(question)
    data, past = answers.reading, answers.past
    faults = [*begun.faults, *answers.reports]
    if data.problem:
        faults.append(Report.of(data.problem).of_the("data"))
    else:
        failed: dict[str, int] = {}  # what several scripts have in common is told once
        for relay, order in sorted(answers.orders.items()):
            if not order.good:
                failed.setdefault(order.why, relay)
        faults += [Report.of(why).of_the(f"script {relay}") for why, relay in failed.items()]
    plan = core.decide(config, relay_modes, begun.states, past, data, answers.orders)
    if past.until:
        from . import timed

        plan = timed.told(plan, past, ended, now)
    return Sight(config, now, begun.board, begun.mode_file, begun.before, answers, plan, tuple(faults), ended)


def _pins(config: Config, last_states: Mapping[int, int]) -> tuple[Board | None, dict[int, int], str]:
    """The board, the state of each relay by its pin (as it was left, if there is no board), and the fault."""
    try:
        board = open_board(config)
    except Fault as fault:
        return None, {r: last_states.get(r, OFF) for r in config.relays}, f"no relay can be switched: {fault}"
    return board, board.states(last_states), ""
