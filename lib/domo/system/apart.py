"""Runs a function in a child process, because it may hang, and gives what it gave."""

from __future__ import annotations

import os
import time

from ..core.texts import one_line
from .child import Child, send
from .stuck import HANGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .stuck import Stuck

KILLED = "domo's process for it was killed"  # twice: by the system, when memory is short


def apart(work: Callable[[], Any], seconds: float) -> tuple[Any, str, Stuck | None]:
    """Runs `work` in a child, for `seconds` at most. Gives (answer, why, process): what `work` gave (plain
    values), or None; why it gave nothing, or ""; the process if it could not be killed, or None. Never
    raises."""
    import marshal

    def run(answer: int) -> None:
        try:
            send(answer, marshal.dumps(work()))
        except Exception as error:
            os.write(1, one_line(f"{type(error).__name__}: {error}", 200).encode(errors="replace"))

    end = time.monotonic() + seconds
    message, why, stuck = _once(run, end) or _once(run, end) or (b"", KILLED, None)
    if not message:
        late = f"gave no answer within {seconds:g} s"
        return None, (f"{late}; {why}" if stuck else why or late), stuck
    return marshal.loads(message), "", stuck


def _once(run: Callable[[int], None], end: float) -> tuple[bytes, str, Stuck | None] | None:
    """(message, why, process): what a child sent until `end` (time.monotonic()), or b""; what went wrong, ""
    if it was only late; the process if it could not be killed, or None. None if the child was killed."""
    try:
        child = Child(run)
    except OSError as error:
        return b"", f"no process could be started ({error.strerror})", None
    try:
        message = child.message(end)
    except ValueError:
        message = b""
    late = time.monotonic() >= end
    child.stop()
    if message or late:
        return message, HANGS.format(child.stuck[0]) if child.stuck else "", child.stuck
    said = one_line(child.printed.decode(errors="replace"), 200)
    return (b"", f"domo's process for it failed: {said}", None) if said else None
