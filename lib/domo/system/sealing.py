"""Writes the file that `sealed` reads, when a tick could not use it."""

from __future__ import annotations

import marshal
import sys
from _frozen_importlib_external import SourceFileLoader
from _imp import source_hash

from ..core.model import Fault
from . import files
from .cache import made
from .sealed import BEFORE, SIZE, TAG, path, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sealed import Module


def loaded_for(name: str) -> list[str]:
    """Imports a module; gives the names of all modules that this loaded, in their order. A damaged one is
    reported later, by the code that needs it."""
    before = set(sys.modules)
    try:
        __import__(name)
    except Exception:
        pass
    return [name for name in sys.modules if name not in before]


def write(first: Sequence[str], rest: Sequence[str]) -> None:
    """Writes the bytecode of the modules that a tick loads `first` (each comes after those that it imports)
    and of the board's, which the next tick needs too; and, apart from these, of the `rest`, which only the
    child loads. A file that cannot be written is no fault."""
    try:
        board = [name for name in sys.modules if name.startswith("domo.pins.") and name not in first]
        ours = _all([*first, *board])
        body = len(ours).to_bytes(SIZE, "big") + ours + _all(rest)
        made()
        files.replace(path(), TAG + source_hash(0, body) + body, 0o600)
    except (Fault, OSError):
        pass


def _all(names: Sequence[str]) -> bytes:
    """What is kept of these modules. Raises OSError."""
    return marshal.dumps([_sealed(name) for name in names if name not in BEFORE and _has_bytecode(name)])


def _has_bytecode(name: str) -> bool:
    spec = sys.modules[name].__spec__
    return spec is not None and isinstance(spec.loader, SourceFileLoader)


def _sealed(name: str) -> Module:
    """What is kept of a module. Raises OSError."""
    spec = sys.modules[name].__spec__
    assert spec
    assert spec.origin
    assert isinstance(spec.loader, SourceFileLoader)
    when = stamp(spec.origin)
    # Without docstrings: less to load.
    code = compile(spec.loader.get_data(spec.origin), spec.origin, "exec", dont_inherit=True, optimize=2)
    return name, spec.origin, when, spec.submodule_search_locations is not None, code
