"""domo-tick whose first child process runs under strace, with the options in $STRACE, a line each.

strace counts from where it takes the child over: that stops itself until then."""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))

import posix  # noqa: E402  # what the tick forks by

from domo.tick.tick import leave, main  # noqa: E402

fork = posix.fork


def traced() -> int:
    """posix.fork, once; then it is the real one again."""
    posix.fork = fork
    pid = fork()
    if pid:
        return pid
    me = os.getpid()
    if fork() == 0:
        os.closerange(3, 1024)  # the tick waits for the end of its pipes
        if fork() == 0:
            os.execvp("strace", ["strace", "-qq", *os.environ["STRACE"].split("\n"), "-p", str(me)])
        while not taken_over(me):
            time.sleep(0.002)
        os.kill(me, signal.SIGCONT)
        os._exit(0)
    os.kill(me, signal.SIGSTOP)
    return 0


def taken_over(pid: int) -> bool:
    """Whether the process is stopped and has a tracer."""
    status = Path(f"/proc/{pid}/status").read_text()
    return "TracerPid:\t0\n" not in status and ("State:\tT" in status or "State:\tt" in status)


posix.fork = traced
leave(main(sys.argv[1:]))
