"""Changes a file that any program may write, without losing its edits: by a lease and an atomic exchange.

Guaranteed, without any help from the other writer:

- A reader sees one whole document or another: domo puts its own in place by one atomic exchange.
- While another program has the file open for writing, domo waits. Then it reads the file again.
- While domo exchanges, it holds a read lease on the file. So the kernel makes every program wait that opens
  the file for writing. It goes on when its file is back in place, less than a millisecond later, and domo
  begins again.
- If another file is renamed over it at that moment, domo notices: the exchange returns the file that was
  there at that instant. domo puts it back and begins again. What a third program made of domo's file
  meanwhile is carried over into the next attempt.
- domo never overwrites a file that does not parse, nor one that another program keeps writing.

Not guaranteed:

- A writer that has found the file but not opened it, if the kernel stops it there while domo exchanges the
  files and looks at the result: about 60 microseconds. It then writes into the file that domo has replaced.
- An edit that has to be carried over, if others then write for two seconds without a pause.
- A file system without leases (NFS, FUSE: the gap lasts from reading to exchange), or without exchange.
- Two other programs that overwrite each other's edits; and a program that read the file before an order of
  domo-mod or the panel, and then writes it back without that order.
"""

from __future__ import annotations

import os
import stat
import time

from ..core.model import Fault
from ..system import files, packages, rights, swap
from ..system.files import SHARED_LIMIT, TORN_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Late = tuple[bytes, bytes]  # what domo had put in place for a moment, and what another program made of it
    Edit = Callable[[bytes, Sequence[Late]], bytes]

WRITER_SECONDS = 2.0
LOCK_SECONDS = 2.0
_SIGURG = 23  # which is ignored; `import signal` brings in enum


def update(path: str, edit: Edit) -> None:
    """Replaces the file's content by what `edit` makes of it, and of what others wrote into a file of domo's
    before it was taken back. `edit` raises Fault for what it cannot read, and gives back the very bytes that
    it was given if there is nothing to change. Raises Fault."""
    exchange = swap.swapper()  # this takes time, so it comes before anybody has to wait
    began = calm = time.monotonic()
    release = _lock(f"{path}.lock")
    late: list[Late] = []
    try:
        while True:
            try:
                if _attempt(path, edit, exchange, late):
                    return
                fault = Fault(f"{path}: another program keeps writing it, so domo did not change it")
                calm = time.monotonic()
            except FileNotFoundError:  # vim renames it away and writes another one
                fault = Fault(f"{path}: has vanished")
            except Fault as error:
                fault = error
            now = time.monotonic()
            if now - began > WRITER_SECONDS or now - calm > TORN_SECONDS:
                raise fault
            time.sleep(0.005)
    except OSError as error:
        raise rights.refused(path, error) from None
    finally:
        _let_go(release)


def _attempt(path: str, edit: Edit, exchange: swap.Swap, late: list[Late]) -> bool:
    """Tries once to replace the content by `edit` of it; gives False if somebody else is writing. Adds to
    `late` what others made of a file that was taken back. Raises Fault or OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        content, info = files.whole(fd, path, SHARED_LIMIT)
        try:
            wanted = edit(content, late)
        except Fault:
            lease = _guard(fd)
            if lease is None or not _unwritten(fd, content, lease):
                return False  # it was not finished
            raise
        if wanted is content:
            return True
        name = files.beside(path, wanted, info, mark=str(info.st_ino), lasting=True)
        try:
            lease = _guard(fd)
            if lease is None or not (_stands(path, info) and _unwritten(fd, content, lease)):
                return False
            if exchange(name, path) and not (_stands(name, info) and _unwritten(fd, content, lease)):
                exchange(name, path)
                late += _made_of(name, wanted)
                return False
            return True
        finally:
            files.remove(name)
    finally:
        os.close(fd)  # ends the lease


def _guard(fd: int) -> int | None:
    """Makes everybody wait who opens the file for writing from now on, until it is closed here. Gives the
    lease (F_UNLCK if the file system has none); None if somebody has it open for writing already."""
    from fcntl import F_RDLCK, F_SETLEASE, F_SETSIG, F_UNLCK, fcntl

    try:
        fcntl(fd, F_SETSIG, _SIGURG)  # comes when somebody waits; the usual one would end this process
        fcntl(fd, F_SETLEASE, F_RDLCK)
        return F_RDLCK
    except BlockingIOError:
        return None
    except OSError:
        return F_UNLCK


def _made_of(name: str, ours: bytes) -> list[Late]:
    """What another program made of our file while it stood in place, once that is written; [] if it did
    not change it. Raises Fault or OSError."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + WRITER_SECONDS
        while _guard(fd) is None and time.monotonic() < deadline:
            time.sleep(0.005)
        content, _ = files.whole(fd, name, SHARED_LIMIT)
    finally:
        os.close(fd)
    return [] if content == ours else [(ours, content)]


def _stands(place: str, info: os.stat_result) -> bool:
    """Whether that file stands at `place`."""
    there = os.lstat(place)
    return (there.st_ino, there.st_dev) == (info.st_ino, info.st_dev)


def _unwritten(fd: int, content: bytes, lease: int) -> bool:
    """Whether the file still holds that, and nobody waits to open it for writing."""
    from fcntl import F_GETLEASE, fcntl

    return fcntl(fd, F_GETLEASE) == lease and os.pread(fd, len(content) + 1, 0) == content


def _lock(path: str) -> Callable[[], object] | None:
    """Takes the lock beside the mode file and gives what releases it, or None if it cannot be had in time:
    then the update goes on without. The lock only saves attempts; nothing else depends on it.

    It is filelock's: a flock on this very file. filelock itself (which takes long to import)
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
    packages.third_party()
    try:
        from filelock import FileLock

        lock = FileLock(path)
        lock.acquire(timeout=LOCK_SECONDS, poll_interval=0.02)
        return lock.release
    except (ImportError, OSError):  # filelock's Timeout is an OSError
        return None


def sweep(path: str, names: list[str]) -> None:
    """Removes the files that a process left when it was killed while it changed this one: of `names`, files
    with a name of ours, those whose own inode is in the name (the new file, or the one it replaced). Any
    other is an edit that somebody renamed over the file at that very moment: it stays."""
    release = _lock(f"{path}.lock")
    if not release:  # somebody may be at it
        return
    try:
        for name in names:
            info = os.lstat(name)
            if str(info.st_ino) in name.rpartition(".domo-")[2].split("-") and info.st_uid == os.geteuid():
                files.remove(name)
    except OSError:
        pass
    finally:
        _let_go(release)


def _let_go(release: Callable[[], object] | None) -> None:
    try:
        if release:
            release()
    except OSError:  # a close that fails has closed
        pass
