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


def apart(work: Callable[[], Any], seconds: float) -> tuple[Any, str, Left | None]:
    """What `work` gives (plain values), done in a child within `seconds`, because it may hang; or None and
    why nothing came, and the process, if it could not be killed. Never raises."""
    import marshal

    def run(answer: int) -> None:
        try:
            send(answer, marshal.dumps(work()))
        except Exception as error:
            os.write(1, one_line(f"{type(error).__name__}: {error}", 200).encode(errors="replace"))

    try:
        child = Child(run)
    except OSError as error:
        return None, f"no process could be started ({error.strerror})", None
    end = time.monotonic() + seconds
    try:
        message = child.message(end)
    except ValueError:
        message = b""
    late = time.monotonic() >= end
    child.stop()
    if message:
        return marshal.loads(message), "", child.left
    if child.left:
        return None, f"gave no answer within {seconds:g} s; {HANGS.format(child.left[0])}", child.left
    if late:
        return None, f"gave no answer within {seconds:g} s", None
    said = one_line(child.printed.decode(errors="replace"), 200) or "it was killed"
    return None, f"domo's process for it ended without an answer ({said})", None
