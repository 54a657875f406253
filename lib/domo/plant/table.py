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
    yield f"{several:32}" + "".join(f"{_short(name):>24}" for name in sets)
    for title, unit, measure in ROWS:
        cells = [[measure(result) for result in of_set] for of_set in sets.values()]
        if any(value is not None for row in cells for value in row):
            yield f"{title + (f' ({unit})' if unit else ''):32}" + "".join(_cell(row) for row in cells)
    for relay in sorted({relay for of_set in sets.values() for relay in of_set[0].relays}):
        of_sets = [[result.relays.get(relay, Tally()) for result in of_set] for of_set in sets.values()]
        name = next((tally.name for row in of_sets for tally in row if tally.name), "")
        yield f"{relay} {name}"
        for title, unit, of_relay in OF_RELAY:
            cells = [[of_relay(tally) for tally in row] for row in of_sets]
            if any(value is not None for row in cells for value in row):
                yield f"  {title + (f' ({unit})' if unit else ''):30}" + "".join(_cell(row) for row in cells)


def _short(name: str) -> str:
    base = os.path.basename(name.rstrip("/"))
    return base if len(base) <= 22 else "…" + base[-21:]


def _cell(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return f"{'':24}"
    mean = sum(known) / len(known)
    spread = f" ({min(known):.3g} to {max(known):.3g})" if min(known) != max(known) else ""
    return f"{f'{mean:.1f}' + spread:>24}"
