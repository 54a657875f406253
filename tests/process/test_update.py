"""The update by git, as the README says: no tick runs while config.yaml is not the owner's."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from support.house import PROJECT, House

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
WHO = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def sh(house: House, command: str, folder: Path) -> None:
    """Runs a command line in a folder; it must succeed."""
    subprocess.run(["sh", "-ec", command], cwd=folder, env={**house.env, **WHO}, check=True, timeout=60)


@pytest.mark.parametrize("link", [False, True], ids=["file", "link"])
@pytest.mark.parametrize("readme", ["README.md", "README.fr.md"])
def test_no_tick_drives_the_pins_of_the_file_as_it_comes(
    house: House, tmp_path: Path, readme: str, link: bool
) -> None:
    """The board is on at high; git's config.yaml says low, by which all that is off would be switched on."""
    sh(house, "git init -q -b main . && git add config.yaml && git commit -qm one", house.folder)
    sh(house, f"git clone -q {house.folder} other", tmp_path)
    sh(house, "git commit -q --allow-empty -m two", tmp_path / "other")
    sh(house, f"git remote add origin {tmp_path}/other && git fetch -q", house.folder)
    sh(house, "git branch -q --set-upstream-to=origin/main", house.folder)
    house.configure({"domo.relayActiveLow": False})
    if link:
        pvmonits = house.config.rename(tmp_path / "pvmonits.yaml")
        house.config.symlink_to(pvmonits)
    assert house.tick().code == 0
    before = house.pins
    assert set(before.values()) == {0}
    hook = house.folder / ".git/hooks/post-merge"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{shlex.join(house.command())}\necho $? >{house.tmp}/code\n")
    hook.chmod(0o755)

    lines = re.findall(r"^    (git (?:fetch|pull|checkout) .*)", (PROJECT / readme).read_text(), re.MULTILINE)
    command = next(line for line in lines if ("ln -sf" in line) == link)
    command = command.replace("/tmp/PvMonit_domo_data_tick.lock", str(house.lock_file))
    sh(house, command.replace("/opt/PvMonit/config.yaml", f"{tmp_path}/pvmonits.yaml"), house.folder)

    assert (house.tmp / "code").read_text() == "75\n"
    assert "relayActiveLow: false" in house.config.read_text() and house.config.is_symlink() == link
    assert house.tick().code == 0
    assert house.pins == before
