"""How each part of the memory is written as JSON, and read `gone` seconds later: pairs of a writer and a
reader. A reader raises ValueError, TypeError or KeyError for nonsense."""

from __future__ import annotations

from ..core.history import OFF, ON, History
from ..core.model import FORCED, SKY_AGES, Row
from ..core.texts import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

    Codec = tuple[Any, Any]


def seconds(value: float) -> float:
    """The value, if it can be a time in s. Raises ValueError or TypeError."""
    if not 0 <= value < 1e12:
        raise ValueError(f"{value} s")
    return float(value)


def among(values: Container[int]) -> Codec:
    """One of these numbers."""

    def read(value: int, gone: float) -> int:
        if type(value) is not int or value not in values:
            raise ValueError(f"a mode or state of {value!r}")
        return value

    return same, read


def same(value: Any) -> Any:
    """The value as it is."""
    return value


def maybe(codec: Codec) -> Codec:
    """What `codec` is for, or None."""
    write, read = codec
    return (
        lambda value: None if value is None else write(value),
        lambda value, gone: None if value is None else read(value, gone),
    )


def mapped(key: type, codec: Codec) -> Codec:
    """A mapping: `key` is the type of its keys, `codec` is for its values."""
    write, read = codec
    return (
        lambda values: {k: write(value) for k, value in values.items()},
        lambda values, gone: {key(k): read(value, gone) for k, value in values.items()},
    )


def each(*codecs: Codec) -> Codec:
    """A tuple with an item for each of these codecs."""
    return (
        lambda items: [write(item) for (write, _), item in zip(codecs, items, strict=True)],
        lambda items, gone: tuple(read(item, gone) for (_, read), item in zip(codecs, items, strict=True)),
    )


def several(codec: Codec) -> Codec:
    """A tuple of any length; `codec` is for each item."""
    write, read = codec
    return lambda items: [*map(write, items)], lambda items, gone: tuple(read(one, gone) for one in items)


def _write_history(history: History) -> list[tuple[float, int]]:
    return [(round(age, 3), state) for age, state in history.pruned().switches]


def _read_history(row: list[tuple[float, int]], gone: float) -> History:
    if any(later > earlier for (earlier, _), (later, _) in zip(row, row[1:], strict=False)):
        raise ValueError("switches out of order")
    state = STATE[1]
    return History(tuple((seconds(age) + gone, state(to, gone)) for age, to in row))


def read_sky(sky: dict[str, float], gone: float) -> dict[str, float]:
    """What is remembered of the sky; only the SKY_AGES grow older."""
    return {str(name): seconds(value) + (gone if name in SKY_AGES else 0.0) for name, value in sky.items()}


def written_row(row: Row) -> list[Any]:
    """The fields of a row, in the order of ROW."""
    return [write(getattr(row, name)) for name, (write, _) in ROW.items()]


def read_row(row: list[Any], gone: float) -> Row:
    """A row. One that was written before a field was added gets that field's default."""
    fields = zip(ROW.items(), row, strict=False)
    return Row(**{name: read(value, gone) for (name, (_, read)), value in fields})


AGE: Codec = (lambda age: round(age, 3), lambda age, gone: seconds(age) + gone)
SECONDS: Codec = (same, lambda value, gone: seconds(value))
COUNT: Codec = (same, lambda value, gone: int(value))
TEXT: Codec = (same, lambda text, gone: one_line(text))  # domo-mod shows anybody's file
TEXTS: Codec = (same, lambda texts, gone: tuple(map(one_line, texts)))
RELAYS: Codec = (sorted, lambda relays, gone: frozenset(map(int, relays)))
MODE, STATE = among(range(4)), among((OFF, ON))
ROW: dict[str, Codec] = {  # the fields of a row, in the order in which they are written
    "age": AGE,
    "relay": among(range(1001)),
    "info": TEXT,
    "value": MODE,
    "why": TEXT,
    "by": TEXT,
    "remaining": maybe(SECONDS),
}
HISTORY: Codec = (_write_history, _read_history)
ROWS = several((written_row, read_row))
SKY: Codec = (lambda sky: {name: round(value, 4) for name, value in sky.items()}, read_sky)

# How each field of the past is written, and read. A field that an older memory lacks gets its default.
FIELDS: dict[str, Codec] = {
    "tick": maybe(AGE),
    "modes": mapped(int, MODE),
    "ours": RELAYS,
    "states": mapped(int, STATE),
    "history": mapped(int, HISTORY),
    "auto_on": mapped(int, AGE),
    "support": mapped(int, AGE),
    "data": maybe(AGE),
    "timers": mapped(str, each(AGE, SECONDS, COUNT)),
    "charge": mapped(str, maybe(AGE)),
    "sky": SKY,
    "frozen": each((same, lambda text, gone: str(text)), AGE),
    "turns": several(COUNT),
    "scripted": several(COUNT),
    "stuck": mapped(str, each(COUNT, COUNT)),
    "why": mapped(int, TEXT),
    "reports": TEXTS,
    "until": mapped(int, each(among(FORCED), AGE, SECONDS)),
    "pins": mapped(int, STATE),
    "pin_failures": mapped(int, each(AGE, COUNT)),
    "unwritten": ROWS,
    "untold": ROWS,
}
