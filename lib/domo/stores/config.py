"""config.yaml and its cache: a tick reads the cache; if the file has changed, `schema` parses it."""

from __future__ import annotations

import os

from ..core.model import ConfigError
from ..core.settings import Config, Limits
from ..system import cache
from ..system.files import PROJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    Stamps = tuple[tuple[int, ...], ...]


def absolute(path: str) -> str:
    """The path as an absolute one, from the current folder, if that is still there."""
    if path.startswith("/"):
        return path
    from os.path import abspath

    try:
        return abspath(path)
    except OSError:
        return path


def chosen(path: str | None) -> str:
    """The configuration's path: the one given, else $DOMO_CONFIG, else the project's own config.yaml."""
    return path or os.environ.get("DOMO_CONFIG") or f"{PROJECT}/config.yaml"


def load(path: str) -> tuple[Config, Stamps]:
    """The checked configuration at `path`; and, if it had to be parsed, the stamps for `remember`, taken
    before the file was read, else (). Raises ConfigError with every problem at once."""
    path = absolute(path)
    if remembered := _remembered(path, fresh=True):
        return remembered, ()
    try:
        from . import schema, yaml_file

        try:
            stamps = _stamps(path)
        except OSError:  # yaml_file says what is wrong
            stamps = ()
        return schema.parse(path, yaml_file.read(path)), stamps
    except ConfigError:
        raise
    except Exception as error:  # PyYAML, or the installation, may be damaged
        raise ConfigError([f"{path}: cannot be loaded ({type(error).__name__}: {error})"]) from None


def remember(config: Config, stamps: Stamps) -> None:
    """Caches a parsed configuration for the next tick: importing PyYAML and parsing take long (see
    ARCHITECTURE.md). Its values are plain ones, as marshal writes them; only `limits` holds records."""
    import marshal

    fields = {**config.__dict__, "limits": {r: limit.__dict__ for r, limit in config.limits.items()}}
    cache.save(cache.name_of("config", config.path), marshal.dumps((stamps, fields)))


def last_good(path: str) -> Config | None:
    """The configuration that was remembered last, for use while the file is unreadable."""
    return _remembered(absolute(path), fresh=False)


def _remembered(path: str, fresh: bool) -> Config | None:
    content = cache.load(cache.name_of("config", path))
    if content is None:
        return None
    import marshal

    try:
        stamps, fields = marshal.loads(content)
        if fresh and stamps != _stamps(path):
            return None
        limits = {relay: Limits(**limit) for relay, limit in fields["limits"].items()}
        return Config(**{**fields, "limits": limits})
    except (OSError, ValueError, TypeError, EOFError, KeyError):
        return None


def _stamps(path: str) -> Stamps:
    """The stamps of the file, and of the code that reads it: an update may bring new defaults."""
    code = ("stores/schema", "stores/checks", "stores/plant_keys", "core/settings", "core/header")
    return cache.stamp(path), *(cache.stamp(f"{PROJECT}/lib/domo/{module}.py") for module in code)
