"""Texts that are not domo's own - the data, the mode file, scripts, servers, errors - reach terminals, cron's
mail and the log as plain text: they command no terminal, turn no writing, forge no line."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from xml.sax.saxutils import quoteattr

import pytest

from support.house import PROJECT, House

# One character of each Unicode category, and those that do harm. XML can say all but C0 and surrogates.
SIGNS = "\n\r\t\x85\x9b\x9d\xa0\xad\u200b\u200f\u202e\u2028\u2029\u2066\ufeff\ufff9\ue000\u0378\U000e0041"
SIGNS += "".join(
    next(chr(n) for n in range(0xA1, 0x11000) if unicodedata.category(chr(n)) == category)
    for category in [
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "Mn",
        "Mc",
        "Me",
        "Nd",
        "Nl",
        "No",
        "Pc",
        "Pd",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
        "Po",
        "Sm",
        "Sc",
        "Sk",
        "So",
    ]
)
FORGED = "domo-tick: all is well"
NASTY = f"{SIGNS}x\n{FORGED}\n"
HARMFUL = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def harmless(said: str) -> None:
    """No character in it but line breaks does more than show itself, and no line was forged."""
    found = {hex(ord(c)) for c in said if c != "\n" and unicodedata.category(c) in HARMFUL}
    assert not found
    assert not [line for line in said.splitlines() if line.startswith(FORGED)]


def everything(house: House, *arguments: str) -> str:
    """All that domo says: cron's mail, the table, domo-mod in words and for programs, the check, the log."""
    log = house.folder / "log"
    house.configure({"printMessage": 5, "printMessageLogfile": str(log)})
    env = {**house.env, "PYTHONIOENCODING": "utf-8"}
    said = ""
    for program, *more in (
        ("tick", "-v", *arguments),
        ("tick", "--dry-run"),
        ("tick", "--check"),
        ("mod",),
        ("mod", "--json"),
    ):
        command = [sys.executable, "-S", str(PROJECT / f"bin/domo-{program}"), "--config", str(house.config)]
        done = subprocess.run([*command, *more], env=env, capture_output=True, timeout=60)
        said += done.stdout.decode("utf-8", "surrogateescape") + done.stderr.decode(
            "utf-8", "surrogateescape"
        )
    assert "Traceback" not in said
    return said + log.read_text("utf-8", "surrogateescape")


def attribute(text: str) -> str:
    """A text as XML's attribute: a line break in it is one only if it is written as a number."""
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;", "\x85": "&#x85;"})


def test_ids_names_and_values_in_the_data(house: House) -> None:
    sample = house.data_file.read_text()
    nasty = attribute(NASTY)
    device = (
        f"<device id={nasty}><nom>{nasty[1:-1]}</nom><timerefresh>{nasty[1:-1]}</timerefresh><datas>"
        f"<data id={nasty}><value>{nasty[1:-1]}</value><valueBeast>{nasty[1:-1]}</valueBeast></data>"
        f'<data id="CS"><value>{nasty[1:-1]}</value></data></datas></device>'
    )
    fresh = sample[sample.index("<timerefresh>") : sample.index("</timerefresh>")]
    other = device.replace(f"<timerefresh>{nasty[1:-1]}", fresh)
    house.data_file.write_text(sample.replace("</devices>", f"{device}{other}</devices>"), "utf-8")
    house.script(1, "return relay.keep(' '.join(map(str, (data['CS'], data['SOX']))))")
    house.configure({"domo.valueUse": ["SOC", "CS"]})
    said = everything(house)
    harmless(said)
    assert f"{'?' * 3}" in said and "says no time" in said, "it was read"


def test_a_value_of_four_million_characters_makes_no_message_of_megabytes(house: House) -> None:
    house.configure({"domo.floor": {"SOC": 60}})
    house.data(SOC="9" * 4_000_000 + "x")
    said = everything(house)
    assert "which is no number, so the floor cannot be checked" in said and len(said) < 40_000


def test_values_in_the_mode_file(house: House) -> None:
    house.mode_file.write_text(json.dumps({"1": NASTY, "2": 1, NASTY: 3}, ensure_ascii=False), "utf-8")
    said = everything(house)
    harmless(said)
    assert "no mode (0 to 3)" in said
    house.mode_file.write_text(f"{{{NASTY}")
    said = everything(house)
    harmless(said)
    assert "is not JSON" in said


@pytest.mark.parametrize(
    "body",
    [
        "return relay.on(NASTY)",
        "print(NASTY)\nreturn relay.off('printed')",
        "raise ValueError(NASTY)",
        "raise OSError(5, NASTY)",
        "return NASTY",
        "relay.timer(NASTY).start(60)\nreturn relay.keep(NASTY)",
        "return data[NASTY]",
        "import os\nfor fd in range(3, 9):\n    try: os.write(fd, NASTY.encode())\n    except OSError:"
        " pass\nos._exit(1)",
    ],
)
def test_what_scripts_say(house: House, body: str) -> None:
    house.script(2, f"NASTY = {NASTY!a}\n{body}")
    harmless(everything(house))


def test_the_line_of_a_script_that_is_quoted(house: House) -> None:
    quoted = NASTY.translate(dict.fromkeys(map(ord, "\n\r\x85\u2028\u2029"), " "))
    house.script(2, f"return relay.on(1 / 0)  # {quoted}")
    harmless(everything(house))
    house.script(2, f"return relay.on(  # {quoted}")
    harmless(everything(house))


def test_names_in_the_configuration(house: House) -> None:
    house.configure({"domo.relayName": {1: NASTY}, "domo.valueUse": ["SOC", NASTY]})
    harmless(everything(house))
    house.configure({f"domo.{NASTY.replace('.', '')}": 1, "domo.board": NASTY})
    harmless(house.tick().err + house.tick("--check").out)


def test_a_memory_that_anybody_made(house: House) -> None:
    house.tick()
    memory = house.memory
    memory["why"], memory["reports"] = {"1": NASTY}, [NASTY, NASTY]
    house.memory_file.write_text(json.dumps(memory))
    env = {**house.env, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-S", str(PROJECT / "bin/domo-mod"), "--config", str(house.config)]
    harmless(subprocess.run(command, env=env, capture_output=True, text=True, timeout=60).stdout)


class Server(BaseHTTPRequestHandler):
    """One whose reason is NASTY."""

    def do_GET(self) -> None:  # noqa: N802
        reason = NASTY.replace("\r", "").replace("\n", "\x1b[2J").encode()
        self.wfile.write(b"HTTP/1.0 500 \x1b]0;title\x07\x9b31m" + reason + b"\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """It runs as long as the test does."""
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_what_a_server_answers(house: House, server: HTTPServer) -> None:
    house.data_file.unlink()
    house.configure({"urlDataXml": f"http://127.0.0.1:{server.server_port}/data"})
    said = everything(house)
    harmless(said)
    assert "HTTP Error 500" in said


def test_what_a_php_script_says(house: House) -> None:
    """A stand-in for PHP: what it says on its standard error is told."""
    php = house.folder / "php"
    php.write_text(f"#!{sys.executable}\nimport sys\nsys.stderr.write({NASTY!a} + 'Parse error')\n")
    php.chmod(0o755)
    (house.folder / "data-xml.php").touch()
    house.data_file.unlink()
    house.configure({"bin.php-cli": str(php), "scriptDataXml": str(house.folder / "data-xml.php")})
    said = everything(house)
    harmless(said)
    assert "Parse error" in said
