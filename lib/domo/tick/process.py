"""A tick as a process of its own: the only way in which the panel and domo-mod switch a relay."""

from __future__ import annotations

import os
import sys
import time

from ..core.model import BUSY, Fault
from ..core.settings import Config
from ..system.child import count_on_children
from ..system.files import PROJECT

OUTPUT_LIMIT = 64 << 10  # bytes of what a tick prints
STUCK_SECONDS = 60.0  # a tick ends within 20; killed at any instruction, it leaves every file whole


class Tick:
    """A running tick. `said` is what it printed, once it has ended. Raises Fault if it cannot be started."""

    def __init__(self, config: Config) -> None:
        count_on_children()
        self.said = ""
        self._code: int | None = None
        self._deadline = time.monotonic() + STUCK_SECONDS
        try:
            self._output = os.memfd_create("domo-tick")
            try:
                self._pid = self._start(config)
            except OSError:
                os.close(self._output)
                raise
        except OSError as error:  # there are too many processes or descriptors
            raise Fault(f"no tick can be started ({error.strerror})") from None

    def _start(self, config: Config) -> int:
        # As isolated as this process: with -S alone PYTHONPATH counts.
        command = [sys.executable, "-IS" if sys.flags.isolated else "-S", f"{PROJECT}/bin/domo-tick"]
        return os.posix_spawn(
            command[0],
            command,
            {**os.environ, "DOMO_CONFIG": config.path, "DOMO_SAY": "all"},  # cron's tick still tells its news
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, self._output, 1),
                (os.POSIX_SPAWN_DUP2, self._output, 2),
            ],
            setpgroup=0,  # a Ctrl-C on our terminal is not meant for it
            setsigmask=[],
        )

    def ended(self) -> int | None:
        """Its exit code (the signal's number, negative, if one killed it), None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
                try:
                    self.said = os.pread(self._output, OUTPUT_LIMIT, 0).decode(errors="replace").strip()
                    os.close(self._output)
                except OSError as error:
                    self.said = f"domo-tick: what it said cannot be read ({error.strerror})"
            elif time.monotonic() > self._deadline:
                os.kill(self._pid, 9)
        return self._code

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        while (code := self.ended()) is None:
            time.sleep(0.01)
        return code


def run(config: Config, seconds: float) -> Tick:
    """Runs a tick; while another one is running, tries again. Gives the last tick that it started; after
    `seconds` it may still be running, or have found another one running. Raises Fault."""
    deadline = time.monotonic() + seconds
    while True:
        tick = Tick(config)
        while (code := tick.ended()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if code != BUSY or time.monotonic() >= deadline:
            return tick
        time.sleep(0.1)
