"""Every shipped example lives through simulated days; what one sees of it is what its docstring says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domo.scripts import api, lint
from support.day import CHANGING, CLEAR, CLOUDY, EXAMPLES, Days, example
from support.house import PROJECT

pytestmark = pytest.mark.usefixtures("paris")

ALWAYS = "def decide(relay, data):\n    return relay.on('always')\n"
FROM_11_TO_15 = """def decide(relay, data):
    return relay.on("day") if 11 <= relay.now.hour < 15 else relay.off("night")
"""


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


OWN = {"latitude": 46, "longitude": 2, "panels": 1200, "battery": 6000}  # somebody's plant


@pytest.mark.parametrize("plant", [OWN, {}], ids=["plant", "defaults"])
@pytest.mark.parametrize("sky", [CLEAR, CHANGING])
def test_washing_machine(tmp_path: Path, sky: str, plant: dict[str, float]) -> None:
    """Begins between 9 and 16 o'clock on a sunny day, and is never interrupted, whatever comes."""
    days = Days(
        tmp_path, {1: "washing-machine"}, watt={1: 900}, sky=sky, soc=98, uninterruptible=[1], plant=plant
    )
    ((begun, ended),) = days.spans(1)
    assert "09:00" <= begun < "16:00"
    assert minutes((begun, ended)) == 180


def test_washing_machine_tells_in_the_morning_whether_it_will(tmp_path: Path) -> None:
    (tmp_path / "bright").mkdir()
    (tmp_path / "dull").mkdir()
    bright = Days(tmp_path / "bright", {1: "washing-machine"}, watt={1: 900}, plant=OWN, days=1.5)
    dull = Days(tmp_path / "dull", {1: "washing-machine"}, watt={1: 900}, plant=OWN, sky=CLOUDY, soc=40)
    assert "probably today" in bright.moments[(24 + 8) * 60].plan[1].why
    assert "not today" in dull.moments[8 * 60 + 30].plan[1].why
    assert dull.spans(1) == []


@pytest.mark.parametrize("sky", [CLEAR, CHANGING])
@pytest.mark.parametrize("battery", [2500, 4000])
def test_washing_machine_leaves_the_battery_charged(tmp_path: Path, sky: str, battery: float) -> None:
    """It begins when battery and sun carry the whole programme, which relayLoad knows, with a margin."""
    load = {"kind": "cycle", "steps": [[120, 5], [2000, 18], [180, 60]], "days": 7}
    plant = {**OWN, "battery": battery, "chemistry": "lfp"}
    one = {1: "washing-machine"}
    days = Days(tmp_path, one, relayLoad={1: load}, sky=sky, soc=85, days=2, plant=plant)
    assert days.lengths(1) and set(days.lengths(1)) == {83}
    charge = [soc for soc, on in zip(days.values("SOC"), days.on(1), strict=True) if on]
    assert min(charge) >= 75


@pytest.mark.parametrize(
    ("stage", "soc", "sun", "begins", "span"),
    [
        ("Float", "98", "400", 9, ("09:00", "12:00")),
        ("Float", "98", "400", 14, ("14:00", "17:00")),
        ("Float", "98", "400", 15, None),
        ("Float", "96", "400", 9, None),
        ("Float", "98", "100", 9, None),
        ("Absorption", "98", "400", 9, None),
    ],
    ids=["full", "full at 14", "late", "drawn down since", "hardly any sun", "not full yet"],
)
def test_washing_machine_that_did_not_run_yesterday_begins_when_the_battery_has_been_full(
    tmp_path: Path, stage: str, soc: str, sun: str, begins: int, span: tuple[str, str] | None
) -> None:
    """Though the day will probably not give it back, or it would hardly run in winter; on the second day it
    waits, because it ran on the first."""
    text = example("washing-machine").replace("FROM, TO = 9, 16", f"FROM, TO = {begins}, 16", 1)
    dull = {"SOC": soc, "CS": stage, "PPV": sun, "MPPT": "2", "P": "0"}
    plant = {**OWN, "house": 4000}
    days = Days(tmp_path, {1: text}, watt={1: 900}, plant=plant, supposed=dull, days=2)
    assert "probably not today" in days.moments[(begins - 1) * 60].plan[1].why
    assert days.spans(1) == ([span] if span else [])


def test_washing_machine_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    """A washing machine that maxWatt or a missing reading cut after an hour has two hours to go."""
    text = example("washing-machine").replace("CYCLE = 3 * 3600", "CYCLE = 3 * 3600  # s\nCUT = (11, 12)", 1)
    text = text.replace(
        "    washed =",
        "    if CUT[0] <= relay.now.hour < CUT[1]:\n        return relay.off('cut')\n    washed =",
    )
    days = Days(tmp_path, {1: text}, watt={1: 300}, plant=OWN, soc=98)
    (first, second) = days.spans(1)
    assert first[1] == "11:00" and second[0] == "12:00"
    assert minutes(first) + minutes(second) == 180


@pytest.mark.parametrize("plant", [OWN, {}], ids=["plant", "defaults"])
@pytest.mark.parametrize("sky", [CLEAR, CHANGING])
def test_lift_pump(tmp_path: Path, sky: str, plant: dict[str, float]) -> None:
    """Runs of ten minutes, half an hour between them, an hour a day."""
    days = Days(tmp_path, {1: "lift-pump"}, watt={1: 750}, sky=sky, plant=plant)
    assert set(days.lengths(1)) == {10}
    assert all(length >= 30 for length in days.lengths(1, state=False))
    assert 40 <= sum(days.on(1)) <= 60
    assert days.spans(1)[0][0] > "06:00"  # one that never ran does not begin with the battery's night


def test_lift_pump_says_that_it_does_not_know(tmp_path: Path) -> None:
    """Without a `plant` it goes by the regulator, and does not run in the dark after a full day."""
    thirsty = example("lift-pump").replace("LIKES = 60 * 60", "LIKES = 24 * 3600")
    days = Days(tmp_path, {1: thirsty}, watt={1: 750})
    begun = [at for at, moment in enumerate(days.moments) if moment.switched and moment.plan[1].state]
    assert len(begun) > 6
    for at in begun:
        assert "what is to spare is not known" in days.moments[at].plan[1].why
        assert days.values("PPV")[at] >= 300 or days.values("CS")[at] in ("Absorption", "Float")


def test_lift_pump_never_lets_the_sump_run_over(tmp_path: Path) -> None:
    """A week of clouds in December: twenty minutes in the evening, every second day."""
    plant = {**OWN, "battery": 90_000}
    days = Days(
        tmp_path, {1: "lift-pump"}, watt={1: 750}, sky=CLOUDY, soc=95, days=5, date="2025-12-15", plant=plant
    )
    by_day = [sum(days.on(1)[day * 1440 : (day + 1) * 1440]) for day in range(5)]
    assert all(first + second >= 20 for first, second in zip(by_day, by_day[1:], strict=False))
    assert sum(by_day) <= 80
    assert all("18:00" <= begun < "20:00" for begun, _ in days.spans(1))


def test_lift_pump_takes_what_sun_there_is(tmp_path: Path) -> None:
    """With a battery that cannot be full today, yet not in need: an hour by day, none in the evening."""
    plant = {**OWN, "battery": 30_000}
    days = Days(tmp_path, {1: "lift-pump"}, watt={1: 750}, soc=90, date="2025-12-15", plant=plant)
    assert sum(days.on(1)) == 60
    assert all("09:00" < begun < "16:00" for begun, _ in days.spans(1))


def test_lift_pump_leaves_the_house_what_it_needs(tmp_path: Path) -> None:
    days = Days(
        tmp_path, {1: "lift-pump"}, watt={1: 750}, sky=CLOUDY, soc=75, days=3, date="2025-12-15", plant=OWN
    )
    assert not any(days.on(1))


def test_tool_chargers(tmp_path: Path) -> None:
    """Four hours; more only as long as the panels are held back, but for pieces that have begun."""
    days = Days(tmp_path, {1: "tool-chargers"}, watt={1: 150}, sky=CHANGING, plant=OWN)
    assert all(length >= 30 for length in days.lengths(1))
    on = days.on(1)
    assert sum(on) >= 3 * 60
    for minute, moment in enumerate(days.moments):
        if sum(on[:minute]) >= 4 * 60 and on[minute] and not on[minute - 1]:
            assert moment.reading.values["MPPT"].number == 1
    assert min(soc for soc, on in zip(days.values("SOC"), days.on(1), strict=True) if on) >= 85


@pytest.mark.parametrize(("stage", "waits"), [("Absorption", True), ("Float", False)])
def test_tool_chargers_wait_for_a_full_battery_until_noon(tmp_path: Path, stage: str, waits: bool) -> None:
    days = Days(tmp_path, {1: "tool-chargers"}, watt={1: 150}, supposed={"SOC": "97", "CS": stage}, plant=OWN)
    begun = days.spans(1)[0][0]
    assert begun == "12:00" if waits else begun < "09:00"


@pytest.mark.parametrize("plant", [OWN, {}], ids=["plant", "defaults"])
def test_van_water_heater_in_the_sun(tmp_path: Path, plant: dict[str, float]) -> None:
    """A full battery, the regulator throttles: 300 W more are taken up by the panels, and stay on."""
    days = Days(tmp_path, {1: "van-water-heater"}, watt={1: 300}, sky=CLEAR, plant=plant)
    assert max(days.lengths(1)) > 4 * 60
    energy, spared = days.shares(1)
    assert energy > 1200 and spared > 0.9


@pytest.mark.parametrize("plant", [OWN, {}], ids=["plant", "defaults"])
def test_van_water_heater_under_clouds_leaves_the_battery_full_in_the_evening(
    tmp_path: Path, plant: dict[str, float]
) -> None:
    days = Days(tmp_path, {1: "van-water-heater"}, watt={1: 300}, sky=CHANGING, soc=95, plant=plant)
    energy, spared = days.shares(1)
    assert energy > 500 and spared > 0.8
    assert days.result.deeper == 0


@pytest.mark.parametrize("sky", [CLEAR, CHANGING])
def test_heater_staircase(tmp_path: Path, sky: str) -> None:
    """In steps of 200 W: all three at noon, none in the night, and the battery is full in the evening."""
    days = Days(
        tmp_path,
        dict.fromkeys((1, 2, 3), "heater-staircase"),
        watt=dict.fromkeys((1, 2, 3), 200),
        sky=sky,
        plant=OWN,
    )
    steps = [sum(moment.plan[relay].state for relay in (1, 2, 3)) for moment in days.moments]
    assert max(steps) == 3 and steps[-1] == 0 == max(steps[: 5 * 60])
    assert all(days.shares(relay)[1] > 0.7 for relay in (1, 2, 3))
    assert days.result.deeper == 0
    assert days.result.total.lost < 0.3 * days.result.total.bare_lost


def test_fridge_cold_storage(tmp_path: Path) -> None:
    days = Days(tmp_path, {1: "fridge-cold-storage"}, watt={1: 80}, days=2, sky=CHANGING)
    assert all(length >= 15 for length in days.lengths(1))
    assert all(10 <= length <= 120 for length in days.lengths(1, state=False))
    night, day = (sum(days.on(1)[hour * 60 : hour * 60 + 360]) for hour in (0, 11))
    assert 30 <= night <= 60 and day > 180


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
    days = Days(tmp_path, {3: text}, watt={1: 300, 2: 800, 3: 500}, days=0)
    assert lint.lint(days.config) == []
    assert text.startswith('"""') and len(text.splitlines()) <= 45
    assert max(map(len, text.splitlines())) <= 110
    for name in ("SOC", "CS", "P", "PPV"):
        stage = "mppt_" in text or "throttled" in text or "full_today" in text or "staircase(" in text
        asked = {"CS": stage}.get(name, f'"{name}"' in text)
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
