"""MIGRATION.md: PvMonit's scripts and what stands beside them here say the same; so do the two numberings."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import time
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from domo.core.header import WIRING_PI
from domo.core.history import History
from domo.core.model import Now, Past
from domo.scripts import source
from domo.scripts.api import World
from domo.stores import config, reading
from support.house import PROJECT, House

TEXT = (PROJECT / "MIGRATION.md").read_text()
SIDES = re.findall(r"^### (\d): .*?```php\n(.*?)```.*?```python\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)

# PvMonit's functions, as its documentation tells of them, in a world that stands still. In PHP a script
# calls those of its own namespace first.
PHP = r"""
namespace PvMonit;
function date($format) { global $case; return strtr($format, ['G' => $case['hour'], 'n' => $case['month'],
    'm' => sprintf('%02d', $case['month'])]); }
function function_exists($name) { return \function_exists("PvMonit\\$name"); }
function MpptAbsOrFlo($cs) { return preg_match('/^(Absorption|Float)/', $cs) == 1; }
function relayUpToday($relay) { global $case; return $case['ran']; }
function timeUpMin($relay, $seconds) { global $case; return $case['on_for'] < $seconds; }
foreach (json_decode($argv[2], true) as $case) {
    $thisId = (int) $argv[1];
    $thisEtat = $case['on'];
    $thisMod = $case['on'] + 1;
    $relayEtat = [1 => $case['other']];
    $data = ['SOC' => $case['SOC'], 'CS' => $case['CS']];
    if ($case['file']) touch($case['file']);
    $answer = eval('namespace PvMonit; ' . $argv[3]);
    echo $answer['mod'] == 2 ? 'on' : 'off', "\n";
    if ($case['file']) unlink($case['file']);
}
"""


def cases(relay: int, folder: Path) -> list[dict[str, Any]]:
    """Some of all that can be."""
    every = product(
        (None, 100, 400, 900), (9, 11, 12, 16, 17, 20, 21), (1, 6, 12), (80, 89, 90, 95, 96, 98, 99),
        ("Bulk", "Absorption", "Float"), (0, 1), (0, 1), (0, 1),
    )  # fmt: skip
    names = ("on_for", "hour", "month", "SOC", "CS", "other", "file", "ran")
    found = [dict(zip(names, case, strict=True)) for case in random.Random(relay).sample(list(every), 120)]
    for case in found:
        case["on"] = int(case["on_for"] is not None)
        case["ran"] = bool(case["ran"] or case["on"])
        case["file"] = f"{folder}/domo{relay}up" if case["file"] else ""
        if relay == 1:  # it is the other one itself
            case["other"] = case["on"]
    return found


def ours(house: House, relay: int, case: dict[str, Any]) -> str:
    """What the script here orders then."""
    settings, _ = config.load(str(house.config))
    wall = time.mktime((2025, case["month"], 15, case["hour"], 30, 0, 0, 0, -1))
    house.data(at=wall, SOC=case["SOC"], CS=case["CS"])
    history = {1: History(((200.0, 1),) if case["other"] else ())}
    ran = ((7200.0, 1), (3600.0, 0)) if case["ran"] else ()
    history[relay] = History(((float(case["on_for"]), 1),) if case["on"] else ran)
    now = Now(wall, 1e6, "boot")
    states = {**dict.fromkeys(settings.relays, 0), 1: case["other"], relay: case["on"]}
    past = Past(history=history, states=states)
    world = World(settings, dict.fromkeys(settings.relays, 1), states, past, reading.load(settings, now), now)
    if case["file"]:
        Path(case["file"]).touch()
    order = source.ask_here(relay, world, source.Library(settings.scriptDir))
    Path(case["file"] or "none").unlink(missing_ok=True)
    return order.wanted if order.good else order.why


def test_all_six_are_there() -> None:
    assert [int(relay) for relay, _, _ in SIDES] == [1, 2, 3, 4, 5, 8]


@pytest.mark.skipif(not shutil.which("php"), reason="there is no php")
@pytest.mark.parametrize("side, answers", [*((side, False) for side in range(len(SIDES))), (0, True)])
def test_the_two_sides_order_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch, side: int, answers: bool
) -> None:
    """With a computer that answers ping, or not, which only the first one asks."""
    relay, php, python = SIDES[side]
    number, folder = int(relay), house.folder
    ping = folder / "bin/ping"
    ping.parent.mkdir()
    ping.write_text(f"#!/bin/sh\nexit {int(not answers)}\n")
    ping.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ping.parent}:/usr/bin:/bin")
    house.configure({"domo.relayNb": 8})
    own = f"{folder}/domo8up" if number == 5 else f"{folder}/domo{number}up"
    house.script(number, python.replace("/tmp/domo", f"{folder}/domo"))
    found = [{**case, "file": case["file"] and own} for case in cases(number, folder)]
    # %G and %n are not what its author meant, see there
    text = php.replace("/tmp/domo", f"{folder}/domo").replace('date("%', 'date("')
    command = ["php", "-d", "display_errors=stderr", "-r", PHP, "--", relay, json.dumps(found), text]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stderr == ""
    theirs = told.stdout.split()
    assert set(theirs) == {"on", "off"}
    assert [ours(house, number, case) for case in found] == theirs


def test_the_numbers_of_the_pins() -> None:
    rows = re.findall(r"^\| wiringPi \|(.*)\|\n.*\n\| BCM \|(.*)\|$", TEXT, re.MULTILINE)
    told = {
        int(pin): int(bcm)
        for pins, bcms in rows
        for pin, bcm in zip(pins.replace("*", "").split("|"), bcms.split("|"), strict=True)
    }
    assert told == {pin: bcm for pin, bcm in enumerate(WIRING_PI) if pin not in range(17, 21)}
    bold = [int(pin) for pin in re.findall(r"\*\*(\d+)\*\*", TEXT.partition("## Pins")[2])]
    assert bold == list(config.Config(path="").relayWiringPi.values())
