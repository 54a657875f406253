"""A private folder for what is costly to compute again: the parsed configuration, the scripts' bytecode.

Bytecode is run as it is. So it is kept only in a folder that belongs to this user and that nobody else may
enter. If somebody planted another folder there, there is no cache.
"""

from __future__ import annotations

import os
import sys
from _imp import source_hash  # SipHash, which Python has for its own bytecode

from ..core.model import Fault
from ..sealed import folder, is_ours
from . import files

_TAG = f"domo {sys.hexversion:x} {sys.implementation.cache_tag}\n".encode()  # marshal differs by version


def made() -> str:
    """Makes the folder, if it is not there, and gives its path. Raises Fault if it is not only ours."""
    try:
        os.mkdir(folder(), 0o700)
    except OSError:
        pass
    if not is_ours():
        from .rights import quoted

        raise Fault(f"{folder()} is not only yours; run: sudo rm -r {quoted(folder())}")
    return folder()


def load(name: str) -> bytes | None:
    """What this version of Python saved under `name`, or None if it is missing or damaged."""
    if not is_ours():
        return None
    try:
        whole, _ = files.read(f"{folder()}/{name}")
    except (OSError, Fault):
        return None
    content = whole[len(_TAG) + 8 :]
    return content if whole == _sealed(content) else None


def save(name: str, content: bytes) -> None:
    """Saves `content` under `name`; a cache that cannot be written is no fault."""
    try:
        files.replace(f"{made()}/{name}", _sealed(content), 0o600)
    except Fault:
        pass


def _sealed(content: bytes) -> bytes:
    return _TAG + source_hash(0, content) + content


def name_of(kind: str, path: str) -> str:
    """A file name for what is cached about `path`."""
    return kind + path.replace("/", "%")[-200:]


def stamp(path: str) -> tuple[int, ...]:
    """What changes whenever the file at `path` does. Raises OSError."""
    return stamp_of(os.stat(path))


def stamp_of(info: os.stat_result) -> tuple[int, ...]:
    """The same of a file that is open."""
    return info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino, info.st_dev
