"""One program at a time: a plain flock, because importing filelock takes long (see ARCHITECTURE.md)."""

from __future__ import annotations

import os


class Locked(Exception):
    """Another process holds the lock."""


def take(path: str) -> tuple[int | None, str]:
    """The lock of a program as a descriptor to keep, and ""; or (None, why) where there can be no lock,
    which must not keep the pins from being driven. Raises Locked while another process holds it."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock

        try:
            fd = os.open(path, flags)
        except FileNotFoundError:
            fd = os.open(path, flags | os.O_CREAT, 0o600)  # others must not be able to hold it
        owner = os.fstat(fd).st_uid
        if owner not in (0, os.geteuid()):  # who could hold it for ever
            os.close(fd)
            from .rights import user_name

            return None, f"{path}: is {user_name(owner)}'s, which is no lock; run: sudo rm {path}"
        flock(fd, LOCK_EX | LOCK_NB)
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
