"""Packages of other architectures: Debian's by an apt of its own, PyPI's by pip. The host stays as it is.

Everything is kept below `CACHE`, which git ignores: a second run fetches nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
CACHE = PROJECT / "build/machine"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


class CannotBeHad(Exception):
    """A package, a program or a right that this machine does not give; says which."""


class Apt:
    """An apt for one suite and one architecture, with lists and archives of its own."""

    def __init__(self, suite: str, architecture: str) -> None:
        self.folder = CACHE / f"{suite}-{architecture}"
        self._suite, self._architecture = suite, architecture
        self._config = self.folder / "apt.conf"

    def unpack(self, packages: Sequence[str], into: Path, *, alone: bool = False) -> None:
        """Unpacks packages, with all that they depend on unless `alone`, into a folder, once."""
        wanted = " ".join([*packages, "alone" if alone else "and what they need"])
        done = into / ".unpacked"
        if done.exists() and done.read_text() == wanted:
            return
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        for archive in self._archives(packages, alone):
            _run("dpkg-deb", "--extract", str(archive), str(into))
        done.write_text(wanted)

    def _archives(self, packages: Sequence[str], alone: bool) -> list[Path]:
        self._prepare()
        if alone:
            folder = self.folder / "alone"
            folder.mkdir(exist_ok=True)
            found = [_one(folder, package) for package in packages]
            if not all(found):
                self._apt("download", *packages, folder=folder)
            return [archive for package in packages if (archive := _one(folder, package))]
        names = ["install", "--yes", "--no-install-recommends"]
        nothing_yet = f"Dir::Cache::archives={self.folder}/none"  # or those that are there were left out
        said = self._apt(*names, "--print-uris", "-o", nothing_yet, *packages)
        self._apt(*names, "--download-only", *packages)
        files = [line.split()[1] for line in said.splitlines() if line.startswith("'")]
        return [self.folder / "var/cache/apt/archives" / file for file in files]

    def _prepare(self) -> None:
        if self._config.exists():
            return
        archives = "var/cache/apt/archives/partial"
        for folder in ("lists/partial", "none/partial", archives, "etc", "preferences.d"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        source = f"deb [signed-by={KEYS}] {_mirror()} {self._suite} main\n"
        (self.folder / "sources.list").write_text(source)
        settings = {
            "Dir": self.folder,
            "Dir::State": self.folder,
            "Dir::State::status": self.folder / "status",
            "Dir::Etc": self.folder / "etc",
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferencesparts": self.folder / "preferences.d",
            "APT::Architecture": self._architecture,
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Acquire::http::Timeout": 20,
            "Acquire::Retries": 1,
        }
        lines = [f'{key} "{value}";\n' for key, value in settings.items()]
        lines.append(f'APT::Architectures {{ "{self._architecture}"; }};\n')
        new = self.folder / "apt.conf.new"
        new.write_text("".join(lines))
        self._apt("update", "--error-on=any", config=new)
        new.rename(self._config)

    def _apt(self, *arguments: str, config: Path | None = None, folder: Path | None = None) -> str:
        environment = {**os.environ, "APT_CONFIG": str(config or self._config), "LC_ALL": "C"}
        return _run("apt-get", "--quiet", "--quiet", *arguments, environment=environment, folder=folder)

    def candidate(self, package: str) -> str:
        """What a package that only names another one depends on: the kernel of `linux-image-arm64`."""
        self._prepare()
        environment = {**os.environ, "APT_CONFIG": str(self._config), "LC_ALL": "C"}
        said = _run("apt-cache", "depends", package, environment=environment)
        return next(line.split()[-1] for line in said.splitlines() if "Depends:" in line)


def wheel(requirement: str, platform: str, python: str, into: Path) -> None:
    """Unpacks a package of PyPI, as built for that platform and Python ("311"), into a folder."""
    folder = CACHE / "wheels" / f"{requirement}-{platform}"
    if not list(folder.glob("*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        where = ["--no-deps", "--only-binary=:all:", f"--platform={platform}", f"--python-version={python}"]
        _run(*pip, *where, f"--dest={folder}", requirement)
    for archive in folder.glob("*.whl"):
        with zipfile.ZipFile(archive) as file:
            file.extractall(into)


def program(name: str, package: str) -> str:
    """A program of this machine; installed with apt if we may."""
    if not shutil.which(name) and os.geteuid() == 0:
        _run("apt-get", "-qq", "update")
        _run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", package)
    found = shutil.which(name)
    if not found:
        raise CannotBeHad(f"{name} is missing; run: sudo apt install {package}")
    return found


def _one(folder: Path, package: str) -> Path | None:
    return next(folder.glob(f"{package}_*.deb"), None)


def _mirror() -> str:
    """The mirror that this machine's own apt uses for Debian."""
    which = ["Created-By: Packages", "Origin: Debian"]
    said = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", *which)
    mirrors = [line for line in said.split() if "security" not in line]
    if not mirrors:
        raise CannotBeHad("this machine's apt knows no Debian mirror")
    return mirrors[0]


def _run(*command: str, environment: dict[str, str] | None = None, folder: Path | None = None) -> str:
    try:
        ran = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise CannotBeHad(f"{command[0]} is missing") from None
    if ran.returncode:
        said = (ran.stderr.strip() or ran.stdout.strip()).splitlines()
        raise CannotBeHad(f"{' '.join(command[:3])} ...: {said[-1] if said else ran.returncode}")
    return ran.stdout
