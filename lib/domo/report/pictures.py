"""The pictures that need no library: bands of a day, bars of many days, the calendar of held-back hours."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from ..core.settings import Config
from . import days, words
from .days import Day
from .pieces import AUTO, FORCED, HELD, OFF, SHUT, Piece, thinned
from .sums import Sum, means

# A kind of piece: its class, and its top and height in the band (of 10), so that no colour is needed.
_DRAWN = {
    OFF: ("k0", 0, 10),
    AUTO: ("k1", 0, 10),
    FORCED: ("k2", 0, 10),
    HELD: ("k3", 6, 4),
    SHUT: ("k4", 4, 2),
}
_THROTTLED = ("k5", 0, 10)
SHADES = (0, 8, 20, 35, 50)  # minutes of an hour above which a shade of the calendar begins
MIN_WIDTH = 1.5  # minutes of a day that a piece takes at least, to be seen


def bands(config: Config, day: Day, limit: int) -> str:
    """A band for each relay: what it was all day, with the reason of each piece in its title; about `limit`
    pieces each at most."""
    throttled = days.throttled(day)
    held = words.hours(sum(piece.seconds for piece in throttled))
    parts = [
        f'<div class="band panels"><span><b>Panels held back</b> {held}</span><svg viewBox="0 0 1440 10" '
        f'preserveAspectRatio="none" role="img" aria-label="Panels held back: {held}">'
        f"{''.join(_piece(piece, _THROTTLED) for piece in thinned(throttled, limit))}</svg></div>"
    ]
    for relay, pieces in day.relays.items():
        on = sum(p.seconds for p in pieces if p.kind in (AUTO, FORCED))
        name = escape(f"{relay} {config.name(relay)}")
        label = escape(f"{config.name(relay)}: on for {words.hours(on)}")
        paths = "".join(_piece(piece) for piece in thinned(pieces, limit))
        parts.append(
            f'<div class="band" data-relay="{relay}"><span><b>{name}</b> {words.hours(on)}</span>'
            f'<svg viewBox="0 0 1440 10" preserveAspectRatio="none" role="img" aria-label="{label}">'
            f"{paths}</svg></div>"
        )
    return "".join(parts)


def _piece(piece: Piece, drawn: tuple[str, int, int] | None = None) -> str:
    shape, top, height = drawn or _DRAWN[piece.kind]
    width = max(MIN_WIDTH, piece.end - piece.start)
    return (
        f'<path class="{shape}" d="M{piece.start:.4g} {top}h{width:.4g}v{height}h-{width:.4g}z">'
        f"<title>{days.clock(piece.start)} to {days.clock(piece.end)}, {piece.kind}: {escape(piece.why)}"
        "</title></path>"
    )


def keys() -> str:
    """What the bands' shapes and colours mean."""
    items = (
        f'<li><svg viewBox="0 0 10 10" preserveAspectRatio="none"><path class="{shape}" '
        f'd="M0 {top}h10v{height}h-10z"/></svg>{kind}</li>'
        for kind, (shape, top, height) in _DRAWN.items()
        if kind != OFF
    )
    return f'<ul class="keys">{"".join(items)}</ul>'


def bars(rows: Iterable[tuple[str, str, float, float, str]], colour: str, low: bool = False) -> str:
    """Bars from rows (label, what is said on touch, from, to, number above it), as parts of the highest."""
    rows = list(rows)
    top = max((to for *_, to, _ in rows), default=0) * 1.16 or 1
    items, ticks = [], []
    for place, (label, said, low_end, high_end, number) in enumerate(rows):
        style = f"--from:{100 * low_end / top:.3g}%;--high:{100 * max(0, high_end - low_end) / top:.3g}%"
        items.append(f'<li title="{escape(said)}" style="{style}"><i></i><b>{number}</b></li>')
        shown = len(rows) <= 14 or place % 5 == 0
        ticks.append(f"<li>{escape(label) if shown else ''}</li>")
    kind = f"bars{' low' if low else ''}{' many' if len(rows) > 8 else ''}"
    return (
        f'<ul class="{kind}" style="--c:var(--{colour})" aria-hidden="true">{"".join(items)}</ul>'
        f'<ul class="ticks" aria-hidden="true">{"".join(ticks)}</ul>'
    )


def calendar(sums: list[Sum]) -> str:
    """Every hour of these days (in order, some may be missing): the stronger, the longer it was held back."""
    first, last = sums[0].date, sums[-1].date
    every = _dates(first, last)
    by_date = {total.date: total for total in sums}
    shapes: dict[int, list[str]] = {}
    for x, date in enumerate(every):
        for hour, minutes in enumerate(by_date[date].held if date in by_date else ()):
            if shade := sum(minutes > least for least in SHADES):
                shapes.setdefault(shade, []).append(f"M{x} {hour}h1v1h-1z")
    paths = "".join(
        f'<path class="c{shade}" d="{"".join(cells)}"/>' for shade, cells in sorted(shapes.items())
    )
    began = next((total.date for total in sums if total.auto), first)
    if began != first:
        paths += f'<path class="since" d="M{every.index(began)} 0v24"/>'
    held = ",".join(
        "".join(str(round(m / 10)) for m in by_date[d].held).rstrip("0") or "0" if d in by_date else ""
        for d in every
    )
    hours = "".join(f"<span>{hour}</span>" for hour in (0, 6, 12, 18, 24))
    return (
        f'<div class="carpet"><div class="side">{hours}</div>'
        f'<svg viewBox="0 0 {len(every)} 24" preserveAspectRatio="none" role="img" data-first="{first}" '
        f'data-held="{held}" aria-label="Hours in which the panels were held back, day by day">{paths}</svg>'
        f'<div class="under">{"".join(_marks(every))}</div></div>'
    )


def _dates(first: str, last: str) -> list[str]:
    dates = [last]
    while dates[-1] > first and len(dates) < 1000:
        dates.append(days.earlier(dates[-1], 1))
    return dates[::-1]


def _marks(every: list[str]) -> Iterable[str]:
    """The labels below the calendar: months, or days if they are few."""
    if len(every) <= 62:
        marks = [
            (n, words.date(date, "%-d %b"))
            for n, date in enumerate(every)
            if n % max(1, len(every) // 5) == 0
        ]
    else:
        firsts = [n for n, date in enumerate(every) if date.endswith("-01")]
        step = -(-len(firsts) // 6)
        marks = [
            (n, words.date(every[n], "%b %y" if every[n][5:7] == "01" else "%b")) for n in firsts[::step]
        ]
    for n, label in marks:
        if n / len(every) < 0.93:
            yield f'<span style="left:{100 * n / len(every):.3g}%">{label}</span>'


def curves(day: Day, step: int) -> dict[str, object]:
    """The curves of a day for the page's script: the mean of each `step` minutes, null if it is unknown; the
    charge in tenths of a percent, the rest in W."""
    return {
        "step": step,
        "soc": [None if m is None else round(10 * m) for m in means(day, day.soc, step)],
        **{
            name: [None if m is None else round(m) for m in means(day, numbers, step)]
            for name, numbers in (("panels", day.panels), ("house", day.house), ("battery", day.battery))
        },
    }
