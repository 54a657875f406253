"""What `domo-tick --check` says about scripts: those that are run, and those in places where none is run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time

from ..core.model import ScriptError
from ..core.settings import Config
from ..scripts import lint, php, pvmonit, source
from ..system.files import PROJECT
from ..system.rights import user_name
from .findings import Findings

EDITOR = ".blockly.xml"  # what PvMonit's editor keeps beside its N.php


def findings(settings: Config) -> Findings:
    """A line for each script, and for each file that looks like one."""
    if os.path.isdir(settings.scriptDir):
        yield from _run(settings)
        yield from _idle(settings)
    elif os.path.lexists(settings.scriptDir):
        yield False, f"scripts: {settings.scriptDir} is no folder; move it away"
    else:
        missing = f"{settings.scriptDir} does not exist; run: mkdir {shlex.quote(settings.scriptDir)}"
        yield False, f"scripts: {missing}"
    yield from _elsewhere(settings)


def _run(settings: Config) -> Findings:
    kinds = source.scripted(settings)
    library = source.Library(settings.scriptDir, owners=settings.scriptOwners)
    linted = lint.lint(settings)
    mistaken = {file for file, finding in linted if finding.mistake}
    for relay, kind in sorted(kinds.items()):
        file = source.path(settings, relay, kind)
        try:
            name = f"{relay}.{kind}"
            fault = _python(library, name) if kind == "py" else _php(settings, library, name)
        except ScriptError as error:
            fault = str(error)
        except OSError as error:
            fault = _unread(file, error)
        if fault:
            yield False, f"script {file}: {fault}"
        elif file not in mistaken:
            yield True, f"script {file}"
    for file, finding in linted:
        yield (False if finding.mistake else None), f"script {file} line {finding.line}: {finding.text}"
    if not kinds:
        yield (
            None,
            f"scripts: none in {settings.scriptDir}; N.py is relay N's, relay.script.d/ of domo has examples",
        )
    yield from _owners(settings)
    if "php" in kinds.values():
        yield from _clock(settings)


def _unread(file: str, error: OSError) -> str:
    """Why this user cannot read a script, and what to do."""
    if not isinstance(error, PermissionError):
        return f"cannot be read ({error.strerror})"
    me, quoted = user_name(os.geteuid()), shlex.quote(file)
    try:
        own = os.stat(file).st_uid == os.geteuid()
    except OSError:
        folder = shlex.quote(os.path.dirname(file))
        return f"user {me} may not look into its folder; run: sudo chmod a+x {folder}"
    return f"user {me} may not read it; run: {f'chmod u+r {quoted}' if own else f'sudo chown {me} {quoted}'}"


def _owners(settings: Config) -> Findings:
    """Whose scripts are run besides."""
    there = [owner for owner in settings.scriptOwners if _is_user(owner)]
    if there:
        user = user_name(os.geteuid())
        told = f"scripts of {', '.join(there)} are run"
        yield None, f"{told}: whoever can write them can run any program as {user}"
    for owner in settings.scriptOwners:
        if owner not in there:
            yield False, f"config: domo.relay.scriptOwners: there is no user {owner}"


def _is_user(name: str) -> bool:
    import pwd

    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return name.isdecimal()  # a user without a name


def _python(library: source.Library, name: str) -> str:
    """What is wrong with it, or "". Raises ScriptError or OSError."""
    code, _ = library.script(name)
    return "" if "decide" in code.co_names else "defines no decide(relay, data)"


def _php(settings: Config, library: source.Library, name: str) -> str:
    """What is wrong with it, or "". Raises ScriptError or OSError."""
    library.text(name)
    file = f"{settings.scriptDir}/{name}"
    done = _ask_php(settings, "-l", file)
    if done is None:
        return f"there is no PHP at {settings.phpCli}; run: sudo apt install php-cli"
    if done.returncode == 0:
        return ""
    said = next((line for line in f"{done.stdout}{done.stderr}".splitlines() if " error: " in line), "")
    return re.sub(r"^(PHP )?Parse error: +", "", said).replace(f" in {file} on", ",") or "cannot be parsed"


def _ask_php(settings: Config, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    command = [settings.phpCli, *php.options(b""), "-d", "display_errors=stderr", *arguments]
    try:
        return subprocess.run(command, capture_output=True, errors="replace", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None


def _clock(settings: Config) -> Findings:
    """PHP's hours are those of its own settings, as they were under PvMonit."""
    code = "echo date('O'), ' ', date_default_timezone_get(), ' ', PHP_CONFIG_FILE_PATH;"
    try:
        theirs = subprocess.run(
            [settings.phpCli, "-r", code], capture_output=True, text=True, timeout=20, check=False
        ).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        return
    if len(theirs) == 3 and theirs[0] != (ours := time.strftime("%z")):
        yield (
            None,
            f"scripts in PHP: their hours are {theirs[1]}'s ({theirs[0]}), this machine's clock is {ours};"
            f" to change it, set date.timezone in {theirs[2]}/php.ini",
        )


def _idle(settings: Config) -> Findings:
    """The files in the scripts' own folder that look like scripts, and are not run."""
    folder = settings.scriptDir
    kinds = source.scripted(settings)
    names = set(os.listdir(folder))
    for name in sorted(names):
        number, _, kind = name.partition(".")
        if not number.isdecimal():
            continue
        relay = int(number)
        if name == f"{relay}{EDITOR}" and f"{relay}.php" not in names:
            yield False, f"script {folder}/{name}: has no {relay}.php; save it in PvMonit's editor again"
        elif kind.lower() not in source.KINDS or name == f"{relay}.{kinds.get(relay)}":
            continue
        elif name == f"{relay}.php" and relay in kinds:
            yield False, f"script {folder}/{name}: is not run, {relay}.py goes first; remove one of them"
        elif relay not in settings.relays:
            yield False, f"script {folder}/{name}: it is not run; the relays are 1 to {settings.relayNb}"
        else:
            yield False, f"script {folder}/{name}: it is not run; call it {relay}.{kind.lower()}"


def _elsewhere(settings: Config) -> Findings:
    """Scripts in folders where a person might put them, but which are not scriptDir."""
    here = os.path.realpath(settings.scriptDir)
    pvmonits = os.path.dirname(pvmonit.defaults(settings))
    homes = (PROJECT, f"{pvmonit.FOLDER}/domo", pvmonits, f"{pvmonits}/domo", os.path.dirname(settings.path))
    for folder in dict.fromkeys(os.path.realpath(f"{home}/relay.script.d") for home in homes):
        try:
            names = [] if folder == here else os.listdir(folder)
        except OSError:
            continue
        lost = [name for name in names if re.fullmatch(r"[1-9][0-9]{0,3}\.(py|php)", name)]
        for name in sorted(lost, key=lambda name: (int(name.partition(".")[0]), name)):
            yield (
                False,
                f"script {folder}/{name}: it is not run, domo looks in {settings.scriptDir}; move it there,"
                f" or set domo: relay: scriptDir: {folder}",
            )
