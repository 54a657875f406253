"""config.yaml, checked, as a record: each key and its default."""

from __future__ import annotations

from .records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


@dataclass(frozen=True)
class Limits:
    """What holds for one relay whatever its script says; 0 is no limit."""

    minOn: float = 0  # s
    minOff: float = 0  # s
    maxOnPerDay: float = 0  # s in any 24 h
    maxStartsPerHour: float = 0


@dataclass(frozen=True)
class Config:
    """config.yaml, checked. Each default is here and nowhere else. Seconds, watts, and BCM pin numbers.
    `stores/schema` says which key sets which field."""

    path: str
    tmpFileDataXml: str = "/tmp/PvMonit_data-xml.php.tmp"
    urlDataXml: str = "http://pvmonit.local/data-xml.php"
    scriptDataXml: str = "/opt/PvMonit/www/data-xml.php"
    phpCli: str = "/usr/bin/php"
    cacheDir: str = "/tmp/PvMonit_cache"  # where PvMonit keeps its forecast; "": it is not looked at
    printMessage: int = 0
    printMessageLogfile: str = ""
    dataCheckTime: float = 60
    fileExpir: float = 500
    xmlDataExpir: float = 500
    frozenAfter: float = 1800
    valueUse: tuple[str, ...] = ("SOC",)
    modPath: str = "/tmp/PvMonit_domo_mod"
    etatPath: str = "/tmp/PvMonit_domo_etat"
    prefixFileData: str = "/tmp/PvMonit_domo_data_"
    remindAfter: float = 86400
    onChange: tuple[str, ...] = ()  # a program and its arguments
    dbFile: str = "domo.sqlite3"
    recordEvery: float = 3600
    recordDir: str = "history"
    recordValues: tuple[str, ...] = ()
    scriptDir: str = "relay.script.d"
    scriptOwners: tuple[str, ...] = ()  # users whose scripts are run too, besides this user and root
    scriptExecInterval: float = 60
    secuDownNoData: float = 600
    relayNb: int = 8
    relayName: Mapping[int, str] = {}
    relayWiringPi: Mapping[int, int] = {1: 4, 2: 5, 3: 10, 4: 21, 5: 22, 6: 27, 7: 28, 8: 29}
    relayGpio: Mapping[int, int] = {}  # wins over relayWiringPi; after loading it holds every relay
    relayActiveLow: bool = True
    relayPriority: tuple[int, ...] = ()
    relayWatt: Mapping[int, float] = {}
    maxWatt: float = 0
    relayLoad: Mapping[int, Mapping[str, Any]] = {}  # what each load does; see stores/plant_keys
    uninterruptible: tuple[int, ...] = ()  # loads that, once begun, run to their end
    floor: Mapping[str, float] = {}
    limits: Mapping[int, Limits] = {}
    plant: Mapping[str, Any] = {}  # after loading it holds every key, see stores/plant_keys
    board: str = "auto"
    simulatedPins: str = "/tmp/PvMonit_domo_pins"
    refresh: float = 0.3
    actionButtonDelay: float = 2
    dio: int = 19
    clk: int = 13
    stb: tuple[int, ...] = (26,)
    brightness: int = 0

    @property
    def memory_path(self) -> str:
        """The memory's file."""
        return f"{self.prefixFileData}memory.json"

    @property
    def lock_path(self) -> str:
        """The tick's lock."""
        return f"{self.prefixFileData}tick.lock"

    @property
    def relays(self) -> range:
        """The relay numbers."""
        return range(1, self.relayNb + 1)

    @property
    def by_priority(self) -> list[int]:
        """The relays, the most important first: relayPriority, then the others by number."""
        return [*self.relayPriority, *[r for r in self.relays if r not in self.relayPriority]]

    def name(self, relay: int) -> str:
        """What the owner calls a relay."""
        return self.relayName.get(relay) or f"relay {relay}"

    def cycle(self, relay: int) -> float:
        """How long the programme of a load of kind `cycle` lasts (s); 0 for all others."""
        minutes: float = sum([step[1] for step in self.relayLoad.get(relay, {}).get("steps", ())])
        return 60 * minutes

    @property
    def required(self) -> tuple[str, ...]:
        """The values without which no script may run: valueUse, and those that have a floor."""
        return (*self.valueUse, *[v for v in self.floor if v not in self.valueUse])
