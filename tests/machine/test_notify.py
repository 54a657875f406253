"""The programs in notify/, called by real ticks: curl against a real server, a sendmail of ours in PATH,
and MQTT with mosquitto and its own clients."""

from __future__ import annotations

import contextlib
import email
import email.policy
import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.house import PROJECT, House
from support.house import until as within
from support.messenger import cron, waiting, working  # noqa: F401

pytestmark = [pytest.mark.timing, pytest.mark.usefixtures("cron")]

NOTIFY = PROJECT / "notify"


def until(happened: Callable[[], object]) -> None:
    """Waits until it has happened: a call of `mqtt` is six processes, on a machine that may be busy."""
    within(happened, 120)


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if not shutil.which(program, path="/usr/sbin:/usr/bin:/bin")]
    return pytest.mark.skipif(
        bool(missing), reason=f"{', '.join(missing)} is missing: apt install mosquitto mosquitto-clients curl"
    )


def put(house: House, name: str, *arguments: str) -> Path:
    """A copy of a program of notify/ that only we can write, as on a machine where it is installed; and
    what it needs of domo beside it."""
    place = house.folder / "opt/notify"
    place.mkdir(parents=True, exist_ok=True)
    for beside in ("bin", "lib"):
        if not (place.parent / beside).exists():
            (place.parent / beside).symlink_to(PROJECT / beside)
    shutil.copy(NOTIFY / name, place / name)
    (place / name).chmod(0o755)
    house.configure({"domo.onChange": [str(place / name), *arguments]})
    return place / name


def force(house: House, modes: dict[int, int]) -> None:
    house.set_modes(modes)
    ran = house.tick()
    assert ran.err == "", ran


# -- webhook --


class Server:
    """A web server that keeps what is posted to it; it answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, dict(self.headers), body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/topic"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@needs("curl")
def test_a_webhook_gets_the_text_of_every_change(house: House, server: Server) -> None:
    put(house, "webhook", server.address, "--header", "Title: maison")
    house.configure({"domo.relayName": {1: "Pompe à eau"}})
    force(house, {1: 3, 2: 1, 3: 1})
    until(lambda: server.got)
    path, headers, body = server.got[0]
    assert path == "/topic" and headers["Title"] == "maison"
    assert body.decode().splitlines() == [
        "Pompe à eau: forced on",
        "Pompe à eau is on (forced on)",
    ]


@needs("curl")
def test_a_webhook_for_programs_gets_json(house: House, server: Server) -> None:
    put(house, "webhook", "--json", server.address)
    force(house, {1: 3, 2: 1, 3: 1})
    until(lambda: server.got)
    assert server.got[0][1]["Content-Type"] == "application/json"
    assert [(one["relay"], one["kind"]) for one in json.loads(server.got[0][2])] == [
        (1, "mode"),
        (1, "state"),
    ]


@needs("curl")
def test_what_a_server_refuses_is_posted_again(house: House, server: Server) -> None:
    put(house, "webhook", server.address)
    server.status = 503
    force(house, {1: 3, 2: 1, 3: 1})
    until((house.folder / "domo_events/fault").exists)
    assert "503" in (house.folder / "domo_events/fault").read_text()
    server.status = 200
    house.set_modes({1: 3, 2: 3, 3: 1})
    house.tick()
    until(lambda: not waiting(house) and not working(house))
    text = server.got[-1][2].decode()
    assert "relay 1 is on (forced on)\n" in text and "relay 2 is on (forced on)" in text


# -- mail --


def test_mail_is_given_to_sendmail(house: House) -> None:
    stub = house.folder / "stub/sendmail"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\necho "$@" >{house.folder}/arguments\ncat >{house.folder}/mail\n')
    stub.chmod(0o755)
    house.env["PATH"] = f"{stub.parent}:{house.env['PATH']}"
    put(house, "mail", "me@example.org", "you@example.org")
    house.configure({"domo.relayName": {1: "Pompe à eau"}})
    force(house, {1: 3, 2: 1, 3: 1})
    until(lambda: not waiting(house) and not working(house))
    assert (house.folder / "arguments").read_text() == "-t -i\n"
    mail = email.message_from_bytes((house.folder / "mail").read_bytes(), policy=email.policy.default)
    assert mail["To"] == "me@example.org, you@example.org"
    assert mail["Subject"] == "Pompe à eau: forced on (and 1 more)"
    assert "  Pompe à eau is on (forced on)\n" in mail.get_content()


def test_a_reason_with_line_ends_makes_no_header(house: House) -> None:
    stub = house.folder / "stub/sendmail"
    stub.parent.mkdir()
    stub.write_text(f"#!/bin/sh\ncat >{house.folder}/mail\n")
    stub.chmod(0o755)
    line = json.dumps({"time": "2026", "text": "x\nBcc: all@example.org"})
    env = {**house.env, "PATH": f"{stub.parent}:{house.env['PATH']}"}
    command = [str(NOTIFY / "mail"), "me@example.org"]
    assert subprocess.run(command, input=line, env=env, text=True).returncode == 0
    mail = email.message_from_bytes((house.folder / "mail").read_bytes(), policy=email.policy.default)
    assert mail["Bcc"] is None and mail["Subject"] == "x Bcc: all@example.org"


# -- what was asked of them wrongly --


@pytest.mark.parametrize(
    "command, code, said",
    [
        (["webhook"], 2, "usage: webhook"),
        (["webhook", "ftp://x"], 2, "usage: webhook"),
        (["mail"], 2, "usage: mail"),
        (["mail", "-oQ/tmp@x"], 2, "usage: mail"),
        (["mail", "me@"], 2, "usage: mail"),
        (["mail", "m'@["], 2, "usage: mail"),
        (["mail", "me@x\nBcc: you@x"], 2, "usage: mail"),
    ],
)
def test_usage(command: list[str], code: int, said: str) -> None:
    done = subprocess.run([NOTIFY / command[0], *command[1:]], input="", capture_output=True, text=True)
    assert done.returncode == code and said in done.stderr


@pytest.mark.parametrize(
    "command, said",
    [
        (["webhook", "http://127.0.0.1:9/"], "apt install curl"),
        (["mqtt"], "apt install mosquitto-clients"),
        (["mqtt", "--listen"], "apt install mosquitto-clients"),
    ],
)
def test_a_client_that_is_missing_is_said(house: House, command: list[str], said: str) -> None:
    bare = house.folder / "bare"
    bare.mkdir()
    (bare / "python3").symlink_to(sys.executable)
    (bare / "env").symlink_to("/usr/bin/env")
    env = {**house.env, "PATH": str(bare), "DOMO_CONFIG": str(house.config)}
    done = subprocess.run(
        [NOTIFY / command[0], *command[1:]], env=env, input="", capture_output=True, text=True
    )
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr


# -- MQTT --


class Broker:
    """A real mosquitto on a port of its own, and its own clients to speak with it."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = str(taken.getsockname()[1])
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        path = str(shutil.which("mosquitto", path="/usr/sbin:/usr/bin"))
        self.process = subprocess.Popen([path, "-c", str(self._config)], stderr=subprocess.DEVNULL)
        until(self._answers)
        return self.process

    def _answers(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", int(self.port))) == 0

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def kept(self, topic: str = "#") -> dict[str, str]:
        """What is kept at the broker, by topic."""
        command = ["mosquitto_sub", "-p", self.port, "-t", topic, "--retained-only", "-W", "1", "-F", "%t %p"]
        done = subprocess.run(command, capture_output=True, text=True)
        return dict(line.split(" ", 1) for line in done.stdout.splitlines())

    def state(self) -> dict[str, Any]:
        """What is published of the relays."""
        found: dict[str, Any] = json.loads(self.kept("domo/state").get("domo/state", "{}"))
        return found

    def send(self, topic: str, payload: str, *options: str) -> None:
        command = ["mosquitto_pub", "-p", self.port, "-q", "1", "-t", topic, "-m", payload, *options]
        assert subprocess.run(command).returncode == 0


@pytest.fixture
def broker(house: House) -> Iterator[Broker]:
    broker = Broker(house.folder)
    yield broker
    broker.stop()


@contextlib.contextmanager
def listening(house: House, broker: Broker) -> Iterator[subprocess.Popen[str]]:
    """`mqtt --listen`, as systemd runs it; the house has names with an accent and quotes in them."""
    path = put(house, "mqtt", "-p", broker.port)
    house.configure({"domo.relayName": {1: "Pompe à eau", 2: 'l\'"atelier"'}})
    assert house.tick() == (0, "", "")
    listener = subprocess.Popen(
        [path, "--listen", "-p", broker.port],
        env={**house.env, "DOMO_CONFIG": str(house.config)},
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: broker.kept("domo/status") == {"domo/status": "online"})
    yield listener
    listener.terminate()
    assert "Traceback" not in listener.communicate(timeout=30)[1]


@pytest.fixture
def listener(house: House, broker: Broker) -> Iterator[subprocess.Popen[str]]:
    """One that stays as long as the test."""
    with listening(house, broker) as listener:
        yield listener


MOSQUITTO = needs("mosquitto", "mosquitto_pub", "mosquitto_sub")


@MOSQUITTO
def test_states_and_names_appear_at_the_broker(house: House, broker: Broker) -> None:
    put(house, "mqtt", "-p", broker.port)
    house.configure({"domo.relayName": {1: "Pompe à eau"}})
    house.script(2, "return relay.on('the sun shines')")
    force(house, {1: 3, 2: 1, 3: 1})
    until(broker.state)
    until(lambda: broker.state().get("2", {}).get("state") == "ON")
    assert broker.state() == {
        "1": {"name": "Pompe à eau", "state": "ON", "mode": "on", "why": "forced on"},
        "2": {"name": "relay 2", "state": "ON", "mode": "auto", "why": "the sun shines"},
        "3": {"name": "relay 3", "state": "OFF", "mode": "auto", "why": "auto, no script"},
        "faults": [],
    }


@MOSQUITTO
def test_a_fault_appears_and_goes(house: House, broker: Broker) -> None:
    put(house, "mqtt", "-p", broker.port)
    house.set_modes({1: 7, 2: 1, 3: 1})
    house.tick()
    until(lambda: "relay 1 is 7" in " ".join(broker.state().get("faults", [])))
    house.set_modes({1: 1, 2: 1, 3: 1})
    house.tick()
    until(lambda: broker.state()["faults"] == [])


@MOSQUITTO
def test_a_command_forces_a_relay_and_auto_gives_it_back(
    house: House, broker: Broker, listener: subprocess.Popen[str]
) -> None:
    broker.send("domo/2/set", "ON")
    until(lambda: house.modes[2] == 3 and 2 in house.on)
    until(lambda: broker.state()["2"]["mode"] == "on" and broker.state()["2"]["state"] == "ON")
    broker.send("domo/2/set", "OFF")
    until(lambda: house.modes[2] == 0 and 2 not in house.on)
    broker.send("domo/2/set", "auto")
    until(lambda: house.modes[2] == 1)
    broker.send("domo/all/set", "off")
    until(lambda: set(house.modes.values()) == {0})
    assert listener.poll() is None


@MOSQUITTO
def test_home_assistant_is_told_all_that_it_needs(
    house: House, broker: Broker, listener: subprocess.Popen[str]
) -> None:
    """Each thing has its own unique_id, and its topics are those that are published and listened to."""
    things = {topic: json.loads(text) for topic, text in broker.kept("homeassistant/#").items()}
    kinds = [topic.split("/")[1] for topic in things]
    assert sorted(kinds) == ["binary_sensor"] + ["select"] * 3 + ["switch"] * 3
    assert len({thing["unique_id"] for thing in things.values()}) == 7
    assert all(thing["state_topic"] == "domo/state" for thing in things.values())
    assert all(thing["availability_topic"] == "domo/status" for thing in things.values())
    switch = things["homeassistant/switch/domo/relay_2/config"]
    assert switch["name"] == 'l\'"atelier"' and switch["command_topic"] == "domo/2/set"
    assert switch["value_template"] == "{{ value_json['2'].state }}"
    select = things["homeassistant/select/domo/mode_2/config"]
    assert select["options"] == ["auto", "on", "off"] and select["command_topic"] == "domo/2/set"


@MOSQUITTO
@pytest.mark.parametrize(
    "topic, payload",
    [
        ("domo/2/set", "maybe"),
        ("domo/2/set", "ON\n0 domo/3/set 4f4e"),
        ("domo/2/set", ""),
        ("domo/a b/set", "ON"),
        ("domo/2 /set", "ON"),
        ("domo/99/set", "ON"),
        ("domo/--help/set", "ON"),
        ("domo/2/set", "ON" * 50_000),
    ],
)
def test_what_is_no_order_forces_nothing_and_ends_nothing(
    house: House, broker: Broker, listener: subprocess.Popen[str], topic: str, payload: str
) -> None:
    broker.send(topic, payload)
    broker.send("domo/1/set", "ON")  # the order after it is obeyed
    until(lambda: house.modes[1] == 3)
    assert house.modes == {1: 3, 2: 1, 3: 1}


@MOSQUITTO
def test_an_order_that_is_kept_at_the_broker_is_not_obeyed(house: House, broker: Broker) -> None:
    """It is told to whoever subscribes, and may be of last summer."""
    broker.send("domo/2/set", "ON", "-r")
    with listening(house, broker):
        broker.send("domo/1/set", "ON")
        until(lambda: house.modes[1] == 3)
    assert house.modes == {1: 3, 2: 1, 3: 1}


@MOSQUITTO
def test_it_is_offline_when_the_listener_is_gone(
    house: House, broker: Broker, listener: subprocess.Popen[str]
) -> None:
    listener.terminate()
    listener.communicate(timeout=30)
    until(lambda: broker.kept("domo/status") == {"domo/status": "offline"})


@MOSQUITTO
def test_it_is_online_again_after_somebody_said_that_it_is_not(
    house: House, broker: Broker, listener: subprocess.Popen[str]
) -> None:
    """As the broker does, in our name, when the connection was cut."""
    broker.send("domo/status", "offline", "-r")
    until(lambda: broker.kept("domo/status") == {"domo/status": "online"})


@MOSQUITTO
def test_all_is_introduced_again_when_home_assistant_starts_or_the_broker_has_forgotten(
    house: House, broker: Broker, listener: subprocess.Popen[str]
) -> None:
    broker.stop()
    broker.start()  # without persistence: it knows nothing any more
    until(lambda: _greeted(broker))
    assert broker.state()["1"]["name"] == "Pompe à eau"


def _greeted(broker: Broker) -> bool:
    broker.send("homeassistant/status", "online")
    return len(broker.kept("homeassistant/#")) == 7 and bool(broker.state())


@MOSQUITTO
def test_a_broker_that_cannot_be_had_is_a_fault_and_nothing_is_lost(house: House, broker: Broker) -> None:
    put(house, "mqtt", "-p", broker.port)
    broker.stop()
    force(house, {1: 3, 2: 1, 3: 1})
    until((house.folder / "domo_events/fault").exists)
    ran = house.tick()
    assert ran.code == 1 and "mosquitto_pub: " in ran.err
    broker.start()
    house.set_modes({1: 3, 2: 3, 3: 1})
    house.tick()
    until(lambda: not waiting(house) and not working(house))
    assert broker.state()["1"]["state"] == broker.state()["2"]["state"] == "ON"
