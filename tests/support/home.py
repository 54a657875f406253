"""A home where everything goes wrong that can, and a model that knows what truly happened in it.

What time, PvMonit, the owner, other programs, the disk and the mains may do is marked with `happens`. After
every tick all invariants are checked against the model, by a time that never jumps. Who drives it chooses
what happens: hypothesis (tests/property/test_invariants.py), or chance, for long (tools/trust.py).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from domo.core.model import AUTO_OFF, AUTO_ON, FORCED, FORCED_ON
from support import hung_disk
from support.model import World

RELAYS = (1, 2, 3, 4)
INTRUDER = 5  # its script edits the mode file while the tick runs
NO_DATA, FROZEN, EXPIRES, HOUR, DAY = 600, 1800, 500, 3600, 86400  # s, as configured by default
CRON = 54  # s; of scriptExecInterval, because cron is some seconds early or late

FREE: dict[str, Any] = {}
LIMITED: dict[str, Any] = {
    "relayPriority": [3, 1],
    "relayWatt": {1: 600, 2: 500, 3: 300},
    "maxWatt": 1000,
    "floor": {"SOC": 60},
    "limits": {
        1: {"minOn": 300, "minOff": 120},
        2: {"maxStartsPerHour": 2, "minOff": 120},
        3: {"maxOnPerDay": 600, "minOn": 120},
    },
}

GOOD = {
    word: f'def decide(relay, data):\n    return relay.{word}("{word}")\n' for word in ("on", "off", "keep")
}
BAD = {
    "raises": 'def decide(relay, data):\n    return relay.on(data["nothing"])\n',
    "leaves": "import os\ndef decide(relay, data):\n    os._exit(0)\n",
    "dies": "import os\ndef decide(relay, data):\n    os.kill(os.getpid(), 9)\n",
    "answers nonsense": "def decide(relay, data):\n    return 3\n",
    "does not compile": "def decide(relay, data:\n",
    "open to all": GOOD["on"],
}
HANGS = "import time\ndef decide(relay, data):\n    time.sleep(60)\n"
INTRUSION = """import os
def decide(relay, data):
    if {rename}:
        os.rename({prepared!r}, {modes!r})
    else:
        with open({modes!r}, "w") as file:
            file.write(open({prepared!r}).read())
        os.unlink({prepared!r})
    return relay.off("done")
"""

BOTH = (False, True)
GARBAGE: tuple[str, ...] = ("", "{", '{"1":3', "[]", "null", '{"1":3,}', "1:3", "\x00\x00")
GARBAGE += ('{"1":NaN}', '{"1":1}{"1":3}', '{"1":3,"note":1e999}', '{"1":3,"\\ud800":1}')
TWICE = ('{"1":1,"2":3,"2":1,"3":0,"3":2}', '{"1":"0","2":"1","4":"3","1":"2","note":"1"}')
ODD = ('{"1":"3","2":true,"3":7,"4":null}', '{"1":3,"2":[0],"3":2.0,"4":-1,"note":"mine"}')
MEMORIES = {
    "empty": b"",
    "torn": b'{"version":1,"boot":"boot 1",',
    "other": b'{"version":0}',
    "binary": b"\xff\x00",
}
JOURNALS = {"empty": b"", "torn": b"SQLite format 3\x00" + 90 * b"\xa5", "other": 5000 * b"no database\n"}

Event = Any  # a method of Home that `happens` marked
Document = dict[str, Any] | str  # of the mode file; or "missing", or "garbage"
Modes = dict[int, int | None]  # None: no mode
States = dict[int, bool]


def happens(
    when: Callable[[Any], object] = lambda home: True, **choices: Sequence[object]
) -> Callable[[Event], Event]:
    """Marks what may happen in a home, `when` it can, and what each argument may be."""

    def mark(event: Event) -> Event:
        event.when, event.choices = when, choices
        return event

    return mark


class Home:
    """What can happen in a home, and what must hold in it."""

    folder: Path

    @classmethod
    def events(cls) -> dict[str, Event]:
        """All that may happen, by name, once it has begun."""
        return {
            name: event for name, event in vars(Home).items() if hasattr(event, "choices") and name != "begin"
        }

    @happens(limited=BOTH, journal=(True, True, True, False))
    def begin(self, limited: bool, journal: bool) -> None:
        self.settings = LIMITED if limited else FREE
        self.priority = (3, 1, 2, 4) if limited else RELAYS
        self.journal = journal
        self.world = World(
            self.folder / "home", self.settings if journal else {**self.settings, "dbFile": False}
        )
        self.feed, self.soc, self.volts = "moving", "97", 24_000
        self.stamp: int | None = None  # of the data file; None when it holds nothing
        self.written = 0
        self.values: tuple[int | None, int] = (None, 0)
        self.scripts: dict[int, str] = {}
        self.copy = ""  # what an editor that stays open shows
        self.intrusion: str | None = None
        self.blocked: set[str] = set()
        # What truly happened.
        self.switches: dict[int, list[tuple[int, bool]]] = {relay: [] for relay in RELAYS}
        self.cut: dict[int, tuple[int, bool]] = {}  # switches by a power cut that no tick has noticed
        self.off_since: dict[int, int] = {}  # when that truly was; of use while `cut` has it
        self.noticed: dict[tuple[int, int], int] = {}  # those that one has, and when
        self.forgotten = -9 * DAY  # nobody can know what was before
        self.auto_on: int | None = None
        self.support: dict[int, int] = {}
        self.data_at: int | None = None
        self.same: tuple[object, int] = ((), 0)  # the values, and since when they are
        # What a tick can know of it.
        self.lost = True  # there is no memory
        self.saved_at = 0  # when the last tick saved it
        self.ahead = 0  # s by which the wall clock was set since then
        self.complete = True  # the journal has everything
        self.jumped = False  # the wall clock has
        self.doubt_at = -9 * DAY  # when something happened that no tick can know truly
        self.known: dict[int, int | None] = {}  # the last modes
        self.unsure: set[int] = set()  # relays whose mode somebody changed while the last tick ran
        self.ours: set[int] = set()  # relays whose 2 a tick wrote
        self.perhaps_ours: set[int] = set()
        self.until: dict[int, tuple[int, int]] = {}  # forces that end by themselves: mode, and when
        self.perhaps_until: dict[int, int] = {}  # those of which nobody can say when a tick will end them
        self.ended: set[int] = set()  # whose force the last tick had to end
        self.hangs = False  # whether the last script does
        self.killed = False  # whether the last tick was
        self.remains = False  # whether a killed one may have left a file
        self.settled = False  # nothing has happened since the last tick
        for relay in RELAYS[:3]:
            self.owner_programs(relay, "on")
        self.minutes(1)

    # -- time and power --

    @happens(count=(1, 2, 3, 4))
    def minutes(self, count: int) -> None:
        """Cron runs, every minute."""
        for _ in range(count):
            self.wait(60)

    @happens(seconds=(5, 30, CRON, 120, 240, EXPIRES, EXPIRES + 1, NO_DATA, FROZEN, HOUR, DAY))
    def wait(self, seconds: int) -> None:
        """No cron for a while, then a tick."""
        self.world.wait(seconds)
        self.pvmonit()
        self.tick()

    @happens(by=(-DAY, -HOUR, -2, 2, HOUR, DAY, None))
    def clock_jumps(self, by: int | None) -> None:
        self.settled = False
        wall = 0 if by is None else max(0, self.world.wall + by)
        self.ahead += wall - self.world.wall
        self.world.wall = wall
        self.jumped = True

    @happens(
        down=(0, 90, NO_DATA, DAY),
        clock=("right", "right", "stood still", "1970", "ahead"),
        tmpfs=BOTH,
        driven=BOTH,
    )
    def power_cut(self, down: int, clock: str, tmpfs: bool, driven: bool) -> None:
        """The relays are off from then on. To a tick no time went by from when the memory was saved until the
        machine started again: the Pi has no clock chip, and nothing ran in between."""
        self.settled = False
        cut = self.world.now
        wall = {"right": None, "stood still": self.world.wall, "1970": 0, "ahead": self.world.wall + 9 * DAY}[
            clock
        ]
        right = self.world.wall + down + 30
        self.world.reboot(down, wall, driven)
        started = self.world.now - self.world.up
        if clock == "right" and self.ahead:  # but it was set since the memory was saved
            clock = "ahead" if self.ahead > 0 else "1970"
        self.ahead += self.world.wall - right
        for relay in RELAYS:
            row = self.switches[relay]
            if row and row[-1] == self.cut.get(relay):
                row.pop()
            else:
                self.off_since.pop(relay, None)
            if row and row[-1][1]:
                truly = self.off_since.setdefault(relay, cut)
                self.cut[relay] = (started if clock == "right" else truly, False)
                row.append(self.cut[relay])
        if clock != "right":
            self.perhaps_until |= {relay: mode for relay, (mode, _) in self.until.items()}
            self.until = {}
            self.jumped, self.doubt_at = True, self.world.now

            def to_a_tick(moment: int) -> int:
                return moment + started - max(moment, self.saved_at)

            # By a clock that is days ahead, nothing has moved for days.
            self.same = (self.same[0], -9 * DAY if clock == "ahead" else to_a_tick(self.same[1]))
            self.data_at = None if self.data_at is None else to_a_tick(self.data_at)
        if clock == "ahead":
            self.forget()
        if tmpfs:
            for path in (
                self.world.modes,
                self.world.states,
                self.world.memory,
                self.world.lock,
                self.world.data,
            ):
                remove(path)
            self.blocked -= {"states", "memory", "lock"}
            self.lost, self.stamp = True, None

    @happens(call=range(1, 2000))
    def tick_is_killed(self, call: int) -> None:
        """A minute later, before that call of anything outside the interpreter."""
        self.world.wait(60)
        self.pvmonit()
        self.look()
        if self.world.killed_tick(call):
            self.check_killed()
        else:
            self.check()

    # -- PvMonit --

    @happens(feed=("moving", "moving", "moving", "silent", "repeats", "ahead", "late"))
    def pvmonit_feeds(self, feed: str) -> None:
        """As it should; nothing; the last values for ever, with new dates; dates in the future; old dates."""
        self.feed = feed

    @happens(soc=("97", "60", "59", "---", ""))
    def battery_is(self, soc: str) -> None:
        self.soc = soc

    def pvmonit(self) -> None:
        """What PvMonit does before a tick."""
        if self.feed == "silent":
            return
        if self.feed == "moving":
            self.volts += 10
        self.written = self.world.wall
        self.stamp = self.world.wall + {"ahead": 60, "late": -EXPIRES - 1}.get(self.feed, 0)
        self.values = (int(self.soc) if self.soc.isdigit() else None, self.volts)
        self.world.publish(self.stamp, SOC=self.soc, V=self.volts / 1000)

    @happens(text=("", "<devices><device", "<html>502</html>", "<devices/>", None))
    def data_file_is(self, text: str | None) -> None:
        """Empty, torn, an error page, or gone, until PvMonit feeds again."""
        self.settled = False
        self.feed, self.stamp = "silent", None
        remove(self.world.data)
        if text is not None:
            self.world.write_data(text)

    @happens(ticks=(1, 1, 2), when=lambda home: hung_disk.possible())
    def data_file_hangs(self, ticks: int) -> None:
        """Its disk answers no more for some minutes; then PvMonit has a new one."""
        self.settled = False
        place = self.folder / "disk"
        place.mkdir(exist_ok=True)
        (place / "data.xml").touch()
        remove(self.world.data)
        self.world.data.symlink_to(place / "data.xml")
        with hung_disk.HungDisk(place) as disk:
            feed, self.feed, self.stamp = self.feed, "silent", None
            disk.hang()
            self.minutes(ticks)
        remove(self.world.data)
        self.feed = feed

    # -- the owner, and other programs --

    @happens(relay=RELAYS, kind=("on", "on", "on", "off", "keep", *BAD, ""))
    def owner_programs(self, relay: int, kind: str) -> None:
        """A script is written, or taken away."""
        self.settled = False
        self.world.script(relay, GOOD.get(kind) or BAD.get(kind), 0o666 if kind == "open to all" else 0o644)
        self.scripts.pop(relay, None)
        if kind:
            self.scripts[relay] = kind

    def edited(self, relay: int, mode: int) -> str:
        """The mode file's text after somebody set a relay in it."""
        document = self.world.document()
        document = document if isinstance(document, dict) else {}
        return json.dumps({**document, str(relay): mode}, indent=2 if "note" in document else None)

    @happens(relay=RELAYS, mode=(0, 3, 3, 1), by_rename=BOTH)
    def owner_forces(self, relay: int, mode: int, by_rename: bool) -> None:
        self.settled = False
        self.world.write_modes(self.edited(relay, mode), by_rename)

    @happens(relay=RELAYS, mode=(0, 3), seconds=(60, 90, NO_DATA, 2 * HOUR))
    def owner_forces_for(self, relay: int, mode: int, seconds: int) -> None:
        """By domo-mod, which runs a tick."""
        fault = self.world.force_for(relay, mode, seconds)
        self.settled = False
        if not fault:
            self.until[relay] = mode, self.world.now + seconds
            self.perhaps_until.pop(relay, None)
        self.tick()

    @happens(relay=RELAYS, mode=(0, 3, 1), by_rename=BOTH, when=lambda self: not self.world.full)
    def owner_forces_while_a_tick_runs(self, relay: int, mode: int, by_rename: bool) -> None:
        self.intrusion = self.edited(relay, mode)
        prepared = self.world.folder / "prepared"
        prepared.write_text(self.intrusion)
        self.world.script(
            INTRUDER, INTRUSION.format(rename=by_rename, prepared=str(prepared), modes=str(self.world.modes))
        )
        self.minutes(1)
        self.world.script(INTRUDER, None)
        remove(prepared)

    @happens()
    def a_script_hangs(self) -> None:
        """The last one, in one tick."""
        self.hangs = True
        self.world.script(INTRUDER, HANGS)
        self.minutes(1)
        self.world.script(INTRUDER, None)
        self.hangs = self.settled = False

    @happens(relay=RELAYS, mode=(1, 2, 2), by_rename=BOTH)
    def program_orders(self, relay: int, mode: int, by_rename: bool) -> None:
        """PvMonit's contract for home-made scripts: another program writes 1 or 2."""
        self.settled = False
        self.world.write_modes(self.edited(relay, mode), by_rename)

    @happens()
    def editor_opens(self) -> None:
        if isinstance(self.world.document(), dict):
            self.copy = self.world.modes.read_text()

    @happens(by_rename=BOTH, when=lambda self: self.copy)
    def editor_saves(self, by_rename: bool) -> None:
        """What it shows, however old that is."""
        self.settled = False
        self.world.write_modes(self.copy, by_rename)

    @happens(text=(*GARBAGE, *ODD, *TWICE), by_rename=BOTH)
    def owner_slips(self, text: str, by_rename: bool) -> None:
        self.settled = False
        self.world.write_modes(text, by_rename)

    @happens(directory=BOTH)
    def mode_file_goes(self, directory: bool) -> None:
        self.settled = False
        remove(self.world.modes)
        if directory:
            self.world.modes.mkdir()

    # -- the disk --

    @happens(how=("deleted", *MEMORIES))
    def memory_goes(self, how: str) -> None:
        self.settled = False
        self.blocked.discard("memory")
        remove(self.world.memory)
        if how in MEMORIES:
            self.world.memory.write_bytes(MEMORIES[how])
        self.lost = True

    @happens(how=("deleted", *JOURNALS))
    def journal_goes(self, how: str) -> None:
        self.settled = False
        self.blocked.discard("journal")
        remove(self.world.journal)
        if how in JOURNALS:
            self.world.journal.write_bytes(JOURNALS[how])
        self.complete = False

    @happens(name=("states", "memory", "lock", "journal"))
    def something_stands_in_the_way(self, name: str) -> None:
        """A folder, where the file should be."""
        self.settled = False
        path = getattr(self.world, name)
        remove(path)
        path.mkdir()
        self.blocked.add(name)
        self.lost = self.lost or name == "memory"
        self.complete = self.complete and name != "journal"

    @happens(when=lambda self: self.blocked)
    def the_way_is_cleared(self) -> None:
        self.settled = False
        for name in self.blocked:
            remove(getattr(self.world, name))
        self.blocked = set()

    @happens()
    def disk_fills_or_has_room_again(self) -> None:
        self.settled = False
        self.world.full = not self.world.full

    # -- a tick, and what must hold after it --

    def tick(self) -> None:
        self.look()
        self.world.tick()
        self.check()

    def look(self) -> None:
        """What is before a tick."""
        self.killed = False
        self.before, self.text = self.world.document(), read(self.world.modes)
        self.was = self.world.on
        self.broken = self.journal_is_broken()
        self.unknown = self.lost and self.journal and "journal" in self.blocked
        self.saves = not (self.world.full or "memory" in self.blocked or self.unknown)
        self.had_data, self.had_same = self.data_at, self.same
        self.stamp_before = self.memory_stamp()
        if self.lost:
            self.go_by_the_journal()

    def see(self) -> None:
        """What is after it."""
        self.after: Document = self.world.document()
        self.on = self.world.on
        self.touched = self.intruded()
        self.modes = self.in_force(self.before)
        self.end_forces()
        self.usable = self.watch_the_data()
        doubtful = self.perhaps_until.keys() | (
            self.unsure if not isinstance(self.before, dict) else self.unsure - {*map(int_or_0, self.before)}
        )
        self.certain = [relay for relay in RELAYS if relay not in self.touched and relay not in doubtful]
        self.auto = [relay for relay in self.certain if self.modes[relay] in (AUTO_OFF, AUTO_ON)]
        self.started = [relay for relay in self.auto if self.on[relay] and not self.was[relay]]

    def check(self) -> None:
        """What holds after a tick."""
        self.see()
        self.the_force_wins()
        self.on_needs_a_reason()
        self.nothing_written_is_lost()
        self.files_say_what_is()
        self.one_switch_on_at_a_time()
        self.limits_hold()
        self.nothing_lies_in_the_future()
        self.no_glitch()
        self.off_needs_a_reason()
        self.faults_are_told()
        self.learn()

    def check_killed(self) -> None:
        """What holds after one that was killed: each file is old or new, each pin as it was or as it shall
        be, and what was switched on is remembered."""
        self.killed, self.remains = True, True
        self.saves = self.saves and self.memory_stamp() != self.stamp_before
        self.see()
        for relay in self.certain:
            if self.on[relay] and not self.was[relay]:
                assert self.modes[relay] in (FORCED_ON, AUTO_OFF, AUTO_ON)
            if self.was[relay] and not self.on[relay]:
                assert self.modes[relay] != FORCED_ON
        self.on_needs_a_reason()
        self.nothing_written_is_lost()
        if self.world.states.is_file():
            assert isinstance(json.loads(self.world.states.read_text()), dict)
        self.one_switch_on_at_a_time()
        self.limits_hold()
        self.nothing_lies_in_the_future()
        self.no_glitch()
        self.learn()
        self.learn_of_the_kill()

    @happens(when=lambda self: self.settled)
    def tick_again(self) -> None:
        """8. Run twice in a row it changes nothing the second time."""
        before = self.lasting()
        self.world.tick()
        assert self.world.pins.events == []
        assert self.lasting() == before

    def lasting(self) -> list[object]:
        files = [
            (path.lstat().st_ino, read(path))
            for path in (self.world.modes, self.world.states)
            if path.exists()
        ]
        return [files, self.world.on, self.world.rows()]

    def the_force_wins(self) -> None:
        """1, 12. The pin of a forced relay follows, whatever else is broken; and where nobody can say
        what is wanted, it is off."""
        for relay in self.certain:
            if self.modes[relay] in FORCED:
                assert self.on[relay] == (self.modes[relay] == FORCED_ON)
            if self.modes[relay] is None:
                assert not self.on[relay]
        if self.journal and not (self.world.full or self.broken or "journal" in self.blocked):
            journaled = self.world.journaled_modes()
            for relay in self.certain:
                if relay in self.ended:
                    assert journaled.get(relay) not in FORCED
                elif self.modes[relay] in FORCED or (self.modes[relay] and journaled.get(relay) in FORCED):
                    assert journaled[relay] == self.modes[relay], (
                        "a force comes back after a reboot, and no other"
                    )

    def on_needs_a_reason(self) -> None:
        """2, 4. A relay in auto is on only while a fresh order supports it."""
        for relay in self.started if self.killed else self.auto:
            if not self.on[relay]:
                continue
            order, was = self.order(relay), self.was[relay]
            within_min_on = self.on_for(relay) < self.limit(relay, "minOn")
            if relay in self.scripts:
                assert (
                    order == "on"
                    or (order == "keep" and was)
                    or (order == "off" and was and within_min_on)
                    or (not order and was and self.supported(relay))
                )
            else:
                ours = self.modes[relay] == AUTO_ON and was and self.supported(relay)
                others = self.with_data() and (self.modes[relay] == AUTO_ON or (was and within_min_on))
                assert (ours and relay in self.ours | self.perhaps_ours) or (
                    others and relay not in self.ours
                )

    def nothing_written_is_lost(self) -> None:
        """3. What the owner wrote stands, to the letter where it does not parse."""
        before = json.loads(self.intrusion or "") if self.touched else self.before
        if before == "garbage":
            assert (self.after, read(self.world.modes)) == ("garbage", self.text)
        if isinstance(before, dict):
            assert isinstance(self.after, dict)
            for key, value in before.items():
                mode = mode_in(value) if key in ("1", "2", "3", "4", "5") else None
                if int_or_0(key) in {*self.ended, *self.perhaps_until}:
                    assert mode_in(self.after[key]) in (mode, AUTO_OFF, AUTO_ON)
                elif mode in (AUTO_OFF, AUTO_ON):
                    assert mode_in(self.after[key]) in (AUTO_OFF, AUTO_ON)
                elif mode is not None:
                    assert mode_in(self.after[key]) == mode
                else:
                    assert json.dumps(self.after[key]) == json.dumps(value)
        if before == "missing" and not (self.world.full or self.unknown or self.killed):
            assert isinstance(self.after, dict)
            for relay in self.certain:
                forced = self.modes[relay] in FORCED
                assert self.after[str(relay)] in ((self.modes[relay],) if forced else (AUTO_OFF, AUTO_ON))

    def files_say_what_is(self) -> None:
        """4. The state file says the pins. An auto mode says the state, unless another program wrote it."""
        if self.world.full:
            return
        if "states" not in self.blocked:
            assert json.loads(self.world.states.read_text()) == {
                str(relay): int(on) for relay, on in self.on.items()
            }
        if not isinstance(self.after, dict) or "memory" in self.blocked:
            return
        for relay in self.auto:
            mode, state = mode_in(self.after[str(relay)]), AUTO_ON if self.on[relay] else AUTO_OFF
            if relay in self.scripts or relay in self.ours or not self.with_data():
                assert mode == state or (self.touched and state == AUTO_OFF)
            elif relay not in self.perhaps_ours:
                assert mode == self.modes[relay]

    def one_switch_on_at_a_time(self) -> None:
        """5, 12. None when the past cannot be read, or what is done cannot be remembered."""
        assert len(self.started) <= 1
        if self.started:
            assert self.auto_on is None or self.world.now - self.auto_on >= CRON
            assert self.saves

    def limits_hold(self) -> None:
        """6, 9. Whatever a script says, and by the time that truly went by."""
        for relay in self.started if self.killed else self.auto:
            if self.on[relay]:
                assert not self.below_floor()
                assert not self.worn_out(relay)
        for relay in self.started:
            assert not self.may_not_start(relay)
        loads = {relay for relay in RELAYS if self.on[relay] and self.watts([relay])}
        if self.watts(loads) > self.settings.get("maxWatt", 10**9) and not self.killed:
            assert not loads & {*self.auto}

    def nothing_lies_in_the_future(self) -> None:
        """9. No age that a tick remembers is negative."""
        if self.saves:
            saved = json.loads(self.world.memory.read_text())
            ages = [age for row in saved["history"].values() for age, _ in row]
            ages += [
                *saved["auto_on"].values(),
                *saved["support"].values(),
                saved["data"] or 0,
                saved["frozen"][1],
            ]
            assert min(ages) >= 0

    def no_glitch(self) -> None:
        """7. A pin changes once at most, and has its level before it is an output."""
        forced_twice = {World.PINS[relay] for relay in self.touched}  # before and after its owner changed it
        touched = [pin for pin, _ in self.world.pins.events if pin not in forced_twice]
        assert len(touched) == len(set(touched))
        assert None not in [level for _, level in self.world.pins.events]
        assert self.killed or set(self.world.pins.levels) == set(World.PINS.values())

    def off_needs_a_reason(self) -> None:
        """9. Nothing is off because of a jump, an event in the future, or a fault that is over."""
        if not self.saves:
            return
        turn = not self.touched and (self.auto_on is None or self.world.now - self.auto_on >= CRON)
        for relay in filter(self.sure, self.auto):
            by_others = self.modes[relay] == AUTO_ON and relay not in {
                *self.scripts,
                *self.ours,
                *self.perhaps_ours,
            }
            order = "on" if by_others and self.usable else self.order(relay)
            staying = {other for other in RELAYS if self.on[other]} | {relay}
            no_room = self.watts([relay]) and self.watts(staying) > self.settings.get("maxWatt", 10**9)
            if order not in ("on", "keep") or self.below_floor() or self.worn_out(relay) or no_room:
                continue
            if self.was[relay]:
                assert self.on[relay]
            elif order == "on" and turn and not self.may_not_start(relay):
                first = self.started[0] if self.started else relay
                assert self.started and self.priority.index(first) <= self.priority.index(relay)

    def faults_are_told(self) -> None:
        """12. What is wrong is said, with its file; and nothing is said when nothing is wrong."""
        said, world = self.world.said, self.world
        faults = {world.memory: world.full and not self.unknown} | {
            getattr(world, name): True for name in self.blocked
        }
        faults[world.journal] = self.unknown
        faults[world.modes] = self.before == "garbage"
        for path, wrong in faults.items():
            assert str(path) in said or not wrong
        odd = isinstance(self.before, dict) and (None in self.modes.values() or self.oddly_written())
        bad_scripts = (
            self.intrusion is not None or self.hangs or any(kind in BAD for kind in self.scripts.values())
        )
        wrong = any(faults.values()) or odd or bad_scripts or not self.usable or self.broken or self.lost
        assert wrong or (world.code, said) == (0, ""), said
        assert world.code in (0, 1) and "relays that are not forced are off" not in said, said
        expected = {
            "mod",
            "mod.lock",
            "etat",
            "m_memory.json",
            "m_tick.lock",
            "data.xml",
            "scripts",
            "config.yaml",
            "m_today.csv",
            "m_record.kept",
            "history",
        }
        found = {path.name for path in world.folder.iterdir() if not path.name.startswith("journal")}
        found -= {name for name in found if self.remains and ".domo-" in name}
        found -= {name for name in found if re.fullmatch(r"m_\d{4}-\d\d-\d\d\.csv", name)}  # for `history`
        assert found - expected <= {"prepared"}

    # -- the model --

    def in_force(self, document: Document) -> Modes:
        """The modes that a tick has to go by."""
        if document == "garbage":
            return {relay: self.known.get(relay) for relay in RELAYS}
        found: Modes = {}
        for relay in RELAYS:
            fallback = self.known[relay] if self.known.get(relay) in FORCED else AUTO_OFF
            value = document.get(str(relay), fallback) if isinstance(document, dict) else fallback
            found[relay] = mode_in(value)
        return found

    def oddly_written(self) -> bool:
        """Whether a name stands in the mode file more than once, or a mode in quotes."""
        pairs = json.loads(self.text or b"", object_pairs_hook=list)
        texts = [key for key, value in pairs if key.isdigit() and isinstance(value, str)]
        return bool(texts) or len(dict(pairs)) < len(pairs)

    def intruded(self) -> set[int]:
        """The relays whose mode was changed while the tick ran."""
        if self.intrusion is None or (self.world.folder / "prepared").exists():
            return set()
        document = json.loads(self.intrusion)
        before = self.before if isinstance(self.before, dict) else {}
        written = {relay: json.dumps(document.get(str(relay))) for relay in RELAYS}  # True == 1 in Python
        return {r for r in RELAYS if written[r] != json.dumps(before.get(str(r), -1))}

    def end_forces(self) -> None:
        """Lets the forces end whose time is over, as long as they still stand: in auto from now on."""
        now = self.world.now
        self.ended = set()
        for relay, (mode, end) in [*self.until.items()]:
            if self.modes[relay] != mode:
                if self.saves:
                    del self.until[relay]
            elif now >= end and self.before != "garbage":
                self.ended.add(relay)
                self.modes[relay] = AUTO_OFF
        for relay, mode in [*self.perhaps_until.items()]:
            if self.modes[relay] != mode and self.saves:
                del self.perhaps_until[relay]

    def memory_stamp(self) -> tuple[int, int] | None:
        """What changes whenever the memory is written."""
        if not self.world.memory.is_file():
            return None
        info = self.world.memory.stat()
        return info.st_ino, info.st_mtime_ns

    def fresh(self) -> tuple[int | None, int] | None:
        """The values that are no older than they may be."""
        wall = self.world.wall
        if self.stamp is None or wall - self.written > EXPIRES or not -5 <= wall - self.stamp <= EXPIRES:
            return None
        return self.values

    def watch_the_data(self) -> bool:
        """10. Whether scripts may run on the data: fresh, complete, and not the same for too long."""
        values = self.fresh()
        if values and values != self.same[0]:
            self.same = (values, self.world.now)
        usable = values is not None and values[0] is not None and self.world.now - self.same[1] < FROZEN
        if usable:
            self.data_at = self.world.now
        return usable

    def with_data(self) -> bool:
        return self.data_at is not None and self.world.now - self.data_at < NO_DATA

    def order(self, relay: int) -> str:
        """The good order of its script, "" if there is none."""
        return self.scripts[relay] if self.usable and self.scripts.get(relay) in GOOD else ""

    def supported(self, relay: int) -> bool:
        """Whether the last good order that wanted it on is recent enough."""
        return relay in self.support and self.world.now - self.support[relay] < NO_DATA

    def limit(self, relay: int, name: str) -> int:
        return int(self.settings.get("limits", {}).get(relay, {}).get(name, 0))

    def on_for(self, relay: int) -> int:
        """For how long it is on, as far as anybody can know."""
        return self.world.now - max([self.forgotten, *(at for at, _ in self.switches[relay])])

    def ran(self, relay: int) -> int:
        """How long it was on in the last day."""
        total, start = 0, None
        for at, on in [*self.switches[relay], (self.world.now, False)]:
            if not on and start is not None:
                total += max(0, at - max(start, self.world.now - DAY, self.forgotten))
            start = at if on else None
        return total

    def worn_out(self, relay: int) -> bool:
        return 0 < self.limit(relay, "maxOnPerDay") <= self.ran(relay)

    def may_not_start(self, relay: int) -> bool:
        recent = [(at, on) for at, on in self.switches[relay] if at >= self.forgotten]
        if recent and self.world.now - recent[-1][0] < self.limit(relay, "minOff"):
            return True
        starts = sum(on and self.world.now - at < HOUR for at, on in recent)
        return 0 < self.limit(relay, "maxStartsPerHour") <= starts

    def watts(self, relays: Iterable[int]) -> int:
        return sum(self.settings.get("relayWatt", {}).get(relay, 0) for relay in relays)

    def below_floor(self) -> bool:
        values = self.fresh()
        return "floor" in self.settings and values is not None and values[0] is not None and values[0] < 60

    def journal_is_broken(self) -> bool:
        """Whether there is one that is none."""
        content = read(self.world.journal)
        whole = (
            content is None
            or content == b""
            or (content.startswith(b"SQLite format 3\0") and len(content) > 200)
        )
        return self.journal and ("journal" in self.blocked or not whole)

    def go_by_the_journal(self) -> None:
        """The memory is gone: what the journal has is all that a tick can know."""
        known = self.world.journaled_modes()
        self.known = {**known}
        timed = self.world.journaled_ends()
        self.perhaps_until |= {r: known[r] for r in timed if r not in self.until}
        self.unsure = set()
        self.ours, self.perhaps_ours = set(), set(RELAYS)
        self.data_at = self.had_data = None
        self.same = self.had_same = ((), 0)
        for relay, row in self.switches.items():  # the journal dates what a tick found by that tick
            self.switches[relay] = [(self.noticed.get((relay, at), at), on) for at, on in row]
        self.perhaps_until |= {relay: mode for relay, (mode, _) in self.until.items()}
        self.until = {}
        if self.jumped or not (self.journal and self.complete):
            self.forget()
            self.auto_on = None

    def forget(self) -> None:
        self.forgotten = self.doubt_at = self.world.now

    def sure(self, relay: int) -> bool:
        """Whether a tick knows all that truly happened, for as long as it counts for this relay."""
        counts = DAY if self.limit(relay, "maxOnPerDay") else 2 * HOUR
        return self.world.now - self.doubt_at > counts

    def learn(self) -> None:
        """What this tick adds to what truly happened, and to what the next can know."""
        now = self.world.now
        writable = self.journal and not (self.world.full or self.broken)
        for relay in RELAYS:
            if relay in self.cut and not (self.killed and not self.saves):
                self.noticed[relay, self.cut.pop(relay)[0]] = now
            if self.on[relay] != self.was[relay]:
                old = [at for at, _ in self.switches[relay] if now - at > 2 * DAY]
                self.switches[relay] = [*self.switches[relay][max(0, len(old) - 1) :], (now, self.on[relay])]
                self.complete = self.complete and writable
            if self.on[relay] and not self.was[relay] and relay not in self.certain:
                self.doubt_at = now
        for relay in RELAYS:
            if self.order(relay) == "on" or (self.order(relay) == "keep" and self.was[relay]):
                self.support[relay] = now
            elif (
                relay not in {*self.scripts, *self.ours} and self.modes[relay] == AUTO_ON and self.with_data()
            ):
                self.support[relay] = self.data_at or 0
        if self.started:
            self.auto_on = now
        self.let_ended_forces_go()
        self.settled = not self.touched and not self.killed
        self.intrusion = None
        if self.saves:
            self.lost, self.saved_at, self.ahead = False, now, 0
            self.known.update({r: m for r, m in self.modes.items() if m is not None})
            if isinstance(self.after, dict):
                self.known.update({r: mode_in(self.after[str(r)]) for r in self.auto if str(r) in self.after})
            elif self.after == "garbage":  # what a tick cannot write it remembers
                decided = {*self.auto} & {*self.scripts, *self.ours}
                self.known.update({r: AUTO_ON if self.on[r] else AUTO_OFF for r in decided})
            self.unsure = self.touched | (set(RELAYS) - set(self.certain))
            twos = {r for r in self.auto if self.known[r] == AUTO_ON}
            self.ours = twos & {*self.scripts, *self.ours}
            self.perhaps_ours = {r for r in self.perhaps_ours if self.known.get(r) == AUTO_ON} | self.touched
        else:
            self.data_at = self.had_data
            self.same = self.had_same
            if self.on != self.was or "memory" not in self.blocked:
                self.doubt_at = now
            if self.world.full:
                self.forget()

    def let_ended_forces_go(self) -> None:
        """A force that has ended is over once the mode file says so, and a tick remembers that."""
        after = self.after if isinstance(self.after, dict) else {}
        for relay in self.ended:
            if mode_in(after.get(str(relay))) == self.until[relay][0]:
                continue  # it could not be written yet
            mode, _ = self.until.pop(relay)
            if self.killed or not self.saves:
                self.perhaps_until[relay] = mode

    def learn_of_the_kill(self) -> None:
        """The memory is written before anything is done: what it says may have been done, or not."""
        self.unsure = set(RELAYS)
        twos = {relay for relay in RELAYS if self.known.get(relay) == AUTO_ON}
        self.perhaps_ours |= {*self.ours, *self.scripts} | twos
        self.ours = set()
        self.complete = False
        self.doubt_at = self.world.now


def mode_in(value: object) -> int | None:
    """The mode that a value of the mode file is; PHP writes them as text too."""
    if isinstance(value, str) and value in ("0", "1", "2", "3"):
        return int(value)
    return value if type(value) is int and value in range(4) else None


def int_or_0(key: str) -> int:
    return int(key) if key.isdigit() else 0


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
