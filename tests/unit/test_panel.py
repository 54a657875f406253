"""The panel: its pure part, its face on emulated chips, and what it reads in the files."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import support.panel  # noqa: F401  (finds the emulator)
from support.house import PROJECT, House, defaults

from bench import Display  # isort: skip
from RPi import GPIO  # isort: skip
from tm1638 import Bus, Chip  # isort: skip

from domo.panel import frame as panel  # isort: skip
from domo.core.history import History
from domo.core.model import Past, Row
from domo.core.records import replace
from domo.stores.config import load

from domo.panel.frame import CODE, CODES, DOT, View, frame, phase, press, rows  # isort: skip
from domo.panel.seen import Seen  # isort: skip
from domo.panel.tm1638 import COMMIT, REDRAW_SECONDS, TM1638  # isort: skip

TOP, MIDDLE, BOTTOM = 0x01, 0x40, 0x08
AUTO = dict.fromkeys(range(1, 9), 1)


def view(modes: Mapping[int, int | None] = AUTO, **more: Any) -> View:
    """What a panel of 8 relays knows, all off and well but for what is said."""
    given = {"config": defaults(), "modes": {**AUTO, **modes}, "states": {}, "past": Past(), **more}
    return View(**given)


# -- pure --


def test_a_press_goes_from_auto_to_forced_on_to_forced_off_to_auto() -> None:
    for start in (1, 2, None):
        pending: dict[int, int] = {}
        seen = []
        for _ in range(4):
            pending = press(pending, {3: start}, 3)
            seen.append(pending[3])
        assert seen == [3, 0, 1, 3]
    assert press({}, {3: 3}, 3) == {3: 0}
    assert press({}, {3: 0}, 3) == {3: 1}
    assert press({1: 3}, AUTO, 3) == {1: 3, 3: 3}, "other choices stay"


def test_back_to_auto_writes_nothing_over_the_programs_mode() -> None:
    assert panel.changes({1: 1, 2: 1, 3: 1, 4: 3, 5: 3}, {1: 2, 2: 1, 3: 0, 4: 3, 5: None}) == {3: 1, 5: 3}


def test_digits_show_modes_and_leds_show_states() -> None:
    shown = view({1: 3, 2: 0, 3: 1, 4: 2, 5: None}, states={1: 1, 4: 1, 5: 0})
    [(digits, leds)] = frame(shown, 1, 0)
    assert list(digits) == [TOP, BOTTOM, 0, 0, MIDDLE, 0, 0, 0]
    assert list(leds) == [1, 0, 0, 1, 0, 0, 0, 0]


def test_in_auto_and_off_nothing_is_lit() -> None:
    assert frame(view(), 1, 0) == [(bytes(8), bytes(8))]


def test_a_choice_is_shown_before_the_mode() -> None:
    [(digits, _)] = frame(view({1: 3}, pending={1: 0, 2: 3}), 1, 0)
    assert list(digits)[:3] == [BOTTOM, TOP, 0]


def test_relays_beyond_eight_are_on_the_next_boards() -> None:
    config = replace(defaults(), relayNb=12)
    shown = view({9: 3, 12: 0}, states={8: 1, 12: 1, 13: 1}, config=config)
    boards = frame(shown, 3, 0)
    assert [list(digits) for digits, _ in boards] == [[0] * 8, [TOP, 0, 0, BOTTOM, 0, 0, 0, 0], [0] * 8]
    assert [sum(leds) for _, leds in boards] == [1, 1, 0], "there is no relay 13"


def test_the_last_dot_blinks_while_a_change_is_on_its_way() -> None:
    for busy in (view(pending={1: 3}), view(ticking=True)):
        assert {phase(busy, moment / 100) for moment in range(100)} == {0, DOT}
        assert frame(busy, 2, DOT)[1][0][7] == 0x80
        assert frame(busy, 2, DOT)[0][0] == frame(busy, 2, 0)[0][0]
    assert {phase(view(), moment / 10) for moment in range(100)} == {0}


def test_the_gravest_trouble_is_told_by_its_code_now_and_then() -> None:
    shown = view({1: 3}, faults=("E3", "E7"))
    phases = [phase(shown, moment / 10) for moment in range(30)]
    assert phases.count(CODE) == 10 and set(phases) == {0, CODE}
    assert Display(ram=ram(frame(shown, 1, CODE)[0]), on=True).text == "E3      "
    assert frame(shown, 1, 0)[0][0][0] == TOP


def test_a_choice_is_more_urgent_than_a_code() -> None:
    assert CODE not in {phase(view(faults=("E1",), pending={1: 3}), n / 10) for n in range(40)}


def test_every_code_can_be_read_on_the_board() -> None:
    for code in CODES:
        [(digits, _)] = frame(view(faults=(code,)), 1, CODE)
        assert Display(ram=ram((digits, bytes(8))), on=True).text.strip() == code


def test_relays_in_words() -> None:
    past = Past(history={1: History(((90.0, 1),)), 2: History(((50.0, 1),))}, why={1: "float", 2: "over"})
    config = replace(defaults(), relayNb=3, relayName={1: "Pump"})
    told = rows(view({1: 2, 2: 0, 3: None}, states={1: 1, 2: 0}, past=past, config=config, pending={2: 1}))
    assert told == [
        (1, "Pump", "auto on", "on", 90.0, "float"),
        (2, "relay 2", "auto off", "off", None, "chosen just now"),
        (3, "relay 3", "no mode", "?", None, ""),
    ]


def ram(board: tuple[bytes, bytes]) -> tuple[int, ...]:
    """A board of a frame as the chip's display memory."""
    return tuple(itertools.chain.from_iterable(zip(*board, strict=True)))


# -- the face, on a chip in this process --


class Tapped(Chip):
    """A chip that counts the bytes that are sent to it besides key scans."""

    @property
    def sent(self) -> int:
        return self.received - self.scans


class Spoilt(Tapped):
    """A chip on bad wires: the next key scan reads what nobody pressed."""

    spoil = False

    def _byte(self, byte: int) -> None:
        pressed, self.pressed = self.pressed, {1, 2} if self.spoil and byte == 0x42 else self.pressed
        super()._byte(byte)
        self.pressed, self.spoil = pressed, self.spoil and byte != 0x42


Wired = Callable[..., TM1638]


@pytest.fixture
def wired(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wired]:
    """Makes the face on chips that hang on this process's own pins."""
    for name in ("FAKE_GPIO", "FAKE_TM1638", "FAKE_GPIO_FAIL"):
        monkeypatch.delenv(name, raising=False)
    GPIO.fake_reset()

    def make(*chips: Chip) -> TM1638:
        stb = (26, 6)[: len(chips)]
        GPIO.fake_attach(Bus(19, 13, dict(zip(stb, chips, strict=True))))
        face = TM1638(replace(defaults(), stb=stb, brightness=3))
        face.pressed(0.0)
        return face

    yield make
    GPIO.fake_reset()


def test_only_changed_bytes_are_sent(wired: Wired) -> None:
    chip = Tapped()
    face = wired(chip)
    face.show(view({1: 3}, states={1: 1}), 0)
    before = chip.sent
    for n in range(20):
        face.pressed(1.0 + n)
        face.show(view({1: 3}, states={1: 1}), 0)
    assert chip.sent == before
    face.show(view({1: 3, 2: 0}, states={1: 1}), 0)
    assert chip.sent == before + 3, "a data command, an address, a byte"
    assert Display.parse(chip.report()).lower == {2}


def test_brightness_is_the_configured_one(wired: Wired) -> None:
    chip = Chip()
    wired(chip)
    assert (chip.on, chip.brightness) == (True, 3)


def test_a_glitch_is_healed_by_a_full_redraw(wired: Wired) -> None:
    chip = Chip()
    face = wired(chip)
    face.show(view({1: 3}), 0)
    chip.ram, chip.on = [0xFF] * 16, False
    face.pressed(REDRAW_SECONDS - 1)
    assert not chip.on
    face.pressed(REDRAW_SECONDS + 1)
    assert (chip.on, chip.brightness, chip.ram) == (True, 3, [TOP] + [0] * 15)


def test_every_pair_of_buttons_counts_as_both(wired: Wired) -> None:
    one, two = Chip(), Chip()
    face = wired(one, two)
    buttons = [(chip, n) for chip in (one, two) for n in range(1, 9)]
    for pair in itertools.combinations(buttons, 2):
        for chip, button in pair:
            chip.pressed = chip.pressed | {button}
        expected = [button + 8 * (chip is two) for chip, button in pair]
        assert face.pressed(1.0) == expected
        assert face.pressed(1.0) == [], "held, and counted already"
        one.pressed = two.pressed = set()
        assert face.pressed(1.0) == []


def test_a_button_pressed_while_another_is_held_counts(wired: Wired) -> None:
    chip = Chip()
    face = wired(chip)
    assert not face.quick
    chip.pressed = {1}
    assert face.pressed(1.0) == [1] and face.quick
    chip.pressed = {1, 5}
    assert face.pressed(1.0) == [5]
    chip.pressed = {5}
    assert face.pressed(1.0) == []
    chip.pressed = {1, 5}
    assert face.pressed(1.0) == [1]
    chip.pressed = set()
    assert face.pressed(1.0) == [] and not face.quick


def test_an_unplugged_board_presses_nothing_and_comes_back_as_it_was(wired: Wired) -> None:
    chip = Chip()
    face = wired(chip)
    face.show(view({1: 3}, states={2: 1}), 0)
    chip.plug(False)
    assert face.pressed(1.0) == face.pressed(1.0) == []
    chip.plug(True)
    assert not chip.on
    assert face.pressed(1.0) == []
    assert chip.on and Display.parse(chip.report()).leds == {2} and Display.parse(chip.report()).upper == {1}


def test_what_is_down_when_it_starts_or_a_board_comes_back_is_no_press(wired: Wired) -> None:
    chip = Chip()
    chip.pressed = {2, 6}
    face = wired(chip)
    assert face.pressed(1.0) == []
    chip.pressed = {6}
    assert face.pressed(2.0) == []
    chip.pressed = {2, 6}
    assert face.pressed(3.0) == [2]
    chip.plug(False)
    assert face.pressed(4.0) == [] and not face.quick
    chip.plug(True)
    assert face.pressed(5.0) == [] and face.quick
    chip.pressed = set()
    assert face.pressed(6.0) == [] and not face.quick
    chip.pressed = {6}
    assert face.pressed(7.0) == [6]


def test_a_button_that_stays_down_is_told_and_others_go_on(wired: Wired) -> None:
    one, two = Chip(), Chip()
    face = wired(one, two)
    two.pressed = {3}
    assert face.pressed(1.0) == [11] and face.quick
    assert face.pressed(62.0) == [] and face.jammed == (11,) and not face.quick
    one.pressed = {1}
    assert face.pressed(63.0) == [1] and face.jammed == (11,)
    two.plug(False)
    assert face.pressed(64.0) == [] and face.jammed == ()


def test_one_spoilt_scan_presses_nothing(wired: Wired) -> None:
    chip = Spoilt()
    face = wired(chip)
    chip.spoil = True
    assert face.pressed(1.0) == face.pressed(1.0) == []
    chip.pressed = {4}
    assert face.pressed(1.0) == [4]


def test_closing_leaves_the_display_dark(wired: Wired) -> None:
    chip = Chip()
    face = wired(chip)
    face.show(view({1: 3}), 0)
    face.close()
    assert not chip.on and chip.ram == [0] * 16


def test_the_extra_installs_the_tested_driver() -> None:
    project = (PROJECT / "pyproject.toml").read_text()
    assert f"rpi_TM1638 @ git+https://github.com/thilaire/rpi-TM1638@{COMMIT}" in project


# -- what it has read --


def seen(house: House) -> Seen:
    """What a panel has seen that reads all files now."""
    config, _ = load(str(house.config))
    what = Seen(config, 0.0)
    for path in (config.modPath, config.etatPath, config.memory_path):
        what.read(path, 0.0)
    return what


def test_while_the_mode_file_cannot_be_used_the_last_good_modes_are_shown(house: House) -> None:
    house.script(1, "return relay.on('sun')")
    house.tick()
    what = seen(house)
    for spoil in (lambda: house.mode_file.write_text("{"), house.mode_file.unlink):
        spoil()
        what.read(str(house.mode_file), 0.0)
        assert what.modes == {1: 2, 2: 1, 3: 1} and what.faults()["E3"]


def test_a_force_that_is_missing_in_the_mode_file_is_shown(house: House) -> None:
    """The next tick writes it there again."""
    house.set_modes({1: 1, 2: 3, 3: 1})
    house.tick()
    house.set_modes({1: 1})
    what = seen(house)
    assert what.modes == {1: 1, 2: 3, 3: 1} and what.differ


@pytest.mark.parametrize(
    "past, codes",
    [
        (Past(tick=0.0, data=0.0), set()),
        (Past(), {"E4"}),
        (Past(tick=0.0, data=None), {"E5"}),
        (Past(tick=0.0, data=600.0), set()),
        (Past(tick=0.0, data=601.0), {"E5"}),
        (Past(tick=0.0, data=0.0, unwritten=(Row(0.0, 1, "E", 1, "sun"),)), {"E6"}),
        (Past(tick=0.0, data=0.0, stuck={"journal": (1, 1)}), {"E6"}),
        (Past(tick=0.0, data=0.0, stuck={"data": (1, 1)}), set()),
        (Past(tick=0.0, data=0.0, reports=("a fault",)), {"E7"}),
    ],
)
def test_what_the_memory_tells_of_faults(house: House, past: Past, codes: set[str]) -> None:
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.state_file.write_text('{"1":0,"2":0,"3":0}')
    what = seen(house)
    what.past = past
    assert {code for code, holds in what.faults().items() if holds} == codes


def test_a_memory_that_cannot_be_read_any_more_is_told(house: House) -> None:
    house.tick()
    what = seen(house)
    assert not what.faults()["E4"]
    house.memory_file.write_text("{")
    what.read(str(house.memory_file), 0.0)
    assert what.faults()["E4"]
