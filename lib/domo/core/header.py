"""The Pi's 40-pin header: the one table of its pins, by each of the three numberings."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .settings import Config

V3, V5, GROUND = "3.3 V", "5 V", "GND"

# Pin 1 is at the corner where the SD card is; odd ones are in the inner row, even ones at the board's edge.
# A number is the BCM (GPIO) number of what is there.
HEADER: tuple[int | str, ...] = (
    V3, V5,
    2, V5,
    3, GROUND,
    4, 14,
    GROUND, 15,
    17, 18,
    27, GROUND,
    22, 23,
    V3, 24,
    10, GROUND,
    9, 25,
    11, 8,
    GROUND, 7,
    0, 1,
    5, GROUND,
    6, 12,
    13, GROUND,
    19, 16,
    26, 20,
    GROUND, 21,
)  # fmt: skip
PHYSICAL: dict[int, int] = {bcm: pin for pin, bcm in enumerate(HEADER, 1) if isinstance(bcm, int)}  # by BCM
BCM_PINS = range(28)  # what the header carries

# wiringPi's own numbering, which PvMonit's config uses: place n holds the BCM number of wiringPi pin n.
WIRING_PI = (
    (17, 18, 27, 22, 23, 24, 25, 4, 2, 3, 8, 7, 10, 9, 11, 14, 15)  # 0..16
    + (28, 29, 30, 31)  # 17..20: the P5 header of the first boards
    + (5, 6, 13, 19, 26, 12, 16, 20, 21, 0, 1)  # 21..31
)

# Which supply pin feeds what. Others of the same kind work as well; with these the fewest wires cross.
RELAYS_3V, PANEL_3V, PANEL_GROUND, RELAYS_GROUND = 1, 17, 25, 30


def relay_wires(config: Config) -> list[tuple[str, int]]:
    """The wires from the header to the relay board: its terminal, and the physical pin."""
    # The diode of an input is lit by a pin that is low, from VCC; or by a pin that is high, to GND.
    supply = ("VCC", RELAYS_3V) if config.relayActiveLow else ("GND", RELAYS_GROUND)
    return [supply, *((f"IN{relay}", PHYSICAL[config.relayGpio[relay]]) for relay in config.relays)]


def panel_wires(config: Config) -> list[tuple[str, int]]:
    """The same for the TM1638 boards, [] if there is none. They share every wire but STB."""
    if not config.stb:
        return []
    several = len(config.stb) > 1
    selects = [(f"STB {n}" if several else "STB", PHYSICAL[bcm]) for n, bcm in enumerate(config.stb, 1)]
    data = [("CLK", PHYSICAL[config.clk]), ("DIO", PHYSICAL[config.dio])]
    return [("VCC", PANEL_3V), ("GND", PANEL_GROUND), *selects, *data]


def firmware_line(config: Config) -> str:
    """The line of config.txt with which the Pi's firmware holds every relay off until the first tick."""
    pins = sorted(config.relayGpio[relay] for relay in config.relays)
    runs: list[list[int]] = []
    for pin in pins:
        if runs and runs[-1][-1] == pin - 1:
            runs[-1].append(pin)
        else:
            runs.append([pin])
    # Some firmware reads only 78 characters of a line, and 28 pins need more.
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs]
    return f"gpio={','.join(parts)}=op,{'dh' if config.relayActiveLow else 'dl'}"
