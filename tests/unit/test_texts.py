"""What comes from outside is made one clean line where it enters."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from domo.core.model import ConfigError, Fault
from domo.core.texts import LONGEST, Text, clean, one_line

# By Unicode category: C is control, format, surrogate, private, unassigned; Z is separators.
SHOWN = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi"}
SHOWN |= {"Pf", "Po", "Sm", "Sc", "Sk", "So"}
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


def test_every_character_by_its_category() -> None:
    """All that Unicode has: letters, marks, numbers, punctuation and symbols stay, the rest does not."""
    seen = set()
    for code in range(sys.maxunicode + 1):
        sign, category = chr(code), unicodedata.category(chr(code))
        seen.add(category)
        line = one_line(f"a{sign}b")
        if category in SHOWN:
            assert line == f"a{sign}b", hex(code)
        elif sign.isspace():
            assert line == "a b", hex(code)
        else:
            assert line == "a?b", hex(code)
    assert seen == SHOWN | HIDDEN


def test_what_commands_a_terminal_or_turns_the_writing_is_gone() -> None:
    assert one_line("\x1b[31mred\x9b0m\x07\x00") == "?[31mred?0m??"
    assert one_line("on\u202efdp\u2066\u200f\u200b\ufeff") == "on?fdp????"
    assert (
        one_line("SOC\n2026-11-22 relay 1 is on\r\x85\u2028\u2029end") == "SOC 2026-11-22 relay 1 is on end"
    )


@settings(deadline=None)
@given(st.text())
def test_it_is_always_one_line_of_limited_length_and_cleaning_it_again_changes_nothing(text: str) -> None:
    line = one_line(text)
    assert line.isprintable() and len(line.splitlines()) <= 1 and len(line) <= LONGEST
    assert one_line(line) == line and clean(line) == line
    line.encode()
    assert len(one_line(text, 10)) <= 10


def test_a_long_text_is_cut() -> None:
    assert len(one_line("x" * 4_000_000)) == LONGEST
    assert one_line("a long reason", 10) == "a long ..."


def test_a_sentence_that_is_clean_stays_the_sentence_that_it_was() -> None:
    sentence = Text("{mode} until {hour}", mode="forced on", hour="18:30")
    assert one_line(sentence) is sentence


def test_what_a_fault_quotes_forges_no_line() -> None:
    assert str(Fault("no \x1b[2J\nSOC")) == "no ?[2J SOC"
    error = ConfigError(["a\nb", "c\x85d"])
    assert error.problems == ["a b", "c d"] and str(error) == "a b\nc d"
