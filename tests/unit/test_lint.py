"""What --check finds in scripts before they run: each mistake with its line, and nothing in what is right."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from domo.scripts import lint
from domo.stores import config
from support.house import House


def findings(house: House) -> list[str]:
    """What is found in the house's scripts, without the folder's name; a hint begins with note."""
    settings, _ = config.load(str(house.config))
    return [
        f"{file.removeprefix(f'{house.scripts}/')} line {line}: {'' if mistake else 'note: '}{text}"
        for file, (line, text, mistake) in lint.lint(settings)
    ]


def found(house: House, text: str, relay: int = 1) -> list[str]:
    """What is found in a script."""
    house.script(relay, text)
    return findings(house)


def test_nothing_is_found_in_a_script_that_is_right(house: House) -> None:
    house.configure({"domo.valueUse": ["SOC", "CS", "P"]})
    text = """
    import time
    from datetime import datetime, timedelta

    PUMP, WAIT = 2, timedelta(minutes=5)
    NAMES = ("P", "SOC")
    STEPS = 1, 2
    PAIR = (4,5)
    FIRST, SECOND = 1,2

    def tired(relay):
        return relay.on_for > 300 or relay.starts(hours=1) > 3

    def decide(relay, data):
        def number():
            return 3

        pump = relay.others[PUMP]
        if pump.is_on or any(other.is_on for other in relay.others):
            return relay.off(f"{pump.name} is on")
        if "TSolT" in data and data["TSolT"] > 60 or data.get("VPV", 0) > 90:
            return relay.off("hot")
        if pump.last_on and relay.now - pump.last_on < WAIT:
            return relay.keep(f"since {time.strftime('%H', time.gmtime(0))} {datetime(2024, 1, 1)}")
        if data.mppt_float(mppt="any") and all(data[name] > 0 for name in NAMES):
            relay.timer("bath").start(600)
        try:
            if relay.timer("bath").running and not tired(relay):
                return relay.probe(data["P"])
        finally:
            print("looked")
        with open("/dev/null"):
            while True:
                match relay.mode:
                    case 1:
                        return relay.off("one")
                    case _:
                        raise ValueError("a mode that cannot be")
    """
    assert found(house, text) == []


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        # values that are not in valueUse
        ("x = data['P']", "note: P is not in valueUse, so this script fails whenever it is missing"),
        ("x = data.all('PPV')", "note: PPV is not in valueUse"),
        ("x = data.of('MpttToit', 'PPV')", "note: PPV is not in valueUse"),
        ("x = data.raw('CS')", "note: CS is not in valueUse"),
        ("x = data.mppt_float()", "note: CS is not in valueUse"),
        ("x = data.throttled()", "note: CS is not in valueUse"),
        ("x = data['SOD']", "no device reports SOD now, so this script fails; did you mean SOC?"),
        ("x = data['TSolT']", "note: no device reports TSolT now, so this script fails"),
        # names that the script does not have
        ("énergie = 5; x = 1 if energie else 2", "there is no energie; did you mean énergie?"),
        ("x = relay.is_on and Vrai", "there is no Vrai"),
        ("x = [max(SEUIL, n) for n in (1, 2)]", "there is no SEUIL"),
        # decimals with a comma
        ("x = 1 if (data['SOC'] > 26,5) else 2", "(data['SOC'] > 26, 5) is always true; a decimal"),
        ("if relay.is_on and not (5,): pass", "(5,) is always true; a decimal has a point: 26.5, not 26,5"),
        ("while (0,5): break", "(0, 5) is always true"),
        ("x = data['SOC'] - 0,5", "note: (data['SOC'] - 0, 5) is two values; a decimal has a point"),
        # relays that there are not
        ("x = relay.others[4].is_on", "there is no relay 4; there are 1 to 3"),
        ("x = relay.others['pump'].is_on", "there is no relay 'pump'; there are 1 to 3"),
        ("x = [relay.others[n] for n in (2, 3, 9)]", "there is no relay 9; there are 1 to 3"),
        # other clocks
        ("import datetime; x = datetime.datetime.now()", "datetime.datetime.now() is not the tick's clock"),
        ("from datetime import datetime; x = datetime.now().hour", "datetime.now() is not the tick's clock"),
        ("from datetime import date as d; x = d.today()", "d.today() is not the tick's clock"),
        (
            "import time; x = time.time()",
            "time.time() is not the tick's clock; use relay.now, which --at and",
        ),
        ("from time import time; x = time()", "time() is not the tick's clock"),
        ("import time as t; x = t.localtime().tm_hour", "t.localtime() is not the tick's clock"),
        ("import time; x = time.strftime('%H')", "time.strftime('%H') is not the tick's clock"),
        # names that do not exist
        ("x = relay.ison", "there is no relay.ison; did you mean is_on?"),
        ("x = relay.others[2].onfor", "there is no relay.others[2].onfor; did you mean on_for?"),
        ("pump = relay.others[2]; x = pump.last_up", "there is no pump.last_up"),
        ("x = [o.ison for o in relay.others]", "there is no o.ison; did you mean is_on?"),
        ("x = relay.timer('bath').runing", "there is no relay.timer('bath').runing; did you mean running?"),
        ("x = data.mpt_float()", "there is no data.mpt_float; did you mean mppt_float?"),
        # a question that is not asked, a value that is
        (
            "x = 1 if relay.ran_today else 2",
            "relay.ran_today needs its brackets; write relay.ran_today(...)",
        ),
        ("x = relay.on_for() > 300", "relay.on_for is a value; write it without ()"),
        ("x = relay.is_on()", "relay.is_on is a value; write it without ()"),
        (
            "relay.mode = 2",
            "relay.mode cannot be set; give the order with return relay.on(why) or relay.off(why)",
        ),
        # no order
        ("if relay.is_on: return", "this returns no order; write return relay.on(why), relay.off(why)"),
        ("if relay.is_on: return 2", "this returns no order"),
        ("if relay.is_on: return relay.on", "relay.on needs its brackets"),
        # what a method is given
        (
            "if relay.is_on: return relay.on()",
            "relay.on(): missing a required argument: 'why'; write relay.on(why)",
        ),
        ("x = relay.off('a', 'b')", "relay.off('a', 'b'): too many positional arguments"),
        ("x = relay.ran_today(mins=3)", "relay.ran_today(mins=3): got an unexpected keyword argument 'mins'"),
        ("x = relay.timer().running", "relay.timer(): missing a required argument: 'name'"),
    ],
)
def test_a_mistake_is_told_with_its_line(house: House, line: str, finding: str) -> None:
    """The sample reports PPV, P and CS; valueUse is SOC."""
    (told,) = found(house, f"print('first')\n{line}\nreturn relay.off('last')")
    assert told.startswith(f"1.py line 3: {finding}"), told


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("decide = 5", "1.py line 1: decide is no function; write def decide(relay, data)"),
        ("decide: int = 5", "1.py line 1: decide is no function; write def decide(relay, data)"),
        ("class decide:\n    pass", "1.py line 1: decide is no function; write def decide(relay, data)"),
        (
            "async def decide(relay, data):\n    return relay.off('no')",
            "1.py line 1: decide gives no order, it is async; write def decide(relay, data)",
        ),
    ],
)
def test_a_decide_that_gives_no_order(house: House, text: str, finding: str) -> None:
    (house.scripts / "1.py").write_text(text)
    assert findings(house) == [finding]


def test_what_may_be_a_function_is_left_alone(house: House) -> None:
    for text in ("from elsewhere import other\ndecide = other", "import a\ndecide = a.made(3)"):
        (house.scripts / "1.py").write_text(text)
        assert findings(house) == []
    assert found(house, "def decide(relay, data):\n    return relay.on(*data.all('SOC'))") == []


def test_a_value_that_stands_for_a_constant_is_followed(house: House) -> None:
    decide = "def decide(relay, data):\n    pump = relay.others[OTHER]\n    return relay.on(data[WANTED])\n"
    assert found(house, f"OTHER = 7\nWANTED = 'PPV'\n{decide}") == [
        "1.py line 4: there is no relay 7; there are 1 to 3",
        "1.py line 5: note: PPV is not in valueUse, so this script fails whenever it is missing",
    ]


def test_a_staircase_needs_values_of_its_own(house: House) -> None:
    house.configure({"domo.relayWatt": {1: 300, 2: 800}})
    missing = " is not in valueUse, so this script fails whenever it is missing"
    assert found(house, "def decide(relay, data):\n    return relay.staircase(data, (1, 2))\n") == [
        f"1.py line 2: note: {name}{missing}" for name in ("CS", "P")
    ]


@pytest.mark.parametrize(
    ("heaters", "finding"),
    [
        ("(1, 2, 4)", "there is no relay 4; there are 1 to 3"),
        ("STEPS, buffer=3", "relayWatt in config.yaml must say what relay 3 draws"),
        ("heaters=[2]", "relay 1 is not among the heaters of its staircase"),
        ("(1, 2)", ""),
        ("[relay.id, 2]", ""),
        ("[*STEPS, 2][:1]", ""),
        ("range(1, 3)", ""),
    ],
)
def test_a_staircase_that_fails_at_each_tick(house: House, heaters: str, finding: str) -> None:
    house.configure({"domo.relayWatt": {1: 300, 2: 800}, "domo.valueUse": ["SOC", "CS", "P"]})
    text = f"STEPS = (1, 3)\ndef decide(relay, data):\n    return relay.staircase(data, {heaters})\n"
    assert found(house, text) == ([f"1.py line 3: {finding}"] if finding else [])


def test_the_only_step_of_a_staircase_needs_its_watts_too(house: House) -> None:
    """The example of the van's water heater, copied and not changed."""
    house.configure({"domo.valueUse": ["SOC", "CS", "P"]})
    text = "def decide(relay, data):\n    return relay.staircase(data, [relay.id])\n"
    assert found(house, text) == ["1.py line 2: relayWatt in config.yaml must say what relay 1 draws"]


def test_a_step_that_is_uninterruptible(house: House) -> None:
    house.configure({"domo.relayWatt": {1: 300}, "domo.valueUse": ["SOC", "CS", "P"]})
    house.configure({"domo.uninterruptible": [1]})
    assert found(house, "def decide(relay, data):\n    return relay.staircase(data, [1])\n") == [
        "1.py line 2: relay 1 is uninterruptible in config.yaml, so it cannot be a step"
    ]


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    if relay.is_on:\n        break\nreturn relay.off('x')",
        "match relay.mode:\n    case 1:\n        return relay.on('y')\nreturn relay.off('x')",
    ],
)
def test_an_order_after_a_loop_or_a_match_is_seen(house: House, body: str) -> None:
    assert found(house, body) == []


def test_every_way_to_define_a_name_is_known(house: House) -> None:
    text = """
    import os.path
    from math import floor as down

    class Tank:
        level = 3

    def tally(*many, start=0, **more):
        return sum(many, start) + len(more)

    def decide(relay, data):
        global count
        count = tally(1, start=2)
        double = lambda number: number * 2
        with open(__file__) as script:
            (first, *rest), count = [1, 2], len(script.read())
        for index, value in enumerate(rest):
            print(index, value, [(a, b) for a, b in [(1, 2)]], os.path, down(1.5), Tank.level, first)
        try:
            if (half := double(4)) > 3:
                return relay.on(f"{half} {count}")
        except ValueError as error:
            return relay.off(error)
        match {"a": 1}:
            case {"a": one, **others}:
                return relay.off(f"{one} {others}")
            case [*items] | items:
                return relay.off(f"{items}")
        return relay.off("nothing")
    """
    assert found(house, text) == []
    assert found(house, "from math import *\ndef decide(relay, data):\n    return relay.off(pi)\n") == []


def test_the_names_of_the_arguments_are_the_owners(house: House) -> None:
    text = "def decide(me, values):\n    return me.on('x') if me.ison else me.off(values['SOC'])\n"
    assert found(house, text) == ["1.py line 2: there is no me.ison; did you mean is_on?"]


@pytest.mark.parametrize(
    "body",
    [
        "if relay.is_on:\n    return relay.on('x')",
        "if relay.is_on:\n    return relay.on('x')\nelif data:\n    return relay.off('y')",
        "for n in (1, 2):\n    return relay.on('x')",
        "while relay.is_on:\n    return relay.on('x')",
        "while True:\n    if relay.is_on:\n        break",
        "try:\n    return relay.on('x')\nexcept ValueError:\n    pass",
        "match relay.mode:\n    case 1:\n        return relay.off('x')",
        "def inner():\n    return relay.off('x')",
        "relay.on('x')",
    ],
)
def test_a_path_without_an_order_is_seen(house: House, body: str) -> None:
    assert found(house, body) == [
        "1.py line 1: decide can end without an order; end it with return relay.off(why)"
    ]


@pytest.mark.parametrize("arguments", ["relay", "", "relay, data, more"])
def test_decide_takes_relay_and_data(house: House, arguments: str) -> None:
    (told,) = found(house, f"def decide({arguments}):\n    raise ValueError\n")
    assert told == "1.py line 1: decide takes two arguments: def decide(relay, data)"


WAITS = "if relay.others[{}].is_on:\n    return relay.on('after it')\nreturn relay.off('waits')"


def test_relays_that_wait_for_each_other_are_seen(house: House) -> None:
    house.script(2, WAITS.format(1))
    assert found(house, WAITS.format(2)) == [
        "1.py line 2: relay 1 looks at 2 and relay 2 looks at 1: each may wait for the other for ever"
    ]


def test_a_longer_circle_is_told_once_and_a_row_is_none(house: House) -> None:
    house.script(2, WAITS.format(3))
    house.script(3, "return relay.off('x')")
    assert found(house, WAITS.format(2)) == []
    house.script(3, WAITS.format(1))
    (told,) = findings(house)
    assert "relay 1 looks at 2 and relay 2 looks at 3 and relay 3 looks at 1" in told


def test_a_circle_is_told_at_the_relays_that_are_in_it(house: House) -> None:
    house.script(2, WAITS.format(3))
    house.script(3, WAITS.format(2))
    (told,) = found(house, WAITS.format(2))
    assert told.startswith("2.py line 2: relay 2 looks at 3 and relay 3 looks at 2")


def test_a_relay_without_a_script_waits_for_nobody(house: House) -> None:
    assert found(house, WAITS.format(2)) == []


def test_every_circle_is_found_in_a_house_where_all_look_at_all(house: House) -> None:
    """It takes no longer than it has to."""
    house.configure({"domo.relayNb": 8})
    for relay in range(1, 9):
        looks = "".join(f"x = relay.others[{other}].is_on\n" for other in range(1, 9))
        house.script(relay, f"{looks}return relay.off('x')")
    assert len(findings(house)) == 7


def test_a_load_that_must_not_be_interrupted_is_not_probed(house: House) -> None:
    house.configure({"domo.uninterruptible": [1], "domo.valueUse": ["P"]})
    (told,) = found(house, "return relay.probe(data['P'])")
    assert told == "1.py line 2: relay 1 is uninterruptible in config.yaml, so it cannot be probed"


@pytest.mark.parametrize("text", ["def decide(:\n", "\0", "x = " + "(" * 1000, "\udcff"])
def test_a_script_that_cannot_be_read_is_left_to_the_other_checks(house: House, text: str) -> None:
    (house.scripts / "1.py").write_text(text, errors="surrogateescape")
    assert findings(house) == []


def test_check_prints_the_findings_as_things_to_do_and_the_notes_as_notes(house: House) -> None:
    house.script(1, "x = relay.ison\nreturn relay.off(data['P'])")
    said = house.tick("--check").out
    path = house.scripts / "1.py"
    assert f"TO DO  script {path} line 2: there is no relay.ison; did you mean is_on?" in said
    assert f"note   script {path} line 3: P is not in valueUse" in said


def test_nothing_runs_while_scripts_are_looked_at(house: House, tmp_path: Path) -> None:
    house.script(1, textwrap.dedent(f"open('{tmp_path}/ran', 'w')\nreturn relay.off('x')"))
    (house.scripts / "2.py").write_text(f"open('{tmp_path}/ran', 'w')\n")
    house.tick("--check")
    assert not (tmp_path / "ran").exists()
