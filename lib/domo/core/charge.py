"""The regulators' stages of charge, and how long ago they were full and it was night. Pure."""

from __future__ import annotations

from .model import STAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Reading

DEVICES_LIMIT = 500
SHORTEST_NIGHT = 3 * 3600.0  # s


def stages(
    before: Mapping[str, float | None], reading: Reading, gap: float | None = None
) -> dict[str, float | None]:
    """The new `Past.charge`. For each regulator and stage (see STAGES): None while it is in that stage, then
    the age since it was first seen out of it. Also the ages since it was last seen "full", and since the last
    "night". A `gap` (s) in the data that is longer than SHORTEST_NIGHT counts as a night."""
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
            if told.startswith(STAGES["float"]):
                after[f"full {device.id}"] = 0.0
    return after
