"""Where apt and pip put packages."""

from __future__ import annotations

import os
import sys


def third_party() -> None:
    """Makes apt's and pip's packages importable. bin/ starts Python with -S, because `site` costs
    (see ARCHITECTURE.md), and a tick would pay that every minute for RPi.GPIO alone."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefixes = (sys.executable.rpartition("/bin/")[0], sys.prefix, "/usr/local")  # a venv goes first
    places = [f"{prefix}/lib/{version}/{kind}-packages" for prefix in prefixes for kind in ("site", "dist")]
    for place in (*places, "/usr/lib/python3/dist-packages"):  # the last is Debian's own
        if place not in sys.path and os.access(place, os.X_OK):
            sys.path.append(place)
