"""The tick's side of asking: one child process reads PvMonit's data and runs the owner's scripts, and tells
each thing as soon as it is known (`answering` is its side). So the tick itself opens nothing that may hang,
and knows whose fault it is if nothing comes: then the child is ended, and another one asks the rest.

All times are bounded. A child that cannot be killed, because it waits in the kernel for a disk that does not
answer, is `stuck`: it is remembered, and no other is started beside it.
"""

from __future__ import annotations

import time

from .. import sealed
from ..core.faults import Report
from ..core.model import Order
from ..core.records import replace
from ..core.texts import clean, one_line
from ..stores import packing
from ..system.child import Child, send
from . import messages
from .messages import Answers, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.model import Past, Reading
    from ..system.stuck import Stuck
    from .messages import Timers

DATA_SECONDS = 4.0  # to read the data
FETCH_SECONDS = 11.0  # to refresh it first: `fetch` gives up after 10
ENDING = 1.5  # s for the child to end a script that has a process of its own
LATE = 0.3  # s for the child to see by itself that the time is over


def _answer(
    question: Question, reading: Reading | None, waiting: tuple[int, ...] | None, end: float, answer: int
) -> None:
    """What the child does. Only the child loads the modules that read and ask."""
    try:
        sealed.use_later(sealed.CHILD)
        from . import answering
    except Exception as error:
        send(answer, messages.DAMAGED + one_line(f"{type(error).__name__}: {error}").encode())
        return
    answering.run(question, reading, waiting, end, answer)


def ask_all(question: Question) -> Answers:
    """Reads the data, unless they are given, and asks the scripts of the relays in auto, if they may run
    on it. Never raises, and never waits for long."""
    if question.past.stuck:
        from ..system.stuck import running

        still = {what: process for what, process in question.past.stuck.items() if running(process)}
        question = replace(question, stuck=still)
    return Round(question).answers()


class Round:
    """One round: what is known so far."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.config = question.config
        self.past = question.past
        self.reading: Reading | None = None
        self.scripted: tuple[int, ...] | None = None
        self.waiting: list[int] = []
        self.php: tuple[int, ...] = ()  # relays whose script is in PHP
        self.orders: dict[int, Order] = {}
        self.cut: list[int] = []  # those whose time was too short by no fault of theirs
        self.timers: Timers = question.past.timers
        self.printed = b""
        self.stuck = dict(question.stuck)
        self.reports: list[str] = []
        self.has_journal = True
        self.end = time.monotonic() + messages.ALL_SECONDS
        if question.given:
            from ..stores import reading

            now = question.pretend or question.now
            self.take_reading(*reading.watched(self.config, question.given, self.past, now))
        if self.stuck:
            from . import blame

            blame.still_stuck(self)

    def answers(self) -> Answers:
        """Asks, with one child after the other, until all is known or the time is over."""
        while self._more():
            question = replace(self.question, past=replace(self.past, timers=self.timers))
            todo = None if self.scripted is None else tuple(self.waiting)
            reading, end = self.reading, self.end
            try:
                child = Child(lambda answer: _answer(question, reading, todo, end, answer))  # noqa: B023
            except OSError as error:
                from . import blame

                blame.no_child(self, error)
                break
            self._hear(child)
        return self._whole()

    def _more(self) -> bool:
        if self.reading is None or self.scripted is None:
            return True
        return bool(self.waiting) and not self.reading.problem and time.monotonic() < self.end

    def take_reading(self, reading: Reading, past: Past) -> None:
        """Takes the reading, and the past that has seen it."""
        self.reading, self.past = reading, past
        self.end = time.monotonic() + messages.ALL_SECONDS

    def unsafe(self, why: str) -> None:
        """Takes "" or why config.yaml is not safe: others can write it."""
        if why:
            self.reports.append(f"no program that {self.config.path} names is run, because {why}")

    def _hear(self, child: Child) -> None:
        """Takes what a child says, until it is done or fails."""
        since = time.monotonic()
        deadline = self._deadline(b"", since)
        done, why, words, waited = False, "", b"", 0.0
        try:
            while not done and (line := child.message(deadline)):
                done = self._take(line[:1], line[1:])
                since = time.monotonic()
                deadline = self._deadline(line[:1], since)
        except (ValueError, TypeError, AttributeError, EOFError, IndexError):
            why = "wrote into the tick's own pipe"
        if not done and not why:
            now = time.monotonic()
            waited = now - since if now >= deadline else 0.0
            words = child.last_words() if waited else child.rest
        status = child.stop()
        self.printed += child.printed
        if not done:
            from . import blame, place

            cut = 0 < waited < messages.ONE_SECONDS - 0.1
            blame.child(self, why or place.ended(status, waited), words, cut, child.stuck)

    def _deadline(self, kind: bytes, since: float) -> float:
        """Until when the next message has to come, after one of this kind."""
        if self.reading is None:
            return since + (FETCH_SECONDS if kind == messages.FETCHING else DATA_SECONDS)
        if self.scripted is None:
            return since + DATA_SECONDS
        if kind == messages.ALONE:
            return min(since + messages.ONE_SECONDS, self.end) + ENDING
        return min(since + messages.ONE_SECONDS, self.end + LATE)

    def _take(self, kind: bytes, body: bytes) -> bool:
        """Notes what a message says; gives whether it is the last. Raises ValueError and others."""
        import marshal

        if kind == messages.READ:
            packed, changed, unfetched, stuck = marshal.loads(body)
            self.take_reading(packing.unpacked(packed), replace(self.past, **changed))
            self.reports += [Report(unfetched, "refresh", "not fetched")] if unfetched else []
            self.stuck.update({"refresh": stuck} if stuck else {})
        elif kind == messages.SCRIPTED:
            self.scripted, self.php, unsafe, fault = marshal.loads(body)
            self.unsafe(unsafe)
            to_ask = self.question.to_ask
            self.waiting = [relay for relay in self.scripted or () if relay in to_ask]
            if fault:
                from . import blame

                blame.no_folder(self, fault)
        elif kind == messages.ORDER:
            wanted, why, fault, self.timers, stuck, cut = marshal.loads(body)
            order = Order(wanted, Report(why, fault=fault) if fault else why)
            self.ordered(self.waiting.pop(0), order, cut, stuck)
        elif kind == messages.JOURNAL:
            self.has_journal = body == b"there"
        elif kind == messages.DAMAGED:
            from . import blame

            blame.installation(self, body.decode())
            return True
        elif kind not in (messages.FETCHING, messages.ALONE, messages.DONE):
            raise ValueError("a message of no kind")
        return kind == messages.DONE

    def ordered(self, relay: int, order: Order, cut: bool, stuck: Stuck | None) -> None:
        """Takes what became of a relay's script: its order, whether its time was too short by no fault of
        its own, and the process that is stuck."""
        if stuck:
            from . import blame

            order = blame.stuck(self, relay, order, stuck)
        self.orders[relay] = order
        if cut:
            self.cut.append(relay)

    def name(self, relay: int) -> str:
        """The name of a relay's script."""
        return f"{relay}.{'php' if relay in self.php else 'py'}"

    def _whole(self) -> Answers:
        assert self.reading
        assert self.scripted is not None
        asked = [relay for relay in self.question.auto if relay in self.scripted]
        problem = self.reading.problem
        orders, turns = {relay: Order("", problem) for relay in asked}, self.past.turns
        if not problem:
            late = {r: messages.no_order(self.name(r), "no time was left for it") for r in self.waiting}
            orders = {relay: order for relay, order in (late | self.orders).items() if relay in asked}
            turns = self._turns()
        return Answers(
            orders,
            self.timers,
            "\n".join(map(clean, self.printed.decode(errors="replace").expandtabs().splitlines())),
            turns,
            self.reading,
            self.past,
            tuple(sorted(self.scripted)),
            self.stuck,
            tuple(self.reports),
            self.has_journal,
        )

    def _turns(self) -> tuple[int, ...]:
        """Next time the relays come first that had no turn, or too short a one; those that failed come last,
        so that one that hangs does not take the time of the others."""
        had = [relay for relay in self.orders if relay not in self.cut]
        failed = [relay for relay in had if not self.orders[relay].good]
        good = sorted((relay for relay in had if relay not in failed), key=self._usual)
        turns = (*self.cut, *self.waiting, *good, *failed)
        return () if list(turns) == sorted(turns, key=self._usual) else turns

    def _usual(self, relay: int) -> tuple[bool, int]:
        """Those in PHP come together, so that one PHP process serves them."""
        return relay in self.php, relay
