"""The data file for who looks at it without a tick: read in a child, because its disk may hang."""

from __future__ import annotations

from ..core.model import Reading
from ..system.apart import apart
from ..system.left_behind import HANGS
from . import packing, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.model import Now
    from ..core.settings import Config

SECONDS = 4.0  # as long as a tick waits


def load(config: Config, now: Now) -> Reading:
    """The reading, as reading.load gives it; one with a problem when the file does not answer in time."""
    try:
        answer, left = apart(lambda: packing.packed(reading.load(config, now)), SECONDS)
    except OSError as error:
        return Reading((), f"{config.tmpFileDataXml}: no process could be started ({error.strerror})")
    if answer is None:
        hangs = f"; {HANGS.format(left[0])}" if left else ""
        return Reading((), f"{config.tmpFileDataXml}: gave no answer within {SECONDS:g} s{hangs}")
    return packing.unpacked(answer)
