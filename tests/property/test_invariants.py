"""The invariants over whole ticks, one after the other, while everything around them goes wrong.

hypothesis chooses what happens in a `Home` (support/home.py), which checks all invariants after every tick;
`make trust` does the same by chance, for long.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support.home import GARBAGE, JOURNALS, Home
from support.model import examples


def machine(home: type[Home]) -> type[RuleBasedStateMachine]:
    """A state machine of what may happen in such a home."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.home = home()

    def chosen(name: str, mark: Callable[..., Callable[..., object]]) -> Callable[..., object]:
        def happen(self: Machine, **given: object) -> None:
            getattr(self.home, name)(**given)

        happen.__name__ = name
        choices = getattr(home, name).choices
        return mark(**{argument: st.sampled_from(values) for argument, values in choices.items()})(happen)

    Machine.begin = chosen("begin", initialize)  # type: ignore[attr-defined]
    for name, event in home.events().items():
        can = precondition(lambda self, event=event: event.when(self.home))
        setattr(Machine, name, can(chosen(name, rule)))
    return Machine


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Home]:
    """A home in the test's folder, where nobody waits for a writer who is none."""
    monkeypatch.setattr("domo.stores.modes.TORN_SECONDS", 0.0)
    monkeypatch.setattr("domo.scripts.answering.MEMORY_BYTES", 1 << 40)  # this process is no tick's
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("DOMO_CONFIG", raising=False)

    class HomeHere(Home):
        folder = tmp_path

    return HomeHere


@pytest.mark.timeout(1800)
def test_the_invariants_hold_whatever_happens(home: type[Home]) -> None:
    run_state_machine_as_test(machine(home), settings=examples(12, 40))


# Some days by hand, most of which once broke an invariant. They are checked after every tick, as above.


def test_a_2_of_our_own_is_nobodys_order_once_its_script_is_gone(home: type[Home]) -> None:
    day = home()
    day.begin(limited=False, journal=True)
    day.minutes(1)
    day.owner_programs(relay=1, kind="")
    day.minutes(9)
    assert day.on[1] and day.on[2]
    day.minutes(1)
    assert not day.on[1] and day.on[2]
    day.program_orders(relay=1, mode=2, by_rename=True)
    day.minutes(1)
    assert day.on[1]


def test_a_script_taken_away_while_the_mode_file_cannot_be_read_supports_no_longer(home: type[Home]) -> None:
    """The 2 of ours that could not be written stands in the memory, and holds as if it had been."""
    day = home()
    day.begin(limited=False, journal=True)
    day.mode_file_goes(directory=True)
    day.owner_programs(relay=4, kind="on")
    day.minutes(3)
    assert day.on[4]
    day.owner_programs(relay=4, kind="")
    day.minutes(9)
    assert day.on[4]
    day.minutes(1)
    assert not day.on[4]


def test_a_2_of_another_program_is_nothing_of_ours_though_the_file_cannot_be_read(home: type[Home]) -> None:
    day = home()
    day.begin(limited=False, journal=True)
    day.program_orders(relay=4, mode=2, by_rename=False)
    day.minutes(3)
    assert day.on[4]
    day.owner_slips(text='{"1":3,"2":[0],"3":2.0,"4":-1,"note":"mine"}', by_rename=False)
    day.minutes(2)
    day.owner_slips(text="{", by_rename=False)
    day.minutes(4)


def test_two_power_cuts_before_a_tick_count_as_one(home: type[Home]) -> None:
    """What was off from the first of them on did not run until the second."""
    day = home()
    day.begin(limited=True, journal=True)
    assert day.on[3]
    day.power_cut(down=600, clock="stood still", tmpfs=False, driven=True)
    day.power_cut(down=600, clock="1970", tmpfs=False, driven=False)
    day.minutes(1)
    assert day.on[3] and day.ran(3) == 0


def test_a_force_while_the_tick_runs_leaves_the_inverter_less_at_once(home: type[Home]) -> None:
    day = home()
    day.begin(limited=True, journal=True)
    day.owner_forces_while_a_tick_runs(relay=2, mode=3, by_rename=False)
    assert day.on[2] and not day.on[1]


def test_after_a_full_disk_nothing_is_on_because_an_old_memory_says_so(home: type[Home]) -> None:
    day = home()
    day.begin(limited=False, journal=True)
    day.disk_fills_or_has_room_again()
    day.owner_programs(relay=1, kind="off")
    day.minutes(1)
    day.owner_programs(relay=1, kind="keep")
    day.disk_fills_or_has_room_again()
    day.minutes(1)
    assert not day.on[1]


def test_what_is_on_stays_on_while_the_disk_is_full(home: type[Home]) -> None:
    day = home()
    day.begin(limited=False, journal=True)
    day.disk_fills_or_has_room_again()
    day.minutes(2)
    assert day.on == {1: True, 2: False, 3: False, 4: False, 5: False}


def test_a_switch_on_counts_though_its_mode_said_so_before_and_the_memory_is_gone(home: type[Home]) -> None:
    day = home()
    day.begin(limited=False, journal=True)
    day.power_cut(down=90, clock="right", tmpfs=False, driven=False)
    day.wait(5)
    day.memory_goes("deleted")
    day.wait(5)
    assert day.on == {1: True, 2: False, 3: False, 4: False, 5: False}


@pytest.mark.parametrize("how", ["deleted", *JOURNALS])
def test_forces_come_back_though_the_journal_was_lost_in_between(home: type[Home], how: str) -> None:
    """It is found out at the next switch at the latest."""
    day = home()
    day.begin(limited=False, journal=True)
    day.owner_forces(relay=1, mode=0, by_rename=False)
    day.owner_forces(relay=4, mode=3, by_rename=True)
    day.minutes(1)
    day.journal_goes(how)
    day.minutes(3)
    day.power_cut(down=90, clock="right", tmpfs=True, driven=False)
    day.owner_programs(relay=4, kind="off")
    day.minutes(1)
    assert day.on[4] and not day.on[1]


def test_a_journal_hears_nothing_twice_while_there_is_no_memory(home: type[Home]) -> None:
    day = home()
    day.begin(limited=False, journal=True)
    day.something_stands_in_the_way("memory")
    day.program_orders(relay=4, mode=2, by_rename=False)
    day.minutes(2)
    day.tick_again()


@pytest.mark.parametrize("text", GARBAGE)
def test_the_last_modes_hold_while_nobody_can_read_the_file(home: type[Home], text: str) -> None:
    day = home()
    day.begin(limited=False, journal=True)
    day.owner_forces(relay=4, mode=3, by_rename=False)
    day.minutes(1)
    day.owner_slips(text, by_rename=False)
    day.minutes(1)
    assert day.on == {1: True, 2: True, 3: True, 4: True, 5: False}


def test_a_relay_keeps_its_min_off_though_memory_and_journal_are_gone(home: type[Home]) -> None:
    """Another one comes first in the queue; it must not be off for a minute only, to wait for its turn."""
    day = home()
    day.begin(limited=True, journal=True)
    day.minutes(2)
    assert day.on[3] and day.on[1]  # by priority; 1 has a minOff of two minutes
    day.memory_goes("deleted")
    day.journal_goes("deleted")
    seen = []
    for _ in range(3):
        day.minutes(1)
        seen.append(day.on[1])
    assert seen in ([True, True, True], [False, False, True])


def test_a_force_by_hand_does_not_inherit_the_end_of_another(home: type[Home]) -> None:
    """The journal tells of it without an end, and so does who rebuilds the memory from the journal."""
    day = home()
    day.begin(limited=False, journal=True)
    day.owner_forces_for(relay=1, mode=0, seconds=600)
    day.minutes(count=4)
    day.owner_forces(relay=1, mode=3, by_rename=False)
    day.minutes(count=4)
    day.memory_goes(how="deleted")
    day.minutes(count=4)
    assert day.on[1]


def test_a_force_from_the_journal_does_not_overwrite_a_newer_auto(home: type[Home]) -> None:
    """The mode file was lost, so the journal's force holds; the owner ends it while the tick is at work."""
    day = home()
    day.begin(limited=False, journal=True)
    day.owner_forces_while_a_tick_runs(relay=4, mode=0, by_rename=False)
    day.power_cut(down=86400, clock="ahead", tmpfs=True, driven=False)
    day.program_orders(relay=2, mode=1, by_rename=False)
    day.owner_forces_while_a_tick_runs(relay=4, mode=1, by_rename=False)
    assert day.after["4"] == 1


def test_a_relay_that_counts_as_off_is_off_since_its_pin_is(home: type[Home]) -> None:
    """By the journal of a clock that was never set, it was switched on before the machine started."""
    day = home()
    day.begin(limited=True, journal=True)
    day.clock_jumps(by=None)
    day.minutes(count=11)
    assert day.on[1]
    day.clock_jumps(by=-86400)
    day.memory_goes(how="empty")
    day.minutes(count=1)
    assert not day.on[1]
    day.minutes(count=3)  # minOff


def test_after_two_restarts_the_first_with_a_wrong_clock_no_time_went_by(home: type[Home]) -> None:
    day = home()
    day.begin(limited=True, journal=True)
    day.minutes(count=10)
    assert day.on[1]
    day.power_cut(down=86400, clock="1970", tmpfs=False, driven=False)
    day.power_cut(down=86400, clock="right", tmpfs=False, driven=True)
    day.minutes(count=4)
    assert day.on[2]


def test_values_that_stand_still_do_so_across_a_restart_at_1970(home: type[Home]) -> None:
    day = home()
    day.begin(limited=True, journal=True)
    day.pvmonit_feeds(feed="repeats")
    day.minutes(count=15)
    day.power_cut(down=0, clock="1970", tmpfs=False, driven=True)
    day.minutes(count=13)
    day.program_orders(relay=4, mode=2, by_rename=False)
    day.minutes(count=15)
    assert not day.on[4]


def test_a_journal_that_is_another_programs_is_not_begun_again(home: type[Home]) -> None:
    """Nor while nobody can say whether it has begun, because a disk hangs."""
    day = home()
    day.begin(limited=False, journal=True)
    day.owner_forces_while_a_tick_runs(relay=1, mode=0, by_rename=False)
    day.minutes(count=4)
    day.journal_goes(how="other")
    day.owner_forces_while_a_tick_runs(relay=2, mode=3, by_rename=True)
    day.data_file_hangs(ticks=1)
    day.tick_again()
