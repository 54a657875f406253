"""A day in 80 columns of a terminal: curves in block characters, a band for each relay, the switches."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.model import ON_OFF
from ..core.settings import Config
from ..core.table import wrapped
from . import days, words
from .days import Day, Numbers
from .pieces import AUTO, FORCED, HELD, KINDS, OFF, SHUT, Piece
from .sums import Sum, means

CELLS, LABEL = 48, 24  # half hours of a day; columns before them
HOURS = " " * LABEL + "".join(f"{hour:<6}" for hour in range(0, 24, 3))
BLOCKS, TENTHS = " ▁▂▃▄▅▆▇█", " .:-=+*#%@"
BANDS = {AUTO: "█", FORCED: "▓", HELD: "░", SHUT: "x", OFF: "·"}
PLAIN = {AUTO: "#", FORCED: "F", HELD: "~", SHUT: "x", OFF: "."}
COLOURS = {AUTO: "32", FORCED: "33", HELD: "35", SHUT: "31", OFF: "2"}


def lines(config: Config, day: Day, total: Sum, blocks: bool, colour: bool) -> Iterator[str]:
    """The day, a line each, at most 80 columns; `blocks`: in block characters, else in ASCII;
    `colour`: with the terminal's colours."""

    def painted(text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if colour and text.strip() else text

    yield painted(words.date(day.date), "1")
    if not day.minutes:
        yield "nothing is recorded of this day"
        return
    yield HOURS
    for name, numbers, code, unit in (
        ("charge", day.soc, "34", "%"),
        ("panels", day.panels, "33", "W"),
        ("house", day.house, "36", "W"),
    ):
        row = curve(day, numbers, BLOCKS if blocks else TENTHS, 100.0 if unit == "%" else None)
        known = [n for n in numbers if n is not None]
        if known:
            most = f"{min(known):.0f} to {max(known):.0f} {unit}"
            yield f"{name:<8}{most:<{LABEL - 8}}"[:LABEL] + painted(row, code)
    marks = BANDS if blocks else PLAIN
    for relay, pieces in day.relays.items():
        name = f"{relay} {config.name(relay)}"[: LABEL - 1].ljust(LABEL)
        yield name + "".join(painted(marks[kind], COLOURS[kind]) if kind else " " for kind in cells(pieces))
    yield "  ".join(f"{mark} {kind}" for kind, mark in marks.items())
    yield ""
    figures = [f"{what} {much}" for what, much in words.figures(total)]
    yield from wrapped(", ".join(figures).replace(words.NONE, "-"))
    yield ""
    for name, on, starts, wh in words.relays(config, total):
        kwh = "" if wh is None else f", {words.energy(wh)}"
        yield f"{name[:40]}: on for {words.hours(on * 3600)}, {starts} starts{kwh}"
    yield from ("", *switches(config, day)) if day.switches else ()
    for minute, wrong in day.wrong[:20]:
        yield from wrapped(f"{days.clock(minute)}  ! {wrong}", indent="       ")


def switches(config: Config, day: Day) -> Iterator[str]:
    """Every switch of the day: when, what, why."""
    for switch in day.switches:
        at = f"{days.clock(switch.minute)}  {words.percent(switch.soc).replace(words.NONE, '-'):>5}  "
        text = (
            f"{switch.relay} {config.name(switch.relay)} {ON_OFF[switch.state]} ({switch.mode}): {switch.why}"
        )
        yield from wrapped(at + text, indent=" " * len(at) + "  ")


def curve(day: Day, numbers: Numbers, steps: str, most: float | None) -> str:
    """One character for each half hour: the mean, as a part of the highest (or of `most`)."""
    half_hours = means(day, numbers, 1440 // CELLS)
    top = most or max((m for m in half_hours if m and m > 0), default=1)
    last = len(steps) - 1
    return "".join(
        " " if m is None else steps[max(0 if m <= 0 else 1, min(last, round(m / top * last)))]
        for m in half_hours
    )


def cells(pieces: list[Piece]) -> list[str]:
    """What a relay was in each half hour: on wins over off; "" if it is unknown."""
    kinds = [""] * CELLS
    share = 1440 / CELLS
    for piece in pieces:
        for place in range(int(piece.start / share), min(CELLS, int(piece.end / share) + 1)):
            within = min(piece.end, (place + 1) * share) - max(piece.start, place * share)
            seen = within >= min(1, piece.end - piece.start)  # not the seconds by which a tick was late
            if seen and (not kinds[place] or KINDS.index(piece.kind) < KINDS.index(kinds[place])):
                kinds[place] = piece.kind
    return kinds
