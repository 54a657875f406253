"""When forces end, by the wall clock: for a machine whose clock was set only some time after it started.

Until the clock was set, the rest of a force was counted from the journal's last row, because nobody knew how
long the machine had been off. Now it ends at the hour that the owner was told.
"""

from __future__ import annotations

from ..core.model import PROGRAM
from ..core.records import replace
from . import journal
from .memory import PLAUSIBLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _sqlite3 as sqlite3

    from ..core.model import Now, Past
    from ..core.settings import Config

QUERY = """SELECT valeur, date, origin, until FROM relay WHERE relay_number = ? AND info = 'M'
    ORDER BY id DESC LIMIT 1000"""


def by_the_clock(config: Config, past: Past, now: Now) -> Past:
    """The past with the ends that stand in the journal; unchanged if that cannot be read. Never raises."""
    if not config.dbFile:
        return past
    import _sqlite3 as sqlite3

    until = dict(past.until)
    try:
        base = journal.connected(config.dbFile, "ro")
        try:
            for relay, (mode, _, _) in past.until.items():
                if dated := _dated(base, relay, mode):
                    date, end = dated
                    until[relay] = (mode, max(0.0, now.wall - date), journal.length(date, end))
        finally:
            base.close()
    except (sqlite3.Error, OSError):
        return past
    return replace(past, until=until)


def _dated(base: sqlite3.Connection, relay: int, mode: int) -> tuple[int, int] | None:
    """When the journal was told of the standing force, and when it ends (epoch s), by a clock that was set;
    None if the force was ordered after the start. Raises sqlite3.Error."""
    for value, date, origin, end in base.execute(QUERY, (relay,)):
        if value != mode or type(date) is not int or type(end) is not int:
            return None
        if date >= PLAUSIBLE:
            return date, end
        if origin != PROGRAM:  # domo's own rows since the start only say how much is left
            return None
    return None
