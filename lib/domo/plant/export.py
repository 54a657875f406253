"""A replay's numbers for other programs: JSON with everything, CSV with a line a day."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..core.history import OFF, ON
from .run import Scenario
from .tally import Result, Sums, Tally

DAYS = ("sun", "used", "lost", "bare_lost", "relays", "paid")  # of Sums, in Wh


def as_json(scenarios: Sequence[Scenario], results: Sequence[Result]) -> str:
    """A list with an object for each replay: energies in kWh, charges in %."""
    replays = [
        {
            "scripts": scenario.config.scriptDir,
            "seed": scenario.seed,
            "days": scenario.days,
            "plant": scenario.model or dict(scenario.config.plant),
            **_whole(result),
        }
        for scenario, result in zip(scenarios, results, strict=True)
    ]
    return json.dumps(replays, indent=2)


def _whole(result: Result) -> dict[str, Any]:
    return {
        "total": sums(result.total),
        "bound_kWh": None if result.bound is None else round(result.bound / 1000, 3),
        "share_of_bound": None if result.share is None else round(result.share, 4),
        "evenings": result.evenings,
        "evenings_lower": result.deeper,
        "days_in_float": result.floats,
        "days_in_float_without": result.bare_floats,
        "lost_to_nobody_kWh": round(result.nobody / 1000, 3),
        "months": {month: sums(of_month) for month, of_month in result.months.items()},
        "relays": {relay: _relay(tally) for relay, tally in result.relays.items()},
        "faults": dict(result.faults),
    }


def sums(of_days: Sums) -> dict[str, float]:
    """Sums by name: kWh, % and minutes."""
    named: dict[str, float] = {
        f"{name}_kWh".replace("bare_lost", "lost_without"): round(getattr(of_days, name) / 1000, 3)
        for name in DAYS
    }
    named |= {"lowest": round(100 * of_days.lowest, 1), "lowest_without": round(100 * of_days.bare_lowest, 1)}
    return {**named, "dark_minutes": of_days.dark}


def _relay(tally: Tally) -> dict[str, Any]:
    asked, served, missed, unit = tally.demand
    return {
        "name": tally.name,
        "hours": round(tally.minutes / 60, 2),
        "starts": tally.starts,
        "shortest_run_minutes": tally.shortest,
        "used_kWh": round(tally.energy / 1000, 3),
        "else_lost_kWh": round(tally.spared / 1000, 3),
        "lowest": round(100 * tally.lowest, 1),
        "asked_kWh": round(asked / 1000, 3),
        "served_kWh": round(served / 1000, 3),
        "missed": {"count": round(missed, 1), "unit": unit} if unit else None,
        "lost_while_off_kWh": {why: round(wh / 1000, 3) for why, wh in Counter(tally.missed).most_common()},
        "minutes_on": dict(tally.reasons[ON].most_common()),
        "minutes_off": dict(tally.reasons[OFF].most_common()),
    }


def as_csv(scenarios: Sequence[Scenario], results: Sequence[Result]) -> str:
    """A line a day of each replay."""
    text = io.StringIO()
    head = list(sums(Sums()))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["scripts", "seed", "day", *head])
    for scenario, result in zip(scenarios, results, strict=True):
        for day, of_day in result.days.items():
            writer.writerow([scenario.config.scriptDir, scenario.seed, day, *sums(of_day).values()])
    return text.getvalue().rstrip("\n")
