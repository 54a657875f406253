"""A hammer on the mode file: owners of every kind edit it while domo changes modes as fast as it can.

    python tests/process/test_hammer.py 5000

lets 5,000 edits fall and prints what it counted; it ends with 1 if one was lost. `--one-core` after that
number has everybody share one core with two processes that never rest, as on a Pi Zero that has more to do:
then whoever is between two steps is kept there for long.

Every edit adds a key of its own, which must be there in the end. The owners take turns by a lock of
their own, because two programs that rewrite the file from what they read a moment ago lose each
other's edits, which nobody else can prevent; domo knows nothing of that lock. While it is held and
nobody writes, whatever is read must be whole: that is how a torn file of ours would show.

Then the same with a needle: one owner, at every line of ours.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from domo.core.model import Fault
from domo.stores import edits, exchange, modes
from domo.system import files
from support.house import House

pytestmark = pytest.mark.timing

FORK = multiprocessing.get_context("fork")
EPOCH = 200  # edits after which everybody stops and all of them are counted
FLIPS, ALWAYS, NEVER = 3, 4, 5  # relays whose scripts say the other thing each time, always on, always off
WRONG = ("edits lost", "torn, and ours", "relays switched by a stale copy")


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Nobody else but domo writes meanwhile."""
    with open(f"{path}.owners", "a") as lock:
        flock(lock, LOCK_EX)
        yield


def edited(path: Path, key: str, value: int) -> str:
    """The mode file with one key more, as PHP's json_encode writes it."""
    return json.dumps({**json.loads(path.read_text()), key: value}, separators=(",", ":"))


# -- the owners; each adds one key --


def nano(path: Path, key: str, value: int) -> None:
    """Truncates and writes, with a newline at the end; so do cp and tee."""
    text = edited(path, key, value)
    with open(path, "w") as file:
        file.write(text + "\n")


def vim(path: Path, key: str, value: int) -> None:
    """Renames the file away and writes a new one; for a moment there is none."""
    text = edited(path, key, value)
    os.rename(path, f"{path}~")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(fd, text.encode())
    os.close(fd)
    os.unlink(f"{path}~")


def sed(path: Path, key: str, value: int) -> None:
    """sed -i writes another file and renames it over this one."""
    subprocess.run(["sed", "-i", f's/{{/{{"{key}":{value},/', str(path)], check=True)


def echo(path: Path, key: str, value: int) -> None:
    """A shell empties the file before it starts to write."""
    text = edited(path, key, value)
    subprocess.run(["sh", "-c", 'echo "$1" > "$2"', "sh", text, str(path)], check=True)


def php(path: Path, key: str, value: int) -> None:
    """PvMonit's page: file_put_contents(json_encode(...)), without a lock."""
    text = edited(path, key, value)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.write(fd, text.encode())
    os.close(fd)


def slow(path: Path, key: str, value: int) -> None:
    """Holds the emptied file open, mostly for a moment, for half a second at the most."""
    text = edited(path, key, value)
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    time.sleep(0.5 * random.random() ** 4)
    os.write(fd, text.encode())
    os.close(fd)


def late(path: Path, key: str, value: int) -> None:
    """Opens the file for reading and writing, thinks, and writes over it what has become of it."""
    with open(path, "r+") as file:
        document = json.load(file)
        time.sleep(random.uniform(0.0, 0.1))
        file.seek(0)
        file.truncate()
        json.dump({**document, key: value}, file)


def mv(path: Path, key: str, value: int) -> None:
    """Prepares another file for a while and renames it over this one."""
    text = edited(path, key, value)
    Path(f"{path}.mine").write_text(text)
    time.sleep(random.uniform(0.0, 0.02))
    os.rename(f"{path}.mine", path)


def domo(path: Path, key: str, value: int) -> None:
    """domo-mod and the panel, which tries again where others write without a pause."""
    while True:
        with contextlib.suppress(Fault):
            edits.set_owner(str(path), {int(key): value})
            return


OWNERS: dict[str, Callable[[Path, str, int], None]] = {
    owner.__name__: owner for owner in (nano, vim, sed, echo, php, slow, late, mv, domo)
}


# -- the processes --


def own(path: Path, name: str, keys: range) -> None:
    """Makes an edit for each of the keys."""
    random.seed(keys.start)
    for key in keys:
        with turn(path):
            OWNERS[name](path, str(key), key % 2 * 3)
        time.sleep(random.uniform(0, 0.01))


def change(path: Path, told: Any) -> None:
    """Changes auto modes as fast as it can, until it is told to stop."""
    said: Counter[str] = Counter()
    changes = 0
    while not told["stop"]:
        wanted = {relay: random.choice((1, 2)) for relay in (1, 2, 3, ALWAYS, NEVER)}
        try:
            edits.set_auto(str(path), wanted)
            changes += 1
        except Fault as fault:
            said[f"by a change of modes: {fault}".replace(str(path), "MODES")] += 1
    told[f"mode changes beside the ticks:{os.getpid()}"] = changes
    told[f"said:{os.getpid()}"] = dict(said)


def read(path: Path, told: Any) -> None:
    """Reads as anybody does; then while no owner writes, when it must be whole."""
    counted: Counter[str] = Counter()
    while not told["stop"]:
        counted["reads"] += 2
        counted["torn"] += not whole(path)
        with turn(path):
            counted["torn, and ours"] += not whole(path)
    for name in ("reads", "torn", "torn, and ours"):
        told[name] = counted[name]


def whole(path: Path) -> bool:
    """Whether the file is there and can be parsed."""
    try:
        return isinstance(json.loads(path.read_text()), dict)
    except (ValueError, FileNotFoundError):
        return False


def tick(house: House, told: Any) -> None:
    """Runs ticks, one after the other."""
    ticks, said = 0, Counter[str]()
    while not told["stop"]:
        ran = house.tick()
        ticks += 1
        said.update(
            f"by a tick: {line}".replace(str(house.mode_file), "MODES") for line in ran.err.splitlines()
        )
    told["ticks"], told["said:tick"] = ticks, dict(said)


def hammer(folder: Path, edits: int) -> dict[str, Any]:
    """Lets everybody loose in `folder`; gives what was counted, and what was said."""
    house = House(folder)
    settings = {"domo.relay.scriptExecInterval": 0, "domo.relayPriority": [ALWAYS], "domo.frozenAfter": 0}
    house.configure({"domo.relayNb": 5, **settings})
    house.script(FLIPS, 'return (relay.off if relay.is_on else relay.on)("flips")')
    house.script(ALWAYS, 'return relay.on("always")')
    house.script(NEVER, 'return relay.off("never")')
    assert house.tick() == (0, "", "")
    assert house.on == {ALWAYS}
    counted: Counter[str] = Counter()
    said: Counter[str] = Counter()
    began = time.monotonic()
    with FORK.Manager() as manager:
        for first in range(100, 100 + edits, EPOCH):
            house.data()
            told = manager.dict(stop=False)
            expected = epoch(house, first, min(EPOCH, 100 + edits - first), told)
            document = json.loads(house.mode_file.read_text())
            for key, (value, name) in expected.items():
                counted["edits"] += 1
                counted[f"edits by {name}"] += 1
                counted["edits lost"] += document.get(key) != value
                counted[f"edits by {name}, lost"] += document.get(key) != value
            for name, value in told.items():
                if isinstance(value, dict):
                    said.update(value)
                elif name != "stop":
                    counted[name.partition(":")[0]] += value
            house.mode_file.write_text('{"1":1,"2":1,"3":1,"4":2,"5":1}')
    counted["seconds"] = round(time.monotonic() - began)
    switched = [row[0] for row in house.journal if row[1] == "E"]
    counted["switches by ticks"] = len(switched)
    counted["relays switched by a stale copy"] = switched.count(ALWAYS) - 1 + switched.count(NEVER)
    counted["mode changes by ticks"] = sum(
        row[0] in (FLIPS, ALWAYS, NEVER) and row[1] == "M" for row in house.journal
    )
    return {**counted, "said": dict(said), "left": {path.name for path in folder.iterdir()}}


def epoch(house: House, first: int, edits: int, told: Any) -> dict[str, tuple[int, str]]:
    """So many edits, of keys from `first` on; gives them and who made them. Nobody writes any more then."""
    path = house.mode_file
    others = [FORK.Process(target=change, args=(path, told)) for _ in range(2)]
    others += [FORK.Process(target=read, args=(path, told)), FORK.Process(target=tick, args=(house, told))]
    owners, expected = [], {}
    for place, name in enumerate(OWNERS):
        keys = range(first + place * edits // len(OWNERS), first + (place + 1) * edits // len(OWNERS))
        owners.append(FORK.Process(target=own, args=(path, name, keys)))
        expected |= {str(key): (key % 2 * 3, name) for key in keys}
    for process in (*others, *owners):
        process.start()
    for process in owners:
        process.join()
    told["stop"] = True
    for process in others:
        process.join()
    assert [process.exitcode for process in (*others, *owners)] == [0] * (len(others) + len(owners))
    return expected


def test_no_edit_of_any_owner_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    counted = hammer(tmp_path, 180)
    assert counted["edits"] == 180
    assert {what: counted[what] for what in WRONG} == dict.fromkeys(WRONG, 0)
    assert counted["mode changes beside the ticks"] > 50
    assert counted["mode changes by ticks"] > 3
    assert counted["ticks"] > 3
    assert counted["left"] == {
        "config.yaml", "data.xml", "scripts", "tmp", "mod", "mod.lock", "mod.owners", "etat", "pins",
        "domo_memory.json", "domo_tick.lock", "journal.sqlite3", "domo_today.csv", "domo_record.kept",
        "history",
    }  # fmt: skip


# -- with a needle --


def held(path: Path, key: str, value: int) -> None:
    """Has the file open for writing for a while before he writes."""
    with open(path, "r+") as file:
        document = json.load(file)
        time.sleep(0.02)
        file.seek(0)
        file.truncate()
        json.dump({**document, key: value}, file)


def quick_mv(path: Path, key: str, value: int) -> None:
    """Renames another file over this one, at once."""
    Path(f"{path}.mine").write_text(edited(path, key, value))
    os.rename(f"{path}.mine", path)


NEEDLES = [nano, php, vim, mv, held]


def pierced(path: Path, line: int, *owners: Callable[[Path, str, int], None]) -> tuple[int, str]:
    """Changes an auto mode, while an owner begins to make an edit when we come to the given line of ours,
    counted as they are run, and the next owner at the next line. Gives how many lines were run, and what the
    change said."""
    run, said = 0, ""
    edits_of = {
        line + place: threading.Thread(target=owner, args=(path, str(7 + place), 3))
        for place, owner in enumerate(owners)
    }

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal run
        if frame.f_code.co_filename not in (
            edits.__file__,
            exchange.__file__,
            modes.__file__,
            files.__file__,
        ):
            return None
        if event == "line":
            if run in edits_of:
                edits_of[run].start()
                edits_of[run].join(0.01)  # he is done by then, or waits for us
            run += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        edits.set_auto(str(path), {1: 2})
    except Fault as fault:
        said = str(fault)
    finally:
        sys.settrace(before)
    for edit in edits_of.values():
        if edit.ident:
            edit.join()
    return run, said


@pytest.mark.parametrize("owner", NEEDLES)
def test_an_edit_at_any_moment_of_ours_is_kept(
    tmp_path: Path, owner: Callable[[Path, str, int], None]
) -> None:
    path = tmp_path / "mod"
    line, run = 0, 1
    while line < run:
        path.write_text('{"1":1,"7":0}')
        run, said = pierced(path, line, owner)
        found = json.loads(path.read_text())
        assert found in ({"1": 2, "7": 3}, {"1": 1, "7": 3}), f"at line {line} of {run}: {said}"
        assert said == ""
        line += 1
    assert line > 50
    assert sorted(os.listdir(tmp_path)) == ["mod", "mod.lock"]


def tidy(path: Path, key: str, value: int) -> None:
    """Takes a key away besides."""
    document = json.loads(path.read_text())
    document.pop("9", None)
    path.write_text(json.dumps({**document, key: value}))


@pytest.mark.parametrize("owner", [nano, php, vim, held, quick_mv, tidy])
def test_of_two_edits_one_after_the_other_at_any_moment_of_ours_none_is_lost(
    tmp_path: Path, owner: Callable[[Path, str, int], None]
) -> None:
    """The second may read our file, and write it back, just before we put the first one's back in place."""
    path = tmp_path / "mod"
    line, run = 0, 2
    while line + 1 < run:
        path.write_text('{"1":1,"7":0,"8":0,"9":0}')
        run, said = pierced(path, line, quick_mv, owner)
        found = json.loads(path.read_text())
        wanted = {"1": 1, "7": 3, "8": 3, **({} if owner is tidy else {"9": 0})}
        assert found | {"1": 1} == wanted, f"at line {line} of {run}: {said}"
        assert said == ""
        line += 1
    assert line > 50
    assert sorted(os.listdir(tmp_path)) == ["mod", "mod.lock"]


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """This process and all below it run on one core, with two others there that never rest."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    others = [FORK.Process(target=rest_never, daemon=True) for _ in range(2)]
    for process in others:
        process.start()
    yield
    for process in others:
        process.kill()


def rest_never() -> None:
    while True:
        pass


def main(edits: int, crowded: bool) -> int:
    """Runs the hammer and prints what it counted; gives the exit code."""
    with tempfile.TemporaryDirectory() as scratch, one_core() if crowded else contextlib.nullcontext():
        os.environ["TMPDIR"] = scratch
        report = hammer(Path(scratch), edits)
    for what in sorted(report.keys() - {"left"}):
        print(f"{what}: {report[what]}")
    return int(any(report[what] for what in WRONG))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000, "--one-core" in sys.argv))
