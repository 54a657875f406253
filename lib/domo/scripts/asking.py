"""The tick's side of asking: one child process reads PvMonit's data and runs the owner's scripts, and
tells each thing as soon as it is known (`answering` is its side). So the tick itself opens nothing that
may hang, and knows whose fault it is when nothing comes: then the child is ended, and another one asks
the rest.

All times are bounded. A child that cannot be killed, for it sleeps in the kernel on a disk that does not
answer, is left behind, remembered, and not started again beside itself.
"""

from __future__ import annotations

import time

from ..core.model import Order, Reading, replace
from ..core.texts import clean
from ..stores import reading as readings
from ..system import tinyjson
from ..system.child import Child, running
from . import answering, source
from .question import Answers, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..system.child import Left

    Timers = Mapping[str, tuple[float, float, int]]

DATA_SECONDS = 4.0  # to read the data
FETCH_SECONDS = 11.0  # to refresh it first: `fetch` gives up after 10
ALL_SECONDS = (
    5.5  # for all scripts, so that a tick with a refresh, and whatever else waits, stays within 20 s
)
ENDING = 1.5  # s for the child to end a script that has a process of its own
LATE = 0.3  # s for the child to see by itself that the time is over
HANGS = "process {} hangs and cannot be killed (does a disk not answer?)"


def ask_all(question: Question) -> Answers:
    """Reads the data, unless they are given, and asks the scripts of the relays in auto, if they may run
    on it. Never raises, and never waits for long."""
    stuck = {what: left for what, left in question.past.stuck.items() if running(left)}
    return _Asking(replace(question, stuck=stuck)).answers()


class _Asking:
    """One round: what is known so far."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.config = question.config
        self.past = question.past
        self.reading: Reading | None = None
        self.scripted: tuple[int, ...] | None = None
        self.waiting: list[int] = []
        self.orders: dict[int, Order] = {}
        self.cut: list[int] = []  # those whose time was too short by no fault of theirs
        self.timers: Timers = question.past.timers
        self.printed = b""
        self.stuck = dict(question.stuck)
        self.reports: list[str] = []
        self.end = time.monotonic() + ALL_SECONDS
        if question.given:
            self._seen(question.given)
        elif "data" in self.stuck:
            self._no_data(HANGS.format(self.stuck["data"][0]))

    def answers(self) -> Answers:
        while self._more():
            question = replace(self.question, past=replace(self.question.past, timers=self.timers))
            todo = None if self.scripted is None else tuple(self.waiting)
            reading, end = self.reading, self.end
            try:
                child = Child(lambda answer: answering.run(question, reading, todo, end, answer))  # noqa: B023
            except OSError as error:
                self._cannot(f"no process could be started ({error.strerror})")
                break
            self._hear(child)
        return self._whole()

    def _more(self) -> bool:
        if self.reading is None:
            return True
        if self.scripted is None:
            return "folder" not in self.stuck
        return bool(self.waiting) and not self.reading.problem and time.monotonic() < self.end

    def _seen(self, reading: Reading) -> None:
        self.reading, self.past = readings.watched(self.config, reading, self.question.past)

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
            from . import blame

            self._blame(why or blame.ended(status, waited), words, waited, child.left)

    def _deadline(self, kind: bytes, since: float) -> float:
        """Until when the next message has to come, after one of this kind."""
        if self.reading is None:
            return since + (FETCH_SECONDS if kind == answering.FETCHING else DATA_SECONDS)
        if self.scripted is None:
            return since + DATA_SECONDS
        if kind == answering.APART:
            return min(since + answering.ONE_SECONDS, self.end) + ENDING
        return min(since + answering.ONE_SECONDS, self.end + LATE)

    def _take(self, kind: bytes, body: bytes) -> bool:
        """Notes what a message says; whether it was the last. Raises ValueError and others for one that
        cannot be."""
        import marshal

        if kind == answering.READ:
            packed, trouble, left, taken = marshal.loads(body)
            self._seen(readings.unpacked(packed))
            self.end += taken
            self.reports += filter(None, [trouble])
            self._leave("refresh", left)
        elif kind == answering.SCRIPTED:
            self.scripted = marshal.loads(body)
            self.waiting = [relay for relay in self.scripted or () if relay in self.question.to_ask]
        elif kind == answering.SAID:
            wanted, why, timers, left, cut = tinyjson.loads(body.decode())
            relay = self.waiting.pop(0)
            self.timers = {
                str(n): (float(a), float(length), int(count)) for n, (a, length, count) in timers.items()
            }
            self._ordered(relay, Order(str(wanted), str(why)), cut, left and (int(left[0]), int(left[1])))
        elif kind not in (answering.FETCHING, answering.APART, answering.DONE):
            raise ValueError("a message of no kind")
        return kind == answering.DONE

    def _ordered(self, relay: int, order: Order, cut: bool, left: Left | None) -> None:
        if left and not order.good:
            order = Order("", f"{order.why}; {HANGS.format(left[0])}")
        self.orders[relay] = order
        self._leave(str(relay), left)
        if cut:
            self.cut.append(relay)

    def _leave(self, what: str, left: Left | None) -> None:
        if left:
            self.stuck[what] = left

    def _blame(self, why: str, words: bytes, waited: float, left: Left | None) -> None:
        """Notes whose fault it is that the child came to no end."""
        hangs = f"{why}; {HANGS.format(left[0])}" if left else why
        if self.reading is None:
            self._no_data(hangs)
            self._leave("data", left)
        elif self.scripted is None:
            self._no_scripts(hangs)
            self._leave("folder", left)
        else:
            from . import blame

            relay = self.waiting.pop(0)
            place = blame.last_place(source.path(self.config, relay), words)
            cut = 0 < waited < answering.ONE_SECONDS - 0.1
            self._ordered(relay, Order("", f"script {relay}.py{place}: {why}"), cut, left)

    def _cannot(self, why: str) -> None:
        """Notes that the system gives no process."""
        if self.reading is None:
            self._no_data(f"is not read, {why}")
        if self.scripted is None:
            self._no_scripts(f"are not run, {why}")
        for relay in self.waiting:
            self.orders[relay] = Order("", f"script {relay}.py: {why}")
        self.waiting = []

    def _no_data(self, why: str) -> None:
        self._seen(Reading((), f"{self.config.tmpFileDataXml}: {why}"))
        self.end = time.monotonic() + ALL_SECONDS

    def _no_scripts(self, why: str) -> None:
        """Nobody knows what is in the folder: those that had a script still have it."""
        self.scripted = self.question.past.scripted
        for relay in self.scripted:
            self.orders[relay] = Order("", f"{self.config.scriptDir}: {why}")

    def _whole(self) -> Answers:
        if self.scripted is None:
            self._no_scripts(HANGS.format(self.stuck["folder"][0]))
        assert self.reading
        assert self.scripted is not None
        asked = [relay for relay in self.scripted if relay in self.question.auto]
        problem = self.reading.problem
        orders, turns = {relay: Order("", problem) for relay in asked}, self.past.turns
        if not problem:
            orders = {relay: self.orders.get(relay) or self._unasked(relay) for relay in asked}
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
        )

    def _unasked(self, relay: int) -> Order:
        stuck = self.stuck.get(str(relay))
        why = (
            f"{HANGS.format(stuck[0])}; it is not run again beside it" if stuck else "no time was left for it"
        )
        return Order("", f"script {relay}.py: {why}")

    def _turns(self) -> tuple[int, ...]:
        """Who had no turn, or too short a one, comes first next time; who failed comes last, for one that
        hangs shall not take the time of the others."""
        had = [relay for relay in self.orders if relay not in self.cut]
        failed = [relay for relay in had if not self.orders[relay].good]
        good = sorted(relay for relay in had if relay not in failed)
        turns = (*self.cut, *self.waiting, *good, *failed)
        return () if list(turns) == sorted(turns) else turns
