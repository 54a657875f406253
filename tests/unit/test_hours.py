"""The sun by a file of hours: what PVGIS and others write is read, what cannot be is told with its line."""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Callable
from pathlib import Path

import pytest

from domo.plant.foreign import PlantError
from domo.plant.hours import Hours
from domo.plant.sky import Panels, Place

PLACE, JAPAN, PANELS = Place(47, 0), Place(47, 140), (Panels(2000, 35, 180),)
HEAD = "Latitude (decimal degrees):\t47.000\nNominal power of the PV system (c-Si) (kWp):\t1.0\n\n"


def day(hour: int) -> float:
    """A sun of 600 W at noon."""
    return max(0.0, 600 - 100 * abs(hour - 12))


def pvgis(
    years: tuple[int, ...] = (2019,), head: str = HEAD, value: Callable[[int], float] = day
) -> list[str]:
    """The lines of a file as PVGIS's hourly download has them."""
    rows = [*head.splitlines(), "time,P,G(i),H_sun,T2m,WS10m,Int"]
    for year in years:
        begin = timegm((year, 1, 1, 0, 10, 0))
        for hour in range((366 if year % 4 == 0 else 365) * 24):
            at = time.strftime("%Y%m%d:%H%M", time.gmtime(begin + 3600 * hour))
            rows.append(f"{at},{value(hour % 24):.1f},{value(hour % 24) * 1.1:.1f},10.0,12.0,1.0,0.0")
    return [*rows, "", "P: PV system power (W)"]


def hours(folder: Path, rows: list[str], seed: int = 1, place: Place = PLACE) -> Hours:
    (folder / "sun.csv").write_text("\r\n".join(rows))
    return Hours(str(folder / "sun.csv"), place, PANELS, seed)


def at(text: str) -> float:
    return float(timegm(time.strptime(text, "%Y-%m-%d %H:%M")))


def test_pvgis_is_read_and_scaled_from_its_kwp_to_the_panels(tmp_path: Path) -> None:
    sun = hours(tmp_path, pvgis())
    assert sun.watts(at("2026-06-21 12:10")) == pytest.approx(1200)
    assert sun.watts(at("2026-06-21 12:40")) == pytest.approx(1100)  # straight to 1000 W at one
    assert sun.watts(at("2026-12-31 23:59")) == sun.watts(at("2026-01-01 00:00")) == 0
    assert sun.watts(at("2028-02-29 12:10")) == pytest.approx(1200)


def test_of_several_years_each_seed_takes_one(tmp_path: Path) -> None:
    rows = pvgis((2019,))[:-2] + pvgis((2020,), "", lambda hour: day(hour) / 2)[1:]
    assert [hours(tmp_path, rows, seed).watts(at("2026-06-21 12:10")) for seed in (1, 2, 3)] == [
        1200,
        600,
        1200,
    ]


def test_another_service_names_its_columns(tmp_path: Path) -> None:
    begin = timegm((2023, 1, 1, 0, 0, 0))
    times = [time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(begin + 3600 * h)) for h in range(8760)]
    plane = hours(
        tmp_path,
        ["timestamp;poa", *(f"{t};{day(h % 24):.1f}".replace(".", ",") for h, t in enumerate(times))],
    )
    assert 900 < plane.watts(at("2026-06-21 12:00")) < 1200
    rows = ["time,poa", *(f"{t},{day((h + 9) % 24)}" for h, t in enumerate(times))]
    japan = hours(tmp_path, rows, place=JAPAN)  # noon is as warm there
    noon = plane.watts(at("2026-06-21 12:00"))
    assert japan.watts(at("2026-06-21 03:00")) == pytest.approx(noon, rel=0.005)
    level = hours(
        tmp_path, ["time,ghi,dni,dhi", *(f"{t},{day(h % 24)},{day(h % 24)},80" for h, t in enumerate(times))]
    )
    assert 900 < level.watts(at("2026-06-21 12:00")) < 1300
    alone = hours(tmp_path, ["time,ghi", *(f"{t},{day(h % 24)}" for h, t in enumerate(times))])
    assert alone.watts(at("2026-06-21 12:00")) > 800 and alone.watts(at("2026-06-21 01:00")) == 0


LEVEL = ["time,ghi,dhi", *(f"2023-01-01T{h:02}:00,{day(h)},{day(h) / 5}" for h in range(24))]


def spoilt(rows: list[str], line: int, text: str | None) -> list[str]:
    """The rows with a line (from 1) changed, or without it."""
    return [*rows[: line - 1], *([] if text is None else [text]), *rows[line:]]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (spoilt(pvgis(), 100, "20190104:2310,x,0,0,0,0,0"), "line 100: P 'x' is no number"),
        (spoilt(pvgis(), 100, "20190104:2310,-5,0,0,0,0,0"), "line 100: P is -5; wants a number from 0 on"),
        (spoilt(pvgis(), 100, "yesterday,0,0,0,0,0,0"), "line 100: 'yesterday' is no time"),
        (spoilt(pvgis(), 100, "20190104:2310"), "line 100: has 1 columns only"),
        (pvgis()[:200] + pvgis()[220:], "line 201: 21 hours are missing before it"),
        (spoilt(pvgis(), 100, pvgis()[97]), "line 100: has the hour of line 98 again; are these local times"),
        (pvgis(value=lambda hour: day(hour) / 1000 if day(hour) else 0), "is that W"),
        (pvgis(value=lambda hour: 0), "there is no sun in it"),
        (spoilt(pvgis(), 100, "20190104:2310,0,0,0,293.15,0,0"), "line 100: the air is 293.15: is that °C?"),
        (spoilt(pvgis(), 100, "20190104:2310,0,0,0,-1e9,0,0"), "line 100: the air is -1e9: is that °C?"),
        (spoilt(pvgis(), 100, "20190104:2310,0,0,0,inf,0,0"), "line 100: the air is inf: is that °C?"),
        (spoilt(pvgis(), 100, "x" * 200_000 + ",0,0,0,0,0,0"), "line 100: is no line of a CSV file"),
        (pvgis(head=HEAD.replace("1.0", "1.2.3")), "line 2: '1.2.3' is no number"),
        (pvgis(head=HEAD.replace("1.0", "0")), "line 2: 0 is no power of panels (kWp)"),
        (spoilt(LEVEL, 14, "2023-01-01T12:00,600,1e7"), "line 14: the highest dhi is 1e+07"),
        (spoilt(LEVEL, 14, "2023-01-01T12:00,600,inf"), "line 14: the highest dhi is inf"),
        (pvgis()[:8000] + pvgis((2020,))[4:8000], "again; of several years one must be whole"),
        (["time,wind", "2020-01-01,3"], "line 1: has none of the columns P, G(i)"),
        (["time,P,power", "2020-01-01,3,4"], "line 1: has both P and power; leave one of them out"),
        (["hello"], "has no line of hours below a header"),
    ],
)
def test_what_cannot_be_the_sun_is_told_with_its_line(tmp_path: Path, rows: list[str], told: str) -> None:
    with pytest.raises(PlantError, match="sun.csv") as caught:
        hours(tmp_path, rows)
    assert told in str(caught.value)


def test_summer_time_that_comes_twice_is_told(tmp_path: Path) -> None:
    """Local times without an offset: at the end of October an hour comes again."""
    rows = ["time,poa"] + [f"2023-10-29T{h:02}:00,{day(h)}" for h in (0, 1, 2, 2, 3, *range(4, 24))]
    with pytest.raises(PlantError, match="line 5: has the hour of line 4 again"):
        hours(tmp_path, rows)


def test_a_file_of_a_month_says_so_in_another(tmp_path: Path) -> None:
    sun = hours(tmp_path, [row for row in pvgis() if not row.startswith("2019") or row.startswith("201906")])
    assert sun.watts(at("2026-06-15 12:10")) == pytest.approx(1200)
    with pytest.raises(PlantError, match="says nothing about 15 December 12:10 UTC"):
        sun.watts(at("2026-12-15 12:10"))


def test_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(PlantError, match="cannot be read"):
        Hours(str(tmp_path / "none.csv"), PLACE, PANELS)
