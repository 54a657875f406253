"""A replay in 80 columns: a day as a picture and a timeline, months, relays, and where the rest was lost."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from ..core.history import OFF, ON
from ..core.model import ON_OFF
from ..core.settings import Config
from ..core.table import WIDTH
from ..core.texts import minutes
from ..scripts import source
from .fold import Moment
from .tally import Result, Sums, Tally

SHARES = 48  # of a day, one character each in its picture
LOSSES = 12  # lines, the largest first


def whole(config: Config, day: list[Moment], result: Result) -> Iterator[str]:
    """All of the report; a single `day` with its picture and its switches."""
    if day:
        peak = sum(field[0] for field in config.plant["panels"])
        yield from (*picture(config, peak, day), "", *timeline(config, day), "")
    yield from (*months(result), "", *summary(config, result.relays), "", *losses(config, result))


def picture(config: Config, peak: float, day: list[Moment]) -> Iterator[str]:
    """A day at a glance: sun and charge in tenths, # where a relay was on all the time, + part of it."""
    size = len(day) // SHARES
    shares = [day[place * size : (place + 1) * size] for place in range(SHARES)]
    light = [str(min(9, int(10 * max(moment.flow.sun for moment in share) / peak))) for share in shares]
    charge = [str(min(9, int(10 * min(moment.flow.soc for moment in share)))) for share in shares]
    yield f"{day[0].local('%d %B %Y'):26}" + "".join(f"{share[0].local('%H'):6}" for share in shares[::6])
    yield f"{'sun, tenths of the peak':26}{''.join(light)}"
    yield f"{'charge, tenths':26}{''.join(charge)}"
    for relay in source.scripted(config):
        times = [sum(relay in moment.watts for moment in share) for share in shares]
        cells = "".join("#" if on == size else "+" if on else "." for on in times)
        yield f"{relay} {config.name(relay)}"[:25].ljust(26) + cells


def timeline(config: Config, day: list[Moment]) -> Iterator[str]:
    """Every switch of a day: when, at which readings, which relay, and why."""
    yield "time     SOC  CS               P  relay"
    for moment in day:
        for relay in moment.switched:
            decision, values = moment.plan[relay], moment.reading.values
            soc, stage, power = (values[name].text if name in values else "" for name in ("SOC", "CS", "P"))
            text = f"{relay} {config.name(relay)} {ON_OFF[decision.state]}: {decision.why}"
            start = f"{moment.local('%H:%M')} {soc:>5} %  {stage:10} {power:>5} W  "
            yield textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent=" " * (len(start) + 2))


def months(result: Result) -> Iterator[str]:
    """A line for each month, and the sums of all with domo and without."""
    yield "month       sun kWh   used kWh   lost kWh  lowest SOC"
    for month, sums in result.months.items():
        yield f"{month:8} " + _energies(sums)
    total = result.total
    yield ""
    yield f"lost without domo {kwh(total.bare_lost)}, with it {kwh(total.lost)}"
    yield f"used by relays    {kwh(total.relays)}, of it from the battery {kwh(total.paid)}"
    if result.bound is not None and result.share is not None:
        share = f"{100 * result.share:.1f} %"
        yield f"could be used     {kwh(result.bound)} by perfect foresight, so this is {share}"
    if result.evenings:
        days = f"on {result.deeper} of {result.evenings} evenings more than 3 % lower than without domo"
        yield f"battery           {days}"
        yield f"                  float on {result.floats} days, without domo on {result.bare_floats}"
    yield f"lowest charge     {100 * total.lowest:.0f} %, without domo {100 * total.bare_lowest:.0f} %"
    if total.dark:
        yield f"dark              {minutes(60 * total.dark)} with an empty battery"


def _energies(sums: Sums) -> str:
    energies = "".join(f"{wh / 1000:10.1f} " for wh in (sums.sun, sums.used, sums.lost))
    return f"{energies}{100 * sums.lowest:9.0f} %"


def kwh(energy: float) -> str:
    """Wh as a column of kWh."""
    return f"{energy / 1000:8.1f} kWh"


def summary(config: Config, tallies: Mapping[int, Tally]) -> Iterator[str]:
    """The sums of each relay, then its most frequent reasons, with N for numbers that vary."""
    yield "relay                      starts  hours on     kWh  else lost  lowest SOC"
    for relay, tally in tallies.items():
        name = f"{relay} {config.name(relay)[:23]:24}"
        row = f"{name} {tally.starts:6} {tally.minutes / 60:9.1f} {tally.energy / 1000:7.2f}"
        yield row + (f" {tally.spared / 1000:10.2f} {100 * tally.lowest:9.0f} %" if tally.starts else "")
        if tally.shortest:
            yield f"  shortest run {minutes(60 * tally.shortest)}"
        if said := demand(tally):
            yield f"  {said}"
        if relay not in config.relayWatt:
            yield f"  it draws nothing here: set domo.relayWatt.{relay}"
    for relay, tally in tallies.items():
        yield f"\n{relay} {config.name(relay)}"
        for state in (ON, OFF):
            for why, count in tally.reasons[state].most_common(3):
                text = f"  {ON_OFF[state]} {minutes(60 * count)}: {why}"
                yield textwrap.fill(text, WIDTH, subsequent_indent="    ")


def demand(tally: Tally) -> str:
    """What was asked of a load and what it got, in words; "" for one of which nothing is asked."""
    asked, served, missed, unit = tally.demand
    if not asked:
        return ""
    lacks = f", {missed:.0f} {unit} missed" if round(missed) else ""
    return f"served {100 * min(1.0, served / asked):.0f} % of {asked / 1000:.1f} kWh asked{lacks}"


def losses(config: Config, result: Result) -> Iterator[str]:
    """Where the rest was lost: while which relay was off, and why."""
    lost = result.total.lost
    if lost < 1:
        return
    yield "where the rest was lost"
    rows: list[tuple[float, str]] = [
        (wh, f"{r} {config.name(r)}: {why}")
        for r, tally in result.relays.items()
        for why, wh in tally.missed.items()
    ]
    rows.append((result.nobody, "no relay could have used it"))
    for wh, text in sorted(rows, reverse=True)[:LOSSES]:
        if wh >= 0.5:
            start = f"{kwh(wh)} {100 * wh / lost:3.0f} %  "
            yield textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent=" " * (len(start) + 2))
