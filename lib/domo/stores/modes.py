"""The mode file, PvMonit's "mod": JSON {"1": 1, "2": 3, ...}, which everybody writes.

What the file means is here. `edits` says what is changed in it, `exchange` how, without losing anybody's
edit.
"""

from __future__ import annotations

import os
import time

from ..core.model import AUTO_OFF, FORCED, FORCED_ON, MODE_WORDS, Fault
from ..core.records import dataclass
from ..core.texts import one_line
from ..system import files, tinyjson
from ..system.files import SHARED_LIMIT, TORN_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

TEXTS = tuple(map(str, range(len(MODE_WORDS))))


class Document(dict):  # type: ignore[type-arg]
    """The mode file's object. `twice`: the names that stand in it more than once; of these a force counts,
    else the last, as in every JSON reader. `texts`: the relays whose mode is written as text, "3", as PHP may
    do; it counts as the number. `linked`: the file has another name too."""

    linked = False

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        super().__init__()
        self.twice: list[str] = []
        self.texts: list[str] = []
        for name, value in pairs:
            if value in TEXTS and isinstance(value, str) and _is_relay(name):
                self.texts.append(name)
                value = int(value)
            if name in self:
                self.twice.append(name)
                if _is_force(self[name]) and not _is_force(value):
                    continue
            self[name] = value


def _is_force(value: object) -> bool:
    return type(value) is int and value in FORCED


@dataclass(frozen=True)
class ModeFile:
    """What the mode file says."""

    modes: Mapping[int, int]
    odd: Mapping[int, str] = {}  # relays whose value is no mode, as it is written
    twice: tuple[int, ...] = ()  # relays that stand there more than once
    texts: tuple[int, ...] = ()  # relays whose mode is a number in quotes
    linked: bool = False  # the file has another name, which is lost once domo replaces it
    misnamed: tuple[str, ...] = ()  # names with a force that are no relay ("03", "pump")
    missing: bool = False  # there is no file
    problem: str = ""  # why it cannot be used


def load(path: str) -> ModeFile:
    """What the mode file says. Takes no lock. Never raises: an unreadable file is a state of the world."""
    try:
        return sort(_read(path))
    except FileNotFoundError:
        return ModeFile({}, missing=True)
    except Fault as fault:
        return ModeFile({}, problem=str(fault))


def holding(relays: Iterable[int], mode_file: ModeFile, past: Mapping[int, int]) -> dict[int, int | None]:
    """The mode of each relay: the file's; None if what stands there is no mode; if the file does not name the
    relay, the force in the `past`, else auto off."""
    held = {r: past[r] if past.get(r) in FORCED else AUTO_OFF for r in relays}
    return {r: None if r in mode_file.odd else mode_file.modes.get(r, held[r]) for r in held}


def sort(document: Document) -> ModeFile:
    """What a document says. Raises ValueError or RecursionError if it holds what cannot be JSON."""
    modes: dict[int, int] = {}
    odd: dict[int, str] = {}
    misnamed: list[str] = []
    for key, value in document.items():
        if _is_relay(key):
            if type(value) is int and value in range(len(MODE_WORDS)):
                modes[int(key)] = value
            else:
                odd[int(key)] = one_line(tinyjson.dumps(value), 40)
        elif _is_force(value) and (value == FORCED_ON or key.strip().isdecimal()):
            misnamed.append(key)
    twice = tuple(int(key) for key in document.twice if _is_relay(key))
    return ModeFile(modes, odd, twice, tuple(map(int, document.texts)), document.linked, tuple(misnamed))


def _is_relay(key: str) -> bool:
    return len(key) < 5 and key.isascii() and key.isdigit() and key[0] != "0"


def _read(path: str) -> Document:
    """The document; if it is torn or empty, looks again for a moment. Raises FileNotFoundError or Fault."""
    deadline = time.monotonic() + TORN_SECONDS
    while True:
        try:
            content, info = files.read(path, SHARED_LIMIT)
            document = parse(path, content)
            document.linked = is_linked(path, info)
            return document
        except Fault:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.01)


def parse(path: str, content: bytes) -> Document:
    """The document that stands at `path`. Raises Fault."""
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode()  # "utf-8-sig" is a module to import
    except UnicodeDecodeError:
        raise Fault(f"{path}: is not UTF-8 text") from None
    if not text.strip("\0 \t\r\n"):
        raise Fault(f"{path}: is empty")
    try:
        document = tinyjson.loads(text, Document)
    except ValueError as error:
        raise Fault(f"{path}: is not JSON ({error})") from None
    if not isinstance(document, Document):
        raise Fault(f'{path}: wants {{"1": 1, "2": 3, ...}}')
    try:
        tinyjson.dumps(document).encode()
    except (ValueError, RecursionError):
        raise Fault(f"{path}: holds what cannot be written back (1e999, half a character)") from None
    return document


def is_linked(path: str, info: os.stat_result) -> bool:
    """Whether the file at `path`, with this stat, has another name, which a killed process of domo's did not
    leave."""
    if info.st_nlink == 1:
        return False
    try:
        return info.st_nlink > 1 + sum(os.lstat(name).st_ino == info.st_ino for name in _left(path))
    except OSError:  # another process just removed it
        return False


def sweep(path: str) -> None:
    """Removes the files that a process left beside this one when it was killed while it changed it."""
    if names := _left(path):
        from . import exchange

        exchange.sweep(path, names)


def _left(path: str) -> list[str]:
    folder, begins = path.rpartition("/")[0] or ".", files.ours(path).rpartition("/")[2]
    try:
        return [f"{folder}/{name}" for name in os.listdir(folder) if name.startswith(begins)]
    except OSError:
        return []
