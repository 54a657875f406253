"""Files read and replaced whole: never a device or a fifo, never through a planted link."""

from __future__ import annotations

import os
import stat

from .model import Fault

LIMIT = 4 << 20  # no file that domo reads whole is larger


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
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise Fault(f"{path}: is not a file; move it away")
        content = b""
        while len(content) <= limit and (more := os.read(fd, limit + 1)):
            content += more
    except OSError as error:
        raise Fault(f"{path}: cannot be read ({error.strerror})") from None
    finally:
        os.close(fd)
    if len(content) > limit:
        raise Fault(f"{path}: is larger than {limit} bytes")
    return content, info


def beside(path: str, content: bytes, like: os.stat_result | None, mode: int = 0o644) -> str:
    """Writes `content` to a new file beside `path`, with the owner and permissions of `like` where
    there is one, and gives its name. Raises OSError; then nothing is left behind.

    The name is fixed so that what a killed process left is used up by the next one; where somebody
    else planted it, a second name is tried. O_EXCL follows no link.
    """
    for name in (f"{path}.new", f"{path}.{os.getpid()}.new"):
        try:
            os.unlink(name)
        except OSError:
            pass
        try:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            break
        except FileExistsError as error:
            planted = error
    else:
        raise planted
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        if like is not None and (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(fd, like.st_uid, like.st_gid)
        os.fchmod(fd, stat.S_IMODE(like.st_mode) if like is not None else mode)
    except BaseException:
        os.unlink(name)
        raise
    finally:
        os.close(fd)
    return name


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
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise refused(path, error) from None


def refused(path: str, error: OSError) -> Fault:
    """The Fault for a file that could not be written: names user, file and what mends it."""
    if not isinstance(error, PermissionError):
        return Fault(f"{path}: cannot be written ({error.strerror})")
    user = user_name(os.geteuid())
    try:
        owner = user_name(os.lstat(path).st_uid)
        mend = f"it belongs to {owner}; run: sudo chown {user} {path}"
    except OSError:
        mend = f"user {user} may not create it; run: sudo chown {user} {os.path.dirname(path) or '.'}"
    return Fault(f"{path}: user {user} may not write it; {mend}")


def user_name(uid: int) -> str:
    """The name of a user, or his number."""
    import pwd  # only for messages

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def third_party() -> None:
    """Makes apt's and pip's packages importable. bin/ starts Python with -S, because `site` costs 0.3
    of a bare interpreter's start, which a tick would pay every minute for RPi.GPIO alone."""
    import sys

    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefixes = (os.path.dirname(os.path.dirname(sys.executable)), sys.prefix, "/usr/local")  # a venv goes first
    places = [f"{prefix}/lib/{version}/{kind}-packages" for prefix in prefixes for kind in ("site", "dist")]
    for place in (*places, "/usr/lib/python3/dist-packages"):  # the last is Debian's own
        if place not in sys.path and os.path.isdir(place):
            sys.path.append(place)
