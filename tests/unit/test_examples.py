"""Every shipped example lives through simulated days; what one sees of it is what its docstring says."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domo.scripts import api, lint
from support.day import CHANGING, CLEAR, CLOUDY, EXAMPLES, Days
from support.house import PROJECT

ALWAYS = "def decide(relay, data):\n    return relay.on('always')\n"
FROM_11_TO_15 = """def decide(relay, data):
    return relay.on("day") if 11 <= relay.now.hour < 15 else relay.off("night")
"""


@pytest.fixture(autouse=True)
def paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the sun is highest at one o'clock in summer."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def minutes(span: tuple[str, str]) -> int:
    """How long a span is."""
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in span)
    return end - begin


# --- PvMonit's examples -------------------------------------------------------------------------------


def test_time_window(tmp_path: Path) -> None:
    assert Days(tmp_path, {1: "time-window"}).spans(1) == [("11:00", "18:00")]


def test_soc_threshold(tmp_path: Path) -> None:
    """On when 95 % is reached, and in the gap down to 90 % it stays as it is."""
    days = Days(tmp_path, {1: "soc-threshold"}, watt={1: 100})
    charge = days.values("SOC")
    ((begun, ended),) = days.spans(1)
    assert begun < "12:00" and ended > "20:00"
    for relay_on, soc, before in zip(days.on(1)[1:], charge[1:], days.on(1), strict=False):
        assert relay_on == (soc >= 95 or (soc >= 90 and before))
    assert 90 <= min(soc for soc, on in zip(charge, days.on(1), strict=True) if on) < 91


def test_absorption_float(tmp_path: Path) -> None:
    days = Days(tmp_path, {1: "absorption-float"}, watt={1: 50})
    stages = days.values("CS")
    assert sum(days.on(1)) > 6 * 60
    for minute, on in enumerate(days.on(1)):
        near = stages[max(0, minute - 2) : minute + 1]  # 60 s against flapping
        assert on == any(stage in ("Absorption", "Float") for stage in near)


def test_absorption_float_minimum_time(tmp_path: Path) -> None:
    """A load that is too much for the sun makes the regulator fall back, at least 20 minutes later."""
    days = Days(tmp_path, {1: "absorption-float-minimum-time"}, watt={1: 700}, sky=CHANGING)
    assert len(days.lengths(1)) >= 3
    assert all(length >= 20 for length in days.lengths(1))
    assert 20 in days.lengths(1)


def test_water_heater_float(tmp_path: Path) -> None:
    days = Days(tmp_path, {1: "water-heater-float"}, watt={1: 400}, sky=CHANGING)
    assert days.switches(1, 1)
    for moment in days.switches(1, 1):
        assert moment.reading.values["CS"].text in ("Float", "Bulk")  # or was until a minute ago
        assert moment.reading.values["P"].number > 0
    assert all(length >= 20 for length in days.lengths(1))
    powers = days.values("P")
    for minute, (before, on) in enumerate(zip(days.on(1), days.on(1)[1:], strict=False)):
        if before and not on:
            assert powers[minute + 1] <= 0 or days.values("CS")[minute + 1] != "Float"


@pytest.mark.parametrize(
    ("stage", "power", "on"), [("Float", "1", True), ("Float", "0", False), ("Bulk", "9", False)]
)
def test_water_heater_float_wants_both(tmp_path: Path, stage: str, power: str, on: bool) -> None:
    days = Days(tmp_path, {1: "water-heater-float"}, supposed={"CS": stage, "P": power}, days=0.1)
    assert any(days.on(1)) is on


def test_if_another_is_on(tmp_path: Path) -> None:
    days = Days(tmp_path, {1: FROM_11_TO_15, 2: "if-another-is-on"}, watt={2: 100})
    (first, last), *more = days.spans(2)
    assert not more and first > "11:00" and last == "15:01"  # a tick after the other
    assert days.switches(2, 1)[0].reading.values["CS"].text == "Float"


def test_five_minutes_after_another(tmp_path: Path) -> None:
    days = Days(tmp_path, {1: FROM_11_TO_15, 2: "five-minutes-after-another"})
    assert days.spans(1) == [("11:00", "15:00")]
    assert days.spans(2) == [("11:05", "15:01")]


def test_after_another_has_finished(tmp_path: Path) -> None:
    days = Days(tmp_path, {1: "five-minutes-a-day", 2: "after-another-has-finished"})
    ((_, finished),), ((begun, ended),) = days.spans(1), days.spans(2)
    assert minutes((finished, begun)) == 1
    assert minutes((begun, ended)) == 60


def test_five_minutes_a_day(tmp_path: Path) -> None:
    """Exactly five minutes, once a day, in absorption or float; not at all on a dark day."""
    days = Days(tmp_path, {1: "five-minutes-a-day"}, watt={1: 750}, days=4, sky=CLEAR)
    assert [minutes(span) for span in days.spans(1)] == [5] * 4
    for moment in days.switches(1, 1):
        assert moment.reading.values["CS"].text in ("Absorption", "Float")
    assert len({moment.local("%d") for moment in days.switches(1, 1)}) == 4


def test_five_minutes_a_day_wait_for_the_sun(tmp_path: Path) -> None:
    """A winter day whose sun does not fill the battery."""
    assert Days(tmp_path, {1: "five-minutes-a-day"}, watt={1: 750}, soc=40, date="2025-12-21").spans(1) == []


@pytest.mark.parametrize("somebody_works", [True, False])
def test_computer_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, somebody_works: bool) -> None:
    """Off at nine in the evening, unless a computer answers; only one of the hosts has to."""
    ping = tmp_path / "bin" / "ping"
    ping.parent.mkdir()
    answer = f'case "$*" in *.12) exit {int(not somebody_works)};; esac'
    ping.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/pinged\n{answer}\nexit 1\n')
    ping.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ping.parent}:/usr/bin:/bin")
    days = Days(tmp_path, {1: "computer-room"}, watt={1: 20}, plant={"battery": 10_000})
    ((begun, ended),) = days.spans(1)
    assert "09:00" < begun < "13:00"
    assert ended == ("" if somebody_works else "21:00")
    assert days.values("SOC")[21 * 60] > 95
    asked = (tmp_path / "pinged").read_text().split("\n")
    assert {line.split()[-1] for line in asked if line} == {"192.168.1.10", "192.168.1.12"}


def test_computer_room_goes_off_when_the_battery_does_and_nobody_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ping = tmp_path / "bin" / "ping"
    ping.parent.mkdir()
    ping.write_text("#!/bin/sh\nexit 1\n")
    ping.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ping.parent}:/usr/bin:/bin")
    days = Days(tmp_path, {1: "computer-room"}, watt={1: 400}, sky=CHANGING)
    for moment in days.switches(1, 0):
        assert moment.reading.values["SOC"].number <= 95 or moment.local("%H") >= "21"
    assert days.switches(1, 0)[0].local("%H") < "21"
    assert all(length >= 10 for length in days.lengths(1))


# --- the uses people describe -------------------------------------------------------------------------


@pytest.mark.parametrize("sky", [CLEAR, CHANGING])
def test_washing_machine(tmp_path: Path, sky: str) -> None:
    """Begins between 9 and 14 o'clock on a full battery, and is never interrupted, whatever comes."""
    days = Days(tmp_path, {1: "washing-machine"}, watt={1: 900}, sky=sky, soc=98, uninterruptible=[1])
    ((begun, ended),) = days.spans(1)
    assert "09:00" <= begun < "14:00"
    assert minutes((begun, ended)) == 180
    assert days.switches(1, 1)[0].reading.values["SOC"].number >= 95


def test_washing_machine_waits_for_a_full_battery(tmp_path: Path) -> None:
    assert Days(tmp_path, {1: "washing-machine"}, watt={1: 900}, sky=CLOUDY, soc=40).spans(1) == []


def test_washing_machine_does_not_begin_in_the_afternoon(tmp_path: Path) -> None:
    """A large battery, full at last at three."""
    days = Days(tmp_path, {1: "washing-machine"}, watt={1: 900}, plant={"battery": 7000}, soc=50)
    full = [m.local("%H") for m in days.moments if m.reading.values["CS"].text == "Float"]
    assert "14" <= full[0] < "19"
    assert days.spans(1) == []


@pytest.mark.parametrize("sky", [CLEAR, CHANGING])
def test_lift_pump(tmp_path: Path, sky: str) -> None:
    """Runs of ten minutes, half an hour between them, an hour a day, in the sun only."""
    days = Days(tmp_path, {1: "lift-pump"}, watt={1: 750}, sky=sky)
    assert days.lengths(1) == [10] * 6
    assert all(length >= 30 for length in days.lengths(1, state=False))
    for moment in days.switches(1, 1):
        values = moment.reading.values
        assert values["PPV"].number >= 300 or values["CS"].text in ("Absorption", "Float")
        assert values["SOC"].number >= 80


def test_tool_chargers(tmp_path: Path) -> None:
    days = Days(tmp_path, {1: "tool-chargers"}, watt={1: 150}, sky=CHANGING)
    assert all(length >= 30 for length in days.lengths(1))
    assert 3 * 60 <= sum(days.on(1)) <= 4 * 60 + 30
    assert min(soc for soc, on in zip(days.values("SOC"), days.on(1), strict=True) if on) >= 85


def test_van_water_heater_in_the_sun(tmp_path: Path) -> None:
    """A full battery, the regulator throttles: 300 W more are taken up by the panels, and stay on."""
    days = Days(tmp_path, {1: "van-water-heater"}, watt={1: 300}, sky=CLEAR)
    assert max(days.lengths(1)) > 4 * 60
    energy, spared = days.shares(1)
    assert energy > 1200 and spared > 0.95
    assert min(soc for soc, on in zip(days.values("SOC"), days.on(1), strict=True) if on) > 97


def test_van_water_heater_is_taken_back_under_clouds(tmp_path: Path) -> None:
    """Never three readings in a row below the margin, and the battery is still full in the evening."""
    days = Days(tmp_path, {1: "van-water-heater"}, watt={1: 300}, sky=CHANGING, soc=95)
    paid = [on and power < -30 for on, power in zip(days.on(1), days.values("P"), strict=True)]
    assert any(paid)
    assert not any(a and b for a, b in zip(paid, paid[1:], strict=False))
    energy, spared = days.shares(1)
    assert energy > 500 and spared > 0.9


def test_van_water_heater_asks_ever_less_often_where_there_is_never_enough(tmp_path: Path) -> None:
    """Small panels, a full battery: each try fails within two readings, and the next comes later."""
    plant = {"panels": 300, "house": 20}
    days = Days(tmp_path, {1: "van-water-heater"}, watt={1: 300}, plant=plant, soc=100)
    assert set(days.lengths(1)) == {2}
    assert days.lengths(1, state=False)[:5] == [10, 20, 40, 80, 120]


def test_fridge_cold_storage(tmp_path: Path) -> None:
    days = Days(tmp_path, {1: "fridge-cold-storage"}, watt={1: 80}, days=2, sky=CHANGING)
    assert all(length >= 15 for length in days.lengths(1))
    assert all(10 <= length <= 120 for length in days.lengths(1, state=False))
    night, day = (sum(days.on(1)[hour * 60 : hour * 60 + 360]) for hour in (0, 11))
    assert 30 <= night <= 60 and day > 180


@pytest.mark.parametrize("sky", [CLEAR, CHANGING])
def test_heater_staircase(tmp_path: Path, sky: str) -> None:
    """Up a step at a time from the lowest, down a step at a time from the highest."""
    days = Days(
        tmp_path, dict.fromkeys((1, 2, 3), "heater-staircase"), watt=dict.fromkeys((1, 2, 3), 200), sky=sky
    )
    steps = [sum(moment.plan[relay].state for relay in (1, 2, 3)) for moment in days.moments]
    assert max(steps) == 3 and steps[-1] == 0
    for moment in days.moments:
        states = [moment.plan[relay].state for relay in (1, 2, 3)]
        assert states == sorted(states, reverse=True)
    assert all(abs(a - b) <= 1 for a, b in zip(steps, steps[1:], strict=False))
    assert all(days.shares(relay)[1] > 0.8 for relay in (1, 2, 3))


# --- all of them --------------------------------------------------------------------------------------


def test_all_examples_in_one_house(tmp_path: Path) -> None:
    """None fails, each comes to its turn, and never are two switched on in the same minute."""
    scripts = {relay: path.name.removesuffix(".py.example") for relay, path in enumerate(EXAMPLES, 1)}
    names = {name: relay for relay, name in scripts.items()}
    others = {"OTHER = 1": f"OTHER = {names['time-window']}"}
    others["STEPS = (1, 2, 3)"] = f"STEPS = ({names['heater-staircase']},)"
    texts = {}
    for relay, path in enumerate(EXAMPLES, 1):
        texts[relay] = path.read_text()
        for old, new in others.items():
            texts[relay] = texts[relay].replace(old, new)
    texts[names["computer-room"]] = ALWAYS  # it would really ping
    plant = {"panels": 4000, "battery": 20_000}
    pins = dict(zip(texts, (pin for pin in range(28) if pin not in (13, 19, 26)), strict=False))
    days = Days(tmp_path, texts, watt=dict.fromkeys(texts, 100), plant=plant, days=2, relayGpio=pins)
    for moment in days.moments:
        assert all(order.good for order in moment.orders.values())
        assert sum(moment.plan[relay].state for relay in moment.switched) <= 1
    started = {scripts[relay] for relay in texts if days.switches(relay, 1)}
    assert started == set(scripts.values())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_as_it_should_be(tmp_path: Path, path: Path) -> None:
    """A docstring, settings as constants above decide, a screenful, and nothing that --check finds."""
    text = path.read_text()
    days = Days(tmp_path, {4: text}, days=0)
    assert lint.lint(days.config) == []
    assert text.startswith('"""') and len(text.splitlines()) <= 45
    assert max(map(len, text.splitlines())) <= 110
    for name in ("SOC", "CS", "P", "PPV"):
        asked = {"CS": "mppt_" in text or "throttled" in text}.get(name, f'"{name}"' in text)
        assert not asked or name in text.split('"""')[1], f"its docstring does not say that it needs {name}"


# --- README.md ----------------------------------------------------------------------------------------

README = (PROJECT / "relay.script.d" / "README.md").read_text()


def test_the_readme_names_every_example() -> None:
    assert [path.name for path in EXAMPLES if f"[{path.name}]({path.name})" not in README] == []


def test_the_readme_and_the_class_have_the_same_names() -> None:
    """Whatever a script can ask is explained, and nothing else is."""
    forms = {api.Relay: r"relay\.(\w+)", api.Data: r"data\.(\w+)", api.Timer: r'timer\("bath"\)\.(\w+)'}
    for kind, form in forms.items():
        has = {name for one in kind.__mro__ for name in [*vars(one), *vars(one).get("__annotations__", {})]}
        public = {name for name in has if not name.startswith("_")}
        named = set(re.findall(form, README)) - {"script"}  # relay.script.d
        assert public == named


def test_the_first_script_of_the_readme_lives_through_a_day(tmp_path: Path) -> None:
    (text,) = re.findall(r"```python\n(\"\"\".*?)```", README, re.DOTALL)
    days = Days(tmp_path, {1: text}, watt={1: 300})
    assert days.switches(1, 1) and lint.lint(days.config) == []


@pytest.mark.parametrize(
    "name",
    [
        "relayUpToday",
        "relayUpDownToday",
        "relayLastUp",
        "relayLastUpAuto",
        "relayLastDown",
        "timeUpMin",
        "timeUpMax",
    ]
    + ["timerStart", "timerOn", "MpptFlo", "MpptAbsOrFlo", "$return['mod']", "$return['log']"]
    + ["$thisId", "$thisEtat", "$thisMod", "$relayEtat", "$relayMod", "$data"],
)
def test_the_readme_translates_every_name_of_pvmonits_scripts(name: str) -> None:
    _, table = README.split("| PvMonit | here | what differs |")
    assert [row for row in table.split("\n") if name in row.split(" | ")[0]]
