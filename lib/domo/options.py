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
