"""When a force ends, as people say it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domo.core.model import Fault
from domo.tools.when import seconds_until

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(autouse=True)
def in_paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clocks go back at 3:00 on 25 October 2026, and forward at 2:00 on 28 March 2027."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def moment(text: str, second: bool = False) -> float:
    """A moment in Paris; of an hour that happens twice, the second one."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS, fold=second).timestamp()


@pytest.mark.parametrize(
    ("now", "second", "until", "hours"),
    [
        ("2026-11-22T17:00", False, (18, 30), 1.5),
        ("2026-11-22T18:30", False, (18, 30), 24),
        ("2026-11-22T19:00", False, (18, 30), 23.5),
        ("2026-10-25T01:00", False, (2, 30), 1.5),  # the first of the two
        ("2026-10-25T02:45", False, (2, 30), 0.75),  # the second
        ("2026-10-25T02:15", True, (2, 30), 0.25),
        ("2026-10-25T02:45", True, (2, 30), 23.75),
        ("2026-10-24T18:00", False, (18, 0), 25),
        ("2026-10-24T19:00", False, (18, 0), 24),
        ("2027-03-28T01:00", False, (2, 30), 1.5),  # which is 3:30: there is no 2:30
        ("2027-03-28T01:30", False, (3, 30), 1),
        ("2027-03-27T19:00", False, (18, 0), 22),
    ],
)
def test_the_next_time_that_clocks_show_it(
    now: str, second: bool, until: tuple[int, int], hours: float
) -> None:
    assert seconds_until(until, moment(now, second)) == hours * 3600


@settings(deadline=None)
@given(st.integers(1_767_000_000, 1_830_000_000), st.integers(0, 23), st.integers(0, 59))
def test_it_is_the_first_minute_at_which_clocks_show_it(wall: int, hour: int, minute: int) -> None:
    end = wall + seconds_until((hour, minute), wall)
    shown = time.localtime(end)
    if shown[3:5] == (hour, minute):
        earlier = range(int(wall - wall % 60) + 60, int(end), 60)
        assert not [m for m in earlier if time.localtime(m)[3:5] == (hour, minute)]
    else:
        assert (hour, shown.tm_hour) == (2, 3) and shown.tm_min == minute, "it was left out"
    assert 0 < end - wall <= 25 * 3600


def test_before_anybody_has_set_the_clock_nobody_knows() -> None:
    with pytest.raises(Fault, match="the clock says 1970-01-01 01:02, .* use --for"):
        seconds_until((18, 30), 150.0)
