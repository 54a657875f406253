"""How the report writes: numbers, hours, days; the same on the page and in the terminal."""

from __future__ import annotations

from datetime import datetime

from ..core.settings import Config
from .sums import Sum

NONE = "–"  # what is not known


def hours(seconds: float) -> str:
    """A duration: "0", "4 min", "3 h 05"."""
    whole = round(seconds / 60)
    if whole >= 6000:
        return f"{whole / 60:.0f} h"
    return f"{whole // 60} h {whole % 60:02}" if whole >= 60 else f"{whole} min" if whole else "0"


def energy(wh: float) -> str:
    """Energy: "850 Wh", "4.21 kWh", "132 kWh"."""
    if abs(wh) < 1000:
        return f"{wh:.0f} Wh"
    return f"{wh / 1000:.2f} kWh" if abs(wh) < 100_000 else f"{wh / 1000:.0f} kWh"


def watts(value: float | None) -> str:
    """Power in W, or NONE."""
    return NONE if value is None else f"{value:.0f} W"


def percent(value: float | None) -> str:
    """A charge."""
    return NONE if value is None else f"{value:.0f} %"


def span(total: Sum) -> str:
    """From the lowest to the highest charge."""
    return NONE if total.lowest is None else f"{total.lowest:.0f} to {total.highest:.0f} %"


def date(day: str, form: str = "%A %-d %B %Y") -> str:
    """A day (YYYY-MM-DD) in words; any other text as it is."""
    try:
        return datetime.fromisoformat(day).strftime(form)
    except ValueError:
        return day


def figures(total: Sum) -> list[tuple[str, str]]:
    """The figures of the house: what, how much."""
    return [
        ("from the panels", energy(total.panels)),
        ("used by the house", energy(total.house)),
        ("held back", hours(total.held_hours * 3600)),
        ("in absorption", hours(total.absorbing)),
        ("in float", hours(total.floating)),
        ("charge", span(total)),
    ]


def relays(config: Config, total: Sum) -> list[tuple[str, float, int, float | None]]:
    """Each relay: its name, hours on, starts, Wh (None: it does not say what it draws)."""
    energies = total.energy(config)
    rows = []
    for relay in sorted({*config.relays, *total.relays}):
        seconds, starts = total.relays.get(relay, (0.0, 0))
        rows.append((f"{relay} {config.name(relay)}", seconds / 3600, starts, energies.get(relay)))
    return rows


def before_and_since(sums: list[Sum]) -> str:
    """For how long panels were held back before domo switched anything on, and since; "" if only one of
    both is recorded."""
    first = next((n for n, total in enumerate(sums) if total.auto), None)
    if not first:
        return ""
    parts = []
    for name, period in (("before domo", sums[:first]), ("since", sums[first:])):
        mean = sum(total.held_hours for total in period) / len(period)
        parts.append(
            f"{name} {mean:.1f} h a day ({len(period)} days from {date(period[0].date, '%-d %b %Y')})"
        )
    return f"{parts[0]}, {parts[1]}; seasons differ, so compare the same months"
