"""What perfect foresight could have used: an upper bound, by a linear programme for each week.

All of the week's sun, house and demands are known beforehand, loads may run at any fraction of their
watts, and the battery must end the week as full as it would have been without domo. HiGHS solves it,
by SciPy (an optional extra). docs/plant.md explains it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..core.settings import Config
from ..system import packages
from . import battery, loads
from .foreign import PlantError
from .plant import Flow
from .sky import DAY

STEP = 60  # minutes, in which sun and house are averages
WINDOW = 7 * 24 * 60 // STEP  # steps
SLACK = 1e-4  # of the battery: what averages may get wrong at the end of a week
MISSING = 100.0  # what a Wh that is missing costs, in Wh used: no use is worth it


class Week(NamedTuple):
    """Some steps: the sun's and the house's watts, what is newly asked of each load (Wh), the charge
    without domo before each step and after the last."""

    sun: list[float]
    house: list[float]
    asked: dict[int, list[float]]
    charge: list[float]


class Series:
    """What the bound must know about a replay; `see` takes each minute of the house without domo."""

    def __init__(self, config: Config, zone: float) -> None:
        """Raises PlantError without SciPy: before a replay, not after it."""
        self.tools = _tools()
        self.zone = zone
        self.loads = loads.made(config.relayLoad, config.relayWatt)
        self.minutes = 0
        self.weeks: list[Week] = []
        self.lowest = 1.0

    def see(self, wall: float, bare: Flow, soc: float) -> None:
        """Adds a minute: what flowed from `wall` (epoch s) on, and the charge before it."""
        if self.minutes % (STEP * WINDOW) == 0:
            self.weeks.append(Week([], [], {relay: [] for relay in self.loads}, [soc]))
        week = self.weeks[-1]
        if self.minutes % STEP == 0:
            for row in (week.sun, week.house, *week.asked.values()):
                row.append(0.0)
            week.charge.append(0.0)
        local = wall + self.zone
        day, minute = int(local // DAY), int(local % DAY // 60)
        week.sun[-1] += bare.sun / STEP
        week.house[-1] += bare.load / STEP
        week.charge[-1] = bare.soc
        for relay, load in self.loads.items():
            week.asked[relay][-1] += load.inflow(day, minute)
        self.lowest = min(self.lowest, bare.soc)
        self.minutes += 1


def _tools() -> tuple[Any, Any, Any]:
    """numpy, SciPy's sparse matrices and its linear programmes. Raises PlantError without them."""
    packages.third_party()
    try:
        import numpy
        from scipy import sparse
        from scipy.optimize import linprog
    except ImportError:
        raise PlantError(
            "--bound wants SciPy; run: sudo apt install python3-scipy, or pip install scipy"
        ) from None
    return numpy, sparse, linprog


def bound(config: Config, series: Series, relays: list[int]) -> float:
    """The energy (Wh) that these relays could have used. Raises PlantError."""
    floor = config.floor.get("SOC", 100 * series.lowest) / 100
    rooms = {relay: load.room for relay, load in series.loads.items()}
    used = 0.0
    for number, week in enumerate(series.weeks, 1):
        chosen = {r: series.loads[r] for r in relays if r in series.loads}
        program = _Program(config, week, chosen, rooms, min(floor, *week.charge), series.tools)
        done = program.best()
        if not done.success:
            raise PlantError(f"--bound: week {number} of the replay has no solution ({done.message})")
        used += program.used(done.x)
        rooms.update(program.left(done.x))
    return used


class _Program:
    """The linear programme of a week. Its unknowns, for each step: what goes into the battery and what comes
    out (W), the charge after the step (Wh), and the watts of each load; for a load that can be satisfied also
    what it could still take after the step, and what it missed in it (Wh).

    With a plant model of the owner's, the house may have used more than this battery can give, or the week
    may end at a charge that this battery cannot reach. So watts may come from nowhere in a step (`lack`), and
    the end may be lower (`short`, Wh). Both cost so much that there is none where it can be done without.
    """

    def __init__(
        self,
        config: Config,
        week: Week,
        chosen: dict[int, loads.Load],
        rooms: dict[int, float],
        least: float,
        tools: tuple[Any, Any, Any],
    ) -> None:
        self.config, self.week, self.loads, self.rooms = config, week, chosen, rooms
        self.numpy, self.sparse, self.linprog = tools
        self.kind, self.wh = battery.KINDS[config.plant["chemistry"]], config.plant["battery"]
        self.least, self.steps = least * self.wh, len(week.sun)
        self.hours = STEP / 60
        self.places: dict[tuple[str, int], int] = {}
        names = [("in", 0), ("out", 0), ("charge", 0), ("lack", 0), *(("watts", r) for r in chosen)]
        names += [
            (name, r) for r, load in chosen.items() if load.cap < float("inf") for name in ("room", "missed")
        ]
        for name in names:
            self.places[name] = len(self.places) * self.steps
        self.short = len(self.places) * self.steps
        self.size = self.short + 1

    def best(self) -> Any:
        """SciPy's solution."""
        rows, columns, values, limits, equal = self.rows()
        matrix = self.sparse.csr_array((values, (rows, columns)), shape=(len(limits), self.size))
        same, right = self.numpy.array(equal), self.numpy.array(limits)
        return self.linprog(
            self.costs(),
            A_ub=matrix[~same],
            b_ub=right[~same],
            A_eq=matrix[same] if same.any() else None,
            b_eq=right[same] if same.any() else None,
            bounds=self.limits(),
            method="highs",
        )

    def costs(self) -> Any:
        """What each unknown costs (Wh): what loads use is gained."""
        costs = self.numpy.zeros(self.size)
        costs[self.short] = MISSING
        costs[self._steps("lack", 0)] = MISSING * self.hours
        for relay in self.loads:
            costs[self._steps("watts", relay)] = -self.hours
        return costs

    def used(self, solution: Any) -> float:
        """What the loads use (Wh)."""
        return sum(float(solution[self._steps("watts", r)].sum()) * self.hours for r in self.loads)

    def _steps(self, name: str, relay: int) -> slice:
        begin = self.places[name, relay]
        return slice(begin, begin + self.steps)

    def limits(self) -> list[tuple[float, float | None]]:
        """The least and the most of each unknown."""
        ranges: list[tuple[float, float | None]] = []
        for name, relay in self.places:
            most = {"in": self.kind.rate * self.wh, "charge": self.wh}.get(name)
            if name == "watts":
                most = self.loads[relay].rate
            if name == "room":
                most = self.loads[relay].cap
            ranges += [(self.least if name == "charge" else 0.0, most)] * self.steps
        return [*ranges, (0.0, None)]

    def rows(self) -> tuple[list[int], list[int], list[float], list[float], list[bool]]:
        """The constraints as a sparse matrix (rows, columns, values), their right sides, and for each whether
        it is an equality (else its right side is an upper limit)."""
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        rights: list[float] = []
        equals: list[bool] = []
        for parts, right, equal in self._constraints():
            for column, value in parts:
                rows.append(len(rights))
                columns.append(column)
                values.append(value)
            rights.append(right)
            equals.append(equal)
        return rows, columns, values, rights, equals

    def _constraints(self) -> Iterator[tuple[list[tuple[int, float]], float, bool]]:
        kind, wh, hours, at = self.kind, self.wh, self.hours, self.places
        end = min(wh, max(0.0, self.week.charge[-1] - SLACK) * wh)  # Wh that it ends with at least
        yield [(at["charge", 0] + self.steps - 1, -1.0), (self.short, -1.0)], -end, False
        for t in range(self.steps):
            watts = [(at["watts", relay] + t, 1.0) for relay in self.loads]
            yield (
                [*watts, (at["in", 0] + t, 1.0), (at["out", 0] + t, -1.0), (at["lack", 0] + t, -1.0)],
                self.week.sun[t] - self.week.house[t],
                False,
            )
            if self.config.maxWatt:
                yield watts, self.config.maxWatt, False
            before = [(at["charge", 0] + t - 1, -1.0)] if t else []
            known = 0.0 if t else self.week.charge[0] * wh
            moved = [(at["in", 0] + t, -hours * kind.charging), (at["out", 0] + t, hours / kind.giving)]
            yield [(at["charge", 0] + t, 1.0), *before, *moved], known, False
            taken = [(column, -kind.steep * value) for column, value in before]
            yield [(at["in", 0] + t, 1.0), *taken], kind.trickle * wh + kind.steep * (wh - known), False
            for relay, load in self.loads.items():
                if ("room", relay) not in at:
                    continue
                kept = (1 - load.leak) ** STEP
                new = self.week.asked[relay][t] + load.cap * (1 - kept)
                parts = [
                    (at["room", relay] + t, 1.0),
                    (at["watts", relay] + t, hours),
                    (at["missed", relay] + t, 1.0),
                ]
                if t:
                    parts.append((at["room", relay] + t - 1, -kept))
                yield parts, new + (0.0 if t else kept * self.rooms[relay]), True

    def left(self, solution: Any) -> dict[int, float]:
        """What each load could still take at the end (Wh)."""
        end = self.steps - 1
        return {
            r: max(0.0, float(solution[self.places["room", r] + end]))
            for r in self.loads
            if ("room", r) in self.places
        }
