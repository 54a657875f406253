"""Which faults people were told of: a small JSON file beside the memory, written when there is news."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..core.model import Fault
from ..core.news import Told
from ..system import files, rights, tinyjson
from . import memory
from .codec import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..core.model import Now
    from ..core.settings import Config

VERSION = 1


def path(config: Config) -> str:
    """Where it is. It is apart from the memory, which is not written while the journal cannot be read."""
    return f"{config.prefixFileData}faults.json"


def load(config: Config, now: Now) -> dict[str, Told]:
    """What was told, by the thing that has the fault. {} if the file cannot be read, is nonsense, or is not
    this user's: then everything is told again."""
    try:
        content, info = files.read(path(config))
        if info.st_uid not in (0, os.geteuid()):
            return {}
        return _restored(tinyjson.loads(content.decode()), now)
    except (OSError, Fault, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return {}


def save(config: Config, told: Mapping[str, Told], now: Now) -> None:
    """Writes what was told; deletes the file if there is nothing to remember. Raises Fault."""
    if not told:
        try:
            files.remove(path(config))
        except OSError as error:
            raise rights.refused(path(config), error) from None
        return
    saved = {
        "version": VERSION,
        "boot": now.boot,
        "wall": now.wall,
        "up": now.up,
        "told": {about: one.__dict__ for about, one in told.items()},
    }
    files.replace(path(config), tinyjson.dumps(saved).encode(errors="replace"))


def _restored(saved: Mapping[str, Any], now: Now) -> dict[str, Told]:
    if saved["version"] != VERSION:
        return {}
    gone = memory.gone_by(saved, now)

    def age(value: float) -> float:
        return seconds(value) + gone

    return {
        about: Told(
            fault=str(one["fault"]),
            held=age(one["held"]),
            told=str(one["told"]),
            text=str(one["text"]),
            since=age(one["since"]),
            recent=tuple(map(age, one["recent"])) or (gone,),
            lasts=bool(one["lasts"]),
        )
        for about, one in saved["told"].items()
    }
