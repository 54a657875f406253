"""Heaters as a staircase: which of them shall be on, by what the sun has to spare now.

It needs no memory: the readings, and which heaters are on, are enough.
"""

from __future__ import annotations

from ..core import spare as spare_today
from ..core.model import ScriptError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.model import Order
    from ..core.settings import Config
    from .api import Data, Relay, World

DWELL = 110.0  # s between two changes of heaters, unless the battery pays for them
RICH = 200.0  # Wh to spare today: with more, what the battery still takes may wait
LITTLE = 0.5  # % of charge that a full battery may lend even when the day will not give it back
TRUST = 1.0  # of the sun to come is counted on
NEARLY = 0.05  # of the way up to the next step: below that the battery does not lend the rest
PAYS = -60.0  # W at the battery: if it gives more, a step down is at once
CLOUD = 0.8  # of what the heaters draw: the same, even while the battery may lend
TIMER = " staircase "  # before the heaters; no timer of a script in Python begins with a space
KNOWN = 150.0  # s for which a staircase counts for the others after it was last asked
MOST = 12  # heaters: 4096 steps

Step = tuple[float, tuple[int, ...]]  # watts, and the relays that draw them


def order(relay: Relay, data: Data, heaters: Sequence[int], buffer: float, world: World) -> Order:
    """The order of `relay.staircase`. Raises ScriptError."""
    _check(relay, heaters, world)
    known, key = data._known_already, (*heaters, buffer)
    if key not in known:
        known[key] = wanted(relay, data, heaters, buffer, world)
    step, why = known[key]
    return relay.on(why) if relay.id in step[1] else relay.off(why)


def _check(relay: Relay, heaters: Sequence[int], world: World) -> None:
    if relay.id not in heaters or not 1 <= len(heaters) <= MOST:
        raise ScriptError(f"a staircase has 1 to {MOST} heaters, relay {relay.id} among them")
    for other in heaters:
        if why := unfit(other, world.config):
            raise ScriptError(why)


def unfit(relay: int, config: Config) -> str:
    """Why a relay cannot be one of the heaters; "" if it can."""
    if relay in config.uninterruptible:
        return f"relay {relay} is uninterruptible in config.yaml, so it cannot be a step"
    if not config.relayWatt.get(relay):
        return f"relayWatt in config.yaml must say what relay {relay} draws"
    return ""


def steps(watts: Mapping[int, float], most: float) -> list[Step]:
    """All that these relays (number: W) can draw together, within `most` W, rising; of those that draw
    the same the one with the first relays."""
    found: dict[float, tuple[int, ...]] = {0.0: ()}
    for relay, watt in watts.items():
        for total, those in list(found.items()):
            if total + watt <= most:
                found.setdefault(total + watt, (*those, relay))
    return sorted(found.items())


def chosen(stairs: Sequence[Step], room: float, lends: bool) -> Step:
    """The step for this power (W): the highest that fits, or the next one if the battery `lends` the rest."""
    below = [step for step in stairs if step[0] <= max(0.0, room)][-1]
    above = next((step for step in stairs if step[0] >= room), stairs[-1])
    return above if lends and room > 0 and room > below[0] + NEARLY * (above[0] - below[0]) else below


def wanted(relay: Relay, data: Data, heaters: Sequence[int], buffer: float, world: World) -> tuple[Step, str]:
    """The step that shall be on, and why."""
    topping = data.mppt_absorption_or_float(no_flap=0, mppt="any")
    full = data.full_today(mppt="any")
    if not (full or topping):
        return (0.0, ()), "the battery comes first"
    power, spare = data["P"], data._spare(TRUST) or 0.0
    each = {r: relay if r == relay.id else relay.others[r] for r in heaters}
    free = {r: world.config.relayWatt[r] for r in heaters if each[r].mode in (1, 2)}
    now = tuple(r for r in free if each[r].is_on)
    drawn = sum(free[r] for r in now)
    lends = full and _lends(data, world, buffer if spare > 0 else min(buffer, LITTLE))
    rich = (full and spare > 0) or (topping and spare > RICH)
    held = topping and data.throttled(mppt="any")
    room = drawn + _yielding(heaters, world) + (data.held_back() if held else 0.0)
    room += power if rich else min(0.0, power)
    step = chosen(steps(free, _carried(world, free)), room, lends)
    pays = step[0] < drawn and (power < -CLOUD * drawn or (not lends and power < PAYS))
    changed = min(one.on_for if one.is_on else one.off_for for one in each.values())
    if (changed < DWELL and not pays) or (held and not lends and step[0] < drawn and power >= PAYS / 2):
        step = drawn, now
    rest = ", the battery lends the rest" if lends and step[0] > room else ""
    return step, f"{step[0]:.0f} W of heaters for {max(0.0, room):.0f} W of sun{rest}"


def _lends(data: Data, world: World, most: float) -> bool:
    """Whether the battery has lent less than `most` (%) so far."""
    sky = world.past.sky
    return spare_today.charge(sky, world.config.plant, data["SOC"]) > sky.get("full", 100.0) - most


def _carried(world: World, heaters: Mapping[int, float]) -> float:
    """What the inverter leaves for these heaters (W)."""
    config = world.config
    others = sum(config.relayWatt.get(r, 0.0) for r in config.relays if world.states[r] and r not in heaters)
    return config.maxWatt - others if config.maxWatt else float("inf")


def _yielding(heaters: Sequence[int], world: World) -> float:
    """What less important staircases draw now (W): they give way to this one."""
    timers, config = world.timers, world.config
    own = TIMER + " ".join(map(str, heaters))
    timers[own] = (0.0, KNOWN, 0)
    rank = config.by_priority.index
    watts, first = 0.0, min(map(rank, heaters))
    for name, (age, length, _) in timers.items():
        if name.startswith(TIMER) and age < length and name != own:
            numbers = name.split()
            others = [r for r in config.relays if str(r) in numbers]
            if others and min(map(rank, others)) > first:
                watts += sum(config.relayWatt.get(r, 0.0) for r in others if world.states[r])
    return watts
