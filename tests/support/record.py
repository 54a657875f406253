"""A house with a record that a person can check in his head: the same day each day."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

from support.house import PROJECT, House, Ran

DAY = "2024-06-15"
NAMES = {1: "Lift pump", 2: "Washing <machine>", 3: "Tool chargers"}
WATTS = {1: 750, 2: 2000}
COLUMNS = [
    *("time", "wrong", "Roof.CS", "Roof.PPV", "Roof.MPPT", "BMV.SOC", "BMV.V", "BMV.P", "Sums.CONSO"),
    *(f"relay{relay}.{what}" for relay in NAMES for what in ("mode", "state", "wanted", "why")),
]
NOON = 12 * 60


def stamp(date: str, minute: int) -> str:
    """A moment of a day as it is recorded."""
    return f"{date}T{minute // 60:02}:{minute % 60:02}:05+02:00"


def moment(date: str, minute: int) -> list[str]:
    """A line. 1000 W from the panels from 8 to 20, of which the house takes 400; in float and held back
    from noon to 14:00. Relay 1 is on by itself from 9 to 10, relay 2 forced on from noon to 13:00 and forced
    off from 20:00, relay 3 is held back from 15 to 16."""
    day, full = 480 <= minute < 1200, NOON <= minute < NOON + 120
    panels = 1000 if day else 0
    soc = 60 + 40 * min(1.0, max(0, minute - 480) / 240) if minute < 1200 else 90
    values = [
        "no data" if minute == 5 else "",
        "Float" if full else "Bulk" if day else "Off",
        str(panels),
        "1" if full else "2" if day else "0",
        f"{soc:.1f}",
        f"27.{minute % 7}",  # something always moves
        str(panels - 400),
        "400",
    ]
    return [
        stamp(date, minute),
        *values,
        *(
            ("2", "1", "1", "there is sun")
            if 540 <= minute < 600
            else ("1", "0", "0", f"no sun for {minute} s")
        ),
        *(
            ("3", "1", "0", "forced on")
            if NOON <= minute < 780
            else ("0" if minute >= 1200 else "1", "0", "0", "=x")
        ),
        *("1", "0", "1" if 900 <= minute < 960 else "0", "float: waits, <b>relay 1</b> goes first"),
    ]


def lines(date: str, minutes: Iterable[int] = range(1440)) -> Iterator[str]:
    """The CSV of a day: the reasons where they change."""
    yield ",".join(COLUMNS)
    before: list[str] = [""] * len(COLUMNS)
    for minute in minutes:
        cells = moment(date, minute)
        yield ",".join(
            "" if name.endswith(".why") and cell == old else f'"{cell}"' if "," in cell else cell
            for name, cell, old in zip(COLUMNS, cells, before, strict=True)
        )
        before = cells


def text(date: str, minutes: Iterable[int] = range(1440)) -> str:
    """The same as a file holds it."""
    return "".join(f"{line}\n" for line in lines(date, minutes))


def furnish(house: House) -> None:
    """Gives a house those relays."""
    house.env["TZ"] = "Europe/Paris"
    house.configure({"domo.relayName": NAMES, "domo.relayWatt": WATTS})
    (house.folder / "history").mkdir()


def keep(house: House, date: str, minutes: Iterable[int] = range(1440)) -> None:
    """A day in the lasting folder."""
    path = house.folder / f"history/{date}.csv.gz"
    path.write_bytes(gzip.compress(text(date, minutes).encode()))


def dates(last: str, count: int) -> list[str]:
    """So many days up to one."""
    end = time.mktime(time.strptime(last, "%Y-%m-%d")) + 43200
    return [time.strftime("%Y-%m-%d", time.localtime(end - 86400 * n)) for n in reversed(range(count))]


def report(house: House, *arguments: str, **environment: str) -> Ran:
    """Runs `domo-report`."""
    command = [
        sys.executable,
        "-S",
        str(PROJECT / "bin/domo-report"),
        "--config",
        str(house.config),
        *arguments,
    ]
    env = {**house.env, "LC_ALL": "C.UTF-8", **environment}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    return Ran(done.returncode, done.stdout, done.stderr)
