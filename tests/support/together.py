"""A tick's children in the tick's own process, which spares the forks: for ticks in which nothing hangs and
nothing is killed. A script that can reach anything still has a process of its own."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import traceback
from collections.abc import Callable, Iterator
from unittest import mock

from domo.scripts import asking
from domo.system.child import Child
from domo.tick import lasting


class Here(Child):
    """Stands for a child: runs at once, and is over when it is there."""

    def __init__(self, run: Callable[[int], None]) -> None:
        self.printed, self.rest, self.stuck = b"", b"", None
        self.answer, answer = os.pipe()
        try:
            run(answer)
        except Exception:
            self.printed = traceback.format_exc().encode()
        finally:
            faulthandler.disable()  # which knows the descriptor
            os.close(answer)

    def read(self, deadline: float) -> bytes:
        return os.read(self.answer, 1 << 16)

    def last_words(self) -> bytes:
        return b""

    def stop(self) -> int:
        os.close(self.answer)
        return 0


SET = resource.setrlimit


def full_disk_only(limit: int, values: tuple[int, int]) -> None:
    """resource.setrlimit but for what is a child's own: nobody may raise that again."""
    if limit == resource.RLIMIT_FSIZE:
        SET(limit, values)


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Ticks have no children for that long."""
    with (
        mock.patch.object(asking, "Child", Here),
        mock.patch.object(resource, "setrlimit", full_disk_only),
        mock.patch.object(lasting, "apart", lambda work, seconds: (work(), "", None)),
    ):
        yield
