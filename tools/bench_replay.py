"""What a year of domo-replay costs on one core: eight of the shipped examples, on the plant that ships."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DAYS = 20
GOAL = 75.0  # s a year
SCRIPTS = (
    "lift-pump", "washing-machine", "tool-chargers", "van-water-heater", "absorption-float",
    "fridge-cold-storage", "soc-threshold", "five-minutes-a-day",
)  # fmt: skip
CONFIG = """\
domo:
  relay: {scriptDir: scripts}
  relayNb: 8
  valueUse: [SOC, P, CS, PPV]
  maxWatt: 3000
  relayLoad:
    1: {kind: pump, watt: 750, minutes: 40, tank: 60}
    2: {kind: cycle, steps: [[120, 10], [2000, 20], [150, 60]]}
    3: {kind: charger, watt: 300, store: 600}
    4: {kind: thermostat, watt: 330, store: 520, use: 300}
    5: 20
    6: {kind: thermostat, watt: 80, store: 300, loss: 30}
    7: 100
    8: 400
"""


def year(python: str = sys.executable) -> float:
    """Seconds of CPU for a year of 8 scripts, from so many days in June."""
    with tempfile.TemporaryDirectory(prefix="domo-bench-") as name:
        folder = Path(name)
        (folder / "scripts").mkdir(mode=0o755)
        (folder / "config.yaml").write_text(CONFIG)
        for relay, example in enumerate(SCRIPTS, 1):
            text = (PROJECT / "relay.script.d" / f"{example}.py.example").read_text()
            (folder / "scripts" / f"{relay}.py").write_text(text)
            (folder / "scripts" / f"{relay}.py").chmod(0o644)

        def cpu(days: int) -> float:
            command = [python, "-IS", str(PROJECT / "bin/domo-replay")]
            command += ["--config", str(folder / "config.yaml")]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(
                [*command, "06-01", "--days", str(days), "--json"],
                env={**os.environ, "TMPDIR": name},
                stdout=subprocess.DEVNULL,
                check=False,
            )
            if done.returncode not in (0, 1):  # 1: there was something to look at
                sys.exit(f"domo-replay ended with {done.returncode}")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        start = cpu(1)
        return (cpu(1 + DAYS) - start) / DAYS * 365


if __name__ == "__main__":
    print(f"a year of domo-replay with {len(SCRIPTS)} scripts: {year():.0f} s of CPU, the goal is {GOAL:.0f}")
