"""A disk that stops answering: a file system in user space (FUSE) that shows a folder, and hangs when told.

Whoever asks a hung disk sleeps in the kernel and cannot be killed, as with a dead NFS server or a dying
card. Wake it (`answer`) or take it away (`close`) and all of them go on. The kernel's own words, from
linux/fuse.h, protocol 7.31; it takes root, /dev/fuse, and nothing else.

    with HungDisk(house.folder / "disk") as disk:      # the folder's files stay what they are
        house.configure(DATA)                          # PvMonit's data lies on it
        disk.hang()                                    # or hang("read"): files can be found and opened still
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

DATA = {"tmpFileDataXml": "disk/data.xml"}  # for config.yaml: PvMonit's data lies on a disk
LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ = 1, 2, 3, 5, 14, 15
STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR = 17, 18, 25, 26, 27, 28, 29
INTERRUPT, BATCH_FORGET = 36, 42
SILENT = (FORGET, BATCH_FORGET, INTERRUPT)  # the kernel waits for no answer
HANGS = {"everything": range(100), "open": (OPEN, OPENDIR), "read": (READ, READDIR)}
NO_SUCH_FILE, NOT_IMPLEMENTED = 2, 38  # errno
DIRECT_IO = 1  # nothing is kept in the kernel's cache: every read comes here
MNT_DETACH = 2


def possible() -> bool:
    """Whether there can be such a disk here."""
    return os.geteuid() == 0 and os.access("/dev/fuse", os.R_OK | os.W_OK)


class HungDisk:
    """The folder `place`, seen through a disk that can hang; a context that ends it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(exist_ok=True)
        command = [sys.executable, "-IS", __file__, str(place)]
        self._daemon = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._told()

    def hang(self, what: str = "everything") -> None:
        """From now on it answers no question of this kind: "everything", "open" or "read"."""
        self._tell(what)

    def answer(self) -> None:
        """It answers again, those who wait first."""
        self._tell("nothing")

    def close(self) -> None:
        """Takes it away: whoever waits for it gets an error, and the folder is as it was."""
        with contextlib.suppress(BrokenPipeError):  # somebody killed it
            self._daemon.communicate()
        ctypes.CDLL(None).umount2(os.fsencode(self.place), MNT_DETACH)  # no harm where it did that itself

    def __enter__(self) -> HungDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell(self, what: str) -> None:
        assert self._daemon.stdin
        self._daemon.stdin.write(f"{what}\n")
        self._daemon.stdin.flush()
        self._told()

    def _told(self) -> None:
        assert self._daemon.stdout
        assert self._daemon.stdout.readline() == "done\n", "there is no disk"


class Daemon:
    """The file system: `folder` is the descriptor of the folder below the mount."""

    def __init__(self, place: str) -> None:
        self.folder = os.open(place, os.O_PATH)
        self.device = os.open("/dev/fuse", os.O_RDWR)
        self.paths = {1: "."}  # by node number
        self.hung: Sequence[int] = ()
        self.waiting: list[tuple[int, int, int, bytes]] = []
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"hung", os.fsencode(place), b"fuse", 0, options.encode()):
            raise OSError(ctypes.get_errno(), "mount")

    def serve(self) -> None:
        """Answers until its standard input ends."""
        said = False
        while True:
            ready, _, _ = select.select([0, self.device], [], [])
            if self.device in ready:
                self.take(os.read(self.device, 1 << 18))
                if not said:  # the first is INIT
                    said = os.write(1, b"done\n") > 0
            if 0 in ready:
                word = os.read(0, 100).decode().strip()
                if not word:
                    return
                self.hung = HANGS.get(word, ())
                waiting, self.waiting = self.waiting, []
                for question in waiting:
                    self.respond(*question)
                os.write(1, b"done\n")

    def take(self, request: bytes) -> None:
        """One question: its length, kind, own number, node, who asks; then what it is about."""
        _, kind, unique, node, *_ = struct.unpack_from("=IIQQIIII", request)
        if kind not in SILENT:
            self.respond(kind, unique, node, request[40:])

    def respond(self, kind: int, unique: int, node: int, body: bytes) -> None:
        """Answers a question, or keeps it for later."""
        if kind in self.hung:
            self.waiting.append((kind, unique, node, body))
            return
        error = 0
        try:
            answer = self.work(kind, node, body)
        except OSError as fault:
            answer, error = b"", fault.errno or 5
        try:
            os.write(self.device, struct.pack("=IiQ", 16 + len(answer), -error, unique) + answer)
        except OSError:  # who asked is gone
            pass

    def work(self, kind: int, node: int, body: bytes) -> bytes:
        """What is asked. Raises OSError."""
        path = self.paths.get(node, "")
        if kind == INIT:
            return struct.pack("=IIIIHHIIHHI7I", 7, 31, 0, 0, 12, 9, 1 << 16, 1, 1, 0, *[0] * 8)
        if kind == LOOKUP:
            path = f"{path}/{os.fsdecode(body.rstrip(bytes(1)))}"
            about = self.attributes(path)
            number = next((n for n, known in self.paths.items() if known == path), len(self.paths) + 1)
            self.paths[number] = path
            return struct.pack("=QQQQII", number, 0, 0, 0, 0, 0) + about
        if kind == GETATTR:
            return struct.pack("=QII", 0, 0, 0) + self.attributes(path)
        if kind == READLINK:
            return os.fsencode(os.readlink(path, dir_fd=self.folder))
        if kind in (OPEN, OPENDIR):
            return struct.pack("=QIi", 0, DIRECT_IO, 0)
        if kind in (READ, READDIR):
            _, offset, size = struct.unpack_from("=QQI", body)
            return self.content(path)[offset : offset + size] if kind == READ else self.names(path, offset)
        if kind == STATFS:
            return struct.pack("=QQQQQIIII6I", 1000, 500, 500, 1000, 500, 4096, 255, 4096, *[0] * 7)
        if kind in (RELEASE, RELEASEDIR, FLUSH):
            return b""
        raise OSError(NOT_IMPLEMENTED, "not implemented")

    def attributes(self, path: str) -> bytes:
        """A file as `struct fuse_attr`."""
        s = os.stat(path, dir_fd=self.folder, follow_symlinks=False)
        times = [int(t // 10**9) for t in (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns)]
        parts = [int(t % 10**9) for t in (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns)]
        sizes = s.st_ino, s.st_size, s.st_blocks
        return struct.pack(
            "=6Q10I", *sizes, *times, *parts, s.st_mode, s.st_nlink, s.st_uid, s.st_gid, 0, 4096, 0
        )

    def content(self, path: str) -> bytes:
        """A file's content."""
        file = os.open(path, os.O_RDONLY, dir_fd=self.folder)
        try:
            return os.read(file, 16 << 20)
        finally:
            os.close(file)

    def names(self, path: str, after: int) -> bytes:
        """What is in a folder, from one name on, as `struct fuse_dirent`s; all at once, they are few."""
        folder = os.open(path, os.O_RDONLY, dir_fd=self.folder)
        try:
            found = [".", "..", *sorted(os.listdir(folder))]
        finally:
            os.close(folder)
        entries = b""
        for place, name in enumerate(map(os.fsencode, found), 1):
            if place > after:
                entry = struct.pack("=QQII", 1, place, len(name), 0) + name
                entries += entry + bytes(-len(entry) % 8)
        return entries


if __name__ == "__main__":
    disk = Daemon(sys.argv[1])
    try:
        disk.serve()
    finally:
        os.close(disk.device)
        ctypes.CDLL(None).umount2(os.fsencode(sys.argv[1]), MNT_DETACH)
