"""PvMonit's data file: what counts as a value, what as news, and how a newer one is fetched."""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from domo.core.model import Value
from domo.stores import reading
from support.house import NOON, Clock, House, Ran, xml
from support.server import Server, page

BOMB = """<?xml version="1.0"?>
<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY e "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<devices><device id="x"><datas><data id="SOC"><value>&e;</value></data></datas></device></devices>"""
# What PvMonit serves when it has no valid data.
ERROR = """<?xml version="1.0" encoding="utf-8"?>
    <devices>
    <device id="other">
        <nom>Erreur</nom>
        <timerefresh></timerefresh>
        <type></type>
        <modele></modele>
        <serial></serial>
        <datas>
            <data id="ERR" screen="1" smallScreen="1">
                <desc>Erreur</desc>
                <value>Aucune donnée valide a afficher (voir config.yaml / dataCheck)</value>
                <valueBeast>255</valueBeast>
                <units></units>
            </data>
        </datas>
    </device></devices>"""


def device(number: str, stamp: object, **values: object) -> str:
    """One device of a PvMonit document."""
    datas = "".join(f'<data id="{n}"><value>{v}</value><units/></data>' for n, v in values.items())
    named = f'<device id="{number}"><nom>{number}</nom><timerefresh>{stamp}</timerefresh>'
    return f"{named}<datas>{datas}</datas></device>"


def document(*devices: str) -> str:
    """A PvMonit document of these devices."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<devices>{"".join(devices)}</devices>'


def look(house: House, clock: Clock, content: str | bytes) -> Ran:
    """A dry run on a data file with this content, written just now."""
    house.data_file.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(house.data_file, (clock.wall, clock.wall))
    return house.tick_at(clock, "--dry-run")


def ask(house: House, expression: str) -> None:
    """Makes script 1 answer "on" and say as its reason what an expression comes to."""
    house.script(1, f"return relay.on(repr({expression}))")


# -- what is a value --


@pytest.mark.parametrize(
    "expression, answer",
    {
        "data['SOC']": "96.4",
        "data['V']": "27.31",  # three devices report it: the last one's
        "data.of('MpttGarage', 'V')": "27.34",
        "data['CS']": "'Float'",
        "data['TTG']": "'.21h 12m'",  # PvMonit writes .<b>21h 12m</b>
        "data['localT']": "21.4",  # its attributes are in single quotes
        "data['CONSO']": "414.0",
        "data.raw('SOC')": "'964'",
        "data.age": "7.0",
    }.items(),
)
def test_pvmonits_values(house: House, clock: Clock, expression: str, answer: str) -> None:
    ask(house, expression)
    ran = look(house, clock, xml(NOON - 7))
    assert (ran.code, ran.err) == (0, "")
    assert re.search(rf"^1 .* {re.escape(answer)}$", ran.out, re.M), ran.out


def test_infinity_on_the_display_is_text(house: House, clock: Clock) -> None:
    ask(house, "data['TTG']")
    assert "'∞'" in look(house, clock, xml(NOON, TTG="&#8734;")).out


@pytest.mark.parametrize("nothing", ["", "---", "NODATA", "  \n"])
def test_what_pvmonit_writes_for_no_value_is_none(house: House, clock: Clock, nothing: str) -> None:
    house.script(1, 'return relay.on("sun")')
    ran = look(house, clock, xml(NOON, SOC=nothing))
    assert ran.code == 1
    assert "1 relay 1 auto off off no SOC: PvMonit reports CS, PPV, V," in ran.said


def test_an_empty_value_of_one_device_hides_no_other(house: House, clock: Clock) -> None:
    ask(house, "data['SOC']")
    both = document(device("a", NOON, SOC=80), device("b", NOON, SOC="---"))
    assert "80.0" in look(house, clock, both).out


def test_a_device_that_went_silent_erases_nothing_of_the_others(house: House, clock: Clock) -> None:
    ask(house, "(data['SOC'], 'CS' in data)")
    ran = look(
        house, clock, document(device("bmv", NOON, SOC=80), device("mppt", NOON - 501, CS="Float", SOC=10))
    )
    assert ran.code == 0
    assert "(80.0, False)" in ran.out
    assert "mppt said nothing for 501 s" in ran.out


def test_a_value_in_use_whose_device_went_silent_stops_the_scripts(house: House, clock: Clock) -> None:
    house.script(1, 'return relay.on("sun")')
    stale = document(device("bmv", NOON - 501, SOC=80), device("mppt", NOON, CS="Float"))
    ran = look(house, clock, stale)
    assert (ran.code, ran.err) == (1, "domo-tick: SOC is stale: bmv said nothing for 501 s\n")
    assert "1 relay 1 auto off off SOC is stale: bmv said nothing for 501 s" in ran.said
    house.configure({"domo.xmlDataExpir": 600})
    assert look(house, clock, stale).code == 0


@pytest.mark.parametrize(
    "stamp, why",
    [
        (NOON + 6, "is stamped 6 s in the future"),
        (NOON + 1e12, "in the future"),
        ("", "says no time"),
        ("soon", "says no time"),
        ("nan", "said nothing for nan s"),
        ("-inf", "said nothing for inf s"),
        (0, "said nothing for 1718450000 s"),
    ],
)
def test_a_stamp_that_cannot_be(house: House, clock: Clock, stamp: object, why: str) -> None:
    house.script(1, 'return relay.on("sun")')
    ran = look(house, clock, document(device("bmv", stamp, SOC=80)))
    assert ran.code == 1
    assert re.search(rf"SOC is stale: bmv .*{why}", ran.err)
    assert "1 relay 1 auto off off" in ran.said


def test_two_clocks_may_differ_by_some_seconds(house: House, clock: Clock) -> None:
    assert look(house, clock, document(device("bmv", NOON + 4, SOC=80))).code == 0


def test_pvmonits_error_document_is_no_data(house: House, clock: Clock) -> None:
    house.script(1, 'return relay.on("sun")')
    ran = look(house, clock, ERROR)
    assert ran.code == 1
    assert "no SOC: PvMonit reports nothing" in ran.err
    assert "Erreur says no time" in ran.out


def test_a_value_below_the_floor_must_be_a_number(house: House, clock: Clock) -> None:
    house.configure({"domo.floor": {"V": 23.6}})
    house.script(1, 'return relay.on("sun")')
    ran = look(house, clock, xml(NOON, V="high"))
    assert ran.err == "domo-tick: V is 'high', which is no number, so the floor cannot be checked\n"
    assert "1 relay 1 auto off off" in ran.said


# -- what is no data --


@pytest.mark.parametrize(
    "content, message",
    {
        "empty": (b"", "is empty"),
        "blank": (b" \r\n\t\n", "is empty"),
        "torn": (xml(NOON).encode()[:5000], "is not whole XML (unclosed token: line 178"),
        "torn in a letter": ("<devices><device id='é".encode()[:-1], "is not whole XML"),
        "bomb": (BOMB.encode(), "has a DOCTYPE, which PvMonit's data never has"),
        "a page": (b"<html><body>502 Bad Gateway</body></html>", "holds no device: not PvMonit's data"),
        "a modern page": (b"<!DOCTYPE html><html></html>", "has a DOCTYPE"),
        "PHP's warning before it": (
            b"Warning: mkdir()\n" + xml(NOON).encode(),
            "is not whole XML (syntax error",
        ),
        "zeros": (b"\0" * 4096, "is not whole XML"),
        "JSON": (b'{"SOC": 97}', "is not whole XML"),
        "two documents": (xml(NOON).encode() * 2, "is not whole XML"),
        "an unknown encoding": (b'<?xml version="1.0" encoding="klingon"?><devices/>', "is not whole XML"),
        "too much": (xml(NOON).encode() + b" " * (4 << 20), "is larger than 4194304 bytes"),
        "deep": (b"<devices>" * 100_000, "is not whole XML"),
    }.values(),
    ids=lambda item: item[1][:24] if isinstance(item, tuple) else None,
)
def test_a_file_that_is_no_data(house: House, clock: Clock, content: bytes, message: str) -> None:
    """One sentence that names the file; no script runs, nothing goes on."""
    house.script(1, 'return relay.on("sun")')
    ran = look(house, clock, content)
    assert ran.code == 1
    assert ran.err.startswith(f"domo-tick: {house.data_file}: {message}"), ran.err
    assert ran.err.count("\n") == 1
    assert "1 relay 1 auto off off" in ran.said


@pytest.mark.parametrize("before", [b"\n", b"\r\n \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_what_php_prints_before_a_document_does_not_matter(house: House, clock: Clock, before: bytes) -> None:
    assert look(house, clock, before + xml(NOON).encode()) == look(house, clock, xml(NOON))


def test_a_data_file_that_is_none(house: House) -> None:
    house.data_file.unlink()
    assert house.tick("--dry-run").err == f"domo-tick: no data file: {house.data_file} does not exist\n"
    os.mkfifo(house.data_file)
    assert house.tick("--dry-run").err == f"domo-tick: {house.data_file}: is not a file; move it away\n"


def test_a_file_that_nobody_writes_any_more(house: House, clock: Clock) -> None:
    """fileExpir counts from the writing, whatever the stamps in the file say."""
    house.data(at=NOON)
    os.utime(house.data_file, (NOON - 501, NOON - 501))
    ran = house.tick_at(clock, "--dry-run")
    assert ran.err == f"domo-tick: {house.data_file} was written 501 s ago (fileExpir is 500)\n"


def test_a_torn_file_is_no_news_not_bad_news(house: House, clock: Clock) -> None:
    """lcd.py leaves the file empty while it downloads: what is on stays on."""
    house.script(1, 'return relay.on("sun")')
    house.data(at=clock.wall)
    house.tick_at(clock)
    clock.forward(60)
    house.data_file.write_text("")
    os.utime(house.data_file, (clock.wall, clock.wall))
    ran = house.tick_at(clock, "-v")
    assert house.on == {1}
    assert re.search(
        r"1 +relay 1 +auto on +on .*is empty: stays on +for 540 s at most", " ".join(ran.out.split())
    )


# -- too much, and what no terminal should see --


def test_a_text_without_end_is_cut(house: House, clock: Clock) -> None:
    """Wherever it stands: no message, no memory and no row grows with it, and no number is made of it."""
    house.script(1, "return relay.on(str(data.get('SOC')) + str(data.get('P')))")
    for long in ("9" * 1_000_000, "x" * 4_000_000):
        for text in (xml(NOON, SOC=long), xml(NOON, V=long), xml(NOON).replace("HQ0000AAAA1", long)):
            house.data_file.write_text(text)
            os.utime(house.data_file, (NOON, NOON))
            house.tick_at(clock, "-v")
            assert house.memory_file.stat().st_size < 10_000
            assert all(len(event) < 600 for *_, event in house.journal)
    house.configure({"domo.floor": {"V": 23.6}})
    ran = look(house, clock, xml(NOON, V="9" * 300))
    assert ran.err == f"domo-tick: V is '{'9' * 200}…', which is no number, so the floor cannot be checked\n"


@pytest.mark.parametrize(
    "content",
    [
        document(device("a", NOON, **{f"V{n}": n for n in range(6000)})),
        document(*(device(str(n), NOON, V=n) for n in range(600))),
    ],
)
def test_a_document_of_thousands_is_none(house: House, clock: Clock, content: str) -> None:
    ran = look(house, clock, content)
    assert ran.err == f"domo-tick: {house.data_file}: holds more than 5000 values or 500 devices\n"


def test_devices_that_come_and_go_are_not_remembered_for_ever(house: House, clock: Clock) -> None:
    for turn in range(20):
        clock.forward(60)
        some = (device(f"{turn}-{n}", clock.wall, CS="Float", SOC=90 + n) for n in range(100))
        house.data_file.write_text(document(*some))
        os.utime(house.data_file, (clock.wall, clock.wall))
        house.tick_at(clock)
        assert len(house.memory["charge"]) <= 1200


UNSEEN = "".join(
    map(chr, (0x1B, 0x07, 0x85, 0x9B, 0xAD, 0x200B, 0x202E, 0x2028, 0x2066, 0xFEFF, 0xE000, 0x10FFFF))
)


def test_what_is_not_to_be_seen_does_not_come_in(house: House, clock: Clock) -> None:
    """Escapes of a terminal, marks that turn the writing, lines: from a value, a name, an id."""
    house.script(1, "print(data['TTG'])\nreturn relay.on(data['TTG'] + data.raw('TTG'))")
    dirty = UNSEEN.replace("\x1b", "").replace("\x07", "")  # which XML does not let in anyway
    text = document(
        f'<device id="7{dirty}&#10;domo-tick:'
        f' 0"><nom>b{dirty}&#10;m</nom><timerefresh>{NOON - 999:.0f}</timerefresh>'
        "<datas><data id='V'><value>1</value></data></datas></device>",
        device("bmv", NOON, SOC=80, TTG=f"a{dirty}&#10;domo-tick: forged"),
    )
    ran = look(house, clock, text)
    said = ran.out + ran.err
    assert "b ?" in said
    nested = document(f"<device id='7'><nom>b{dirty}{'m' * 999}<value></value></nom></device>")
    (parsed,) = reading.parse(nested.encode())
    assert parsed[1].isprintable() and len(parsed[1]) < 300
    assert "domo-tick: forged" in said.replace("\n", " ")
    assert not [line for line in said.splitlines() if line.startswith("domo-tick: ")]
    assert not [c for c in said if c != "\n" and not c.isprintable()]


# -- data that only looks fresh --


def minutes(house: House, clock: Clock, count: int, **values: Callable[[int], object]) -> list[set[int]]:
    """So many ticks, one a minute, each on freshly stamped data; the relays that are on after each."""
    after = []
    for minute in range(count):
        clock.forward(60)
        house.data(at=clock.wall, **{name: value(minute) for name, value in values.items()})
        house.tick_at(clock)
        after.append(house.on)
    return after


def test_data_that_does_not_move_for_half_an_hour_is_stale(house: House, clock: Clock) -> None:
    """PvMonit stamps when it wrote, not when it measured. Half an hour it is believed, ten minutes
    (secuDownNoData) more it is no news, then the relay goes off."""
    house.script(1, 'return relay.on("sun")')
    house.set_modes({1: 1, 2: 3})
    on = minutes(house, clock, 45, H9=lambda minute: minute)  # a counter, not a measured value
    assert on == [{1, 2}] * 39 + [{2}] * 6
    ran = house.tick_at(clock)
    assert ran.code == 1
    assert ran.err == "domo-tick: no measured value has moved for 44 min: the monitor is frozen\n"
    assert minutes(house, clock, 1, P=lambda _: 12) == [{1, 2}]


@pytest.mark.parametrize("moving", ["V", "I", "P", "PPV", "SOC"])
def test_one_measured_value_that_moves_is_enough(house: House, clock: Clock, moving: str) -> None:
    house.script(1, 'return relay.on("sun")')
    values = {moving: lambda minute: 90 + (minute // 25) / 100}
    assert minutes(house, clock, 45, **values)[-1] == {1}


def test_frozen_after_can_be_another_time_or_never(house: House, clock: Clock) -> None:
    house.script(1, 'return relay.on("sun")')
    house.configure({"domo.frozenAfter": 300, "domo.relay.secuDownNoData": 60})
    assert minutes(house, clock, 8) == [{1}] * 5 + [set()] * 3
    house.configure({"domo.frozenAfter": 0})
    assert minutes(house, clock, 40) == [{1}] * 40


# -- a newer file --


def age_data(house: House, seconds: float) -> None:
    """The data file was written so many seconds ago."""
    then = time.time() - seconds
    house.data(at=then)


def test_a_missing_file_is_fetched(house: House, server: Server) -> None:
    house.configure({"urlDataXml": server.url})
    house.data_file.unlink()
    content = b"\n" + xml(time.time(), SOC=88).encode()
    server.answer = page(content)
    assert house.tick() == (0, "", "")
    assert house.data_file.read_bytes() == content


def test_a_file_is_fetched_anew_when_it_is_older_than_data_check_time(house: House, server: Server) -> None:
    house.configure({"urlDataXml": server.url})
    server.answer = page(xml(time.time(), SOC=88).encode())
    age_data(house, 50)
    house.tick()
    assert server.asked == 0
    age_data(house, 61)
    house.tick()
    assert (server.asked, "<value>88</value>" in house.data_file.read_text()) == (1, True)
    house.tick()
    assert server.asked == 1


def test_a_fetched_file_keeps_owner_and_permissions(house: House, server: Server) -> None:
    house.configure({"urlDataXml": server.url})
    age_data(house, 61)
    house.data_file.chmod(0o664)
    server.answer = page(xml(time.time()).encode())
    house.tick()
    assert house.data_file.stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize(
    "answer, message",
    {
        "404": (page(b"no", 404), "HTTP Error 404: Not Found"),
        "500": (page(xml(NOON).encode(), 500), "HTTP Error 500: Internal Server Error"),
        "a page": (page(b"<html>maintenance</html>"), "holds no device: not PvMonit's data"),
        "nothing": (page(b""), "gave nothing"),
        "torn": (page(xml(NOON).encode()[:3000]), "is not whole XML (unclosed token"),
        "cut": (
            page(xml(NOON).encode()[:3000], **{"Content-Length": "9000"}),
            "is not whole XML (unclosed token",
        ),
        "file:": (
            page(b"", 302, Location="file:///etc/passwd"),
            "HTTP Error 302: Found - Redirection to url 'file:",
        ),
        "ftp:": (page(b"", 302, Location="ftp://127.0.0.1/x"), "<urlopen error unknown url type: ftp>"),
        "itself": (
            page(b"", 302, Location="/data-xml.php"),
            "HTTP Error 302: The HTTP server returned a redirect",
        ),
        "huge": (page(b"<devices>" + b" " * (5 << 20)), "gave more than 4194304 bytes"),
        "no HTTP": (lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n"), "SSH-2.0-x"),
        "hung up": (lambda handler: None, "Remote end closed connection without response"),
    }.values(),
    ids=lambda item: item[:24] if isinstance(item, str) else "answer",
)
def test_a_bad_answer_never_replaces_the_last_good_file(
    house: House, server: Server, answer: Callable[[http.server.BaseHTTPRequestHandler], None], message: str
) -> None:
    """Nor renews its date. The old data is used while it lasts, the fault is said."""
    house.configure({"urlDataXml": server.url})
    house.script(1, 'return relay.on("sun")')
    age_data(house, 100)
    before = house.snapshot()[str(house.data_file)]
    server.answer = answer
    ran = house.tick()
    assert ran.code == 1
    assert ran.err.startswith(f"domo-tick: {server.url}: {message}"), ran.err
    assert ran.err.count("\n") == 1
    assert house.snapshot()[str(house.data_file)] == before
    assert house.on == {1}


def test_another_address_of_the_house_may_answer(house: House, server: Server) -> None:
    house.configure({"urlDataXml": server.url})
    house.data_file.unlink()
    data = page(xml(time.time()).encode())
    moved = page(b"", 301, Location="/there")
    server.answer = lambda handler: (data if handler.path == "/there" else moved)(handler)
    assert house.tick() == (0, "", "")


@pytest.mark.parametrize(
    "url, message",
    [
        ("file:///etc/passwd", "only http:// and https:// are fetched"),
        ("http://127.0.0.1:9/data-xml.php", "<urlopen error [Errno 111] Connection refused>"),
        ("http://[/", "Invalid IPv6 URL"),
    ],
)
def test_an_address_that_leads_nowhere(house: House, url: str, message: str) -> None:
    house.configure({"urlDataXml": url})
    house.data_file.unlink()
    ran = house.tick()
    assert ran.err.splitlines()[0] == f"domo-tick: {url}: {message}"
    assert ran.code == 1


def test_a_password_in_the_address_is_used_and_not_told(house: House, server: Server) -> None:
    """It goes to that host only, whatever it answers, and stands in no message."""
    url = server.url.replace("http://", "http://jo:s3cr%40t@") + "?key=s3cret"
    house.configure({"urlDataXml": url})
    seen: list[tuple[str, str | None]] = []

    def closed(handler: http.server.BaseHTTPRequestHandler) -> None:
        seen.append((handler.path, handler.headers["Authorization"]))
        if handler.path.startswith("/data-xml"):
            page(
                b"", 302, Location=server.url.replace("127.0.0.1", "localhost").replace("data-xml", "other")
            )(handler)
        else:
            page(b"", 404)(handler)

    server.answer = closed
    age_data(house, 100)
    shown = server.url + "?..."
    for answer, message in ((closed, "HTTP Error 404"), (page(b"<html>"), "is not whole XML")):
        server.answer = answer
        ran = house.tick()
        assert ran.err.startswith(f"domo-tick: {shown}: {message}")
        assert "s3cr" not in ran.err
    assert seen == [("/data-xml.php?key=s3cret", "Basic am86czNjckB0"), ("/other.php", None)]
    house.data_file.unlink()
    for broken in (
        url.replace(str(server.server_port), "9"),
        url.replace("@127", "@[127"),
        url.replace(":s3", ":s/3"),
    ):
        house.configure({"urlDataXml": broken})
        for ran in (house.tick("-v"), house.tick("--check")):
            assert "s3cr" not in ran.said, ran.said


def fake_php(house: House, text: str) -> None:
    """PvMonit on this machine: its script, and a php that runs this shell text."""
    php = house.folder / "php"
    php.write_text(f"#!/bin/sh\n{text}\n")
    php.chmod(0o755)
    script = house.folder / "data-xml.php"
    script.write_text("<?php ...")
    house.configure({"scriptDataXml": str(script), "bin.php-cli": str(php)})


def test_pvmonits_own_script_goes_before_the_address(house: House, server: Server) -> None:
    house.configure({"urlDataXml": server.url})
    fresh = house.folder / "fresh.xml"
    fresh.write_text(xml(time.time(), SOC=77))
    fake_php(house, f'echo "$@" >{house.folder}/arguments; cat {fresh}')
    house.data_file.unlink()
    assert house.tick() == (0, "", "")
    assert house.data_file.read_text() == fresh.read_text()
    assert (house.folder / "arguments").read_text() == f"{house.folder}/data-xml.php\n"
    assert server.asked == 0


@pytest.mark.parametrize(
    "text, message",
    [
        ("echo 'PHP Fatal error:  Uncaught Error' >&2; exit 255", "PHP Fatal error: Uncaught Error"),
        ("exit 3", "gave nothing"),
        ("echo PHP Parse error", "is not whole XML (syntax error"),
        ("kill -9 $$", "gave nothing"),
        ("cat /dev/zero", "gave more than 4194304 bytes"),
    ],
)
def test_a_script_of_pvmonits_that_fails(house: House, text: str, message: str) -> None:
    fake_php(house, text)
    age_data(house, 100)
    before = house.snapshot()[str(house.data_file)]
    ran = house.tick()
    assert ran.code == 1
    assert ran.err.startswith(f"domo-tick: {house.folder}/data-xml.php: {message}"), ran.err
    assert house.snapshot()[str(house.data_file)] == before


@pytest.mark.timing
def test_who_takes_for_ever_is_left_alone_in_time(house: House, server: Server, tmp_path: Path) -> None:
    """A server that drips, one that says nothing, a script that hangs: the tick drives the pins, well
    inside its 20 s, and leaves no process behind. All at once, for they take their 10 s."""

    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n<devices>")
        while not server.closing.wait(0.2):
            handler.wfile.write(b" ")

    server.answer = lambda handler: (
        drip(handler) if handler.path == "/data-xml.php" else server.closing.wait()
    )
    houses = []
    for name in ("drips", "silent", "script"):
        (tmp_path / name).mkdir()
        one = House(tmp_path / name)
        one.set_modes({1: 3})
        age_data(one, 100)
        one.configure({"urlDataXml": server.url if name == "drips" else server.url + "?silent"})
        houses.append(one)
    fake_php(houses[2], f"echo $$ >{tmp_path}/pid; sleep 100")
    start = time.monotonic()
    ticks = [
        subprocess.Popen(
            one.command(), env=one.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for one in houses
    ]
    for one, tick in zip(houses, ticks, strict=True):
        _, said = tick.communicate(timeout=20)
        assert "gave no data within 10 s" in said
        assert (tick.returncode, one.on) == (1, {1})
    assert time.monotonic() - start < 20
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_has_no_value_does_not_get_its_neighbours() -> None:
    text = b"""<devices><device id="0"><nom>BMV</nom><timerefresh>9</timerefresh><datas>
    <data id="SOC"><value>97</value><valueBeast>970</valueBeast></data><data id="P"/>
    <data id="V"><value>27.1</value></data></datas></device></devices>"""
    ((_, _, _, values),) = reading.parse(text)
    assert values == {"SOC": Value("97", "970"), "V": Value("27.1", "")}


def test_a_device_without_name_or_stamp_does_not_get_its_neighbours() -> None:
    """Values that nobody dated are never fresh."""
    text = b"""<devices><device id="0"><nom>BMV</nom><timerefresh>9</timerefresh></device>
    <device id="1"><datas><data id="SOC"><value>97</value></data></datas></device></devices>"""
    assert reading.parse(text)[1] == ("1", "", "", {"SOC": Value("97", "")})
