"""What a record and its report cost: a part of `make bench`."""

from __future__ import annotations

import gzip
import shutil
import statistics
import time

from bench_house import PROJECT, Case, Home, Table, run, take_turns

DAYS, RELAYS = 365, 8
NO_RECORD = (
    'def append(*line: object) -> str:\n    """Nothing."""\n    return ""\n'  # for lib/domo/stores/record.py
)


def without(home: Home) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of a tick by the same program with no record."""
    folder = home.folder / "without"
    for name in ("bin", "lib"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "lib/domo/stores/record.py").write_text(NO_RECORD)
    (folder / "tmp").mkdir(mode=0o700)
    return [*home.command[:-1], str(folder / "bin/domo-tick")], {**home.env, "TMPDIR": str(folder / "tmp")}


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


def measure(table: Table, home: Home, rounds: int) -> None:
    """A line, a day, a year: what they cost and how large they are."""
    print()
    home.warm()
    bare = home.bare
    other, other_env = without(home)
    for _ in range(3):  # its bytecode, and its sealed file
        home.data()
        run(other, other_env)
    found_costs: list[tuple[float, float]] = []
    for _ in range(2 * rounds):
        home.data()
        first = run(bare, home.env).cpu
        found_costs.append((run(home.command, home.env).cpu - run(other, other_env).cpu, first))
    cost = statistics.median(cost for cost, _ in found_costs)
    share = cost / statistics.median(first for _, first in found_costs)
    table.line("the record's line on a steady tick", f"{cost * 1e3:.2f} ms", share, 0.05)
    size = furnish(home)
    python, page = home.command[0], home.folder / "page.html"
    command = [python, "-IS", str(PROJECT / "bin/domo-report")]
    first = run([*command, "--html", str(page)], home.env).cpu
    cases = {
        "bare": Case(bare, home.env),
        "day": Case([*command, "--text", "yesterday"], home.env),
        "year": Case([*command, "--html", str(page)], home.env),
    }
    found = take_turns(cases, max(9, rounds // 4))
    table.line("domo-report, a day as text", f"{found['day'][0] * 1000:.0f} ms", found["day"][1], 10.0)
    table.line(
        "domo-report, the page with a year", f"{found['year'][0] * 1000:.0f} ms", found["year"][1], 30.0
    )
    table.say("  the first time, when each day is summed up", f"{first:9.1f} s")
    bytes_ = page.stat().st_size
    table.say("the page's size", f"{bytes_ / 1000:9.0f} kB{'400.00':>17}", bytes_ <= 400_000)
    table.say("a recorded day, compressed", f"{size / 1000:9.1f} kB")
