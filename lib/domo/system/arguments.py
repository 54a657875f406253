"""What the command lines have in common. A tick of cron's has no arguments and imports none of it."""

from __future__ import annotations

import argparse


def parser(name: str, text: str) -> argparse.ArgumentParser:
    """A parser for the program `name` that does what `text` says; it has --config already."""
    made = argparse.ArgumentParser(name, description=text, allow_abbrev=False)
    where = "the configuration (default: $DOMO_CONFIG, else the project's config.yaml)"
    made.add_argument("--config", metavar="FILE", help=where)
    return made
