"""What a tick reads from and writes to the lasting disk: in a child, because such a disk may hang, and a tick
that hangs keeps the lock. A child that cannot be killed is left behind; no other is started beside it."""

from __future__ import annotations

import os

from ..core.faults import Report
from ..core.model import Fault, Past
from ..core.records import replace
from ..stores import journal, memory, record
from ..system import files
from ..system.apart import apart
from ..system.left_behind import running
from .rows import standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..core.model import Now, Row
    from ..core.settings import Config
    from .plan import Beginning

SECONDS = 5.0


def past(config: Config, now: Now) -> tuple[Past, str]:
    """The past from the journal, and "" or why it cannot be read: then nothing is switched on by itself."""

    def read() -> tuple[dict[str, Any], bool, str]:
        found, fault = journal.past(config, now)
        return memory.kept(found, now), found.known, str(fault)

    answer, why, _ = apart(read, SECONDS)
    if answer is None:
        why += "; nothing is switched on automatically until it can be read"
        return Past(known=False), f"journal {config.dbFile}: {why}"
    saved, known, fault = answer
    return replace(memory.restored(saved, now), known=known), fault


def dated(seen: Beginning) -> Beginning:
    """What a tick knows, with the ends of forces as the journal dates them; as it is where that cannot be
    read."""
    from ..stores import ends

    config, until, stuck = seen.config, seen.before.until, seen.before.stuck
    left = stuck.get("journal")
    if not (left and running(left)):
        answer, _, left = apart(lambda: dict(ends.by_the_clock(config, seen.before, seen.now).until), SECONDS)
        until = until if answer is None else answer
        stuck = {**stuck, "journal": left} if left else stuck
    before, past = (replace(one, until=until, stuck=stuck, unset=False) for one in (seen.before, seen.past))
    return replace(seen, before=before, past=past)


def tell_journal(config: Config, rows: tuple[Row, ...], before: Past, now: Now) -> tuple[Past, list[str]]:
    """Writes rows to the journal; gives the past, with those that it did not take, and what went wrong."""
    left = before.stuck.get("journal")
    if left and running(left):
        return before, [
            Report(f"journal {config.dbFile}: process {left[0]} hangs at it and cannot be killed")
        ]
    forces = standing(before)
    answer, why, left = apart(lambda: _append(config, rows, forces, now), SECONDS)
    done, begun, fault = answer or (False, False, f"journal {config.dbFile}: {why}")
    faults: list[str] = [Report(fault, "journal", lasts=not done)] if fault else []
    unwritten = before.unwritten
    if done:
        unwritten = () if begun else forces
    stuck = {**before.stuck, "journal": left} if left else before.stuck
    return replace(before, unwritten=unwritten, stuck=stuck, reports=(*before.reports, *faults)), faults


def _append(
    config: Config, rows: tuple[Row, ...], forces: tuple[Row, ...], now: Now
) -> tuple[bool, bool, str]:
    """Adds the rows. If the journal had to be set aside, the new one also gets the rows of the standing
    forces. Gives whether it took each of the two, and "" or what went wrong."""
    done, fault = journal.append(config, rows, now)
    begun = done and (not fault or journal.append(config, forces, now)[0])
    return done, begun, str(fault)


def keep_record(config: Config, day: str, before: Past, now: Now) -> tuple[Past, list[str]]:
    """Writes the record of a day (2026-06-15) to the lasting folder; gives the past, and what went wrong."""
    left = before.stuck.get("record")
    if left and running(left):
        return before, [
            Report(f"record {config.recordDir}: process {left[0]} hangs at it and cannot be killed")
        ]
    answer, why, left = apart(lambda: _keep(config, day, now), SECONDS)
    done, fault = answer or (False, f"record {config.recordDir}: {why}")
    if not done:
        try:
            files.remove(record.mark(config))
        except OSError:  # then it is tried again after recordEvery
            pass
    stuck = {**before.stuck, "record": left} if left else before.stuck
    faults: list[str] = [Report(fault, lasts=not done)] if fault else []
    return replace(before, stuck=stuck, reports=(*before.reports, *faults)), faults


def _keep(config: Config, day: str, now: Now) -> tuple[bool, str]:
    """Whether the record was taken to its lasting folder, and "" or what a person should know. It is marked
    first: where no mark can be made, the disk would be written every minute."""
    from ..stores import history  # with csv, re and datetime: half a bare start

    try:
        files.replace(record.mark(config), day.encode())
        os.utime(record.mark(config), (now.wall, now.wall))
        return True, history.keep(config, record.path(config), day)
    except Fault as fault:
        return False, str(fault)
    except OSError as error:
        return False, f"record {error.filename or config.recordDir}: {error.strerror}"
