"""Many at once: ticks by the dozen, one that somebody stopped, the panel and domo-mod beside them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from domo.core.model import Now
from support.house import PROJECT, Clock, House, until

pytestmark = pytest.mark.timing

BUSY = (75, "", "domo-tick: another tick is running\n")
ON = 'return relay.on("sun")'


def started(house: House) -> subprocess.Popen[str]:
    """A tick that runs meanwhile."""
    return subprocess.Popen(
        house.command(), env=house.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(tick: subprocess.Popen[str]) -> tuple[int, str, str]:
    """How it ended, which it does soon."""
    out, err = tick.communicate(timeout=60)
    return tick.returncode, out, err


def program(house: House, name: str, *arguments: str) -> list[str]:
    """The command line of another program of the house."""
    return [sys.executable, "-S", str(PROJECT / "bin" / name), "--config", str(house.config), *arguments]


def test_of_fifty_ticks_started_together_one_at_a_time_works(house: House) -> None:
    """The script of relay 1 writes down when it begins and when it ends, and by which tick."""
    diary = house.folder / "diary"
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.script(
        1,
        f"""
    import os, time
    def decide(relay, data):
        for word in ("begins", "ends"):
            with open({str(diary)!r}, "a") as diary:
                diary.write(f"{{os.getppid()}} {{word}}\\n")
            time.sleep(0.02)
        return relay.on("sun")
    """,
    )
    house.script(2, 'return relay.off("clouds")')
    house.set_modes({1: 1, 2: 1, 3: 3, 99: 2})
    ticks = [started(house) for _ in range(50)]
    ran = Counter(map(ended, ticks))
    assert ran.keys() == {(0, "", ""), BUSY}
    lines = diary.read_text().splitlines()
    workers = [line.split()[0] for line in lines[::2]]
    assert lines == [f"{worker} {word}" for worker in workers for word in ("begins", "ends")]
    assert len(workers) == len(set(workers)) == ran[0, "", ""]
    assert (house.on, house.states) == ({1, 3}, {1: 1, 2: 0, 3: 1})
    assert house.modes == {1: 2, 2: 1, 3: 3, 99: 2}
    assert house.journal == [
        (1, "M", 2, "sun"),
        (1, "E", 1, "sun"),
        (3, "M", 3, "forced on"),
        (3, "E", 1, "forced on"),
    ]


@pytest.fixture
def stopped(house: House) -> Iterator[subprocess.Popen[str]]:
    """A tick that is about to switch relay 2 on, and that somebody stopped while its script thinks."""
    begun = house.folder / "begun"
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.script(1, ON)
    house.set_modes({1: 1, 2: 1, 3: 1})
    assert house.tick() == (0, "", "")
    house.script(2, f"open({str(begun)!r}, 'w').close()\nimport time\ntime.sleep(0.2)\n{ON}")
    tick = started(house)
    until(begun.exists)
    tick.send_signal(signal.SIGSTOP)
    until(lambda: Path(f"/proc/{tick.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    yield tick
    tick.kill()
    tick.wait()


def _kept(house: House) -> dict[str, tuple[object, ...]]:
    """Everything but the caches, which the stopped tick's child may write in the meantime."""
    return {
        path: what
        for path, what in house.snapshot().items()
        if "/tmp/domo-" not in path[len(str(house.folder)) :]
    }


@pytest.mark.parametrize("end", [signal.SIGCONT, signal.SIGKILL], ids=["it goes on", "it is killed"])
def test_a_tick_that_is_stopped_keeps_the_others_waiting_and_no_more(
    house: House, stopped: subprocess.Popen[str], end: signal.Signals
) -> None:
    """They say so and change nothing. When it goes on, or is killed, all is well with the next tick, and
    what the owner ordered meanwhile stands."""
    house.set_modes({1: 2, 2: 1, 3: 3})
    before = _kept(house)
    for _ in range(3):
        assert house.tick() == BUSY
    assert _kept(house) == before
    assert house.tick("--dry-run").code == 0
    stopped.send_signal(end)
    code, out, err = ended(stopped)
    assert (code, out, err) == ((0, "", "") if end == signal.SIGCONT else (-signal.SIGKILL, "", ""))
    house.script(2, ON)
    assert house.tick() == (0, "", "")
    assert (house.on, house.modes, house.states) == ({1, 2, 3}, {1: 2, 2: 2, 3: 3}, {1: 1, 2: 1, 3: 1})


class Stopping(Clock):
    """The clocks of a machine on which somebody stops the tick for an hour, after its first look at them."""

    def now(self) -> Now:
        """The tick's look."""
        now = super().now()
        self.forward(3600)
        return now


def test_a_tick_that_was_stopped_for_an_hour_decides_anew(house: House) -> None:
    """What its scripts ordered before was an answer to data that are old now; nothing comes on by it."""
    house.script(1, ON)
    house.set_modes({1: 1, 2: 3, 3: 1})
    clock = Stopping()
    house.data(at=clock.wall)
    ran = house.tick_at(clock)
    assert ran.code == 1
    assert "was written 3600 s ago" in ran.err
    assert house.on == {2}


def test_panel_and_domo_mod_beside_a_storm_of_ticks_lose_nothing(house: House) -> None:
    """Every force that domo-mod reports done stands, in the file, at the pins and in the journal; so does
    what a page adds to the file."""
    house.configure({"domo.relayNb": 6, "domo.relay.scriptExecInterval": 0, "domo.tm1638.refresh": 0.05})
    house.script(5, 'return relay.off("flip") if relay.is_on else relay.on("flap")')
    house.script(6, ON)
    assert house.tick() == (0, "", "")
    panel = subprocess.Popen(program(house, "domo-panel", "--no-display"), env=house.env)
    over = threading.Event()
    said: Counter[tuple[int, str, str]] = Counter()

    def storm() -> None:
        while not over.is_set():
            said.update(map(ended, [started(house), started(house)]))

    ticks = threading.Thread(target=storm)
    ticks.start()
    forced: dict[int, int] = {}
    try:
        for relay, mode in ((1, 3), (2, 0), (3, 3), (1, 0), (4, 3), (3, 1)):
            command = program(house, "domo-mod", str(relay), ("off", "auto", "", "on")[mode])
            done = subprocess.run(command, env=house.env, capture_output=True, text=True, timeout=60)
            assert (done.returncode, done.stderr) == (0, "")
            forced[relay] = mode
            assert house.modes.items() >= forced.items()
            assert panel.poll() is None
    finally:
        over.set()
        ticks.join()
        panel.terminate()
        panel.wait(20)
    assert said.keys() == {(0, "", ""), BUSY}
    while house.tick() == BUSY:  # the panel's last one
        pass
    assert house.modes.items() >= {1: 0, 2: 0, 3: 1, 4: 3, 6: 2}.items()
    assert house.on - {5} == {4, 6}
    told = [row[:3] for row in house.journal if row[0] in (1, 2, 3, 4) and row[1] == "M"]
    assert told == [(1, "M", 3), (2, "M", 0), (3, "M", 3), (1, "M", 0), (4, "M", 3), (3, "M", 1)]
