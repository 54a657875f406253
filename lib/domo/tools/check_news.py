"""What `--check` finds about the program that is told of changes (`onChange`)."""

from __future__ import annotations

import os

from ..core.settings import Config
from ..stores import events, told
from ..system import rights, trusted
from .findings import Findings


def findings(settings: Config) -> Findings:
    """Whether it can be run, and what keeps it from being told; nothing if there is none."""
    forbidden = rights.forbidden(told.path(settings))
    if forbidden:
        yield False, f"faults that were told: {forbidden}"
    if not settings.onChange:
        return
    program = settings.onChange[0]
    try:
        trusted.real(program, {})
        if not os.access(program, os.X_OK):
            mend = f"chmod +x {rights.quoted(program)}"
            yield False, f"onChange: {program}: cannot be run (Permission denied); run: {mend}"
            return
    except trusted.Unsafe as error:
        yield False, f"onChange: {program}: is not run, because {error}"
        return
    except OSError as error:
        yield False, f"onChange: {program}: cannot be run ({error.strerror})"
        return
    fault = events.fault(settings)
    yield not fault, f"onChange: {fault or program}"
