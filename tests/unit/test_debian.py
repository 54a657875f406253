"""tools/debian.py, which takes ten minutes and root, still fits what it installs; and it finds what is
wrong."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import yaml

import debian
from domo.stores import schema

MINUTES = 10


def test_its_crontab_is_the_examples_with_other_programs() -> None:
    lines = [line for line in debian.crontab().splitlines() if not line.startswith("#")]
    assert sum("domo-tick; echo $? " in line for line in lines) == 2  # each minute, and at the boot
    assert sum("domo-panel --terminal" in line for line in lines) == 1


def test_its_configuration_is_one() -> None:
    schema.parse("/opt/domo/config.yaml", yaml.safe_load(debian.CONFIG))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What ten good minutes leave."""
    srv = tmp_path / "srv"
    srv.mkdir()
    numbers = range(1, debian.RELAYS + 1)
    modes, states = {n: 1 for n in numbers}, {n: 0 for n in numbers}
    agree = [modes, states, {n + 1: 1 for n in numbers}]
    (srv / "mail").write_text("Subject: mail comes through\n")
    (srv / "ticks").write_text("".join(f"0 {60 * minute + 2}.5\n" for minute in range(MINUTES + 1)))
    (srv / "agree").write_text("".join(f"{json.dumps(file)}\n" for file in agree * MINUTES))
    (srv / "seen").write_text(
        "".join(
            json.dumps({"reports": [], "relays": [{"state": int(2 < n <= minute + 3)} for n in numbers]})
            + "\n"
            for minute in range(MINUTES)
        )
    )
    for minute in range(MINUTES):
        (srv / f"files.{minute}").write_text("a\nb\n")
    (srv / "screen").write_text("so its script says")
    (srv / "memory").write_text("VmRSS: 14000 kB\n" * MINUTES)
    (srv / "descriptors").write_text("5\n" * MINUTES)
    (srv / "processes").write_text("S cron\n")
    (tmp_path / "opt/domo").mkdir(parents=True)
    with sqlite3.connect(tmp_path / "opt/domo/domo.sqlite3") as base:
        base.execute("CREATE TABLE relay (id INTEGER PRIMARY KEY, relay_number, info, valeur, date, event)")
        for relay, times in ((debian.FORCED, MINUTES), (debian.PRESSED, MINUTES - MINUTES // 3)):
            rows = [(relay, 60 * minute + 20) for minute in range(times)]
            base.executemany(
                "INSERT INTO relay (relay_number, info, valeur, date) VALUES (?, 'E', 1, ?)", rows
            )
    base.close()
    return tmp_path


def test_ten_good_minutes_are_well(root: Path) -> None:
    well, text = debian.judge(root, MINUTES)
    assert well, text
    assert "WRONG" not in text


@pytest.mark.parametrize(
    "file, old, new, finding",
    [
        ("mail", "Subject", "Subject: a job that prints\nSubject", "mails: 2"),
        ("mail", "Subject", "", "mails: 0"),
        ("ticks", "0 62.5\n", "", "ticks by cron: 10"),
        ("ticks", "0 62.5", "1 62.5", "what they ended with: {0, 1}"),
        ("ticks", "0 602.5", "0 620.5", "they ended at seconds"),
        ("agree", '"3": 1', '"3": 3', "pins agree: 0"),
        ("seen", '"reports": []', '"reports": ["no SOC"]', "faults that a tick reported: 10"),
        ("files.9", "b\n", "b\nc.new\n", "files after 3 minutes 2, at the end 3"),
        ("memory", "VmRSS: 14000 kB\n" * MINUTES, "VmRSS: 14000 kB\n" * 9 + "VmRSS: 15000 kB\n", "memory"),
        ("descriptors", "5\n" * MINUTES, "5\n" * 9 + "6\n", "open files after 3 minutes 5, at the end 6"),
        ("processes", "S cron", "Z tick", "zombies 1"),
    ],
)
def test_what_is_wrong_is_found(root: Path, file: str, old: str, new: str, finding: str) -> None:
    path = root / "srv" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    well, told = debian.judge(root, MINUTES)
    assert not well
    (wrong,) = [line for line in told.splitlines() if line.startswith("WRONG")]
    assert finding in wrong
