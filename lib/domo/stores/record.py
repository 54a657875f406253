"""The record: each tick adds a line of CSV to the day's file in tmpfs; `history` writes it to a lasting disk.

A line holds the time, the values that matter, and for each relay its mode and state, whether a good order
wants it on, and why. A reason that has not changed is left out, else reasons would be half of the file.
"""

from __future__ import annotations

import os
import time

from ..core.model import Fault
from ..system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.model import Plan, Reading
    from ..core.settings import Config

VALUES = frozenset(("SOC", "P", "V", "I", "CS", "MPPT", "PPV", "PPVT", "CONSO"))
LONGEST = 300  # characters of a value or a reason
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def path(config: Config) -> str:
    """Where the lines of today are."""
    return f"{config.prefixFileData}today.csv"


def stamp(wall: float) -> str:
    """A moment (epoch s) in ISO 8601 with its offset: 2026-06-15T14:30:00+02:00. 1970 if the clock has an
    impossible date."""
    try:
        t = time.localtime(wall)
    except (ValueError, OverflowError, OSError):
        t = time.localtime(0)
    offset = t.tm_gmtoff // 60
    sign, offset = ("-", -offset) if offset < 0 else ("+", offset)
    return (
        f"{t.tm_year:04}-{t.tm_mon:02}-{t.tm_mday:02}T{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
        f"{sign}{offset // 60:02}:{offset % 60:02}"
    )


def fields(
    config: Config, wall: float, reading: Reading, plan: Plan, before: Mapping[int, str], wrong: Sequence[str]
) -> dict[str, str]:
    """One line, by column; `before`: the reasons of the line before; `wrong`: what the tick found wrong."""
    cells = {"time": stamp(wall), "wrong": " | ".join(wrong)}
    wanted = VALUES.union(config.valueUse, config.recordValues)
    names: list[str] = []
    for device in reading.devices:
        name = device.name if device.name and device.name not in names else device.id
        names.append(name)
        plain = _plain(name)
        for value, content in device.values.items():
            if value in wanted:
                cells[f"{plain}.{value if value in VALUES else _plain(value)}"] = content.text
    for relay, decision in plan.items():
        name, why = f"relay{relay}.", decision.why
        cells[name + "mode"] = "" if decision.mode is None else str(decision.mode)
        cells[name + "state"] = str(decision.state)
        cells[name + "wanted"] = "1" if decision.supported else "0"
        cells[name + "why"] = "" if before.get(relay) == why else why
    return cells


def _plain(name: str) -> str:
    """A name for a column, without characters that CSV would have to quote."""
    return " ".join(name.replace(",", " ").replace('"', "'").split())


def row(cells: Mapping[str, str], columns: Sequence[str]) -> str:
    """The line of CSV for these columns, without its end."""
    texts = [cells.get(name, "") for name in columns]
    return ",".join([text if text.isalnum() or not text else _cell(text) for text in texts])


def _cell(text: str) -> str:
    if len(text) > LONGEST or not text.isprintable():
        text = " ".join(text[:LONGEST].splitlines())
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def append(
    config: Config, wall: float, reading: Reading, plan: Plan, before: Mapping[int, str], wrong: Sequence[str]
) -> str:
    """Adds a line. Gives the day (2026-06-15) when the record is due to go to the lasting folder, else "".
    Raises Fault."""
    cells = fields(config, wall, reading, plan, before, wrong)
    try:
        if not _added(config, cells):
            from . import history

            history.prepare(config, path(config), cells)
            cells |= {f"relay{r}.why": decision.why for r, decision in plan.items()}  # whole in a new file
            if not _added(config, cells):
                raise Fault(f"{path(config)}: its first line is too long; let fewer values or devices report")
    except OSError as error:
        raise Fault(f"the record: {error.filename or path(config)}: {error.strerror}") from None
    day = cells["time"][:10]
    return day if config.recordEvery and not _kept(config, day, wall) else ""


def _added(config: Config, cells: Mapping[str, str]) -> bool:
    """Adds the line; gives False if the file is empty, of another day, or lacks a column. Raises Fault."""
    name = path(config)
    fd = -1
    try:
        fd = os.open(name, _FLAGS, 0o644)
        info = os.fstat(fd)
        if info.st_mode & 0o170000 != 0o100000:
            raise Fault(f"{name}: is not a file; move it away")
        if info.st_uid != os.geteuid():
            from ..system.rights import quoted, user_name

            raise Fault(f"{name}: belongs to {user_name(info.st_uid)}; run: sudo rm {quoted(name)}")
        head, _, rest = os.pread(fd, 4096 + 64 * len(cells), 0).partition(b"\n")
        columns = head.decode(errors="replace").split(",")
        if not cells.keys() <= set(columns) or rest and not rest.startswith(cells["time"][:10].encode()):
            return False
        whole = info.st_size == 0 or os.pread(fd, 1, info.st_size - 1) == b"\n"
        line = f"{'' if whole else chr(10)}{row(cells, columns)}\n".encode(errors="replace")
        if os.write(fd, line) < len(line):
            raise Fault(f"{name}: the disk is full")
    except OSError as error:
        from ..system.rights import refused

        raise refused(name, error) from None
    finally:
        if fd >= 0:
            os.close(fd)
    return True


def _kept(config: Config, day: str, wall: float) -> bool:
    """Whether this day's record went to the lasting folder less than recordEvery ago. A mark in tmpfs says
    so, because the lasting disk may hang."""
    try:
        content, info = files.read(mark(config), 10)
    except (Fault, OSError):
        return False
    ours = info.st_uid == os.geteuid()
    return ours and content == day.encode() and 0 <= wall - info.st_mtime < config.recordEvery


def mark(config: Config) -> str:
    """The file that says which day's record went to the lasting folder, and by its date when."""
    return f"{config.prefixFileData}record.kept"
