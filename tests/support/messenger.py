"""The messenger of `onChange`, as a test sees it from outside."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from domo.stores import events
from domo.stores.config import load
from support.house import House, until


@pytest.fixture
def cron(house: House) -> Iterator[None]:
    """The ticks are cron's; and no messenger outlives the test."""
    del house.env["DOMO_SAY"]
    yield
    house.configure({"domo.onChange": []})
    until(lambda: not working(house), 60)


def working(house: House) -> bool:
    """Whether a messenger is at work."""
    lock = house.folder / "domo_events.lock"
    return lock.exists() and subprocess.run(["flock", "-n", str(lock), "true"]).returncode != 0


def waiting(house: House) -> list[str]:
    """The files that wait to be told."""
    return events.names(load(str(house.config))[0])
