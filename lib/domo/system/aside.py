"""A file in the place of one of domo's that is none of domo's: it may be dear to somebody."""

from __future__ import annotations

import os

from ..core.faults import Report
from ..core.model import Fault
from .rights import refused


def set_aside(path: str, fault: str) -> Report:
    """Renames the file at `path` to PATH.corrupt, unless there is such a file already, and tells that with
    the `fault`. Raises Fault, with the `fault` alone if no file stands there."""
    name = f"{path}.corrupt"
    if not os.path.isfile(path):
        raise Fault(fault)
    if os.path.lexists(name):
        return Report(f"{fault}; it is written again", path, lasts=False)
    try:
        os.rename(path, name)
    except OSError as error:
        raise refused(path, error) from None
    return Report(f"{fault}; it is set aside as {name}, and written again", path, lasts=False)
