"""The keys of a board: what is a press, and which key is not believed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from domo.panel.keys import HEALED, JAMMED, Keys


def looked(keys: Keys, *moments: tuple[float, set[int]]) -> list[tuple[float, int]]:
    """What the keys tell of these looks: the moment of each press, and the key."""
    return [(now, key) for now, down in moments for key in keys.pressed(down, now)]


def test_only_a_key_that_was_seen_up_can_go_down() -> None:
    assert looked(Keys(8), (0, {3}), (1, {3}), (2, set()), (3, {3}), (4, {3})) == [(3, 3)]


def test_what_is_down_when_a_board_comes_back_nobody_has_pressed() -> None:
    assert looked(Keys(8), (5, {2, 4}), (6, set()), (7, {4})) == [(7, 4)]


def test_a_key_that_stays_down_for_a_minute_is_stuck_until_it_was_up_for_a_while() -> None:
    keys = Keys(8)
    assert looked(keys, (0, set()), (1, {5})) == [(1, 5)] and keys.quick
    assert looked(keys, (JAMMED, {5})) == [] and keys.jammed == ()
    assert looked(keys, (JAMMED + 1, {5})) == [] and keys.jammed == (5,) and not keys.quick and keys.restless
    at = JAMMED + 100
    assert looked(keys, (at, set()), (at + 1, {5}), (at + 2, set())) == [] and keys.jammed == (5,)
    assert looked(keys, (at + 2 + HEALED, set())) == [] and keys.jammed == () and not keys.restless
    assert looked(keys, (at + 3 + HEALED, {5})) == [(at + 3 + HEALED, 5)]


def test_a_damp_key_that_comes_and_goes_is_stuck_after_a_minute_too() -> None:
    keys = Keys(8)
    moments = [(n / 4, {7} if n % 3 else set()) for n in range(1000)]
    presses = looked(keys, *moments)
    assert presses[-1][0] < JAMMED + 1 and keys.jammed == (7,)


def test_a_key_beside_one_that_is_stuck_is_obeyed() -> None:
    keys = Keys(8)
    looked(keys, (0, {1}), (JAMMED, {1}))
    assert keys.jammed == (1,)
    assert looked(keys, (61, {1, 2}), (62, {1})) == [(61, 2)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 90), st.sets(st.integers(1, 8))), max_size=60))
def test_a_press_is_always_a_key_that_was_up_and_is_believed(looks: list[tuple[float, set[int]]]) -> None:
    keys, now, before = Keys(8), 0.0, set(range(1, 9))
    for gap, down in looks:
        now += gap
        pressed = set(keys.pressed(down, now))
        assert pressed <= down - before - set(keys.jammed)
        assert keys.restless or not (down or keys.jammed or keys.quick)
        before = down
