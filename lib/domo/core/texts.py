"""Words for people: durations, and the nearest name to one that does not exist."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def minutes(seconds: float) -> str:
    """A duration in words, as short as it may be: "40 s", "12 min", "3 h 05"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d}"


def clean(text: str) -> str:
    """The text with "?" for what no terminal, mail or log should be sent: control characters, marks that
    turn the direction of writing, half characters."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def one_line(text: object) -> str:
    """Anything as one line of text that can be written and shown anywhere."""
    return clean(" ".join(str(text).split()))


def did_you_mean(word: str, known: Any, alike: float = 0.7) -> str:
    """ "; did you mean X?" for the nearest of `known` that is so much `alike` (0 to 1), or ""."""
    import difflib  # only for messages

    names = {str(name).lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, 1, alike)
    return f"; did you mean {names[near[0]]}?" if near else ""
