"""`make bench` still measures the program as it is: its rows of boards and of phases, each once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import bench_boards
import bench_parts
from bench_house import Home, Table, interpreter


def test_a_steady_tick_is_measured_on_every_board(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    costs = bench_boards.measure(Table(), tmp_path, interpreter(sys.executable), 1, 2.0)
    if "cannot be measured here" in (said := capsys.readouterr().out):
        pytest.skip(said.splitlines()[-1].strip())
    assert costs.keys() == bench_boards.BOARDS.keys()


def test_a_steady_tick_is_taken_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path / "house", interpreter(sys.executable))
    home.warm()
    bench_parts.phases(home, 2.0, 1)
    said = capsys.readouterr().out
    assert all(part in said for part in ("imports", "pins", "decide", "memory, written", "record"))
