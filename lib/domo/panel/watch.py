"""Notices when files change: the kernel tells, if it can; and they are looked at now and then."""

from __future__ import annotations

import os
import signal
from fcntl import DN_CREATE, DN_DELETE, DN_MODIFY, DN_MULTISHOT, DN_RENAME, F_NOTIFY, fcntl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Stamp = tuple[int, ...] | None

CHANGED = signal.SIGIO  # what the kernel sends when something in a watched folder has changed
SELDOM = 10.0  # s between looks where it does
OFTEN = 0.75  # s between them where it cannot: a force acts within 2 s all the same


class Watch:
    """Some files, each with the stamp that it had when it was last read. A link is watched where it stands
    and where it leads to. A file with more than one name can be written by a name in an unknown folder, so it
    is looked at often."""

    def __init__(self, stamps: Mapping[str, Stamp]) -> None:
        self._stamps = dict(stamps)
        self._folders: dict[str, int] = {}  # with the descriptors that keep them watched
        self._everywhere = False
        self._listen()

    @property
    def interval(self) -> float:
        """How long the panel may rely on the kernel (s)."""
        names = max((stamp[-1] for stamp in self._stamps.values() if stamp), default=1)
        return SELDOM if self._everywhere and names == 1 else OFTEN

    def changed(self) -> list[str]:
        """The files that have changed since the last call."""
        stamps = {path: stamp(path) for path in self._stamps}
        changed = [path for path in stamps if stamps[path] != self._stamps[path]]
        if changed:
            self._stamps = stamps
            self._listen()  # a link may lead elsewhere now, a folder be another
        return changed

    def forget(self, path: str) -> None:
        """Lets a file count as changed, because what was read of it may be old."""
        self._stamps[path] = UNSEEN

    def _listen(self) -> None:
        """Lets the kernel send CHANGED when a file in one of the folders changes (dnotify, see fcntl(2))."""
        wanted = {os.path.dirname(name) for path in self._stamps for name in (path, os.path.realpath(path))}
        for folder, fd in list(self._folders.items()):
            if folder not in wanted or not _is(fd, folder):
                os.close(self._folders.pop(folder))
        for folder in wanted - self._folders.keys():
            try:
                fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:
                continue
            try:
                fcntl(fd, F_NOTIFY, DN_MODIFY | DN_CREATE | DN_DELETE | DN_RENAME | DN_MULTISHOT)
                self._folders[folder] = fd
            except OSError:
                os.close(fd)
        self._everywhere = len(self._folders) == len(wanted)


def _is(fd: int, folder: str) -> bool:
    """Whether a folder is still the one that was opened: it may have been removed, and made anew."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(folder))
    except OSError:
        return False


UNSEEN: Stamp = (0, 1)  # no file's stamp


def stamp(path: str) -> Stamp:
    """What changes whenever the file does, the number of its names at the end; None without a file."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_mtime_ns, info.st_ino, info.st_size, info.st_nlink
