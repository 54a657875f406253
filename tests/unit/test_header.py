"""The tables of the 40-pin header, against the header that Raspberry Pi's documentation prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import draw_wires
from domo.core import header
from domo.core.records import replace
from domo.core.settings import Config
from domo.stores import schema, yaml_file
from support.house import PROJECT

# The header as `pinout` and the documentation show it: odd pins on the left, even ones on the right.
OFFICIAL = """
       3V3  1 |  2 5V
     GPIO2  3 |  4 5V
     GPIO3  5 |  6 GND
     GPIO4  7 |  8 GPIO14
       GND  9 | 10 GPIO15
    GPIO17 11 | 12 GPIO18
    GPIO27 13 | 14 GND
    GPIO22 15 | 16 GPIO23
       3V3 17 | 18 GPIO24
    GPIO10 19 | 20 GND
     GPIO9 21 | 22 GPIO25
    GPIO11 23 | 24 GPIO8
       GND 25 | 26 GPIO7
     GPIO0 27 | 28 GPIO1
     GPIO5 29 | 30 GND
     GPIO6 31 | 32 GPIO12
    GPIO13 33 | 34 GND
    GPIO19 35 | 36 GPIO16
    GPIO26 37 | 38 GPIO20
       GND 39 | 40 GPIO21
"""
# wiringPi's numbers by physical pin, as its own physToGpio and pinToGpio tables pair them ("gpio readall").
WIRING_PI = {
    3: 8, 5: 9, 7: 7, 8: 15, 10: 16, 11: 0, 12: 1, 13: 2, 15: 3, 16: 4, 18: 5, 19: 12, 21: 13, 22: 6, 23: 14,
    24: 10, 26: 11, 27: 30, 28: 31, 29: 21, 31: 22, 32: 26, 33: 23, 35: 24, 36: 27, 37: 25, 38: 28, 40: 29,
}  # fmt: skip
SHIPPED = schema.parse(f"{PROJECT}/config.yaml", yaml_file.read(f"{PROJECT}/config.yaml"))
DOCUMENTS = [PROJECT / "WIRING.md", PROJECT / "WIRING.fr.md"]


def test_every_pin_is_what_the_documentation_says() -> None:
    found = {int(n): name for name, n in re.findall(r"(\w+) +(\d+) \|", OFFICIAL)}
    found |= {int(n): name for n, name in re.findall(r"\| +(\d+) (\w+)", OFFICIAL)}
    names = {header.V3: "3V3", header.V5: "5V", header.GROUND: "GND"}
    ours = {
        pin: f"GPIO{what}" if isinstance(what, int) else names[what]
        for pin, what in enumerate(header.HEADER, 1)
    }
    assert ours == found


def test_the_three_numberings_are_of_one_mind() -> None:
    assert set(header.PHYSICAL) == set(header.BCM_PINS)
    assert {pin: header.WIRING_PI.index(bcm) for bcm, pin in header.PHYSICAL.items()} == WIRING_PI


def test_supplies_come_from_supply_pins() -> None:
    for pin in (header.RELAYS_3V, header.PANEL_3V):
        assert header.HEADER[pin - 1] == header.V3
    for pin in (header.PANEL_GROUND, header.RELAYS_GROUND):
        assert header.HEADER[pin - 1] == header.GROUND


@st.composite
def houses(draw: st.DrawFn) -> Config:
    """A configuration with any pins that the header has, no pin used twice."""
    pins = draw(st.permutations(list(header.BCM_PINS)))
    panels = draw(st.integers(0, 3))
    relays = draw(st.integers(1, len(pins) - (panels + 2 if panels else 0)))
    document: dict[str, object] = {
        "relayNb": relays,
        "relayGpio": {relay: pins[relay - 1] for relay in range(1, relays + 1)},
        "relayActiveLow": draw(st.booleans()),
        "tm1638": {"stb": []},
    }
    if panels:
        dio, clk, *stb = pins[-panels - 2 :]
        document["tm1638"] = {"stb": stb, "dio": dio, "clk": clk}
    return schema.parse("/config.yaml", {"domo": document})


@given(houses())
def test_every_pin_has_one_wire(config: Config) -> None:
    relays, panel = dict(header.relay_wires(config)), dict(header.panel_wires(config))
    supplies = {"VCC", "GND"}
    data = [pin for wires in (relays, panel) for name, pin in wires.items() if name not in supplies]
    assert len(set(data)) == len(data) == len(config.relays) + (len(config.stb) + 2 if config.stb else 0)
    assert [header.HEADER[relays[f"IN{relay}"] - 1] for relay in config.relays] == [
        config.relayGpio[relay] for relay in config.relays
    ]
    everything = {**relays, **{f"panel {name}": pin for name, pin in panel.items()}}
    assert all(header.HEADER[pin - 1] != header.V5 for pin in everything.values())  # 5 V would end the Pi


@given(houses())
def test_the_firmware_holds_off_exactly_the_relays(config: Config) -> None:
    line = header.firmware_line(config)
    assert len(line) <= 78  # more some firmware does not read
    found = re.fullmatch(r"gpio=([\d,-]+)=op,(d[hl])", line)
    assert found is not None
    spans = [part.split("-") for part in found[1].split(",")]
    pins = [pin for span in spans for pin in range(int(span[0]), int(span[-1]) + 1)]
    assert sorted(pins) == sorted(config.relayGpio[relay] for relay in config.relays)
    assert found[2] == ("dh" if config.relayActiveLow else "dl")


@pytest.mark.parametrize("name", draw_wires.WORDS)
def test_the_pictures_are_what_the_tables_draw(name: str) -> None:
    drawn = draw_wires.draw(SHIPPED, draw_wires.WORDS[name])
    told = "run: python3 tools/draw_wires.py, and look at what it drew"
    assert (PROJECT / "docs" / name).read_text(encoding="utf-8") == drawn, told


def test_another_wire_is_another_picture() -> None:
    moved = replace(SHIPPED, relayGpio={**SHIPPED.relayGpio, 1: 25})
    words = draw_wires.WORDS["wiring.svg"]
    assert draw_wires.draw(moved, words) != draw_wires.draw(SHIPPED, words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_documents_tell_the_same_wires(document: Path) -> None:
    text = document.read_text()
    told = re.findall(r"^\| (\w+) \| ([\d.,V ]+|GND) \| (\d+) \| (\d*) *\|", text, re.MULTILINE)
    wires = [*header.relay_wires(SHIPPED), *header.panel_wires(SHIPPED)]
    assert [(name, int(pin)) for name, _, pin, _ in told] == wires
    for _, bcm, pin, wiring_pi in told:
        assert bcm.replace(",", ".") == str(header.HEADER[int(pin) - 1])
        assert wiring_pi == (str(WIRING_PI[int(pin)]) if bcm.isdecimal() else "")


@pytest.mark.parametrize("name", ["README.md", "README.fr.md", "WIRING.md", "WIRING.fr.md"])
def test_the_documents_tell_the_firmwares_line(name: str) -> None:
    lines = {line.strip() for line in (PROJECT / name).read_text().splitlines()}
    assert header.firmware_line(SHIPPED) in lines
