"""The sealed bytecode: a tick runs what its own sources say, whatever is in the file."""

from __future__ import annotations

import _json
import marshal
import os
import shutil
import subprocess
import sys
from _imp import source_hash
from pathlib import Path

import pytest

from support.house import PROJECT, House

SAID = "lib/domo/core/decide.py"


@pytest.fixture
def copies(house: House, tmp_path: Path) -> list[Path]:
    """Two copies of domo, which say of which they are when they force a relay."""
    house.set_modes({1: 3})
    made = []
    for name in ("one", "two"):
        copy = tmp_path / name
        for part in ("bin", "lib"):
            shutil.copytree(PROJECT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        change(copy, f"by {name}")
        made.append(copy)
    return made


def change(copy: Path, says: str) -> None:
    """Another source: what it says of a relay that is forced on."""
    text = (PROJECT / SAID).read_text()
    assert text.count('"forced on"') == 1
    (copy / SAID).write_text(text.replace('"forced on"', f'"{says}"'))


def said(house: House, copy: Path) -> str:
    """A tick of cron's, without arguments; gives why relay 1 is on."""
    house.data()
    tick(house, copy)
    why: str = house.memory["why"]["1"]
    return why


def tick(house: House, copy: Path) -> None:
    """A tick of cron's, without arguments, by that copy."""
    env = {**house.env, "DOMO_CONFIG": str(house.config)}
    done = subprocess.run(
        [sys.executable, "-IS", copy / "bin/domo-tick"], env=env, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def files(house: House, part: str = "tick") -> list[Path]:
    """The sealed files of each tick, of its child, or of one that switches."""
    return sorted(house.tmp.glob(f"domo-*/sealed-{part}*"))


def test_it_is_written_once_and_then_used(house: House, copies: list[Path]) -> None:
    assert said(house, copies[0]) == "by one"
    (file,) = files(house)
    before = file.stat()
    for path in copies[0].rglob("__pycache__"):
        shutil.rmtree(path)
    assert said(house, copies[0]) == "by one"
    assert file.stat() == before or file.stat().st_mtime_ns == before.st_mtime_ns
    assert not list((copies[0] / "lib/domo/core").glob("__pycache__/decide*"))  # it was not needed


def test_a_source_that_has_changed_is_seen(house: House, copies: list[Path]) -> None:
    assert said(house, copies[0]) == "by one"
    change(copies[0], "by an update")
    assert said(house, copies[0]) == said(house, copies[0]) == "by an update"


def test_two_copies_of_domo_each_run_their_own_code(house: House, copies: list[Path]) -> None:
    assert [said(house, copy) for copy in (*copies, *copies)] == ["by one", "by two"] * 2
    assert len(files(house)) == 2


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-9], lambda b: b"", lambda b: b[:5000] + b"x" + b[5001:], lambda b: os.urandom(900)],
)
def test_a_damaged_one_is_not_used_and_is_mended(house: House, copies: list[Path], damage: object) -> None:
    assert said(house, copies[0]) == "by one"
    (file,) = files(house)
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    damaged = file.stat().st_mtime_ns
    assert said(house, copies[0]) == "by one"
    mended = file.stat().st_mtime_ns
    assert mended != damaged
    assert said(house, copies[0]) == "by one"
    assert file.stat().st_mtime_ns == mended


@pytest.mark.skipif(not hasattr(_json, "__file__"), reason="this Python has _json built in")
def test_a_module_in_machine_code_that_cannot_be_loaded_is_left_to_import(
    house: House, copies: list[Path], tmp_path: Path
) -> None:
    tick(house, copies[0])
    [sealed] = files(house)
    head, _, rest = sealed.read_bytes().partition(b"\n")
    modules = {module[0]: module for module in marshal.loads(rest[8:])}
    assert modules["_json"][1] == _json.__file__
    other = tmp_path / "other.so"
    other.write_bytes(b"\x7fELF and no more")
    info = other.stat()
    modules["_json"] = ("_json", str(other), (info.st_mtime_ns, info.st_size, info.st_ino), False, None)
    body = marshal.dumps(list(modules.values()))
    sealed.write_bytes(head + b"\n" + source_hash(0, body) + body)
    assert said(house, copies[0]) == "by one" and house.on == {1}
    [kept] = files(house)
    assert kept.read_bytes().endswith(body)


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("child", "scripts/api.py"),
        ("child", "core/spare.py"),
        ("spare", "stores/forecast.py"),
        ("switch", "tick/change.py"),
    ],
)
def test_a_source_that_only_some_ticks_load_is_seen_too(
    house: House, copies: list[Path], part: str, source: str
) -> None:
    """And all are sealed anew."""
    house.configure({"domo.plant": {"latitude": 44, "panels": 1200, "battery": 6000}})
    house.script(
        2, "data.spare_today()\nreturn relay.on('sun') if data['SOC'] > 50 else relay.off('no sun')"
    )
    house.set_modes({1: 3, 2: 1})
    said(house, copies[0])
    (file,) = files(house, part)
    before = file.stat().st_ino
    with (copies[0] / "lib/domo" / source).open("a") as module:
        module.write("\nopen(__file__ + '.ran', 'w').close()\n")
    for soc in (20, 90, 20):
        house.data(SOC=soc)
        tick(house, copies[0])
    assert (copies[0] / f"lib/domo/{source}.ran").exists()
    assert file.stat().st_ino != before


def test_a_tick_that_switches_uses_them_and_leaves_them(house: House, copies: list[Path]) -> None:
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.script(2, "return relay.on('sun') if data['SOC'] > 50 else relay.off('no sun')")
    house.set_modes({2: 1})
    seen = []
    for soc in (20, 90, 20, 90):
        for path in copies[0].rglob("__pycache__"):
            shutil.rmtree(path)
        house.data(SOC=soc)
        tick(house, copies[0])
        assert house.on == ({2} if soc > 50 else set())
        seen.append({file: file.stat().st_ino for file in house.tmp.glob("domo-*/sealed-*")})
    assert len(seen[0]) == 5 and seen == [seen[0]] * 4
    written = (copies[0] / "lib/domo").rglob("__pycache__/*")
    assert {file.name.partition(".")[0] for file in written} == {"__init__", "sealed"}


@pytest.mark.parametrize("modes", ["", "{", None], ids=["empty", "torn", "no file"])
def test_where_a_tick_fails_the_last_forces_are_obeyed(
    house: House, copies: list[Path], modes: str | None
) -> None:
    """Those that are remembered, where the mode file does not tell them."""
    house.set_modes({1: 3, 2: 1, 3: 0})
    house.script(2, "return relay.on('sun')")
    house.tick()
    house.tick()
    assert house.on == {1, 2}
    with (copies[0] / SAID).open("a") as module:
        module.write("\n\ndef decide(*_):\n    raise RuntimeError('a mistake of ours')\n")
    house.mode_file.unlink() if modes is None else house.mode_file.write_text(modes)
    house.data()
    env = {**house.env, "DOMO_CONFIG": str(house.config)}
    command = [sys.executable, "-IS", copies[0] / "bin/domo-tick"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "RuntimeError: a mistake of ours; relays that are not forced are off" in done.stderr
    assert house.on == {1}


@pytest.mark.parametrize("name", ["scripts/api.py", "stores/reading.py", "core/spare.py"])
def test_where_what_only_the_child_loads_is_damaged_forces_are_obeyed(
    house: House, copies: list[Path], name: str
) -> None:
    with (copies[0] / "lib/domo" / name).open("a") as module:
        module.write("\x00")
    house.set_modes({1: 3, 2: 1})
    house.data()
    env = {**house.env, "DOMO_CONFIG": str(house.config)}
    for _ in range(2):
        house.memory_file.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-IS", copies[0] / "bin/domo-tick"],
            env={**env, "DOMO_SAY": "all"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("domo-tick: domo is damaged: ")
        assert done.stderr.endswith("; install it again\n")
        assert house.on == {1}
