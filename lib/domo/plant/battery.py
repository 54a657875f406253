"""A battery at the level of its energy: what it takes at a voltage, what it gives back, what it shows.

Powers are shares of the battery's Wh in an hour (0.1 is a tenth of the capacity in an hour), voltages
are a 24 V battery's. The numbers are rounded from data sheets; docs/plant.md lists them.
"""

from __future__ import annotations

from typing import NamedTuple


class Chemistry(NamedTuple):
    """A kind of battery. Shares without a unit are of its capacity (Wh), in an hour."""

    rate: float  # the most that it takes
    steep: float  # nearly full it takes this times what it lacks
    trickle: float  # what it takes when full; that becomes heat and gas
    charging: float  # share of what goes in that is stored
    giving: float  # share of what is stored that comes out
    empty: float  # V at rest, discharged
    full: float  # V at rest, charged
    drop: float  # V at 1 C
    tail: float  # of its capacity: below this current absorption ends
    counted: float  # share of what goes in that a battery monitor counts (its "charge efficiency")


KINDS = {
    "lead": Chemistry(0.2, 1.7, 0.004, 0.88, 0.96, 23.4, 25.6, 5.0, 0.02, 0.9),
    "lfp": Chemistry(0.5, 20.0, 0.0005, 0.98, 0.98, 25.6, 26.8, 2.5, 0.04, 0.99),
}
LOWEST = 18.0  # V, at any current
CUT_OFF, BACK = 0.05, 0.12  # the charge at which the inverter switches off, and on again


def accepts(kind: Chemistry, soc: float) -> float:
    """What it takes at most at the voltage of absorption, as a share of its Wh in an hour; `soc`: 0 to 1."""
    takes = kind.trickle + kind.steep * (1 - soc)
    return takes if takes < kind.rate else kind.rate


def rest(kind: Chemistry, soc: float) -> float:
    """The voltage at rest (V)."""
    return kind.empty + (kind.full - kind.empty) * soc
