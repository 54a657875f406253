"""PvMonit's forecast: taken as its page writes it, and only while it is of today and fresh."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from domo.core.settings import Config
from domo.stores import forecast

NOW = time.mktime((2025, 6, 21, 14, 0, 0, 0, 0, -1))


def entry(watts: float) -> dict[str, float]:
    return {"prod": watts, "cloud": 20, "sun": 1}


def written(folder: Path, document: Any, age: float = 600) -> dict[int, float]:
    """What is read of a document that PvMonit wrote so many s ago."""
    file = folder / "openweathermap-prod-forecast.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    os.utime(file, (NOW - age, NOW - age))
    return forecast.today(Config(path="", cacheDir=str(folder)), NOW)


def test_as_php_writes_it(tmp_path: Path) -> None:
    """Days as a list, hours as an object, for the day has begun."""
    today = {"byHour": {"13": entry(500), "14": entry(400)}, "prodCumul": 900, "cloudAvg": 20, "sunset": 1}
    assert written(tmp_path, [today, {"byHour": [entry(1)] * 24}]) == {13: 500, 14: 400}


def test_as_php_writes_it_before_one_in_the_morning_or_with_a_day_missing(tmp_path: Path) -> None:
    assert written(tmp_path, {"0": {"byHour": [entry(0), entry(7)]}, "2": {}}) == {0: 0, 1: 7}
    assert written(tmp_path, {"1": {"byHour": [entry(7)]}}) == {}


@pytest.mark.parametrize("age", [7 * 3600, 86400, -7200])
def test_an_old_one_or_one_from_the_future_does_not_count(tmp_path: Path, age: float) -> None:
    assert written(tmp_path, [{"byHour": {"14": entry(400)}}], age) == {}


@pytest.mark.parametrize(
    "document",
    ["", "[", "null", "7", '"x"', "[]", "{}", '{"error":"Weather not enable in config.yaml"}', "[null]"]
    + ['[{"byHour":null}]', '[{"byHour":{"14":{"prod":"x"}}}]', '[{"byHour":{"99":{"prod":1}}}]']
    + [
        '[{"byHour":{"14":{"prod":-5}}}]',
        '[{"byHour":{"14":{"prod":1e99}}}]',
        '[{"byHour":{"x":{"prod":1}}}]',
    ],
)
def test_nonsense_is_no_forecast(tmp_path: Path, document: str) -> None:
    assert written(tmp_path, document) == {}


def test_there_need_not_be_one(tmp_path: Path) -> None:
    assert forecast.today(Config(path="", cacheDir=str(tmp_path)), NOW) == {}
    assert forecast.today(Config(path="", cacheDir=""), NOW) == {}
