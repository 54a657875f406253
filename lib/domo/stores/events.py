"""What waits to be told to the program of `onChange`: one small file of JSON lines for each tick that had
news, in a folder of this user's, so that a tick which adds one and the messenger which takes them never
wait for each other."""

from __future__ import annotations

import os

from ..core.model import Fault
from ..core.settings import Config
from ..system import files, private, rights

MOST = 500  # files; the oldest go when there are more
CALL_BYTES = 64 << 10  # of lines that one call of the program is given
_TROUBLE = "trouble"


def folder(config: Config) -> str:
    """Where they wait."""
    return f"{config.prefixFileData}events"


def lock_path(config: Config) -> str:
    """What the one messenger that runs holds."""
    return f"{folder(config)}.lock"


def add(config: Config, lines: list[str]) -> None:
    """Adds the lines, at the end. Raises Fault."""
    place = _own(folder(config))
    waiting = names(config)
    for name in waiting[: max(0, len(waiting) + 1 - MOST)]:
        files.remove(f"{place}/{name}")
    number = int(waiting[-1].partition("-")[0]) + 1 if waiting else 1
    path = f"{place}/{number:012d}-{os.getpid()}"  # should there have been no lock, two may have the number
    content = "".join(f"{line}\n" for line in lines).encode(errors="replace")
    try:
        os.rename(files.beside(path, content, None, 0o600), path)
    except OSError as error:
        raise rights.refused(path, error) from None


def names(config: Config) -> list[str]:
    """The files that wait, oldest first."""
    try:
        found = os.listdir(folder(config))
    except OSError:
        return []
    return sorted(name for name in found if name.replace("-", "").isdigit())


def read(config: Config) -> tuple[list[str], bytes]:
    """The oldest files, as many as one call is given, and what is in them."""
    taken: list[str] = []
    content = b""
    for name in names(config):
        try:
            more = files.read(f"{folder(config)}/{name}")[0]
        except (OSError, Fault):
            more = b""
        if taken and len(content) + len(more) > CALL_BYTES:
            break
        taken.append(name)
        content += more
    return taken, content


def remove(config: Config, taken: list[str]) -> None:
    """Forgets what was told."""
    for name in taken:
        files.remove(f"{folder(config)}/{name}")


def trouble(config: Config) -> str:
    """Why the program was not told, "" when all is well."""
    try:
        return files.read(f"{folder(config)}/{_TROUBLE}")[0].decode(errors="replace")
    except (OSError, Fault):
        return ""


def set_trouble(config: Config, text: str) -> None:
    """Notes why the program was not told, for the next tick to say; "" when all is well again."""
    path = f"{folder(config)}/{_TROUBLE}"
    if not text:
        files.remove(path)
    elif text != trouble(config):
        try:
            files.replace(path, text.encode(errors="replace"), 0o600)
        except Fault:  # the next try says it again
            pass


def _own(path: str) -> str:
    """The folder, made if need be, that nobody else can enter. Raises Fault."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise rights.refused(path, error) from None
    if not private.is_ours(path):
        raise Fault(f"{path}: is not a folder of this user's alone, so nothing is kept in it; move it away")
    return path
