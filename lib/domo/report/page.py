"""The page: one HTML file that fetches nothing, at most 400 kB, with a table behind each picture."""

from __future__ import annotations

import json
from html import escape

from ..core.history import ON
from ..core.model import FORCED, Fault
from ..core.settings import Config
from ..core.texts import minutes
from ..panel.frame import LATE, View, rows
from ..system import files
from . import days, pictures, tables, words
from .book import Book
from .days import Day
from .sums import Sum, of, together

LIMIT = 400_000  # bytes
DYGRAPHS = "/usr/share/javascript/dygraphs/dygraph.min"  # where apt puts libjs-dygraphs
FOLDER = __file__.rpartition("/")[0]
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
LEGEND = (("panels", "sun"), ("house", "house"), ("battery, + is charging", "battery"), ("charge", "soc"))
PERIODS = (("7 days", 7), ("30 days", 30), ("12 months", 365))


def made(book: Book, shown: list[Day], view: View | None, at: str) -> str:
    """The page about these days, the most important first, and all days before them. `view`: the relays as
    they are now; `at`: when that is. A page that would be too large is made with less detail."""
    library, text = _library(), ""
    for step, pieces in ((2, 900), (2, 300), (5, 100), (10, 40)):
        count = max(1, sum(len(day.relays) for day in shown))
        text = _page(book, shown, view, at, library, step, max(6, pieces // count))
        if len(text.encode()) <= LIMIT:
            break
    return text


def _library() -> tuple[str, str]:
    """dygraphs' script and style, "" where it is not installed."""
    try:
        script, style = (files.read(f"{DYGRAPHS}.{kind}")[0].decode() for kind in ("js", "css"))
    except (OSError, Fault, UnicodeError):
        return "", ""
    code = "\n".join(line for line in script.splitlines() if not line.startswith("//# sourceMappingURL"))
    return code.replace("</script", "<\\/script"), style.partition("/*# sourceMappingURL")[0]


def _own(name: str) -> str:
    return files.read(f"{FOLDER}/{name}")[0].decode()


def _page(
    book: Book, shown: list[Day], view: View | None, at: str, library: tuple[str, str], step: int, limit: int
) -> str:
    script, style = library
    curves = {f"day{n}": pictures.curves(day, step) for n, day in enumerate(shown) if day.minutes}
    data = json.dumps(curves, separators=(",", ":")).replace("<", "\\u003c")
    title = "What the sun did, and what domo made of it"
    mark = '<p class="mark">Simulated: a generated sun, not what happened</p>' if book.simulated else ""
    newest = shown[0].date
    parts = (
        _now(view) if view else "",
        _days(book, shown, limit, bool(script)),
        _periods(book, newest),
        _calendar(book, newest),
    )
    notes = [*book.notes]
    if not script:
        notes.append("no curves: libjs-dygraphs is not installed here (sudo apt install libjs-dygraphs)")
    foot = "".join(f"<p>{escape(note)}</p>" for note in dict.fromkeys(notes))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>domo: {escape(words.date(newest, "%-d %b %Y"))}{" (simulated)" if book.simulated else ""}</title>
<style>{style}{_own("page.css")}</style>
</head>
<body>
<header>{mark}<h1>{title}</h1><p class="soft">{escape(at)}</p></header>
<main>
{"".join(parts)}
</main>
<footer>{foot}<p>Made by domo-report. This page fetches nothing; hours are the house's own.</p></footer>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
<script>{_own("page.js")}</script>
</body>
</html>
"""


def _now(view: View) -> str:
    """The relays as they are, and what is wrong."""
    cards = []
    for relay, name, mode, state, age, why in rows(view):
        on, hand = view.states.get(relay) == ON, view.modes.get(relay) in FORCED
        since = "" if age is None else f" for {minutes(age)}"
        kind = f"relay card{' on' if on else ''}{' hand' if hand else ''}"
        cards.append(
            f'<article class="{kind}"><span class="state">{state}</span><b>{relay} {escape(name)}</b>'
            f"<p>{mode}{since}</p><p class=soft>{escape(why if why != mode else '')}</p></article>"
        )
    wrong = [*filter(None, (view.message, *view.past.reports))]
    if view.past.tick is None:
        wrong.append("no tick yet")
    elif view.past.tick > LATE:
        wrong.append(f"the last tick was {minutes(view.past.tick)} ago: is cron running?")
    items = "".join(f"<li>{escape(line)}</li>" for line in dict.fromkeys(wrong))
    alert = f'<div class="card alert" role="alert"><ul>{items}</ul></div>' if wrong else ""
    return f'<h2>Now</h2><div class="relays">{"".join(cards)}</div>{alert}'


def _tabs(name: str, titles: list[str], sections: list[str]) -> str:
    """Sections of which one is shown; on paper all are."""
    inputs = "".join(
        f'<input type="radio" name="{name}" id="{name}-{n}"{" checked" if n == 0 else ""}>'
        f'<label for="{name}-{n}">{escape(title)}</label>'
        for n, title in enumerate(titles)
    )
    return f'<div class="tabs">{inputs}{"".join(f"<section>{text}</section>" for text in sections)}</div>'


def _days(book: Book, shown: list[Day], limit: int, drawn: bool) -> str:
    titles = []
    for day in shown:
        near = {book.today: "Today", days.earlier(book.today, 1): "Yesterday"} if not book.simulated else {}
        titles.append(near.get(day.date, words.date(day.date, "%-d %b %Y")))
    sections = [_day(book.config, day, f"day{n}", limit, drawn) for n, day in enumerate(shown)]
    if len(shown) == 1:
        return f"<h2>{escape(words.date(shown[0].date))}</h2>{sections[0].partition('</h3>')[2]}"
    return f"<h2>The day</h2>{_tabs('day', titles, sections)}"


def _day(config: Config, day: Day, name: str, limit: int, drawn: bool) -> str:
    head = f"<h3>{escape(words.date(day.date))}</h3>"
    if not day.minutes:
        return f"{head}<p>Nothing is recorded of this day.</p>"
    total = of(day)
    legend = "".join(f'<li style="--c:var(--{colour})"><i></i>{text}</li>' for text, colour in LEGEND)
    charts = (
        '<div class="plot"><div class="chart power"></div></div>'
        '<div class="plot"><div class="chart low"></div></div>'
        if drawn
        else ""
    )
    hours = "".join(f"<span>{hour:02}</span>" for hour in range(0, 25, 6))
    wrong = "".join(f"<li>{days.clock(at)} {escape(said)}</li>" for at, said in day.wrong[:20])
    return f"""{head}<div class="card">{_figures(total)}
{f'<ul class="legend">{legend}</ul>' if drawn else ""}
<div class="stack" id="{name}" tabindex="0" role="group" aria-label="The day; arrow keys move along">
{charts}<div class="bands">{pictures.bands(config, day, limit)}</div><div class="cursor"></div>
<div class="hours" aria-hidden="true">{hours}</div></div>
{pictures.keys()}
<p class="readout">Touch or hover a picture: the values of that minute, and why a relay was on or off.</p>
{tables.folded("The curves as a table", tables.hourly(day))}
{tables.folded("The bands as a table", tables.pieces(config, day, limit))}</div>
<h3>Switches</h3>{tables.switches(config, day) if day.switches else "<p>No relay was switched.</p>"}
<h3>Relays</h3>{tables.relays(config, total)}
{f"<h3>What was wrong</h3><ul>{wrong}</ul>" if wrong else ""}"""


def _figures(total: Sum) -> str:
    items = (f"<div><dt>{what}</dt><dd>{much}</dd></div>" for what, much in words.figures(total))
    return f'<dl class="figures">{"".join(items)}</dl>'


def _periods(book: Book, newest: str) -> str:
    titles, sections = [], []
    for title, count in PERIODS:
        sums = book.last(count, newest)
        if sums:
            titles.append(title)
            sections.append(_period(book.config, sums, count))
    return f"<h2>The days before</h2>{_tabs('period', titles, sections)}" if sections else ""


def _period(config: Config, sums: list[Sum], count: int) -> str:
    monthly = count > 31
    parts = tables.months(sums) if monthly else sums
    form = "%a" if count == 7 else "%-d"
    names = [total.date.split()[0] if monthly else words.date(total.date, form) for total in parts]
    given = [
        (name, f"{total.date}: {words.energy(total.panels)}", 0.0, total.panels, f"{total.panels / 1000:.3g}")
        for name, total in zip(names, parts, strict=True)
    ]
    charge = [
        (
            name,
            f"{total.date}: {words.span(total)}",
            total.lowest or 0.0,
            total.highest or 0.0,
            _range(total),
        )
        for name, total in zip(names, parts, strict=True)
    ]
    first, last = (words.date(total.date, "%-d %b %Y") for total in (sums[0], sums[-1]))
    return f"""<div class="card">{_figures(together(sums))}
<h3>kWh of the panels</h3>{pictures.bars(given, "sun")}
<h3>Lowest and highest charge, %</h3>{pictures.bars(charge, "soc", low=True)}
{tables.folded("The bars as a table", tables.daily(parts))}
<h3>Relays</h3>{tables.relays(config, together(sums))}
<p class="soft">{len(sums)} recorded days, {first} to {last}</p></div>"""


def _range(total: Sum) -> str:
    return "" if total.lowest is None else f"{total.lowest:.0f}–{total.highest:.0f}"


def _calendar(book: Book, newest: str) -> str:
    sums = book.last(732, newest)
    if len(sums) < 2:
        return ""
    since = words.before_and_since(sums)
    text = f"<p>Held back: {escape(since)}.</p>" if since else ""
    line = " The line is where domo began to switch." if since else ""
    return f"""<h2>Hours in which the panels were held back</h2><div class="card">{text}
<p class="soft">Each column is a day, each row an hour. The stronger, the longer held back.{line}</p>
{pictures.calendar(sums)}<p class="soft" id="hour">Touch or hover: how long in that hour.</p>
{tables.folded("The calendar as a table", tables.daily(tables.months(sums)))}</div>"""


def states(view: View) -> list[dict[str, object]]:
    """The relays as they are now, for other programs."""
    return [
        {
            "relay": relay,
            "name": name,
            "mode": None if view.modes[relay] is None else mode,
            "state": state if relay in view.states else None,
            "seconds": None if age is None else round(age),
            "why": why,
        }
        for relay, name, mode, state, age, why in rows(view)
    ]
