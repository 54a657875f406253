"""One tick, from the lock to the exit code: begin, force, finish, act, tell."""

from __future__ import annotations

import os
import sys

from ..core.model import BUSY, DONE, REFUSED, WRONG, ConfigError, Fault
from ..core.records import replace
from ..stores import config as configs
from ..stores import memory
from ..system import lock
from . import tell
from .act import act
from .plan import begin, finish, force
from .sight import Done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.model import Now, Reading
    from ..core.settings import Config

STOPPED = 60.0  # s; if deciding took longer, the process was stopped, and what it read is too old to act on


def run(config: Config, clock: Callable[[], Now], given: Reading | None = None) -> Done:
    """A whole tick; `given` replaces the data file. Raises lock.Locked while another tick runs."""
    held, fault = lock.take(config.lock_path)
    try:
        faults = [fault] if fault else []
        faults += tell.untold(config)
        begun = begin(config, clock(), acts=True)
        force(begun)
        sight = finish(begun, given, acts=True)
        if (later := clock()).up - begun.now.up > STOPPED:
            sight = finish(begin(config, later, acts=True), given, acts=True)
        return act(replace(sight, faults=(*faults, *sight.faults)) if faults else sight)
    finally:
        if held is not None:
            os.close(held)


def main(path: str, verbose: bool = False, clock: Callable[[], Now] = memory.read_clocks) -> int:
    """A tick by the configuration at `path`; `verbose`: prints its table. Gives the exit code."""
    watched = verbose or bool(sys.stderr and sys.stderr.isatty())
    try:
        config, stamps = configs.load(path)
    except ConfigError as error:
        from . import rescue

        all_seen, faults = rescue.without_config(path, clock, run)
        tell.say(configs.last_good(path), (*error.problems, *faults), clock(), watched, all_seen)
        return REFUSED
    if watched or "SUDO_UID" in os.environ or _is_roots(config):  # maybe by another user than the ticks'
        from ..stores import user

        try:
            user.as_its_user(config)
        except Fault as fault:
            tell.line(str(fault))
            return REFUSED
    try:
        done = run(config, clock)
    except lock.Locked:
        tell.line("another tick is running")
        return BUSY
    except Exception as error:
        from . import rescue

        now = clock()
        tell.say(config, rescue.forces_only(config, error, now), now, watched, all_seen=False)
        return WRONG
    if stamps:
        configs.remember(config, stamps)
    return WRONG if _tell(done, verbose, watched) else DONE


def _is_roots(config: Config) -> bool:
    """Whether root runs the tick of another user, who owns memory and config.yaml: anybody can plant the
    one."""
    try:
        return os.geteuid() == 0 and os.stat(config.memory_path).st_uid == os.stat(config.path).st_uid != 0
    except OSError:  # no tick has run yet
        return False


def leave(code: int) -> None:
    """Ends the process without tearing the interpreter down (the gain is in ARCHITECTURE.md)."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _tell(done: Done, verbose: bool, watched: bool) -> tuple[str, ...]:
    """Tells people the faults of this tick, and gives them."""
    config, faults = done.sight.config, done.faults
    if verbose or config.printMessage or config.printMessageLogfile:
        from ..system import output
        from . import log, table

        if verbose:
            output.show(table.table(done.sight, done.plan))
        faults = (*faults, *log.log(done))
    tell.say(config, faults, done.sight.now, watched)
    return faults
