"""What a tick reads from and writes to the disk that lasts: in a child, because such a disk may hang, and
a tick that hangs keeps the lock. A child that cannot be killed is left behind; none is started beside it."""

from __future__ import annotations

from ..core.faults import Report
from ..core.model import Fault, Past
from ..core.records import replace
from ..stores import journal, memory, record
from ..system.apart import apart
from ..system.left_behind import HANGS, running
from .rows import standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..core.model import Now, Row
    from ..core.settings import Config

SECONDS = 5.0


def past(config: Config, now: Now) -> tuple[Past, str]:
    """The past by the journal, and "" or why it cannot be read; then nothing is switched on automatically."""

    def read() -> tuple[dict[str, Any], bool, str]:
        found, fault = journal.past(config, now)
        return memory.kept(found, now), found.known, str(fault)

    answer, why, _ = apart(read, SECONDS)
    if answer is None:
        why += "; nothing is switched on automatically until it can be read"
        return Past(known=False), f"journal {config.dbFile}: {why}"
    saved, known, fault = answer
    return replace(memory.restored(saved, now), known=known), fault


def tell_journal(config: Config, rows: tuple[Row, ...], before: Past, now: Now) -> tuple[Past, list[str]]:
    """Gives the journal its rows; gives the past with those that it did not take, and what went wrong."""
    forces = standing(before)
    answer, why, after = _bounded(
        "journal", config.dbFile, lambda: _append(config, rows, forces, now), before
    )
    done, begun, fault = answer or (False, False, why)
    faults: list[str] = [Report(fault, "journal", lasts=not done)] if fault else []
    unwritten = (() if begun else forces) if done else before.unwritten
    return replace(after, unwritten=unwritten, reports=(*before.reports, *faults)), faults


def _append(
    config: Config, rows: tuple[Row, ...], forces: tuple[Row, ...], now: Now
) -> tuple[bool, bool, str]:
    """Adds the rows, and after a journal that was set aside those of the forces that stand, with which the
    new one begins. Gives whether it took each of the two, and "" or what went wrong."""
    done, fault = journal.append(config, rows, now)
    begun = done and (not fault or journal.append(config, forces, now)[0])
    return done, begun, str(fault)


def keep_record(config: Config, day: str, before: Past, now: Now) -> tuple[Past, list[str]]:
    """Takes the record of the day (2026-06-15) to its lasting folder; gives the past, and what went wrong."""
    answer, why, after = _bounded("record", config.recordDir, lambda: _keep(config, day, now), before)
    fault = why if answer is None else answer
    faults: list[str] = [Report(fault, lasts=answer is None)] if fault else []
    return replace(after, reports=(*before.reports, *faults)), faults


def _keep(config: Config, day: str, now: Now) -> str:
    from ..stores import history  # with csv, re and datetime

    try:
        told = history.keep(config, record.path(config), day)
        record.mark_kept(config, day, now.wall)
        return str(told)
    except Fault as fault:
        return str(fault)
    except OSError as error:
        return f"record {error.filename or config.recordDir}: {error.strerror}"


def _bounded(what: str, place: str, work: Callable[[], Any], before: Past) -> tuple[Any, str, Past]:
    """What `work` at that place gives, or None and why there is nothing; and the past that knows a process
    which had to be left behind: no other is started beside it."""
    left = before.stuck.get(what)
    if left and running(left):
        return None, f"{what} {place}: {HANGS.format(left[0])}", before
    answer, why, left = apart(work, SECONDS)
    after = replace(before, stuck={**before.stuck, what: left}) if left else before
    return answer, f"{what} {place}: {why}", after
