"""What is wrong with a mode file, told to its owner."""

from __future__ import annotations

from ..core.faults import Report
from ..core.model import FORCED_ON
from ..core.texts import one_line
from ..system.rights import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.model import Past
    from ..core.settings import Config
    from ..stores.modes import ModeFile


def faults(config: Config, mode_file: ModeFile, past: Past) -> list[str]:
    """A sentence for each, and what domo does about it."""
    if mode_file.problem:
        held = [str(r) for r in config.relays if r not in past.modes]
        told = f"{mode_file.problem}; it is left as it is, the last good modes apply"
        told += f", relays without one are held off: {', '.join(held)}" if held else ""
        return [Report(told, "mode file", mode_file.problem)]
    odd = "{}: relay {} is {}, no mode (0 to 3): held off until you correct it"
    told_of: list[str] = [
        Report(odd.format(config.modPath, relay, text), f"mode of relay {relay}")
        for relay, text in mode_file.odd.items()
        if relay in config.relays
    ]
    if mode_file.linked:
        told_of.append(linked(config.modPath))
    told_of += [
        f"{config.modPath}: relay {relay} is in it more than once; a force counts,"
        " else the last one; delete the others"
        for relay in mode_file.twice
    ]
    return told_of + strays(config, mode_file)


def strays(config: Config, mode_file: ModeFile) -> list[str]:
    """The faults of forces that are no relay's. PvMonit leaves the modes of relays that it had once, but not
    forced on."""
    forced = [r for r, mode in mode_file.modes.items() if mode == FORCED_ON and r not in config.relays]
    return [f"{config.modPath}: {_stray(config, name)}" for name in (*mode_file.misnamed, *map(str, forced))]


def _stray(config: Config, name: str) -> str:
    shown, nothing = one_line(repr(name), 40), "so its force does nothing"
    digits = name.strip()
    number = int(digits) if digits.isdecimal() and len(digits) < 10 else 0  # int() takes 4,300 at most
    if number in config.relays:
        return f'{shown} is no relay number, {nothing}; write "{number}"'
    return f"{shown} is no relay (they are 1 to {config.relayNb}), {nothing}"


def linked(path: str) -> str:
    """The fault of a mode file that has a second name (a hard link)."""
    return (
        f"{path}: has another name (a hard link). domo replaces the file; what is written through that name"
        f" is lost from then on. Put a link there: ln -sf {quoted(path)} THAT_NAME"
    )
