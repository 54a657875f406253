"""What comes from outside is made one clean line where it enters."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from domo.core.decide import decide
from domo.core.history import ON
from domo.core.model import AUTO_ON, ConfigError, Device, Fault, Order, Past, Reading, Value
from domo.core.settings import Config
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


FRENCH = {  # by the template of a reason
    "{why}: off, {below}": "{why} : éteint, {below}",
    "{name} {number:g} is below the floor of {floor:g}": "{name} vaut {number:g}, moins que {floor:g}",
    "{why} until {hour}": "{why} jusqu'à {hour}",
}


def in_french(reason: object) -> object:
    """A reason with French templates, down to those in its values; anything else as it is."""
    if not isinstance(reason, Text):
        return reason
    values = {name: in_french(value) for name, value in reason.values.items()}
    return FRENCH.get(reason.template, reason.template).format(**values)


def test_a_reason_is_translated_from_its_templates_without_taking_it_apart() -> None:
    """A decision's, and with the end of a force around it: nothing reads the English sentences."""
    config = Config(path="", relayNb=1, floor={"SOC": 45})
    reading = Reading((Device("1", "BMV", 1.0, {"SOC": Value("40.5", "")}),))
    plan = decide(
        config, {1: AUTO_ON}, {1: ON}, Past(support={1: 0.0}), reading, {1: Order("on", "il fait beau")}
    )
    why = plan[1].why
    assert why == "il fait beau: off, SOC 40.5 is below the floor of 45"
    assert in_french(why) == "il fait beau : éteint, SOC vaut 40.5, moins que 45"
    ends = Text("{why} until {hour}", why=why, hour="18:30")
    assert ends == f"{why} until 18:30" and in_french(ends) == f"{in_french(why)} jusqu'à 18:30"


def test_what_a_fault_quotes_forges_no_line() -> None:
    assert str(Fault("no \x1b[2J\nSOC")) == "no ?[2J SOC"
    error = ConfigError(["a\nb", "c\x85d"])
    assert error.problems == ["a b", "c d"] and str(error) == "a b\nc d"
