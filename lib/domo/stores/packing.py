"""A reading as plain values, for marshal: what a child that read it tells the tick."""

from __future__ import annotations

from ..core.faults import Report
from ..core.model import Device, Reading, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def packed(reading: Reading) -> tuple[Any, ...]:
    """The reading as plain values."""
    devices = [
        (d.id, d.name, d.age, {name: (value.text, value.raw) for name, value in d.values.items()})
        for d in reading.devices
    ]
    problem = Report.of(reading.problem)
    return devices, str(problem), problem.fault, reading.notes


def unpacked(values: tuple[Any, ...]) -> Reading:
    """The reading that was `packed`. Raises ValueError or TypeError for what never was."""
    devices, problem, fault, notes = values
    return Reading(
        tuple(
            Device(number, name, age, {key: Value(*value) for key, value in texts.items()})
            for number, name, age, texts in devices
        ),
        Report(problem, fault=fault),
        notes,
    )
