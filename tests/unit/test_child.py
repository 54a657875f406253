"""A child process that is ended: when it counts as one that cannot be."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path

import pytest

from domo.system import child, stuck
from domo.system.apart import apart


@pytest.mark.parametrize(("state", "cannot_be_killed"), [(b"R", False), (b"D", True)])
def test_only_one_that_sleeps_in_the_kernel_cannot_be_killed(
    monkeypatch: pytest.MonkeyPatch, state: bytes, cannot_be_killed: bool
) -> None:
    """One that was killed and has not had its turn yet, on a busy machine, is waited for."""
    waitpid, calls = os.waitpid, iter(range(1000))
    monkeypatch.setattr(child, "DYING", 0.0)
    monkeypatch.setattr(stuck, "_stat", lambda pid: [state, *18 * [b"0"], b"77"])
    monkeypatch.setattr(os, "waitpid", lambda pid, how: waitpid(pid, how) if next(calls) > 5 else (0, 0))
    process = child.Child(lambda answer: time.sleep(60))
    process.stop()
    assert bool(process.stuck) is cannot_be_killed
    with contextlib.suppress(ChildProcessError):  # it was waited for
        waitpid(process.pid, 0)


def test_work_apart_says_why_nothing_came() -> None:
    assert apart(lambda: [1, "two"], 5) == ([1, "two"], "", None)
    assert apart(lambda: 1 // 0, 5)[1].endswith("ZeroDivisionError: integer division or modulo by zero")
    assert apart(lambda: os.kill(os.getpid(), 9), 5)[1].endswith("was killed")
    assert apart(lambda: time.sleep(60), 0.1) == (None, "gave no answer within 0.1 s", None)


def test_work_apart_is_done_though_closing_a_pipe_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """close(2) frees the descriptor, whatever it answers."""
    me, close = os.getpid(), os.close

    def failing(end: int) -> None:
        close(end)
        if os.getpid() == me:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "close", failing)
    assert apart(lambda: "done", 5) == ("done", "", None)


def test_work_apart_that_is_killed_is_tried_once_more(tmp_path: Path) -> None:
    mark = tmp_path / "killed once"

    def work() -> str:
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)
        return "done"

    assert apart(work, 5) == ("done", "", None)
