"""The command lines: what `--help` says."""

from __future__ import annotations

import argparse


def _parser(name: str, text: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(name, description=text, allow_abbrev=False)
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: $DOMO_CONFIG, else the project's config.yaml)")
    return parser


def tick() -> argparse.ArgumentParser:
    """domo-tick's."""
    parser = _parser("domo-tick", "One tick: read the data, ask the scripts, switch the relays.")
    parser.epilog = "exit codes: 0 done, 1 done with something to look at, 2 could not start, 75 another tick is running"
    parser.add_argument("--dry-run", action="store_true", help="say what a tick would do and why; change nothing")
    parser.add_argument("--check", action="store_true", help="is everything in place? one line for each thing")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the table on a real tick too")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="with --dry-run: suppose this reading")
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
