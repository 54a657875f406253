"""Real disks that are full or read-only: the pins are driven all the same, and each fault is said once.

/tmp (modes, states, memory, lock, caches) and the root file system (the journal) are two small tmpfs in
a mount namespace of their own, which ends with the test; they are reached through /proc. It takes root.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.house import House, Ran

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "setpriv"))),
    reason="takes root, unshare, nsenter and setpriv",
)

MORTAL = ("--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search", "--")
FORCED_OFF, STAYS, FORCED_ON, WANTS, GOES = range(1, 6)  # what becomes of the relays in the tick that counts
ORDER = 'return relay.{}("so it is")'


class Disks:
    """A house whose files are on two disks, `tmp` and `root` as they are seen from out here."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._inner = {name: house.folder / name for name in ("tmp", "root")}
        self._inner["root"].mkdir()
        mounts = [f"mount -t tmpfs -o size=512k,nr_inodes=40 none {place}" for place in self._inner.values()]
        script = " && ".join([*mounts, "echo ready", "exec cat"])
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout
        if self._holder.stdout.readline() != "ready\n":
            pytest.skip("there can be no mount namespace here")
        self.tmp, self.root = (
            Path(f"/proc/{self._holder.pid}/root{place}") for place in self._inner.values()
        )
        house.configure(
            {
                "domo.jsonFile": {"modPath": "tmp/mod", "etatPath": "tmp/etat"},
                "domo.prefixFileData": "tmp/domo_",
                "domo.dbFile": "root/journal.sqlite3",
                "domo.recordDir": "root/history",
                "domo.relay.scriptExecInterval": 0,
                "domo.relayNb": 5,
            }
        )
        house.mode_file, house.state_file = self.tmp / "mod", self.tmp / "etat"

    def close(self) -> None:
        """The end of the namespace, and of the disks."""
        self._holder.communicate()

    def tick(self, *arguments: str) -> Ran:
        """A tick among them, of a root who is bound by permissions."""
        command = self.house.command(*arguments)
        inside = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "setpriv", *MORTAL, *command]
        done = subprocess.run(inside, env=self.house.env, capture_output=True, text=True, timeout=60)
        return Ran(done.returncode, done.stdout, done.stderr)

    def inner(self, path: Path) -> Path:
        """What a path from out here is called among them."""
        return Path("/", *path.parts[4:])

    def remount(self, disk: str, option: str) -> None:
        """Mounts "tmp" or "root" as "ro" or "rw"."""
        inside = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt"]
        subprocess.run([*inside, "mount", "-o", f"remount,{option}", str(self._inner[disk])], check=True)

    def journal(self) -> list[tuple[int, str, int, str]]:
        """The journal's rows; of a copy, because SQLite would look for the file behind /proc out here."""
        self.house.journal_file.write_bytes((self.root / "journal.sqlite3").read_bytes())
        return self.house.journal

    def fill(self, disk: Path) -> None:
        """Not a byte more."""
        with open(disk / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass


@pytest.fixture
def disks(house: House) -> Iterator[Disks]:
    """Disks that are well."""
    made = Disks(house)
    yield made
    made.close()


def told(ran: Ran, *faults: tuple[str, str]) -> None:
    """These faults were said, each once, and nothing else."""
    lines = ran.err.splitlines()
    assert ran.code == (1 if faults else 0), ran
    assert len(lines) == len(faults), ran.err
    for file, why in faults:
        (line,) = [line for line in lines if f"/{file}: " in line]
        assert why in line, line


FULL, READ_ONLY = "No space left on device", "Read-only file system"
Faults = list[tuple[str, str]]  # file, why


def full_tmp(disks: Disks) -> Faults:
    """Modes, states and memory cannot be written; the lock is there already."""
    disks.fill(disks.tmp)
    return [(file, FULL) for file in ("domo_memory.json", "mod", "etat")]


def no_space_for_the_lock(disks: Disks) -> Faults:
    """There is no name left on it."""
    (disks.tmp / "domo_tick.lock").unlink()
    with contextlib.suppress(OSError):
        for number in range(40):
            (disks.tmp / f"filler{number}").touch()
    return [(file, FULL) for file in ("domo_tick.lock", "domo_memory.json", "mod", "etat")]


def read_only_tmp(disks: Disks) -> Faults:
    """The lock cannot be opened for writing either."""
    disks.remount("tmp", "ro")
    names = ("domo_tick.lock", "domo_memory.json", "mod", "etat", "domo_today.csv")
    return [(file, READ_ONLY) for file in names]


def closed_tmp(disks: Disks) -> Faults:
    """It belongs to somebody else; the lock is there already, and may be used."""
    disks.tmp.chmod(0o555)
    why = f"user root may not write it; {disks.inner(disks.tmp)} is closed to its own user"
    return [(file, why) for file in ("domo_memory.json", "mod", "etat")]


def full_root(disks: Disks) -> Faults:
    """The journal cannot grow."""
    disks.fill(disks.root)
    return [("journal.sqlite3", "full")]


def read_only_root(disks: Disks) -> Faults:
    """The journal cannot be written."""
    disks.remount("root", "ro")
    return [("journal.sqlite3", "readonly database")]


def all_read_only(disks: Disks) -> Faults:
    """Nothing can be written at all."""
    return read_only_tmp(disks) + read_only_root(disks)


def mended(disks: Disks) -> None:
    """Whatever it was."""
    for disk, place in (("tmp", disks.tmp), ("root", disks.root)):
        disks.remount(disk, "rw")
        place.chmod(0o755)
        for filler in place.glob("filler*"):
            filler.unlink()


@pytest.mark.parametrize(
    "fault",
    [full_tmp, no_space_for_the_lock, read_only_tmp, closed_tmp, full_root, read_only_root, all_read_only],
)
def test_the_pins_are_driven_and_each_fault_is_said_once(
    disks: Disks, fault: Callable[[Disks], Faults]
) -> None:
    """Forces and offs are obeyed, what is on with a reason stays on. Something new comes on by itself only
    if it can be remembered. When the disk is well again, so is everything."""
    house = disks.house
    for relay, order in ((STAYS, "on"), (WANTS, "off"), (GOES, "on")):
        house.script(relay, ORDER.format(order))
    house.set_modes({FORCED_OFF: 3, STAYS: 1, FORCED_ON: 1, WANTS: 1, GOES: 1})
    for _ in range(3):
        told(disks.tick())
    assert house.on == {FORCED_OFF, STAYS, GOES}

    house.script(WANTS, ORDER.format("on"))
    house.script(GOES, ORDER.format("off"))
    house.set_modes({FORCED_OFF: 0, STAYS: 2, FORCED_ON: 3, WANTS: 1, GOES: 2})
    faults = fault(disks)
    remembered = "domo_memory.json" not in dict(faults)
    for _ in range(2):
        told(disks.tick(), *faults)
        assert house.on == {STAYS, FORCED_ON} | ({WANTS} if remembered else set())

    mended(disks)
    disks.tick()
    told(disks.tick())
    assert house.on == {STAYS, FORCED_ON, WANTS}
    assert house.modes == {FORCED_OFF: 0, STAYS: 2, FORCED_ON: 3, WANTS: 2, GOES: 1}
    assert house.states == {FORCED_OFF: 0, STAYS: 1, FORCED_ON: 1, WANTS: 1, GOES: 0}
    last = {(relay, info): value for relay, info, value, _ in disks.journal()}
    assert last == {
        **{(relay, "M"): mode for relay, mode in house.modes.items()},
        **{(relay, "E"): state for relay, state in house.states.items()},
    }


def test_check_says_that_a_disk_is_read_only_and_not_that_a_right_is_missing(disks: Disks) -> None:
    disks.tick()
    disks.remount("tmp", "ro")
    checked = disks.tick("--check")
    assert f"{disks.inner(disks.tmp)}/mod cannot be written: its disk is read-only" in checked.out
    assert "chmod u+wx" not in checked.out


@pytest.mark.parametrize("fault", [full_tmp, no_space_for_the_lock])
def test_check_says_that_a_disk_is_full(disks: Disks, fault: Callable[[Disks], Faults]) -> None:
    disks.tick()
    fault(disks)
    checked = disks.tick("--check")
    assert (
        f"TO DO  memory: {disks.inner(disks.tmp)}/domo_memory.json cannot be written: its disk is full"
        in checked.out
    )
    assert "ok     journal" in checked.out


def _zeroed(content: bytes) -> bytes:
    """What was never written to the card, though its size was."""
    return bytes(len(content))


def _headless(content: bytes) -> bytes:
    """The first page was not written."""
    return bytes(4096) + content[4096:]


def _halved(content: bytes) -> bytes:
    """The end was not written."""
    return content[: len(content) // 2]


def _rotten(content: bytes) -> bytes:
    """Pages that belong to other files."""
    return content[:8192] + b"\xa5" * 16384 + content[24576:]


@pytest.mark.parametrize(
    "damage", [_zeroed, _headless, _halved, _rotten], ids=lambda damage: damage.__name__[1:]
)
def test_a_journal_that_a_power_cut_damaged_is_set_aside(
    disks: Disks, damage: Callable[[bytes], bytes]
) -> None:
    """What was in /tmp is gone too. It is said under which name it is, whole; a new one is begun, from
    which the owner's next force comes back after the next restart."""
    house, journal = disks.house, disks.root / "journal.sqlite3"
    house.script(STAYS, ORDER.format("on"))
    house.set_modes({1: 3, 2: 1, 3: 1, 4: 1, 5: 1})
    told(disks.tick())
    assert disks.journal()
    with contextlib.closing(sqlite3.connect(house.journal_file)) as base, base:
        rows = [(4, "E", number % 2, 1_700_000_000 + number, "x" * 40) for number in range(2000)]
        base.executemany(
            "INSERT INTO relay (relay_number, info, valeur, date, event) VALUES (?, ?, ?, ?, ?)", rows
        )
    damaged = damage(house.journal_file.read_bytes())

    journal.write_bytes(damaged)
    _restart(disks)
    ran = disks.tick()
    assert ran.code == 1
    (said,) = [line for line in ran.err.splitlines() if "set aside as" in line]
    (aside,) = disks.root.glob("journal.sqlite3.corrupt-*")
    assert said.endswith(f"; set aside as {disks.inner(aside)}, a new one is begun")
    assert ran.err.splitlines() == [said] and "earlier switches and forces are lost" in said
    assert aside.read_bytes() == damaged
    assert house.on == {STAYS}
    told(disks.tick())

    house.set_modes({1: 1, 2: 2, 3: 3, 4: 1, 5: 1})
    told(disks.tick())
    _restart(disks)
    told(disks.tick())
    assert (house.on, house.modes[3]) == ({STAYS, 3}, 3)


def _restart(disks: Disks) -> None:
    """What was in /tmp is gone, and every pin is an input."""
    for file in disks.tmp.glob("[!d]*"):
        file.unlink()
    for file in disks.tmp.glob("domo_*"):
        file.unlink()
    disks.house.pin_file.unlink()
