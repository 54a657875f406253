"""The bytecode of the modules that a tick loads, in five files, which also say where those in machine code
are: no module is searched for.

With them many small modules cost no more than one (see ARCHITECTURE.md). Only ticks without arguments use it,
which are cron's, and only while no source has changed; `sealing` writes it. It imports nothing from
__future__, because it is loaded before everything else.
"""

import marshal
import os
import sys
from _frozen_importlib import ModuleSpec
from _imp import create_dynamic, exec_dynamic, source_hash  # SipHash, which Python has for its own bytecode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    Stamp = tuple[int, int, int]
    # name, file and its stamp, whether a package, bytecode (None: the file is machine code)
    Module = tuple[str, str, Stamp, bool, CodeType | None]

BEFORE = frozenset(sys.modules)  # what is loaded before, this module too
LIMIT = 2 << 20
OWN, CHILD = "tick", "child"  # what each tick loads; what its child does besides
SPARE = "spare"  # what scripts need besides that use what the sun has to spare
SWITCH, JOURNAL = "switch", "journal"  # what one that switches loads besides; what its journal's child does
_later: set[str] = set()  # those that are still to be used
# A file is for this version of Python and this copy of domo only.
TAG = f"domo {sys.hexversion:x} {sys.implementation.cache_tag} {__file__}\n".encode(errors="surrogateescape")


def folder() -> str:
    """$TMPDIR/domo-UID: the one folder for what is run as it is, such as bytecode; closed to other users."""
    return f"{os.environ.get('TMPDIR') or '/tmp'}/domo-{os.geteuid()}"


def is_ours(path: str = "") -> bool:
    """Whether that folder, or the one at `path`, is there, ours, and closed to everybody else."""
    try:
        info = os.lstat(path or folder())
    except OSError:
        return False
    return info.st_mode & 0o170077 == 0o040000 and info.st_uid == os.geteuid()


def path(part: str) -> str:
    """Where one of them is; each copy of domo has its own."""
    return f"{folder()}/sealed-{part}{__file__.replace('/', '%')[-200:]}"


def use() -> bool:
    """Loads each tick's own modules; gives whether it did."""
    used = _used(OWN)
    if used:
        _later.update((CHILD, SPARE, SWITCH, JOURNAL))
    return used


def use_later(part: str) -> None:
    """Loads the modules of another part, once, where each tick's own came from their file. If they cannot be
    used, the next tick writes all of them anew."""
    if part in _later:
        _later.remove(part)
        if not _used(part):
            try:
                os.unlink(path(OWN))
            except OSError:
                pass


def _used(part: str) -> bool:
    """Loads the modules of a file, if it is whole and no source has changed; gives whether it did."""
    try:
        if not is_ours():
            return False
        fd = os.open(path(part), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            content = os.read(fd, min(LIMIT, os.fstat(fd).st_size))
        finally:
            os.close(fd)
        head = len(TAG) + 8
        body = memoryview(content)[head:]
        if content[:head] != TAG + source_hash(0, body):
            return False
        modules: list[Module] = marshal.loads(body)
        if any(stamp(file) != before for _, file, before, _, _ in modules):
            return False
    except (OSError, ValueError, EOFError, TypeError):
        return False
    for name, file, _, package, code in modules:
        if name not in sys.modules:
            _load(name, file, package, code)
    return True


def _load(name: str, file: str, package: bool, code: "CodeType | None") -> None:
    """Loads a module as `import` would."""
    if code is None:
        try:
            sys.modules[name] = native = create_dynamic(ModuleSpec(name, None, origin=file))
            exec_dynamic(native)
        except ImportError:  # `import` says it where the module is needed
            sys.modules.pop(name, None)
        return
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
