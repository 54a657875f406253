"""What a tick does when config.yaml cannot be used, or when something unforeseen failed."""

from __future__ import annotations

from ..core.history import OFF, ON
from ..core.model import FORCED, FORCED_ON, Past, Reading
from ..core.texts import one_line
from ..pins.choice import open_board
from ..stores import config as configs
from ..stores import memory, modes, states
from ..system import lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..core.model import Now
    from ..core.settings import Config
    from .sight import Done


def forces_only(config: Config, error: Exception, now: Now) -> list[str]:
    """Obeys the forces (those that are remembered, if the mode file does not tell them) and switches the rest
    off. Gives where the `error` came from, and what else went wrong."""
    faults = [f"{described(error)}; relays that are not forced are off"]
    try:
        board = open_board(config)
        past, mode_file = _past(config, now), modes.load(config.modPath)
        held = modes.holding(config.relays, mode_file, past.modes)
        over = _over(past)
        forced = {r for r, mode in held.items() if mode == FORCED_ON and over.get(r) != FORCED_ON}
        wanted = {r: ON if r in forced else OFF for r in config.relays}
        faults += [*board.apply(wanted).values(), board.save()]
        faults.append(states.save(config.etatPath, board.states(wanted)))
    except Exception as again:
        faults.append(one_line(f"{type(again).__name__}: {again}"))
    return [fault for fault in faults if fault]


def described(error: Exception) -> str:
    """Where an error that nobody foresaw came from, and what it is."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename} line {trace.tb_lineno}" if trace else ""
    return one_line(f"{where}: {type(error).__name__}: {error}")


def _past(config: Config, now: Now) -> Past:
    """What is remembered; nothing where even that fails."""
    try:
        return memory.load(config, now)[0] or Past()
    except Exception:
        return Past()


def _over(past: Past) -> dict[int, int]:
    """The forces whose time is over: relay and mode. A force that somebody gave since then is another one."""
    return {r: mode for r, (mode, age, length) in past.until.items() if age >= length}


def without_config(
    path: str, clock: Callable[[], Now], run: Callable[[Config, Callable[[], Now], Reading], Done]
) -> tuple[bool, Sequence[str]]:
    """A tick without a configuration does two things only: it obeys a new force, or the end of one, and
    switches off what has been on for too long. For these it is `run` with the last good configuration,
    without data. Gives whether it was run, and what went wrong."""
    config = configs.last_good(path)
    if config is None:
        return False, ()
    try:
        past = memory.load(config, clock(), anyones=True)[0]
        forces = {
            r: m for r, m in modes.load(config.modPath).modes.items() if m in FORCED and r in config.relays
        }
        last_modes = past.modes if past else {}
        if _due(config, past) or any(last_modes.get(r) != m for r, m in forces.items()):
            none = Reading((), f"{path} cannot be used; the last good configuration applies, without data")
            return True, run(config, clock, none).faults
    except lock.Locked:
        pass
    except Exception as again:
        return False, [one_line(f"{type(again).__name__}: {again}")]
    return False, ()


def _due(config: Config, past: Past | None) -> bool:
    """Whether a force is over, or a relay may have been on for longer than secuDownNoData without data or a
    good order."""
    if past is None or past.tick is None or past.tick >= config.secuDownNoData or _over(past):
        return True
    on = [r for r, state in past.states.items() if state == ON and past.modes.get(r) not in FORCED]
    data = past.data if past.data is not None else past.tick  # without any, no order counts
    return any(max(data, past.support.get(r, 0.0)) >= config.secuDownNoData for r in on)
