"""What tells the transitions of `make pi`: the chip's registers, and the device tree of its machine."""

from __future__ import annotations

import struct

import pytest

from machine.devicetree import REVISION, with_revision
from machine.registers import Pins

OUT_23 = (0x8, 0b001 << 9)  # GPFSEL2, pin 23 is an output
HIGH_23, LOW_23 = (0x1C, 1 << 23), (0x28, 1 << 23)


def did(*writes: tuple[int, int]) -> list[tuple[int, str]]:
    """What the pins do when these registers are written."""
    pins = Pins()
    return [change for write in writes for change in pins.write(*write)]


def test_a_level_before_the_direction_is_no_glitch() -> None:
    assert did(HIGH_23, OUT_23) == [(23, "out 1")]


def test_a_direction_before_the_level_is_one() -> None:
    assert did(OUT_23, HIGH_23) == [(23, "out 0"), (23, "1")]


def test_an_input_in_between_is_seen() -> None:
    assert did(HIGH_23, OUT_23, (0x8, 0), OUT_23) == [(23, "out 1"), (23, "in"), (23, "out 1")]


def test_what_changes_nothing_is_silent() -> None:
    assert did(HIGH_23, OUT_23, HIGH_23, OUT_23, (0x94, 2), (0x1C, 0)) == [(23, "out 1")]


def test_a_write_may_move_many_pins() -> None:
    assert did((0x4, 0o1 << 18 | 0o1 << 21), (0x1C, 1 << 16 | 1 << 17)) == [
        (16, "out 0"),
        (17, "out 0"),
        (16, "1"),
        (17, "1"),
    ]


def test_the_second_bank_begins_at_32() -> None:
    assert did((0x20, 1 << 1), (0xC, 0o1 << 9)) == [(33, "out 1")]


def test_another_function_is_no_output() -> None:
    assert did(OUT_23, (0x8, 0b100 << 9)) == [(23, "out 0"), (23, "in")]


def tree() -> bytes:
    """A flattened device tree with nothing in it."""
    body = struct.pack(">4I", 1, 0, 2, 9)
    return struct.pack(">10I", 0xD00DFEED, 72, 56, 72, 40, 17, 16, 0, 0, 16) + bytes(16) + body


def test_the_firmwares_revision_is_added() -> None:
    made = with_revision(tree())
    _, total, structs, strings, _, _, _, _, strings_size, structs_size = struct.unpack_from(">10I", made)
    assert total == len(made) == strings + strings_size
    body = made[structs : structs + structs_size]
    assert body == struct.pack(">2I", 1, 0) + struct.pack(
        ">I8s4I", 1, b"system", 3, 4, 0, REVISION
    ) + struct.pack(">3I", 2, 2, 9)
    assert made[strings:] == b"linux,revision\0"


def test_what_is_no_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="no flattened device tree"):
        with_revision(b"\0" * 80)
