"""tinyjson says what the standard library's json says, but for what is no JSON: NaN and infinities."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domo.system import tinyjson
from support.model import examples

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
# JSON's own characters, so that most texts are nearly JSON.
ALMOST = st.text(
    st.sampled_from("{}[]:,\"\\/ \t\n\r\x00\x0b\xa0\ufeff0123456789-+.eEtrufalsn'x"), max_size=24
)
DAMAGE = st.lists(
    st.tuples(
        st.sampled_from(("cut", "drop", "double", "put")),
        st.integers(0, 200),
        st.sampled_from('{}[]:,"\\0e.-'),
    ),
    min_size=1,
    max_size=3,
)


def as_json(text: str) -> tuple[bool, Any]:
    """Whether the standard library takes a text for JSON proper, and the value."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        value = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False, None
    return True, value


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down: 1, 1.0 and true are three values."""
    return json.dumps(one) == json.dumps(other)


def damaged(text: str, damage: list[tuple[str, int, str]]) -> str:
    """A text after what disks and people do to it."""
    for what, place, character in damage:
        place %= len(text) + 1
        if what == "cut":
            text = text[:place]
        elif what == "drop":
            text = text[:place] + text[place + 1 :]
        elif what == "double":
            text = text[:place] + text[place : place + 1] + text[place:]
        else:
            text = text[:place] + character + text[place:]
    return text


def agrees(text: str) -> None:
    """Both take the text, for the same value, or both refuse it, we with a ValueError in words."""
    good, value = as_json(text)
    if good:
        assert same(tinyjson.loads(text), value)
    else:
        with pytest.raises(ValueError, match=r"\S"):
            tinyjson.loads(text)


@examples(300)
@given(VALUES, st.sampled_from((None, 0, 2)), st.booleans(), st.sampled_from(("", " ", "\n\t\r ")))
def test_reads_whatever_json_writes(value: Any, indent: int | None, ascii_only: bool, around: str) -> None:
    text = around + json.dumps(value, indent=indent, ensure_ascii=ascii_only) + around
    assert same(tinyjson.loads(text), value)


@examples(300)
@given(VALUES)
def test_json_reads_whatever_it_writes(value: Any) -> None:
    assert same(json.loads(tinyjson.dumps(value)), value)
    assert "\n" not in tinyjson.dumps(value)


@examples(300)
@given(ALMOST)
@example("")
@example(" \n")
@example("nul")
@example('{"1":1}x')
@example('{"1":1,}')
@example("\ufeff{}")
@example("\xa01")
@example('"\\ud800"')
@example("1e999")
@example("-")
@example("[" * 100_000)
def test_takes_and_refuses_what_json_does(text: str) -> None:
    agrees(text)


@examples(300)
@given(VALUES, DAMAGE)
def test_takes_and_refuses_what_json_does_of_damaged_files(
    value: Any, damage: list[tuple[str, int, str]]
) -> None:
    agrees(damaged(json.dumps(value), damage))


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"1":-Infinity}', "[1,\nNaN]"])
def test_refuses_what_json_takes_though_it_is_none(text: str) -> None:
    json.loads(text)
    with pytest.raises(ValueError, match="is not JSON"):
        tinyjson.loads(text)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, [1, {"a": math.inf}]])
def test_writes_nothing_that_is_not_json(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        tinyjson.dumps(value)


@examples(200)
@given(st.lists(TEXT, max_size=4), st.sampled_from(("}", "x", '"', "[", "")))
def test_says_line_and_column(lines: list[str], wrong: str) -> None:
    """The line and column are those of json's own message, where that has them."""
    text = "[\n" + "".join(f"{json.dumps(line)},\n" for line in lines) + wrong
    with pytest.raises(ValueError) as theirs:
        json.loads(text)
    with pytest.raises(ValueError, match="line") as ours:
        tinyjson.loads(text)
    assert isinstance(theirs.value, json.JSONDecodeError)
    assert f"line {theirs.value.lineno} column {theirs.value.colno}" in str(ours.value)


def test_dict_keys_are_text() -> None:
    assert tinyjson.dumps({1: 0, 10: 1}) == '{"1":0,"10":1}'
