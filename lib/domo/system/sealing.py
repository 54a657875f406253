"""Writes the files that `sealed` reads, when a tick could not use them."""

from __future__ import annotations

import marshal
import sys
from _frozen_importlib_external import SourceFileLoader
from _imp import source_hash

from ..core.model import Fault
from . import files
from .cache import made
from .sealed import BEFORE, OWN, TAG, path, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .sealed import Module


def loaded_for(*modules: str) -> list[str]:
    """Imports modules; gives the names of all that this loaded, in their order. A damaged one is reported
    later, by the code that needs it."""
    before = set(sys.modules)
    for name in modules:
        try:
            __import__(name)
        except Exception:
            pass
    return [name for name in sys.modules if name not in before]


def write(own: Sequence[str], later: Mapping[str, Sequence[str]]) -> None:
    """Writes the bytecode of the modules that each tick loads (each comes after those that it imports) and of
    the board's, which the next tick needs too; and of the parts that are used `later`. A file that cannot be
    written is no fault."""
    board = [name for name in sys.modules if name.startswith("domo.pins.") and name not in own]
    try:
        made()
        for part, names in (*later.items(), (OWN, [*own, *board])):  # the last one counts
            body = _all(names)
            files.replace(path(part), TAG + source_hash(0, body) + body, 0o600)
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
