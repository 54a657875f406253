"""The journal: every change of mode (M) and state (E) with its reason, in PvMonit's SQLite table.

It is opened only when something changed or the memory is gone, and it is never needed: without it
(dbFile: false, a full disk) the relays are driven all the same.
"""

from __future__ import annotations

import os
import time

from ..core.faults import Report
from ..core.history import KEPT, OFF, ON, History
from ..core.model import AUTO_ON, FORCED, OWNER, Now, Past
from ..core.texts import one_line
from ..system import rights
from .memory import PLAUSIBLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _sqlite3 as sqlite3
    from collections.abc import Iterable
    from typing import Any

    from ..core.model import Row
    from ..core.settings import Config

TABLE = """CREATE TABLE IF NOT EXISTS relay (id INTEGER PRIMARY KEY, relay_number INTEGER, info VARCHAR(2),
    valeur INTEGER, date INTEGER, event TEXT)"""  # as PvMonit's domo.php makes it
INDEX = "CREATE INDEX IF NOT EXISTS domo_relay ON relay (relay_number, info, valeur)"
_SOUND = """typeof(date) = 'integer' AND date BETWEEN 0 AND 99999999999 AND typeof(valeur) = 'integer'
    AND typeof(relay_number) = 'integer' AND relay_number BETWEEN 1 AND 1000"""  # any program may write it
COLUMNS = {"origin": "VARCHAR(8)", "until": "INTEGER"}  # ours: who set a mode; when a force ends (epoch s)
_WRITTEN = ("relay_number", "info", "valeur", "date", "event", *COLUMNS)
INSERT = f"INSERT INTO relay ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))})"
OUTSIDE = "mode file: "  # in rows without `origin`: the reason for an owner's mode begins with it
UNTIL = " until %Y-%m-%d %H:%M"  # in rows without `until`: it stands in the reason for a force
LONGEST_FORCE = 32 * 86400.0  # s, a little more than domo-mod takes
KEPT_SECONDS = 2 * 366 * 86400
PRUNED = 2000  # rows looked at each time, the oldest: to look at all of them would take too long
KEPT_ROWS = 10_000  # the newest rows stay whatever their date: a wrong clock must not empty the journal


def append(config: Config, rows: Iterable[Row], now: Now) -> tuple[bool, str]:
    """Adds rows, and deletes rows older than two years. Gives whether it could, and "" or what went wrong.
    A journal that is no database is set aside, and a new one begun."""
    import _sqlite3 as sqlite3  # all of sqlite3 but dates, whose import costs (see ARCHITECTURE.md)

    report = ""
    for attempt in range(3):
        try:
            base = connected(config.dbFile)
            try:
                with base:
                    base.execute(TABLE)
                    base.execute(INDEX)
                    _add_columns(base)
                    base.executemany(INSERT, [_inserted(row, now) for row in rows])
                    base.execute(
                        "DELETE FROM relay WHERE id IN "
                        f"(SELECT id FROM relay WHERE date <= ? ORDER BY id LIMIT {PRUNED}) "
                        "AND id < (SELECT max(id) FROM relay) - ? AND date < ?",
                        (int(now.wall), KEPT_ROWS, int(now.wall) - KEPT_SECONDS),
                    )
            finally:
                base.close()
            return True, report
        except (sqlite3.Error, OSError, UnicodeError) as error:  # SQLite's message may quote damaged bytes
            said = one_line(error, 200)
            if _may_pass(error):
                return False, f"journal {rights.forbidden(config.dbFile) or f'{config.dbFile}: {said}'}"
            if attempt == 0:  # a read that failed once may look like this too
                continue
            done, report = _set_aside(config, said, now)
            if not done:
                break
    return False, report


def _set_aside(config: Config, said: str, now: Now) -> tuple[bool, str]:
    """Renames a damaged journal, so that a new one is begun. Gives whether it could, and what to say."""
    aside = f"{config.dbFile}.corrupt-{time.strftime('%Y%m%d-%H%M%S', time.localtime(now.wall))}"
    try:
        os.rename(config.dbFile, aside)
    except OSError as failure:
        return False, f"journal {config.dbFile}: {said}, and cannot be set aside ({failure.strerror})"
    text = f"journal {config.dbFile}: {said}; set aside as {aside}, a new one is begun"
    return True, Report(text, "journal", lasts=False)


def _inserted(row: Row, now: Now) -> tuple[object, ...]:
    """The values of a row, in the order of _WRITTEN."""
    date = int(now.wall - row.age)
    until = None if row.remaining is None else round(now.wall - row.age + row.remaining)
    why = str(row.why).encode(errors="replace").decode()  # it may name a file whose name is no text
    return row.relay, row.info, row.value, date, why, row.by or None, until


def _add_columns(base: sqlite3.Connection) -> None:
    """Adds our columns to PvMonit's table, or to an old one of ours. PvMonit reads its columns by name."""
    there = _columns(base)
    for name, kind in COLUMNS.items():
        if name not in there:
            base.execute(f"ALTER TABLE relay ADD COLUMN {name} {kind}")


def _columns(base: sqlite3.Connection) -> set[str]:
    return {row[1] for row in base.execute("PRAGMA table_info(relay)")}


def connected(path: str, access: str = "rwc") -> sqlite3.Connection:
    """The journal, opened. Raises sqlite3.OperationalError or OSError."""
    import _sqlite3 as sqlite3

    if os.path.islink(path) and os.lstat(path).st_uid not in (0, os.geteuid()):
        raise OSError("is somebody else's link, which is not followed; remove it")
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError("is not a file; move it away")  # SQLite would wait for ever at a pipe
    quoted = "".join(
        f"%{byte:02x}" if byte in b"%?#" or byte > 126 else chr(byte) for byte in os.fsencode(path)
    )
    return sqlite3.connect(f"file:{quoted}?mode={access}", uri=True, timeout=1.0)


def _may_pass(error: Exception) -> bool:
    """Whether the error is no damage: locked, full, read-only. SQLITE_ERROR (1, "no such column") is damage:
    what we ask is always the same, so the tables must have changed."""
    import _sqlite3 as sqlite3

    asked = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, OSError) or (isinstance(error, sqlite3.OperationalError) and asked != 1)


def past(config: Config, now: Now, acts: bool = False) -> tuple[Past, str]:
    """The past as far as the journal tells it (switches, automatic switch-ons, modes, and who set auto
    modes), and "" or why it cannot be read. While the error may pass, the past is not `known`: else the
    forces in the journal would be lost for good. A tick that `acts` sets a damaged one aside: a writer may
    not meet the damage, and then each restart would lose the forces again."""
    if not config.dbFile:
        return Past(), ""
    try:
        os.stat(config.dbFile)
    except FileNotFoundError:
        return Past(), ""
    except OSError:
        pass  # it may be there all the same, and the forces in it must not be lost
    import _sqlite3 as sqlite3

    try:
        try:
            return _read(config.dbFile, "ro", now), ""
        except sqlite3.Error as error:  # a power cut while it was written: only a writer can roll that back
            if "locked" in str(error):  # another program has it, and we have waited already
                raise
            return _read(config.dbFile, "rw", now), ""
    except (sqlite3.Error, OSError, UnicodeError) as error:
        said = one_line(error, 200)
        if _may_pass(error):
            told = "nothing is switched on automatically until it can be read; or move it away"
            return Past(known=False), f"journal {config.dbFile}: cannot be read ({said}), {told}"
        lost = f"cannot be read ({said}), earlier switches and forces are lost"
        return Past(), _set_aside(config, lost, now)[1] if acts else f"journal {config.dbFile}: {lost}"


def _read(path: str, access: str, now: Now) -> Past:
    base = connected(path, access)
    base.text_factory = lambda text: text.decode(errors="replace")  # a bad byte in a reason hides no force
    try:
        if not base.execute("SELECT 1 FROM sqlite_master WHERE name = 'relay'").fetchone():
            return Past()
        return _told(base, now)
    finally:
        base.close()


def _told(base: sqlite3.Connection, now: Now) -> Past:
    """The past that the rows tell. In old rows, without our columns, these values stand in the reason."""
    there = _columns(base)
    ours = ", ".join(name if name in there else f"NULL AS {name}" for name in COLUMNS)
    columns = f"id, relay_number, info, valeur, date, CAST(event AS TEXT), {ours}"
    newest = f"SELECT {columns} FROM relay WHERE {_SOUND} ORDER BY id DESC LIMIT ?"
    recent = base.execute(newest, (KEPT_ROWS,)).fetchall()
    ages = _ages([row[4] for row in recent], now)
    told = {row[0]: (age, *row[1:]) for row, age in zip(recent, ages, strict=True) if age <= KEPT}
    relays = [relay for (relay,) in base.execute(f"SELECT DISTINCT relay_number FROM relay WHERE {_SOUND}")]
    one = f"SELECT {columns} FROM relay WHERE {_SOUND} AND relay_number = ? AND info = ? AND valeur = ?"
    for relay in relays:  # the last of each kind, however old
        for info, value in [("E", ON), ("E", OFF), *(("M", mode) for mode in range(4))]:
            row = base.execute(f"{one} ORDER BY id DESC LIMIT 1", (relay, info, value)).fetchone()
            if row and row[0] not in told:
                told[row[0]] = (max(KEPT, now.wall - row[4]), *row[1:])
    return _past([row for _, row in sorted(told.items())])


def _past(rows: list[tuple[Any, ...]]) -> Past:
    """The past from rows of age, relay, info, value, date, reason, and our columns; oldest first."""
    history: dict[int, list[tuple[float, int]]] = {}
    auto_on: dict[int, float] = {}
    modes: dict[int, tuple[int, bool]] = {}  # and whether its owner set it
    until: dict[int, tuple[int, float, float]] = {}
    for age, relay, info, value, date, event, origin, end, *_ in rows:
        if info == "E" and value in (OFF, ON):
            switches = history.setdefault(relay, [])
            switches.append((min(age, switches[-1][0]) if switches else age, value))
            if value == ON and modes.get(relay, (AUTO_ON, False))[0] not in FORCED:
                auto_on[relay] = age
        elif info == "M" and value in range(4):
            modes[relay] = value, origin == OWNER if origin else str(event or "").startswith(OUTSIDE)
            until.pop(relay, None)
            end = end if origin else _end_in(str(event or ""))
            if value in FORCED and isinstance(end, (int, float)):
                until[relay] = (value, age, length(date, end))
    return Past(
        modes={relay: mode for relay, (mode, _) in modes.items()},
        ours=frozenset(r for r, (mode, owners) in modes.items() if mode == AUTO_ON and not owners),
        history={relay: History(tuple(row)) for relay, row in history.items()},
        auto_on=auto_on,
        until=until,
    )


def length(date: float, end: float) -> float:
    """How long a force lasts (s), by the dates in its row; any program may write them."""
    return min(LONGEST_FORCE, max(0.0, end - date))


def _end_in(event: str) -> float | None:
    """The moment (epoch s) at which an old row's reason says that its force ends; None without it."""
    place = event.find(" until ")
    if place < 0:
        return None
    try:
        return time.mktime(time.strptime(event[place : place + 23], UNTIL))
    except (ValueError, OverflowError):
        return None


def _ages(dates: list[int], now: Now) -> list[float]:
    """The ages of rows, newest first, from their dates. The distance between two rows counts, unless
    one of them was written by a clock that had not been set."""
    ages: list[float] = []
    for place, date in enumerate(dates):
        if place == 0:
            this_boot = now.wall - now.up <= date <= now.wall
            comparable = (date >= PLAUSIBLE) == (now.wall >= PLAUSIBLE)
            ages.append(max(now.wall - date if comparable else 0.0, 0.0 if this_boot else now.up))
        else:
            later = dates[place - 1]
            ages.append(ages[-1] + (max(0, later - date) if date >= PLAUSIBLE <= later else 0))
    return ages
