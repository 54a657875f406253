"""PvMonit's data file: what it says, and how old that is. (`fetch` gets a newer one.)

The format is that of PvMonit's www/data-xml.php: devices/device[@id] with nom, timerefresh (epoch s)
and datas/data[@id] with value, valueBeast (VE.Direct's own number) and units.
"""

from __future__ import annotations

import os

from ..core import charge, spare
from ..core.faults import Report
from ..core.model import Device, Fault, Now, Reading, Value
from ..core.records import replace
from ..core.texts import one_line
from ..system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..core.model import Past
    from ..core.settings import Config

CLOCK_SLACK = 5.0  # s that a stamp may lie in the future: two clocks, or one just set
NO_VALUE = ("", "---", "NODATA")  # what PvMonit and its probes write when there is none
TEXT_LIMIT = 200  # characters of one text; the rest is cut off
VALUES_LIMIT = 5000
LONG = 2000  # characters; of a longer fingerprint a hash is kept
MOVING = ("V", "I", "P", "PPV", "SOC")  # values that never all stay exactly the same while they are measured


def old(config: Config, now: Now) -> bool:
    """Whether the data file is missing or older than dataCheckTime, and can be fetched."""
    if not (config.scriptDataXml or config.urlDataXml):
        return False
    try:
        return not 0 <= now.wall - os.stat(config.tmpFileDataXml).st_mtime < config.dataCheckTime
    except OSError:
        return True


def load(config: Config, now: Now) -> Reading:
    """What the data file says now: the fresh values, and in `problem` why no script may run on them.
    Never raises: no data is a state of the world."""
    try:
        content, info = files.read(config.tmpFileDataXml)
    except FileNotFoundError:
        return Reading((), f"no data file: {config.tmpFileDataXml} does not exist")
    except Fault as fault:
        return Reading((), str(fault))
    age = now.wall - info.st_mtime
    if age > config.fileExpir:
        old = f"{config.tmpFileDataXml} was written {age:.0f} s ago (fileExpir is {config.fileExpir:g})"
        return Reading((), Report(old, fault="old"))
    try:
        return judge(parse(content), config, now)
    except Fault as fault:
        return Reading((), Report(f"{config.tmpFileDataXml}: {fault}", fault="no data"))


def _short(text: str) -> str:
    text = text.strip()
    if not text.isprintable():
        text = one_line(text)
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}…"  # so it is no number any more


def judge(devices: list[tuple[str, str, str, dict[str, Value]]], config: Config, now: Now) -> Reading:
    """The reading from parsed devices (id, name, stamp, values). Those that are stale or stamped in the
    future are left out, and a required value that is missing then is a problem."""
    fresh: list[Device] = []
    gone: dict[str, str] = {}
    for number, name, stamp, values in devices:
        age, why = _age(stamp, config.xmlDataExpir, now)
        if why:
            gone.update({value: f"{name or number} {why}" for value in values})
        else:
            fresh.append(Device(number, name, age, values))
    reading = Reading(tuple(fresh), notes=tuple(dict.fromkeys(gone.values())) if gone else ())
    problem = lacking(reading.values, gone, config) or ("" if fresh else "no device reports")
    return replace(reading, problem=problem) if problem else reading


def lacking(there: Mapping[str, Value], gone: Mapping[str, str], config: Config) -> str:
    """Which value that the configuration requires is missing, or is no number though it has a floor; "" if
    none. `gone`: why other values are left out."""
    for name in config.required:
        if name not in there:
            if name in gone:
                return Report(f"{name} is stale: {gone[name]}", fault=f"{name} is stale")
            has = ", ".join(there)[:TEXT_LIMIT] or "nothing"
            return Report(f"no {name}: PvMonit reports {has}", fault=f"no {name}")
        if name in config.floor and there[name].number is None:
            text = f"{name} is {there[name].text!r}, which is no number, so the floor cannot be checked"
            return Report(text, fault=f"{name} is no number")
    return ""


def _age(stamp: str, expir: float, now: Now) -> tuple[float, str]:
    """How old values with this stamp are (s), and why they cannot be used, or ""."""
    try:
        age = now.wall - float(stamp)
    except ValueError:
        return 0.0, "says no time"
    if age < -CLOCK_SLACK:
        return 0.0, f"is stamped {-age:.0f} s in the future"
    return max(0.0, age), f"said nothing for {age:.0f} s" if not age <= expir else ""


def watched(config: Config, data: Reading, past: Past, now: Now) -> tuple[Reading, Past]:
    """The reading, with a problem if no value in it has changed for too long; and the past with what was seen
    in it."""
    measured = fingerprint(data)
    before, age = past.frozen
    changed: dict[str, Any] = {}
    stages = past.charge
    if measured:
        age = age if measured == before else 0.0
        stages = charge.stages(past.charge, data, config.plant, past.data)
        changed = {"frozen": (measured, age), "charge": stages}
        if 0 < config.frozenAfter <= age and not data.problem:
            problem = f"no measured value has moved for {age / 60:.0f} min: the monitor is frozen"
            data = replace(data, problem=Report(problem, fault="frozen"))
    if not data.problem:
        first = charge.full(stages, data) and not charge.full(past.charge, data)
        changed["sky"] = spare.watched(past.sky, config.plant, now.wall, data, first)
    return data, replace(past, **changed)


def fingerprint(reading: Reading) -> str:
    """The measured values that always change, as text, or a hash of that; "" if there are none."""
    text = ";".join(
        [
            f"{device.id}.{name}={values[name].text}"
            for device in reading.devices
            for values in (device.values,)
            for name in MOVING
            if name in values
        ]
    )
    if len(text) <= LONG:
        return text
    from _imp import source_hash

    return source_hash(0, text.encode(errors="replace")).hex()


def parse(content: bytes) -> list[tuple[str, str, str, dict[str, Value]]]:
    """The devices of a PvMonit document, as (id, name, stamp, values), their texts clean and short.
    Raises Fault.

    expat itself, because ElementTree brings in `re`, `contextlib` and more (the gain is in ARCHITECTURE.md).
    A document type has no place in PvMonit's data and is refused, so there are no entities to unfold.
    """
    from pyexpat import ExpatError, ParserCreate

    if not content.strip():
        raise Fault("is empty")
    devices: list[tuple[str, str, str, dict[str, Value]]] = []
    texts: dict[str, str] = {}
    device = value_id = ""
    values: dict[str, Value] = {}
    inside = ""  # the element whose text is being collected
    count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal device, value_id, inside, values
        if tag in {"value", "valueBeast", "nom", "timerefresh"}:
            inside = tag
            texts[tag] = ""
            parser.CharacterDataHandler = characters  # only here, which saves a seventh of the parsing
        elif tag == "data":
            value_id = _short(attributes.get("id", ""))
            texts.pop("value", None)
            texts.pop("valueBeast", None)
        elif tag == "device":
            device, values = _short(attributes.get("id", "")), {}
            texts.clear()

    def end(tag: str) -> None:
        nonlocal inside, count
        if tag == inside:
            inside = ""
            parser.CharacterDataHandler = None
            texts[tag] = _short(texts[tag])
        elif tag == "data":
            text = texts.get("value", "")
            if value_id and text not in NO_VALUE:
                values[value_id] = Value(text, texts.get("valueBeast", ""))
                count += 1
        elif tag == "device":
            devices.append((device, _short(texts.get("nom", "")), texts.get("timerefresh", ""), values))
            if count > VALUES_LIMIT or len(devices) > charge.DEVICES_LIMIT:
                raise Fault(f"holds more than {VALUES_LIMIT} values or {charge.DEVICES_LIMIT} devices")

    def characters(text: str) -> None:
        if len(texts[inside]) <= TEXT_LIMIT:
            texts[inside] += text

    def refuse(*_: object) -> None:
        raise Fault("has a DOCTYPE, which PvMonit's data never has")

    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content.lstrip(b"\xef\xbb\xbf \t\r\n"), True)  # PHP likes to print a blank line first
    except (ExpatError, ValueError, LookupError) as error:
        raise Fault(f"is not whole XML ({error})") from None
    if not devices:
        raise Fault("holds no device: not PvMonit's data")
    return devices
