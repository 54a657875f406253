"""A sample of `make trust`, and that what it finds is told so that a person can use it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

import trust
from support.home import happens
from support.house import PROJECT


@pytest.mark.timeout(900)
def test_some_lives_break_no_invariant() -> None:
    command = [sys.executable, "tools/trust.py", "--ticks", "1000", "--steps", "150"]
    path = {"PYTHONPATH": f"{PROJECT}/lib:{PROJECT}/tests", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=PROJECT, env=path, capture_output=True, text=True)
    assert "no invariants broken" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"ticks killed +[1-9]", done.stdout)


class Glass:
    """A home that breaks when a stone is thrown after the shutters were opened."""

    @happens()
    def begin(self) -> None:
        self.shut, self.stones = True, 0

    @happens(when=lambda home: home.shut)
    def shutters_open(self) -> None:
        self.shut = False

    @happens(weight=(1, 5))
    def stone(self, weight: int) -> None:
        assert self.shut or weight < 5

    @happens()
    def nothing(self) -> None: ...


def test_what_breaks_an_invariant_is_made_as_short_as_it_can_be() -> None:
    steps: list[tuple[str, dict[str, Any]]] = [("begin", {})]
    steps += 7 * [("nothing", {}), ("stone", {"weight": 5}), ("stone", {"weight": 1})]
    steps += [("shutters_open", {}), *9 * [("nothing", {})], ("stone", {"weight": 5}), ("nothing", {})]
    wrong = trust.breaks(Glass, steps)
    assert "assert self.shut or weight < 5" in wrong
    short = trust.shortened(Glass, steps, wrong)
    assert short == [("begin", {}), ("shutters_open", {}), ("stone", {"weight": 5})]
    assert trust.as_test(short) == (
        "    day = home()\n    day.begin()\n    day.shutters_open()\n    day.stone(weight=5)"
    )


def test_the_same_seed_is_the_same_weather() -> None:
    one, two = (trust.Weather(trust.random.Random(5)) for _ in range(2))
    soc = [one.soc(1_750_000_000 + 600 * n) for n in range(500)]
    assert soc == [two.soc(1_750_000_000 + 600 * n) for n in range(500)]
    assert len(set(soc)) > 20
