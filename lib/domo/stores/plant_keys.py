"""`relayLoad` and `plant` in config.yaml: what each load does, and what the house's solar plant is.

Both become plain mappings with every key in them, defaults included, so that they can be
remembered like the rest of the configuration.
"""

from __future__ import annotations

from .checks import choice, keys, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .checks import Check, Keys

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


def _steps(value: Any) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, list) or not value or len(value) > 1000:
        raise ValueError(f"wants a list of [watts, minutes], not {value!r}")
    steps = []
    for step in value:
        if not isinstance(step, list) or len(step) != 2:
            raise ValueError(f"wants a list of [watts, minutes], and {step!r} is none")
        steps.append((_WATT(step[0]), number(1, 1440)(step[1])))
    if sum(minutes for _, minutes in steps) > 1440:
        raise ValueError("lasts longer than a day")
    return tuple(steps)


def _panels(value: Any) -> tuple[tuple[float, float, float | None], ...]:
    fields: Keys = {
        "peak": (number(1, 1e6, why=" (W)"), ...),
        "tilt": (number(0, 90, why=" (degrees from level)"), 35.0),
        "azimuth": (number(0, 360, why=" (degrees from north: 180 is south)"), None),
    }
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = [{"peak": fields["peak"][0](value)}]
    if not isinstance(value, list) or not value:
        raise ValueError(f"wants a list of {{peak: W, tilt: degrees, azimuth: degrees}}, not {value!r}")
    panels = [keys(one, fields, f".{place}") for place, one in enumerate(value, 1)]
    return tuple((one["peak"], one["tilt"], one["azimuth"]) for one in panels)


def _hours(value: Any) -> tuple[float, ...]:
    if isinstance(value, list):
        if len(value) != 24:
            raise ValueError(f"wants one number, or 24 of them (W, hour by hour), not {len(value)}")
        return tuple(_WATT(watts) for watts in value)
    average = sum(PLANT["house"]) / 24
    return tuple(round(_WATT(value) * watts / average, 1) for watts in PLANT["house"])


_WATT = number(0, 100_000, why=" (W)")
_HOUR = number(0, 23)
_WEEK = number(0, 7, why=" (days a week)")
LOADS: dict[str, Keys] = {
    "constant": {"watt": (_WATT, ...)},
    "cycle": {"steps": (_steps, ...), "days": (_WEEK, 4.0), "from": (_HOUR, 8.0)},
    "thermostat": {
        "watt": (_WATT, ...),
        "store": (number(1, 1e6, why=" (Wh)"), ...),
        "loss": (_WATT, 15.0),
        "use": (number(0, 1e6, why=" (Wh a day)"), 0.0),
    },
    "charger": {"watt": (_WATT, ...), "store": (number(1, 1e6, why=" (Wh)"), ...), "days": (_WEEK, 7.0)},
    "pump": {
        "watt": (_WATT, ...),
        "minutes": (number(0, 1440, why=" (of pumping a day)"), ...),
        "tank": (number(1, 1e5, why=" (minutes of pumping that it holds)"), ...),
    },
}
_PLANT: dict[str, Check] = {
    "latitude": number(-90, 90),
    "longitude": number(-180, 180),
    "panels": _panels,
    "battery": number(10, 1e8, why=" (Wh)"),
    "chemistry": choice(*VOLTAGES),
    "absorption": number(10, 70, why=" (V)"),
    "float": number(10, 70, why=" (V)"),
    "absorptionTime": number(0, 86400, why=" (s)"),
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
    return {"kind": kind, **keys(given, LOADS[kind])}


def plant(value: Any) -> dict[str, Any]:
    """The section `plant`, with its defaults. Raises ValueError."""
    section = {**PLANT, **keys(value, {name: (check, PLANT[name]) for name, check in _PLANT.items()})}
    section["own"] = any(section[name] != PLANT[name] for name in OWN)
    names = ("absorption", "float")
    given = [section[name] for name in names if value.get(name) is not None]
    system = blocks(given[0]) / 2 if given else 1  # times 24 V
    for name, volts in zip(names, VOLTAGES[section["chemistry"]], strict=True):
        section[name] = volts * system if value.get(name) is None else section[name]
    if section["float"] > section["absorption"]:
        raise ValueError(f".float: {section['float']:g} V is above absorption, {section['absorption']:g} V")
    return section


def blocks(volts: float) -> int:
    """How many 12 V batteries in series a charging voltage (V) is for."""
    return max(1, round(volts / 13.8))


def peak(load: Mapping[str, Any]) -> float:
    """The most that a load draws (W)."""
    steps = load.get("steps")
    return max(watts for watts, _ in steps) if steps else float(load["watt"])
