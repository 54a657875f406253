"""Checks of the values in config.yaml: each gives the value, or a ValueError says what is wanted."""

from __future__ import annotations

from ..core.header import BCM_PINS, WIRING_PI
from ..core.settings import Limits
from ..core.texts import did_you_mean, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Check = Callable[[Any], Any]
    Keys = dict[str, tuple[Check, Any]]  # its check, and its default; ... where there is none

DECIMAL = "a decimal has a point: 26.5, not 26,5"


def text(value: Any) -> str:
    """A text that is not empty; a number is taken as text."""
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise ValueError("wants a text")
    if not str(value):
        raise ValueError("wants a text that is not empty")
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in str(value)):
        raise ValueError("wants a text without NUL or halves of characters")
    return str(value)


def name(value: Any) -> str:
    """A name for people, as one clean line."""
    return one_line(text(value))


def names(value: Any) -> tuple[str, ...]:
    """A list of names. Older PvMonits have a map, with a pattern behind each name."""
    checked: tuple[str, ...] = list_of(name)([*value] if isinstance(value, dict) else value)
    return checked


def optional_path(value: Any) -> str:
    """A path or an address; false or nothing: "", there is none."""
    if value in ("non", "none"):  # no file is meant to be called so
        raise ValueError(f"wants a path, or false for none, not {value!r}")
    return "" if value is False or value is None else text(value)


def number(low: float, high: float, kind: type = float, why: str = "") -> Check:
    """A number from `low` to `high`; `why` is said behind the range."""

    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"wants a number, not {value!r}{f'; {DECIMAL}' if ',' in str(value) else ''}")
        if not low <= value <= high:
            raise ValueError(f"wants a number from {low:g} to {high:g}{why}, not {value!r}")
        if kind is int and value != int(value):
            raise ValueError(f"wants a whole number, not {value!r}")
        return kind(value) if kind is int else value

    return check


def command(value: Any) -> tuple[str, ...]:
    """A program, by its whole path, and its arguments; false for none."""
    if value is False:
        return ()
    words = value if isinstance(value, list) else [value]
    if not all(isinstance(word, (str, int, float)) and not isinstance(word, bool) for word in words):
        raise ValueError(f"wants a list: [/path/to/program, argument], not {value!r}")
    if words and not (str(words[0]).startswith("/") and not any("\0" in str(word) for word in words)):
        raise ValueError(f"wants the full path of a program, beginning with /, not {words[0]!r}")
    return tuple(map(str, words))


def boolean(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"wants true or false, not {value!r}")
    return value


def choice(*words: str) -> Check:
    """One of these words."""

    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"wants one of {', '.join(words)}, not {value!r}")
        return str(value)

    return check


def list_of(check: Check, single: bool = False) -> Check:
    """A list of different things that `check` accepts; `single`: one thing without a list will do too."""

    def check_list(value: Any) -> tuple[Any, ...]:
        if single and not isinstance(value, list):
            value = [value]
        if not isinstance(value, list):
            raise ValueError(f"wants a list, not {value!r}")
        items = tuple(check(item) for item in value)
        if twice := [item for item in items if items.count(item) > 1]:
            raise ValueError(f"names {twice[0]!r} twice")
        return items

    return check_list


def at(key: str, error: ValueError) -> list[str]:
    """Each problem of an error behind the `key` that has it, or behind that and the key below."""
    return [f"{key.removesuffix(':')}{p}" if p[0] == "." else f"{key} {p}" for p in str(error).split("\n")]


def _behind(name: object, content: object) -> bool:
    """Whether a key looks like what stood behind a comma: {V: 23,6} is V: 23, and 6 without a value."""
    return content is None and isinstance(name, int)


def map_of(key: Check, item: Check) -> Check:
    """A mapping whose keys pass `key` and whose values pass `item`; one ValueError names every problem."""

    def check(value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"wants lines of the form 'number: value', not {value!r}")
        checked: dict[Any, Any] = {}
        problems: list[str] = []
        for name, content in value.items():
            try:
                checked[key(name)] = item(content)
            except ValueError as error:
                hint = f"; {DECIMAL}" if _behind(name, content) else ""
                problems += at(f".{name}:", ValueError(f"{error}{hint}"))
        if problems:
            raise ValueError("\n".join(problems))
        return checked

    return check


def wiring_pi(value: Any) -> int:
    """A wiringPi number of a pin that the 40-pin header has."""
    pin: int = number(0, len(WIRING_PI) - 1, int)(value)
    if WIRING_PI[pin] not in BCM_PINS:
        raise ValueError(f"is {value!r}, a pin that the 40-pin header does not have")
    return pin


def keys(value: Any, fields: Keys, where: str = "", empty: bool = True) -> dict[str, Any]:
    """The values in a mapping, and defaults for those that it lacks; `empty`: also for a key with nothing
    behind it. Raises ValueError with every problem."""
    if not isinstance(value, dict):
        raise ValueError(f"{where} wants {', '.join(fields)}, not {value!r}".strip())
    problems = [
        f".{name}: unknown{f'; {DECIMAL}' if _behind(name, content) else did_you_mean(str(name), fields)}"
        for name, content in value.items()
        if name not in fields
    ]
    checked = {}
    for name, (check, default) in fields.items():
        if value.get(name) is None and (empty or name not in value):
            if default is ...:
                problems.append(f".{name}: is missing")
            checked[name] = default
            continue
        try:
            checked[name] = check(value[name])
        except ValueError as error:
            problems += at(f".{name}:", error)
    if problems:
        raise ValueError("\n".join(f"{where}{problem}" for problem in sorted(problems)))
    return checked


def limits(value: Any) -> Limits:
    """The limits of one relay."""
    day = number(0, 86400)
    checks = {"minOn": day, "minOff": day, "maxOnPerDay": day, "maxStartsPerHour": number(0, 60, int)}
    fields = {name: (check, getattr(Limits, name)) for name, check in checks.items()}
    checked = Limits(**keys(value, fields, empty=False))
    if 0 < checked.maxOnPerDay < checked.minOn:
        raise ValueError("minOn is longer than maxOnPerDay")
    return checked


def floor(value: Any) -> dict[Any, Any]:
    """The lowest values at which a relay may be on automatically."""
    checked: dict[Any, Any] = map_of(name, number(-1e9, 1e9))(value)
    if not 0 <= checked.get("SOC", 0) <= 100:
        raise ValueError(f".SOC: wants a number from 0 to 100 (%), not {checked['SOC']!r}")
    return checked


SECONDS = number(0, 7 * 86400)


def seconds_or_never(value: Any) -> float:
    """A time in s; false: 0, never."""
    return 0 if value is False else SECONDS(value)
