"""Changes of the mode file: what is written into it, by whom, and over what. (`exchange` writes it.)"""

from __future__ import annotations

import os

from ..core.model import AUTO_OFF, AUTO_ON, FORCED, Fault
from ..core.texts import one_line
from ..system import files, tinyjson
from ..system.rights import refused
from . import exchange
from .modes import Document, ModeFile, is_linked, parse, sort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def create(path: str, modes: Mapping[int, int]) -> None:
    """Makes the file where there is none; one that somebody made meanwhile stays. Raises Fault."""
    content = tinyjson.dumps({str(relay): mode for relay, mode in modes.items()}).encode()
    try:
        name = files.beside(path, content, None, mark="first")
        try:
            os.link(name, path)
        except FileExistsError:
            if not os.access(path, os.F_OK):
                raise Fault(f"{path}: is a link to nothing; remove it") from None
        finally:
            files.remove(name)
    except OSError as error:
        raise refused(path, error) from None


def set_auto(path: str, changes: Mapping[int, int], ended: Mapping[int, int] = {}) -> ModeFile:  # noqa: B006
    """Writes domo's auto modes: only over 1 and 2, or where the file says nothing; never over what the owner
    wrote, except a force whose time is over (`ended`). A force that comes back from the memory is written
    only where the file says nothing. Modes that are text become numbers. Gives what the file says then.
    Raises Fault."""

    def edit(document: Document) -> Document:
        now = {}
        for relay, mode in changes.items():
            there = _mode(document, str(relay))
            auto = there in (AUTO_OFF, AUTO_ON) and mode not in FORCED  # a force that was remembered is older
            if auto or there in (None, ended.get(relay)):
                now[relay] = mode
        return _with(Document(document.items()) if document.texts else document, now)

    return sort(_update(path, edit))


def set_owner(path: str, changes: Mapping[int, int]) -> ModeFile:
    """Writes modes that the owner ordered, whatever is there. Gives what the file says then. Raises Fault."""
    return sort(_update(path, lambda document: _with(document, changes)))


def _mode(document: Document, key: str) -> int | None:
    """The mode of a relay, None where the document has none, -1 where it is no mode."""
    if key not in document:
        return None
    return document[key] if type(document[key]) is int else -1  # True == 1 in Python


def _with(document: Document, changes: Mapping[int, int]) -> Document:
    changed = {str(r): mode for r, mode in changes.items() if _mode(document, str(r)) != mode}
    if not changed:
        return document
    edited = Document(document.items())
    edited.update(changed)
    return edited


def _update(path: str, change: Callable[[Document], Document]) -> Document:
    """Replaces the document by `change` of it; gives what stands there then. Raises Fault."""
    now = Document(())

    def edit(content: bytes, late: Sequence[exchange.Late]) -> bytes:
        nonlocal now
        before = there = parse(path, content)
        for ours, theirs in late:
            there = _carried_over(there, parse(path, ours), theirs)
        now = change(there)
        now.linked = is_linked(path, os.lstat(path))
        return content if now is before else _text(now, content)

    try:
        exchange.update(path, edit)
    except ImportError as error:  # on a failing card not even Python's own files can be read
        raise Fault(f"{path}: cannot be written ({one_line(error)})") from None
    except RecursionError:  # `parse` just managed it, because it was called from less deep
        raise Fault(f"{path}: is nested too deeply") from None
    return now


def _carried_over(there: Document, ours: Document, content: bytes) -> Document:
    """The document with what another program changed in `ours`, of which it made `content`, if that can be
    read."""
    try:
        theirs = parse("", content)
    except Fault:
        return there
    kept = {key: value for key, value in there.items() if key in theirs or key not in ours}
    kept.update((key, value) for key, value in theirs.items() if ours.get(key) != value)
    return there if kept == there else Document(kept.items())


def _text(document: Document, like: bytes) -> bytes:
    """The document as JSON: on one line as PHP writes it, or a line for each relay if `like` had lines."""
    if b"\n" in like.strip():
        lines = (f"  {tinyjson.dumps(key)}: {tinyjson.dumps(value)}" for key, value in document.items())
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
    return tinyjson.dumps(document).encode()
