"""A staircase of heaters."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.model import Order
    from .api import Data, Relay, World

SMOOTH = 0.35
WISH = 0.7
DWELL = 180.0
SAVE, SPEND = 0, 1


def levels(watts, most):
    """(W, bits), rising."""
    found = {}
    for bits in range(1 << len(watts)):
        total = sum(w for place, w in enumerate(watts) if bits >> place & 1)
        if total <= most and total not in found:
            found[total] = bits
    return sorted(found.items())


def order(relay, data, steps, buffer, world):
    config, timers = world.config, world.timers
    name = "staircase " + " ".join(map(str, steps))
    age, room, code = timers.get(name, (float("inf"), 0.0, 0))
    if age and world.data_age < age:
        room, code = look(relay, data, steps, buffer, world, name, room, code, age)
        timers[name] = (0.0, max(0.0, room), code)
    bits = code >> 1
    watt = sum(config.relayWatt.get(r, 0) for place, r in enumerate(steps) if bits >> place & 1)
    text = f"{watt:.0f} W of heaters for {room:.0f} W to spare"
    return relay.on(text) if bits >> steps.index(relay.id) & 1 else relay.off(text)


def look(relay, data, steps, buffer, world, name, room, code, age):
    config, timers = world.config, world.timers
    every = {r: (relay if r == relay.id else relay.others[r]) for r in steps}
    free = [r for r in steps if every[r].mode in (1, 2)]
    watts = [config.relayWatt.get(r, 0.0) if r in free else 1e9 for r in steps]
    now = sum(w for r, w in zip(steps, watts) if every[r].is_on and r in free)
    others = sum(config.relayWatt.get(r, 0.0) for r in config.relays if world.states[r] and r not in free)
    most = config.maxWatt - others if config.maxWatt else 1e8
    stairs = levels(watts, most)
    power = data["P"]
    held = data.throttled("any")
    full = data.full_today("any")
    absorbing = data.mppt_absorption_or_float(no_flap=0, mppt="any")
    spare = data.spare_today()
    _, ref, taper = timers.get(name + " ref", (0.0, 0.0, 0))
    soc = data.get("SOC", 0.0)
    mode = code & 1
    if held and absorbing:
        taper = max(0, int(power))
        ref = soc if full else ref
        timers[name + " ref"] = (0.0, ref, taper)
    rich = full and spare is not None and spare > 0
    # what the sun leaves for heaters
    if held and absorbing:
        extra = data.held_back()
        if extra is None:
            extra = 400.0
        seen = now + max(0.0, extra) + min(0.0, power)
        fresh = seen
    else:
        wish = 0.0 if rich else WISH * taper if (absorbing or full) else 1e9
        seen = now + power - wish
        fresh = seen
    room = fresh if age > 900 else room + (fresh - room) * SMOOTH
    if not rich:
        room = min(room, fresh)
    if rich and soc > ref - (buffer if mode == SPEND else buffer / 3):
        mode = SPEND
    else:
        mode = SAVE
    changed = min((every[r].on_for if every[r].is_on else every[r].off_for) for r in steps)
    floor = max((s for s in stairs if s[0] <= max(0.0, room)), default=(0.0, 0))
    ceil = min((s for s in stairs if s[0] >= room), default=stairs[-1])
    target = floor
    if mode == SPEND and room > 0 and ceil[0] > floor[0] and room - floor[0] > 0.2 * (ceil[0] - floor[0]):
        target = ceil
    bits = code >> 1
    held_bits = sum(1 << place for place, r in enumerate(steps) if every[r].is_on and r in free)
    urgent = target[0] < now and (mode == SAVE and power < -60 or power < -0.8 * now)
    if changed < DWELL and not urgent:
        return room, held_bits << 1 | mode
    if held and absorbing and mode == SAVE and target[0] < now and power >= -30:
        target = (now, held_bits)
    return room, target[1] << 1 | mode
