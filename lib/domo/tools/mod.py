"""`domo-mod`: shows every relay and why it is on or off, or forces relays, for as long as the owner says."""

from __future__ import annotations

import argparse
import sys

from ..core.model import AUTO_OFF, DONE, FORCED_OFF, FORCED_ON, REFUSED, WRONG, ConfigError, Fault
from ..core.settings import Config
from ..core.texts import did_you_mean
from ..stores import config as configs
from ..stores import memory
from ..system import arguments, output
from . import shown, when
from .force import force

ORDERS = {"on": FORCED_ON, "off": FORCED_OFF, "auto": AUTO_OFF}


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = arguments.parser("domo-mod", "Shows every relay and why it is on or off, or forces one at once.")
    parser.add_argument(
        "relay", nargs="?", metavar="RELAY", help="its number, its name, a part of its name, or all"
    )
    parser.add_argument(
        "order",
        nargs="?",
        type=str.lower,
        choices=list(ORDERS),
        help="omit to show the relay",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    end = parser.add_mutually_exclusive_group()
    text = "end the force after this time (2h, 90min, 1h30)"
    end.add_argument("--for", dest="length", type=when.duration, metavar="TIME", help=text)
    end.add_argument("--until", type=when.hour, metavar="HH:MM", help="end the force at this time")
    return parser


def main(argv: list[str]) -> int:
    """`domo-mod` with these arguments; gives its exit code: 0 done, 1 something is wrong or it could not be
    done, 2 not understood, 75 another tick is running and does not end."""
    given = options().parse_args(argv)
    path = configs.chosen(given.config)
    try:
        config, _ = configs.load(path)
        relays = list(config.relays) if given.relay in (None, "all") else [_relay(config, given.relay)]
        if (given.length or given.until) and given.order not in ("on", "off"):
            raise Fault("--for and --until need on or off: domo-mod 3 on --for 2h")
    except (ConfigError, Fault) as error:
        for problem in str(error).splitlines():
            print(f"domo-mod: {problem}", file=sys.stderr)
        if given.order and isinstance(error, ConfigError) and (last := configs.last_good(path)):
            still = f"ticks still obey the forces in {last.modPath} and those of the panel"
            print(f"domo-mod: nothing was forced; {still}", file=sys.stderr)
        return REFUSED
    try:
        code = DONE
        if given.order:
            code = force(config, relays, ORDERS[given.order], given.until or given.length)
    except Fault as fault:
        print(f"domo-mod: {fault}", file=sys.stderr)
        code = WRONG
    now = memory.read_clocks()
    view = shown.view(config, now)
    output.show((shown.in_json if given.json else shown.in_words)(view, now, relays))
    return code


def _relay(config: Config, word: str) -> int:
    """The relay with that number or name, or with that word in its name. Raises Fault."""
    if word.isdecimal():
        number = word.lstrip("0")  # int() raises if there are thousands of digits
        if number in map(str, config.relays):
            return int(number)
        raise Fault(f"there is no relay {word:.60}; there are 1 to {config.relayNb}")
    names = {relay: config.name(relay) for relay in config.relays}
    sought = word.casefold()
    matches = [r for r, name in names.items() if name.casefold() == sought] or [
        r for r, name in names.items() if sought and sought in name.casefold()
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise Fault(f"{word!r} may be {' or '.join(f'{names[r]} ({r})' for r in matches)}")
    raise Fault(f"there is no relay {word!r}{did_you_mean(word, names.values())}")
