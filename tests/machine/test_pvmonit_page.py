"""PvMonit's web page, unmodified: it reads both files, and rewrites the mode file without a lock."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.house import PROJECT, House
from support.page import change_for_ever

pytestmark = pytest.mark.timing

ON, AUTO, OFF = 3, 1, 0  # what its three buttons write


class Page:
    """What www/domo.php does with the two files, as PHP does it."""

    def __init__(self, house: House) -> None:
        self._modes, self._states = house.mode_file, house.state_file

    def refresh(self) -> str:
        """action=printRefresh: the two files, as they are, in one document."""
        return '{"etat":' + self._states.read_text() + ',"mod":' + self._modes.read_text() + "}"

    def change(self, relay: int, to: int) -> None:
        """action=changeMod: reads, changes, empties, writes."""
        try:
            document = json.loads(self._modes.read_text())
        except ValueError:
            document = {}  # json_decode gives null, and null["4"] = 3 makes an array of one
        document[str(relay)] = to
        fd = os.open(self._modes, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.write(fd, encoded(document).encode())
        os.close(fd)


def encoded(document: Any) -> str:
    """json_encode: no spaces, nothing but ASCII, slashes escaped."""
    return json.dumps(document, separators=(",", ":")).replace("/", "\\/")


@pytest.fixture
def page(house: House) -> Page:
    """The page, after the first tick."""
    assert house.tick() == (0, "", "")
    return Page(house)


def test_what_the_page_shows(house: House, page: Page) -> None:
    """Its JavaScript compares with numbers, by keys that are text."""
    house.script(2, 'return relay.on("sun")')
    page.change(1, ON)
    house.tick()
    assert json.loads(page.refresh()) == {"etat": {"1": 1, "2": 1, "3": 0}, "mod": {"1": 3, "2": 2, "3": 1}}
    assert house.state_file.stat().st_mode & 0o444 == 0o444


def test_its_buttons(house: House, page: Page) -> None:
    for to, on in ((ON, {1}), (OFF, set()), (ON, {1}), (AUTO, set())):
        page.change(1, to)
        assert house.tick() == (0, "", "")
        assert (house.modes, house.on) == ({1: to, 2: 1, 3: 1}, on)


def test_auto_is_auto_while_the_script_wants_it_on(house: House, page: Page) -> None:
    """The page knows one auto, 1; the relay does not click for it."""
    house.script(1, 'return relay.on("sun")')
    house.tick()
    assert house.on == {1}
    page.change(1, AUTO)
    assert house.tick() == (0, "", "")
    assert (house.modes[1], house.on) == (2, {1})
    assert [row[1:3] for row in house.journal if row[0] == 1 and row[1] == "E"] == [("E", 1)]


def test_what_others_keep_in_the_file_survives_both(house: House, page: Page) -> None:
    house.mode_file.write_text('{"1": 1, "2": 1, "3": 1, "café/été": [1, 2.5, null], "": "\\u20ac"}')
    house.script(1, 'return relay.on("sun")')
    page.change(2, ON)
    house.tick()
    page.change(3, ON)
    house.tick()
    found = json.loads(house.mode_file.read_text())
    assert found == {"1": 2, "2": 3, "3": 3, "café/été": [1, 2.5, None], "": "€"}


def test_forces_that_the_page_dropped_come_back(house: House, page: Page) -> None:
    """It read the file just while somebody else was writing it, and knows of one relay only."""
    page.change(1, ON)
    house.tick()
    house.mode_file.write_text("")
    page.change(2, ON)
    assert house.mode_file.read_text() == '{"2":3}'
    assert house.tick() == (0, "", "")
    assert (house.modes, house.on) == ({1: 3, 2: 3, 3: 1}, {1, 2})


def test_it_acts_without_cron(house: House, page: Page) -> None:
    """While the panel process runs."""
    command = [
        *house.command()[:2],
        str(PROJECT / "bin/domo-panel"),
        "--config",
        str(house.config),
        "--no-display",
    ]
    with subprocess.Popen(command, env=house.env, stderr=subprocess.PIPE, text=True) as panel:
        try:
            for to, on in ((ON, {3}), (OFF, set())):
                page.change(3, to)
                deadline = time.monotonic() + 30
                while house.on != on and time.monotonic() < deadline:
                    time.sleep(0.02)
                assert house.on == on
        finally:
            panel.send_signal(signal.SIGTERM)
        assert (panel.communicate(timeout=20)[1], panel.returncode) == ("", 0)


@pytest.fixture
def busy(house: House) -> Iterator[list[str]]:
    """Ticks that switch, and changes as fast as they come; what the ticks complained about."""
    house.configure({"domo.relay.scriptExecInterval": 0})
    for relay in (1, 2):
        house.script(relay, "return (relay.off if relay.is_on else relay.on)('it flips')")
    said: list[str] = []
    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            said.extend(house.tick().err.splitlines())

    ticks = threading.Thread(target=tick)
    changes = multiprocessing.get_context("fork").Process(target=change_for_ever, args=(house,))
    changes.start()  # first: a fork beside a thread that starts a program keeps that program's pipe open
    ticks.start()
    yield said
    over.set()
    ticks.join()
    assert changes.is_alive()
    changes.kill()
    changes.join()


def test_what_it_shows_is_valid_at_every_instant(house: House, page: Page, busy: list[str]) -> None:
    """Whatever ticks do meanwhile; and what it changes stays."""
    for round in range(300):
        to = (ON, OFF, AUTO)[round % 3]
        page.change(3, to)
        for _ in range(5):
            shown = json.loads(page.refresh())
            assert shown["mod"].keys() == shown["etat"].keys() == {"1", "2", "3"}
            assert shown["mod"]["3"] == to
            assert {shown["mod"]["1"], shown["mod"]["2"]} <= {1, 2}
    assert busy == []


# -- PvMonit's own domo beside it --


def check(house: House) -> str:
    """What --check finds to do."""
    return "\n".join(line for line in house.tick("--check").out.splitlines() if line.startswith("TO DO"))


@pytest.mark.parametrize("name", ["domo.php", "relay-actions.php", "tm1638.py", "domo-launch.sh"])
def test_its_daemons_are_noticed(house: House, name: str) -> None:
    """Two masters on the same pins. What a daemon does here is to sleep."""
    path = house.folder / "PvMonit/domo" / name
    path.parent.mkdir(parents=True)
    path.write_text("import sys; sys.stdin.read()" if name != "domo-launch.sh" else "read line")
    with subprocess.Popen(
        [sys.executable if name != "domo-launch.sh" else "sh", path], stdin=subprocess.PIPE
    ):
        assert f"PvMonit's domo/{name} runs: two masters on the same relays" in check(house)
    assert "two masters" not in check(house)


def test_an_editor_is_no_daemon(house: House) -> None:
    path = house.folder / "domo/domo.php"
    path.parent.mkdir()
    path.write_text("")
    with subprocess.Popen(["tail", "-f", path], stdout=subprocess.PIPE) as reader:
        assert "two masters" not in check(house)
        reader.kill()


def test_its_daemons_of_the_next_boot_are_noticed(house: House) -> None:
    assert "daemon" not in check(house)
    house.configure({"domo.daemon": True, "domo.tm1638.daemon": True})
    found = check(house)
    assert (
        f"{house.config}: domo: daemon: true, so PvMonit starts its own domo at the next boot;"
        " set it to false" in found
    )
    assert f"{house.config}: domo: tm1638: daemon: true, so" in found


def test_of_a_config_that_is_a_link_the_file_is_named(house: House) -> None:
    """As MIGRATION.md has it: one file for both, to be mended once."""
    house.configure({"domo.daemon": True})
    house.config.rename(house.folder / "theirs.yaml")
    house.config.symlink_to("theirs.yaml")
    found = [line for line in check(house).splitlines() if "daemon: true" in line]
    assert len(found) == 1
    assert f"{house.folder}/theirs.yaml: domo: daemon: true" in found[0]


# -- the stand-in above does what PHP does --

CHANGE = """
$document = json_decode(file_get_contents($argv[1]), true);
$document[$argv[2]] = (int) $argv[3];
file_put_contents($argv[1], json_encode($document));
"""


@pytest.mark.skipif(not shutil.which("php"), reason="there is no php")
@pytest.mark.parametrize(
    "text",
    [
        '{"1":1,"2":1,"3":1}',
        '{\n  "1": 1,\n  "2": 3\n}\n',
        "{}",
        "",
        '{"1":',
        '{"3": 0, "1": 1, "café/été": "\\u20ac \\"x\\"", "a": [1, 2.5, null, true], "b": {"c": -1}}',
        '{"01": 1, "-1": 2, "note": "\\ud83d\\ude00 \\t"}',
    ],
)
def test_php_writes_the_same_bytes(house: House, tmp_path: Path, text: str) -> None:
    for relay, to in ((2, ON), (1, OFF), (4, AUTO)):
        ours, theirs = house.mode_file, tmp_path / "theirs"
        ours.write_text(text)
        theirs.write_text(text)
        Page(house).change(relay, to)
        subprocess.run(["php", "-r", CHANGE, "--", str(theirs), str(relay), str(to)], check=True)
        assert theirs.read_bytes() == ours.read_bytes()


@pytest.mark.skipif(not shutil.which("php"), reason="there is no php")
def test_php_reads_what_domo_writes(house: House) -> None:
    """And writes it back without a change."""
    house.mode_file.write_text('{"1": 1, "2": 1, "3": 1, "café": "/"}')
    house.script(1, 'return relay.on("sun")')
    house.tick()
    code = """
    foreach (array_slice($argv, 1) as $path) {
        echo json_encode(json_decode(file_get_contents($path), true)), "\\n";
    }
    """
    command = ["php", "-r", code, "--", str(house.mode_file), str(house.state_file)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert shown == ['{"1":2,"2":1,"3":1,"caf\\u00e9":"\\/"}', '{"1":1,"2":0,"3":0}']
