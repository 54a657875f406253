"""What a record and its report cost: a part of `make bench`."""

from __future__ import annotations

import gzip
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark import Case, Cost, Costs, Home, Table

PROJECT = Path(__file__).resolve().parent.parent
DAYS, RELAYS = 365, 8
WITHOUT = (  # what of a tick is the record
    ("from ..stores import memory, modes, record, states", "from ..stores import memory, modes, states"),
    ("    faults += _record(sight, plan, faults)\n", ""),
)


def without(folder: Path) -> str:
    """The same program without its record, in a folder; gives the path of its tick."""
    for name in ("bin", "lib"):
        shutil.copytree(PROJECT / name, folder / name)
    act = folder / "lib/domo/tick/act.py"
    text = act.read_text()
    for old, new in WITHOUT:
        if old not in text:
            raise RuntimeError(f"{act} has changed: it lacks {old!r}")
        text = text.replace(old, new)
    act.write_text(text)
    return str(folder / "bin/domo-tick")


def day(date: str) -> str:
    """A recorded day: eight relays that switch each hour, sixteen values, a line a minute."""
    values = [
        "Roof.CS",
        "Roof.PPV",
        "Roof.V",
        "Roof.I",
        "Roof.MPPT",
        "Barn.CS",
        "Barn.PPV",
        "Barn.V",
        "Barn.I",
    ]
    values += ["Barn.MPPT", "BMV.SOC", "BMV.V", "BMV.I", "BMV.P", "Sums.PPVT", "Sums.CONSO"]
    whats = ("mode", "state", "wanted", "why")
    lines = [
        "time,wrong," + ",".join([*values, *(f"relay{r}.{w}" for r in range(1, RELAYS + 1) for w in whats)])
    ]
    for m in range(1440):
        sun = max(0, 600 - abs(m - 780)) * 2 + m * 7 % 11
        stage = "Float" if 780 < m < 960 else "Bulk" if sun else "Off"
        cells = [f"{date}T{m // 60:02}:{m % 60:02}:07+02:00", ""]
        cells += [stage, str(sun), f"27.{m % 90:02}", f"{sun / 27:.1f}", str(1 + (stage == "Bulk"))] * 2
        cells += [
            f"{60 + sun / 40:.1f}",
            f"27.{m % 90:02}",
            f"{sun / 30:.3f}",
            str(sun - 90),
            str(2 * sun),
            "90",
        ]
        for relay in range(RELAYS):
            on = 540 <= m < 1020 and m // 60 % RELAYS == relay
            why = ("float, and the battery is not discharging", "no surplus")[not on] if m % 60 == 0 else ""
            why = why or (f'"on for {m % 60} min, 20 are the least"' if on and m % 60 < 20 else "")
            cells += [str(1 + on), str(int(on)), str(int(on)), why]
        lines.append(",".join(cells))
    return "".join(f"{line}\n" for line in lines)


def furnish(home: Home) -> int:
    """A year of records; gives the size of one day (bytes)."""
    folder = home.folder / "history"
    folder.mkdir(exist_ok=True)
    text = day("@")
    for ago in range(1, DAYS + 1):
        date = time.strftime("%Y-%m-%d", time.localtime(time.time() - ago * 86400))
        (folder / f"{date}.csv.gz").write_bytes(gzip.compress(text.replace("@", date).encode()))
    (home.folder / "data_today.csv").write_text(text.replace("@", time.strftime("%Y-%m-%d")))
    return len(gzip.compress(text.encode()))


def measure(
    table: Table,
    home: Home,
    case: type[Case],
    run: Callable[[list[str], dict[str, str]], Cost],
    take_turns: Callable[[dict[str, Case], int], Costs],
    rounds: int,
) -> None:
    """A line, a day, a year: what they cost and how large they are."""
    print()
    home.warm()
    bare = [home.command[0], "-IS", "-c", "pass"]
    other = [*home.command[:-1], without(home.folder / "without")]
    home.data()
    run(other, home.env)
    found_costs: list[tuple[float, float]] = []
    for _ in range(4 * rounds):
        home.data()
        first, second, third = (run(command, home.env).cpu for command in (bare, home.command, other))
        found_costs.append((second - third, first))
    cost = statistics.median(cost for cost, _ in found_costs)
    share = cost / statistics.median(first for _, first in found_costs)
    table.line("the record's line on a steady tick", f"{cost * 1e3:.2f} ms", share, 0.05)
    size = furnish(home)
    python, page = home.command[0], home.folder / "page.html"
    command = [python, "-IS", str(PROJECT / "bin/domo-report")]
    first = run([*command, "--html", str(page)], home.env).cpu
    cases = {
        "bare": case(bare, home.env),
        "day": case([*command, "--text", "yesterday"], home.env),
        "year": case([*command, "--html", str(page)], home.env),
    }
    found = take_turns(cases, max(9, rounds // 4))
    table.line("python3 -IS -c pass", f"{found['bare'][0] * 1000:.1f} ms", 1.0)
    table.line("domo-report, a day as text", f"{found['day'][0] * 1000:.0f} ms", found["day"][1], 10.0)
    table.line(
        "domo-report, the page with a year", f"{found['year'][0] * 1000:.0f} ms", found["year"][1], 30.0
    )
    table.say("  the first time, when each day is summed up", f"{first:9.1f} s")
    bytes_ = page.stat().st_size
    table.say("the page's size", f"{bytes_ / 1000:9.0f} kB{'400.00':>17}", bytes_ <= 400_000)
    table.say("a recorded day, compressed", f"{size / 1000:9.1f} kB")
