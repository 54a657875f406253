"""`domo-panel`: shows the relays, lets a person force them, and makes a force by anybody act at once.

It moves no pin: it changes the mode file as everybody does, and lets a tick do the rest.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from fcntl import DN_CREATE, DN_DELETE, DN_MODIFY, DN_MULTISHOT, DN_RENAME, F_NOTIFY, fcntl

from ..core.model import BUSY, REFUSED, Config, ConfigError, Fault, Past
from ..core.records import replace
from ..stores import config as configs
from ..stores import memory, modes, states
from ..system import lock
from ..tick import process as ticker
from .frame import LATE, View, changes, phase, press

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from .terminal import Terminal
    from .tm1638 import TM1638

QUICK = 0.05  # s between looks at the keys while somebody is there
SLOWEST = 1.0  # s between them at the most: a force acts within 2 s, whatever `refresh` says
OFTEN, SELDOM = (
    0.75,
    10.0,
)  # s between looks at the files: where nobody tells that one has changed, and besides
AGAIN, PATIENCE = 0.5, 10.0  # s until a tick that found another one running is tried again, ever slower
GIVE_UP = 30.0  # s until a choice that cannot be written is dropped: nothing shall start hours later
STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
CHANGED = signal.SIGIO  # see _watch
SIGNALS = (CHANGED, *STOPS)
UNSEEN = (0,)  # no file's stamp


class Woken(Exception):
    """A signal came while there was nothing to do."""


class NoFace:
    """`--no-display`: what others change is acted on, no more. Every face has these methods."""

    quick = False  # whether somebody is there, so that the keys want to be looked at often

    def pressed(self, now: float) -> list[int]:
        """The relays whose buttons went down since the last call; `now` is any clock (s)."""
        return []

    def show(self, view: View, lit: int) -> None:
        """Shows the view in that phase (see panel.phase)."""

    def close(self) -> None:
        """Leaves the display dark, the terminal sane."""


class Panel:
    """The panel at work on a face. `stamp` is config.yaml's when it was read; `aloud`: messages go to
    the standard error, not only to the face. Times are of the monotonic clock (s)."""

    def __init__(self, config: Config, face: NoFace | TM1638 | Terminal, stamp: object, aloud: bool) -> None:
        now = time.monotonic()
        self._config, self._face, self._aloud = config, face, aloud
        paths = config.modPath, config.etatPath, config.memory_path
        self._stamps: dict[str, object] = {**dict.fromkeys(paths, UNSEEN), config.path: stamp}
        self._interval = (
            SELDOM if all([_watch(f) for f in {os.path.dirname(path) for path in self._stamps}]) else OFTEN
        )
        self._look_at = now
        self._found = modes.Found({})  # the last good one
        self._missing, self._mode_problem = False, ""  # there is none now, or why it cannot be used
        self._states: dict[int, int] = {}
        self._past, self._past_of = Past(), now
        self._anew = self._broken = False  # config.yaml has changed, and can be used, or cannot
        self._pending: dict[int, int] = {}
        self._pressed = self._write_at = now
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
        """Goes on until config.yaml is another one, or until somebody ends it: then it gives True."""
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._signalled)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        refresh = min(self._config.refresh, SLOWEST)
        fault = ""
        while not (self._ended or self._anew and not self._pending and not self._tick):
            try:
                self._step(time.monotonic())
                fault = ""
            except Exception as error:  # a fault in drawing or reading is told once, and tried again
                before, fault = fault, f"domo-panel: {type(error).__name__}: {error}"
                if fault != before:
                    self._say(fault)
            near = self._face.quick or self._pending or self._tick or self._tick_wanted
            try:
                self._asleep = True
                time.sleep(
                    min(QUICK, refresh) if near else refresh
                )  # sigtimedwait() costs 4 % of a poll more
                self._asleep = False
            except Woken:
                time.sleep(
                    QUICK
                )  # who writes shall come to his end, and who never stops shall not keep us busy
        return self._ended

    def _signalled(self, number: int, _: object) -> None:
        """Notes what a signal wants, wherever it comes, so that it cuts no write and no byte to the board in two."""
        self._look_at = 0.0
        self._ended = self._ended or number != CHANGED
        if self._asleep:
            self._asleep = False
            raise Woken

    def _step(self, now: float) -> None:
        if now >= self._look_at:
            self._look(now)
        if self._pending and now >= self._write_at:
            self._write(now)
        if self._tick:
            self._reap(self._tick, now)
        elif (self._tick_wanted or now >= self._tick_at) and now >= self._tick_not_before:
            self._start_tick(now)
        for relay in self._face.pressed(now):  # the board last: one that fails delays nothing else
            self._press(relay, now)
        if self._view is None or self._blinks:
            self._show(now)

    def _show(self, now: float) -> None:
        view = self._view or self._new_view(now)
        lit = phase(view, now)
        if view is not self._view or lit != self._lit:
            self._face.show(view, lit)
            self._view, self._lit, self._blinks = view, lit, view.busy or bool(view.troubles)

    def _new_view(self, now: float) -> View:
        past = self._past
        troubles = {
            "E1": now - self._others_tick > LATE,
            "E2": self._broken,
            "E3": self._missing
            or bool(self._mode_problem)
            or any(r in self._found.odd for r in self._config.relays),
            "E4": past.tick is None or not self._states,
            "E5": past.tick is not None and (past.data is None or past.data > self._config.secuDownNoData),
            "E6": not _journal_works(self._config.dbFile),
            "E7": bool(past.reports),
        }
        codes = tuple(code for code, wrong in troubles.items() if wrong)
        seen = self._config, self._modes(), self._states, past, self._past_of
        return View(*seen, self._pending, bool(self._tick or self._tick_wanted), codes, self._message)

    def _modes(self) -> dict[int, int | None]:
        """The modes: the last good ones, None where there stands none."""
        return modes.holding(self._config.relays, self._found, self._past.modes)

    def _say(self, text: str) -> None:
        """Tells a message, once."""
        if text != self._message:
            self._message, self._view = text, None
            if text and self._aloud:
                print(text, file=sys.stderr, flush=True)

    # -- what others do --

    def _look(self, now: float) -> None:
        """Looks whether the files have changed; reads those that have."""
        self._look_at = now + self._interval
        changed = [path for path, stamp in self._stamps.items() if _stamp(path) != stamp]
        for path in changed:
            self._stamps[path] = _stamp(path)
            self._read(path, now)
        if self._config.modPath in changed:
            self._tick_wanted = self._differs()
        if changed or now - self._others_tick > LATE:
            self._view = None

    def _read(self, path: str, now: float) -> None:
        if path == self._config.modPath:
            found = modes.load(path)
            self._missing, self._mode_problem = found.missing, found.problem
            if not found.missing and not found.problem:
                self._found = found
        elif path == self._config.etatPath:
            self._states = states.load(path)
        elif path == self._config.path:
            self._read_config()
        else:
            self._past, self._past_of = memory.load(self._config, memory.look_at_clocks())[0] or Past(), now
            if self._past.tick is not None:
                self._tick_at = now - self._past.tick + LATE
                if self._tick is None:
                    self._others_tick = now - self._past.tick

    def _read_config(self) -> None:
        try:
            config, parsed = configs.load(self._config.path)
        except ConfigError as error:
            self._say("\n".join(f"domo-panel: {problem}" for problem in error.problems))
            self._broken = True
            return
        if parsed:
            configs.remember(config, parsed)
        self._anew = True

    def _differs(self) -> bool:
        """Whether the mode file says anything that the last tick did not leave there."""
        if self._missing or self._mode_problem:
            return self._missing
        found, past = self._found, self._past.modes
        return any(found.modes.get(r) != past.get(r) for r in self._config.relays if r not in found.odd)

    # -- what it does --

    def _press(self, relay: int, now: float) -> None:
        if relay in self._config.relays:
            self._pending = press(self._pending, self._modes(), relay)
            self._pressed, self._write_at = now, now + self._config.actionButtonDelay
            self._view = None

    def _write(self, now: float) -> None:
        """Writes what was chosen into the mode file; a tick follows because that has changed."""
        try:
            if wanted := changes(self._pending, self._modes()):
                modes.set_owner(self._config.modPath, wanted)
        except Fault as fault:
            if now - self._pressed < GIVE_UP:
                self._say(f"domo-panel: {fault}")
                self._write_at = now + 1
                return
            self._say(f"domo-panel: {fault}; the choice is dropped")
        self._pending, self._view = {}, None
        self._look(now)

    def _start_tick(self, now: float) -> None:
        self._tick_at, self._tick_not_before = now + LATE, now + AGAIN
        self._tick = ticker.Tick(self._config)
        self._tick_wanted, self._view = False, None

    def _reap(self, tick: ticker.Tick, now: float) -> None:
        code = tick.ended()
        if code is None:
            return
        self._again = min(2 * self._again, PATIENCE) if code == BUSY else AGAIN
        self._tick_not_before = now + self._again
        if code == BUSY:
            self._others_tick = now
        if (
            code == BUSY or self._tick_wanted
        ):  # it, or the other one, may have begun before the change, or not
            self._stamps[self._config.modPath] = UNSEEN
        self._look(now)
        self._tick, self._view = None, None
        if code < 0:
            self._say(f"domo-panel: the tick was ended by signal {-code}")
        elif code != BUSY:
            self._say(tick.said)


def _watch(folder: str) -> bool:
    """Has the kernel send CHANGED whenever a file in the folder does (dnotify, see fcntl(2)), for as long
    as this process runs. Gives whether it will."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl(fd, F_NOTIFY, DN_MODIFY | DN_CREATE | DN_DELETE | DN_RENAME | DN_MULTISHOT)
        return True
    except OSError:
        return False


def _stamp(path: str) -> object:
    """What changes whenever the file does; None without one."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_mtime_ns, info.st_ino, info.st_size


def _journal_works(path: str) -> bool:
    """Whether the journal can be written, as far as a look tells; there need not be one."""
    try:
        if path and stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                return file.read(16) in (b"", b"SQLite format 3\0") and os.access(path, os.W_OK)
        return not path
    except FileNotFoundError:
        return os.access(os.path.dirname(path), os.W_OK)
    except OSError:
        return False


def options() -> argparse.ArgumentParser:
    """The command line."""
    from ..system import arguments

    parser = arguments.parser(
        "domo-panel", "Shows the relays on a TM1638, lets a person force them, and acts at once."
    )
    parser.epilog = "exit codes: 0 ended, 2 could not start, 75 another panel is running"
    face = parser.add_mutually_exclusive_group()
    face.add_argument("--terminal", action="store_true", help="the panel in this terminal")
    face.add_argument(
        "--no-display", action="store_true", help="no panel: only make a force by anybody act at once"
    )
    return parser


def main(argv: list[str]) -> int:
    """`domo-panel` with these arguments; gives its exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until run() can take them
    given = options().parse_args(argv)
    path = os.path.abspath(configs.chosen(given.config))
    stamp = _stamp(path)
    try:
        config, parsed = configs.load(path)
        memory.as_its_user(config)
        if parsed:
            configs.remember(config, parsed)
        _held, trouble = lock.take(f"{config.prefixFileData}panel.lock")  # until this process ends
        if trouble:
            print(f"domo-panel: {trouble}", file=sys.stderr)
        if given.no_display:
            config = replace(config, refresh=SLOWEST)  # there are no keys to look at
        face = NoFace() if given.no_display else _face(config, given.terminal)
    except lock.Locked:
        print("domo-panel: another panel is running", file=sys.stderr)
        return BUSY
    except (ConfigError, Fault) as error:
        for problem in str(error).splitlines():
            print(f"domo-panel: {problem}", file=sys.stderr)
        return REFUSED
    try:
        ended = Panel(config, face, stamp, aloud=not (given.terminal and os.isatty(2))).run()
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            face.close()
        except Exception as error:  # the board may be gone; that is no reason to stay
            print(f"domo-panel: the display cannot be put out: {error}", file=sys.stderr)
    return (
        0 if ended else os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    )  # with the new configuration


def _face(config: Config, terminal: bool) -> TM1638 | Terminal:
    """The panel's face. Raises Fault."""
    if terminal:
        from .terminal import Terminal

        return Terminal()
    from .tm1638 import TM1638

    return TM1638(config)
