"""Several users in one sticky folder: PvMonit's, the web server's, people, and one who means no good.

Real users of a private mount namespace: /etc/passwd and /etc/group are replaced in there alone, and
everything lives below /mnt, where nothing outlasts the test. It takes root.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from _imp import source_hash
from collections.abc import Iterator, Mapping
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from support.house import PROJECT, Ran, xml

USERS = {"pvmonit": 61001, "www-data": 61002, "pi": 61003, "mallory": 61004}
WEB = 61010  # a group, of www-data alone
PROTECTED = {"regular": "2", "symlinks": "1", "hardlinks": "1"}  # as Debian sets them

CONFIG = """\
tmpFileDataXml: /mnt/tmp/data.xml
scriptDataXml: false
urlDataXml: false
domo:
  jsonFile: {modPath: /mnt/tmp/mod, etatPath: /mnt/tmp/etat}
  prefixFileData: /mnt/tmp/domo_
  dbFile: /mnt/pvmonit/journal.sqlite3
  recordDir: /mnt/pvmonit/history
  board: simulated
  simulatedPins: /mnt/tmp/pins
  relay: {scriptDir: /mnt/pvmonit/scripts, scriptExecInterval: 0}
  relayNb: 3
"""

OLD_FILELOCK = """\
import os


class FileLock:
    def __init__(self, path):
        self.path = path

    def acquire(self, timeout, poll_interval):
        print("filelock was asked")
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        raise TimeoutError
"""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "setpriv"))),
    reason="takes root, unshare, nsenter and setpriv",
)


class Machine:
    """A machine with those users; what is /mnt in there is `root` out here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tmp = root / "tmp"
        self.home = root / "pvmonit"
        self.mode_file, self.pin_file, self.lock = (self.tmp / name for name in ("mod", "pins", "mod.lock"))
        root.mkdir(mode=0o755)
        for part in ("bin", "lib"):
            shutil.copytree(
                PROJECT / part, root / "domo" / part, ignore=shutil.ignore_patterns("__pycache__", ".*")
            )
        for package in ("yaml", "filelock"):
            source = Path(__import__(package).__file__ or "").parent
            shutil.copytree(source, root / "packages" / package, ignore=shutil.ignore_patterns("__pycache__"))
        self.people()
        script = f"mount --bind {root} /mnt && for f in passwd group; do mount --bind {root}/$f /etc/$f; done"
        command = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            f"{script} && echo ready && exec cat",
        ]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout
        if self._holder.stdout.readline() != "ready\n":
            pytest.skip("there can be no mount namespace here")
        self._python = next(filter(self._runs, (sys.executable, "/usr/bin/python3")), "")
        if not self._python:
            pytest.skip("no Python that other users may run")

    def begin(self) -> None:
        """Nothing has run yet, and PvMonit has just written its data."""
        self.people()
        for folder in (self.tmp, self.home, self.root / "shared"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o755)
        self.tmp.chmod(0o1777)
        (self.home / "scripts").mkdir(mode=0o755)
        (self.home / "config.yaml").write_text(CONFIG)
        (self.tmp / "data.xml").write_text(xml(time.time()))
        for path in (self.home, self.tmp / "data.xml"):
            os.chown(path, USERS["pvmonit"], USERS["pvmonit"])

    def close(self) -> None:
        """The end of the namespace."""
        self._holder.communicate()

    def people(self, web: str = "www-data") -> None:
        """The users, each with his group, and the group web with these members."""
        users = "".join(f"{name}:x:{uid}:{uid}::/mnt:/bin/sh\n" for name, uid in USERS.items())
        (self.root / "passwd").write_text(f"root:x:0:0:root:/root:/bin/sh\n{users}")
        own = "".join(f"{name}:x:{uid}:\n" for name, uid in USERS.items())
        (self.root / "group").write_text(f"root:x:0:\n{own}web:x:{WEB}:{web}\n")

    def _runs(self, python: str) -> bool:
        test = "import os, sys, yaml, filelock; print(os.__file__); sys.exit(sys.version_info < (3, 11))"
        ran = [self.run(user, python, "-S", "-c", test) for user in ("root", "pvmonit")]
        return ran[0] == ran[1] and ran[0].code == 0

    # -- what its people do --

    def run(self, user: str, *command: str, **environment: str) -> Ran:
        """Runs a command as that user."""
        become = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "setpriv"]
        if user != "root":
            become += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
        own = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": "/mnt/packages",
            "TMPDIR": "/mnt/tmp",
            "HOME": "/mnt",
        }
        own["DOMO_CONFIG"] = "/mnt/pvmonit/config.yaml"
        done = subprocess.run(
            [*become, "--", *command], env={**own, **environment}, capture_output=True, text=True, timeout=60
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def domo(self, program: str, *arguments: str, user: str = "pvmonit", **environment: str) -> Ran:
        """Runs one of domo's programs."""
        return self.run(user, self._python, "-S", f"/mnt/domo/bin/domo-{program}", *arguments, **environment)

    def sh(self, user: str, text: str) -> Ran:
        """A line in that user's shell."""
        return self.run(user, "sh", "-c", text)

    def mend(self, message: str) -> None:
        """Does what a message says is to be run. No sudo here: root does it at once."""
        commands = re.findall(r"; run: (sudo .+)$", message, re.MULTILINE)
        assert commands, message
        for command in commands:
            words = shlex.split(command.removeprefix("sudo "))
            if words[0] == "adduser":  # Debian's, which would look at the machine's own files
                assert words[1:] == ["pvmonit", "web"]
                self.people(web="www-data,pvmonit")
                continue
            assert self.run("root", *words) == (0, "", "")

    def order(self, relay: int, order: str) -> None:
        """The owner's script says so from now on."""
        path = self.home / f"scripts/{relay}.py"
        path.write_text(f'def decide(relay, data):\n    return relay.{order}("so it is")\n')
        path.chmod(0o644)
        os.utime(path, (now := time.time(), now))

    def fetches(self, more: str = "") -> None:
        """From now on a tick gets its data from a program, when they are old."""
        (self.home / "fresh.xml").write_text(xml(time.time()))
        fetch = "scriptDataXml: /mnt/pvmonit/fresh.xml\nbin: {php-cli: /bin/cat}"
        text = CONFIG.replace("scriptDataXml: false", f"{fetch}\n{more}")
        (self.home / "config.yaml").write_text(text)

    @contextlib.contextmanager
    def panel(self) -> Iterator[str]:
        """While pvmonit's panel runs; gives the first line that it says."""
        become = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "setpriv", "--reuid=pvmonit"]
        become += ["--regid=pvmonit", "--init-groups", "--", self._python, "-S", "/mnt/domo/bin/domo-panel"]
        command = [*become, "--no-display", "--config", "/mnt/pvmonit/config.yaml"]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "/mnt/packages", "TMPDIR": "/mnt/tmp"}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as panel:
            assert panel.stderr
            try:
                yield panel.stderr.readline()
            finally:
                panel.terminate()

    def precious(self) -> Path:
        """A file that pvmonit may write, and that everybody may read."""
        path = self.home / "precious"
        path.write_text("precious")
        path.chmod(0o644)
        os.chown(path, USERS["pvmonit"], USERS["pvmonit"])
        return path

    @contextlib.contextmanager
    def held(self, path: str) -> Iterator[None]:
        """Somebody holds that lock."""
        command = f"import fcntl, sys; f = open({path!r}); fcntl.flock(f, 2); print(); sys.stdin.read()"
        become = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt"]
        with subprocess.Popen(
            [*become, self._python, "-S", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout and holder.stdout.readline()
            yield
            holder.communicate()

    # -- what one finds --

    @property
    def modes(self) -> dict[str, int]:
        """The mode file."""
        modes: dict[str, int] = json.loads(self.mode_file.read_text())
        return modes

    @property
    def on(self) -> set[int]:
        """The relays that are on, by their pins."""
        pins = json.loads(self.pin_file.read_text())
        return {relay for relay, pin in ((1, "23"), (2, "24"), (3, "8")) if pins[pin] == 0}

    def rights(self) -> dict[str, tuple[int, int, int]]:
        """Owner, group and permissions of all that domo made."""
        made = [path for path in (*self.tmp.iterdir(), *self.home.iterdir()) if path.is_file()]
        return {
            path.name: ((info := path.stat()).st_uid, info.st_gid, info.st_mode & 0o7777) for path in made
        }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, and the kernel's protection of sticky folders as Debian sets it. There is one for all
    who run these tests on one kernel, so they take turns."""
    with open("/proc/sys/fs/protected_regular") as turn:
        flock(turn, LOCK_EX)
        before = {name: Path(f"/proc/sys/fs/protected_{name}").read_text() for name in PROTECTED}
        made = Machine(tmp_path_factory.mktemp("users") / "mnt")
        try:
            protect(PROTECTED)
            yield made
        finally:
            protect(before)
            made.close()


def protect(values: Mapping[str, str]) -> None:
    """Sets the kernel's protection."""
    try:
        for name, value in values.items():
            Path(f"/proc/sys/fs/protected_{name}").write_text(value)
    except OSError as error:
        pytest.skip(f"the kernel's protection cannot be set here: {error}")


@pytest.fixture
def machine(built: Machine) -> Machine:
    """A machine on which nothing has run yet."""
    built.begin()
    return built


@pytest.fixture
def unprotected(machine: Machine) -> Iterator[Machine]:
    """The same where the kernel protects nothing, so that only domo's own care counts."""
    protect(dict.fromkeys(PROTECTED, "0"))
    yield machine
    protect(PROTECTED)


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
    assert (machine.rights(), machine.on) == (before, set())


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
        1, "", "domo-tick: /mnt/tmp/mod: user pvmonit may not write it; its group is web, which he is not in;"
        " run: sudo adduser pvmonit web\n",
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
        1, "", "domo-tick: /mnt/shared/mod: user pvmonit may not write it; he may create none in /mnt/shared;"
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
        "mod.new",
        "mod.first",
        "etat.new",
        "pins.new",
        "domo_memory.json.new",
        "data.xml.new",
    ]
    for name in names:
        assert machine.sh("mallory", f"ln -s /mnt/pvmonit/{target} /mnt/tmp/{name}").code == 0
    own = machine.home / "own"
    assert machine.sh("pvmonit", "mkdir -m 700 /mnt/pvmonit/own").code == 0
    assert (
        machine.sh("mallory", "ln -s /mnt/pvmonit/own /mnt/tmp/domo-61001").code == 0
    )  # for the folder of caches
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
