"""`domo-replay --recorded DAY`: a recorded day, asked what today's scripts would have made of it."""

from __future__ import annotations

import gzip
import subprocess
import sys

import pytest

from support import record
from support.house import PROJECT, House, Ran
from support.record import DAY

SAME = "return relay.on('there is sun') if 9 <= relay.now.hour < 10 else relay.off('no sun')"


@pytest.fixture
def village(house: House) -> House:
    """Two recorded days, and the scripts that switched so."""
    record.furnish(house)
    for date in record.dates(DAY, 2):
        record.keep(house, date)
    house.script(1, SAME)
    return house


def replay(house: House, *arguments: str) -> Ran:
    """Runs it."""
    program = str(PROJECT / "bin/domo-replay")
    command = [sys.executable, "-S", program, "--config", str(house.config), *arguments]
    done = subprocess.run(command, env=house.env, capture_output=True, text=True, timeout=120)
    return Ran(done.returncode, done.stdout, done.stderr)


def bands(ran: Ran) -> list[str]:
    lines = ran.out.partition("\n\n")[0].splitlines()  # the picture; sentences come after it
    return [line[24:] for line in lines if line[18:23].strip() in ("was", "would")]


def test_the_scripts_that_switched_so_would_have_switched_the_same(village: House) -> None:
    ran = replay(village, "--recorded", DAY)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "Today's scripts would have switched the same."
    was, would, *_ = bands(ran)
    assert was == would == "." * 18 + "##" + "." * 28


def test_forces_are_as_they_were(village: House) -> None:
    *_, was, would, _, _ = bands(replay(village, "--recorded", DAY))
    assert was == would == "." * 24 + "FF" + "." * 14 + "x" * 8


def test_it_says_from_where_on_it_guesses(village: House) -> None:
    """Until the first switch that differs all is as it was; each switch after it has a question mark."""
    village.script(1, SAME.replace("< 10", "< 11"))
    ran = replay(village, "--recorded", DAY)
    assert "The same until 10:00, when 1 Lift pump would have been auto on: there is sun." in ran.said
    assert "so the rest is a guess" in ran.said
    assert " 09:00  1 Lift pump on (auto on): there is sun" in ran.out
    assert "?11:00  1 Lift pump off (auto off): no sun" in ran.out
    assert bands(ran)[1] == "." * 18 + "####" + "." * 26


def test_an_on_that_would_not_have_been_is_a_difference_too(village: House) -> None:
    village.script(1, SAME.replace("9 <=", "100 <="))
    said = replay(village, "--recorded", DAY).said
    assert "The same until 09:00, when 1 Lift pump would have been off: no sun." in said


def test_scripts_see_the_readings_of_that_day(village: House) -> None:
    """Values of each device, the charge's stage, and the hour."""
    village.script(
        3,
        """
        held = data["CS"] == "Float" and data.of("Roof", "PPV") == 1000
        full = data["SOC"] == 100 and data["CONSO"] == 400
        return relay.on("full") if held and full else relay.off("not full")
        """,
    )
    ran = replay(village, "--recorded", DAY)
    assert "The same until 12:00, when 3 Tool chargers would have been auto on: full." in ran.said
    assert bands(ran)[-1] == "." * 24 + "####" + "." * 20


def test_scripts_know_what_ran_the_day_before(village: House) -> None:
    village.script(1, "return relay.keep(f'{relay.on_time(24) / 60:.0f} min on, {relay.starts(24)} starts')")
    said = replay(village, "--recorded", DAY).said
    assert "The same until 09:00, when 1 Lift pump would have been off: 60 min on, 1 starts." in said


def test_what_was_not_recorded_is_that_scripts_fault(village: House) -> None:
    village.script(3, "return relay.on(str(data['T']))")
    ran = replay(village, "--recorded", DAY)
    assert ran.code == 1
    assert "domo-replay: script 3.py line 2 (return relay.on(str(data['T']))): there is no 'T'" in ran.err
    assert bands(ran)[0] == bands(ran)[1]


def test_a_line_whose_time_is_torn_is_left_out(village: House) -> None:
    whole = replay(village, "--recorded", DAY)
    text = record.text(DAY) + f"{DAY}T17:5\n"
    (village.folder / f"history/{DAY}.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert replay(village, "--recorded", DAY) == whole


def test_it_changes_nothing(village: House) -> None:
    before = village.snapshot()
    replay(village, "--recorded", DAY)
    assert village.snapshot() == before


def test_a_day_without_a_record(village: House) -> None:
    ran = replay(village, "--recorded", "2020-01-01")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "domo-replay: nothing is recorded of 2020-01-01\n"
    assert replay(village, "--recorded", "someday").code == 2


def test_a_simulated_day_makes_a_page_that_says_so(village: House) -> None:
    file = village.folder / "page.html"
    assert replay(village, "06-15", "--html", str(file)).code == 0
    text = file.read_text()
    assert "Simulated: a generated sun, not what happened" in text
    assert "09:00 to 10:00, auto on: there is sun" in text
    assert len(text) <= 400_000
