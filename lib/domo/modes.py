"""The mode file, PvMonit's "mod": JSON {"1": 1, "2": 3, ...}, which everybody writes.

Nothing the owner wrote is lost. What is guaranteed, without any help from the other writer:

- A reader sees one whole document or another: ours are put in place by one atomic exchange.
- The exchange gives back what stood there at that instant, so a document that somebody renamed into
  place after our look is noticed and merged, and so is what a writer wrote into the old document
  while he still had it open: we wait for him (a read lease is refused while a writer is there).
- A file that does not parse is never overwritten.

What is not: a writer who opened the old document and needs more than `WRITER_SECONDS` from opening
to closing it, or one on a file system without leases, who needs more than `BLIND_SECONDS`; a file
system without atomic exchange; and two writers other than domo who overwrite each other.
"""

from __future__ import annotations

import os
import time

from . import files, tinyjson
from .model import AUTO_OFF, AUTO_ON, FORCED, MODE_WORDS, Fault, dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from dataclasses import dataclass
    from typing import Any

    Document = dict[str, Any]

TORN_SECONDS = 0.2  # PHP's and nano's truncate-then-write is over in less
WRITER_SECONDS = 2.0
BLIND_SECONDS = 0.1
LOCK_SECONDS = 2.0


@dataclass(frozen=True)
class Found:
    """What the mode file says: the modes, the relays whose value is no mode (as it is written), and
    `problem`: "missing", or why the file cannot be used."""

    modes: Mapping[int, int]
    odd: Mapping[int, str] = {}
    problem: str = ""


def load(path: str) -> Found:
    """What the mode file says. Takes no lock. Never raises: an unreadable file is a state of the world."""
    try:
        return _sort(_read(path)[0])
    except FileNotFoundError:
        return Found({}, problem="missing")
    except Fault as fault:
        return Found({}, problem=str(fault))


def _sort(document: Document) -> Found:
    modes: dict[int, int] = {}
    odd: dict[int, str] = {}
    for key, value in document.items():
        if len(key) < 5 and key.isascii() and key.isdigit() and key[0] != "0":
            if type(value) is int and value in range(len(MODE_WORDS)):
                modes[int(key)] = value
            else:
                odd[int(key)] = tinyjson.dumps(value)[:40]
    return Found(modes, odd)


def _read(path: str) -> tuple[Document, bytes, os.stat_result]:
    """The document, its bytes and its stat; looks again for a moment when it is torn or empty.
    Raises FileNotFoundError or Fault."""
    deadline = time.monotonic() + TORN_SECONDS
    while True:
        try:
            content, info = files.read(path, 1 << 20)
            return _parse(path, content), content, info
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
        document = tinyjson.loads(text)
        tinyjson.dumps(document).encode()  # what could not be written back (1e999, half a surrogate pair) is not read
    except ValueError as error:
        raise Fault(f"{path}: is not JSON ({error})") from None
    except RecursionError:
        raise Fault(f"{path}: is nested too deeply") from None
    if not isinstance(document, dict):
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
        name = files.beside(path, content, None)
        try:
            os.link(name, path)
        except FileExistsError:
            pass
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
        return _with(document, {r: m for r, m in changes.items() if _mode(document, str(r)) in (*free, ended.get(r))})

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
    return {**document, **changed} if changed else document


def _update(path: str, edit: Callable[[Document], Document]) -> Document:
    """Replaces the document by `edit` of it until what stands there is what was meant; gives it."""
    release = _lock(f"{path}.lock")
    try:
        missed: Document = {}  # what others wrote into a document that we had just replaced by `ours`
        ours: Document = {}
        for _ in range(50):
            document, before, info = _read(path)
            merged = {k: v for k, v in missed.items() if document.get(k) == ours.get(k)}
            wanted = edit({**document, **merged})
            if wanted == document:
                return document
            name = files.beside(path, _text(wanted, before), info)
            after = _put(name, path)
            missed = {k: v for k, v in after.items() if k not in document or document[k] != v}
            ours = wanted
            if not missed:
                return wanted
        raise Fault(f"{path}: is changed faster than it can be merged")
    except FileNotFoundError:
        raise Fault(f"{path}: has vanished") from None
    except RecursionError:  # _parse, called from less deep, could just write it
        raise Fault(f"{path}: is nested too deeply") from None
    except OSError as error:
        raise files.refused(path, error) from None
    finally:
        release()


def _put(name: str, path: str) -> Document:
    """Puts the file `name` in the place of `path`; gives what the replaced one says once nobody writes
    it any more. Raises Fault, with the replaced one back in its place, when that is no document."""
    if not _exchange(name, path):
        return {}
    try:
        return _parse(path, _settled(name))
    except Fault:
        _exchange(name, path)
        raise
    finally:
        os.unlink(name)


def _exchange(name: str, path: str) -> bool:
    """Swaps two files in one step (Linux renameat2, RENAME_EXCHANGE), or, where the file system
    cannot, renames the first over the second and gives False. Raises OSError."""
    import ctypes  # there is no os.renameat2
    from errno import EINVAL, ENOSYS

    at_cwd, exchange = -100, 2
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(at_cwd, os.fsencode(name), at_cwd, os.fsencode(path), exchange) == 0:
        return True
    code = ctypes.get_errno()
    if code not in (ENOSYS, EINVAL):
        raise OSError(code, os.strerror(code))
    os.rename(name, path)
    return False


def _settled(name: str) -> bytes:
    """The content of a replaced file once no writer has it open any more."""
    from fcntl import F_RDLCK, F_SETLEASE, F_UNLCK, fcntl

    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + WRITER_SECONDS
        while time.monotonic() < deadline:
            try:
                fcntl(fd, F_SETLEASE, F_RDLCK)
                fcntl(fd, F_SETLEASE, F_UNLCK)
                break
            except BlockingIOError:  # a writer has it open
                time.sleep(0.005)
            except OSError:  # no leases here, or the file is not ours
                time.sleep(BLIND_SECONDS)
                break
    finally:
        os.close(fd)
    return files.read(name, 1 << 20)[0]


def _lock(path: str) -> Callable[[], object]:
    """Takes the lock beside the mode file and gives what releases it. Where it cannot be had in time
    the update goes on without: it spares rounds of merging, and nothing else depends on it.

    It is filelock's: a flock on this very file. filelock itself (2 to 5 interpreter starts to import)
    is called only to wait for it, and only on a file of ours: before 3.20.1 it follows a link planted
    at the lock's path and empties what that points to (CVE-2025-68146).
    """
    from fcntl import LOCK_EX, LOCK_NB, flock

    def nothing() -> None: ...

    try:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except OSError:
        return nothing
    held = os.fdopen(fd, "rb")
    try:
        flock(held, LOCK_EX | LOCK_NB)
        return held.close
    except OSError:
        ours = os.fstat(fd).st_uid == os.geteuid()
        held.close()
    if not ours:
        return nothing
    files.third_party()
    try:
        from filelock import FileLock

        lock = FileLock(path)
        lock.acquire(timeout=LOCK_SECONDS, poll_interval=0.02)
        return lock.release
    except (ImportError, OSError):  # filelock's Timeout is an OSError
        return nothing


def first(relays: Iterable[int], past: Mapping[int, int]) -> dict[int, int]:
    """The modes for a file that is not there: the owner's forces of the past, auto off for the rest."""
    return {relay: past[relay] if past.get(relay) in FORCED else AUTO_OFF for relay in relays}
