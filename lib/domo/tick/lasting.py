"""What a tick reads from and writes to the lasting disk: in a child, because such a disk may hang, and a tick
that hangs keeps the lock. A child that cannot be killed is stuck; no other is started beside it."""

from __future__ import annotations

import os

from .. import sealed
from ..core.faults import Report
from ..core.model import Fault, Past
from ..core.records import replace
from ..stores import journal, memory, record
from ..system import files
from ..system.apart import apart
from ..system.stuck import HANGS, running
from .rows import standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..core.model import Now, Row
    from ..core.settings import Config
    from .plan import Beginning

SECONDS = 5.0
LATER_SECONDS = 1.0  # if something hangs already: it may be the same disk, and a tick has 20 s


def past(config: Config, now: Now, acts: bool) -> tuple[Past, str]:
    """The past from the journal, and "" or why it cannot be read: then nothing is switched on by itself. If
    the tick `acts`, a damaged journal is set aside."""

    def read() -> tuple[dict[str, Any], bool, str]:
        past, fault = journal.past(config, now, acts)
        return memory.kept(past, now), past.known, str(fault)

    unknown = Past(known=False, stuck=memory.stuck(config))
    answer, why, unknown = _bounded("journal", f"{config.dbFile}: cannot be read", read, unknown)
    if answer is None:
        told = "nothing is switched on automatically until it can be read"
        return unknown, Report(f"{why}; {told}", "journal")
    saved, known, fault = answer
    return replace(memory.restored(saved, now), known=known, stuck=unknown.stuck), fault


def dated(begun: Beginning) -> Beginning:
    """What a tick knows, with the ends of forces as the journal dates them; as it is where that cannot be
    read."""
    from ..stores import ends

    def read() -> dict[int, tuple[int, float, float]]:
        return dict(ends.by_the_clock(begun.config, begun.before, begun.now).until)

    until, _, after = _bounded("journal", begun.config.dbFile, read, begun.before)
    changes = {"until": begun.before.until if until is None else until, "stuck": after.stuck, "unset": False}
    return replace(begun, before=replace(begun.before, **changes), past=replace(begun.past, **changes))


def tell_journal(config: Config, rows: tuple[Row, ...], before: Past, now: Now) -> tuple[Past, list[str]]:
    """Writes rows to the journal; gives the past, with those that it did not take, and what went wrong."""
    forces = standing(before)
    answer, why, after = _bounded(
        "journal", config.dbFile, lambda: _append(config, rows, forces, now), before
    )
    done, forces_done, fault = answer or (False, False, why)
    faults: list[str] = [Report(fault, "journal", lasts=not done)] if fault else []
    unwritten = (() if forces_done else forces) if done else before.unwritten
    return replace(after, unwritten=unwritten, reports=(*before.reports, *faults)), faults


def _append(
    config: Config, rows: tuple[Row, ...], forces: tuple[Row, ...], now: Now
) -> tuple[bool, bool, str]:
    """Adds the rows. If the journal had to be set aside, the new one also gets the rows of the standing
    forces. Gives whether it took each of the two, and "" or what went wrong."""
    sealed.use_later(sealed.JOURNAL)
    done, fault = journal.append(config, rows, now)
    forces_done = done and (not fault or journal.append(config, forces, now)[0])
    return done, forces_done, str(fault)


def keep_record(config: Config, day: str, before: Past, now: Now) -> tuple[Past, list[str]]:
    """Writes the record of a day (2026-06-15) to the lasting folder; gives the past, and what went wrong."""
    answer, why, after = _bounded("record", config.recordDir, lambda: _keep(config, day, now), before)
    done, fault = answer or (False, why)
    if not done:
        try:
            files.remove(record.mark(config))
        except OSError:  # then it is tried again after recordEvery
            pass
    faults: list[str] = [Report(fault, lasts=not done)] if fault else []
    return replace(after, reports=(*before.reports, *faults)), faults


def _keep(config: Config, day: str, now: Now) -> tuple[bool, str]:
    """Whether the record was taken to its lasting folder, and "" or what a person should know. It is marked
    first: where no mark can be made, the disk would be written every minute."""
    from ..stores import history  # with csv, re and datetime

    try:
        files.replace(record.mark(config), day.encode())
        os.utime(record.mark(config), (now.wall, now.wall))
        return True, history.keep(config, record.path(config), day)
    except Fault as fault:
        return False, str(fault)
    except OSError as error:
        return False, f"record {error.filename or config.recordDir}: {error.strerror}"


def _bounded(what: str, place: str, work: Callable[[], Any], before: Past) -> tuple[Any, str, Past]:
    """What `work` at that place gives, or None and why there is nothing; and the past that knows a process
    that is stuck: no other is started beside it."""
    stuck = before.stuck.get(what)
    if stuck and running(stuck):
        return None, f"{what} {place}: {HANGS.format(stuck[0])}", before
    answer, why, stuck = apart(work, LATER_SECONDS if before.stuck else SECONDS)
    after = replace(before, stuck={**before.stuck, what: stuck}) if stuck else before
    return answer, f"{what} {place}: {why}", after
