"""`relayLoad` and `plant` in config.yaml: what each load does, and what the house's solar plant is.

Both become plain mappings with every key in them, defaults included, so that they can be
remembered like the rest of the configuration.
"""

from __future__ import annotations

from ..core.texts import did_you_mean
from .checks import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Check = Callable[[Any], Any]
    Keys = dict[str, tuple[Check, Any]]  # its check, and its default; ... where there is none

PLANT: Mapping[str, Any] = {  # the house's solar plant, as far as config.yaml does not say otherwise
    "latitude": 47.0,  # degrees; north and east are positive
    "longitude": None,  # None: where the sun is highest at 12:00 winter time
    "panels": ((1000.0, 35.0, None),),  # W peak; degrees: tilt, azimuth (180 is south; None: to the equator)
    "battery": 5000.0,  # Wh
    "chemistry": "lead",  # or "lfp"
    "absorption": 28.8,  # V of a 24 V battery, as the next; lfp has others
    "float": 27.6,
    "absorptionTime": 7200.0,  # s a day at most
    "idle": 10.0,  # W that the inverter draws by itself
    "house": (60.0,) * 7 + (70.0,) * 10 + (140.0,) * 6 + (60.0,),  # W that is drawn besides, hour by hour
}
OWN = ("latitude", "longitude", "panels", "battery", "chemistry")  # an owner's plant has at least these
VOLTAGES = {"lead": (28.8, 27.6), "lfp": (28.4, 27.0)}  # absorption and float of a 24 V battery


def _number(low: float, high: float, why: str = "") -> Check:
    return number(low, high, why=why)


def _steps(value: Any) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, list) or not value or len(value) > 1000:
        raise ValueError(f"wants a list of [watts, minutes], not {value!r}")
    found = []
    for step in value:
        if not isinstance(step, list) or len(step) != 2:
            raise ValueError(f"wants a list of [watts, minutes], and {step!r} is none")
        found.append((_WATT(step[0]), _number(1, 1440)(step[1])))
    if sum(minutes for _, minutes in found) > 1440:
        raise ValueError("lasts longer than a day")
    return tuple(found)


def _panels(value: Any) -> tuple[tuple[float, float, float | None], ...]:
    known: Keys = {
        "peak": (_number(1, 1e6, " (W)"), ...),
        "tilt": (_number(0, 90, " (degrees from level)"), 35.0),
        "azimuth": (_number(0, 360, " (degrees from north: 180 is south)"), None),
    }
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = [{"peak": known["peak"][0](value)}]
    if not isinstance(value, list) or not value:
        raise ValueError(f"wants a list of {{peak: W, tilt: degrees, azimuth: degrees}}, not {value!r}")
    found = [_keys(one, known, f".{place}") for place, one in enumerate(value, 1)]
    return tuple((one["peak"], one["tilt"], one["azimuth"]) for one in found)


def _hours(value: Any) -> tuple[float, ...]:
    if isinstance(value, list):
        if len(value) != 24:
            raise ValueError(f"wants one number, or 24 of them (W, hour by hour), not {len(value)}")
        return tuple(_WATT(watts) for watts in value)
    average = sum(PLANT["house"]) / 24
    return tuple(round(_WATT(value) * watts / average, 1) for watts in PLANT["house"])


def _chemistry(value: Any) -> str:
    if not isinstance(value, str) or value not in VOLTAGES:
        raise ValueError(f"wants one of {', '.join(VOLTAGES)}, not {value!r}")
    return str(value)


_WATT = _number(0, 100_000, " (W)")
_HOUR = _number(0, 23)
_WEEK = _number(0, 7, " (days a week)")
LOADS: dict[str, Keys] = {
    "constant": {"watt": (_WATT, ...)},
    "cycle": {"steps": (_steps, ...), "days": (_WEEK, 4.0), "from": (_HOUR, 8.0)},
    "thermostat": {
        "watt": (_WATT, ...),
        "store": (_number(1, 1e6, " (Wh)"), ...),
        "loss": (_WATT, 15.0),
        "use": (_number(0, 1e6, " (Wh a day)"), 0.0),
    },
    "charger": {"watt": (_WATT, ...), "store": (_number(1, 1e6, " (Wh)"), ...), "days": (_WEEK, 7.0)},
    "pump": {
        "watt": (_WATT, ...),
        "minutes": (_number(0, 1440, " (of pumping a day)"), ...),
        "tank": (_number(1, 1e5, " (minutes of pumping that it holds)"), ...),
    },
}
_PLANT: dict[str, Check] = {
    "latitude": _number(-90, 90),
    "longitude": _number(-180, 180),
    "panels": _panels,
    "battery": _number(10, 1e8, " (Wh)"),
    "chemistry": _chemistry,
    "absorption": _number(10, 70, " (V)"),
    "float": _number(10, 70, " (V)"),
    "absorptionTime": _number(0, 86400, " (s)"),
    "idle": _WATT,
    "house": _hours,
}


def load(value: Any) -> dict[str, Any]:
    """One entry of relayLoad, with its defaults. Raises ValueError."""
    if not isinstance(value, dict):
        return {"kind": "constant", "watt": _WATT(value)}
    kind = value.get("kind", "constant")
    if not isinstance(kind, str) or kind not in LOADS:
        raise ValueError(f".kind: wants one of {', '.join(LOADS)}, not {kind!r}")
    given = {name: content for name, content in value.items() if name != "kind"}
    return {"kind": kind, **_keys(given, LOADS[kind])}


def plant(value: Any) -> dict[str, Any]:
    """The section `plant`, with its defaults. Raises ValueError."""
    found = {**PLANT, **_keys(value, {name: (check, PLANT[name]) for name, check in _PLANT.items()})}
    found["own"] = any(found[name] != PLANT[name] for name in OWN)
    names = ("absorption", "float")
    given = [found[name] for name in names if value.get(name) is not None]
    system = max(1, round(given[0] / 14)) / 2 if given else 1  # times 24 V
    for name, volts in zip(names, VOLTAGES[found["chemistry"]], strict=True):
        found[name] = volts * system if value.get(name) is None else found[name]
    if found["float"] > found["absorption"]:
        raise ValueError(f".float: {found['float']:g} V is above absorption, {found['absorption']:g} V")
    return found


def peak(load: Mapping[str, Any]) -> float:
    """The most that a load draws (W)."""
    steps = load.get("steps")
    return max(watts for watts, _ in steps) if steps else float(load["watt"])


def _keys(value: Any, known: Keys, where: str = "") -> dict[str, Any]:
    """The values in a mapping, and defaults for those that it lacks. Raises ValueError with every problem."""
    if not isinstance(value, dict):
        raise ValueError(f"{where} wants {', '.join(known)}, not {value!r}".strip())
    problems = [f".{name}: unknown{did_you_mean(str(name), known)}" for name in value if name not in known]
    found = {}
    for name, (check, default) in known.items():
        if value.get(name) is None:
            if default is ...:
                problems.append(f".{name}: is missing")
            found[name] = default
            continue
        try:
            found[name] = check(value[name])
        except ValueError as error:
            problems += [f".{name}{'' if p[0] == '.' else ': '}{p}" for p in str(error).split("\n")]
    if problems:
        raise ValueError("\n".join(f"{where}{problem}" for problem in problems))
    return found
