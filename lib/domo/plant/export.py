"""A replay's numbers for other programs: JSON with everything, CSV with a line a day."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from ..core.history import OFF, ON
from .run import Asked
from .tally import Result, Sums, Tally

DAYS = ("sun", "used", "lost", "bare_lost", "relays", "paid")  # of Sums, in Wh


def as_json(asked: Sequence[Asked], results: Sequence[Result]) -> str:
    """A list with an object for each replay: energies in kWh, charges in %."""
    found = [
        {
            "scripts": one.config.scriptDir,
            "seed": one.seed,
            "days": one.days,
            "plant": one.model or dict(one.config.plant),
            **_whole(result),
        }
        for one, result in zip(asked, results, strict=True)
    ]
    return json.dumps(found, indent=2)


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
        "months": {month: sums(one) for month, one in result.months.items()},
        "relays": {relay: _relay(one) for relay, one in result.relays.items()},
        "faults": dict(result.faults),
    }


def sums(one: Sums) -> dict[str, float]:
    """Sums by name: kWh, % and minutes."""
    found: dict[str, float] = {
        f"{name}_kWh".replace("bare_lost", "lost_without"): round(getattr(one, name) / 1000, 3)
        for name in DAYS
    }
    found |= {"lowest": round(100 * one.lowest, 1), "lowest_without": round(100 * one.bare_lowest, 1)}
    return {**found, "dark_minutes": one.dark}


def _relay(one: Tally) -> dict[str, Any]:
    asked, served, missed, unit = one.demand
    return {
        "name": one.name,
        "hours": round(one.minutes / 60, 2),
        "starts": one.starts,
        "shortest_run_minutes": one.shortest,
        "used_kWh": round(one.energy / 1000, 3),
        "else_lost_kWh": round(one.spared / 1000, 3),
        "lowest": round(100 * one.lowest, 1),
        "asked_kWh": round(asked / 1000, 3),
        "served_kWh": round(served / 1000, 3),
        "missed": {"count": round(missed, 1), "unit": unit} if unit else None,
        "lost_while_off_kWh": {
            why: round(wh / 1000, 3) for why, wh in sorted(one.missed.items(), key=_largest)
        },
        "minutes_on": dict(one.reasons[ON].most_common()),
        "minutes_off": dict(one.reasons[OFF].most_common()),
    }


def as_csv(asked: Sequence[Asked], results: Sequence[Result]) -> str:
    """A line a day of each replay."""
    text = io.StringIO()
    head = list(sums(Sums()))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["scripts", "seed", "day", *head])
    for one, result in zip(asked, results, strict=True):
        for day, of_day in result.days.items():
            writer.writerow([one.config.scriptDir, one.seed, day, *sums(of_day).values()])
    return text.getvalue().rstrip("\n")


def _largest(item: tuple[str, float]) -> float:
    return -item[1]
