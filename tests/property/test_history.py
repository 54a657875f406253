"""Whatever became of a record: it is read as far as it makes sense, nothing raises, nothing is lost."""

from __future__ import annotations

import csv

from hypothesis import example, given
from hypothesis import strategies as st

from domo.report import days, pieces, sums
from domo.stores import history, record
from support.record import DAY, lines, text

WHOLE = text(DAY, range(0, 1440, 7))
PACKED = history.packed(WHOLE.encode())
CELLS = st.text(max_size=30).map(lambda text: text.encode(errors="replace").decode())


@given(st.integers(0, len(PACKED)))
def test_a_torn_file_gives_what_it_holds_in_order(end: int) -> None:
    found = history.unpacked(PACKED[:end])
    assert found is None or WHOLE.startswith(found.rstrip("\n"))
    assert found is None or end < len(PACKED) or found == WHOLE


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_a_flipped_bit_raises_nothing(place: int, flip: int) -> None:
    damaged = bytearray(PACKED)
    damaged[place] ^= flip
    days.read(DAY, [history.unpacked(bytes(damaged)) or ""])


@given(st.lists(st.one_of(st.sampled_from(list(lines(DAY, range(0, 1440, 30)))), CELLS)), st.booleans())
@example(["time,relay1.state", f"{DAY}T10", f"{DAY}T1010", f"{DAY}T10:10"], False)
@example(["time,relay1.state", f"{DAY}T", f"{DAY}T99:99:99", f"{DAY}T10:00:00,1", f"{DAY}T10:01"], False)
@example(["time", f'{DAY}T10:00:00+02:00,"', f"{DAY}T10:01:00+02:00"], True)
def test_any_lines_are_read_without_an_error(some: list[str], header: bool) -> None:
    start = [next(lines(DAY))] if header else []
    day = days.read(DAY, ["\n".join([*start, *some])])
    total = sums.of(day)
    assert 0 <= total.recorded <= 86400 * 2
    assert len(day.minutes) == len(day.lasts) == len(day.soc) == len(day.house) == len(day.held)


@given(st.sets(st.integers(0, 1439), min_size=1), st.sets(st.integers(0, 1439), min_size=1))
def test_two_halves_of_a_day_make_all_of_it(one: set[int], other: set[int]) -> None:
    """Each moment once, with all its values, whichever half came first."""
    columns, found = history.merged([text(DAY, sorted(one)), text(DAY, sorted(other))])
    times = {cells[0]: cells for cells in found}
    assert len(times) == len(found) == len(one | other)
    again = history.merged([history.written(columns, found)])
    assert again == (columns, found)


@given(
    st.lists(CELLS, min_size=1, max_size=5).map(
        lambda cells: {"time": "now", **dict(zip("abcde", cells, strict=False))}
    )
)
@example({"long": "x" * 301, "longer": "a, b" * 200, "lines": "a\r\nb\x85c", "quoted": 'a "b"'})
def test_a_spreadsheet_reads_a_line_as_it_was_meant(found: dict[str, str]) -> None:
    """On one line, whatever is in it; a text that is endless is cut."""
    (cells,) = list(csv.reader([record.row(found, list(found))])) or [[""]]
    for cell, text_ in zip(cells, found.values(), strict=True):
        meant = " ".join(text_[: record.LONGEST].splitlines())
        assert cell == (
            text_ if text_.isalnum() or (text_.isprintable() and len(text_) <= record.LONGEST) else meant
        )


@given(
    st.lists(st.tuples(st.sampled_from(pieces.KINDS), st.integers(1, 60)), max_size=300),
    st.integers(6, 50),
)
def test_fewer_pieces_cover_the_same_time(told: list[tuple[str, int]], limit: int) -> None:
    made, start = [], 0
    for kind, minutes in told:
        if start + minutes <= 1440:
            made.append(pieces.Piece(start, start + minutes, 60 * minutes, kind, "why"))
            start += minutes
    found = pieces.thinned(made, limit)
    assert len(found) <= max(limit + 1, 0)
    assert sum(piece.seconds for piece in found) == sum(piece.seconds for piece in made)
    assert [piece.start for piece in found] == sorted(piece.start for piece in found)
