"""What `domo-tick --check` finds in the scripts without running them: mistakes that would show only on
another day, in a branch that is not taken today."""

from __future__ import annotations

from ..core.settings import Config
from . import lint_form, lint_house, parsed, source
from .lint_form import Finding


def lint(config: Config) -> list[tuple[str, Finding]]:
    """What is found in the scripts of `config`, each with its file. A script that cannot be read or compiled
    is skipped here."""
    named = []
    kinds = source.scripted(config)
    read = {r: script for r, kind in kinds.items() if kind == "py" and (script := parsed.read(config, r))}
    for script in read.values():
        findings = {
            *lint_form.shape(script),
            *lint_form.names(script),
            *lint_form.unknown(script),
            *lint_form.commas(script),
            *lint_form.clocks(script),
            *lint_house.values(script, config),
            *lint_house.relays(script, config),
            *lint_house.stairs(script, config),
            *lint_house.circles(script, read),
        }
        named += [(script.file, finding) for finding in sorted(findings)]
    return named
