"""What a panel looks like to the rest of it: boards on a wall, a terminal, or nothing at all."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from .frame import View
else:
    Protocol = object  # importing typing would be a tenth of what the panel takes of memory


class Face(Protocol):
    """It shows the relays, and tells what somebody presses. None of its methods may wait."""

    quick: bool  # somebody is there, so the keys must be looked at often
    jammed: tuple[int, ...]  # relays whose buttons are ignored, because they stay down
    ended: bool  # somebody wants the panel to end

    def pressed(self, now: float) -> list[int]:
        """The relays whose buttons went down since the last call; `now` is any clock (s)."""

    def show(self, view: View, lit: int) -> None:
        """Shows the view in that phase (see frame.phase)."""

    def close(self) -> None:
        """Leaves the display dark, the terminal sane."""


class NoFace:
    """`--no-display`: the panel only acts on what others change."""

    quick = ended = False
    jammed: tuple[int, ...] = ()

    def pressed(self, now: float) -> list[int]:
        """Nobody can press anything."""
        return []

    def show(self, view: View, lit: int) -> None:
        """There is nothing to show it on."""

    def close(self) -> None:
        """There is nothing to close."""
