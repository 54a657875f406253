"""The one folder for what is run as it is, such as bytecode: this user's, and closed to all others."""

import os


def folder() -> str:
    """The path of the folder."""
    return f"{os.environ.get('TMPDIR') or '/tmp'}/domo-{os.geteuid()}"


def is_ours(path: str = "") -> bool:
    """Whether the folder, or the one at `path`, is there, ours, and closed to everybody else."""
    try:
        info = os.lstat(path or folder())
    except OSError:
        return False
    return info.st_mode & 0o170077 == 0o040000 and info.st_uid == os.geteuid()
