"""What the programs print where it cannot be printed: a full disk, a closed output, another character set."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.house import PROJECT, House

PROGRAMS = [
    ["domo-tick", "--dry-run"],
    ["domo-tick", "--check"],
    ["domo-tick", "--wires"],
    ["domo-tick", "--help"],
    ["domo-replay", "06-21"],
    ["domo-replay", "06-21", "--csv"],
    ["domo-replay", "--help"],
    ["domo-report"],
    ["domo-report", "--json"],
    ["domo-mod"],
]


def shell(house: House, where: str, program: str, *arguments: str) -> tuple[int, str]:
    """The program's exit code and its standard error, its output going `where` the shell says."""
    command = [sys.executable, "-IS", f"{PROJECT}/bin/{program}", "--config", str(house.config), *arguments]
    whole = ["sh", "-c", f'"$@" {where}', "sh", *command]
    done = subprocess.run(whole, env=house.env, capture_output=True, text=True, timeout=60, cwd=house.folder)
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", PROGRAMS, ids=" ".join)
@pytest.mark.parametrize(
    ("where", "why"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_what_cannot_be_written_is_said_and_is_no_success(
    house: House, command: list[str], where: str, why: str
) -> None:
    said = f"{command[0]}: what it says cannot be written ({why})\n"
    assert shell(house, where, *command) == (1, said)


@pytest.mark.parametrize("command", PROGRAMS, ids=" ".join)
def test_a_reader_that_has_seen_enough_is_no_trouble(house: House, command: list[str]) -> None:
    assert shell(house, "| true", *command) == (0, "")


def test_ctrl_c_in_somebody_elses_code_ends_it_without_a_word(house: House) -> None:
    (house.folder / "busy.py").write_text("raise KeyboardInterrupt\n")
    assert shell(house, "", "domo-replay", "06-21", "--plant", "busy:House") == (130, "")


def test_check_speaks_another_character_set_too(house: House) -> None:
    house.configure({"domo.zzzzü": 1})
    done = subprocess.run(house.command("--check"), env={**house.env, "PYTHONIOENCODING": "ascii"},
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert "note   config: domo.zzzz?: unknown key, ignored" in done.stdout and not done.stderr


def test_another_character_set_gets_question_marks_from_a_script_too(house: House) -> None:
    house.configure({"domo.relayName": {1: "Pümp ☃"}})
    house.script(1, "print('☃')\nreturn relay.off('clouds ☃')")
    program = (
        f"import io, sys; sys.path.insert(0, {str(PROJECT / 'lib')!r})\n"
        "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), 'latin-1')\n"  # as such a locale makes it
        "from domo.plant.replay import main\nfrom domo.system.output import run\n"
        f"sys.argv = ['domo-replay', '--config', {str(house.config)!r}, '06-21']\n"
        "run('domo-replay', main)"
    )
    done = subprocess.run([sys.executable, "-ISc", program], env=house.env, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    told = done.stdout.decode("latin-1")
    assert told.startswith("?\n") and "1 Pümp ?" in told and "clouds ?" in told
