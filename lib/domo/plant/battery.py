"""A battery at the level of its energy: what it takes at a voltage, what it gives back, what it shows.

Powers are shares of the battery's Wh in an hour (0.1 is a tenth of the capacity in an hour), voltages
are a 24 V battery's. The numbers are rounded from data sheets; docs/plant.md lists them.
"""

from __future__ import annotations

from typing import NamedTuple


class Chemistry(NamedTuple):
    """What a kind of battery is. `rate` is the most it takes; when it is nearly full it takes `steep`
    times what it lacks, and at the end a `trickle` that becomes heat and gas."""

    rate: float
    steep: float
    trickle: float
    charging: float  # of what goes in is stored
    giving: float  # of what is stored comes out
    empty: float  # V at rest, discharged
    full: float  # V at rest, charged
    drop: float  # V at 1 C
    tail: float  # of its capacity: below this current absorption ends
    counted: float  # of what goes in a battery monitor counts (its setting "charge efficiency")


KINDS = {
    "lead": Chemistry(0.2, 1.7, 0.004, 0.88, 0.96, 23.4, 25.6, 5.0, 0.02, 0.9),
    "lfp": Chemistry(0.5, 20.0, 0.0005, 0.98, 0.98, 25.6, 26.8, 2.5, 0.04, 0.99),
}
CUT_OFF, BACK = 0.05, 0.12  # the charge at which the inverter switches off, and on again


def accepts(kind: Chemistry, soc: float) -> float:
    """What the battery takes at most, at the voltage of absorption."""
    takes = kind.trickle + kind.steep * (1 - soc)
    return takes if takes < kind.rate else kind.rate


def rest(kind: Chemistry, soc: float) -> float:
    """The voltage at rest (V)."""
    return kind.empty + (kind.full - kind.empty) * soc
