"""JSON for the tick: `import json` brings in `re` (the gain is in ARCHITECTURE.md); the C scanner and string
encoder under it cost nothing, and they are what `json` itself would use."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Pairs = Callable[[list[tuple[str, Any]]], Any]


class _Context:
    """The settings that the C scanner asks for: those of `json.loads`."""

    strict = True
    object_hook = None
    parse_float = float
    parse_int = int

    def __init__(self, pairs: Pairs | None) -> None:
        self.object_pairs_hook = pairs
        self.memo: dict[str, str] = {}

    @staticmethod
    def parse_constant(word: str) -> float:
        raise ValueError(f"{word} is not JSON")


def loads(text: str, pairs: Pairs | None = None) -> Any:
    """The value of a JSON text; `pairs` makes each object from its names and values, in their order. Raises
    ValueError with line and column, like `json.loads`; also for NaN, Infinity, and text nested too deeply."""
    try:
        from _json import make_scanner

        body = text.strip(" \t\r\n")
        start = text.find(body)
        value, end = make_scanner(_Context(pairs))(text, start)  # type: ignore[arg-type]
        if end == start + len(body):
            return value
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (ImportError, StopIteration, ValueError, SystemError):
        pass  # SystemError: without `json` Python 3.11 cannot even raise its JSONDecodeError
    import json  # it says what is wrong; or this interpreter has nothing else

    try:
        return json.loads(
            text, object_pairs_hook=pairs, parse_constant=_Context.parse_constant, parse_int=_integer
        )
    except RecursionError:  # it is called from deeper than the scanner above
        raise ValueError("nested too deeply") from None


def _integer(digits: str) -> int:
    """Like int(), which wants no number of more than 4,300 digits, and says so in a programmer's words."""
    try:
        return int(digits)
    except ValueError:
        raise ValueError(f"a number of {len(digits)} digits") from None


def dumps(value: Any) -> str:
    """The JSON text of None, bool, int, finite float, str, and lists, tuples and dicts of them. Raises
    ValueError for other floats, RecursionError for what is nested too deeply."""
    from _json import encode_basestring, make_encoder

    encode = make_encoder(None, repr, encode_basestring, None, ":", ",", False, False, False)
    return "".join(encode(value, 0))
