"""One tick: look, decide, act, exit. `look` reads and changes nothing; `act` carries the plan out."""

from __future__ import annotations

import posix as os  # lean: see files
import sys

from ..core.decide import decide
from ..core.model import (
    AUTO_OFF,
    AUTO_ON,
    BUSY,
    DONE,
    FORCED,
    FORCED_ON,
    LOOK,
    MODE_WORDS,
    OFF,
    ON,
    OUTSIDE,
    REFUSED,
    Config,
    ConfigError,
    Decision,
    Fault,
    History,
    Now,
    Order,
    Past,
    Plan,
    Reading,
    Row,
    dataclass,
    replace,
)
from ..pins import board as boards
from ..scripts import runner as scripts
from ..scripts.api import World
from ..stores import config as configs
from ..stores import memory, modes, reading, states
from ..system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OWED = 1000  # rows are kept for a journal that cannot be written
STOPPED = (
    60.0  # s after which what a tick saw is old: somebody stopped it (kill -STOP), for none takes so long
)


@dataclass(frozen=True)
class Sight:
    """All that a tick saw, and the plan that follows from it. `reports` is what a person should see to."""

    config: Config
    now: Now
    board: boards.Board | None
    found: modes.Found
    past: Past
    before: Past  # the past as it was remembered, before the pins were looked at
    reading: Reading
    answers: scripts.Answers
    plan: Plan
    reports: tuple[str, ...]
    ended: Mapping[int, int] = {}  # the forces that end now, as their owner ordered


def look(config: Config, now: Now, given: Reading | None = None, pretend: Now | None = None) -> Sight:
    """Reads everything and decides. Changes nothing anywhere. `given` stands for the data file,
    `pretend` for the hour that the scripts are told."""
    reports: list[str] = []
    remembered, report = memory.load(config, now)
    if report:
        reports.append(report)
    if remembered is None:
        from ..stores import journal

        remembered, report = journal.past(config, now)
        if report:
            reports.append(report)
    board, driven = _pins(config, reports)
    left = memory.left(remembered, now)
    found_states = {r: left.get(r, OFF) if driven[r] else OFF for r in config.relays}
    past = memory.observe(remembered, found_states, now)
    data = reading.load(config, now) if given is None else given
    data, past = watched(config, data, past)
    if data.problem:
        reports.append(data.problem)
    found = modes.load(config.modPath)
    known = _modes(config, found, past, reports)
    ended = _ended(found, known, past)
    known.update(dict.fromkeys(ended, AUTO_OFF))
    scripted = {r: kind for r, kind in scripts.scripted(config).items() if known[r] not in (*FORCED, None)}
    if data.problem:
        answers = scripts.Answers(
            {r: Order("", data.problem) for r in scripted}, past.timers, last=past.failed
        )
    else:
        told = {r: mode for r, mode in known.items() if mode is not None}
        answers = scripts.run(scripted, World(config, told, found_states, past, data, pretend or now))
        reports += [order.why for _, order in sorted(answers.orders.items()) if not order.good]
    plan = decide(config, known, found_states, past, data, answers.orders)
    if past.until:
        plan = _timed(plan, past, ended, now)
    return Sight(config, now, board, found, past, remembered, data, answers, plan, tuple(reports), ended)


def _pins(config: Config, reports: list[str]) -> tuple[boards.Board | None, dict[int, bool]]:
    try:
        board = boards.open_board(config)
        return board, board.driven()
    except Fault as fault:
        reports.append(f"no relay can be switched: {fault}")
        return None, dict.fromkeys(config.relays, True)


def watched(config: Config, data: Reading, past: Past) -> tuple[Reading, Past]:
    """The reading, with the problem if it has not moved for too long, and the past that has seen it."""
    measured = reading.fingerprint(data)
    before, age = past.frozen
    if measured:
        age = age if measured == before else 0.0
        past = replace(past, frozen=(measured, age), charge=reading.stages(past.charge, data))
        if 0 < config.frozenAfter <= age and not data.problem:
            data = replace(
                data, problem=f"no measured value has moved for {age / 60:.0f} min: the monitor is frozen"
            )
    return data, past


def _modes(config: Config, found: modes.Found, past: Past, reports: list[str]) -> dict[int, int | None]:
    """The mode of every relay; None where nobody can say, which keeps a relay off."""
    if found.problem and found.problem != "missing":
        held = [r for r in config.relays if r not in past.modes]
        reports.append(
            f"{found.problem}; it is left as it is, the last good modes apply"
            + (f", relays without one are held off: {', '.join(map(str, held))}" if held else "")
        )
        return {r: past.modes.get(r) for r in config.relays}
    for relay, text in found.odd.items():
        if relay in config.relays:
            reports.append(
                f"{config.modPath}: relay {relay} is {text}, no mode (0 to 3): held off until you mend it"
            )
    fallback = modes.first(config.relays, past.modes)
    return {r: None if r in found.odd else found.modes.get(r, fallback[r]) for r in config.relays}


def _ended(found: modes.Found, known: Mapping[int, int | None], past: Past) -> dict[int, int]:
    """The forces whose time is over and that still stand: relay and mode."""
    if found.problem not in ("", "missing"):
        return {}
    return {
        r: mode for r, (mode, age, length) in past.until.items() if age >= length and known.get(r) == mode
    }


def _timed(plan: Plan, past: Past, ended: Mapping[int, int], now: Now) -> Plan:
    """The plan with the end of each force that has one in its reason, from where the journal knows it too."""
    from ..stores import journal

    plan = dict(plan)
    for relay, (mode, age, length) in past.until.items():
        decision = plan.get(relay)
        if decision and relay in ended:
            why = f"{MODE_WORDS[mode]} no longer, its time is over: {decision.why}"
            plan[relay] = replace(decision, mode_before=mode, why=why)
        elif decision and decision.mode == mode:
            until = journal.ending(now.wall + length - age)
            plan[relay] = replace(
                decision, why=decision.why.replace(MODE_WORDS[mode], MODE_WORDS[mode] + until, 1)
            )
    return plan


def act(sight: Sight, reports: list[str]) -> Plan:
    """Carries the plan out and gives what became of it; adds what went wrong to `reports`.

    The memory is written before the pins: what cannot be remembered cannot be limited, so nothing is
    switched on automatically when it cannot be written. Nothing else prevents or delays the pins.
    """
    config, plan = sight.config, sight.plan
    if sight.board is None:  # the memory stays as old as it is, but says what is wrong
        _save_again(config, replace(sight.before, reports=tuple(reports)), sight.now)
        return plan
    plan = {r: decision if _stands(sight, r) else _found_off(sight, r) for r, decision in plan.items()}
    after = remembered(sight, plan, tuple(reports))
    try:
        memory.save(config, after, sight.now)
    except Fault as fault:
        reports.append(str(fault))
        unsaid = "it could not be remembered"
        plan = {r: _held_back(d, unsaid) if d.switched_on else d for r, d in plan.items()}
    final = _write_modes(sight, plan, reports)
    used = (*config.relayGpio.values(), config.dio, config.clk, *config.stb)
    sight.board.let_go({pin: off for pin, off in sight.before.pins.items() if pin not in used})
    faults = sight.board.apply({r: decision.state for r, decision in final.items()})
    for write in (
        sight.board.save,
        lambda: states.save(config.etatPath, {r: d.state for r, d in final.items()}),
    ):
        try:
            faults += filter(None, [write()])
        except Fault as fault:
            faults.append(str(fault))
    reports += faults
    if faults or final != sight.plan:
        after = remembered(sight, final, tuple(reports))
        _save_again(config, after, sight.now)
    if config.dbFile:
        _write_journal(config, after, sight.now, reports)
    return final


def _save_again(config: Config, past: Past, now: Now) -> None:
    try:
        memory.save(config, past, now)
    except Fault:
        pass  # it was said when the memory was written first


def _stands(sight: Sight, relay: int) -> bool:
    """Whether an automatic on that should last is one in truth. What was remembered last may be long
    ago (a full disk): it would come on past its turn and its limits."""
    decision = sight.plan[relay]
    lasts = decision.state == ON == decision.state_before and decision.mode not in FORCED
    return not lasts or (sight.board is not None and sight.board.is_on(relay))


def _found_off(sight: Sight, relay: int) -> Decision:
    mode = AUTO_OFF if relay in sight.answers.orders else sight.plan[relay].mode
    return replace(_held_back(sight.plan[relay], "its pin was off"), mode=mode)


def _held_back(decision: Decision, why: str) -> Decision:
    return replace(
        decision, state=OFF, mode=decision.mode_before, why=f"{decision.why}: not switched on, {why}"
    )


def _write_modes(sight: Sight, plan: Plan, reports: list[str]) -> Plan:
    """Brings the mode file up to the plan; gives the plan as an owner's newer force makes it."""
    config, found = sight.config, sight.found
    wanted = {r: decision.mode for r, decision in plan.items() if decision.mode is not None}
    changes = {r: mode for r, mode in wanted.items() if found.modes.get(r) != mode}
    try:
        if found.problem == "missing" and sight.past.known:  # or the journal's forces would be lost
            modes.create(config.modPath, wanted)
            found = modes.load(config.modPath)
        elif changes and not found.problem:
            found = modes.set_auto(config.modPath, changes, sight.ended)
    except Fault as fault:
        reports.append(str(fault))
    modes.sweep(config.modPath)
    newer = {r: m for r, m in found.modes.items() if m in FORCED and r in plan and plan[r].mode != m}
    return _overtaken(sight, plan, newer) if newer else plan


def _overtaken(sight: Sight, plan: Plan, newer: Mapping[int, int]) -> Plan:
    """The plan with forces that the owner gave while it was made; what they leave the inverter no room
    for is off. It is not planned anew: nothing else is switched on."""
    before = {r: AUTO_OFF if r in sight.ended else d.mode_before for r, d in plan.items()}
    states = {r: decision.state_before for r, decision in plan.items()}
    again = decide(sight.config, {**before, **newer}, states, sight.past, sight.reading, sight.answers.orders)
    final = dict(plan)
    for relay, decision in plan.items():
        if relay in newer:
            why = f"{again[relay].why}, just now"
            final[relay] = replace(decision, mode=newer[relay], state=again[relay].state, why=why)
        elif decision.state == ON and again[relay].state == OFF:
            final[relay] = replace(decision, state=OFF, why=again[relay].why)
    return final


def remembered(sight: Sight, plan: Plan, reports: tuple[str, ...]) -> Past:
    """The past for the next tick."""
    past = sight.past
    history, auto_on, support = dict(past.history), dict(past.auto_on), dict(past.support)
    for relay, decision in plan.items():
        if decision.state != decision.state_before:
            history[relay] = History((*history.get(relay, History()).switches, (0.0, decision.state)))
        if decision.switched_on:
            auto_on[relay] = 0.0
        if decision.supported:
            support[relay] = 0.0
    orders = sight.answers.orders
    ours = frozenset(r for r, d in plan.items() if d.mode == AUTO_ON and (r in orders or r in past.ours))
    return replace(
        past,
        tick=0.0,
        modes={**past.modes, **{r: d.mode for r, d in plan.items() if d.mode is not None}},
        ours=ours,
        states={r: decision.state for r, decision in plan.items()},
        history=history,
        auto_on=auto_on,
        support=support,
        data=past.data if sight.reading.problem else 0.0,
        timers={name: timer for name, timer in sight.answers.timers.items() if timer[0] < timer[1] + 86400},
        failed=sight.answers.last,
        why={r: decision.why for r, decision in plan.items()},
        reports=reports,
        pins=dict.fromkeys(sight.config.relayGpio.values(), int(sight.config.relayActiveLow)),
        until={r: timed for r, timed in past.until.items() if r in plan and plan[r].mode == timed[0]},
        owed=(*past.owed, *_rows(sight, plan, ours))[-OWED:] if sight.config.dbFile else (),
    )


def _rows(sight: Sight, plan: Plan, ours: frozenset[int]) -> list[Row]:
    """What the journal is to be told: every change of mode and state since the last tick."""
    rows: list[Row] = []
    for relay, decision in plan.items():
        was = sight.before.history.get(relay, History()).last_state
        if was != decision.state_before:
            rows.append((0.0, relay, "E", decision.state_before, "found so: a restart, or not domo's doing"))
        if decision.mode is not None and decision.mode != sight.before.modes.get(relay, AUTO_OFF):
            set_here = relay in ours or (
                decision.mode not in FORCED and decision.mode != decision.mode_before
            )
            rows.append(
                (0.0, relay, "M", decision.mode, decision.why if set_here else f"{OUTSIDE}{decision.why}")
            )
        if decision.state != decision.state_before:
            rows.append((0.0, relay, "E", decision.state, decision.why))
    return rows


def _write_journal(config: Config, past: Past, now: Now, reports: list[str]) -> None:
    """Tells the journal what it is owed. What it cannot take stays owed: after a kill or while the disk
    is full, a force of the owner must not be missing from it for ever. So a new one, or one that a
    power cut left empty, begins with the forces that stand."""
    try:
        begun = os.stat(config.dbFile).st_size > 0
    except OSError:
        begun = False
    if begun and not past.owed:
        return
    told = {relay for _, relay, info, _, _ in past.owed if info == "M"}
    forces = {relay: mode for relay, mode in past.modes.items() if mode in FORCED and relay not in told}
    anew = tuple((0.0, r, "M", m, f"{OUTSIDE}{past.why.get(r, MODE_WORDS[m])}") for r, m in forces.items())
    rows = past.owed if begun else (*anew, *past.owed)
    if not rows:
        return
    from ..stores import journal

    done, report = journal.append(config, rows, now)
    if report:
        reports.append(report)
    set_aside = done and report
    owed = anew if set_aside else () if done else past.owed
    _save_again(config, replace(past, owed=owed, reports=tuple(reports)), now)


def run(
    config: Config, clock: Callable[[], Now], given: Reading | None = None
) -> tuple[Sight, Plan, list[str]] | None:
    """A whole tick; gives what was seen, what became of it, and what a person should see to, or None
    while another tick runs."""
    held, trouble = files.lock(f"{config.prefixFileData}tick.lock")
    if trouble == "busy":
        return None
    try:
        now = clock()
        reports = [trouble] if trouble else []
        if given is None and (trouble := reading.refresh(config, now)):
            reports.append(trouble)
        sight = look(config, now, given)
        if (later := clock()).up - now.up > STOPPED:
            sight = look(config, later, given)
        reports += sight.reports
        final = act(sight, reports)
        scripts.remember(config, sight.answers)
        return sight, final, reports
    finally:
        if held is not None:
            os.close(held)


def main(path: str, verbose: bool = False, clock: Callable[[], Now] = memory.look_at_clocks) -> int:
    """A tick by the configuration at `path`; `verbose`: with its table. Gives the exit code."""
    try:
        config, stamps = configs.load(path)
    except ConfigError as error:
        for problem in error.problems:
            print(f"domo-tick: {problem}", file=sys.stderr)
        try:
            _without_config(path, clock)
        except Exception as again:
            print(f"domo-tick: {type(again).__name__}: {again}", file=sys.stderr)
        return REFUSED
    try:
        done = run(config, clock)
    except Exception as error:
        return _emergency(config, error)
    if done is None:
        print("domo-tick: another tick is running", file=sys.stderr)
        return BUSY
    if stamps:
        configs.remember(config, stamps)
    _tell(*done, verbose=verbose)
    return LOOK if done[2] else DONE


def leave(code: int) -> None:
    """Ends the process without tearing the interpreter down, which costs a quarter of starting it."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _tell(sight: Sight, final: Plan, reports: list[str], verbose: bool) -> None:
    config = sight.config
    if verbose or config.printMessage or config.printMessageLogfile:
        from . import report

        if verbose:
            report.show(report.table(sight, final))
        report.log(sight, final, reports)
    for line in reports:
        print(f"domo-tick: {line}", file=sys.stderr)


def _emergency(config: Config, error: Exception) -> int:
    """What remains when a tick fails in a way that nobody thought of (a damaged disk or installation,
    a bug): forces are obeyed, everything else is switched off."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename} line {trace.tb_lineno}" if trace else ""
    print(
        f"domo-tick: {place}: {type(error).__name__}: {error}; relays that are not forced are off",
        file=sys.stderr,
    )
    try:
        board = boards.open_board(config)
        forced = modes.load(config.modPath).modes
        wanted = {r: ON if forced.get(r) == FORCED_ON else OFF for r in config.relays}
        faults = [*board.apply(wanted), board.save(), states.save(config.etatPath, wanted)]
    except Exception as again:
        faults = [f"{type(again).__name__}: {again}"]
    for fault in filter(None, faults):
        print(f"domo-tick: {fault}", file=sys.stderr)
    return LOOK


def _without_config(path: str, clock: Callable[[], Now]) -> None:
    """What a tick does that has no configuration: nothing, but for two things. A new force is obeyed, and
    relays that the last good one left on may not stay on for ever: so then, or after secuDownNoData
    without a tick, or when nobody knows how long that is, it is used for one, without data."""
    config = configs.last_good(path)
    if config is None:
        return
    past = memory.load(config, clock(), anyones=True)[0]
    forces = {r: m for r, m in modes.load(config.modPath).modes.items() if m in FORCED and r in config.relays}
    known = past.modes if past else {}
    late = past is None or past.tick is None or past.tick >= config.secuDownNoData
    if late or any(known.get(r) != m for r, m in forces.items()):
        reading_none = Reading((), f"{path} cannot be used, the last good configuration is, without data")
        done = run(config, clock, reading_none)
        for line in done[2] if done else ():
            print(f"domo-tick: {line}", file=sys.stderr)
