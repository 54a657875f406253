"""MIGRATION.md, rehearsed from a fresh PvMonit with its default configuration, command by command; and the
cloud, which PvMonit serves only while it believes that its own domo runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from support.house import PROJECT, until, xml
from support.pvmonit import PvMonit, lacking

TEXT = (PROJECT / "MIGRATION.md").read_text()
PYTHON = subprocess.run(["/usr/bin/python3", "-c", "import yaml, filelock"], capture_output=True)
pytestmark = [
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
    pytest.mark.skipif(PYTHON.returncode != 0, reason="apt's python3 has no yaml or no filelock"),
]

STUBS = {  # of what a person has and a test has not
    "apt": 'echo "$@" >>/opt/asked',
    "adduser": 'echo "$@" >>/opt/asked',
    "screen": 'echo "$@" >>/opt/asked',
    "git": "cp -r /opt/source /opt/domo",
    "crontab": 'f=/tmp/crontab.$(id -un)\n[ "$1" = -l ] && exec cat $f 2>/dev/null\nexec cat >$f',
    "sudo": """\
login() { exec setpriv --reuid="$1" --regid="$1" --clear-groups env HOME=/opt/domo "$2" "$3" "$4"; }
case $1 in
-iu) login "$2" bash -s;;
-u) user=$2; shift 2; exec setpriv --reuid="$user" --regid="$user" --clear-groups "$@";;
*) exec "$@";;
esac""",
}
PEOPLE = "root:x:0:0::/root:/bin/sh\npvmonit:x:61001:61001::/opt/domo:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n"
MACHINE = (
    "mount -t tmpfs tmpfs /tmp && mount -t tmpfs tmpfs /run && mkdir -p /run/screen/S-root"
    " && chmod 1777 /tmp && mount --bind /opt/passwd /etc/passwd && mount --bind /opt/group /etc/group"
)
ENV = {"PATH": "/opt/stubs:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def steps(title: str, indent: int) -> dict[int, list[str]]:
    """The commands of a section, by the step that they belong to."""
    section = TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]
    found: dict[int, list[str]] = {}
    step = 0
    for line in section.splitlines():
        if number := re.match(r"(\d)\. ", line):
            step = int(number[1])
        if re.match(rf" {{{indent}}}(?! *(domo|relay|scriptDir):)\S", line):
            found.setdefault(step, []).append(line.strip())
    return found


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[PvMonit]:
    """A machine where PvMonit is just installed, with two scripts of its examples, and its data."""
    root = tmp_path / "opt"
    for name in ("stubs", "source"):
        (root / name).mkdir(mode=0o755, parents=True)
    root.chmod(0o755)
    for name, text in STUBS.items():
        (root / "stubs" / name).write_text(f"#!/bin/sh\n{text}\n")
        (root / "stubs" / name).chmod(0o755)
    for part in ("bin", "lib", "relay.script.d"):
        shutil.copytree(
            PROJECT / part, root / "source" / part, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    for part in ("config.yaml", "crontab.example"):
        shutil.copy(PROJECT / part, root / "source")
    (root / "passwd").write_text(PEOPLE)
    (root / "group").write_text("root:x:0:\npvmonit:x:61001:\nwww-data:x:33:\ngpio:x:61009:pvmonit\n")
    machine = PvMonit(root, MACHINE)
    shutil.copy(machine.home / "config-default.yaml", machine.home / "config.yaml")
    for relay in (4, 8):
        scripts = machine.home / "domo/relay.script.d"
        shutil.copy(scripts / f"{relay}.php.exemple", scripts / f"{relay}.php")
    for path in [machine.home, *machine.home.rglob("*")]:
        shutil.chown(path, 61001, 61001)
    yield machine
    machine.close()


def data(machine: PvMonit, soc: str) -> None:
    """PvMonit writes its data."""
    file = "/tmp/PvMonit_data-xml.php.tmp"
    write = f"rm -f {file} && cat >{file} && chmod 644 {file}"
    machine.run("sudo", "-u", "pvmonit", "sh", "-c", write, env=ENV, typed=xml(time.time(), SOC=soc))


def typed(machine: PvMonit, lines: list[str]) -> str:
    """What a shell of root's says to these lines; nothing may fail but what only looks."""
    ran = machine.run("bash", "-s", env=ENV, typed="cd /root\n" + "\n".join(lines) + "\n")
    assert "not found" not in ran.stderr and "No such file" not in ran.stderr, ran.stderr
    return ran.stdout + ran.stderr


def as_pvmonit(machine: PvMonit, command: str) -> str:
    """What pvmonit is told by a command."""
    ran = machine.run("sudo", "-u", "pvmonit", "sh", "-c", f"cd /opt/domo && {command}", env=ENV)
    return ran.stdout + ran.stderr


def todo(said: str) -> list[str]:
    """The lines that say TO DO."""
    return [line.removeprefix("TO DO  ") for line in said.splitlines() if line.startswith("TO DO")]


def mod(machine: PvMonit) -> dict[str, int]:
    """The mode file."""
    found: dict[str, int] = json.loads(machine.run("cat", "/tmp/PvMonit_domo_mod").stdout)
    return found


def test_from_pvmonit_to_domo_and_back(machine: PvMonit) -> None:
    ten_minutes = steps("Ten minutes", 7)
    assert sorted(ten_minutes) == [1, 2, 3, 4, 5]
    if "daemon: false" in (config := (machine.home / "config.yaml").read_text()):  # he uses domo
        config = re.sub(r"^(domo:.*\n    daemon: )false", r"\1true", config, flags=re.MULTILINE)
        (machine.home / "config.yaml").write_text(config)
    data(machine, "99")
    theirs = subprocess.Popen(
        machine.inside("/usr/bin/setpriv", "--reuid=61001", "--regid=61001", "--clear-groups",
                       "/usr/bin/php", "/opt/PvMonit/domo/domo.php"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: '"4":2' in machine.run("cat", "/tmp/PvMonit_domo_mod").stdout)

    looked = typed(machine, [*ten_minutes[1], *ten_minutes[2], *ten_minutes[3]])
    assert "scripts: 4.php, 8.php in /opt/PvMonit/domo/relay.script.d" in " ".join(looked.split())
    assert "La batterie est à plus de 98%, on allume !" in " ".join(looked.split())
    assert "python3-filelock" in (machine.root / "asked").read_text()
    left = todo(looked)
    assert [line.split(":")[0] for line in left] == [
        "crontab of pvmonit", "PvMonit's domo/domo.php runs", "/opt/PvMonit/config.yaml"
    ], left  # fmt: skip
    assert theirs.poll() is None

    typed(machine, ten_minutes[4])
    assert theirs.wait(20) != 0
    data(machine, "99")
    told = typed(machine, ten_minutes[5])
    assert todo(told) == [], told
    assert "4  aDefinir  auto off → auto on  off → on  La batterie est à plus de" in told
    assert mod(machine)["4"] == 2
    assert "domo-tick" in machine.run("cat", "/tmp/crontab.pvmonit").stdout

    data(machine, "50")
    assert "Le temps minimum (ici de 300s)" in as_pvmonit(machine, "bin/domo-tick && bin/domo-mod")
    assert mod(machine)["4"] == 2

    back = [line for line in steps("And back", 4)[0] if "crontab" not in line]
    assert len(back) == 3
    typed(machine, [line for line in back if "domo-panel" not in line])
    asked = (machine.root / "asked").read_text()
    assert "-S domo /opt/PvMonit/domo/domo-launch.sh" in asked
    assert "-S relay-actions /opt/PvMonit/domo/relay-actions-launch.sh" in asked


def test_a_config_that_does_not_say_where_scripts_are(machine: PvMonit) -> None:
    """Then PHP scripts lie where domo does not look; --check says so, and what to write is enough."""
    ten_minutes = steps("Ten minutes", 7)
    (machine.home / "config.yaml").write_text("domo:\n  valueUse: [SOC]\n")
    data(machine, "99")
    looked = typed(machine, [*ten_minutes[1], *ten_minutes[2], *ten_minutes[3]])
    lost = [line for line in todo(looked) if line.startswith("script")]
    folder = "/opt/PvMonit/domo/relay.script.d"
    assert lost == [
        f"script {folder}/{relay}.php: it is not run, domo looks in /opt/domo/relay.script.d; move it there,"
        f" or set domo: relay: scriptDir: {folder}"
        for relay in (4, 8)
    ]
    section = re.search(r"what to add:\n\n(.*?)\n\n   \[Scripts\]", TEXT, re.DOTALL)
    assert section
    (machine.home / "config.yaml").write_text(section[1])
    assert not [line for line in todo(as_pvmonit(machine, "bin/domo-tick --check")) if "script" in line]

    (machine.root / "domo/relay.script.d/1.py").write_text("")  # as the README has it, without that line
    lost = [line for line in todo(as_pvmonit(machine, "bin/domo-tick --check")) if "script" in line]
    assert lost == [
        f"script /opt/domo/relay.script.d/1.py: it is not run, domo looks in {folder}; move it there,"
        " or set domo: relay: scriptDir: /opt/domo/relay.script.d"
    ]


class Cloud:
    """PvMonit's cloud, and the page that its data comes from."""

    def __init__(self, wants: dict[str, int]) -> None:
        self.posts: list[dict[str, list[str]]] = []
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(xml(time.time()))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                cloud.posts.append(parse_qs(body))
                self._send(json.dumps({"result": "ok", "domoRequest": wants}))

            def _send(self, text: str) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_the_cloud_is_told_the_states_and_sends_its_orders(machine: PvMonit) -> None:
    """With `daemon: true`, which PvMonit can start nothing by. With `daemon: false` it tells no state."""
    cloud = Cloud({str(relay): 3 if relay == 2 else 1 for relay in range(1, 9)})
    typed(machine, [*steps("Ten minutes", 7)[1], *steps("Ten minutes", 7)[2], "exit"])
    sent: list[bool] = []
    for daemon in ("false", "true"):
        text = (PROJECT / "MIGRATION.md").read_text().partition("## The cloud\n")[2].partition("\n## ")[0]
        if daemon == "true":
            typed(machine, re.findall(r"^    (sudo .*)$", text, re.MULTILINE))
        (machine.home / "config.yaml").write_text(
            f"urlDataXml: {cloud.address}data-xml.php\ncloud: {{url: '{cloud.address}id/', api: XYZ}}\n"
            f"domo:\n  daemon: {daemon}\n  relay:\n    scriptDir: /opt/PvMonit/domo/relay.script.d\n"
        )
        data(machine, "50")
        as_pvmonit(machine, "bin/domo-tick")
        before = len(cloud.posts)
        service = subprocess.Popen(
            machine.inside("sudo", "-u", "pvmonit", "php", "/opt/PvMonit/cloudService.php"),
            env=ENV, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: len(cloud.posts) > before and mod(machine).get("2") == 3)  # noqa: B023
        service.terminate()
        service.wait()
        sent.append("domo" in cloud.posts[-1])
        as_pvmonit(machine, "bin/domo-tick")
        states = json.loads(machine.run("cat", "/tmp/PvMonit_domo_etat").stdout)
        assert states["2"] == 1  # its order is obeyed
        as_pvmonit(machine, "bin/domo-mod 2 auto")
    cloud.server.shutdown()
    assert sent == [False, True]
    told = json.loads(cloud.posts[-1]["domo"][0])
    assert told["etat"] == told["etat"] | {"1": 0, "2": 0} and set(told["mod"]) == set("12345678")
    said = as_pvmonit(machine, "bin/domo-tick --check")
    assert not [line for line in todo(said) if "daemon" in line]
    assert "domo: daemon: true, for the cloud; it cannot start PvMonit's own domo" in said
    for name in ("domo", "relay-actions"):
        assert machine.run("sh", "-c", f"exec /opt/PvMonit/domo/{name}-launch.sh").returncode == 126
