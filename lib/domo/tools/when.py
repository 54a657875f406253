"""When a force ends, as people say it."""

from __future__ import annotations

import argparse
import re
import time

from ..core.model import Fault
from ..stores.memory import PLAUSIBLE


def duration(text: str) -> float:
    """ "2h", "90min", "1h30", "45s" or "2d" in seconds."""
    units = {"d": 86400, "h": 3600, "min": 60, "m": 60, "s": 1}
    part = r"(\d+(?:\.\d+)?)(d|h|min|m|s)"
    text = re.sub(r"(?<=\dh)\d+$", r"\g<0>min", text.lower().replace(" ", ""))
    if not re.fullmatch(f"({part})+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 2h, 90min or 1h30")
    seconds = sum(float(number) * units[unit] for number, unit in re.findall(part, text))
    if not 0 < seconds <= 31 * 86400:
        raise argparse.ArgumentTypeError(f"{text!r}: a force lasts longer than 0 s and at most 31 days")
    return seconds


def hour(text: str) -> tuple[int, int]:
    """ "18:30" or "18h30" as hour and minute."""
    try:
        moment = time.strptime(text.lower().replace("h", ":"), "%H:%M")  # 18h30, as it is written in French
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of day; write 18:30") from None
    return moment.tm_hour, moment.tm_min


def seconds_until(hour: tuple[int, int], wall: float) -> float:
    """Seconds from `wall` (epoch s) until it is that time of day. When clocks go back, that time may come
    twice: the first counts. When they go forward, it may not come at all: then the force ends as long after
    midnight as without the change. Raises Fault if the clock was not set."""
    if wall < PLAUSIBLE:
        date = time.strftime("%Y-%m-%d %H:%M", time.localtime(wall))
        raise Fault(f"the clock says {date}, which cannot be right, so --until cannot work; use --for")
    today = time.localtime(wall)
    ends = [end for days in (0, 1) for end in _moments((*today[:2], today[2] + days), hour)]
    return min(end for end in ends if end > wall) - wall


def _moments(date: tuple[int, int, int], hour: tuple[int, int]) -> list[float]:
    """The moments (epoch s) at which it is that time on that date."""
    tried = [time.mktime((*date, *hour, 0, 0, 0, summer)) for summer in (1, 0, -1)]
    return [end for end in tried if time.localtime(end)[3:5] == hour] or [max(tried)]
