"""`domo-panel`: shows the relays, lets a person force them, and makes a force by anybody act at once.

It drives no pin: it changes the mode file as everybody does, and a tick does the rest.
"""

from __future__ import annotations

import os
import signal
import sys

from ..core.model import BUSY, REFUSED, ConfigError, Fault
from ..core.records import replace
from ..core.settings import Config
from ..core.texts import one_line
from ..stores import config as configs
from ..stores import user
from ..system import lock
from ..system.child import count_on_children
from ..tick import process as ticker
from .face import NoFace
from .loop import SIGNALS, SLOWEST, Panel, aloud
from .watch import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from .face import Face

LEAVING = 5.0  # s to wait for the tick that carries the last choice out


def options() -> argparse.ArgumentParser:
    """The command line."""
    from ..system import arguments

    parser = arguments.parser(
        "domo-panel", "Shows the relays on a TM1638, lets a person force them, and acts at once."
    )
    parser.epilog = "exit codes: 0 ended, 2 could not start, 75 another panel is running"
    face = parser.add_mutually_exclusive_group()
    face.add_argument("--terminal", action="store_true", help="draw the panel in this terminal")
    face.add_argument("--no-display", action="store_true", help="no panel: only let every force act at once")
    return parser


def main(argv: list[str]) -> int:
    """`domo-panel` with these arguments; gives its exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until run() can take them
    count_on_children()  # while there is no other thread: only this one can
    given = options().parse_args(argv)
    path = os.path.abspath(configs.chosen(given.config))
    read = stamp(path)
    try:
        config, parsed = configs.load(path)
        user.as_its_user(config)
        if parsed:
            configs.remember(config, parsed)
        _held, fault = lock.take(f"{config.prefixFileData}panel.lock")  # until this process ends
        if fault:
            aloud(f"domo-panel: {fault}")
        if given.no_display:
            config = replace(config, refresh=SLOWEST)  # there are no keys to look at
        face = _face(config, given)
    except lock.Locked:
        print("domo-panel: another panel is running", file=sys.stderr)
        return BUSY
    except (ConfigError, Fault) as error:
        for problem in str(error).splitlines():
            print(f"domo-panel: {problem}", file=sys.stderr)
        return REFUSED
    panel = Panel(config, face, read, aloud=not (given.terminal and os.isatty(2)))
    ended, written, dropped = True, False, ""
    try:
        ended = panel.run()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        written, dropped = panel.leave()
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            face.close()
        except Exception as error:  # the board may be gone; that is no reason to stay
            aloud(one_line(f"domo-panel: the display cannot be switched off: {error}"))
    if written:
        _carry_out(config)
    if dropped:
        aloud(dropped)
    if not ended:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # with the new configuration
    return 0


def _carry_out(config: Config) -> None:
    """Runs the tick that acts on the last choice, and says so if none could."""
    late = "domo-panel: the choice is written; the next tick acts on it"
    try:
        tick = ticker.run(config, LEAVING)
        said = late if tick.ended() == BUSY else tick.said
    except Fault as fault:
        said = f"{late} ({fault})"
    if said:
        aloud(said)


def _face(config: Config, given: argparse.Namespace) -> Face:
    """The panel's face. Raises Fault."""
    if given.no_display:
        return NoFace()
    if given.terminal:
        from .terminal import Terminal

        return Terminal()
    from .tm1638 import TM1638

    return TM1638(config)
