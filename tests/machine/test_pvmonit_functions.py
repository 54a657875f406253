"""PvMonit's real functions beside ours, a sample: `make pvmonit` compares a thousand pasts and a day."""

from __future__ import annotations

import pytest

import pvmonit
from support.pvmonit import lacking


@pytest.mark.skipif(bool(lacking()), reason=lacking())
@pytest.mark.parametrize("seed", [0, 14, 2000])
def test_they_answer_the_same_but_for_what_the_migration_lists(seed: int) -> None:
    assert pvmonit.functions(10, seed) == 0
