"""Writes the file that `sealed` reads: done when a tick has imported what is not in it."""

from __future__ import annotations

import marshal
import sys
from _frozen_importlib_external import ExtensionFileLoader
from _imp import source_hash

from ..core.model import Fault
from . import files
from .cache import made
from .sealed import TAG, known, path, stamp, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from .sealed import Stamp


def write(first: list[str]) -> None:
    """Writes what the file held and what is loaded now. `first` are the modules that a tick begins with, in
    their order. A file that cannot be written is no fault."""
    codes = known()
    more = [(name, module) for name, module in sys.modules.items() if name not in codes and wanted(module)]
    codes = {**codes, **{name: _sealed(module) for name, module in more}}
    body = marshal.dumps(([name for name in first if name in codes], codes))
    try:
        made()
        files.replace(path(), TAG + source_hash(0, body) + body, 0o600)
    except Fault:
        pass


def _sealed(module: ModuleType) -> tuple[str, Stamp, bool, bytes | None]:
    """What is kept of a module: its file and the stamp of that, whether it is a package, its bytecode, or
    None for compiled C."""
    spec = module.__spec__
    assert spec
    assert spec.origin
    when = stamp(spec.origin)
    if isinstance(spec.loader, ExtensionFileLoader):
        return spec.origin, when, False, None
    code = spec.loader.get_code(module.__name__)  # type: ignore[union-attr]
    return spec.origin, when, spec.submodule_search_locations is not None, marshal.dumps(code)
