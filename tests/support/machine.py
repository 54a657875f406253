"""A machine with several users, in namespaces of its own: needs root."""

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

NEEDS = pytest.mark.skipif(
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
            "DOMO_SAY": "all",  # what stands, and not only what is new of it
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
