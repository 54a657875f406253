"""Several replays on all cores, with a progress bar."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import Synchronized

from .fold import Moment
from .foreign import PlantError
from .run import MINUTES, Scenario, replay
from .tally import Result

WIDTH = 50  # characters of the bar
LOOK = 0.2  # s between two looks at the workers
PR_SET_PDEATHSIG = 1  # see prctl(2)

_done: Synchronized[int] | None = None  # days of all workers; they inherit it


class Bar:
    """A bar on the standard error, where that is a terminal."""

    def __init__(self, days: float) -> None:
        self.days, self.begun, self.shown = max(1.0, days), time.monotonic(), sys.stderr.isatty()

    def show(self, done: float) -> None:
        """Shows that this number of days is done."""
        if self.shown:
            part = min(1.0, done / self.days)
            gone = time.monotonic() - self.begun
            left = f"{gone / part - gone:5.0f} s left" if part > 0.02 else ""
            bar = ("#" * int(WIDTH * part)).ljust(WIDTH, ".")
            print(f"\r{bar} {100 * part:3.0f} % {left:12}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Wipes it away."""
        if self.shown:
            print("\r" + " " * (WIDTH + 20) + "\r", end="", file=sys.stderr, flush=True)


def all_of(scenarios: Sequence[Scenario]) -> list[Result]:
    """The results in the same order. Raises PlantError."""
    global _done
    bar = Bar(sum(scenario.days - scenario.warm for scenario in scenarios))
    try:
        if len(scenarios) == 1:
            return [replay(scenarios[0], _Counting(bar))]
        context = multiprocessing.get_context("fork")
        _done = context.Value("i", 0)
        workers = min(len(scenarios), os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, context, _end_with_parent, (os.getpid(),)) as pool:
            futures = [pool.submit(_counted, scenario) for scenario in scenarios]
            waiting = set(futures)
            while waiting:
                _, waiting = wait(waiting, timeout=LOOK, return_when=FIRST_COMPLETED)
                bar.show(_done.value)
            return [future.result() for future in futures]
    except BrokenProcessPool:
        why = "a script or a plant ended it, or there was too little memory"
        raise PlantError(f"a process of the replay ended early: {why}") from None
    finally:
        bar.close()


class _Counting:
    """Counts days: on the bar of this process, or for the process that started this one."""

    def __init__(self, bar: Bar | None = None) -> None:
        self.minutes, self.bar = 0, bar

    def __call__(self, moment: Moment) -> None:
        self.minutes += 1
        if self.minutes % MINUTES:
            return
        if self.bar:
            self.bar.show(self.minutes / MINUTES)
        elif _done:
            with _done.get_lock():
                _done.value += 1


def _end_with_parent(parent: int) -> None:
    """Lets the kernel end this worker when the process that started it is gone: nobody else would."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it is gone already
        os._exit(1)


def _counted(scenario: Scenario) -> Result:
    return replay(scenario, _Counting())
