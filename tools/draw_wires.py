"""Draws docs/wiring.svg and its French twin, from the tables that the program itself uses.

    python3 tools/draw_wires.py

A test fails when the pictures are not what this draws.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "lib"))

from domo.core import header  # noqa: E402
from domo.core.settings import Config
from domo.stores import schema, yaml_file  # noqa: E402

WORDS: dict[str, dict[str, str | tuple[str, ...]]] = {
    "wiring.svg": {
        "title": "Which wire goes where",
        "default": "for config.yaml as it comes; for yours: bin/domo-tick --wires",
        "notes": (
            "Take all power away before you touch a wire.",
            "Go by the names on your boards: their order differs.",
            "Nothing of the 5 V supply goes to the header.",
        ),
        "relay": "relay",
        "pin": "pin",
        "header": "its 40-pin header; pin 1 is at the SD card's end",
        "usb": "fed through its own USB plug",
        "relays": "Relay board",
        "low": "on at a low level",
        "panel": "TM1638 board",
        "free": "free",
        "jumper": "jumper off",
        "coils": "5 V for the coils",
        "supply": "0.08 A for each relay",
        "mains": "from here on 230 V: only by a person who may do so",
        "legend": ("3.3 V", "ground", "5 V, for the coils only", "data, 3.3 V"),
    },
    "wiring.fr.svg": {
        "title": "Quel fil va où",
        "default": "pour le config.yaml fourni ; pour le vôtre : bin/domo-tick --wires",
        "notes": (
            "Coupez tout avant de toucher à un fil.",
            "Fiez-vous aux noms sur vos cartes : l'ordre y varie.",
            "Rien de l'alimentation 5 V ne va au connecteur.",
        ),
        "relay": "relais",
        "pin": "broche",
        "header": "son connecteur à 40 broches ; la 1 est du côté de la carte SD",
        "usb": "alimenté par sa propre prise USB",
        "relays": "Carte relais",
        "low": "marche au niveau bas",
        "panel": "Carte TM1638",
        "free": "libre",
        "jumper": "cavalier ôté",
        "coils": "5 V pour les bobines",
        "supply": "0,08 A pour chaque relais",
        "mains": "à partir d'ici 230 V : seulement par une personne habilitée",
        "legend": ("3,3 V", "masse", "5 V, pour les bobines seulement", "données, 3,3 V"),
    },
}

INK, FAINT, PAPER = "#1f2933", "#9aa3ad", "#fbfaf7"
RED, BLACK, ORANGE, MAINS = "#d62828", "#212529", "#f08c00", "#b02a37"
RELAY_INKS = ("#8d5524", "#b8860b", "#5c940d", "#2b8a3e", "#0b7285", "#1864ab", "#5f3dc4", "#a61e4d")
PANEL_INKS = {"VCC": RED, "GND": BLACK, "STB": "#1c7ed6", "CLK": "#9c36b5", "DIO": "#2f9e44"}
MIDDLE, END, BOLD = 'text-anchor="middle"', 'text-anchor="end"', 'font-weight="bold"'

WIDTH, HEIGHT = 1280, 890
PITCH, TOP = 30, 158  # of the header's rows, and the middle of the first
COLUMNS = (620, 650)  # the middles of its odd and its even pins
LABELS = ((498, 600), (680, 782))  # from where to where they are named
PANEL = (40, 430, 350, 240)  # x, y, width, height of the TM1638 board
RELAYS = (926, 110, 290, 620)  # and of the relay board
LANE = 13  # between two wires side by side


class Wire(NamedTuple):
    """A wire from a pin of the header to a terminal of a board."""

    pin: int
    x: int
    y: int
    ink: str


def draw(config: Config, words: dict[str, str | tuple[str, ...]]) -> str:
    """The picture, as SVG."""
    right = [
        Wire(
            pin,
            RELAYS[0],
            173 if number == 0 else 162 + 60 * number,
            RELAY_INKS[number - 1] if number else RED,
        )
        for number, (_, pin) in enumerate(header.relay_wires(config))
    ]
    left = [
        Wire(pin, PANEL[0] + PANEL[2], 488 + 30 * number, PANEL_INKS[terminal])
        for number, (terminal, pin) in enumerate(header.panel_wires(config))
    ]
    say = {name: word for name, word in words.items() if isinstance(word, str)}
    parts = [
        box(0, 0, WIDTH, HEIGHT, PAPER, round_=0),
        text(40, 52, say["title"], 28, more=BOLD),
        text(40, 78, say["default"], 14),
        *_notes(words),
        *_table(config, say),
        *_pi(say),
        *_relays(config, say),
        *_panel(config, say),
        *_supply(say),
        *_wires(right, 1),
        *_wires(left, 0),
        *_pins({wire.pin: wire.ink for wire in (*left, *right)}),
        *_legend(words["legend"]),
    ]
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
    font = 'font-family="DejaVu Sans, Verdana, Arial, sans-serif"'
    return "\n".join([f"{start} {font}>", f"<title>{escape(say['title'])}</title>", *parts, "</svg>", ""])


def text(x: float, y: float, words: str, size: int = 13, ink: str = INK, more: str = "") -> str:
    """Words, on the line `y`."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{ink}" {more}>{escape(words, False)}</text>'


def box(
    x: float, y: float, width: float, height: float, ink: str, edge: str = "none", round_: int = 6
) -> str:
    """A rectangle."""
    shape = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_}"'
    return f'<rect {shape} fill="{ink}" stroke="{edge}"/>'


def dot(x: float, y: float, radius: float, ink: str, edge: str = "none") -> str:
    """A circle."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{ink}" stroke="{edge}"/>'


def line(path: str, ink: str) -> str:
    """A wire, with a bright edge, so that one is seen to pass over another."""
    shape = f'd="{path}" fill="none" stroke-linejoin="round" stroke-linecap="round"'
    return (
        f'<path {shape} stroke="{PAPER}" stroke-width="7"/><path {shape} stroke="{ink}" stroke-width="3.5"/>'
    )


def row(pin: int) -> int:
    """The height of a pin's middle."""
    return TOP + (pin - 1) // 2 * PITCH


def _wires(wires: list[Wire], side: int) -> Iterator[str]:
    """Wires to the left (0) or the right (1) of the header: across, along a lane of their own, across.
    One that comes from the other column passes below the pin beside it."""
    away = (-1, 1)[side]
    edge = LABELS[side][side]
    starts = {wire: row(wire.pin) + (0 if wire.pin % 2 == 1 - side else PITCH // 2) for wire in wires}
    rising = sorted((w for w in wires if starts[w] > w.y), key=lambda w: starts[w])
    falling = sorted((w for w in wires if starts[w] < w.y), key=lambda w: -starts[w])
    lanes = {wire: edge + away * (20 + LANE * lane) for lane, wire in enumerate((*rising, *falling))}
    for wire in wires:
        pin = COLUMNS[1 - wire.pin % 2]
        begin = (
            f"M{edge} {row(wire.pin)}"
            if wire.pin % 2 == 1 - side
            else f"M{pin} {row(wire.pin)}V{starts[wire]}"
        )
        lane = f"H{lanes[wire]}V{wire.y}" if wire in lanes else ""
        yield line(f"{begin}{lane}H{wire.x}", wire.ink)


def _pi(say: dict[str, str]) -> Iterator[str]:
    yield text(635, 100, "Raspberry Pi", 18, more=f"{MIDDLE} {BOLD}")
    yield text(635, 121, say["header"], 12, more=MIDDLE)
    yield box(482, 136, 189, 616, "#d9ead3", "#a9c8a0", 12)
    yield text(635, 774, say["usb"], 12, more=MIDDLE)
    yield box(COLUMNS[0] - 15, TOP - 15, 60, 20 * PITCH, "#343a40", round_=3)


def _pins(used: dict[int, str]) -> Iterator[str]:
    """The 2 x 20 pins with their numbers, and what each is."""
    for pin, bcm in enumerate(header.HEADER, 1):
        side, y = 1 - pin % 2, row(pin)
        supplies = {header.V3: RED, header.V5: ORANGE, header.GROUND: BLACK}
        ink = used.get(pin, FAINT)
        low, high = LABELS[side]
        name = f"GPIO {bcm}" if isinstance(bcm, int) else bcm
        metal = supplies.get(str(bcm), "#e9c46a")
        yield box(COLUMNS[side] - 11, y - 11, 22, 22, metal, PAPER, 3 if pin == 1 else 11)
        number = "#ffffff" if isinstance(bcm, str) else INK
        yield text(COLUMNS[side], y + 4, str(pin), 11, number, f"{MIDDLE} {BOLD}")
        yield box(low, y - 10, high - low, 20, "#ffffff" if pin in used else "#f4f4f0", ink, 10)
        more = f"{MIDDLE} {BOLD}" if pin in used else MIDDLE
        yield text((low + high) / 2, y + 5, name, 13, ink if pin in used else "#6b7480", more)


def _relays(config: Config, say: dict[str, str]) -> Iterator[str]:
    x, y, width, height = RELAYS
    yield box(x, y, width, height, "#274c77", "#1b3a5c", 10)
    yield text(x + 114, y + 27, say["relays"], 18, "#ffffff", f"{MIDDLE} {BOLD}")
    yield text(x + 114, y + 45, say["low"], 12, "#dbe7f3", MIDDLE)
    yield from _terminal(x, 173, "VCC")
    for relay in config.relays:
        middle = 162 + 60 * relay
        yield from _terminal(x, middle, f"IN{relay}")
        yield dot(x + 62, middle, 4, "#e03131")
        yield box(x + 80, middle - 22, 96, 44, "#4dabf7", "#1b3a5c", 4)
        yield text(x + 128, middle + 5, f"{say['relay']} {relay}", 13, "#0b2545", f"{MIDDLE} {BOLD}")
        yield box(x + 200, middle - 22, 82, 44, "#2f9e44", "#1b3a5c", 4)
        for number, name in enumerate(("NO", "COM", "NC")):
            yield text(x + 215 + 26 * number, middle - 9, name, 9, "#ffffff", f"{MIDDLE} {BOLD}")
            yield dot(x + 215 + 26 * number, middle + 6, 8, "#ced4da", "#495057")
    yield from _terminal(x, 690, "GND")
    yield text(x + 56, 694, say["free"], 11, "#dbe7f3")
    dashed = 'stroke="#ff6b6b" stroke-width="2" stroke-dasharray="8 6"'
    yield f'<path d="M{x + 188} {y - 14}V{y + height - 56}" {dashed}/>'
    turned = f'transform="rotate(90 {x + width + 20} {y + height // 2})" {MIDDLE} {BOLD}'
    yield text(x + width + 20, y + height // 2, say["mains"], 14, MAINS, turned)


def _terminal(x: float, y: float, name: str) -> Iterator[str]:
    yield box(x - 4, y - 5, 10, 10, "#e9c46a", "#495057", 2)
    yield text(x + 14, y + 5, name, 13, "#ffffff", BOLD)


def _supply(say: dict[str, str]) -> Iterator[str]:
    """The coils' own supply, and the jumper that is taken off."""
    bottom = RELAYS[1] + RELAYS[3]
    pins = {"JD-VCC": 1020, "VCC": 1070, "GND": 1120}
    yield box(960, 800, 220, 66, "#ffffff", "#adb5bd", 8)
    yield text(1070, 836, say["coils"], 14, more=f"{MIDDLE} {BOLD}")
    yield text(1070, 855, say["supply"], 12, more=MIDDLE)
    yield line(f"M{pins['JD-VCC']} {bottom}V800", ORANGE)
    yield line(f"M{pins['GND']} {bottom}V800", BLACK)
    yield text(pins["JD-VCC"], 817, "+", 16, more=f"{MIDDLE} {BOLD}")
    yield text(pins["GND"], 817, "\u2212", 16, more=f"{MIDDLE} {BOLD}")
    for name, x in pins.items():
        yield box(x - 5, bottom - 6, 10, 10, "#e9c46a", "#495057", 2)
        yield text(x, bottom - 13, name, 11, "#ffffff", f"{MIDDLE} {BOLD}")
    dashed = 'fill="none" stroke="#ffd8a8" stroke-width="1.5" stroke-dasharray="4 3"'
    yield f'<rect x="{pins["JD-VCC"] - 11}" y="{bottom - 11}" width="72" height="20" rx="5" {dashed}/>'
    yield text(pins["JD-VCC"] - 18, bottom + 24, say["jumper"], 12, more=END)


def _panel(config: Config, say: dict[str, str]) -> Iterator[str]:
    """The TM1638 as it looks while relay 1 is forced on."""
    x, y, width, height = PANEL
    yield box(x, y, width, height, "#2b2d42", "#14152a", 10)
    yield text(x + 20, y + 32, say["panel"], 18, "#ffffff", BOLD)
    for number, (terminal, _) in enumerate(header.panel_wires(config)):
        middle = 488 + 30 * number
        yield box(x + width - 6, middle - 5, 10, 10, "#e9c46a", "#495057", 2)
        yield text(x + width - 14, middle + 5, terminal, 13, "#ffffff", f"{END} {BOLD}")
    yield box(x + 16, y + 78, 276, 66, "#0b0b12", round_=4)
    for digit in range(8):
        left = x + 22 + 34 * digit
        lit = digit == 0
        yield dot(left + 14, y + 62, 5, "#ff4d4d" if lit else "#5c1a1a")
        yield from _digit(left + 4, y + 88, lit)
        yield dot(left + 14, y + 182, 11, "#ced4da", "#868e96")
        yield dot(left + 14, y + 182, 6, "#343a40")
        yield text(left + 14, y + 210, str(digit + 1), 11, "#dee2e6", MIDDLE)


def _digit(x: float, y: float, top: bool) -> Iterator[str]:
    """Seven segments, of which only the uppermost may be lit."""
    places = ("h18", "m0 23h18", "m0 46h18", "m-1 2v19", "m19 2v19", "m-1 25v19", "m19 25v19")
    for place in places:
        ink = "#ff4d4d" if top and place == places[0] else "#33151a"
        place = place if place.startswith("m") else f"m0 0{place}"
        yield f'<path d="M{x} {y}{place}" stroke="{ink}" stroke-width="4" stroke-linecap="round"/>'


def _notes(words: dict[str, str | tuple[str, ...]]) -> Iterator[str]:
    for number, note in enumerate(words["notes"]):
        yield dot(46, 121 + 24 * number, 4, MAINS)
        yield text(60, 126 + 24 * number, note, 14)


def _table(config: Config, say: dict[str, str]) -> Iterator[str]:
    rows = [(say["relay"], "GPIO", say["pin"])]
    rows += [
        (str(r), str(config.relayGpio[r]), str(header.PHYSICAL[config.relayGpio[r]])) for r in config.relays
    ]
    for number, cells in enumerate(rows):
        y = 224 + 22 * number
        for x, cell in zip((60, 150, 240), cells, strict=True):
            ink = INK if not number else RELAY_INKS[number - 1]
            yield text(x, y, cell, 14, ink, f"{MIDDLE} {BOLD}")


def _legend(names: str | tuple[str, ...]) -> Iterator[str]:
    for number, (name, ink) in enumerate(zip(names, (RED, BLACK, ORANGE, RELAY_INKS[5]), strict=True)):
        y = 716 + 26 * number
        yield line(f"M44 {y}H84", ink)
        yield text(98, y + 5, name, 14)


def main() -> None:
    """Writes both pictures."""
    config = schema.parse(f"{PROJECT}/config.yaml", yaml_file.read(f"{PROJECT}/config.yaml"))
    for name, words in WORDS.items():
        (PROJECT / "docs").mkdir(exist_ok=True)
        (PROJECT / "docs" / name).write_text(draw(config, words), encoding="utf-8")


if __name__ == "__main__":
    main()
