"""Says who may not read or write which file, and the command that mends it, in one sentence."""

from __future__ import annotations

import os
import stat

from ..core.model import Fault


def refused(path: str, error: OSError) -> Fault:
    """The Fault for a file that could not be written: user, file, and what mends it."""
    from errno import ELOOP

    if error.errno == ELOOP:
        return Fault(f"{path}: is a link, which is not followed; put in its place what it points to")
    if not isinstance(error, PermissionError):
        return Fault(f"{path}: cannot be written ({error.strerror})")
    return Fault(f"{path}: user {user_name(os.geteuid())} may not write it; {_mend(path)}")


def forbidden(path: str) -> Fault | None:
    """The Fault for a file that this user may not write or create; None if the user may, or if something
    else than a permission is in the way."""
    folder = path.rpartition("/")[0] or "/"
    try:
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError:
        return None
    mine = os.access(folder, os.W_OK | os.X_OK) and (os.access(path, os.W_OK) or not os.access(path, os.F_OK))
    return None if mine or read_only else refused(path, PermissionError())


def _mend(path: str) -> str:
    """Why this user may not replace a file, and the one command that changes that."""
    import grp

    user, folder = user_name(os.geteuid()), path.rpartition("/")[0] or "/"
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        info = None
    except OSError:
        return f"nor look into {folder}; run: sudo chmod a+x {quoted(folder)}"
    if info is None or not os.access(folder, os.W_OK | os.X_OK):
        if folder.count("/") == 1 or folder.startswith("/var/"):  # /run, which is everybody's
            own = f"{folder.rstrip('/')}/domo"
            name = path.rpartition("/")[2]
            return f"set it to {own}/{name} in config.yaml; run: sudo install -d -o {user} {quoted(own)}"
        if os.access(folder, os.F_OK) and os.stat(folder).st_uid == os.geteuid():
            return f"{folder} is closed to its own user; run: chmod u+wx {quoted(folder)}"
        return f"nor create a file in {folder}; run: sudo chown {user} {quoted(folder)}"
    if info.st_uid != os.geteuid():
        return f"it belongs to {user_name(info.st_uid)}; run: sudo chown {user} {quoted(path)}"
    if not info.st_mode & stat.S_IWUSR:
        return f"the file is closed to its own user; run: chmod u+rw {quoted(path)}"
    if info.st_gid in (os.getegid(), *os.getgroups()):
        return f"the file may be protected from changes; run: lsattr {quoted(path)}"
    try:
        group = grp.getgrgid(info.st_gid).gr_name
    except KeyError:
        return f"its group is {info.st_gid}, which has no name; run: sudo chgrp {os.getegid()} {quoted(path)}"
    return f"its group is {group}, and {user} is not in it; run: sudo adduser {user} {group}"


def quoted(path: str) -> str:
    """A path as a word of a command for a shell."""
    import shlex  # only for messages

    return shlex.quote(path)


def user_name(uid: int) -> str:
    """The name of a user, or the number."""
    import pwd  # only for messages

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
