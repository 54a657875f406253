"""PvMonit's `$config`, for the PHP scripts that look into it."""

from __future__ import annotations

import json
from os.path import dirname, realpath
from typing import Any

from ..core.model import ConfigError
from ..core.settings import Config
from ..stores import schema, yaml_file

FOLDER = "/opt/PvMonit"


def settings(config: Config) -> dict[str, Any]:
    """What PvMonit's scripts find in `$config`: its config-default.yaml, if there is one; over it
    config.yaml; over that the keys of domo, with the values that domo uses. Plain values of JSON."""
    merged: dict[str, Any] = {}
    for path in (defaults(config), config.path):
        try:
            document = yaml_file.read(path)
        except ConfigError:
            continue
        if isinstance(document, dict):
            merged = _merged(merged, document)
    for key, (field, _) in schema.KEYS.items():
        *sections, name = key.split(".")
        value = getattr(config, field)
        if field != "limits":
            place = merged
            for section in sections:
                inner = place.get(section)
                place[section] = place = inner if isinstance(inner, dict) else {}
            place[name] = list(value) if isinstance(value, tuple) else value
    plain: dict[str, Any] = json.loads(json.dumps(merged, default=str))
    return plain


def defaults(config: Config) -> str:
    """Where PvMonit keeps its defaults: beside the config.yaml that domo was given, or a link to."""
    return f"{dirname(realpath(config.path))}/config-default.yaml"


def _merged(below: dict[str, Any], above: dict[Any, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
