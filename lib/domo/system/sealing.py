"""Writes the file that `sealed` reads, when a tick could not use it."""

from __future__ import annotations

import marshal
import sys
from _frozen_importlib_external import SourceFileLoader
from _imp import source_hash

from ..core.model import Fault
from . import files
from .cache import made
from .sealed import OWN, TAG, path, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sealed import Module


def write(first: Sequence[str]) -> None:
    """Writes those of the modules that are domo's; `first` are all that a tick begins with, each after those
    that it imports. A file that cannot be written is no fault."""
    own = (name for name in first if name.startswith("domo.") and name not in OWN)
    try:
        body = marshal.dumps([_sealed(name) for name in own])
        made()
        files.replace(path(), TAG + source_hash(0, body) + body, 0o600)
    except (Fault, OSError):
        pass


def _sealed(name: str) -> Module:
    """What is kept of a module. Raises OSError."""
    spec = sys.modules[name].__spec__
    assert spec
    assert spec.origin
    assert isinstance(spec.loader, SourceFileLoader)
    when = stamp(spec.origin)
    code = spec.loader.get_code(name)
    assert code
    return name, spec.origin, when, spec.submodule_search_locations is not None, code
