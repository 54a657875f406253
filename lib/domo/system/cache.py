"""A private folder for what is dear to compute again: the parsed configuration, the scripts' bytecode.

Bytecode and pickles are as good as programs, so they are kept only in a folder that belongs to this
user and that nobody else may enter; where somebody planted another one, there simply is no cache.
"""

from __future__ import annotations

import os
import sys
from _imp import source_hash  # SipHash, which Python has for its own bytecode

from ..core.model import Fault
from . import files
from .private import folder, is_ours

_TAG = f"domo {sys.hexversion:x} {sys.implementation.cache_tag}\n".encode()  # marshal differs by version


def made() -> str:
    """The path of the folder, which is there then. Raises Fault where it is not only ours."""
    try:
        os.mkdir(folder(), 0o700)
    except OSError:
        pass
    if not is_ours():
        raise Fault(f"{folder()} is not only yours; run: sudo rm -r {folder()}")
    return folder()


def load(name: str) -> bytes | None:
    """What was saved under `name` by this Python, to the last bit, or None."""
    if not is_ours():
        return None
    try:
        found, _ = files.read(f"{folder()}/{name}")
    except (OSError, Fault):
        return None
    content = found[len(_TAG) + 8 :]
    return content if found == _sealed(content) else None


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
