"""The pieces of a day: a state that lasted for some time, for one reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

AUTO, FORCED, HELD, SHUT, OFF = "auto on", "forced on", "held back", "forced off", "off"
KINDS = (AUTO, FORCED, HELD, SHUT, OFF)


class Piece:
    """A time in which a relay was in one of KINDS for one reason; minutes of the day, and how long (s)."""

    __slots__ = ("start", "end", "seconds", "kind", "why")

    def __init__(self, start: float, end: float, seconds: float, kind: str, why: str) -> None:
        self.start, self.end, self.seconds, self.kind, self.why = start, end, seconds, kind, why


def thinned(pieces: list[Piece], limit: int) -> list[Piece]:
    """The pieces, about `limit` of them at most: those of one kind that follow each other become one; if
    there are still too many, the one that lasted longest stands for a share of the day."""
    if len(pieces) <= limit:
        return pieces
    joined = _joined(pieces, lambda piece, after: piece.kind == after.kind)
    if len(joined) <= limit:
        return joined
    share = 1440 / limit
    return _joined(joined, lambda piece, after: int(piece.start / share) == int(after.start / share))


def _joined(pieces: list[Piece], alike: Callable[[Piece, Piece], bool]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last and abs(piece.start - last.end) < 1 and alike(last, piece):
            longer = piece if piece.seconds > last.seconds else last
            more = longer.why if longer.why.endswith(" ...") else f"{longer.why} ..."
            joined[-1] = Piece(last.start, piece.end, last.seconds + piece.seconds, longer.kind, more)
        else:
            joined.append(piece)
    return joined
