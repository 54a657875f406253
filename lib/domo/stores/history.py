"""The records that last: one compressed CSV a day in `recordDir`, written whole once an hour, for two years.

Nothing here is needed to drive a relay. A torn file is read as far as it goes; one that cannot be read at
all is set aside. Days that could not be kept wait in tmpfs, a week of them at most.
"""

from __future__ import annotations

import csv
import io
import os
import re
import zlib
from datetime import date, timedelta

from ..core.model import Fault
from ..system import files, rights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..core.settings import Config

KEPT_DAYS = 2 * 366
WAITING = 7  # days that may wait in tmpfs for a lasting folder that cannot be written
LARGEST = 64 << 20  # bytes of a day, unpacked; no real day is nearly as large
DATE = r"\d{4}-\d\d-\d\d"
_GZIP = 31  # zlib's number for the gzip format
_MAGIC = b"\x1f\x8b\x08"

Rows = list[list[str]]


def prepare(config: Config, name: str, cells: Mapping[str, str]) -> None:
    """Prepares the file `name` for a line with these columns: lines of an earlier day are moved away, what
    is no record is set aside, new columns are added behind the others. Raises Fault or OSError."""
    text = _text(name)
    head, _, rest = text.partition("\n")
    columns = [*head.split(",")] if head.startswith("time,") else []
    day = rest[:10]
    if rest and not re.fullmatch(DATE, day) or text and not columns:
        _rename(name, f"{name}.corrupt")
        columns, rest = [], ""
    elif rest and day != cells["time"][:10]:
        _put_by(config, name, day)
        columns, rest = [], ""
    columns += [column for column in cells if column not in columns]
    files.replace(name, f"{','.join(columns)}\n{rest}".encode(errors="replace"))


def _put_by(config: Config, name: str, day: str) -> None:
    """Moves an earlier day beside the file of today, where it waits, and adds it to what already waits."""
    place = f"{config.prefixFileData}{day}.csv"
    if os.path.lexists(place):
        files.replace(place, written(*merged([_text(place), _text(name)])).encode(errors="replace"))
        os.unlink(name)
    else:
        _rename(name, place)
    for old in sorted(waiting(config).values())[: -WAITING if config.recordEvery else -1]:
        os.unlink(old)


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except OSError as error:
        raise rights.refused(new, error) from None


def _text(name: str) -> str:
    """What a CSV file says, "" without it. Raises Fault."""
    try:
        return files.read(name, LARGEST)[0].decode(errors="replace")
    except FileNotFoundError:
        return ""


def waiting(config: Config) -> dict[str, str]:
    """The days that wait in tmpfs, with their files."""
    folder, _, prefix = config.prefixFileData.rpartition("/")
    return _days(folder or "/", rf"{re.escape(prefix)}({DATE})\.csv")


def kept(config: Config) -> dict[str, str]:
    """The days in the lasting folder, with their files."""
    return _days(config.recordDir, rf"({DATE})\.csv\.gz")


def _days(folder: str, form: str) -> dict[str, str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    matches = ((re.fullmatch(form, name), name) for name in names)
    return {match[1]: f"{folder}/{name}" for match, name in sorted(matches, key=lambda f: f[1]) if match}


def lasting(config: Config, day: str) -> str:
    """Where the record of a day (YYYY-MM-DD) is kept."""
    return f"{config.recordDir}/{day}.csv.gz"


def keep(config: Config, name: str, today: str) -> str:
    """Writes the days that wait, and the lines of today in the file `name`, to the lasting folder. Gives ""
    or what a person should know. Raises Fault or OSError."""
    try:
        os.makedirs(config.recordDir, exist_ok=True)
    except FileExistsError:
        raise Fault(f"{config.recordDir}: is not a folder; move it away") from None
    except OSError as error:
        raise rights.refused(config.recordDir, error) from None
    said = []
    for day, earlier in waiting(config).items():
        said.append(_keep_day(config, day, earlier))
        os.unlink(earlier)
    said.append(_keep_day(config, today, name))
    _prune(config, today)
    return "; ".join(filter(None, said))


def _keep_day(config: Config, day: str, name: str) -> str:
    place, said = lasting(config, day), ""
    new = _text(name)
    try:
        old = unpacked(files.read(place, LARGEST)[0])
        if old is None:
            aside = f"{place}.corrupt"
            _rename(place, aside)
            said = f"{place}: is no record; set aside as {aside}, a new one is begun"
        elif not _holds(new, old):
            new = written(*merged([old, new]))
    except FileNotFoundError:
        pass
    files.replace(place, packed(new.encode(errors="replace")))
    return said


def _holds(new: str, old: str) -> bool:
    """Whether the lines of `new` hold all those of `old`: nothing was lost since it was written."""
    lines = set(new.splitlines())
    return all(line in lines for line in old.splitlines()[1:])


def packed(content: bytes) -> bytes:
    """A gzip file, the same for the same content."""
    pack = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    return pack.compress(content) + pack.flush()


def unpacked(content: bytes) -> str | None:
    """The content of a gzip file, or of a torn one as much as can be read. None if it is no gzip file."""
    whole, start = b"", content.find(_MAGIC)
    if start < 0:
        return None
    while start >= 0 and len(whole) < LARGEST:
        unpack = zlib.decompressobj(_GZIP)
        try:
            whole += unpack.decompress(content[start:], LARGEST)
            rest = len(content) - len(unpack.unused_data) if unpack.eof else start + 1
        except zlib.error:
            piece = _as_far_as_it_goes(content[start:])
            whole, rest = whole + piece + (b"\n" if piece else b""), start + 1
        start = content.find(_MAGIC, rest)
    return whole.decode(errors="replace")


def _as_far_as_it_goes(content: bytes) -> bytes:
    unpack, whole = zlib.decompressobj(_GZIP), b""
    try:
        for place in range(0, len(content), 64):
            whole += unpack.decompress(content[place : place + 64])
            if len(whole) > LARGEST:
                break
    except zlib.error:
        pass
    return whole


def rows(lines: Iterable[str]) -> tuple[list[str], Rows]:
    """The columns and the rows of a CSV file; every row has all columns. A header further down holds for the
    rows after it. Rows that do not begin with a time are left out."""
    columns: list[str] = []
    places: dict[str, int] = {}
    order: list[int] = []
    table: Rows = []
    straight = True
    for cells in csv.reader(map(_mended, lines)):
        if cells and cells[0] == "time":
            for name in cells:
                places.setdefault(name, len(places))
            columns = list(places)
            order = [places[name] for name in cells]
            straight = order == list(range(len(order)))
        elif columns and cells and cells[0][4:5] == "-" and cells[0][10:11] == "T":
            if not straight:
                cells, given = [""] * len(columns), cells
                for place, cell in zip(order, given, strict=False):
                    cells[place] = cell
            table.append(cells)
    width = len(columns)
    return columns, [c if len(c) == width else c[:width] + [""] * (width - len(c)) for c in table]


def _mended(line: str) -> str:
    """A line repaired so that `csv` goes on to the next one: an open quote is closed, an endless line cut."""
    if len(line) > 100_000 or "\0" in line:
        line = line[:100_000].replace("\0", "")
    return line + '"' if line.count('"') % 2 else line


def merged(texts: Iterable[str]) -> tuple[list[str], Rows]:
    """Several records as one: all columns, and one row for each moment, the last that is given. A reason that
    it leaves out is that of the row of the same second before it."""
    texts = list(texts)
    lines = [line for text in texts for line in text.splitlines()]
    columns, table = rows(lines)
    reasons = [place for place, name in enumerate(columns) if name.endswith(".why")]
    found: dict[str, list[str]] = {}
    for cells in table:
        before = found.get(cells[0], cells)
        for place in reasons:
            cells[place] = cells[place] or before[place]
        found[cells[0]] = cells
    return columns, list(found.values())


def written(columns: list[str], table: Rows) -> str:
    """The CSV of these rows."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *table])
    return text.getvalue()


def _prune(config: Config, today: str) -> None:
    """Deletes days that are older than two years; but never one of the newest 732, because the clock
    may be wrong."""
    oldest = (date.fromisoformat(today) - timedelta(days=KEPT_DAYS)).isoformat()
    for day, name in sorted(kept(config).items())[:-KEPT_DAYS]:
        if day <= oldest:
            os.unlink(name)
