"""The panel without its hardware: what a press means, and what a board of leds, digits and buttons shows.

Pure: no clock, no file, no pin. The TM1638 and the terminal show the same frames.
"""

from __future__ import annotations

from ..core.history import ON
from ..core.model import AUTO_OFF, AUTO_ON, FORCED_OFF, FORCED_ON, MODE_WORDS, ON_OFF, Past
from ..core.records import dataclass
from ..core.settings import Config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

BOARD = 8  # relays on a board
TOP, MIDDLE, BOTTOM, DOT_SEGMENT = 0x01, 0x40, 0x08, 0x80  # bits of a digit: a, g, d, and its dot
FONT = {
    "0": 0x3F, "1": 0x06, "2": 0x5B, "3": 0x4F, "4": 0x66, "5": 0x6D, "6": 0x7D, "7": 0x07, "8": 0x7F,
    "9": 0x6F, "E": 0x79,
}  # fmt: skip
DOT, CODE = 1, 2  # what is lit in a phase: the dot for a change on its way, the code of a fault
LATE = 180.0  # s without a tick: after that something is wrong

# A fault's code on the digits, the gravest first, and what it means. docs/panel.md has the same list.
CODES = {
    "E1": "no tick for 3 minutes: is cron running, and is the tick in the crontab?",
    "E2": "config.yaml cannot be used: until you correct it, forces act, and all else goes off",
    "E3": "the mode file is missing, cannot be read, or holds what is no mode",
    "E4": "the state file or the memory of the last tick is missing or cannot be read",
    "E5": "no good data for longer than secuDownNoData: everything automatic is off",
    "E6": "the journal cannot be written",
    "E7": "the last tick found something wrong; domo-mod says what",
    "E8": "a button stays down: it is not obeyed until it is up; is it jammed, or damp?",
}


@dataclass(frozen=True)
class View:
    """What a panel knows: what the files say, and what it does itself."""

    config: Config
    modes: Mapping[int, int | None]  # None: the mode file holds no mode
    states: Mapping[int, int]
    past: Past
    past_of: float = 0.0  # when it was read (s of the monotonic clock)
    pending: Mapping[int, int] = {}  # the choices that wait for their time
    ticking: bool = False  # a tick is at work
    faults: tuple[str, ...] = ()  # codes of what is wrong
    message: str = ""  # the last one

    @property
    def busy(self) -> bool:
        """Whether a change waits or is being carried out."""
        return self.ticking or bool(self.pending)


def press(pending: Mapping[int, int], modes: Mapping[int, int | None], relay: int) -> dict[int, int]:
    """The pending choices after a button was pressed: auto → forced on → forced off → auto."""
    now = pending.get(relay, modes.get(relay))
    return {
        **pending,
        relay: FORCED_OFF if now == FORCED_ON else AUTO_OFF if now == FORCED_OFF else FORCED_ON,
    }


def changes(pending: Mapping[int, int], modes: Mapping[int, int | None]) -> dict[int, int]:
    """The pending choices that change something; auto off and auto on are both auto."""
    auto = (AUTO_OFF, AUTO_ON)
    return {
        r: m for r, m in pending.items() if modes.get(r) != m and not (m in auto and modes.get(r) in auto)
    }


def phase(view: View, moment: float) -> int:
    """What blinks at a moment (s of any clock): the dot, twice a second, while a change is on its way;
    else, for one second in three, the code of a fault."""
    if view.busy:
        return DOT if moment % 0.5 < 0.25 else 0
    return CODE if view.faults and moment % 3 < 1 else 0


def frame(view: View, boards: int, lit: int) -> list[tuple[bytes, bytes]]:
    """What this number of `boards` shows in the phase `lit`: for each, the segments of its 8 digits (bit 0
    the top one, clockwise, 6 the middle, 7 the dot) and its 8 leds (1 lit)."""
    numbers = range(1, boards * BOARD + 1)
    digits = bytearray(_digit(view, relay) for relay in numbers)
    leds = bytes(int(view.states.get(relay) == ON and relay in view.config.relays) for relay in numbers)
    if lit & CODE:
        digits[:BOARD] = bytes(FONT[c] for c in view.faults[0]).ljust(BOARD, b"\0")
    if lit & DOT:
        digits[-1] |= DOT_SEGMENT
    cut = range(0, len(digits), BOARD)
    return [(bytes(digits[n : n + BOARD]), leds[n : n + BOARD]) for n in cut]


def _digit(view: View, relay: int) -> int:
    if relay not in view.config.relays:
        return 0
    mode = view.pending.get(relay, view.modes.get(relay, AUTO_OFF))
    return MIDDLE if mode is None else {FORCED_ON: TOP, FORCED_OFF: BOTTOM}.get(mode, 0)


def rows(view: View) -> list[tuple[int, str, str, str, float | None, str]]:
    """Each relay in words: number, name, mode, state, since how long (s; None: unknown), why."""
    table = []
    for relay in view.config.relays:
        mode = view.pending.get(relay, view.modes.get(relay))
        state = view.states.get(relay)
        row = view.past.history.get(relay)
        since = row.since(state) if row and row.switches and row.last_state == state else None
        words = "no mode" if mode is None else MODE_WORDS[mode], "?" if state is None else ON_OFF[state]
        why = "chosen just now" if relay in view.pending else view.past.why.get(relay, "")
        table.append((relay, view.config.name(relay), *words, since, why))
    return table
