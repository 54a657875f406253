"""Whatever stands where a file should be: nothing hangs, nothing is lost, and one is told which and why.

The corpus is made by rules from good files, with a fixed seed. `faults.py` and the properties elsewhere
try what programs and clocks do; here it is what disks, editors and other programs leave behind.

Each file is cut, and has a bit flipped, at a few places. At every byte of every file but the journal:

    DOMO_PLACES=1000000 make test ARGS="tests/process/test_bad_input.py -k 'damage and not journal'
--timeout=0"
"""

from __future__ import annotations

import bisect
import contextlib
import ctypes
import json
import math
import os
import random
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from domo.core.model import ConfigError, Row
from domo.pins.simulated import SimulatedPins
from domo.stores import config, journal, memory, modes, schema, states, yaml_file
from domo.system import cache, tinyjson
from support.house import PROJECT, Clock, House, Ran

SECONDS = 25
PLACES = int(os.environ.get("DOMO_PLACES", "4"))  # in a file, at which it is cut, and where a bit is flipped
WRONG: list[Any] = [
    None,
    True,
    -1,
    3.5,
    1e30,
    -1e30,
    math.nan,
    math.inf,
    10**400,
    "",
    "x",
    "\0",
    "\ud800",
    "9" * 5000,
]
WRONG += [[], [[]], [None], {}, {"x": {"y": [1]}}, {"1": {}}, [[1, 2], [3, 4]]]


def damaged(good: bytes) -> Iterator[tuple[str, bytes]]:
    """What becomes of a file: torn, rotten, in another encoding, or something else altogether."""
    chance = random.Random(len(good))
    size = len(good)
    for place in sorted({0, 1, size // 2, size - 1, *chance.sample(range(size), min(size, PLACES))}):
        yield f"cut at {place}", good[:place]
    for place in chance.sample(range(size), min(size, PLACES)):
        bit = 1 << chance.randrange(8)
        yield f"bit {bit} of {place} flipped", good[:place] + bytes([good[place] ^ bit]) + good[place + 1 :]
    text = good.decode("latin-1")
    yield "BOM", b"\xef\xbb\xbf" + good
    yield "UTF-16", text.encode("utf-16")
    yield "UTF-16 without BOM", text.encode("utf-16-le")
    yield "UTF-32", text.encode("utf-32")
    yield "CRLF", good.replace(b"\n", b"\r\n")
    yield "latin-1", good.replace(b":", b": \xe9\xff", 1)
    yield "NULs", bytes(size)
    yield "NULs behind", good + bytes(4096)
    yield "NULs within", good[: size // 2] + bytes(16) + good[size // 2 :]
    yield "control characters", good.replace(b":", b":\x1e\x0c\x1b\xc2\x85\xe2\x80\xa8", 3)
    yield "twice", good + good
    yield "blank", b" \n\t\r\n" * 9
    yield "noise", chance.randbytes(3000)
    yield "deep JSON", b'{"1": ' + b"[" * 20_000
    yield "deep whole JSON", b'{"1": ' + b"[" * 2000 + b"]" * 2000 + b"}"
    yield "deep objects", b'{"1":' * 50_000
    yield "deep XML", b"<devices>" + b"<device>" * 20_000
    yield "deep brackets", b"x = " + b"(" * 3000
    yield "deep minus", b"x = " + b"-" * 100_000 + b"1"
    yield "deep lists", b"- " * 20_000
    yield "huge number", b'{"1": ' + b"9" * 100_000 + b"}"
    yield "huge exponent", b'{"1": 1e99999, "2": -1e99999}'
    yield "NaN", b'{"1": NaN, "2": Infinity}'
    yield "same key twice", b'{"1": 3, "1": 0}\n'
    yield "null", b"null"
    yield "a list", b"[1, 2, 3]"
    yield "a text", b'"3"'
    yield (
        "entities",
        b'<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><devices>&c;&c;&c;</devices>',
    )
    yield "one long line", b"#" + b"x" * 300_000


def _directory(path: Path) -> None:
    path.mkdir()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _large(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(100 << 20)


def _link_to_large(path: Path) -> None:
    _large(path.with_name("large"))
    path.symlink_to("large")


def _forbidden(path: Path) -> None:
    path.touch(0)


THINGS: list[Callable[[Path], None]] = [_directory, _fifo, _device, _loop, _dangling, _large, _link_to_large]
THINGS += [_forbidden]

CACHES = "config's cache", "scripts' cache"
OWNERS = ("config", "data", "mode", "script")  # what no tick may write
SILENT = (*CACHES, "mode lock")  # nobody misses them: they are made anew, or not used
# A lock is never read, and who links the journal to where there is none yet wants it there.
HARMLESS = (("lock", _fifo), ("lock", _large), ("lock", _link_to_large), ("journal", _dangling))
FORCED, SUNNY, NEVER = 1, 2, 3  # relays: forced on, on by its script, off by its script


class Lived:
    """A house in which ticks have run, and things stand where files should be."""

    def __init__(self, house: House, clock: Clock) -> None:
        self.house, self.clock = house, clock
        private = house.tmp / f"domo-{os.geteuid()}"
        self.files = {
            "config": house.config,
            "data": house.data_file,
            "mode": house.mode_file,
            "state": house.state_file,
            "memory": house.memory_file,
            "journal": house.journal_file,
            "pins": house.pin_file,
            "script": house.scripts / f"{SUNNY}.py",
            "lock": house.lock_file,
            "mode lock": house.mode_file.with_name("mod.lock"),
            CACHES[0]: private / cache.name_of("config", str(house.config)),
            CACHES[1]: private / cache.name_of("scripts", str(house.scripts)),
        }
        house.configure({"domo.relay.scriptExecInterval": 0, "domo.frozenAfter": 0})
        sunny = 'return relay.on("sun") if data["SOC"] > 50 else relay.off("no")'
        house.script(SUNNY, f'relay.timer("t").start(9)\n{sunny}')
        house.script(NEVER, 'return relay.off("never")')
        house.set_modes({FORCED: 3, SUNNY: 1, NEVER: 1})
        for _ in range(2):
            assert self.tick() == (0, "", "")
        assert house.on == {FORCED, SUNNY}
        self.settings, _ = config.load(str(house.config))

    def tick(self) -> Ran:
        """A tick, a minute later. It may take as long as a tick may."""

        def late(*_: object) -> None:
            pytest.fail(f"still running after {SECONDS} s")

        self.clock.forward(60)
        data = self.house.data_file
        if _readable(data) and data.stat().st_size < 1 << 20:
            stamp = str(int(self.clock.wall)).encode()
            data.write_bytes(re.sub(rb"(?<=<timerefresh>)\d{10}(?=<)", stamp, data.read_bytes()))
            os.utime(data, (self.clock.wall,) * 2)
        signal.signal(signal.SIGALRM, late)
        signal.alarm(SECONDS)
        try:
            return self.house.tick_at(self.clock)
        finally:
            signal.alarm(0)

    def met(self, what: str, label: str) -> Ran:
        """A tick that meets it; what must hold then, whatever it is."""
        path = self.files[what]
        if what == "journal":  # it is read when the memory is gone, and written when something is new
            self.house.memory_file.unlink()
        ran = self.tick()
        assert ran.code in (0, 1, 2), (label, ran)
        assert "Traceback" not in ran.said, (label, ran)
        assert all(line.startswith("domo-tick: ") for line in ran.err.splitlines()), (label, ran)
        if ran.code and not (what == "data" and _readable(path) and sound(what, path.read_bytes())):
            assert str(path) in ran.said or what == "script" and f"script {path.name}" in ran.said, (
                label,
                ran,
            )
        if what not in ("config", "mode") and _readable(self.house.pin_file):
            assert FORCED in self.house.on and NEVER not in self.house.on, (label, ran)
        return ran

    def well(self, label: str) -> None:
        """Everything is as it should be, in two ticks at most."""
        self.tick()
        again = self.tick()
        assert again == (0, "", ""), (label, again)
        assert self.house.on == {FORCED, SUNNY}, label
        assert self.house.states == {FORCED: 1, SUNNY: 1, NEVER: 0}, label


def _readable(path: Path) -> bool:
    """Whether this is a file, and one that we may read."""
    return path.is_file() and not path.is_symlink() and os.access(path, os.R_OK, effective_ids=True)


@pytest.fixture
def lived(house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Lived:
    """A house with a past."""
    monkeypatch.setattr(modes, "TORN_SECONDS", 0.01)  # nobody is at it while it is bad
    return Lived(house, clock)


def sound(what: str, content: bytes) -> bool:
    """Whether the content is of the file's language at all, by somebody else's judgement."""
    try:
        if what in ("mode", "state", "memory", "pins"):
            text = content.removeprefix(b"\xef\xbb\xbf" if what == "mode" else b"").decode()
            found = json.loads(text, parse_constant=lambda word: math.sqrt(-1))
            return isinstance(found, dict) and (
                what in ("state", "pins") or "Infinity" not in json.dumps(found)
            )
        if what == "config":
            return isinstance(yaml.safe_load(content), dict | None)
        if what == "script":
            return bool(compile(content, "script", "exec"))
        if what == "data":
            return ElementTree.fromstring(content.lstrip(b"\xef\xbb\xbf \r\n\t")).tag == "devices"
        return what in ("journal", *SILENT)
    except (
        ValueError,
        LookupError,
        SyntaxError,
        RecursionError,
        MemoryError,
        yaml.YAMLError,
        ElementTree.ParseError,
    ):
        return False


@pytest.mark.parametrize(
    "what", ["config", "data", "mode", "state", "memory", "journal", "pins", "script", *CACHES]
)
def test_damage(lived: Lived, what: str) -> None:
    """Every damage to every file: told with its name, the owner's text left alone, and over as soon as it
    is mended; or at once, for what is the program's own."""
    path = lived.files[what]
    tried = 0
    for label, content in damaged(path.read_bytes()):
        good = path.read_bytes()
        path.write_bytes(content)
        whole = sound(what, content)
        if what == "config" and whole and not _here(lived):
            path.write_bytes(good)  # it says something else, elsewhere, and may
            continue
        ran = lived.met(what, label)
        if not whole:
            assert ran.code, (label, ran)
        if what == "mode":
            _mode_file_obeyed(lived, content, label)
        elif what in OWNERS:
            now = re.sub(rb"(?<=<timerefresh>)\d{10}(?=<)", b"", path.read_bytes())
            assert now == re.sub(rb"(?<=<timerefresh>)\d{10}(?=<)", b"", content), label
        if what == "journal":
            kept = {file.read_bytes()[100:] for file in lived.house.folder.glob("journal.sqlite3*")}
            assert content[100:] in kept or _rows(path), label
        if what in OWNERS:
            path.write_bytes(good)
        tried += 1
        if what == "mode" or tried % 8 == 0:
            lived.well(label)
    lived.well("the last")
    assert tried > 30


def _here(lived: Lived) -> bool:
    """Whether what config.yaml says now, if anything, is about this house only."""
    try:
        settings = schema.parse(str(lived.house.config), yaml_file.read(str(lived.house.config)))
    except ConfigError:
        return True
    names = [
        "modPath",
        "etatPath",
        "prefixFileData",
        "dbFile",
        "simulatedPins",
        "scriptDir",
        "tmpFileDataXml",
    ]
    names += ["board", "urlDataXml", "relayNb"]
    return all(getattr(settings, name) == getattr(lived.settings, name) for name in names)


def _mode_file_obeyed(lived: Lived, content: bytes, label: str) -> None:
    """What it says if it says anything, the last good modes if not; and nobody wrote over it."""
    on = lived.house.on
    if not sound("mode", content):
        assert lived.house.mode_file.read_bytes() == content, label
        assert on == {FORCED, SUNNY}, label
        return
    modes = json.loads(content.removeprefix(b"\xef\xbb\xbf"))
    for relay in (FORCED, SUNNY, NEVER):
        mode = modes.get(str(relay))
        if type(mode) is int and mode in (0, 3):
            assert (relay in on) == (mode == 3), label
        elif str(relay) in modes and not (type(mode) is int and 0 <= mode <= 3):
            assert relay not in on, label
    after = json.loads(lived.house.mode_file.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    assert {key: value for key, value in after.items() if modes.get(key) not in (1, 2, None)}.items() >= {
        key: value for key, value in modes.items() if value not in (1, 2)
    }.items(), label


def _rows(path: Path) -> bool:
    """Whether this is a journal that can be read."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as base:
            return bool(base.execute("SELECT count(*) FROM relay").fetchone())
    except sqlite3.Error:
        return False


@pytest.fixture
def bound_by_permissions() -> Iterator[None]:
    """Root may read and write everything, by two of his capabilities; they are taken from this thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    before = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then their higher halves
    assert libc.capget(header, before) == 0
    without = (ctypes.c_uint32 * 6)(before[0] & ~0b110, *before[1:])  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, without) == 0
    yield
    assert libc.capset(header, before) == 0


@pytest.mark.usefixtures("bound_by_permissions")
@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__[1:])
def test_something_else_in_the_place_of_a_file(lived: Lived, thing: Callable[[Path], None]) -> None:
    """A folder, a pipe, a device that never ends, a link to itself, what may not be read: told, passed
    by, and never written."""
    for what, path in lived.files.items():
        good = path.read_bytes()
        path.unlink()
        thing(path)
        before = path.lstat()
        ran = lived.met(what, what)
        if what not in SILENT and (what, thing) not in HARMLESS:
            assert ran.code == (2 if what == "config" else 1), (what, ran)
        if what == "lock" and thing is _forbidden:
            assert f"; run: chmod u+rw {path}" in ran.err
        if what in OWNERS:
            after = path.lstat()
            assert (after.st_ino, after.st_mode, after.st_size) == (
                before.st_ino,
                before.st_mode,
                before.st_size,
            ), what
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        elif os.path.lexists(path) and (what in OWNERS or thing is not _large):
            path.unlink()
        for name in ("large", "nowhere"):
            path.with_name(name).unlink(missing_ok=True)
        if what in OWNERS or what == "journal":
            path.unlink(missing_ok=True)
            path.write_bytes(good)
        lived.well(what)


# -- what is well-formed, and says what cannot be --


def leaves(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a document."""
    yield path
    rows = enumerate(document) if isinstance(document, list) else ()
    for key, value in document.items() if isinstance(document, dict) else rows:
        yield from leaves(value, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of the document with another value there."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = changed(document[path[0]], path[1:], value)
    return copy


def test_every_key_of_the_configuration_with_every_wrong_value() -> None:
    """It is told by its key, or it is right; nothing else comes out."""
    good = yaml.safe_load((PROJECT / "config.yaml").read_text())
    told = 0
    for path in leaves(good):
        for value in [
            *WRONG,
            b"\0",
            {3},
            yaml.safe_load("2026-11-22"),
            yaml.safe_load("2026-11-22 10:00:00"),
        ]:
            try:
                schema.parse("/config.yaml", changed(good, path, value))
            except ConfigError as error:
                told += 1
                names = [".".join(map(str, path[:depth])) for depth in range(1, len(path) + 1)]
                assert any(name in problem for problem in error.problems for name in names) or not names, (
                    error.problems
                )
                assert all(problem.startswith("/config.yaml: ") for problem in error.problems)
    assert told > 800


def test_every_depth_of_nesting(lived: Lived) -> None:
    """Just what can be read, just what cannot, and whatever becomes of it on the way."""

    def readable(depth: int) -> bool:
        with contextlib.suppress(ValueError):
            return bool(tinyjson.loads("[" * depth + "]" * depth))
        return False

    deepest = bisect.bisect_left(range(1_000_000), True, lo=1, key=lambda depth: not readable(depth)) - 1
    assert deepest > 500
    good = json.loads(lived.files["memory"].read_text())
    for depth in range(deepest - 20, deepest + 2):
        deep = "[" * depth + "]" * depth
        nested = json.dumps({**good, "modes": {"3": "deep"}}).replace('"deep"', deep)
        for text in (deep, "[" * depth, f"{deep} x", f'{{"1": {deep}}}', nested):
            for what in ("memory", "state", "pins", "mode"):
                lived.files[what].write_text(text)
            past, fault = memory.load(lived.settings, lived.clock.now())
            assert past is None and str(lived.files["memory"]) in fault
            states.load(str(lived.files["state"]))
            assert SimulatedPins(str(lived.files["pins"]), "a test").read(23) in (0, 1, None)
            modes.load(str(lived.files["mode"]))
    lived.tick()
    lived.files["mode"].unlink()
    lived.well("nested")


def test_every_value_of_the_memory_wrong(lived: Lived) -> None:
    """It is not used, which is told; or it is, and the tick lives with it. Either way the next is well."""
    memory_file = lived.files["memory"]
    good = json.loads(memory_file.read_text())
    good |= {
        "until": {"3": [0, 1.0, 99999.0]},
        "charge": {"float 1": None},
        "unwritten": [[1.0, 3, "M", 1, "x", "owner", None]],
    }
    refused, lived_with = 0, 0
    for number, (path, value) in enumerate((path, value) for path in leaves(good) for value in WRONG):
        memory_file.write_text(json.dumps(changed(good, path, value)))
        past, fault = memory.load(lived.settings, lived.clock.now())
        assert (past is None) == bool(fault) or (path, value) == (("version",), 1), (path, value)
        refused += past is None
        if number % (8 if past else 80) == 0:
            lived.met("memory", f"{path} {value!r:.50}")
            again = lived.tick()
            assert again == (0, "", ""), (path, value, again)
            lived_with += 1
    assert refused > 400 and lived_with > 15


def test_every_column_of_the_journal_with_every_wrong_value(lived: Lived) -> None:
    """Other programs write it too. When everything in tmpfs is gone, what makes no sense is left out."""
    house = lived.house
    columns = ("relay_number", "info", "valeur", "date", "event", "origin", "until")
    values = [None, "", "x", "\0", b"\xff\xfe", -1, 7, 3.7, 10**15, 1e300, 2**62, -(2**62)]
    for column in columns:
        for value in values:
            with contextlib.closing(sqlite3.connect(house.journal_file)) as base, base:
                row = {
                    "relay_number": 2,
                    "info": "M",
                    "valeur": 3,
                    "date": int(lived.clock.wall),
                    "event": "x",
                    "origin": "owner",
                    "until": None,
                    column: value,
                }
                names = ", ".join(columns)
                cells = [row[name] for name in columns]
                base.execute(f"INSERT INTO relay ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", cells)
                base.execute("UPDATE relay SET event = CAST(x'ff80' AS TEXT) WHERE id = 1")
            house.memory_file.unlink()
            for _ in range(2):
                assert lived.tick() == (0, "", ""), (column, value)
            assert house.on >= {FORCED} and NEVER not in house.on, (column, value)
            with contextlib.closing(sqlite3.connect(house.journal_file)) as base, base:
                base.execute("DELETE FROM relay WHERE id = (SELECT max(id) FROM relay)")


def test_every_letter_of_the_journals_schema_with_another_bit(lived: Lived) -> None:
    """SQLite quotes it in its messages as it is, be it text or not. Whether it is set aside or not, it is
    told."""
    path = lived.files["journal"]
    good, settings, now = path.read_bytes(), lived.settings, lived.clock.now()
    told = set()
    for place in range(good.find(b"CREATE"), 4096):
        path.write_bytes(good[:place] + bytes([good[place] ^ 128]) + good[place + 1 :])
        _, cannot_be_read = journal.past(settings, now)
        done, cannot_be_written = journal.append(settings, [Row(0.0, 1, "M", 3, "x")], now)
        assert done or cannot_be_written
        for fault in filter(None, (cannot_be_read, cannot_be_written)):
            assert str(path) in fault
        told.add((bool(cannot_be_read), done))
        for aside in path.parent.glob("journal.sqlite3*"):
            aside.unlink()
    assert len(told) > 1


@pytest.mark.usefixtures("bound_by_permissions")
def test_a_journal_that_cannot_be_reached_for_now_loses_no_force(house: House, clock: Clock) -> None:
    """After a restart it is all that knows them. As long as nobody knows, nothing comes on."""
    place = house.folder / "lasting"
    place.mkdir()
    house.configure({"domo.dbFile": "lasting/journal.sqlite3"})
    house.script(2, 'return relay.on("sun")')
    house.set_modes({1: 3, 2: 0, 3: 1})
    house.data(at=clock.wall)
    assert house.tick_at(clock) == (0, "", "")
    for file in (house.mode_file, house.state_file, house.memory_file, house.pin_file):
        file.unlink()
    clock.reboot()
    place.chmod(0)
    house.data(at=clock.wall)
    ran = house.tick_at(clock)
    place.chmod(0o755)
    assert (ran.code, house.on) == (1, set())
    assert f"journal {place}/journal.sqlite3: cannot be read (" in ran.err
    assert house.tick_at(clock) == (0, "", "")
    assert (house.on, house.modes) == ({1}, {1: 3, 2: 0, 3: 1})


@pytest.mark.parametrize("text", ["things to do", '{"to do": 1}', '{"1": {"name": "pump"}}', "[1]"])
@pytest.mark.parametrize("key", ["domo.jsonFile.etatPath", "domo.simulatedPins"])
def test_a_file_of_somebody_else_in_the_place_of_ours_is_set_aside(house: House, key: str, text: str) -> None:
    """A mistake in config.yaml costs nobody what he wrote; rubbish that comes each minute fills no disk."""
    notes, aside = house.folder / "notes.txt", house.folder / "notes.txt.corrupt"
    notes.write_text(text)
    house.configure({key: "notes.txt"})
    ran = house.tick()
    assert ran.code == 1 and f"it is set aside as {aside}, and written again" in ran.err
    assert aside.read_text() == text and json.loads(notes.read_text())
    notes.write_text("rubbish")
    assert "it is written again" in house.tick().err
    assert aside.read_text() == text and json.loads(notes.read_text())
    assert house.tick() == (0, "", "")


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    """An old ISO 8859-1 name: the journal is not taken for damaged, and the log is written."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    house = House(folder)
    house.configure({"printMessageLogfile": "log"})
    house.set_modes({1: 3, 2: 1, 3: 1})
    assert house.tick() == (0, "", "")
    house.data_file.unlink()
    house.set_modes({1: 0, 2: 1, 3: 1})
    ran = house.tick()
    assert ran.code == 1 and "no data file" in ran.said and "Traceback" not in ran.said
    assert [row[:3] for row in house.journal if row[1] == "M"] == [(1, "M", 3), (1, "M", 0)]
    assert not list(folder.glob("*corrupt*")) and (folder / "log").stat().st_size


def test_the_current_folder_is_gone(house: House) -> None:
    gone = house.folder / "gone"
    gone.mkdir()
    command = [*house.command()[:-1], "config.yaml"]
    ran = subprocess.run(
        ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(gone), *command],
        env=house.env, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "config.yaml" in ran.stderr and "Traceback" not in ran.stderr


def test_a_program_for_the_data_that_is_none(house: House) -> None:
    program = house.folder / "php"
    program.write_bytes(b"\0\1\2")
    program.chmod(0o755)
    house.data_file.unlink()
    (house.folder / "data-xml.php").touch()
    house.configure({"bin.php-cli": str(program), "scriptDataXml": "data-xml.php"})
    assert f"{program} cannot be run (Exec format error)" in house.tick().said
