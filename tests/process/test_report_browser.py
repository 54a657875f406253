"""The page in a real browser, a headless Chromium: every picture is there, touch and hover tell the reasons,
nothing overflows a phone, and nothing is fetched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domo.report import page as pages
from support import record
from support.browser import PROGRAM, Browser
from support.house import House, until
from support.record import DAY, report

CURVES = Path(f"{pages.DYGRAPHS}.js").exists()
pytestmark = [
    pytest.mark.timing,
    pytest.mark.skipif(not PROGRAM, reason="there is no chromium here (sudo apt install chromium)"),
]
needs_curves = pytest.mark.skipif(not CURVES, reason="libjs-dygraphs is not installed")
INK = "(s => getComputedStyle(document.querySelector(s)).backgroundColor)"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """One browser for all."""
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about a house with forty days."""
    house = House(tmp_path_factory.mktemp("house"))
    record.furnish(house)
    house.configure(
        {"domo.relayName": {**record.NAMES, 1: "A pump with a name " + "that goes on and on " * 4}}
    )
    for date in record.dates(DAY, 40):
        record.keep(house, date, range(0, 1440, 1 if date == DAY else 3))
    house.set_modes({1: 3, 2: 1, 3: "x" * 200})
    house.tick()
    file = house.folder / "page.html"
    assert report(house, "--html", str(file), DAY).code == 0
    return file


def centre(window: Browser, selector: str) -> tuple[float, float]:
    """The middle of an element that is brought into view."""
    found = window.run(
        f"(e => {{ e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();"
        f" return [b.x + b.width / 2, b.y + b.height / 2] }})(document.querySelector({selector!r}))"
    )
    return found[0], found[1]


def readout(window: Browser) -> str:
    """What is said below the pictures."""
    return str(window.run("document.querySelector('.readout').innerText"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_error_nothing_fetched_nothing_overflows(
    window: Browser, made: Path, width: int, dark: bool
) -> None:
    window.troubles.clear()
    window.show(made, width, dark=dark, touch=width == 360)
    assert window.troubles == []
    assert window.run("document.documentElement.scrollWidth") <= width
    for tab in ("period-1", "period-2"):
        window.run(f"document.getElementById('{tab}').click()")
        assert window.run("document.documentElement.scrollWidth") <= width
    window.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert window.run("document.documentElement.scrollWidth") <= width
    out = """[...document.querySelectorAll('main *')]
        .filter(e => !e.closest('.wide, svg, .dygraph-axis-label'))
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 90))"""
    assert window.run(out) == []


@needs_curves
def test_each_curve_is_drawn(window: Browser, made: Path) -> None:
    """In its own colour, over the minutes of the day that it has."""
    window.show(made)
    assert window.run("document.querySelectorAll('.chart canvas').length") == 4
    drawn = """((n, r, g, b) => { const c = document.querySelectorAll('.chart')[n].querySelector('canvas');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let found = 0;
        for (let i = 0; i < d.length; i += 4) found += d[i + 3] > 150 && Math.abs(d[i] - r) < 12 &&
            Math.abs(d[i + 1] - g) < 12 && Math.abs(d[i + 2] - b) < 12;
        return found })"""
    for chart, *colour in ((0, 217, 130, 0), (0, 32, 36, 42), (0, 0, 128, 92), (1, 0, 114, 178)):
        assert window.run(f"{drawn}({chart}, {', '.join(map(str, colour))})") > 200, colour


@needs_curves
def test_the_other_day_is_drawn_when_it_is_shown(window: Browser, house: House) -> None:
    """As wide as the first, on screen; and on paper both are there."""
    record.furnish(house)
    house.env["TZ"] = "UTC"
    dates = record.dates(time.strftime("%Y-%m-%d", time.gmtime()), 2)
    for date in dates:
        record.keep(house, date)
    file = house.folder / "page.html"
    assert report(house, "--html", str(file)).code == 0
    window.show(file)
    widths = (
        "[...document.querySelectorAll('.chart')].map(c => c.querySelector('canvas') ? c.clientWidth : 0)"
    )
    wide = window.run(widths)
    assert wide == [wide[0], wide[0], 0, 0] and wide[0] > 900
    window.run("document.getElementById('day-1').click()")
    assert window.run(widths)[2:] == wide[:2]
    window.show(file)
    window.ask("Emulation.setEmulatedMedia", media="print")
    until(lambda: 0 not in window.run(widths))
    window.ask("Emulation.setEmulatedMedia", media="")


def test_each_band_is_drawn(window: Browser, made: Path) -> None:
    window.show(made)
    drawn = """[...document.querySelectorAll('#day0 .band')].map(band => [...band.querySelectorAll('path')]
        .filter(p => getComputedStyle(p).fill !== 'rgba(0, 0, 0, 0)')
        .map(p => [p.getAttribute('class'), p.getBBox().width]))"""
    assert window.run(drawn) == [
        [["k5", 120]],
        [["k1", 60]],
        [["k2", 60], ["k4", pytest.approx(240, abs=1)]],
        [["k3", 60]],
    ]


def test_hover_tells_the_reason(window: Browser, made: Path) -> None:
    window.show(made)
    window.hover(*centre(window, "#day0 .band[data-relay='1'] path.k1"))
    assert "09:00 to 10:00, auto on: there is sun" in readout(window)
    window.hover(*centre(window, "#day0 .band[data-relay='3'] path.k3"))
    assert "15:00 to 16:00, held back: float: waits, <b>relay 1</b> goes first" in readout(window)
    assert "charge 100 %, panels 1000 W, house 400 W, battery 600 W" in readout(window)
    window.hover(5, 5)
    assert readout(window).startswith("Touch or hover a picture")


def test_touch_tells_the_reason(window: Browser, made: Path) -> None:
    window.show(made, 360, touch=True)
    window.tap(*centre(window, "#day0 .band[data-relay='2'] path.k2"))
    assert "12:00 to 13:00, forced on: forced on" in readout(window)


@needs_curves
def test_the_curves_and_keys_tell_the_minute(window: Browser, made: Path) -> None:
    window.show(made)
    window.hover(*centre(window, "#day0 .chart.power"))
    assert "panels 1000 W" in readout(window)
    window.run("document.getElementById('day0').focus()")
    window.hover(5, 5)
    window.key("ArrowLeft")
    assert readout(window).startswith("11:50")
    assert "Panels held back" not in readout(window)
    window.key("ArrowRight")
    assert "forced on: forced on" in readout(window)
    assert "12:00 to 14:00, held back: Float" in readout(window)


def test_the_calendar_tells_the_hour(window: Browser, made: Path) -> None:
    window.show(made)
    x, y = centre(window, ".carpet svg")
    window.hover(x, y + 2)
    assert "12:00 to 13:00: held back about 60 min" in window.run("document.getElementById('hour').innerText")


def test_dark_and_light_follow_the_desktop(window: Browser, made: Path) -> None:
    """While the page is open too: the curves are drawn again."""
    window.show(made)
    pixel = "document.querySelector('.chart canvas') && document.querySelector('.chart canvas').toDataURL()"
    light, curve = window.run(f"{INK}('body')"), window.run(pixel)
    window.scheme(dark=True)
    assert light == "rgb(246, 244, 239)"
    assert window.run(f"{INK}('body')") == "rgb(20, 22, 26)"
    if CURVES:
        until(lambda: window.run(pixel) != curve)


def test_on_paper_every_time_is_shown(window: Browser, made: Path, tmp_path: Path) -> None:
    window.show(made)
    window.ask("Emulation.setEmulatedMedia", media="print")
    shown = "[...document.querySelectorAll('.tabs > section')].map(s => getComputedStyle(s).display)"
    assert set(window.run(shown)) == {"block"}
    assert window.run(f"{INK}('body')") == "rgb(255, 255, 255)"
    window.paper(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    window.ask("Emulation.setEmulatedMedia", media="")


def test_without_the_library_bands_and_tables_are_there(
    window: Browser, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from domo.tools import report as program

    monkeypatch.setattr(pages, "DYGRAPHS", str(tmp_path / "nothing"))
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    file = tmp_path / "page.html"
    assert program.main(["--config", str(made.parent / "config.yaml"), "--html", str(file), DAY]) == 0
    monkeypatch.undo()
    time.tzset()
    window.troubles.clear()
    window.show(file)
    assert window.troubles == []
    window.hover(*centre(window, "#day0 .band[data-relay='1'] path.k1"))
    assert "auto on: there is sun" in readout(window)
    assert window.run("document.querySelectorAll('.chart').length") == 0
    assert "no curves: libjs-dygraphs is not installed here" in window.run("document.body.innerText")
