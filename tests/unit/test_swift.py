"""What makes a replay fast changes nothing: the past a minute later is the one that a tick would read from
its file, and a script is run through once only where that cannot be told from each time."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domo.core.history import OFF, ON, History
from domo.core.model import Now, Order, Past, Reading
from domo.core.records import replace
from domo.core.settings import Config
from domo.plant import swift
from domo.scripts import source
from domo.scripts.api import World
from domo.stores import memory, plant_keys
from support.model import examples

AGES = st.lists(st.integers(0, 3 * 1440), max_size=12, unique=True)
MINUTES = AGES.map(lambda row: sorted(row, reverse=True))
SWITCHES = st.sets(st.integers(0, 199), max_size=5)
SECONDS = (60.0, 3600.0, 12 * 3600.0, 24 * 3600.0, 48 * 3600.0)


def row(minutes: list[int]) -> History:
    """Switches so many minutes ago, on first."""
    return History(tuple((60.0 * age, (place + 1) % 2) for place, age in enumerate(minutes)))


@given(first=MINUTES, second=MINUTES, ticks=st.integers(1, 200), switches=SWITCHES)
@examples(100)
def test_a_past_ages_as_if_it_were_written_and_read(
    first: list[int], second: list[int], ticks: int, switches: set[int]
) -> None:
    read = Past(
        history={1: row(first), 2: row(second)},
        auto_on={1: 60.0},
        support={2: 0.0},
        timers={"bath": (0.0, 600.0, 1)},
        charge={"float m": None, "float n": 120.0},
        frozen=("V=1", 60.0),
        sky={"now": 0.123456, "age": 60.0, "look": 0.0},
        data=0.0,
        tick=0.0,
        why={1: "sun"},
        states={1: row(first).last_state},
    )
    swiftly, clock, now = read, swift.Clock(), Now(1e9, 1e6, "b")
    for place in range(ticks):
        later = Now(now.wall + 60, now.up + 60, now.boot)
        read = memory.restored(memory.kept(read, now), later)
        swiftly = swift.aged(swiftly, 60.0, clock)
        now = later
        if place in switches:
            state = ON if read.history[1].last_state == OFF else OFF
            read, swiftly = (
                replace(p, history={**p.history, 1: History((*p.history[1].switches, (0.0, state)))})
                for p in (read, swiftly)
            )
    for name in ("auto_on", "support", "timers", "charge", "frozen", "sky", "data", "tick", "why", "states"):
        assert getattr(swiftly, name) == getattr(read, name), name
    for relay in (1, 2):
        one, other = swiftly.history[relay], read.history[relay]
        assert one.switches == other.switches
        assert (one.last_state, one.since(ON), one.since(OFF)) == (
            other.last_state, other.since(ON), other.since(OFF)
        )  # fmt: skip
        for seconds in (*SECONDS, float("inf")):
            assert one.spans(seconds) == other.spans(seconds)
            assert one.starts(seconds) == other.starts(seconds)
        assert (one.last(ON), one.last(OFF)) == (other.last(ON), other.last(OFF))
        assert one.cycle(3600) == other.cycle(3600)


def test_generated_constructors_do_what_the_common_one_does() -> None:
    swift.generate()
    assert Order("on", why="sun") == Order(wanted="on", why="sun")
    assert Past() == Past(timers={}) and Past().timers is not Past().timers
    with pytest.raises(TypeError):
        Order("on", "sun", "more")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Order("on", "sun").why = "moon"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("body", "once"),
    [
        ("import time\nFROM, TO = 9, 17\nDAY = 24 * 3600", True),
        ('"""Words."""\nSTEPS = (1, 2, 3)', True),
        ("SEEN = []", False),
        ("SEEN = {}", False),
        ("COUNT = 0\ndef bump():\n    global COUNT\n    COUNT += 1", False),
        ("def more(row=[]):\n    row.append(1)", False),
        ("import math\nmath.seen = 1", False),
        ("class Box:\n    full = False", False),
        ("def f(x):\n    f.calls = 1", False),
        ("import random\nLUCK = random.random()", False),
        ("if True:\n    A = 1", False),
    ],
)
def test_only_a_script_that_can_remember_nothing_is_run_through_once(body: str, once: bool) -> None:
    script = f"{body}\ndef decide(relay, data):\n    return relay.off('x')\n"
    assert swift.forgetful(ast.parse(script)) == once


SCRIPTS = {
    "on": "return relay.on('sun')",
    "off": "return relay.off('%s' % relay.others[1].on_for)",
    "keep": "return relay.keep('wait')",
    "no reason": "return relay.off('')",
    "a list for a reason": "return relay.on(['sun', 1])",
    "no order": "return 'on'",
    "an order that was not asked for": "return relay.off",
    "fails after its timer": "relay.timer('bath').start(60)\n    return relay.on(1 / 0)",
    "starts a timer": "relay.timer('bath').start(60)\n    return relay.on('bath')",
    "a long reason": "return relay.on('x' * 900)",
    "ends the program": "raise SystemExit(3)",
}


@pytest.mark.parametrize("timers", [{}, {"old": (5.0, 60.0, 0)}], ids=["no timer", "a timer"])
@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_says_what_it_says_in_a_tick(
    tmp_path: Path, text: str, timers: dict[str, tuple[float, float, int]]
) -> None:
    """The order, the words of its fault, and the timers that it leaves."""
    file = tmp_path / "1.py"
    file.write_text(f"def decide(relay, data):\n    {text}\n")
    file.chmod(0o644)
    config = Config(path="", scriptDir=str(tmp_path), relayNb=1, plant=plant_keys.plant({}))
    ready = swift.ready(config, [1], source.Library(str(tmp_path)))
    code, decide = ready[1]
    assert decide
    told = []
    for ask in (swift.ask, swift.ask, source.ask):
        past = Past(timers=timers)
        world = World(config, {1: 1}, {1: OFF}, past, Reading(()), Now(1e9, 1e6, "b"))
        order = ask(1, world, code, decide)
        told.append((order, dict(world.timers)))
    assert told[0] == told[1] == told[2]
