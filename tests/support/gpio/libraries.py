"""The real GPIO libraries, from PyPI: built or fetched once, kept below build/, which git ignores."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent.parent
KEPT = PROJECT / f"build/libraries-{sys.version_info[0]}.{sys.version_info[1]}"
PACKAGES = {  # name: (what pip is asked for, the one that must be built from its sources)
    "RPi.GPIO": (["RPi.GPIO==0.7.1"], "RPi.GPIO"),
    "rpi-lgpio": (["lgpio==0.2.2.0", "rpi-lgpio==0.6"], ""),
}
FLAGS = "-Wno-int-conversion -Wno-implicit-function-declaration -fcommon"  # its C is of 2012


class CannotBeHad(Exception):
    """A library or a compiler that is missing here; says which, and why."""


def library(name: str) -> Path:
    """The folder that holds a library, to be named in PYTHONPATH."""
    place = KEPT / name
    wanted, sources = PACKAGES[name]
    if not place.exists():
        new = KEPT / f"{name}.{os.getpid()}"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        pip += ["--retries=0", "--timeout=10", f"--target={new}"]
        if sources:
            pip.append(f"--no-binary={sources}")
        _run([*pip, *wanted], name)
        try:
            new.rename(place)
        except OSError:  # another process was quicker
            shutil.rmtree(new)
    return place


def shim() -> Path:
    """shim.c with its plain.h, compiled; anew when one has changed."""
    if platform.system() != "Linux":
        raise CannotBeHad("the emulated GPIO wants Linux")
    source, built = Path(__file__).parent / "shim.c", KEPT / "shim.so"
    newest = max(part.stat().st_mtime for part in (source, source.with_name("plain.h")))
    if not built.exists() or built.stat().st_mtime < newest:
        if not shutil.which("gcc"):
            raise CannotBeHad("gcc is missing")
        KEPT.mkdir(parents=True, exist_ok=True)
        new = KEPT / f"shim.{os.getpid()}"
        _run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(new), str(source), "-ldl"], "shim.c")
        new.rename(built)
    return built


def can_trap() -> None:
    """Raises CannotBeHad where accesses to registers cannot be trapped."""
    if platform.machine() != "x86_64":
        raise CannotBeHad("registers are trapped on x86-64 only")


def _run(command: list[str], what: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "CFLAGS": FLAGS})
    if ran.returncode:
        said = (ran.stderr.strip() or ran.stdout.strip() or "nothing").splitlines()[-1]
        raise CannotBeHad(f"{what} cannot be had: {said}")
