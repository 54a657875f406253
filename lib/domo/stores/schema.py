"""The format of config.yaml. PvMonit's own file works as it is.

`KEYS` names every key and its check; the defaults are those of `core/settings.Config`.
"""

from __future__ import annotations

import os

from ..core.header import BCM_PINS, WIRING_PI
from ..core.model import ConfigError
from ..core.records import replace
from ..core.settings import Config
from ..core.texts import did_you_mean
from ..system.files import PROJECT
from . import checks, plant_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .checks import Check


_RELAY = checks.number(1, 1000, int)
_PIN = checks.number(BCM_PINS[0], BCM_PINS[-1], int)

KEYS: dict[str, tuple[str, Check]] = {  # key path: (field of Config, check)
    "tmpFileDataXml": ("tmpFileDataXml", checks.text),
    "urlDataXml": ("urlDataXml", checks.optional_path),
    "scriptDataXml": ("scriptDataXml", checks.optional_path),
    "bin.php-cli": ("phpCli", checks.text),
    "cache.dir": ("cacheDir", checks.optional_path),
    "printMessage": ("printMessage", checks.number(0, 5, int)),
    "printMessageLogfile": ("printMessageLogfile", checks.optional_path),
    "domo.dataCheckTime": ("dataCheckTime", checks.SECONDS),
    "domo.fileExpir": ("fileExpir", checks.SECONDS),
    "domo.xmlDataExpir": ("xmlDataExpir", checks.SECONDS),
    "domo.frozenAfter": ("frozenAfter", checks.SECONDS),
    "domo.valueUse": ("valueUse", checks.names),
    "domo.jsonFile.modPath": ("modPath", checks.text),
    "domo.jsonFile.etatPath": ("etatPath", checks.text),
    "domo.prefixFileData": ("prefixFileData", checks.text),
    "domo.dbFile": ("dbFile", checks.optional_path),
    "domo.recordEvery": ("recordEvery", checks.seconds_or_never),
    "domo.recordDir": ("recordDir", checks.text),
    "domo.recordValues": ("recordValues", checks.list_of(checks.text)),
    "domo.remindAfter": ("remindAfter", checks.SECONDS),
    "domo.onChange": ("onChange", checks.command),
    "domo.relay.scriptDir": ("scriptDir", checks.text),
    "domo.relay.scriptOwners": ("scriptOwners", checks.list_of(checks.text, single=True)),
    "domo.relay.scriptExecInterval": ("scriptExecInterval", checks.SECONDS),
    "domo.relay.secuDownNoData": ("secuDownNoData", checks.SECONDS),
    "domo.relayNb": ("relayNb", checks.number(1, 1000, int)),
    "domo.relayName": ("relayName", checks.map_of(_RELAY, checks.name)),
    "domo.relayWiringPi": ("relayWiringPi", checks.map_of(_RELAY, checks.wiring_pi)),
    "domo.relayGpio": ("relayGpio", checks.map_of(_RELAY, _PIN)),
    "domo.relayActiveLow": ("relayActiveLow", checks.boolean),
    "domo.relayPriority": ("relayPriority", checks.list_of(_RELAY)),
    "domo.relayWatt": ("relayWatt", checks.map_of(_RELAY, checks.number(0, 100_000))),
    "domo.relayLoad": ("relayLoad", checks.map_of(_RELAY, plant_keys.load)),
    "domo.plant": ("plant", plant_keys.plant),
    "domo.maxWatt": ("maxWatt", checks.number(0, 1_000_000)),
    "domo.uninterruptible": ("uninterruptible", checks.list_of(_RELAY)),
    "domo.floor": ("floor", checks.floor),
    "domo.limits": ("limits", checks.map_of(_RELAY, checks.limits)),
    "domo.board": ("board", checks.choice("auto", "gpiochip", "gpio", "simulated")),
    "domo.simulatedPins": ("simulatedPins", checks.text),
    "domo.tm1638.refresh": ("refresh", checks.number(0.02, 60)),
    "domo.tm1638.actionButtonDelay": ("actionButtonDelay", checks.number(0, 60)),
    "domo.tm1638.dio": ("dio", _PIN),
    "domo.tm1638.clk": ("clk", _PIN),
    "domo.tm1638.stb": ("stb", checks.list_of(_PIN, single=True)),
    "domo.tm1638.brightness": ("brightness", checks.number(0, 7, int)),
}
PATHS = (
    "tmpFileDataXml", "printMessageLogfile", "modPath", "etatPath", "prefixFileData", "dbFile", "recordDir",
    "scriptDir", "simulatedPins", "scriptDataXml", "cacheDir",
)  # fmt: skip
NO_FILES = {"recordDir", "scriptDir", "scriptDataXml", "prefixFileData", "cacheDir"}  # but folders, and such
OWN_FILES = (  # domo's, each behind prefixFileData
    "memory.json", "faults.json", "today.csv", "record.kept", "events",
    "tick.lock", "panel.lock", "events.lock",
)  # fmt: skip
# PvMonit's keys that mean nothing to domo. Whole sections that domo does not know are skipped.
PVMONIT = {
    "domo.daemon", "domo.binGpio", "domo.valueSimu", "domo.relayActionRefresh", "domo.relay.dataFreq",
    "domo.tm1638.daemon",
}  # fmt: skip
SECTIONS = {"domo", "domo.jsonFile", "domo.relay", "domo.tm1638", "bin", "cache"}


def parse(path: str, document: Any) -> Config:
    """The configuration from a YAML document. Raises ConfigError with every problem."""
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise ConfigError([f"{path}: wants lines of the form 'key: value'"])
    problems: list[str] = []
    fields: dict[str, Any] = {}
    for key, value in _flat(document, problems):
        field, check = KEYS[key]
        if value is None:  # "key:" without a value, as PvMonit allows it
            continue
        try:
            fields[field] = check(value)
        except ValueError as error:
            problems += checks.at(key, error)
    fields.setdefault("plant", plant_keys.plant({}))
    config = Config(path=path)
    config = Config(**{**_rooted(config.__dict__, PROJECT), **_rooted(fields, os.path.dirname(path))})
    peaks = {relay: plant_keys.peak(one) for relay, one in config.relayLoad.items()}
    config = replace(config, relayWatt={**peaks, **config.relayWatt})
    config = _with_pins(config, fields, problems)
    _check_relays(config, fields, problems)
    problems += files_named_twice(config, os.path.normpath)
    if problems:
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return config


def unknown_keys(document: Any) -> list[str]:
    """The keys below `domo:` that neither domo nor PvMonit knows, as sentences."""
    problems: list[str] = []
    list(_flat(document if isinstance(document, dict) else {}, problems, strict=True))
    return problems


def _flat(section: dict[Any, Any], problems: list[str], prefix: str = "", strict: bool = False) -> Any:
    """Yields (key path, value) of the known keys, going down into the known sections."""
    for name, value in section.items():
        key = f"{prefix}{name}"
        if key in KEYS:
            yield key, value
        elif key in SECTIONS:
            if isinstance(value, dict):
                yield from _flat(value, problems, f"{key}.", strict)
            elif value is not None:
                problems.append(f"{key} wants keys below it, not {value!r}")
        elif key not in PVMONIT and prefix not in ("bin.", "cache."):
            near = did_you_mean(key, {*KEYS, *SECTIONS} - {prefix[:-1]})
            if near or (strict and prefix):
                problems.append(f"{key}: unknown key{near}")


def _rooted(fields: dict[str, Any], folder: str) -> dict[str, Any]:
    """The fields, with relative paths taken from `folder`."""
    return {
        name: os.path.join(folder, value) if name in PATHS and value else value
        for name, value in fields.items()
    }


def _with_pins(config: Config, fields: dict[str, Any], problems: list[str]) -> Config:
    """The configuration with the BCM pin of every relay in relayGpio."""
    wiring = {**Config(path="").relayWiringPi, **fields.get("relayWiringPi", {})}
    pins: dict[int, int] = {}
    used: dict[int, str] = {}
    for relay in config.relays:
        if relay in config.relayGpio:
            pins[relay], key = config.relayGpio[relay], f"domo.relayGpio.{relay}"
        elif relay in wiring:
            pins[relay], key = WIRING_PI[wiring[relay]], f"domo.relayWiringPi.{relay}"
        else:
            problems.append(f"domo.relayGpio.{relay}: relay {relay} has no pin")
            continue
        if pins[relay] in used:
            problems.append(f"{key}: BCM pin {pins[relay]} is taken by {used[pins[relay]]}")
        used[pins[relay]] = key
    tm1638 = [("dio", config.dio), ("clk", config.clk), *(("stb", pin) for pin in config.stb)]
    for name, pin in tm1638 if config.stb else []:  # stb: [] is no TM1638, and its pins are free
        if pin in used:
            problems.append(f"domo.tm1638.{name}: BCM pin {pin} is taken by {used[pin]}")
        used[pin] = f"domo.tm1638.{name}"
    return replace(config, relayGpio=pins, relayWiringPi=wiring)


def _check_relays(config: Config, fields: dict[str, Any], problems: list[str]) -> None:
    """Finds settings for relays that do not exist, and loads that draw more than maxWatt."""
    for name in ("relayPriority", "relayWatt", "relayLoad", "limits", "relayGpio", "uninterruptible"):
        for relay in fields.get(name, ()):
            if relay not in config.relays:
                problems.append(f"domo.{name}: there is no relay {relay} (relayNb is {config.relayNb})")
    for relay, watt in config.relayWatt.items():
        if 0 < config.maxWatt < watt:
            problems.append(
                f"domo.relayWatt.{relay}: {watt:g} W is more than maxWatt, it could never be switched on"
            )


def files_named_twice(config: Config, real: Callable[[str], str]) -> Iterator[str]:
    """Finds one file used for two things: each would overwrite the other, even the owner's modes. `real`
    gives the same for two paths of one file; parsing asks no disk, which may hang."""
    used = {real(f"{config.prefixFileData}{name}"): f"domo's {name}" for name in OWN_FILES}
    used[real(config.path)] = "this file itself"
    used[real(f"{config.modPath}.lock")] = "the lock of the mode file"
    for key, (field, _) in KEYS.items():
        path = getattr(config, field)
        if field in PATHS and field not in NO_FILES and path:
            if real(path) in used:
                yield f"{key}: {path} is {used[real(path)]} already"
            used[real(path)] = key
