"""The command lines: what `--help` says."""

from __future__ import annotations

import argparse


def _parser(name: str, text: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(name, description=text, allow_abbrev=False)
    where = "the configuration (default: $DOMO_CONFIG, else the project's config.yaml)"
    parser.add_argument("--config", metavar="FILE", help=where)
    return parser


def tick() -> argparse.ArgumentParser:
    """domo-tick's."""
    parser = _parser("domo-tick", "One tick: read the data, ask the scripts, switch the relays.")
    parser.epilog = "exit: 0 done, 1 done with something to look at, 2 could not start, 75 another tick is running"
    parser.add_argument("--dry-run", action="store_true", help="say what a tick would do and why; change nothing")
    parser.add_argument("--check", action="store_true", help="is everything in place? one line for each thing")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the table on a real tick too")
    reading = "with --dry-run: suppose this reading"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=reading)
    parser.add_argument("--at", metavar="HH:MM", help="with --dry-run: suppose this time of day")
    parser.add_argument("--relay", type=int, metavar="N", help="with --dry-run: show this relay only")
    return parser


def replay() -> argparse.ArgumentParser:
    """domo-replay's."""
    parser = _parser("domo-replay", "A day, or a year, of generated sun through your scripts. It changes nothing.")
    parser.epilog = "relayWatt in the configuration says what each relay draws; a year takes minutes"
    parser.add_argument("day", nargs="?", metavar="MM-DD", help="the (first) day (default: today)")
    number = {"latitude": ("DEGREES", 47, "of the place"), "panels": ("W", 1000, "their peak")}
    number |= {"battery": ("WH", 5000, "lead"), "soc": ("PERCENT", 80, "its charge at the beginning")}
    number |= {"house": ("W", 60, "always drawn, on average"), "days": ("N", 1, "so many")}
    number |= {"seed": ("N", 1, "another number is another weather")}
    for name, (unit, value, text) in number.items():
        kind = int if unit == "N" else float
        parser.add_argument(f"--{name}", type=kind, default=value, metavar=unit, help=f"{text} (default: {value})")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="suppose this reading all day")
    return parser


def panel() -> argparse.ArgumentParser:
    """domo-panel's."""
    parser = _parser("domo-panel", "Shows the relays on a TM1638, lets a person force them, and acts at once.")
    parser.epilog = "exit codes: 0 ended, 2 could not start, 75 another panel is running"
    face = parser.add_mutually_exclusive_group()
    face.add_argument("--terminal", action="store_true", help="the panel in this terminal")
    face.add_argument("--no-display", action="store_true", help="no panel: only make a force by anybody act at once")
    return parser


def mod() -> argparse.ArgumentParser:
    """domo-mod's."""
    parser = _parser("domo-mod", "Shows the relays and why they are so; or forces one, at once.")
    parser.add_argument("relay", nargs="?", metavar="RELAY", help="its number, its name or a part of that; or all")
    parser.add_argument("order", nargs="?", type=str.lower, choices=["on", "off", "auto"], help="without it: shown")
    parser.add_argument("--json", action="store_true", help="for other programs")
    end = parser.add_mutually_exclusive_group()
    text = "the force ends after: 2h, 90min, 1h30"
    end.add_argument("--for", dest="length", type=duration, metavar="TIME", help=text)
    end.add_argument("--until", type=_hour, metavar="HH:MM", help="the force ends at that time")
    return parser


def duration(text: str) -> float:
    """ "2h", "90min", "1h30", "45s" or "2d" in seconds."""
    import re

    units = {"d": 86400, "h": 3600, "min": 60, "m": 60, "s": 1}
    part = r"(\d+(?:\.\d+)?)(d|h|min|m|s)"
    text = re.sub(r"(?<=\dh)\d+$", r"\g<0>min", text.lower().replace(" ", ""))
    if not re.fullmatch(f"({part})+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 2h, 90min or 1h30")
    seconds = sum(float(number) * units[unit] for number, unit in re.findall(part, text))
    if not 0 < seconds <= 31 * 86400:
        raise argparse.ArgumentTypeError(f"{text!r}: a force may last up to 31 days")
    return seconds


def _hour(text: str) -> tuple[int, int]:
    import time

    try:
        moment = time.strptime(text.lower().replace("h", ":"), "%H:%M")  # 18h30, as it is written in French
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of day; write 18:30") from None
    return moment.tm_hour, moment.tm_min


def seconds_until(hour: tuple[int, int], wall: float) -> float:
    """How long after `wall` (epoch s) it is that time of day."""
    import time

    today = time.localtime(wall)
    ends = [time.mktime((*today[:2], today[2] + days, *hour, 0, 0, 0, -1)) for days in (0, 1)]
    return next(end for end in ends if end > wall) - wall
