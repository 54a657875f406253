"""Anybody's plant: the two methods by which a model drives the ticks, and what it may answer.

docs/plant.md documents them. The plant that ships is driven in the same way.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn, Protocol

from ..core.model import Value
from ..system import packages
from .loads import Load
from .plant import CS, Flow

Devices = list[tuple[str, str, str, dict[str, Value]]]  # as `reading.parse` gives them
NUMBERS = ("sun", "panels", "load", "power", "soc")


class Model(Protocol):
    """What a plant must be able to do."""

    def reading(self, when: float) -> Any:
        """What the monitors show at `when` (epoch s): {device: {value: text or number}}."""

    def minute(self, when: float, states: Mapping[int, int]) -> Any:
        """Lets the minute from `when` on go by, with the relays in these states."""


class PlantError(Exception):
    """What is wrong with a plant or its answer, as one sentence."""


def named(name: str) -> Any:
    """The class of "module:Class"; the module is looked for in the current folder too. Raises PlantError."""
    module, colon, kind = name.partition(":")
    if not (module and colon and kind):
        raise PlantError(f"--plant wants module:Class, not {name!r}")
    packages.third_party()
    sys.path.insert(0, ".")
    try:
        found = getattr(importlib.import_module(module), kind)
    except ModuleNotFoundError as error:
        raise PlantError(f"--plant {name}: {error}; run it from the folder where it is") from None
    except AttributeError:
        raise PlantError(f"--plant {name}: {module} has no {kind}") from None
    except Exception as error:  # a foreign module may do anything while it is imported
        raise PlantError(f"--plant {name}: {module} fails ({type(error).__name__}: {error})") from None
    finally:
        sys.path.remove(".")
    if not callable(found):
        raise PlantError(f"--plant {name}: {kind} is no class")
    return found


def begun(kind: Any, name: str, settings: Mapping[str, Any]) -> Driven:
    """The model of a class, with what it is told about the house. Raises PlantError."""
    try:
        return Driven(kind(dict(settings)))
    except Exception as error:
        raise PlantError(f"--plant {name}: it cannot be made ({type(error).__name__}: {error})") from None


@lru_cache(1 << 14)
def _value(text: str) -> Value:
    return Value(text, CS.get(text, text))


class Driven:
    """A model whose answers are checked, and brought into domo's own form."""

    def __init__(self, model: Model, trusted: bool = False) -> None:
        self.model, self.trusted, self.name = model, trusted, type(model).__name__
        self.loads: Mapping[int, Load] | None = model.loads if trusted else None  # type: ignore[attr-defined]

    def reading(self, when: float) -> Devices:
        """The readings of a moment, stamped a second before it. Raises PlantError."""
        stamp = f"{when - 1:.0f}"
        if self.trusted:
            return [
                (name.lower(), name, stamp, dict(zip(values, map(_value, values.values()), strict=True)))
                for name, values in self.model.reading(when).items()
            ]
        told = self._asked("reading", when)
        if not isinstance(told, Mapping) or not told:
            self._nonsense("reading", f"wants {{device: {{value: number}}}}, not {told!r:.60}")
        return [
            (str(name).lower(), str(name), stamp, self._values(name, values)) for name, values in told.items()
        ]

    def _values(self, device: object, values: object) -> dict[str, Value]:
        if not isinstance(values, Mapping):
            self._nonsense("reading", f"{device} wants {{value: number}}, not {values!r:.60}")
        found = {}
        for name, value in values.items():
            text, raw = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
            if isinstance(text, bool) or not isinstance(text, (str, int, float)) or text != text:
                self._nonsense("reading", f"{device}.{name} is {value!r:.60}, neither number nor text")
            shown = text if isinstance(text, str) else f"{text:.3f}".rstrip("0").rstrip(".")
            found[str(name)] = Value(shown, CS.get(shown, shown) if raw is None else str(raw))
        return found

    def minute(self, when: float, states: Mapping[int, int]) -> Flow:
        """What flowed, as far as the model says it. Raises PlantError."""
        if self.trusted:
            flow: Flow = self.model.minute(when, states)
            return flow
        told = self._asked("minute", when, dict(states))
        if told is None:
            told = {}
        if not isinstance(told, Mapping):
            self._nonsense("minute", f"wants {{'sun': W, ...}} or None, not {told!r:.60}")
        numbers = {name: self._number(name, told[name]) for name in NUMBERS if name in told}
        watts = told.get("watts", {})
        if not isinstance(watts, Mapping):
            self._nonsense("minute", f"watts wants {{relay: W}}, not {watts!r:.60}")
        drawn = {r: self._number(f"watts of relay {r}", watts.get(r, 0.0)) for r, on in states.items() if on}
        sun, panels, load, power, soc = (numbers.get(name, 0.0) for name in NUMBERS)
        throttled = panels < sun - 1e-9
        return Flow(soc / 100, "", sun, panels, load, power, stored=power, throttled=throttled, watts=drawn)

    def _number(self, name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e9 < value < 1e9:
            self._nonsense("minute", f"{name} is {value!r:.60}, no number")
        return float(value)

    def _asked(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self.model, method)(*arguments)
        except AttributeError:
            if not hasattr(self.model, method):
                raise PlantError(f"the plant {self.name} has no {method}(...)") from None
            raise
        except Exception as error:
            place = error.__traceback__
            while place and place.tb_next:
                place = place.tb_next
            line = f" line {place.tb_lineno} of {place.tb_frame.f_code.co_filename}" if place else ""
            raise PlantError(
                f"the plant {self.name} fails in {method}{line}: {type(error).__name__}: {error}"
            ) from None

    def _nonsense(self, method: str, what: str) -> NoReturn:
        raise PlantError(f"the plant {self.name} answers nonsense: {method}(...) {what}")
