"""The one folder for what is as good as programs, such as bytecode: this user's, closed to all others."""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os


def folder() -> str:
    """The path of the folder."""
    place = posix.environ.get(b"TMPDIR", b"").decode(errors="surrogateescape") or "/tmp"
    return f"{place}/domo-{posix.geteuid()}"


def is_ours(path: str = "") -> bool:
    """Whether the folder, or the one at `path`, is there, ours, and closed to everybody else."""
    try:
        info: os.stat_result = posix.lstat(path or folder())
    except OSError:
        return False
    return info.st_mode & 0o170077 == 0o040000 and info.st_uid == posix.geteuid()
