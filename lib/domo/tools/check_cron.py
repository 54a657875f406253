"""What `--check` finds in the user's crontab: whether it runs this very tick, each minute."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

from ..system.files import PROJECT

TICK = f"{PROJECT}/bin/domo-tick"
DOMO = f"DOMO={shlex.quote(PROJECT)}"  # as crontab.example has it
EVERY_MINUTE = re.compile(r"(\*(/1)?\s+){5}")
AT = re.compile(r"@\w+\s|(\S+\s+){5}")  # when a job runs
SECONDS = 10


class Job(NamedTuple):
    """A line that runs domo-tick: when, which one, and with which configuration ("": its usual one)."""

    at: str
    program: str
    config: str


def crontab(user: str, path: str) -> tuple[bool, str]:
    """Whether the crontab of `user`, which is that of this process, runs domo-tick each minute by the
    configuration at `path`; and a sentence."""
    try:
        done = subprocess.run(
            ["crontab", "-l"], capture_output=True, errors="replace", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False, f"crontab: crontab -l does not end, not within {SECONDS} s; look at the disk"
    except OSError:
        return False, "crontab: there is no crontab command; run: sudo apt install cron"
    who = f"crontab of {user}:"
    wrong = [_wrong(job, path) for job in _jobs(done.stdout, os.path.expanduser(f"~{user}"))]
    if not wrong:
        add = f"(crontab -l; cat {shlex.quote(f'{PROJECT}/crontab.example')}) | crontab -"
        then = "" if PROJECT == "/opt/domo" else f", then crontab -e and write {DOMO} in it"
        return False, f"{who} no domo-tick; run: {add}{then}"
    return "" in wrong, f"{who} runs domo-tick" if "" in wrong else f"{who} {wrong[0]}"


def _wrong(job: Job, path: str) -> str:
    """What is wrong with a job, and what to do; or ""."""
    mend = f"run crontab -e and write {shlex.quote(TICK)} there, or {DOMO} above"
    if not os.path.isfile(job.program):
        return f"runs {job.program}, which does not exist; {mend}"
    if os.path.realpath(job.program) != os.path.realpath(TICK):
        return f"runs {job.program}, which is another domo, not {PROJECT}; {mend}"
    if not EVERY_MINUTE.fullmatch(job.at):
        return f"runs domo-tick at {job.at.strip()}, not each minute; begin its line with * * * * *"
    used = job.config or f"{PROJECT}/config.yaml"
    if _place(used) != _place(path):
        add = f"DOMO_CONFIG={shlex.quote(os.path.abspath(path))}"
        return f"runs domo-tick with {used}; add a line above it: {add}, and take out any --config"
    return ""


def _place(path: str) -> str:
    """The same for two names of one place. A link to a file is a place of its own: relative paths in a
    configuration start from its folder."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


def _jobs(text: str, home: str) -> Iterator[Job]:
    """The lines of a crontab that run domo-tick. A variable counts for the lines below it."""
    variables = {"HOME": home, "PATH": "/usr/bin:/bin"}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            continue
        if assigned := re.fullmatch(r"""["']?(\w+)["']?\s*=\s*(.*)""", line):
            variables[assigned[1]] = re.sub(r"""^(["'])(.*)\1$""", r"\2", assigned[2])
        elif at := AT.match(line):
            yield from _ticks(at[0], _words(line[at.end() :], variables), variables)


def _words(command: str, variables: dict[str, str]) -> list[str]:
    """The words of a command, as the shell sees them."""
    command = re.sub(r"\$\{?(\w+)\}?", lambda found: variables.get(found[1], ""), command)
    words = shlex.shlex(command, posix=True, punctuation_chars=True)
    words.commenters, words.whitespace_split = "", True
    try:
        return list(words)
    except ValueError:  # a quotation mark without its other half
        return command.split()


def _ticks(at: str, words: list[str], variables: dict[str, str]) -> Iterator[Job]:
    """The job, if these words run domo-tick."""
    folder, config = variables["HOME"], variables.get("DOMO_CONFIG", "")
    found = ""
    for before, word in zip(["", *words], words, strict=False):
        if before == "cd":
            folder = os.path.join(folder, word)
        elif before == "--config" or word.startswith(("--config=", "DOMO_CONFIG=")):
            config = word.partition("=")[2] or word
        elif os.path.basename(word) == "domo-tick":
            found = word
    if found:
        program = found if "/" in found else shutil.which(found, path=variables["PATH"]) or found
        yield Job(at, os.path.join(folder, program), config and os.path.join(folder, config))
