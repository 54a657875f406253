"""What the tick remembers: a relay's history against a model that counts every second, and the memory
under clocks that do as they please."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domo.core.history import KEPT, KEPT_SWITCHES, OFF, ON, History
from domo.core.model import FORCED, Now, Past
from domo.core.records import replace
from domo.core.settings import Config
from domo.core.texts import one_line
from domo.stores import memory
from domo.system import tinyjson
from support.model import examples

# ---------------------------------------------------------------------------------------- history

GRAIN = 600  # s; times are multiples of it, so that 48 h are 288 steps to count
WINDOWS = st.integers(1, int(KEPT / GRAIN)).map(lambda grains: grains * GRAIN)


@st.composite
def histories(draw: st.DrawFn, grains: int = 400, most: int = 40) -> History:
    """Alternating switches at different times, oldest first."""
    ages = sorted(draw(st.lists(st.integers(0, grains), unique=True, max_size=most)), reverse=True)
    first = draw(st.sampled_from((OFF, ON)))
    return History(tuple((age * GRAIN * 1.0, (first + place) % 2) for place, age in enumerate(ages)))


def state_at(history: History, age: float) -> int:
    """The state at that age, just after it: that of the last switch no younger."""
    before = [state for switched, state in history.switches if switched >= age]
    return before[-1] if before else OFF


def moments(seconds: float) -> range:
    """The ages at which each grain of the last `seconds` begins."""
    return range(GRAIN, int(seconds) + 1, GRAIN)


@examples(400)
@given(histories(), WINDOWS)
def test_on_time_counts_the_seconds_on(history: History, seconds: int) -> None:
    assert history.on_time(seconds) == sum(GRAIN for age in moments(seconds) if state_at(history, age) == ON)


@examples(400)
@given(histories(), WINDOWS)
def test_spans_are_the_times_on(history: History, seconds: int) -> None:
    spans = history.spans(seconds)
    covered = [age for age in moments(seconds) if any(start >= age > end for start, end in spans)]
    assert covered == [age for age in moments(seconds) if state_at(history, age) == ON]
    assert all(seconds >= start >= end >= 0 for start, end in spans)
    assert all(one[1] > other[0] for one, other in zip(spans, spans[1:], strict=False)), "apart, oldest first"


@examples(400)
@given(histories(), WINDOWS)
def test_starts_counts_the_switches_on(history: History, seconds: int) -> None:
    started = [age for age, state in history.switches if state == ON and age < seconds]
    assert history.starts(seconds) == len(started)


@examples(400)
@given(histories())
def test_since_says_how_long_the_state_lasts(history: History) -> None:
    oldest = history.switches[0][0] if history.switches else math.inf
    for state in (OFF, ON):
        age = 0.0
        while state_at(history, 0) == state and age < oldest and state_at(history, age + GRAIN) == state:
            age = age + GRAIN if history.switches else math.inf
        assert history.since(state) == age


@examples(400)
@given(histories())
def test_last_is_the_youngest_switch(history: History) -> None:
    for state in (OFF, ON):
        found = [age for age, to in history.switches if to == state]
        assert history.last(state) == (min(found) if found else None)


@examples(400)
@given(histories(grains=1000, most=300), st.integers(1, 48 * 60))
@example(History(((500000.0, ON), (400000.0, OFF), (300000.0, ON), (200000.0, OFF))), 48 * 60)
@example(History(((KEPT + 2, ON), (KEPT + 1, OFF), (KEPT, ON))), 48 * 60)
@example(History(tuple((60.0 * (2880 - minute), (minute + 1) % 2) for minute in range(2880))), 24 * 60)
def test_pruning_changes_no_answer(history: History, minutes: int) -> None:
    """Also for a relay that is switched every minute, which is as often as there is a tick."""
    pruned = history.pruned()
    seconds = minutes * 60
    assert pruned.on_time(seconds) == history.on_time(seconds)
    assert pruned.starts(seconds) == history.starts(seconds)
    assert pruned.spans(seconds) == history.spans(seconds)
    for state in (OFF, ON):
        assert pruned.last(state) == history.last(state)
        assert pruned.since(state) == history.since(state)
    assert pruned.last_state == history.last_state
    assert pruned.pruned() == pruned


@examples(200)
@given(histories(grains=100_000, most=300))
def test_pruning_keeps_no_more_than_it_must(history: History) -> None:
    pruned = history.pruned().switches
    assert sum(age > KEPT for age, _ in pruned) <= 2


# ----------------------------------------------------------------------------------------- memory

AGES = st.integers(0, 10**9).map(lambda milliseconds: milliseconds / 1000)
RELAYS = st.integers(1, 30)
STATES = st.sampled_from((OFF, ON))
NAMES = st.text(st.characters(codec="utf-8"), max_size=12).map(one_line)  # as what enters is cleaned
WALLS = st.floats(-1e10, 1e11)
UPS = st.floats(0, 1e9)
BOOTS = st.sampled_from((("a", "b"), ("a", "a"), ("", "")))


def in_order(switches: list[tuple[float, int]]) -> History:
    """The switches as a history, oldest first."""
    return History(tuple(sorted(switches, key=lambda switch: -switch[0])))


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    """Whatever a tick can come to remember."""
    ages = st.dictionaries(RELAYS, AGES, max_size=3)
    rows = st.lists(st.tuples(AGES, STATES), max_size=6).map(in_order)
    return Past(
        tick=0.0,
        modes=draw(st.dictionaries(RELAYS, st.integers(0, 3), max_size=3)),
        ours=frozenset(draw(st.sets(RELAYS, max_size=3))),
        states=draw(st.dictionaries(RELAYS, STATES, max_size=3)),
        history=draw(st.dictionaries(RELAYS, rows, max_size=3)),
        auto_on=draw(ages),
        support=draw(ages),
        data=draw(st.none() | AGES),
        timers=draw(st.dictionaries(NAMES, st.tuples(AGES, AGES, st.integers(0, 99)), max_size=2)),
        charge=draw(st.dictionaries(NAMES, st.none() | AGES, max_size=2)),
        frozen=(draw(NAMES), draw(AGES)),
        turns=tuple(draw(st.lists(RELAYS, max_size=3, unique=True))),
        scripted=tuple(sorted(draw(st.sets(RELAYS, max_size=3)))),
        stuck=draw(
            st.dictionaries(NAMES, st.tuples(st.integers(1, 1 << 22), st.integers(1, 10**9)), max_size=2)
        ),
        why=draw(st.dictionaries(RELAYS, NAMES, max_size=2)),
        reports=tuple(draw(st.lists(NAMES, max_size=2))),
        until=draw(st.dictionaries(RELAYS, st.tuples(st.sampled_from(FORCED), AGES, AGES), max_size=2)),
    )


def all_ages(past: Past) -> Iterator[float]:
    """Every age in it, in a fixed order."""
    for row in past.history.values():
        yield from (age for age, _ in row.switches)
    yield from past.auto_on.values()
    yield from past.support.values()
    yield from (age for age, _, _ in past.timers.values())
    yield from (age for _, age, _ in past.until.values())
    yield from (
        age for age in (past.data, past.tick, past.frozen[1], *past.charge.values()) if age is not None
    )


def aged(past: Past, seconds: float) -> Past:
    """The same past so many seconds later."""
    return replace(
        past,
        tick=(past.tick or 0) + seconds,
        history={
            r: History(tuple((a + seconds, s) for a, s in row.switches)) for r, row in past.history.items()
        },
        auto_on={r: a + seconds for r, a in past.auto_on.items()},
        support={r: a + seconds for r, a in past.support.items()},
        data=None if past.data is None else past.data + seconds,
        timers={n: (a + seconds, length, count) for n, (a, length, count) in past.timers.items()},
        charge={n: None if a is None else a + seconds for n, a in past.charge.items()},
        frozen=(past.frozen[0], past.frozen[1] + seconds),
        until={r: (mode, a + seconds, length) for r, (mode, a, length) in past.until.items()},
    )


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config(path="", prefixFileData=f"{tmp_path_factory.mktemp('memory')}/")


def saved_and_loaded(config: Config, past: Past, then: Now, now: Now) -> Past:
    memory.save(config, past, then)
    loaded, report = memory.load(config, now)
    assert report == ""
    assert loaded is not None
    return loaded


@examples(100)
@given(past=pasts(), wall=WALLS, up=UPS)
def test_memory_read_at_once_is_what_was_saved(config: Config, past: Past, wall: float, up: float) -> None:
    now = Now(wall, up, "boot")
    pruned = replace(past, history={r: row.pruned() for r, row in past.history.items()})
    assert saved_and_loaded(config, past, now, now) == replace(pruned, unset=wall < memory.PLAUSIBLE)


@examples(100)
@given(past=pasts(), walls=st.tuples(WALLS, WALLS), up=st.integers(0, 10**8), later=st.integers(0, 10**6))
def test_within_a_boot_only_the_time_since_boot_counts(
    config: Config, past: Past, walls: tuple[float, float], up: int, later: int
) -> None:
    """Whatever the wall clock does: the ages grow by exactly the time that went by."""
    past = replace(past, history={r: row.pruned() for r, row in past.history.items()})
    loaded = saved_and_loaded(config, past, Now(walls[0], up, "boot"), Now(walls[1], up + later, "boot"))
    assert loaded == replace(aged(past, later), unset=walls[0] < memory.PLAUSIBLE)


@examples(100)
@given(past=pasts(), walls=st.tuples(WALLS, WALLS), ups=st.tuples(UPS, UPS), boots=BOOTS)
def test_no_age_is_ever_negative_or_less_than_it_was(
    config: Config, past: Past, walls: tuple[float, float], ups: tuple[float, float], boots: tuple[str, str]
) -> None:
    past = replace(past, history={r: row.pruned() for r, row in past.history.items()})
    then, now = Now(walls[0], ups[0], boots[0]), Now(walls[1], ups[1], boots[1])
    loaded = saved_and_loaded(config, past, then, now)
    for before, after in zip(all_ages(past), all_ages(loaded), strict=True):
        assert after >= before >= 0
    for row in loaded.history.values():
        assert list(row.switches) == sorted(row.switches, key=lambda switch: -switch[0])


@examples(100)
@given(past=pasts(), walls=st.tuples(WALLS, WALLS), ups=st.tuples(UPS, UPS))
def test_after_a_reboot_everything_is_at_least_as_old_as_the_boot(
    config: Config, past: Past, walls: tuple[float, float], ups: tuple[float, float]
) -> None:
    past = replace(past, history={r: row.pruned() for r, row in past.history.items()})
    loaded = saved_and_loaded(config, past, Now(walls[0], ups[0], "before"), Now(walls[1], ups[1], "after"))
    gone = max(ups[1], walls[1] - walls[0])
    for before, after in zip(all_ages(past), all_ages(loaded), strict=True):
        assert after == before + gone


@examples(300)
@given(past=pasts(), tick=st.sampled_from((None, 0.0)), up=UPS, drawn=st.data())
def test_what_is_found_is_never_in_the_future_and_never_before_what_is_known(
    past: Past, tick: float | None, up: float, drawn: st.DataObject
) -> None:
    past = replace(past, tick=tick)
    found = {relay: drawn.draw(st.tuples(STATES, STATES)) for relay in (*past.history, 31)}
    pins = {relay: pin for relay, (pin, _) in found.items()}
    states = {relay: min(both) for relay, both in found.items()}  # on by its pin and by what was left
    seen = memory.observe(past, states, pins, Now(0, up, "boot"))
    assert seen.states == states
    for relay, state in states.items():
        if pins[relay] != state and past.history.get(relay, History()).last_state != state:
            assert seen.history[relay].switches[-1] == (0, OFF)
        row = seen.history.get(relay, History()).switches
        assert seen.history.get(relay, History()).last_state == state
        assert list(row) == sorted(row, key=lambda switch: -switch[0])
        assert all(age >= 0 for age, _ in row)


# What is in the file is no more than a wish: anything at all, or a good memory with a wrong part.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats() | NAMES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.sampled_from("12"), inner, max_size=3)
    ),
    max_leaves=6,
)


def usable(past: Past) -> None:
    """A past that the tick can count with: ages, states and modes are what they are said to be."""
    assert all(0 <= age < math.inf for age in all_ages(past))
    assert all(0 <= length < math.inf for _, length, _ in (*past.timers.values(), *past.until.values()))
    assert all(force in FORCED for force, _, _ in past.until.values())
    assert all(type(mode) is int and mode in range(4) for mode in past.modes.values())
    assert all(type(state) is int and state in (OFF, ON) for state in past.states.values())
    assert all(
        type(relay) is int
        for relay in (*past.modes, *past.ours, *past.states, *past.history, *past.turns, *past.scripted)
    )
    for row in past.history.values():
        assert all(type(state) is int and state in (OFF, ON) for _, state in row.switches)
        assert list(row.switches) == sorted(row.switches, key=lambda switch: -switch[0])
    memory.observe(past, {1: OFF, 2: ON}, {1: ON, 2: ON}, Now(0, 60, "boot"))
    tinyjson.dumps(memory.kept(past, Now(0, 60, "boot")))


def judged(config: Config, content: bytes) -> None:
    """The memory is used, and can be; or it is not, and the message says so."""
    Path(config.memory_path).write_bytes(content)
    past, report = memory.load(config, Now(1e9, 1000, "boot"))
    if past is None:
        assert config.memory_path in report
    else:
        assert report == ""
        usable(past)


@examples(300)
@given(content=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
@example(content=b"")
@example(content=b"{}")
@example(content=b"\xff\xfe{}")
@example(content=b"[" * 100_000)
@example(content=b'{"version":2}')
@example(content=b'{"version":1e999}')
def test_garbage_is_no_memory(config: Config, content: bytes) -> None:
    judged(config, content)


@examples(300)
@given(past=pasts(), data=st.data())
def test_a_wrong_part_is_no_memory_or_no_harm(config: Config, past: Past, data: st.DataObject) -> None:
    memory.save(config, past, Now(1e9, 900, "boot"))
    saved = json.loads(Path(config.memory_path).read_bytes())
    part = data.draw(st.sampled_from(sorted(saved)), label="part")
    path = [part]
    inside = saved
    while (
        isinstance(inside[path[-1]], (dict, list))
        and inside[path[-1]]
        and data.draw(st.booleans(), label="go in")
    ):
        inside = inside[path[-1]]
        path.append(
            data.draw(st.sampled_from(sorted(inside) if isinstance(inside, dict) else range(len(inside))))
        )
    if data.draw(st.booleans(), label="drop it"):
        del inside[path[-1]]
    else:
        inside[path[-1]] = data.draw(JSON, label="instead")
    judged(config, json.dumps(saved).encode())


@examples(100)
@given(past=pasts(), size=st.floats(0, 1), tail=st.binary(max_size=4))
def test_a_torn_memory_is_no_memory(config: Config, past: Past, size: float, tail: bytes) -> None:
    memory.save(config, past, Now(1e9, 900, "boot"))
    content = Path(config.memory_path).read_bytes()
    judged(config, content[: int(size * len(content))] + tail)


def test_a_switch_that_is_told_twice_is_one_start() -> None:
    """The journal may hold a switch twice: another program writes it too."""
    assert History(((900.0, ON), (600.0, ON), (300.0, OFF), (60.0, ON))).starts(3600) == 2


def test_pruning_keeps_no_more_switches_than_anybody_needs() -> None:
    """Whoever plays with a relay faster than once a minute fills no memory."""
    row = tuple((10.0 * (9000 - place), place % 2) for place in range(9000))
    assert History(row).pruned() == History(row[-KEPT_SWITCHES:])
