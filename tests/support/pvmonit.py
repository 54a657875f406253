"""A fresh PvMonit of the owner's, unmodified, at /opt/PvMonit of a private mount namespace.

Its source is not part of this project: the environment's PVMONIT names a folder that has it (a clone of
its public repository). Without it, and without root, unshare and nsenter, tests with it are skipped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

SOURCE = os.environ.get("PVMONIT", "")
INSTALL = "sudo apt install php-cli php-yaml php-xml php-sqlite3 faketime chromium"


def lacking(*programs: str) -> str:
    """Why it cannot be tried here, "" if it can."""
    if not SOURCE or not Path(SOURCE, "function.php").is_file():
        return "PVMONIT names no folder with PvMonit's source"
    missing = [name for name in ("php", *programs) if not shutil.which(name)]
    if missing:
        return f"there is no {', no '.join(missing)}; run: {INSTALL}"
    if os.geteuid() or not all(map(shutil.which, ("unshare", "nsenter", "setpriv"))):
        return "takes root, unshare, nsenter and setpriv"
    modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout.split()
    lost = {"yaml", "SimpleXML", "pdo_sqlite"} - set(modules)
    return f"php has no {', no '.join(sorted(lost))}; run: {INSTALL}" if lost else ""


class PvMonit:
    """PvMonit below `root`/PvMonit, which is /opt/PvMonit for what `run` starts; /opt holds nothing else,
    and what is made there is `root` out here. Nothing that is started in there outlives it."""

    def __init__(self, root: Path, more: str = "true") -> None:
        """`more`: shell commands that make more of the machine in there."""
        self.root = root
        self.home = root / "PvMonit"
        shutil.copytree(SOURCE, self.home, ignore=shutil.ignore_patterns(".git"), symlinks=True)
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
            "--mount-proc",
             "sh", "-c", f"mount --bind {root} /opt && {more} && echo ready && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._holder.stdout
        if self._holder.stdout.readline() != "ready\n":
            pytest.skip("there can be no mount namespace here")

    def close(self) -> None:
        """The end of the namespace."""
        self._holder.communicate()

    def inside(self, *command: str) -> list[str]:
        """The command line that runs a command in there."""
        spaces = f"/proc/{self._holder.pid}/ns"
        enter = [
            "nsenter",
            f"--mount={spaces}/mnt",
            f"--pid={spaces}/pid_for_children",
            f"--wd={os.getcwd()}",
        ]
        return [*enter, *command]

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs it to its end, with this on its standard input."""
        return subprocess.run(
            self.inside(*command),
            env=env,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @contextlib.contextmanager
    def page(self, user: str = "root") -> Iterator[str]:
        """Its web pages on PHP's own server, which runs as `user`; gives their address."""
        address = f"127.0.0.1:{free_port()}"
        server = subprocess.Popen(
            self.inside(
                *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"),
                *("php", "-d", "display_errors=0", "-S", address, "-t", "/opt/PvMonit/www"),
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            answering(f"http://{address}/domo.php")
            yield f"http://{address}"
        finally:
            server.terminate()
            server.wait()


def answering(address: str) -> None:
    """Waits until a web server answers, whatever it says."""
    end = time.monotonic() + 30
    while True:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=10).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
