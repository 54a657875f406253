"""domo-tick of which one child process, the $CHILD-th, runs under strace, with the options in $STRACE, a line
each.

strace counts from where it takes the child over: that stops itself until then."""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))

from domo.tick.run import leave  # noqa: E402
from domo.tools.tick import main  # noqa: E402

fork = os.fork
before = int(os.environ["CHILD"]) - 1  # children that run untraced


def traced() -> int:
    """os.fork, whose child is traced when it is its turn; then it is the real one again."""
    global before
    if before:
        before -= 1
        pid = fork()
        if pid == 0:
            os.fork = fork  # what a child starts does not count
        return pid
    os.fork = fork
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


os.fork = traced
leave(main(sys.argv[1:]))
