"""The fixtures that every room of tests has."""

from __future__ import annotations

import os
import posix
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domo.scripts import answering
from support.house import Clock, House
from support.machine import built, machine, unprotected  # noqa: F401
from support.server import server  # noqa: F401

# Who is started in the background, or by nohup, is deaf to these, and so are all programs below it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house where SOC is 96.4, nothing is scripted, and no tick has run yet."""
    before = os.umask(0o022)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setitem(posix.environ, b"TMPDIR", os.fsencode(tmp_path / "tmp"))  # for a tick in this process
    monkeypatch.setattr(answering, "MEMORY_BYTES", 1 << 40)  # this process is larger than a tick may be
    monkeypatch.setenv("DOMO_SAY", "all")  # as the house's own env
    monkeypatch.delenv("DOMO_CONFIG", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    yield House(tmp_path)
    os.umask(before)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test moves it."""
    return Clock()


@pytest.fixture
def paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hours of Paris, where clocks change twice a year."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
