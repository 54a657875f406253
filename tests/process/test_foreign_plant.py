"""domo-replay with plants, suns and sets of scripts of one's own: what is driven, told, and refused."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from support.day import example
from support.house import PROJECT, House, until

MODEL = """
class Barrel:
    '''A battery that is a barrel: no physics at all, and nothing of domo.'''

    def __init__(self, told):
        assert told["relays"][1]["name"] == "Pump" and told["plant"]["battery"] == 5000
        self.soc = told["soc"]

    def reading(self, when):
        noon = 9 <= when // 3600 % 24 < 15
        return {{"BMV": {{"SOC": self.soc, "P": 10 if noon else -20.5, "V": 26 + when % 7 / 100}},
                "MPPT": {{"CS": ("Float", "5") if noon else "Off", "PPV": 500}}}}

    def minute(self, when, states):
        self.soc = max(20, min(100, self.soc + (0.2 if when // 3600 % 24 < 15 else -0.1) - states[1]))
        {minute}
"""
GOOD = (
    "return {'sun': 500, 'panels': 300, 'load': 90, 'power': 210, 'soc': self.soc,"
    " 'watts': {1: 70 * states[1]}}"
)


@pytest.fixture
def village(house: House) -> House:
    """A house with a pump and a heater."""
    house.configure({"domo.relayNb": 2, "domo.relayName": {1: "Pump", 2: "Heater"}})
    house.configure({"domo.valueUse": ["SOC", "CS", "P"], "domo.relayWatt": {2: 300}})
    house.configure({"domo.relayLoad": {1: {"kind": "pump", "watt": 750, "minutes": 20, "tank": 60}}})
    house.script(1, example("five-minutes-a-day"))
    house.script(2, example("van-water-heater"))
    return house


def run(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    """domo-replay as a process, from the house's folder."""
    command = [
        sys.executable,
        "-IS",
        str(PROJECT / "bin/domo-replay"),
        "--config",
        str(house.config),
        *arguments,
    ]
    env = {**house.env, "TZ": "UTC"}
    return subprocess.run(command, env=env, cwd=house.folder, capture_output=True, text=True, timeout=170)


def model(house: House, minute: str = GOOD) -> None:
    (house.folder / "mymodel.py").write_text(textwrap.dedent(MODEL.format(minute=minute)))


def test_its_days_in_float_are_counted_and_its_evenings(village: House) -> None:
    """By what its monitors show. In its twilight the sun comes back for a minute."""
    sun = "500 if 9 <= when // 3600 % 24 < 15 or when % 86400 == 15.2 * 3600 else 0"
    model(village, GOOD.replace("'sun': 500, 'panels': 300", f"'sun': {sun}, 'panels': 0"))
    done = run(village, "06-21", "--days", "3", "--plant", "mymodel:Barrel", "--json")
    (told,) = json.loads(done.stdout)
    assert (told["days_in_float"], told["days_in_float_without"], told["evenings"]) == (3, 3, 3)


def test_a_foreign_model_drives_the_same_ticks(village: House) -> None:
    model(village)
    done = run(village, "06-21", "--plant", "mymodel:Barrel")
    assert (done.returncode, done.stderr) == (0, "")
    assert "09:00" in done.stdout and "1 Pump on: absorption or float" in " ".join(done.stdout.split())
    assert "2026-06" in done.stdout or "12.0        7.2        4.8" in done.stdout  # 500 and 300 W, all day
    told = json.loads(run(village, "06-21", "--plant", "mymodel:Barrel", "--json").stdout)[0]
    assert told["total"]["sun_kWh"] == 12 and told["relays"]["1"]["used_kWh"] == pytest.approx(
        5 * 70 / 60000, abs=1e-3
    )


def test_a_model_that_says_nothing_of_its_flows_is_driven_all_the_same(village: House) -> None:
    model(village, "return None")
    done = run(village, "06-21", "--plant", "mymodel:Barrel")
    assert done.returncode == 0 and "1 Pump                          1       0.1" in done.stdout


@pytest.mark.parametrize(
    ("minute", "told"),
    [
        ("raise RuntimeError('the sump is dry')", "minute(...) fails in line 16 of"),
        ("self.nothing", "AttributeError: 'Barrel' object has no attribute 'nothing'"),
        ("raise SystemExit(0)", "minute(...) fails in line 16 of"),
        ("raise BaseException('over')", "BaseException: over"),
        ("raise type('Mute', (Exception,), {'__str__': None})()", "mymodel.py: Mute"),
        ("self.minute = None", "the plant Barrel has no minute(...)"),
        ("self.reading = lambda when: {'BMV': {'SOC': 10**400}}", "no number from 0 to 100"),
        ("self.reading = lambda when: {'BMV': {'P': '1e300'}}", "BMV.P is 1e+300, no number from -1e+09"),
        ("return {'sun': -500}", "minute(...) sun is -500, no number from 0 to 1e+09"),
        ("return {'soc': 5000}", "minute(...) soc is 5000, no number from 0 to 100"),
        ("return {'watts': {1: -300, 2: -300}}", "no number from 0 to 1e+09"),
        ("return 3", "answers nonsense: minute(...) wants {'sun': W, ...} or None, not 3"),
        ("return {'sun': 'much'}", "minute(...) sun is 'much', no number"),
        ("return {'soc': float('nan')}", "minute(...) soc is nan, no number"),
        ("return {'watts': [1]}", "minute(...) watts wants {relay: W}, not [1]"),
        ("self.reading = lambda when: {}", "reading(...) wants {device: {value: number}}, not {}"),
        ("self.reading = lambda when: {'BMV': 3}", "reading(...) BMV wants {value: number}, not 3"),
        ("self.reading = lambda when: {'BMV': {'SOC': None}}", "BMV.SOC is None, neither number nor text"),
    ],
)
def test_a_model_that_fails_is_told_in_a_sentence(village: House, minute: str, told: str) -> None:
    model(village, minute)
    done = run(village, "06-21", "--plant", "mymodel:Barrel")
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mymodel", "--plant wants module:Class, not 'mymodel'"),
        ("nothing:Here", "No module named 'nothing'"),
        ("mymodel:Bucket", "mymodel has no Bucket"),
        ("mymodel:GOOD", "GOOD is no class"),
        ("broken:Barrel", "broken fails in line 1 of"),
        ("broken:Barrel", "ZeroDivisionError: division by zero"),
        ("leaves:Barrel", "leaves fails in line 1 of"),
        ("needs:Barrel", "needs.py: ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("mymodel:Picky", "Picky(...) fails in line 20 of"),
    ],
)
def test_a_model_that_cannot_be_had(village: House, name: str, told: str) -> None:
    model(village)
    with (village.folder / "mymodel.py").open("a") as file:
        file.write("\nGOOD = 1\nclass Picky:\n    def __init__(self, told): raise ValueError('not here')\n")
    (village.folder / "broken.py").write_text("1 / 0\n")
    (village.folder / "leaves.py").write_text("raise SystemExit(0)\n")
    (village.folder / "needs.py").write_text("import nosuchmodule\n")
    done = run(village, "06-21", "--plant", name)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr


def test_a_fault_whose_numbers_change_is_told_once(village: House) -> None:
    """Of relay 2 one, of relay 1 another, and of monitors that hang a third."""
    model(village, "return None")
    failing = "def decide(relay, data):\n    raise ValueError(f'{relay.now:%H:%M}')\n"
    village.script(1, failing)
    village.script(2, failing)
    lines = run(village, "06-21", "--plant", "mymodel:Barrel", "--seeds", "2").stderr.splitlines()
    assert [line[-12:] for line in lines] == ["(2880 times)"] * 2
    assert "1.py" in lines[0] and "2.py" in lines[1]
    (village.folder / "still.py").write_text(
        "class Still:\n    def __init__(self, told): pass\n    def minute(self, when, states): pass\n"
        "    def reading(self, when): return {'BMV': {'SOC': 50, 'P': 3}, 'MPPT': {'CS': 'Bulk'}}\n"
    )
    line, *scripts = run(village, "06-21", "--plant", "still:Still").stderr.splitlines()
    assert len(scripts) == 2
    assert "no measured value has moved for 30 min: the monitor is frozen (2820 times)" in line


def test_the_page_s_example_works_as_it_is_written(village: House) -> None:
    pytest.importorskip("scipy")
    village.configure({"domo.relayWatt": {1: 750, 2: 300}})
    page = (PROJECT / "docs/plant.md").read_text()
    (text,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (command,) = re.findall(r"bin/domo-replay (.*--plant .*)", page)
    (village.folder / "mymodel.py").write_text(text)
    done = run(village, *command.split(), "--bound", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (told,) = json.loads(done.stdout)
    assert told["days"] == 30 and 0.1 < told["share_of_bound"] < 1
    assert all(0.1 < relay["used_kWh"] < 150 for relay in told["relays"].values())
    assert told["total"]["used_kWh"] < told["total"]["sun_kWh"] == pytest.approx(150, abs=1)


def test_a_model_without_sun_has_no_bound(village: House) -> None:
    pytest.importorskip("scipy")
    model(village, "return None")
    done = run(village, "06-21", "--plant", "mymodel:Barrel", "--bound")
    assert done.returncode == 2 and "mymodel:Barrel had no sun at all; its minute(...)" in done.stderr


def test_a_model_that_fails_in_one_of_several_replays_is_told_alike(village: House) -> None:
    model(village, "self.nothing")
    done = run(village, "06-21", "--plant", "mymodel:Barrel", "--seeds", "2")
    assert done.returncode == 2 and "has no attribute 'nothing'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_model_that_ends_its_process_is_told_where_another_process_sees_it(village: House) -> None:
    model(village, "__import__('os')._exit(0)")
    done = run(village, "06-21", "--plant", "mymodel:Barrel", "--seeds", "2")
    assert done.returncode == 2 and "a process of the replay ended early" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_house_that_only_its_own_model_can_keep_alight_has_a_bound(village: House) -> None:
    """It draws more than domo's battery could ever give, and its charge stays: nothing is left for relays."""
    pytest.importorskip("scipy")
    sun = "100 if when // 3600 % 24 == 12 else 0"
    model(village, f"return {{'sun': {sun}, 'panels': 0, 'load': 900, 'power': 0, 'soc': 50}}")
    done = run(village, "06-21", "--days", "2", "--plant", "mymodel:Barrel", "--bound", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (told,) = json.loads(done.stdout)
    assert told["bound_kWh"] == 0 and told["total"]["sun_kWh"] == 0.2


def test_each_week_of_the_bound_begins_with_the_charge_that_the_house_has_then(village: House) -> None:
    """Without sun: what was in the battery at the beginning is gone in the first week."""
    pytest.importorskip("scipy")
    village.configure({"domo.relayLoad": {1: {"kind": "constant", "watt": 100}}})
    model(village, "return {'sun': 1, 'load': 0, 'soc': self.soc}")
    file = village.folder / "mymodel.py"
    file.write_text(file.read_text().replace("(0.2 if when // 3600 % 24 < 15 else -0.1)", "-0.1"))
    bounds = []
    for days in ("7", "14"):
        done = run(village, "06-21", "--days", days, "--plant", "mymodel:Barrel", "--bound", "--json")
        bounds.append(json.loads(done.stdout)[0]["bound_kWh"])
    assert bounds[0] > 1 and bounds[1] == pytest.approx(bounds[0], abs=0.2)


@pytest.mark.parametrize("name", ["../mymodel:Barrel", "mymodel", "mymodel.py:Barrel:x", ".mymodel:Barrel"])
def test_what_is_no_module_and_class_is_refused(village: House, name: str) -> None:
    model(village)
    done = run(village, "06-21", "--plant", name)
    assert (done.returncode, done.stderr) == (2, f"domo-replay: --plant wants module:Class, not {name!r}\n")


def test_a_number_of_numpy_is_one(village: House) -> None:
    pytest.importorskip("numpy")
    told = "{'BMV': {'SOC': numpy.int64(60), 'P': numpy.float32(when % 7), 'CS': 'Bulk'}}"
    minute = f"import numpy; self.reading = lambda when: {told}; return {{'sun': numpy.float32(500)}}"
    model(village, minute)
    done = run(village, "06-21", "--plant", "mymodel:Barrel", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["total"]["sun_kWh"] == 12


def test_a_name_with_a_line_end_is_one_of_a_line(village: House) -> None:
    model(village, "self.reading = lambda when: {'B\\nMV': {'SO\\nC': 7}}; return {}")
    village.script(2, "return relay.on(str(data['SOC']))")
    done = run(village, "06-21", "--plant", "mymodel:Barrel")
    assert done.stderr == "domo-replay: no SOC: PvMonit reports SO C (2878 times)\n"


def test_a_little_over_is_no_nonsense(village: House) -> None:
    """A charge is cut; where the panels give more than the sun, there was that much sun."""
    model(village, "return {'sun': 500, 'panels': 510, 'soc': 100.1}")
    told = json.loads(run(village, "06-21", "--plant", "mymodel:Barrel", "--json").stdout)[0]["total"]
    assert (told["sun_kWh"], told["used_kWh"], told["lowest"]) == (12.24, 12.24, 100)


# --- the bound, and several replays -------------------------------------------------------------------


def test_the_bound_is_above_what_scripts_reach(village: House) -> None:
    pytest.importorskip("scipy")
    done = run(village, "06-21", "--days", "3", "--sky", "clear", "--bound", "--json")
    told = json.loads(done.stdout)[0]
    assert 0.02 < told["share_of_bound"] < 1 and told["bound_kWh"] < told["total"]["sun_kWh"]
    assert "by perfect foresight" in run(village, "06-21", "--bound").stdout


def test_two_sets_of_scripts_stand_side_by_side_over_seeds(village: House, tmp_path: Path) -> None:
    other = village.folder / "bolder"
    other.mkdir()
    (other / "2.py").write_text("def decide(relay, data):\n    return relay.on('always')\n")
    done = run(village, "06-21", "--seeds", "2", "--compare", str(other))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split()[-2:] == ["scripts", "bolder"] and "seeds 1 to 2" in lines[0]
    (hours,) = (line for line in lines[lines.index("2 Heater") :] if "hours on" in line)
    assert hours.rstrip().endswith("24.0")
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("seeds", ["1", "2"])
def test_a_terminal_shows_a_bar_that_comes_to_its_end(village: House, seeds: str) -> None:
    """Days that do not count are not in it. Two seeds may be ready at the same moment."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-IS", PROJECT / "bin/domo-replay", "--config", village.config, "06-21"]
    command += ["--days", "4", "--warm", "2", "--seeds", seeds, "--csv"]
    done = subprocess.run(command, env=village.env, stdout=subprocess.PIPE, stderr=theirs, timeout=170)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0 and "100 %" in shown
    assert seeds == "2" or "50 %" in shown


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_several_replays_leave_no_process_behind_when_they_are_killed(village: House, by: int) -> None:
    command = [sys.executable, "-IS", PROJECT / "bin/domo-replay", "--config", village.config]
    replay = subprocess.Popen([*command, "06-21", "--days", "300", "--seeds", "3"], env=village.env)
    children = Path(f"/proc/{replay.pid}/task/{replay.pid}/children")
    until(lambda: children.read_text())
    workers = children.read_text().split()
    replay.send_signal(by)
    assert replay.wait() == -by
    until(lambda: not any(_runs(worker) for worker in workers))


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_sets_in_folders_of_the_same_name_are_told_apart(village: House) -> None:
    other = village.folder / "other" / village.script(1, "return relay.off('no')").parent.name
    other.mkdir(parents=True)
    (other / "2.py").write_text("def decide(relay, data):\n    return relay.on('always')\n")
    head, *_ = run(village, "06-21", "--compare", str(other)).stdout.splitlines()
    assert head.endswith(f"{'…' + str(other)[-21:]:>24}") and head.count("…") == 2


def test_csv_has_a_line_a_day_that_adds_up_to_json(village: House) -> None:
    arguments = ("06-21", "--days", "2", "--seeds", "2")
    rows = list(csv.DictReader(io.StringIO(run(village, *arguments, "--csv").stdout)))
    told = json.loads(run(village, *arguments, "--json").stdout)
    assert [(row["seed"], row["day"][5:]) for row in rows] == [
        ("1", "06-21"), ("1", "06-22"), ("2", "06-21"), ("2", "06-22")
    ]  # fmt: skip
    for one in told:
        of_seed = [row for row in rows if row["seed"] == str(one["seed"])]
        assert sum(float(row["sun_kWh"]) for row in of_seed) == pytest.approx(
            one["total"]["sun_kWh"], abs=0.01
        )
        lost = sum(sum(relay["lost_while_off_kWh"].values()) for relay in one["relays"].values())
        assert lost + one["lost_to_nobody_kWh"] == pytest.approx(one["total"]["lost_kWh"], abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "0"], "--seeds wants a number from 1 to 1000, not 0"),
        (["--days", "0"], "--days wants a number from 1 to 3660, not 0"),
        (["--soc", "100.5"], "--soc wants a number from 0 to 100, not 100.5"),
        (["--warm", "1"], "--warm wants a number from 0 to less than --days (1), not 1"),
        (["--json", "--csv"], "--json and --csv do not go together; leave one of them out"),
        (["--json", "--html", "x.html"], "--json and --html do not go together"),
        (["--html", "x.html", "--seeds", "2"], "--html and --seeds do not go together"),
        (["--html", "x.html", "--compare", "."], "--html and --compare do not go together"),
        (["--plant", "mymodel:House", "--sky", "clear"], "--plant and --sky do not go together"),
        (["--recorded", "today"], "--recorded and MM-DD do not go together"),
        (["--compare", "empty"], "--compare: there is no script in empty; wants a folder with 1.py"),
        (["--compare", "/nowhere"], "--compare: /nowhere is no folder"),
        (["--compare", "scripts"], "--compare: scripts is the folder of the first scripts; name another"),
        (["--sky", "sunny"], "--sky wants generated, clear"),
        (["--panels", "-5"], "--panels wants a number from 1 to 1e+06 (W), not -5"),
        (["--latitude", "91"], "--latitude wants a number from -90 to 90, not 91"),
    ],
)
def test_what_cannot_be_asked(village: House, arguments: list[str], told: str) -> None:
    (village.folder / "empty").mkdir()
    done = run(village, "06-21", *arguments)
    assert done.returncode == 2 and told in done.stderr and len(done.stderr.splitlines()) == 1


OF_A_REPLAY = ["--json", "--csv", "--bound"]
OF_A_REPLAY += ["--html=x", "--seeds=2", "--days=2", "--plant=a:b", "--set=SOC=1", "--compare=.", "--seed=2"]


@pytest.mark.parametrize("option", OF_A_REPLAY)
def test_a_recorded_day_takes_no_options_of_a_simulated_one(village: House, option: str) -> None:
    done = run(village, "--recorded", "today", option)
    name = option.partition("=")[0]
    assert done.returncode == 2
    assert f"--recorded and {name} do not go together" in done.stderr


def test_without_scipy_the_bound_is_refused_before_anything_is_simulated(village: House) -> None:
    """A script that writes what it was asked is asked nothing."""
    village.script(1, f"open({str(village.folder / 'asked')!r}, 'w')\nreturn relay.off('no')")
    program = (
        "import sys; sys.modules['scipy'] = None\n"
        f"sys.path.insert(0, {str(PROJECT / 'lib')!r})\n"
        "from domo.plant.replay import main\n"
        f"sys.exit(main(['--config', {str(village.config)!r}, '06-21', '--bound']))"
    )
    done = subprocess.run(
        [sys.executable, "-ISc", program], env=village.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "--bound wants SciPy; run: sudo apt install" in done.stderr
    assert not (village.folder / "asked").exists()


# --- behind the replay's back -------------------------------------------------------------------------

OUTSIDE = """import socket, subprocess, time
from datetime import datetime

def decide(relay, data):
    {what}
    return relay.off("no")
"""


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("datetime.now()", "looks at the machine's clock (now): use relay.now"),
        ("time.time()", "looks at the machine's clock (time): use relay.now"),
        ("open('/etc/hostname').read()", "reads the file /etc/hostname"),
        ("subprocess.run(['true'])", "starts the program true"),
        (
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))",
            "asks the network",
        ),
    ],
)
def test_a_script_that_looks_elsewhere_is_named(village: House, what: str, told: str) -> None:
    village.script(2, OUTSIDE.format(what=what))
    done = run(village, "06-21")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"script {village.scripts}/2.py {told}" in line and line.endswith("it sees what is there today")


def test_domos_own_look_into_the_folder_of_scripts_is_no_scripts(village: House) -> None:
    village.script(2, OUTSIDE.format(what="pass")).chmod(0o666)
    (village.scripts / "1.py").rename(village.scripts / "1.php")
    told = run(village, "06-21").stderr
    assert "others can write" in told and "PHP cannot be given another date" in told
    assert "looks into the folder" not in told
