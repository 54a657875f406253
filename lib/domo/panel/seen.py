"""What the panel has read in the files: the last good content of each, and what is wrong with them."""

from __future__ import annotations

from ..core.model import FORCED, ConfigError, Past
from ..core.settings import Config
from ..stores import config as configs
from ..stores import memory, modes, states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Seen:
    """The files of a house. Times are of the monotonic clock (s)."""

    def __init__(self, config: Config, now: float) -> None:
        self.config = config
        self.states: Mapping[int, int] = {}
        self.past, self.past_of = Past(), now
        self.anew = False  # config.yaml has changed, and can be used
        self._broken = False  # config.yaml has changed, and cannot be used
        self._mode_file = modes.ModeFile({})  # the last good mode file
        self._missing, self._mode_problem = False, ""  # it is missing now; why it cannot be used

    @property
    def files(self) -> tuple[str, ...]:
        """What is to be read when it changes."""
        config = self.config
        return config.modPath, config.etatPath, config.memory_path, config.path

    def read(self, path: str, now: float) -> str:
        """Reads one of the files again; gives what a person should be told."""
        config = self.config
        if path == config.modPath:
            self._read_modes()
        elif path == config.etatPath:
            self.states = states.load(path)[0]
        elif path == config.memory_path:
            self.past, self.past_of = memory.load(config, memory.read_clocks())[0] or Past(), now
        else:
            return self._read_config()
        return ""

    def _read_modes(self) -> None:
        mode_file = modes.load(self.config.modPath)
        self._missing, self._mode_problem = mode_file.missing, mode_file.problem
        if not mode_file.missing and not mode_file.problem:
            self._mode_file = mode_file

    def _read_config(self) -> str:
        try:
            config, parsed = configs.load(self.config.path)
        except ConfigError as error:
            self._broken = True
            return "\n".join(f"domo-panel: {problem}" for problem in error.problems)
        if parsed:
            configs.remember(config, parsed)
        self.anew = True
        return ""

    @property
    def modes(self) -> dict[int, int | None]:
        """The last good modes; None: the mode file holds no mode."""
        return modes.holding(self.config.relays, self._mode_file, self.past.modes)

    @property
    def differ(self) -> bool:
        """Whether the mode file says anything that the last tick did not leave there."""
        if self._missing or self._mode_problem:
            return self._missing
        return bool(self._differences())

    @property
    def forces_differ(self) -> bool:
        """Whether a force, or the end of one, differs. (Anything else may be what a tick is just writing.)"""
        if self._missing or self._mode_problem:
            return False
        return any(mode in FORCED for pair in self._differences() for mode in pair)

    def _differences(self) -> list[tuple[int | None, int | None]]:
        """The modes in the file and those that the last tick left, where they are not the same."""
        mode_file, past = self._mode_file, self.past.modes
        pairs = [(mode_file.modes.get(r), past.get(r)) for r in self.config.relays if r not in mode_file.odd]
        return [(there, last) for there, last in pairs if there != last]

    def faults(self) -> dict[str, bool]:
        """Which of the codes E2 to E7 hold: the files tell these."""
        config, past = self.config, self.past
        odd = any(relay in self._mode_file.odd for relay in config.relays)
        return {
            "E2": self._broken,
            "E3": self._missing or bool(self._mode_problem) or odd,
            "E4": past.tick is None or not self.states,
            "E5": past.tick is not None and (past.data is None or past.data > config.secuDownNoData),
            "E6": bool(past.unwritten) or "journal" in past.stuck,  # its disk may hang: no look from here
            "E7": bool(past.reports),
        }
