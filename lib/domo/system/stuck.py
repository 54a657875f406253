"""Processes that could not be killed: which they are, and whether they are still there."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    Stuck = tuple[int, int]  # a process: its id, and when it was started (clock ticks since boot)

HANGS = "process {} hangs and cannot be killed (does a disk not answer?)"


def alive(pid: int) -> Stuck | None:
    """The process with that id; None if there is none, or it is dead."""
    start = _start_of(pid)
    return (pid, start) if start else None


def has_work(pid: int) -> bool:
    """Whether a process runs, or waits for its turn to run."""
    return _stat(pid)[:1] == [b"R"]


def running(stuck: Stuck) -> bool:
    """Whether a stuck process is still there."""
    return _start_of(stuck[0]) == stuck[1]


def _start_of(pid: int) -> int:
    """When a process was started (clock ticks since boot); 0 if there is none, or it is dead."""
    fields = _stat(pid)
    try:
        return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
    except (IndexError, ValueError):
        return 0


def _stat(pid: int) -> list[bytes]:
    """What the kernel says of a process, from its state (R: it runs, or could) on; [] if there is none."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return os.read(fd, 4096).rpartition(b")")[2].split()
    except OSError:
        return []
    finally:
        os.close(fd)
