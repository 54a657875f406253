"""Words for people: reasons, durations, and the nearest name to one that does not exist."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LONGEST = 1000  # characters of a line: half a screen of a terminal


class Text(str):
    """A sentence that remembers its `template` and the `values` in it, so that it can be translated without
    taking it apart. It is an ordinary str: the sentence in English."""

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, **values: object) -> Text:
        """The sentence that str.format() makes of the template; a value may be a Text itself."""
        text = super().__new__(cls, template.format(**values))
        text.template, text.values = template, values
        return text


def clean(text: str) -> str:
    """The text with "?" for each character that is not printable: it might command a terminal, turn the
    direction of writing, or break the line."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def one_line(text: object, most: int = LONGEST) -> str:
    """Anything as one clean line of at most `most` characters, with spaces for line breaks. All text from
    outside goes through here where it enters, so that it can be shown and written anywhere."""
    line = text if isinstance(text, str) else str(text)
    if not line.isprintable() or line.startswith(" ") or line.endswith(" "):
        line = clean(" ".join(line.split()))
    return line if len(line) <= most else f"{line[: most - 3]}..."


def minutes(seconds: float) -> str:
    """A duration in short words: "40 s", "12 min", "3 h 05"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d}"


def hour(wall: float) -> str:
    """A moment (epoch s) as local date and time, to the minute: "2026-11-22 18:30"."""
    import time

    return time.strftime("%Y-%m-%d %H:%M", time.localtime(round(wall / 60) * 60))


def did_you_mean(word: str, words: Any, alike: float = 0.7) -> str:
    """ "; did you mean X?" for the nearest of `words`, if it is at least `alike` (0 to 1); or ""."""
    import difflib  # only for messages

    names = {str(name).lower(): name for name in words}
    near = difflib.get_close_matches(word.lower(), names, 1, alike)
    return f"; did you mean {names[near[0]]}?" if near else ""
