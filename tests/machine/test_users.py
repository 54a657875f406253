"""Several users in one sticky folder: PvMonit's, the web server's, people, and one who means no good.

Real users of a private mount namespace: /etc/passwd and /etc/group are replaced in there alone, and
everything lives below /mnt, where nothing outlasts the test. It takes root.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from _imp import source_hash

import pytest

from support.machine import CONFIG, NEEDS, OLD_FILELOCK, USERS, WEB, Machine

pytestmark = NEEDS


def test_root_edits_and_forces_and_everything_stays_pvmonits(machine: Machine) -> None:
    machine.order(1, "on")
    assert machine.domo("tick") == (0, "", "")
    before = machine.rights()
    assert {owner for owner, _, _ in before.values()} - {0} == {USERS["pvmonit"]}
    assert machine.run("root", "sed", "-i", 's/"2":1/"2":3/', "/mnt/tmp/mod").code == 0
    assert machine.domo("tick") == (0, "", "")
    assert machine.on == {1, 2}
    assert machine.domo("mod", "3", "on", user="root").err == ""
    assert machine.domo("mod", "2", "off", user="root").err == ""
    assert (machine.modes, machine.on) == ({"1": 2, "2": 0, "3": 3}, {1, 3})
    machine.order(1, "off")
    assert machine.domo("tick") == (0, "", "")
    assert (machine.modes, machine.on) == ({"1": 1, "2": 0, "3": 3}, {3})
    after = machine.rights()
    assert after == {**before, "mod.lock": (USERS["pvmonit"], USERS["pvmonit"], 0o644)}


def test_another_persons_domo_mod_says_whose_the_ticks_are(machine: Machine) -> None:
    machine.domo("tick")
    before = machine.rights()
    ran = machine.domo("mod", "1", "on", user="pi")
    assert ran.code == 1
    assert "pi" in ran.err and "pvmonit" in ran.err
    assert ran.err.endswith("; run: sudo -u pvmonit /mnt/domo/bin/domo-mod 1 on\n")
    named = machine.domo("mod", "relay 1", "on", user="pi")
    assert named.err.endswith("; run: sudo -u pvmonit /mnt/domo/bin/domo-mod 'relay 1' on\n")
    assert (machine.rights(), machine.on) == (before, set())


@pytest.mark.parametrize("how", ["by cron", "by sudo", "-v"])
def test_a_tick_that_root_runs_is_one_of_its_user(machine: Machine, how: str) -> None:
    """Root's own would have no memory, believe no script, and switch off what is on."""
    machine.order(1, "on")
    machine.domo("tick")
    os.chown(machine.home / "config.yaml", USERS["pvmonit"], -1)
    before = machine.rights()
    sudo = {"SUDO_UID": "1000"} if how == "by sudo" else {}
    ran = machine.domo("tick", *(["-v"] if how == "-v" else []), user="root", **sudo)
    assert (ran.code, ran.err) == (0, "")
    assert (machine.rights(), machine.on) == (before, {1})


def test_a_tick_that_another_person_runs_says_whose_the_ticks_are(machine: Machine) -> None:
    machine.order(1, "on")
    machine.domo("tick")
    before = machine.rights()
    ran = machine.domo("tick", "-v", user="pi")
    assert ran.code == 2 and ran.err.endswith("; run: sudo -u pvmonit /mnt/domo/bin/domo-tick -v\n")
    assert (machine.rights(), machine.on) == (before, {1})


@pytest.mark.parametrize("user", ["www-data", "pi", "root"])
def test_nobody_else_overwrites_a_file_in_tmp(machine: Machine, user: str) -> None:
    """The kernel's protected_regular: not even root, who may replace it (above). Everybody may read it."""
    assert machine.domo("tick") == (0, "", "")
    ran = machine.sh(user, """echo '{"1":3}' >/mnt/tmp/mod""")
    assert ran.code != 0
    assert "Permission denied" in ran.err
    assert json.loads(machine.sh(user, "cat /mnt/tmp/mod").out) == {"1": 1, "2": 1, "3": 1}
    assert json.loads(machine.sh(user, "cat /mnt/tmp/etat").out) == {"1": 0, "2": 0, "3": 0}
    assert machine.domo("tick") == (0, "", "")


@pytest.mark.parametrize("permissions", [0o755, 0o2775], ids=["a folder", "a folder that hands on its group"])
def test_a_page_of_another_user(machine: Machine, permissions: int) -> None:
    """The web server's user writes the mode file in place; owner, group and permissions stay, so that he
    can do it again."""
    shared, modes = machine.root / "shared", machine.root / "shared/mod"
    os.chown(shared, USERS["pvmonit"], USERS["pi"])
    shared.chmod(permissions)
    (machine.home / "config.yaml").write_text(CONFIG.replace("/mnt/tmp/mod", "/mnt/shared/mod"))
    machine.people(web="www-data,pvmonit")
    modes.write_text('{"1":1,"2":1,"3":1}')
    os.chown(modes, USERS["pvmonit"], WEB)
    modes.chmod(0o664)
    for order, mode in (("on", 2), ("off", 1)):
        machine.order(1, order)
        assert machine.domo("tick") == (0, "", "")
        info = modes.stat()
        assert (info.st_uid, info.st_gid, info.st_mode & 0o7777) == (USERS["pvmonit"], WEB, 0o664)
        assert machine.sh("www-data", f"""echo '{{"1":{mode},"2":3,"3":0}}' >/mnt/shared/mod""").code == 0
        assert machine.domo("tick") == (0, "", "")
        assert json.loads(modes.read_text()) == {"1": mode, "2": 3, "3": 0}
        assert machine.on == ({1, 2} if mode == 2 else {2})


def test_a_group_that_pvmonit_is_not_in(machine: Machine) -> None:
    """It cannot be kept, so the file is not replaced; the relays are switched all the same."""
    machine.domo("tick")
    os.chown(machine.mode_file, USERS["pvmonit"], WEB)
    machine.mode_file.chmod(0o664)
    machine.order(1, "on")
    ran = machine.domo("tick")
    assert ran == (
        1, "", "domo-tick: /mnt/tmp/mod: user pvmonit may not write it; its group is web,"
        " and pvmonit is not in it; run: sudo adduser pvmonit web\n",
    )  # fmt: skip
    assert (machine.modes["1"], machine.on) == (1, {1})
    machine.mend(ran.err)
    assert machine.domo("tick") == (0, "", "")
    assert machine.modes["1"] == 2
    info = machine.mode_file.stat()
    assert (info.st_uid, info.st_gid, info.st_mode & 0o777) == (USERS["pvmonit"], WEB, 0o664)


@pytest.mark.parametrize(
    "owner, name",
    [
        ("www-data", "mod"),
        ("www-data", "etat"),
        ("www-data", "domo_memory.json"),
        ("www-data", "domo_tick.lock"),
    ]
    + [("root", name) for name in ("mod", "pins", "domo_memory.json", "domo_tick.lock", "journal.sqlite3")],
)
def test_a_file_of_somebody_else_is_named_with_what_mends_it(machine: Machine, name: str, owner: str) -> None:
    """As root's first try leaves it, or the page, which makes the files when they are missing. The
    message's own command is run, and the next tick has nothing more to say."""
    machine.order(1, "on")
    machine.domo("tick")
    machine.order(1, "off")
    path = machine.home / name if name.startswith("journal") else machine.tmp / name
    os.chown(path, USERS.get(owner, 0), USERS.get(owner, 0))
    path.chmod(0o600 if name.endswith("lock") else 0o644)
    ran = machine.domo("tick")
    assert ran.code == 1
    shown = f"/mnt/{'pvmonit' if name.startswith('journal') else 'tmp'}/{name}"
    lines = [line for line in ran.err.splitlines() if shown in line]
    assert lines, ran.err
    assert owner in lines[0]
    assert re.search(rf"; run: sudo (chown pvmonit|rm) {shown}$", lines[0])
    machine.mend(lines[0])
    machine.domo("tick")
    assert machine.domo("tick") == (0, "", "")
    assert (machine.modes["1"], machine.on) == (1, set())


def test_a_folder_that_is_not_pvmonits(machine: Machine) -> None:
    (machine.home / "config.yaml").write_text(CONFIG.replace("/mnt/tmp/mod", "/mnt/shared/mod"))
    machine.order(1, "on")
    ran = machine.domo("tick")
    assert ran == (
        1, "", "domo-tick: /mnt/shared/mod: user pvmonit may not write it; nor create a file in /mnt/shared;"
        " run: sudo chown pvmonit /mnt/shared\n",
    )  # fmt: skip
    assert machine.on == {1}
    machine.mend(ran.err)
    assert machine.domo("tick") == (0, "", "")


# -- mallory, who has an account, and nothing better to do --


@pytest.mark.parametrize("target", ["precious", "nothing"])
def test_no_link_that_mallory_planted_is_followed(unprotected: Machine, target: str) -> None:
    """To a file that pvmonit may write, and to one that is not there. Everything goes on."""
    machine = unprotected
    precious = machine.precious()
    names = [
        "mod.lock",
        ".mod.domo-new",
        ".etat.domo-new",
        ".pins.domo-new",
        ".domo_memory.json.domo-new",
        ".data.xml.domo-new",
    ]
    for name in names:
        assert machine.sh("mallory", f"ln -s /mnt/pvmonit/{target} /mnt/tmp/{name}").code == 0
    own = machine.home / "own"
    assert machine.sh("pvmonit", "mkdir -m 700 /mnt/pvmonit/own").code == 0
    planted = machine.sh("mallory", "ln -s /mnt/pvmonit/own /mnt/tmp/domo-61001")  # for the folder of caches
    assert planted.code == 0
    machine.fetches()
    for order, on in (("on", {1}), ("off", set())):
        machine.order(1, order)
        os.utime(machine.tmp / "data.xml", (0, 0))  # so that the tick fetches it
        assert machine.domo("tick") == (0, "", "")
        assert (machine.on, machine.modes["1"]) == (on, 2 if on else 1)
        assert (machine.tmp / "data.xml").stat().st_mtime > 0
    assert not list(own.iterdir())
    assert precious.read_text() == "precious"
    assert not (machine.home / "nothing").exists()


IN_TMP = ["mod", "etat", "pins", "domo_memory.json", "domo_tick.lock", "data.xml", "log", "journal.sqlite3"]


@pytest.mark.parametrize(
    "content", ["precious", "", None], ids=["to a file", "to an empty file", "to nothing"]
)
@pytest.mark.parametrize("name", IN_TMP)
def test_a_link_in_the_place_of_a_file_is_not_written_through(
    unprotected: Machine, name: str, content: str | None
) -> None:
    """Planted before the first tick: what pvmonit may write, or make, stays as it is, and he is told."""
    machine = unprotected
    machine.fetches("printMessage: 5\nprintMessageLogfile: /mnt/tmp/log")
    text = (machine.home / "config.yaml").read_text()
    (machine.home / "config.yaml").write_text(text.replace("/mnt/pvmonit/journal", "/mnt/tmp/journal"))
    precious = machine.precious()
    precious.write_text(content) if content is not None else precious.unlink()
    (machine.tmp / name).unlink(missing_ok=True)
    assert machine.sh("mallory", f"ln -s /mnt/pvmonit/precious /mnt/tmp/{name}").code == 0
    machine.order(1, "on")
    for _ in range(2):
        ran = machine.domo("tick")
        assert ran.code == 1
        assert f"/mnt/tmp/{name}" in ran.err
        assert "Traceback" not in ran.err
        assert (precious.read_text() if precious.exists() else None) == content


def test_the_panel_follows_no_planted_link_either(unprotected: Machine) -> None:
    precious = unprotected.precious()
    assert unprotected.domo("tick") == (0, "", "")  # or the panel starts one, which outlives it
    assert unprotected.sh("mallory", "ln -s /mnt/pvmonit/precious /mnt/tmp/domo_panel.lock").code == 0
    with unprotected.panel() as said:
        assert "/mnt/tmp/domo_panel.lock: there is no lock" in said
    assert precious.read_text() == "precious"


def test_a_folder_of_caches_that_mallory_made_is_neither_read_nor_written(unprotected: Machine) -> None:
    """Who may read config.yaml knows all that a cache of it must hold; here it names other pins."""
    machine = unprotected
    machine.order(1, "on")
    assert machine.domo("tick") == (0, "", "")
    cached = machine.tmp / "domo-61001"
    (path,) = cached.glob("config*")
    tag, _, rest = path.read_bytes().partition(b"\n")
    parsed = rest[8:].replace(b"/mnt/tmp/pins", b"/mnt/tmp/hers")
    assert parsed != rest[8:]
    shutil.rmtree(cached)
    assert machine.sh("mallory", "mkdir -m 777 /mnt/tmp/domo-61001").code == 0
    path.write_bytes(planted := tag + b"\n" + source_hash(0, parsed) + parsed)
    machine.order(1, "off")
    assert machine.domo("tick") == (0, "", "")
    assert machine.on == set()
    assert not (machine.tmp / "hers").exists()
    assert {found: found.read_bytes() for found in cached.iterdir()} == {path: planted}


@pytest.mark.parametrize(
    "kind", ["a link", "a hard link", "mallory's own file", "mallory's empty file", "nothing"]
)
def test_an_old_filelock_empties_nothing(unprotected: Machine, kind: str) -> None:
    """Before 3.20.1 it opened the lock with O_TRUNC and without O_NOFOLLOW (CVE-2025-68146); one that
    does just that stands in for it here. It may come near no file but an empty one of ours."""
    machine = unprotected
    (machine.root / "old").mkdir(exist_ok=True)
    (machine.root / "old/filelock.py").write_text(OLD_FILELOCK)
    machine.domo("tick")
    precious = machine.precious()
    plant = {
        "a link": "ln -s /mnt/pvmonit/precious /mnt/tmp/mod.lock",
        "a hard link": "ln /mnt/pvmonit/precious /mnt/tmp/mod.lock",
        "mallory's own file": "echo precious >/mnt/tmp/mod.lock; chmod 666 /mnt/tmp/mod.lock",
        "mallory's empty file": "touch /mnt/tmp/mod.lock; chmod 666 /mnt/tmp/mod.lock",
        "nothing": "touch /mnt/tmp/mod.lock",
    }
    assert machine.sh("pvmonit" if kind == "nothing" else "mallory", plant[kind]).code == 0
    with machine.held("/mnt/tmp/mod.lock"):
        machine.order(1, "on")
        ran = machine.domo("tick", PYTHONPATH="/mnt/old:/mnt/packages")
    assert ran == (0, "filelock was asked\n" if kind == "nothing" else "", "")
    assert (machine.modes["1"], machine.on) == (2, {1})
    assert precious.read_text() == "precious"
    empty = kind in ("mallory's empty file", "nothing")
    assert machine.sh("root", "cat /mnt/tmp/mod.lock").out.strip() == ("" if empty else "precious")
