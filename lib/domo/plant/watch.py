"""Tells which scripts look at the machine's clock, network, files or programs: a replay cannot set what they
see there, so all year they see what is there now.

Python's own audit events tell of files, network and programs. There are none for clocks, so now and then
each call of a script is looked at.
"""

from __future__ import annotations

import sys
from collections import Counter
from types import FrameType
from typing import Any

from ..core.settings import Config
from ..scripts import source

EVENTS = {
    "open": "reads the file",
    "os.listdir": "looks into the folder",
    "os.scandir": "looks into the folder",
    "socket.connect": "asks the network",
    "socket.sendto": "asks the network",
    "socket.getaddrinfo": "asks the network for",
    "subprocess.Popen": "starts the program",
    "os.system": "starts the program",
    "os.posix_spawn": "starts the program",
    "sqlite3.connect": "reads the database",
    "urllib.Request": "asks the network for",
}
CLOCKS = {
    "time": {
        "time",
        "time_ns",
        "monotonic",
        "monotonic_ns",
        "perf_counter",
        "clock_gettime",
        "localtime",
        "gmtime",
    },
    "datetime": {"now", "utcnow", "today"},
}
EVERY = 61  # ticks: so it is another minute of each hour
CODE = (".py", ".so")  # what an import opens
BYTECODE = "/__pycache__/"  # where it reads and writes

_current: Watch | None = None


class Watch:
    """What the scripts of a replay look at. `relay` is the one that is being asked, 0 while none is."""

    def __init__(self, config: Config) -> None:
        global _current
        self.seen: Counter[tuple[int, str]] = Counter()
        self.relay = 0
        self.config = config
        if _current is None:  # a hook stays for good
            sys.addaudithook(_heard)
        _current = self

    def note(self, what: str) -> None:
        """Notes that the script that is being asked does this."""
        self.seen[self.relay, what] += 1

    def look(self, place: int) -> bool:
        """Begins to look at each call, at one tick of EVERY; gives whether it does."""
        looks = place % EVERY == 0
        if looks:
            sys.setprofile(self._called)
        return looks

    def _called(self, frame: FrameType, event: str, function: Any) -> None:
        if (
            event != "c_call"
            or not self.relay
            or not frame.f_code.co_filename.startswith(self.config.scriptDir)
        ):
            return
        name, owner = function.__name__, function.__self__
        if name in CLOCKS.get(getattr(owner, "__name__", ""), ()) or name in CLOCKS["datetime"] & CLOCKS.get(
            getattr(owner, "__module__", ""), set()
        ):
            self.note(f"looks at the machine's clock ({name}): use relay.now")

    def sentences(self) -> list[str]:
        """A sentence for each, by script."""
        return [
            f"script {source.path(self.config, relay)} {what}; in a replay it sees what is there today"
            for relay, what in sorted(self.seen)
        ]


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    watch = _current
    if watch is None or not watch.relay or event not in EVENTS:
        return
    what = next((given for given in arguments if isinstance(given, (str, bytes, list, tuple))), "")
    name = " ".join(map(str, what)) if isinstance(what, (list, tuple)) else str(what)
    if event == "open" and (
        name.endswith(CODE)
        or BYTECODE in name
        or name.startswith(watch.config.scriptDir)
        or isinstance(arguments[0], int)
    ):
        return
    if event == "os.listdir" and ("site-packages" in name or name == watch.config.scriptDir):
        return  # an import does the one, domo the other
    watch.note(f"{EVENTS[event]} {name}"[:120])
