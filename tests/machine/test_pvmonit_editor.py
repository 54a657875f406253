"""PvMonit's own editor, unmodified, in a real browser: what it saves, the next tick runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.browser import PROGRAM, Browser
from support.house import House
from support.pvmonit import PvMonit, lacking

pytestmark = [
    pytest.mark.timing,
    pytest.mark.skipif(
        bool(lacking() or not PROGRAM), reason=lacking() or "there is no chromium: sudo apt install chromium"
    ),
]
LOADED = "window.Code && Code.workspace && Code.workspace.getAllBlocks().length > 3"


@pytest.fixture
def pvmonit(tmp_path: Path) -> Iterator[PvMonit]:
    """PvMonit with its page and its editor, whose scripts belong to the web server's user."""
    root = tmp_path / "opt"
    root.mkdir(mode=0o755)
    pvmonit = PvMonit(root)
    (pvmonit.home / "config.yaml").write_text(
        "www: {domo: true, domoEdit: true}\ndomo: {valueUse: [SOC, P, CS], relayName: {1: Pompe, 2:"
        " Lave-linge}}\n"
    )
    shutil.chown(pvmonit.home / "domo/relay.script.d", "www-data")
    yield pvmonit
    pvmonit.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


class Editor:
    """Somebody at the editor."""

    def __init__(self, browser: Browser, address: str, scripts: Path) -> None:
        self.browser, self._address, self._scripts = browser, f"{address}/domo-edit-script.php", scripts

    def said_of(self, relay: int) -> str:
        """What its list of scripts says of a relay."""
        self.browser.open(self._address, "window.$ && $('h2').length > 1")
        return str(self.browser.run(f"$('form[title={relay}] li').first().text()"))

    def open(self, relay: int, example: str = "") -> None:
        """Opens a relay's script, or an example for it."""
        place = f"{self._address}?idScript={relay}&edit=blockly&example={example}"
        self.browser.open(place, LOADED)

    def place(self, block: str) -> tuple[float, float]:
        """Where something of the first block of a kind is on the screen."""
        middle = "[r.x + r.width / 2, r.y + r.height / 2]"
        script = f"(() => {{ const r = {block}.getBoundingClientRect(); return {middle} }})()"
        x, y = self.browser.run(script)
        return x, y

    def save(self) -> str:
        """Presses Enregistrer; gives what the page says."""
        said = len(self.browser.said)
        x, y = self.place("document.getElementById('saveScript')")
        self.browser.run("window.stale = true")
        self.browser.click(x, y)
        self.browser.until(f"!window.stale && document.readyState == 'complete' && {LOADED}")
        return " ".join(self.browser.said[said:])


def test_what_is_made_in_the_editor_switches_the_relay(
    house: House, pvmonit: PvMonit, browser: Browser
) -> None:
    scripts = pvmonit.home / "domo/relay.script.d"
    house.configure(
        {"domo.relay.scriptDir": str(scripts), "domo.relay.scriptExecInterval": 0, "domo.relayNb": 8}
    )
    house.data(SOC="96.4")
    with pvmonit.page(user="www-data") as address:
        editor = Editor(browser, address, scripts)
        assert editor.said_of(1) == "Aucun script actif, vous pouvez chargez un exemple"
        editor.open(1, "soc")  # on above 89 %
        assert editor.save().startswith("Enregistrement réussi le ")
        assert editor.said_of(1) == "Script généré avec blockly"
        assert (scripts / "1.php").owner() == "www-data"

        refused = house.tick()
        assert refused.code == 1
        assert "1.php: is not run, because" in refused.err
        assert "with domo: relay: scriptOwners: [www-data] in config.yaml" in refused.err
        assert house.on == set()
        house.configure({"domo.relay.scriptOwners": ["www-data"]})
        assert house.tick() == (0, "", "")
        assert (house.on, house.modes[1]) == ({1}, 2)
        assert house.memory["why"]["1"] == "On est à plus de 89% de batterie, on allume !"

        editor.open(1)  # moves everything to the right, and writes 98 for 89
        stack = "Code.workspace.getBlocksByType('variables_set', true)[0]"
        before = browser.run(f"{stack}.getRelativeToSurfaceXY().x")
        x, y = editor.place(f"{stack}.inputList[0].fieldRow[2].getSvgRoot()")
        browser.drag((x, y), (x + 200, y + 40))
        assert browser.run(f"{stack}.getRelativeToSurfaceXY().x") > before + 100
        number = "Code.workspace.getBlocksByType('logic_compare')[0].getInputTargetBlock('B')"
        browser.click(*editor.place(f"{number}.getField('NUM').getSvgRoot()"))
        browser.until("document.querySelector('.blocklyHtmlInput')")
        browser.run("document.querySelector('.blocklyHtmlInput').select()")
        browser.type("98")
        browser.key("Enter", 13)
        browser.until(f"{number}.getFieldValue('NUM') == 98")
        assert editor.save().startswith("Enregistrement réussi le ")
        assert "if (($data['SOC']) > 98) {" in (scripts / "1.php").read_text()
        assert house.tick() == (0, "", "")
        assert (house.on, house.modes[1]) == (set(), 1)

        editor.open(2, "absfloat")
        editor.save()
        with (scripts / "1.php").open("a") as script:  # by hand, and wrong
            script.write("<?php\nretour_mod(;\n")
        assert editor.said_of(1) == "Il y a eu des changements réalisé directement dans le scripts"
        ran = house.tick()
        assert ran.err.startswith("domo-tick: script 1.php line ")
        assert " (retour_mod(;): ParseError: syntax error, unexpected token " in ran.err
        assert house.on == {2}
        lines = house.tick("--check").out.splitlines()
        assert any(f"TO DO  script {scripts}/1.php: syntax error, unexpected" in line for line in lines)
        assert f"ok     script {scripts}/2.php" in lines


def test_what_the_page_does_without_a_password(house: House, pvmonit: PvMonit) -> None:
    """Its passwords hide what one sees; what one sends is done, whoever sends it."""
    from urllib.parse import urlencode
    from urllib.request import ProxyHandler, build_opener

    mode_file = pvmonit.root / "mod"
    mode_file.write_text('{"1":1,"2":1}')
    md5 = "0123456789abcdef0123456789abcdef"
    for path in (mode_file, pvmonit.home / "domo/relay.script.d"):
        os.chmod(path, 0o777)
    (pvmonit.home / "config.yaml").write_text(
        f"www: {{domo: true, domoPassword: {md5}, domoEdit: true, domoEditPassword: {md5}}}\n"
        "domo: {jsonFile: {modPath: /opt/mod, etatPath: /opt/mod}}\n"
    )
    ask = build_opener(ProxyHandler({}))
    with pvmonit.page(user="www-data") as address:
        assert (
            ask.open(f"{address}/domo.php?action=changeMod&idRelay=1&changeTo=on").read() == b'{"result":0}\n'
        )
        form = urlencode({"script_xml": "<xml/>", "script_php": "evil();"}).encode()
        ask.open(f"{address}/domo-edit-script.php?idScript=7&edit=blockly", form)
    assert mode_file.read_text() == '{"1":3,"2":1}'
    assert "evil();" in (pvmonit.home / "domo/relay.script.d/7.php").read_text()
