"""`domo-tick` with arguments: what each of them asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..stores import config as configs
from ..stores import memory
from ..system import arguments
from ..tick import run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from ..core.model import Now


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = arguments.parser("domo-tick", "One tick: read the data, ask the scripts, switch the relays.")
    parser.epilog = (
        "exit codes: 0 done, 1 done, but something is wrong, 2 could not start, 75 another tick is running"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--dry-run", action="store_true", help="print what a tick would do and why; change nothing"
    )
    what.add_argument(
        "--check", action="store_true", help="check the whole installation; print one line for each finding"
    )
    what.add_argument("--wires", action="store_true", help="print which pin goes where; switch nothing")
    parser.add_argument("-v", "--verbose", action="store_true", help="run a tick and print what it decided")
    reading = "with --dry-run: use this value instead of PvMonit's"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=reading)
    parser.add_argument("--at", metavar="HH:MM", help="with --dry-run: decide as if it were that time")
    parser.add_argument("--relay", type=int, metavar="N", help="with --dry-run: show this relay only")
    return parser


def main(argv: list[str], clock: Callable[[], Now] = memory.read_clocks) -> int:
    """`domo-tick` with these arguments; gives its exit code."""
    parser = options()
    asked = parser.parse_args(argv)
    if (asked.set or asked.at or asked.relay is not None) and not asked.dry_run:
        parser.error("--set, --at and --relay are for --dry-run")
    path = configs.chosen(asked.config)
    if asked.check:
        from . import check

        return check.main(path, clock())
    if asked.wires:
        from . import wires

        return wires.main(path)
    if asked.dry_run:
        from ..tick import dry_run

        return dry_run.main(path, clock(), asked.set, asked.at, asked.relay)
    return run.main(path, asked.verbose, clock)
