"""Several replays side by side: sets of scripts as columns, the mean over seeds and its range."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from .run import Scenario
from .tally import Result, Tally

Measure = Callable[[Result], float | None]
ROWS: tuple[tuple[str, str, Measure], ...] = (
    ("share of the bound", "%", lambda r: None if r.share is None else 100 * r.share),
    ("used by relays", "kWh", lambda r: r.total.relays / 1000),
    ("lost without domo", "kWh", lambda r: r.total.bare_lost / 1000),
    ("lost", "kWh", lambda r: r.total.lost / 1000),
    ("from the battery", "kWh", lambda r: r.total.paid / 1000),
    ("evenings > 3 % lower", "days", lambda r: r.deeper),
    ("float", "days", lambda r: r.floats),
    ("float without domo", "days", lambda r: r.bare_floats),
    ("lowest charge", "%", lambda r: 100 * r.total.lowest),
    ("lowest without domo", "%", lambda r: 100 * r.total.bare_lowest),
    ("empty battery", "min", lambda r: r.total.dark),
)
OF_RELAY: tuple[tuple[str, str, Callable[[Tally], float | None]], ...] = (
    ("used", "kWh", lambda t: t.energy / 1000),
    ("hours on", "h", lambda t: t.minutes / 60),
    ("starts", "", lambda t: t.starts),
    ("shortest run", "min", lambda t: t.shortest or None),
    ("served", "%", lambda t: 100 * min(1.0, t.demand[1] / t.demand[0]) if t.demand[0] else None),
)


def table(scenarios: Sequence[Scenario], results: Sequence[Result]) -> Iterator[str]:
    """The lines of the table."""
    sets: dict[str, list[Result]] = {}
    for scenario, result in zip(scenarios, results, strict=True):
        sets.setdefault(scenario.config.scriptDir, []).append(result)
    seeds = sorted({scenario.seed for scenario in scenarios})
    several = (
        f"seeds {seeds[0]} to {seeds[-1]}: mean (least to most)" if len(seeds) > 1 else f"seed {seeds[0]}"
    )
    names = [os.path.basename(folder.rstrip("/")) for folder in sets]
    if len({*names}) < len(names):
        names = [*sets]
    yield f"{several:32}" + "".join(f"{_short(name):>24}" for name in names)
    for title, unit, measure in ROWS:
        cells = [[measure(result) for result in of_set] for of_set in sets.values()]
        yield from _row(f"{_title(title, unit):32}", cells)
    for relay in sorted({relay for of_set in sets.values() for relay in of_set[0].relays}):
        of_sets = [[result.relays.get(relay, Tally()) for result in of_set] for of_set in sets.values()]
        name = next((tally.name for row in of_sets for tally in row if tally.name), "")
        yield f"{relay} {name}"
        for title, unit, of_relay in OF_RELAY:
            cells = [[of_relay(tally) for tally in row] for row in of_sets]
            yield from _row(f"  {_title(title, unit):30}", cells)


def _title(title: str, unit: str) -> str:
    return f"{title} ({unit})" if unit else title


def _row(title: str, cells: Sequence[Sequence[float | None]]) -> Iterator[str]:
    """A row of the table, if any set has a value for it."""
    if any(value is not None for of_set in cells for value in of_set):
        yield title + "".join(map(_cell, cells))


def _short(name: str) -> str:
    return name if len(name) <= 22 else "…" + name[-21:]


def _cell(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return f"{'':24}"
    mean = sum(known) / len(known)
    least, most = min(known), max(known)
    spread = f" ({_digits(least)} to {_digits(most)})" if least != most else ""
    return f" {f'{mean:.1f}' + spread:>23}"


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
