"""`make pvmonit`: PvMonit's real functions and scripts beside domo's, on the same pasts and data.

PVMONIT names a folder with PvMonit's source, of which nothing is changed, and nothing is here. Its
functions run from its own domo/domo.php (tools/pvmonit.php), ours as a tick asks them. Every
answer is compared; the few that MIGRATION.md says to differ must differ for the reason that it gives,
and are counted.

    make pvmonit PVMONIT=/path/to/PvMonit PASTS=1000
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "lib"), str(PROJECT / "tests")]

from domo.core.model import Device, Now, Reading, Value  # noqa: E402
from domo.core.records import replace  # noqa: E402
from domo.core.settings import Config  # noqa: E402
from domo.scripts import asking, messages  # noqa: E402
from domo.stores import journal, schema  # noqa: E402
from support.browser import PROGRAM, Browser  # noqa: E402
from support.pvmonit import INSTALL, SOURCE, PvMonit, lacking  # noqa: E402

START = 1_750_000_000  # 15 June 2025, in the afternoon
HALF_DAY, DAY = 43200, 86400
STAGES = ("Bulk", "Absorption", "Float", "Off", "Float (storage)", "")
EXAMPLES = (
    "absfloat",
    "absfloat-miniup",
    "afterother",
    "default",
    "ecs",
    "ifother",
    "justone",
    "next",
    "soc",
)
PHP_EXAMPLES = (1, 2, 3, 4, 5, 8)
ASK = """<?php
$told = [];
foreach (json_decode(file_get_contents('CALLS'), true) as [$name, $arguments]) {
    $told[] = $name(...$arguments);
}
return ['mod' => 1, 'log' => json_encode($told)];
"""

Call = tuple[str, list[Any]]


class Theirs:
    """PvMonit, by a clock of the test's."""

    def __init__(self) -> None:
        self._php = subprocess.Popen(
            ["php", "-d", "display_errors=stderr", "-d", "error_reporting=85",
            str(PROJECT / "tools/pvmonit.php"), SOURCE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, **asked: Any) -> Any:
        """Its answers: those of `calls` in a list, or those of `scripts` by relay."""
        assert self._php.stdin and self._php.stdout and self._php.stderr
        self._php.stdin.write(json.dumps(asked) + "\n")
        self._php.stdin.flush()
        line = self._php.stdout.readline()
        try:
            return json.loads(line)
        except ValueError:
            self._php.stdin.close()
            raise SystemExit(f"PvMonit: {line}{self._php.stdout.read()}{self._php.stderr.read()}") from None

    def close(self) -> None:
        """Its end."""
        self._php.communicate()


# -- its functions, on random pasts --


@dataclass
class Case:
    """A past of three relays, in a journal, and some moments at which all is asked."""

    chance: random.Random
    folder: Path
    rows: list[tuple[int, int, str, int]] = field(default_factory=list)  # date, relay, M or E, value
    timers: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    asked_running: set[str] = field(default_factory=set)  # timers that PvMonit has deleted since

    def __post_init__(self) -> None:
        modes, states = dict.fromkeys((1, 2, 3), 1), dict.fromkeys((1, 2, 3), 0)
        length = self.chance.choice((600, 6 * 3600, 20 * 3600, 70 * 3600))
        for date in sorted(
            self.chance.sample(range(START - length, START), self.chance.choice((0, 2, 6, 30)))
        ):
            relay = self.chance.choice((1, 1, 2, 3))
            often = (0, 1, 1, 1, 2, 2, 2, 3) if self.chance.random() < 0.3 else (1, 2)
            mode = self.chance.choice([mode for mode in often if mode != modes[relay]] or [0])
            modes[relay] = mode
            self.rows.append((date, relay, "M", mode))
            if states[relay] != mode // 2:
                states[relay] = mode // 2
                self.rows.append((date, relay, "E", states[relay]))
        self.modes, self.states = modes, states
        self.both = self.chance.random() < 0.3  # asks both functions that share a file in PvMonit
        self.stage = self.chance.choice(("MpptFlo", "MpptAbsOrFlo"))
        with contextlib.closing(sqlite3.connect(self.folder / "journal")) as base, base:
            base.execute("DROP TABLE IF EXISTS relay")
            base.execute(journal.TABLE)
            base.executemany(
                "INSERT INTO relay (date, relay_number, info, valeur, event) VALUES (?, ?, ?, ?, '')",
                self.rows,
            )
        for path in self.folder.glob("theirs_*"):
            path.unlink()

    def calls(self) -> list[Call]:
        """What is asked at one moment."""
        calls: list[Call] = []
        for relay in (1, 2, 3):
            for name in (
                "relayLastUp",
                "relayLastUpAuto",
                "relayLastDown",
                "relayUpToday",
                "relayUpDownToday",
            ):
                calls.append((name, [relay]))
            seconds = self.chance.choice((0, 60, 300, 1200, 7200))
            calls += [("timeUpMin", [relay, seconds]), ("timeUpMax", [relay, seconds])]
        stage = self.chance.choice(STAGES)
        for name in ("MpptFlo", "MpptAbsOrFlo") if self.both else (self.stage,):
            calls.append((name, [stage, *self.chance.choice(([], [0], [30], [60], [200]))]))
        if self.chance.random() < 0.3:
            calls.append(("timerStart", [self.chance.choice("ab"), self.chance.choice((0, 30, 90, 400))]))
        calls += [("timerOn", [name]) for name in "ab" if self.chance.random() < 0.5]
        return calls

    def reason(self, call: Call, theirs: Any, ours: Any, now: int) -> str:
        """Why the two differ, as MIGRATION.md has it; "" when nothing there says so."""
        name, (about, *_) = call
        if name == "relayUpDownToday":
            ups = [row for row in self.rows if row[1:] == (about, "E", 1) and row[0] > now - HALF_DAY]
            if ours == (bool(ups) and self.states[about] == 0):  # what its documentation says
                return "relayUpDownToday: PvMonit counts changes of mode, ours asks whether it ran and is off"
        if name in ("relayLastUpAuto", "timeUpMin", "timeUpMax"):
            autos = [row[0] for row in self.rows if row[1:] == (about, "M", 2)]
            if autos and (autos[-1], about, "E", 1) not in self.rows:
                return "relayLastUpAuto, timeUpMin, timeUpMax: its mode became 2 while it was on already"
            if ours is False and autos and autos[-1] < now - 2 * DAY:  # each past here is after a restart
                return "relayLastUpAuto: more than 48 hours ago, switched on by force since, and a restart"
        if name in ("MpptFlo", "MpptAbsOrFlo") and self.both:
            return "MpptFlo, MpptAbsOrFlo: in PvMonit the two share a file"
        if name == "timerOn" and about in self.asked_running and theirs and not ours:
            return "timerOn: PvMonit deleted the timer when it was asked while it ran"
        return ""


def functions(pasts: int, seed: int) -> int:
    """Compares the answers of all functions on so many random pasts; gives how many differ for no reason
    that is known."""
    theirs, known, unknown, answers = Theirs(), Counter[str](), 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calls_file = folder / "calls"
        script = folder / "1.php"
        script.write_text(ASK.replace("CALLS", str(calls_file)))
        script.chmod(0o600)
        config = settings(name, 3)
        domo = {"dbFile": f"{name}/journal", "prefixFileData": f"{name}/theirs_"}
        files = {"jsonFile": {"etatPath": f"{name}/etat", "modPath": f"{name}/mod"}, "relayNb": 3}
        for number in range(pasts):
            case = Case(random.Random(seed + number), folder)
            now = START + case.chance.choice((1, 59, 60, 61, 5000))
            for _ in range(case.chance.randint(1, 4)):
                calls = case.calls()
                said = theirs.ask(now=now, domo={**domo, **files}, calls=calls)
                calls_file.write_text(json.dumps(calls))
                mine = ours(config, case, now)
                for call, one, other in zip(calls, said, mine, strict=True):
                    answers += 1
                    if one != other:
                        reason = case.reason(call, one, other, now)
                        if reason:
                            known[reason] += 1
                        else:
                            unknown += 1
                            print(
                                f"past {seed + number}: {call[0]}{tuple(call[1])}: {one} there, {other} here"
                            )
                    if call[0] == "timerStart":
                        case.asked_running.discard(call[1][0])
                    if call[0] == "timerOn" and one:
                        case.asked_running.add(call[1][0])
                later = case.chance.choice((30, 60, 61, 120, 600))
                now += later
                case.timers = {n: (age + later, s, mark) for n, (age, s, mark) in case.timers.items()}
    theirs.close()
    print(f"{pasts} pasts, {answers} answers, {unknown} that differ for no known reason")
    for reason, count in known.most_common():
        print(f"  {count:6} differ: {reason}")
    return unknown


def settings(folder: str, relays: int, php: str = "/usr/bin/php") -> Config:
    """What domo is told of a house with so many relays and all of it in a folder."""
    domo = {"relayNb": relays, "relay": {"scriptDir": folder}, "dbFile": f"{folder}/journal"}
    pins = {"relayGpio": {relay: relay for relay in range(1, relays + 1)}, "tm1638": {"stb": []}}
    return schema.parse(f"{folder}/config.yaml", {"bin": {"php-cli": php}, "domo": {**domo, **pins}})


def ours(config: Config, case: Case, now: int) -> list[Any]:
    """What a tick is told by PHP."""
    moment = Now(now + 0.25, 1e6, "boot")
    past, fault = journal.past(config, moment)
    assert not fault
    past = replace(past, timers=case.timers)
    answers = asking.ask_all(
        messages.Question(config, {1: 1}, {1: 0, **case.states}, past, moment, Reading(()))
    )
    case.timers = dict(answers.timers)
    order = answers.orders[1]
    assert order.good, order.why
    told: list[Any] = json.loads(order.why)
    return told


# -- its scripts, over a day --


def generated() -> dict[str, str]:
    """The PHP that PvMonit's editor makes of its Blockly examples, in a browser."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        pvmonit = PvMonit(root)
        browser = Browser()
        try:
            (pvmonit.home / "config.yaml").write_text(
                "www: {domo: true}\ndomo: {valueUse: [SOC, P, CS, PPV]}\n"
            )
            with pvmonit.page() as address:
                for relay, example in enumerate(EXAMPLES, 1):
                    place = f"{address}/domo-edit-script.php?idScript={relay}&edit=blockly&example={example}"
                    browser.open(
                        place, "window.Code && Code.workspace && Code.workspace.getAllBlocks().length > 3"
                    )
                    browser.run("$('#saveScript').click()")
                    browser.until(
                        "location.search.indexOf('example') < 0 && document.readyState == 'complete'"
                    )
                    script = pvmonit.home / f"domo/relay.script.d/{relay}.php"
                    found[example] = script.read_text()
        finally:
            browser.close()
            pvmonit.close()
    return found


def day(scripts: dict[int, str], names: dict[int, str], step: int = 60) -> int:
    """Takes scripts through a simulated day, both answering at each minute; gives how many differ."""
    differ, asked = 0, 0
    switched: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for relay, text in scripts.items():
            (folder / f"{relay}.php").write_text(text)
            (folder / f"{relay}.php").chmod(0o600)
        php = folder / "php"  # the real one, by the day's clock
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        clock = 'FAKETIME="@$(cat "${0%/*}/clock")"'
        php.write_text(f'#!/bin/sh\nexec env LD_PRELOAD={library} {clock} /usr/bin/php "$@"\n')
        php.chmod(0o700)
        wanted, computer = (
            Path("/tmp/domo8up"),
            folder / "computer",
        )  # a file that PvMonit's examples look for
        ping = folder / "bin/ping"  # no computer answers but from 16 to 18 o'clock
        ping.parent.mkdir()
        ping.write_text(f"#!/bin/sh\ntest -e {name}/computer\n")
        ping.chmod(0o700)
        os.environ["PATH"] = f"{ping.parent}:{os.environ['PATH']}"
        theirs = Theirs()
        config = settings(name, max(scripts), str(php))
        domo = {"dbFile": f"{name}/journal", "relayNb": max(scripts), "prefixFileData": ""}
        domo["jsonFile"] = {"etatPath": f"{name}/etat", "modPath": f"{name}/mod"}
        modes, states = dict.fromkeys(config.relays, 1), dict.fromkeys(config.relays, 0)
        timers: dict[str, tuple[float, float, int]] = {}
        with contextlib.closing(sqlite3.connect(folder / "journal")) as base:
            base.execute(journal.TABLE)
            base.commit()
            for now, data in weather(step):
                (folder / "clock").write_text(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)))
                ask = [  # as if MpptFlo and MpptAbsOrFlo did not share a file
                    [relay, f"{name}/{relay}.php", f"{name}/theirs_{'float' if 'MpptFlo(' in text else ''}_"]
                    for relay, text in scripts.items()
                ]
                for path, hours in ((wanted, (9, 10)), (computer, (16, 18))):
                    if hours[0] <= now % DAY / 3600 < hours[1]:
                        path.touch()
                    else:
                        path.unlink(missing_ok=True)
                told = {"data": data, "relayEtat": states, "relayMod": modes}
                said = theirs.ask(now=now, domo=domo, scripts=ask, vars=told)
                moment = Now(now + 0.25, 1e6, "boot")
                past = replace(journal.past(config, moment)[0], timers=timers)
                values = {key: Value(text, "") for key, text in data.items()}
                reading = Reading((Device("1", "MPPT", 1.0, values),))
                answers = asking.ask_all(messages.Question(config, modes, states, past, moment, reading))
                timers = {n: (age + step, s, mark) for n, (age, s, mark) in answers.timers.items()}
                for relay in scripts:
                    order, one = answers.orders[relay], said[str(relay)]
                    asked += 1
                    mod = {"on": 2, "off": 1}.get(order.wanted)
                    why = (one["log"] or "").strip() or f"{relay}.php gives no reason"
                    if (mod, order.why) != (one["mod"], why):
                        differ += 1
                        print(
                            f"{time.strftime('%H:%M', time.gmtime(now))} {names[relay]}: {one} there,"
                            f" {order} here"
                        )
                    if mod is not None and mod != modes[relay]:
                        modes[relay], states[relay] = mod, mod - 1
                        switched[relay] += 1
                        rows = [(relay, info, value, now) for info, value in (("M", mod), ("E", mod - 1))]
                        base.executemany(
                            "INSERT INTO relay (relay_number, info, valeur, date, event) VALUES (?, ?, ?,"
                            " ?, '')",
                            rows,
                        )
                        base.commit()
    theirs.close()
    print(f"{len(scripts)} scripts, {asked} answers over a day, {differ} differ")
    print("  switched:", ", ".join(f"{names[relay]} {switched[relay]}" for relay in scripts))
    return differ


def weather(step: int) -> Iterator[tuple[int, dict[str, str]]]:
    """A day of sun with a cloud or two: what PvMonit reports each minute."""
    midnight = START - START % DAY
    for minute in range(0, DAY, step):
        hour = minute / 3600
        stage = "Off" if hour < 6 or hour > 21 else "Bulk"
        if 11 <= hour < 12 or 14.2 <= hour < 14.5:
            stage = "Absorption"
        elif 12 <= hour < 14 or 14.5 <= hour < 18:
            stage = "Float"
        soc = min(100.0, max(70.0, 75 + 4.2 * (hour - 6))) if hour < 18 else 100 - 3 * (hour - 18)
        power = 40 if 10 < hour < 17 else -180
        yield (
            midnight + minute,
            {"SOC": f"{soc:.1f}", "P": str(power), "CS": stage, "PPV": str(max(0, 5 * power))},
        )


def main() -> int:
    """Compares all; gives 1 when anything differs that should not."""
    if fault := lacking("faketime") or ("" if PROGRAM else f"there is no chromium; run: {INSTALL}"):
        print(f"make pvmonit: {fault}", file=sys.stderr)
        return 2
    messages.ONE_SECONDS, messages.ALL_SECONDS = 60, 120  # it is answers that are compared here
    os.environ["TZ"] = "UTC"
    time.tzset()
    faults = functions(int(os.environ.get("PASTS") or "1000"), int(os.environ.get("SEED") or "0"))
    folder = Path(SOURCE, "domo/relay.script.d")
    scripts = {relay: (folder / f"{relay}.php.exemple").read_text() for relay in PHP_EXAMPLES}
    names = {relay: f"{relay}.php.exemple" for relay in scripts}
    free = [relay for relay in range(1, 30) if relay not in scripts]
    for relay, (name, text) in zip(free, generated().items(), strict=False):
        scripts[relay], names[relay] = text, name
    faults += day(scripts, names)
    return 1 if faults else 0


if __name__ == "__main__":
    if shutil.which("php"):
        raise SystemExit(main())
    raise SystemExit("make pvmonit: there is no php")
