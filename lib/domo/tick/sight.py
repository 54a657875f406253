"""Two records: what a tick knows when it has decided, and what it has done when it ends."""

from __future__ import annotations

from ..core.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.model import Now, Past, Plan
    from ..core.settings import Config
    from ..pins.board import Board
    from ..scripts.messages import Answers
    from ..stores.modes import ModeFile


@dataclass(frozen=True)
class Sight:
    """All that a tick read, and the plan that follows from it."""

    config: Config
    now: Now
    board: Board | None  # None: no pin can be driven
    mode_file: ModeFile  # the mode file, as it was read
    before: Past  # the past as it was remembered, before the pins were read
    answers: Answers  # with the reading, and the past that has seen pins and reading
    plan: Plan
    faults: tuple[str, ...]  # what went wrong, in sentences for people
    ended: Mapping[int, int]  # the forces whose time is over


@dataclass(frozen=True)
class Done:
    """What a tick read, the plan as it was carried out, and all faults."""

    sight: Sight
    plan: Plan
    faults: tuple[str, ...]
