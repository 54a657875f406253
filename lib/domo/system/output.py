"""What a program prints: in whatever character set the terminal has, and not lost without a word (but by a
tick, which has done its work)."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_fault = ""  # why something could not be written


def show(text: str) -> None:
    """Prints; what the terminal's character set lacks as "?", and nothing more once nobody reads on
    (`| head`) or nothing can be written (a full disk)."""
    _softly()
    try:
        print(text, flush=True)
    except OSError as error:
        _unwritten(error)


def run(name: str, main: Callable[[list[str]], int]) -> NoReturn:
    """Runs the program `name` to its end."""
    sys.exit(code(name, main))


def code(name: str, main: Callable[[list[str]], int]) -> int:
    """Runs the program `name`, and gives its exit code, which is what its `main` gives. Where something could
    not be written it says so, and the code is 1 instead of 0."""
    if sys.stdout is None:  # closed: something to which nothing can be written, and not the next file
        os.dup2(os.open(os.devnull, os.O_RDONLY), 1)
        sys.stdout = os.fdopen(1, "w", closefd=False)
    _softly()
    try:
        ended = main(sys.argv[1:])
    except KeyboardInterrupt:
        ended = 130
    except SystemExit as end:  # argparse's
        ended = end.code if isinstance(end.code, int) else int(end.code is not None)
    try:
        sys.stdout.flush()
    except OSError as error:
        _unwritten(error)
    if _fault:
        print(f"{name}: what it says cannot be written ({_fault})", file=sys.stderr)
    return ended or int(bool(_fault))


def _softly() -> None:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")


def _unwritten(error: OSError) -> None:
    """Notes it, and lets all that follows go nowhere."""
    global _fault
    if not isinstance(error, BrokenPipeError):
        _fault = error.strerror or str(error)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
