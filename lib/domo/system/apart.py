"""A function's values from a child process that may hang, in one call."""

from __future__ import annotations

import time

from .child import Child, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .left_behind import Left


def apart(work: Callable[[], Any], seconds: float) -> tuple[Any, Left | None]:
    """What `work` gives (plain values), done in a child within `seconds`, because it may hang; None
    when nothing came in time. And the process, when it could not be killed. Raises OSError."""
    import marshal

    child = Child(lambda answer: send(answer, marshal.dumps(work())))
    try:
        message = child.message(time.monotonic() + seconds)
    except ValueError:
        message = b""
    child.stop()
    return marshal.loads(message) if message else None, child.left
