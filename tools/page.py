"""PvMonit's own web page, served by PHP, switches a relay; and is asked 2,000 times while everything moves.

    sudo python3 tools/page.py PVMONIT [--requests 2000]

PVMONIT is a checkout of PvMonit 3.x; a copy of it is served at /opt/PvMonit (the page insists on that
place) in a mount namespace of its own, with a config.yaml that domo reads too. Wants root, php-cli,
php-yaml and curl. Prints what was asked and answered, with the seconds from the page's answer to the pin.
Exits with 1 if an answer was no JSON, lacked a relay, or a change was lost. One PHP process answers here;
of several, one reads while another writes, and what the page tears itself is seen.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from support.house import PROJECT, House, until
from support.page import change_for_ever

RELAYS = {1: "Pompe", 2: "Eau chaude", 3: "Atelier"}
SERVE = """
mount -t tmpfs tmpfs /opt && mkdir /opt/PvMonit && mount --bind "$1" /opt/PvMonit &&
exec php -S "$2" -t /opt/PvMonit/www 2>"$1/log"
"""


class Page:
    """The page of a PvMonit, and the house that it is in."""

    def __init__(self, pvmonit: Path, folder: Path) -> None:
        (folder / "house").mkdir()
        self.house = House(folder / "house")
        self.copy = folder / "PvMonit"
        shutil.copytree(pvmonit, self.copy, ignore=shutil.ignore_patterns(".git", "config.yaml"))
        self.house.config = self.copy / "config.yaml"
        house = self.house
        self.house.configure(
            {
                "tmpFileDataXml": str(house.data_file),
                "printMessage": 0,
                "www.domo": True,
                "domo.jsonFile.modPath": str(house.mode_file),
                "domo.jsonFile.etatPath": str(house.state_file),
                "domo.prefixFileData": str(house.folder / "domo_"),
                "domo.dbFile": str(house.journal_file),
                "domo.recordDir": str(house.folder / "history"),
                "domo.simulatedPins": str(house.pin_file),
                "domo.relay.scriptDir": str(house.scripts),
                "domo.relayNb": len(RELAYS),
                "domo.relayName": RELAYS,
            }
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"

    @contextlib.contextmanager
    def served(self) -> Iterator[None]:
        """While PHP serves it."""
        serve = ["unshare", "--mount", "sh", "-c", SERVE, "sh", str(self.copy), self.address]
        with subprocess.Popen(serve, stdin=subprocess.DEVNULL, start_new_session=True) as php:
            try:
                until(self._answers)
                yield
            finally:
                os.killpg(php.pid, signal.SIGTERM)  # and its workers, if there are (PHP_CLI_SERVER_WORKERS)

    def _answers(self) -> bool:
        host, _, port = self.address.partition(":")
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return True
        return False

    def ask(self, query: str) -> str:
        """What the page answers."""
        url = f"http://{self.address}/domo.php?{query}"
        return subprocess.run(
            ["curl", "-s", url], check=True, capture_output=True, text=True, timeout=30
        ).stdout

    def show(self, query: str) -> None:
        """Asks, and prints it."""
        print(f"$ curl 'http://{self.address}/domo.php?{query}'\n{self.ask(query).strip()}")

    def switch(self, relay: int, to: str, level: int) -> None:
        """Presses a button of the page, and waits until the relay's pin has that level."""
        pin = self.house.pins_of[relay]
        before = self.house.pins[pin]
        self.show(f"action=changeMod&idRelay={relay}&changeTo={to}")
        answered = time.monotonic()
        until(lambda: self.house.pins[pin] == level)
        print(f"  BCM pin {pin}: {before}, and {level} {time.monotonic() - answered:.2f} s after that answer")
        self.show("action=printRefresh")


def by_hand(page: Page) -> None:
    """One relay, by the page's three buttons, with the panel process beside it."""
    house = page.house
    house.script(3, 'return relay.on("the sun shines")')
    house.set_modes({1: 1, 2: 1, 3: 0})
    print(f"$ php -S {page.address} -t /opt/PvMonit/www &")
    print(f"$ bin/domo-tick\n{''.join(house.tick()[1:])}$ bin/domo-panel --no-display &")
    panel = [
        sys.executable,
        "-S",
        str(PROJECT / "bin/domo-panel"),
        "--config",
        str(house.config),
        "--no-display",
    ]
    with subprocess.Popen(panel, env=house.env) as process:
        try:
            time.sleep(1)  # as a person would, before he opens the page
            page.show("action=printRefresh")
            for to, level in (("on", 0), ("off", 1), ("auto", 0)):
                page.switch(3, to, level)
        finally:
            process.terminate()
    mod = [sys.executable, "-S", str(PROJECT / "bin/domo-mod"), "--config", str(house.config)]
    shown = subprocess.run(mod, env=house.env, check=True, capture_output=True, text=True).stdout
    print(f"$ bin/domo-mod\n{shown.rstrip()}")


def at_once(page: Page, requests: int) -> bool:
    """So many printRefresh, while ticks switch, modes and states change and changeMod is asked; whether
    all was well."""
    house = page.house
    house.configure({"domo.relay.scriptExecInterval": 0})
    (house.scripts / "3.py").unlink()
    for relay in (1, 2):
        house.script(relay, 'return (relay.off if relay.is_on else relay.on)("it flips")')
    house.set_modes(dict.fromkeys(RELAYS, 1))
    house.tick()
    rows = len(house.journal)
    counted: Counter[str] = Counter()
    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            counted["faults that a tick told"] += len(house.tick().err.splitlines())
            counted["ticks"] += 1

    def change() -> None:
        while not over.is_set():
            to = ("on", "off", "auto")[counted["changeMod answered"] % 3]
            page.ask(f"action=changeMod&idRelay=3&changeTo={to}")
            counted["changeMod answered"] += 1
            shown = json.loads(page.ask("action=printRefresh"))["mod"]["3"]
            counted["changeMod lost"] += shown not in {"on": (3,), "off": (0,), "auto": (1, 2)}[to]

    changes = multiprocessing.get_context("fork").Process(target=change_for_ever, args=(house,))
    changes.start()  # before the threads: a fork beside them could keep what they hold
    threads = [threading.Thread(target=target) for target in (tick, change)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    every = {str(relay) for relay in RELAYS}
    for _ in range(requests):
        answer = page.ask("action=printRefresh")
        counted["printRefresh answered"] += 1
        try:
            shown = json.loads(answer)
        except ValueError:
            counted["no JSON"] += 1
        else:
            counted["a relay missing"] += not shown["etat"].keys() >= every <= shown["mod"].keys()
    counted["seconds"] = round(time.monotonic() - began)
    over.set()
    for thread in threads:
        thread.join()
    changes.kill()
    changes.join()
    counted["switched by ticks"] = sum(row[1] == "E" for row in house.journal[rows:])
    wrong = ("no JSON", "a relay missing", "changeMod lost", "faults that a tick told")
    print(", ".join(f"{what}: {counted[what]}" for what in sorted(counted.keys() | set(wrong))))
    return not any(counted[what] for what in wrong)


def main() -> int:
    """Gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pvmonit", type=Path)
    parser.add_argument("--requests", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TMPDIR"] = scratch
        page = Page(given.pvmonit, Path(scratch))
        with page.served():
            by_hand(page)
            return 0 if at_once(page, given.requests) else 1


if __name__ == "__main__":
    sys.exit(main())
