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
SHARED_LIMIT = 1 << 20  # nor one that anybody may write at any time
TORN_SECONDS = 0.2  # PHP's and nano's truncate-then-write is over in less
_FLAGS = os.O_WRONLY | os.O_CLOEXEC


def read(path: str, limit: int = LIMIT) -> tuple[bytes, os.stat_result]:
    """The content and the stat of a regular file. Raises FileNotFoundError, or Fault (it is no regular file,
    is larger than `limit` bytes, or cannot be read)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a fifo must not hang the tick
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Fault(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return whole(fd, path, limit)
    finally:
        try:
            os.close(fd)
        except OSError:  # it was only read, so nothing is lost
            pass


def whole(fd: int, path: str, limit: int) -> tuple[bytes, os.stat_result]:
    """The content and the stat of the open file that stands at `path`. Raises Fault, like `read`."""
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise Fault(f"{path}: is not a file; move it away")
        content = os.read(fd, min(info.st_size, limit) + 1)
        while len(content) != info.st_size and len(content) <= limit and (more := os.read(fd, limit + 1)):
            content += more
    except OSError as error:
        raise Fault(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > limit:
        raise Fault(f"{path}: is larger than {limit} bytes")
    return content, info


def ours(path: str) -> str:
    """How the names of domo's temporary files beside `path` begin: hidden, and used by nobody else."""
    folder, _, name = path.rpartition("/")
    return f"{folder or '.'}/.{name}.domo-"


def beside(
    path: str,
    content: bytes,
    like: os.stat_result | None,
    mode: int = 0o644,
    mark: str = "",
    lasting: bool = False,
) -> str:
    """Writes `content` to a new file beside `path`, and gives its name. It gets the owner and permissions in
    `like`, the stat of the file at `path`, and that file's attributes (ACLs). `lasting`: waits until it is on
    the disk. With a `mark` the name holds it, and the inode. Raises Fault or OSError; then nothing is left.

    If the file system can, it has no name until it is whole. So processes that write the same file at the
    same time never put a half of it in place, and a killed one leaves nothing.
    """
    try:
        name, fd = "", os.open(path[: path.rfind("/") + 1] or ".", _FLAGS | os.O_TMPFILE, 0o600)
    except OSError:  # it cannot; any other fault comes up again
        name, fd = _named(
            f"{ours(path)}new", lambda name: os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        )
    try:
        write_all(fd, content)
        now = os.fstat(fd)  # in a folder with the set-group-id bit the group is not ours
        if like is not None and (like.st_uid, like.st_gid) != (now.st_uid, now.st_gid):
            try:
                os.fchown(fd, like.st_uid, like.st_gid)
            except PermissionError:  # the group need not be kept if it may do no more than everybody
                if like.st_uid != now.st_uid or like.st_mode >> 3 & 7 != like.st_mode & 7:
                    raise
        os.fchmod(fd, stat.S_IMODE(like.st_mode) if like is not None else mode)
        if like is not None:
            _copy_attributes(path, fd)
        if lasting:  # ext4 does so itself for a file renamed over another, but not for one exchanged with it
            os.fsync(fd)
        final = f"{ours(path)}{mark}-{now.st_ino}" if mark else f"{ours(path)}new"
        if name:
            os.rename(name, final)
            return final
        # src_dir_fd makes it a linkat(2), which can follow the link in /proc
        return _named(final, lambda name: os.link(f"/proc/self/fd/{fd}", name, src_dir_fd=fd))[0]
    except BaseException:
        if name:
            remove(name)
        raise
    finally:
        os.close(fd)


def write_all(fd: int, content: bytes) -> None:
    """Writes all of it, however much the system takes at once. Raises OSError."""
    while content:
        content = content[os.write(fd, content) :]


def _copy_attributes(path: str, fd: int) -> None:
    """Gives the file at `fd` the extended attributes of the one at `path`, ACLs among them. Raises Fault
    where one cannot be kept."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:  # a file system without
        return
    for name in names:
        if name.startswith(("user.", "system.posix_acl_access")):
            try:
                os.setxattr(fd, name, os.getxattr(path, name, follow_symlinks=False))
            except OSError as error:
                from .rights import quoted

                kind = "ACL" if "acl" in name else name
                why = f"{path}: its {kind} would be lost ({error.strerror}), so it is left as it is"
                raise Fault(f"{why}; run: setfacl -b {quoted(path)}" if kind == "ACL" else why) from None


def _named(name: str, make: Callable[[str], Made]) -> tuple[str, Made]:
    """Makes something with `make(name)`; gives the name and what was made. The name is fixed, so that the
    next process replaces what a killed one left. If another user planted a file there, a second name is
    tried. Neither O_EXCL nor link(2) follows a link. Raises OSError."""
    for place in (name, f"{name}.{os.getpid()}"):
        try:
            os.unlink(place)
        except OSError:
            pass
        try:
            return place, make(place)
        except FileExistsError as error:
            planted = error
    raise planted


def replace(path: str, content: bytes, mode: int = 0o644) -> None:
    """Replaces a file whole, and keeps its owner and permissions. Raises Fault, which says who may not."""
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
            remove(name)
            raise
    except OSError as error:
        from .rights import refused

        raise refused(path, error) from None


def remove(name: str) -> None:
    """Deletes a file, if it is there. Raises OSError."""
    try:
        os.unlink(name)
    except FileNotFoundError:
        pass
