"""`make bench` on an emulated Raspberry Pi 3, whose clock counts instructions: 1 ns each.

    make pi-bench

So the numbers are the same each time, whatever else this machine does. What the kernel does for domo is in
them, and its real driver of the pins. What caches and memory cost is not.
"""

from __future__ import annotations

import sys
import time

from . import image, qemu
from .packages import CannotBeHad, program

ROUNDS = 4  # they differ by less than 0.5 %
SECONDS = 1200  # three times what it took beside six busy programs


def main() -> int:
    """Prints the table."""
    bench = f"--rounds {ROUNDS} --only boards --own-pins"
    options = f'pinctrl_bcm2835.persist_gpio_outputs=1 now={int(time.time())} BENCH="{bench}"'
    try:
        program("qemu-system-aarch64", "qemu-system-arm")
        for line in qemu.counted(image.build(), options, SECONDS):
            if not line.startswith("["):  # the kernel's own words
                print(line, flush=True)
    except CannotBeHad as missing:
        print(f"make pi-bench: cannot run here: {missing}")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
