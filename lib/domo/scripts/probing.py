"""Trying a load whose surplus cannot be seen: what `relay.probe` answers. See there."""

from __future__ import annotations

from ..core.model import ScriptError
from ..core.texts import minutes
from .messages import LONGEST_TIMER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.model import Order
    from .api import Relay, World

TIMER = " probe of relay "  # before its number; no timer of a script in Python begins with a space
SOONEST = 120.0  # s from a failure to the next try, however clear it is
CARRIED = 300.0  # s: if the sun has carried the load for so long, what ended it was a cloud
CLOUD = 1 / 3  # of `retry`: the wait after a cloud


def order(
    relay: Relay, power: float, margin: float, looks: int, retry: float, longest: float, world: World
) -> Order:
    """The order of `relay.probe`. Raises ScriptError."""
    if relay.id in world.config.uninterruptible:
        raise ScriptError(f"relay {relay.id} is uninterruptible in config.yaml, so it cannot be probed")
    if not isinstance(power, (int, float)):
        raise ScriptError(f"relay.probe wants the battery's power in W, not {power!r:.40}")
    for seconds in (retry, longest):
        if not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST_TIMER:
            raise ScriptError(f"relay.probe cannot wait {seconds!r:.40} s; 0 to {LONGEST_TIMER:.0f} can be")
    timers, name = world.timers, f"{TIMER}{relay.id}"
    age, wait, bad = timers.get(name, (float("inf"), 0.0, 0))  # s since the last look; s to wait; bad looks
    taken_back = age < wait and bad >= looks  # though minOn may keep it on
    if taken_back and (relay.is_on or age < SOONEST or not _shines(relay.id, world)):
        return relay.off(f"the battery paid for it, next try in {minutes(wait - age)}")
    if not relay.is_on:
        if age > wait + longest:
            timers.pop(name, None)
        return relay.on("trying whether there is sun for it")
    if world.data_age >= min(age, relay.on_for):  # taken before the last look, or the switch-on
        return relay.on("trying, no new reading yet")
    if power >= margin:
        timers[name] = (0.0, 0.0 if relay.on_for >= retry else wait, 0)
        return relay.on(f"there is sun for it, {power:+.0f} W at the battery")
    bad = bad + 1 if age < relay.on_for else 1
    if bad < looks:
        timers[name] = (0.0, wait, bad)
        return relay.on(f"{power:+.0f} W at the battery, looking again")
    cloud = relay.on_for >= CARRIED
    wait = retry * CLOUD if cloud else min(longest, max(retry, 2 * wait))
    timers[name] = (0.0, wait, bad)
    what = "a cloud" if cloud else "too little sun"
    return relay.off(f"{what}, {power:+.0f} W at the battery, next try in {minutes(wait)}")


def _shines(relay: int, world: World) -> bool:
    """Whether the panels could give what the load draws, by the clearness that was last seen."""
    watts = world.config.relayWatt.get(relay, 0.0)
    return watts > 0 and world.config.plant["own"] and world.data.held_back() >= watts
