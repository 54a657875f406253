"""The state file, PvMonit's "etat": JSON {"1": 0, "2": 1, ...}, which PvMonit's page and the panel read."""

from __future__ import annotations

from ..core.faults import Report
from ..core.history import OFF, ON
from ..core.model import Fault
from ..core.texts import one_line
from ..system import files, tinyjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def load(path: str) -> dict[int, int]:
    """The states in the file, of the relays for which it holds one; {} if it cannot be read."""
    try:
        document = tinyjson.loads(files.read(path)[0].decode())
        return {int(r): state for r, state in document.items() if type(state) is int and state in (OFF, ON)}
    except (OSError, Fault, ValueError, AttributeError):
        return {}


def save(path: str, states: Mapping[int, int]) -> str:
    """Replaces the file if it says something else. Gives "" or what was wrong with it. Raises Fault."""
    content = tinyjson.dumps({str(relay): state for relay, state in states.items()}).encode()
    trouble = ""
    try:
        found = files.read(path)[0]
        if found == content:
            return ""
        if not isinstance(tinyjson.loads(found.decode()), dict):
            raise ValueError("no states")
    except FileNotFoundError:
        pass
    except Fault as fault:
        trouble = Report(f"{fault}; it is written again", path, lasts=False)
    except ValueError as error:
        trouble = Report(
            f"{path}: was not domo's ({one_line(error, 200)}); it is written again", path, lasts=False
        )
    files.replace(path, content)
    return trouble
