"""One program at a time: a plain flock, because importing filelock takes long (see ARCHITECTURE.md)."""

from __future__ import annotations

import os


class Locked(Exception):
    """Another process holds the lock."""


def take(path: str) -> tuple[int | None, str]:
    """Takes a program's lock: gives the descriptor that holds it, and ""; or (None, why) if no lock is
    possible, for the pins are driven without it too. Raises Locked while another process holds it."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock

        try:
            fd = os.open(path, flags)
        except FileNotFoundError:
            fd = os.open(path, flags | os.O_CREAT, 0o600)  # others must not be able to hold it
        owner = os.fstat(fd).st_uid
        if owner not in (0, os.geteuid()):  # that user could hold it for ever
            os.close(fd)
            from .rights import quoted, user_name

            why = f"{path}: belongs to {user_name(owner)}, so it cannot serve as the lock"
            return None, f"{why}; run: sudo rm {quoted(path)}"
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except OSError:
            os.close(fd)
            raise
        return fd, ""
    except BlockingIOError:
        raise Locked from None
    except PermissionError as error:
        from .rights import refused

        return None, f"going on without a lock: {refused(path, error)}"
    except (OSError, ImportError) as error:
        return (
            None,
            f"{path}: there is no lock ({getattr(error, 'strerror', None) or error}); going on without it",
        )
