"""The state file, PvMonit's "etat": JSON {"1": 0, "2": 1, ...}, which PvMonit's page and the panel read."""

from __future__ import annotations

from ..core.history import OFF, ON
from ..core.model import Fault
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
    wanted = {str(relay): state for relay, state in states.items()}
    found, trouble = tinyjson.load_ours(path)
    if trouble:
        from ..system import aside

        trouble = aside.set_aside(path, trouble)
    if trouble or found != wanted:
        files.replace(path, tinyjson.dumps(wanted).encode())
    return trouble
