"""A tick's whole bytecode in one file: read at once, and run without Python's search for modules.

It makes the folders of this project free (the gain is in ARCHITECTURE.md). It is used by ticks without
arguments, cron's, and only as long as no source has changed since. `posix` stands for `os`, and nothing
comes from __future__, because this comes before everything else.
"""

import marshal
import posix
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader, SourceFileLoader
from _imp import source_hash  # SipHash, which Python has for its own bytecode

from .private import folder, is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    Stamp = tuple[int, int, int]
    Codes = dict[str, tuple[str, Stamp, bool, bytes | None]]

OWN = ("domo", "domo.system", "domo.system.sealed", "domo.system.private")  # come before it
LIMIT = 4 << 20
TAG = f"domo {sys.hexversion:x} {sys.implementation.cache_tag}\n".encode()


class Sealed:
    """Finds the modules of `codes`: by name, the file and its stamp, whether it is a package, and the
    bytecode, or None for one that is compiled C."""

    def __init__(self, codes: "Codes") -> None:
        self.codes = codes

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """The spec of a module that is in here, None for any other."""
        if name not in self.codes:
            return None
        file, before, package, code = self.codes[name]
        try:
            same = stamp(file) == before
        except OSError:
            same = False
        if not same:
            del self.codes[name]
            return None
        if code is None:
            return ModuleSpec(name, ExtensionFileLoader(name, file), origin=file)
        spec = ModuleSpec(name, self, origin=file, is_package=package)  # type: ignore[arg-type]
        spec.has_location = True  # so that it gets its __file__
        if package:
            spec.submodule_search_locations = [file.rpartition("/")[0]]
        return spec

    def create_module(self, spec: object) -> None:
        """An ordinary module."""

    def exec_module(self, module: "ModuleType") -> None:
        """Runs its bytecode."""
        exec(marshal.loads(self.codes[module.__name__][3] or b""), module.__dict__)

    def load(self, name: str) -> None:
        """Loads a module as `import` would, if all that it imports is there already."""
        file, _, package, code = self.codes[name]
        if code is None or name in sys.modules:
            return
        parent, _, last = name.rpartition(".")
        module = type(sys)(name)
        module.__file__, module.__package__ = file, name if package else parent
        if package:
            module.__path__ = [file.rpartition("/")[0]]
        sys.modules[name] = module
        exec(marshal.loads(code), module.__dict__)
        if parent:
            setattr(sys.modules[parent], last, module)


def path() -> str:
    """Where it is."""
    return f"{folder()}/tick.sealed"


def use() -> None:
    """Loads what a tick begins with from the sealed file, if that is there, whole, and of today's sources;
    what it needs later is found in there too, if its source is the same."""
    try:
        if not is_ours():
            return
        fd = posix.open(path(), posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_CLOEXEC)
        try:
            content = posix.read(fd, LIMIT)
        finally:
            posix.close(fd)
        body = content[len(TAG) + 8 :]
        if content[: len(TAG) + 8] != TAG + source_hash(0, body):
            return
        first, codes = marshal.loads(body)
        if any(stamp(codes[name][0]) != codes[name][1] for name in first):
            return
    except (OSError, ValueError, EOFError, TypeError, LookupError):
        return
    sealed = Sealed(codes)
    sys.meta_path.insert(0, sealed)
    for name in first:
        sealed.load(name)


def loaded() -> list[str]:
    """The modules that are loaded, in an order in which each comes after all that it imports."""
    return list(sys.modules)


def stamp(file: str) -> tuple[int, int, int]:
    """What changes whenever a file does. Raises OSError."""
    info = posix.stat(file)
    return info.st_mtime_ns, info.st_size, info.st_ino


def known() -> "Codes":
    """What was in the file, if it was used."""
    found = next((finder for finder in sys.meta_path if isinstance(finder, Sealed)), None)
    return found.codes if found else {}


def incomplete() -> bool:
    """Whether this process has imported something that is not in the file: then `sealing` writes it."""
    codes = known()
    return any(name not in codes and wanted(module) for name, module in sys.modules.items())


def wanted(module: "ModuleType") -> bool:
    """Whether a module came from a file, and is none of those that come before this one."""
    spec = getattr(module, "__spec__", None)
    loader = spec and spec.loader
    return isinstance(loader, (SourceFileLoader, ExtensionFileLoader)) and module.__name__ not in OWN
