"""The one folder for what is run as it is, such as bytecode: this user's, and closed to all others."""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os


def folder() -> str:
    """The path of the folder."""
    place = posix.environ.get(b"TMPDIR", b"").decode(errors="surrogateescape") or "/tmp"
    return f"{place}/domo-{posix.geteuid()}"


def is_ours() -> bool:
    """Whether the folder is there, ours, and closed to everybody else."""
    try:
        info: os.stat_result = posix.lstat(folder())
    except OSError:
        return False
    return info.st_mode & 0o170077 == 0o040000 and info.st_uid == posix.geteuid()
