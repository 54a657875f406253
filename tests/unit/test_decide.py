"""The pure decision, invariant by invariant, on anything that a tick can meet."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domo.core.decide import decide
from domo.core.history import OFF, ON, History
from domo.core.model import (
    AUTO_OFF,
    AUTO_ON,
    FORCED,
    FORCED_OFF,
    FORCED_ON,
    Decision,
    Device,
    Order,
    Past,
    Plan,
    Reading,
    Value,
)
from domo.core.records import replace
from domo.core.settings import Config, Limits
from domo.scripts import messages
from domo.tick.remember import next_past
from support.model import examples

HOUR, DAY = 3600.0, 86400.0
INTERVAL = 60.0  # scriptExecInterval
CRON = 0.9 * INTERVAL  # cron is some seconds early or late
NO_DATA = 600.0  # secuDownNoData


class Case(NamedTuple):
    """All that a decision is made from, and what the design's words mean for it."""

    config: Config
    modes: dict[int, int | None]
    states: dict[int, int]
    past: Past
    reading: Reading
    orders: dict[int, Order]

    def plan(self) -> Plan:
        return decide(*self)

    @property
    def auto(self) -> list[int]:
        """The relays in auto, the most important first."""
        return [r for r in self.config.by_priority if self.modes[r] in (AUTO_OFF, AUTO_ON)]

    @property
    def data_age(self) -> float:
        if not self.reading.problem:
            return 0.0
        return float("inf") if self.past.data is None else self.past.data

    def ordered_by_others(self, relay: int) -> bool:
        """Whether its mode in the file is another program's order."""
        return relay not in self.orders and relay not in self.past.ours

    def has_good_order(self, relay: int) -> bool:
        if relay in self.orders:
            return self.orders[relay].good
        return self.ordered_by_others(relay) and self.data_age < NO_DATA

    def supported(self, relay: int) -> bool:
        """Whether there is a reason for it to be on, left from an order that was good if need be."""
        if self.has_good_order(relay):
            if relay in self.orders:
                wanted = self.orders[relay].wanted
                return wanted == "on" or (wanted == "keep" and self.states[relay] == ON)
            return self.modes[relay] == AUTO_ON
        if self.ordered_by_others(relay) or (relay not in self.orders and self.modes[relay] == AUTO_OFF):
            return False
        return self.states[relay] == ON and self.past.support.get(relay, NO_DATA) < NO_DATA

    def limits(self, relay: int) -> Limits:
        return self.config.limits.get(relay, Limits())

    def history(self, relay: int) -> History:
        return self.past.history.get(relay, History())

    @property
    def below_floor(self) -> bool:
        values = self.reading.values
        numbers = {name: values[name].number for name in self.config.floor if name in values}
        return any(
            number is not None and number < self.config.floor[name] for name, number in numbers.items()
        )

    def worn_out(self, relay: int) -> bool:
        most = self.limits(relay).maxOnPerDay
        return not self.begun(relay) and most > 0 and self.history(relay).on_time(DAY) >= most

    def begun(self, relay: int) -> bool:
        """Whether it is on and uninterruptible."""
        return self.states[relay] == ON and relay in self.config.uninterruptible

    def within_min_on(self, relay: int) -> bool:
        """Whether minOn, or a programme that has begun, holds it on though its good order is off."""
        if self.states[relay] == OFF or not self.has_good_order(relay):
            return False
        length = self.config.cycle(relay) if self.begun(relay) else 0
        under_way = length > 0 and self.history(relay).cycle(length) < length
        return under_way or self.history(relay).since(ON) < self.limits(relay).minOn

    def stays(self, relay: int) -> bool:
        """Whether it is on and nothing but the inverter's limit can be against it."""
        if self.states[relay] == OFF or self.below_floor or self.worn_out(relay):
            return False
        return self.supported(relay) or self.within_min_on(relay)

    def may_start(self, relay: int) -> bool:
        """Whether it is off, is wanted on, and neither the floor nor a limit of its own is against it."""
        limits, history = self.limits(relay), self.history(relay)
        if self.states[relay] == ON or not self.supported(relay) or self.below_floor or self.worn_out(relay):
            return False
        if self.ordered_by_others(relay) and self.config.floor and self.reading.problem:
            return False  # the floor cannot be checked
        many = 0 < limits.maxStartsPerHour <= history.starts(HOUR)
        return history.since(OFF) >= limits.minOff and not many

    @property
    def turn_is_free(self) -> bool:
        return self.past.known and min(self.past.auto_on.values(), default=DAY) >= CRON

    def watts(self, relays: list[int]) -> float:
        return sum(self.config.relayWatt.get(relay, 0) for relay in relays)

    def fixed_watts(self) -> float:
        """What nothing sheds: forced, or uninterruptible and under way."""
        forced = [relay for relay, mode in self.modes.items() if mode == FORCED_ON]
        return self.watts(forced + [relay for relay in self.auto if self.begun(relay) and self.stays(relay)])


AGES = st.one_of(
    st.sampled_from((0.0, 53.0, CRON, INTERVAL, NO_DATA - 1, NO_DATA, HOUR - 1, HOUR, DAY - 1, DAY, 2 * DAY)),
    st.floats(0, 2 * DAY),
)
LIMITS = st.builds(
    Limits,
    minOn=st.sampled_from((0, 60, 600, 3600)),
    minOff=st.sampled_from((0, 60, 600, 3600)),
    maxOnPerDay=st.sampled_from((0, 3600, 40000)),
    maxStartsPerHour=st.sampled_from((0, 1, 2)),
)
ORDERS = st.builds(
    Order,
    st.sampled_from(("on", "on", "on", "off", "keep", "")),
    st.sampled_from(("it is warm", "the tank asks for it", "script 1.py line 3: no such value")),
)
VALUES = st.fixed_dictionaries(
    {
        "SOC": st.sampled_from(("97", "60", "60.0", "59.9", "0")).map(lambda text: Value(text, "")),
        "V": st.sampled_from(("27", "23.6", "23.5")).map(lambda text: Value(text, "")),
    }
)
DEVICES = VALUES.map(lambda values: (Device("0", "BMV", 3.0, values),))
READINGS = st.builds(Reading, DEVICES, st.sampled_from(("", "", "", "no data"))) | st.just(
    Reading((), "no data file")
)
SWITCHES = st.lists(AGES, max_size=5, unique=True).map(lambda ages: sorted(ages, reverse=True))
YES_NO = st.booleans()
SELDOM = st.sampled_from((False, False, False, True))
MODES = st.sampled_from((AUTO_OFF, AUTO_ON) * 4 + (*FORCED, None))
WATTS = st.sampled_from((0, 0, 100, 300, 500, 900.5))
MOST_WATTS = st.sampled_from((0, 1000, 1500))
STEPS = st.sampled_from((1, 60, 1000))  # minutes
FLOORS = st.sampled_from(({}, {"SOC": 60}, {"SOC": 60, "V": 23.6}))
PRIORITIES = [st.permutations(range(1, number + 1)) for number in range(6)]
NUMBERS = st.integers(1, 5)


def history(ages: list[float], state: int) -> History:
    """The switches at those ages, such that the last is to that state."""
    if state == ON and not ages:
        ages = [30.0]
    return History(tuple((age, (state + len(ages) - 1 - place) % 2) for place, age in enumerate(ages)))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Anything that a tick can meet."""
    number = draw(NUMBERS)
    relays = range(1, number + 1)
    config = Config(
        path="",
        relayNb=number,
        scriptExecInterval=INTERVAL,
        secuDownNoData=NO_DATA,
        relayPriority=tuple(draw(PRIORITIES[number]))[: draw(NUMBERS) - 1],
        relayWatt={r: draw(WATTS) for r in relays},
        maxWatt=draw(MOST_WATTS),
        floor=draw(FLOORS),
        limits={r: draw(LIMITS) for r in relays if draw(YES_NO)},
        uninterruptible=tuple(r for r in relays if draw(SELDOM)),
        relayLoad={r: {"steps": ((100, draw(STEPS)),)} for r in relays if draw(SELDOM)},
    )
    found: dict[int, int | None] = {r: draw(MODES) for r in relays}
    states = {r: int(draw(YES_NO)) for r in relays}
    past = Past(
        known=not draw(SELDOM),
        ours=frozenset(r for r in relays if draw(SELDOM)),
        states=states,
        history={r: history(draw(SWITCHES), states[r]) for r in relays},
        auto_on={r: draw(AGES) for r in relays if draw(SELDOM)},
        support={r: draw(AGES) for r in relays if draw(YES_NO)},
        data=draw(AGES) if draw(YES_NO) else None,
    )
    orders = {r: draw(ORDERS) for r in relays if not draw(SELDOM)}
    return Case(config, found, states, past, draw(READINGS), orders)


def carried_out(case: Case, plan: Plan) -> Case:
    """The same moment after the plan was carried out."""
    answers = messages.Answers(case.orders, {}, reading=case.reading, past=case.past)
    return case._replace(
        modes={r: decision.mode for r, decision in plan.items()},
        states={r: decision.state for r, decision in plan.items()},
        past=next_past(case.config, case.past, answers, plan, ()),
    )


INVARIANTS: list[Callable[[Case, Plan], None]] = []


def invariant(holds: Callable[[Case, Plan], None]) -> Callable[[Case, Plan], None]:
    """Adds what is checked of every case: drawing a case is dear, so one serves all of them."""
    INVARIANTS.append(holds)
    return holds


@examples(800)
@given(cases())
def test_every_invariant_on_anything_that_a_tick_can_meet(case: Case) -> None:
    plan = case.plan()
    for holds in INVARIANTS:
        holds(case, plan)


# 1. The force wins.


@invariant
def a_forced_relay_is_what_its_owner_wants(case: Case, plan: Plan) -> None:
    for relay, mode in case.modes.items():
        if mode in FORCED:
            assert plan[relay].mode == mode
            assert plan[relay].state == (ON if mode == FORCED_ON else OFF)
            assert not plan[relay].switched_on, "a force is no automatic switch-on"


@invariant
def a_relay_without_a_mode_is_held_off_and_its_mode_left_alone(case: Case, plan: Plan) -> None:
    for relay in (r for r, mode in case.modes.items() if mode is None):
        assert (plan[relay].mode, plan[relay].state) == (None, OFF)
        assert "no mode" in plan[relay].why


@invariant
def every_relay_has_a_plan_that_starts_from_what_is(case: Case, plan: Plan) -> None:
    assert sorted(plan) == list(case.config.relays)
    for relay, decision in plan.items():
        assert (decision.mode_before, decision.state_before) == (case.modes[relay], case.states[relay])
        assert decision.state in (OFF, ON)
        assert decision.why


# 2. On needs a reason.


@invariant
def on_needs_a_reason(case: Case, plan: Plan) -> None:
    for relay in case.auto:
        if plan[relay].state == ON:
            assert case.supported(relay) or case.within_min_on(relay)


@invariant
def off_needs_a_reason_too(case: Case, plan: Plan) -> None:
    """What is wanted on, and that nothing is against, is on: a program that leaves all off is safe
    and useless."""
    on = [relay for relay, decision in plan.items() if decision.state == ON and not decision.switched_on]
    for relay in case.auto:
        shed = 0 < case.config.maxWatt < case.watts([*{*on, relay}]) and case.watts([relay])
        shed = shed and not case.begun(relay)
        if case.stays(relay) and not shed:
            assert plan[relay].state == ON
        if case.may_start(relay) and case.turn_is_free and not shed:
            assert plan[relay].state == ON or any(decision.switched_on for decision in plan.values())


@invariant
def no_good_order_for_secuDownNoData_is_off(case: Case, plan: Plan) -> None:
    """Stale data, no data, a failing script, a script that is gone: whatever minOn says."""
    stale = replace(case.past, support={r: max(age, NO_DATA) for r, age in case.past.support.items()})
    orders = {relay: Order("", "no data") for relay in case.orders}
    reading = Reading((), "no data")
    gone = case._replace(past=replace(stale, data=NO_DATA), orders=orders, reading=reading).plan()
    for relay in case.auto:
        assert (gone[relay].state, gone[relay].mode) == (OFF, AUTO_OFF)


@invariant
def support_is_counted_from_good_orders_only(case: Case, plan: Plan) -> None:
    for relay in case.config.relays:
        good = relay in case.auto and case.has_good_order(relay) and case.supported(relay)
        assert plan[relay].supported == good


# 4. Auto values in the file are the program's output.


@invariant
def a_stale_1_or_2_switches_nothing_where_there_is_a_script(case: Case, plan: Plan) -> None:
    stale = dict(case.modes)
    for relay in case.auto:
        if relay in case.orders:
            stale[relay] = AUTO_ON if case.modes[relay] == AUTO_OFF else AUTO_OFF
    other = case._replace(modes=stale).plan()
    for relay in case.config.relays:
        assert (plan[relay].state, plan[relay].mode) == (other[relay].state, other[relay].mode)


@invariant
def the_mode_says_the_state_unless_somebody_else_wrote_it(case: Case, plan: Plan) -> None:
    for relay in case.auto:
        if case.ordered_by_others(relay) and case.data_age < NO_DATA:
            assert plan[relay].mode == case.modes[relay]
        else:
            assert plan[relay].mode == (AUTO_ON if plan[relay].state == ON else AUTO_OFF)


@invariant
def a_2_of_our_own_is_nobodys_order_once_its_script_is_gone(case: Case, plan: Plan) -> None:
    gone = case._replace(orders={}).plan()
    for relay in case.auto:
        if relay in case.past.ours:
            assert not gone[relay].switched_on
            assert gone[relay].state == OFF or case.past.support[relay] < NO_DATA


# 5. One switch-on at a time.


@invariant
def one_switch_on_at_a_time_the_most_important_first(case: Case, plan: Plan) -> None:
    started = [relay for relay, decision in plan.items() if decision.switched_on]
    waiting = [relay for relay in case.auto if case.may_start(relay)]
    if not case.turn_is_free:
        assert started == []
        return
    staying = [relay for relay, decision in plan.items() if decision.state == ON and relay not in started]
    room = case.config.maxWatt - case.watts(staying) if case.config.maxWatt else float("inf")
    fitting = [relay for relay in waiting if case.watts([relay]) <= room or not case.watts([relay])]
    assert started == fitting[:1]


@invariant
def switching_off_is_never_delayed(case: Case, plan: Plan) -> None:
    for relay in case.auto:
        if case.states[relay] == ON and not case.supported(relay) and not case.within_min_on(relay):
            assert plan[relay].state == OFF


@invariant
def an_unknown_past_switches_nothing_on_and_all_else_as_ever(case: Case, plan: Plan) -> None:
    known = case._replace(past=replace(case.past, known=True)).plan()
    unknown = case._replace(past=replace(case.past, known=False)).plan()
    for relay in case.config.relays:
        assert not unknown[relay].switched_on
        if not known[relay].switched_on:
            assert unknown[relay].state == known[relay].state


# 6. Limits hold whatever a script says.


@invariant
def limits_hold(case: Case, plan: Plan) -> None:
    for relay in case.auto:
        decision, limits, history = plan[relay], case.limits(relay), case.history(relay)
        if decision.state == ON:
            assert not case.worn_out(relay)
        if decision.switched_on:
            assert history.since(OFF) >= limits.minOff
            assert not 0 < limits.maxStartsPerHour <= history.starts(HOUR)
        if (
            decision.state < case.states[relay]
            and history.since(ON) < limits.minOn
            and case.has_good_order(relay)
        ):
            assert case.below_floor or case.worn_out(relay) or "shed" in decision.why


@invariant
def below_the_floor_every_auto_relay_is_off_and_a_force_says_so(case: Case, plan: Plan) -> None:
    if not case.below_floor:
        return
    for relay, decision in plan.items():
        if relay in case.auto:
            assert decision.state == OFF
        elif decision.state == ON:
            assert "below the floor" in decision.why


@invariant
def without_data_no_order_of_another_program_switches_on_past_the_floor(case: Case, plan: Plan) -> None:
    """It cannot be checked. What is on stays on for secuDownNoData."""
    if case.config.floor and case.reading.problem:
        assert not [r for r in case.auto if plan[r].switched_on and r not in case.orders]


@invariant
def the_inverter_is_never_asked_for_more_than_maxWatt(case: Case, plan: Plan) -> None:
    if not case.config.maxWatt:
        return
    on = [relay for relay, decision in plan.items() if decision.state == ON]
    if case.watts(on) > case.config.maxWatt:
        for relay in on:
            if relay in case.auto and not case.begun(relay):
                assert not case.watts([relay]), (
                    "what is above the limit is forced, under way, or declared to need nothing"
                )
            elif case.watts([relay]):
                assert "maxWatt" in plan[relay].why


@invariant
def shedding_spares_the_most_important_and_whatever_fits_beside_them(case: Case, plan: Plan) -> None:
    if not case.config.maxWatt:
        return
    carried = case.fixed_watts()
    for relay in case.auto:
        if case.stays(relay) and case.watts([relay]) and not case.begun(relay):
            fits = carried + case.watts([relay]) <= case.config.maxWatt
            assert plan[relay].state == (ON if fits else OFF)
            carried += case.watts([relay]) if fits else 0


# What the owner reads.


def stops(case: Case, relay: int) -> set[str]:
    """The words for all that can keep a relay off that is wanted on."""
    limits, history = case.limits(relay), case.history(relay)
    found = {
        "floor": case.below_floor,
        "maxOnPerDay": case.worn_out(relay),
        "minOff": case.states[relay] == OFF and history.since(OFF) < limits.minOff,
        "maxStartsPerHour": case.states[relay] == OFF and 0 < limits.maxStartsPerHour <= history.starts(HOUR),
        "maxWatt": bool(case.config.maxWatt and case.watts([relay])),
        "waits": case.states[relay] == OFF,
        "cannot be read": not case.past.known,
    }
    return {word for word, holds in found.items() if holds}


def held(why: str) -> bool:
    """Whether a reason says that a relay has to stay on a while."""
    return "(minOn)" in why or "(uninterruptible)" in why


@invariant
def what_is_uninterruptible_ends_by_its_owner_the_floor_or_without_good_orders_only(
    case: Case, plan: Plan
) -> None:
    """... or by a good order, once its programme has come to its end."""
    for relay in case.auto:
        if not case.begun(relay) or case.below_floor:
            continue
        length = case.config.cycle(relay)
        under_way = length > 0 and case.history(relay).cycle(length) < length
        wanted = case.supported(relay) or (under_way and case.has_good_order(relay))
        if wanted:
            assert plan[relay].state == ON, plan[relay].why


@invariant
def why_says_what_the_script_wanted_and_what_stopped_it(case: Case, plan: Plan) -> None:
    for relay in case.auto:
        if relay not in case.orders:
            continue
        order, decision = case.orders[relay], plan[relay]
        assert decision.why.startswith(order.why)
        obeyed = order.wanted == ("on" if decision.state == ON else "off")
        kept = order.wanted == "keep" and decision.state == case.states[relay]
        if obeyed or kept:
            assert (
                decision.why == order.why
                or (held(decision.why) and "shed" in decision.why)
                or (case.begun(relay) and "above maxWatt" in decision.why)
            )
        elif case.supported(relay) and decision.state == OFF:
            assert any(word in decision.why for word in stops(case, relay)), decision.why
        elif order.good:
            assert held(decision.why)
        elif case.states[relay] == ON:
            assert ("at most" if decision.state == ON else "no good order for 600 s") in decision.why


# 8. Idempotent; and pure.


@invariant
def deciding_again_changes_nothing(case: Case, plan: Plan) -> None:
    again = carried_out(case, plan).plan()
    for relay in case.config.relays:
        assert again[relay].state == plan[relay].state, f"{plan[relay].why} / {again[relay].why}"
        assert again[relay].mode == plan[relay].mode


@invariant
def deciding_is_pure(case: Case, plan: Plan) -> None:
    before = copy.deepcopy(case)
    assert case.plan() == plan
    assert case == before


# The edges, by hand: a second before, and at it.


def one(
    order: str = "on",
    state: int = OFF,
    history: tuple[tuple[float, int], ...] = (),
    soc: str = "97",
    mode: int = AUTO_OFF,
    past: Past = Past(),  # noqa: B008
    **settings: object,
) -> Decision:
    """What becomes of a single relay."""
    config = replace(Config(path="", relayNb=1), **settings)
    reading = Reading((Device("0", "BMV", 0.0, {"SOC": Value(soc, "")}),))
    past = replace(past, history={1: History(history)})
    return decide(config, {1: mode}, {1: state}, past, reading, {1: Order(order, "why")})[1]


ON_FOR_2_H = ((10_000.0, ON), (2_800.0, OFF))


@pytest.mark.parametrize(
    "decision, state",
    [
        (one(order="off", state=ON, history=((599, ON),), limits={1: Limits(minOn=600)}), ON),
        (one(order="off", state=ON, history=((600, ON),), limits={1: Limits(minOn=600)}), OFF),
        (one(history=((900, ON), (599, OFF)), limits={1: Limits(minOff=600)}), OFF),
        (one(history=((900, ON), (600, OFF)), limits={1: Limits(minOff=600)}), ON),
        (one(limits={1: Limits(minOff=600)}), ON),
        (one(history=ON_FOR_2_H, limits={1: Limits(maxOnPerDay=7201)}), ON),
        (one(history=ON_FOR_2_H, limits={1: Limits(maxOnPerDay=7200)}), OFF),
        (one(state=ON, history=((7199, ON),), limits={1: Limits(maxOnPerDay=7200)}), ON),
        (one(state=ON, history=((7200, ON),), limits={1: Limits(maxOnPerDay=7200)}), OFF),
        (one(order="off", state=ON, history=((60, ON),), limits={1: Limits(minOn=600, maxOnPerDay=60)}), OFF),
        (one(history=((3599, ON), (3000, OFF)), limits={1: Limits(maxStartsPerHour=1)}), OFF),
        (one(history=((3600, ON), (3000, OFF)), limits={1: Limits(maxStartsPerHour=1)}), ON),
        (one(order="", state=ON, history=((9, ON),), past=Past(support={1: 599})), ON),
        (one(order="", state=ON, history=((9, ON),), past=Past(support={1: 600})), OFF),
        (one(order="", state=ON, history=((9, ON),)), OFF),
        (
            one(
                order="",
                state=ON,
                history=((9, ON),),
                past=Past(support={1: 600}),
                limits={1: Limits(minOn=99)},
            ),
            OFF,
        ),
        (one(past=Past(auto_on={2: 53})), OFF),
        (one(past=Past(auto_on={2: 54})), ON),
        (one(soc="59.9", floor={"SOC": 60}), OFF),
        (one(soc="60", floor={"SOC": 60}), ON),
        (one(soc="59", floor={"SOC": 60}, mode=FORCED_ON), ON),
        (one("off", ON, ((9, ON),), soc="59", floor={"SOC": 60}, limits={1: Limits(minOn=60)}), OFF),
        (one(maxWatt=1000, relayWatt={1: 1000}), ON),
        (one(maxWatt=1000, relayWatt={1: 1000.5}), OFF),
        (one(mode=FORCED_OFF, state=ON, history=((9, ON),), limits={1: Limits(minOn=60)}), OFF),
        (one(order="keep"), OFF),
        (one(order="keep", state=ON, history=((9, ON),)), ON),
    ],
)
def test_the_edges(decision: Decision, state: int) -> None:
    assert decision.state == state, decision.why


@pytest.mark.parametrize(
    ("state", "floor", "problem", "then"),
    [(OFF, {"SOC": 60}, "stale", OFF), (OFF, {"SOC": 60}, "", ON), (OFF, {}, "stale", ON),
     (ON, {"SOC": 60}, "stale", ON)],
)  # fmt: skip
def test_without_data_an_order_of_another_program_waits_if_there_is_a_floor(
    state: int, floor: dict[str, float], problem: str, then: int
) -> None:
    config = Config(path="", relayNb=1, floor=floor)
    data = Reading((Device("0", "BMV", 0.0, {"SOC": Value("97", "")}),), problem=problem)
    past = Past(data=60.0, history={1: History(((9.0, ON),))}) if state else Past(data=60.0)
    assert decide(config, {1: AUTO_ON}, {1: state}, past, data, {})[1].state == then


def together(on: tuple[int, ...], orders: Mapping[int, str], **watts: float) -> Plan:
    """What becomes of relays with these watts (w1=600), of which some are on, behind 1000 W."""
    config = Config(
        path="", relayNb=3, maxWatt=1000, relayWatt={int(name[1]): watt for name, watt in watts.items()}
    )
    reading = Reading((Device("0", "BMV", 0.0, {"SOC": Value("97", "")}),))
    past = Past(history={relay: History(((900.0, ON),)) for relay in on})
    states = {relay: int(relay in on) for relay in config.relays}
    ordered = {relay: Order(orders.get(relay, "on"), "sun") for relay in config.relays}
    return decide(config, dict.fromkeys(config.relays, AUTO_OFF), states, past, reading, ordered)


def test_the_inverter_carries_the_most_important_that_fits() -> None:
    """With 300 W left, the kettle (2000 W) waits for its turn and does not keep the lamp from its."""
    plan = together((2,), {}, w1=2000, w2=700, w3=300)
    assert [decision.state for decision in plan.values()] == [OFF, ON, ON]
    assert plan[1].why == "sun: waits, 2700 W would be more than maxWatt 1000"


def test_a_small_load_stays_where_shedding_it_would_not_help() -> None:
    """1400 W on: shedding the lamp alone is not enough, and without the kettle there is room for it."""
    plan = together((1, 2, 3), {}, w1=600, w2=500, w3=300)
    assert [decision.state for decision in plan.values()] == [ON, OFF, ON]
    assert plan[2].why == "sun: shed, 1400 W are more than maxWatt 1000"


def washing(order: str = "off", **settings: object) -> Decision:
    """What becomes of a washing machine with a programme of an hour that has run for 20 minutes."""
    load = {1: {"kind": "cycle", "steps": ((2000, 20), (100, 40))}}
    limits = {1: Limits(maxOnPerDay=600)}
    config = Config(
        path="", relayNb=2, uninterruptible=(1,), relayLoad=load, limits=limits, floor={"SOC": 60}
    )
    config = replace(config, **{name: value for name, value in settings.items() if name != "soc"})
    reading = Reading((Device("0", "BMV", 0.0, {"SOC": Value(str(settings.get("soc", 97)), "")}),))
    past = Past(history={1: History(((1200.0, ON),))}, support={1: 60.0})
    orders = {1: Order(order, "sun" if order else "fails")}
    return decide(config, {1: AUTO_ON, 2: FORCED_ON}, {1: ON, 2: ON}, past, reading, orders)[1]


def test_a_programme_that_has_begun_runs_to_its_end() -> None:
    """Neither its script, nor maxOnPerDay, nor maxWatt end it."""
    assert washing().why == "sun: stays on 40 min more, to its end (uninterruptible)"
    assert washing("on").state == ON
    watts = {"maxWatt": 2500, "relayWatt": {1: 2000, 2: 1000}}
    assert washing("on", **watts).why == "sun, above maxWatt: 3000 W of 2500"
    assert washing(**watts).state == ON


def test_the_floor_missing_data_and_the_owner_end_a_programme() -> None:
    assert washing(soc=59).state == OFF
    assert washing("", secuDownNoData=60).state == OFF
    assert washing("", secuDownNoData=61).state == ON
    assert washing(relayLoad={}).state == OFF  # its script is believed where nobody says how long it lasts
    assert washing(uninterruptible=()).state == OFF


@pytest.mark.parametrize(
    ("switches", "done"),
    [
        ((), 0),
        (((1200, ON),), 1200),
        (((4000, ON),), 4000),  # still on: it can say that it is over
        (((4000, ON), (400, OFF)), 0),
        (((4000, ON), (3400, OFF)), 600),  # cut
        (((9000, ON), (8400, OFF), (600, ON)), 1200),  # ... and taken up again
        (((9000, ON), (8400, OFF), (3100, ON), (60, OFF)), 0),
        (((2 * DAY, ON), (2 * DAY - 600, OFF), (600, ON)), 600),  # not after a day
        (((1.5 * DAY, ON), (1.5 * DAY - 600, OFF)), 0),
    ],
)
def test_a_cycle_is_counted_over_its_cuts(switches: tuple[tuple[float, int], ...], done: float) -> None:
    assert History(switches).cycle(3600) == done


def test_a_load_takes_the_place_of_one_that_goes_at_the_same_moment() -> None:
    plan = together((1,), {1: "off", 3: "off"}, w1=700, w2=700)
    assert [decision.state for decision in plan.values()] == [OFF, ON, OFF]


def test_a_force_that_the_inverter_can_carry_is_not_said_to_be_too_much() -> None:
    """What is beside it is shed, so nothing is above maxWatt."""
    config = Config(path="", relayNb=2, maxWatt=1000, relayWatt={1: 300, 2: 900})
    past = Past(history={r: History(((900.0, ON),)) for r in (1, 2)})
    modes = {1: FORCED_ON, 2: AUTO_ON}
    plan = decide(config, modes, {1: 1, 2: 1}, past, Reading(()), {2: Order("on", "sun")})
    assert [decision.state for decision in plan.values()] == [ON, OFF]
    assert plan[1].why == "forced on"
