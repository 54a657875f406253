"""What makes a replay fast changes nothing: the past a minute later is the one that a tick would read from
its file, and a script is run through once only where that cannot be told from each time."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domo.core.history import OFF, ON, History
from domo.core.model import Now, Order, Past, Reading
from domo.core.records import replace
from domo.core.settings import Config
from domo.plant import swift, swift_scripts
from domo.scripts import source
from domo.scripts.api import World
from domo.stores import memory, plant_keys
from support.house import PROJECT
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
    assert swift_scripts.forgetful(ast.parse(script)) == once


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
    "a name that is not there": "return relay.on(f'{relay.on_four} s')",
    "a value that is not there": "return relay.on(f'{data.PPV} W')",
    "a question without brackets": "return relay.on('float' if data.mppt_float else 'bulk')",
    "a question without brackets, later": "ask = relay.ran_today\n    return relay.on('x' if ask else 'y')",
    "a question for another relay": "return relay.off(f'{relay.others[1].on_time(hours=2)} s')",
    "hides its mistakes": (
        "try:\n        return relay.on(relay.on_four)\n"
        "    except AttributeError:\n        return relay.off('hidden')\n"
        "    except Exception as error:\n        return relay.off(f'{error}')"
    ),
    "looks first": "return relay.on('four') if hasattr(relay, 'on_four') else relay.off('none')",
    "looks what it got": (
        "from domo.api import Relay\n    return relay.on('x') if isinstance(relay, Relay) else relay.off('y')"
    ),
    "what it got in words": "return relay.on(f'{relay!r}'.partition(' at ')[0])",
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
    ready = swift_scripts.ready(config, [1], source.Library(str(tmp_path)))
    assert ready[1][1]
    told = []
    for swiftly in (True, True, False):
        past = Past(timers=timers)
        kind = swift_scripts.Minute if swiftly else World
        world = kind(config, {1: 1}, {1: OFF}, past, Reading(()), Now(1e9, 1e6, "b"))
        order = swift_scripts.ask(1, world, ready[1]) if swiftly else source.ask(1, world, ready[1][0])
        told.append((order, dict(world.timers)))
    assert told[0] == told[1] == told[2]


def test_the_examples_are_asked_swiftly() -> None:
    for file in (PROJECT / "relay.script.d").glob("*.py.example"):
        assert swift_scripts.plain(ast.parse(file.read_text())), file


def test_the_hour_is_that_of_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the days on which the clocks change."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    config = Config(path="", relayNb=1, plant=plant_keys.plant({}))
    for day in (1_774_738_800, 1_792_879_200):  # 2026-03-29 and 2026-10-25
        for minute in range(1440):
            given = config, {1: 1}, {1: OFF}, Past(), Reading(()), Now(day + 60.0 * minute, 1e6, "b")
            swiftly, real = swift_scripts.Minute(*given).now, World(*given).now
            assert (swiftly, swiftly.fold, f"{swiftly:%c %z %Z}") == (real, real.fold, f"{real:%c %z %Z}")
    monkeypatch.undo()
    time.tzset()
