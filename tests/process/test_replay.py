"""domo-replay: a sky and a plant one can believe, the very same decisions as the tick's, and a report
that adds up."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domo.core.model import Now
from domo.plant import replay, sun
from domo.stores import config as configs
from domo.tick import run as tick
from support.day import CHANGING, CLEAR, CLOUDY, FOUR_CLEAR, Days, example
from support.house import PROJECT, Clock, House

ALWAYS = "return relay.on('always')"
PLANT = sun.Plant()


@pytest.fixture(autouse=True)
def paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# --- the sky ------------------------------------------------------------------------------------------


def hours_of_full_sun(day: int, latitude: float) -> float:
    """What a clear day comes to."""
    return sum(sun.clear_sky(day, minute / 60, latitude) for minute in range(sun.MINUTES)) / 60


def test_the_sun_rises_culminates_and_sets() -> None:
    light = [sun.clear_sky(80, hour, 47) for hour in range(24)]
    assert max(range(24), key=light.__getitem__) == 12
    assert light[:6] == [0] * 6 and light[19:] == [0] * 5
    assert light[8] == pytest.approx(light[16])
    assert light[6:13] == sorted(light[6:13])


def test_a_sun_behind_the_panels_gives_the_light_of_the_sky_only() -> None:
    """A midsummer's morning at five: the sun is up, in the north-east."""
    assert 0 < sun.clear_sky(172, 5, 47) < 0.04


def test_winter_is_darker_and_the_south_has_it_in_june() -> None:
    assert 2 < hours_of_full_sun(355, 47) < 4 < 5 < hours_of_full_sun(172, 47) < 8
    assert hours_of_full_sun(172, -34) < hours_of_full_sun(355, -34)
    assert hours_of_full_sun(355, 70) == 0  # polar night


def test_a_year_at_47_degrees_gives_about_1100_hours_of_full_sun() -> None:
    """As photovoltaics in central France or southern Germany do."""
    for seed in (1, 2, 3):
        year = 0.0
        for day in range(1, 366):
            through = sun.weather(seed, day)
            year += sum(sun.clear_sky(day, m / 60, 47) * through[m][0] for m in range(0, sun.MINUTES, 15)) / 4
        assert 1000 < year < 1300


def test_the_weather_is_the_seeds_and_changes_from_day_to_day() -> None:
    assert sun.weather(1, 172) == sun.weather(1, 172)
    days = {
        round(sum(through for through, _ in sun.weather(1, day)) / sun.MINUTES, 3) for day in range(1, 31)
    }
    assert len(days) > 25 and min(days) < 0.4 and max(days) > 0.8
    assert sun.weather(2, 172) != sun.weather(1, 172)


def test_the_house_draws_what_was_said_and_most_in_the_evening() -> None:
    draws = [draw for _, draw in sun.weather(1, 172)]
    assert sum(draws) / len(draws) == pytest.approx(1, abs=0.05)
    assert min(draws[18 * 60 : 23 * 60]) > sum(draws[:300]) / 300


# --- the plant ----------------------------------------------------------------------------------------


def settled(soc: float, sunlight: float, load: float, minutes: int = 400) -> sun.Flow:
    """The plant after that sun and load (W) for a while."""
    flow = sun.Flow(soc)
    for _ in range(minutes):
        flow = sun.minute(PLANT, flow, sunlight, load)
    return flow


def test_a_full_battery_makes_the_regulator_hold_the_panels_back() -> None:
    flow = settled(1.0, 800, 60)
    assert flow.stage == "Float" and flow.throttled and flow.panels < 100 and 0 <= flow.power < 50


def test_an_empty_battery_takes_all_there_is() -> None:
    flow = settled(0.3, 800, 60, minutes=30)
    assert (flow.stage, flow.panels, flow.power) == ("Bulk", 800, 740)
    assert not flow.throttled


def test_charging_goes_through_bulk_absorption_and_float() -> None:
    flow, stages = sun.Flow(0.7), []
    for _ in range(600):
        flow = sun.minute(PLANT, flow, 700, 60)
        if flow.stage not in stages:
            stages.append(flow.stage)
    assert stages == ["Bulk", "Absorption", "Float"]


def test_a_load_on_a_throttled_plant_is_free_as_far_as_the_sun_reaches() -> None:
    full = settled(1.0, 400, 60)
    free, paid = sun.minute(PLANT, full, 400, 60 + 300), sun.minute(PLANT, full, 400, 60 + 500)
    assert free.power >= 0 and sun.spared(PLANT, free, 300) == 300
    assert paid.power == pytest.approx(-160) and sun.spared(PLANT, paid, 500) == pytest.approx(320)


def test_what_charges_a_battery_is_not_spared() -> None:
    """In bulk every watt of a load is one less for the battery."""
    flow = sun.minute(PLANT, settled(0.3, 800, 60, minutes=30), 800, 360)
    assert sun.spared(PLANT, flow, 300) == 0


def test_the_regulator_falls_back_to_bulk_when_the_battery_pays_for_minutes() -> None:
    flow = settled(1.0, 400, 60)
    stages = []
    for _ in range(8):
        flow = sun.minute(PLANT, flow, 100, 500)
        stages.append(flow.stage)
    assert stages == ["Float"] * 5 + ["Bulk"] * 3


def test_at_night_the_battery_pays_for_everything() -> None:
    flow = settled(0.5, 0, 100, minutes=60)
    assert (flow.stage, flow.power) == ("Off", -100)
    assert flow.soc == pytest.approx(0.5 - 100 / PLANT.battery)


def test_nothing_comes_from_nowhere(tmp_path: Path) -> None:
    """Each minute, what the panels give is what house, relays and battery take."""
    days = Days(tmp_path, {1: "van-water-heater", 2: "lift-pump"}, watt={1: 300, 2: 750}, sky=CHANGING)
    before = 0.8
    for moment in days.moments:
        flow = moment.flow
        assert 0 <= flow.panels <= flow.sun and 0 <= flow.soc <= 1
        assert flow.panels - flow.power - sum(moment.watts.values()) > 0  # the house
        assert flow.soc - before <= max(0.0, flow.power) / 60 / days.plant.battery + 1e-12
        before = flow.soc


def test_the_readings_are_pvmonits(tmp_path: Path) -> None:
    """Names, signs and roundings of the real ones: a BMV, a regulator with MPPT field, PvMonit's sums."""
    days = Days(tmp_path, {1: "time-window"}, watt={1: 200})
    for moment in days.moments:
        values = {name: value.text for name, value in moment.reading.values.items()}
        assert set(values) == {"V", "I", "PPV", "CS", "MPPT", "P", "SOC", "PPVT", "CONSO"}
        assert re.fullmatch(r"-?\d+", values["P"]) and re.fullmatch(r"\d+\.\d", values["SOC"])
        assert abs(int(values["PPVT"]) - int(values["P"]) - int(values["CONSO"])) <= 2
        assert 21 < float(values["V"]) < 29 and values["MPPT"] in ("0", "1", "2")
        assert not moment.reading.problem  # nor frozen, in the longest night
    by_stage = {stage: set() for stage in ("Off", "Bulk", "Float")}  # type: ignore[var-annotated]
    for stage, field in zip(days.values("CS"), days.values("MPPT"), strict=True):
        by_stage.setdefault(stage, set()).add(field)
    assert by_stage["Off"] == {0} and 1 in by_stage["Float"] and 2 in by_stage["Bulk"]


# --- the same decisions as the tick's -----------------------------------------------------------------


def test_a_replay_decides_what_real_ticks_decide(house: House) -> None:
    """Three hours around a full battery, minute by minute: the same readings to real ticks, with files,
    pins, memory, journal and a child for the scripts, and every mode, state and reason is the same."""
    watts = {1: 300, 2: 750, 3: 100}
    house.configure(
        {"domo.relayWatt": watts, "domo.maxWatt": 900, "domo.valueUse": ["SOC", "CS", "P", "PPV"]}
    )
    house.configure({"domo.limits": {3: {"minOff": 300, "maxStartsPerHour": 2}}})
    house.script(1, example("van-water-heater"))
    house.script(2, example("lift-pump"))
    house.script(3, "return relay.on('even') if relay.now.minute // 10 % 2 == 0 else relay.off('odd')")
    settings, _ = configs.load(str(house.config))
    start = time.mktime((2025, 6, 21, 11, 0, 0, 0, 0, -1))
    moments = list(replay.fold(settings, sun.Plant(seed=CHANGING), start, 180, 0.99, {}))
    switched = 0
    for moment in moments:
        done = tick.run(settings, lambda now=moment.now: now, moment.reading)  # type: ignore[misc]
        assert (done.plan, done.faults) == (moment.plan, ())
        assert house.on == set(moment.watts)
        switched += len(moment.switched)
    assert switched > 10


def test_a_night_and_a_change_to_summer_time_are_not_special(tmp_path: Path) -> None:
    """In local time the day has 23 hours; the window is kept."""
    days = Days(tmp_path, {1: "time-window"}, date="2025-03-29", days=2.5)
    assert days.spans(1) == [("11:00", "18:00"), ("11:00", "18:00"), ("11:00", "")]
    assert days.moments[-1].local("%d %H:%M") == "31 12:59"


def test_a_failing_script_is_an_off_relay_and_no_more(tmp_path: Path) -> None:
    text = "import sys\n\ndef decide(relay, data):\n    return relay.on('day') if relay.now.hour < 12 else sys.exit()\n"
    days = Days(tmp_path, {1: text, 2: "time-window"})
    assert days.spans(1) == [("00:00", "12:09")]  # secuDownNoData after the last good order
    assert len(days.spans(2)) == 1


# --- the report ---------------------------------------------------------------------------------------


@pytest.fixture
def village(house: House) -> House:
    """A house with a pump and a heater."""
    house.configure({"domo.relayNb": 2, "domo.relayName": {1: "Pump", 2: "Heater"}})
    house.configure({"domo.valueUse": ["SOC", "CS", "P"]})
    house.configure({"domo.relayWatt": {1: 750, 2: 300}})
    house.script(1, example("five-minutes-a-day"))
    house.script(2, example("van-water-heater"))
    return house


def run(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    """domo-replay as a process."""
    command = [
        sys.executable,
        "-S",
        str(PROJECT / "bin/domo-replay"),
        "--config",
        str(house.config),
        *arguments,
    ]
    env = {**house.env, "TZ": "Europe/Paris"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_a_day_is_a_picture_a_timeline_and_sums(village: House) -> None:
    done = run(village, "06-21", "--seed", "13")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("21 June")
    assert re.fullmatch(r"sun, tenths of the peak   0+[1-9]+0+", lines[1])
    assert re.fullmatch(r"charge, tenths            [0-9]{48}", lines[2])
    assert re.fullmatch(r"1 Pump                    \.+\+{1,2}\.+", lines[3])
    assert re.fullmatch(r"2 Heater                  [.+#]{48}", lines[4])
    text = " ".join(done.stdout.split())
    assert re.search(
        r"\d\d:\d\d [\d.]+ % (Absorption|Float) -?\d+ W 1 Pump on: absorption or float, for", text
    )
    assert "1 Pump 1 0.1 0.06" in text
    assert (
        "1 Pump on 4 min: N minutes, N s left on 1 min: absorption or float, for the first time today" in text
    )
    assert re.search(r"2 Heater on \d h \d\d: there is sun for it, N W at the battery", text)


def test_the_sums_are_those_of_the_days(village: House) -> None:
    """The month's line and the relay's line, against the fold's own minutes."""
    settings, _ = configs.load(str(village.config))
    start = time.mktime((time.localtime().tm_year, 6, 21, 0, 0, 0, 0, 0, -1))
    moments = list(replay.fold(settings, sun.Plant(seed=FOUR_CLEAR), start, 2 * sun.MINUTES, 0.8, {}))
    done = run(village, "06-21", "--days", "2", "--seed", str(FOUR_CLEAR))
    given = sum(moment.flow.sun for moment in moments) / 60000
    used = sum(moment.flow.panels for moment in moments) / 60000
    lowest = 100 * min(moment.flow.soc for moment in moments)
    assert f"{given:.1f} {used:.1f} {given - used:.1f} {lowest:.0f} %" in " ".join(done.stdout.split())
    hours = sum(2 in moment.watts for moment in moments) / 60
    starts = sum(2 in moment.switched and 2 in moment.watts for moment in moments)
    (row,) = re.findall("^2 Heater .*\\d", done.stdout, re.MULTILINE)
    assert [float(number) for number in row.split()[2:5]] == [
        starts,
        pytest.approx(hours, abs=0.051),
        pytest.approx(hours * 0.3, abs=0.0051),
    ]


def test_a_year_is_told_by_months(village: House) -> None:
    """Not the whole of it here: three days, over the end of a year."""
    done = run(village, "12-30", "--days", "3")
    assert done.returncode == 0
    year = time.localtime().tm_year
    months = re.findall(r"^(\d{4}-\d\d) +([\d.]+)", done.stdout, re.MULTILINE)
    assert [month for month, _ in months] == [f"{year}-12", f"{year + 1}-01"]


def test_the_same_seed_is_the_same_day(village: House) -> None:
    first, again, other = (run(village, "06-21", "--seed", seed).stdout for seed in ("5", "5", "6"))
    assert first == again != other


def test_the_plant_can_be_ones_own(village: House) -> None:
    small, large = (
        run(village, "06-21", "--seed", "13", "--panels", watts).stdout for watts in ("100", "3000")
    )
    totals = [float(re.findall(r"^\d{4}-06 +([\d.]+)", text, re.MULTILINE)[0]) for text in (small, large)]
    assert totals[1] == pytest.approx(30 * totals[0], abs=30 * 0.05)  # told to a tenth
    assert "2 Heater                        0       0.0    0.00" in small  # such panels never fill it
    day = run(village, "12-21", "--latitude", "-47", "--seed", "7").stdout
    night = run(village, "12-21", "--latitude", "75", "--seed", "7").stdout
    assert "sun, tenths of the peak   " + "0" * 48 in night and "7" in day.splitlines()[1]


def test_readings_can_be_supposed(village: House) -> None:
    """A sensor that the plant does not have, asked for by valueUse."""
    village.configure({"domo.valueUse": ["SOC", "TSolT"]})
    village.script(1, "return relay.on('cold') if data['TSolT'] < 5 else relay.off('warm')")
    without, cold = run(village, "06-21"), run(village, "06-21", "--set", "TSolT=3.5")
    assert without.returncode == 1 and "no TSolT: PvMonit reports" in without.stderr
    assert cold.returncode == 0 and "1 Pump                          1      24.0" in cold.stdout


def test_a_relay_whose_watts_are_not_known_is_named(village: House) -> None:
    village.configure({"domo.relayWatt": {2: 300}})
    assert "it draws nothing here: say what in domo.relayWatt.1" in run(village, "06-21").stdout


def test_a_failing_script_is_told_with_its_line_and_how_often(village: House) -> None:
    village.script(1, "return relay.on(data['SOD'])")
    done = run(village, "06-21")
    assert done.returncode == 1
    said = (
        "script 1.py line 2 (return relay.on(data['SOD'])): there is no 'SOD' in the data; did you mean SOC?"
    )
    assert said in done.stderr and "(1440 times)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["06-31"], "the day wants MM-DD, not '06-31'"),
        (["--set", "SOC"], "--set wants NAME=VALUE, not 'SOC'"),
        (["--days", "0"], "days, panels and battery want a number above 0"),
        (["--battery", "0"], "days, panels and battery want a number above 0"),
        (["--soc", "101"], "soc one from 0 to 100"),
        (["--days", "x"], "invalid int value"),
        (["--config", "/nonexistent.yaml"], "/nonexistent.yaml: there is no such file"),
    ],
)
def test_what_cannot_be_replayed(village: House, arguments: list[str], answer: str) -> None:
    done = run(village, *arguments)
    assert done.returncode == 2 and answer in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_replay_changes_nothing(village: House) -> None:
    village.tick()
    before = village.snapshot()
    run(village, "06-21")
    assert village.snapshot() == before


def test_it_takes_a_closed_pipe_for_an_answer(village: House) -> None:
    command = f"{sys.executable} -S {PROJECT}/bin/domo-replay --config {village.config} --days 3 | head -n 1"
    done = subprocess.run(command, shell=True, env=village.env, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


def test_days_of_the_tests_are_as_they_are_called(tmp_path: Path) -> None:
    """The seeds that stand for a sky."""
    through = {}
    for sky in (CLEAR, CHANGING, CLOUDY):
        noon = [share for share, _ in sun.weather(sky, 172)[8 * 60 : 18 * 60]]
        through[sky] = (sum(noon) / len(noon), max(noon) - min(noon))
    assert through[CLEAR][0] > 0.95 and through[CHANGING][1] > 0.5 and through[CLOUDY][0] < 0.4


def test_clocks_of_a_replay_are_its_own(tmp_path: Path, clock: Clock) -> None:
    """relay.now is the simulated hour, in the year that is replayed."""
    text = "def decide(relay, data):\n    return relay.off(f'{relay.now:%F %H:%M}')\n"
    days = Days(tmp_path, {1: text}, date="2031-02-28", days=1.01)
    assert days.moments[0].plan[1].why == "2031-02-28 00:00"
    assert days.moments[sun.MINUTES].plan[1].why == "2031-03-01 00:00"
    assert isinstance(days.moments[0].now, Now)
