"""Whole simulated days, for tests: the replay's own fold over scripts in a scratch folder, and what one
would have seen of them, minute by minute."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from domo.plant import fold, run
from domo.stores import config as configs
from support.house import PROJECT

EXAMPLES = sorted((PROJECT / "relay.script.d").glob("*.py.example"))
CLEAR, CHANGING, CLOUDY = "clear", "changing", "cloudy"  # skies

Span = tuple[str, str]


def example(name: str) -> str:
    """The text of an example."""
    return (PROJECT / "relay.script.d" / f"{name}.py.example").read_text()


class Days:
    """Some days of some scripts (relay: text, or the name of an example), from midnight of a date on."""

    def __init__(
        self,
        folder: Path,
        scripts: Mapping[int, str],
        *,
        watt: Mapping[int, float] | None = None,
        sky: str = CLEAR,
        soc: float = 80,
        days: float = 1,
        date: str = "2025-06-21",
        supposed: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        (folder / "scripts").mkdir()
        for relay, text in scripts.items():
            (folder / "scripts" / f"{relay}.py").write_text(text if "\n" in text else example(text))
            (folder / "scripts" / f"{relay}.py").chmod(0o644)
        domo = {
            "relay": {"scriptDir": "scripts"},
            "relayNb": max(scripts),
            "valueUse": ["SOC", "CS", "P", "PPV"],
        }
        domo |= {"relayWatt": dict(watt or {}), **settings}
        (folder / "config.yaml").write_text(yaml.safe_dump({"domo": domo}))
        self.config, _ = configs.load(str(folder / "config.yaml"))
        start = time.mktime(time.strptime(date, "%Y-%m-%d"))
        self.scenario = run.Scenario(
            self.config, start, days, soc=soc / 100, supposed=supposed or {}, sky=sky
        )
        self.moments: list[fold.Moment] = []
        self.result = run.replay(self.scenario, self.moments.append)

    def on(self, relay: int) -> list[bool]:
        """Whether it was on, minute by minute."""
        return [moment.plan[relay].state == 1 for moment in self.moments]

    def lengths(self, relay: int, state: bool = True) -> list[int]:
        """The lengths of its times on (or off), in minutes; what begins or ends with the days is left out."""
        row = "".join("#" if on else "." for on in self.on(relay))
        mark, other = "#." if state else ".#"
        whole = row[row.find(other) : row.rfind(other) + 1] if other in row else ""
        return [len(part) for part in whole.split(other) if part and mark in part]

    def spans(self, relay: int) -> list[Span]:
        """Its times on, as local times "HH:MM" of the tick that switched it on, and of the one that
        switched it off ("" when that did not come)."""
        spans: list[Span] = []
        for moment in self.moments:
            if relay in moment.switched and moment.plan[relay].state:
                spans.append((moment.local("%H:%M"), ""))
            elif relay in moment.switched:
                spans[-1] = (spans[-1][0], moment.local("%H:%M"))
        return spans

    def switches(self, relay: int, state: int) -> list[fold.Moment]:
        """The moments when it was switched to a state."""
        return [m for m in self.moments if relay in m.switched and m.plan[relay].state == state]

    def values(self, name: str) -> list[Any]:
        """A value as it was read, minute by minute: a number, or text."""
        read = [moment.reading.values[name] for moment in self.moments]
        return [value.text if value.number is None else value.number for value in read]

    def shares(self, relay: int) -> tuple[float, float]:
        """The energy that a relay drew (Wh), and the share of it that would have been lost."""
        one = self.result.relays[relay]
        return one.energy, one.spared / one.energy if one.energy else 0.0
