"""A function in a child process, under deadlines: whatever it does, the caller goes on.

Nobody waits for a child without end. One that cannot be killed (it sleeps in the kernel, on a disk
that does not answer) is left to itself: `Child.stuck` names it (see `stuck`).
"""

from __future__ import annotations

import os
import select
import time

from .files import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .stuck import Stuck

_SIGABRT, _SIGKILL, _SIGALRM, _SIGCHLD = 6, 9, 14, 17  # `import signal` brings in enum
LIFETIME = 30  # s, more than any deadline: a child whose tick was killed ends itself
LAST_WORDS = 0.2  # s for a child to say where it is
DYING = 0.5  # s for a killed child to be gone
STARVED = 2.0  # s more for one that only waits for a processor, on a busy machine
OUTPUT_LIMIT = 64 << 10  # bytes of what a child prints; the rest is read and thrown away
MESSAGE_LIMIT = 4 << 20  # bytes of one message


class Child:
    """A running child. `run` gets the number of a descriptor to write its answer to; what it prints
    is collected in `printed`. It runs in a session of its own with every other descriptor closed, so
    that it can hold neither the tick's lock nor the caller's terminal. Raises OSError when the system
    gives no descriptors or no process."""

    def __init__(self, run: Callable[[int], None]) -> None:
        self.printed = b""
        self.stuck: Stuck | None = None
        self.rest = b""
        ends: list[int] = []
        try:
            ends += os.pipe()
            ends += os.pipe()
            count_on_children()
            self.pid = os.fork()
        except OSError:
            _let_go(*ends)
            raise
        self.answer, answer, self._output, output = ends
        if self.pid == 0:
            try:
                _settle(answer, output)
                run(3)
            finally:
                os._exit(0)
        _let_go(answer, output)
        self._open = {self.answer, self._output}

    def read(self, deadline: float) -> bytes:
        """The next piece of the answer; b"" at its end or the deadline (time.monotonic()). Raises OSError."""
        while self.answer in self._open and (remaining := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select(list(self._open), [], [], remaining)
            if self._output in ready:
                self._collect()
            if self.answer in ready:
                piece = os.read(self.answer, 65536)
                if not piece:
                    self._open.discard(self.answer)
                return piece
        return b""

    def message(self, deadline: float) -> bytes:
        """The next message that the child sent with `send`; b"" at the end or the deadline. `rest` then holds
        the beginning of an unfinished one. Raises ValueError for what is no message, and OSError."""
        while True:
            size = 4 + int.from_bytes(self.rest[:4], "big")
            if len(self.rest) >= 4 and size <= len(self.rest):
                message, self.rest = self.rest[4:size], self.rest[size:]
                if not message:
                    raise ValueError("an empty message")
                return message
            if len(self.rest) > MESSAGE_LIMIT:
                raise ValueError("a message without end")
            if not (piece := self.read(deadline)):
                return b""
            self.rest += piece

    def last_words(self) -> bytes:
        """What a child with faulthandler enabled says about where it is, after its last whole message. It may
        go on after that: `stop` it. Raises OSError."""
        os.kill(self.pid, _SIGABRT)
        words, end = self.rest, time.monotonic() + LAST_WORDS
        while len(words) < OUTPUT_LIMIT and (piece := self.read(end)):
            words += piece
        return words

    def stop(self) -> int:
        """Ends the child and all that it started; gives its wait status ("killed" if it is unknown). One
        that does not end is `stuck` from then on. Raises OSError."""
        try:
            os.killpg(self.pid, _SIGKILL)
        except OSError:  # it has no session of its own yet
            os.kill(self.pid, _SIGKILL)
        status = self._reaped(time.monotonic() + DYING)
        for _ in range(OUTPUT_LIMIT >> 12):  # bounded: what escaped the session may print for ever
            if self._output in self._open and select.select([self._output], [], [], 0)[0]:
                self._collect()
        _let_go(self.answer, self._output)
        return status

    def _reaped(self, end: float) -> int:
        pause = 0.001
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return status
            now = time.monotonic()
            if now >= end:
                from . import stuck

                if now >= end + STARVED or not stuck.has_work(self.pid):
                    break
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        # If it is traced, only its tracer hears of its end; but it is dead.
        self.stuck = stuck.alive(self.pid)
        return _SIGKILL

    def _collect(self) -> None:
        piece = os.read(self._output, 65536)
        if not piece:
            self._open.discard(self._output)
        self.printed += piece[: OUTPUT_LIMIT - len(self.printed)]


def _let_go(*ends: int) -> None:
    """Closes pipes. An error of close(2) is ignored: the descriptor is free all the same."""
    for end in ends:
        os.closerange(end, end + 1)


def send(answer: int, message: bytes) -> None:
    """Sends a message from inside a child, for `Child.message`. Raises OSError."""
    write_all(answer, len(message).to_bytes(4, "big") + message)


def count_on_children() -> None:
    """Makes sure that waitpid(2) works: the program that started this one may have let it ignore children."""
    from _signal import SIG_DFL, SIG_IGN, getsignal, signal  # type: ignore[import-not-found]  # see _SIGABRT

    if getsignal(_SIGCHLD) == SIG_IGN:
        signal(_SIGCHLD, SIG_DFL)


def _settle(answer: int, output: int) -> None:
    """Makes the child's world: no input, output to the pipe, the answer on 3, nothing else."""
    from _signal import SIG_DFL, SIG_SETMASK, alarm, pthread_sigmask, signal

    os.setsid()
    signal(_SIGALRM, SIG_DFL)
    pthread_sigmask(SIG_SETMASK, ())
    alarm(LIFETIME)
    null = os.open("/dev/null", os.O_RDONLY)
    answer, output = os.dup(answer), os.dup(output)  # above the numbers that are used below
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.dup2(answer, 3, inheritable=False)
    os.closerange(4, 1024)
