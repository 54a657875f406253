"""PvMonit's data file: what it says, how old that is, and fetching a newer one.

The format is that of PvMonit's www/data-xml.php: devices/device[@id] with nom, timerefresh (epoch s)
and datas/data[@id] with value, valueBeast (VE.Direct's own number) and units.
"""

from __future__ import annotations

import os

from ..core.faults import Report
from ..core.model import STAGES, Device, Fault, Now, Reading, Value
from ..core.records import replace
from ..system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.model import Config

FETCH_SECONDS = 10.0  # for a refresh, whoever does it
CLOCK_SLACK = 5.0  # s that a stamp may lie in the future: two clocks, or one just set
NO_VALUE = ("", "---", "NODATA")  # what PvMonit and its probes write when there is none
MOVING = ("V", "I", "P", "PPV", "SOC")  # what cannot stay the same to the letter while it is measured


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


def judge(devices: list[tuple[str, str, str, dict[str, Value]]], config: Config, now: Now) -> Reading:
    """The reading that the parsed devices (id, name, stamp, values) amount to: those that are stale
    or stamped in the future are left out, and a required value that is then missing is a problem."""
    fresh: list[Device] = []
    gone: dict[str, str] = {}
    for number, name, stamp, values in devices:
        why = _stale(stamp, config.xmlDataExpir, now)
        if why:
            gone.update({value: f"{name or number} {why}" for value in values})
        else:
            fresh.append(Device(number, name, max(0.0, now.wall - float(stamp)), values))
    reading = Reading(tuple(fresh), notes=tuple(dict.fromkeys(gone.values())))
    known = reading.values
    for value in config.required:
        if value not in known:
            if value in gone:
                stale = Report(f"{value} is stale: {gone[value]}", fault=f"{value} is stale")
                return replace(reading, problem=stale)
            has = ", ".join(known) or "nothing"
            return replace(reading, problem=Report(f"no {value}: PvMonit reports {has}", fault=f"no {value}"))
        if value in config.floor and known[value].number is None:
            text = f"{value} is {known[value].text!r}, no number to hold against the floor"
            return replace(reading, problem=Report(text, fault=f"{value} is no number"))
    return reading if fresh else replace(reading, problem="no device reports")


def _stale(stamp: str, expir: float, now: Now) -> str:
    try:
        age = now.wall - float(stamp)
    except ValueError:
        return "says no time"
    if age < -CLOCK_SLACK:
        return f"is stamped {-age:.0f} s in the future"
    return f"said nothing for {age:.0f} s" if not age <= expir else ""


def fingerprint(reading: Reading) -> str:
    """The measured values that move by nature, to the letter; "" when there are none."""
    return ";".join(
        f"{device.id}.{name}={device.values[name].text}"
        for device in reading.devices
        for name in MOVING
        if name in device.values
    )


def stages(before: Mapping[str, float | None], reading: Reading) -> dict[str, float | None]:
    """What `Past.charge` becomes: for each regulator and stage of charge (see STAGES), None while it is
    in it, then the age since it was first seen out of it."""
    after = dict(before)
    for device in reading.devices:
        if "CS" in device.values:
            for stage, words in STAGES.items():
                key = f"{stage} {device.id}"
                if device.values["CS"].text.startswith(words):
                    after[key] = None
                elif key in after and after[key] is None:
                    after[key] = 0.0
    return after


def parse(content: bytes) -> list[tuple[str, str, str, dict[str, Value]]]:
    """The devices of a PvMonit document, as (id, name, stamp, values). Raises Fault.

    expat itself, because ElementTree costs 0.6 of a bare interpreter more. A document type has no
    place in PvMonit's data and is refused, so there are no entities to unfold.
    """
    from pyexpat import ExpatError, ParserCreate

    if not content.strip():
        raise Fault("is empty")
    devices: list[tuple[str, str, str, dict[str, Value]]] = []
    texts: dict[str, str] = {}
    device = name = stamp = value_id = ""
    values: dict[str, Value] = {}
    inside = ""  # the element whose text is being collected

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal device, name, stamp, value_id, inside, values
        if tag in {"value", "valueBeast", "nom", "timerefresh"}:
            inside = tag
            texts[tag] = ""
            parser.CharacterDataHandler = characters  # not for the rest: a seventh of the parsing
        elif tag == "data":
            value_id = attributes.get("id", "")
            texts.pop("value", None)
            texts.pop("valueBeast", None)
        elif tag == "device":
            device, values = attributes.get("id", ""), {}
            texts.clear()

    def end(tag: str) -> None:
        nonlocal inside
        if tag == inside:
            inside = ""
            parser.CharacterDataHandler = None
        elif tag == "data":
            text = texts.get("value", "").strip()
            if value_id and text not in NO_VALUE:
                values[value_id] = Value(text, texts.get("valueBeast", "").strip())
        elif tag == "device":
            devices.append(
                (device, texts.get("nom", "").strip(), texts.get("timerefresh", "").strip(), values)
            )

    def characters(text: str) -> None:
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


def refresh(config: Config, now: Now) -> str:
    """Fetches a new data file when it is missing or older than dataCheckTime: from scriptDataXml by
    PHP if that script is on this machine, else from urlDataXml. Gives "" or what went wrong. Only
    PvMonit data replaces the file: never an error page, never nothing."""
    try:
        age = now.wall - os.stat(config.tmpFileDataXml).st_mtime
        if 0 <= age < config.dataCheckTime:
            return ""
    except OSError:
        pass
    from os.path import isfile

    if config.scriptDataXml and isfile(config.scriptDataXml) and os.access(config.phpCli, os.X_OK):
        source = config.scriptDataXml
        command = [config.phpCli, source]
    elif config.urlDataXml:
        source = config.urlDataXml
        command = []
    else:
        return ""
    try:
        content = _fetch(source, command)
        parse(content)
        files.replace(config.tmpFileDataXml, content)
    except Fault as fault:
        return Report(f"{source}: {fault}", source, "not fetched")
    return ""


def _fetch(url: str, command: list[str]) -> bytes:
    """What the command prints, or what is behind the url; in a child, because a name server or a PHP
    script may take for ever. Raises Fault."""
    import time

    from ..system.child import Child

    child = Child(lambda answer: _run(command, answer) if command else _get(url, answer))
    content = b""
    deadline = time.monotonic() + FETCH_SECONDS
    while len(content) <= files.LIMIT and (piece := child.read(deadline)):
        content += piece
    late = time.monotonic() >= deadline
    child.stop()
    if late:
        raise Fault(f"gave no data within {FETCH_SECONDS:g} s")
    if len(content) > files.LIMIT:
        raise Fault(f"gave more than {files.LIMIT} bytes")
    if not content:
        said = " ".join(child.printed.decode(errors="replace").split())
        raise Fault(said[:300] or "gave nothing")
    return content


def _run(command: list[str], answer: int) -> None:
    os.dup2(answer, 1)
    os.execv(command[0], command)


def _get(url: str, answer: int) -> None:
    try:
        from urllib import request

        opener = request.OpenerDirector()  # no file:, no ftp:, not even by a redirect
        for name in ("HTTP", "HTTPS", "HTTPRedirect", "HTTPDefaultError", "Unknown"):
            opener.add_handler(getattr(request, f"{name}Handler")())
        opener.add_handler(request.HTTPErrorProcessor())
        if not url.startswith(("http://", "https://")):
            raise ValueError("only http:// and https:// are fetched")
        with opener.open(url, timeout=FETCH_SECONDS) as page:
            left = files.LIMIT + 1
            while left > 0 and (piece := page.read(min(left, 65536))):
                left -= len(piece)
                while piece:
                    piece = piece[os.write(answer, piece) :]
    except Exception as error:  # whatever a server can do to urllib is its answer
        os.write(1, str(error).encode())
