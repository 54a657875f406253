"""`domo-tick --check`: everything a person can get wrong, a line each: ok, to do, or a note.

It looks and tries, and leaves nothing changed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable

from .. import sealed
from ..core.faults import Report
from ..core.header import firmware_line
from ..core.model import ConfigError, Fault, Now
from ..core.settings import Config
from ..core.texts import did_you_mean, one_line
from ..pins.choice import open_board
from ..stores import bounded, fetch, journal, memory, modes, schema, user, yaml_file
from ..system import rights, trusted
from ..system.apart import apart
from ..system.output import show
from ..tick import mode_faults
from . import check_cron, check_masters, check_news, check_plant
from . import check_scripts as scripts
from .findings import Findings

SECONDS = 20.0  # for each check
CONFIG_TXT = "/boot/firmware/config.txt"


def main(path: str, now: Now) -> int:
    """Prints the findings; gives 0 if all is in place, 1 if something is to do, 2 without a configuration."""
    try:
        document = yaml_file.read(path)
        settings = schema.parse(os.path.abspath(path), document)
    except ConfigError as error:
        for problem in error.problems:
            _say(False, problem)
        return 2
    try:
        user.as_its_user(settings)
    except Fault as fault:
        _say(False, str(fault))
        return 1
    unsafe = trusted.unsafe(os.path.abspath(path))
    told = f": the programs that it names are not run, because {unsafe}" if unsafe else ""
    _say(not unsafe, f"config: {path}{told}")
    for key in schema.unknown_keys(document):
        _say(None, f"config: {key}, ignored")
    checks: dict[str, Callable[[], Findings]] = {
        "data": lambda: _data(settings, now),
        "scripts": lambda: scripts.findings(settings),
        "plant": lambda: check_plant.plant(settings),
        "files": lambda: _files(settings, now),
        "pins": lambda: _pins(settings),
        "onChange": lambda: check_news.findings(settings),
        "machine": lambda: _machine(path),
        "masters": lambda: check_masters.findings(path, document),
    }
    all_well = not unsafe
    for name, check in checks.items():
        for ok, text in _findings(name, check):
            _say(ok, text)
            all_well = all_well and ok is not False
    return 0 if all_well else 1


def _findings(name: str, check: Callable[[], Findings]) -> Findings:
    """What a check finds, in a child, because what it looks at may hang."""
    findings, why, _ = apart(lambda: [(ok, str(text)) for ok, text in check()], SECONDS)
    yield from [(False, f"{name}: {why}")] if findings is None else findings


def _say(ok: bool | None, text: str) -> None:
    show(f"{'note   ' if ok is None else 'ok     ' if ok else 'TO DO  '}{one_line(text)}")


def _data(settings: Config, now: Now) -> Findings:
    data, _ = bounded.load(settings, now)
    if data.problem:
        lacks = [name for name in settings.required if data.devices and name not in data.values]
        near = did_you_mean(lacks[0], data.values, 0.6) if lacks else ""
        yield False, f"data: {data.problem}{near}{_fetched(settings) if _wants_new(data.problem) else ''}"
    else:
        age = max(device.age for device in data.devices)
        yield (
            True,
            f"data: {settings.tmpFileDataXml}, {len(data.devices)} devices, {age:.0f} s old,"
            " has every value of valueUse",
        )
    for note in data.notes:
        yield False, f"data: {note}"
    if settings.urlDataXml and not _is_url(settings):
        url = fetch.shown(settings.urlDataXml)
        yield False, f"config: urlDataXml is {url}; a tick fetches only http:// and https://"


def _wants_new(problem: str) -> bool:
    """Whether the data file is missing, too old, or no data: then a new one helps."""
    return problem.startswith("no data file") or Report.of(problem).fault in ("old", "no data")


def _fetched(settings: Config) -> str:
    """Where a tick fetches new data from, as the end of a sentence."""
    if os.path.isfile(settings.scriptDataXml) and os.access(settings.phpCli, os.X_OK):
        return f"; a tick fetches it from {settings.scriptDataXml}"
    if not settings.urlDataXml:
        return "; a tick cannot fetch it, because there is no urlDataXml"
    return f"; a tick fetches it from {fetch.shown(settings.urlDataXml)}" if _is_url(settings) else ""


def _is_url(settings: Config) -> bool:
    return settings.urlDataXml.startswith(("http://", "https://"))


def _files(settings: Config, now: Now) -> Findings:
    for twice in schema.files_named_twice(settings, lambda path: _real(settings, path)):
        yield False, f"config: {twice}"
    bad_modes = [*_mode_file(settings)]
    yield from bad_modes
    _, fault = memory.load(settings, now)
    if fault:
        yield False, fault
    names = {
        "mode file": settings.modPath,
        "mode file's lock": f"{settings.modPath}.lock",
        "state file": settings.etatPath,
        "memory": settings.memory_path,
        "tick's lock": settings.lock_path,
        "journal": settings.dbFile,
        "record": settings.recordEvery and _in_place(settings.recordDir),
    }
    for name, path in names.items():
        if path:
            fault = _writable(path)
            if fault or not (bad_modes and name == "mode file"):
                yield not fault, f"{name}: {fault or path}"
    if not settings.dbFile:
        yield None, "journal: none (dbFile: false), so a restart forgets what ran and what was forced"
    elif settings.dbFile.startswith("/tmp/"):
        yield None, "journal: /tmp is emptied by a restart, which then forgets what ran and what was forced"
    if os.path.exists(settings.dbFile):
        _, fault = journal.past(settings, now)
        if fault:
            yield False, fault
    if os.path.lexists(sealed.folder()) and not sealed.is_ours():
        yield (
            False,
            f"cache: {sealed.folder()} is not only yours, so it is not used;"
            f" run: sudo rm -r {shlex.quote(sealed.folder())}",
        )


def _mode_file(settings: Config) -> Findings:
    """What is wrong with what the mode file says."""
    mode_file = modes.load(settings.modPath)
    if mode_file.problem:
        yield False, f"mode file {mode_file.problem}; correct it, or delete it and a tick makes a new one"
    if mode_file.linked:
        yield False, f"mode file {mode_faults.linked(settings.modPath)}"
    for relay, text in mode_file.odd.items():
        yield False, f"mode file {settings.modPath}: relay {relay} is {text}; write 0, 1, 2 or 3"
    for stray in mode_faults.strays(settings, mode_file):
        yield False, f"mode file {stray}"


def _real(settings: Config, path: str) -> str:
    """The path behind links; but the data file is on a disk of others, which may hang."""
    return path if path == settings.tmpFileDataXml else os.path.realpath(path)


def _in_place(folder: str) -> str:
    """The path to test for a folder that a tick makes when it needs it: a file in it, or the folder."""
    return f"{folder}/days.jsonl" if os.path.lexists(folder) else folder


def _writable(path: str) -> str:
    """ "" when this user can replace the file, or what to do."""
    user = rights.user_name(os.geteuid())
    folder = os.path.dirname(path) or "."
    if os.path.lexists(folder) and not os.path.isdir(folder):
        return f"{folder} is no folder; move it away"
    if not os.path.isdir(folder):
        return f"{folder} does not exist; run: sudo install -d -o {user} {shlex.quote(folder)}"
    disk = os.statvfs(folder)
    if disk.f_flag & os.ST_RDONLY:
        return f"{path} cannot be written: its disk is read-only; look at dmesg"
    if not disk.f_bavail or (disk.f_files and not disk.f_favail):  # f_files: some count no files
        return f"{path} cannot be written: its disk is full; look at df -h and df -i {shlex.quote(folder)}"
    if os.path.islink(path) or (os.path.lexists(path) and not os.path.isfile(path)):
        return f"{path} is not a plain file; move it away"
    if fault := rights.forbidden(path):
        return str(fault)
    sticky = os.stat(folder).st_mode & 0o1000  # only its owner may replace a file there
    if sticky and os.path.exists(path) and os.stat(path).st_uid != os.geteuid() != 0:
        return str(rights.refused(path, PermissionError()))
    return ""


def _pins(settings: Config) -> Findings:
    try:
        opened = open_board(settings)
    except Fault as fault:
        yield False, f"pins: {fault}"
        return
    pins = ", ".join(f"{relay}={pin}" for relay, pin in settings.relayGpio.items())
    yield True, f"pins: {opened.kind}; BCM {pins}; {'low' if settings.relayActiveLow else 'high'} is on"
    levels = opened.levels()
    for relay, level in levels.items():
        if isinstance(level, Fault):
            yield False, f"pins: relay {relay}: {level}"
    if idle := [str(relay) for relay, level in levels.items() if level is None]:
        line = firmware_line(settings)
        yield (
            None,
            f"pins: relays {', '.join(idle)} float until their first tick; {CONFIG_TXT} prevents it: {line}",
        )


def _machine(path: str) -> Findings:
    import grp

    user = rights.user_name(os.geteuid())
    if os.path.exists("/dev/gpiomem") and os.geteuid():
        member = any(group.gr_name == "gpio" and group.gr_gid in os.getgroups() for group in grp.getgrall())
        fix = "" if member else f"; run: sudo adduser {user} gpio, and log in again"
        yield member, f"user {user} is {'' if member else 'not '}in group gpio{fix}"
    yield check_cron.crontab(user, path)
