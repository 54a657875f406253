"""What the command lines have in common. The tick that cron runs has no arguments and does not import it."""

from __future__ import annotations

import argparse


class _Help(argparse.HelpFormatter):
    """Help in 80 columns: argparse would import `shutil` to ask how wide the terminal is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=78)


def parser(name: str, text: str) -> argparse.ArgumentParser:
    """A parser for the program `name` that does what `text` says; it has --config already."""
    made = argparse.ArgumentParser(name, description=text, allow_abbrev=False, formatter_class=_Help)
    where = "the configuration (default: $DOMO_CONFIG, else the project's config.yaml)"
    made.add_argument("--config", metavar="FILE", help=where)
    return made
