"""What a check finds: whether it is ok (True), to be done (False) or a note (None), and a sentence."""

from collections.abc import Iterator

Findings = Iterator[tuple[bool | None, str]]
