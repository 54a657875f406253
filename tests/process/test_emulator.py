"""The emulator is right: pins, chips, the driver's stand-in, and the test's side of the bench.

With RPI_TM1638 naming a folder that holds the real package rpi_TM1638, that is tested instead of
the stand-in.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.house import PROJECT

EMULATOR = PROJECT / "tests/support/emulator"
sys.path[:0] = [path for path in (os.environ.get("RPI_TM1638"), str(EMULATOR)) if path]

from bench import Bench, Display  # noqa: E402
from RPi import GPIO  # noqa: E402
from rpi_TM1638 import TMBoards  # noqa: E402
from tm1638 import Bus, Chip  # noqa: E402

DIO, CLK, STB, STB2 = 19, 13, 26, 6


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench whose pins this process sees too, just started."""
    bench = Bench(tmp_path)
    for name in ("FAKE_GPIO_STUCK", "FAKE_GPIO_FAIL", "FAKE_TM1638", "FAKE_TM1638_PINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FAKE_GPIO", str(bench.pins))
    restart()
    yield bench
    monkeypatch.undo()
    GPIO.fake_reset()


def restart() -> None:
    """Go on as another process would."""
    GPIO.fake_reset()
    GPIO.setmode(GPIO.BCM)


def run(bench: Bench, code: str, **env: str) -> str:
    """What a process prints that has RPi.GPIO in mode BCM and runs this code."""
    code = "from RPi import GPIO; GPIO.setmode(GPIO.BCM); " + code
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=bench.env(**env), check=True, capture_output=True, text=True).stdout


def changes(bench: Bench, *pins: int) -> list[tuple[int, str, int]]:
    """The transitions without their times and processes."""
    return [(event.pin, event.what, event.level) for event in bench.transitions(*pins)]


# -- pins --


def test_initial_sets_the_level_before_the_direction(bench: Bench) -> None:
    GPIO.setup(23, GPIO.OUT, initial=GPIO.HIGH)
    assert changes(bench) == [(23, "level", 1), (23, "out", 1)]
    assert (bench.direction(23), bench.level(23)) == ("out", 1)


def test_without_initial_an_active_low_relay_clicks(bench: Bench) -> None:
    GPIO.setup(23, GPIO.OUT)
    GPIO.output(23, GPIO.HIGH)
    assert changes(bench) == [(23, "out", 0), (23, "level", 1)]


def test_a_level_written_again_is_a_write_but_no_transition(bench: Bench) -> None:
    GPIO.setup(23, GPIO.OUT, initial=1)
    GPIO.output(23, 1)
    GPIO.setup(23, GPIO.OUT, initial=1)
    assert changes(bench) == [(23, "level", 1), (23, "out", 1)]
    assert [(event.pin, event.what, event.level) for event in bench.writes()] == [(23, "write", 1)] * 3
    GPIO.output(23, 0)
    assert changes(bench)[2:] == [(23, "level", 0)]


def test_events_carry_time_and_process(bench: Bench) -> None:
    before = time.monotonic_ns()
    GPIO.setup([23, 24], GPIO.OUT, initial=1)
    after = time.monotonic_ns()
    events = bench.transitions()
    assert [event.ns for event in events] == sorted(event.ns for event in events)
    assert before < events[0].ns and events[-1].ns < after
    assert {event.pid for event in events} == {os.getpid()}
    assert [event.pin for event in bench.transitions(24)] == [24, 24]


def test_pins_outlive_the_process(bench: Bench) -> None:
    run(bench, "GPIO.setup(23, GPIO.OUT, initial=1); GPIO.setup(5, GPIO.OUT)")
    look = "print(GPIO.gpio_function(23), GPIO.gpio_function(5), GPIO.gpio_function(6))"
    assert run(bench, look) == f"{GPIO.OUT} {GPIO.OUT} {GPIO.IN}\n"
    before = bench.transitions()
    again = "GPIO.setwarnings(False); GPIO.setup(23, GPIO.OUT); print(GPIO.input(23))"
    assert run(bench, again) == "1\n"
    assert bench.transitions() == before
    run(bench, "GPIO.setwarnings(False); GPIO.setup(23, GPIO.OUT, initial=0)")
    assert changes(bench)[len(before) :] == [(23, "level", 0)]
    assert bench.transitions()[-1].pid not in {event.pid for event in before}


def test_processes_at_once_lose_nothing(bench: Bench) -> None:
    code = "import sys; from RPi import GPIO; GPIO.setmode(GPIO.BCM); pin = int(sys.argv[1]);"
    code += "GPIO.setup(pin, GPIO.OUT); [GPIO.output(pin, n % 2) for n in range(1, 100)]"
    pins = (5, 6, 8)
    processes = [subprocess.Popen([sys.executable, "-c", code, str(pin)], env=bench.env()) for pin in pins]
    assert [process.wait(5) for process in processes] == [0] * 3
    for pin in pins:
        assert bench.level(pin) == 1
        levels = [(pin, "level", n % 2) for n in range(1, 100)]
        assert changes(bench, pin) == [(pin, "out", 0), *levels]


def test_without_a_folder_pins_end_with_the_process(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAKE_GPIO")
    restart()
    GPIO.setup(23, GPIO.OUT, initial=1)
    assert GPIO.input(23) == 1
    restart()
    assert GPIO.gpio_function(23) == GPIO.IN
    assert not list(bench.pins.iterdir())


def test_a_reboot_makes_inputs_but_for_what_the_firmware_drives(bench: Bench) -> None:
    GPIO.setup([23, 24], GPIO.OUT, initial=0)
    bench.reboot({24: 1})
    restart()
    assert [GPIO.gpio_function(pin) for pin in (23, 24)] == [GPIO.IN, GPIO.OUT]
    assert bench.level(24) == 1
    GPIO.setwarnings(False)
    GPIO.setup(24, GPIO.OUT, initial=1)
    assert changes(bench, 24) == [(24, "out", 0)]


def test_lists_and_header_numbers(bench: Bench) -> None:
    GPIO.fake_reset()
    GPIO.setmode(GPIO.BOARD)
    GPIO.setup((16, 18), GPIO.OUT)
    GPIO.output([16, 18], (0, True))
    assert (bench.level(23), bench.level(24)) == (0, 1)
    GPIO.output([16, 18], 1)
    assert (bench.level(23), bench.level(24)) == (1, 1)
    with pytest.raises(ValueError, match="channel sent is invalid"):
        GPIO.setup(1, GPIO.OUT)


def test_pulls(bench: Bench) -> None:
    GPIO.setup(23, GPIO.IN, pull_up_down=GPIO.PUD_UP)
    GPIO.setup(24, GPIO.IN, pull_up_down=GPIO.PUD_DOWN)
    assert (GPIO.input(23), GPIO.input(24)) == (1, 0)


def test_mistakes_raise_as_in_the_original(bench: Bench) -> None:
    GPIO.setup(5, GPIO.IN)
    mistakes: list[tuple[type[Exception], str, Callable[[], object]]] = [
        (RuntimeError, "must setup", lambda: GPIO.input(23)),
        (RuntimeError, "not been set up as an OUTPUT", lambda: GPIO.output(23, 1)),
        (RuntimeError, "not been set up as an OUTPUT", lambda: GPIO.output(5, 1)),
        (RuntimeError, "channels != number", lambda: GPIO.output([5, 6], [1])),
        (RuntimeError, "channels != number", lambda: GPIO.output(5, [1])),
        (ValueError, "invalid on a Raspberry", lambda: GPIO.setup(54, GPIO.OUT)),
        (ValueError, "invalid direction", lambda: GPIO.setup(5, 2)),
        (ValueError, "not valid for inputs", lambda: GPIO.setup(5, GPIO.IN, initial=1)),
        (ValueError, "not valid for outputs", lambda: GPIO.setup(5, GPIO.OUT, GPIO.PUD_UP)),
        (ValueError, "integer or list", lambda: GPIO.setup({5}, GPIO.OUT)),  # type: ignore[arg-type]
        (ValueError, "different mode", lambda: GPIO.setmode(GPIO.BOARD)),
    ]
    for error, words, call in mistakes:
        with pytest.raises(error, match=words):
            call()
    GPIO.fake_reset()
    for call in (lambda: GPIO.gpio_function(5), lambda: GPIO.setup(5, GPIO.OUT)):
        with pytest.raises(RuntimeError, match="set pin numbering mode"):
            call()
    assert GPIO.getmode() is None


def test_another_process_output_is_no_input_of_ours(bench: Bench) -> None:
    GPIO.setup(23, GPIO.OUT, initial=1)
    restart()
    with pytest.raises(RuntimeError, match="must setup"):
        GPIO.input(23)
    assert GPIO.gpio_function(23) == GPIO.OUT


def test_cleanup_lets_go_of_the_pins_of_this_process(bench: Bench) -> None:
    GPIO.setup(5, GPIO.OUT)
    restart()
    GPIO.setup([23, 24], GPIO.OUT)
    GPIO.cleanup(24)
    assert [bench.direction(pin) for pin in (5, 23, 24)] == ["out", "out", "in"]
    GPIO.cleanup()
    assert [bench.direction(pin) for pin in (5, 23, 24)] == ["out", "in", "in"]
    assert changes(bench, 23)[-1][1] == "in"
    assert GPIO.getmode() is None


def test_warnings(bench: Bench) -> None:
    with pytest.warns(RuntimeWarning, match="nothing to clean up"):
        GPIO.cleanup()
    GPIO.setmode(GPIO.BCM)
    GPIO.setup(23, GPIO.OUT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GPIO.setup(23, GPIO.OUT)
        restart()
        GPIO.setwarnings(False)
        GPIO.setup(23, GPIO.OUT)
    restart()
    with pytest.warns(RuntimeWarning, match="already in use"):
        GPIO.setup(23, GPIO.OUT)


def test_stuck_pins_do_not_follow(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GPIO_STUCK", "23:1,8:0")
    restart()
    GPIO.setup([23, 8, 24], GPIO.OUT)
    GPIO.output([23, 8, 24], [0, 1, 1])
    assert [GPIO.input(pin) for pin in (23, 8, 24)] == [1, 0, 1]


def test_failures(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GPIO_FAIL", "setup")
    restart()
    for call in (lambda: GPIO.setup(23, GPIO.OUT), lambda: GPIO.gpio_function(23)):
        with pytest.raises(RuntimeError, match="No access to /dev/mem"):
            call()
    monkeypatch.setenv("FAKE_GPIO_FAIL", "output")
    restart()
    GPIO.setup(23, GPIO.OUT)
    with pytest.raises(RuntimeError, match="No access to /dev/mem"):
        GPIO.output(23, 1)
    assert bench.level(23) == 0
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run(bench, "", FAKE_GPIO_FAIL="import")
    assert "RuntimeError: This module can only be run on a Raspberry Pi!" in failed.value.stderr


# -- chips, bit by bit --


@pytest.fixture
def chip(bench: Bench) -> Chip:
    """A chip on the pins, the lines idle."""
    return attach(Chip())[0]


def attach(*chips: Chip) -> tuple[Chip, ...]:
    """Chips on DIO and CLK, the first with STB, the second with STB2, the lines idle."""
    GPIO.fake_attach(Bus(DIO, CLK, dict(zip((STB, STB2), chips, strict=False))))
    GPIO.setup([DIO, CLK, STB, STB2][: 2 + len(chips)], GPIO.OUT, initial=1)
    return chips


def put(bits: str) -> None:
    """Clock in these bits, the first one first."""
    for bit in bits:
        GPIO.output(CLK, 0)
        GPIO.output(DIO, int(bit))
        GPIO.output(CLK, 1)


def send(*data: int, stb: int | list[int] = STB) -> None:
    """One transmission: STB low, bytes with the lowest bit first, STB high."""
    GPIO.output(stb, 0)
    for byte in data:
        put(f"{byte:08b}"[::-1])
    GPIO.output(stb, 1)


def scan(count: int = 4, stb: int | list[int] = STB, pull: int = GPIO.PUD_UP) -> list[int]:
    """Read the keys."""
    GPIO.output(stb, 0)
    put("01000010")
    GPIO.setup(DIO, GPIO.IN, pull_up_down=pull)
    data = []
    for _ in range(count):
        byte = 0
        for bit in range(8):
            GPIO.output(CLK, 0)
            byte |= GPIO.input(DIO) << bit
            GPIO.output(CLK, 1)
            assert GPIO.input(DIO) == byte >> bit  # held until CLK falls again
        data.append(byte)
    GPIO.setup(DIO, GPIO.OUT)
    GPIO.output(stb, 1)
    return data


def view(chip: Chip) -> Display:
    """What a person sees."""
    return Display.parse(chip.report())


def test_power_on(chip: Chip) -> None:
    assert not chip.on and any(chip.ram)
    assert view(chip).lit == 0


def test_bits_come_lowest_first_on_the_rising_edge(chip: Chip) -> None:
    GPIO.output(STB, 0)
    for bit in "11010001":  # 0x8B: on, brightness 3
        GPIO.output(CLK, 0)
        GPIO.output(DIO, 1 - int(bit))
        GPIO.output(DIO, int(bit))
        GPIO.output(CLK, 1)
        GPIO.output(DIO, 1 - int(bit))
    GPIO.output(STB, 1)
    assert (chip.on, chip.brightness, chip.received) == (True, 3, 1)


def test_clock_without_strobe_is_ignored(chip: Chip) -> None:
    put("11010001")
    assert not chip.on and chip.received == 0


def test_lines_that_the_pi_lets_go_of_are_high(bench: Bench) -> None:
    chip = Chip()
    GPIO.fake_attach(Bus(DIO, CLK, {STB: chip}))
    GPIO.setup([DIO, CLK, STB], GPIO.OUT)  # their latches are low: STB falls
    put("1101000")
    GPIO.setup(DIO, GPIO.IN)
    GPIO.output(CLK, 0)
    GPIO.output(CLK, 1)
    assert chip.on
    GPIO.setup(DIO, GPIO.OUT)
    put("0000000")
    GPIO.setup(STB, GPIO.IN)  # STB rises
    put("0")
    assert chip.received == 1


def test_writing_to_an_input_moves_no_line(bench: Bench) -> None:
    chip = Chip()
    bus = Bus(DIO, CLK, {STB: chip})
    told: list[tuple[int, int | None]] = []
    bus.line = lambda pin, level: told.append((pin, level))  # type: ignore[method-assign]
    GPIO.fake_attach(bus)
    GPIO.setup(STB, GPIO.OUT, initial=1)
    assert told == [(STB, 1)]


def test_strobe_voids_a_byte_cut_short_and_keeps_those_before(chip: Chip) -> None:
    send(0x40)
    GPIO.output(STB, 0)
    put("00000011" + "10101010" + "1111111")
    GPIO.output(STB, 1)
    assert chip.ram[0] == 0x55 and chip.received == 3
    send(0x8F)
    assert chip.on and chip.ram[1] != 0x7F


def test_display_control(chip: Chip) -> None:
    send(0x40)
    send(0xC0, *[0xFF] * 16)
    for brightness in range(8):
        send(0x88 | brightness)
        assert (chip.on, chip.brightness) == (True, brightness)
        assert view(chip).lit == 72
    send(0x80)
    assert not chip.on and chip.ram == [0xFF] * 16
    assert view(chip).lit == 0


def test_address_increments(chip: Chip) -> None:
    garbage = chip.ram[0]
    send(0x40)
    send(0xCD, 1, 2, 3, 4)
    assert chip.ram[13:] == [1, 2, 3]
    assert chip.ram[:13] == [garbage] * 13  # what goes beyond is ignored


def test_address_stays(chip: Chip) -> None:
    send(0x44)
    send(0xC3, 1, 2)
    send(0xC5, 9)
    assert (chip.ram[3], chip.ram[5]) == (2, 9)
    assert chip.ram[4] == chip.ram[6] == chip.ram[0]


def test_every_set_of_buttons_is_read_as_it_is(chip: Chip) -> None:
    where = {1: (0, 0x01), 2: (1, 0x01), 3: (2, 0x01), 4: (3, 0x01)}
    where |= {5: (0, 0x10), 6: (1, 0x10), 7: (2, 0x10), 8: (3, 0x10)}
    for count in range(9):
        for buttons in itertools.combinations(where, count):
            chip.pressed = set(buttons)
            expected = [0] * 4
            for button in buttons:
                expected[where[button][0]] |= where[button][1]
            assert scan() == expected
    assert (chip.received, chip.scans) == (256, 256)
    chip.pressed = {1, 5}
    assert scan(6) == [0x11, 0, 0, 0, 0xFF, 0xFF]


def test_writing_goes_on_after_a_key_scan(chip: Chip) -> None:
    scan()
    send(0x8A)
    assert chip.on and chip.brightness == 2


def test_unplugged_reads_ff_and_forgets(chip: Chip) -> None:
    send(0x40)
    send(0xC0, *[0] * 16)
    send(0x88)
    chip.pressed = {1}
    chip.plug(False)
    assert scan() == [0xFF] * 4
    assert scan(pull=GPIO.PUD_DOWN) == [0] * 4
    send(0x8F)
    assert not chip.on
    chip.plug(True)
    assert scan() == [1, 0, 0, 0]
    assert not chip.on and any(chip.ram)


def test_two_boards_share_two_lines(bench: Bench) -> None:
    one, two = attach(Chip(), Chip())
    send(0x89)
    send(0x8F, stb=STB2)
    assert (one.brightness, two.brightness) == (1, 7)
    send(0x40, stb=[STB, STB2])
    send(0xC0, 0x3F, stb=[STB, STB2])
    assert one.ram[0] == two.ram[0] == 0x3F
    send(0xC0, 0x06, stb=STB2)
    assert (one.ram[0], two.ram[0]) == (0x3F, 0x06)
    one.pressed, two.pressed = {1, 2}, {2, 8}
    assert scan() == [1, 1, 0, 0]
    assert scan(stb=STB2) == [0, 1, 0, 0x10]
    assert scan(stb=[STB, STB2]) == [0, 1, 0, 0]  # open drain: any 0 wins
    two.plug(False)
    assert scan() == [1, 1, 0, 0]
    assert scan(stb=STB2) == [0xFF] * 4


def test_a_person_reads_the_board() -> None:
    ram = [0] * 16
    for n, segments in enumerate([0x01, 0x08, 0x81, 0x40, 0x06, 0xDB, 0x77, 0x12]):
        ram[2 * n] = segments
    ram[3] = ram[15] = 1
    display = Display(ram=tuple(ram), on=True)
    assert display.upper == {1, 3} and display.lower == {2}
    assert display.dots == {3, 6} and display.leds == {2, 8}
    assert display.text == "‾_‾.-12.A#"
    assert display.lit == 1 + 1 + 2 + 1 + 2 + 6 + 6 + 2 + 2
    assert str(display) == "○●○○○○○● [‾_‾.-12.A#]"
    dark = Display(ram=tuple(ram))
    assert (dark.leds, dark.upper, dark.dots, dark.text) == (set(), set(), set(), " " * 8)


# -- the driver (the real one, or its stand-in) --


class Recorder(Chip):
    """A chip that keeps the bytes of each transmission."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[list[int]] = []

    def select(self) -> None:
        self.heard.append([])
        super().select()

    def _byte(self, byte: int) -> None:
        self.heard[-1].append(byte)
        super()._byte(byte)

    def news(self) -> list[list[int]]:
        """The transmissions since the last call, without empty ones."""
        heard, self.heard = [data for data in self.heard if data], []
        return heard


def boards(*chips: Chip) -> TMBoards:
    """The driver on chips."""
    GPIO.fake_attach(Bus(DIO, CLK, dict(zip((STB, STB2), chips, strict=False))))
    return TMBoards(DIO, CLK, STB if len(chips) == 1 else (STB, STB2), 2)


def test_the_driver_says_these_bytes(bench: Bench) -> None:
    chip = Recorder()
    driver = boards(chip)
    clear = [0x40, 0xC0] + [0] * 16
    assert chip.news() == [[0x8A], clear]
    driver.sendData(6, 0x81, 0)
    assert chip.news() == [[0x44], [0xC6, 0x81]]
    driver.getData(0)
    assert chip.news() == [[0x42]]
    driver.turnOff()
    driver.turnOn(7)
    driver.sendCommand(0x83, 0)
    assert chip.news() == [[0x80], [0x8F], [0x83]]
    driver.clearDisplay()
    assert chip.news() == [clear]
    assert driver.nbBoards == 1


def test_the_driver_drives(bench: Bench) -> None:
    chips = Chip(), Chip()
    driver = boards(*chips)
    assert [chip.ram for chip in chips] == [[0] * 16] * 2
    assert [(chip.on, chip.brightness) for chip in chips] == [(True, 2)] * 2
    driver.sendData(0, 0x3F, 0)
    driver.sendData(15, 1, 1)
    assert view(chips[0]).text == "0       " and view(chips[1]).leds == {8}
    chips[0].pressed, chips[1].pressed = {1, 5, 8}, {4}
    assert driver.getData(0) == [0x11, 0, 0, 0x10]
    assert driver.getData(1) == [0, 0, 0, 1]
    chips[1].plug(False)
    assert driver.getData(1) == [0xFF] * 4
    driver.turnOff(0)
    assert view(chips[0]).lit == 0
    driver.turnOn(5, 0)
    assert chips[0].brightness == 5 and view(chips[0]).lit == 6
    driver.clearDisplay()
    assert chips[0].ram == [0] * 16
    assert driver.nbBoards == 2


def test_the_driver_reads_ff_without_a_board(bench: Bench) -> None:
    chip = Chip()
    driver = boards(chip)
    chip.plug(False)
    assert driver.getData(0) == [0xFF] * 4


def test_a_key_scan_is_fast_and_writes_no_file(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_TM1638", str(bench.boards))
    restart()
    driver = TMBoards(DIO, CLK, STB)
    published = bench.display().ns
    assert published

    def timed() -> float:
        start = time.process_time()  # which a busy machine does not stretch
        driver.getData(0)
        return time.process_time() - start

    assert min(timed() for _ in range(20)) < 0.01
    assert bench.display().ns == published
    assert not list(bench.pins.iterdir())


# -- boards of another process --

PANEL = """
import os
from rpi_TM1638 import TMBoards
driver = TMBoards(19, 13, {stb}, 2)
lit = [0] * 8 * driver.nbBoards
while True:
    for board in range(driver.nbBoards):
        keys = driver.getData(board)
        if keys == [0xFF] * 4:
            continue
        for n in range(8):
            down = keys[n % 4] >> (4 if n > 3 else 0) & 1
            if lit[8 * board + n] != down:
                lit[8 * board + n] = down
                driver.sendData(2 * n + 1, down, board)
    os.sched_yield()  # it scans as fast as it can, and lets others run
"""


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a panel, whose leds follow its buttons; it is stopped at the end."""
    processes = []

    def start(bench: Bench, stb: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PANEL.format(stb=stb)]
        processes.append(subprocess.Popen(command, env=bench.env()))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


Start = Callable[[Bench, object], "subprocess.Popen[bytes]"]


@pytest.mark.timing
def test_a_panel_in_another_process(bench: Bench, start: Start) -> None:
    assert bench.display() == Display()
    panel = start(bench, STB)
    bench.wait_for(lambda display: display.on and display.ram == (0,) * 16)
    before = time.monotonic_ns()
    bench.press({1, 5})
    display = bench.wait_for(lambda display: display.leds == {1, 5})
    assert before < display.ns < time.monotonic_ns()
    assert display.pid == panel.pid and display.seen == (1, 5)
    bench.click(2, 3)
    last = bench.wait_for(lambda display: not display.leds)
    # Leds 1 and 5 on; off, and 2 and 3 on; these off: each is one data command, address and value.
    bench.press({8})
    last = bench.wait_for(lambda display: display.leds == {8})
    assert last.sent - display.sent == 3 * 7
    with pytest.raises(AssertionError, match="not within 0.01 s.*●"):
        bench.wait_for(lambda display: False, timeout=0.01)
    panel.kill()
    panel.wait()
    assert bench.display() == last  # a board keeps showing what it was told
    bench.release(timeout=None)
    panel = start(bench, STB)
    again = bench.wait_for(lambda display: display.pid == panel.pid and not display.leds)
    assert again.received > last.received


@pytest.mark.timing
def test_two_boards_in_another_process(tmp_path: Path, start: Start) -> None:
    bench = Bench(tmp_path, stb=(STB, STB2))
    start(bench, (STB, STB2))
    bench.press({4, 8}, board=2)
    bench.wait_for(lambda display: display.leds == {4, 8}, board=2)
    bench.press({1})
    bench.wait_for(lambda display: display.leds == {1})
    assert bench.display(2).leds == {4, 8}
    bench.unplug(2)
    gone = bench.wait_for(lambda display: not display.plugged, board=2)
    assert not gone.leds and bench.display().leds == {1}
    bench.plug(2)
    back = bench.wait_for(lambda display: display.plugged, board=2)
    assert not back.on
    bench.press({2}, board=2)  # its buttons work at once, its display is off
    assert not bench.display(2).leds


def test_buttons_by_hand(bench: Bench, start: Start) -> None:
    start(bench, STB)
    (bench.boards / "buttons").write_text("3 7\n")
    bench.wait_for(lambda display: display.leds == {3, 7})
    (bench.boards / "buttons").unlink()
    bench.wait_for(lambda display: not display.leds)
    assert json.loads((bench.boards / "display.json").read_text())["boards"][0]["seen"] == []
