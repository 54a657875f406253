"""What `--check` finds about PvMonit's own domo, which must not drive the same relays."""

from __future__ import annotations

import os
from pathlib import Path

from ..core.model import ConfigError
from ..scripts import pvmonit
from ..stores import yaml_file
from .findings import Findings

PVMONIT_CONFIG = f"{pvmonit.FOLDER}/config.yaml"
PVMONIT_DAEMONS = tuple(
    f"domo/{name}" for name in ("domo.php", "relay-actions.php", "tm1638.py")
    + ("domo-launch.sh", "relay-actions-launch.sh", "tm1638-launch.sh")  # which start them again
)  # fmt: skip


def findings(path: str, document: object) -> Findings:
    """PvMonit's own domo, running, or to be started at the next boot."""
    commands = _commands()
    for daemon in PVMONIT_DAEMONS:
        if any(word.endswith(daemon) for words in commands for word in words):
            yield (
                False,
                f"PvMonit's {daemon} runs: two masters on the same relays; stop it (see MIGRATION.md)",
            )
    try:
        pvmonits = yaml_file.read(PVMONIT_CONFIG)
    except ConfigError:
        pvmonits = {}
    for file, text in {os.path.realpath(path): document, PVMONIT_CONFIG: pvmonits}.items():
        domo = text.get("domo") if isinstance(text, dict) else None
        panel = domo.get("tm1638") if isinstance(domo, dict) else None
        for key, section in (("domo: daemon", domo), ("domo: tm1638: daemon", panel)):
            if isinstance(section, dict) and section.get("daemon") is True:
                if section is domo and _disarmed():
                    yield None, f"{file}: {key}: true, for the cloud; it cannot start PvMonit's own domo"
                    continue
                yield (
                    False,
                    f"{file}: {key}: true, so PvMonit starts its own domo at the next boot; set it to false",
                )


def _disarmed() -> bool:
    """Whether nobody can execute what PvMonit would start. Then its `daemon` may be true, without which its
    cloudService.php does not send the states of the relays."""
    try:
        launchers = [
            os.stat(f"{pvmonit.FOLDER}/domo/{name}-launch.sh").st_mode for name in ("domo", "relay-actions")
        ]
    except OSError:
        return False
    return not any(mode & 0o111 for mode in launchers)


def _commands() -> list[list[str]]:
    """The arguments of every interpreter and shell that runs; an editor that shows a file does not count."""
    commands = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if os.path.basename(words[0]).startswith(("php", "python", "bash", "sh")):
            commands.append(words[1:])
    return commands
