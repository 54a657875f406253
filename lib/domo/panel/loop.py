"""The panel at work: it looks at the keys and the files, writes what was chosen, and lets ticks act on it."""

from __future__ import annotations

import os
import select
import signal
import time

from ..core.model import BUSY, MODE_WORDS, Fault
from ..core.texts import one_line
from ..stores import edits
from ..tick import mode_faults
from ..tick import process as ticker
from .frame import CODES, LATE, View, changes, phase, press
from .seen import Seen
from .watch import CHANGED, UNSEEN, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.settings import Config
    from .face import Face
    from .watch import Stamp

QUICK = 0.05  # s between looks at the keys while somebody is there
SLOWEST = 1.0  # s between them at the most: a force acts within 2 s, whatever `refresh` says
AGAIN, PATIENCE = 0.5, 10.0  # s to the next try after a tick that could not do what is wanted: first, at most
GIVE_UP = 30.0  # s until a choice that cannot be written is dropped: nothing must start hours later
STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
SIGNALS = (CHANGED, *STOPS)


class Woken(Exception):
    """A signal came while there was nothing to do."""


class Panel:
    """The panel at work on a face. `stamp` is config.yaml's when it was read; `aloud`: messages go to
    the standard error, not only to the face. Times are of the monotonic clock (s)."""

    def __init__(self, config: Config, face: Face, stamp: Stamp, aloud: bool) -> None:
        now = time.monotonic()
        self._config, self._face, self._aloud = config, face, aloud
        self._seen = Seen(config, now)
        self._watch = Watch({**dict.fromkeys(self._seen.files, UNSEEN), config.path: stamp})
        self._check_at = now
        self._pending: dict[int, int] = {}
        self._pressed = self._write_at = now
        self._jammed: tuple[int, ...] = ()
        self._tick: ticker.Tick | None = None
        self._tick_wanted = False
        self._tick_at = now  # one is run then, wanted or not
        self._tick_not_before, self._again = now, AGAIN
        self._others_tick = now  # when a tick that was not ours ran last
        self._view: View | None = None  # None: something has changed
        self._lit, self._blinks = 0, False
        self._message = ""
        self._asleep = self._ended = False

    def run(self) -> bool:
        """Runs until config.yaml has changed, and gives False; or until somebody ends it, and gives True."""
        for number in SIGNALS:
            if number == CHANGED or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._signalled)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        fault = ""
        while not (self._ended or self._seen.anew and not self._pending and not self._tick):
            try:
                self._step(time.monotonic())
                fault = ""
            except Exception as error:  # a fault in drawing or reading is told once; then it is tried again
                before, fault = fault, one_line(f"domo-panel: {type(error).__name__}: {error}")
                if fault != before:
                    self._say(fault)
            self._ended = self._ended or self._face.ended
            if not self._ended:
                self._sleep()
        return self._ended

    def _sleep(self) -> None:
        refresh = min(self._config.refresh, SLOWEST)
        near = self._face.quick or self._pending or self._tick or self._tick_wanted
        try:
            self._asleep = True
            time.sleep(min(QUICK, refresh) if near else refresh)  # sigtimedwait() costs more
            self._asleep = False
        except Woken:
            time.sleep(QUICK)  # lets a writer finish, and one that never stops cost little

    def _signalled(self, number: int, _: object) -> None:
        """Notes what a signal wants. Only sleep is interrupted: no write, and no byte to the board."""
        self._check_at = 0.0
        self._ended = self._ended or number != CHANGED
        if self._asleep:
            self._asleep = False
            raise Woken

    def leave(self) -> tuple[bool, str]:
        """Writes the choices that still waited for their time. Gives whether there were any, which a tick
        must carry out, and "" or why they are dropped."""
        try:
            self._check_files(time.monotonic())
            wanted = changes(self._pending, self._seen.modes)
            if wanted:
                edits.set_owner(self._config.modPath, wanted)
            return bool(wanted), ""
        except Fault as fault:
            chosen = ", ".join(f"relay {relay} {MODE_WORDS[mode]}" for relay, mode in self._pending.items())
            return False, f"domo-panel: {fault}; the choice is dropped: {chosen}"

    def _step(self, now: float) -> None:
        if now >= self._check_at:
            self._check_files(now)
        if self._pending and now >= self._write_at:
            self._write(now)
        if self._tick:
            self._reap(self._tick, now)
        elif (self._tick_wanted or now >= self._tick_at) and now >= self._tick_not_before:
            self._start_tick(now)
        for relay in self._face.pressed(now):  # the board last: one that fails delays nothing else
            self._press(relay, now)
        if self._jammed != self._face.jammed:
            self._find_jammed()
        if self._view is None or self._blinks:
            self._show(now)

    def _show(self, now: float) -> None:
        view = self._view or self._new_view(now)
        lit = phase(view, now)
        if view is not self._view or lit != self._lit:
            self._face.show(view, lit)
            self._view, self._lit, self._blinks = view, lit, view.busy or bool(view.faults)

    def _new_view(self, now: float) -> View:
        seen = self._seen
        late, jammed = now - self._others_tick > LATE, bool(self._jammed)
        faults = {"E1": late, "E8": jammed, **seen.faults()}
        codes = tuple(code for code in CODES if faults[code])
        files = self._config, seen.modes, seen.states, seen.past, seen.past_of
        return View(*files, self._pending, bool(self._tick or self._tick_wanted), codes, self._message)

    def _say(self, text: str) -> None:
        """Tells a message, once."""
        if text != self._message:
            self._message, self._view = text, None
            if text and self._aloud:
                aloud(text)

    def _check_files(self, now: float) -> None:
        """Looks whether the files have changed; reads those that have."""
        self._check_at = now + self._watch.interval  # first: a signal may come meanwhile
        changed = self._watch.changed()
        self._check_at = min(self._check_at, now + self._watch.interval)
        for path in changed:
            if said := self._seen.read(path, now):
                self._say(said)
        past = self._seen.past
        if self._config.memory_path in changed and past.tick is not None:
            self._tick_at = now - past.tick + LATE
            if self._tick is None:
                self._others_tick = now - past.tick
        if self._config.modPath in changed:
            self._tick_wanted = self._seen.differ
            self._tick_not_before = min(self._tick_not_before, now + AGAIN)
        elif self._config.memory_path in changed:  # somebody's tick may have begun before a change
            self._tick_wanted = self._tick_wanted or self._seen.forces_differ
        if changed or now - self._others_tick > LATE:
            self._view = None

    def _press(self, relay: int, now: float) -> None:
        if relay in self._config.relays:
            self._pending = press(self._pending, self._seen.modes, relay)
            self._pressed, self._write_at = now, now + self._config.actionButtonDelay
            self._view = None

    def _find_jammed(self) -> None:
        """Tells of buttons that stay down, and forgets what they seem to have chosen."""
        before, self._jammed, self._view = self._jammed, self._face.jammed, None
        self._pending = {relay: mode for relay, mode in self._pending.items() if relay not in self._jammed}
        if new := [str(button) for button in self._jammed if button not in before]:
            which = f"button {new[0]} stays" if len(new) == 1 else f"buttons {', '.join(new)} stay"
            self._say(f"domo-panel: {which} down, and is not obeyed until it is up: is it jammed, or damp?")

    def _write(self, now: float) -> None:
        """Writes what was chosen into the mode file; a tick follows because that has changed."""
        try:
            if wanted := changes(self._pending, self._seen.modes):
                path = self._config.modPath
                linked = edits.set_owner(path, wanted).linked
                self._say(f"domo-panel: {mode_faults.linked(path)}" if linked else "")
        except Fault as fault:
            if now - self._pressed < GIVE_UP:
                self._say(f"domo-panel: {fault}")
                self._write_at = now + 1
                return
            self._say(f"domo-panel: {fault}; the choice is dropped")
        self._pending, self._view = {}, None
        self._check_files(now)

    def _start_tick(self, now: float) -> None:
        self._tick_not_before = now + AGAIN
        try:
            self._tick = ticker.Tick(self._config)
        except Fault as fault:
            self._say(f"domo-panel: {fault}")
            return
        self._tick_at, self._tick_wanted, self._view = now + LATE, False, None

    def _reap(self, tick: ticker.Tick, now: float) -> None:
        code = tick.ended()
        if code is None:
            return
        if code == BUSY:
            self._others_tick = now
        self._watch.forget(self._config.modPath)  # the tick, or the other one, may have begun before a change
        self._check_files(now)
        vain = code == BUSY or code and self._tick_wanted  # another one was running, or it failed
        self._again = min(2 * self._again, PATIENCE) if vain else AGAIN
        self._tick_not_before = now + self._again
        self._tick, self._view = None, None
        if code < 0:
            self._say(f"domo-panel: the tick was ended by signal {-code}")
        elif code != BUSY:
            self._say(tick.said)


def aloud(text: str) -> None:
    """Prints a line to the standard error. If nobody takes it (a terminal that is stopped, a full pipe, a
    full disk), it is dropped: no force waits for a message."""
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        fd = os.open("/proc/self/fd/2", flags)
    except OSError:  # a socket, or somebody else's terminal
        if not select.select([], [2], [], 0)[1]:
            return
        fd = os.dup(2)
    try:
        os.write(fd, f"{text}\n".encode(errors="replace"))
    except OSError:
        pass
    finally:
        os.close(fd)
