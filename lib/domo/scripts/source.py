"""A script's file: where it is, whether it may be run, and what it is compiled to."""

from __future__ import annotations

import posix as os  # lean: see files

from ..core.model import Fault
from ..system import cache, files, rights
from .api import ScriptError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    from ..core.model import Config

    Compiled = tuple[CodeType, bool]  # its bytecode, and whether it may share a process (see simple)

SOURCE_LIMIT = 256 << 10
_RULES = f"{__file__.rpartition('/')[0]}/simple.py"


def path(config: Config, relay: int) -> str:
    """Where the script of a relay is, or would be."""
    return f"{config.scriptDir}/{relay}.py"


def scripted(config: Config) -> list[int]:
    """The relays that have a script."""
    try:
        names = set(os.listdir(config.scriptDir))
    except OSError:
        return []
    return [relay for relay in config.relays if f"{relay}.py" in names]


class Library:
    """The scripts of a folder, as they were compiled last: compiling one costs 3 % of an interpreter
    start, and seeing what it can do half of one."""

    def __init__(self, folder: str = "") -> None:
        """`folder`: where the scripts are, whose bytecode is kept from one tick to the next."""
        self._folder = folder
        self._safe: rights.Safe = {}
        self._known: dict[str, tuple[tuple[int, ...], CodeType, bool]] = {}
        self._new = False
        self._rules: tuple[int, ...] = ()
        if folder:
            import marshal

            try:
                self._rules = cache.stamp(_RULES)
                rules, known = marshal.loads(cache.load(cache.name_of("scripts", folder)) or b"")
                self._known = known if rules == self._rules else {}
            except (OSError, ValueError, TypeError, EOFError):
                pass

    def script(self, file: str) -> Compiled:
        """A script, by its path. Raises ScriptError (others can write it, or it cannot be compiled),
        OSError."""
        name = file.rpartition("/")[2]
        fd, info = _opened(file, self._safe)
        try:
            now = cache.stamp_of(info)
            if name not in self._known or self._known[name][0] != now:
                self._known[name] = (now, *_compiled(file, _text(fd, file)))
                self._new = True
        finally:
            os.close(fd)
        return self._known[name][1:]

    def keep(self) -> None:
        """Keeps what was compiled for the next tick."""
        if self._new and self._folder:
            import marshal

            content = marshal.dumps((self._rules, self._known))
            cache.save(cache.name_of("scripts", self._folder), content)


def text(file: str) -> bytes:
    """The text of a script that may be run. Raises ScriptError, OSError."""
    fd, _ = _opened(file, {})
    try:
        return _text(fd, file)
    finally:
        os.close(fd)


def _opened(file: str, safe: rights.Safe) -> tuple[int, os.stat_result]:
    try:
        return rights.opened(file, safe)
    except rights.Unsafe as error:
        raise ScriptError(f"is not run, because {error}") from None


def _text(fd: int, file: str) -> bytes:
    try:
        return files.whole(fd, file, SOURCE_LIMIT)[0]
    except Fault as fault:
        raise ScriptError(str(fault)) from None


def _compiled(file: str, source: bytes) -> Compiled:
    """Raises ScriptError with the line that is wrong."""
    import ast

    from .simple import simple

    try:
        tree = ast.parse(source, file)
        return compile(tree, file, "exec", dont_inherit=True), simple(tree)
    except SyntaxError as error:
        line = f"line {error.lineno}: {error.msg}" + (f": {error.text.strip()}" if error.text else "")
        raise ScriptError(line) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ScriptError(f"cannot be compiled ({error})") from None
