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
sys.path[:0] = [str(PROJECT / "lib"), str(PROJECT / "tools")]

import browser  # noqa: E402
import demo  # noqa: E402
from domo.core.model import Config, Decision, Now  # noqa: E402
from domo.plant import replay, sun  # noqa: E402
from domo.stores import config as configs  # noqa: E402
from domo.stores import history, modes, reading, record, states  # noqa: E402
from domo.tick import tick  # noqa: E402
from domo.tools import report  # noqa: E402

ZONE, TODAY, HOUR = "Europe/Paris", (2026, 6, 16), 16.4
PLANT = sun.Plant(latitude=47, panels=2400, battery=12000, house=110, seed=6)
BEGAN = 150  # days ago, domo did not switch anything before


def house(folder: Path) -> Config:
    """The house of `make run` in a folder, with a record."""
    scripts = folder / "relay.script.d"
    scripts.mkdir(mode=0o755, parents=True)
    for relay, example in demo.RELAYS.items():
        text = (PROJECT / "relay.script.d" / f"{example}.py.example").read_text()
        (scripts / f"{relay}.py").write_text(text)
        (scripts / f"{relay}.py").chmod(0o644)
    names = {relay: example.replace("-", " ").capitalize() for relay, example in demo.RELAYS.items()}
    (folder / "config.yaml").write_text(demo.CONFIG.format(number=len(demo.RELAYS), names=names))
    return configs.load(str(folder / "config.yaml"))[0]


def simple(
    config: Config, ago: int, midnight: float, flow: sun.Flow
) -> Iterator[tuple[dict[str, str], sun.Flow]]:
    """A day's lines, one each three minutes, of a house that needs no scripts."""
    watts = {1: 750.0, 3: 300.0, 4: 330.0}
    on: dict[int, bool] = dict.fromkeys(config.relays, False)
    for minute in range(sun.MINUTES):
        wall = midnight + 60 * minute
        if ago < BEGAN and minute % 30 == 0:
            full = flow.stage in ("Float", "Absorption")
            on = {
                1: full and minute % 120 == 0,
                2: False,
                3: full and flow.soc > 0.9,
                4: flow.stage == "Float",
            }
        light, draw = replay._outside(PLANT, wall)
        flow = sun.minute(PLANT, flow, light, draw + sum(watts[r] for r in watts if on[r]))
        if minute % 3 == 0:
            values = reading.judge(sun.report(PLANT, flow, wall), config, Now(wall, 1e6, ""))
            plan = {
                r: Decision(1, 1 + on[r], on[r], int(on[r]), "float" if on[r] else "no surplus") for r in on
            }
            before = {} if minute == 0 else {r: d.why for r, d in plan.items()}
            yield record.fields(config, wall, values, plan, before, ()), flow


def past_year(config: Config, midnight: float, days: int) -> sun.Flow:
    """Writes the days before the last two; gives what flows at their end."""
    os.makedirs(config.recordDir, exist_ok=True)
    flow = sun.Flow(0.8)
    for ago in range(days, 1, -1):
        local = time.localtime(midnight - ago * 86400 + 7200)
        start = time.mktime((*local[:3], 0, 0, 0, 0, 0, -1))
        lines, columns = [], []
        for found, after in simple(config, ago, start, flow):
            columns, flow = columns or list(found), after
            lines.append(record.row(found, columns))
        text = "\n".join([",".join(columns), *lines, ""])
        name = history.lasting(config, record.stamp(start)[:10])
        Path(name).write_bytes(history.packed(text.encode()))
        os.utime(name, (start + 86400, start + 86400))
    return flow


def ticks(config: Config, start: float, end: float, flow: sun.Flow) -> Now:
    """Real ticks, each minute from `start` to `end`, on a generated sun; the owner forces a relay or two."""
    now = Now(start, 1e6, "look")
    forces = {10.5 * 60: {3: 3}, 12 * 60: {3: 1}, 15 * 60: {4: 0}, 18 * 60: {4: 1}}
    while now.wall < end:
        on = states.load(config.etatPath)
        light, draw = replay._outside(PLANT, now.wall)
        flow = sun.minute(PLANT, flow, light, draw + sum(config.relayWatt[r] for r, s in on.items() if s))
        _publish(config, sun.report(PLANT, flow, now.wall), now)
        minute = (now.wall - start) / 60 % 1440
        if minute in forces:
            modes.set_owner(config.modPath, forces[minute])
        with contextlib.redirect_stderr(io.StringIO()):
            tick.main(config.path, clock=lambda now=now: now)  # type: ignore[misc]
        now = Now(now.wall + 60, now.up + 60, now.boot)
    return now


def _publish(config: Config, devices: list[tuple[str, str, str, dict[str, reading.Value]]], now: Now) -> None:
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
    flow = past_year(config, midnight, days)
    return config, ticks(config, midnight - 86400, midnight + HOUR * 3600, flow)


def pictures(path: str, folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """A picture of each page, wide and on a phone, light and dark."""
    with browser.Browser(path) as window:
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
    parser.add_argument("--days", type=int, default=365)
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    config, now = samples(asked.folder, asked.days)
    pages = {"today": [], "day": ["yesterday"]}
    for name, more in pages.items():
        page = asked.folder / f"{name}.html"
        report.main(["--config", config.path, "--html", str(page), *more], lambda: now)
        print(f"{page}: {page.stat().st_size} bytes")
    path = browser.installed()
    if not path:
        print("no pictures: there is no chromium (sudo apt install chromium)")
        return 0
    for picture in pictures(path, asked.folder, pages):
        print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
