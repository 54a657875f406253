"""The lock of a tick."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from domo.system import lock

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
input()
"""


def test_trying_again_and_again_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """domo-mod does, twenty times a second, while a tick runs."""
    path = str(tmp_path / "lock")
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        before = os.listdir("/proc/self/fd")
        for _ in range(20):
            with pytest.raises(lock.Locked):
                lock.take(path)
        assert os.listdir("/proc/self/fd") == before
        other.communicate("\n")
    held, fault = lock.take(path)
    assert held is not None and fault == ""
    os.close(held)
