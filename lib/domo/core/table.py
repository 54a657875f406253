"""Aligned columns of text, for every table that domo shows."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Container, Sequence

from .model import Reading

WIDTH = 80  # columns of a terminal
BETWEEN = "  "


def drawn(
    rows: Sequence[Sequence[str]], width: int = WIDTH, right: Container[int] = (), least: int = 20
) -> list[list[str]]:
    """The lines of each row, at most `width` wide. Columns (from 0) in `right` are aligned to the right.
    The last cell is a text that is wrapped, in `least` columns even if fewer are left."""
    *columns, _ = zip(*rows, strict=True)
    widths = [max(map(len, column)) for column in columns]
    indent = sum(widths) + len(BETWEEN) * len(widths)
    lines_of_rows = []
    for *cells, text in rows:
        aligned = [
            cell.rjust(size) if column in right else cell.ljust(size)
            for column, (cell, size) in enumerate(zip(cells, widths, strict=True))
        ]
        first, *more = wrapped(text, max(least, width - indent)) or [""]
        lines = [BETWEEN.join([*aligned, first]), *(" " * indent + line for line in more)]
        lines_of_rows.append([line.rstrip() for line in lines])
    return lines_of_rows


def devices(reading: Reading, used: Container[str], age: Callable[[float], str]) -> list[str]:
    """A line for each device with a value in `used`: its name, its `age` in words, and these values."""
    lines = []
    for device in reading.devices:
        values = [f"{name} {value.text}" for name, value in device.values.items() if name in used]
        if values:
            lines.append(f"{device.name or device.id}, {age(device.age)} ago: {', '.join(values)}")
    return lines


def wrapped(text: str, width: int = WIDTH, indent: str = "") -> list[str]:
    """The text in lines; a path is broken only where it has to be, not at its hyphens."""
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
