"""Words for people: reasons, durations, and the nearest name to one that does not exist."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Text(str):
    """A sentence that remembers its `template` and the `values` in it, so that it can be told in another
    language, and nobody has to take it apart. It is an ordinary str: the sentence in English."""

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, **values: object) -> Text:
        """The sentence that str.format() makes of the template; a value may be a Text itself."""
        text = super().__new__(cls, template.format(**values))
        text.template, text.values = template, values
        return text


def minutes(seconds: float) -> str:
    """A duration in words, as short as it may be: "40 s", "12 min", "3 h 05"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d}"


def hour(wall: float) -> str:
    """A moment (epoch s) as local date and time, to the minute: "2026-11-22 18:30"."""
    import time

    return time.strftime("%Y-%m-%d %H:%M", time.localtime(round(wall / 60) * 60))


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
