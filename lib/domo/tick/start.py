"""How cron's tick starts, after `sealed` was tried."""

from __future__ import annotations

import sys

from .. import sealed
from ..stores import config as configs
from . import run

SWITCHING = ("domo.tick.rows", "domo.tick.change", "domo.system.swap", "domo.tick.lasting", "_ctypes")


def start(used: bool) -> None:
    """Runs a tick and ends the process. `used`: the modules came from the sealed file; if not, it is written
    for the next tick."""
    run.leave(run.main(configs.chosen(None)) if used else _first())


def _first() -> int:
    """A tick that could not use the sealed files, and writes them."""
    own = list(sys.modules)  # in this order each comes after all that it imports
    from ..system import sealing

    own += sealing.loaded_for("_json")
    later = {
        sealed.CHILD: sealing.loaded_for("domo.scripts.answering", "resource"),
        sealed.SPARE: sealing.loaded_for("domo.stores.forecast", "domo.scripts.stairs"),
        sealed.SWITCH: sealing.loaded_for(*SWITCHING),
        sealed.JOURNAL: sealing.loaded_for("functools", "_sqlite3"),
    }
    code = run.main(configs.chosen(None))
    sealing.write(own, later)
    return code
