"""What the command lines have in common. A tick of cron's has no arguments and imports none of it."""

from __future__ import annotations

import argparse


class _Help(argparse.HelpFormatter):
    """Help in 80 columns: to ask how wide the terminal is, `shutil` would be imported."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=78)


def parser(name: str, text: str) -> argparse.ArgumentParser:
    """A parser for the program `name` that does what `text` says; it has --config already."""
    made = argparse.ArgumentParser(name, description=text, allow_abbrev=False, formatter_class=_Help)
    where = "the configuration (default: $DOMO_CONFIG, else the project's config.yaml)"
    made.add_argument("--config", metavar="FILE", help=where)
    return made
