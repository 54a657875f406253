"""The table of docs/plant.md, from weeks as tools/sun.py writes them."""

from __future__ import annotations

from typing import Any

from sun_table import table


def week(name: str, seed: int, **values: Any) -> dict[str, Any]:
    """A week of a set of scripts, where each relay has other numbers."""
    relays = {
        str(relay): {"asked": 100, "served": 80 + relay, "missed": 1.0 * relay, "most": relay}
        for relay in range(1, 7)
    }
    return {
        "set": name, "chemistry": "lead", "latitude": 48, "seed": seed, "week": 2, "used": 900, "owed": 0,
        "bound": 1000, "lower": [0.5] * 7, "float": 5, "bare_float": 6, "lowest": 80.0, "bare_lowest": 81.0,
        "relays": relays, **values,
    }  # fmt: skip


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_each_line_compares_the_same_weeks_of_both_sets() -> None:
    weeks = [
        week("new", 1, lower=[3.1, 2.9, 0, 0, 0, 0, 0], owed=100),
        week("new", 2, lowest=70.0),
        week("new", 3, used=1),  # which the other set has not
        week("5222ad7", 1, used=500, float=4),
        week("5222ad7", 2, used=600),
    ]
    head, rule, one, everywhere = table(weeks)
    row = dict(zip(cells(head), cells(one), strict=True))
    assert cells(rule) == ["---"] * len(row)
    assert cells(everywhere)[1:] == cells(one)[1:]
    assert row["battery, latitude"] == "lead, 48"
    assert row["weeks"] == "2"
    assert row["share of the bound, %"] == "85.0 (55.0)"
    assert row["evenings > 3 points lower"] == "1 (0) of 14"
    assert row["days in float"] == "10 (9) of 12"
    assert row["lowest, worst week against without"] == "-11.0 (-1.0)"
    served = [row[f"{name}, %"] for name in ("pump served", "washing", "chargers", "heater")]
    assert served == ["81 (81)", "82 (82)", "83 (83)", "84 (84)"]
    assert (row["sump ran over, min"], row["programmes missed"]) == ("2 (2)", "4 (4)")
    assert row["heater's starts a day, at most"] == "6 (6)"


def test_what_is_served_is_never_more_than_was_asked() -> None:
    """A charger that took what the day before had left does not make up for one that got nothing."""
    one, other = week("new", 1), week("new", 2)
    one["relays"]["3"] |= {"served": 150}
    other["relays"]["3"] |= {"served": 0}
    head, _, line, _ = table([one, other])
    assert dict(zip(cells(head), cells(line), strict=True))["chargers, %"] == "50"
