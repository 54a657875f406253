"""`make look`: a year of sample records, the pages made of them, and pictures of these by Chromium.

The last days are real ticks on a generated sun, with the scripts of `make run`; the year before is summed
up from a simpler house. Nothing of it is anybody's.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "lib"), str(PROJECT / "tools"), str(PROJECT / "tests")]

import demo  # noqa: E402
from domo.core.model import Decision, Now  # noqa: E402
from domo.core.settings import Config  # noqa: E402
from domo.plant.foreign import Devices, Driven  # noqa: E402
from domo.plant.loads import made  # noqa: E402
from domo.plant.plant import Plant, fields, place  # noqa: E402
from domo.plant.sky import Sky  # noqa: E402
from domo.stores import config as configs  # noqa: E402
from domo.stores import edits, history, reading, record, states  # noqa: E402
from domo.tick import run  # noqa: E402
from domo.tools import report  # noqa: E402
from support.browser import PROGRAM, Browser  # noqa: E402

ZONE, TODAY, HOUR = "Europe/Paris", (2026, 6, 16), 17.6
SMALL, LARGE = "panels: 1200, battery: 6000", "panels: 2400, battery: 12000"
BEGAN = 150  # days ago, domo did not switch anything before


def house(folder: Path) -> Config:
    """The house of `make run` in a folder, with a larger plant."""
    demo.furnish(folder)
    file = folder / "config.yaml"
    file.write_text(file.read_text().replace(SMALL, LARGE))
    return configs.load(str(file))[0]


def plant(config: Config, seed: int) -> Driven:
    """The plant of a replay, at 80 %; each relay that is on draws what relayWatt says."""
    sky = Sky(place(config.plant), fields(config.plant), seed)
    return Driven(Plant(config.plant, made({}, config.relayWatt), seed, 0.8, sky), trusted=True)


def simple(config: Config, plant: Driven, ago: int, midnight: float) -> Iterator[dict[str, str]]:
    """A day's lines, one each three minutes, of a house that needs no scripts."""
    on: dict[int, int] = dict.fromkeys(config.relays, 0)
    for minute in range(1440):
        wall = midnight + 60 * minute
        if ago < BEGAN and minute % 30 == 0:
            flow = plant.model.flow  # type: ignore[attr-defined]
            full = flow.stage in ("Float", "Absorption")
            wash = full and ago % 3 == 0 and 660 <= minute < 840
            on = {
                1: full and minute % 120 == 0,
                2: wash,
                3: full and flow.soc > 0.9,
                4: flow.stage == "Float",
            }
        plant.minute(wall, on)
        if minute % 3 == 0:
            values = reading.judge(plant.reading(wall), config, Now(wall, 1e6, ""))
            plan = {
                r: Decision(1, 1 + bool(s), int(s), int(s), "float" if s else "no surplus")
                for r, s in on.items()
            }
            before = {} if minute == 0 else {r: d.why for r, d in plan.items()}
            yield record.fields(config, wall, values, plan, before, ())


def past_year(config: Config, plant: Driven, midnight: float, days: int) -> None:
    """Writes the days before the last two."""
    os.makedirs(config.recordDir, exist_ok=True)
    for ago in range(days, 1, -1):
        local = time.localtime(midnight - ago * 86400 + 7200)
        start = time.mktime((*local[:3], 0, 0, 0, 0, 0, -1))
        found = list(simple(config, plant, ago, start))
        columns = list(found[0])
        text = "\n".join([",".join(columns), *(record.row(line, columns) for line in found), ""])
        name = history.lasting(config, record.stamp(start)[:10])
        Path(name).write_bytes(history.packed(text.encode()))
        os.utime(name, (start + 86400, start + 86400))


def ticks(config: Config, plant: Driven, start: float, end: float) -> Now:
    """Real ticks, each minute from `start` to `end`; the owner forces a relay or two."""
    now = Now(start, 1e6, "look")
    forces = {10.5 * 60: {3: 3}, 12 * 60: {3: 1}, 15 * 60: {4: 0}, 18 * 60: {4: 1}}
    while now.wall < end:
        on, _ = states.load(config.etatPath)
        plant.minute(now.wall, on)
        _publish(config, plant.reading(now.wall), now)
        minute = (now.wall - start) / 60 % 1440
        if minute in forces:
            edits.set_owner(config.modPath, forces[minute])
        with contextlib.redirect_stderr(io.StringIO()):
            run.main(config.path, clock=lambda now=now: now)  # type: ignore[misc]
        now = Now(now.wall + 60, now.up + 60, now.boot)
    return now


def _publish(config: Config, devices: Devices, now: Now) -> None:
    """PvMonit's data file."""
    text = "".join(
        f'<device id="{number}"><nom>{name}</nom><timerefresh>{stamp}</timerefresh><datas>'
        + "".join(
            f'<data id="{key}"><value>{value.text}</value><valueBeast>{value.raw}</valueBeast></data>'
            for key, value in values.items()
        )
        + "</datas></device>"
        for number, name, stamp, values in devices
    )
    Path(config.tmpFileDataXml).write_text(f"<devices>{text}</devices>")
    os.utime(config.tmpFileDataXml, (now.wall, now.wall))


def samples(folder: Path, days: int = 365) -> tuple[Config, Now]:
    """A house with records of so many days, and the moment that it is there."""
    os.environ["TZ"] = ZONE
    time.tzset()
    os.environ["TMPDIR"] = str(folder)
    config = house(folder)
    midnight = time.mktime((*TODAY, 0, 0, 0, 0, 0, -1))
    past_year(config, plant(config, 12), midnight, days)  # its winter empties no battery
    return config, ticks(config, plant(config, 10), midnight - 86400, midnight + HOUR * 3600)  # two fine days


def pictures(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """A picture of each page, wide and on a phone, light and dark."""
    with Browser() as window:
        for name in names:
            for width in (1100, 360):
                for dark in (False, True):
                    window.show(folder / f"{name}.html", width, dark=dark, touch=width < 500)
                    picture = folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"
                    window.picture(picture)
                    yield picture


def main() -> int:
    """Makes records and pages in a folder, and pictures of them where there is a Chromium."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "domo-look")
    parser.add_argument("--days", type=int, default=365, help="of records (default: 365)")
    parser.add_argument("--readme", action="store_true", help="and the picture at the top of the README")
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    config, now = samples(asked.folder, asked.days)
    pages = {"today": [], "day": ["yesterday"]}
    for name, more in pages.items():
        page = asked.folder / f"{name}.html"
        report.main(["--config", config.path, "--html", str(page), *more], lambda: now)
        print(f"{page}: {page.stat().st_size} bytes")
    if not PROGRAM:
        print("no pictures: there is no chromium (sudo apt install chromium)")
        return 0
    for picture in pictures(asked.folder, pages):
        print(picture)
    if asked.readme:
        with Browser() as window:
            window.show(asked.folder / "today.html")
            window.run("document.getElementById('day-1').click()")  # yesterday
            window.picture(PROJECT / "docs/report.png", height=1130)
    return 0


if __name__ == "__main__":
    sys.exit(main())
