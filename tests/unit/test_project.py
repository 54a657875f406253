"""What the project promises on paper: the README's commands and links, the crontab as it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domo.panel.frame import CODES
from support.house import PROJECT, House
from support.pvmonit import INSTALL

DOCUMENTS = [*PROJECT.glob("*.md"), *PROJECT.glob("relay.script.d/*.md"), *PROJECT.glob("docs/*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_exists(document: Path) -> None:
    text = document.read_text()
    for command in set(re.findall(r"bin/(domo-\w+)", text)):
        path = PROJECT / "bin" / command
        assert os.access(path, os.X_OK), command
        help_ = [sys.executable, "-IS", path, "--help"]
        usage = subprocess.run(help_, capture_output=True, text=True, timeout=60).stdout
        options = {
            option
            for line in re.findall(rf"bin/{command}\b([^\n`#]*)", text)
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)
        }
        for option in options:
            assert option in usage, f"{command} {option}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_exists(document: Path) -> None:
    rules = re.findall(r"^([a-z -]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^    |`)make ([a-z-]+)", document.read_text(), re.MULTILINE)
    assert set(named) <= set(" ".join(rules).split())


def test_every_module_and_name_on_the_map_exists() -> None:
    """`folder/module` and `folder/module.name`, in ARCHITECTURE.md."""
    folders = "|".join(path.name for path in (PROJECT / "lib/domo").iterdir() if path.is_dir())
    named = re.findall(rf"`((?:{folders})/\w+)(?:\.(\w+))?`", (PROJECT / "ARCHITECTURE.md").read_text())
    assert len(named) > 40
    for module, name in named:
        text = (PROJECT / f"lib/domo/{module}.py").read_text()
        assert not name or re.search(rf"^ *(def |class )?{name}\b", text, re.MULTILINE), f"{module}.{name}"


def test_the_panels_page_names_its_codes_in_their_order() -> None:
    rows = re.findall(r"^\| (E\d) \|", (PROJECT / "docs/panel.md").read_text(), re.MULTILINE)
    assert rows == list(CODES)


def test_every_test_that_safety_names_exists() -> None:
    named = re.findall(r"`(test_\w+\.py)::(\w+)`", (PROJECT / "SAFETY.md").read_text())
    assert len(named) > 30
    for file, name in named:
        assert f"\ndef {name}(" in next((PROJECT / "tests").rglob(file)).read_text(), f"{file}::{name}"


def test_the_crontab_refreshes_the_data_and_then_ticks(house: House, tmp_path: Path) -> None:
    fresh = house.data_file.read_text()
    house.data_file.write_text("<devices/>")
    stub = tmp_path / "bin" / "php"
    stub.parent.mkdir()
    (tmp_path / "fresh.xml").write_text(fresh)
    stub.write_text(f'#!/bin/sh\n[ "$1" = /opt/PvMonit/www/data-xml.php ] && cat {tmp_path}/fresh.xml\n')
    stub.chmod(0o755)
    lines = [
        line for line in (PROJECT / "crontab.example").read_text().splitlines() if not line.startswith("#")
    ]
    (line,) = [line for line in lines if "php" in line and line.startswith("* * * * *")]
    command = line.removeprefix("* * * * *").replace("/usr/bin/python3", sys.executable)
    place = {"DOMO": str(PROJECT), "DATA": str(house.data_file), "DOMO_CONFIG": str(house.config)}
    path = f"{stub.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**house.env, **place, "PATH": path}
    ran = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
    assert house.data_file.read_text() == fresh
    assert house.states == {1: 0, 2: 0, 3: 0}


def test_a_failing_refresh_leaves_the_last_good_data(house: House, tmp_path: Path) -> None:
    good = house.data_file.read_text()
    text = (PROJECT / "crontab.example").read_text()
    (line,) = [line for line in text.splitlines() if "php" in line and line.startswith("* * * * *")]
    refresh = line.removeprefix("* * * * *").partition(";")[0]
    false = shutil.which("false")
    assert false is not None
    (tmp_path / "php").symlink_to(false)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "DATA": str(house.data_file)}
    subprocess.run(["sh", "-c", refresh], env=environment, timeout=60)
    assert house.data_file.read_text() == good


def test_the_crontab_has_every_line_that_a_house_needs() -> None:
    lines = (PROJECT / "crontab.example").read_text().splitlines()
    active = [line for line in lines if line and not line.startswith("#")]
    assert sum("domo-tick" in line and line.startswith("* * * * *") for line in active) == 1
    assert sum("domo-tick" in line and line.startswith("@reboot") for line in active) == 1
    assert sum("flock -n" in line and "domo-panel" in line for line in active) == 1
    assert not any("%" in line for line in active)  # cron takes it for a newline


def test_the_pages_agree_on_what_a_day_costs() -> None:
    costs = re.search(r"costs a Pi Zero about .* and (0\.\d+) Wh", (PROJECT / "docs/costs.md").read_text())
    assert costs and f"about {costs[1]} Wh" in (PROJECT / "README.md").read_text()
    assert f"environ {costs[1].replace('.', ',')} Wh" in (PROJECT / "README.fr.md").read_text()


def test_what_make_pvmonit_needs_is_in_its_page() -> None:
    assert f"\n    {INSTALL}\n" in (PROJECT / "MIGRATION.md").read_text()
