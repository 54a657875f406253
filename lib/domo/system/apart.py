"""A function's values from a child process that may hang, in one call."""

from __future__ import annotations

import os
import time

from ..core.texts import one_line
from .child import Child, send
from .left_behind import HANGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .left_behind import Left

KILLED = "domo's process for it was killed"  # twice: by the system, when memory is short


def apart(work: Callable[[], Any], seconds: float) -> tuple[Any, str, Left | None]:
    """What `work` gives (plain values), done in a child within `seconds`, because it may hang; or None and
    why nothing came, and the process, if it could not be killed. Never raises."""
    import marshal

    def run(answer: int) -> None:
        try:
            send(answer, marshal.dumps(work()))
        except Exception as error:
            os.write(1, one_line(f"{type(error).__name__}: {error}", 200).encode(errors="replace"))

    end = time.monotonic() + seconds
    message, why, left = _once(run, end) or _once(run, end) or (b"", KILLED, None)
    if not message:
        late = f"gave no answer within {seconds:g} s"
        return None, (f"{late}; {why}" if left else why or late), left
    return marshal.loads(message), "", left


def _once(run: Callable[[int], None], end: float) -> tuple[bytes, str, Left | None] | None:
    """What a child says until `end` (time.monotonic()), or b"" and why it says nothing, "" when it is late;
    and the process that could not be killed. None when it was killed."""
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
        return message, HANGS.format(child.left[0]) if child.left else "", child.left
    said = one_line(child.printed.decode(errors="replace"), 200)
    return (b"", f"domo's process for it failed: {said}", None) if said else None
