"""The owner's PHP scripts, `relay.script.d/N.php`, as PvMonit's editor writes them: one PHP process runs
those of a tick (php/runner.php), and its answers are read like those of Python scripts. Only a tick that has
one to run loads this module, and all of it runs in the child process."""

from __future__ import annotations

import os
import time
from itertools import takewhile

from ..core.history import OFF, ON, History
from ..core.model import AUTO_OFF, Order, ScriptError
from ..system import files, tinyjson
from ..system.child import Child, send
from . import source
from .alone import spoken
from .messages import no_order, said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..system.stuck import Stuck
    from .api import World
    from .messages import Said
    from .source import Library

    Script = tuple[int, str, str]  # relay, file, why it is not run ("" if it is)

DONE = b"D"  # PHP has told all that it could
FOLDER = f"{__file__.rpartition('/')[0]}/php"
TODAY = 43200.0  # s, PvMonit's "today"
# `php -n` reads no php.ini and loads no extension: these are loaded when a script has such a word in it.
EXTENSIONS = {
    "bcmath": ("bcadd", "bcsub", "bcmul", "bcdiv", "bccomp"),
    "calendar": ("cal_", "easter_d", "jdto", "gregoriantojd"),
    "ctype": ("ctype_",),
    "curl": ("curl_",),
    "dom": ("DOM",),
    "fileinfo": ("finfo", "mime_content_type"),
    "gettext": ("gettext",),
    "iconv": ("iconv",),
    "intl": ("Intl", "NumberFormatter", "Collator"),
    "mbstring": ("mb_",),
    "mysqli": ("mysqli",),
    "pdo": ("PDO",),
    "pdo_sqlite": ("PDO",),
    "posix": ("posix_",),
    "simplexml": ("simplexml_", "SimpleXML"),
    "sockets": ("socket_",),
    "sqlite3": ("SQLite3",),
    "xml": ("xml_",),
    "yaml": ("yaml_",),
}
IN_COMMON = ("calendar", "ctype", "fileinfo", "gettext", "iconv", "pdo", "posix", "sockets")
PACKAGES = {  # Debian's package of an extension, if it has another name
    **dict.fromkeys(("dom", "simplexml", "xml"), "php-xml"),
    **dict.fromkeys(("pdo_sqlite", "sqlite3"), "php-sqlite3"),
    **dict.fromkeys(IN_COMMON, "php-common"),
    "mysqli": "php-mysql",
}


class Php:
    """The PHP process for the scripts in PHP, seen from the child that answers. They are asked in order; if
    one of them ends the process, another process runs the rest."""

    def __init__(
        self,
        waiting: tuple[int, ...],
        kinds: Mapping[int, str],
        world: World,
        library: Library,
    ) -> None:
        self._order, self._kinds = waiting, kinds
        self._world, self._library = world, library
        self._child: Child | None = None
        self._asked: list[int] = []  # the relays for which this process has not answered yet

    def ask(self, relay: int, seconds: float, end: float) -> Said:
        """What this relay's script, the next in order, says within `seconds` and before `end`
        (time.monotonic()). `world.timers` are the timers before it."""
        began = time.monotonic()
        until = min(end, began + seconds)
        while True:
            if self._child is None:
                try:
                    self._start(relay)
                except OSError as error:
                    return self._failed(relay, f"PHP could not be started ({error.strerror})")
            assert self._child
            try:
                line = self._child.message(until)
                if line == DONE:  # it could not go on in this process
                    fresh = self._asked[0] == self._first
                    self._stop()
                    if fresh:
                        return self._failed(relay, "ended PHP")
                    continue
                answer = spoken(line) if line else None
            except (ValueError, TypeError, AttributeError):
                self._stop()
                return self._failed(relay, "wrote into the tick's own pipe")
            if answer is None:
                return self._silent(relay, began, until, seconds)
            self._asked.pop(0)
            stuck = self._stop()[1] if not self._asked else None
            return *answer, stuck, False

    def _start(self, first: int) -> None:
        """Starts PHP for this relay and those in PHP right behind it."""
        rest = self._order[self._order.index(first) :]
        asked = tuple(takewhile(lambda relay: self._kinds.get(relay) == "php", rest))
        self._asked, self._first = list(asked), first
        self._child = Child(lambda answer: become(asked, self._world, self._library, answer))

    def _silent(self, relay: int, began: float, until: float, seconds: float) -> Said:
        """What is said of a script that gave no answer."""
        from . import place

        assert self._child
        now = time.monotonic()
        waited = now - began if now >= until else 0.0
        words = self._child.last_words() if waited else self._child.rest
        status, stuck = self._stop()
        where = place.last_place(f"{self._world.config.scriptDir}/{relay}.php", words)
        # PHP handles the signal after the current opcode, so the line may be too late by one
        where = f"{where} or just before" if where else ""
        cut = 0 < waited < seconds - 0.1
        return self._failed(relay, place.ended(status, waited), where, stuck, cut)

    def _stop(self) -> tuple[int, Stuck | None]:
        assert self._child
        child, self._child = self._child, None
        status = child.stop()
        if child.printed:
            os.write(1, child.printed)
        return status, child.stuck

    def _failed(
        self, relay: int, why: str, where: str = "", stuck: Stuck | None = None, cut: bool = False
    ) -> Said:
        return said(no_order(f"{relay}.php", why, where), self._world.timers, stuck, cut)


def become(relays: tuple[int, ...], world: World, library: Library, answer: int) -> None:
    """Turns this process into PHP, which asks the scripts of `relays` and writes to the descriptor
    `answer`, which is 3. Returns only if there is no PHP, after it said so for each of them."""
    text, scripts = b"", []
    for relay in relays:
        refusal = ""
        try:
            text += library.text(f"{relay}.php")
        except (ScriptError, OSError) as error:
            why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
            refusal = no_order(f"{relay}.php", why).why
        scripts.append((relay, source.path(world.config, relay, "php"), refusal))
    command = [world.config.phpCli, *options(text), f"{FOLDER}/runner.php"]
    told = tinyjson.dumps(seen(scripts, world, b"config" in text)).encode(errors="replace")
    given = os.memfd_create("domo")
    files.write_all(given, told)
    os.lseek(given, 0, 0)
    os.dup2(given, 0)
    os.set_inheritable(answer, True)
    try:
        os.execv(command[0], command)
    except OSError as error:
        why = f"there is no PHP at {command[0]} ({error.strerror}); run: sudo apt install php-cli"
    for relay, _, refusal in scripts:
        order = Order("", refusal) if refusal else no_order(f"{relay}.php", why)
        send(answer, tinyjson.dumps(said(order, world.timers)[:4]).encode(errors="replace"))
    send(answer, DONE)


def options(source: bytes) -> list[str]:
    """PHP's options for scripts of that text: no settings of the machine, no noise, and the extensions
    that it calls for."""
    chosen = ["-n", "-d", "display_errors=0", "-d", "log_errors=0"]
    chosen += ["-d", "display_startup_errors=0", "-d", "error_log=/dev/null"]  # about a missing extension
    for extension, words in EXTENSIONS.items():
        if any(word.encode() in source for word in words):
            chosen += ["-d", f"extension={extension}"]
    return chosen


def seen(scripts: list[Script], world: World, configured: bool = False) -> dict[str, Any]:
    """What runner.php is told, in JSON's types: the scripts, and all that they may ask; `configured`: also
    PvMonit's `$config`."""
    config: dict[str, Any] = {}
    if configured:
        from . import pvmonit

        config = pvmonit.settings(world.config)
    relays = {
        relay: {
            "state": world.states[relay],
            "mode": world.modes.get(relay, AUTO_OFF),
            **switches(world.past.history.get(relay, History()), world.past.auto_on.get(relay), world.wall),
        }
        for relay in world.config.relays
    }
    return {
        "now": world.wall,
        "scripts": scripts,
        "relays": relays,
        "data": {name: value.text for name, value in world.reading.values.items()},
        "timers": world.timers,
        "config": config,
        "extensions": EXTENSIONS,
        "packages": PACKAGES,
    }


def switches(history: History, auto_on: float | None, wall: float) -> dict[str, Any]:
    """When a relay was switched, in epoch seconds; False for never, as scripts get it from PvMonit."""

    def date(age: float | None) -> int | bool:
        return False if age is None else int(wall - age + 0.005)  # ages are kept in ms

    return {
        "up": date(history.last(ON)),
        "upAuto": date(auto_on),
        "down": date(history.last(OFF)),
        "ups": [date(age) for age, state in history.switches if state == ON and age < TODAY + 1],
    }
