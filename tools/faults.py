"""`make faults`: a tick is killed at, and separately failed at, every system call that it makes; and so are
domo-mod and what the panel does when it writes.

strace does it (`-e inject=CALL:signal=SIGKILL:when=N`, `:error=EIO:when=N`). After each, every file
must be whole, nothing of the owner's lost, no relay on without a reason; and the next tick, left
alone, must put everything right. Counting begins where the process opens its configuration: what comes
before is the interpreter's own start.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import gzip
import itertools
import json
import marshal
import os
import queue
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from support.house import PROJECT, House, Ran, until

CHILD = PROJECT / "tests/support/traced_child.py"

CUT = ("EIO",)
PATHS = ("EIO", "EACCES")
CHANGES = ("EIO", "EACCES", "EROFS")
GROWS = (*CHANGES, "ENOSPC")
ERRORS = {  # what a call may answer, by its name; those with a path that is made or written say so below
    "openat": (*PATHS, "EINTR"),
    "read": ("EIO", "EINTR"),
    "pread64": ("EIO", "EINTR"),
    "write": ("ENOSPC", "EIO", "EINTR"),
    "pwrite64": ("ENOSPC", "EIO", "EINTR"),
    "ftruncate": CUT,
    "fsync": ("EIO", "ENOSPC", "EINTR"),
    "fdatasync": ("EIO", "ENOSPC", "EINTR"),
    "close": ("EIO", "EINTR"),
    "rename": GROWS,
    "renameat2": (*GROWS, "EINVAL"),  # EINVAL: a file system that cannot exchange
    "link": GROWS,
    "linkat": GROWS,
    "mkdir": GROWS,
    "unlink": CHANGES,
    "chmod": CHANGES,
    "fchmod": CHANGES,
    "fchown": CHANGES,
    "stat": PATHS,
    "lstat": PATHS,
    "newfstatat": PATHS,
    "access": PATHS,
    "getdents64": CUT,
    "flock": ("EINTR", "EIO", "ENOLCK"),
    "fcntl": ("EACCES", "EIO", "EINTR"),
    "select": ("EINTR",),
    "pselect6": ("EINTR",),
    "wait4": ("EINTR",),
    "pipe2": ("EMFILE",),
    "fork": ("EAGAIN",),
    "clone": ("EAGAIN",),
    "vfork": ("EAGAIN",),
    "clone3": ("EAGAIN",),
    "memfd_create": ("EMFILE",),
}
LASTING = ("pwrite64", "rename", "linkat", "fsync", "fdatasync")  # a full disk stays full, and write says so
WAITS = ("wait4", "clock_nanosleep")  # of which the third, and so on, is as the second
CODE = (str(PROJECT / "lib"), str(PROJECT / "bin"), sys.base_prefix, sys.prefix, "/usr/lib", "/lib")
WRITTEN = ("ENOSPC", "EROFS")  # for openat, besides, when it makes or writes the file


class Point(NamedTuple):
    """One fault: in which process, at which call (the how manieth of its name), and what happens there."""

    child: int  # the process that starts (0), or how manieth child of it
    call: str
    when: int
    fault: str  # "kill" or the name of an error; with a "+", at every such call from there on
    about: str  # the code's file and how manieth call about it, as `CODE` is the same in every scene; or ""

    def inject(self) -> list[str]:
        """strace's options for it."""
        fault = "signal=SIGKILL" if self.fault == "kill" else f"error={self.fault.removesuffix('+')}"
        when = f"{self.when}+" if self.fault.endswith("+") else self.when
        return ["-e", f"trace={self.call}", "-e", f"inject={self.call}:{fault}:when={when}"]

    def __str__(self) -> str:
        return f"{f'child {self.child}: ' if self.child else ''}{self.call} {self.when} {self.fault}"


@dataclass(frozen=True)
class Outcome:
    """What is right once a process is over: what the owner wants, by relay (0 or 3), the relays that are on
    in the end, and the forces that end by themselves some day."""

    forced: Mapping[int, int]
    final: frozenset[int]
    timed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Scene:
    """A process to be disturbed: how its house is prepared, and what is right in it. `undone`: what is right
    when it did not come as far as giving its order. `run`: the program and its arguments."""

    name: str
    prepare: Callable[[House], None]
    done: Outcome
    may_be_on: frozenset[int]  # at any moment
    undone: Outcome | None = None
    run: tuple[str, ...] = ("bin/domo-tick",)
    needs: str = ""  # a program without which there is no such scene
    runs_tick: bool = True  # whether it drives pins, itself or by a tick
    settings: Mapping[str, object] = field(default_factory=dict)  # besides those of every stage

    @property
    def is_tick(self) -> bool:
        """Whether it is a tick that is disturbed."""
        return self.undone is None


WANTED = {  # what the scripts of a scene's house order; 6 has none
    1: 'return relay.off("night")',
    2: 'return relay.on("always")',
    3: 'return relay.on("low") if data["SOC"] < 90 else relay.off("full")',
    4: 'return relay.off("never")',
    5: 'return relay.on("full") if data["SOC"] > 90 else relay.off("low")',
}


def _settled(house: House, soc: int) -> None:
    """1 is forced on and 2 off; of 3 and 5, one is on by its script."""
    house.set_modes({1: 3, 2: 0, 3: 1, 4: 1, 5: 1, 6: 1})
    house.data(SOC=soc)
    for _ in range(3):
        ran = house.tick()
        assert ran == (0, "", ""), ran


def _steady(house: House) -> None:
    _settled(house, 96)


def _switch(house: House) -> None:
    _settled(house, 70)
    house.data(SOC=96)


def _first(house: House) -> None:
    house.data(SOC=96)


def _force(house: House) -> None:
    _settled(house, 96)
    by_nano = '{\n  "1": 1,\n  "2": 0,\n  "3": 1,\n  "4": 3,\n  "5": 0,\n  "6": 1\n}\n'
    house.mode_file.write_text(by_nano)


def _reboot(house: House) -> None:
    """What lived in tmpfs is gone."""
    _settled(house, 96)
    shutil.rmtree(house.tmp)
    house.tmp.mkdir()
    for file in (house.mode_file, house.state_file, house.memory_file, house.pin_file, house.lock_file):
        file.unlink()
    house.mode_file.with_name("mod.lock").unlink()


def _refresh(house: House) -> None:
    """The data file is old, and "PHP" prints a new one."""
    _settled(house, 70)
    house.data(SOC=96)
    house.data_file.rename(house.folder / "fresh.xml")
    house.data(SOC=70)
    os.utime(house.data_file, (time.time() - 100,) * 2)


def _ends(house: House) -> None:
    """The force of 1 is over by now; its script wants it off."""
    _settled(house, 96)
    mod = [sys.executable, "-S", str(PROJECT / "bin/domo-mod"), "--config", str(house.config)]
    subprocess.run([*mod, "1", "on", "--for", "2s"], env=house.env, check=True, capture_output=True)
    time.sleep(2.1)


def _php(house: House) -> None:
    """5 is ordered by a script of PvMonit's."""
    (house.scripts / "5.py").unlink()
    (house.scripts / "5.php").write_text(
        "<?php $return['mod'] = $data['SOC'] > 90 ? 2 : 1; $return['log'] = 'SOC'; return $return;"
    )
    _settled(house, 96)


def _php_switches(house: House) -> None:
    _php(house)
    house.data(SOC=70)
    for _ in range(3):
        house.tick()
    house.data(SOC=96)


def _record(house: House) -> None:
    """An hour is over since the record was taken to the disk that lasts."""
    _settled(house, 96)
    (house.folder / "domo_record.kept").unlink()


def _relays(*relays: int) -> frozenset[int]:
    return frozenset(relays)


BEFORE = Outcome({1: 3, 2: 0}, _relays(1, 5))  # of `_settled`, at noon
FORCES = Outcome({1: 3, 2: 0, 4: 3}, _relays(1, 4, 5))
FORCES_FOR = Outcome({1: 3, 2: 0, 4: 3}, _relays(1, 4, 5), timed=_relays(4))
AUTO = Outcome({2: 0}, _relays(5))
SCENES = {
    scene.name: scene
    for scene in (
        Scene("a steady tick", _steady, BEFORE, _relays(1, 5)),
        Scene("one relay on, one off", _switch, BEFORE, _relays(1, 3, 5)),
        Scene("the first tick", _first, Outcome({}, _relays(2, 5)), _relays(2, 5)),
        Scene("forces by hand", _force, Outcome({2: 0, 4: 3, 5: 0}, _relays(4)), _relays(1, 4, 5)),
        Scene("after a reboot", _reboot, BEFORE, _relays(1, 5)),
        Scene("a force that ends", _ends, AUTO, _relays(1, 5)),
        Scene(
            "fetching the data",
            _refresh,
            BEFORE,
            _relays(1, 3, 5),
            settings={"bin.php-cli": "/bin/cat", "scriptDataXml": "fresh.xml"},
        ),
        Scene("scripts of PvMonit's", _php, BEFORE, _relays(1, 5), needs="php"),
        Scene("scripts of PvMonit's switch", _php_switches, BEFORE, _relays(1, 3, 5), needs="php"),
        Scene("an hourly record", _record, BEFORE, _relays(1, 5)),
        Scene(
            "domo-mod on",
            _steady,
            FORCES,
            _relays(1, 4, 5),
            undone=BEFORE,
            run=("bin/domo-mod", "4", "on"),
        ),
        Scene(
            "domo-mod on --for",
            _steady,
            FORCES_FOR,
            _relays(1, 4, 5),
            undone=BEFORE,
            run=("bin/domo-mod", "4", "on", "--for", "2h"),
        ),
        Scene(
            "domo-mod auto", _steady, AUTO, _relays(1, 5), undone=BEFORE, run=("bin/domo-mod", "1", "auto")
        ),
        Scene(
            "the panel's write",
            _steady,
            FORCES,
            _relays(1, 4, 5),
            undone=BEFORE,
            run=("tests/support/panel_write.py", "4", "3"),
            runs_tick=False,
        ),
    )
}


class Stage:
    """A house in a scene, that can be put back to where the scene begins."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        folder.mkdir(parents=True)
        self.scene = scene
        self.house = house = House(folder)
        settings = {"domo.relayNb": 6, "domo.relay.scriptExecInterval": 0, "domo.frozenAfter": 0}
        house.configure({**settings, **scene.settings})
        for relay, text in WANTED.items():
            house.script(relay, text)
        house.env["PYTHONHASHSEED"] = "0"  # so that every run makes the same calls
        scene.prepare(house)
        self.start = self._files()
        ran = self._ran(self._command())
        assert ran.code == 0, ran
        self.end = self._files()
        self.settle(scene.done)
        self.names = {*self.start, *self._files(), f"{house.mode_file}.lock"}
        assert house.on == scene.done.final, house.on

    def _files(self) -> dict[str, tuple[bytes, int]]:
        house = self.house
        files = (
            path for path in house.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
        )
        return {str(path): (path.read_bytes(), path.stat().st_mode & 0o7777) for path in files}

    def back(self) -> None:
        """Everything as at the beginning. What did not change stays untouched, or caches would be stale."""
        house = self.house
        now = self._files()
        for name in now.keys() - self.start.keys():
            os.unlink(name)
        for name, (content, mode) in self.start.items():
            if now.get(name) != (content, mode):
                Path(name).parent.mkdir(exist_ok=True, mode=0o700)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
                Path(name).write_bytes(content)
                os.chmod(name, mode)
        if not any("/domo-" in name for name in self.start):
            shutil.rmtree(house.tmp)
            house.tmp.mkdir()
        self._fresh()

    def _fresh(self) -> None:
        """The clock goes on while points are tried; the data must not grow stale by that."""
        house = self.house
        if self.scene.prepare is _refresh:
            fresh = house.folder / "fresh.xml"
            fresh.write_text(
                re.sub(r"<timerefresh>\d+<", f"<timerefresh>{int(time.time())}<", fresh.read_text())
            )
            os.utime(house.data_file, (time.time() - 100,) * 2)
        else:
            house.data(SOC=96)

    def undisturbed(self) -> Ran:
        """A tick left alone, once that of a killed domo-mod, which may just begin, is over."""
        ran = self.house.tick()
        if ran.code == 75 and not self.scene.is_tick:
            until(self._no_tick_runs)
            ran = self.house.tick()
        return ran

    def settle(self, outcome: Outcome) -> None:
        """Ticks until the scene is over: one relay is switched on in each."""
        for _ in range(3):
            if self.house.on != outcome.final:
                self.undisturbed()

    def outcome(self) -> Outcome:
        """What is right now: whether the order was given is seen in the mode file."""
        done, undone = self.scene.done, self.scene.undone
        if undone is None:
            return done
        forced = {relay: mode for relay, mode in self.house.modes.items() if mode in (0, 3)}
        return done if forced == done.forced else undone

    def points(self) -> list[Point]:
        """Every call of this scene's tick with every fault that it may have."""
        found: list[Point] = []
        record = self.house.folder / "strace"
        for child in itertools.count():
            self.back()
            self._traced(child, ["-y", "-o", str(record)])
            if not record.exists():  # there is no such child
                break
            found += _points(record.read_text(), child)
            record.unlink()
            if not self.scene.is_tick:
                break
        return found

    def _traced(self, child: int, options: list[str]) -> Ran:
        command, env = self._command(), self.house.env
        if child:
            command = [command[0], "-S", str(CHILD), *command[3:]]
            env = {**env, "STRACE": "\n".join(options), "CHILD": str(child)}
        else:
            command = ["strace", "-qq", *options, *command]
        return self._ran(command, env)

    def _command(self) -> list[str]:
        program, *arguments = self.scene.run
        return [sys.executable, "-S", str(PROJECT / program), "--config", str(self.house.config), *arguments]

    def _ran(self, command: list[str], env: Mapping[str, str] | None = None) -> Ran:
        """Runs that to its end, and to the end of a tick that it may have started."""
        out, err = (self.house.folder.with_suffix(f".{name}") for name in ("out", "err"))
        with out.open("w") as stdout, err.open("w") as stderr:  # a pipe would stay open as long as that tick
            code = subprocess.run(
                command, env=env or self.house.env, stdout=stdout, stderr=stderr, timeout=60
            ).returncode
        if not self.scene.is_tick:
            until(self._no_tick_runs)
        return Ran(code, out.read_text(), err.read_text())

    def _no_tick_runs(self) -> bool:
        with self.house.lock_file.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def disturb(self, point: Point) -> Iterator[str]:
        """What is wrong after this fault: a sentence each."""
        self.back()
        house, scene = self.house, self.scene
        on_before = house.on if house.pin_file.exists() else set()
        ran = self._traced(point.child, ["-o", "/dev/null", *point.inject()])
        if "Traceback" in ran.said:
            yield f"printed {ran.err}"
        killed = ran.code in (-signal.SIGKILL, 128 + signal.SIGKILL)
        if not killed and ran.code not in (0, 1, 2, 75):
            yield f"ended with {ran.code}: {ran.err}"
        if killed and point.fault != "kill":
            yield "was killed"
        yield from self._not_whole()
        outcome = self.outcome()
        if ran.code == 0 and outcome is not scene.done:
            yield f"said that it did what it did not: {ran}"
        if not killed and outcome is not scene.done and not ran.err:
            yield f"did nothing, and said nothing: {ran}"
        on = house.on if house.pin_file.exists() else set()
        if wrong := on - scene.may_be_on - on_before:
            yield f"relays {wrong} are on for no reason"
        if (
            wrong := on
            - on_before
            - self._remembered()
            - {r for r, mode in outcome.forced.items() if mode == 3}
        ):
            yield f"relays {wrong} were switched on, and nobody remembers it"
        pins_failed = "no relay can be switched" in ran.err or str(house.pin_file) in ran.err
        if ran.code in (0, 1) and not pins_failed and (scene.is_tick or ran.code == 0) and scene.runs_tick:
            yield from self._forces_not_obeyed(outcome, "the disturbed process", ran.err)
        if (
            ran.code == 0
            and not ran.err
            and house.state_file.exists()
            and (house.on != {r for r, s in house.states.items() if s})
        ):
            yield f"said nothing, but the state file says {house.states} and {house.on} are on"
        clean = self.undisturbed()
        if clean != (0, "", ""):
            yield f"the next tick: {clean}"
        yield from self._not_whole()
        yield from self._forces_not_obeyed(outcome, "the next tick")
        if outcome.timed and (lost := outcome.timed - {*map(int, house.memory["until"])}):
            yield f"nobody remembers when the force of {lost} ends"
        if wrong := house.on - scene.may_be_on:
            yield f"relays {wrong} are on for no reason after the next tick"
        self.settle(outcome)
        if house.on != outcome.final:
            yield f"in the end {house.on} are on"
        modes = {r: house.modes[r] for r in range(1, 7)}
        wanted = {r: outcome.forced.get(r, 2 if r in outcome.final else 1) for r in modes}
        if modes != wanted or {r for r, s in house.states.items() if s} != outcome.final:
            yield f"in the end the mode file says {modes}, the state file {house.states}"
        yield from self._not_journaled(outcome)
        left = self._files().keys() - self.names
        if point.fault != "kill":  # what cannot be read may be somebody else's: it is set aside
            left -= {f"{file}.corrupt" for file in (house.state_file, house.pin_file)}
        if left:
            yield f"left behind: {left}"

    def _not_whole(self) -> Iterator[str]:
        """Files that are neither as they were nor as a tick leaves them; and what the owner wrote,
        changed."""
        house = self.house
        for name, (content, _) in self._files().items():
            path = Path(name)
            old_or_new = [files[name][0] for files in (self.start, self.end) if name in files]
            if path in (house.config, *house.scripts.iterdir()) and content != self.start[name][0]:
                yield f"{name} was changed"
            if ".domo-" in name or path == house.data_file or content in old_or_new:
                continue
            try:
                if path in (house.mode_file, house.state_file, house.pin_file, house.memory_file):
                    assert isinstance(json.loads(content), dict)
                elif path == house.journal_file:
                    assert self._asked_journal("PRAGMA integrity_check") == [("ok",)]
                elif name.endswith((".csv", ".csv.gz")) and content:  # an empty one is given its columns
                    text = gzip.decompress(content) if name.endswith(".gz") else content
                    head, *rows = csv.reader(text.decode().splitlines())
                    lengths = [*map(len, rows), len(head)]  # only lines before a new column lack it
                    assert head[0] == "time" and lengths == sorted(lengths)
                elif name.startswith(str(house.tmp)):
                    body = content[content.index(b"\n") + 9 :]
                    marshal.loads(body)
            except (
                AssertionError,
                ValueError,
                EOFError,
                TypeError,
                OSError,
                zlib.error,
                sqlite3.Error,
            ) as error:
                yield f"{name} is not whole: {error} {content[:60]!r}"
        if b"<devices" not in house.data_file.read_bytes():
            yield "the data file is not whole"

    def _not_journaled(self, outcome: Outcome) -> Iterator[str]:
        """Modes and states that would be lost with everything in tmpfs."""
        house = self.house
        newest = "SELECT info, relay_number, valeur FROM relay ORDER BY id"
        told = {(info, relay): value for info, relay, value in self._asked_journal(newest)}
        for relay, mode in outcome.forced.items():
            if told.get(("M", relay)) != mode:
                yield f"the journal does not know that relay {relay} is forced: {told.get(('M', relay))}"
        for relay in house.pins_of.keys() & house.modes.keys():
            if told.get(("E", relay), 0) != (relay in house.on):
                yield f"the journal says that relay {relay} is {told.get(('E', relay))}"

    def _asked_journal(self, question: str) -> list[tuple[object, ...]]:
        """What the journal answers; a copy is asked, because the question may roll it back."""
        with tempfile.TemporaryDirectory(dir=self.house.folder.parent) as folder:
            for path in self.house.folder.glob("journal.sqlite3*"):
                shutil.copy(path, folder)
            with contextlib.closing(sqlite3.connect(f"{folder}/journal.sqlite3")) as base:
                return base.execute(question).fetchall()

    def _remembered(self) -> set[int]:
        """The relays that are on by the memory."""
        house = self.house
        return (
            {int(r) for r, s in house.memory["states"].items() if s} if house.memory_file.exists() else set()
        )

    def _forces_not_obeyed(self, outcome: Outcome, when: str, said: str = "") -> Iterator[str]:
        """Where the mode file is gone, a force that the journal cannot tell either is unknown: then its
        relay may be off, if that was said."""
        house = self.house
        missing = not house.mode_file.exists()
        unknown = missing and re.search("journal .*: cannot be read|relays that are not forced are off", said)
        unwritten = missing and f"{house.mode_file}: " in said
        modes = {} if missing else house.modes
        for relay, mode in outcome.forced.items():
            if modes.get(relay) != mode and not unknown and not unwritten:
                yield f"{when}: relay {relay} is {modes.get(relay)} in the mode file, its owner wrote {mode}"
            if (relay in house.on) != (mode == 3) and not (unknown and mode == 3):
                yield f"{when}: relay {relay} does not follow its force"


def _points(record: str, child: int) -> Iterator[Point]:
    counts: Counter[str] = Counter()
    files: Counter[tuple[str, str]] = Counter()
    begun = child > 0
    for line in record.splitlines():
        call, bracket, rest = line.partition("(")
        if not bracket or not call.replace("_", "").isalnum():
            continue
        counts[call] += 1
        begun = begun or "config.yaml" in rest and call == "openat"
        if not begun or call in ("exit_group", "execve") or (call in WAITS and counts[call] > 2):
            continue
        name = re.search(r'[<"](/[^>"]*)[>"]', rest)
        about = name[1] if name else ""
        files[call, about] += 1
        about = f"{about} {files[call, about]}" if about.startswith(CODE) else ""
        errors = ERRORS.get(call, ())
        if call == "openat" and ("O_CREAT" in rest or "O_RDWR" in rest or "O_WRONLY" in rest):
            errors = (*errors, *WRITTEN)
        if call in LASTING:
            errors = (*errors, "ENOSPC+")
        for fault in ("kill", *errors):
            yield Point(child, call, counts[call], fault, about)


def strace_works() -> str:
    """ "" when strace can be used here, else why not."""
    if not shutil.which("strace"):
        return "strace is not installed; run: sudo apt install strace"
    test = ["strace", "-qq", "-o", "/dev/null", "-e", "inject=getpid:error=EIO", "true"]
    done = subprocess.run(test, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"strace does not work here: {done.stderr.strip()}"


def campaign(
    scene: Scene, folder: Path, choose: Callable[[list[Point]], Iterable[Point]], jobs: int = 2
) -> tuple[Counter[str], list[str]]:
    """Tries the chosen points of a scene; gives how many of each fault, and for each that was not
    survived what was found wrong."""
    stages: queue.Queue[Stage] = queue.Queue()
    with ThreadPoolExecutor(jobs) as pool:
        for stage in pool.map(lambda job: Stage(folder / f"{job}", scene), range(jobs)):
            stages.put(stage)
        stage = stages.get()
        points = list(choose(stage.points()))
        stages.put(stage)

        def one(point: Point) -> str:
            stage = stages.get()
            try:
                wrong = "; ".join(stage.disturb(point))
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            else:
                if not wrong:
                    return ""
            finally:
                stages.put(stage)
            return f"{scene.name}: {point}: {wrong}"

        return Counter(point.fault for point in points), list(filter(None, pool.map(one, points)))


def once(points: Iterable[Point], seen: set[Point]) -> Iterator[Point]:
    """The points that are not `seen` yet. A failure about a file of the program's or of Python's is the
    same in every scene; being killed there is not."""
    for point in points:
        key = point._replace(when=0)
        if point.fault == "kill" or not point.about or key not in seen:
            seen.add(key)
            yield point


def main(only: list[str]) -> int:
    """Tries them all; prints how many there were, and every one that was not survived."""
    if why := strace_works():
        print(why)
        return 1
    bad = total = 0
    seen: set[Point] = set()
    with tempfile.TemporaryDirectory(prefix="domo-faults-") as folder:
        for number, scene in enumerate(SCENES.values()):
            if only and scene.name not in only:
                continue
            if scene.needs and not shutil.which(scene.needs):
                print(f"{scene.name:27} not tried: there is no {scene.needs} here")
                continue
            start = time.monotonic()
            tried, wrong = campaign(
                scene, Path(folder) / str(number), lambda points: once(points, seen), os.cpu_count() or 2
            )
            kills, errors, took = tried["kill"], tried.total() - tried["kill"], time.monotonic() - start
            print(f"{scene.name:27} killed at {kills:4}, failed at {errors:4}; {took:4.0f} s", flush=True)
            for line in wrong:
                print(f"  {line}", flush=True)
            bad += len(wrong)
            total += kills + errors
    print(f"{total} points, {f'{bad} not survived' if bad else 'all survived'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
