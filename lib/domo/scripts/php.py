"""The owner's PHP scripts, `relay.script.d/N.php`, as PvMonit's editor writes them: one PHP process runs
those of a tick (php/runner.php), and what it answers is read as Python's answers are. Only a tick that
has one to run loads this module, and all of it runs in the child process."""

from __future__ import annotations

import posix as os  # lean: see files

from ..core.history import OFF, ON, History
from ..core.model import AUTO_OFF
from ..system import tinyjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .api import World

    Script = tuple[int, str, str]  # relay, file, why it is not run ("" if it is)

FOLDER = f"{__file__.rpartition('/')[0]}/php"
DAY = 43200.0  # s, PvMonit's "today"
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
PACKAGES = {  # of Debian, where they are not called as the extension is
    **dict.fromkeys(("dom", "simplexml", "xml"), "php-xml"),
    **dict.fromkeys(("pdo_sqlite", "sqlite3"), "php-sqlite3"),
    **dict.fromkeys(IN_COMMON, "php-common"),
    "mysqli": "php-mysql",
}


def become(scripts: list[Script], source: bytes, world: World, answer: int, memory: int) -> str:
    """Turns this child process into PHP, which asks the scripts and writes to the descriptor `answer`,
    which is 3, within so many bytes of `memory`. Returns only where there is no PHP, and says so.
    `source` is the text of all of them."""
    import resource

    command = [world.config.phpCli, *options(source), f"{FOLDER}/runner.php"]
    told = tinyjson.dumps(seen(scripts, world, b"config" in source)).encode(errors="replace")
    given = os.memfd_create("domo")
    while told:
        told = told[os.write(given, told) :]
    os.lseek(given, 0, 0)
    os.dup2(given, 0)
    os.set_inheritable(answer, True)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        os.execv(command[0], command)
    except OSError as error:
        return f"there is no PHP at {command[0]} ({error.strerror}); run: sudo apt install php-cli"


def options(source: bytes) -> list[str]:
    """PHP's options for scripts of that text: no settings of the machine, no noise, and the extensions
    that it calls for."""
    chosen = ["-n", "-d", "display_errors=0", "-d", "log_errors=0"]
    chosen += ["-d", "display_startup_errors=0", "-d", "error_log=/dev/null"]  # of an extension that lacks
    for extension, words in EXTENSIONS.items():
        if any(word.encode() in source for word in words):
            chosen += ["-d", f"extension={extension}"]
    return chosen


def seen(scripts: list[Script], world: World, configured: bool = False) -> dict[str, Any]:
    """What runner.php is told, as JSON's types: the scripts, and all that they may ask."""
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
        "config": settings(world) if configured else {},
        "extensions": EXTENSIONS,
        "packages": PACKAGES,
    }


def switches(history: History, auto_on: float | None, wall: float) -> dict[str, Any]:
    """When a relay was switched, in epoch seconds; False for never, as SQLite tells PvMonit."""

    def date(age: float | None) -> int | bool:
        return False if age is None else int(wall - age + 0.005)  # ages are kept in ms

    return {
        "up": date(history.last(ON)),
        "upAuto": date(auto_on),
        "down": date(history.last(OFF)),
        "ups": [date(age) for age, state in history.switches if state == ON and age < DAY + 1],
    }


def settings(world: World) -> Mapping[str, Any]:
    """PvMonit's `$config`: its config-default.yaml, under config.yaml, under what domo makes of it."""
    from . import pvmonit

    return pvmonit.settings(world.config)
