"""The table of tools/sun.py: a line for each set of scripts, battery and place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Week = dict[str, Any]
HEAD = (
    "scripts    battery lat weeks  share  of best | lower/yr | lowest at worst | float (without) "
    "| served % 1 2 3 4 | starts a day, most 1..6 | missed pump min"
)


def table(weeks: list[Week]) -> Iterator[str]:
    """Its lines."""
    yield HEAD
    sets = sorted({one["set"] for one in weeks}, key=lambda name: (name != "new", name))
    shared = {key for key in map(place, weeks) if all((name, *key) in index(weeks) for name in sets)}
    for chemistry in ("lead", "lfp"):
        for latitude in (*sorted({one["latitude"] for one in weeks}), None):
            for name in sets:
                found = [
                    one
                    for one in weeks
                    if one["set"] == name and one["chemistry"] == chemistry and place(one) in shared
                    and latitude in (None, one["latitude"])
                ]  # fmt: skip
                if found:
                    yield line(name, chemistry, str(latitude or "all"), found)


def place(one: Week) -> tuple[Any, ...]:
    """What a week is of, but for the scripts."""
    return tuple(one[name] for name in ("chemistry", "latitude", "seed", "week"))


def index(weeks: list[Week]) -> dict[tuple[Any, ...], Week]:
    """The weeks by set and place."""
    return {(one["set"], *place(one)): one for one in weeks}


def line(name: str, chemistry: str, latitude: str, weeks: list[Week]) -> str:
    """One line of the table."""
    share = 100 * sum(one["used"] - one["owed"] for one in weeks) / sum(one["bound"] for one in weeks)
    evenings = [lower for one in weeks for lower in one["lower"]]
    lower = 365 * sum(lower > 3 for lower in evenings) / len(evenings)
    depth = max(one["bare_lowest"] - one["lowest"] for one in weeks)
    floats, bare = (365 * sum(one[key] for one in weeks) / len(evenings) for key in ("float", "bare_float"))
    relays = [str(relay) for relay in range(1, 7)]
    served = " ".join(f"{percent(weeks, relay):3.0f}" for relay in relays[:4])
    starts = " ".join(
        f"{sum(one['relays'][r]['starts'] for one in weeks) / len(evenings):.1f}"
        f"({max(one['relays'][r]['most'] for one in weeks)})"
        for r in relays
    )
    missed = sum(one["relays"]["1"]["missed"] for one in weeks) / len(evenings) * 365
    return (
        f"{name:10} {chemistry:7} {latitude:3} {len(weeks):5} {share:5.1f} %         | {lower:8.0f} "
        f"| {-depth:+15.1f} | {floats:5.0f} ({bare:.0f})     | {served}  | {starts} | {missed:.0f}"
    )


def percent(weeks: list[Week], relay: str) -> float:
    """The share of what was asked of a load that it got."""
    asked = sum(one["relays"][relay]["asked"] for one in weeks)
    return (
        100 * sum(min(one["relays"][relay]["served"], one["relays"][relay]["asked"]) for one in weeks) / asked
    )
