"""PvMonit's scripts, `N.php`: they run unchanged, and whatever one does wrong is told and its own fault."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest
import yaml

from support.house import Clock, House

pytestmark = pytest.mark.skipif(not shutil.which("php"), reason="there is no php: sudo apt install php-cli")
ON = "$return['mod'] = 2; $return['log'] = 'Il fait beau'; return $return;"


@pytest.fixture
def house(house: House) -> House:
    """The house with eight relays, CS reported too, and no waiting between two ons."""
    house.configure({"domo.relay.scriptExecInterval": 0, "domo.relayNb": 8, "domo.valueUse": ["SOC", "CS"]})
    return house


def php(house: House, relay: int, text: str | bytes) -> Path:
    """Writes a relay's script, as PvMonit's editor does but for what it gets to write."""
    path = house.scripts / f"{relay}.php"
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(b"<?php\n" + content + b"\n?>\n")
    return path


def answers(house: House, relay: int = 1) -> str:
    """What the tick says is the reason for a relay."""
    house.tick()
    return str(house.memory["why"][str(relay)])


# -- what a script sees and says --


def test_it_switches_and_its_author_is_quoted(house: House) -> None:
    php(house, 1, "$return['mod'] = 2; $return['log'] = 'Régulateur en Abs ou Float';\nreturn $return;")
    assert house.tick() == (0, "", "")
    assert (house.on, house.modes[1]) == ({1}, 2)
    assert ("M", 2, "Régulateur en Abs ou Float") in [row[1:] for row in house.journal if row[0] == 1]
    php(house, 1, "$retour['mod'] = '1'; $retour['log'] = null; return $retour;")
    assert house.tick() == (0, "", "")
    assert (house.on, house.modes[1]) == (set(), 1)
    assert house.memory["why"]["1"] == "1.php gives no reason"


def test_what_it_sees(house: House) -> None:
    house.set_modes({1: 1, 2: 3})
    php(house, 3, ON)
    house.tick()
    php(
        house,
        1,
        "$return['mod'] = 1; $return['log'] = json_encode([$thisId, $thisEtat, $thisMod, $data['SOC'],"
        " $data['CS'],"
        " $relayEtat[2], $relayMod[2], $relayEtat[3], $relayMod[3], count($relayMod)]); return $return;",
    )
    assert answers(house) == '[1,0,1,"96.4","Float",1,3,1,2,8]'


def test_it_sees_the_configuration_as_pvmonit_gives_it(house: House) -> None:
    """PvMonit's defaults lie beside the file that config.yaml is a link to."""
    home = house.folder / "PvMonit"
    home.mkdir()
    (home / "config-default.yaml").write_text(
        "weather: {batCapacity: 5280, prod: 1000}\ndomo: {relayName: {1: aDefinir}, fileExpir: 500}\n"
    )
    house.configure(
        {
            "weather": {"prod": 800},
            "domo.relayName": {1: "Pompe"},
            "user": {"startTime": {"value": 6}},
            "domo.prefixFileData": f"{house.folder}/domo_",
        }
    )
    text = yaml.safe_load(house.config.read_text())
    text["domo"]["relay"]["scriptDir"] = str(house.scripts)
    (home / "config.yaml").write_text(yaml.safe_dump(text))
    house.config.unlink()
    house.config.symlink_to(home / "config.yaml")
    php(
        house,
        1,
        "function prod() { global $config; return $config['weather']['prod']; }\n"
        "return ['mod' => 1, 'log' => json_encode([$config['weather']['batCapacity'], prod(),"
        " $config['domo']['relayName'][1], $config['domo']['relayNb'], $config['user']['startTime']['value'],"
        " $config['domo']['prefixFileData'], $config['domo']['jsonFile']['modPath']],"
        " JSON_UNESCAPED_SLASHES)];",
    )
    folder = house.folder
    assert answers(house) == f'[5280,800,"Pompe",8,6,"{folder}/domo_","{folder}/mod"]'


def test_nothing_of_one_script_reaches_the_next(house: House) -> None:
    php(house, 1, "$return['mod'] = 2; $left = 1; error_reporting(0);"
        " date_default_timezone_set('Asia/Tokyo'); "
        "$data['SOC'] = 1; $relayEtat = []; return $return;")  # fmt: skip
    php(house, 2, "return ['mod' => 1, 'log' => json_encode([isset($return), isset($left), isset($e),"
        " $data['SOC'],"
        " count($relayEtat), error_reporting() == E_ALL, date_default_timezone_get() =="
        " 'Asia/Tokyo'])];")  # fmt: skip
    assert answers(house, 2) == '[false,false,false,"96.4",8,true,false]'


def test_two_scripts_may_have_a_function_of_the_same_name(house: House) -> None:
    """Blockly calls the first function of every script the same."""
    for relay in (1, 2, 3):
        php(
            house, relay, f"function faire_quelque_chose() {{ global $mod; $mod = {1 + relay % 2}; }}\n"
            "faire_quelque_chose(); return ['mod' => $mod, 'log' => 'ok'];"
        )  # fmt: skip
    for _ in range(2):  # one is switched on in a tick
        assert house.tick() == (0, "", "")
    assert house.on == {1, 3}


def test_timers_and_stages_last_from_tick_to_tick(house: House, clock: Clock) -> None:
    """MpptFlo stays true until its time is over, counted from the first question after float."""
    php(
        house,
        1,
        "if ($data['SOC'] > 99) timerStart('bain', 100);\n"
        "return ['mod' => 1, 'log' => json_encode([MpptFlo($data['CS']), MpptAbsOrFlo($data['CS'], 150),"
        " MpptFlo($data['CS'], 0), timerOn('bain'), timerOn('autre')])];",
    )
    house.data(at=clock.wall, CS="Float", SOC="100")
    told = []
    for moment in range(6):
        if moment:
            clock.forward(60)
            house.data(at=clock.wall, CS="Absorption" if moment == 1 else "Bulk", SOC=f"9{moment}")
        house.tick_at(clock)
        told.append(house.memory["why"]["1"])
    assert told == [
        "[true,true,true,true,true]",
        "[true,true,false,true,true]",  # absorption: float ended 60 s ago at most
        "[true,true,false,false,true]",
        "[false,true,false,false,true]",
        "[false,true,false,false,true]",
        "[false,false,false,false,true]",
    ]


def test_python_and_php_share_their_timers_and_take_turns(house: House) -> None:
    house.script(1, "relay.timer('bain').start(100)\nreturn relay.off('x')")
    php(house, 2, "timerStart('lave-linge', 50); return ['mod' => 1];")
    house.tick()
    assert {name: timer[1] for name, timer in house.memory["timers"].items()} == {
        "bain": 100,
        "lave-linge": 50,
    }
    house.script(1, "return relay.off(f\"{relay.timer('lave-linge').running}\")")
    php(house, 2, "return ['mod' => 1, 'log' => timerOn('bain') ? 'oui' : 'non'];")
    house.tick()
    assert (house.memory["why"]["1"], house.memory["why"]["2"]) == ("True", "oui")


def test_python_goes_first(house: House) -> None:
    php(house, 1, ON)
    house.script(1, "return relay.off('python')")
    assert answers(house) == "python"
    found = house.tick("--check").out
    assert f"TO DO  script {house.scripts}/1.php: is not run, 1.py goes first; remove one of them" in found


def test_of_a_script_that_forks_only_the_first_process_answers(house: House) -> None:
    """Else the second one's answer would be taken for the next script's."""
    php(house, 1, "if (!pcntl_fork()) { usleep(200000); } " + ON)
    php(house, 2, "usleep(500000); return ['mod' => 1, 'log' => 'off'];")
    assert answers(house, 2) == "off"
    assert house.on == {1}


def test_a_forced_relays_script_is_not_asked(house: House) -> None:
    php(house, 1, f"touch('{house.folder}/asked'); {ON}")
    house.set_modes({1: 0})
    assert house.tick() == (0, "", "")
    assert not (house.folder / "asked").exists()


def test_one_php_process_for_all(house: House) -> None:
    for relay in range(1, 9):
        php(house, relay, "return ['mod' => 1, 'log' => (string) getmypid()];")
    house.tick()
    assert len(set(house.memory["why"].values())) == 1


def test_php_starts_without_its_settings_and_with_what_a_script_needs(house: House) -> None:
    php(
        house,
        1,
        "return ['mod' => 1, 'log' => json_encode([php_ini_loaded_file(), extension_loaded('ctype'),"
        " extension_loaded('ftp'), ctype_digit('12')])];",
    )
    assert answers(house) == "[false,true,false,true]"


def test_where_there_is_no_php_script_php_is_not_even_looked_for(house: House) -> None:
    """`bin: php-cli` names what does not exist, and a steady tick loads no module of it."""
    house.configure({"bin.php-cli": "/nowhere/php"})
    house.script(1, "import sys\nreturn relay.keep(str([n for n in sys.modules if 'php' in n]))")
    house.tick()
    assert house.tick() == (0, "", "")
    assert house.memory["why"]["1"] == "[]"


def test_the_hours_are_those_of_phps_own_settings(house: House) -> None:
    """As they were under PvMonit; --check says it where they are not this machine's."""
    php(house, 1, "return ['mod' => 1, 'log' => date_default_timezone_get()];")
    theirs = os.popen("php -r 'echo date_default_timezone_get();'").read()
    assert answers(house) == theirs
    said = house.tick("--check", TZ="Pacific/Chatham").out
    assert re.search(rf"note   scripts in PHP: their hours are {theirs}'s \(.*date.timezone in /", said)


# -- what one does wrong --

GAVE = "that is no order: $return['mod'] is 1 (off) or 2 (on), at the end return $return;"
MISBEHAVIOUR: dict[str, tuple[str | bytes, str]] = {
    "does not parse": (
        "if (true) {\n  $x = 1",
        "1.php line 5: ParseError: Unclosed '{' on line 2",
    ),
    "an unknown function": (
        "\nreturn mppt_flo($data['CS']);",
        "line 3 (return mppt_flo($data['CS']);): Error: Call to undefined function mppt_flo()",
    ),
    "an error within a function": (
        "function f($x) {\n  return intdiv($x, 0);\n}\nreturn f(1);",
        "line 3 (return intdiv($x, 0);): DivisionByZeroError: Division by zero",
    ),
    "throws": ("throw new Exception('non');", "line 2 (throw new Exception('non');): Exception: non"),
    "loops": ("while (true) {\n}", "line 2 (while (true) {) or just before: gave no answer within 4 s"),
    "sleeps": ("sleep(100);\n$x = 1;", "line 3 ($x = 1;) or just before: gave no answer within 4 s"),
    "recurses": (
        "function f() { return f(); }\nreturn f();",
        "line 2 (function f() { return f(); }): Allowed memory size of 134217728 bytes exhausted",
    ),
    "takes all memory": (
        "$x = [];\nwhile (true) { $x[] = str_repeat('x', 1 << 20); }",
        "line 3 (while (true) { $x[] = str_repeat('x', 1 << 20); }): Allowed memory size of 134217728 bytes",
    ),
    "exits": ("echo 'bye';\nexit(1);", "1.php: called exit or die: end it with return $return;"),
    "kills itself": ("exec('kill -9 ' ."
        " getmypid());\nsleep(9);", "1.php: closed the tick's pipe, or was killed"),
    "returns nothing": ("$return['mod'] = 2;", f"1.php: gave nothing, and {GAVE}"),
    "returns null": ("return null;", f"1.php: gave nothing, and {GAVE}"),
    "a mod that is none": ("return ['mod' => 'on'];", f"1.php: gave the mod 'on', and {GAVE}"),
    "a force": ("return ['mod' => 3];", f"1.php: gave the mod 3, and {GAVE}"),
    "no mod": ("return ['log' => 'x'];", f"1.php: gave no mod, and {GAVE}"),
    "true": ("return ['mod' => true];", f"1.php: gave the mod true, and {GAVE}"),
    "a list": ("return ['mod' => [2]];", f"1.php: gave the mod array, and {GAVE}"),
    "redeclares"
    " PvMonit's": ("function MpptFlo($cs) { return true; }\nreturn ['mod' =>"
        " 2];", "Cannot redeclare MpptFlo()"),
    "an extension that is missing": (
        "return ['mod' => bcadd('1', '1')];",
        "Call to undefined function bcadd(); it is in PHP's extension bcmath; run: sudo apt install"
        " php-bcmath",
    ),
    "writes into the tick's own pipe": (
        "$f = fopen('php://fd/3', 'w'); fwrite($f, str_repeat(chr(0), 40)); return ['mod' => 2];",
        "1.php: wrote into the tick's own pipe",
    ),
    "in ISO-8859-1": (
        "\nreturn été();".encode("latin-1"),
        "line 3 (return été();): Error: Call to undefined function été()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("text, message", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_what_one_script_does_is_told_and_stops_nobody_else(
    house: House, text: str | bytes, message: str
) -> None:
    php(house, 1, text)
    php(house, 2, ON)
    house.script(3, "return relay.off('python')")
    house.set_modes({4: 3})
    ran = house.tick()
    assert (ran.code, ran.err.count("\n"), ran.err[:22]) == (1, 1, "domo-tick: script 1.ph")
    assert message in ran.err
    assert house.on == {2, 4}
    assert house.memory["why"]["3"] == "python"


@pytest.mark.timing
def test_after_a_loop_that_one_comes_last(house: House) -> None:
    """As one in Python does: each script has its turn, within a few ticks, however many hang."""
    php(house, 1, "while (true);")
    php(house, 2, "while (true);")
    house.script(3, "while True: pass")
    php(house, 8, ON)
    house.script(7, "return relay.on('sun')")
    for _ in range(4):
        house.tick()
    assert house.on == {7, 8}


def test_what_it_prints_is_shown_and_megabytes_of_it_hurt_nobody(house: House) -> None:
    php(house, 1, f"print('bonjour');\ntrucAdir(1, 'SOC ' . $data['SOC'] . $data['TEMP']);\n{ON}")
    ran = house.tick("-v")
    assert "the scripts printed:" in ran.out
    assert 'bonjour1.php line 3: Undefined array key "TEMP"\n  SOC 96.4\n' in ran.out
    assert house.tick() == (0, "", "")
    php(house, 1, f"for ($i = 0; $i < 5000; $i++) echo str_repeat('x', 1000), '\\n';\n{ON}")
    assert house.tick() == (0, "", "")
    assert house.on == {1}


def test_where_the_last_latin_letters_are_latin1(house: House) -> None:
    php(house, 1, "return ['mod' => 2, 'log' => 'Il fait très beau à 12 h'];".encode("latin-1"))
    assert answers(house) == "Il fait très beau à 12 h"


def test_without_php(house: House) -> None:
    house.configure({"bin.php-cli": "/nowhere/php"})
    php(house, 1, ON)
    house.script(2, "return relay.on('sun')")
    ran = house.tick()
    why = "there is no PHP at /nowhere/php"
    assert ran.err == (
        f"domo-tick: script 1.php: {why} (No such file or directory); run: sudo apt install php-cli\n"
    )
    assert house.on == {2}
    assert (
        f"TO DO  script {house.scripts}/1.php: {why}; run: sudo apt install php-cli"
        in house.tick("--check").out
    )


def test_a_folder_a_fifo_and_a_link_to_nothing(house: House) -> None:
    (house.scripts / "1.php").mkdir()
    os.mkfifo(house.scripts / "2.php")
    (house.scripts / "3.php").symlink_to("nowhere")
    php(house, 4, b"#" * 300_000)
    php(house, 5, ON)
    said = house.tick().err.splitlines()
    assert [line.removeprefix("domo-tick: script ") for line in said] == [
        f"1.php: {house.scripts}/1.php: is not a file; move it away",
        f"2.php: {house.scripts}/2.php: is not a file; move it away",
        "3.php: No such file or directory",
        f"4.php: {house.scripts}/4.php: is larger than 262144 bytes",
    ]
    assert house.on == {5}


def test_a_script_that_others_can_write(house: House) -> None:
    php(house, 1, ON).chmod(0o664)
    assert "1.php: is not run, because others can write" in house.tick().err


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to give a file away")
def test_scripts_of_the_pages_user(house: House) -> None:
    """What PvMonit's editor writes where the web server is www-data: refused, until it is allowed."""
    import pwd

    web = pwd.getpwnam("www-data").pw_uid
    file = php(house, 1, ON)
    for path in (house.scripts, file):
        os.chown(path, web, web)
    house.script(2, "return relay.on('sun')")
    said = house.tick().err
    allow = "with domo: relay: scriptOwners: [www-data] in config.yaml"
    assert f"script 1.php: is not run, because {house.scripts} is www-data's" in said
    assert f"or let www-data run anything as root, {allow}" in said
    assert allow in house.tick("--check").out
    house.configure({"domo.relay.scriptOwners": ["www-data"]})
    for _ in range(2):
        assert house.tick() == (0, "", "")
    assert house.on == {1, 2}
    told = house.tick("--check").out
    assert "note   scripts of www-data are run: whoever can write them can run any program as root" in told
    os.chown(file, 61234, 61234)  # exactly that user, and nobody else
    assert f"1.php: is not run, because {file} is 61234's" in house.tick().err
    os.chown(file, web, web)
    file.chmod(0o666)
    assert "1.php: is not run, because others can write" in house.tick().err


# -- what --check says --


def test_check_says_what_does_not_parse_and_what_is_not_run(house: House) -> None:
    php(house, 1, ON)
    php(house, 2, "if (true) {\n$x = 1")
    php(house, 9, ON)
    (house.scripts / "3.blockly.xml").write_text("<xml/>")
    (house.scripts / "4.PHP").write_text("<?php")
    (house.scripts / "05.php").write_text("<?php")
    (house.scripts / "commun.php").write_text("<?php")
    lines = [line for line in house.tick("--check").out.splitlines() if " script " in line]
    folder = house.scripts
    assert lines == [
        f"ok     script {folder}/1.php",
        f"TO DO  script {folder}/2.php: Unclosed '{{' on line 2, line 5",
        f"TO DO  script {folder}/05.php: it is not run; call it 5.php",
        f"TO DO  script {folder}/3.blockly.xml: has no 3.php; save it in PvMonit's editor again",
        f"TO DO  script {folder}/4.PHP: it is not run; call it 4.php",
        f"TO DO  script {folder}/9.php: it is not run; the relays are 1 to 8",
    ]


def test_check_finds_scripts_in_the_other_folders(house: House) -> None:
    """Beside config.yaml, beside the file that it is a link to, and in PvMonit's folder below it."""
    beside = house.folder / "relay.script.d"
    theirs = house.folder / "PvMonit/domo/relay.script.d"
    for folder in (beside, theirs):
        folder.mkdir(parents=True)
    (beside / "1.py").write_text("")
    (theirs / "12.php").write_text("")
    (theirs / "2.php").write_text("")
    (theirs / "1.php.exemple").write_text("")
    house.config.rename(house.folder / "PvMonit/config.yaml")
    house.config.symlink_to("PvMonit/config.yaml")
    lost = [line for line in house.tick("--check").out.splitlines() if "domo looks in" in line]
    assert [line.split(":")[0].removeprefix("TO DO  script ") for line in lost] == [
        f"{theirs}/2.php",
        f"{theirs}/12.php",
        f"{beside}/1.py",
    ]
    assert lost[0].endswith(f"move it there, or set domo: relay: scriptDir: {theirs}")


def test_a_tick_says_where_it_looks(house: House) -> None:
    php(house, 1, ON)
    house.script(3, "return relay.off('x')")
    for how in ("-v", "--dry-run"):
        said = "".join(house.tick(how).said.split())  # a long path is broken
        assert f"scripts:1.php,3.pyin{house.scripts}" in said


def test_replay_says_that_it_has_no_php(house: House) -> None:
    import subprocess

    from support.house import PROJECT

    php(house, 1, ON)
    command = [sys.executable, str(PROJECT / "bin/domo-replay"), "--config", str(house.config)]
    done = subprocess.run(command, env=house.env, capture_output=True, text=True)
    assert (
        "domo-replay: script 1.php is not replayed, because PHP cannot be given another date (1440 times)"
        in done.stderr
    )


@pytest.mark.timing
def test_a_tick_with_php_ends_in_time_whatever_scripts_do(house: House) -> None:
    """Eight that hang, in something that PHP cannot be interrupted in."""
    for relay in range(1, 9):
        php(house, relay, "exec('sleep 100');")
    begun = time.monotonic()
    assert "gave no answer within" in house.tick().err
    assert time.monotonic() - begun < 20
