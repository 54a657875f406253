"""What waits to be told to the program of `onChange`. Each tick that has news adds a small file of JSON lines
to a folder of this user's, and the messenger takes the files: so neither waits for the other."""

from __future__ import annotations

import os

from ..core.model import Fault
from ..core.settings import Config
from ..sealed import is_ours
from ..system import files, rights

MOST = 500  # files; the oldest go when there are more
CALL_BYTES = 64 << 10  # of lines that one call of the program is given
_FAULT = "fault"


def folder(config: Config) -> str:
    """Where they wait."""
    return f"{config.prefixFileData}events"


def lock_path(config: Config) -> str:
    """The lock of the one messenger that runs."""
    return f"{folder(config)}.lock"


def add(config: Config, lines: list[str]) -> None:
    """Adds the lines, at the end. Raises Fault."""
    place = _own(folder(config))
    waiting = names(config)
    number = int(waiting[-1].partition("-")[0]) + 1 if waiting else 1
    path = f"{place}/{number:012d}-{os.getpid()}"  # without a lock, two ticks may take the same number
    content = "".join(f"{line}\n" for line in lines).encode(errors="replace")
    try:
        for name in waiting[: max(0, len(waiting) + 1 - MOST)]:
            files.remove(f"{place}/{name}")
        os.rename(files.beside(path, content, None, 0o600), path)
    except OSError as error:
        raise rights.refused(path, error) from None


def names(config: Config) -> list[str]:
    """The files that wait, oldest first."""
    try:
        entries = os.listdir(folder(config))
    except OSError:
        return []
    return sorted(name for name in entries if all(map(_is_number, name.partition("-")[::2])))


def read(config: Config) -> tuple[list[str], bytes]:
    """The names of the oldest files, as many as one call of the program gets, and their content."""
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
    """Deletes files whose events were told. Raises OSError."""
    for name in taken:
        files.remove(f"{folder(config)}/{name}")


def fault(config: Config) -> str:
    """Why the program could not be told, "" if all is well."""
    try:
        return files.read(f"{folder(config)}/{_FAULT}")[0].decode(errors="replace")
    except (OSError, Fault):
        return ""


def set_fault(config: Config, text: str) -> None:
    """Notes why the program could not be told, for the next tick to report, or "". Raises OSError."""
    path = f"{folder(config)}/{_FAULT}"
    if not text:
        files.remove(path)
    elif text != fault(config):
        try:
            files.replace(path, text.encode(errors="replace"), 0o600)
        except Fault:  # the next try says it again
            pass


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _own(path: str) -> str:
    """Makes the folder, which nobody else can enter, if it is not there; gives its path. Raises Fault."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise rights.refused(path, error) from None
    if not is_ours(path):
        raise Fault(f"{path}: is not a folder of this user's alone, so nothing is kept in it; move it away")
    return path
