"""The table of docs/plant.md from the weeks of tools/sun.py: a line for each battery and place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Week = dict[str, Any]
LOWER = 3  # points of charge, against a house without domo
PUMP, WASHING = "1", "2"
HEATERS = ("4", "5", "6")


def share(weeks: list[Week]) -> str:
    """What the relays used, of what perfect foresight could have used (%)."""
    return f"{100 * sum(one['used'] - one['owed'] for one in weeks) / sum(one['bound'] for one in weeks):.1f}"


def evenings(weeks: list[Week]) -> str:
    """On how many the battery had so much less charge than without domo."""
    return str(sum(lower > LOWER for one in weeks for lower in one["lower"]))


def floats(weeks: list[Week]) -> str:
    """On how many days the regulator came to float."""
    return str(sum(one["float"] for one in weeks))


def depth(weeks: list[Week]) -> str:
    """By how much the lowest charge of a week is above that without domo, in the worst of them (points)."""
    return f"{min(one['lowest'] - one['bare_lowest'] for one in weeks):+.1f}"


def served(relay: str) -> Callable[[list[Week]], str]:
    """What a load got of what was asked of it (%)."""

    def percent(weeks: list[Week]) -> str:
        asked = sum(one["relays"][relay]["asked"] for one in weeks)
        got = sum(min(one["relays"][relay]["served"], one["relays"][relay]["asked"]) for one in weeks)
        return f"{100 * got / asked:.0f}"

    return percent


def missed(relay: str) -> Callable[[list[Week]], str]:
    """Of a washing machine the programmes that were not run, of a pump the minutes that it ran over."""
    return lambda weeks: f"{sum(one['relays'][relay]['missed'] for one in weeks):.0f}"


def starts(weeks: list[Week]) -> str:
    """The most starts of a heater on a day."""
    return str(max(one["relays"][relay]["most"] for one in weeks for relay in HEATERS))


def days(weeks: list[Week]) -> str:
    """How many evenings there were."""
    return str(sum(len(one["lower"]) for one in weeks))


def bare(weeks: list[Week]) -> str:
    """The days in float of a house without domo."""
    return str(sum(one["bare_float"] for one in weeks))


# The title of a column, what it says of the weeks of a set, and what it says once for all sets.
COLUMNS: tuple[tuple[str, Callable[[list[Week]], str], Callable[[list[Week]], str] | None], ...] = (
    ("share of the bound, %", share, None),
    (f"evenings > {LOWER} points lower", evenings, days),
    ("days in float", floats, bare),
    ("lowest, worst week against without", depth, None),
    ("pump served, %", served(PUMP), None),
    ("washing, %", served(WASHING), None),
    ("chargers, %", served("3"), None),
    ("heater, %", served("4"), None),
    ("sump ran over, min", missed(PUMP), None),
    ("programmes missed", missed(WASHING), None),
    ("heater's starts a day, at most", starts, None),
)


def table(weeks: list[Week]) -> Iterator[str]:
    """Its lines: the weeks that every set has; of the first set, and in brackets of the others."""
    sets = sorted({one["set"] for one in weeks}, key=lambda name: (name != "new", name))
    by_set = {name: {place(one): one for one in weeks if one["set"] == name} for name in sets}
    shared = sorted(set.intersection(*map(set, by_set.values()))) if sets else []
    yield "| battery, latitude | weeks | " + " | ".join(title for title, _, _ in COLUMNS) + " |"
    yield "| --- " * (2 + len(COLUMNS)) + "|"
    for chemistry in ("lead", "lfp"):
        for latitude in (*sorted({key[1] for key in shared}), None):
            keys = [key for key in shared if key[0] == chemistry and latitude in (None, key[1])]
            if keys:
                yield line(
                    f"{chemistry}, {latitude or 'all'}",
                    [[by_set[name][key] for key in keys] for name in sets],
                )


def line(title: str, sets: list[list[Week]]) -> str:
    """One line, of the same weeks by each set."""
    cells = [title, str(len(sets[0]))]
    for _, value, once in COLUMNS:
        first, *others = map(value, sets)
        cells.append(
            first + (f" ({'; '.join(others)})" if others else "") + (f" of {once(sets[0])}" if once else "")
        )
    return "| " + " | ".join(cells) + " |"


def place(one: Week) -> tuple[str, int, int, int]:
    """What a week is of, but for the scripts."""
    return one["chemistry"], one["latitude"], one["seed"], one["week"]
