"""Decides what each relay does. Pure: no clock, no file, no pin. It keeps the invariants of ARCHITECTURE.md.

The rules in their order: the owner's force; no on without a good order; the floor; the limits; the inverter's
watts; one switch-on at a time. Each may say off. Only a force, or a cycle that has begun, stays on above the
inverter's watts.
"""

from __future__ import annotations

from .history import OFF, ON, History
from .model import AUTO_OFF, AUTO_ON, FORCED, FORCED_ON, Decision, Order, Plan
from .settings import Limits
from .texts import Text, minutes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .model import Past, Reading
    from .settings import Config

EARLY = 0.9  # of scriptExecInterval: cron may be some seconds early
FIRST_PIN_WAIT, LONGEST_PIN_WAIT = 60.0, 3600.0  # s until a pin that failed is tried again
DAY, HOUR = 86400.0, 3600.0
_NO_LIMITS = Limits()
_NO_HISTORY = History()

Wish = tuple[int, str]  # a state, and why


def decide(
    config: Config,
    modes: Mapping[int, int | None],
    states: Mapping[int, int],
    past: Past,
    reading: Reading,
    orders: Mapping[int, Order],
) -> Plan:
    """The plan for every relay, from its mode (None: the mode file holds no mode), its state, the past, the
    reading, and the orders of the relays that have a script."""
    stale = bool(reading.problem) and (past.data is None or past.data >= config.secuDownNoData)
    below = _below_floor(config, reading)
    auto: list[int] = []
    wishes: dict[int, Wish] = {}
    supported: set[int] = set()
    programs: set[int] = set()  # relays whose mode domo writes
    for relay in config.relays:
        mode = modes[relay]
        if mode is None:
            wishes[relay] = OFF, Text("held off: the mode file holds no mode for it")
        elif mode in FORCED:
            wishes[relay] = (ON, Text("forced on")) if mode == FORCED_ON else (OFF, Text("forced off"))
        else:
            auto.append(relay)
            state, order = states[relay], orders.get(relay)
            if order is not None or stale or relay in past.ours:
                programs.add(relay)
            if order is not None:
                good = order.good
                wish = _ordered(order, state, past, relay, config)
            else:
                good = relay not in past.ours and not stale
                wish = _from_outside(relay, mode, state, past, stale, config)
                if wish[0] == ON and state == OFF and config.floor and reading.problem:
                    wish = OFF, Text("ordered on in the mode file: waits for data, to check the floor")
            if good and wish[0] == ON:
                supported.add(relay)
            if state == ON or wish[0] == ON:
                wish = _limited(config, relay, wish, state, past, below, good)
            wishes[relay] = wish
    _shed(config, wishes, auto, states)
    _queue(config, wishes, auto, states, past)
    for relay, (state, why) in wishes.items() if below else ():
        if state == ON:
            wishes[relay] = ON, Text("{why}, though {below}", why=why, below=below)
    plan = {}
    for relay, (state, why) in wishes.items():
        mode = (AUTO_ON if state == ON else AUTO_OFF) if relay in programs else modes[relay]
        plan[relay] = Decision(modes[relay], mode, states[relay], state, why, relay in supported)
    return plan


def _ordered(order: Order, state: int, past: Past, relay: int, config: Config) -> Wish:
    """What follows from a script's order. Without a good one a relay stays on for secuDownNoData at most."""
    if order.wanted == "keep":
        return state, order.why
    if order.wanted:
        return (ON if order.wanted == "on" else OFF), order.why
    return _unsupported(order.why, state, past.support.get(relay), config)


def _unsupported(why: str, state: int, support: float | None, config: Config) -> Wish:
    if state == OFF:
        return OFF, why
    if support is None or support >= config.secuDownNoData:
        long = config.secuDownNoData
        return OFF, Text("{why}: off, no good order for {long:g} s", why=why, long=long)
    remaining = config.secuDownNoData - support
    return ON, Text("{why}: stays on for {remaining:.0f} s at most", why=why, remaining=remaining)


def _from_outside(relay: int, mode: int, state: int, past: Past, stale: bool, config: Config) -> Wish:
    """A relay without a script: what another program wrote is the order, as long as there is data. A 2 that
    domo itself wrote, for a script that is gone now, is no order."""
    if mode == AUTO_OFF:
        return OFF, Text("auto, no script")
    if relay in past.ours:
        return _unsupported(Text("its script is gone"), state, past.support.get(relay), config)
    if stale:
        no_data = "ordered on in the mode file: off, no data for {long:g} s"
        return OFF, Text(no_data, long=config.secuDownNoData)
    return ON, Text("ordered on in the mode file")


def _below_floor(config: Config, reading: Reading) -> str:
    values = reading.values if config.floor else {}
    for name, floor in config.floor.items():
        number = values[name].number if name in values else None
        if number is not None and number < floor:
            below = "{name} {number:g} is below the floor of {floor:g}"
            return Text(below, name=name, number=number, floor=floor)
    return ""


def _limited(config: Config, relay: int, wish: Wish, state: int, past: Past, below: str, good: bool) -> Wish:
    """The wish after the floor and the relay's own limits. If they change it, its reason names both."""
    wanted, why = wish
    limits = config.limits.get(relay, _NO_LIMITS)
    history = past.history.get(relay, _NO_HISTORY)
    if wanted == ON and below:
        return OFF, Text("{why}: off, {below}", why=why, below=below)
    cycle_begun = state == ON and relay in config.uninterruptible
    worn_out = 0 < limits.maxOnPerDay <= history.on_time(DAY) and not cycle_begun
    if wanted == ON and worn_out:
        long = minutes(limits.maxOnPerDay)
        return OFF, Text("{why}: off, was on for {long} in 24 h (maxOnPerDay)", why=why, long=long)
    if wanted == OFF and state == ON and good and not below and not worn_out:
        if (remaining := limits.minOn - history.since(ON)) > 0:
            return ON, Text("{why}: stays on {remaining} more (minOn)", why=why, remaining=minutes(remaining))
        if cycle_begun and (remaining := config.cycle(relay) - history.cycle(config.cycle(relay))) > 0:
            stays = "{why}: stays on {remaining} more, to its end (uninterruptible)"
            return ON, Text(stays, why=why, remaining=minutes(remaining))
    if wanted == ON and state == OFF:
        if (wait := limits.minOff - history.since(OFF)) > 0:
            return OFF, Text("{why}: stays off {wait} more (minOff)", why=why, wait=minutes(wait))
        if 0 < limits.maxStartsPerHour <= history.starts(HOUR):
            most = "{why}: off, {starts:g} starts in an hour (maxStartsPerHour)"
            return OFF, Text(most, why=why, starts=limits.maxStartsPerHour)
        if (wait := _pin_wait(past, relay)) > 0:
            tried = "{why}: not switched on, its pin failed; next try in {wait}"
            return OFF, Text(tried, why=why, wait=minutes(wait))
    return wish


def _pin_wait(past: Past, relay: int) -> float:
    """Seconds until a relay whose pin failed is tried again: twice as many after each failure."""
    age, tries = past.pin_failures.get(relay, (float("inf"), 0))
    wait: float = min(LONGEST_PIN_WAIT, FIRST_PIN_WAIT * 2**tries)
    return wait - age


def _shed(config: Config, wishes: dict[int, Wish], auto: list[int], states: Mapping[int, int]) -> None:
    """Switches off relays that are on if the inverter cannot carry them all. Those that are forced, or
    uninterruptible and begun, stay; then the most important that fit. A less important one that fits beside
    them stays too, else the next tick would switch it on again."""
    on = [r for r, (state, _) in wishes.items() if state == ON and (r not in auto or states[r] == ON)]
    total = _watts(config, on)
    if not 0 < config.maxWatt < total:
        return
    fixed = {r for r in on if r not in auto or r in config.uninterruptible}
    load = _watts(config, fixed)
    for relay in (r for r in config.by_priority if r in on):
        why = wishes[relay][1]
        if relay in fixed:
            if config.relayWatt.get(relay) and config.maxWatt < load:
                above = Text(
                    "{why}, above maxWatt: {load:g} W of {most:g}", why=why, load=load, most=config.maxWatt
                )
                wishes[relay] = ON, above
        elif _fits(config, relay, load):
            load += _watts(config, [relay])
        else:
            shed = "{why}: shed, {total:g} W are more than maxWatt {most:g}"
            wishes[relay] = OFF, Text(shed, why=why, total=total, most=config.maxWatt)


def _queue(
    config: Config, wishes: dict[int, Wish], auto: list[int], states: Mapping[int, int], past: Past
) -> None:
    """Lets one relay be switched on, the most important that the inverter can carry; the others wait. One
    whose pin failed before comes last, so that it does not take another's turn."""
    if not any(wishes[r][0] == ON and states[r] == OFF for r in auto):
        return
    load = _watts(
        config, (r for r in config.relays if wishes[r][0] == ON and (r not in auto or states[r] == ON))
    )
    blocked = _blocked(config, past)
    for relay in sorted(config.by_priority, key=lambda relay: relay in past.pin_failures):
        state, why = wishes[relay]
        if relay not in auto or state == OFF or states[relay] == ON:
            continue
        if blocked:
            wishes[relay] = OFF, Text("{why}: {blocked}", why=why, blocked=blocked)
        elif not _fits(config, relay, load):
            load_then = load + _watts(config, [relay])
            waits = "{why}: waits, {load:g} W would be more than maxWatt {most:g}"
            wishes[relay] = OFF, Text(waits, why=why, load=load_then, most=config.maxWatt)
        else:
            blocked = Text("waits, relay {relay} goes first", relay=relay)


def _blocked(config: Config, past: Past) -> str:
    """Why nothing may be switched on automatically now; "" if one relay may."""
    if not past.known:
        return Text("not switched on, its history cannot be read")
    last = min(past.auto_on.values(), default=float("inf"))
    if last < EARLY * config.scriptExecInterval:
        return Text("waits, another was switched on {last:.0f} s ago", last=last)
    return ""


def carries(config: Config, states: Mapping[int, int]) -> bool:
    """Whether the inverter can carry the relays that these states have on."""
    return not config.maxWatt or _watts(config, [r for r, s in states.items() if s == ON]) <= config.maxWatt


def _watts(config: Config, relays: Iterable[int]) -> float:
    """What these relays draw together, as far as relayWatt says."""
    return sum([config.relayWatt.get(relay, 0) for relay in relays])


def _fits(config: Config, relay: int, load: float) -> bool:
    """Whether the inverter can carry this relay besides `load` (W). One without watts always fits."""
    watt = config.relayWatt.get(relay, 0)
    return not (watt and config.maxWatt and load + watt > config.maxWatt)
