"""Faults as news: a fault is told when it begins, changes or ends, and now and then while it lasts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .faults import Report
from .records import dataclass, replace
from .texts import minutes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DAY = 86400.0
OFTEN = 6  # news of one thing in 24 h; from then on it is told only when stable
CALM = 600.0  # s that counts as stable
HALF_A_MINUTE = 30.0  # s: cron may be some seconds early
WELL = ""  # the fault of a thing that has none


@dataclass(frozen=True)
class Told:
    """What people were told of one thing that has, or had, a fault. All numbers are ages in s."""

    fault: str  # now; WELL: none
    held: float  # since it last changed
    told: str  # the fault that was told last; WELL: its end was told
    text: str  # of the last fault, as it was told
    since: float  # since it began
    recent: tuple[float, ...]  # of the last news of it
    lasts: bool = True  # False: it happened once, and has no end to tell


@dataclass(frozen=True)
class News:
    """One sentence that is new: `kind` is "fault" for one that began or changed, "still" for a
    reminder, "well" for one that ended."""

    kind: str
    text: str


def news(
    before: Mapping[str, Told], reports: Iterable[str], remind_after: float, all_seen: bool = True
) -> tuple[list[News], dict[str, Told]]:
    """The news of the faults that stand now (`reports`), and what people have been told with it. `before` is
    what they were told until now; both are by the thing that has the fault. A fault that lasts is told again
    after `remind_after` s (0: never). `all_seen`: everything was looked at: what is not reported is well."""
    said: list[News] = []
    after = dict(before)
    reported = {report.about: report for report in map(Report.of, reports)}
    for about in (*reported, *(thing for thing in before if all_seen and thing not in reported)):
        told, one = _step(before.get(about), reported.get(about), remind_after)
        said += [one] if one else []
        after.pop(about, None)
        if told:
            after[about] = told
    return said, after


def _step(before: Told | None, report: Report | None, remind_after: float) -> tuple[Told | None, News | None]:
    """What has been told of one thing now (None: it is forgotten), and the news of it, if there is any."""
    fault = report.fault if report else WELL
    before = before or Told(WELL, 0.0, WELL, "", 0.0, ())
    if not report and not before.lasts:
        return None, None
    if fault != before.fault:
        began = before.fault == before.told == WELL
        before = replace(before, fault=fault, held=0.0, since=0.0 if began else before.since)
    restless = sum(age < DAY for age in before.recent) >= OFTEN
    if fault != before.told and (not restless or before.held >= CALM):
        text = str(report or before.text)
        said = f"{text} (it comes and goes)" if restless and report else text
        one = News("fault", said) if report else News("well", _well(before))
        lasts = report.lasts if report else True
        return replace(before, told=fault, text=text, recent=_now(before), lasts=lasts), one
    if fault == before.told == WELL and before.held >= CALM:
        return None, None
    if report and fault == before.told and 0 < remind_after <= before.recent[-1] + HALF_A_MINUTE:
        still = News("still", f"for {minutes(before.since)} now: {report}")
        return replace(before, text=str(report), recent=_now(before)), still
    return before, None


def _now(told: Told) -> tuple[float, ...]:
    return (*told.recent, 0.0)[-OFTEN:]


def _well(told: Told) -> str:
    return f"over after {minutes(told.since - told.held)}: {told.text}"
