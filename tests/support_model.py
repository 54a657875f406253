"""For the property-based tests: how many examples.

The examples are the same in every run. DOMO_SEARCH=20 tries twenty times as many, at random.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SEARCH = int(os.environ.get("DOMO_SEARCH", "0"))


def examples(count: int, steps: int = 50) -> settings:
    """Settings for so many examples, of so many steps where it is a state machine."""
    return settings(
        max_examples=count * (SEARCH or 1),
        stateful_step_count=steps,
        derandomize=not SEARCH,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
