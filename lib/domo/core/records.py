"""Immutable records without the standard library's dataclasses, which take long to import (see ARCHITECTURE).

To type checkers they are dataclasses, and they behave like them: equal fields make equal records, with
equal hashes; a default that is a dict is a new one in each record.
"""

from __future__ import annotations

TYPE_CHECKING = False  # what type checkers take for typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from typing import Any, TypeVar

    Record = TypeVar("Record")
else:

    def dataclass(frozen):
        """`dataclasses.dataclass(frozen=True)`."""

        def finish(cls):
            cls._names = tuple(cls.__annotations__)
            cls._defaults = {name: cls.__dict__[name] for name in cls._names if name in cls.__dict__}
            cls._dicts = tuple(name for name, value in cls._defaults.items() if type(value) is dict)
            cls.__init__, cls.__setattr__ = _init, _setattr
            cls.__eq__, cls.__hash__, cls.__repr__ = _eq, _hash, _repr
            return cls

        return finish

    def _init(self, *args, **fields):
        names, own = self._names, self.__dict__
        if not fields and len(args) == len(names):
            own.update(zip(names, args, strict=True))
            return
        own.update(self._defaults)
        own.update(zip(names, args, strict=False))
        own.update(fields)
        if len(own) != len(names) or len(args) > len(names):
            raise TypeError(f"{type(self).__name__} has the fields {names}, not {tuple(own)}")
        for name in self._dicts:
            if own[name] is self._defaults[name]:
                own[name] = dict(self._defaults[name])

    def _setattr(self, name, value):
        raise AttributeError(f"{type(self).__name__}.{name} is read-only")

    def _eq(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def _hash(self):
        return hash(tuple(self.__dict__[name] for name in self._names))

    def _repr(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


def replace(record: Record, **changes: Any) -> Record:
    """A copy of `record` with some fields changed."""
    copy = object.__new__(type(record))
    fields = copy.__dict__
    fields.update(record.__dict__)
    fields.update(changes)
    if len(fields) != len(record.__dict__):
        raise TypeError(
            f"{type(record).__name__} has the fields {tuple(record.__dict__)}, not {tuple(changes)}"
        )
    return copy
