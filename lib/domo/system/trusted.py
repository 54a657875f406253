"""Whether others can change what is at a path: the file itself, or a folder or link on the way to it.

The rule is that of sshd and sudo: each of these belongs to this user or to root, and nobody else can write
it. A folder like /tmp, where users may move only their own files (the sticky bit), may be on the way to
another folder, but must not hold the file or a link: others could put a file of root's there under that name.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LINKS = 40  # as many as Linux follows
Safe = dict[str, bool]  # folders that were found safe, and whether others may add files to them


class Unsafe(Exception):
    """Others can change something on the way. It says what, and what mends it."""

    def __init__(self, why: str, mend: str) -> None:
        super().__init__(f"{why}; {mend}")


class Foreign(Unsafe):
    """Something on the way belongs to another user, the `owner`."""

    def __init__(self, why: str, mend: str, owner: str) -> None:
        super().__init__(why, mend)
        self.owner = owner


def real(path: str, safe: Safe, owners: Sequence[str] = ()) -> str:
    """The absolute path of `path` with all links followed. `safe` remembers folders from one call to the
    next. What belongs to one of the `owners` (names of users) is safe too. Raises Unsafe, OSError."""
    todo = path.split("/")
    place, links = "", 0
    _folder("", os.stat("/"), safe, owners)
    while todo:
        name = todo.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            place = place.rpartition("/")[0]
            continue
        here = f"{place}/{name}"
        if here not in safe:
            info = os.lstat(here)
            if not stat.S_ISDIR(info.st_mode) and safe[place]:
                raise _crowded(place)
            if stat.S_ISLNK(info.st_mode):
                _owned(here, info, owners)
                links += 1
                if links > LINKS:
                    raise OSError(40, "Too many levels of symbolic links")
                target = os.readlink(here)
                todo = target.split("/") + todo
                place = "" if target.startswith("/") else place
                continue
            if stat.S_ISDIR(info.st_mode):
                _folder(here, info, safe, owners)
            else:
                judge(here, info, owners)
        place = here
    return place or "/"


def folder(path: str, safe: Safe, owners: Sequence[str] = ()) -> str:
    """The absolute path of a folder that is safe, and to which nobody else can add files: each file in it
    need only be judged by itself. Raises Unsafe, OSError."""
    place = real(path, safe, owners)
    if safe.get(place, safe[""]):
        raise _crowded(place)
    return place


def opened(path: str, safe: Safe, owners: Sequence[str] = ()) -> tuple[int, os.stat_result]:
    """Opens the file at `path`, in a safe `folder`, for reading; gives its descriptor and its stat. The open
    file itself is judged, so that nobody can change it in between. Raises Unsafe, OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a fifo must not hang us
    try:
        fd = os.open(path, flags)
    except OSError as error:
        if error.errno != 40:  # ELOOP: a link
            raise
        fd = os.open(real(path, safe, owners), flags)
    try:
        info = os.fstat(fd)
        judge(path, info, owners)
    except BaseException:
        os.close(fd)
        raise
    return fd, info


def unsafe(path: str) -> str:
    """Who can change the file at `path` and what mends it, in words; "" if nobody else can, or there is no
    file."""
    try:
        real(path, {})
    except Unsafe as error:
        return str(error)
    except OSError:
        pass
    return ""


def judge(path: str, info: os.stat_result, owners: Sequence[str] = ()) -> None:
    """Raises Unsafe for a file that anybody but this user, root and the `owners` owns, or that others can
    write."""
    if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _writable(path)
    _owned(path, info, owners)


def _folder(path: str, info: os.stat_result, safe: Safe, owners: Sequence[str]) -> None:
    sticky = bool(info.st_mode & stat.S_ISVTX)
    if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky:
        raise _writable(path or "/")
    _owned(path or "/", info, owners)
    safe[path] = bool(info.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _writable(path: str) -> Unsafe:
    from .rights import quoted

    return Unsafe(f"others can write {path}", f"run: chmod go-w {quoted(path)}")


def _crowded(path: str) -> Unsafe:
    return Unsafe(f"others can write {path}", "move it to a folder that only its user can write")


def _owned(path: str, info: os.stat_result, owners: Sequence[str]) -> None:
    if info.st_uid not in (0, os.geteuid()):
        from .rights import quoted, user_name

        user, owner = user_name(os.geteuid()), user_name(info.st_uid)
        if owner not in owners:
            mend = f"become {owner}, or run: sudo chown {user} {quoted(path)}"
            raise Foreign(f"{path} is {owner}'s", mend, owner)
