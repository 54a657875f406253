"""What other users of the machine can write is neither run nor trusted, and nothing is run by a shell.

More of it: links in /tmp and old locks in test_users.py, memory in test_memory.py, permissions of scripts
and bytecode in test_scripts.py, answers of servers in test_reading.py.
"""

from __future__ import annotations

import ast
import http.server
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domo.system import cache
from support.house import PROJECT, House, until
from support.machine import Machine
from support.server import Server, page

MALLORY = 4321  # a user id
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


# -- the environment and the current folder --


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder full of modules that say it when they are imported: where cron or a person may start
    domo, and to where the environment may point."""
    folder = tmp_path / "trap"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = folder / ".local/lib" / version / "site-packages"
    own.mkdir(parents=True)
    (folder / "domo").mkdir()
    text = f"import os\nos.close(os.open({str(folder / 'sprung')!r}, os.O_CREAT | os.O_WRONLY))\n"
    names = [
        "domo/__init__",
        "yaml",
        "filelock",
        "json",
        "sqlite3",
        "argparse",
        "ctypes",
        "signal",
        "datetime",
    ]
    for name in [
        *names,
        "posixpath",
        "site",
        "sitecustomize",
        "usercustomize",
        "encodings",
        "RPi",
        "startup",
    ]:
        (folder / f"{name}.py").write_text(text)
        if "/" not in name:
            (own / f"{name}.py").write_text(text)
    (own / "trap.pth").write_text(text.replace("\n", ";"))
    return folder


def environment(house: House, trap: Path) -> dict[str, str]:
    """An environment that somebody else has prepared; `python3` is the Python of the tests."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TMPDIR": str(house.tmp),
        "HOME": str(trap),
        "PYTHONPATH": str(trap),
        "PYTHONHOME": str(trap),
        "PYTHONSTARTUP": str(trap / "startup.py"),
        "PYTHONUSERBASE": str(trap / ".local"),
        "PYTHONINSPECT": "1",
        "PYTHONPLATLIBDIR": str(trap),
    }


@pytest.mark.parametrize(
    "command",
    ["domo-tick", "domo-tick --check", "domo-tick --dry-run -v", "domo-mod 1 on", "domo-mod --json"]
    + ["domo-replay 06-21", "domo-panel --no-display"],
)
def test_nothing_is_imported_from_the_environment_or_the_current_folder(
    house: House, trap: Path, command: str
) -> None:
    """Each program is started by its own first line, as cron and people do. So are the ticks that they
    run."""
    house.script(2, "import json, datetime\nreturn relay.on('sun')")
    name, *arguments = command.split()
    program = [str(PROJECT / "bin" / name), "--config", str(house.config), *arguments]
    options = {"env": environment(house, trap), "cwd": trap}
    if name == "domo-panel":
        house.set_modes({1: 3, 2: 1, 3: 1})
        panel = subprocess.Popen(program, **options)  # type: ignore[call-overload]
        until(lambda: house.pin_file.exists())
        panel.terminate()
        assert panel.wait(20) == 0
    else:
        done = subprocess.run(program, **options, capture_output=True, text=True, timeout=60)  # type: ignore[call-overload]
        assert done.returncode in (0, 1), done.stderr
        assert "Traceback" not in done.stderr
    if command in ("domo-tick", "domo-mod 1 on", "domo-panel --no-display"):
        assert house.on >= ({2} if command == "domo-tick" else {1})
    assert not (trap / "sprung").exists()


# -- files of somebody else --


@root_only
@pytest.mark.parametrize("what", ["the script", "the folder", "what a link leads to"])
def test_a_script_of_another_user_is_not_run(house: House, what: str) -> None:
    """He can write it, whatever its permissions are. Root's may be run by anybody."""
    script = house.script(1, f"open({str(house.folder / 'ran')!r}, 'w')\nreturn relay.on('x')")
    place = script if what == "the script" else house.scripts
    if what == "what a link leads to":
        place = house.folder / "theirs.py"
        script.rename(place)
        script.symlink_to(place)
    os.chown(place, MALLORY, MALLORY)
    ran = house.tick()
    assert ran == (
        1, "", f"domo-tick: script 1.py: is not run, because {place} is {MALLORY}'s;"
        f" become {MALLORY}, or run: sudo chown root {place}; or let {MALLORY} run anything as root,"
        f" with domo: relay: scriptOwners: [{MALLORY}] in config.yaml\n",
    )  # fmt: skip
    assert not (house.folder / "ran").exists()
    assert house.on == set()
    assert f"script {script}: is not run, because" in house.tick("--check").out
    os.chown(place, 0, 0)
    assert house.tick() == (0, "", "")


@root_only
def test_a_cache_folder_of_another_user_is_neither_used_nor_filled(house: House) -> None:
    """Though it is closed to everybody but him (and root)."""
    house.script(1, 'return relay.on("sun")')
    assert house.tick() == (0, "", "")
    (folder,) = house.tmp.glob("domo-*")
    for file in folder.iterdir():
        name = file.name
        content = cache.load(name)
        assert content is not None
        cache.save(name, content.replace(b"sun", b"evil").replace(b"etat", b"evil"))
    os.chown(folder, MALLORY, MALLORY)
    before = {file: file.read_bytes() for file in folder.iterdir()}
    house.script(2, 'return relay.on("rain")')
    ran = house.tick("-v")
    assert ran.code == 0
    assert "sun" in ran.out and "evil" not in ran.out
    assert house.state_file.exists() and not (house.folder / "evil").exists()
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "setpriv"))),
    reason="takes root, unshare, nsenter and setpriv",
)
@pytest.mark.parametrize(
    "planted", ["echo '{evil}' >{name}; chmod 666 {name}", "mkfifo -m 666 {name}", "mkdir {name}"]
)
def test_what_mallory_planted_under_the_names_that_ours_have_for_a_moment(
    unprotected: Machine,
    planted: str,
) -> None:
    """Before the first tick, in /tmp, where nobody else may remove it."""
    here = unprotected
    evil = '{"1":3,"2":3,"3":3}'
    names = [".mod.domo-new", "mod.lock", ".etat.domo-new", ".pins.domo-new", ".domo_memory.json.domo-new"]
    for name in names:
        assert here.sh("mallory", planted.format(evil=evil, name=f"/mnt/tmp/{name}")).code == 0
    here.sh("mallory", "mkdir -m 777 /mnt/tmp/domo-61001")
    before = {name: (here.tmp / name).lstat()[:6] for name in names}
    for order, on in (("on", {1}), ("off", set()), ("on", {1})):
        here.order(1, order)
        assert here.domo("tick") == (0, "", "")
        assert (here.on, here.modes) == (on, {"1": 2 if on else 1, "2": 1, "3": 1})
    assert {name: (here.tmp / name).lstat()[:6] for name in names} == before
    for name in names:
        if (here.tmp / name).is_file():
            assert (here.tmp / name).read_text() == evil + "\n"
    assert list((here.tmp / "domo-61001").iterdir()) == []


@pytest.mark.parametrize("what", ["the file", "its folder", "what a link leads to", "a folder further up"])
def test_of_a_configuration_that_others_can_write_no_program_is_run(house: House, what: str) -> None:
    """Every tick says so; everything else goes on, and the data are what others wrote."""
    script = house.folder / "data-xml.php"
    script.write_text(f"touch {house.folder}/ran; cat {house.data_file}.new")
    Path(f"{house.data_file}.new").write_text(house.data_file.read_text())
    house.configure({"scriptDataXml": str(script), "bin.php-cli": "/bin/sh"})
    house.set_modes({1: 3})
    place = house.config if what == "the file" else house.folder
    if what == "what a link leads to":
        place = house.folder / "PvMonit.yaml"
        house.config.rename(place)
        house.config.symlink_to(place)
    if what == "a folder further up":
        (house.folder / "deep").mkdir()
        house.config.rename(house.folder / "deep/config.yaml")
        house.config.symlink_to(house.folder / "deep/config.yaml")
    safe = place.stat().st_mode & 0o777
    place.chmod(0o666 if place.is_file() else 0o777)
    told = f"because others can write {place}; run: chmod go-w {place}\n"
    house.data_file.unlink()
    for _ in range(2):
        ran = house.tick()
        assert ran.code == 1
        assert f"domo-tick: no program that {house.config} names is run, {told}" in ran.err
        assert house.on == {1}
    assert not (house.folder / "ran").exists()
    assert (
        f"TO DO  config: {house.config}: the programs that it names are not run, {told}"
        in house.tick("--check").out
    )
    place.chmod(safe)
    assert house.tick() == (0, "", "")
    assert (house.folder / "ran").exists()
    assert f"ok     config: {house.config}\n" in house.tick("--check").out


# -- no shell --


def test_a_name_is_a_name_and_no_command(house: House) -> None:
    """Of the script that makes the data, and of what runs it."""
    script = house.folder / "data; touch 1 `touch 2` $(touch 3) && touch 4 | tee 5 > 6 # .xml"
    script.write_text(house.data_file.read_text())
    runner = house.folder / "php -r; touch 7"
    runner.symlink_to("/bin/cat")
    house.configure({"scriptDataXml": str(script), "bin.php-cli": str(runner)})
    house.data_file.unlink()
    ran = subprocess.run(house.command(), env=house.env, cwd=house.folder, capture_output=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert house.data_file.read_text() == script.read_text()
    assert not any((house.folder / str(number)).exists() for number in range(1, 8))


def test_nothing_in_the_code_asks_for_a_shell() -> None:
    for path in (PROJECT / "lib/domo").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            assert not any(keyword.arg == "shell" for keyword in call.keywords), path
            assert ast.unparse(call.func) not in ("os.system", "os.popen", "subprocess.getoutput"), path


# -- the network --


@pytest.mark.parametrize(
    "to", ["file:///{}", "file://localhost{}", "ftp://127.0.0.1{}", "data:text/xml,<devices/>"]
)
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_redirect_leads_to_another_scheme(house: House, server: Server, to: str, code: int) -> None:
    """Not even to good data."""
    secret = house.folder / "secret.xml"
    secret.write_text(house.data_file.read_text())
    house.configure({"urlDataXml": server.url})
    house.data_file.unlink()
    server.answer = page(b"", code, Location=to.format(secret))
    ran = house.tick()
    assert ran.code == 1
    assert ran.err.startswith(f"domo-tick: {server.url}: ")
    assert "Redirection to url" in ran.err or "unknown url type: ftp" in ran.err
    assert not house.data_file.exists()


def test_redirects_come_to_an_end(house: House, server: Server) -> None:
    """Each leads to another address that leads on."""

    def on(handler: http.server.BaseHTTPRequestHandler) -> None:
        page(b"", 302, Location=f"/{server.asked}")(handler)

    house.configure({"urlDataXml": server.url})
    house.data_file.unlink()
    server.answer = on
    began = time.monotonic()
    ran = house.tick()
    assert ran.code == 1
    assert "redirect" in ran.err
    assert server.asked == 11
    assert time.monotonic() - began < 60
