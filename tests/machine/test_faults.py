"""A sample of `make faults`: ticks killed or failed at a system call, by strace, and what is right then.

The sample is the same each time: of every scene, where the tick puts content into a file and a file
into its place, and a few of all the other points at equal distances.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from faults import SCENES, Point, Scene, campaign, strace_works

pytestmark = pytest.mark.timing

TURNS = ("rename", "renameat2", "link", "linkat")  # where a file appears under its name
OTHERS = 3  # points a scene, besides
NO_STRACE = strace_works()


def sample(points: list[Point]) -> list[Point]:
    """The chosen ones of a scene's points."""
    turns = [point for point in points if not point.child and point.call in ("write", *TURNS)]
    chosen = [point for point in turns if point.fault in ("kill", "ENOSPC")]
    others = [point for point in points if point not in turns]
    return chosen[::4] + others[:: len(others) // OTHERS]


def ends(points: list[Point]) -> list[Point]:
    """What fails when the mode is written already: tidying up, and starting a tick."""
    calls = {"unlink": "EIO", "close": "EIO", "memfd_create": "EMFILE", "clone3": "EAGAIN"}
    return [point for point in points if calls.get(point.call) == point.fault and not point.about][-20:]


@pytest.mark.skipif(bool(NO_STRACE), reason=NO_STRACE or "-")
@pytest.mark.parametrize("scene", ["domo-mod on", "domo-mod on --for"])
def test_an_order_that_is_written_is_obeyed_and_ends_though_domo_mod_fails(
    scene: str, tmp_path: Path
) -> None:
    tried, wrong = campaign(SCENES[scene], tmp_path / "stage", ends)
    assert wrong == []
    assert tried.keys() == {"EIO", "EMFILE", "EAGAIN"}


@pytest.mark.skipif(bool(NO_STRACE), reason=NO_STRACE or "-")
@pytest.mark.parametrize("scene", SCENES.values(), ids=lambda scene: scene.name)
def test_killed_or_failed_anywhere_nothing_is_lost(scene: Scene, tmp_path: Path) -> None:
    if scene.needs and not shutil.which(scene.needs):
        pytest.skip(f"there is no {scene.needs} here")
    tried, wrong = campaign(scene, tmp_path / "stage", sample)
    assert wrong == []
    assert tried["kill"]
    assert tried.total() > OTHERS
