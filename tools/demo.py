"""`make run`: one tick on sample data, with simulated relays, in a scratch folder that stays for a look."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = PROJECT / "tests" / "support" / "sample" / "pvmonit.xml"
RELAYS = {1: "lift-pump", 2: "washing-machine", 3: "tool-chargers", 4: "van-water-heater"}

CONFIG = """\
tmpFileDataXml: data.xml
urlDataXml: false
domo:
  # nobody measures here, so the sample stays good for a day
  dataCheckTime: 86400
  fileExpir: 86400
  xmlDataExpir: 86400
  frozenAfter: 0
  jsonFile: {{modPath: mod, etatPath: etat}}
  prefixFileData: data_
  dbFile: domo.sqlite3
  recordDir: history
  board: simulated
  simulatedPins: pins
  relay: {{scriptDir: relay.script.d}}
  valueUse: [SOC, P, CS, PPV]
  relayNb: {number}
  relayName: {names}
  relayLoad:
    1: {{kind: pump, watt: 750, minutes: 40, tank: 90}}
    2: {{kind: cycle, steps: [[120, 10], [2000, 20], [150, 60], [400, 10]], days: 4}}
    3: {{kind: charger, watt: 200, store: 500}}
    4: {{kind: thermostat, watt: 330, store: 520, loss: 20, use: 400}}
  maxWatt: 2500
  floor: {{SOC: 60}}
  uninterruptible: [2]
  plant: {{latitude: 46, panels: 1200, battery: 6000, house: 70}}
"""


def stamped(xml: str, now: float) -> str:
    """The sample as if PvMonit had just written it."""
    return re.sub(r"(<timerefresh>)\d+(</timerefresh>)", rf"\g<1>{int(now)}\g<2>", xml)


def furnish(folder: Path) -> None:
    """Writes the house: config.yaml, and the scripts."""
    scripts = folder / "relay.script.d"
    scripts.mkdir(mode=0o755, parents=True)
    for relay, example in RELAYS.items():
        text = (PROJECT / "relay.script.d" / f"{example}.py.example").read_text()
        (scripts / f"{relay}.py").write_text(text)
        (scripts / f"{relay}.py").chmod(0o644)
    names = {relay: example.replace("-", " ").capitalize() for relay, example in RELAYS.items()}
    (folder / "config.yaml").write_text(CONFIG.format(number=len(RELAYS), names=names))


def main() -> int:
    """Makes the folder, runs the tick in it, says what to do next."""
    folder = Path(tempfile.mkdtemp(prefix="domo-demo-"))
    furnish(folder)
    (folder / "data.xml").write_text(stamped(SAMPLE.read_text(), time.time()))
    command = [sys.executable, "-IS", str(PROJECT / "bin" / "domo-tick"), "-v"]
    config = {"DOMO_CONFIG": str(folder / "config.yaml")}
    code = subprocess.run(command, env={**os.environ, **config}, check=False).returncode
    print(f"""
That was one tick: the sample's batteries are full, so the first relay is on. Next:

  export PATH={shlex.quote(f"{PROJECT}/.venv/bin")}:$PATH DOMO_CONFIG={shlex.quote(f"{folder}/config.yaml")}

  bin/domo-tick -v              # again: one relay is switched on a minute
  bin/domo-mod 2 on             # force the washing machine on; off and auto work too
  nano {shlex.quote(f"{folder}/mod")}   # the same by hand: 0 off, 1 auto, 3 on
  bin/domo-tick --dry-run --set SOC=40 --set CS=Bulk --at 20:30
  nano {shlex.quote(f"{folder}/relay.script.d/1.py")}
  bin/domo-replay 06-21         # a day of sun through these scripts
  bin/domo-panel --terminal     # the panel on the wall, in a terminal""")
    return code


if __name__ == "__main__":
    sys.exit(main())
