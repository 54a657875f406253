"""The tables of the page: what the pictures show, for readers who cannot see them, and other lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from ..core.history import ON
from ..core.model import ON_OFF
from ..core.settings import Config
from . import days, pictures, words
from .days import Day
from .pieces import OFF, thinned
from .sums import Sum, together

MOST_ROWS = 150  # of a table on the page; a terminal shows all


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", kind: str = "") -> str:
    """A table of HTML cells; a heading that begins with ">" is of numbers; the first cell heads its row."""
    numbers = [' class="n"' if name.startswith(">") else "" for name in head]
    heads = "".join(
        f'<th scope="col"{n}>{name.lstrip(">")}</th>' for n, name in zip(numbers, head, strict=True)
    )
    lines = [
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{n}>{cell}</td>" for n, cell in zip(numbers[1:], row[1:], strict=True))
        + "</tr>"
        for row in rows
    ]
    more = len(lines) - MOST_ROWS
    if more > 0:
        lines[MOST_ROWS:] = [f'<tr><td colspan="{len(head)}">and {more} more</td></tr>']
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide"><table{f" class={kind}" if kind else ""}>{title}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def folded(summary: str, content: str) -> str:
    """Content that a click opens."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def switches(config: Config, day: Day) -> str:
    """Every switch of the day."""
    rows = [
        (
            days.clock(switch.minute),
            f'<span class="dot{" on" if switch.state == ON else ""}"></span>'
            f"{escape(config.name(switch.relay))} {ON_OFF[switch.state]}",
            escape(f"{switch.mode}: {switch.why}" if switch.mode not in switch.why else switch.why),
            words.percent(switch.soc),
            words.watts(switch.panels),
        )
        for switch in day.switches
    ]
    return table(("time", "relay", "why", ">charge", ">panels"), rows, kind="switches")


def hourly(day: Day) -> str:
    """The curves as a table: the mean of each hour."""
    curves = pictures.curves(day, 60)
    lists: list[list[float | None]] = [curves[name] for name in ("soc", "panels", "house", "battery")]  # type: ignore[misc]
    rows = [
        (f"{hour:02}:00", words.percent(None if soc is None else soc / 10), *map(words.watts, watts))
        for hour, (soc, *watts) in enumerate(zip(*lists, strict=True))
    ]
    return table(("hour", ">charge", ">panels", ">house", ">battery"), rows, "Means of each hour")


def pieces(config: Config, day: Day, limit: int) -> str:
    """The bands as a table: every time in which a relay was not just off."""
    rows = [
        (
            escape(f"{relay} {config.name(relay)}"),
            f"{days.clock(piece.start)} to {days.clock(piece.end)}",
            piece.kind,
            escape(piece.why),
        )
        for relay, of_relay in day.relays.items()
        for piece in thinned(of_relay, limit)
        if piece.kind != OFF
    ]
    return table(("relay", "time", "was", "why"), rows)


def relays(config: Config, total: Sum) -> str:
    """The sums of each relay."""
    rows = [
        (
            escape(name),
            words.hours(3600 * on),
            str(starts),
            words.NONE if wh is None else f"{wh / 1000:.2f}",
        )
        for name, on, starts, wh in words.relays(config, total)
    ]
    return table(("relay", ">on for", ">starts", ">kWh"), rows)


def daily(sums: list[Sum]) -> str:
    """The house's figures, for each day or month."""
    rows = [
        (
            escape(total.date),
            f"{total.panels / 1000:.2f}",
            f"{total.house / 1000:.2f}",
            words.hours(3600 * total.held_hours),
            words.hours(total.absorbing),
            words.hours(total.floating),
            words.span(total),
        )
        for total in sums
    ]
    head = ("", ">panels kWh", ">house kWh", ">held back", ">absorption", ">float", ">charge")
    return table(head, rows)


def months(sums: list[Sum]) -> list[Sum]:
    """The months of these days."""
    totals = []
    for _, group in groupby(sums, lambda total: total.date[:7]):
        month = list(group)
        totals.append(together(month, words.date(month[0].date, "%b %Y")))
    return totals
