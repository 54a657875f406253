"""The bytecode of the modules that each tick and its child load, in one file: no module is searched for.

With it many small modules cost no more than one (see ARCHITECTURE.md). Only ticks without arguments use it,
which are cron's, and only while no source has changed; `sealing` writes it. It imports nothing from
__future__, because it is loaded before everything else.
"""

import marshal
import os
import sys
from _imp import source_hash  # SipHash, which Python has for its own bytecode

from .private import folder, is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    Stamp = tuple[int, int, int]
    Module = tuple[str, str, Stamp, bool, CodeType]  # name, file and its stamp, whether a package, bytecode

BEFORE = frozenset(sys.modules)  # what is loaded before, this module too
LIMIT = 2 << 20
SIZE = 4  # bytes of the number that says how long the tick's own part is
_rest: list[memoryview] = []  # the child's part, while it is not loaded
# The file is for this version of Python and this copy of domo only.
TAG = f"domo {sys.hexversion:x} {sys.implementation.cache_tag} {__file__}\n".encode(errors="surrogateescape")


def path() -> str:
    """Where it is; each copy of domo has its own."""
    return f"{folder()}/sealed{__file__.replace('/', '%')[-200:]}"


def use() -> bool:
    """Loads the tick's modules, if the file is whole and no source has changed; gives whether it did."""
    try:
        if not is_ours():
            return False
        fd = os.open(path(), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            content = os.read(fd, min(LIMIT, os.fstat(fd).st_size))
        finally:
            os.close(fd)
        head = len(TAG) + 8
        body = memoryview(content)[head:]
        if content[:head] != TAG + source_hash(0, body):
            return False
        middle = SIZE + int.from_bytes(body[:SIZE], "big")
        loaded = _loaded(body[SIZE:middle])
    except (OSError, ValueError, EOFError, TypeError):
        return False
    if loaded:
        _rest.append(body[middle:])
    return loaded


def use_rest() -> None:
    """Loads the child's further modules, if the tick's own came from the file."""
    if _rest:
        try:
            _loaded(_rest.pop())
        except (OSError, ValueError, EOFError, TypeError):
            pass


def _loaded(content: memoryview) -> bool:
    """Loads the modules in `content`, if none of their sources has changed; gives whether it did. Raises
    OSError, ValueError, EOFError or TypeError."""
    modules: list[Module] = marshal.loads(content)
    if any(stamp(file) != before for _, file, before, _, _ in modules):
        return False
    for name, file, _, package, code in modules:
        _load(name, file, package, code)
    return True


def _load(name: str, file: str, package: bool, code: "CodeType") -> None:
    """Loads a module as `import` would."""
    parent, _, last = name.rpartition(".")
    module = type(sys)(name)
    module.__file__, module.__package__ = file, name if package else parent
    if package:
        module.__path__ = [file.rpartition("/")[0]]
    sys.modules[name] = module
    exec(code, module.__dict__)
    if parent:
        setattr(sys.modules[parent], last, module)


def stamp(file: str) -> "Stamp":
    """What changes whenever a file does. Raises OSError."""
    info = os.stat(file)
    return info.st_mtime_ns, info.st_size, info.st_ino
