"""The mode file, PvMonit's "mod": JSON {"1": 1, "2": 3, ...}, which everybody writes.

Nothing the owner wrote is lost. What is guaranteed, without any help from the other writer:

- A reader sees one whole document or another: ours are put in place by one atomic exchange.
- Who has the file open for writing is waited for, and then it is read anew.
- Who opens it for writing while we exchange is kept waiting by the kernel, in his open(), because we
  hold a read lease on it. He is let go when the file that he opened is back in its place, less than a
  millisecond later, and we begin anew.
- Who renames another file over it while we are at it is noticed, because the exchange gives back what
  stood there at that instant. That is put back, and we begin anew.
- A file that does not parse is never overwritten, nor one that somebody does not stop writing.

What is not: a writer whom the kernel suspends between finding the file and opening it, from before
our exchange until after our look at what it gave back, some ten microseconds; an edit that is renamed
into place just before the exchange, if in the same ten microseconds yet another program reads the
file, to write it back; a file system without leases (NFS, FUSE), where it is the time from our reading
to our exchange, or without exchange; and two writers other than domo who overwrite each other, or the
order of domo-mod or the panel that a program overwrites which had read the file before.
"""

from __future__ import annotations

import os
import stat
import time

from ..core.model import AUTO_OFF, AUTO_ON, FORCED, MODE_WORDS, Fault
from ..core.records import dataclass
from ..system import files, tinyjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Edit = Callable[["Document"], "Document"]
    Exchange = Callable[[str, str], bool]

LIMIT = 1 << 20
TORN_SECONDS = 0.2  # PHP's and nano's truncate-then-write is over in less
WRITER_SECONDS = 2.0
LOCK_SECONDS = 2.0
_SIGURG = 23  # which is ignored; `import signal` costs 0.4 of a bare interpreter's start


class Document(dict):  # type: ignore[type-arg]
    """The mode file's object; `twice`: the names that stand in it more than once. Of these a force counts,
    else the last, as in every JSON reader."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        super().__init__()
        self.twice: list[str] = []
        for name, value in pairs:
            if name in self:
                self.twice.append(name)
                if _is_force(self[name]) and not _is_force(value):
                    continue
            self[name] = value


def _is_force(value: object) -> bool:
    return type(value) is int and value in FORCED


@dataclass(frozen=True)
class Found:
    """What the mode file says: the modes; the relays whose value is no mode (`odd`, as it is written); those
    that stand there more than once (`twice`); `missing`: there is none; `problem`: why
    the file cannot be used."""

    modes: Mapping[int, int]
    odd: Mapping[int, str] = {}
    twice: tuple[int, ...] = ()
    missing: bool = False
    problem: str = ""


def load(path: str) -> Found:
    """What the mode file says. Takes no lock. Never raises: an unreadable file is a state of the world."""
    try:
        return _sort(_read(path))
    except FileNotFoundError:
        return Found({}, missing=True)
    except Fault as fault:
        return Found({}, problem=str(fault))


def holding(relays: Iterable[int], found: Found, past: Mapping[int, int]) -> dict[int, int | None]:
    """The mode that holds for each relay: the file's, None where it holds no mode, and where it says nothing
    the force of the `past`, else auto off."""
    fallback = first(relays, past)
    return {r: None if r in found.odd else found.modes.get(r, fallback[r]) for r in fallback}


def _sort(document: Document) -> Found:
    modes: dict[int, int] = {}
    odd: dict[int, str] = {}
    for key, value in document.items():
        if _is_relay(key):
            if type(value) is int and value in range(len(MODE_WORDS)):
                modes[int(key)] = value
            else:
                odd[int(key)] = tinyjson.dumps(value)[:40]
    return Found(modes, odd, tuple(int(key) for key in document.twice if _is_relay(key)))


def _is_relay(key: str) -> bool:
    return len(key) < 5 and key.isascii() and key.isdigit() and key[0] != "0"


def _read(path: str) -> Document:
    """The document; looks again for a moment when it is torn or empty. Raises FileNotFoundError or Fault."""
    deadline = time.monotonic() + TORN_SECONDS
    while True:
        try:
            return _parse(path, files.read(path, LIMIT)[0])
        except Fault:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.01)


def _parse(path: str, content: bytes) -> Document:
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode()  # "utf-8-sig" is a module to import
    except UnicodeDecodeError:
        raise Fault(f"{path}: is not UTF-8 text") from None
    if not text.strip("\0 \t\r\n"):
        raise Fault(f"{path}: is empty")
    try:
        document = tinyjson.loads(text, Document)
        tinyjson.dumps(
            document
        ).encode()  # what could not be written back (1e999, half a surrogate pair) is not read
    except ValueError as error:
        raise Fault(f"{path}: is not JSON ({error})") from None
    except RecursionError:
        raise Fault(f"{path}: is nested too deeply") from None
    if not isinstance(document, Document):
        raise Fault(f'{path}: wants {{"1": 1, "2": 3, ...}}')
    return document


def _text(document: Document, like: bytes) -> bytes:
    """The document as JSON: on one line as PHP writes it, or a line for each relay if `like` had lines."""
    if b"\n" in like.strip():
        lines = (f"  {tinyjson.dumps(key)}: {tinyjson.dumps(value)}" for key, value in document.items())
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
    return tinyjson.dumps(document).encode()


def create(path: str, modes: Mapping[int, int]) -> None:
    """Makes the file where there is none; one that somebody made meanwhile stays. Raises Fault."""
    content = tinyjson.dumps({str(relay): mode for relay, mode in modes.items()}).encode()
    try:
        name = files.beside(path, content, None, suffix="first")  # not that of an update that is under way
        try:
            os.link(name, path)
        except FileExistsError:
            if not os.access(path, os.F_OK):
                raise Fault(f"{path}: is a link to nothing; remove it") from None
        finally:
            os.unlink(name)
    except OSError as error:
        raise files.refused(path, error) from None


def set_auto(path: str, changes: Mapping[int, int], ended: Mapping[int, int] = {}) -> Found:  # noqa: B006
    """Writes the program's auto modes: only over 1 and 2 or where there is nothing, never over what
    the owner wrote, but for the forces that he let end by now (`ended`), as long as they still stand.
    Gives what the file says then. Raises Fault."""

    def edit(document: Document) -> Document:
        free = (None, AUTO_OFF, AUTO_ON)
        return _with(
            document, {r: m for r, m in changes.items() if _mode(document, str(r)) in (*free, ended.get(r))}
        )

    return _sort(_update(path, edit))


def set_owner(path: str, changes: Mapping[int, int]) -> Found:
    """Writes modes by the owner's own order, over whatever stands there. Raises Fault."""
    return _sort(_update(path, lambda document: _with(document, changes)))


def _mode(document: Document, key: str) -> int | None:
    """The mode of a relay, None where the document has none, -1 where it is no mode."""
    if key not in document:
        return None
    return document[key] if type(document[key]) is int else -1  # True == 1 in Python


def _with(document: Document, changes: Mapping[int, int]) -> Document:
    changed = {str(r): mode for r, mode in changes.items() if _mode(document, str(r)) != mode}
    if not changed:
        return document
    edited = Document(document.items())
    edited.update(changed)
    return edited


def _update(path: str, edit: Edit) -> Document:
    """Replaces the document by `edit` of it; gives what stands there then. Raises Fault."""
    exchange = _exchanger()  # takes its time before anybody is kept waiting
    began = calm = time.monotonic()
    release = _lock(f"{path}.lock")
    suffix = "new" if release else f"{os.getpid()}.new"
    try:
        while True:
            try:
                document = _attempt(path, edit, exchange, suffix)
            except FileNotFoundError:  # vim renames it away and writes another one
                trouble = Fault(f"{path}: has vanished")
            except Fault as fault:
                trouble = fault
            else:
                if document is not None:
                    return document
                trouble = Fault(f"{path}: somebody does not stop writing it, so it is left to him")
                calm = time.monotonic()
            now = time.monotonic()
            if now - began > WRITER_SECONDS or now - calm > TORN_SECONDS:
                raise trouble
            time.sleep(0.005)
    except RecursionError:  # _parse, called from less deep, could just write it
        raise Fault(f"{path}: is nested too deeply") from None
    except OSError as error:
        raise files.refused(path, error) from None
    finally:
        if release:
            release()


def _attempt(path: str, edit: Edit, exchange: Exchange, suffix: str) -> Document | None:
    """Makes the document `edit` of what it is, and gives it; None when somebody else is writing. Raises
    Fault, OSError or RecursionError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        content, info = files.whole(fd, path, LIMIT)
        try:
            document = _parse(path, content)
        except Fault:
            lease = _guard(fd)
            if lease is None or not _unwritten(fd, content, lease):
                return None  # it was not finished
            raise
        wanted = edit(document)
        if wanted is document:
            return document
        name = files.beside(path, _text(wanted, content), info, suffix=suffix, lasting=True)
        try:
            lease = _guard(fd)
            if lease is None or not (_stands(path, info) and _unwritten(fd, content, lease)):
                return None
            if exchange(name, path) and not (_stands(name, info) and _unwritten(fd, content, lease)):
                exchange(name, path)
                return None
            return wanted
        finally:
            files.remove(name)
    finally:
        os.close(fd)  # ends the lease


def _guard(fd: int) -> int | None:
    """Keeps everybody who opens the file for writing from now on waiting, until it is closed here. Gives
    the lease that is held (none where there are no leases); None when somebody has it open already."""
    from fcntl import F_RDLCK, F_SETLEASE, F_SETSIG, F_UNLCK, fcntl

    try:
        fcntl(fd, F_SETSIG, _SIGURG)  # comes when somebody waits; the usual one would end this process
        fcntl(fd, F_SETLEASE, F_RDLCK)
        return F_RDLCK
    except BlockingIOError:
        return None
    except OSError:
        return F_UNLCK


def _stands(place: str, info: os.stat_result) -> bool:
    """Whether that file stands at `place`."""
    there = os.lstat(place)
    return (there.st_ino, there.st_dev) == (info.st_ino, info.st_dev)


def _unwritten(fd: int, content: bytes, lease: int) -> bool:
    """Whether the file still holds that, and nobody waits to open it for writing."""
    from fcntl import F_GETLEASE, fcntl

    return fcntl(fd, F_GETLEASE) == lease and os.pread(fd, len(content) + 1, 0) == content


def _exchanger() -> Exchange:
    """What swaps two files in one step (Linux renameat2, RENAME_EXCHANGE), or, where the file system
    cannot, renames the first over the second and gives False. It raises OSError."""
    import ctypes  # there is no os.renameat2
    from errno import EINVAL, ENOSYS
    from os import fsencode

    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    at_cwd, swap = -100, 2

    def exchange(one: str, other: str) -> bool:
        if renameat2(at_cwd, fsencode(one), at_cwd, fsencode(other), swap) == 0:
            return True
        code = ctypes.get_errno()
        if code not in (ENOSYS, EINVAL):
            raise OSError(code, os.strerror(code))
        os.rename(one, other)
        return False

    return exchange


def _lock(path: str) -> Callable[[], object] | None:
    """Takes the lock beside the mode file and gives what releases it, or None where it cannot be had in
    time: the update goes on without. It spares attempts, and nothing else depends on it.

    It is filelock's: a flock on this very file. filelock itself (2 to 5 interpreter starts to import)
    is called only to wait for it, and only where it can do no harm: before 3.20.1 it follows a link
    planted at the lock's path and empties what that points to (CVE-2025-68146), so the lock must be
    an empty file of ours where nobody else can put another one in its place.
    """
    from fcntl import LOCK_EX, LOCK_NB, flock

    try:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except OSError:
        return None
    try:
        held = open(fd, "rb")  # noqa: SIM115
    except OSError:  # somebody made a folder of it
        os.close(fd)
        return None
    try:
        flock(held, LOCK_EX | LOCK_NB)
        return held.close
    except OSError:
        info, folder = os.fstat(fd), os.stat(path.rpartition("/")[0] or ".")
        held.close()
    if (
        info.st_uid != os.geteuid()
        or info.st_size
        or (folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX)
    ):
        return None
    files.third_party()
    try:
        from filelock import FileLock

        lock = FileLock(path)
        lock.acquire(timeout=LOCK_SECONDS, poll_interval=0.02)
        return lock.release
    except (ImportError, OSError):  # filelock's Timeout is an OSError
        return None


def sweep(path: str) -> None:
    """Removes what a process left that was killed while it changed the file."""
    for name in (f"{path}.new", f"{path}.first"):
        try:
            os.lstat(name)
        except OSError:
            continue
        if release := _lock(f"{path}.lock"):  # else somebody may be at it
            try:
                files.remove(name)
            except OSError:
                pass  # another user's, who has his own tick
            release()


def first(relays: Iterable[int], past: Mapping[int, int]) -> dict[int, int]:
    """The modes for a file that is not there: the owner's forces of the past, auto off for the rest."""
    return {relay: past[relay] if past.get(relay) in FORCED else AUTO_OFF for relay in relays}
