"""config.yaml: every problem at once with its key, exit 2 and nothing touched; PvMonit's file welcome."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from domo.core.model import ConfigError
from domo.core.records import replace
from domo.core.settings import Config, Limits
from domo.stores import plant_keys, schema, yaml_file
from support.house import PROJECT, Clock, House, defaults

# PvMonit's names and nesting, in its habits: comments behind keys, everything indented by four.
PVMONIT = """
printMessage: 0                             # 0=0	5=debug
printMessageLogfile: false
urlDataXml: http://pvmonit.local/data-xml.php # an address of the house
tmpFileDataXml: /tmp/PvMonit_data-xml.php.tmp
scriptDataXml: /opt/PvMonit/www/data-xml.php
dir:
    bin: /opt/PvMonit/bin/
    domo: /opt/PvMonit/domo/
bin:
    php-cli: /usr/bin/php
data:
    ppv_total: true
cache:
    dir: /tmp/PvMonit_cache
    expir: 15
vedirect:
    by: usb
    data_ok:
        mppt:
            - CS
wks:
    enable: false
    data:
        QPIRI:
            1:
              id: ConfGirdRatV
              regex: /^[0-9]+.[0-9]$/
deviceCorrespondance:
    HQXXXXXXXX: MpttGarage
consoPlafond: 1500
www:
    domo: true
    menu:
        - <li><a href="http://example.org">one</a></li>
lcd:
    daemon: false
domo:
    daemon: false
    dataCheckTime: 60
    dbFile: /tmp/PvMonit_domo.sqlite3
    jsonFile:
        modPath: /tmp/PvMonit_domo_mod
        etatPath: /tmp/PvMonit_domo_etat
    prefixFileData: /tmp/PvMonit_domo_data_
    binGpio: /usr/bin/sudo /usr/bin/gpio
    fileExpir: 500
    xmlDataExpir: 400
    valueUse:
        - SOC                   # BMV
        #~ - P
        - CS
    valueSimu:
        SOC:
            - type:number
            - value:90
    relay:
        scriptDir: /opt/PvMonit/domo/relay.script.d
        scriptExecInterval: 60
        secuDownNoData: 300
    relayNb: 8
    relayName:
        1: aDefinir
        2: aDefinir
        3: Pompe
        4: aDefinir
        5: aDefinir
        6: aDefinir
        7: aDefinir
        8: aDefinir
    relayWiringPi:     # WiringPI is no GPIO number
        1: 4
        2: 5
        3: 10
        4: 21
        5: 22
        6: 27
        7: 28
        8: 29
    relayActionRefresh: 2
    tm1638:
        daemon: false
        refresh: 0.2
        actionButtonDelay: 2
cloud:
    daemon: false
weather:
    enable: false
    abatementHour:     # nothing below it but comments
"""


def refused(house: House, text: str) -> list[str]:
    """What domo-tick says about a config.yaml, having touched nothing; without program and file name."""
    house.config.write_text(text)
    before = house.snapshot()
    ran = house.tick()
    assert ran.code == 2, ran
    assert house.snapshot() == before
    assert ran.out == ""
    start = f"domo-tick: {house.config}"
    lines = ran.err.splitlines()
    assert all(line.startswith(start) for line in lines), ran.err
    return [line.removeprefix(start).lstrip(":").strip() for line in lines]


def parsed(text: str) -> Config:
    """The configuration that a text says, as a file in the root folder."""
    return schema.parse("/config.yaml", yaml.safe_load(text))


def test_every_problem_is_told_at_once_with_its_key_path(house: House) -> None:
    text = """
    printMessage: 9
    printMesage: 3
    tmpFileDataXml: [a]
    urlDataXml: {a: 1}
    scriptDataXml: true
    bin: {php-cli: ''}
    Domo: {}
    domo:
      secuDownNoDat: 3
      dataCheckTime: soon
      fileExpir: -3
      xmlDataExpir: .inf
      frozenAfter: .nan
      valueUse: SOC
      jsonFile: mod
      relay: {scriptExecIntervall: 5, scriptDir: false}
      relayNb: 8.5
      relayName: [a, b]
      relayActiveLow: yes please
      relayPriority: [1, 1]
      relayWatt: {1: much, 2: true}
      maxWatt: -1
      floor: {SOC: low}
      limits: {1: {minOnn: 3, maxOnPerDai: 3}, 2: 4, 3: {maxOnPerDay: 5, minOn: 6}, 4: {minOff: , minOn: -1}}
      board: gpo
      tm1638: {dio: 99, stb: [26, 26], brightness: 8, refresh: 0}
    """
    assert refused(house, text) == [
        "printMessage wants a number from 0 to 5, not 9",
        "printMesage: unknown key; did you mean printMessage?",
        "tmpFileDataXml wants a text",
        "urlDataXml wants a text",
        "scriptDataXml wants a text",
        "bin.php-cli wants a text that is not empty",
        "Domo: unknown key; did you mean domo?",
        "domo.secuDownNoDat: unknown key; did you mean domo.relay.secuDownNoData?",
        "domo.dataCheckTime wants a number, not 'soon'",
        "domo.fileExpir wants a number from 0 to 604800, not -3",
        "domo.xmlDataExpir wants a number from 0 to 604800, not inf",
        "domo.frozenAfter wants a number from 0 to 604800, not nan",
        "domo.valueUse wants a list, not 'SOC'",
        "domo.jsonFile wants keys below it, not 'mod'",
        "domo.relay.scriptExecIntervall: unknown key; did you mean domo.relay.scriptExecInterval?",
        "domo.relay.scriptDir wants a text",
        "domo.relayNb wants a whole number, not 8.5",
        "domo.relayName wants lines of the form 'number: value', not ['a', 'b']",
        "domo.relayActiveLow wants true or false, not 'yes please'",
        "domo.relayPriority names 1 twice",
        "domo.relayWatt.1: wants a number, not 'much'",
        "domo.relayWatt.2: wants a number, not True",
        "domo.maxWatt wants a number from 0 to 1e+06, not -1",
        "domo.floor.SOC: wants a number, not 'low'",
        "domo.limits.1.maxOnPerDai: unknown; did you mean maxOnPerDay?",
        "domo.limits.1.minOnn: unknown; did you mean minOn?",
        "domo.limits.2: wants minOn, minOff, maxOnPerDay, maxStartsPerHour, not 4",
        "domo.limits.3: minOn is longer than maxOnPerDay",
        "domo.limits.4.minOff: wants a number, not None",  # who left it empty meant a limit
        "domo.limits.4.minOn: wants a number from 0 to 86400, not -1",
        "domo.board wants one of auto, gpiochip, gpio, simulated, not 'gpo'",
        "domo.tm1638.dio wants a number from 0 to 27, not 99",
        "domo.tm1638.stb names 26 twice",
        "domo.tm1638.brightness wants a number from 0 to 7, not 8",
        "domo.tm1638.refresh wants a number from 0.02 to 60, not 0",
    ]


def test_what_does_not_fit_together_is_told_at_once(house: House) -> None:
    text = """
    domo:
      jsonFile: {modPath: same, etatPath: same}
      simulatedPins: same
      relayNb: 4
      relayPriority: [5]
      relayWatt: {9: 4, 1: 500}
      maxWatt: 400
      limits: {7: {minOn: 3}}
      uninterruptible: [6]
      relayWiringPi: {2: 4}
      relayGpio: {3: 19, 5: 3}
    """
    modes = house.folder / "same"
    assert refused(house, text) == [
        "domo.relayWiringPi.2: BCM pin 23 is taken by domo.relayWiringPi.1",
        "domo.tm1638.dio: BCM pin 19 is taken by domo.relayGpio.3",
        "domo.relayPriority: there is no relay 5 (relayNb is 4)",
        "domo.relayWatt: there is no relay 9 (relayNb is 4)",
        "domo.limits: there is no relay 7 (relayNb is 4)",
        "domo.relayGpio: there is no relay 5 (relayNb is 4)",
        "domo.uninterruptible: there is no relay 6 (relayNb is 4)",
        "domo.relayWatt.1: 500 W is more than maxWatt, it could never be switched on",
        f"domo.jsonFile.etatPath: {modes} is domo.jsonFile.modPath already",
        f"domo.simulatedPins: {modes} is domo.jsonFile.etatPath already",
    ]


def test_an_older_pvmonits_configuration_works_as_it_is(house: House) -> None:
    text = """
    cache: {dir: /tmp/PvMonit_cache, time: 60}
    domo:
      relay: {dataFreq: 60}
      valueUse: {SOC: "^[0-9]+$", P: "^-?[0-9]+$"}
    """
    assert schema.parse(str(house.config), yaml.safe_load(text)).valueUse == ("SOC", "P")


def test_no_key_is_said_to_be_meant_for_the_section_that_it_stands_in() -> None:
    told = schema.unknown_keys({"domo": {"jsonFile": {"a": 1}, "relay": {"s": 1}}})
    for section, text in zip(("domo.jsonFile", "domo.relay"), told, strict=True):
        assert text.startswith(section) and not text.endswith(f"did you mean {section}?")


def test_one_file_for_two_things_is_found_however_it_is_written(house: House) -> None:
    text = """
    domo:
      jsonFile: {modPath: mod, etatPath: ./x/..//mod}
      prefixFileData: domo_
      simulatedPins: domo_today.csv
    """
    assert refused(house, text) == [
        f"domo.jsonFile.etatPath: {house.folder}/./x/..//mod is domo.jsonFile.modPath already",
        f"domo.simulatedPins: {house.folder}/domo_today.csv is domo's today.csv already",
    ]


def test_check_finds_one_file_for_two_things_behind_links_too(house: House) -> None:
    (house.folder / "folder").symlink_to(house.folder)
    house.configure({"domo.jsonFile.etatPath": "folder/mod"})
    told = f"domo.jsonFile.etatPath: {house.folder}/folder/mod is domo.jsonFile.modPath already"
    assert f"TO DO  config: {told}" in house.tick("--check").out


@pytest.mark.parametrize(
    "content, message",
    {
        "a key twice": ("domo:\n  relayNb: 2\n  relayNb: 3\n", "line 3 column 3: relayNb is given twice"),
        "a relay twice": ("domo:\n  relayName: {1: a, '1': b}\n", "line 2 column 21: 1 is given twice"),
        "an alias": ("a: &x [1, 1]\nb: *x\n", "line 2 column 4: aliases (*name) are not read"),
        "a merge": ("d: &d {x: 1}\ndomo:\n  <<: *d\n", "line 3 column 7: aliases (*name) are not read"),
        "an open bracket": (
            "domo:\n  relayNb: [1\n",
            "line 3 column 1: expected ',' or ']', but got '<stream end>'",
        ),
        "a tab": (
            "domo:\n\trelayNb: 1\n",
            "line 2 column 1: found character '\\t' that cannot start any token; write spaces instead",
        ),
        "no space": (
            "domo:\n  maxWatt: 0\n  relayNb:8\n  board: auto\n",
            "line 3 column 3: could not find expected ':'; write a space behind the ':'",
        ),
        "a no-break space": (
            "domo:\n  maxWatt: 0\n  relayNb:\u00a08\n  board: auto\n",
            "line 3 column 3: could not find expected ':'; there is a no-break space in line 3",
        ),
        "no-break spaces in front": (
            "domo:\n\u202f\u202frelayNb: 8\n  board: auto\n",
            "line 3 column 8: mapping values are not allowed here; there is a no-break space in line 2",
        ),
        "a comma": (
            "domo: {tm1638: {refresh: '0,3'}}",
            "domo.tm1638.refresh wants a number, not '0,3'; a decimal has a point: 26.5, not 26,5",
        ),
        "a comma in braces": (
            "domo: {floor: {V: 23,6}}",
            "domo.floor.6: wants a number, not None; a decimal has a point: 26.5, not 26,5",
        ),
        "a comma in a plant": ("domo: {plant: {latitude: 46,2}}", "domo.plant.2: unknown; a decimal has"),
        "no in French": ("domo: {dbFile: non}", "domo.dbFile wants a path, or false for none, not 'non'"),
        "two documents": ("domo: {}\n---\ndomo: {}\n", "line 2 column 1: but found another document"),
        "a list": ("- a\n", "wants lines of the form 'key: value'"),
        "a word": ("hello\n", "wants lines of the form 'key: value'"),
        "a list for a key": ("? [a]\n: b\n", "line 1 column 3: wants a plain word before the ':'"),
        "depth": ("[" * 5000, "cannot be read as YAML (maximum recursion depth exceeded"),
        "a relay without a pin": ("domo: {relayNb: 9}", "domo.relayGpio.9: relay 9 has no pin"),
        "a pin of no header": (
            "domo: {relayWiringPi: {1: 17}}",
            "domo.relayWiringPi.1: is 17, a pin that the 40-pin",
        ),
        "half a gigabyte": (" " * (1 << 20) + "x", "is larger than 1048576 bytes"),
    }.values(),
    ids=lambda item: item[1][:20] if isinstance(item, tuple) else None,
)
def test_a_file_that_is_no_configuration(house: House, content: str, message: str) -> None:
    (said,) = refused(house, content)
    assert said.startswith(message)


def test_python_in_the_file_is_not_run(house: House) -> None:
    (said,) = refused(house, f"domo: !!python/object/apply:os.mkdir ['{house.folder}/hacked']\n")
    assert said.startswith("line 1 column 7: could not determine a constructor for the tag")


@pytest.mark.parametrize("content", ["", "\n \n", "\0" * 512])
def test_nothing_left_of_the_file_is_not_the_defaults(house: House, content: str) -> None:
    """They would drive other pins than the owner's."""
    (said,) = refused(house, content)
    assert said.startswith("is empty; a new one is in ")


def test_the_shipped_file_emptied_is_had_again_from_git(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_file, "PROJECT", str(house.folder))
    house.config.write_text("")
    with pytest.raises(ConfigError, match=f"is empty; .* run: git -C {house.folder} checkout config.yaml"):
        yaml_file.read(str(house.config))
    house.config.rename(house.folder / "pvmonits.yaml")
    house.config.symlink_to("pvmonits.yaml")
    with pytest.raises(ConfigError, match="is empty; a new one is in "):
        yaml_file.read(str(house.config))


@pytest.mark.parametrize("soc", [120, -1])
def test_a_floor_of_charge_that_there_cannot_be(soc: int) -> None:
    with pytest.raises(ConfigError, match=f"domo.floor.SOC: wants a number from 0 to 100 .%., not {soc}"):
        parsed(f"domo: {{floor: {{SOC: {soc}, T: -5}}}}")


@pytest.mark.parametrize("content", [b"domo:\0 {}", b"domo: {relayName: {1: \xc9nergie}}", b"\xff\xfe\xfd"])
def test_bytes_that_are_no_text(house: House, content: bytes) -> None:
    house.config.write_bytes(content)
    ran = house.tick()
    assert ran.code == 2
    assert ran.err.startswith(f"domo-tick: {house.config}: cannot be read as YAML (")
    assert ran.err.count("\n") == 1
    assert ran.err.endswith("; save it as UTF-8, see line 1\n") == (content[0] != 255 and 0xC9 in content)


def test_no_configuration_and_something_else_in_its_place(house: House) -> None:
    house.config.unlink()
    assert house.tick() == (2, "", f"domo-tick: {house.config}: there is no such file\n")
    house.config.mkdir()
    assert house.tick() == (2, "", f"domo-tick: {house.config}: is not a file; move it away\n")


def test_where_the_configuration_is_looked_for(house: House) -> None:
    """--config, else $DOMO_CONFIG, else the project's own."""
    command = house.command("--dry-run", "--relay", "9")
    place = command.index("--config")
    del command[place : place + 2]
    house.configure({"domo.relayNb": 2})

    def said(**environment: str) -> str:
        return subprocess.run(
            command, env={**house.env, **environment}, capture_output=True, text=True
        ).stderr

    assert (
        said(DOMO_CONFIG=str(house.config)) == "domo-tick: --relay: there is no relay 9; there are 1 to 2\n"
    )
    assert said() == "domo-tick: --relay: there is no relay 9; there are 1 to 8\n"


# -- what is accepted --


def test_pvmonits_own_file_is_accepted_in_silence() -> None:
    """Ours and its defaults are the same where both have one; its journal in /tmp stays where it was."""
    read = parsed(PVMONIT)
    assert (read.refresh, read.xmlDataExpir, read.secuDownNoData) == (0.2, 400, 300)
    assert (read.valueUse, read.name(3)) == (("SOC", "CS"), "Pompe")
    assert read.scriptDir == "/opt/PvMonit/domo/relay.script.d"
    assert read.relayGpio == {1: 23, 2: 24, 3: 8, 4: 5, 5: 6, 6: 16, 7: 20, 8: 21}
    assert schema.unknown_keys(yaml.safe_load(PVMONIT)) == []


def test_pvmonits_own_file_runs_a_tick_that_says_nothing_of_it(house: House) -> None:
    text = PVMONIT.replace("/tmp/PvMonit_", f"{house.folder}/PvMonit_").replace("- CS ", "- V ")
    text = text.replace("/opt/PvMonit", str(house.folder))
    house.config.write_text(text)
    ran = house.tick("--dry-run")
    assert ran.err == f"domo-tick: no data file: {house.folder}/PvMonit_data-xml.php.tmp does not exist\n"


@pytest.mark.parametrize("text", ["", "# nothing\n", "domo:\n", "domo:\n  relayNb:\n  tm1638:\n", "---\n"])
def test_a_key_that_is_not_given_or_empty_has_its_default(text: str) -> None:
    assert parsed(text) == parsed("domo: {}")
    assert parsed(text).relayNb == defaults().relayNb


def test_a_few_keys_below_domo_are_enough() -> None:
    read = parsed("domo:\n  relay: {secuDownNoData: 120}\n")
    assert read == replace(parsed(""), secuDownNoData=120)


def test_relative_paths_are_meant_from_the_files_folder() -> None:
    read = schema.parse(
        "/etc/domo/c.yaml", {"tmpFileDataXml": "data.xml", "domo": {"relay": {"scriptDir": "../s"}}}
    )
    assert (read.tmpFileDataXml, read.scriptDir) == ("/etc/domo/data.xml", "/etc/domo/../s")
    assert read.modPath == "/tmp/PvMonit_domo_mod"


def test_the_shipped_file_shows_every_key_with_its_default() -> None:
    shipped = yaml.safe_load((PROJECT / "config.yaml").read_text())
    shown = dict(schema._flat(shipped, []))
    assert set(shown) == set(schema.KEYS)
    for key, (field, check) in schema.KEYS.items():
        default = plant_keys.plant({}) if field == "plant" else getattr(defaults(), field)
        assert (check(shown[key]) if shown[key] is not None else default) == default, key


BRACKETS = r"\{(?:[^{}]|\{[^{}]*\})*\}|\[(?:[^\[\]{}]|\{[^{}]*\}|\[[^\[\]]*\])*\]"


def test_each_example_in_the_shipped_file_can_be_used_as_it_stands() -> None:
    _, begin, text = (PROJECT / "config.yaml").read_text().partition("tmpFileDataXml:")
    used = []
    for found in re.finditer(r"^( *([\w-]+):) *([^#\n]*)(#.*\n(?: +#.*\n)*)", begin + text, re.MULTILINE):
        key, comment = found[1], found[4]
        below = re.sub(r"^( +)# (?=\d+: )", r"\1", comment, flags=re.MULTILINE)
        examples = [f"\n{below}"] if below != comment else re.findall(BRACKETS, comment)
        for example in examples:
            parsed(f"{begin}{text}".replace(found[0], f"{key} {example}\n"))
            used.append(found[2])
    assert used == [
        "recordValues", "onChange", "scriptOwners", "relayName", "relayGpio", "relayPriority", "relayWatt",
        "uninterruptible", "floor", "limits", "relayLoad", "panels", "stb", "stb",
    ]  # fmt: skip


def test_a_relay_has_its_wiring_pi_pin_unless_it_has_a_bcm_pin() -> None:
    """The table of wiringPi for the 40-pin header, as `gpio readall` prints it."""
    table = {
        0: 17, 1: 18, 2: 27, 3: 22, 4: 23, 5: 24, 6: 25, 7: 4, 8: 2, 9: 3, 10: 8, 11: 7, 12: 10, 13: 9,
        14: 11,
        15: 14, 16: 15, 21: 5, 22: 6, 23: 13, 24: 19, 25: 26, 26: 12, 27: 16, 28: 20, 29: 21, 30: 0, 31: 1,
    }  # fmt: skip
    for wiring, bcm in table.items():
        read = schema.parse(
            "/c", {"domo": {"relayNb": 1, "relayWiringPi": {1: wiring}, "tm1638": {"stb": []}}}
        )
        assert read.relayGpio == {1: bcm}
    both = {"domo": {"relayNb": 2, "relayWiringPi": {1: 4, 2: 5}, "relayGpio": {2: 17}}}
    assert schema.parse("/c", both).relayGpio == {1: 23, 2: 17}


def test_there_may_be_26_relays(house: House) -> None:
    house.configure(
        {
            "domo.relayNb": 26,
            "domo.relayGpio": {relay: relay + 1 for relay in range(1, 27)},
            "domo.tm1638.stb": [],  # its pins are needed for relays
        }
    )
    house.set_modes({**dict.fromkeys(range(1, 26), 1), 26: 3})
    assert house.tick() == (0, "", "")
    assert house.pins == {**dict.fromkeys(range(2, 27), 1), 27: 0}


def test_limits_are_read_per_relay() -> None:
    read = parsed("domo: {limits: {2: {minOn: 300, maxStartsPerHour: 4}}}")
    assert read.limits == {2: Limits(minOn=300, maxStartsPerHour=4)}


# -- a configuration that breaks later --


def test_an_edit_counts_at_the_next_tick(house: House) -> None:
    house.set_modes({1: 3})
    house.tick()
    assert house.pins[23] == 0
    house.configure({"domo.relayActiveLow": False})
    house.tick()
    assert house.pins[23] == 1


def test_a_force_is_obeyed_under_a_broken_configuration(house: House, clock: Clock) -> None:
    house.script(1, 'return relay.on("sun")')
    house.set_modes({1: 1, 2: 3, 3: 1})
    house.data(at=clock.wall)
    house.tick_at(clock)
    house.config.write_text("domo: [")
    house.set_modes({1: 2, 2: 0, 3: 3})
    assert house.tick_at(clock).code == 2
    assert house.on == {1, 3}


def test_relays_do_not_stay_on_for_ever_under_a_broken_configuration(house: House, clock: Clock) -> None:
    """After secuDownNoData without a tick the last good configuration is used for one, without data:
    what is on automatically goes off, what is forced stays. A force of a relay that there is not is no
    reason to run one."""
    house.script(1, 'return relay.on("sun")')
    house.set_modes({1: 1, 2: 3, 9: 0})
    house.data(at=clock.wall)
    house.tick_at(clock)
    assert house.on == {1, 2}
    house.config.write_text("domo: [")

    clock.forward(599)
    before = house.snapshot()
    ran = house.tick_at(clock)
    assert (ran.code, house.snapshot()) == (2, before)

    clock.forward(1)
    ran = house.tick_at(clock)
    assert ran.code == 2
    assert house.on == {2}
    assert f"{house.config} line 1 column 8: " in ran.err
    assert f"{house.config} cannot be used; the last good configuration applies, without data" in ran.err

    house.configure()
    house.data(at=clock.wall)
    assert house.tick_at(clock).code == 0
    assert house.on == {1, 2}


@pytest.mark.parametrize("lost", ["the data", "the script"])
def test_under_a_broken_configuration_the_time_without_an_order_before_it_counts(
    house: House, clock: Clock, lost: str
) -> None:
    """What another program or a script ordered holds for secuDownNoData without data, or without a good
    order, and no longer."""
    house.set_modes({1: 2, 2: 1, 3: 1})
    if lost == "the script":
        house.script(1, 'return relay.on("sun")')
    house.data(at=clock.wall)
    house.tick_at(clock)
    clock.forward(300)
    if lost == "the script":
        house.script(1, "return 1 / 0")
        house.data(at=clock.wall, SOC=95)
    else:
        house.data_file.unlink()
    house.tick_at(clock)
    assert house.on == {1}
    house.config.write_text("domo: [")
    clock.forward(299)
    house.tick_at(clock)
    assert house.on == {1}
    clock.forward(1)
    house.tick_at(clock)
    assert house.on == set()


def test_without_a_memory_relays_do_not_stay_on_under_a_broken_configuration(
    house: House, clock: Clock
) -> None:
    """A tick rebuilds it from the journal at once, and counts from then on."""
    house.script(1, 'return relay.on("sun")')
    house.data(at=clock.wall)
    house.tick_at(clock)
    assert house.on == {1}
    house.memory_file.unlink()
    house.config.write_text("domo: [")
    for _ in range(11):
        clock.forward(60)
        house.tick_at(clock)
    assert house.on == set()


def test_a_force_that_is_taken_back_under_a_broken_configuration_ends_in_time(
    house: House, clock: Clock
) -> None:
    """Nobody can say whether its relay should be on now; after secuDownNoData it is off."""
    house.set_modes({1: 3, 2: 1, 3: 1})
    house.data(at=clock.wall)
    house.tick_at(clock)
    house.config.write_text("domo: [")
    house.set_modes({1: 1, 2: 1, 3: 1})
    clock.forward(599)
    house.tick_at(clock)
    assert house.on == {1}
    clock.forward(1)
    house.tick_at(clock)
    assert house.on == set()
