"""Where the faults of a tick go. Every tick loads this; only one with news loads `news` and `messenger`."""

from __future__ import annotations

import os
import sys

from ..core.faults import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.model import Now
    from ..core.settings import Config


def untold(config: Config) -> list[str]:
    """Why the program of onChange could not be told something; [] if nothing is wrong."""
    if not _waits(config):
        return []
    from ..stores import events

    fault = events.fault(config)
    return [Report(f"onChange: {fault}", "onChange", "not told")] if fault else []


def say(
    config: Config | None, reports: Sequence[str], now: Now, watched: bool = False, all_seen: bool = True
) -> None:
    """Prints the faults: for cron only what is new; all of them if somebody reads them (`watched`, domo-mod,
    the panel). Then starts the messenger, if it is needed. `config`: None if it cannot be used; `all_seen`:
    see core.news."""
    lines: Sequence[str] = reports
    try:
        if config is not None and not watched and os.environ.get("DOMO_SAY") != "all":
            lines = []
            if reports or os.access(f"{config.prefixFileData}faults.json", os.F_OK):
                from . import news

                lines = news.noted(config, reports, now, all_seen)
        if config is not None and _waits(config):
            from . import messenger

            messenger.start(config)
    except Exception as error:  # a damaged disk or installation
        lines = [*reports, f"{type(error).__name__}: {error}"]
    for text in lines:
        line(text)


def line(text: str) -> None:
    """Prints it on the standard error, if that can be written: a log may be on a full disk."""
    try:
        print(f"domo-tick: {text}", file=sys.stderr, flush=True)
    except OSError:
        pass


def _waits(config: Config) -> bool:
    """Whether anything waits for the program of onChange, or is wrong with it (see stores.events)."""
    try:
        return bool(config.onChange and os.listdir(f"{config.prefixFileData}events"))
    except OSError:
        return False
