"""What went wrong with a script, in words: the place in its file, and how its process ended. It is loaded
only when it is needed."""

from __future__ import annotations

import os
import time

from ..core.model import ScriptError
from ..system.child import Child

LINES_LIMIT = 256 << 10  # bytes of a script
LINE_SECONDS = 0.5  # s to find a line in a file that may hang


def place(file: str, error: BaseException) -> str:
    """ " line 7 (the source)" for the script's innermost line in a traceback, "" if there is none."""
    line = 0
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    error.__traceback__ = None  # frees what the script had stored, in case memory is short
    return _line(file, line) if line else ""


def why(error: BaseException) -> str:
    """What an error says, with its kind where it needs that."""
    if isinstance(error, ScriptError):
        return str(error)
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"


def last_place(file: str, words: bytes) -> str:
    """The place that a process named in its last words, "" if it named none. Does not wait for the file."""
    number = words.decode(errors="replace").partition(f'File "{file}", line ')[2].partition(" ")[0]
    if not number.isdigit():
        return ""
    try:
        child = Child(lambda answer: _tell(answer, _line(file, int(number))))
    except OSError:
        return f" line {number}"
    text = child.read(time.monotonic() + LINE_SECONDS)
    child.stop()
    return text.decode(errors="replace") or f" line {number}"


def ended(status: int, waited: float) -> str:
    """How a process that gave no answer ended, by its wait status; `waited`: how long it was waited for (s;
    0: it ended by itself)."""
    if waited:
        return f"gave no answer within {waited:.0f} s"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == 9:
        return "closed the tick's pipe, or was killed"
    if os.WIFSIGNALED(status):
        return f"crashed the interpreter (signal {os.WTERMSIG(status)})"
    return f"ended the process (exit status {os.WEXITSTATUS(status)})"


def _tell(answer: int, text: str) -> None:
    os.write(answer, text.encode(errors="replace")[:4000])


def _line(file: str, number: int) -> str:
    """ " line 7 (the source)", as far as there is any."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            text = os.read(fd, LINES_LIMIT).decode(errors="replace").splitlines()[number - 1].strip()
        finally:
            os.close(fd)
    except (OSError, IndexError):
        return f" line {number}"
    return f" line {number} ({text})"
