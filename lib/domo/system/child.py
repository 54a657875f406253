"""A function in a child process, under a deadline: whatever it does, the caller goes on."""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SIGABRT, _SIGKILL = 6, 9  # `import signal` brings in enum: 0.4 of a bare interpreter's start
LIFETIME = 30  # s, more than any deadline: a child whose tick was killed ends itself
OUTPUT_LIMIT = 64 << 10  # of what a child prints, more is read and thrown away


class Child:
    """A running child. `run` gets the number of a descriptor to write its answer to; what it prints
    is collected in `printed`. It runs in a session of its own with every other descriptor closed, so
    that it can hold neither the tick's lock nor the caller's terminal."""

    def __init__(self, run: Callable[[int], None]) -> None:
        self.printed = b""
        self.answer, answer = os.pipe()
        self._output, output = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _settle(answer, output)
                run(3)
            finally:
                os._exit(0)
        os.close(answer)
        os.close(output)
        self._open = {self.answer, self._output}

    def read(self, deadline: float) -> bytes:
        """The next piece of the answer; b"" at its end or when the deadline (time.monotonic()) passed."""
        while self.answer in self._open and (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select(list(self._open), [], [], left)
            if self._output in ready:
                self._collect()
            if self.answer in ready:
                piece = os.read(self.answer, 65536)
                if not piece:
                    self._open.discard(self.answer)
                return piece
        return b""

    def abort(self) -> None:
        """Asks a child that has faulthandler enabled to say where it is and end."""
        os.kill(self.pid, _SIGABRT)

    def stop(self) -> int:
        """Ends the child and all that it started; gives its wait status."""
        try:
            os.killpg(self.pid, _SIGKILL)
        except OSError:  # it did not come as far as having a session
            os.kill(self.pid, _SIGKILL)
        status = os.waitpid(self.pid, 0)[1]
        for _ in range(OUTPUT_LIMIT >> 12):  # bounded: what escaped the session may print for ever
            if self._output in self._open and select.select([self._output], [], [], 0)[0]:
                self._collect()
        os.close(self.answer)
        os.close(self._output)
        return status

    def _collect(self) -> None:
        piece = os.read(self._output, 65536)
        if not piece:
            self._open.discard(self._output)
        self.printed += piece[: OUTPUT_LIMIT - len(self.printed)]


def _settle(answer: int, output: int) -> None:
    """Makes the child's world: no input, output to the pipe, the answer on 3, nothing else."""
    from _signal import alarm  # type: ignore[import-not-found]  # see _SIGABRT

    os.setsid()
    alarm(LIFETIME)
    null = os.open("/dev/null", os.O_RDONLY)
    answer, output = os.dup(answer), os.dup(output)  # above the numbers that are about to be taken
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.dup2(answer, 3, inheritable=False)
    os.closerange(4, 1024)
