"""The messenger: a process of its own that gives the waiting events to the program of `onChange`, and ends.

Only one runs at a time, and it keeps nothing open of the tick that started it. If the program fails or takes
too long, the messenger tries again, after longer and longer waits, for a day."""

from __future__ import annotations

import gc
import os
import time

from ..core.model import ConfigError
from ..core.records import dataclass
from ..core.settings import Config
from ..stores import config as configs
from ..stores import events
from ..system import cache, lock, trusted
from ..system.child import Child

CALL_SECONDS = 25.0  # for one call of the program; a Child ends after 30 by itself
FIRST_WAIT, LONGEST_WAIT = 60.0, 3600.0  # s until what failed is tried again; each time twice as long
KEEP_SECONDS = 86400.0  # when a program has failed for so long, its events are dropped
LOOK_SECONDS = 2.0  # s between looks: a new event, or a corrected program, is tried at once
SAID_BYTES = 200  # of the last output of a program that failed


@dataclass(frozen=True)
class Failing:
    """A program that fails, since when (monotonic s), and when it is tried again."""

    since: float
    wait: float
    until: float


def start(config: Config) -> None:
    """Starts the messenger in the background, unless one is running."""
    held = _lock(config) if events.names(config) else None
    if held is None:
        return
    child = os.fork()
    if child:
        os.close(held)  # it is the messenger's now
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            _settle(held)
            gc.enable()
            _work(config, held)
    finally:
        os._exit(0)


def _lock(config: Config) -> int | None:
    """The lock of the running messenger; None if another one has it, or if it cannot be had."""
    try:
        return lock.take(events.lock_path(config))[0]
    except lock.Locked:
        return None


def _settle(held: int) -> None:
    """Closes what belongs to the tick: cron waits for its pipes, and the next tick for the lock."""
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.closerange(3, held)
    os.closerange(held + 1, 1024)


def _work(config: Config, held: int | None) -> None:
    """Passes on all events that wait. It looks again after it gave up the lock, because a tick may have added
    one before that."""
    while held is not None:
        _tell_all(config)
        os.close(held)
        held = _lock(config) if events.names(config) else None


def _tell_all(config: Config) -> None:
    failing: Failing | None = None
    while events.names(config):
        config = _current(config)
        if not config.onChange:  # it was taken out of config.yaml
            events.remove(config, events.names(config))
            events.set_fault(config, "")
            return
        seen = _signs(config)
        taken, lines = events.read(config)
        why = call(config, lines)
        now = time.monotonic()
        if not why:
            events.remove(config, taken)
            events.set_fault(config, "")
            failing = None
            continue
        failing = _again(failing, now)
        over = now - failing.since >= KEEP_SECONDS
        dropped = "for a day, so what it was to be told is dropped"
        what = dropped if over else "domo tries again, for a day at most"
        events.set_fault(config, f"{config.onChange[0]}: {why}; {what}")
        if over:
            events.remove(config, taken)
            continue
        while time.monotonic() < failing.until and _signs(config) == seen:
            time.sleep(LOOK_SECONDS)


def _signs(config: Config) -> tuple[object, ...]:
    """A stamp that changes when another try makes sense: a new event, another configuration or program."""
    stamps: list[object] = []
    for path in (config.path, config.onChange[0]):
        try:
            stamps.append(cache.stamp(path))
        except OSError:
            stamps.append(None)
    return (events.names(config)[-1:], *stamps)


def _again(before: Failing | None, now: float) -> Failing:
    if before is None:
        return Failing(now, FIRST_WAIT, now + FIRST_WAIT)
    if now < before.until:  # it was tried early, for something new: the wait stays as it is
        return before
    wait = min(2 * before.wait, LONGEST_WAIT)
    return Failing(before.since, wait, now + wait)


def _current(config: Config) -> Config:
    """The configuration as it is by now."""
    try:
        now = configs.load(config.path)[0]
    except ConfigError:
        return config
    return now if now.prefixFileData == config.prefixFileData else config


def call(config: Config, lines: bytes) -> str:
    """Runs the program of `onChange` with the lines on its standard input. Gives "" or why they have not
    been told."""
    try:
        trusted.real(config.onChange[0], {})
    except trusted.Unsafe as error:
        return f"is not run, because {error}"
    except OSError as error:
        return f"cannot be run ({error.strerror})"
    child = Child(lambda answer: _become(config, lines, answer))
    deadline = time.monotonic() + CALL_SECONDS
    said = b""
    while not (ended := _ended(child.pid)) and time.monotonic() < deadline:
        piece = child.read(time.monotonic() + 0.2)
        said = (said + piece)[-SAID_BYTES:]
        if not piece:
            time.sleep(0.05)
    said = (said + child.read(time.monotonic() + 0.05))[-SAID_BYTES:]
    status = os.waitstatus_to_exitcode(child.stop())
    if status == 0:
        return ""
    words = " ".join(said.decode(errors="replace").split())
    how = f"ended with {status}" if ended else f"did not end within {CALL_SECONDS:g} s"
    return f"{how}: {words}" if words else how


def _become(config: Config, lines: bytes, answer: int) -> None:
    """Becomes the program; what it prints is the answer."""
    given = os.memfd_create("events")
    with open(given, "wb", closefd=False) as file:
        file.write(lines)
    os.lseek(given, 0, os.SEEK_SET)
    for source, target in ((given, 0), (answer, 1), (answer, 2)):
        os.dup2(source, target)
    environment = {"PATH": os.defpath, **os.environ, "DOMO_CONFIG": config.path}
    try:
        os.execve(config.onChange[0], config.onChange, environment)
    except OSError as error:
        os.write(2, f"cannot be run ({error.strerror})".encode())
        os._exit(126)


def _ended(pid: int) -> bool:
    """Whether a child has ended; it stays to be waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
