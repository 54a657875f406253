"""The format of config.yaml: its keys, and how each is checked. PvMonit's own file is welcome as it is.

`KEYS` names every key and how it is checked; the defaults are those of `model.Config`.
"""

from __future__ import annotations

import os

from ..core.header import BCM_PINS, WIRING_PI
from ..core.model import Config, ConfigError, Fault, Limits
from ..core.records import replace
from ..core.texts import did_you_mean
from ..system import files
from ..system.files import PROJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Check = Callable[[Any], Any]


def _text(value: Any) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise ValueError("wants a text")
    if "\0" in str(value) or not str(value):
        raise ValueError("wants a text that is not empty")
    return str(value)


def _optional_path(value: Any) -> str:
    return "" if value is False or value is None else _text(value)


def _number(low: float, high: float, kind: type = float) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"wants a number, not {value!r}")
        if not low <= value <= high:
            raise ValueError(f"wants a number from {low:g} to {high:g}, not {value!r}")
        if kind is int and value != int(value):
            raise ValueError(f"wants a whole number, not {value!r}")
        return kind(value) if kind is int else value

    return check


def _command(value: Any) -> tuple[str, ...]:
    """A program, by its whole path, and its arguments; false for none."""
    if value is False:
        return ()
    words = value if isinstance(value, list) else [value]
    if not all(isinstance(word, (str, int, float)) and not isinstance(word, bool) for word in words):
        raise ValueError(f"wants a list: [/path/to/program, argument], not {value!r}")
    if words and not (str(words[0]).startswith("/") and not any("\0" in str(word) for word in words)):
        raise ValueError(f"wants the whole path of a program, from / on, not {words[0]!r}")
    return tuple(map(str, words))


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"wants true or false, not {value!r}")
    return value


def _choice(*words: str) -> Check:
    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"wants one of {', '.join(words)}, not {value!r}")
        return str(value)

    return check


def _list(check: Check, single: bool = False) -> Check:
    def check_list(value: Any) -> tuple[Any, ...]:
        if single and not isinstance(value, list):
            value = [value]
        if not isinstance(value, list):
            raise ValueError(f"wants a list, not {value!r}")
        found = tuple(check(item) for item in value)
        if twice := [item for item in found if found.count(item) > 1]:
            raise ValueError(f"names {twice[0]!r} twice")
        return found

    return check_list


def _map(key: Check, item: Check) -> Check:
    def check(value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"wants lines of the form 'number: value', not {value!r}")
        found: dict[Any, Any] = {}
        problems: list[str] = []
        for name, content in value.items():
            try:
                found[key(name)] = item(content)
            except ValueError as error:
                problems += [f".{name}{'' if p[0] == '.' else ': '}{p}" for p in str(error).split("\n")]
        if problems:
            raise ValueError("\n".join(problems))
        return found

    return check


def _wiring_pi(value: Any) -> int:
    number: int = _number(0, len(WIRING_PI) - 1, int)(value)
    if WIRING_PI[number] not in BCM_PINS:
        raise ValueError(f"is {value!r}, a pin that the 40-pin header does not have")
    return number


def _limits(value: Any) -> Limits:
    known = {
        "minOn": _number(0, 86400),
        "minOff": _number(0, 86400),
        "maxOnPerDay": _number(0, 86400),
        "maxStartsPerHour": _number(0, 60, int),
    }
    if not isinstance(value, dict):
        raise ValueError(f"wants {', '.join(known)}, not {value!r}")
    problems = [f".{name}: unknown{did_you_mean(str(name), known)}" for name in value if name not in known]
    found = {}
    for name in known.keys() & value.keys():
        try:
            found[name] = known[name](value[name])
        except ValueError as error:
            problems.append(f".{name}: {error}")
    if problems:
        raise ValueError("\n".join(sorted(problems)))
    limits = Limits(**found)
    if 0 < limits.maxOnPerDay < limits.minOn:
        raise ValueError("minOn is longer than maxOnPerDay")
    return limits


_SECONDS = _number(0, 7 * 86400)


def _seconds_or_never(value: Any) -> float:
    return 0 if value is False else _SECONDS(value)


_RELAY = _number(1, 1000, int)
_PIN = _number(BCM_PINS[0], BCM_PINS[-1], int)

KEYS: dict[str, tuple[str, Check]] = {  # key path: (field of Config, check)
    "tmpFileDataXml": ("tmpFileDataXml", _text),
    "urlDataXml": ("urlDataXml", _optional_path),
    "scriptDataXml": ("scriptDataXml", _optional_path),
    "bin.php-cli": ("phpCli", _text),
    "printMessage": ("printMessage", _number(0, 5, int)),
    "printMessageLogfile": ("printMessageLogfile", _optional_path),
    "domo.dataCheckTime": ("dataCheckTime", _SECONDS),
    "domo.fileExpir": ("fileExpir", _SECONDS),
    "domo.xmlDataExpir": ("xmlDataExpir", _SECONDS),
    "domo.frozenAfter": ("frozenAfter", _SECONDS),
    "domo.valueUse": ("valueUse", _list(_text)),
    "domo.jsonFile.modPath": ("modPath", _text),
    "domo.jsonFile.etatPath": ("etatPath", _text),
    "domo.prefixFileData": ("prefixFileData", _text),
    "domo.dbFile": ("dbFile", _optional_path),
    "domo.recordEvery": ("recordEvery", _seconds_or_never),
    "domo.recordDir": ("recordDir", _text),
    "domo.recordValues": ("recordValues", _list(_text)),
    "domo.remindAfter": ("remindAfter", _SECONDS),
    "domo.onChange": ("onChange", _command),
    "domo.relay.scriptDir": ("scriptDir", _text),
    "domo.relay.scriptExecInterval": ("scriptExecInterval", _SECONDS),
    "domo.relay.secuDownNoData": ("secuDownNoData", _SECONDS),
    "domo.relayNb": ("relayNb", _number(1, 1000, int)),
    "domo.relayName": ("relayName", _map(_RELAY, _text)),
    "domo.relayWiringPi": ("relayWiringPi", _map(_RELAY, _wiring_pi)),
    "domo.relayGpio": ("relayGpio", _map(_RELAY, _PIN)),
    "domo.relayActiveLow": ("relayActiveLow", _boolean),
    "domo.relayPriority": ("relayPriority", _list(_RELAY)),
    "domo.relayWatt": ("relayWatt", _map(_RELAY, _number(0, 100_000))),
    "domo.maxWatt": ("maxWatt", _number(0, 1_000_000)),
    "domo.uninterruptible": ("uninterruptible", _list(_RELAY)),
    "domo.floor": ("floor", _map(_text, _number(-1e9, 1e9))),
    "domo.limits": ("limits", _map(_RELAY, _limits)),
    "domo.board": ("board", _choice("auto", "gpiochip", "gpio", "simulated")),
    "domo.simulatedPins": ("simulatedPins", _text),
    "domo.tm1638.refresh": ("refresh", _number(0.02, 60)),
    "domo.tm1638.actionButtonDelay": ("actionButtonDelay", _number(0, 60)),
    "domo.tm1638.dio": ("dio", _PIN),
    "domo.tm1638.clk": ("clk", _PIN),
    "domo.tm1638.stb": ("stb", _list(_PIN, single=True)),
    "domo.tm1638.brightness": ("brightness", _number(0, 7, int)),
}
PATHS: tuple[str, ...] = (
    "tmpFileDataXml",
    "printMessageLogfile",
    "modPath",
    "etatPath",
    "prefixFileData",
    "dbFile",
)
PATHS += ("recordDir", "scriptDir", "simulatedPins", "scriptDataXml")
# PvMonit's keys that mean nothing here; whole sections of it are not even looked at.
PVMONIT = {"domo.daemon", "domo.binGpio", "domo.valueSimu", "domo.relayActionRefresh", "domo.tm1638.daemon"}
SECTIONS = {"domo", "domo.jsonFile", "domo.relay", "domo.tm1638", "bin"}


def read(path: str) -> Any:
    """The YAML document at `path`. Raises ConfigError."""
    try:
        content, _ = files.read(path, 1 << 20)
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file"]) from None
    except Fault as fault:
        raise ConfigError([str(fault)]) from None
    if not content.strip(
        b"\0 \t\r\n"
    ):  # what a power cut leaves; by the defaults, other pins would be driven
        raise ConfigError([f"{path}: is empty; a new one is in {PROJECT}, or: echo 'domo: {{}}' >{path}"])
    files.third_party()
    try:
        import yaml
    except ImportError:
        raise ConfigError(["PyYAML is missing; run: sudo apt install python3-yaml"]) from None
    try:
        return yaml.load(content, _loader(yaml))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise ConfigError([f"{path}{place}: {error.problem or error.context}"]) from None
    except Exception as error:  # not only a YAMLError: "!!int" without a number is an IndexError
        raise ConfigError([f"{path}: cannot be read as YAML ({' '.join(str(error).split())})"]) from None


def _loader(yaml: Any) -> Any:
    """SafeLoader that refuses a key given twice, where YAML would silently take the last one, and
    aliases, by which a small file can unfold to gigabytes."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                event = self.peek_event()
                raise yaml.MarkedYAMLError(
                    problem="aliases (*name) are not read", problem_mark=event.start_mark
                )
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise yaml.MarkedYAMLError(
                        problem="wants a plain word before the ':'", problem_mark=key.start_mark
                    )
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"{key.value} is given twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    return Loader


def parse(path: str, document: Any) -> Config:
    """The configuration that a YAML document says. Raises ConfigError with every problem."""
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise ConfigError([f"{path}: wants lines of the form 'key: value'"])
    problems: list[str] = []
    fields: dict[str, Any] = {}
    for key, value in _flat(document, problems):
        field, check = KEYS[key]
        if value is None:  # "key:" with nothing behind it, as PvMonit's people write
            continue
        try:
            fields[field] = check(value)
        except ValueError as error:
            problems += [f"{key}{'' if p[0] == '.' else ' '}{p}" for p in str(error).split("\n")]
    config = Config(path=path)
    config = Config(**{**_rooted(config.__dict__, PROJECT), **_rooted(fields, os.path.dirname(path))})
    config = _with_pins(config, fields, problems)
    _check_relays(config, fields, problems)
    _check_files(config, problems)
    if problems:
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return config


def unknown_keys(document: Any) -> list[str]:
    """The keys below `domo:` that mean nothing to domo nor to PvMonit."""
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
        elif key not in PVMONIT and prefix != "bin.":
            near = did_you_mean(key, (*KEYS, *SECTIONS))
            if near or (strict and prefix):
                problems.append(f"{key}: unknown key{near}")


def _rooted(fields: dict[str, Any], folder: str) -> dict[str, Any]:
    """The fields with relative paths meant from `folder`."""
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
    """Settings about relays that there are not, and names given twice."""
    for name in ("relayPriority", "relayWatt", "limits", "relayGpio", "uninterruptible"):
        for relay in fields.get(name, ()):
            if relay not in config.relays:
                problems.append(f"domo.{name}: there is no relay {relay} (relayNb is {config.relayNb})")
    for relay, watt in config.relayWatt.items():
        if 0 < config.maxWatt < watt:
            problems.append(
                f"domo.relayWatt.{relay}: {watt:g} W is more than maxWatt, it could never be switched on"
            )


def _check_files(config: Config, problems: list[str]) -> None:
    """One file for two things: each would overwrite the other, and the owner's modes with it."""
    used: dict[str, str] = {
        config.path: "this file itself",
        f"{config.prefixFileData}memory.json": "the memory",
        f"{config.prefixFileData}faults.json": "the faults that were told",
    }
    for key, (field, _) in KEYS.items():
        path = getattr(config, field)
        if (
            field in PATHS
            and field not in ("recordDir", "scriptDir", "scriptDataXml", "prefixFileData")
            and path
        ):
            if path in used:
                problems.append(f"{key}: {path} is {used[path]} already")
            used[path] = key
