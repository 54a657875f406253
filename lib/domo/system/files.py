"""Files read and replaced whole: never a device or a fifo, never through a planted link."""

from __future__ import annotations

import os
import stat

from ..core.model import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Made = TypeVar("Made")

PROJECT = __file__.rpartition("/lib/domo/")[0]  # the folder that bin/ and lib/ are in
LIMIT = 4 << 20  # no file that domo reads whole is larger
_FLAGS = os.O_WRONLY | os.O_CLOEXEC


def read(path: str, limit: int = LIMIT) -> tuple[bytes, os.stat_result]:
    """The content and the stat of a regular file. Raises FileNotFoundError, or Fault (what stands
    there instead, more than `limit` bytes, no right to read it)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a fifo must not hang the tick
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Fault(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return whole(fd, path, limit)
    finally:
        os.close(fd)


def whole(fd: int, path: str, limit: int) -> tuple[bytes, os.stat_result]:
    """The content and the stat of the open file that stands at `path`. Raises Fault, like `read`."""
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise Fault(f"{path}: is not a file; move it away")
        content = b""
        while len(content) <= limit and (more := os.read(fd, limit + 1)):
            content += more
    except OSError as error:
        raise Fault(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > limit:
        raise Fault(f"{path}: is larger than {limit} bytes")
    return content, info


def beside(
    path: str,
    content: bytes,
    like: os.stat_result | None,
    mode: int = 0o644,
    suffix: str = "new",
    lasting: bool = False,
) -> str:
    """Writes `content` to a new file beside `path`, with the owner and permissions of `like` where
    there is one, and gives its name; `lasting`: when it is on the disk. Raises OSError; then nothing
    is left behind.

    Where the file system can, it has no name until it is whole: processes that write the same file at
    once never put each other's halves in place, and a killed one leaves nothing.
    """
    try:
        name, fd = "", os.open(path[: path.rfind("/") + 1] or ".", _FLAGS | os.O_TMPFILE, 0o600)
    except OSError:  # it cannot; or there is a fault, which comes up again
        name, fd = _named(path, suffix, lambda name: os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        now = os.fstat(fd)  # in a folder with the set-group-id bit the group is not ours
        if like is not None and (like.st_uid, like.st_gid) != (now.st_uid, now.st_gid):
            try:
                os.fchown(fd, like.st_uid, like.st_gid)
            except PermissionError:  # a group that may do what everybody may need not be kept
                if like.st_uid != now.st_uid or like.st_mode >> 3 & 7 != like.st_mode & 7:
                    raise
        os.fchmod(fd, stat.S_IMODE(like.st_mode) if like is not None else mode)
        if lasting:  # ext4 sees to that itself for a file renamed over another, not for one exchanged with it
            os.fsync(fd)
        # src_dir_fd makes it a linkat(2), which can follow the link in /proc
        return (
            name or _named(path, suffix, lambda name: os.link(f"/proc/self/fd/{fd}", name, src_dir_fd=fd))[0]
        )
    except BaseException:
        if name:
            os.unlink(name)
        raise
    finally:
        os.close(fd)


def _named(path: str, suffix: str, make: Callable[[str], Made]) -> tuple[str, Made]:
    """What `make` makes under a new name beside `path`, and the name. It is fixed so that what a killed
    process left is used up by the next one; where somebody else planted it, a second name is tried.
    Neither O_EXCL nor link(2) follows a link. Raises OSError."""
    for name in (f"{path}.{suffix}", f"{path}.{os.getpid()}.{suffix}"):
        try:
            os.unlink(name)
        except OSError:
            pass
        try:
            return name, make(name)
        except FileExistsError as error:
            planted = error
    raise planted


def replace(path: str, content: bytes, mode: int = 0o644) -> None:
    """Replaces a file whole, keeping owner and permissions. Raises Fault that says who may not."""
    try:
        try:
            like = os.lstat(path)
            if not stat.S_ISREG(like.st_mode):
                raise Fault(f"{path}: is not a file; move it away")
        except FileNotFoundError:
            like = None
        name = beside(path, content, like, mode)
        try:
            os.rename(name, path)
        except FileNotFoundError:  # another process that writes the same file took it
            return replace(path, content, mode)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise refused(path, error) from None


class Locked(Exception):
    """Another process holds the lock."""


def lock(path: str) -> tuple[int | None, str]:
    """The lock of a program as a descriptor to keep, and ""; or (None, why) where there can be no lock,
    which must not keep the pins from being driven. Raises Locked while another process holds it.

    A plain flock, because importing filelock costs 2 to 5 interpreter starts, every minute."""
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
            return None, f"{path}: is {user_name(owner)}'s, which is no lock; run: sudo rm {path}"
        flock(fd, LOCK_EX | LOCK_NB)
        return fd, ""
    except BlockingIOError:
        raise Locked from None
    except PermissionError as error:
        return None, f"going on without a lock: {refused(path, error)}"
    except (OSError, ImportError) as error:
        return (
            None,
            f"{path}: there is no lock ({getattr(error, 'strerror', None) or error}); going on without it",
        )


def remove(name: str) -> None:
    """Deletes a file, if it is there. Raises OSError."""
    try:
        os.unlink(name)
    except FileNotFoundError:
        pass


def refused(path: str, error: OSError) -> Fault:
    """The Fault for a file that could not be written: names user, file and what mends it."""
    from errno import ELOOP

    if error.errno == ELOOP:
        return Fault(f"{path}: is a link, which is not followed; put in its place what it points to")
    if not isinstance(error, PermissionError):
        return Fault(f"{path}: cannot be written ({error.strerror})")
    return Fault(f"{path}: user {user_name(os.geteuid())} may not write it; {_mend(path)}")


def forbidden(path: str) -> Fault | None:
    """The Fault for a file that this user may not write, or make; None if he may, or if it is not a
    matter of rights."""
    folder = path.rpartition("/")[0] or "/"
    try:
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError:
        return None
    mine = os.access(folder, os.W_OK | os.X_OK) and (os.access(path, os.W_OK) or not os.access(path, os.F_OK))
    return None if mine or read_only else refused(path, PermissionError())


def _mend(path: str) -> str:
    """Why this user may not replace a file, and the one command by which he may."""
    import grp

    user, folder = user_name(os.geteuid()), path.rpartition("/")[0] or "/"
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        info = None
    except OSError:
        return f"nor look into {folder}; run: sudo chmod a+x {folder}"
    if info is None or not os.access(folder, os.W_OK | os.X_OK):
        if folder.count("/") == 1 or folder.startswith("/var/"):  # /run, which is everybody's
            own = f"{folder.rstrip('/')}/domo"
            return f"set it to {own}/{path.rpartition('/')[2]} in config.yaml; run: sudo install -d -o {user} {own}"
        if os.access(folder, os.F_OK) and os.stat(folder).st_uid == os.geteuid():
            return f"he may create none in {folder}, which is his; run: chmod u+wx {folder}"
        return f"he may create none in {folder}; run: sudo chown {user} {folder}"
    if info.st_uid != os.geteuid():
        return f"it belongs to {user_name(info.st_uid)}; run: sudo chown {user} {path}"
    if not info.st_mode & stat.S_IWUSR:
        return f"it is his, but closed; run: chmod u+rw {path}"
    if info.st_gid in (os.getegid(), *os.getgroups()):
        return f"it is his, so it may be protected; run: lsattr {path}"
    try:
        group = grp.getgrgid(info.st_gid).gr_name
    except KeyError:
        return f"its group is {info.st_gid}, which has no name; run: sudo chgrp {os.getegid()} {path}"
    return f"its group is {group}, which he is not in; run: sudo adduser {user} {group}"


def user_name(uid: int) -> str:
    """The name of a user, or his number."""
    import pwd  # only for messages

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def variable(name: str) -> str:
    """A variable of the environment that this process was given, "" without it."""
    return os.environ.get(name, "")


def third_party() -> None:
    """Makes apt's and pip's packages importable. bin/ starts Python with -S, because `site` costs 0.3
    of a bare interpreter's start, which a tick would pay every minute for RPi.GPIO alone."""
    import sys

    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefixes = (sys.executable.rpartition("/bin/")[0], sys.prefix, "/usr/local")  # a venv goes first
    places = [f"{prefix}/lib/{version}/{kind}-packages" for prefix in prefixes for kind in ("site", "dist")]
    for place in (*places, "/usr/lib/python3/dist-packages"):  # the last is Debian's own
        if place not in sys.path and os.access(place, os.X_OK):
            sys.path.append(place)
