"""The tick's side of asking when not all goes well: whose fault it is. Loaded only when needed."""

from __future__ import annotations

from ..core.faults import Report
from ..core.model import Order, Reading
from ..system import trusted
from ..system.stuck import HANGS
from . import place
from .messages import no_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..system.stuck import Stuck
    from .asking import Round


def child(round: Round, why: str, words: bytes, cut: bool, stuck: Stuck | None) -> None:
    """Notes what the child was doing when it ended too early: that is whose fault it is. `words`: its last
    ones; `cut`: its time was too short by no fault of its own."""
    hangs = f"{why}; {HANGS.format(stuck[0])}" if stuck else why
    if round.reading is None:
        _no_data(round, hangs)
        round.stuck.update({"data": stuck} if stuck else {})
    elif round.scripted is None:
        _no_scripts(round, hangs)
        round.stuck.update({"folder": stuck} if stuck else {})
    elif round.waiting and not round.reading.problem:
        relay = round.waiting.pop(0)
        where = place.last_place(f"{round.config.scriptDir}/{round.name(relay)}", words)
        round.ordered(relay, no_order(round.name(relay), why, where), cut, stuck)
    elif round.config.dbFile:  # it looks for that last
        round.reports.append(Report(f"journal {round.config.dbFile}: {hangs}", "journal"))
        round.stuck.update({"journal": stuck} if stuck else {})


def stuck(round: Round, relay: int, order: Order, process: Stuck) -> Order:
    """Notes the process of a relay's script that could not be killed; gives the order, which may say so."""
    hangs = HANGS.format(process[0])
    round.stuck[str(relay)] = process
    if order.good:
        round.reports.append(f"script {round.name(relay)}: {hangs}")
        return order
    return Order("", Report(f"{order.why}; {hangs}", fault=Report.of(order.why).fault))


def no_child(round: Round, error: OSError) -> None:
    """Notes that no process can be started, so that nothing more is known."""
    why = f"no process could be started ({error.strerror})"
    if round.reading is None:
        _no_data(round, f"is not read, {why}")
    if round.scripted is None:
        _no_scripts(round, f"are not run, {why}")
    for relay in round.waiting:
        round.orders[relay] = no_order(round.name(relay), why)
    round.waiting = []


def still_stuck(round: Round) -> None:
    """Notes what is not tried, because a process of an earlier tick is still stuck at it."""
    for what, (pid, _) in round.stuck.items():
        why = f"{HANGS.format(pid)}; no other is started beside it"
        if what == "data" and round.reading is None:
            _no_data(round, why)
        elif what == "folder":
            _no_scripts(round, why)
        elif what.isdecimal():
            round.orders[int(what)] = no_order(round.name(int(what)), why)


def installation(round: Round, why: str) -> None:
    """Notes that domo itself is damaged, so that no child of it can read the data or run a script."""
    round.take_reading(Reading((), f"domo is damaged: {why}; install it again"), round.past)
    _no_scripts(round, "no script can be run")


def no_folder(round: Round, why: str) -> None:
    """Notes that the scripts' folder cannot be read."""
    _as_before(round, why)
    round.reports += [] if round.scripted else [f"{round.config.scriptDir}: {why}"]


def _no_data(round: Round, why: str) -> None:
    round.take_reading(Reading((), f"{round.config.tmpFileDataXml}: {why}"), round.past)


def _no_scripts(round: Round, why: str) -> None:
    round.unsafe(trusted.unsafe(round.config.path))
    _as_before(round, why)


def _as_before(round: Round, why: str) -> None:
    """Takes the relays that had a script to have it still, and says why there is no order of it."""
    folder = round.config.scriptDir
    round.scripted = round.past.scripted
    for relay in round.scripted:
        round.orders[relay] = Order("", Report(f"{folder}: {why}", fault=folder))
