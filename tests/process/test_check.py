"""`domo-tick --check`: everything a person can get wrong, a line each, ok or what to do."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domo.pins import gpiochip
from domo.scripts import source
from domo.stores import config
from domo.tools import check, check_cron, check_scripts
from support.house import PROJECT, Clock, House

EMULATOR = str(PROJECT / "tests/support/emulator")


def crontab(folder: Path, text: str, code: int = 0) -> dict[str, str]:
    """An environment in which this is the user's crontab."""
    command = folder / "bin/crontab"
    command.parent.mkdir(exist_ok=True)
    (folder / "crontab.txt").write_text(text)
    command.write_text(f"#!/bin/sh\ncat {folder}/crontab.txt\nexit {code}\n")
    command.chmod(0o755)
    return {"PATH": f"{command.parent}:{os.environ['PATH']}"}


def findings(house: House, **environment: str) -> dict[bool | None, list[str]]:
    """What --check says is fine (True), what is to do (False), and what is to be noted (None)."""
    ran = house.tick("--check", **environment)
    assert not ran.err, ran.err
    found: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    kinds = {"ok     ": True, "TO DO  ": False, "note   ": None}
    for line in ran.out.splitlines():
        found[kinds[line[:7]]].append(line[7:])
    assert ran.code == (1 if found[False] else 0)
    return found


@pytest.fixture
def scheduled(house: House) -> dict[str, str]:
    """An environment whose crontab runs the tick."""
    return crontab(house.folder, f"DOMO_CONFIG={house.config}\n* * * * * {PROJECT}/bin/domo-tick\n")


def test_all_is_well_in_a_house_that_runs(house: House, scheduled: dict[str, str]) -> None:
    house.script(1, 'return relay.off("no")')
    assert house.tick().code == 0
    found = findings(house, **scheduled)
    assert found[False] == []
    for word in (
        "config",
        "data",
        "script",
        "mode file",
        "state file",
        "memory",
        "journal",
        "pins",
        "crontab",
    ):
        assert any(line.startswith(word) for line in found[True]), word


def test_it_changes_nothing_even_before_the_first_tick(house: House, scheduled: dict[str, str]) -> None:
    house.script(1, 'return relay.off("no")')
    before = house.snapshot()
    house.tick("--check", **scheduled)
    assert house.snapshot() == before


def test_a_configuration_that_is_none(house: House) -> None:
    house.configure({"domo.relayNb": 0, "domo.floor": {"SOC": "low"}})
    ran = house.tick("--check")
    assert ran.code == 2
    assert ran.out.count("TO DO") == 2 and "domo.relayNb" in ran.out and "domo.floor.SOC" in ran.out


def test_keys_that_mean_nothing_are_named(house: House, scheduled: dict[str, str]) -> None:
    house.configure({"domo.zzz": 1})
    assert "config: domo.zzz: unknown key, ignored" in findings(house, **scheduled)[None]


BREAKAGES: list[tuple[Callable[[House], object], str]] = [
    (lambda house: house.data_file.unlink(), "data.xml does not exist"),
    (lambda house: house.data(at=1_700_000_000), "was written"),
    (lambda house: house.configure({"domo.valueUse": ["SOC", "NOPE"]}), "no NOPE: PvMonit reports"),
    (lambda house: house.script(1, "def decide(relay data): ..."), "1.py: line 1: "),
    (lambda house: house.script(1, "def decider(relay, data): ..."), "defines no decide(relay, data)"),
    (lambda house: house.script(1, "return None").chmod(0o666), "run: chmod go-w"),
    (lambda house: house.script(1, 'return relay.on(data["SOCC"])'), "SOCC"),
    (
        lambda house: house.script(4, "return relay.on('sun')"),
        "scripts/4.py: it is not run; the relays are 1 to 3",
    ),
    (lambda house: (house.scripts / "01.py").write_text(""), "scripts/01.py: it is not run"),
    (lambda house: house.scripts.rmdir(), "run: mkdir"),
    (lambda house: house.configure({"domo.relay.scriptDir": "data.xml"}), "data.xml is no folder"),
    (lambda house: house.mode_file.write_text('{"03": 3}'), "'03' is no relay"),
    (lambda house: house.configure({"domo.jsonFile.etatPath": "data.xml/etat"}), "data.xml is no folder"),
    (lambda house: house.mode_file.write_text('{"1": 3,,}'), "is not JSON"),
    (lambda house: house.mode_file.write_text('{"1": 7}'), "relay 1 is 7; write 0, 1, 2 or 3"),
    (lambda house: house.mode_file.mkdir(), "is not a file"),
    (lambda house: house.journal_file.write_bytes(b"x" * 5000), "journal"),
    (lambda house: house.memory_file.write_text("{}"), "memory not used"),
    (lambda house: house.configure({"domo.dbFile": "nowhere/j.sqlite3"}), "run: sudo install -d"),
    (lambda house: house.configure({"domo.recordDir": "nowhere/history"}), "record: "),
    (lambda house: (house.folder / "history").write_text("mine"), "record: "),
    (lambda house: house.configure({"domo.board": "gpio"}), "pins: RPi.GPIO"),
]


@pytest.mark.parametrize(("breakage", "says"), BREAKAGES)
def test_each_thing_that_is_wrong_is_named(
    house: House, scheduled: dict[str, str], breakage: Callable[[House], object], says: str
) -> None:
    breakage(house)
    todo = findings(house, **scheduled)[False]
    assert any(says in line for line in todo), todo


def test_no_crontab_line(house: House) -> None:
    for text in ("", "#* * * * * /opt/domo/bin/domo-tick\n"):
        todo = findings(house, **crontab(house.folder, text, code=1))[False]
        assert any(
            f"no domo-tick; run: (crontab -l; cat {PROJECT}/crontab.example) | crontab -" in x for x in todo
        )


def in_crontab(house: House, text: str) -> tuple[bool | None, str]:
    """What is said of a crontab, in which HERE is this project and YAML the house's configuration."""
    text = text.replace("HERE", str(PROJECT)).replace("YAML", str(house.config))
    found = findings(house, **crontab(house.folder, text))
    ((ok, line),) = [(ok, x) for ok, lines in found.items() for x in lines if x.startswith("crontab of ")]
    return ok, line.partition(": ")[2]


LINES = (PROJECT / "crontab.example").read_text().partition("DOMO=/opt/domo\n")[2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("DOMO=/nowhere\n" + LINES, "/nowhere/bin/domo-tick, which does not exist; run crontab -e"),
        ("DOMO=/nowhere\n" + LINES, ", or DOMO=HERE above"),
        ("DOMO=OTHER\n" + LINES, "/other/bin/domo-tick, which is another domo"),
        ("7 7 * * * HERE/bin/domo-tick", "runs domo-tick at 7 7 * * *, not each minute"),
        ("@reboot HERE/bin/domo-tick", "runs domo-tick at @reboot, not each minute"),
        ("* * * * * HERE/bin/domo-tick", "with HERE/config.yaml; add a line above it: DOMO_CONFIG=YAML"),
        ("* * * * * HERE/bin/domo-tick\nDOMO_CONFIG=YAML", "with HERE/config.yaml; add a line above it"),
        ("* * * * * HERE/bin/domo-tick --config other.yaml", "other.yaml; add a line above it"),
    ],
)
def test_a_crontab_that_runs_something_else(house: House, text: str, says: str) -> None:
    other = house.folder / "other/bin/domo-tick"
    other.parent.mkdir(parents=True)
    other.touch()
    ok, said = in_crontab(house, text.replace("OTHER", f"{house.folder}/other"))
    assert ok is False and says.replace("HERE", str(PROJECT)).replace("YAML", str(house.config)) in said


@pytest.mark.parametrize(
    "text",
    [
        "DOMO_CONFIG=YAML\nDOMO=HERE\n" + LINES,
        "DOMO = 'HERE'\nDOMO_CONFIG=YAML\n" + LINES,
        "*/1 * * * * cd HERE && bin/domo-tick --config=YAML >/dev/null",
        "* * * * * DOMO_CONFIG=YAML python3 -IS HERE/bin/../bin/domo-tick;true",
        "7 7 * * * HERE/bin/domo-tick\n* * * * * HERE/bin/domo-tick --config 'YAML'",
    ],
)
def test_a_crontab_that_runs_this_tick(house: House, text: str) -> None:
    assert in_crontab(house, text) == (True, "runs domo-tick")


def test_a_crontab_that_does_not_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = crontab(house.folder, "")
    (house.folder / "bin/crontab").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setenv("PATH", environment["PATH"])
    monkeypatch.setattr(check_cron, "SECONDS", 0.1)
    ok, said = check_cron.crontab("me", str(house.config))
    assert not ok and "crontab -l does not end" in said


def test_a_fetch_is_told_where_it_helps(house: House, scheduled: dict[str, str]) -> None:
    def told(**settings: object) -> list[str]:
        house.configure(settings)
        return [x for x in findings(house, **scheduled)[False] if "data" in x.lower() and "record" not in x]

    house.configure({"domo.valueUse": ["Soc"]})
    (line,) = told(urlDataXml="http://sun/x")
    assert line.startswith("data: no Soc: PvMonit reports ") and line.endswith("; did you mean SOC?")
    house.configure({"domo.valueUse": ["SOC"]})
    os.utime(house.data_file, (1, 1))
    assert told()[0].endswith(" s ago (fileExpir is 500); a tick fetches it from http://sun/x")
    house.data_file.unlink()
    missing = f"data: no data file: {house.data_file} does not exist"
    assert told() == [f"{missing}; a tick fetches it from http://sun/x"]
    assert told(urlDataXml=False) == [f"{missing}; a tick cannot fetch it, because there is no urlDataXml"]
    refused = "config: urlDataXml is ftp://sun/x; a tick fetches only http:// and https://"
    assert told(urlDataXml="ftp://me:secret@sun/x") == [missing, refused]


@pytest.mark.parametrize("text", ['{"1": 3,,}', '{"1": 7}', '{"03": 3}'])
def test_a_mode_file_with_a_mistake_is_not_called_fine_too(
    house: House, scheduled: dict[str, str], text: str
) -> None:
    house.mode_file.write_text(text)
    found = findings(house, **scheduled)
    assert any(line.startswith("mode file") for line in found[False])
    assert f"mode file: {house.mode_file}" not in found[True]


def test_what_is_to_be_run_can_be_pasted_where_a_folder_has_a_space(tmp_path: Path) -> None:
    (tmp_path / "my house").mkdir()
    house = House(tmp_path / "my house")
    script = house.script(1, "return relay.off('no')")
    script.chmod(0o666)
    program = house.folder / "tell"
    program.touch(mode=0o644)
    house.configure({"domo.onChange": [str(program)]})
    todo = findings(house, **crontab(tmp_path, ""))[False]
    for command in (f"chmod go-w '{script}'", f"chmod +x '{program}'"):
        assert any(f"run: {command}" in line for line in todo), todo


def test_the_owner_of_scripts_is_a_user(house: House, scheduled: dict[str, str]) -> None:
    house.configure({"domo.relay.scriptOwners": ["daemon", "nosuch"]})
    found = findings(house, **scheduled)
    assert "config: domo.relay.scriptOwners: there is no user nosuch" in found[False]
    (note,) = [line for line in found[None] if line.startswith("scripts of")]
    assert note.startswith("scripts of daemon are run")


def test_a_script_that_cannot_be_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    script = house.script(1, "return relay.off('no')")

    def refused(self: source.Library, name: str) -> None:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(source.Library, "script", refused)
    told = dict(check_scripts.findings(config.load(str(house.config))[0]))
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert told[False] == f"script {script}: user {me} may not read it; run: chmod u+r {script}"


def test_a_script_with_a_mistake_is_not_called_fine_too(house: House, scheduled: dict[str, str]) -> None:
    file = house.script(1, 'return relay.on("sun" + data["SOCC"])')
    fine = house.script(2, 'return relay.off("night")')
    found = findings(house, **scheduled)
    assert f"script {fine}" in found[True] and f"script {file}" not in found[True]


def test_the_pins_of_a_real_board(house: House, scheduled: dict[str, str]) -> None:
    house.configure({"domo.board": "gpio"})
    house.env["PYTHONPATH"] = EMULATOR
    gpio = {"FAKE_GPIO": str(house.folder / "gpio")}
    (house.folder / "gpio").mkdir()
    found = findings(house, **scheduled, **gpio)
    assert any("relays 1, 2, 3 float until their first tick" in line for line in found[None])
    assert house.tick(**gpio).code == 0
    found = findings(house, **scheduled, **gpio)
    assert found[False] == [] and not any("float" in line for line in found[None])
    assert any("RPi.GPIO (the original)" in line for line in found[True])


@pytest.mark.parametrize("answer", ["Y", "1", "N", "0", None])
@pytest.mark.parametrize("label", gpiochip.DRIVERS)
def test_whether_the_kernel_keeps_the_pins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: str, answer: str | None
) -> None:
    """By the module that drives this very chip, whichever others there are."""
    monkeypatch.setattr(gpiochip, "MODULES", str(tmp_path))
    for module in set(gpiochip.DRIVERS.values()):
        parameter = tmp_path / f"{module}/parameters/persist_gpio_outputs"
        parameter.parent.mkdir(parents=True)
        if module != gpiochip.DRIVERS[label]:
            parameter.write_text("N" if answer in ("Y", "1") else "Y")
        elif answer:
            parameter.write_text(f"{answer}\n")
    fault = gpiochip.GpioChip("/dev/gpiochip0", -1, label, 54).keeps()
    if answer in ("Y", "1"):
        assert fault == ""
    else:
        assert f"{gpiochip.DRIVERS[label]} lets go of the pins when a program ends" in fault
        assert ("cmdline.txt" in fault) == (answer is not None)


@pytest.mark.timing
def test_pvmonits_own_daemons_are_two_masters_on_the_same_pins(
    house: House, scheduled: dict[str, str]
) -> None:
    pvmonit = house.folder / "domo/relay-actions.php"
    pvmonit.parent.mkdir()
    pvmonit.write_text("import time\ntime.sleep(60)\n")
    daemon = subprocess.Popen([sys.executable, str(pvmonit)])
    try:
        todo = findings(house, **scheduled)[False]
    finally:
        daemon.kill()
        daemon.wait()
    assert any("relay-actions.php runs: two masters" in line for line in todo)


def test_a_cache_folder_that_somebody_else_made(
    house: House, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = house.tmp / f"domo-{os.geteuid()}"
    planted.mkdir(mode=0o777)
    planted.chmod(0o777)
    check.main(str(house.config), clock.now())
    assert f"run: sudo rm -r {planted}" in capsys.readouterr().out
