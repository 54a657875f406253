"""What a script is told, and what becomes of its answers: each name of `relay` and `data` against what
PvMonit's documentation says of its own, at the edges. Every question is asked by a script, in a tick."""

from __future__ import annotations

import datetime  # noqa: F401  (for eval)
import os
import re
import time
from datetime import timedelta
from typing import Any

import pytest

from support.house import Clock, House

pytestmark = pytest.mark.usefixtures("paris")

HOUR, DAY = 3600, 86400
INF = float("inf")


def local(text: str) -> float:
    """The epoch of a local time, "2024-06-15 12:00"."""
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M"))


class Life:
    """A house where the owner forces relays 1 and 2, and relay 3's script is asked questions."""

    def __init__(self, house: House, clock: Clock) -> None:
        self.house, self.clock = house, clock
        self.forced = {1: 0, 2: 0}
        self.clock.wall = local("2024-06-15 12:00")
        house.configure({"domo.frozenAfter": 0})

    def tick(self, **values: object) -> None:
        """A tick on fresh data."""
        self.house.data(at=self.clock.wall, **values)
        done = self.house.tick_at(self.clock)
        assert not done.err, done.err

    def force(self, relay: int, mode: int) -> None:
        """The owner forces a relay; it is carried out."""
        self.forced[relay] = mode
        self.house.set_modes({**self.forced, 3: 1})
        self.tick()

    def on(self, relay: int = 1) -> None:
        """The owner switches a relay on."""
        self.force(relay, 3)

    def off(self, relay: int = 1) -> None:
        """The owner switches a relay off."""
        self.force(relay, 0)

    def ask(self, question: str, **values: object) -> Any:
        """What the expression is, in relay 3's script, now."""
        self.house.script(3, f"return relay.keep(repr({question}))")
        self.tick(**values)
        return eval(self.house.memory["why"]["3"], {"inf": INF, "datetime": datetime})  # noqa: S307

    def complaint(self, question: str, **values: object) -> str:
        """What the tick says of a script with this mistake in it."""
        path = self.house.script(3, f"x = {question}\nreturn relay.off('no complaint')")
        self.house.data(at=self.clock.wall, **values)
        said = self.house.tick_at(self.clock).said
        assert f"script {path.name} line 2 (x = {question})" in said, said
        return said

    def wait_until(self, text: str) -> None:
        """Time goes by until a local time."""
        self.clock.forward(local(text) - self.clock.wall)


@pytest.fixture
def life(house: House, clock: Clock) -> Life:
    return Life(house, clock)


# --- ran_today: PvMonit's relayUpToday, "was it switched on this day", a day being the last 12 hours ---


def test_a_relay_that_never_ran_did_not_run_today(life: Life) -> None:
    assert life.ask("relay.others[1].ran_today()") is False


@pytest.mark.parametrize(
    ("ago", "ran"), [(60, True), (12 * HOUR - 60, True), (12 * HOUR, False), (13 * HOUR, False)]
)
def test_today_is_the_last_12_hours(life: Life, ago: int, ran: bool) -> None:
    life.on()
    life.clock.forward(600)
    life.off()
    life.clock.forward(ago)
    assert life.ask("relay.others[1].ran_today()") is ran


def test_a_relay_that_has_been_on_for_13_hours_ran_today(life: Life) -> None:
    life.on()
    life.clock.forward(13 * HOUR)
    assert life.ask("relay.others[1].ran_today()") is True


def test_a_relay_that_was_on_from_20_to_11_hours_ago_ran_today(life: Life) -> None:
    life.on()
    life.clock.forward(9 * HOUR)
    life.off()
    life.clock.forward(11 * HOUR)
    assert life.ask("relay.others[1].ran_today()") is True


def test_what_config_yaml_says_of_programme_and_battery(life: Life) -> None:
    assert life.ask("(relay.cycle_length, data.battery)") == (0, None)
    life.house.configure({"domo.relayLoad": {3: {"kind": "cycle", "steps": [[120, 5], [2000, 18]]}}})
    life.house.configure({"domo.plant": {"latitude": 48, "battery": 6000}})
    assert life.ask("(relay.cycle_length, relay.others[1].cycle_length, data.battery)") == (1380, 0, 6000)


def test_a_day_does_not_end_at_midnight(life: Life) -> None:
    life.wait_until("2024-06-15 23:30")
    life.on()
    life.wait_until("2024-06-16 00:10")
    life.off()
    life.wait_until("2024-06-16 08:00")
    assert life.ask("relay.others[1].ran_today()") is True
    life.wait_until("2024-06-16 12:11")
    assert life.ask("relay.others[1].ran_today()") is False
    assert life.ask("relay.others[1].ran_today(hours=24)") is True


def test_the_past_is_kept_for_48_hours_and_nobody_may_ask_for_more(life: Life) -> None:
    assert "hours=49: the past is kept for 48 hours" in life.complaint("relay.others[1].ran_today(hours=49)")
    assert "hours=0" in life.complaint("relay.on_time(hours=0)")


# --- finished_today: relayUpDownToday, "was it switched on, then off, this day" ----------------------


def test_finished_is_on_and_then_off_within_12_hours(life: Life) -> None:
    finished = "relay.others[1].finished_today()"
    assert life.ask(finished) is False
    life.on()
    life.clock.forward(600)
    assert life.ask(finished) is False
    life.off()
    assert life.ask(finished) is True
    life.clock.forward(12 * HOUR)
    assert life.ask(finished) is False


def test_a_second_run_of_the_day_finishes_too(life: Life) -> None:
    """PvMonit counts the changes of mode, and is wrong from the third on."""
    for _ in range(2):
        life.on()
        life.clock.forward(600)
        life.off()
        life.clock.forward(600)
    assert life.ask("relay.others[1].finished_today()") is True


# --- on_for, off_for: timeUpMin, "the minimum since it was switched on is not over", and timeUpMax ----


def test_for_how_long_it_is_on_or_off(life: Life) -> None:
    asked = "(relay.others[1].is_on, relay.others[1].on_for, relay.others[1].off_for)"
    assert life.ask(asked) == (False, 0, INF)
    life.on()
    assert life.ask(asked) == (True, 0, 0)
    life.clock.forward(300)
    assert life.ask(asked) == (True, 300, 0)
    life.off()
    life.clock.forward(60)
    assert life.ask(asked) == (False, 0, 60)


@pytest.mark.parametrize(
    ("on", "asked"),
    [
        ("2024-03-31 01:30", "2024-03-31 03:30"),  # summer time begins: the hour from 2 to 3 is left out
        ("2024-10-27 01:30", "2024-10-27 03:30"),  # it ends: the hour from 2 to 3 comes twice
        ("2024-06-15 23:30", "2024-06-16 01:30"),
    ],
)
def test_durations_are_real_across_midnight_and_summer_time(life: Life, on: str, asked: str) -> None:
    life.clock.wall = local(on)
    life.on()
    life.wait_until(asked)
    seconds = local(asked) - local(on)
    assert life.ask("relay.others[1].on_for") == seconds
    assert life.ask("(relay.now - relay.others[1].last_on).total_seconds()") == seconds
    assert life.ask("relay.others[1].on_time(hours=12)") == seconds
    assert life.ask("f'{relay.now:%F %H:%M}'") == asked


def test_the_hour_that_comes_twice_is_told_apart(life: Life) -> None:
    life.clock.wall = local("2024-10-27 01:30")
    life.clock.forward(HOUR)
    assert life.ask("f'{relay.now:%H:%M %z}'") == "02:30 +0200"
    life.on()
    life.clock.forward(HOUR)
    assert life.ask("f'{relay.now:%H:%M %z}'") == "02:30 +0100"
    assert life.ask("relay.now - relay.others[1].last_on") == timedelta(hours=1)


# --- last_on, last_off, last_auto_on: relayLastUp, relayLastDown, relayLastUpAuto ---------------------


def test_the_last_switches(life: Life) -> None:
    asked = "[t and f'{t:%d %H:%M}' for t in (relay.others[1].last_on, relay.others[1].last_off)]"
    assert life.ask(asked) == [None, None]
    life.wait_until("2024-06-15 23:50")
    life.on()
    life.wait_until("2024-06-16 00:20")
    life.off()
    life.wait_until("2024-06-19 09:00")
    assert life.ask(asked) == ["15 23:50", "16 00:20"]


def test_automatic_is_what_a_script_switched_on_and_not_the_owner(life: Life) -> None:
    asked = "[t and f'{t:%H:%M}' for t in (relay.others[2].last_on, relay.others[2].last_auto_on)]"
    life.on(2)
    assert life.ask(asked) == ["12:00", None]
    life.off(2)
    life.clock.forward(HOUR)
    life.house.script(2, "return relay.on('always')")
    life.force(2, 1)
    assert life.ask(asked) == ["13:00", "13:00"]
    life.clock.forward(HOUR)
    life.off(2)
    life.clock.forward(60)
    life.on(2)
    assert life.ask(asked) == ["14:01", "13:00"]


# --- on_time and starts ------------------------------------------------------------------------------


def test_on_time_counts_what_lies_within_the_hours(life: Life) -> None:
    life.on()
    life.clock.forward(2 * HOUR)
    life.off()
    life.clock.forward(HOUR)
    life.on()
    life.clock.forward(600)
    asked = "[relay.others[1].on_time(hours=h) for h in (0.1, 1, 2, 24)]"
    assert life.ask(asked) == [360, 600, 600 + 3000, 2 * HOUR + 600]


def test_starts_counts_the_switch_ons_within_the_hours(life: Life) -> None:
    for _ in range(3):
        life.on()
        life.clock.forward(600)
        life.off()
        life.clock.forward(1200)
    assert life.ask("[relay.others[1].starts(hours=h) for h in (0.5, 1, 24)]") == [0, 1, 3]


# --- what happens in between: a restart, a clock that jumps --------------------------------------------


def test_a_restart_ends_a_run_and_forgets_nothing(life: Life) -> None:
    """The memory is in tmpfs and gone; the journal is asked."""
    life.on()
    life.clock.forward(HOUR)
    life.forced[1] = 1
    life.house.memory_file.unlink()
    life.house.mode_file.unlink()
    life.house.set_modes({1: 1, 2: 0, 3: 1})
    life.house.pin_file.unlink()
    life.clock.reboot(seconds=30)
    asked = "[relay.others[1].{}]"
    assert life.ask(asked.format("is_on")) == [False]
    assert life.ask(asked.format("ran_today()")) == [True]
    assert life.ask(asked.format("finished_today()")) == [True]
    assert life.ask("f'{relay.others[1].last_on:%H:%M}'") == "12:00"
    assert life.ask("relay.others[1].off_for") <= 60


@pytest.mark.parametrize("keep_memory", [True, False])
def test_an_event_in_the_future_is_the_past(life: Life, keep_memory: bool) -> None:
    """The Pi starts in 1970: what the journal and the memory tell then lies 54 years ahead."""
    life.on()
    life.clock.forward(HOUR)
    life.off()
    if not keep_memory:
        life.house.memory_file.unlink()
    life.house.pin_file.unlink()
    life.clock.reboot(seconds=120, wall=50_000.0)
    assert life.ask("relay.others[1].ran_today()") is True
    assert life.ask("0 <= relay.others[1].off_for < 1e9") is True
    assert life.ask("relay.others[1].last_on <= relay.others[1].last_off <= relay.now") is True


def test_a_clock_that_jumps_moves_nothing(life: Life) -> None:
    life.on()
    life.clock.forward(600)
    for jump in (DAY, -2 * DAY, 3600, -30):
        life.clock.wall += jump
        assert life.ask("relay.others[1].on_for") == 600
        assert life.ask("(relay.now - relay.others[1].last_on).total_seconds()") == 600


# --- id, name, mode, others, now ----------------------------------------------------------------------


def test_what_a_relay_is(life: Life) -> None:
    life.house.configure({"domo.relayName": {1: "Lift pump"}})
    life.on()
    assert life.ask("(relay.id, relay.name, relay.mode, relay.is_on)") == (3, "relay 3", 1, False)
    assert life.ask("(relay.others[1].id, relay.others[1].name, relay.others[1].mode)") == (1, "Lift pump", 3)
    assert life.ask("[(r.id, r.mode, r.is_on) for r in relay.others]") == [(1, 3, True), (2, 0, False)]


def test_its_own_history_is_read_by_the_same_names(life: Life) -> None:
    life.house.set_modes({1: 0, 2: 0, 3: 1})
    life.house.script(3, "return relay.on('always')")
    life.tick()
    life.clock.forward(300)
    asked = "(relay.is_on, relay.on_for, relay.ran_today(), relay.starts(), relay.on_time())"
    assert life.ask(asked) == (True, 300, True, 1, 300)


# --- the answers --------------------------------------------------------------------------------------


def test_on_off_and_keep(life: Life) -> None:
    for answer, state in [("keep", 0), ("on", 1), ("keep", 1), ("off", 0), ("keep", 0)]:
        life.house.script(3, f"return relay.{answer}('because of {answer}')")
        life.tick()
        life.clock.forward(60)
        assert (life.house.states[3], life.house.memory["why"]["3"]) == (state, f"because of {answer}")


def test_a_reason_is_one_line_that_can_be_written_anywhere(life: Life) -> None:
    life.house.script(3, r"return relay.off('two\nlines\t and a lone \ud800 ' + 'and 9 more' * 100)")
    life.tick()
    why = life.house.memory["why"]["3"]
    assert why.startswith("two lines and a lone ? and 9 more") and len(why) == 500


@pytest.mark.parametrize("answer", ["", "True", "'on'", "relay.on", "2"])
def test_anything_else_is_no_order_and_told_so(life: Life, answer: str) -> None:
    life.house.script(3, f"return {answer}")
    life.house.data(at=life.clock.wall)
    said = life.house.tick_at(life.clock).said
    assert "script 3.py: decide() gave" in said and "return relay.on(why)" in said
    assert life.house.states[3] == 0


def test_an_answer_without_a_reason_is_no_answer(life: Life) -> None:
    assert "why" in life.complaint("relay.on()")


# --- timers: timerStart, timerOn ----------------------------------------------------------------------


def test_a_timer_runs_between_ticks_and_is_shared_by_the_scripts(life: Life) -> None:
    life.house.set_modes({1: 0, 2: 1, 3: 1})
    life.house.script(2, "relay.timer('bath').start(300)\nreturn relay.off('started')")
    life.tick()
    (life.house.scripts / "2.py").unlink()
    life.clock.forward(299)
    assert life.ask("(relay.timer('bath').running, relay.timer('bath').left)") == (True, 1)
    life.clock.forward(1)
    assert life.ask("(relay.timer('bath').running, relay.timer('bath').left)") == (False, 0)
    assert life.ask("relay.timer('never started').running") is False


def test_a_timer_can_be_started_anew_and_stopped(life: Life) -> None:
    life.ask("relay.timer('bath').start(300)")
    life.clock.forward(200)
    life.ask("relay.timer('bath').start(300)")
    life.clock.forward(200)
    assert life.ask("relay.timer('bath').left") == 100
    life.ask("relay.timer('bath').stop()")
    assert life.ask("relay.timer('bath').running") is False


def test_a_timer_does_not_mind_the_clock(life: Life) -> None:
    life.ask("relay.timer('bath').start(300)")
    life.clock.wall -= DAY
    life.clock.forward(100)
    assert life.ask("relay.timer('bath').left") == 200


def test_a_script_that_fails_leaves_the_timers_as_they_were(life: Life) -> None:
    life.complaint("relay.timer('bath').start(300) or 1 / 0")
    assert life.ask("relay.timer('bath').running") is False


@pytest.mark.parametrize("seconds", ["-1", "float('nan')", "float('inf')", "1e9"])
def test_a_timer_that_cannot_be(life: Life, seconds: str) -> None:
    assert "a timer cannot last" in life.complaint(f"relay.timer('bath').start({seconds})")


# --- data ---------------------------------------------------------------------------------------------


def test_a_value_is_a_number_if_it_reads_as_one(life: Life) -> None:
    assert life.ask(
        "(data['SOC'], data['P'], data['CS'], data['TTG'])", SOC="97.5", P="-12", TTG="3j 1h 49m"
    ) == (
        97.5,
        -12.0,
        "Float",
        "3j 1h 49m",
    )


def test_of_several_devices_the_last_one_counts_and_each_can_be_asked(life: Life) -> None:
    assert life.ask("data['PPV']") == 145
    assert life.ask("data.all('PPV')") == [310, 145]
    assert life.ask("(data.of('MpttGarage', 'PPV'), data.of('HQ0000BBBB2', 'PPV'))") == (310, 145)


def test_several_devices_of_one_name_are_asked_together(life: Life) -> None:
    """PvMonit gives every sensor of its own the id "other", and often no name."""
    text = life.house.data_file.read_text()
    life.house.configure({"domo.valueUse": ["SOC"]})
    life.house.script(3, "return relay.keep(repr((data.of('other', 'PPVT'), data.of('other', 'localT'))))")
    life.house.data(at=life.clock.wall)
    text = life.house.data_file.read_text().replace('<device id="sonde">', '<device id="other">')
    life.house.data_file.write_text(text)
    os.utime(life.house.data_file, (life.clock.wall, life.clock.wall))
    assert not life.house.tick_at(life.clock).said
    ppvt, temperature = eval(life.house.memory["why"]["3"])
    assert isinstance(ppvt, float) and isinstance(temperature, float)


def test_of_several_values_under_one_name_the_last_one_counts(life: Life) -> None:
    life.house.script(3, "return relay.keep(repr(data.of('HQ0000BBBB2', 'PPV')))")
    life.house.data(at=life.clock.wall)
    text = life.house.data_file.read_text().replace("HQ0000AAAA1", "HQ0000BBBB2")
    life.house.data_file.write_text(text)
    os.utime(life.house.data_file, (life.clock.wall, life.clock.wall))
    life.house.tick_at(life.clock)
    assert life.house.memory["why"]["3"] == "145.0"


def test_what_may_be_missing(life: Life) -> None:
    assert life.ask(
        "('SOC' in data, 'TSolT' in data, data.get('SOC', 0), data.get('TSolT', 7), data.get('X'))"
    ) == (
        True,
        False,
        96.4,
        7,
        None,
    )


def test_the_raw_value_is_the_victron_one(life: Life) -> None:
    assert life.ask("data.raw('CS')") == "5"


def test_the_age_of_the_data(life: Life) -> None:
    life.house.script(3, "return relay.keep(repr(data.age))")
    life.house.data(at=life.clock.wall)
    life.clock.forward(42)
    life.house.tick_at(life.clock)
    assert life.house.memory["why"]["3"] == "42.0"


def older_sensor(life: Life, seconds: float) -> None:
    """The sensor said nothing for so long, when the others did just now."""
    text = life.house.data_file.read_text()
    head, tail = text.split('<device id="sonde">')
    old = tail.replace(
        f"<timerefresh>{int(life.clock.wall)}<", f"<timerefresh>{int(life.clock.wall - seconds)}<"
    )
    assert old != tail
    life.house.data_file.write_text(f'{head}<device id="sonde">{old}')
    os.utime(life.house.data_file, (life.clock.wall, life.clock.wall))


def test_the_age_of_the_data_is_that_of_the_oldest(life: Life) -> None:
    life.house.script(3, "return relay.keep(repr(data.age))")
    life.house.data(at=life.clock.wall)
    older_sensor(life, 300)
    life.house.tick_at(life.clock)
    assert life.house.memory["why"]["3"] == "300.0"


# --- mppt_float, mppt_absorption_or_float: MpptFlo, MpptAbsOrFlo, with their 60 s against flapping -----


@pytest.mark.parametrize(
    ("stage", "floats", "either"),
    [("Float", True, True), ("Absorption", False, True), ("Bulk", False, False), ("Off", False, False)],
)
def test_the_stages_of_charge(life: Life, stage: str, floats: bool, either: bool) -> None:
    assert life.ask("(data.mppt_float(), data.mppt_absorption_or_float())", CS=stage) == (floats, either)


def test_a_short_fall_back_is_overlooked_and_a_long_one_is_not(life: Life) -> None:
    asked = "(data.mppt_float(), data.mppt_float(no_flap=300), data.mppt_float(no_flap=0))"
    assert life.ask(asked, CS="Float") == (True, True, True)
    life.clock.forward(60)
    assert life.ask(asked, CS="Bulk") == (True, True, False)
    life.clock.forward(60)
    assert life.ask(asked, CS="Bulk") == (True, True, False)
    life.clock.forward(10)
    assert life.ask(asked, CS="Bulk") == (False, True, False)
    life.clock.forward(290)
    assert life.ask(asked, CS="Bulk") == (False, False, False)


def test_float_and_absorption_are_remembered_apart(life: Life) -> None:
    """In PvMonit both helpers share one file: asking for one answers for the other."""
    asked = "(data.mppt_float(), data.mppt_absorption_or_float())"
    assert life.ask(asked, CS="Absorption") == (False, True)
    life.clock.forward(30)
    assert life.ask(asked, CS="Bulk") == (False, True)


def test_of_several_regulators_the_last_any_all_or_one_by_name(life: Life) -> None:
    """In the sample MpttGarage is in absorption, MpttToit, the last, in float."""
    ways = "('last', 'any', 'all', 'MpttGarage', 'MpttToit')"
    assert life.ask(f"[data.mppt_float(mppt=w) for w in {ways}]") == [True, True, False, False, True]
    assert life.ask(f"[data.mppt_absorption_or_float(mppt=w) for w in {ways}]") == [True] * 5
    assert "did you mean MpttToit?" in life.complaint("data.mppt_float(mppt='MpptToit')")
    assert "there is no 'CS' of 700" in life.complaint("data.mppt_float(mppt='700')")


# --- throttled ----------------------------------------------------------------------------------------


def reported(life: Life, **fields: str) -> None:
    """PvMonit writes its data with these values of the last regulator, MPPT among them."""
    life.house.data(at=life.clock.wall)
    text = life.house.data_file.read_text()
    head, tail = text.split("<nom>MpttToit</nom>")
    for name, value in fields.items():
        tail = re.sub(
            r"(?s)<datas>", f'<datas><data id="{name}"><value>{value}</value></data>', tail, count=1
        )
    life.house.data_file.write_text(f"{head}<nom>MpttToit</nom>{tail}")
    os.utime(life.house.data_file, (life.clock.wall, life.clock.wall))


@pytest.mark.parametrize(("field", "throttled"), [("0", False), ("1", True), ("2", False)])
def test_where_the_regulator_says_whether_it_holds_back_it_is_believed(
    life: Life, field: str, throttled: bool
) -> None:
    """VE.Direct's MPPT: 0 off, 1 voltage or current limited, 2 tracking; the regulator floats."""
    life.house.script(3, "return relay.keep(repr(data.throttled()))")
    reported(life, MPPT=field)
    life.house.tick_at(life.clock)
    assert life.house.memory["why"]["3"] == repr(throttled)


def test_without_that_field_the_stage_of_charge_must_do(life: Life) -> None:
    asked = "[data.throttled(mppt=w) for w in ('last', 'any', 'all', 'MpttGarage')]"
    assert life.ask(asked) == [True, True, True, True]
    assert life.ask(asked, CS="Bulk") == [False] * 4


def test_of_several_regulators_each_is_asked_in_its_own_way(life: Life) -> None:
    """The garage's has no MPPT field and is in absorption; the roof's tracks, though it floats."""
    life.house.script(3, "return relay.keep(repr([data.throttled(mppt=w) for w in ('last', 'any', 'all')]))")
    reported(life, MPPT="2")
    life.house.tick_at(life.clock)
    assert life.house.memory["why"]["3"] == "[False, True, False]"


def test_an_editor_can_be_told_what_relay_and_data_are(life: Life) -> None:
    typed = """
    from domo.api import Data, Order, Relay

    def decide(relay: Relay, data: Data) -> Order:
        return relay.off("typed")
    """
    life.house.script(3, typed)
    life.tick()
    assert life.house.memory["why"]["3"] == "typed"


# --- mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mistake", "answer"),
    [
        ("data['soc']", "there is no 'soc' in the data; did you mean SOC?"),
        ("data['SOD']", "there is no 'SOD' in the data; did you mean SOC? There is CS, PPV, V"),
        ("data['quark']", "there is no 'quark' in the data; there is CS, PPV, V"),
        ("data.SOC", 'there is no data.SOC; write data["SOC"]'),
        ("data.mpt_float()", "there is no data.mpt_float; did you mean mppt_float?"),
        ("data.of('MpttTot', 'PPV')", "there is no device 'MpttTot'; did you mean MpttToit?"),
        ("data.of('MpttToit', 'SOC')", "there is no 'SOC' of MpttToit in the data"),
        ("relay.is_onn", "there is no relay.is_onn; did you mean is_on?"),
        ("relay.ranToday()", "there is no relay.ranToday; did you mean ran_today?"),
        ("relay.others[1].onfor", "there is no relay.others[1].onfor; did you mean on_for?"),
        ("relay.others[9].is_on", "there is no relay 9; there are 1 to 3"),
        ("relay.others['pump'].is_on", "there is no relay 'pump'; there are 1 to 3"),
        ("relay.other[1]", "there is no relay.other; did you mean others?"),
        ("relay.timer('a').runing", "there is no relay.timer(...).runing; did you mean running?"),
        ("data.mppt_float or 1", "data.mppt_float needs its brackets: data.mppt_float()"),
        ("not relay.ran_today", "relay.ran_today needs its brackets: relay.ran_today()"),
        ("relay.others[1].starts or 1", "relay.others[1].starts needs its brackets"),
        ("relay.probe(data['CS'])", "relay.probe wants the battery's power in W, not 'Float'"),
        ("relay.probe(9, retry=1e13)", "relay.probe cannot wait 10000000000000.0 s"),
        ("relay.probe(9, longest=-1)", "relay.probe cannot wait -1 s; 0 to 31622400 can be"),
        ("relay.probe(9, longest='1h')", "relay.probe cannot wait '1h' s"),
        ("relay.on(' ')", "an order needs a reason in words"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("data['CS'] > 95", "TypeError: '>' not supported between instances of 'str' and 'int'"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_nearest_that_exists(
    life: Life, mistake: str, answer: str
) -> None:
    assert answer in life.complaint(mistake)


def test_a_mistake_in_a_function_is_told_at_the_line_where_it_happens(life: Life) -> None:
    life.house.script(
        3, "def half(number):\n    return number / 0\n\ndef decide(relay, data):\n    half(3)\n"
    )
    life.house.data(at=life.clock.wall)
    assert "script 3.py line 2 (return number / 0): ZeroDivisionError" in life.house.tick_at(life.clock).said


# --- probe --------------------------------------------------------------------------------------------


class Probe:
    """Relay 3 is a load that is probed, minute by minute; each step gives whether it is on, and why."""

    def __init__(self, life: Life, arguments: str = "") -> None:
        self.life = life
        life.house.set_modes({1: 0, 2: 1, 3: 1})
        life.house.script(3, f"return relay.probe(data['P']{arguments})")

    def minute(self, power: float, *, fresh: bool = True) -> tuple[bool, str]:
        """A tick with that power at the battery (W), then a minute goes by."""
        if fresh:
            self.life.house.data(at=self.life.clock.wall - 1, P=power)
        done = self.life.house.tick_at(self.life.clock)
        assert not done.err, done.err
        self.life.clock.forward(60)
        return self.life.house.states[3] == 1, self.life.house.memory["why"]["3"]

    def row(self, *powers: float) -> str:
        """One character for each minute with that power: # on, . off."""
        return "".join("#" if self.minute(power)[0] else "." for power in powers)


def test_a_load_stays_on_while_the_battery_does_not_pay_for_it(life: Life) -> None:
    probe = Probe(life)
    assert probe.row(5, -30, -30, -30, 400) == "#####"
    assert probe.minute(12) == (True, "there is sun for it, +12 W at the battery")


def test_a_timer_of_a_script_changes_no_probe(life: Life) -> None:
    probe, name = Probe(life), "relay.timer('probe of relay 3')"
    life.house.script(3, f"if not {name}.running:\n    {name}.start(6000)\nreturn relay.probe(data['P'])")
    assert [probe.minute(power)[0] for power in (20, -200)] == [True, True]
    assert probe.minute(-210) == (False, "too little sun, -210 W at the battery, next try in 10 min")


def test_it_is_taken_back_after_two_new_readings_below_the_margin(life: Life) -> None:
    probe = Probe(life)
    assert probe.minute(20) == (True, "trying whether there is sun for it")
    assert probe.minute(-200) == (True, "-200 W at the battery, looking again")
    assert probe.minute(-210) == (False, "too little sun, -210 W at the battery, next try in 10 min")
    assert probe.minute(20) == (False, "the battery paid for it, next try in 9 min")


def test_one_bad_look_between_good_ones_is_forgiven(life: Life) -> None:
    assert Probe(life).row(0, -99, 0, -99, 0, -99, 0) == "#######"


def test_margin_and_looks_can_be_set(life: Life) -> None:
    assert Probe(life, ", margin=-100, looks=3").row(0, -99, -99, -99, -101, -101, -101, 0) == "######.."


def test_the_same_reading_is_not_looked_at_twice(life: Life) -> None:
    """PvMonit that writes every five minutes, or a data file that was not fetched."""
    probe = Probe(life)
    probe.minute(20)
    assert probe.minute(-200)[0]
    for _ in range(3):
        assert probe.minute(-200, fresh=False) == (True, "trying, no new reading yet")
    assert not probe.minute(-200)[0]


def test_a_reading_from_before_the_switch_on_tells_nothing(life: Life) -> None:
    probe = Probe(life, ", looks=1")
    assert probe.minute(-200)[0]
    assert probe.minute(-200, fresh=False) == (True, "trying, no new reading yet")
    assert not probe.minute(-200)[0]


def test_a_sensor_that_seldom_speaks_does_not_blind_it(life: Life) -> None:
    """PvMonit's data is new as soon as one device in it is."""
    probe = Probe(life)
    probe.minute(0)
    for power, on in [(-200, True), (-200, False)]:
        life.house.data(at=life.clock.wall, P=power)
        older_sensor(life, 400)
        assert probe.minute(power, fresh=False)[0] is on


def test_the_wait_doubles_with_each_failure_up_to_the_longest(life: Life) -> None:
    probe = Probe(life, ", retry=300, longest=1200")
    row = "".join("#" if probe.minute(-200)[0] else "." for _ in range(90))
    assert [len(gap) for gap in re.findall(r"\.+", row)][:5] == [5, 10, 20, 20, 20]
    assert set(re.findall("#+", row)) <= {"##", "#"}


def test_a_cloud_is_no_wrong_guess(life: Life) -> None:
    """What the sun has carried for five minutes is tried again soon, however often clouds come."""
    probe = Probe(life)
    assert probe.row(*[0] * 7) == "#######"
    assert probe.minute(-200)[0]
    assert probe.minute(-200) == (False, "a cloud, -200 W at the battery, next try in 3 min")
    assert probe.row(0, 0, 0, 0, 0, 0, 0, 0, 0, 0) == "...#######"
    assert probe.row(-200, -200, 0, 0, 0, 0) == "#....#"


def test_a_try_that_lasted_begins_the_waiting_anew(life: Life) -> None:
    probe = Probe(life, ", retry=300")
    probe.row(*[-200] * 12)  # has failed twice, the next wait would be 20 minutes
    while not probe.minute(0)[0]:
        pass
    assert probe.row(*[0] * 6) == "######"
    assert probe.row(-200, -200) == "#."  # a cloud
    while not probe.minute(-200)[0]:
        pass
    assert probe.row(*[-200] * 7) == "#.....#"


def test_a_try_of_retry_seconds_makes_the_next_wait_short_again(life: Life) -> None:
    """Though it was too short to be called a cloud that ended it."""
    probe = Probe(life, ", retry=120")
    probe.row(*[-200] * 8)  # has failed twice, the next wait would be 8 minutes
    while not probe.minute(0)[0]:
        pass
    assert probe.row(0, 0) == "##"
    assert probe.minute(-200)[0]
    assert probe.minute(-200) == (False, "too little sun, -200 W at the battery, next try in 2 min")


KNOWN = {"domo.relayWatt": {3: 300}, "domo.plant": {"latitude": 48, "panels": 1000}}


def failed(life: Life) -> Probe:
    """A try that failed, with an hour to wait; 900 W were seen at noon under a clear sky, a minute ago."""
    probe = Probe(life, ", retry=3600")
    for power in (-200, -200, -200):
        life.house.data(at=life.clock.wall - 1, P=power, PPV=900, CS="Bulk")
        probe.minute(power, fresh=False)
    return probe


def held_back(life: Life, probe: Probe, watts: float) -> bool:
    """Whether it is on a minute later, while the panels give so much, and could give 900 W."""
    life.house.data(at=life.clock.wall - 1, P=0, PPV=watts, CS="Float")
    return probe.minute(0, fresh=False)[0]


def test_it_looks_again_when_the_panels_could_give_what_it_draws(life: Life) -> None:
    """The regulator holds back more than the load's 300 W."""
    life.house.configure(KNOWN)
    probe = failed(life)
    assert life.house.states[3] == 0
    assert [held_back(life, probe, watts) for watts in (100, 800, 100)] == [False, False, True]


@pytest.mark.parametrize("unknown", KNOWN)
def test_it_does_not_where_nobody_said_what_it_draws_or_what_the_panels_are(life: Life, unknown: str) -> None:
    life.house.configure({name: value for name, value in KNOWN.items() if name != unknown})
    probe = failed(life)
    assert not any(held_back(life, probe, 100) for _ in range(5))


def test_it_does_not_while_minOn_keeps_on_what_failed(life: Life) -> None:
    life.house.configure({**KNOWN, "domo.limits": {3: {"minOn": 600}}})
    probe = failed(life)
    assert [held_back(life, probe, 100) for _ in range(8)] == [True] * 7 + [False]


def test_the_next_day_begins_anew(life: Life) -> None:
    probe = Probe(life, ", retry=300, longest=1200")
    probe.row(*[-200] * 50)
    life.clock.forward(12 * HOUR)
    assert probe.row(*[-200] * 9) == "##.....##"


def test_a_try_that_has_to_queue_is_not_lost(life: Life) -> None:
    """Another relay is switched on first; the try comes a minute later, without a new wait."""
    probe = Probe(life, ", retry=120")
    assert probe.row(-200, -200, -200, -200) == "##.."
    life.house.script(2, "return relay.on('first')")
    assert probe.minute(0) == (False, "trying whether there is sun for it: waits, relay 2 goes first")
    assert probe.minute(0)[0]


def test_a_try_that_the_script_itself_ended_may_begin_again_at_once(life: Life) -> None:
    """It had failed once before, and waited; then it went well."""
    probe = Probe(life, ", retry=300")
    assert probe.row(-200, -200, -200, 0, 0, 0, 0, 0, 0, 0) == "##.....###"
    text = (life.house.scripts / "3.py").read_text()
    life.house.script(3, "return relay.off('a cloud')")
    assert probe.minute(0) == (False, "a cloud")
    life.house.script(3, text)
    assert probe.minute(0) == (True, "trying whether there is sun for it")


def test_a_load_that_minOn_keeps_on_has_failed_once_only(life: Life) -> None:
    life.house.configure({"domo.limits": {3: {"minOn": 300}}})
    assert Probe(life).row(*[-200] * 13) == "#####.......#"


def test_uninterruptible_loads_are_never_probed(life: Life) -> None:
    life.house.configure({"domo.uninterruptible": [3]})
    assert "relay 3 is uninterruptible in config.yaml" in life.complaint("relay.probe(100)")
    assert life.house.states[3] == 0
