"""The switches of one relay, and what can be asked of them. Pure; all times are ages in seconds."""

from __future__ import annotations

from .records import dataclass

OFF, ON = 0, 1  # PvMonit's "etat"
KEPT = 48 * 3600.0  # s for which switches are remembered: a script can ask no further back
CUT = 86400.0  # s after which an interrupted cycle is not resumed
KEPT_SWITCHES = 3000  # of one relay: more than one a minute for 48 h, so limits hold for a script that flaps


@dataclass(frozen=True)
class History:
    """The switches of one relay, oldest first, as (age in s, state): the recent ones, plus the last
    on and the last off however old. Each age is at most the one before it."""

    switches: tuple[tuple[float, int], ...] = ()

    @property
    def last_state(self) -> int:
        """The state after the last switch; off when there is none."""
        return self.switches[-1][1] if self.switches else OFF

    def last(self, state: int) -> float | None:
        """The age of the last switch to `state`, None if there is none."""
        return next((age for age, to in reversed(self.switches) if to == state), None)

    def since(self, state: int) -> float:
        """How long the relay has been in `state` (s): 0 if it is in the other, infinity if it always was."""
        if not self.switches:
            return float("inf") if state == OFF else 0.0
        age, now = self.switches[-1]
        return age if now == state else 0.0

    def spans(self, seconds: float) -> list[tuple[float, float]]:
        """The times on within the last `seconds`, oldest first: age of start, age of end (0 if it is on)."""
        spans, start = [], None
        for age, state in self.switches:
            if state == ON and start is None:
                start = age
            elif state == OFF and start is not None:
                spans.append((start, age))
                start = None
        if start is not None:
            spans.append((start, 0.0))
        return [(min(start, seconds), end) for start, end in spans if end < seconds]

    def on_time(self, seconds: float) -> float:
        """For how long it was on within the last `seconds` (s)."""
        return sum([start - end for start, end in self.spans(seconds)])

    def cycle(self, length: float) -> float:
        """How long the present cycle of `length` s has run (s), however often it was interrupted. 0 if the
        last one is complete, or was interrupted a day ago. While the relay is on it may exceed `length`."""
        done, before = 0.0, 0.0
        for start, end in self.spans(float("inf")):
            done = 0.0 if before - start > CUT else done
            done, before = done + start - end, end
            if done >= length and end > 0:
                done = 0.0
        return done if before <= CUT else 0.0

    def starts(self, seconds: float) -> int:
        """How often it was switched on within the last `seconds`."""
        ons = 0
        before = OFF
        for age, state in self.switches:
            ons += state == ON and before == OFF and age < seconds
            before = state
        return ons

    def pruned(self) -> History:
        """Without the switches that nothing needs any more: those of the last 48 h stay, and the last on
        and off before them."""
        row = self.switches
        first = next((i for i, (age, _) in enumerate(row) if age <= KEPT), len(row))
        first = max(0, first - 2, len(row) - KEPT_SWITCHES)
        return History(row[first:]) if first else self
