"""When forces end, by the wall clock: for a machine whose clock was set only some time after it started.

Until then nobody knew how long it had been without power. What was left of a force was counted from what the
journal told last; now it ends at the moment that its owner was told.
"""

from __future__ import annotations

from ..core.model import PROGRAM
from ..core.records import replace
from . import journal
from .memory import PLAUSIBLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from ..core.model import Now, Past
    from ..core.settings import Config

QUERY = """SELECT valeur, date, origin, until FROM relay WHERE relay_number = ? AND info = 'M'
    ORDER BY id DESC LIMIT 1000"""


def by_the_clock(config: Config, past: Past, now: Now) -> Past:
    """The past with the ends that the journal dates; as it is where that cannot be read. Never raises."""
    if not config.dbFile:
        return past
    import sqlite3

    until = dict(past.until)
    try:
        base = journal.connected(config.dbFile, "ro")
        try:
            for relay, (mode, _, _) in past.until.items():
                if dated := _dated(base, relay, mode):
                    date, end = dated
                    until[relay] = (mode, max(0.0, now.wall - date), max(0.0, end - date))
        finally:
            base.close()
    except (sqlite3.Error, OSError):
        return past
    return replace(past, until=until)


def _dated(base: sqlite3.Connection, relay: int, mode: int) -> tuple[int, int] | None:
    """When the force that stands was told, and when it ends, by a clock that was set; None for one that was
    ordered since. Raises sqlite3.Error."""
    for value, date, origin, end in base.execute(QUERY, (relay,)):
        if value != mode or type(date) is not int or type(end) is not int:
            return None
        if date >= PLAUSIBLE:
            return date, end
        if origin != PROGRAM:  # what the program wrote since the start only counts what is left
            return None
    return None
