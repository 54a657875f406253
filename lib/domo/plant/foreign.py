"""Anybody's plant: the two methods by which a model drives the ticks, and what it may answer.

docs/plant.md documents them. The plant that ships is driven in the same way.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Mapping
from numbers import Real  # of numpy too
from typing import Any, NoReturn, Protocol

from ..core.model import Fault, Value
from ..core.texts import one_line
from ..report.days import SANE
from ..system import packages
from .loads import Load
from .plant import CS, Flow

Devices = list[tuple[str, str, str, dict[str, Value]]]  # as `reading.parse` gives them
FLOW = {"sun", "panels", "load", "power", "soc"}
RANGES = {  # of a minute's numbers, and of a reading: W and %
    **dict.fromkeys(("sun", "panels", "load", "watts"), (0.0, SANE)),
    **dict.fromkeys(("soc", "SOC"), (0.0, 100.0)),
}
MOST_VALUES = 20_000  # that are remembered
LITTLE = 0.5  # W or %: what a number may be out of its range, by rounding


class Model(Protocol):
    """What a plant must be able to do."""

    def reading(self, when: float) -> Any:
        """What the monitors show at `when` (epoch s): {device: {value: text or number}}."""

    def minute(self, when: float, states: Mapping[int, int]) -> Any:
        """Lets the minute from `when` on go by, with the relays in these states."""


class PlantError(Fault):
    """What is wrong with a plant or its answer."""


def named(name: str) -> Any:
    """The class of "module:Class"; the module is looked for in the current folder too. Raises PlantError."""
    module, _, kind = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), kind)):
        raise PlantError(f"--plant wants module:Class, not {name!r}")
    packages.third_party()
    sys.path.insert(0, ".")
    try:
        loaded = _asked(f"--plant {name}: {module}", _imported, module, name)
    finally:
        sys.path.remove(".")
    model = getattr(loaded, kind, None)
    if model is None:
        raise PlantError(f"--plant {name}: {module} has no {kind}")
    if not callable(model):
        raise PlantError(f"--plant {name}: {kind} is no class")
    return model


def _imported(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):  # else something that it imports
            raise PlantError(f"--plant {name}: {error}; run it from the folder where it is") from None
        raise


def begun(kind: Any, name: str, settings: Mapping[str, Any]) -> Driven:
    """The model of a class, with what it is told about the house. Raises PlantError."""
    return Driven(_asked(f"--plant {name}: {name.rpartition(':')[2]}(...)", kind, dict(settings)))


def _asked(what: str, code: Callable[..., Any], *arguments: Any) -> Any:
    """What somebody else's code gives. Whatever it does else is told in a sentence."""
    try:
        return code(*arguments)
    except (PlantError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit() too would end the replay without a word
        raise PlantError(f"{what} fails{_place(error)}: {_said(error)}") from None


def _said(error: BaseException) -> str:
    """What an error says of itself, if it can."""
    try:
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    except BaseException:
        return type(error).__name__


def _place(error: BaseException) -> str:
    """The line of somebody else's code that raised it, in words."""
    places = [(line, frame.f_code.co_filename) for frame, line in traceback.walk_tb(error.__traceback__)]
    lines = [f" in line {line} of {file}" for line, file in places if file != __file__ and file[0] != "<"]
    return lines[-1] if lines and not isinstance(error, SyntaxError) else ""  # which says its line itself


class _Value(Value):
    number = None  # set for each: what the text reads as


class _Values(dict[str, Value]):
    """The values of the shipped plant by their texts: most were there before. It saves 3 % of a replay."""

    def __missing__(self, text: str) -> Value:
        if len(self) >= MOST_VALUES:
            self.clear()
        self[text] = value = _Value(text, CS.get(text, text))
        value.__dict__["number"] = Value(text, "").number
        return value


_values = _Values()


class Driven:
    """A model whose answers are checked, and brought into domo's own form."""

    def __init__(self, model: Model, trusted: bool = False) -> None:
        self.model, self.trusted, self.name = model, trusted, type(model).__name__
        self.loads: Mapping[int, Load] | None = model.loads if trusted else None  # type: ignore[attr-defined]
        self.read, self.stage = 0.0, ""  # when it was read last, and "Float" if a regulator was in it then

    def reading(self, when: float) -> Devices:
        """The readings of a moment, stamped a second before it. Raises PlantError."""
        stamp = f"{when - 1:.0f}"
        if self.trusted:
            return [
                (name.lower(), name, stamp, {value: _values[text] for value, text in values.items()})
                for name, values in self.model.reading(when).items()
            ]
        devices: Devices = _asked(f"the plant {self.name}: reading(...)", self._reading, when, stamp)
        stages = [values["CS"].text for *_, values in devices if "CS" in values]
        self.read, self.stage = when, next((s for s in stages if s.startswith("Float")), "")
        return devices

    def _reading(self, when: float, stamp: str) -> Devices:
        told = self._method("reading")(when)
        if not isinstance(told, Mapping) or not told:
            self._nonsense("reading", f"wants {{device: {{value: number}}}}, not {told!r:.60}")
        named = [(one_line(name), values) for name, values in told.items()]
        return [(name.lower(), name, stamp, self._values(name, values)) for name, values in named]

    def _values(self, device: str, values: object) -> dict[str, Value]:
        if not isinstance(values, Mapping):
            self._nonsense("reading", f"{device} wants {{value: number}}, not {values!r:.60}")
        by_name = {}
        for name, value in ((one_line(name), value) for name, value in values.items()):
            text, raw = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
            if isinstance(text, bool) or not isinstance(text, (str, Real)):
                self._nonsense("reading", f"{device}.{name} is {value!r:.60}, neither number nor text")
            number = Value(text, "").number if isinstance(text, str) else text
            if number is not None:
                number = self._number("reading", f"{device}.{name}", number, RANGES.get(name))
            shown = one_line(text) if isinstance(text, str) else f"{number:.3f}".rstrip("0").rstrip(".")
            by_name[name] = Value(shown, CS.get(shown, shown) if raw is None else str(raw))
        return by_name

    def minute(self, when: float, states: Mapping[int, int]) -> Flow:
        """What flowed, as far as the model says it. Raises PlantError."""
        if self.trusted:
            flow: Flow = self.model.minute(when, states)
            return flow
        if self.read != when:  # the house without domo, which no script looks at
            self.reading(when)
        told: Flow = _asked(f"the plant {self.name}: minute(...)", self._minute, when, states)
        return told

    def _minute(self, when: float, states: Mapping[int, int]) -> Flow:
        told = self._method("minute")(when, dict(states))
        if told is None:
            told = {}
        if not isinstance(told, Mapping):
            self._nonsense("minute", f"wants {{'sun': W, ...}} or None, not {told!r:.60}")
        flow = {n: self._number("minute", n, told[n], RANGES.get(n)) for n in FLOW & told.keys()}
        watts = told.get("watts", {})
        if not isinstance(watts, Mapping):
            self._nonsense("minute", f"watts wants {{relay: W}}, not {watts!r:.60}")
        drawn = {
            relay: self._number("minute", f"watts of relay {relay}", watts.get(relay, 0.0), RANGES["watts"])
            for relay, on in states.items()
            if on
        }
        load, power, soc = (flow.get(name, 0.0) for name in ("load", "power", "soc"))
        panels = flow.get("panels", 0.0)
        sun = max(panels, flow.get("sun", 0.0))  # in twilight a model may give a little more than there is
        throttled = panels < sun - 1e-9
        return Flow(
            soc / 100, self.stage, sun, panels, load, power, stored=power, throttled=throttled, watts=drawn
        )

    def _number(self, method: str, name: str, value: object, range: tuple[float, float] | None) -> float:
        """A number of the model's that is one, and sane."""
        least, most = range or (-SANE, SANE)
        number: Any = value if isinstance(value, Real) and not isinstance(value, bool) else float("nan")
        if not least - LITTLE <= number <= most + LITTLE:
            self._nonsense(method, f"{name} is {value!r:.60}, no number from {least:g} to {most:g}")
        return float(min(most, max(least, number)))

    def _method(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] | None = getattr(self.model, name, None)
        if not callable(method):
            raise PlantError(f"the plant {self.name} has no {name}(...)")
        return method

    def _nonsense(self, method: str, what: str) -> NoReturn:
        raise PlantError(f"the plant {self.name} answers nonsense: {method}(...) {what}")
