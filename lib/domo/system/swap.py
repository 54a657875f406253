"""Swaps two files in one step, by Linux's renameat2 (RENAME_EXCHANGE), which Python's os does not have."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Swap = Callable[[str, str], bool]


def swapper() -> Swap:
    """A function that swaps two files in one step, and gives True. If the file system cannot, it renames the
    first over the second and gives False. It raises OSError."""
    from errno import EINVAL, ENOSYS
    from os import fsencode

    try:
        import _ctypes as c  # ctypes itself costs (see ARCHITECTURE.md)

        number = type("Int", (c._SimpleCData,), {"_type_": "i"})
        flags = c.FUNCFLAG_CDECL | c.FUNCFLAG_USE_ERRNO
        function = type("Function", (c.CFuncPtr,), {"_flags_": flags, "_restype_": number})
        program = c.dlopen(None, 0)  # type: ignore[arg-type]
        renameat2 = function(c.dlsym(program, "renameat2"))
    except (ImportError, OSError, AttributeError):  # a failing card, or a C library without it
        return _renamed
    at_cwd, swap = -100, 2

    def exchange(one: str, other: str) -> bool:
        if renameat2(at_cwd, fsencode(one), at_cwd, fsencode(other), swap) == 0:
            return True
        code = c.get_errno()
        if code not in (ENOSYS, EINVAL):
            raise OSError(code, os.strerror(code))
        return _renamed(one, other)

    return exchange


def _renamed(one: str, other: str) -> bool:
    os.rename(one, other)
    return False
