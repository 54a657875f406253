"""The regulators' stages of charge, and how long ago they were full and it was night. Pure."""

from __future__ import annotations

from .model import STAGES
from .spare import throttled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Device, Reading
    from .spare import Plant

DEVICES_LIMIT = 500
SHORTEST_NIGHT = 3 * 3600.0  # s
LONGEST_DAY = 14 * 3600.0  # s
TAIL = 0.02  # of the battery's Wh: a full one takes no more
SOAKED = 900.0  # s with no more than that, after which it counts as full, though there is no float


def full_today(ages: Mapping[str, float | None], regulator: str) -> bool:
    """Whether that regulator's battery has been full since the last night, by what `stages` gave."""
    full, night = ages.get(f"full {regulator}"), ages.get(f"night {regulator}")
    return full is not None and full < (LONGEST_DAY if night is None else night)


def full(ages: Mapping[str, float | None], reading: Reading) -> bool:
    """Whether any regulator's battery has been."""
    return any(full_today(ages, device.id) for device in reading.devices)


def _soaks(regulator: Device, reading: Reading, plant: Plant) -> bool:
    """Whether an LFP battery is full by its monitor, and takes hardly any more though the panels could give
    it."""
    values = regulator.values
    if plant["chemistry"] != "lfp" or not values["CS"].text.startswith("Absorption"):
        return False
    known = reading.values
    charge, power = (known[name].number if name in known else None for name in ("SOC", "P"))
    if charge is None or charge < 100 or power is None:
        return False
    return throttled(values) and 0 <= power <= TAIL * plant["battery"]


def stages(
    before: Mapping[str, float | None], reading: Reading, plant: Plant, gap: float | None = None
) -> dict[str, float | None]:
    """The new `Past.charge`. For each regulator and stage (see STAGES): None while it is in that stage, then
    the age since it was first seen out of it. Also the ages since it was last seen "full", and since the last
    "night". A `gap` (s) in the data that is longer than SHORTEST_NIGHT counts as a night.

    Full is float; and for LFP absorption, once the monitor has called the battery full for SOAKED s: some
    regulators come to float only when the loads, too, draw little (Victron's manuals, "tail current"). Lead
    wants its absorption to the end.
    """
    after = dict(before)
    if len(after) > DEVICES_LIMIT * len(STAGES):  # devices have come and gone
        here = {device.id for device in reading.devices}
        after = {key: age for key, age in after.items() if key.partition(" ")[2] in here}
    night = gap is not None and gap >= SHORTEST_NIGHT
    for device in reading.devices:
        if "CS" in device.values:
            told = device.values["CS"].text
            for stage, words in STAGES.items():
                key = f"{stage} {device.id}"
                if told.startswith(words):
                    after[key] = None
                elif key in after and after[key] is None:
                    after[key] = 0.0
            power = device.values.get("PPV")
            dark = power is not None and power.number == 0 and "Float" not in told
            if night or dark or told.startswith("Off"):
                after[f"night {device.id}"] = 0.0
            soaks = f"soaks {device.id}"
            if _soaks(device, reading, plant):
                after.setdefault(soaks, 0.0)
            else:
                after.pop(soaks, None)
            if told.startswith(STAGES["float"]) or (after.get(soaks) or 0.0) >= SOAKED:
                after[f"full {device.id}"] = 0.0
    return after
