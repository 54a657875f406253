"""The regulators' stages of charge, and how long ago they were full and it was night. Pure."""

from __future__ import annotations

from .model import STAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Reading

DEVICES_LIMIT = 500
SHORTEST_NIGHT = 3 * 3600.0  # s
LONGEST_DAY = 14 * 3600.0  # s
TAIL = 0.02  # of the battery's Wh: it takes no more, when it is full


def full_today(ages: Mapping[str, float | None], regulator: str) -> bool:
    """Whether that regulator's battery has been full since the last night, by what `stages` gave."""
    full, night = (ages.get(f"{name} {regulator}") for name in ("full", "night"))
    return full is not None and full < (LONGEST_DAY if night is None else night)


def _full(reading: Reading, battery: float) -> bool:
    """Whether the battery monitor says that the battery (Wh) is full, and takes hardly any more."""
    values = reading.values
    charge, power = (values[name].number if name in values else None for name in ("SOC", "P"))
    return charge is not None and charge >= 100 and power is not None and 0 <= power <= TAIL * battery


def stages(
    before: Mapping[str, float | None], reading: Reading, battery: float, gap: float | None = None
) -> dict[str, float | None]:
    """The new `Past.charge`. For each regulator and stage (see STAGES): None while it is in that stage, then
    the age since it was first seen out of it. Also the ages since it was last seen "full", and since the last
    "night". A `gap` (s) in the data that is longer than SHORTEST_NIGHT counts as a night.

    Full is float; and absorption, once the `battery` (Wh) is full by its monitor and takes hardly any more:
    some regulators come to float only when the loads, too, draw little (Victron's manuals, "tail current").
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
            absorbed = told.startswith(STAGES["absorption_or_float"]) and _full(reading, battery)
            if told.startswith(STAGES["float"]) or absorbed:
                after[f"full {device.id}"] = 0.0
    return after
