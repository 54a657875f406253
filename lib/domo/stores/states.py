"""The state file, PvMonit's "etat": JSON {"1": 0, "2": 1, ...}, which PvMonit's page and the panel read."""

from __future__ import annotations

from ..core.history import OFF, ON
from ..core.model import Fault
from ..core.texts import one_line
from ..system import files, tinyjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def load(path: str) -> tuple[dict[int, int], str]:
    """The states by number in a file that only domo writes, {} without it; and "" or why it is not domo's."""
    try:
        document = tinyjson.loads(files.read(path)[0].decode())
        if isinstance(document, dict) and all(n.isdecimal() and s in (OFF, ON) for n, s in document.items()):
            return {int(number): int(state) for number, state in document.items()}, ""
        return {}, f"{path}: was not domo's (other things than states are in it)"
    except FileNotFoundError:
        return {}, ""
    except Fault as fault:
        return {}, str(fault)
    except ValueError as error:
        return {}, f"{path}: was not domo's ({one_line(error, 200)})"


def save(path: str, states: Mapping[int, int]) -> str:
    """Replaces the file if it says something else. Gives "" or what was wrong with it. Raises Fault."""
    there, fault = load(path)
    if fault:
        from ..system import aside

        fault = aside.set_aside(path, fault)
    if fault or there != states:
        files.replace(path, tinyjson.dumps({str(number): state for number, state in states.items()}).encode())
    return fault
