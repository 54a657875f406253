"""The keys of a board: which of them somebody pressed, and which stay down by themselves. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

CALM = 1.0  # s: a key that is up for so long without a break was let go
JAMMED = 60.0  # s: a key without such a calm is not held by a finger, and is ignored
HEALED = 10.0  # s: an ignored key that is up for so long counts again; damp keys come and go


class _Key:
    """One key. `busy`: since when it is not calm (None: it is); `up`: since when it is up (None: down)."""

    def __init__(self) -> None:
        self.busy: float | None = None
        self.up: float | None = None
        self.jammed = False

    def pressed(self, down: bool, now: float) -> bool:
        """Whether somebody has pressed it: only a key that was seen up can go down."""
        pressed = False
        if down:
            pressed = self.up is not None and not self.jammed
            self.up = None
            self.busy = now if self.busy is None else self.busy
        else:
            self.up = now if self.up is None else self.up
            if now - self.up >= (HEALED if self.jammed else CALM):
                self.busy, self.jammed = None, False
        if self.busy is not None and now - self.busy >= JAMMED:
            self.jammed = True
        return pressed and not self.jammed


class Keys:
    """The keys of one board, numbered from 1. A board that was unplugged gets a new Keys: a key that is down
    when it returns does not count as pressed. Times are of any clock (s)."""

    def __init__(self, count: int) -> None:
        self._keys = [_Key() for _ in range(count)]
        self.restless = True  # look again, even if nothing has changed
        self.quick = False  # a finger may be on a key
        self.jammed: tuple[int, ...] = ()  # the keys that are ignored

    def pressed(self, down: Collection[int], now: float) -> list[int]:
        """The keys that somebody has pressed, when those in `down` are down."""
        pressed = [number for number, key in enumerate(self._keys, 1) if key.pressed(number in down, now)]
        self.jammed = tuple(number for number, key in enumerate(self._keys, 1) if key.jammed)
        self.quick = any(key.up is None and not key.jammed for key in self._keys)
        self.restless = any(key.busy is not None for key in self._keys)
        return pressed
