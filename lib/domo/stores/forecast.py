"""PvMonit's own forecast of what the panels will give, if its cache is fresh.

PvMonit's page `weatherProdForcast.php` writes it when somebody looks at it, to
`openweathermap-prod-forecast.json` in the folder `cache: dir:`. It is JSON: days from today on, each with
`byHour`, entries by local hour, which say `prod` in watts. PHP may write either as a list or as an object.
"""

from __future__ import annotations

import time

from ..core.model import Fault
from ..system import files, tinyjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..core.settings import Config

FRESH = 6 * 3600.0  # s
SLACK = 60.0  # s that it may lie in the future
MOST = 1e6  # W


def path(config: Config) -> str:
    """Where PvMonit keeps it."""
    return f"{config.cacheDir}/openweathermap-prod-forecast.json"


def today(config: Config, wall: float) -> dict[int, float]:
    """The forecast for the day of `wall` (epoch s): watts by local hour. {} if there is none, or if it is
    older than FRESH, of another day, or unreadable. Never raises."""
    if not config.cacheDir:
        return {}
    try:
        content, info = files.read(path(config))
        days = time.localtime(wall)[:3], time.localtime(info.st_mtime)[:3]
        if not -SLACK <= wall - info.st_mtime <= FRESH or days[0] != days[1]:
            return {}
        return hours(tinyjson.loads(content.decode()))
    except (OSError, Fault, ValueError, OverflowError):
        return {}


def hours(document: Any) -> dict[int, float]:
    """The watts by hour of the first day in a document. Raises ValueError if it is no forecast."""
    try:
        first = dict(_pairs(document)).get(0, {})
        by_hour = {hour: float(one["prod"]) for hour, one in _pairs(first["byHour"])}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no forecast of PvMonit's ({error!r})") from None
    if not all(0 <= hour < 24 and 0 <= watts <= MOST for hour, watts in by_hour.items()):
        raise ValueError("no forecast of PvMonit's: a number that cannot be")
    return by_hour


def _pairs(what: Any) -> list[tuple[int, Any]]:
    """The entries of what PHP may write as a list or as an object."""
    pairs = what.items() if isinstance(what, dict) else enumerate(what)
    return [(int(name), content) for name, content in pairs]
