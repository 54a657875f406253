"""What the tick and its child say to each other: the question, the messages that answer it, and the result.
`asking` is the tick's side, `answering` the child's."""

from __future__ import annotations

from ..core.faults import Report
from ..core.model import FORCED, Order, Past, Reading
from ..core.records import dataclass
from ..core.texts import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.model import Now
    from ..core.settings import Config
    from ..system.stuck import Stuck

    Timers = Mapping[str, tuple[float, float, int]]
    OwnTimers = dict[str, tuple[float, float, int]]
    # An order in a message: what is wanted, why, which fault ("" for a good order), the timers after it, a
    # process that is stuck, whether its time was cut short.
    Said = tuple[str, str, str, OwnTimers, Stuck | None, bool]

# The kinds of messages: the first byte. After it comes the content, packed by marshal.
FETCHING, READ, SCRIPTED, ALONE, ORDER, JOURNAL, DONE = b"F", b"R", b"S", b"A", b"O", b"J", b"D"
DAMAGED = b"X"  # a module of domo's, or of Python's
ONE_SECONDS = 4.0  # for one script; a Pi Zero needs 2 for a few pings that nobody answers
ALL_SECONDS = 5.5  # for all scripts, so that a tick with a refresh, and all else that waits, is within 20 s
REASON_LIMIT = 500  # characters
LONGEST_TIMER = 366 * 86400.0  # s


@dataclass(frozen=True)
class Question:
    """What the scripts are told. A mode of None: the mode file holds no mode. `given` replaces the data file,
    `pretend` the clock that scripts see. `acts`: a real tick asks, which refreshes the data and keeps what it
    compiled, not a dry run."""

    config: Config
    modes: Mapping[int, int | None]
    states: Mapping[int, int]
    past: Past
    now: Now
    given: Reading | None = None
    pretend: Now | None = None
    acts: bool = False
    stuck: Mapping[str, Stuck] = {}  # processes that cannot be killed, and are still there

    @property
    def auto(self) -> list[int]:
        """The relays whose scripts count."""
        return [relay for relay, mode in self.modes.items() if mode is not None and mode not in FORCED]

    @property
    def to_ask(self) -> list[int]:
        """Those of them whose scripts can be run, if there are any."""
        return [relay for relay in self.auto if str(relay) not in self.stuck]


@dataclass(frozen=True)
class Answers:
    """The result."""

    orders: Mapping[int, Order]
    timers: Timers  # as the scripts left them
    printed: str = ""  # by the scripts
    turns: tuple[int, ...] = ()  # in which order they are asked next time; (): by number
    reading: Reading = Reading(())
    past: Past = Past()  # which has seen the reading
    scripted: tuple[int, ...] = ()  # relays that have a script
    stuck: Mapping[str, Stuck] = {}  # at "data", "refresh", "folder", "journal", or a relay's number
    reports: tuple[str, ...] = ()  # what else went wrong
    has_journal: bool = True  # whether the journal holds anything; True if that could not be seen


def no_order(script: str, why: str, where: str = "") -> Order:
    """An Order that says why a script (its file's name) gave none, and `where` in it (" line 7 (...)"). It is
    the same fault while it is at the same place, whatever it says."""
    fault = one_line(f"script {script}{where}")[:REASON_LIMIT]
    return Order("", Report(one_line(f"script {script}{where}: {why}")[:REASON_LIMIT], fault=fault))


def said(order: Order, timers: OwnTimers, stuck: Stuck | None = None, cut: bool = False) -> Said:
    """The order as plain values, for a message to the tick."""
    fault = "" if order.wanted else Report.of(order.why).fault
    return order.wanted, str(order.why), fault, timers, stuck, cut
