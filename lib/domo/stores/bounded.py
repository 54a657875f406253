"""Reads the data file outside a tick: in a child, because its disk may hang."""

from __future__ import annotations

from ..core.model import Reading
from ..system.apart import apart
from ..system.stuck import HANGS, running
from . import packing, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.model import Now
    from ..core.settings import Config
    from ..system.stuck import Stuck

SECONDS = 4.0  # as long as a tick waits


def load(config: Config, now: Now, before: Stuck | None = None) -> tuple[Reading, Stuck | None]:
    """Gives (reading, process): what reading.load gives, or a reading with a problem if the disk does not
    answer in time; and the process that is stuck, or None. `before` is the one of an earlier
    call: while it is still there, no other is started."""
    file = config.tmpFileDataXml
    if before and running(before):
        return Reading((), f"{file}: {HANGS.format(before[0])}"), before
    answer, why, stuck = apart(lambda: packing.packed(reading.load(config, now)), SECONDS)
    return Reading((), f"{file}: {why}") if answer is None else packing.unpacked(answer), stuck
