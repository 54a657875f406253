"""What becomes of each relay: pure, no clock, no file, no pin. The invariants of the design live here.

In this order, the earlier rule winning: the owner's force; no good order, no on; the floor; the
limits; one switch-on at a time; the inverter's watts.
"""

from __future__ import annotations

from .model import AUTO_OFF, AUTO_ON, FORCED, FORCED_ON, OFF, ON, Decision, History, Limits, Order, Plan
from .texts import minutes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Config, Past, Reading

EARLY = 0.9  # of scriptExecInterval: cron is some seconds early or late
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
    """The plan for every relay, from its mode (None: what stands in the mode file is no mode), its
    state, the past, the reading, and the orders of those relays that have a script."""
    auto = [relay for relay in config.relays if modes[relay] not in (*FORCED, None)]
    stale = bool(reading.problem) and (past.data is None or past.data >= config.secuDownNoData)
    wishes: dict[int, Wish] = {}
    for relay in config.relays:
        mode = modes[relay]
        if mode is None:
            wishes[relay] = OFF, "held off: the mode file holds no mode for it"
        elif mode in FORCED:
            wishes[relay] = (ON, "forced on") if mode == FORCED_ON else (OFF, "forced off")
        elif relay in orders:
            wishes[relay] = _ordered(orders[relay], states[relay], past.support.get(relay), config)
        else:
            wishes[relay] = _from_outside(relay, mode, states[relay], past, stale, config)
    good = {r for r in auto if (orders[r].good if r in orders else r not in past.ours and not stale)}
    supported = {relay for relay in good if wishes[relay][0] == ON}
    below = _below_floor(config, reading)
    for relay in auto:
        wishes[relay] = _limited(config, relay, wishes[relay], states[relay], past, below, relay in good)
    _shed(config, wishes, auto, states)
    _queue(config, wishes, auto, states, past)
    for relay, (state, why) in wishes.items():
        if below and state == ON:
            wishes[relay] = ON, f"{why}, though {below}"
    programs = {r for r in auto if stale or r in orders or r in past.ours}  # their mode says what they are
    return {
        relay: Decision(
            mode_before=modes[relay],
            mode=(AUTO_ON if state == ON else AUTO_OFF) if relay in programs else modes[relay],
            state_before=states[relay],
            state=state,
            why=why,
            supported=relay in supported,
        )
        for relay, (state, why) in wishes.items()
    }


def _ordered(order: Order, state: int, support: float | None, config: Config) -> Wish:
    """What the script's order comes to. Without a good one an on lasts secuDownNoData at the most."""
    if order.wanted == "keep":
        return state, order.why
    if order.good:
        return (ON if order.wanted == "on" else OFF), order.why
    return _unsupported(order.why, state, support, config)


def _unsupported(why: str, state: int, support: float | None, config: Config) -> Wish:
    if state == OFF:
        return OFF, why
    if support is None or support >= config.secuDownNoData:
        return OFF, f"{why}: off, no good order for {config.secuDownNoData:g} s"
    return ON, f"{why}: stays on for {config.secuDownNoData - support:.0f} s at most"


def _from_outside(relay: int, mode: int, state: int, past: Past, stale: bool, config: Config) -> Wish:
    """A relay without a script: what another program wrote is the order, as long as there is data. A 2
    that the program itself wrote, for a script that is gone, is nobody's order."""
    if mode == AUTO_OFF:
        return OFF, "auto, no script"
    if relay in past.ours:
        return _unsupported("its script is gone", state, past.support.get(relay), config)
    if stale:
        return OFF, f"ordered on in the mode file: off, no data for {config.secuDownNoData:g} s"
    return ON, "ordered on in the mode file"


def _below_floor(config: Config, reading: Reading) -> str:
    values = reading.values
    for name, floor in config.floor.items():
        number = values[name].number if name in values else None
        if number is not None and number < floor:
            return f"{name} {number:g} is below the floor of {floor:g}"
    return ""


def _limited(config: Config, relay: int, wish: Wish, state: int, past: Past, below: str, good: bool) -> Wish:
    """The wish within the floor and the relay's own limits; `why` then says both."""
    wanted, why = wish
    limits = config.limits.get(relay, _NO_LIMITS)
    history = past.history.get(relay, _NO_HISTORY)
    if wanted == ON and below:
        return OFF, f"{why}: off, {below}"
    begun = state == ON and relay in config.uninterruptible
    worn_out = 0 < limits.maxOnPerDay <= history.on_time(DAY) and not begun
    if wanted == ON and worn_out:
        return OFF, f"{why}: off, was on for {minutes(limits.maxOnPerDay)} in 24 h (maxOnPerDay)"
    if wanted == OFF and state == ON and good and not below and not worn_out:
        left = limits.minOn - history.since(ON)
        if left > 0:
            return ON, f"{why}: stays on {minutes(left)} more (minOn)"
        left = config.cycle(relay) - history.cycle(config.cycle(relay)) if begun else 0
        return (
            (ON, f"{why}: stays on {minutes(left)} more, to its end (uninterruptible)") if left > 0 else wish
        )
    if wanted == ON and state == OFF:
        left = limits.minOff - history.since(OFF)
        if left > 0:
            return OFF, f"{why}: stays off {minutes(left)} more (minOff)"
        if 0 < limits.maxStartsPerHour <= history.starts(HOUR):
            return OFF, f"{why}: off, {limits.maxStartsPerHour:g} starts in an hour (maxStartsPerHour)"
    return wish


def _shed(config: Config, wishes: dict[int, Wish], auto: list[int], states: Mapping[int, int]) -> None:
    """Switches off what the inverter cannot carry of what is on: it carries what is forced or has begun
    and is uninterruptible, then the most important that fit. A less important one that fits beside them
    stays, or it would be switched on again at the next tick."""
    if not config.maxWatt:
        return
    watts = config.relayWatt
    stay = [r for r, wish in wishes.items() if wish[0] == ON and (r not in auto or states[r] == ON) and watts.get(r)]
    total = sum(watts[relay] for relay in stay)
    if total <= config.maxWatt:
        return
    loads = [relay for relay in config.by_priority if relay in stay]
    fixed = {r for r in loads if r not in auto or r in config.uninterruptible}
    load = sum(config.relayWatt[relay] for relay in loads if relay in fixed)
    for relay in loads:
        why = wishes[relay][1]
        if relay in fixed:
            if load > config.maxWatt:
                wishes[relay] = ON, f"{why}, above maxWatt: {load:g} W of {config.maxWatt:g}"
        elif load + config.relayWatt[relay] > config.maxWatt:
            wishes[relay] = OFF, f"{why}: shed, {total:g} W are more than maxWatt {config.maxWatt:g}"
        else:
            load += config.relayWatt[relay]


def _queue(
    config: Config, wishes: dict[int, Wish], auto: list[int], states: Mapping[int, int], past: Past
) -> None:
    """Lets one relay be switched on, the most important that the inverter can carry; the others wait."""
    stay = [r for r in config.relays if wishes[r][0] == ON and (r not in auto or states[r] == ON)]
    load = sum(config.relayWatt.get(relay, 0) for relay in stay)
    last = min(past.auto_on.values(), default=float("inf"))
    blocked = ""
    if not past.known:
        blocked = "not switched on, what it did before cannot be read"
    elif last < EARLY * config.scriptExecInterval:
        blocked = f"waits, another was switched on {last:.0f} s ago"
    for relay in config.by_priority:
        state, why = wishes[relay]
        if relay not in auto or state == OFF or states[relay] == ON:
            continue
        watt = config.relayWatt.get(relay, 0)
        if blocked:
            wishes[relay] = OFF, f"{why}: {blocked}"
        elif watt and config.maxWatt and load + watt > config.maxWatt:
            wishes[relay] = (
                OFF,
                f"{why}: waits, {load + watt:g} W would be more than maxWatt {config.maxWatt:g}",
            )
        else:
            blocked = f"waits, relay {relay} goes first"
