"""A tick that the panel or domo-mod starts: it is ended if it hangs, and no Ctrl-C reaches it."""

from __future__ import annotations

import os
import signal

import pytest

from domo.tick import process
from support.house import defaults, until


def test_a_tick_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the panel would wait for it for ever, and run no other."""
    monkeypatch.setattr(process, "STUCK_SECONDS", 0.2)
    tick = process.Tick(defaults())
    os.kill(tick._pid, signal.SIGSTOP)
    try:
        until(lambda: tick.ended() is not None)
        assert tick.ended() == -signal.SIGKILL
    finally:
        if tick.ended() is None:
            os.kill(tick._pid, signal.SIGCONT)


def test_a_ctrl_c_on_our_terminal_does_not_reach_it() -> None:
    tick = process.Tick(defaults())
    try:
        assert os.getpgid(tick._pid) == tick._pid
    finally:
        tick.wait()
