"""What goes on while PvMonit's page is asked."""

from __future__ import annotations

import itertools

from domo.core.model import AUTO_OFF
from domo.stores import edits, states
from support.house import House


def change_for_ever(house: House) -> None:
    """Changes modes and states as fast as it can."""
    for turn in itertools.count():
        first, second = turn % 2, 1 - turn % 2
        edits.set_auto(str(house.mode_file), {1: AUTO_OFF + first, 2: AUTO_OFF + second})
        states.save(str(house.state_file), {1: first, 2: second, 3: 0})
