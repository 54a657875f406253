"""What the panel does once a choice is made: it writes the mode file, and says why if it cannot. No tick.

panel_write.py --config FILE RELAY MODE
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))

from domo.core.model import Fault  # noqa: E402
from domo.stores import config as configs  # noqa: E402
from domo.stores import edits  # noqa: E402

config, _ = configs.load(sys.argv[2])
try:
    edits.set_owner(config.modPath, {int(sys.argv[3]): int(sys.argv[4])})
except Fault as fault:
    sys.exit(f"panel: {fault}")
