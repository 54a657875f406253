"""domo-replay: days through the owner's scripts, and a report that adds up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from calendar import isleap
from pathlib import Path

import pytest

from domo.core.model import Now
from domo.plant import run as runs
from domo.plant.fold import Moment
from domo.plant.sky import MINUTES
from domo.stores import config as configs
from support.day import Days, example
from support.house import PROJECT, Clock, House

pytestmark = pytest.mark.usefixtures("paris")


# --- days ---------------------------------------------------------------------------------------------


def test_a_night_and_a_change_to_summer_time_are_not_special(tmp_path: Path) -> None:
    """In local time the day has 23 hours; the window is kept."""
    days = Days(tmp_path, {1: "time-window"}, date="2025-03-29", days=2.5)
    assert days.spans(1) == [("11:00", "18:00"), ("11:00", "18:00"), ("11:00", "")]
    assert days.moments[-1].local("%d %H:%M") == "31 12:59"


def test_a_failing_script_is_an_off_relay_and_no_more(tmp_path: Path) -> None:
    day = "relay.on('day') if relay.now.hour < 12 else sys.exit()"
    text = f"import sys\n\ndef decide(relay, data):\n    return {day}\n"
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
    done = run(village, "06-21", "--sky", "clear")
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
    assert re.search(r"2 Heater on \d h \d\d: N W of heaters for N W of sun", text)


def test_the_sums_are_those_of_the_days(village: House) -> None:
    """The month's line and the relay's line, against the fold's own minutes."""
    settings, _ = configs.load(str(village.config))
    start = time.mktime((time.localtime().tm_year, 6, 21, 0, 0, 0, 0, 0, -1))
    moments: list[Moment] = []
    runs.replay(runs.Scenario(settings, start, 2, sky="clear"), moments.append)
    done = run(village, "06-21", "--days", "2", "--sky", "clear")
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


def test_days_at_first_that_do_not_count(village: House) -> None:
    """They are lived through all the same: the day after them begins with what they left behind."""
    settings, _ = configs.load(str(village.config))
    start = time.mktime((time.localtime().tm_year, 6, 21, 0, 0, 0, 0, 0, -1))
    both = runs.replay(runs.Scenario(settings, start, 2, sky="changing"))
    second = runs.replay(runs.Scenario(settings, start, 2, sky="changing", warm=1))
    (day,) = second.days
    assert second.days[day] == both.days[day]
    assert second.soc == both.soc and second.evenings == 1
    assert second.relays[2].minutes < both.relays[2].minutes


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
        run(village, "06-21", "--sky", "clear", "--panels", watts).stdout for watts in ("100", "3000")
    )
    totals = [float(re.findall(r"^\d{4}-06 +([\d.]+)", text, re.MULTILINE)[0]) for text in (small, large)]
    assert totals[1] == pytest.approx(30 * totals[0], abs=30 * 0.05)  # told to a tenth
    assert "2 Heater                        0       0.0    0.00" in small  # such panels never fill it
    day = run(village, "12-21", "--latitude", "-47", "--seed", "7").stdout
    night = run(village, "12-21", "--latitude", "75", "--seed", "7").stdout
    assert "sun, tenths of the peak   " + "0" * 48 in night and "7" in day.splitlines()[1]


@pytest.mark.parametrize("option", ["--panels", "--battery", "--latitude"])
def test_scripts_know_a_plant_that_the_command_line_describes(village: House, option: str) -> None:
    village.script(1, "return relay.off('unknown' if data.spare_today() is None else 'known')")
    assert ": unknown" in run(village, "06-21", "--house", "90").stdout
    assert ": known" in run(village, "06-21", option, "45").stdout


def test_the_sky_of_pvlib_has_the_same_clouds(village: House) -> None:
    """So the sun of a day differs little, and of many days less."""
    pytest.importorskip("pvlib")
    ours, theirs = (
        run(village, "05-20", "--days", "4", "--sky", sky, "--json") for sky in ("generated", "pvlib")
    )
    assert (theirs.returncode, theirs.stderr) == (0, "")
    sun = [json.loads(done.stdout)[0]["total"]["sun_kWh"] for done in (ours, theirs)]
    assert sun[1] == pytest.approx(sun[0], rel=0.15) and sun[1] != sun[0]


def test_readings_can_be_supposed(village: House) -> None:
    """A sensor that the plant does not have, asked for by valueUse."""
    village.configure({"domo.valueUse": ["SOC", "TSolT"]})
    village.script(1, "return relay.on('cold') if data['TSolT'] < 5 else relay.off('warm')")
    without, cold = run(village, "06-21"), run(village, "06-21", "--set", "TSolT=3.5")
    assert without.returncode == 1 and "no TSolT: PvMonit reports" in without.stderr
    assert cold.returncode == 0 and "1 Pump                          1      24.0" in cold.stdout


def test_a_relay_whose_watts_are_not_known_is_named(village: House) -> None:
    village.configure({"domo.relayWatt": {2: 300}})
    assert "it draws nothing here: set domo.relayWatt.1" in run(village, "06-21").stdout


def test_a_failing_script_is_told_with_its_line_and_how_often(village: House) -> None:
    village.script(1, "return relay.on(data['SOD'])")
    done = run(village, "06-21")
    assert done.returncode == 1
    said = (
        "script 1.py line 2 (return relay.on(data['SOD'])): there is no 'SOD' in the data; did you mean SOC?"
    )
    assert said in done.stderr and "(1440 times)" in done.stderr


def test_a_page_that_cannot_be_written_keeps_no_fault_from_being_told(village: House) -> None:
    village.script(1, "1 / 0")
    done = run(village, "06-21", "--html", "/nonexistent/x.html")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert "/nonexistent/x.html" in first and "ZeroDivisionError" in second


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["06-31"], "the day wants MM-DD, not '06-31'"),
        (["--set", "SOC"], "--set wants NAME=VALUE, not 'SOC'"),
        (["--days", "0"], "--days wants a number from 1 to 3660"),
        (["--battery", "0"], "--battery wants a number from 10 to 1e+08 (Wh), not 0"),
        (["--soc", "101"], "--soc wants a number from 0 to 100, not 101"),
        (["--days", "x"], "invalid int value"),
        (["--days", "2", "--warm", "2"], "--warm wants a number from 0 to less than --days"),
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


def test_a_leap_day_is_replayed_in_its_years_and_refused_in_others(village: House) -> None:
    year = time.localtime().tm_year
    done = run(village, "02-29")
    if isleap(year):
        assert done.returncode == 0
    else:
        assert (done.returncode, done.stdout) == (2, "")
        assert f"there is no 02-29 in {year}, and this year is replayed" in done.stderr


def test_it_takes_a_closed_pipe_for_an_answer(village: House) -> None:
    command = f"{sys.executable} -S {PROJECT}/bin/domo-replay --config {village.config} --days 3 | head -n 1"
    done = subprocess.run(command, shell=True, env=village.env, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


def test_clocks_of_a_replay_are_its_own(tmp_path: Path, clock: Clock) -> None:
    """relay.now is the simulated hour, in the year that is replayed."""
    text = "def decide(relay, data):\n    return relay.off(f'{relay.now:%F %H:%M}')\n"
    days = Days(tmp_path, {1: text}, date="2031-02-28", days=1.01)
    assert days.moments[0].plan[1].why == "2031-02-28 00:00"
    assert days.moments[MINUTES].plan[1].why == "2031-03-01 00:00"
    assert isinstance(days.moments[0].now, Now)
